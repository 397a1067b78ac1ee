// SPDX-License-Identifier: Apache-2.0
// What all host handles share, and how a plugin reports an error.
//
// A handle is an object of the host that is lent to a plugin for the length of a call (or longer,
// where its comment says so). It begins with an esp_handle and is followed by a pointer to the
// table of functions that the host offers on it. Plugins never call such a table by hand: the
// inline functions of these headers do, and test its size first.
//
// Tags. Every function of the interface carries a thread tag and a life-cycle tag:
//   [coordinator]  in the process that owns the strategy and the store, its main thread
//   [worker]       in the process that evaluates trials, its main thread
//   [any]          in either, always from the thread that made the call into the plugin
//   [create]       while create runs
//   [created]      from create's return to destroy
//   [pass]         while a builder pass runs
//   [call]         only while the call that handed out the handle runs
#ifndef ESPALIER_HANDLE_H
#define ESPALIER_HANDLE_H

#include <espalier/status.h>
#include <espalier/version.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ESP_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define ESP_PRINTF(format_index, first)
#endif

// The number of elements of an array.
#define ESP_COUNT(array) (sizeof(array) / sizeof((array)[0]))

// True if `table`, whose first member is its struct_size, is large enough to hold `member`.
#define ESP_HAS(type, table, member)                                                               \
    ((table)->struct_size >= offsetof(type, member) + sizeof((table)->member))

typedef struct esp_handle esp_handle;

// How much a log line matters.
enum { ESP_LOG_DEBUG = 0, ESP_LOG_INFO = 1, ESP_LOG_WARNING = 2 };

// What the host offers on every handle.
typedef struct esp_host {
    uint64_t struct_size;
    // Copies `message` (UTF-8, cut at 1,023 bytes) into the context of the call. The first message
    // of a call is kept: it is nearest to the cause. [any] [call]
    void (*fail)(const esp_handle *handle, esp_status status, const char *message);
    // Writes a line to the run's log.txt; warnings also reach the terminal. [any] [call]
    void (*log)(const esp_handle *handle, uint32_t level, const char *message);
} esp_host;

struct esp_handle {
    uint64_t struct_size;
    const esp_host *host; // owner: the host; lives as long as the process
    void *context;        // the host's own; not to be touched
};

// As esp_fail, with the arguments as a va_list.
ESP_PRINTF(3, 0)
static inline esp_status esp_fail_arguments(const esp_handle *handle, esp_status status,
                                            const char *format, va_list arguments)
{
    char message[1024];
    if (vsnprintf(message, sizeof message, format, arguments) < 0)
        message[0] = '\0';
    handle->host->fail(handle, status, message);
    return status;
}

// The function behind the macro esp_fail.
ESP_PRINTF(3, 4)
static inline esp_status esp_fail_handle(const esp_handle *handle, esp_status status,
                                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    esp_fail_arguments(handle, status, format, arguments);
    va_end(arguments);
    return status;
}

// The function behind the macro esp_log.
ESP_PRINTF(3, 4)
static inline void esp_log_handle(const esp_handle *handle, uint32_t level, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(message, sizeof message, format, arguments) >= 0)
        handle->host->log(handle, level, message);
    va_end(arguments);
}

// Reports an error: copies the formatted message into the call's context and returns `status`, so
// that `return esp_fail(b, ESP_ERROR_INVALID, "...")` reads as it should. `handle` is any host
// handle (esp_create, esp_builder, esp_search, esp_evaluation, ...). [any] [call]
#define esp_fail(handle, status, ...) esp_fail_handle(&(handle)->base, (status), __VA_ARGS__)

// Writes a line to the run's log. [any] [call]
#define esp_log(handle, level, ...) esp_log_handle(&(handle)->base, (level), __VA_ARGS__)

#ifdef __cplusplus
}
#endif

#endif
