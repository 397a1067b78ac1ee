// SPDX-License-Identifier: Apache-2.0
// A session: what a process needs to evaluate specifications of one experiment; see session.h.
// Instances are cached one a distinct set of parameters, so that no plugin knows whether a value was
// searched.
#include "evaluate/session.h"

#include "evaluate/evaluation.h"

#include <espalier/plugin.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

// Instances kept of each kind; the oldest one goes.
#define MOST_INSTANCES 16

struct instance_cache {
    struct instance *items[MOST_INSTANCES];
    uint64_t count;
};

struct data_entry {
    struct parameters dataset, host;
    bool final, test;
    struct data *data;
};

// A searched parameter: the decision at `path` of the design.
struct searched_parameter {
    const struct part *part; // NULL: the host's own of [dataset]
    const char *name;
    uint64_t index; // among the design's searched
};

struct session {
    const struct experiment *experiment;
    bool verify;
    esp_task task;
    struct instance *dataset; // with unsearched parameters
    struct instance *engine;
    struct instance_cache spaces, estimators, datasets;
    struct instance *estimator; // with unsearched parameters
    struct data_entry data[MOST_INSTANCES];
    uint64_t data_count;

    struct dictionary *dictionary;
    struct design design;
    struct searched_parameter *searched;
    bool space_searched;
    struct builder *builder;
};

// ---- Searched parameters ----------------------------------------------------------------------

static esp_status add_searched(struct session *session, const char *section,
                               const struct parameters *parameters, const struct part *part,
                               struct error *error)
{
    for (uint64_t i = 0; i < parameters->count; i++) {
        const struct parameter *parameter = &parameters->items[i];
        if (!parameter->searched)
            continue;
        uint64_t index = session->design.searched_count;
        void *grown =
            realloc(session->design.searched, (index + 1) * sizeof *session->design.searched);
        if (grown)
            session->design.searched = grown;
        void *rows = realloc(session->searched, (index + 1) * sizeof *session->searched);
        if (rows)
            session->searched = rows;
        char *path = NULL;
        if (!grown || !rows || asprintf(&path, "@%s/%s", section, parameter->row->name) < 0)
            return error_memory(error);
        session->design.searched[index].path = path;
        session->design.searched[index].domain = parameter->domain;
        session->searched[index] = (struct searched_parameter){part, parameter->row->name, index};
        session->design.searched_count++;
        session->space_searched = session->space_searched || part == &session->experiment->space;
    }
    return ESP_OK;
}

// The value of a searched parameter in an architecture; one without a decision has its only value.
static esp_value searched_value(const struct session *session, const struct arch *arch,
                                uint64_t index)
{
    const esp_arch *handle = arch_handle((struct arch *)(uintptr_t)arch);
    int64_t place = esp_arch_find(handle, session->design.searched[index].path);
    esp_value value = esp_value_one(0);
    if (place >= 0)
        return esp_arch_value(handle, (uint64_t)place);
    domain_single(&session->design.searched[index].domain, &value, NULL);
    return value;
}

// ---- Instances --------------------------------------------------------------------------------

static esp_status cached_instance(struct session *session, struct instance_cache *cache,
                                  const struct component *component,
                                  const struct parameters *parameters, const esp_task *task,
                                  struct instance **out, struct error *error)
{
    for (uint64_t i = 0; i < cache->count; i++)
        if (parameters_equal(&cache->items[i]->parameters, parameters)) {
            *out = cache->items[i];
            return ESP_OK;
        }
    struct instance *made = NULL;
    esp_status status =
        instance_create(&made, component, parameters, task, session->experiment->seed, NULL, error);
    if (status != ESP_OK)
        return status;
    if (cache->count == MOST_INSTANCES) {
        instance_destroy(cache->items[0]);
        memmove(cache->items, cache->items + 1, (MOST_INSTANCES - 1) * sizeof(struct instance *));
        cache->count--;
    }
    cache->items[cache->count++] = made;
    *out = made;
    return ESP_OK;
}

