// SPDX-License-Identifier: Apache-2.0
// A session: what a process needs to evaluate specifications of one experiment; see session.h.
// Instances are cached one a distinct set of parameters, so that no plugin knows whether a value was
// searched.
#include "evaluate/session.h"

#include "evaluate/evaluation.h"
#include "evaluate/session_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
        session->searched[index] = (struct searched_parameter){part, parameter->row->name};
        session->design.searched_count++;
        session->space_searched = session->space_searched || part == &session->experiment->space;
    }
    return ESP_OK;
}

// ---- Instances --------------------------------------------------------------------------------

void session_to_front(void *items, uint64_t i)
{
    unsigned char *list = items, kept[sizeof(void *)];
    memcpy(kept, list + i * sizeof kept, sizeof kept);
    memmove(list + sizeof kept, list, i * sizeof kept);
    memcpy(list, kept, sizeof kept);
}

void session_touch(struct instance_cache *cache, const struct instance *instance)
{
    for (uint64_t i = 0; i < cache->count; i++)
        if (cache->items[i] == instance) {
            session_to_front(cache->items, i);
            return;
        }
}

static void drop_instance(struct session *session, struct instance *instance)
{
    uint64_t kept = 0;
    for (uint64_t i = 0; i < session->setting_count; i++)
        if (session->settings[i]->estimator_instance == instance)
            setting_destroy(session->settings[i]);
        else
            session->settings[kept++] = session->settings[i];
    session->setting_count = kept;
    instance_destroy(instance);
}

esp_status session_instance(struct session *session, struct instance_cache *cache,
                            const struct part *part, const struct parameters *parameters,
                            const esp_task *task, struct instance **out, struct error *error)
{
    struct instance *made = NULL;
    *out = cache->base;
    if (cache->base && parameters_equal(&cache->base->parameters, parameters))
        return ESP_OK;
    for (uint64_t i = 0; i < cache->count; i++)
        if (parameters_equal(&cache->items[i]->parameters, parameters)) {
            session_to_front(cache->items, i);
            *out = cache->items[0];
            return ESP_OK;
        }
    esp_status status =
        instance_create(&made, part->component, parameters, task, session->experiment->seed,
                        cache == &session->estimators ? &session->create_space : NULL, error);
    if (status != ESP_OK)
        return status;
    if (cache->count == SESSION_MOST)
        drop_instance(session, cache->items[--cache->count]);
    cache->items[cache->count] = made;
    session_to_front(cache->items, cache->count++);
    *out = made;
    return ESP_OK;
}

static void cache_destroy(struct instance_cache *cache)
{
    for (uint64_t i = 0; i < cache->count; i++)
        instance_destroy(cache->items[i]);
    instance_destroy(cache->base);
}

static esp_status make_base(struct session *session, struct instance_cache *cache,
                            const struct part *part, const esp_task *task, struct error *error)
{
    return instance_create(&cache->base, part->component, &part->parameters, task,
                           session->experiment->seed,
                           cache == &session->estimators ? &session->create_space : NULL, error);
}

// The space's instance for a pass: the values of the searched decisions are in their order.
static esp_status space_instance(void *self, const esp_value *values, void **out,
                                 struct error *error)
{
    struct session *session = self;
    const struct part *part = &session->experiment->space;
    struct instance *instance = session->spaces.base;
    struct parameters parameters = {0};
    esp_status status = ESP_OK;
    if (session->space_searched)
        status = parameters_copy(&parameters, &part->parameters, error);
    for (uint64_t i = 0; status == ESP_OK && i < session->design.searched_count; i++)
        if (session->searched[i].part == part)
            status = parameters_set_value(parameters_find(&parameters, session->searched[i].name),
                                          values[i], error);
    if (status == ESP_OK && session->space_searched)
        status = session_instance(session, &session->spaces, part, &parameters, &session->task,
                                  &instance, error);
    parameters_destroy(&parameters);
    if (status == ESP_OK)
        *out = instance->self;
    return status;
}

// ---- Opening ----------------------------------------------------------------------------------

