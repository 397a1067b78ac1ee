// SPDX-License-Identifier: Apache-2.0
// The loop: does what the order says - ask, tell, wait - until it says END. A resume goes through the
// same loop: asks of stored trials are compared, stored outcomes are told, and only what is missing
// is evaluated.
#include "run/run.h"

#include "error/crash.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// How many cheap trials pass between looks at signals and the clock.
#define CHEAP_ROUND 64

esp_status run_strategy_failed(struct run *run, const char *call, esp_status status,
                               struct error *error)
{
    struct error *words = search_error(run->search);
    error_ensure(words, status, call);
    return error_set(error, ESP_ERROR, "strategy %s: %s: %s",
                     run->experiment->strategy.component->id, call, words->message);
}

// ---- Ask --------------------------------------------------------------------------------------

// The lineage of a trial: its own number, or the parent's where it is the first to continue it.
static uint64_t lineage_of(struct run *run, uint64_t number, const struct ask *ask)
{
    if (ask->parent < 0 || ask->mode != ESP_MODE_CONTINUE)
        return number;
    struct trial *parent = &run->trials[ask->parent];
    bool first = !parent->continued && parent->hash == arch_hash(ask->arch);
    parent->continued = true;
    return first ? parent->lineage : number;
}

static bool same_fidelity(const struct trial *trial, const struct ask *ask)
{
    if (trial->fidelity_count != ask->fidelity_count)
        return false;
    for (uint64_t i = 0; i < ask->fidelity_count; i++)
        if (strcmp(trial->fidelity[i].name, ask->fidelity[i].name) != 0 ||
            trial->fidelity[i].value != ask->fidelity[i].value)
            return false;
    return true;
}

// A stored trial is asked again: it must be the same.
static esp_status compare_stored(struct run *run, uint64_t number, const struct ask *ask,
                                 struct error *error)
{
    struct trial *trial = &run->trials[number];
    lineage_of(run, number, ask);
    if (trial->hash == arch_hash(ask->arch) && trial->parent == ask->parent &&
        trial->mode == ask->mode && same_fidelity(trial, ask))
        return ESP_OK;
    if (number < run->start.count)
        return error_set(error, ESP_ERROR,
                         "[start] arch gives another architecture for trial %llu than the run has "
                         "stored: the file has changed since",
                         (unsigned long long)number);
    return error_set(error, ESP_ERROR,
                     "strategy %s does not repeat itself: asked again for trial %llu it gave "
                     "another one than the run has stored, so the run cannot be resumed "
                     "(ESP_STRATEGY_NOT_REPEATABLE is for such strategies)",
                     run->experiment->strategy.component->id, (unsigned long long)number);
}

static esp_status open_trial(struct run *run, struct ask *ask, struct error *error)
{
    uint64_t number = run->trial_count;
    struct trial *trial = run_add_trial(run, error);
    if (!trial)
        return ESP_ERROR_MEMORY;
    trial->arch = ask->arch;
    ask->arch = NULL;
    trial->hash = arch_hash(trial->arch);
    trial->parent = ask->parent;
    trial->mode = ask->mode;
    trial->fidelity = ask->fidelity;
    trial->fidelity_count = ask->fidelity_count;
    ask->fidelity = NULL;
    ask->fidelity_count = 0;
    struct ask view = {.parent = trial->parent, .mode = trial->mode, .arch = trial->arch};
    trial->lineage = lineage_of(run, number, &view);
    trial->asked_event = ++run->events;
    return ESP_OK;
}

