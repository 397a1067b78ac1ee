// SPDX-License-Identifier: Apache-2.0
// The marginal likelihood and its best hyperparameters (Rasmussen and Williams 2006, section 5.4), the
// variance s2 replaced by its best value y' K^-1 y / n.
#include "kernel.h"

#include <lapacke.h>
#include <stdlib.h>
#include <string.h>

#define LOG_TWO_PI 1.83787706640934548356

// Lengths are those of [0, 1]: from a twentieth of it to twenty times; noise is a share of s2.
void esp_gp_bounds(const esp_gp_shape *shape, double *low, double *high, double *start)
{
    const uint64_t last = esp_gp_parameter_count(shape) - 1;
    low[0] = log(0.1);
    high[0] = log(20.0);
    start[0] = log(1.0);
    for (uint64_t i = 1; i < last; i++) {
        low[i] = log(0.05);
        high[i] = log(20.0);
        start[i] = log(0.5);
    }
    low[last] = log(1e-6);
    high[last] = log(1.0);
    start[last] = log(1e-2);
}

struct work {
    uint64_t count;
    double *matrix; // [count, count]: K, its factor, its inverse; the lower triangle by rows
    double *parts;  // [1 + lengths][count, count]: derivatives of K, the lower triangles; or NULL
    double *alpha;  // [count]: K^-1 y
};

static int work_make(struct work *work, const esp_gp_shape *shape, uint64_t count, int gradient)
{
    const uint64_t squares = 1 + (gradient ? 1 + shape->lengths : 0);
    work->count = count;
    work->matrix = malloc((squares * count + 1) * (count + 1) * sizeof *work->matrix);
    if (!work->matrix)
        return 0;
    work->parts = gradient ? work->matrix + count * count : NULL;
    work->alpha = work->matrix + squares * count * count;
    return 1;
}

static void fill(struct work *work, const struct kernel *kernel, const double *points, double noise)
{
    const uint64_t n = work->count, width = kernel->shape.choices + kernel->shape.reals;
    const uint64_t parts = 1 + kernel->shape.lengths;
    double derivatives[1 + ESP_GP_LENGTHS];
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t j = 0; j <= i; j++) {
            const double *x = points + i * width, *y = points + j * width;
            if (!work->parts) {
                work->matrix[i * n + j] = kernel_between(kernel, x, y);
                continue;
            }
            work->matrix[i * n + j] = kernel_derivatives(kernel, x, y, derivatives);
            for (uint64_t k = 0; k < parts; k++)
                work->parts[(k * n + i) * n + j] = derivatives[k];
        }
    for (uint64_t i = 0; i < n; i++)
        work->matrix[i * n + i] += noise;
}

// d log p / d theta = 1/2 (a'dK a / s2 - tr(K^-1 dK)), a = K^-1 y, with s2 at its best.
static void slopes(const struct work *work, uint64_t lengths, double scale, double noise,
                   double *gradient)
{
    const uint64_t n = work->count;
    const double *alpha = work->alpha;
    for (uint64_t k = 0; k < 1 + lengths; k++) {
        const double *part = work->parts + k * n * n;
        double sum = 0.0;
        for (uint64_t i = 0; i < n; i++)
            for (uint64_t j = 0; j < i; j++)
                sum += part[i * n + j] * (alpha[i] * alpha[j] / scale - work->matrix[i * n + j]);
        gradient[k] = sum; // twice the triangle; the diagonal of dK is 0
    }
    double sum = 0.0;
    for (uint64_t i = 0; i < n; i++)
        sum += alpha[i] * alpha[i] / scale - work->matrix[i * n + i];
    gradient[1 + lengths] = 0.5 * noise * sum;
}

static double likelihood(struct work *work, const esp_gp_shape *shape, const double *points,
                         const double *y, const double *parameters, double *inverse,
                         double *gradient)
{
    const uint64_t n = work->count;
    const lapack_int size = (lapack_int)n;
    const struct kernel kernel = kernel_make(shape, parameters, inverse);
    const double noise = exp(parameters[1 + shape->lengths]);
    double square = 0.0, determinant = 0.0;
    fill(work, &kernel, points, noise);
    // Lower by rows is upper by columns.
    if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', size, work->matrix, size) != 0)
        return -INFINITY;
    memcpy(work->alpha, y, n * sizeof *y);
    LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'U', size, 1, work->matrix, size, work->alpha, size);
    for (uint64_t i = 0; i < n; i++) {
        square += y[i] * work->alpha[i];
        determinant += log(work->matrix[i * n + i]);
    }
    double scale = fmax(square / (double)n, 1e-12);
    if (gradient) {
        LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 'U', size, work->matrix, size);
        slopes(work, shape->lengths, scale, noise, gradient);
    }
    return -0.5 * square / scale - determinant - 0.5 * (double)n * (log(scale) + LOG_TWO_PI);
}

esp_status esp_gp_log_likelihood(const esp_gp_shape *shape, const double *points, const double *y,
                                 uint64_t count, const double *parameters, double *out,
                                 double *gradient)
{
    struct work work;
    double *inverse = malloc((shape->reals + 1) * sizeof *inverse);
    if (!inverse || !work_make(&work, shape, count, gradient != NULL)) {
        free(inverse);
        return ESP_ERROR_MEMORY;
    }
    *out = likelihood(&work, shape, points, y, parameters, inverse, gradient);
    free(work.matrix);
    free(inverse);
    return ESP_OK;
}

// ---- Fitting --------------------------------------------------------------------------------------

struct fit {
    const esp_gp_shape *shape;
    const double *points, *y;
    struct work work;
    double *inverse;
};

static double negative(void *self, const double *x, double *gradient)
{
    struct fit *fit = self;
    double at = likelihood(&fit->work, fit->shape, fit->points, fit->y, x, fit->inverse, gradient);
    for (uint64_t i = 0; i < esp_gp_parameter_count(fit->shape); i++)
        gradient[i] = isfinite(at) ? -gradient[i] : 0.0;
    return -at;
}

esp_status esp_gp_fit(const esp_gp_shape *shape, const double *points, const double *y,
                      uint64_t count, uint64_t restarts, uint64_t steps, esp_random *random,
                      double *parameters)
{
    const uint64_t n = esp_gp_parameter_count(shape);
    struct fit fit = {.shape = shape, .points = points, .y = y};
    double *room = malloc((3 * n + shape->reals + 1) * sizeof *room), best = INFINITY;
    esp_status status = ESP_OK;
    if (!room || !work_make(&fit.work, shape, count, 1)) {
        free(room);
        return ESP_ERROR_MEMORY;
    }
    double *low = room, *high = room + n, *x = room + 2 * n;
    fit.inverse = room + 3 * n;
    esp_gp_bounds(shape, low, high, parameters);
    memcpy(x, parameters, n * sizeof *x);
    for (uint64_t start = 0; start <= restarts && status == ESP_OK; start++) {
        double value = INFINITY;
        for (uint64_t i = 0; i < n && start > 0; i++)
            x[i] = low[i] + esp_random_real(random) * (high[i] - low[i]);
        status = esp_bounded_minimise(negative, &fit, n, low, high, steps, x, &value);
        if (status != ESP_OK || !(value < best))
            continue;
        best = value;
        memcpy(parameters, x, n * sizeof *x);
    }
    free(fit.work.matrix);
    free(room);
    return status;
}