static esp_status find_searched(struct session *session, struct error *error)
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
    session->values = calloc(session->design.searched_count + 1, sizeof *session->values);
    return status == ESP_OK && !session->values ? error_memory(error) : status;
}

static esp_status open_design(struct session *session, struct error *error)
{
    const struct experiment *experiment = session->experiment;
    esp_status status = find_searched(session, error);
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
    return session->space_searched
               ? ESP_OK
               : make_base(session, &session->spaces, &experiment->space, &session->task, error);
}

static esp_status open_task(struct session *session, struct error *error)
{
    const esp_dataset_info *info = NULL;
    esp_status status =
        make_base(session, &session->datasets, &session->experiment->dataset, NULL, error);
    if (status == ESP_OK)
        status = data_describe(&info, session->datasets.base, error);
    if (status == ESP_OK)
        session->task = info->task;
    return status;
}

static esp_status open_estimator(struct session *session, struct error *error)
{
    const esp_estimator_info *info = NULL;
    esp_status status = make_base(session, &session->estimators, &session->experiment->estimator,
                                  &session->task, error);
    if (status == ESP_OK)
        status = session_check_info(session, session->estimators.base, &info, error);
    session_close_keys(session); // a later instance opens them again, if its cache is gone
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
    session->create_space = (struct create_space){session_arch_hash, session_space_identity,
                                                  session_wants_metric, session};
    esp_status status = open_task(session, error);
    if (status == ESP_OK)
        status = open_design(session, error);
    if (status == ESP_OK)
        status = open_estimator(session, error);
    if (status != ESP_OK) {
        session_destroy(session);
        return status;
    }
    *out = session;
    return ESP_OK;
}

bool session_wants_metric(void *self, const char *name)
{
    const struct experiment *experiment = ((const struct session *)self)->experiment;
    for (uint64_t i = 0; i < experiment->objective_count; i++)
        if (strcmp(experiment->objectives[i].metric, name) == 0)
            return true;
    for (uint64_t i = 0; i < experiment->constraint_count; i++)
        if (strcmp(experiment->constraints[i].metric, name) == 0)
            return true;
    return false;
}

void session_set_quiet(struct session *session, quiet_function quiet, void *self)
{
    session->quiet = quiet;
    session->quiet_self = self;
}

static void data_entry_destroy(struct data_entry *entry)
{
    data_close(entry->data);
    parameters_destroy(&entry->dataset);
    parameters_destroy(&entry->host);
    free(entry);
}

