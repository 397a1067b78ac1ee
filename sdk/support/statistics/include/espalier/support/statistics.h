// SPDX-License-Identifier: Apache-2.0
// Statistics for comparing methods: what describes a sample, tests between two samples, correlation
// of ranks, and the hypervolume of a front. A static library (Espalier::statistics) that the program
// and methods link; it depends on the SDK's headers alone.
//
// Values must be finite; what is undefined for a sample (the sd of one value, a correlation with a
// constant) is NaN, as it is NA in R. Every function is pure: any thread, at any time. Functions that
// need memory answer ESP_ERROR_MEMORY where there is none, and have written nothing then.
#ifndef ESPALIER_SUPPORT_STATISTICS_H
#define ESPALIER_SUPPORT_STATISTICS_H

#include <espalier/random.h>
#include <espalier/status.h>

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- One sample -------------------------------------------------------------------------------

// NaN for count 0.
double esp_statistics_mean(const double *values, uint64_t count);
// With count - 1 in the denominator, in two passes; NaN below two values.
double esp_statistics_sd(const double *values, uint64_t count);

// Quantiles of type 7 (Hyndman and Fan 1996, "Sample quantiles in statistical packages"; R's default):
// out[i] at probabilities[i] in [0, 1]. NaN for count 0.
esp_status esp_statistics_quantiles(double *out, const double *values, uint64_t count,
                                    const double *probabilities, uint64_t probability_count);

// The bootstrap percentile interval of the mean (Efron 1979): `level` 0.95 takes the quantiles 0.025
// and 0.975 of the means of `resamples` samples drawn with replacement from `random`. One value gives
// NaN: nothing is known of its spread.
esp_status esp_statistics_bootstrap_mean(double *low, double *high, const double *values,
                                         uint64_t count, double level, uint64_t resamples,
                                         esp_random *random);

// ---- Ranks ------------------------------------------------------------------------------------

// Ranks from 1, smallest first; equal values share the mean of their ranks.
esp_status esp_statistics_ranks(double *out, const double *values, uint64_t count);

// Spearman's rho: Pearson's correlation of average ranks. NaN below two values or for a constant.
esp_status esp_statistics_spearman(double *out, const double *x, const double *y, uint64_t count);

// Kendall's tau-b, corrected for ties, in O(n log n) (Knight 1966, "A computer method for calculating
// Kendall's tau with ungrouped data"). NaN below two values or for a constant.
esp_status esp_statistics_kendall(double *out, const double *x, const double *y, uint64_t count);

// ---- Two samples ------------------------------------------------------------------------------

// The rank sum test, two-sided (Mann and Whitney 1947), as R's wilcox.test(x, y): exact where both
// samples have less than 50 values and no two are equal; else by the normal approximation, its
// variance corrected for ties, with the correction for continuity. By-value: it never grows.
typedef struct esp_mann_whitney {
    double statistic; // R's W: pairs in which x is larger, ties half
    double p;         // NaN where all values are equal, or a sample is empty
    uint32_t exact;   // 1: p is exact
    uint32_t reserved;
} esp_mann_whitney;
esp_status esp_statistics_mann_whitney(esp_mann_whitney *out, const double *x, uint64_t x_count,
                                       const double *y, uint64_t y_count);

// Vargha and Delaney's A (2000, "A critique and improvement of the CL common language effect size
// statistics"): the chance that a value of x is larger than one of y, ties half; 0.5 = no difference.
// NaN for an empty sample.
esp_status esp_statistics_vargha_delaney(double *out, const double *x, uint64_t x_count,
                                         const double *y, uint64_t y_count);

// Holm's step-down correction of `count` p values (Holm 1979), as R's p.adjust(p, "holm"): a NaN stays
// one and does not count. `out` may be `p`.
esp_status esp_statistics_holm(double *out, const double *p, uint64_t count);

// ---- Fronts -----------------------------------------------------------------------------------

// The volume that points [count, objectives] dominate up to `reference` [objectives], less is better
// in each; objectives is 2 or 3 (else ESP_ERROR_UNSUPPORTED). Points that do not lie below the
// reference in every objective add nothing; dominated and equal points are allowed. O(n log n) for 2,
// O(n^2) for 3, by sweeping along the last objective.
esp_status esp_statistics_hypervolume(double *out, const double *points, uint64_t count,
                                      uint64_t objectives, const double *reference);

#ifdef __cplusplus
}
#endif

#endif
