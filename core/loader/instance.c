// SPDX-License-Identifier: Apache-2.0
// Instances of components, and the esp_create handle that their create is given.
#include "loader/instance.h"

#include "config/document.h"
#include "text/nearest.h"

#include <espalier/plugin.h>

#include <stdlib.h>
#include <string.h>

// The handle lives as long as the instance: what create kept a pointer to stays valid.
struct esp_create_host {
    esp_create handle; // first: lent to the plugin
    struct error error;
    const struct component *component;
    const struct parameters *parameters;
    esp_task task;
    bool has_task;
    uint64_t seed;
    const struct create_space *space; // NULL but for an estimator
    struct error reason;              // why an architecture has no hash
};

static void unknown_parameter(esp_create *create, const struct parameters *parameters,
                              const char *name)
{
    const char *names[256];
    uint64_t count = 0;
    for (; count < parameters->count && count < ESP_COUNT(names); count++)
        names[count] = parameters->items[count].row->name;
    const char *nearest = text_nearest(name, names, count);
    esp_fail(create, ESP_ERROR_MISUSE,
             "create asks for the parameter '%s', which is not in its table%s%s%s", name,
             nearest ? "; did it mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

// The parameter, if it is of one of the types.
static const struct parameter *find(esp_create *create, const char *name, uint32_t first,
                                    uint32_t second, uint32_t third)
{
    const struct esp_create_host *host = (const struct esp_create_host *)(void *)create;
    const struct parameter *parameter = parameters_find(host->parameters, name);
    if (!parameter) {
        unknown_parameter(create, host->parameters, name);
        return NULL;
    }
    uint32_t type = parameter->row->type;
    if (type == first || type == second || type == third)
        return parameter;
    esp_fail(create, ESP_ERROR_MISUSE,
             "create asks for the parameter '%s' as %s, and its table says %s", name,
             param_type_name(first), param_type_name(type));
    return NULL;
}

static int64_t param_int(esp_create *create, const char *name)
{
    const struct parameter *parameter =
        find(create, name, ESP_PARAM_TYPE_INT, ESP_PARAM_TYPE_BOOL, ESP_PARAM_TYPE_CHOICE);
    return parameter ? parameter->integer : 0;
}

static double param_real(esp_create *create, const char *name)
{
    const struct parameter *parameter =
        find(create, name, ESP_PARAM_TYPE_REAL, ESP_PARAM_TYPE_REAL, ESP_PARAM_TYPE_REAL);
    return parameter ? parameter->real : 0.0;
}

static const char *param_text(esp_create *create, const char *name)
{
    const struct parameter *parameter =
        find(create, name, ESP_PARAM_TYPE_TEXT, ESP_PARAM_TYPE_PATH, ESP_PARAM_TYPE_CHOICE);
    return parameter && parameter->text ? parameter->text : "";
}

static const int64_t *param_ints(esp_create *create, const char *name, uint64_t *count)
{
    const struct parameter *parameter =
        find(create, name, ESP_PARAM_TYPE_INTS, ESP_PARAM_TYPE_INTS, ESP_PARAM_TYPE_INTS);
    *count = parameter ? parameter->count : 0;
    return parameter ? parameter->ints : NULL;
}

static const char *const *param_names(esp_create *create, const char *name, uint64_t *count)
{
    const struct parameter *parameter =
        find(create, name, ESP_PARAM_TYPE_NAMES, ESP_PARAM_TYPE_NAMES, ESP_PARAM_TYPE_NAMES);
    *count = parameter ? parameter->count : 0;
    return parameter ? (const char *const *)parameter->names : NULL;
}

static const esp_task *create_task(esp_create *create)
{
    const struct esp_create_host *host = (const struct esp_create_host *)(void *)create;
    return host->has_task ? &host->task : NULL;
}

static uint64_t create_seed(esp_create *create)
{
    return ((const struct esp_create_host *)(void *)create)->seed;
}

static esp_status create_arch_hash(esp_create *create, const char *text, const esp_text_pair *pairs,
                                   uint64_t count, uint64_t stride, uint32_t identity,
                                   uint64_t *hash, const char **reason)
{
    struct esp_create_host *host = (struct esp_create_host *)(void *)create;
    const struct create_space *space = host->space;
    error_clear(&host->reason);
    *hash = 0;
    *reason = host->reason.message;
    if (!space)
        return error_set(&host->reason, ESP_ERROR_UNSUPPORTED,
                         "architectures are parsed for estimators alone");
    if (!text || (count > 0 && (!pairs || stride < sizeof *pairs)) ||
        (identity != ESP_IDENTITY_DECISIONS && identity != ESP_IDENTITY_CANONICAL))
        return error_set(&host->reason, ESP_ERROR_MISUSE,
                         "create asks for the hash of an architecture in a way that is none");
    return space->arch_hash(space->self, text, pairs, count, stride, identity, hash, &host->reason);
}

static const char *create_space_identity(esp_create *create)
{
    const struct create_space *space = ((struct esp_create_host *)(void *)create)->space;
    return space ? space->identity(space->self) : NULL;
}

static uint32_t create_wants_metric(esp_create *create, const char *name)
{
    const struct create_space *space = ((struct esp_create_host *)(void *)create)->space;
    return space && name && space->wants_metric(space->self, name);
}

static const esp_create_api create_api = {
    sizeof(esp_create_api),
    param_int,
    param_real,
    param_text,
    param_ints,
    param_names,
    create_task,
    create_seed,
    create_arch_hash,
    create_space_identity,
    create_wants_metric,
};

const struct component *create_component(const esp_create *create)
{
    return ((const struct esp_create_host *)(const void *)create)->component;
}

const struct create_space *create_space_of(const esp_create *create)
{
    return ((const struct esp_create_host *)(const void *)create)->space;
}

const struct parameters *create_parameters(const esp_create *create)
{
    return ((const struct esp_create_host *)(const void *)create)->parameters;
}

static esp_status call_create(struct instance *instance, void *context)
{
    const struct component *component = instance->component;
    esp_create *create = &instance->create_host->handle;
    switch (component->kind) {
    case ESP_KIND_SPACE:
        return ((const esp_space_type *)component->type)->create(create, &instance->self);
    case ESP_KIND_STRATEGY:
        return ((const esp_strategy_type *)component->type)
            ->create(create, context, &instance->self);
    case ESP_KIND_ESTIMATOR:
        return ((const esp_estimator_type *)component->type)->create(create, &instance->self);
    case ESP_KIND_DATASET:
        return ((const esp_dataset_type *)component->type)->open(create, &instance->self);
    case ESP_KIND_ENGINE:
        return ((const esp_engine_type *)component->type)->open(create, &instance->self);
    default:
        return ((const esp_executor_type *)component->type)
            ->create(create, context, &instance->self);
    }
}

static void call_destroy(const struct instance *instance)
{
    const struct component *component = instance->component;
    switch (component->kind) {
    case ESP_KIND_SPACE:
        ((const esp_space_type *)component->type)->destroy(instance->self);
        break;
    case ESP_KIND_STRATEGY:
        ((const esp_strategy_type *)component->type)->destroy(instance->self);
        break;
    case ESP_KIND_ESTIMATOR:
        ((const esp_estimator_type *)component->type)->destroy(instance->self);
        break;
    case ESP_KIND_DATASET:
        ((const esp_dataset_type *)component->type)->close(instance->self);
        break;
    case ESP_KIND_ENGINE:
        ((const esp_engine_type *)component->type)->close(instance->self);
        break;
    default:
        ((const esp_executor_type *)component->type)->destroy(instance->self);
        break;
    }
}

esp_status instance_create(struct instance **out, const struct component *component,
                           const struct parameters *parameters, const esp_task *task, uint64_t seed,
                           void *context, struct error *error)
{
    struct instance *instance = calloc(1, sizeof *instance);
    struct esp_create_host *host = calloc(1, sizeof *host);
    if (!instance || !host) {
        free(instance);
        free(host);
        return error_memory(error);
    }
    instance->component = component;
    instance->create_host = host;
    esp_status status = parameters_copy(&instance->parameters, parameters, error);
    if (status != ESP_OK) {
        free(host);
        free(instance);
        return status;
    }
    handle_init(&host->handle.base, sizeof host->handle, &host->error);
    host->handle.api = &create_api;
    host->component = component;
    host->parameters = &instance->parameters;
    host->seed = seed;
    if (component->kind == ESP_KIND_ESTIMATOR)
        host->space = context;
    if (task) {
        host->task = *task;
        host->has_task = true;
    }
    status = call_create(instance, context);
    bool made = status == ESP_OK;
    if (made)
        status = host->error.status;
    if (status == ESP_OK) {
        *out = instance;
        return ESP_OK;
    }
    error_ensure(&host->error, status, "create");
    error_set(error, status, "%s %s: %s", kind_name(component->kind), component->id,
              host->error.message);
    if (made)
        call_destroy(instance);
    parameters_destroy(&instance->parameters);
    free(host);
    free(instance);
    return status;
}

void instance_destroy(struct instance *instance)
{
    if (!instance)
        return;
    call_destroy(instance);
    parameters_destroy(&instance->parameters);
    free(instance->create_host);
    free(instance);
}
