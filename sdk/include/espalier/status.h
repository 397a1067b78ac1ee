// SPDX-License-Identifier: Apache-2.0
// What a call answers. Every function that can fail returns an esp_status; the words for a person
// go to the call's handle with esp_fail (handle.h).
#ifndef ESPALIER_STATUS_H
#define ESPALIER_STATUS_H

#include <stdint.h>

typedef uint32_t esp_status;

enum {
    ESP_OK = 0,
    ESP_ERROR = 1,             // failed; the message says why
    ESP_ERROR_INVALID = 2,     // an argument or a parameter is wrong
    ESP_ERROR_MEMORY = 3,      // an allocation failed
    ESP_ERROR_IO = 4,          // a file could not be read or written
    ESP_ERROR_DATA = 5,        // a file was read, but what it holds is wrong
    ESP_ERROR_UNSUPPORTED = 6, // a legitimate wish that this component does not serve
    ESP_ERROR_REJECTED = 7,    // a builder pass ended in no member of the space (esp_reject)
    ESP_ERROR_MISUSE = 8,      // the caller broke the contract of the function
    ESP_ERROR_NOT_FOUND = 9,   // a name that does not exist
    ESP_ERROR_CANCELLED = 10   // the host asked for the end of this call
};

#endif
