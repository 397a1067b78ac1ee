// SPDX-License-Identifier: Apache-2.0
// The evaluation context of one trial (esp_evaluation): what the estimator pulls, and what it reports.
#ifndef EVALUATE_EVALUATION_H
#define EVALUATE_EVALUATION_H

#include "evaluate/session.h"

#include <espalier/estimator.h>

#define EVALUATION_MOST_PROGRAMS 16

struct evaluation {
    esp_evaluation handle; // first: lent to the estimator
    struct error *error;   // of the trial
    struct session *session;
    const struct specification *specification;
    struct arch *arch;
    uint64_t seed, lineage; // name the streams
    const esp_estimator_info *info;
    // Parameters of the estimator before any fidelity: the horizon of schedules.
    const struct parameters *before_fidelity;

    struct graph *graph; // NULL until it is asked for
    struct program *programs[EVALUATION_MOST_PROGRAMS];
    uint64_t program_count;
    struct data *data; // borrowed from the session; NULL until it is asked for

    double *metrics;       // in the order of the declaration, NaN where not set
    struct result *result; // further metrics of a final training go there; NULL on the cheap path
    json_t *curve;         // points; NULL without
    json_t *checkpoint;    // numbers of the loaded checkpoint; NULL without
    progress_function progress;
    void *progress_self;
    bool stopped;
    double began;

    // The parameters of the dataset for this trial: borrowed.
    const struct parameters *dataset, *host_data;
};

extern const esp_evaluation_api evaluation_api;

// Frees graph, programs, curve and numbers.
void evaluation_end(struct evaluation *evaluation);

// The graph, built at the first call.
esp_status evaluation_build(struct evaluation *evaluation);

// ---- What the session lends (session.c) ------------------------------------------------------

esp_status session_engine(struct session *session, const struct instance **out,
                          struct error *error);
esp_status session_data(struct session *session, const struct parameters *dataset,
                        const struct parameters *host_data, bool final, bool test,
                        struct data **out, struct error *error);

#endif