static void cache_destroy(struct instance_cache *cache)
{
    for (uint64_t i = 0; i < cache->count; i++)
        instance_destroy(cache->items[i]);
}

// The space's instance for a pass: the values of the searched decisions are in their order.
static esp_status space_instance(void *self, const esp_value *values, void **out,
                                 struct error *error)
{
    struct session *session = self;
    const struct part *part = &session->experiment->space;
    struct instance *instance = NULL;
    if (!session->space_searched && session->spaces.count > 0) {
        *out = session->spaces.items[0]->self;
        return ESP_OK;
    }
    struct parameters parameters;
    esp_status status = parameters_copy(&parameters, &part->parameters, error);
    if (status != ESP_OK)
        return status;
    for (uint64_t i = 0; status == ESP_OK && i < session->design.searched_count; i++)
        if (session->searched[i].part == part)
            status = parameters_set_value(parameters_find(&parameters, session->searched[i].name),
                                          values[i], error);
    if (status == ESP_OK)
        status = cached_instance(session, &session->spaces, part->component, &parameters,
                                 &session->task, &instance, error);
    parameters_destroy(&parameters);
    if (status == ESP_OK)
        *out = instance->self;
    return status;
}

// ---- Opening ----------------------------------------------------------------------------------

static esp_status open_design(struct session *session, struct error *error)
{
    const struct experiment *experiment = session->experiment;
    esp_status status =
        add_searched(session, "space", &experiment->space.parameters, &experiment->space, error);
    if (status == ESP_OK)
        status = add_searched(session, "estimator", &experiment->estimator.parameters,
                              &experiment->estimator, error);
    if (status == ESP_OK)
        status = add_searched(session, "dataset", &experiment->dataset.parameters,
                              &experiment->dataset, error);
    if (status == ESP_OK)
        status = add_searched(session, "dataset", &experiment->data, NULL, error);
    if (status != ESP_OK)
        return status;
    session->design.space = experiment->space.component->id;
    session->design.task = &session->task;
    session->design.type = experiment->space.component->type;
    session->design.instance = space_instance;
    session->design.instance_self = session;
    session->design.fixes = calloc(experiment->fix_count + 1, sizeof *session->design.fixes);
    session->dictionary = dictionary_create();
    if (!session->design.fixes || !session->dictionary)
        return error_memory(error);
    for (uint64_t i = 0; i < experiment->fix_count; i++) {
        session->design.fixes[i].pattern = experiment->fixes[i].pattern;
        session->design.fixes[i].value = experiment->fixes[i].value;
    }
    session->design.fix_count = experiment->fix_count;
    session->builder = builder_create(&session->design, session->dictionary);
    if (!session->builder)
        return error_memory(error);
    // A space that cannot serve the task or its parameters says so before anything runs.
    if (!session->space_searched) {
        void *self;
        return space_instance(session, NULL, &self, error);
    }
    return ESP_OK;
}

static esp_status open_task(struct session *session, struct error *error)
{
    const struct part *part = &session->experiment->dataset;
    const esp_dataset_info *info = NULL;
    esp_status status = instance_create(&session->dataset, part->component, &part->parameters, NULL,
                                        session->experiment->seed, NULL, error);
    if (status == ESP_OK)
        status = data_describe(&info, session->dataset, error);
    if (status == ESP_OK)
        session->task = info->task;
    return status;
}

esp_status session_create(struct session **out, const struct experiment *experiment,
                          bool verify_data, struct error *error)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return error_memory(error);
    session->experiment = experiment;
    session->verify = verify_data;
    esp_status status = open_task(session, error);
    if (status == ESP_OK)
        status = open_design(session, error);
    if (status == ESP_OK)
        status = instance_create(&session->estimator, experiment->estimator.component,
                                 &experiment->estimator.parameters, &session->task,
                                 experiment->seed, NULL, error);
    if (status != ESP_OK) {
        session_destroy(session);
        return status;
    }
    *out = session;
    return ESP_OK;
}

