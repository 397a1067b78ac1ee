// SPDX-License-Identifier: Apache-2.0
// See markup.h.
#include "text/markup.h"

#include "text/printable.h"

#include <stdlib.h>
#include <string.h>

void markup_write(FILE *file, const char *text)
{
    char *printable = strdup(text);
    if (!printable)
        return; // the caller's file is whole but for these words
    text_make_printable(printable);
    for (const char *c = printable; *c; c++)
        switch (*c) {
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        case '&':
            fputs("&amp;", file);
            break;
        case '"':
            fputs("&quot;", file);
            break;
        default:
            fputc(*c, file);
        }
    free(printable);
}
