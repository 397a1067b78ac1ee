// SPDX-License-Identifier: Apache-2.0
// The process: its factor, predictions and draws.
#include "kernel.h"

#include <cblas.h>
#include <lapacke.h>
#include <stdlib.h>
#include <string.h>

// Added to the covariance of draws, which is often singular.
#define JITTER 1e-9

struct esp_gp {
    struct kernel kernel;
    uint64_t width; // of a point
    double *inverse;
    uint64_t count;
    double *points; // [count, width]
    double *factor; // [count, count]: the lower triangular factor of K, by rows
    double *alpha;  // [count]: K^-1 y
    double scale;   // s2
};

static int allocate(esp_gp *gp, const esp_gp_shape *shape, uint64_t count)
{
    gp->count = count;
    gp->width = shape->choices + shape->reals;
    gp->inverse = malloc((shape->reals + 1) * sizeof *gp->inverse);
    gp->points = malloc((count * gp->width + 1) * sizeof *gp->points);
    gp->factor = malloc((count * count + 1) * sizeof *gp->factor);
    gp->alpha = malloc((count + 1) * sizeof *gp->alpha);
    return gp->inverse && gp->points && gp->factor && gp->alpha;
}

static void triangular(const esp_gp *gp, CBLAS_TRANSPOSE transposed, double *vector)
{
    cblas_dtrsv(CblasRowMajor, CblasLower, transposed, CblasNonUnit, (int)gp->count, gp->factor,
                (int)gp->count, vector, 1);
}

esp_status esp_gp_create(esp_gp **out, const esp_gp_shape *shape, const double *parameters,
                         const double *points, const double *y, uint64_t count)
{
    const lapack_int n = (lapack_int)count;
    double square = 0.0;
    esp_gp *gp = calloc(1, sizeof *gp);
    if (!gp)
        return ESP_ERROR_MEMORY;
    if (!allocate(gp, shape, count)) {
        esp_gp_destroy(gp);
        return ESP_ERROR_MEMORY;
    }
    gp->kernel = kernel_make(shape, parameters, gp->inverse);
    gp->scale = 1.0;
    *out = gp;
    if (count == 0)
        return ESP_OK;
    memcpy(gp->points, points, count * gp->width * sizeof *points);
    memcpy(gp->alpha, y, count * sizeof *y);
    for (uint64_t i = 0; i < count; i++) {
        for (uint64_t j = 0; j < i; j++)
            gp->factor[i * count + j] =
                kernel_between(&gp->kernel, points + i * gp->width, points + j * gp->width);
        gp->factor[i * count + i] = 1.0 + exp(parameters[1 + shape->lengths]);
    }
    if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', n, gp->factor, n) != 0) {
        esp_gp_destroy(gp);
        *out = NULL;
        return ESP_ERROR_DATA;
    }
    triangular(gp, CblasNoTrans, gp->alpha);
    for (uint64_t i = 0; i < count; i++)
        square += gp->alpha[i] * gp->alpha[i];
    gp->scale = fmax(square / (double)count, 1e-12);
    triangular(gp, CblasTrans, gp->alpha);
    return ESP_OK;
}

void esp_gp_destroy(esp_gp *gp)
{
    if (!gp)
        return;
    free(gp->inverse);
    free(gp->points);
    free(gp->factor);
    free(gp->alpha);
    free(gp);
}

double esp_gp_scale(const esp_gp *gp)
{
    return gp->scale;
}

// The kernel of `count` points with all observations, a row each.
static void reduce(const esp_gp *gp, const double *points, uint64_t count, double *covered)
{
    for (uint64_t i = 0; i < count; i++)
        for (uint64_t j = 0; j < gp->count; j++)
            covered[i * gp->count + j] =
                kernel_between(&gp->kernel, points + i * gp->width, gp->points + j * gp->width);
}

static void solve_rows(const esp_gp *gp, uint64_t count, double *covered)
{
    // covered L^-T: each row solved by L.
    cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, (int)count,
                (int)gp->count, 1.0, gp->factor, (int)gp->count, covered, (int)gp->count);
}

esp_status esp_gp_predict(const esp_gp *gp, const double *points, uint64_t count, double *mean,
                          double *sd)
{
    double *covered = malloc((count * gp->count + 1) * sizeof *covered);
    if (!covered)
        return ESP_ERROR_MEMORY;
    reduce(gp, points, count, covered);
    for (uint64_t i = 0; i < count; i++)
        mean[i] =
            gp->count ? cblas_ddot((int)gp->count, covered + i * gp->count, 1, gp->alpha, 1) : 0.0;
    if (gp->count > 0)
        solve_rows(gp, count, covered);
    for (uint64_t i = 0; i < count; i++) {
        const double *row = covered + i * gp->count;
        double left = 1.0;
        for (uint64_t j = 0; j < gp->count; j++)
            left -= row[j] * row[j];
        sd[i] = sqrt(gp->scale * fmax(left, 0.0));
    }
    free(covered);
    return ESP_OK;
}

esp_status esp_gp_sample(const esp_gp *gp, const double *points, uint64_t count, esp_random *random,
                         double *out)
{
    const uint64_t n = gp->count;
    double *covered = malloc((count * n + 1) * sizeof *covered);
    double *spread = malloc((count * count + 1) * sizeof *spread);
    double *normal = malloc((count + 1) * sizeof *normal);
    esp_status status = ESP_ERROR_MEMORY;
    if (!covered || !spread || !normal)
        goto cleanup;
    reduce(gp, points, count, covered);
    for (uint64_t i = 0; i < count; i++) {
        out[i] = n ? cblas_ddot((int)n, covered + i * n, 1, gp->alpha, 1) : 0.0;
        for (uint64_t j = 0; j <= i; j++)
            spread[i * count + j] =
                kernel_between(&gp->kernel, points + i * gp->width, points + j * gp->width);
        spread[i * count + i] += JITTER;
    }
    if (n > 0) {
        solve_rows(gp, count, covered);
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, (int)count, (int)n, -1.0, covered,
                    (int)n, 1.0, spread, (int)count);
    }
    // Rounding may leave it short of positive: more is added until it is.
    status = ESP_ERROR_DATA;
    for (double jitter = JITTER; jitter < 1e-2 && status != ESP_OK; jitter *= 10.0) {
        double *factor = malloc(count * count * sizeof *factor);
        if (!factor) {
            status = ESP_ERROR_MEMORY;
            goto cleanup;
        }
        memcpy(factor, spread, count * count * sizeof *factor);
        for (uint64_t i = 0; i < count; i++)
            factor[i * count + i] += jitter;
        if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', (lapack_int)count, factor,
                                (lapack_int)count) == 0) {
            for (uint64_t i = 0; i < count; i++)
                normal[i] = sqrt(gp->scale) * esp_random_normal(random);
            cblas_dtrmv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, (int)count, factor,
                        (int)count, normal, 1);
            for (uint64_t i = 0; i < count; i++)
                out[i] += normal[i];
            status = ESP_OK;
        }
        free(factor);
    }
cleanup:
    free(covered);
    free(spread);
    free(normal);
    return status;
}
