// SPDX-License-Identifier: Apache-2.0
// The store: out/espalier.db, SQLite. One writer, many readers. The schema is schema.c's; rows are
// keyed (run, trial), decisions are packed against the run's dictionary and metrics are binary64 in
// the run's order, so that a cheap search stores 200,000 trials a second. JSON is made on reading.
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "arch/arch.h"
#include "error/error.h"
#include "evaluate/specification.h"

#include <espalier/metric.h>

#include <jansson.h>

// The newest layout that this program reads and writes (user_version).
#define STORE_VERSION 2

struct store;

// Unsynced: nothing waits for the disk. A killed process loses what it would have lost anyway, a power cut
// may damage the file: for rows that are had again in a moment.
enum store_access { STORE_READ, STORE_WRITE, STORE_WRITE_UNSYNCED };

// Opens `<folder>/espalier.db`; STORE_WRITE makes it where it is missing and migrates an older one.
// A newer one is refused, both versions named.
esp_status store_open(struct store **out, const char *folder, enum store_access access,
                      struct error *error);
// The store in which the run of `folder` is: its own, or that of its sweep (`folder` is SWEEP/runs/RUN,
// which need not exist then), whose store_get_run answers with this run. STORE_WRITE makes none in a
// sweep. A sweep's own folder is refused.
esp_status store_open_run(struct store **out, const char *folder, enum store_access access,
                          struct error *error);
// Reads; `*out` stays NULL where there is none, or one that was killed before its tables were made.
esp_status store_open_if_there(struct store **out, const char *folder, struct error *error);
// Whether store_open_run would find a store.
bool store_finds_run(const char *folder);
// Commits what is open, then closes.
void store_close(struct store *store);

// Changes are gathered in one transaction. store_commit ends it; store_tick does where it is older
// than 100 ms at `now`, seconds of the monotonic clock. A failing commit (a full disk) is an error with
// SQLite's reason.
esp_status store_commit(struct store *store, struct error *error);
esp_status store_tick(struct store *store, double now, struct error *error);

// ---- Runs -------------------------------------------------------------------------------------

enum run_state { RUN_RUNNING = 1, RUN_DONE = 2, RUN_INTERRUPTED = 3, RUN_FAILED = 4 };
const char *run_state_name(enum run_state state);

struct run_row {
    int64_t run;
    char *name;
    uint64_t seed;
    char *config; // the resolved INI
    enum run_state state;
    char *reason;     // budget, exhausted, strategy, failures, error; NULL while it runs
    char *message;    // of an error; NULL where there is none
    char *space;      // id
    char *objectives; // JSON of metrics_json: objectives and constraints
    char *data_sha256;
    char *provenance; // JSON: versions, instruction set, machine
    double elapsed;   // seconds over all sessions
    int64_t plugin_set;
    bool finals_done;
};
void run_row_destroy(struct run_row *row);

// One metric of the run, in the order of the values.
struct metric_row {
    char *name;
    char *unit;
    uint32_t flags;  // ESP_METRIC_*
    uint32_t better; // ESP_BETTER_*
};

// A plugin of a set; the texts are the caller's.
struct plugin_row {
    uint32_t kind;
    const char *id, *version, *sha256, *path;
};

// Writes a new run with its metrics and plugins; `row->run` is set.
esp_status store_add_run(struct store *store, struct run_row *row, const struct metric_row *metrics,
                         uint64_t metric_count, const struct plugin_row *plugins,
                         uint64_t plugin_count, struct error *error);
// Sets config, state, reason, message, elapsed and finals_done of the run.
esp_status store_set_run(struct store *store, const struct run_row *row, struct error *error);
// The run that store_open_run was for, else the first of the store; ESP_ERROR_NOT_FOUND in an empty one.
esp_status store_get_run(struct store *store, struct run_row *out, struct error *error);
// The run of that label in a sweep's store; ESP_ERROR_NOT_FOUND where there is none.
esp_status store_get_labelled(struct store *store, const char *label, struct run_row *out,
                              struct error *error);
