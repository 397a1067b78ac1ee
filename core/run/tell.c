// SPDX-License-Identifier: Apache-2.0
// Telling an outcome: to the store, to the strategy, and to a person; and what is remembered of it - the
// best so far, the artifacts that stay.
#include "run/run.h"

#include "error/crash.h"
#include "error/fault.h"
#include "run/artifacts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t outcome_status(enum trial_state state)
{
    switch (state) {
    case TRIAL_DONE:
        return ESP_OUTCOME_DONE;
    case TRIAL_STOPPED:
        return ESP_OUTCOME_STOPPED;
    case TRIAL_LOST:
        return ESP_OUTCOME_LOST;
    case TRIAL_CANCELLED:
        return ESP_OUTCOME_CANCELLED;
    default:
        return ESP_OUTCOME_FAILED;
    }
}

static esp_status tell_strategy(struct run *run, uint64_t number, struct error *error)
{
    struct trial *trial = &run->trials[number];
    const esp_strategy_type *type = run->experiment->strategy.component->type;
    double objectives[64];
    esp_fidelity reached[16];
    esp_outcome outcome = {.struct_size = sizeof outcome,
                           .trial = number,
                           .status = outcome_status(trial->state),
                           .asked = number >= run->start.count,
                           .arch = arch_handle(trial->arch),
                           .parent = trial->parent,
                           .reached = reached,
                           .reached_stride = sizeof reached[0]};
    for (; outcome.reached_count < trial->fidelity_count &&
           outcome.reached_count < ESP_COUNT(reached);
         outcome.reached_count++)
        reached[outcome.reached_count] =
            (esp_fidelity){sizeof(esp_fidelity), trial->fidelity[outcome.reached_count].name,
                           trial->fidelity[outcome.reached_count].value};
    if (trial->metrics && metrics_objectives(&run->metrics, trial->metrics, objectives)) {
        outcome.objectives = objectives;
        outcome.objective_count = run->metrics.objective_count;
        outcome.violation = metrics_violation(&run->metrics, trial->metrics);
    }
    search_begin(run->search, "tell", number);
    crash_watch(run->strategy_name);
    esp_status status = type->tell(run->strategy->self, search_handle(run->search), &outcome);
    crash_watch(NULL);
    if (status == ESP_OK)
        status = search_error(run->search)->status;
    return status == ESP_OK ? ESP_OK : run_strategy_failed(run, "tell", status, error);
}

static double trial_cost(const struct run *run, const struct trial *trial)
{
    if (run->metrics.cost < 0 || !trial->metrics)
        return 0.0;
    double cost = trial->metrics[run->metrics.cost];
    if (!isfinite(cost))
        return 0.0;
    // A continuation is charged the difference.
    if (trial->mode == ESP_MODE_CONTINUE && trial->parent >= 0 &&
        run->trials[trial->parent].metrics)
        cost -= run->trials[trial->parent].metrics[run->metrics.cost];
    return cost > 0 ? cost : 0.0;
}

static void remember_best(struct run *run, uint64_t number)
{
    const struct trial *trial = &run->trials[number];
    double objectives[64];
    if (trial->state != TRIAL_DONE || !trial->metrics ||
        !metrics_full(&run->metrics, trial->fidelity, trial->fidelity_count) ||
        !metrics_objectives(&run->metrics, trial->metrics, objectives) ||
        metrics_violation(&run->metrics, trial->metrics) > 0)
        return;
    if (run->best < 0 ||
        metrics_better(&run->metrics, trial->metrics, run->trials[run->best].metrics))
        run->best = (int64_t)number;
}

// Takes away what `[run] keep` does not keep: beside the best's files the learning curves stay, which
// are small. Where a strategy may name parents, all stays until the end of the run.
static esp_status drop_artifacts(struct run *run, uint64_t number, struct error *error)
{
    char name[32];
    snprintf(name, sizeof name, "%llu", (unsigned long long)number);
    return run->experiment->keep == KEEP_BEST ? artifacts_keep_curve(run->out, name, error)
                                              : artifacts_remove(run->out, name, error);
}

