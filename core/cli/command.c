// SPDX-License-Identifier: Apache-2.0
// How a command ends.
#include "cli/command.h"

#include <stdio.h>

int command_end(esp_status status, const struct error *error)
{
    if (status == ESP_OK)
        return EXIT_DONE;
    fprintf(stderr, "espalier: %s\n", error->message[0] ? error->message : "failed");
    switch (status) {
    case ESP_ERROR_INVALID:
    case ESP_ERROR_NOT_FOUND:
    case ESP_ERROR_UNSUPPORTED:
    case ESP_ERROR_DATA:
        return EXIT_WRONG_USE;
    default:
        return EXIT_NO_RESULT;
    }
}
