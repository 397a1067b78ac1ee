// SPDX-License-Identifier: Apache-2.0
// See nearest.h.
#include <espalier/support/nearest.h>

#include <ctype.h>
#include <string.h>

enum { LONGEST = 64 }; // longer names are not compared

// Levenshtein's distance.
static uint64_t distance(const char *a, const char *b)
{
    uint64_t row[LONGEST + 1];
    uint64_t length = strlen(b);
    for (uint64_t j = 0; j <= length; j++)
        row[j] = j;
    for (uint64_t i = 0; a[i]; i++) {
        uint64_t diagonal = row[0];
        row[0] = i + 1;
        for (uint64_t j = 0; j < length; j++) {
            int same = tolower((unsigned char)a[i]) == tolower((unsigned char)b[j]);
            uint64_t best = diagonal + (same ? 0 : 1);
            diagonal = row[j + 1];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j + 1] + 1 < best)
                best = row[j + 1] + 1;
            row[j + 1] = best;
        }
    }
    return row[length];
}

const char *esp_nearest_name(const char *word, uint64_t count,
                             const char *(*name)(const void *context, uint64_t i),
                             const void *context)
{
    const char *nearest = NULL;
    uint64_t length = strlen(word), least = length / 3 + 2;
    for (uint64_t i = 0; i < count && length <= LONGEST; i++) {
        const char *candidate = name(context, i);
        if (strlen(candidate) > LONGEST)
            continue;
        uint64_t far = distance(word, candidate);
        if (far < least) {
            least = far;
            nearest = candidate;
        }
    }
    return nearest;
}
