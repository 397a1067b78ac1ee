// SPDX-License-Identifier: Apache-2.0
// A study: many runs beside each other, grouped by method, for `espalier results` over several folders.
// Of each run it keeps what the best-so-far needs - the trials that improved on what was there before -
// so that memory grows with the runs and hardly with their trials.
//
// study.c holds runs and methods, study_run.c reads a run folder, study_csv.c a CSV of trials,
// study_files.c finds the runs below a folder, study_labels.c says in what methods differ, study_builds.c
// which of them were made with other builds of a plugin.
#ifndef REPORT_STUDY_H
#define REPORT_STUDY_H

#include "config/config.h"
#include "error/error.h"

#include <stdbool.h>
#include <jansson.h>
#include <stdint.h>

// A metric and its value.
struct study_value {
    char *name;
    double value;
};

// A trial that no earlier one of its run was as good as, when its outcome was told; with several
// objectives, one that no earlier one dominated.
struct study_step {
    uint64_t trial;
    uint64_t told;  // outcomes told by then, this one counted
    double seconds; // of the run by then
    double cost;    // sum of the run's costs by then; NaN where it has none
    double *values; // [objectives, then the run's reports]; NaN where there is none
};

struct study_run {
    char *source; // the folder, or the CSV file
    char *name;
    uint64_t seed;
    bool has_seed; // a CSV may have none
    char *state;   // of the run, or of the sweep where no store is there yet
    char *reason;  // why it ended or failed; NULL
    bool complete; // state done
    uint64_t method;
    uint64_t trials, failed; // outcomes told, and those that failed or were lost among them
    double seconds, cost;    // in all; cost NaN where there is none
    bool partial;            // no trial had the full fidelity: those of the largest cost count
    struct study_step *steps;
    uint64_t step_count;
    char **reports; // metrics that the search did not see: test_ and `report` ones
    uint64_t report_count;
    struct study_value *finals; // of the best trial's final trainings: the mean over their seeds
    uint64_t final_count;
    char *data;      // SHA-256 of the data; NULL
    json_t *plugins; // [{"kind", "id", "sha256", ...}] that it was made with; NULL: a CSV
};

#define STUDY_NO_METHOD UINT64_MAX

struct study_method {
    char *key;             // what makes runs those of one method: settings, or a CSV's word for it
    char *label;           // for people: study_label
    struct config *config; // of its first run; NULL for a CSV's
    char *data;            // as its runs have it
    char *file;            // a CSV's
    uint64_t runs;
};

struct study_objective {
    char *metric;
    bool maximize;
};

// Begins as all zero.
struct study {
    struct study_objective *objectives;
    uint64_t objective_count;
    char *space;  // id; NULL where only CSVs were read
    char *origin; // the source that objectives and space came from first
    struct study_run *runs;
    uint64_t run_count, run_capacity;
    struct study_method *methods;
    uint64_t method_count;
    // [objective_count] the worst value that any trial in steps has: the reference of a hypervolume
    // where none is said.
    double *worst;
    uint64_t found; // runs and files met, those read before too
    char **seen;    // real paths of the folders and files that were read
    uint64_t seen_count;
};

void study_destroy(struct study *study);

// Reads what is at `path`: a run folder, a folder with run folders below it (a sweep's, or any), or a
// CSV of trials. What was read before is passed over.
esp_status study_add(struct study *study, const char *path, struct error *error);
// The same for one run folder, and for one CSV.
esp_status study_add_run(struct study *study, const char *folder, struct error *error);
esp_status study_add_csv(struct study *study, const char *path, struct error *error);
// Whether the folder holds a run itself.
bool study_is_run(const char *path);

// Objectives as text: "maximize valid_accuracy, minimize params" (or `;` between). The first call
// settles them, later ones must agree; `origin` names who says so.
esp_status study_set_objectives(struct study *study, const char *text, const char *origin,
                                struct error *error);
// The text again. Owner: the caller (free).
char *study_objectives_text(const struct study *study);

// Where a run is looked at: after so many trials, seconds of the run or cost; or at its end.
enum study_axis { STUDY_END, STUDY_TRIALS, STUDY_SECONDS, STUDY_COST };
struct study_point {
    enum study_axis axis;
    double at;
};
// Whether the step was made by then.
bool study_reached(const struct study_step *step, const struct study_point *point);
// The step of the architecture that the search would choose at that point: the best by the first
// objective, ties to the lower trial. NULL: none yet.
const struct study_step *study_chosen(const struct study *study, const struct study_run *run,
                                      const struct study_point *point);

// Appends a copy of the step where it improves on those that are there; they come in the order of
// telling. The study's objectives are settled, the run's reports named.
esp_status study_offer(const struct study *study, struct study_run *run,
                       const struct study_step *step, struct error *error);

// Enters a run, which becomes the study's even on failure, with the method of that key; NULL: with none.
// `config`: as in study_method, taken over too.
esp_status study_enter(struct study *study, struct study_run *run, char *key, struct config *config,
                       const char *file, struct error *error);
void study_run_destroy(struct study_run *run);
// Widens `worst` by the run's steps.
esp_status study_note_worst(struct study *study, const struct study_run *run, struct error *error);

// What is the same for all runs of a method: the resolved configuration without what names a run,
// where it writes, and how it is spread over the machine. Owner: the caller (free).
char *study_key(const struct config *config, const char *data, struct error *error);
// Whether that key counts.
bool study_counts(const struct config_entry *entry, bool data_known);

// Gives all methods their labels: the strategy, with the settings in which it differs from others.
esp_status study_label(struct study *study, struct error *error);

// A setting besides [strategy] in which the methods differ, and which method has what.
struct study_difference {
    char *key;
    char **values; // [method_count]; NULL where the method has no such key
};
esp_status study_differences(const struct study *study, struct study_difference **out,
                             uint64_t *count, struct error *error);
// Plugins that runs have in common, in builds that differ: "build of space/chain", and of each method the
// beginnings of the SHA-256. Appends to the list.
esp_status study_add_builds(const struct study *study, struct study_difference **list,
                            uint64_t *count, struct error *error);
void study_differences_destroy(struct study_difference *list, uint64_t count,
                               const struct study *study);

#endif