static esp_status take_trial(struct run *run, uint64_t number, struct ask *ask, struct error *error)
{
    bool stored = number < run->stored_count;
    esp_status status =
        stored ? compare_stored(run, number, ask, error) : open_trial(run, ask, error);
    if (status != ESP_OK)
        return status;
    if (stored)
        run->events++;
    struct trial *trial = &run->trials[number];
    status = search_mark_seen(run->search, trial->arch, error);
    if (status != ESP_OK)
        return status;
    order_asked(run->order, ORDER_TRIAL);
    if (run->cheap)
        return ESP_OK; // evaluated at once by the caller
    if (!trial->stored) {
        struct trial_row row = run_trial_row(run, number);
        status = store_insert_trial(run->store, run->row.run, &row, error);
        if (status == ESP_OK)
            status = store_commit(run->store, error);
        trial->stored = true;
    }
    if (status == ESP_OK && !trial_state_is_outcome(trial->state))
        status = run_submit(run, number, error);
    return status;
}

// The outcome of a stored trial is there at once; in asynchronous order it waits for its turn.
static void deliver_stored(struct run *run, uint64_t number)
{
    const struct trial *trial = &run->trials[number];
    if (number >= run->stored_count || !trial_state_is_outcome(trial->state))
        return;
    if (run->experiment->order == ORDER_ASYNC && trial->told_event > 0)
        return;
    order_outcome(run->order, number);
}

static esp_status evaluate_cheap(struct run *run, uint64_t number, struct error *error)
{
    struct trial *trial = &run->trials[number];
    const struct metrics *metrics = &run->metrics;
    if (trial_state_is_outcome(trial->state))
        return ESP_OK;
    struct error words;
    error_clear(&words);
    esp_status status = run_give_metrics(run, trial, error);
    if (status != ESP_OK)
        return status;
    status = session_evaluate_cheap(run->session, trial->arch, trial->lineage, trial->fidelity,
                                    trial->fidelity_count, trial->metrics, &words);
    // What the estimator reads does not serve the run: no trial would fare better.
    if (status == ESP_ERROR_DATA)
        return error_set(error, ESP_ERROR, "estimator %s: %s",
                         run->experiment->estimator.component->id, words.message);
    if (status == ESP_OK && metrics->needs_counts) {
        uint64_t params = 0, macs = 0;
        status = session_counts(run->session, trial->arch, &params, &macs, &words);
        trial->metrics[metrics->declared] = (double)params;
        trial->metrics[metrics->declared + 1] = (double)macs;
    }
    trial->state = status == ESP_OK ? TRIAL_DONE : TRIAL_FAILED;
    if (status != ESP_OK) {
        error_ensure(&words, status, run->experiment->estimator.component->id);
        trial->error = strdup(words.message);
        run_take_metrics(run, trial);
    }
    order_outcome(run->order, number);
    return ESP_OK;
}

// A trial is there: of an ask, or of [start].
static esp_status begin_trial(struct run *run, uint64_t number, struct ask *ask,
                              struct error *error)
{
    esp_status status = take_trial(run, number, ask, error);
    if (status == ESP_OK)
        deliver_stored(run, number);
    return status == ESP_OK && run->cheap ? evaluate_cheap(run, number, error) : status;
}

static esp_status begin_given(struct run *run, uint64_t number, struct error *error)
{
    struct ask ask;
    ask_begin(&ask, run->search, number);
    ask.arch = arch_retain(run->start.archs[number]);
    esp_status status = begin_trial(run, number, &ask, error);
    ask_end(&ask);
    return status;
}

