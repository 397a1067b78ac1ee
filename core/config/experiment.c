// SPDX-License-Identifier: Apache-2.0
// The experiment: an INI with every section resolved, checked and typed; see experiment.h. The
// host's own keys come from the tables of sections.c.
#include "config/experiment.h"

#include "config/objective.h"
#include "config/sections.h"
#include "config/units.h"
#include "text/nearest.h"

#include <espalier/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Trials where no limit of any kind is said.
#define DEFAULT_TRIALS 100

static const char *const plugin_key[] = {"plugin", NULL};

// ---- Sections and plugins ---------------------------------------------------------------------

static const struct config_entry *first_entry(const struct config *config, const char *section)
{
    for (uint64_t i = 0; i < config_count(config); i++)
        if (strcmp(config_get(config, i)->section, section) == 0)
            return config_get(config, i);
    return NULL;
}

static esp_status check_sections(const struct config *config, struct error *error)
{
    const char *names[SECTION_COUNT];
    for (int i = 0; i < SECTION_COUNT; i++)
        names[i] = sections[i].name;
    for (uint64_t i = 0; i < config_section_count(config); i++) {
        const char *name = config_section(config, i);
        bool known = false;
        for (int j = 0; j < SECTION_COUNT; j++)
            known = known || strcmp(name, names[j]) == 0;
        if (known)
            continue;
        const struct config_entry *entry = first_entry(config, name);
        const char *nearest = text_nearest(name, names, SECTION_COUNT);
        char where[512] = "";
        if (entry)
            snprintf(where, sizeof where, "%s:%d: ", entry->file, entry->line);
        if (strcmp(name, "sweep") == 0)
            return error_set(error, ESP_ERROR_INVALID,
                             "%s[sweep]: this configuration describes many runs, and `run` makes "
                             "one",
                             where);
        return error_set(error, ESP_ERROR_INVALID, "%sthere is no section [%s]%s%s%s", where, name,
                         nearest ? "; did you mean [" : "", nearest ? nearest : "",
                         nearest ? "]?" : "");
    }
    return ESP_OK;
}

// The engine with the largest rank among those that load.
static esp_status fastest_engine(const struct component **out, struct registry *registry,
                                 struct error *error)
{
    uint32_t best = 0;
    *out = NULL;
    for (uint64_t i = 0; i < registry_count(registry); i++) {
        const struct component *component = registry_get(registry, i), *loaded = NULL;
        struct error words;
        error_clear(&words);
        if (component->kind != ESP_KIND_ENGINE || component->refused || component->shadowed_by)
            continue;
        if (registry_find(&loaded, registry, ESP_KIND_ENGINE, component->id, &words) != ESP_OK) {
            log_line(ESP_LOG_WARNING, "engine %s: %s", component->id, words.message);
            continue;
        }
        uint32_t rank = ((const esp_engine_type *)loaded->type)->rank;
        if (!*out || rank > best) {
            *out = loaded;
            best = rank;
        }
    }
    return *out ? ESP_OK
                : error_set(error, ESP_ERROR_INVALID,
                            "no engine is there; `espalier list engine` shows what was found");
}

static esp_status find_plugin(struct part *part, struct experiment *experiment, uint32_t kind,
                              const char *fallback, struct error *error)
{
    const char *section = kind_name(kind);
    const struct config_entry *entry = config_find(experiment->config, section, "plugin");
    const char *id = entry ? entry->value : fallback;
    struct error words;
    error_clear(&words);
    if (!id)
        return error_set(error, ESP_ERROR_INVALID,
                         "[%s] plugin: it must be said; `espalier list %s` shows what there is",
                         section, section);
    esp_status status =
        kind == ESP_KIND_ENGINE && strcmp(id, "auto") == 0
            ? fastest_engine(&part->component, experiment->registry, &words)
            : registry_find(&part->component, experiment->registry, kind, id, &words);
    if (status != ESP_OK)
        config_fail(error, ESP_ERROR_INVALID, entry, "%s", words.message);
    return status == ESP_OK ? ESP_OK : ESP_ERROR_INVALID;
}

