// SPDX-License-Identifier: Apache-2.0
// The experiment: an INI with every section resolved, checked and typed. What runs, trains and
// evaluates reads this, never the INI.
#ifndef CONFIG_EXPERIMENT_H
#define CONFIG_EXPERIMENT_H

#include "config/config.h"
#include "config/parameters.h"
#include "config/sections.h"
#include "loader/registry.h"

// A section that names a plugin.
struct part {
    const struct component *component;
    struct parameters parameters;
};

struct objective {
    const char *metric;
    bool maximize;
};

struct constraint {
    const char *metric;
    bool at_most; // else at least
    double bound;
};

struct budget {
    uint64_t trials;   // 0 = no limit; at least one limit is given (default: trials = 100)
    double seconds;    // time; 0 = no limit
    double cost;       // 0 = no limit
    uint64_t failures; // 0 = no limit
    // The run ends at the first trial that meets it; metric NULL: none. Owner: the experiment.
    struct constraint target;
};

enum order_kind { ORDER_FIXED, ORDER_ASYNC };
enum keep { KEEP_ALL, KEEP_BEST, KEEP_NONE };
enum identity { IDENTITY_DECISIONS, IDENTITY_CANONICAL };
enum retrain { RETRAIN_NONE, RETRAIN_BEST, RETRAIN_PARETO, RETRAIN_TOP };

struct experiment {
    struct config *config; // owner: the experiment
    struct registry *registry;

    const char *name;
    uint64_t seed;

    struct part space, strategy, estimator, dataset, engine, executor;
    // What the estimator wraps: [estimator.BASE]. No component where it wraps nothing.
    struct part base;

    // The host's own keys of [dataset]: valid_fraction, split_seed, train_limit.
    struct parameters data;

    struct objective *objectives;
    uint64_t objective_count;
    struct constraint *constraints;
    uint64_t constraint_count;
    bool test_objective;

    struct budget budget;

    // [run]
    uint64_t workers;
    enum order_kind order;
    uint64_t lookahead;          // 0: by the estimator (8, cheap ones 1)
    double trial_time_limit;     // seconds; 0 = none
    uint64_t trial_memory_limit; // bytes; 0 = none
    const char *out;             // folder
    enum keep keep;
    bool horizon_is_fidelity;
    uint64_t horizon; // 0 = the parameter before any fidelity
    enum identity identity;

    // [start]
    const char *start; // a text, or the absolute path of a file; "" = nothing
    bool start_is_file;

    // [final]
    enum retrain retrain;
    uint64_t retrain_count;           // of RETRAIN_TOP
    struct parameters final_training; // [estimator] with the keys of [final] over it
    uint64_t final_seeds;             // how many trainings; default 1

    // [fix]
    struct fixed {
        const char *pattern, *value;
    } * fixes;
    uint64_t fix_count;

    // The host's own sections as resolved, by enum section_id: what experiment_text writes.
    struct parameters own[SECTION_COUNT];
};

// Everything that can be said without creating an instance is checked here, with file, line, key
// and the nearest valid name: unknown sections, keys, plugins; types and ranges; a missing
// objective. `config` becomes the experiment's even on failure.
esp_status experiment_create(struct experiment **out, struct config *config,
                             struct registry *registry, struct error *error);
void experiment_destroy(struct experiment *experiment);

// The INI as resolved: every section and key with its value, defaults too, paths absolute; loads to
// the same experiment, and to the same text. `pinned`: with the SHA-256 of each plugin that it uses, so
// that no other build is taken for it; else with those pins that were said. Owner: the caller (free).
char *experiment_text(const struct experiment *experiment, bool pinned, struct error *error);

// Lines "  section.key: old -> new" for every difference that a resume does not allow (all but
// [budget], [final], [executor], [report], [plugins], run.workers, run.out; dataset.path where `ignore_dataset_path`).
// NULL where there is none. Owner: the caller (free).
char *experiment_difference(const char *stored_text, const char *text, bool ignore_dataset_path,
                            struct error *error);

// Do two resolved texts say the same in a section, "[budget]"?
bool experiment_same_section(const char *a, const char *b, const char *section);

#endif
