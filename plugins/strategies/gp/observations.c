// SPDX-License-Identifier: Apache-2.0
// Observations; see observations.h.
#include "observations.h"

#include <stdlib.h>

// The least error that a logarithm is taken of.
#define LEAST_ERROR 1e-6

static int add(struct observation **array, uint64_t *count, uint64_t *capacity,
               struct observation added)
{
    if (*count == *capacity) {
        uint64_t grown = *capacity ? 2 * *capacity : 64;
        struct observation *moved = realloc(*array, grown * sizeof *moved);
        if (!moved)
            return 0;
        *array = moved;
        *capacity = grown;
    }
    esp_arch_retain(added.arch);
    (*array)[(*count)++] = added;
    return 1;
}

int observations_asked(struct observations *observations, uint64_t trial, esp_arch *arch)
{
    return add(&observations->open, &observations->open_count, &observations->open_capacity,
               (struct observation){trial, arch, 0.0, 0});
}

static void close_trial(struct observations *observations, uint64_t trial)
{
    for (uint64_t i = 0; i < observations->open_count; i++) {
        if (observations->open[i].trial != trial)
            continue;
        esp_arch_release(observations->open[i].arch);
        for (observations->open_count--; i < observations->open_count; i++)
            observations->open[i] = observations->open[i + 1];
    }
}

int observations_told(struct observations *observations, uint64_t trial, esp_arch *arch,
                      const double *objective)
{
    const uint64_t before = observations->capacity, width = observations->width;
    close_trial(observations, trial);
    struct observation told = {trial, arch, objective ? *objective : 0.0, objective != NULL};
    if (!add(&observations->told, &observations->count, &observations->capacity, told))
        return 0;
    if (observations->capacity != before) {
        double *points =
            realloc(observations->points, (observations->capacity * width + 1) * sizeof *points);
        if (!points)
            return 0;
        observations->points = points;
    }
    esp_mixed_encoding_write(observations->encoding, arch,
                             observations->points + (observations->count - 1) * width);
    observations->known += objective != NULL;
    return 1;
}

void observations_free(struct observations *observations)
{
    for (uint64_t i = 0; i < observations->count; i++)
        esp_arch_release(observations->told[i].arch);
    for (uint64_t i = 0; i < observations->open_count; i++)
        esp_arch_release(observations->open[i].arch);
    free(observations->told);
    free(observations->open);
    free(observations->points);
    esp_mixed_encoding_destroy(observations->encoding);
}

// ---- Choosing -------------------------------------------------------------------------------------

struct ranked {
    uint64_t index;
    int known;
    double objective;
};

static int by_objective(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->known != y->known)
        return x->known ? -1 : 1;
    if (x->known && x->objective != y->objective)
        return x->objective < y->objective ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static struct ranked *rank(const struct observations *observations, const uint64_t *chosen,
                           uint64_t count)
{
    struct ranked *ranked = malloc((count + 1) * sizeof *ranked);
    for (uint64_t i = 0; ranked && i < count; i++) {
        const struct observation *told = &observations->told[chosen ? chosen[i] : i];
        ranked[i] = (struct ranked){i, told->known, told->objective};
    }
    if (ranked)
        qsort(ranked, count, sizeof *ranked, by_objective);
    return ranked;
}

uint64_t observations_choose(const struct observations *observations, uint64_t count, uint64_t most,
                             uint64_t *chosen)
{
    uint64_t found = 0;
    if (count <= most) {
        for (; found < count; found++)
            chosen[found] = found;
        return found;
    }
    struct ranked *ranked = rank(observations, NULL, count);
    uint8_t *taken = calloc(count, 1);
    if (ranked && taken) {
        for (uint64_t i = 0; i < most / 2; i++)
            taken[ranked[i].index] = 1;
        for (uint64_t i = count, left = most - most / 2; i-- > 0 && left > 0;)
            if (!taken[i]) {
                taken[i] = 1;
                left--;
            }
        for (uint64_t i = 0; i < count; i++)
            if (taken[i])
                chosen[found++] = i;
    }
    free(ranked);
    free(taken);
    return found;
}

// ---- Values ---------------------------------------------------------------------------------------

// The quantile of the standard normal distribution by bisection of its function: exact to 1e-12.
static double normal_quantile(double probability)
{
    double low = -10.0, high = 10.0;
    for (int i = 0; i < 60; i++) {
        double middle = 0.5 * (low + high);
        if (0.5 * erfc(-middle / 1.41421356237309504880) < probability)
            low = middle;
        else
            high = middle;
    }
    return 0.5 * (low + high);
}

// Equal objectives have equal ranks: the middle of their places.
static void rank_values(const struct ranked *ranked, uint64_t known, double *values)
{
    for (uint64_t first = 0, end; first < known; first = end) {
        for (end = first + 1; end < known && ranked[end].objective == ranked[first].objective;)
            end++;
        double place = 0.5 * (double)(first + end) / (double)known;
        double value = normal_quantile(place);
        for (uint64_t i = first; i < end; i++)
            values[ranked[i].index] = value;
    }
}

static double transformed(int64_t transform, double objective)
{
    return transform == TRANSFORM_LOG_ERROR ? log(fmax(1.0 + objective, LEAST_ERROR)) : objective;
}

// To mean 0 and sd 1; what does not vary becomes 0. Large numbers are made small first.
static void standardise(double *values, uint64_t count)
{
    double largest = 0.0, mean = 0.0, square = 0.0;
    for (uint64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs(values[i]));
    for (uint64_t i = 0; i < count; i++) {
        values[i] = largest > 0.0 ? values[i] / largest : 0.0;
        mean += values[i] / (double)count;
    }
    for (uint64_t i = 0; i < count; i++)
        square += (values[i] - mean) * (values[i] - mean) / (double)count;
    double sd = sqrt(square);
    for (uint64_t i = 0; i < count; i++)
        values[i] = sd > 1e-14 ? (values[i] - mean) / sd : 0.0;
}

int observations_values(const struct observations *observations, const uint64_t *chosen,
                        uint64_t count, double *values, double *lie, double *best)
{
    struct ranked *ranked = rank(observations, chosen, count);
    uint64_t known = 0;
    if (!ranked)
        return 0;
    while (known < count && ranked[known].known)
        known++;
    if (observations->transform == TRANSFORM_RANK)
        rank_values(ranked, known, values);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t source = ranked[i < known ? i : known - (known > 0)].index;
        if (i < known && observations->transform != TRANSFORM_RANK)
            values[ranked[i].index] = transformed(observations->transform, ranked[i].objective);
        else if (i >= known)
            values[ranked[i].index] = known ? values[source] : 0.0;
    }
    standardise(values, count);
    *best = known ? values[ranked[0].index] : 0.0;
    *lie = observations->lie == LIE_MEAN || !known ? 0.0
           : observations->lie == LIE_BEST         ? *best
                                                   : values[ranked[known - 1].index];
    free(ranked);
    return 1;
}
