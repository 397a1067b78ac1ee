// SPDX-License-Identifier: Apache-2.0
// Numbers as people write them; see units.h.
#include "config/units.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool read_real(const char *text, double *out)
{
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*out) && !strpbrk(text, "xX");
}

bool read_int(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end != text && *end == '\0' && errno == 0) {
        *out = value;
        return true;
    }
    double real;
    if (!read_real(text, &real) || real != floor(real) || fabs(real) > 9007199254740992.0)
        return false;
    *out = (int64_t)real;
    return true;
}

bool read_bool(const char *text, bool *out)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(text, words[i]) == 0) {
            *out = i % 2 == 1;
            return true;
        }
    return false;
}

// A number and one letter of `letters`, each with its factor.
static bool read_scaled(const char *text, const char *letters, const double *factors, double *out)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || !isfinite(value) || value < 0)
        return false;
    const char *letter = *end ? strchr(letters, *end) : NULL;
    if (*end && (!letter || end[1] != '\0'))
        return false;
    *out = value * (letter ? factors[letter - letters] : 1.0);
    return true;
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
    if (!read_scaled(text, "KMGT", factors, &value) || value > 9e18)
        return false;
    *bytes = (uint64_t)value;
    return true;
}
