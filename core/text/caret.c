// SPDX-License-Identifier: Apache-2.0
// A caret under a character; see caret.h. A character is one code point: letters of double width
// and combining marks shift the caret.
#include "text/caret.h"

#include "text/printable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int begins_character(char byte)
{
    return ((unsigned char)byte & 0xc0) != 0x80;
}

// The characters that begin in the first `size` bytes.
static size_t count_characters(const char *text, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += (size_t)begins_character(text[i]);
    return count;
}

// The byte where character `number` begins, or the end.
static size_t find_character(const char *text, size_t number)
{
    size_t i = 0;
    for (size_t count = 0; text[i]; i++)
        if (begins_character(text[i]) && count++ == number)
            break;
    return i;
}

// The line around `offset`, printable. Owner: the caller. NULL: out of memory.
static char *copy_line(const char *text, size_t offset, size_t *begin)
{
    size_t end = offset + strcspn(text + offset, "\n");
    *begin = offset;
    while (*begin > 0 && text[*begin - 1] != '\n')
        --*begin;
    char *line = malloc(end - *begin + 1);
    if (!line)
        return NULL;
    for (size_t i = *begin; i < end; i++)
        line[i - *begin] = text[i] == '\t' || text[i] == '\r' ? ' ' : text[i];
    line[end - *begin] = '\0';
    text_make_printable(line);
    return line;
}

void text_caret(char out[CARET_SIZE], char place[48], const char *text, size_t offset)
{
    size_t begin = 0, length = strlen(text), line_number = 1;
    out[0] = place[0] = '\0';
    offset = offset < length ? offset : length;
    char *line = copy_line(text, offset, &begin);
    if (!line)
        return;
    for (size_t i = 0; i < begin; i++)
        line_number += text[i] == '\n';
    // An offset within a character is that character.
    size_t size = strlen(line), at = offset - begin;
    while (at > 0 && at < size && !begins_character(line[at]))
        at--;
    size_t count = count_characters(line, size), character = count_characters(line, at);
    size_t first = 0;
    if (count > CARET_WIDTH && character > CARET_WIDTH / 2)
        first = character - CARET_WIDTH / 2;
    if (count > CARET_WIDTH && first > count - CARET_WIDTH)
        first = count - CARET_WIDTH;
    size_t from = find_character(line, first);
    size_t to = find_character(line, first + CARET_WIDTH);
    snprintf(out, CARET_SIZE, "  %s%.*s%s\n  %*s^", from > 0 ? "..." : "", (int)(to - from),
             line + from, to < size ? "..." : "",
             (int)(character - first + (from > 0 ? strlen("...") : 0)), "");
    if (strchr(text, '\n'))
        snprintf(place, 48, " (line %zu, character %zu)", line_number, character + 1);
    else if (count > CARET_WIDTH)
        snprintf(place, 48, " (character %zu)", character + 1);
    free(line);
}
