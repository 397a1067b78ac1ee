// SPDX-License-Identifier: Apache-2.0
// Trials in memory, and the rows that the store has of them.
#include "run/run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct trial *run_add_trial(struct run *run, struct error *error)
{
    if (run->trial_count == run->trial_capacity) {
        uint64_t capacity = run->trial_capacity ? 2 * run->trial_capacity : 64;
        struct trial *grown = realloc(run->trials, capacity * sizeof *grown);
        if (!grown) {
            error_memory(error);
            return NULL;
        }
        run->trials = grown;
        run->trial_capacity = capacity;
    }
    struct trial *trial = &run->trials[run->trial_count++];
    memset(trial, 0, sizeof *trial);
    trial->parent = -1;
    trial->state = TRIAL_QUEUED;
    return trial;
}

// Metrics lie in blocks of so many trials: nothing is lost between them.
#define BLOCK_TRIALS 1024

static double *new_metrics(struct run *run)
{
    uint64_t size = run->metrics.count * sizeof(double);
    if (run->block_count == 0 || run->block_used == BLOCK_TRIALS) {
        double **grown = realloc(run->blocks, (run->block_count + 1) * sizeof *grown);
        if (!grown)
            return NULL;
        run->blocks = grown;
        grown[run->block_count] = malloc(BLOCK_TRIALS * size);
        if (!grown[run->block_count])
            return NULL;
        run->block_count++;
        run->block_used = 0;
    }
    return run->blocks[run->block_count - 1] + run->block_used++ * run->metrics.count;
}

esp_status run_give_metrics(struct run *run, struct trial *trial, struct error *error)
{
    trial->metrics = run->spare_metrics ? run->spare_metrics : new_metrics(run);
    run->spare_metrics = NULL;
    if (!trial->metrics)
        return error_memory(error);
    for (uint64_t i = 0; i < run->metrics.count; i++)
        trial->metrics[i] = NAN;
    return ESP_OK;
}

void run_take_metrics(struct run *run, struct trial *trial)
{
    if (trial->metrics)
        run->spare_metrics = trial->metrics;
    trial->metrics = NULL;
}

static void trial_clear(struct trial *trial)
{
    arch_release(trial->arch);
    for (uint64_t i = 0; i < trial->fidelity_count; i++)
        free(trial->fidelity[i].name);
    free(trial->fidelity);
    free(trial->error);
    free(trial->folder);
    free(trial->earlier);
}

void run_clear_trials(struct run *run)
{
    for (uint64_t i = 0; i < run->trial_count; i++)
        trial_clear(&run->trials[i]);
    for (uint64_t i = 0; i < run->block_count; i++)
        free(run->blocks[i]);
    free(run->blocks);
    free(run->trials);
}

struct trial_row run_trial_row(const struct run *run, uint64_t trial)
{
    const struct trial *from = &run->trials[trial];
    return (struct trial_row){
        .trial = trial,
        .state = from->state,
        .asked_event = from->asked_event,
        .told_event = from->told_event,
        .lineage = from->lineage,
        .parent = from->parent,
        .mode = from->mode,
        .attempt = from->attempt,
        .hash = from->hash,
        .arch = from->arch,
        .fidelity = from->fidelity,
        .fidelity_count = from->fidelity_count,
        .metrics = from->metrics,
        .metric_count = run->metrics.count,
        .seconds = from->seconds,
        .elapsed = from->elapsed,
        .error = from->error,
    };
}
