// SPDX-License-Identifier: Apache-2.0
// What the benchmarks time with: clocks, medians, and an end where something fails.
#ifndef BENCH_STOPWATCH_H
#define BENCH_STOPWATCH_H

#include "error/error.h"

#include <stddef.h>

// Seconds of processor time of this process: what other programs on the machine take does not count.
double cpu_seconds(void);
// Seconds of wall time since some moment.
double wall_seconds(void);

// The median; sorts the values. 0 of none.
double median(double *values, size_t count);
// The value that `share` (0 to 1) of the sorted values are below or at.
double quantile(const double *sorted, size_t count, double share);

// Prints the error's words and exits with 1 unless `status` is ESP_OK and the error is clear.
void need(esp_status status, const struct error *error);

#endif
