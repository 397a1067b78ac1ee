// SPDX-License-Identifier: Apache-2.0
// One run: the coordinator's object, from the opened out folder to the summary. What each file does:
//   out.c     the out folder and its lock
//   open.c    store, session and strategy of a new run, and what can be refused
//   resume.c  one that is taken up again
//   trials.c  trials in memory
//   loop.c    asks and tells by the order, until it says END
//   tell.c    one outcome told
//   submit.c  specifications to the executor, its events back, attempts
//   final.c   the final trainings
//   models.c, model_card.c   what they leave: ONNX models, and a page about them
//   interrupt.c  Ctrl-C
// What a person is told at the end is report/summary.h's.
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include "config/experiment.h"
#include "evaluate/session.h"
#include "execute/execute.h"
#include "loader/instance.h"
#include "progress/progress.h"
#include "run/metrics.h"
#include "run/interrupt.h"
#include "run/order.h"
#include "run/result_set.h"
#include "run/search.h"
#include "run/start.h"
#include "store/store.h"

#include <uv.h>

// How often a trial whose worker was lost is run again.
#define RUN_LOST_RETRIES 3

// A trial in memory. A run may have millions: 120 bytes each, and its metrics.
struct trial {
    struct arch *arch;         // NULL once nobody needs it (cheap trials that were told)
    double *metrics;           // in the run's order; NULL without; owner: the run
    struct fidelity *fidelity; // `fidelity_count` of them
    char *error;
    char *folder;  // of the current attempt
    char *earlier; // of a lost attempt that may hold a checkpoint
    uint64_t hash;
    uint64_t asked_event, told_event;
    uint64_t lineage;
    int64_t parent;
    double seconds, elapsed;
    uint32_t attempt; // of the next or current submission
    uint32_t fidelity_count;
    enum trial_state state : 8;
    uint32_t mode : 8;
    uint32_t lost : 8;  // how often its worker was lost in this session
    bool stored : 1;    // a row is in the store
    bool continued : 1; // a continuation of it was asked: the next starts a new lineage
};

struct run_options {
    bool resume;
    bool quiet;
    bool json;     // the summary as JSON on standard output, progress off it
    bool unsynced; // a run of moments: nothing waits for the disk, and no config.ini is written
};

struct run {
    const struct experiment *experiment;
    struct run_options options;
    char *out;    // absolute
    int lock;     // the locked descriptor; -1 = none
    bool fresh;   // the folder held no store before
    bool refused; // it never began: a fresh folder is left as it was found

    struct session *session;
    const esp_estimator_info *info;
    bool cheap;
    bool cheap_needs_graph;
    struct metrics metrics;

    struct store *store;
    struct run_row row;
    bool resumed;
    bool finished;    // a resume of a run that was done, with the same [budget]
    bool same_finals; // ... and the same [final]

    struct start start;
    struct search *search;
    struct instance *strategy;
    uint32_t strategy_takes;
    char strategy_name[96]; // for a crash: "strategy random"
    struct order *order;

    struct trial *trials;
    uint64_t trial_count, trial_capacity;
    double **blocks; // of trials' metrics
    uint64_t block_count;
    uint64_t block_used;    // trials whose metrics are in the last one
    double *spare_metrics;  // of a trial that has none after all; NULL: none
    uint64_t stored_count;  // trials of earlier sessions: replayed before anything new
    uint64_t *stored_tells; // asynchronous order: trials in the order of their tells
    uint64_t stored_tell_count, stored_tell_next;
    uint64_t events; // asks and tells so far

    struct jobs *jobs;
    struct instance *executor;
    uint64_t *submitted; // trials at the executor, in the order of their submission
    uint64_t submitted_count, submitted_capacity;
    uv_loop_t *loop;
    uv_poll_t *poll;
    uv_timer_t *timer;
    struct interrupt interrupt; // what was asked for
    bool interrupted;           // it ended early, for that

