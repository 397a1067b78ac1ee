// SPDX-License-Identifier: Apache-2.0
// Between the run and its executor: specifications out, events back. Attempts, lost workers and the
// renaming of finished folders are here; what an outcome means is tell.c's.
#include "run/run.h"

#include "error/fault.h"
#include "run/artifacts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- The loop of libuv ------------------------------------------------------------------------

static void on_readable(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    uv_stop(((struct run *)handle->data)->loop);
}

static void on_timer(uv_timer_t *handle)
{
    uv_stop(((struct run *)handle->data)->loop);
}

static const esp_executor_type *executor_type(const struct run *run)
{
    return run->experiment->executor.component->type;
}

static esp_status watch_executor(struct run *run, struct error *error)
{
    run->timer = calloc(1, sizeof *run->timer);
    if (!run->timer)
        return error_memory(error);
    uv_timer_init(run->loop, run->timer);
    run->timer->data = run;
    int descriptor = executor_type(run)->descriptor(run->executor->self);
    if (descriptor < 0)
        return ESP_OK;
    run->poll = calloc(1, sizeof *run->poll);
    if (!run->poll)
        return error_memory(error);
    int code = uv_poll_init(run->loop, run->poll, descriptor);
    if (code != 0) {
        free(run->poll);
        run->poll = NULL;
        return error_set(error, ESP_ERROR, "executor: %s", uv_strerror(code));
    }
    run->poll->data = run;
    return ESP_OK;
}

esp_status run_open_executor(struct run *run, struct error *error)
{
    if (run->loop)
        return ESP_OK;
    uv_loop_t *loop = calloc(1, sizeof *loop);
    if (!loop)
        return error_memory(error);
    int code = uv_loop_init(loop);
    if (code != 0) {
        free(loop);
        return error_set(error, ESP_ERROR, "event loop: %s", uv_strerror(code));
    }
    run->loop = loop;
    esp_status status = interrupt_open(loop, &run->interrupt, error);
    if (status != ESP_OK || run->cheap)
        return status;
    status = artifacts_open(run->out, error);
    if (status == ESP_OK)
        status = jobs_create(&run->jobs, run->experiment, run->session, run->out, error);
    if (status == ESP_OK)
        status = instance_create(&run->executor, run->experiment->executor.component,
                                 &run->experiment->executor.parameters, NULL, run->experiment->seed,
                                 jobs_handle(run->jobs), error);
    return status == ESP_OK ? watch_executor(run, error) : status;
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void close_handle(void *handle)
{
    if (handle)
        uv_close(handle, free_handle);
}

void run_close_executor(struct run *run)
{
    if (run->loop) {
        interrupt_close();
        close_handle(run->timer);
        close_handle(run->poll);
        uv_run(run->loop, UV_RUN_DEFAULT);
        uv_loop_close(run->loop);
        free(run->loop);
        run->loop = NULL;
    }
    instance_destroy(run->executor);
    run->executor = NULL;
    jobs_destroy(run->jobs);
    run->jobs = NULL;
}

// ---- Submitting -------------------------------------------------------------------------------

// What calls on the executor report to.
static esp_status executor_failed(struct run *run, esp_status status, struct error *error)
{
    struct error *words = jobs_handle(run->jobs)->base.context;
    error_ensure(words, status, "the executor");
    error_set(error, ESP_ERROR, "executor %s: %s", run->experiment->executor.component->id,
              words->message);
    error_clear(words);
    return ESP_ERROR;
}

static esp_status hand_over(struct run *run, uint64_t job,
                            const struct specification *specification, struct error *error)
{
    json_t *json = specification_json(specification);
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(json);
    if (!text)
        return error_memory(error);
    esp_status status = executor_type(run)->submit(run->executor->self, jobs_handle(run->jobs), job,
                                                   text, strlen(text));
    free(text);
    return status == ESP_OK ? ESP_OK : executor_failed(run, status, error);
}

static esp_status fill_specification(struct run *run, uint64_t number, struct specification *out,
                                     struct error *error)
{
    struct trial *trial = &run->trials[number];
    *out = (struct specification){
        .purpose = PURPOSE_TRIAL,
        .trial = number,
        .attempt = trial->attempt,
        .lineage = trial->lineage,
        .seed = run->experiment->seed,
        .mode = trial->mode,
        .arch = arch_json(trial->arch, run->experiment->space.component->id),
        .fidelity = trial->fidelity,
        .fidelity_count = trial->fidelity_count,
        .folder = trial->folder,
        .earlier = trial->earlier,
        .wants_files =
            run->experiment->keep != KEEP_NONE || (run->strategy_takes & ESP_STRATEGY_PARENTS) != 0,
    };
    snprintf(out->hash, sizeof out->hash, "%016llx", (unsigned long long)trial->hash);
    if (!out->arch)
        return error_memory(error);
    if (trial->parent < 0)
        return ESP_OK;
    char name[32];
    snprintf(name, sizeof name, "%lld", (long long)trial->parent);
    out->parent_folder = artifacts_folder(run->out, name);
    return out->parent_folder ? ESP_OK : error_memory(error);
}

static esp_status remember_submission(struct run *run, uint64_t number, struct error *error)
{
    if (run->submitted_count == run->submitted_capacity) {
        uint64_t capacity = run->submitted_capacity ? 2 * run->submitted_capacity : 16;
        uint64_t *grown = realloc(run->submitted, capacity * sizeof *grown);
        if (!grown)
            return error_memory(error);
        run->submitted = grown;
        run->submitted_capacity = capacity;
    }
    run->submitted[run->submitted_count++] = number;
    return ESP_OK;
}

// The first `workers` of what lies at the executor are running: the store says so.
static esp_status mark_running(struct run *run, struct error *error)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; i < run->submitted_count && i < run->experiment->workers; i++) {
        uint64_t number = run->submitted[i];
        if (run->trials[number].state != TRIAL_QUEUED || status != ESP_OK)
            continue;
        run->trials[number].state = TRIAL_RUNNING;
        struct trial_row row = run_trial_row(run, number);
        status = store_update_trial(run->store, run->row.run, &row, error);
    }
    return status;
}

