// SPDX-License-Identifier: Apache-2.0
// Order of doubles, for qsort.
#ifndef SUPPORT_STATISTICS_ORDER_H
#define SUPPORT_STATISTICS_ORDER_H

static inline int statistics_ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

#endif
