// SPDX-License-Identifier: Apache-2.0
// The final trainings: chosen on validation alone, trained on all training data, the test split read
// once at the end of each. Jobs of the same executor; each has a row, so that a resume makes only
// what is missing.
#include "run/run.h"

#include "run/artifacts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The run's trials as candidates. Owner: the caller (free).
static struct candidate *run_candidates(const struct run *run, struct error *error)
{
    struct candidate *candidates = calloc(run->trial_count + 1, sizeof *candidates);
    if (!candidates) {
        error_memory(error);
        return NULL;
    }
    for (uint64_t i = 0; i < run->trial_count; i++) {
        const struct trial *trial = &run->trials[i];
        candidates[i] = (struct candidate){
            i, trial->state == TRIAL_DONE,
            metrics_full(&run->metrics, trial->fidelity, trial->fidelity_count), trial->metrics};
    }
    return candidates;
}

esp_status run_result_set(const struct run *run, struct result_set *out, struct error *error)
{
    struct candidate *candidates = run_candidates(run, error);
    if (!candidates)
        return ESP_ERROR_MEMORY;
    esp_status status = result_set_make(out, &run->metrics, candidates, run->trial_count, error);
    free(candidates);
    return status;
}

esp_status run_top(const struct run *run, uint64_t most, uint64_t *out, uint64_t *found,
                   struct error *error)
{
    struct candidate *candidates = run_candidates(run, error);
    if (!candidates)
        return ESP_ERROR_MEMORY;
    esp_status status =
        result_set_top(&run->metrics, candidates, run->trial_count, most, out, found, error);
    free(candidates);
    return status;
}

struct plan {
    uint64_t trial;
    uint64_t seed;
};

// Which trials, and with which seeds: trial by trial, seed by seed.
static esp_status make_plan(struct run *run, struct plan **out, uint64_t *count,
                            struct error *error)
{
    const struct experiment *experiment = run->experiment;
    struct result_set set = {.best = -1};
    uint64_t *chosen = NULL;
    uint64_t chosen_count = 0;
    *out = NULL;
    *count = 0;
    esp_status status = run_result_set(run, &set, error);
    if (status != ESP_OK || set.best < 0)
        goto cleanup;
    chosen = malloc((run->trial_count + 1) * sizeof *chosen);
    if (!chosen) {
        status = error_memory(error);
        goto cleanup;
    }
    if (experiment->retrain == RETRAIN_PARETO) {
        memcpy(chosen, set.front, set.front_count * sizeof *chosen);
        chosen_count = set.front_count;
    } else if (experiment->retrain == RETRAIN_TOP) {
        status = run_top(run, experiment->retrain_count, chosen, &chosen_count, error);
    } else {
        chosen[chosen_count++] = (uint64_t)set.best;
    }
    uint64_t seeds = experiment->final_seeds ? experiment->final_seeds : 1;
    *out = calloc(chosen_count * seeds + 1, sizeof **out);
    if (status == ESP_OK && !*out)
        status = error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < chosen_count; i++)
        for (uint64_t s = 0; s < seeds; s++)
            (*out)[(*count)++] = (struct plan){chosen[i], experiment->seed + s};
cleanup:
    free(chosen);
    free(set.front);
    return status;
}

static char *result_metrics_text(const struct result *result)
{
    json_t *object = json_object();
    for (uint64_t i = 0; i < result->metric_count; i++)
        json_object_set_new(object, result->metrics[i].name, json_real(result->metrics[i].value));
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(object);
    return text;
}

struct known {
    bool *done;
    uint64_t count;
    const struct plan *plan;
};

static esp_status note_known(void *self, const struct final_row *row)
{
    struct known *known = self;
    if (row->final < known->count && row->state == TRIAL_DONE &&
        row->trial == known->plan[row->final].trial && row->seed == known->plan[row->final].seed)
        known->done[row->final] = true;
    return ESP_OK;
}

