// SPDX-License-Identifier: Apache-2.0
// Trials in memory, and the rows that the store has of them.
#include "run/run.h"

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

void trial_clear(struct trial *trial)
{
    arch_release(trial->arch);
    for (uint64_t i = 0; i < trial->fidelity_count; i++)
        free(trial->fidelity[i].name);
    free(trial->fidelity);
    free(trial->metrics);
    free(trial->error);
    free(trial->folder);
    free(trial->earlier);
    memset(trial, 0, sizeof *trial);
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
