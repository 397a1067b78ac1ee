// SPDX-License-Identifier: Apache-2.0
// Errors and the host table; see error.h. The sink is the one mutable global of the process: it is
// set once, before a plugin is loaded.
#include "error/error.h"

#include "text/printable.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void error_clear(struct error *error)
{
    error->status = ESP_OK;
    error->disk = false;
    error->message[0] = '\0';
}

ESP_PRINTF(3, 0)
static void set_arguments(struct error *error, esp_status status, const char *format, va_list list)
{
    if (!error || error->status != ESP_OK)
        return;
    error->status = status;
    if (vsnprintf(error->message, sizeof error->message, format, list) < 0)
        error->message[0] = '\0';
}

esp_status error_set(struct error *error, esp_status status, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    set_arguments(error, status, format, list);
    va_end(list);
    return status;
}

void error_prefix(struct error *error, const char *format, ...)
{
    char prefix[ERROR_MESSAGE_SIZE];
    char whole[2 * ERROR_MESSAGE_SIZE];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(prefix, sizeof prefix, format, list);
    va_end(list);
    if (length < 0 || !error)
        return;
    snprintf(whole, sizeof whole, "%s%s", prefix, error->message);
    whole[ERROR_MESSAGE_SIZE - 1] = '\0';
    memcpy(error->message, whole, ERROR_MESSAGE_SIZE);
}

esp_status error_ensure(struct error *error, esp_status status, const char *who)
{
    if (status != ESP_OK && error && error->message[0] == '\0') {
        error->status = ESP_OK;
        error_set(error, status, "%s failed with status %u and gave no reason", who,
                  (unsigned)status);
    }
    return status;
}

esp_status error_memory(struct error *error)
{
    return error_set(error, ESP_ERROR_MEMORY, "out of memory");
}

esp_status error_system(struct error *error, const char *path, const char *what, int reason)
{
    bool disk = reason == ENOSPC || reason == EDQUOT || reason == EROFS || reason == EACCES ||
                reason == EPERM || reason == EFBIG || reason == EIO;
    if (error && error->status == ESP_OK)
        error->disk = disk;
    return error_set(error, ESP_ERROR_IO, "%s: cannot %s: %s", path, what, strerror(reason));
}

static log_sink current_sink;
static void *current_sink_self;

void log_set_sink(log_sink sink, void *self)
{
    current_sink = sink;
    current_sink_self = self;
}

static void log_message(uint32_t level, const char *message)
{
    if (current_sink)
        current_sink(current_sink_self, level, message);
}

void log_line(uint32_t level, const char *format, ...)
{
    char message[ERROR_MESSAGE_SIZE];
    va_list list;
    va_start(list, format);
    if (vsnprintf(message, sizeof message, format, list) >= 0)
        log_message(level, message);
    va_end(list);
}

static void host_fail(const esp_handle *handle, esp_status status, const char *message)
{
    struct error *error = handle->context;
    bool first = error->status == ESP_OK;
    error_set(error, status == ESP_OK ? ESP_ERROR : status, "%s", message);
    if (first) // it will be shown and stored as JSON, and may have been cut within a character
        text_make_printable(error->message);
}

static void host_log(const esp_handle *handle, uint32_t level, const char *message)
{
    char copy[ERROR_MESSAGE_SIZE];
    (void)handle;
    snprintf(copy, sizeof copy, "%s", message);
    text_make_printable(copy);
    log_message(level, copy);
}

static const esp_host host = {sizeof(esp_host), host_fail, host_log};

void handle_init(esp_handle *handle, uint64_t struct_size, struct error *error)
{
    handle->struct_size = struct_size;
    handle->host = &host;
    handle->context = error;
}
