// SPDX-License-Identifier: Apache-2.0
// Lists as the INI has them; see list.h.
#include "config/list.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *text_trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return text;
}

char **list_split(const char *text, uint64_t *count)
{
    uint64_t most = 1;
    for (const char *c = text; *c; c++)
        most += *c == ',';
    // The pointers, and behind them the bytes that they point to.
    char **parts = malloc(most * sizeof *parts + strlen(text) + 1);
    if (!parts)
        return NULL;
    char *rest = strcpy((char *)(parts + most), text), *part;
    *count = 0;
    while ((part = strsep(&rest, ",")))
        parts[(*count)++] = text_trim(part);
    if (*count == 1 && parts[0][0] == '\0')
        *count = 0;
    return parts;
}

void list_join(char *text, uint64_t size, const char *const *parts, uint64_t count)
{
    uint64_t used = 0;
    text[0] = '\0';
    for (uint64_t i = 0; i < count; i++) {
        const char *comma = i ? ", " : "";
        if (used + strlen(comma) + strlen(parts[i]) + sizeof ", ..." > size) {
            if (used + sizeof ", ..." <= size)
                strcpy(text + used, i ? ", ..." : "...");
            return;
        }
        used += (uint64_t)sprintf(text + used, "%s%s", comma, parts[i]);
    }
}