// Does it hold the run of that label? NULL: any run.
esp_status store_holds(struct store *store, const char *label, bool *out, struct error *error);
esp_status store_get_metrics(struct store *store, int64_t run, struct metric_row **out,
                             uint64_t *count, struct error *error);
void metric_rows_destroy(struct metric_row *rows, uint64_t count);
// The plugins of a set as JSON: [{"kind", "id", "version", "sha256", "path"}].
esp_status store_get_plugins(struct store *store, int64_t plugin_set, json_t **out,
                             struct error *error);

// Fills `dictionary` (empty) with the run's decisions, in their order, so that packed traces can be
// read and new ones appended.
esp_status store_load_dictionary(struct store *store, int64_t run, struct dictionary *dictionary,
                                 struct error *error);

// ---- Moving a run ------------------------------------------------------------------------------

// Copies the run of `folder`'s own store into `store` under `label`, in the place of what had that label,
// in one transaction. Nobody else writes either.
esp_status store_take_run(struct store *store, const char *folder, const char *label,
                          struct error *error);
// The other way: the run `label` becomes that of `folder`'s own store, which has none.
esp_status store_give_run(struct store *store, const char *folder, const char *label,
                          struct error *error);

// ---- Trials -----------------------------------------------------------------------------------

enum trial_state {
    TRIAL_QUEUED = 1,
    TRIAL_RUNNING = 2,
    TRIAL_DONE = 3,
    TRIAL_STOPPED = 4,
    TRIAL_FAILED = 5,
    TRIAL_LOST = 6,
    TRIAL_CANCELLED = 7
};
const char *trial_state_name(enum trial_state state);
// done, stopped, failed, lost, cancelled
bool trial_state_is_outcome(enum trial_state state);

struct trial_row {
    uint64_t trial;
    enum trial_state state;
    uint64_t asked_event; // the number of the ask among asks and tells; from 1
    uint64_t told_event;  // 0 = not told
    uint64_t lineage;
    int64_t parent; // -1 = none
    uint32_t mode;  // ESP_MODE_*
    uint64_t attempt;
    uint64_t hash;
    struct arch *arch; // borrowed; a reader retains it to keep it
    const struct fidelity *fidelity;
    uint64_t fidelity_count;
    const double *metrics; // in the run's order, NaN where there is none; NULL = none at all
    uint64_t metric_count;
    double seconds;    // of the evaluation, measured
    double elapsed;    // of the run, when it was told
    const char *error; // NULL where there is none
};

// Inserts a trial (and the decisions that its trace brings to the dictionary).
esp_status store_insert_trial(struct store *store, int64_t run, const struct trial_row *row,
                              struct error *error);
// Sets state, told_event, attempt, metrics, seconds, elapsed and error.
esp_status store_update_trial(struct store *store, int64_t run, const struct trial_row *row,
                              struct error *error);

// Calls `each` for all trials in order, or for one; the row lives as long as the call. Architectures
// are made in `dictionary` (store_load_dictionary); NULL: row->arch is NULL. A callback's status other
// than ESP_OK ends it.
typedef esp_status (*trial_visitor)(void *self, const struct trial_row *row);
esp_status store_each_trial(struct store *store, int64_t run, struct dictionary *dictionary,
                            trial_visitor each, void *self, struct error *error);
esp_status store_one_trial(struct store *store, int64_t run, uint64_t trial,
                           struct dictionary *dictionary, trial_visitor each, void *self,
                           struct error *error);

// ---- Final trainings --------------------------------------------------------------------------

struct final_row {
    uint64_t final; // 0, 1, ...
    uint64_t trial; // whose architecture
    uint64_t seed;
    enum trial_state state;
    char *metrics; // JSON object text; NULL where there is none
    double seconds;
    char *error;
    bool test_read; // the test split was read
    char *folder;   // relative to out
};
void final_row_destroy(struct final_row *row);

// Inserts or replaces.
esp_status store_put_final(struct store *store, int64_t run, const struct final_row *row,
                           struct error *error);
typedef esp_status (*final_visitor)(void *self, const struct final_row *row);
esp_status store_each_final(struct store *store, int64_t run, final_visitor each, void *self,
                            struct error *error);

#endif
