// SPDX-License-Identifier: Apache-2.0
// Gaussian process regression on points of choices and reals (Rasmussen and Williams 2006, chapters 2 and
// 5). The kernel between points x and y is
//
//   s2 exp(-h / (2 l_0)) k(r),  k(r) = (1 + sqrt5 r + 5/3 r^2) exp(-sqrt5 r)   (Matern 5/2)
//
// with h the number of choices in which they differ and r^2 = sum over reals of ((x_i - y_i) / l_i)^2, each
// real with a length of its own (Snoek et al. 2012). A number that one point has and the other has not
// (NAN) counts as a choice that differs, and a real then lies at 0.5; one that both lack counts as none. So
// it is a product of positive definite kernels. Observations have noise of variance
// s2 x noise; the mean is 0 (standardise), s2 has its best value in closed form.
//
// Factorisations are LAPACK's (LAPACKE), which a program that links this needs.
#ifndef ESPALIER_SUPPORT_GAUSSIAN_PROCESS_H
#define ESPALIER_SUPPORT_GAUSSIAN_PROCESS_H

#include <espalier/random.h>
#include <espalier/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ESP_GP_LENGTHS 32

// The space of points. A point is `choices` numbers and then `reals` numbers.
typedef struct esp_gp_shape {
    uint64_t choices, reals;
    uint64_t
        lengths; // of reals: `reals` (each its own, at most ESP_GP_LENGTHS), 1 (one for all), or 0
                 // where there are none
} esp_gp_shape;

// How many hyperparameters there are: in this order, as logarithms: l_0, the lengths of reals,
// the noise.
static inline uint64_t esp_gp_parameter_count(const esp_gp_shape *shape)
{
    return 2 + shape->lengths;
}

// The bounds of hyperparameters, and where a search for them begins: as many numbers each.
void esp_gp_bounds(const esp_gp_shape *shape, double *low, double *high, double *start);

// log p(y | points, parameters) at the best s2, and its gradient by the parameters (NULL: not wanted).
// `points`: [count, choices + reals]. -INFINITY where the matrix is not positive definite.
// ESP_ERROR_MEMORY.
esp_status esp_gp_log_likelihood(const esp_gp_shape *shape, const double *points, const double *y,
                                 uint64_t count, const double *parameters, double *out,
                                 double *gradient);

// The parameters of the largest likelihood within the bounds: from the usual start, and from `restarts`
// drawn ones, `steps` steps each. ESP_ERROR_MEMORY.
esp_status esp_gp_fit(const esp_gp_shape *shape, const double *points, const double *y,
                      uint64_t count, uint64_t restarts, uint64_t steps, esp_random *random,
                      double *parameters);

// A process that has seen its observations.
typedef struct esp_gp esp_gp;
// `points` and `y` (`count` of them) are copied. ESP_ERROR_MEMORY; ESP_ERROR_DATA where the matrix is not
// positive definite. `*out`: the caller's, esp_gp_destroy.
esp_status esp_gp_create(esp_gp **out, const esp_gp_shape *shape, const double *parameters,
                         const double *points, const double *y, uint64_t count);
void esp_gp_destroy(esp_gp *gp);
// The variance s2 of the process.
double esp_gp_scale(const esp_gp *gp);

// Mean and sd of the process (without noise) at `count` points.
esp_status esp_gp_predict(const esp_gp *gp, const double *points, uint64_t count, double *mean,
                          double *sd);
// One draw of the process at `count` points together.
esp_status esp_gp_sample(const esp_gp *gp, const double *points, uint64_t count, esp_random *random,
                         double *out);

// ---- The optimiser, for other uses too --------------------------------------------------------------

// A function to be made small: its value, and its gradient [count].
typedef double (*esp_bounded_function)(void *self, const double *x, double *gradient);
// Projected quasi-Newton (BFGS on the free variables, backtracking; Bertsekas 1982) from `x`, which becomes
// the best place within [low, high]; `*value` the value there. At most `steps` steps. ESP_ERROR_MEMORY.
esp_status esp_bounded_minimise(esp_bounded_function function, void *self, uint64_t count,
                                const double *low, const double *high, uint64_t steps, double *x,
                                double *value);

#ifdef __cplusplus
}
#endif

#endif