void session_destroy(struct session *session)
{
    if (!session)
        return;
    for (uint64_t i = 0; i < session->data_count; i++) {
        data_close(session->data[i].data);
        parameters_destroy(&session->data[i].dataset);
        parameters_destroy(&session->data[i].host);
    }
    builder_destroy(session->builder);
    dictionary_destroy(session->dictionary);
    for (uint64_t i = 0; i < session->design.searched_count; i++)
        free((char *)(uintptr_t)session->design.searched[i].path);
    free(session->design.searched);
    free(session->design.fixes);
    free(session->searched);
    cache_destroy(&session->spaces);
    cache_destroy(&session->estimators);
    cache_destroy(&session->datasets);
    instance_destroy(session->estimator);
    instance_destroy(session->dataset);
    instance_destroy(session->engine);
    free(session);
}

const esp_task *session_task(const struct session *session)
{
    return &session->task;
}

const struct experiment *session_experiment(const struct session *session)
{
    return session->experiment;
}

struct builder *session_builder(struct session *session)
{
    return session->builder;
}

esp_status session_estimator_info(struct session *session, const esp_estimator_info **out,
                                  struct error *error)
{
    const esp_estimator_type *type = session->experiment->estimator.component->type;
    *out = type->describe(session->estimator->self);
    if (!*out || (*out)->struct_size < sizeof **out || (*out)->metric_count == 0)
        return error_set(error, ESP_ERROR_MISUSE, "estimator %s declares no metrics",
                         session->experiment->estimator.component->id);
    return ESP_OK;
}

esp_status session_engine(struct session *session, const struct instance **out, struct error *error)
{
    const struct part *part = &session->experiment->engine;
    if (!part->component)
        return error_set(error, ESP_ERROR_INVALID,
                         "no engine is named: [engine] plugin = auto picks one");
    esp_status status = ESP_OK;
    if (!session->engine)
        status = instance_create(&session->engine, part->component, &part->parameters, NULL,
                                 session->experiment->seed, NULL, error);
    *out = session->engine;
    return status;
}

// ---- Data -------------------------------------------------------------------------------------

static struct data_options data_options(const struct parameters *host, bool final, bool test)
{
    return (struct data_options){
        .valid_fraction = parameters_find(host, "valid_fraction")->real,
        .split_seed = (uint64_t)parameters_find(host, "split_seed")->integer,
        .train_limit = (uint64_t)parameters_find(host, "train_limit")->integer,
        .test = test,
        .whole_training = final,
    };
}

esp_status session_data(struct session *session, const struct parameters *dataset,
                        const struct parameters *host_data, bool final, bool test,
                        struct data **out, struct error *error)
{
    for (uint64_t i = 0; i < session->data_count; i++) {
        struct data_entry *entry = &session->data[i];
        if (entry->final == final && entry->test == test &&
            parameters_equal(&entry->dataset, dataset) &&
            parameters_equal(&entry->host, host_data)) {
            *out = entry->data;
            return ESP_OK;
        }
    }
    if (session->data_count == MOST_INSTANCES) {
        struct data_entry *oldest = &session->data[0];
        data_close(oldest->data);
        parameters_destroy(&oldest->dataset);
        parameters_destroy(&oldest->host);
        memmove(session->data, session->data + 1, (MOST_INSTANCES - 1) * sizeof session->data[0]);
        session->data_count--;
    }
    struct data_entry made = {.final = final, .test = test};
    struct instance *instance = NULL;
    struct data_options options = data_options(host_data, final, test);
    esp_status status =
        cached_instance(session, &session->datasets, session->experiment->dataset.component,
                        dataset, NULL, &instance, error);
    if (status == ESP_OK)
        status = parameters_copy(&made.dataset, dataset, error);
    if (status == ESP_OK)
        status = parameters_copy(&made.host, host_data, error);
    if (status == ESP_OK)
        status = data_open(&made.data, instance, &options, session->verify, error);
    if (status != ESP_OK) {
        parameters_destroy(&made.dataset);
        parameters_destroy(&made.host);
        return status;
    }
    session->data[session->data_count++] = made;
    *out = made.data;
    return ESP_OK;
}

