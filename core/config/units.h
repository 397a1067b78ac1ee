// SPDX-License-Identifier: Apache-2.0
// Numbers as people write them: 1e6, 10m, 4G.
#ifndef CONFIG_UNITS_H
#define CONFIG_UNITS_H

#include <stdbool.h>
#include <stdint.h>

// A whole number, also as 1e6; false for anything else.
bool read_int(const char *text, int64_t *out);
// A finite number.
bool read_real(const char *text, double *out);
// yes, no, true, false, on, off.
bool read_bool(const char *text, bool *out);
// Seconds: 90, 90s, 10m, 2h, 1d.
bool read_duration(const char *text, double *seconds);
// Bytes: 4096, 512K, 300M, 4G.
bool read_size(const char *text, uint64_t *bytes);

#endif