// Makes the folder of the next attempt, which takes up the checkpoint of the last one: of a worker that
// was lost, or of a run that was killed. The name says which training it was, lest another [final] or
// another best trial takes it up.
static esp_status begin_attempt(struct run *run, uint64_t number, const struct plan *plan,
                                struct final_job *job, struct error *error)
{
    char name[96];
    uint64_t attempt = 0;
    struct specification *specification = &job->specification;
    snprintf(name, sizeof name, "final-%llu-trial-%llu-seed-%llu", (unsigned long long)number,
             (unsigned long long)plan->trial, (unsigned long long)plan->seed);
    esp_status status = artifacts_count_attempts(run->out, name, &attempt, error);
    free(specification->folder);
    free(specification->earlier);
    specification->folder = specification->earlier = NULL;
    if (status == ESP_OK && attempt > 0 &&
        !(specification->earlier = artifacts_attempt(run->out, name, attempt - 1)))
        status = error_memory(error);
    specification->attempt = attempt;
    return status == ESP_OK
               ? artifacts_begin(run->out, name, attempt, &specification->folder, error)
               : status;
}

static esp_status submit_final(struct run *run, uint64_t number, const struct plan *plan,
                               struct final_job *job, struct error *error)
{
    struct trial *trial = &run->trials[plan->trial];
    job->specification = (struct specification){
        .purpose = PURPOSE_FINAL,
        .trial = plan->trial,
        .lineage = trial->lineage,
        .seed = plan->seed,
        .test = true,
        .arch = arch_json(trial->arch, run->experiment->space.component->id),
        .wants_files = true,
    };
    snprintf(job->specification.hash, sizeof job->specification.hash, "%016llx",
             (unsigned long long)trial->hash);
    if (!job->specification.arch)
        return error_memory(error);
    esp_status status = begin_attempt(run, number, plan, job, error);
    return status == ESP_OK ? run_submit_final(run, number, &job->specification, error) : status;
}

static esp_status settle_final(struct run *run, uint64_t number, const struct plan *plan,
                               struct final_job *job, struct error *error)
{
    char name[32], folder[48];
    snprintf(name, sizeof name, "final-%llu", (unsigned long long)number);
    snprintf(folder, sizeof folder, "artifacts/%s", name);
    bool done = job->result.status == ESP_OUTCOME_DONE;
    struct final_row row = {
        .final = number,
        .trial = plan->trial,
        .seed = plan->seed,
        .state = done ? TRIAL_DONE : TRIAL_FAILED,
        .metrics = done ? result_metrics_text(&job->result) : NULL,
        .seconds = job->result.seconds,
        .error = done ? NULL : job->result.error,
        .test_read = true,
        .folder = folder,
    };
    esp_status status = done ? artifacts_finish(run->out, name, job->specification.folder, error)
                             : folder_remove(job->specification.folder, error);
    if (status == ESP_OK)
        status = store_put_final(run->store, run->row.run, &row, error);
    if (status == ESP_OK)
        status = store_commit(run->store, error);
    if (done)
        progress_line(run->progress, "final training of trial %llu: test_accuracy %.4f (%.1f s)",
                      (unsigned long long)plan->trial, result_metric(&job->result, "test_accuracy"),
                      job->result.seconds);
    else
        log_line(ESP_LOG_WARNING, "the final training of trial %llu failed: %s",
                 (unsigned long long)plan->trial, job->result.error);
    free(row.metrics);
    return status;
}

// A training whose worker was lost is made again, with the same streams.
static esp_status repeat_final(struct run *run, uint64_t number, const struct plan *plan,
                               struct final_job *job, struct error *error)
{
    log_line(ESP_LOG_WARNING, "final training %llu: %s; it is run again",
             (unsigned long long)number, job->result.error);
    result_destroy(&job->result);
    job->result = (struct result){0};
    job->done = job->lost = false;
    job->lost_count++;
    esp_status status = begin_attempt(run, number, plan, job, error);
    return status == ESP_OK ? run_submit_final(run, number, &job->specification, error) : status;
}