    double began;          // of this session, monotonic seconds
    double elapsed_before; // of earlier sessions
    int64_t best;          // trial, or -1
    uint64_t told_count, failed_count;
    char done_reason[128]; // the strategy's words at DONE

    struct progress *progress;
    struct error error; // of calls whose error is told to a person at the end
};

// Opens or resumes. The experiment outlives the run. Statuses: ESP_ERROR_INVALID and
// ESP_ERROR_NOT_FOUND are the user's (exit 2), the others the run's (exit 1).
esp_status run_open(struct run **out, const struct experiment *experiment,
                    const struct run_options *options, struct error *error);
void run_close(struct run *run);

// Runs until the order ends; sets state and reason in the store. With `interrupted` set it ended
// early and can be resumed. A failing status: the run has state failed and the reason.
esp_status run_search(struct run *run, struct error *error);

// The final trainings that the INI asks for and that are not done yet.
esp_status run_finals(struct run *run, struct error *error);

// ---- Shared by the files of the run -----------------------------------------------------------

double run_elapsed(const struct run *run);

// What a run consists of; the component of one that it has none of is NULL.
#define RUN_PARTS 7
void run_parts(const struct experiment *experiment, const struct part *parts[RUN_PARTS]);

// What this processor computes with: exact metrics are equal on one such set alone.
const char *run_instruction_set(void);

// Loads the stored run, refuses another experiment. `text`: the configuration as resolved now.
esp_status run_begin_resumed(struct run *run, const char *text, struct error *error);

// A new place for trial `run->trial_count`.
struct trial *run_add_trial(struct run *run, struct error *error);
// Room for the metrics of a trial, all NaN; and back, where it has none after all.
esp_status run_give_metrics(struct run *run, struct trial *trial, struct error *error);
void run_take_metrics(struct run *run, struct trial *trial);
// Frees all trials.
void run_clear_trials(struct run *run);

// Tells the outcome of an open trial that is in.
esp_status run_tell(struct run *run, uint64_t trial, struct error *error);
// The error of a call of the strategy, in words that name it.
esp_status run_strategy_failed(struct run *run, const char *call, esp_status status,
                               struct error *error);

// The store's row of a trial.
struct trial_row run_trial_row(const struct run *run, uint64_t trial);

// Loops of libuv around the executor: opened where the estimator is not cheap.
esp_status run_open_executor(struct run *run, struct error *error);
void run_close_executor(struct run *run);

// Hands a trial to the executor; and what a final training needs.
esp_status run_submit(struct run *run, uint64_t trial, struct error *error);
// Takes back what lies at the executor and does not run yet: it stays queued, for a resume.
esp_status run_withdraw(struct run *run, struct error *error);

// A job that is no trial: its specification is made by the caller.
struct final_job {
    struct specification specification;
    struct result result;
    bool done;
    bool lost;
    uint64_t lost_count;
};
esp_status run_submit_final(struct run *run, uint64_t job,
                            const struct specification *specification, struct error *error);

// The live display, or a plain line now and then.
void run_show_search(struct run *run, bool now);

// Waits for and handles events of the executor; answers when something changed or the run was
// interrupted. `finals`: jobs of final trainings by their number (may be NULL).
esp_status run_wait(struct run *run, struct final_job *finals, uint64_t final_count,
                    struct error *error);

// Writes model.onnx of each final training that is done, and the model card. Called when they are over.
esp_status run_models(struct run *run, struct error *error);
esp_status run_model_card(struct run *run, const struct final_row *rows, uint64_t count,
                          struct error *error);

// The job number of a final training.
#define RUN_FINAL_JOB (UINT64_C(1) << 62)

esp_status run_result_set(const struct run *run, struct result_set *out, struct error *error);
// The best `most` trials by the first objective, best first; `out` has room for them.
esp_status run_top(const struct run *run, uint64_t most, uint64_t *out, uint64_t *found,
                   struct error *error);

#endif
