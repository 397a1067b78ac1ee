// SPDX-License-Identifier: Apache-2.0
// The nearest name: optimal string alignment distance over three rows.
#include "text/nearest.h"

#include <limits.h>
#include <string.h>

// Longer words are near to none: no name of ours is.
#define LONGEST 96

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned distance(const char *a, const char *b)
{
    size_t m = strlen(a), n = strlen(b);
    unsigned rows[3][LONGEST + 1];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];
    if (m > LONGEST || n > LONGEST)
        return UINT_MAX;
    for (size_t j = 0; j <= n; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= m; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned change = last[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(change, 1 + least(last[j], row[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        unsigned *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[n];
}

const char *text_nearest(const char *word, const char *const *names, uint64_t count)
{
    const char *nearest = NULL;
    unsigned length = (unsigned)strlen(word);
    // At least one letter must be right: of a single one nothing can be said.
    unsigned limit = length / 3 + 1 < length ? length / 3 + 1 : length ? length - 1 : 0;
    unsigned best = limit + 1;
    for (uint64_t i = 0; i < count; i++) {
        unsigned d = distance(word, names[i]);
        if (d < best) {
            best = d;
            nearest = names[i];
        }
    }
    return nearest;
}