esp_status session_prepare_data(struct session *session, const char **sha256, bool *decoded,
                                struct error *error)
{
    struct data *data = NULL;
    esp_status status = session_data(session, &session->experiment->dataset.parameters,
                                     &session->experiment->data, false, false, &data, error);
    if (status != ESP_OK)
        return status;
    *sha256 = data_sha256(data);
    *decoded = data_decoded(data);
    return ESP_OK;
}

// ---- Evaluating -------------------------------------------------------------------------------

static double monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// Denormals are flushed while a trial is evaluated (FTZ and DAZ of MXCSR), wherever that is.
static unsigned flush_denormals(void)
{
#if defined(__x86_64__)
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040u);
    return before;
#else
    return 0;
#endif
}

static void restore_denormals(unsigned before)
{
#if defined(__x86_64__)
    _mm_setcsr(before);
#else
    (void)before;
#endif
}

// The parameters of one trial, resolved: INI, then searched values, then fidelity.
struct resolved {
    struct parameters before; // the estimator's, before any fidelity
    struct parameters estimator, dataset, host;
};

static void resolved_destroy(struct resolved *resolved)
{
    parameters_destroy(&resolved->before);
    parameters_destroy(&resolved->estimator);
    parameters_destroy(&resolved->dataset);
    parameters_destroy(&resolved->host);
}

static esp_status apply_fidelity(struct resolved *resolved, const struct fidelity *fidelity,
                                 struct error *error)
{
    const char *name = fidelity->name, *dot = strchr(name, '.');
    if (!dot || strncmp(name, "estimator.", 10) == 0)
        return parameters_set_number(&resolved->estimator, dot ? dot + 1 : name, fidelity->value,
                                     error);
    if (strncmp(name, "dataset.", 8) != 0)
        return error_set(error, ESP_ERROR_INVALID,
                         "fidelity '%s': expected a parameter of the estimator or the dataset",
                         name);
    bool host = parameters_find(&resolved->host, dot + 1) != NULL;
    return parameters_set_number(host ? &resolved->host : &resolved->dataset, dot + 1,
                                 fidelity->value, error);
}

static esp_status resolve(struct session *session, struct resolved *out, const struct arch *arch,
                          bool final, const struct fidelity *fidelity, uint64_t fidelity_count,
                          struct error *error)
{
    const struct experiment *experiment = session->experiment;
    memset(out, 0, sizeof *out);
    esp_status status = parameters_copy(
        &out->before, final ? &experiment->final_training : &experiment->estimator.parameters,
        error);
    if (status == ESP_OK)
        status = parameters_copy(&out->dataset, &experiment->dataset.parameters, error);
    if (status == ESP_OK)
        status = parameters_copy(&out->host, &experiment->data, error);
    // A final training may say a value where the search had a distribution: it stands.
    for (uint64_t i = 0; status == ESP_OK && i < session->design.searched_count; i++) {
        const struct searched_parameter *row = &session->searched[i];
        struct parameters *set = row->part == &experiment->estimator ? &out->before
                                 : row->part == &experiment->dataset ? &out->dataset
                                 : row->part == NULL                 ? &out->host
                                                                     : NULL;
        struct parameter *parameter = set ? parameters_find(set, row->name) : NULL;
        if (parameter && parameter->searched)
            status = parameters_set_value(parameter, searched_value(session, arch, i), error);
    }
    if (status == ESP_OK)
        status = parameters_copy(&out->estimator, &out->before, error);
    for (uint64_t i = 0; status == ESP_OK && i < fidelity_count; i++)
        status = apply_fidelity(out, &fidelity[i], error);
    return status;
}

static esp_status read_arch(struct session *session, const struct specification *specification,
                            struct arch **out, struct error *error)
{
    struct written_arch written = {0};
    char hash[17];
    esp_status status = written_arch_parse(&written, specification->arch, error);
    if (status == ESP_OK)
        status = builder_read(session->builder, &written, out, error);
    written_arch_destroy(&written);
    if (status != ESP_OK)
        return status;
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)arch_hash(*out));
    if (strcmp(hash, specification->hash) != 0)
        return error_set(error, ESP_ERROR_DATA,
                         "the architecture has the hash %s here and %s where it was made", hash,
                         specification->hash);
    return ESP_OK;
}