void session_destroy(struct session *session)
{
    if (!session)
        return;
    for (uint64_t i = 0; i < session->data_count; i++)
        data_entry_destroy(session->data[i]);
    for (uint64_t i = 0; i < session->setting_count; i++)
        setting_destroy(session->settings[i]);
    session_close_keys(session);
    free(session->identity);
    builder_destroy(session->builder);
    dictionary_destroy(session->dictionary);
    for (uint64_t i = 0; i < session->design.searched_count; i++)
        free((char *)(uintptr_t)session->design.searched[i].path);
    free(session->design.searched);
    free(session->design.fixes);
    free(session->searched);
    free(session->values);
    cache_destroy(&session->spaces);
    cache_destroy(&session->estimators);
    cache_destroy(&session->datasets);
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

// ---- What is lent -----------------------------------------------------------------------------

static bool is_metric_name(const char *name)
{
    return name && name[0] >= 'a' && name[0] <= 'z' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

esp_status session_check_info(struct session *session, const struct instance *estimator,
                              const esp_estimator_info **out, struct error *error)
{
    const char *id = estimator->component->id;
    const esp_estimator_type *type = estimator->component->type;
    const esp_estimator_info *info = type->describe(estimator->self);
    if (!info || info->struct_size < sizeof *info || info->metric_count == 0 || !info->metrics ||
        info->metric_stride < sizeof(esp_metric))
        return error_set(error, ESP_ERROR_MISUSE, "estimator %s declares no metrics", id);
    if (info->fidelity_count > 0 &&
        (!info->fidelities || info->fidelity_stride < sizeof(esp_fidelity_range)))
        return error_set(error, ESP_ERROR_MISUSE, "estimator %s declares its fidelities wrongly",
                         id);
    const char *row = (const char *)info->metrics;
    for (uint64_t i = 0; i < info->metric_count; i++, row += info->metric_stride) {
        const char *name = ((const esp_metric *)(const void *)row)->name;
        if (!is_metric_name(name))
            return error_set(error, ESP_ERROR_MISUSE,
                             "estimator %s declares a metric '%s': expected lower-case letters, "
                             "digits and '_'",
                             id, name ? name : "");
    }
    // A run knows its metrics before the first trial, and keeps room for so many.
    if (session->metric_count > 0 && session->metric_count != info->metric_count)
        return error_set(error, ESP_ERROR_MISUSE,
                         "estimator %s declares %llu metrics with these parameters and %llu with "
                         "those of the INI",
                         id, (unsigned long long)info->metric_count,
                         (unsigned long long)session->metric_count);
    session->metric_count = info->metric_count;
    *out = info;
    return ESP_OK;
}

esp_status session_estimator_info(struct session *session, const esp_estimator_info **out,
                                  struct error *error)
{
    return session_check_info(session, session->estimators.base, out, error);
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

// A network is built for one task: searched values and fidelities of the dataset leave it as it is.
static esp_status check_task(const struct session *session, const struct data *data,
                             struct error *error)
{
    const esp_task *a = &session->task, *b = data_task(data);
    if (a->kind == b->kind && a->channels == b->channels && a->height == b->height &&
        a->width == b->width && a->classes == b->classes)
        return ESP_OK;
    return error_set(error, ESP_ERROR_UNSUPPORTED,
                     "[dataset]: a searched value or a fidelity changes the task: from samples of "
                     "%llu x %llu x %llu and %llu classes to %llu x %llu x %llu and %llu",
                     (unsigned long long)a->channels, (unsigned long long)a->height,
                     (unsigned long long)a->width, (unsigned long long)a->classes,
                     (unsigned long long)b->channels, (unsigned long long)b->height,
                     (unsigned long long)b->width, (unsigned long long)b->classes);
}

static esp_status open_entry(struct session *session, struct data_entry *entry,
                             const struct parameters *dataset, const struct parameters *host_data,
                             struct error *error)
{
    struct instance *instance = NULL;
    struct data_options options = data_options(host_data, entry->final, entry->test);
    esp_status status = session_instance(session, &session->datasets, &session->experiment->dataset,
                                         dataset, NULL, &instance, error);
    if (status == ESP_OK)
        status = parameters_copy(&entry->dataset, dataset, error);
    if (status == ESP_OK)
        status = parameters_copy(&entry->host, host_data, error);
    if (status == ESP_OK)
        status = data_open(&entry->data, instance, &options, session->verify, error);
    return status == ESP_OK ? check_task(session, entry->data, error) : status;
}

esp_status session_data(struct session *session, const struct parameters *dataset,
                        const struct parameters *host_data, bool final, bool test,
                        struct data **out, struct error *error)
{
    for (uint64_t i = 0; i < session->data_count; i++) {
        const struct data_entry *entry = session->data[i];
        if (entry->final == final && entry->test == test &&
            parameters_equal(&entry->dataset, dataset) &&
            parameters_equal(&entry->host, host_data)) {
            session_to_front(session->data, i);
            *out = session->data[0]->data;
            return ESP_OK;
        }
    }
    struct data_entry *made = calloc(1, sizeof *made);
    if (!made)
        return error_memory(error);
    made->final = final;
    made->test = test;
    esp_status status = open_entry(session, made, dataset, host_data, error);
    if (status != ESP_OK) {
        data_entry_destroy(made);
        return status;
    }
    if (session->data_count == SESSION_MOST)
        data_entry_destroy(session->data[--session->data_count]);
    session->data[session->data_count] = made;
    session_to_front(session->data, session->data_count++);
    *out = made->data;
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