static void forget_submission(struct run *run, uint64_t number)
{
    for (uint64_t i = 0; i < run->submitted_count; i++)
        if (run->submitted[i] == number) {
            memmove(&run->submitted[i], &run->submitted[i + 1],
                    (run->submitted_count - i - 1) * sizeof *run->submitted);
            run->submitted_count--;
            return;
        }
}

esp_status run_submit(struct run *run, uint64_t number, struct error *error)
{
    struct trial *trial = &run->trials[number];
    char name[32];
    snprintf(name, sizeof name, "%llu", (unsigned long long)number);
    // A new attempt at a trial may take up the checkpoint of the one before.
    if (trial->attempt > 0 && !trial->earlier &&
        !(trial->earlier = artifacts_attempt(run->out, name, trial->attempt - 1)))
        return error_memory(error);
    free(trial->folder);
    esp_status status = artifacts_begin(run->out, name, trial->attempt, &trial->folder, error);
    struct specification specification = {0};
    if (status == ESP_OK)
        status = fill_specification(run, number, &specification, error);
    fault_point("submit-before");
    if (status == ESP_OK)
        status = hand_over(run, number, &specification, error);
    fault_point("submit-after");
    json_decref(specification.arch);
    free(specification.parent_folder);
    if (status == ESP_OK)
        status = remember_submission(run, number, error);
    return status == ESP_OK ? mark_running(run, error) : status;
}

esp_status run_withdraw(struct run *run, struct error *error)
{
    esp_status status = ESP_OK;
    while (status == ESP_OK && run->submitted_count > run->experiment->workers) {
        uint64_t number = run->submitted[--run->submitted_count];
        status = executor_type(run)->cancel(run->executor->self, jobs_handle(run->jobs), number);
    }
    return status == ESP_OK ? ESP_OK : executor_failed(run, status, error);
}

esp_status run_submit_final(struct run *run, uint64_t job,
                            const struct specification *specification, struct error *error)
{
    return hand_over(run, RUN_FINAL_JOB + job, specification, error);
}

// ---- Events -----------------------------------------------------------------------------------

static esp_status keep_metrics(struct run *run, struct trial *trial, const struct result *result,
                               struct error *error)
{
    esp_status status = run_give_metrics(run, trial, error);
    if (status != ESP_OK)
        return status;
    for (uint64_t i = 0; i < run->metrics.count; i++)
        trial->metrics[i] = result_metric(result, run->metrics.rows[i].name);
    return ESP_OK;
}

static enum trial_state state_of(const struct result *result)
{
    if (result->status == ESP_OUTCOME_DONE)
        return TRIAL_DONE;
    return result->status == ESP_OUTCOME_STOPPED ? TRIAL_STOPPED : TRIAL_FAILED;
}

// A trial's outcome is in: its folder is moved into place, its row written.
static esp_status settle(struct run *run, uint64_t number, struct error *error)
{
    struct trial *trial = &run->trials[number];
    char name[32];
    snprintf(name, sizeof name, "%llu", (unsigned long long)number);
    esp_status status = ESP_OK;
    if (trial->state == TRIAL_DONE || trial->state == TRIAL_STOPPED)
        status = artifacts_finish(run->out, name, trial->folder, error);
    else
        status = folder_remove(trial->folder, error);
    if (status == ESP_OK && trial->earlier)
        status = folder_remove(trial->earlier, error);
    if (status != ESP_OK)
        return status;
    forget_submission(run, number);
    struct trial_row row = run_trial_row(run, number);
    status = store_update_trial(run->store, run->row.run, &row, error);
    if (status == ESP_OK)
        status = mark_running(run, error);
    if (status == ESP_OK)
        status = store_commit(run->store, error);
    if (status == ESP_OK)
        order_outcome(run->order, number);
    return status;
}

static esp_status fail_trial(struct run *run, uint64_t number, enum trial_state state,
                             const char *words, struct error *error)
{
    struct trial *trial = &run->trials[number];
    trial->state = state;
    free(trial->error);
    trial->error = strdup(words && words[0] ? words : "no reason was given");
    return trial->error ? settle(run, number, error) : error_memory(error);
}

