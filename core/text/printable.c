// SPDX-License-Identifier: Apache-2.0
// Printable text; see printable.h. The table of well-formed sequences is Unicode's (15.0, 3-7).
#include "text/printable.h"

#include <stddef.h>

// The bytes of the printable character at `c`, 0 where there is none. Reads no byte behind a zero.
static size_t character_size(const unsigned char *c)
{
    if (c[0] < 0x80)
        return c[0] >= 0x20 && c[0] != 0x7f;
    if (c[0] < 0xc2 || c[0] > 0xf4)
        return 0;
    // Control characters of Latin-1, overlong forms, surrogates, and what lies beyond U+10FFFF.
    if ((c[0] == 0xc2 && c[1] < 0xa0) || (c[0] == 0xe0 && c[1] < 0xa0) ||
        (c[0] == 0xed && c[1] > 0x9f) || (c[0] == 0xf0 && c[1] < 0x90) ||
        (c[0] == 0xf4 && c[1] > 0x8f))
        return 0;
    size_t size = c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < size; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    return size;
}

bool text_printable(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    while (*c) {
        size_t size = character_size(c);
        if (size == 0)
            return false;
        c += size;
    }
    return true;
}

void text_make_printable(char *text)
{
    unsigned char *c = (unsigned char *)text;
    while (*c) {
        size_t size = character_size(c);
        if (size == 0)
            *c++ = '?';
        else
            c += size;
    }
}
