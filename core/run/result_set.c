// SPDX-License-Identifier: Apache-2.0
// Which trials are a run's best and its Pareto front; see result_set.h.
#include "run/result_set.h"

#include <math.h>
#include <stdlib.h>

// Done, with finite objectives, and feasible.
static bool measured(const struct metrics *metrics, const struct candidate *candidate)
{
    if (!candidate->done || !candidate->metrics)
        return false;
    for (uint64_t i = 0; i < metrics->objective_count; i++)
        if (!isfinite(candidate->metrics[metrics->objectives[i].position]))
            return false;
    return metrics_violation(metrics, candidate->metrics) == 0;
}

static double cost_of(const struct metrics *metrics, const struct candidate *candidate)
{
    return metrics->cost < 0 ? 0 : candidate->metrics[metrics->cost];
}

uint64_t result_set_eligible(const struct metrics *metrics, const struct candidate *candidates,
                             uint64_t count, uint64_t *places, bool *partial)
{
    uint64_t found = 0;
    double largest = -INFINITY;
    for (uint64_t i = 0; i < count; i++) {
        if (!measured(metrics, &candidates[i]))
            continue;
        if (candidates[i].full)
            places[found++] = i;
        else if (cost_of(metrics, &candidates[i]) > largest)
            largest = cost_of(metrics, &candidates[i]);
    }
    *partial = found == 0 && largest > -INFINITY;
    for (uint64_t i = 0; *partial && i < count; i++)
        if (measured(metrics, &candidates[i]) && cost_of(metrics, &candidates[i]) >= largest)
            places[found++] = i;
    return found;
}

static bool dominated(const struct metrics *metrics, const struct candidate *candidates,
                      const uint64_t *places, uint64_t count, uint64_t place)
{
    for (uint64_t i = 0; i < count; i++)
        if (metrics_dominates(metrics, candidates[places[i]].metrics, candidates[place].metrics))
            return true;
    return false;
}

esp_status result_set_make(struct result_set *out, const struct metrics *metrics,
                           const struct candidate *candidates, uint64_t count, struct error *error)
{
    *out = (struct result_set){.best = -1};
    uint64_t *places = malloc((count + 1) * sizeof *places);
    out->front = malloc((count + 1) * sizeof *out->front);
    if (!places || !out->front) {
        free(places);
        free(out->front);
        out->front = NULL;
        return error_memory(error);
    }
    uint64_t found = result_set_eligible(metrics, candidates, count, places, &out->partial);
    // Ties go to the lowest number: candidates are in the order of their trials.
    uint64_t best = 0;
    for (uint64_t i = 1; i < found; i++)
        if (metrics_better(metrics, candidates[places[i]].metrics,
                           candidates[places[best]].metrics))
            best = i;
    if (found > 0)
        out->best = (int64_t)candidates[places[best]].trial;
    if (metrics->objective_count == 1 && found > 0)
        out->front[out->front_count++] = candidates[places[best]].trial;
    else
        for (uint64_t i = 0; i < found; i++)
            if (!dominated(metrics, candidates, places, found, places[i]))
                out->front[out->front_count++] = candidates[places[i]].trial;
    free(places);
    return ESP_OK;
}

esp_status result_set_top(const struct metrics *metrics, const struct candidate *candidates,
                          uint64_t count, uint64_t most, uint64_t *out, uint64_t *found,
                          struct error *error)
{
    bool partial;
    uint64_t *places = malloc((count + 1) * sizeof *places);
    *found = 0;
    if (!places)
        return error_memory(error);
    uint64_t eligible = result_set_eligible(metrics, candidates, count, places, &partial);
    // An insertion into the short list of the best: earlier trials stand before equal later ones.
    for (uint64_t i = 0; i < eligible; i++) {
        const struct candidate *candidate = &candidates[places[i]];
        uint64_t place = *found;
        while (place > 0 &&
               metrics_better(metrics, candidate->metrics, candidates[out[place - 1]].metrics))
            place--;
        if (place >= most)
            continue;
        uint64_t last = *found < most ? (*found)++ : most - 1;
        for (uint64_t j = last; j > place; j--)
            out[j] = out[j - 1];
        out[place] = places[i];
    }
    for (uint64_t i = 0; i < *found; i++)
        out[i] = candidates[out[i]].trial;
    free(places);
    return ESP_OK;
}
