// SPDX-License-Identifier: Apache-2.0
// A session evaluates specifications of one experiment in this process: it holds the dataset, the
// engine, the space's and the estimator's instances (one a distinct set of parameters) and runs the
// estimator with an evaluation context. A worker has one; so have the executor `inline`, the
// cheap path of the coordinator, `eval` and `train`.
#ifndef EVALUATE_SESSION_H
#define EVALUATE_SESSION_H

#include "builder/builder.h"
#include "config/experiment.h"
#include "data/data.h"
#include "evaluate/specification.h"

struct session;

// Opens the dataset's description (not its samples), so that the task is known. `verify_data`: the
// cache's content is tested when it is first opened (the coordinator's duty).
esp_status session_create(struct session **out, const struct experiment *experiment,
                          bool verify_data, struct error *error);
void session_destroy(struct session *session);

const esp_task *session_task(const struct session *session);
const struct experiment *session_experiment(const struct session *session);
// The design and builder of the experiment's space: searched parameters, fixes, instances.
struct builder *session_builder(struct session *session);
// Decodes the dataset into its cache where it is not there yet, so that workers find it; and the
// SHA-256 of the data.
esp_status session_prepare_data(struct session *session, const char **sha256, bool *decoded,
                                struct error *error);
// Tries `[fix]`: a value that a decision cannot have, and a path at which no parameter is searched, are
// ESP_ERROR_INVALID; a path that no sample has is a warning.
esp_status session_check_fixes(struct session *session, struct error *error);
// What the estimator (with its unsearched parameters) declares. Lives as long as the session.
esp_status session_estimator_info(struct session *session, const esp_estimator_info **out,
                                  struct error *error);

// Called at each esp_evaluation_progress; answers ESP_CONTINUE or ESP_STOP.
typedef uint32_t (*progress_function)(void *self, double step, const esp_measurement *metrics,
                                      uint64_t count, uint64_t stride);

// Asks (`begin`) that all others that compute for this run stand still, and returns when they do; and
// lets them go on. Nothing that another may hold is to be waited for in between.
typedef esp_status (*quiet_function)(void *self, bool begin, struct error *error);
void session_set_quiet(struct session *session, quiet_function quiet, void *self);

// Evaluates one specification. Always fills `result`: an error of the estimator or the space is
// status FAILED with its words, not an error of this function, which fails only when the session
// itself is broken (out of memory).
esp_status session_evaluate(struct session *session, const struct specification *specification,
                            progress_function progress, void *progress_self, struct result *result,
                            struct error *error);

// The cheap path: an architecture of session_builder's dictionary, no JSON, no files. Metrics are
// written to `metrics` in the order of the estimator's declaration.
esp_status session_evaluate_cheap(struct session *session, struct arch *arch, uint64_t lineage,
                                  const struct fidelity *fidelity, uint64_t fidelity_count,
                                  double *metrics, struct error *error);

// params and macs of an architecture (the graph is built).
esp_status session_counts(struct session *session, const struct arch *arch, uint64_t *params,
                          uint64_t *macs, struct error *error);

#endif