static esp_status do_ask(struct run *run, struct error *error)
{
    const esp_strategy_type *type = run->experiment->strategy.component->type;
    uint64_t number = order_asked_count(run->order);
    // A strategy that does not repeat itself is not asked for what is stored.
    if (number < run->stored_count && (run->strategy_takes & ESP_STRATEGY_NOT_REPEATABLE)) {
        run->events++;
        esp_status marked = search_mark_seen(run->search, run->trials[number].arch, error);
        if (marked != ESP_OK)
            return marked;
        order_asked(run->order, ORDER_TRIAL);
        deliver_stored(run, number);
        return trial_state_is_outcome(run->trials[number].state) ? ESP_OK
               : run->cheap ? evaluate_cheap(run, number, error)
                            : run_submit(run, number, error);
    }
    if (number < run->start.count)
        return begin_given(run, number, error);
    struct ask ask;
    ask_begin(&ask, run->search, number);
    search_begin(run->search, "ask", number);
    crash_watch(run->strategy_name);
    esp_status status = type->ask(run->strategy->self, search_handle(run->search), &ask.handle);
    crash_watch(NULL);
    if (status == ESP_OK && search_error(run->search)->status != ESP_OK)
        status = search_error(run->search)->status;
    if (status == ESP_OK && ask.answer == ANSWER_NONE)
        status = error_set(search_error(run->search), ESP_ERROR_MISUSE,
                           "ask returned without an answer");
    if (status != ESP_OK) {
        status = run_strategy_failed(run, "ask", status, error);
    } else if (ask.answer == ANSWER_WAIT) {
        order_asked(run->order, ORDER_WAIT);
    } else if (ask.answer == ANSWER_DONE) {
        snprintf(run->done_reason, sizeof run->done_reason, "%s", ask.reason);
        order_asked(run->order, ORDER_DONE);
    } else {
        status = begin_trial(run, number, &ask, error);
    }
    ask_end(&ask);
    return status;
}

// ---- The loop ---------------------------------------------------------------------------------

void run_show_search(struct run *run, bool now)
{
    uint64_t position = run->metrics.objectives[0].position;
    double elapsed = run_elapsed(run);
    struct progress_state state = {
        .phase = run->interrupt.finish ? "finishing" : "search",
        .told = run->told_count,
        .running = order_open_count(run->order),
        .failed = run->failed_count,
        .budget = run->experiment->budget.trials,
        .elapsed = elapsed,
        .this_session = elapsed - run->elapsed_before,
        .told_this_session =
            run->told_count > run->stored_count ? run->told_count - run->stored_count : 0,
        .shows_last = run->cheap,
        .best = run->best,
        .metric = run->metrics.rows[position].name,
        .best_value = run->best >= 0 ? run->trials[run->best].metrics[position] : NAN,
    };
    progress_update(run->progress, &state, now);
}

// In asynchronous order a replay tells what the stored run told next.
static bool deliver_next_stored(struct run *run)
{
    if (run->experiment->order != ORDER_ASYNC)
        return false;
    while (run->stored_tell_next < run->stored_tell_count) {
        uint64_t number = run->stored_tells[run->stored_tell_next++];
        if (run->trials[number].told_event > 0) {
            order_outcome(run->order, number);
            return true;
        }
    }
    return false;
}

static esp_status do_await(struct run *run, struct error *error)
{
    if (deliver_next_stored(run))
        return ESP_OK;
    esp_status status = store_commit(run->store, error);
    run_show_search(run, false);
    return status == ESP_OK ? run_wait(run, NULL, 0, error) : status;
}

static esp_status cancel_open(struct run *run, struct error *error)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < order_open_count(run->order); i++) {
        uint64_t number = order_open(run->order, i);
        struct trial *trial = &run->trials[number];
        trial->state = TRIAL_CANCELLED;
        trial->elapsed = run_elapsed(run);
        run_take_metrics(run, trial);
        struct trial_row row = run_trial_row(run, number);
        status = trial->stored ? store_update_trial(run->store, run->row.run, &row, error)
                               : store_insert_trial(run->store, run->row.run, &row, error);
        trial->stored = true;
    }
    return status;
}

static esp_status replace(char **text, const char *with, struct error *error)
{
    free(*text);
    *text = with ? strdup(with) : NULL;
    return with && !*text ? error_memory(error) : ESP_OK;
}

static const char *reason_name(const struct run *run)
{
    switch (order_reason(run->order)) {
    case ORDER_REASON_FAILURES:
        return "failures";
    case ORDER_REASON_TARGET:
        return "target";
    case ORDER_REASON_STRATEGY:
        return strcmp(run->done_reason, "exhausted") == 0 ? "exhausted" : "strategy";
    default:
        return "budget";
    }
}