static esp_status read_part(struct part *part, struct experiment *experiment, uint32_t kind,
                            const char *fallback, const char *const *also, bool searchable,
                            struct error *error)
{
    esp_status status = find_plugin(part, experiment, kind, fallback, error);
    if (status != ESP_OK)
        return status;
    struct description description = component_description(part->component);
    return parameters_resolve(&part->parameters, description.params, description.param_count,
                              description.param_stride, experiment->config, kind_name(kind), also,
                              searchable, error);
}

static esp_status read_dataset(struct experiment *experiment, struct error *error)
{
    const struct section *section = &sections[SECTION_DATASET];
    const char *also[16] = {"plugin"}, *also_host[400] = {"plugin"};
    for (uint64_t i = 0; i < section->count; i++)
        also[i + 1] = section->table[i].name;
    esp_status status = read_part(&experiment->dataset, experiment, ESP_KIND_DATASET, "synthetic",
                                  also, true, error);
    if (status != ESP_OK)
        return status;
    const struct parameters *own = &experiment->dataset.parameters;
    for (uint64_t i = 0; i < own->count && i < 390; i++)
        also_host[i + 1] = own->items[i].row->name;
    return parameters_resolve(&experiment->data, section->table, section->count, sizeof(esp_param),
                              experiment->config, "dataset", also_host, true, error);
}

static esp_status read_parts(struct experiment *experiment, struct error *error)
{
    esp_status status =
        read_part(&experiment->space, experiment, ESP_KIND_SPACE, NULL, plugin_key, true, error);
    if (status == ESP_OK)
        status = read_part(&experiment->strategy, experiment, ESP_KIND_STRATEGY, NULL, plugin_key,
                           false, error);
    if (status == ESP_OK)
        status = read_part(&experiment->estimator, experiment, ESP_KIND_ESTIMATOR, NULL, plugin_key,
                           true, error);
    if (status == ESP_OK)
        status = read_dataset(experiment, error);
    // A cheap estimator computes no networks: an engine is loaded only where one is named.
    bool cheap =
        status == ESP_OK && component_ability(experiment->estimator.component, ESP_ESTIMATOR_CHEAP);
    if (status == ESP_OK && (!cheap || config_has_section(experiment->config, "engine")))
        status = read_part(&experiment->engine, experiment, ESP_KIND_ENGINE, "auto", plugin_key,
                           false, error);
    if (status == ESP_OK)
        status = read_part(&experiment->executor, experiment, ESP_KIND_EXECUTOR, "local",
                           plugin_key, false, error);
    return status;
}

// ---- The host's own sections ------------------------------------------------------------------

static esp_status resolve_own(struct parameters *out, const struct experiment *experiment,
                              enum section_id id, struct error *error)
{
    const struct section *section = &sections[id];
    return parameters_resolve(out, section->table, section->count, sizeof(esp_param),
                              experiment->config, section->name, NULL, false, error);
}

static esp_status wrong_value(const struct experiment *experiment, const char *section,
                              const char *key, const char *expected, const char *got,
                              struct error *error)
{
    return config_fail(error, ESP_ERROR_INVALID, config_find(experiment->config, section, key),
                       "expected %s, got '%s'", expected, got);
}

static esp_status read_experiment(struct experiment *experiment, struct error *error)
{
    struct parameters own = {0};
    esp_status status = resolve_own(&own, experiment, SECTION_EXPERIMENT, error);
    if (status != ESP_OK)
        return status;
    const char *name = parameters_find(&own, "name")->text;
    experiment->seed = (uint64_t)parameters_find(&own, "seed")->integer;
    experiment->name = strdup(name);
    if (!experiment->name)
        status = error_memory(error);
    else if (name[0] == '\0' || strchr(name, '/'))
        status = wrong_value(experiment, "experiment", "name", "a name without '/'", name, error);
    parameters_destroy(&own);
    return status;
}

static esp_status read_budget(struct experiment *experiment, struct error *error)
{
    struct parameters own = {0};
    struct budget *budget = &experiment->budget;
    esp_status status = resolve_own(&own, experiment, SECTION_BUDGET, error);
    if (status != ESP_OK)
        return status;
    const char *time = parameters_find(&own, "time")->text;
    budget->trials = (uint64_t)parameters_find(&own, "trials")->integer;
    budget->cost = parameters_find(&own, "cost")->real;
    budget->failures = (uint64_t)parameters_find(&own, "failures")->integer;
    if (time[0] && (!read_duration(time, &budget->seconds) || budget->seconds <= 0))
        status =
            wrong_value(experiment, "budget", "time", "a time such as 90s, 10m or 2h", time, error);
    if (budget->trials == 0 && budget->cost == 0 && budget->seconds == 0)
        budget->trials = DEFAULT_TRIALS;
    parameters_destroy(&own);
    return status;
}

