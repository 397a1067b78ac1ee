// SPDX-License-Identifier: Apache-2.0
// Text inside double quotes; see quoted.h.
#include "text/quoted.h"

void write_quoted(FILE *file, const char *text, size_t length)
{
    for (size_t i = 0; i < length && text[i]; i++) {
        if (text[i] == '"' || text[i] == '\\')
            fputc('\\', file);
        fputc(text[i] == '\n' ? ' ' : text[i], file);
    }
}