// Declared metrics go to the result; one that was not set is an error, but in a final training,
// which has no validation.
static esp_status take_metrics(struct evaluation *e, struct error *error)
{
    bool final = e->specification->purpose == PURPOSE_FINAL;
    const char *row = (const char *)e->info->metrics;
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < e->info->metric_count;
         i++, row += e->info->metric_stride) {
        const esp_metric *metric = (const esp_metric *)(const void *)row;
        if (!isnan(e->metrics[i]))
            status = result_set_metric(e->result, metric->name, e->metrics[i], error);
        else if (!final)
            status = error_set(error, ESP_ERROR_MISUSE, "metric %s was declared and not set",
                               metric->name);
    }
    if (status == ESP_OK)
        status = evaluation_build(e);
    if (status == ESP_OK)
        status = result_set_metric(e->result, "params",
                                   (double)esp_graph_params(graph_handle(e->graph)), error);
    if (status == ESP_OK)
        status = result_set_metric(e->result, "macs",
                                   (double)esp_graph_macs(graph_handle(e->graph)), error);
    return status;
}

static esp_status write_curve(const struct evaluation *e, struct error *error)
{
    char path[4096];
    if (!e->curve || !e->specification->folder)
        return ESP_OK;
    snprintf(path, sizeof path, "%s/curve.json", e->specification->folder);
    json_t *json = json_pack("{s:O}", "points", e->curve);
    int code = json_dump_file(json, path, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(json);
    return code == 0
               ? ESP_OK
               : error_set(error, ESP_ERROR_IO, "%s: cannot write: %s", path, strerror(errno));
}

static esp_status call_estimator(struct evaluation *e, struct instance *estimator,
                                 struct error *error)
{
    const struct specification *s = e->specification;
    const esp_estimator_type *type = estimator->component->type;
    esp_status status;
    if (s->purpose == PURPOSE_FINAL) {
        const esp_estimator_final *final =
            component_ability(estimator->component, ESP_ESTIMATOR_FINAL);
        if (!final)
            return error_set(error, ESP_ERROR_UNSUPPORTED, "it makes no final trainings");
        status = final->train(estimator->self, &e->handle, s->test);
    } else {
        status = type->evaluate(estimator->self, &e->handle);
    }
    // An error that the estimator was told of and passed over still counts.
    return status == ESP_OK ? error->status : error_ensure(error, status, "evaluate");
}

static esp_status evaluate(struct session *session, const struct specification *specification,
                           struct evaluation *e, struct resolved *resolved, struct error *error)
{
    const struct part *part = &session->experiment->estimator;
    struct instance *estimator = NULL;
    esp_status status = read_arch(session, specification, &e->arch, error);
    if (status == ESP_OK)
        status = resolve(session, resolved, e->arch, specification->purpose == PURPOSE_FINAL,
                         specification->fidelity, specification->fidelity_count, error);
    if (status == ESP_OK)
        status = cached_instance(session, &session->estimators, part->component,
                                 &resolved->estimator, &session->task, &estimator, error);
    if (status != ESP_OK)
        return status;
    e->info = ((const esp_estimator_type *)part->component->type)->describe(estimator->self);
    e->metrics = malloc((e->info->metric_count + 1) * sizeof *e->metrics);
    if (!e->metrics)
        return error_memory(error);
    for (uint64_t i = 0; i < e->info->metric_count; i++)
        e->metrics[i] = NAN;
    e->before_fidelity = &resolved->before;
    e->dataset = &resolved->dataset;
    e->host_data = &resolved->host;
    unsigned state = flush_denormals();
    status = call_estimator(e, estimator, error);
    restore_denormals(state);
    if (status == ESP_OK)
        status = take_metrics(e, error);
    if (status == ESP_OK)
        status = write_curve(e, error);
    return status;
}

esp_status session_evaluate(struct session *session, const struct specification *specification,
                            progress_function progress, void *progress_self, struct result *result,
                            struct error *error)
{
    struct error words;
    struct resolved resolved = {0};
    (void)error;
    error_clear(&words);
    memset(result, 0, sizeof *result);
    struct evaluation e = {.session = session,
                           .error = &words,
                           .specification = specification,
                           .seed = specification->seed,
                           .lineage = specification->lineage,
                           .result = result,
                           .progress = progress,
                           .progress_self = progress_self,
                           .began = monotonic_seconds()};
    handle_init(&e.handle.base, sizeof e.handle, &words);
    e.handle.api = &evaluation_api;
    esp_status status = evaluate(session, specification, &e, &resolved, &words);
    result->seconds = monotonic_seconds() - e.began;
    if (status == ESP_OK) {
        result->status = e.stopped ? ESP_OUTCOME_STOPPED : ESP_OUTCOME_DONE;
    } else {
        result_destroy(result);
        result->status = ESP_OUTCOME_FAILED;
        error_ensure(&words, status, "the evaluation");
        snprintf(result->error, sizeof result->error, "%s", words.message);
    }
    evaluation_end(&e);
    free(e.metrics);
    arch_release(e.arch);
    resolved_destroy(&resolved);
    return ESP_OK;
}

// ---- The cheap path ---------------------------------------------------------------------------

static esp_status call_cheap(struct session *session, struct instance *estimator,
                             struct evaluation *e, double *metrics, struct error *error)
{
    const esp_estimator_type *type = estimator->component->type;
    (void)session;
    e->info = type->describe(estimator->self);
    e->metrics = metrics;
    for (uint64_t i = 0; i < e->info->metric_count; i++)
        metrics[i] = NAN;
    unsigned state = flush_denormals();
    esp_status status = type->evaluate(estimator->self, &e->handle);
    restore_denormals(state);
    if (status == ESP_OK)
        status = error->status;
    else
        error_ensure(error, status, "evaluate");
    const char *row = (const char *)e->info->metrics;
    for (uint64_t i = 0; status == ESP_OK && i < e->info->metric_count;
         i++, row += e->info->metric_stride)
        if (isnan(metrics[i]))
            status = error_set(error, ESP_ERROR_MISUSE, "metric %s was declared and not set",
                               ((const esp_metric *)(const void *)row)->name);
    evaluation_end(e);
    return status;
}

esp_status session_evaluate_cheap(struct session *session, struct arch *arch, uint64_t lineage,
                                  const struct fidelity *fidelity, uint64_t fidelity_count,
                                  double *metrics, struct error *error)
{
    const struct part *part = &session->experiment->estimator;
    struct evaluation e = {.session = session,
                           .error = error,
                           .arch = arch,
                           .seed = session->experiment->seed,
                           .lineage = lineage};
    handle_init(&e.handle.base, sizeof e.handle, error);
    e.handle.api = &evaluation_api;
    if (session->design.searched_count == 0 && fidelity_count == 0) {
        e.before_fidelity = &part->parameters;
        return call_cheap(session, session->estimator, &e, metrics, error);
    }
    struct resolved resolved;
    struct instance *estimator = NULL;
    esp_status status = resolve(session, &resolved, arch, false, fidelity, fidelity_count, error);
    if (status == ESP_OK)
        status = cached_instance(session, &session->estimators, part->component,
                                 &resolved.estimator, &session->task, &estimator, error);
    e.before_fidelity = &resolved.before;
    if (status == ESP_OK)
        status = call_cheap(session, estimator, &e, metrics, error);
    resolved_destroy(&resolved);
    return status;
}

esp_status session_counts(struct session *session, const struct arch *arch, uint64_t *params,
                          uint64_t *macs, struct error *error)
{
    struct graph *graph = NULL;
    esp_status status = builder_build(session->builder, arch, &graph, error);
    if (status == ESP_OK) {
        *params = esp_graph_params(graph_handle(graph));
        *macs = esp_graph_macs(graph_handle(graph));
    }
    graph_destroy(graph);
    return status;
}