static esp_status read_horizon(struct experiment *experiment, const char *text, struct error *error)
{
    int64_t value;
    if (text[0] == '\0')
        return ESP_OK;
    if (strcmp(text, "fidelity") == 0) {
        experiment->horizon_is_fidelity = true;
        return ESP_OK;
    }
    if (!read_int(text, &value) || value < 1)
        return wrong_value(experiment, "run", "horizon", "a number from 1 on, or 'fidelity'", text,
                           error);
    experiment->horizon = (uint64_t)value;
    return ESP_OK;
}

static esp_status read_run(struct experiment *experiment, struct error *error)
{
    struct parameters own = {0};
    esp_status status = resolve_own(&own, experiment, SECTION_RUN, error);
    if (status != ESP_OK)
        return status;
    const char *time = parameters_find(&own, "trial_time_limit")->text;
    const char *memory = parameters_find(&own, "trial_memory_limit")->text;
    const char *out = parameters_find(&own, "out")->text;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    experiment->workers = (uint64_t)parameters_find(&own, "workers")->integer;
    if (experiment->workers == 0)
        experiment->workers = cores > 0 ? (uint64_t)cores : 1;
    experiment->order = (enum order_kind)parameters_find(&own, "order")->integer;
    experiment->lookahead = (uint64_t)parameters_find(&own, "lookahead")->integer;
    experiment->keep = (enum keep)parameters_find(&own, "keep")->integer;
    char *folder = NULL;
    if (out[0])
        folder = strdup(out);
    else if (asprintf(&folder, "results/%s", experiment->name) < 0)
        folder = NULL;
    experiment->out = folder;
    if (!folder)
        status = error_memory(error);
    else if (!read_duration(time, &experiment->trial_time_limit))
        status = wrong_value(experiment, "run", "trial_time_limit",
                             "a time such as 90s, 10m or 2h, or 0", time, error);
    else if (!read_size(memory, &experiment->trial_memory_limit))
        status = wrong_value(experiment, "run", "trial_memory_limit",
                             "a size such as 500M or 4G, or 0", memory, error);
    else
        status = read_horizon(experiment, parameters_find(&own, "horizon")->text, error);
    parameters_destroy(&own);
    return status;
}

static esp_status read_retrain(struct experiment *experiment, const char *text, struct error *error)
{
    int64_t count;
    if (strcmp(text, "none") == 0)
        experiment->retrain = RETRAIN_NONE;
    else if (strcmp(text, "best") == 0)
        experiment->retrain = RETRAIN_BEST;
    else if (strcmp(text, "pareto") == 0)
        experiment->retrain = RETRAIN_PARETO;
    else if (strncmp(text, "top", 3) == 0 && read_int(text + 3, &count) && count >= 1) {
        experiment->retrain = RETRAIN_TOP;
        experiment->retrain_count = (uint64_t)count;
    } else {
        return wrong_value(experiment, "final", "retrain", "none, best, pareto or top<N>", text,
                           error);
    }
    return ESP_OK;
}

// [estimator] with the keys of [final] over it.
static esp_status read_final_training(struct experiment *experiment, struct error *error)
{
    struct description description = component_description(experiment->estimator.component);
    const struct section *section = &sections[SECTION_FINAL];
    const char *also[16] = {NULL};
    struct parameters over = {0};
    for (uint64_t i = 0; i < section->count; i++)
        also[i] = section->table[i].name;
    esp_status status =
        parameters_copy(&experiment->final_training, &experiment->estimator.parameters, error);
    if (status == ESP_OK)
        status = parameters_resolve(&over, description.params, description.param_count,
                                    description.param_stride, experiment->config, "final", also,
                                    false, error);
    for (uint64_t i = 0; status == ESP_OK && i < over.count; i++)
        if (over.items[i].given) {
            struct parameter kept = experiment->final_training.items[i];
            experiment->final_training.items[i] = over.items[i];
            over.items[i] = kept;
        }
    parameters_destroy(&over);
    return status;
}

