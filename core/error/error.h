// SPDX-License-Identifier: Apache-2.0
// Errors: a status and the words for a person, and the host table that carries a plugin's esp_fail
// into them. The first message is kept: it is nearest to the cause.
#ifndef ERROR_ERROR_H
#define ERROR_ERROR_H

#include <espalier/handle.h>

#include <stdbool.h>

#define ERROR_MESSAGE_SIZE 1024

struct error {
    esp_status status;
    // The file system refuses what every program would be refused: it is full, or may not be
    // written. No plugin's fault, so no trial's.
    bool disk;
    char message[ERROR_MESSAGE_SIZE];
};

void error_clear(struct error *error);

// Sets the message where none is set yet; answers `status`. `error` may be NULL.
ESP_PRINTF(3, 4)
esp_status error_set(struct error *error, esp_status status, const char *format, ...);

// Puts words before the message that is there: "configs/a.ini:3: " or "space chain: ".
ESP_PRINTF(2, 3)
void error_prefix(struct error *error, const char *format, ...);

// Makes sure that a failing `status` has a message: plugins may fail without words.
esp_status error_ensure(struct error *error, esp_status status, const char *who);

// "out of memory", as a status.
esp_status error_memory(struct error *error);

// "PATH: cannot WHAT: REASON" with the system's words for the `reason` (errno), as ESP_ERROR_IO.
esp_status error_system(struct error *error, const char *path, const char *what, int reason);

// Begins a handle that is lent to a plugin: esp_fail on it sets `error`.
void handle_init(esp_handle *handle, uint64_t struct_size, struct error *error);

// Where esp_log goes: one function for the process, set by the run (log.txt, a worker's channel).
typedef void (*log_sink)(void *self, uint32_t level, const char *message);
void log_set_sink(log_sink sink, void *self);

ESP_PRINTF(2, 3)
void log_line(uint32_t level, const char *format, ...);

#endif
