// SPDX-License-Identifier: Apache-2.0
// Numbers as people write them; see units.h.
#include "config/units.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// Where whole binary64 numbers stop to be exact.
#define LARGEST_EXACT 9007199254740992.0

// The number at the beginning of `text`; NULL where there is none, else what stands behind it.
static char *read_number(const char *text, double *out)
{
    char *end;
    // strtod takes blanks, "inf", "nan" and hexadecimals besides.
    if (!strchr("+-.0123456789", text[0]) || text[strcspn(text, "xXnN")] != '\0')
        return NULL;
    *out = strtod(text, &end);
    return end != text && isfinite(*out) ? end : NULL;
}

bool read_real(const char *text, double *out)
{
    const char *end = read_number(text, out);
    return end && *end == '\0';
}

bool read_int(const char *text, int64_t *out)
{
    char *end;
    double real;
    if (!read_real(text, &real))
        return false;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (*end == '\0') {
        *out = value;
        return errno == 0;
    }
    *out = fabs(real) <= LARGEST_EXACT ? (int64_t)real : 0;
    return real == (double)*out;
}

bool read_bool(const char *text, bool *out)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *out = i % 2 == 1;
            return true;
        }
    return false;
}

// A number of 0 or more, and at most one of `letters`, each with its factor.
static bool read_scaled(const char *text, const char *letters, const double *factors, double *out)
{
    double value;
    const char *end = read_number(text, &value);
    if (!end || value < 0)
        return false;
    const char *letter = *end ? strchr(letters, *end) : NULL;
    if (*end && (!letter || end[1] != '\0'))
        return false;
    *out = value * (letter ? factors[letter - letters] : 1.0);
    return isfinite(*out);
}

bool read_duration(const char *text, double *seconds)
{
    static const double factors[] = {1, 60, 3600, 86400};
    return read_scaled(text, "smhd", factors, seconds);
}

bool read_size(const char *text, uint64_t *bytes)
{
    static const double factors[] = {1024, 1048576, 1073741824, 1099511627776};
    double value;
    if (!read_scaled(text, "KMGT", factors, &value) || value >= 9223372036854775808.0)
        return false;
    *bytes = (uint64_t)value;
    return true;
}

void write_real(char text[REAL_TEXT_SIZE], double value)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, REAL_TEXT_SIZE, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            return;
    }
}