static esp_status prune(struct run *run, uint64_t number, int64_t best_before, struct error *error)
{
    if (run->cheap || run->experiment->keep == KEEP_ALL ||
        (run->strategy_takes & ESP_STRATEGY_PARENTS) || run->metrics.objective_count > 1)
        return ESP_OK;
    bool keep_best = run->experiment->keep == KEEP_BEST;
    if (!keep_best || run->best != (int64_t)number)
        return drop_artifacts(run, number, error);
    return best_before >= 0 ? drop_artifacts(run, (uint64_t)best_before, error) : ESP_OK;
}

static void report_trial(struct run *run, uint64_t number, bool is_best)
{
    const struct trial *trial = &run->trials[number];
    const struct metrics *metrics = &run->metrics;
    uint64_t position = metrics->objectives[0].position;
    bool done = trial->state == TRIAL_DONE || trial->state == TRIAL_STOPPED;
    const struct progress_result result = {
        .trial = number,
        .metric = metrics->rows[position].name,
        .value = done ? trial->metrics[position] : NAN,
        .best_value = run->best >= 0 ? run->trials[run->best].metrics[position] : NAN,
        .is_best = is_best,
        .cheap = run->cheap,
        .error = done           ? NULL
                 : trial->error ? trial->error
                                : trial_state_name(trial->state)};
    progress_result(run->progress, &result);
    if (run->cheap)
        return;
    if (done)
        progress_line(run->progress, "trial %llu: %s %.4f%s  (%.1f s, %.0f params)",
                      (unsigned long long)number, result.metric, result.value,
                      is_best ? "  best so far" : "", trial->seconds,
                      trial->metrics[metrics->declared]);
    else
        progress_line(run->progress, "trial %llu: %s: %s", (unsigned long long)number,
                      trial_state_name(trial->state), trial->error ? trial->error : "");
}

static esp_status write_tell(struct run *run, uint64_t number, struct error *error)
{
    struct trial *trial = &run->trials[number];
    struct trial_row row = run_trial_row(run, number);
    double now = run->began + trial->elapsed - run->elapsed_before;
    esp_status status;
    if (run->cheap && !trial->stored) {
        status = store_insert_trial(run->store, run->row.run, &row, error);
        trial->stored = true;
        return status == ESP_OK ? store_tick(run->store, now, error) : status;
    }
    // That a trial was told is committed with what the strategy asks next, or before the wait.
    status = store_update_trial(run->store, run->row.run, &row, error);
    return status == ESP_OK && run->cheap ? store_tick(run->store, now, error) : status;
}

esp_status run_tell(struct run *run, uint64_t number, struct error *error)
{
    struct trial *trial = &run->trials[number];
    double cost = trial_cost(run, trial);
    bool replayed = number < run->stored_count && trial->told_event > 0;
    bool failed = trial->state == TRIAL_FAILED || trial->state == TRIAL_LOST;
    fault_point("tell");
    if (order_passes_cost(run->order, cost)) {
        order_end(run->order, ORDER_REASON_BUDGET);
        return ESP_OK; // it stays open, and ends as cancelled
    }
    run->events++;
    if (!replayed) {
        trial->told_event = run->events;
        trial->elapsed = run_elapsed(run);
        esp_status status = write_tell(run, number, error);
        if (status != ESP_OK)
            return status;
    }
    order_told(run->order, number, failed, cost, trial->elapsed);
    if (trial->state == TRIAL_DONE && trial->metrics &&
        metrics_on_target(&run->metrics, trial->metrics))
        order_end(run->order, ORDER_REASON_TARGET);
    run->told_count++;
    run->failed_count += failed;
    int64_t best_before = run->best;
    remember_best(run, number);
    if (!replayed)
        report_trial(run, number, run->best == (int64_t)number);
    esp_status status = tell_strategy(run, number, error);
    if (status == ESP_OK)
        status = prune(run, number, best_before, error);
    // Nobody asks for a cheap trial's architecture again, but for the best one's.
    if (run->cheap && run->best != (int64_t)number) {
        arch_release(trial->arch);
        trial->arch = NULL;
    }
    if (run->cheap && best_before >= 0 && best_before != run->best) {
        arch_release(run->trials[best_before].arch);
        run->trials[best_before].arch = NULL;
    }
    return status;
}