// Writes how the run ended. `words`: why it failed, or NULL.
static esp_status finish(struct run *run, const char *words, struct error *error)
{
    esp_status status = ESP_OK;
    run->row.elapsed = run_elapsed(run);
    if (words) {
        run->row.state = RUN_FAILED;
        replace(&run->row.reason, "error", error);
        replace(&run->row.message, words, error);
    } else if (run->interrupted) {
        run->row.state = RUN_INTERRUPTED;
        replace(&run->row.reason, NULL, error);
    } else {
        status = cancel_open(run, error);
        run->row.state = RUN_DONE;
        replace(&run->row.reason, reason_name(run), error);
        replace(&run->row.message, NULL, error);
    }
    if (status == ESP_OK)
        status = store_set_run(run->store, &run->row, error);
    if (status == ESP_OK)
        status = store_commit(run->store, error);
    return status;
}

static esp_status stuck(struct run *run, struct error *error)
{
    return error_set(error, ESP_ERROR,
                     "strategy %s answers WAIT with no trial open: it would wait for ever",
                     run->experiment->strategy.component->id);
}

// After a first Ctrl-C: what runs comes to its end and is stored, a resume tells it to the strategy.
static esp_status drain(struct run *run, struct error *error)
{
    run->interrupted = true;
    // Between the calls of an executor that has no descriptor nothing runs.
    if (!run->poll || run->interrupt.stop)
        return ESP_OK;
    esp_status status = run_withdraw(run, error);
    if (status == ESP_OK && run->submitted_count > 0)
        log_line(ESP_LOG_WARNING,
                 "interrupted: the trials that run come to their end first; a second "
                 "Ctrl-C stops now; both can be resumed");
    while (status == ESP_OK && run->submitted_count > 0 && !run->interrupt.stop) {
        run_show_search(run, false);
        status = run_wait(run, NULL, 0, error);
    }
    return status;
}

// One pass of the loop; `*over` at END.
static esp_status step(struct run *run, bool *over, struct error *error)
{
    struct order_step next = order_next(run->order);
    switch (next.action) {
    case ORDER_ASK:
        return do_ask(run, error);
    case ORDER_TELL:
        return run_tell(run, next.trial, error);
    case ORDER_AWAIT:
        return do_await(run, error);
    default:
        *over = true;
        return order_reason(run->order) == ORDER_REASON_STUCK ? stuck(run, error) : ESP_OK;
    }
}

// The best of all trials, of those at a lower fidelity too where there is no other.
static esp_status find_best(struct run *run, struct error *error)
{
    struct result_set set;
    esp_status status = run_result_set(run, &set, error);
    if (status != ESP_OK)
        return status;
    run->best = set.best;
    free(set.front);
    return ESP_OK;
}

esp_status run_search(struct run *run, struct error *error)
{
    if (run->finished)
        return find_best(run, error);
    run->row.state = RUN_RUNNING;
    esp_status status = store_set_run(run->store, &run->row, error);
    if (status == ESP_OK)
        status = store_commit(run->store, error);
    if (status == ESP_OK)
        status = run_open_executor(run, error);
    bool over = false;
    for (uint64_t round = 0; status == ESP_OK && !over && !run->interrupt.finish; round++) {
        status = step(run, &over, error);
        if (status == ESP_OK && run->cheap && round % CHEAP_ROUND == 0) {
            uv_run(run->loop, UV_RUN_NOWAIT);
            run_show_search(run, false);
        }
    }
    if (status == ESP_OK && !over)
        status = drain(run, error);
    if (status == ESP_OK && !run->interrupted && run->told_count > 0)
        run_show_search(run, true);
    progress_clear(run->progress);
    struct error second;
    error_clear(&second);
    esp_status written = finish(run, status == ESP_OK ? NULL : error->message, &second);
    if (status == ESP_OK && written != ESP_OK) {
        *error = second;
        status = written;
    }
    return status == ESP_OK && run->best < 0 ? find_best(run, error) : status;
}
