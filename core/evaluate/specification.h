// SPDX-License-Identifier: Apache-2.0
// What a worker is asked for, and what it answers: one evaluation, self-contained. As JSON it
// crosses the process boundary.
#ifndef EVALUATE_SPECIFICATION_H
#define EVALUATE_SPECIFICATION_H

#include "error/error.h"

#include <espalier/fidelity.h>
#include <espalier/strategy.h>

#include <jansson.h>

struct fidelity {
    char *name;
    double value;
};

enum purpose {
    PURPOSE_TRIAL = 0,
    PURPOSE_FINAL = 1 // a final training: all data, last epoch kept
};

struct specification {
    enum purpose purpose;
    uint64_t trial;
    uint64_t attempt; // 0, 1, 2, 3
    uint64_t lineage; // names the streams
    uint64_t seed;    // of the run, or of one of several final trainings
    uint32_t mode;    // ESP_MODE_*
    bool test;        // a final training reads the test split at its end
    json_t *arch;     // architecture JSON; owner: the specification
    char hash[17];    // of the architecture, tested by the worker
    struct fidelity *fidelity;
    uint64_t fidelity_count;
    char *folder;        // of this attempt: absolute; made when something is written
    char *earlier;       // folder of a lost attempt whose checkpoint may be taken up, or NULL
    char *parent_folder; // artifacts of the parent (modes CONTINUE and INHERIT), or NULL
    char *weights;       // a safetensors file to start from: absolute, or NULL
    bool wants_files;
};

struct metric_value {
    char *name;
    double value;
};

struct result {
    uint32_t status; // ESP_OUTCOME_DONE, _STOPPED or _FAILED
    struct metric_value *metrics;
    uint64_t metric_count;
    double seconds; // measured, wall
    bool halt;      // failed through no fault of the trial: the disk is full, or may not be written
    char error[ERROR_MESSAGE_SIZE];
};

// NULL: out of memory. Every field is written, and must be there and right when it is read back.
json_t *specification_json(const struct specification *specification);
esp_status specification_parse(struct specification *out, const json_t *json, struct error *error);
void specification_destroy(struct specification *specification);

// NULL: out of memory. A number that is not finite crosses as null and comes back as NaN.
json_t *result_json(const struct result *result);
esp_status result_parse(struct result *out, const json_t *json, struct error *error);
void result_destroy(struct result *result);
// NaN where there is none of that name.
double result_metric(const struct result *result, const char *name);
// Sets or replaces.
esp_status result_set_metric(struct result *result, const char *name, double value,
                             struct error *error);

#endif
