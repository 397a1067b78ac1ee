// SPDX-License-Identifier: Apache-2.0
// What the files of a session share: session.c opens and lends, setting.c resolves parameters, trial.c
// evaluates, keys.c reads the keys of tables.
#ifndef EVALUATE_SESSION_PARTS_H
#define EVALUATE_SESSION_PARTS_H

#include "evaluate/session.h"
#include "evaluate/setting.h"

// Instances, data and settings kept of each kind; the one that was asked for longest ago goes.
#define SESSION_MOST 16

struct instance_cache {
    struct instance *base;                // of the parameters that the INI says; NULL: none yet
    struct instance *items[SESSION_MOST]; // of others, the latest first
    uint64_t count;
};

struct data_entry {
    struct parameters dataset, host;
    bool final, test;
    struct data *data;
};

// A searched parameter: row i belongs to decision i of the design's searched ones.
struct searched_parameter {
    const struct part *part; // NULL: the host's own of [dataset]
    const char *name;
};

struct session {
    const struct experiment *experiment;
    bool verify;
    esp_task task;
    struct instance *engine; // NULL until a network is compiled
    struct instance_cache spaces, estimators, datasets;
    struct data_entry *data[SESSION_MOST]; // the latest first
    uint64_t data_count;
    struct setting *settings[SESSION_MOST]; // the latest first
    uint64_t setting_count;
    uint64_t metric_count; // what the estimator declares

    struct dictionary *dictionary;
    struct design design;
    struct searched_parameter *searched;
    bool space_searched;
    struct builder *builder;
    struct create_space create_space; // lent to the estimator's create
    struct builder *keys; // besides the run's: of a table, of a look at [fix]; NULL: closed
    struct dictionary *key_dictionary;
    quiet_function quiet; // NULL: nobody else computes
    void *quiet_self;
    char *identity;    // of the space; NULL until asked for
    esp_value *values; // of searched parameters: room for one setting's
};

// Moves item `i` of a list of pointers to its front.
void session_to_front(void *items, uint64_t i);

// The instance for these parameters, made where it is not there yet. One that goes takes the settings
// that name it along.
esp_status session_instance(struct session *session, struct instance_cache *cache,
                            const struct part *part, const struct parameters *parameters,
                            const esp_task *task, struct instance **out, struct error *error);

// Says that an instance was used, of those that may go.
void session_touch(struct instance_cache *cache, const struct instance *instance);

// What an instance of the estimator declares, tested; the number of metrics is the same for all.
esp_status session_check_info(struct session *session, const struct instance *estimator,
                              const esp_estimator_info **out, struct error *error);

// keys.c: the functions of session.create_space.
esp_status session_arch_hash(void *self, const char *text, const esp_text_pair *pairs,
                             uint64_t count, uint64_t stride, uint32_t identity, uint64_t *hash,
                             struct error *error);
const char *session_space_identity(void *self);
bool session_wants_metric(void *self, const char *name); // session.c
// The builder `keys`, opened and closed.
esp_status session_open_keys(struct session *session, struct error *error);
void session_close_keys(struct session *session);

#endif
