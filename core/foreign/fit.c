// SPDX-License-Identifier: Apache-2.0
// Least squares of a curve; see fit.h.
#include "foreign/fit.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ROUNDS 500
// The damping: where it begins, what it changes by, where nothing better will come.
#define DAMPING_FIRST 1e-3
#define DAMPING_FACTOR 10.0
#define DAMPING_MOST 1e16
// A round that lessens the sum by less than this share is the last one.
#define SHARE_LEAST 1e-15

struct fit {
    uint64_t count, points;
    const double *steps, *values;
    fit_curve curve;
    void *self;
    double *residuals, *jacobian; // [points], [points][count]
    struct error *error;
};

// The sum of squares, with the residuals where `residuals` is not NULL.
static esp_status sum_at(const struct fit *fit, const double *theta, double *residuals, double *sum)
{
    *sum = 0;
    for (uint64_t i = 0; i < fit->points; i++) {
        double value;
        esp_status status = fit->curve(fit->self, fit->steps[i], theta, &value, fit->error);
        if (status != ESP_OK)
            return status;
        double residual = value - fit->values[i];
        if (residuals)
            residuals[i] = residual;
        *sum += residual * residual;
    }
    return ESP_OK;
}

// Central differences, of a step that is best for them: the cube root of a number's precision.
static esp_status differentiate(const struct fit *fit, const double *theta)
{
    double moved[FIT_MOST_THETA];
    for (uint64_t k = 0; k < fit->count; k++) {
        double h = cbrt(DBL_EPSILON) * fmax(fabs(theta[k]), 1e-3);
        for (uint64_t i = 0; i < fit->points; i++) {
            double above, below;
            memcpy(moved, theta, fit->count * sizeof *moved);
            moved[k] = theta[k] + h;
            esp_status status = fit->curve(fit->self, fit->steps[i], moved, &above, fit->error);
            moved[k] = theta[k] - h;
            if (status == ESP_OK)
                status = fit->curve(fit->self, fit->steps[i], moved, &below, fit->error);
            if (status != ESP_OK)
                return status;
            fit->jacobian[i * fit->count + k] = (above - below) / (2 * h);
        }
    }
    return ESP_OK;
}

// Solves (J'J + damping diag(J'J)) step = -J'r by Cholesky. False where it cannot be.
static bool solve(const struct fit *fit, double damping, double *step)
{
    double a[FIT_MOST_THETA][FIT_MOST_THETA], b[FIT_MOST_THETA];
    uint64_t n = fit->count;
    for (uint64_t i = 0; i < n; i++) {
        b[i] = 0;
        for (uint64_t p = 0; p < fit->points; p++)
            b[i] -= fit->jacobian[p * n + i] * fit->residuals[p];
        for (uint64_t j = 0; j <= i; j++) {
            a[i][j] = 0;
            for (uint64_t p = 0; p < fit->points; p++)
                a[i][j] += fit->jacobian[p * n + i] * fit->jacobian[p * n + j];
        }
        a[i][i] += damping * fmax(a[i][i], DBL_MIN);
    }
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t j = 0; j <= i; j++) {
            double sum = a[i][j];
            for (uint64_t k = 0; k < j; k++)
                sum -= a[i][k] * a[j][k];
            if (i == j && !(sum > 0))
                return false;
            a[i][j] = i == j ? sqrt(sum) : sum / a[j][j];
        }
    for (uint64_t i = 0; i < n; i++) {
        for (uint64_t k = 0; k < i; k++)
            b[i] -= a[i][k] * b[k];
        b[i] /= a[i][i];
    }
    for (uint64_t i = n; i-- > 0;) {
        for (uint64_t k = i + 1; k < n; k++)
            b[i] -= a[k][i] * b[k];
        b[i] /= a[i][i];
    }
    memcpy(step, b, n * sizeof *step);
    return true;
}

// One better theta, with as much damping as it needs. `*better`: false where there is none.
static esp_status improve(const struct fit *fit, double *theta, double *damping, double *sum,
                          bool *better)
{
    double step[FIT_MOST_THETA], tried[FIT_MOST_THETA], reached;
    *better = false;
    for (; *damping < DAMPING_MOST && !*better; *damping *= DAMPING_FACTOR) {
        if (!solve(fit, *damping, step))
            continue;
        for (uint64_t k = 0; k < fit->count; k++)
            tried[k] = theta[k] + step[k];
        esp_status status = sum_at(fit, tried, NULL, &reached);
        if (status != ESP_OK)
            return status;
        if (reached < *sum) { // which no NaN is
            *better = *sum - reached > SHARE_LEAST * *sum;
            *sum = reached;
            memcpy(theta, tried, fit->count * sizeof *theta);
            break;
        }
    }
    *damping /= DAMPING_FACTOR;
    return ESP_OK;
}

esp_status fit_least_squares(double *theta, uint64_t count, const double *steps,
                             const double *values, uint64_t points, fit_curve curve, void *self,
                             double *sum, struct error *error)
{
    struct fit fit = {.count = count,
                      .points = points,
                      .steps = steps,
                      .values = values,
                      .curve = curve,
                      .self = self,
                      .residuals = calloc(points + 1, sizeof(double)),
                      .jacobian = calloc(points * count + 1, sizeof(double)),
                      .error = error};
    double damping = DAMPING_FIRST;
    bool better = true;
    esp_status status =
        fit.residuals && fit.jacobian ? sum_at(&fit, theta, NULL, sum) : error_memory(error);
    if (status == ESP_OK && !isfinite(*sum))
        status = error_set(error, ESP_ERROR, "the curve is no number where its fit begins");
    for (int round = 0; status == ESP_OK && better && round < MOST_ROUNDS; round++) {
        double ignored;
        status = sum_at(&fit, theta, fit.residuals, &ignored);
        if (status == ESP_OK)
            status = differentiate(&fit, theta);
        if (status == ESP_OK)
            status = improve(&fit, theta, &damping, sum, &better);
    }
    free(fit.residuals);
    free(fit.jacobian);
    return status;
}
