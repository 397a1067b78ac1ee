// SPDX-License-Identifier: Apache-2.0
// See nearest.h. The distance is Levenshtein's (1966): insertions, deletions and substitutions of
// bytes, case ignored.
#include "error/nearest.h"

#include <ctype.h>
#include <string.h>

// Longer names are compared by their first bytes.
#define NEAREST_LENGTH 128

static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    // row[j]: the distance of the first i bytes of `a` and the first j of `b`.
    size_t row[NEAREST_LENGTH + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            int differs = tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]);
            size_t best = diagonal + (size_t)differs;
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b_length];
}

size_t nearest_name(const char *name, const char *const *names, size_t count)
{
    size_t length = strnlen(name, NEAREST_LENGTH);
    size_t nearest = count, least = NEAREST_LENGTH;
    for (size_t i = 0; i < count; i++) {
        size_t other = strnlen(names[i], NEAREST_LENGTH);
        size_t distance = edit_distance(name, length, names[i], other);
        if (distance < least && 2 * distance <= (length > other ? length : other)) {
            least = distance;
            nearest = i;
        }
    }
    return nearest;
}
