// SPDX-License-Identifier: Apache-2.0
// The evaluation context of one trial (esp_evaluation): what the estimator pulls, and what it reports.
// evaluation.c serves its table, files.c what the table writes and reads.
#ifndef EVALUATE_EVALUATION_H
#define EVALUATE_EVALUATION_H

#include "evaluate/program.h"
#include "evaluate/safetensors.h"
#include "evaluate/session.h"
#include "evaluate/setting.h"

#include <espalier/estimator.h>

struct evaluation {
    esp_evaluation handle; // first: lent to the estimator
    struct error *error;   // of the trial
    struct session *session;
    const struct specification *specification;
    struct arch *arch;
    uint64_t seed, lineage;        // name the streams
    const struct setting *setting; // the resolved parameters; borrowed
    const esp_estimator_info *info;

    struct graph *graph; // NULL until it is asked for
    struct program **programs;
    uint64_t program_count;
    struct data *data; // borrowed from the session; NULL until it is asked for

    double *metrics;       // in the order of the declaration, NaN where not set; borrowed
    uint64_t next_metric;  // after the one that was set last
    struct result *result; // further metrics of a final training go there; NULL on the cheap path
    json_t *curve;         // points; NULL without
    struct safetensors *checkpoint; // the one that was loaded; NULL without
    progress_function progress;
    void *progress_self;
    bool stopped;
    double began; // by monotonic_seconds
};

extern const esp_evaluation_api evaluation_api;

// Begins an evaluation whose other members are set: its handle, and its clock.
void evaluation_begin(struct evaluation *evaluation);
// Frees graph, programs, curve and checkpoint.
void evaluation_end(struct evaluation *evaluation);

// Runs the estimator's function, with denormals flushed, and tests what it set. `metrics` has room for
// all that are declared.
esp_status evaluation_run(struct evaluation *evaluation, double *metrics);

// The graph, built at the first call.
esp_status evaluation_build(struct evaluation *evaluation);

// ---- What the session lends (session.c) ------------------------------------------------------

esp_status session_engine(struct session *session, const struct instance **out,
                          struct error *error);
esp_status session_data(struct session *session, const struct parameters *dataset,
                        const struct parameters *host_data, bool final, bool test,
                        struct data **out, struct error *error);

// ---- What files share -------------------------------------------------------------------------

// Denormals are flushed (FTZ and DAZ of MXCSR) while networks are computed, wherever that is: they are
// slow, and where they come up must not depend on who else is in the process. Answers what
// denormals_restore takes.
unsigned denormals_flush(void);
void denormals_restore(unsigned before);

// Seconds of wall time since some moment.
double monotonic_seconds(void);

// The folder functions of the table (files.c).
esp_status evaluation_save_weights(esp_evaluation *handle, esp_program *program, uint32_t which);
esp_status evaluation_save_checkpoint(esp_evaluation *handle, const esp_checkpoint *checkpoint);
esp_status evaluation_load_checkpoint(esp_evaluation *handle, esp_program *program,
                                      uint32_t *found);
double evaluation_checkpoint_number(esp_evaluation *handle, const char *name, double missing);
esp_status evaluation_checkpoint_tensor(esp_evaluation *handle, const char *name,
                                        const esp_shape *shape, float *out);
// Takes the weights of the parent that agree, where the trial inherits.
esp_status evaluation_inherit(struct evaluation *evaluation, struct program *program);
// Writes curve.json, where there is a curve.
esp_status evaluation_write_curve(const struct evaluation *evaluation);

static inline struct evaluation *evaluation_from_handle(esp_evaluation *handle)
{
    return (struct evaluation *)(void *)handle;
}

#endif