static esp_status read_final(struct experiment *experiment, struct error *error)
{
    struct parameters own = {0};
    const struct section *section = &sections[SECTION_FINAL];
    const char *also[400] = {NULL};
    const struct parameters *estimator = &experiment->estimator.parameters;
    for (uint64_t i = 0; i < estimator->count && i < 390; i++)
        also[i] = estimator->items[i].row->name;
    esp_status status = parameters_resolve(&own, section->table, section->count, sizeof(esp_param),
                                           experiment->config, section->name, also, false, error);
    if (status != ESP_OK)
        return status;
    experiment->final_seeds = (uint64_t)parameters_find(&own, "seeds")->integer;
    status = read_retrain(experiment, parameters_find(&own, "retrain")->text, error);
    parameters_destroy(&own);
    if (status == ESP_OK && experiment->retrain != RETRAIN_NONE &&
        !component_ability(experiment->estimator.component, ESP_ESTIMATOR_FINAL))
        status = config_fail(error, ESP_ERROR_INVALID,
                             config_find(experiment->config, "final", "retrain"),
                             "the estimator %s trains no networks; expected none",
                             experiment->estimator.component->id);
    return status == ESP_OK ? read_final_training(experiment, error) : status;
}

static esp_status read_fixes(struct experiment *experiment, struct error *error)
{
    const struct config *config = experiment->config;
    experiment->fixes = calloc(config_count(config) + 1, sizeof *experiment->fixes);
    if (!experiment->fixes)
        return error_memory(error);
    for (uint64_t i = 0; i < config_count(config); i++) {
        const struct config_entry *entry = config_get(config, i);
        if (strcmp(entry->section, "fix") != 0)
            continue;
        experiment->fixes[experiment->fix_count].pattern = entry->key;
        experiment->fixes[experiment->fix_count++].value = entry->value;
    }
    return ESP_OK;
}

static esp_status read_objective(struct experiment *experiment, struct error *error)
{
    struct parameters own = {0};
    esp_status status = resolve_own(&own, experiment, SECTION_OBJECTIVE, error);
    if (status == ESP_OK)
        status = objective_read(experiment, &own, error);
    parameters_destroy(&own);
    return status;
}

esp_status experiment_create(struct experiment **out, struct config *config,
                             struct registry *registry, struct error *error)
{
    struct experiment *experiment = calloc(1, sizeof *experiment);
    if (!experiment) {
        config_destroy(config);
        return error_memory(error);
    }
    experiment->config = config;
    experiment->registry = registry;
    static esp_status (*const steps[])(struct experiment *, struct error *) = {
        read_experiment, read_parts, read_objective, read_budget, read_run, read_final, read_fixes,
    };
    esp_status status = check_sections(config, error);
    for (size_t i = 0; status == ESP_OK && i < ESP_COUNT(steps); i++)
        status = steps[i](experiment, error);
    if (status != ESP_OK) {
        experiment_destroy(experiment);
        return status;
    }
    *out = experiment;
    return ESP_OK;
}

void experiment_destroy(struct experiment *experiment)
{
    if (!experiment)
        return;
    struct part *parts[] = {&experiment->space,   &experiment->strategy, &experiment->estimator,
                            &experiment->dataset, &experiment->engine,   &experiment->executor};
    for (size_t i = 0; i < ESP_COUNT(parts); i++)
        parameters_destroy(&parts[i]->parameters);
    parameters_destroy(&experiment->data);
    parameters_destroy(&experiment->final_training);
    for (uint64_t i = 0; i < experiment->objective_count; i++)
        free((char *)(uintptr_t)experiment->objectives[i].metric);
    for (uint64_t i = 0; i < experiment->constraint_count; i++)
        free((char *)(uintptr_t)experiment->constraints[i].metric);
    free(experiment->objectives);
    free(experiment->constraints);
    free(experiment->fixes);
    free((char *)(uintptr_t)experiment->name);
    free((char *)(uintptr_t)experiment->out);
    config_destroy(experiment->config);
    free(experiment);
}
