// SPDX-License-Identifier: Apache-2.0
// The host's own sections of the INI; see sections.h.
#include "config/sections.h"

static const char *const order_names[] = {"fixed", "async"};
static const char *const keep_names[] = {"all", "best", "none"};
static const char *const identity_names[] = {"decisions", "canonical"};

static const esp_param experiment_table[] = {
    ESP_PARAM_TEXT("name", "run", "the run's name; the default out folder is results/<name>"),
    ESP_PARAM_INT("seed", 1, 0, INT64_MAX, "", "seed of every random stream of the run"),
};

static const esp_param dataset_table[] = {
    ESP_PARAM_REAL("valid_fraction", 0.1, 0, 0.9, "",
                   "share of the training samples that validation gets where the dataset has no "
                   "validation split"),
    ESP_PARAM_INT("split_seed", 0, 0, INT64_MAX, "",
                  "seed of that cut; never the run's, so that runs compare"),
    ESP_PARAM_INT("train_limit", 0, 0, INT64_MAX, "samples",
                  "training samples that a search uses; 0 = all"),
};

static const esp_param objective_table[] = {
    ESP_PARAM_TEXT("maximize", "", "metrics to maximize, separated by commas"),
    ESP_PARAM_TEXT("minimize", "", "metrics to minimize, separated by commas"),
    ESP_PARAM_TEXT("subject_to", "", "constraints: params <= 1e6, latency_ms <= 5"),
    ESP_PARAM_BOOL("test_objective", 0, "allow test_ and report metrics as objectives"),
};

static const esp_param budget_table[] = {
    ESP_PARAM_INT("trials", 0, 0, INT64_MAX, "trials",
                  "trials asked, whatever their outcome; 100 where no limit is said"),
    ESP_PARAM_TEXT("time", "", "time of the run: 90s, 10m, 2h"),
    ESP_PARAM_REAL("cost", 0, 0, 1e300, "", "sum of the metric cost; 0 = no limit"),
    ESP_PARAM_INT("failures", 0, 0, INT64_MAX, "trials", "failed trials; 0 = no limit"),
    ESP_PARAM_TEXT("target", "",
                   "METRIC >= NUMBER or METRIC <= NUMBER: the run ends at the first trial that "
                   "meets it"),
};

static const esp_param run_table[] = {
    ESP_PARAM_INT("workers", 0, 0, 4096, "processes", "worker processes; 0 = a core each"),
    ESP_PARAM_CHOICE("order", "fixed", order_names,
                     "fixed: the same trials with any number of workers; async: outcomes are told "
                     "as they come"),
    ESP_PARAM_INT("lookahead", 0, 0, 100000, "trials",
                  "trials open at once; 0 = 8, and 1 for cheap estimators"),
    ESP_PARAM_TEXT("trial_time_limit", "10m", "time without progress that ends a trial; 0 = none"),
    ESP_PARAM_TEXT("trial_memory_limit", "4G", "resident memory that ends a trial; 0 = none"),
    ESP_PARAM_TEXT("out", "", "the out folder, from the current folder; empty = results/<name>"),
    ESP_PARAM_CHOICE("keep", "best", keep_names,
                     "whose artifacts stay; best: of the other trials the learning curves stay"),
    ESP_PARAM_TEXT("horizon", "",
                   "of schedules: a number, or 'fidelity'; empty = the parameter before any "
                   "fidelity"),
    ESP_PARAM_CHOICE("identity", "decisions", identity_names,
                     "which architectures count as the same one for `repeat` and exhaustion: those "
                     "with the same decisions, or with the same canonical form of the space"),
};

static const esp_param start_table[] = {
    ESP_PARAM_TEXT(
        "arch", "",
        "an architecture in the space's own notation, or a file with one a line, as text "
        "or as JSON"),
};

static const esp_param final_table[] = {
    ESP_PARAM_TEXT("retrain", "none",
                   "what is trained in full at the end: none, best, pareto, top<N>"),
    ESP_PARAM_INT("seeds", 1, 1, 1000, "trainings", "how many trainings of each, seed after seed"),
};

static const esp_param report_table[] = {
    ESP_PARAM_TEXT("reference", "",
                   "of several objectives: METRIC=NUMBER of each, with commas between: where the "
                   "hypervolume of `espalier results` ends"),
};

static const esp_param plugins_table[] = {
    ESP_PARAM_TEXT("pin", "",
                   "ID SHA256 or KIND/ID SHA256, with commas between: another build of that plugin "
                   "is refused"),
};

#define TABLE(table) table, ESP_COUNT(table)

const struct section sections[SECTION_COUNT] = {
    [SECTION_EXPERIMENT] = {"experiment", "What the run is called, and its seed.",
                            TABLE(experiment_table), false},
    [SECTION_SPACE] = {"space", "What can be represented.", NULL, 0, true},
    [SECTION_STRATEGY] = {"strategy", "What is tried next.", NULL, 0, true},
    [SECTION_ESTIMATOR] = {"estimator", "How good an architecture is.", NULL, 0, true},
    [SECTION_DATASET] = {"dataset",
                         "On what data; `synthetic` where the section is left out. The host's own "
                         "keys:",
                         TABLE(dataset_table), true},
    [SECTION_OBJECTIVE] = {"objective", "What is sought. At least one metric.",
                           TABLE(objective_table), false},
    [SECTION_BUDGET] = {"budget", "When the search ends.", TABLE(budget_table), false},
    [SECTION_ENGINE] = {"engine",
                        "How networks are computed; `auto` picks the fastest that is present.",
                        NULL, 0, true},
    [SECTION_EXECUTOR] = {"executor",
                          "Where trials run: `local` (worker processes) where it is left out, or "
                          "`inline`.",
                          NULL, 0, true},
    [SECTION_RUN] = {"run", "How it runs.", TABLE(run_table), false},
    [SECTION_START] =
        {"start", "What is tried first, before the strategy is asked; it is told the outcomes.",
         TABLE(start_table), false},
    [SECTION_FINAL] = {"final",
                       "The training in full at the end, on all training data. Takes every key of "
                       "[estimator] besides.",
                       TABLE(final_table), false},
    [SECTION_REPORT] = {"report", "How runs are compared; no run depends on it.",
                        TABLE(report_table), false},
    [SECTION_PLUGINS] =
        {"plugins",
         "Which builds of the plugins may be loaded; the `config.ini` of a run pins "
         "all that it used.",
         TABLE(plugins_table), false},
    [SECTION_FIX] = {"fix",
                     "Fixed decisions: `path = value`, where `*` in a path stands for any part of "
                     "it.",
                     NULL, 0, false},
};
