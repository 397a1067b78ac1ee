// SPDX-License-Identifier: Apache-2.0
// Numbers as people write them: 1e6, 10m, 4G; and back.
#ifndef CONFIG_UNITS_H
#define CONFIG_UNITS_H

#include <stdbool.h>
#include <stdint.h>

// Each answers false for anything else, and then leaves `out` undefined. None takes hexadecimals,
// blanks, infinities or NaN.

// A whole number, also as 1e6 (then up to 2^53).
bool read_int(const char *text, int64_t *out);
bool read_real(const char *text, double *out);
// yes, no, true, false, on, off, in any case.
bool read_bool(const char *text, bool *out);
// Seconds: 90, 90s, 10m, 2h, 1d.
bool read_duration(const char *text, double *seconds);
// Bytes: 4096, 512K, 300M, 4G, 1T (powers of 1,024).
bool read_size(const char *text, uint64_t *bytes);

#define REAL_TEXT_SIZE 32

// The shortest of %.15g, %.16g and %.17g that reads back as the same bits.
void write_real(char text[REAL_TEXT_SIZE], double value);

#endif
