// SPDX-License-Identifier: Apache-2.0
// See stopwatch.h.
#include "stopwatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double cpu_seconds(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

double wall_seconds(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_size);
    return quantile(values, count, 0.5);
}

double quantile(const double *sorted, size_t count, double share)
{
    return count > 0 ? sorted[(size_t)(share * (double)(count - 1) + 0.5)] : 0.0;
}

void need(esp_status status, const struct error *error)
{
    if (status == ESP_OK && error->status == ESP_OK)
        return;
    fprintf(stderr, "%s\n", error->message);
    exit(1);
}