static void show_finals(struct run *run, uint64_t count, uint64_t left)
{
    const struct progress_state state = {.phase = "final training",
                                         .unit = "trainings",
                                         .told = count - left,
                                         .running = left,
                                         .budget = count,
                                         .best = -1};
    progress_update(run->progress, &state, false);
}

static esp_status wait_for_finals(struct run *run, const struct plan *plan, struct final_job *jobs,
                                  const bool *known, uint64_t count, struct error *error)
{
    bool *settled = calloc(count + 1, sizeof *settled);
    if (!settled)
        return error_memory(error);
    esp_status status = ESP_OK;
    uint64_t left = 0;
    for (uint64_t i = 0; i < count; i++)
        left += !known[i];
    while (status == ESP_OK && left > 0 && !run->interrupt.finish) {
        show_finals(run, count, left);
        status = run_wait(run, jobs, count, error);
        for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
            if (known[i] || settled[i] || !jobs[i].done)
                continue;
            if (jobs[i].lost && jobs[i].lost_count < RUN_LOST_RETRIES) {
                status = repeat_final(run, i, &plan[i], &jobs[i], error);
                continue;
            }
            if (jobs[i].result.halt) {
                status = error_set(error, ESP_ERROR_IO, "the final training of trial %llu: %s",
                                   (unsigned long long)plan[i].trial, jobs[i].result.error);
                continue;
            }
            settled[i] = true;
            left--;
            status = settle_final(run, i, &plan[i], &jobs[i], error);
        }
    }
    free(settled);
    return status;
}

static void destroy_job(struct final_job *job)
{
    json_decref(job->specification.arch);
    free(job->specification.folder);
    free(job->specification.earlier);
    result_destroy(&job->result);
}

esp_status run_finals(struct run *run, struct error *error)
{
    const struct experiment *experiment = run->experiment;
    struct plan *plan = NULL;
    struct final_job *jobs = NULL;
    struct known known = {0};
    uint64_t count = 0;
    esp_status status = ESP_OK;
    if (experiment->retrain == RETRAIN_NONE)
        return ESP_OK;
    if (!component_ability(experiment->estimator.component, ESP_ESTIMATOR_FINAL))
        return error_set(error, ESP_ERROR_UNSUPPORTED,
                         "the estimator %s makes no final trainings ([final] retrain = none)",
                         experiment->estimator.component->id);
    status = make_plan(run, &plan, &count, error);
    known = (struct known){calloc(count + 1, sizeof(bool)), count, plan};
    jobs = calloc(count + 1, sizeof *jobs);
    if (status == ESP_OK && (!known.done || !jobs))
        status = error_memory(error);
    // Another [final] makes them anew.
    if (status == ESP_OK && (!run->resumed || run->same_finals))
        status = store_each_final(run->store, run->row.run, note_known, &known, error);
    else if (status == ESP_OK)
        status = artifacts_sweep(run->out, error);
    if (status == ESP_OK)
        status = artifacts_open(run->out, error);
    if (status == ESP_OK)
        status = run_open_executor(run, error);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++)
        if (!known.done[i])
            status = submit_final(run, i, &plan[i], &jobs[i], error);
    if (status == ESP_OK)
        status = wait_for_finals(run, plan, jobs, known.done, count, error);
    run->interrupted = run->interrupt.finish; // they go on from their checkpoints
    if (status == ESP_OK && !run->interrupted) {
        run->row.finals_done = true;
        status = artifacts_sweep(run->out, error);
        if (status == ESP_OK)
            status = run_models(run, error);
    }
    progress_clear(run->progress);
    if (run->interrupted)
        run->row.state = RUN_INTERRUPTED;
    if (status == ESP_OK)
        status = store_set_run(run->store, &run->row, error);
    if (status == ESP_OK)
        status = store_commit(run->store, error);
    for (uint64_t i = 0; jobs && i < count; i++)
        destroy_job(&jobs[i]);
    free(jobs);
    free(known.done);
    free(plan);
    return status;
}
