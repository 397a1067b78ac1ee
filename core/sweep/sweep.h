// SPDX-License-Identifier: Apache-2.0
// A sweep: many runs from one INI, each in a process of its own. What each file does:
//   axes.c, values.c, expand.c   [sweep] to axes to runs
//   settings.c   the configuration of one run
//   plan.c       all runs, named and checked before any begins
//   index.c      sweep.json, and what an out folder holds already
//   expected.c   how long a run will take
//   child.c      one run in a process of its own
//   pool.c       all of them over one pool of workers
//   collect.c    runs that have ended, moved to the one store
//   list.c       a sweep read back from its folder
// docs/sweeps.md is the manual, and states the layout on disk.
#ifndef SWEEP_SWEEP_H
#define SWEEP_SWEEP_H

#include "config/experiment.h"
#include "store/store.h"
#include "sweep/axes.h"

#include <jansson.h>
#include <sys/types.h>

#define SWEEP_INDEX "sweep.json"
#define SWEEP_INDEX_VERSION 1

enum sweep_state {
    SWEEP_WAITING,
    SWEEP_RUNNING,
    SWEEP_DONE,
    SWEEP_INTERRUPTED, // it was begun, and can be resumed
    SWEEP_FAILED       // it is tried again by the next command
};
const char *sweep_state_name(enum sweep_state state);

struct sweep_run {
    char *name;   // "strategy=random,seed=1"
    char *folder; // of the run, below the sweep's
    const int32_t *choices;
    char *text; // the resolved configuration, but for [run] out and workers
    bool cheap;
    bool has_finals;    // [final] trains something
    uint64_t lookahead; // most workers that can be used
    struct budget budget;
    double work;      // what it costs in units of its own: trials times epochs
    uint64_t setting; // equal for runs that differ in the seed alone; counted from 0
    uint64_t group;   // equal for runs that differ in the seed and in [strategy] alone
    enum sweep_state state;
    double seconds;     // of the run, all sessions; NaN = unknown
    char *error;        // why it failed
    bool has_own_store; // its folder has one with the run in it
    bool is_collected;  // the sweep's store has it, perhaps as it was before it went on
};

// Finished runs of one kind: what expected.c goes by.
struct sweep_times {
    double seconds, work;
    uint64_t count;
};

struct sweep {
    struct config *config;
    struct registry *registry;
    struct axes axes;
    int32_t *choices;
    struct sweep_run *runs;
    uint64_t count;
    char *name;
    char *out; // as it was said
    uint64_t workers;
    struct sweep_times *settings, *groups; // by their numbers
    uint64_t setting_count, group_count;
    struct sweep_times all;
};

// Reads the axes, crosses them, and checks every run as `espalier run` would. `config` becomes the
// sweep's even on failure; `registry` outlives it.
esp_status sweep_open(struct sweep **out, struct config *config, struct registry *registry,
                      struct error *error);
void sweep_close(struct sweep *sweep);

// The configuration of a run: the file's, settings of its methods, the values of its axes. Owner: the
// caller (config_destroy).
esp_status sweep_config(struct config **out, const struct sweep *sweep, const int32_t *choices,
                        struct error *error);
// The value of an axis in a run; NULL where the run does not have it.
const char *sweep_value(const struct sweep *sweep, const struct sweep_run *run, uint64_t axis);

// ---- The out folder -----------------------------------------------------------------------------

// Refuses a folder that holds something else, and takes the states of the runs from their stores.
esp_status sweep_look(struct sweep *sweep, struct error *error);
// Takes one run's state from its own store, else from the sweep's, `store` (may be NULL). `refuse`:
// settings that differ from the stored ones are an error.
esp_status sweep_look_at(struct sweep *sweep, struct sweep_run *run, struct store *store,
                         bool refuse, struct error *error);
esp_status sweep_write_index(const struct sweep *sweep, struct error *error);
// NULL: out of memory.
json_t *sweep_index(const struct sweep *sweep);

// The sweep's store. STORE_READ leaves `*out` NULL where there is none.
esp_status sweep_open_store(struct store **out, const struct sweep *sweep, enum store_access access,
                            struct error *error);
// Moves the runs that are done or failed to it. No process that may fork keeps a store open.
esp_status sweep_collect(struct sweep *sweep, struct error *error);
// Before a run goes on: gives it a store of its own again, where only the sweep's has it.
esp_status sweep_give_back(struct sweep *sweep, struct sweep_run *run, struct error *error);
bool sweep_file_exists(const char *folder, const char *name);

// ---- Time ---------------------------------------------------------------------------------------

// Takes `run`, finished, into account; answers whether its setting was unknown so far.
bool sweep_learn(struct sweep *sweep, const struct sweep_run *run);
// Seconds that the run is expected to take; NaN where nothing like it has finished.
double sweep_expected(const struct sweep *sweep, const struct sweep_run *run);
// Tries one run of each group whose time is unknown for about two seconds, in a temporary folder. What
// goes wrong in such a run is warned of.
esp_status sweep_measure(struct sweep *sweep, struct error *error);
// Seconds that all runs that are not done will take on the sweep's workers; NaN = unknown.
double sweep_left(const struct sweep *sweep);

// ---- Running ------------------------------------------------------------------------------------

// Runs that one process makes one after the other: cheap ones take less time than its fork.
#define SWEEP_BATCH 32
// What stands before the exit status of a run, in the line that its process writes when it has ended.
#define SWEEP_ENDED '\001'

struct sweep_start {
    const char *out; // the folder; NULL: each run's own
    uint64_t workers;
    double seconds; // at most so long, without final trainings; 0 = as the configuration says
};
// Starts a process for `count` runs, which dies with this one. Its exit status is that of the last run;
// a crash and an interruption leave the later ones out. `*channel`: its standard error, to be read and
// closed by the caller, not blocking.
esp_status sweep_start_run(pid_t *process, int *channel, const struct sweep *sweep,
                           struct sweep_run *const *runs, uint64_t count,
                           const struct sweep_start *start, struct error *error);

// Runs all that is not done over the pool, longest first. ESP_OK also where runs failed: their states
// tell. `*interrupted`: by Ctrl-C or SIGTERM.
esp_status sweep_run_all(struct sweep *sweep, bool quiet, bool *interrupted, struct error *error);

#endif