static esp_status on_lost(struct run *run, uint64_t number, const char *words, struct error *error)
{
    struct trial *trial = &run->trials[number];
    if (++trial->lost > RUN_LOST_RETRIES)
        return fail_trial(run, number, TRIAL_LOST, words, error);
    log_line(ESP_LOG_WARNING, "trial %llu: %s; it is run again", (unsigned long long)number, words);
    forget_submission(run, number);
    trial->attempt++;
    trial->state = TRIAL_QUEUED;
    free(trial->earlier);
    trial->earlier = trial->folder;
    trial->folder = NULL;
    return run->interrupt.finish ? ESP_OK : run_submit(run, number, error);
}

static esp_status parse_result(struct result *out, const esp_job_event *event, struct error *error)
{
    json_t *json = json_loadb(event->bytes, event->size, 0, NULL);
    const json_t *body = json_object_get(json, "result");
    esp_status status = body ? result_parse(out, body, error)
                             : error_set(error, ESP_ERROR_DATA, "the worker's answer is no result");
    json_decref(json);
    return status;
}

static esp_status on_result(struct run *run, uint64_t number, const esp_job_event *event,
                            struct error *error)
{
    struct trial *trial = &run->trials[number];
    struct result result = {0};
    struct error words;
    error_clear(&words);
    if (parse_result(&result, event, &words) != ESP_OK)
        return fail_trial(run, number, TRIAL_FAILED, words.message, error);
    if (result.halt) {
        esp_status halted = error_set(error, ESP_ERROR_IO, "trial %llu: %s",
                                      (unsigned long long)number, result.error);
        result_destroy(&result);
        return halted; // its row has no outcome: a resume runs it again
    }
    trial->seconds = result.seconds;
    esp_status status;
    if (result.status == ESP_OUTCOME_FAILED) {
        status = fail_trial(run, number, TRIAL_FAILED, result.error, error);
    } else {
        trial->state = state_of(&result);
        status = keep_metrics(run, trial, &result, error);
        if (status == ESP_OK)
            status = settle(run, number, error);
    }
    result_destroy(&result);
    return status;
}

static esp_status on_trial_event(struct run *run, const esp_job_event *event, struct error *error)
{
    uint64_t number = event->job;
    if (number >= run->trial_count || trial_state_is_outcome(run->trials[number].state))
        return ESP_OK; // a late word about something settled
    switch (event->kind) {
    case ESP_JOB_RESULT:
        return on_result(run, number, event, error);
    case ESP_JOB_FAILED:
        return fail_trial(run, number, TRIAL_FAILED, event->message, error);
    case ESP_JOB_LOST:
        return on_lost(run, number, event->message ? event->message : "its worker was lost", error);
    case ESP_JOB_CANCELLED:
        if (run->interrupt.finish) // withdrawn
            return ESP_OK;
        return fail_trial(run, number, TRIAL_CANCELLED, event->message, error);
    default:
        return ESP_OK;
    }
}

static void on_final_event(struct final_job *job, const esp_job_event *event)
{
    struct error words;
    error_clear(&words);
    if (event->kind == ESP_JOB_PROGRESS)
        return;
    job->lost = event->kind == ESP_JOB_LOST;
    if (event->kind != ESP_JOB_RESULT || parse_result(&job->result, event, &words) != ESP_OK) {
        job->result.status = ESP_OUTCOME_FAILED;
        snprintf(job->result.error, sizeof job->result.error, "%s",
                 event->kind == ESP_JOB_RESULT ? words.message
                 : event->message              ? event->message
                                               : "it ended without a result");
    }
    job->done = true;
}

esp_status run_wait(struct run *run, struct final_job *finals, uint64_t final_count,
                    struct error *error)
{
    const esp_executor_type *type = executor_type(run);
    int timeout = type->timeout(run->executor->self);
    // The live display wants a look now and then.
    if (timeout < 0 || timeout > 500)
        timeout = 500;
    if (run->poll)
        uv_poll_start(run->poll, UV_READABLE, on_readable);
    uv_timer_start(run->timer, on_timer, (uint64_t)timeout, 0);
    uv_run(run->loop, timeout == 0 ? UV_RUN_NOWAIT : UV_RUN_DEFAULT);
    uv_timer_stop(run->timer);
    if (run->poll)
        uv_poll_stop(run->poll);
    const esp_job_event *events = NULL;
    uint64_t count = 0, stride = 0;
    esp_status status =
        type->poll(run->executor->self, jobs_handle(run->jobs), &events, &count, &stride);
    if (status != ESP_OK)
        return executor_failed(run, status, error);
    const char *row = (const char *)events;
    for (uint64_t i = 0; status == ESP_OK && i < count; i++, row += stride) {
        const esp_job_event *event = (const esp_job_event *)(const void *)row;
        if (event->job < RUN_FINAL_JOB)
            status = on_trial_event(run, event, error);
        else if (event->job - RUN_FINAL_JOB < final_count)
            on_final_event(&finals[event->job - RUN_FINAL_JOB], event);
    }
    return status;
}
