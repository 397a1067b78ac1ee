// SPDX-License-Identifier: Apache-2.0
// How the process of a case says what it found: one letter and the words, then it ends. A case that says
// nothing and ends with status 0 holds.
#include "check/case.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

ESP_PRINTF(3, 0)
static _Noreturn void conclude(const struct check *check, char letter, const char *format,
                               va_list arguments)
{
    char text[ERROR_MESSAGE_SIZE];
    text[0] = letter;
    if (vsnprintf(text + 1, sizeof text - 1, format, arguments) < 0)
        text[1] = '\0';
    size_t size = strlen(text), written = 0;
    while (written < size) {
        ssize_t count = write(check->verdict, text + written, size - written);
        if (count <= 0)
            break;
        written += (size_t)count;
    }
    _exit(0);
}

void check_fail(const struct check *check, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    conclude(check, 'F', format, arguments);
}

void check_skip(const struct check *check, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    conclude(check, 'S', format, arguments);
}

void check_warn(const struct check *check, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    conclude(check, 'W', format, arguments);
}

void check_need(const struct check *check, esp_status status, const struct error *error,
                const char *doing)
{
    if (status != ESP_OK)
        check_fail(check, "%s failed: %s", doing,
                   error->message[0] ? error->message : "it gave no words");
}
