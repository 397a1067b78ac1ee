// SPDX-License-Identifier: Apache-2.0
// The experiment: an INI with every section resolved, checked and typed; see experiment.h. Here are
// the sections that name plugins, and [fix]; the host's own are settings.c's.
#include "config/experiment.h"

#include "config/objective.h"
#include "config/pins.h"
#include "config/settings.h"
#include "foreign/plan.h"
#include "text/nearest.h"

#include <espalier/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Sections and plugins ---------------------------------------------------------------------

#define BASE "estimator."

static bool is_of_sweep(const char *section)
{
    return strcmp(section, "sweep") == 0 || strncmp(section, "sweep.", 6) == 0;
}

static esp_status check_sections(const struct config *config, struct error *error)
{
    const char *names[SECTION_COUNT];
    for (int i = 0; i < SECTION_COUNT; i++)
        names[i] = sections[i].name;
    for (uint64_t i = 0; i < config_section_count(config); i++)
        if (is_of_sweep(config_section(config, i)))
            return config_fail_section(error, config, config_section(config, i),
                                       "it describes many runs, and this command makes one; "
                                       "`espalier sweep` makes them");
    for (uint64_t i = 0; i < config_section_count(config); i++) {
        const char *name = config_section(config, i);
        bool known = name[0] == '\0'; // what holds includes alone
        for (int j = 0; j < SECTION_COUNT; j++)
            known = known || strcmp(name, names[j]) == 0;
        if (known || strncmp(name, BASE, strlen(BASE)) == 0) // read_base looks at those
            continue;
        const char *nearest = text_nearest(name, names, SECTION_COUNT);
        if (nearest)
            return config_fail_section(error, config, name,
                                       "there is no such section; did you mean [%s]?", nearest);
        return config_fail_section(error, config, name, "there is no such section");
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
        esp_status status =
            registry_find(&loaded, registry, ESP_KIND_ENGINE, component->id, &words);
        if (status == ESP_ERROR_REJECTED) // by a pin
            return error_set(error, status, "%s", words.message);
        if (status != ESP_OK)
            continue; // it is refused from now on, and the run tells it
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
        return config_fail_section(error, experiment->config, section,
                                   "plugin must be said; `espalier list %s` shows what there is",
                                   section);
    esp_status status =
        kind == ESP_KIND_ENGINE && strcmp(id, "auto") == 0
            ? fastest_engine(&part->component, experiment->registry, &words)
            : registry_find(&part->component, experiment->registry, kind, id, &words);
    if (status == ESP_OK)
        return ESP_OK;
    return entry ? config_fail(error, ESP_ERROR_INVALID, entry, "%s", words.message)
                 : config_fail_section(error, experiment->config, section, "plugin = %s: %s", id,
                                       words.message);
}

// A section has one meaning for a key: the host's keys of `id` are no plugin's.
static esp_status check_rows(const struct part *part, const struct experiment *experiment,
                             enum section_id id, struct error *error)
{
    const char **taken = settings_keys(true, id, NULL);
    if (!taken)
        return error_memory(error);
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && taken[i]; i++)
        if (parameters_find(&part->parameters, taken[i]))
            status =
                config_fail_section(error, experiment->config, kind_name(part->component->kind),
                                    "the plugin %s has a parameter '%s', which is the host's "
                                    "key",
                                    part->component->id, taken[i]);
    free(taken);
    return status;
}

// `own`: the section where the host has keys besides, or SECTION_COUNT.
static esp_status read_part(struct part *part, struct experiment *experiment, uint32_t kind,
                            const char *fallback, enum section_id own, bool searchable,
                            struct error *error)
{
    esp_status status = find_plugin(part, experiment, kind, fallback, error);
    if (status != ESP_OK)
        return status;
    const char **also = settings_keys(true, own, NULL);
    if (!also)
        return error_memory(error);
    struct description description = component_description(part->component);
    status = parameters_resolve(&part->parameters, description.params, description.param_count,
                                description.param_stride, experiment->config, kind_name(kind), also,
                                searchable, error);
    free(also);
    // [final] takes the estimator's keys.
    enum section_id beside = kind == ESP_KIND_ESTIMATOR ? SECTION_FINAL : own;
    return status == ESP_OK ? check_rows(part, experiment, beside, error) : status;
}

static esp_status read_dataset(struct experiment *experiment, struct error *error)
{
    const struct section *section = &sections[SECTION_DATASET];
    esp_status status = read_part(&experiment->dataset, experiment, ESP_KIND_DATASET, "synthetic",
                                  SECTION_DATASET, true, error);
    if (status != ESP_OK)
        return status;
    const char **also = settings_keys(true, SECTION_COUNT, &experiment->dataset.parameters);
    if (!also)
        return error_memory(error);
    status =
        parameters_resolve(&experiment->data, section->table, section->count, sizeof(esp_param),
                           experiment->config, section->name, also, true, error);
    free(also);
    return status;
}

// A section of a wrapped estimator that is not the one.
static esp_status check_base_sections(const struct experiment *experiment, const char *section,
                                      struct error *error)
{
    for (uint64_t i = 0; i < config_section_count(experiment->config); i++) {
        const char *name = config_section(experiment->config, i);
        if (strncmp(name, BASE, strlen(BASE)) != 0 || (section && strcmp(name, section) == 0))
            continue;
        return section ? config_fail_section(error, experiment->config, name,
                                             "the estimator %s wraps %s: expected [%s]",
                                             experiment->estimator.component->id,
                                             experiment->base.component->id, section)
                       : config_fail_section(error, experiment->config, name,
                                             "the estimator %s wraps no other",
                                             experiment->estimator.component->id);
    }
    return ESP_OK;
}

// What the estimator wraps, where it is one that does.
static esp_status read_base(struct experiment *experiment, struct error *error)
{
    const struct foreign_plan *plan = manifest_plan(experiment->estimator.component->manifest);
    if (!plan || plan->role != ROLE_CURVE)
        return check_base_sections(experiment, NULL, error);
    const struct parameter *base = parameters_find(&experiment->estimator.parameters, "base");
    char section[96];
    struct error words;
    error_clear(&words);
    if (base->searched)
        return config_fail(error, ESP_ERROR_INVALID,
                           config_find(experiment->config, "estimator", "base"),
                           "what is wrapped cannot be searched");
    esp_status status = registry_find(&experiment->base.component, experiment->registry,
                                      ESP_KIND_ESTIMATOR, base->text, &words);
    const struct config_entry *entry = config_find(experiment->config, "estimator", "base");
    if (status != ESP_OK)
        return entry ? config_fail(error, ESP_ERROR_INVALID, entry, "%s", words.message)
                     : config_fail_section(error, experiment->config, "estimator", "base = %s: %s",
                                           base->text, words.message);
    plan = manifest_plan(experiment->base.component->manifest);
    if (plan && plan->role == ROLE_CURVE)
        return config_fail(error, ESP_ERROR_INVALID, entry, "a curve of a curve is not served");
    snprintf(section, sizeof section, BASE "%s", experiment->base.component->id);
    struct description description = component_description(experiment->base.component);
    status = parameters_resolve(&experiment->base.parameters, description.params,
                                description.param_count, description.param_stride,
                                experiment->config, section, NULL, false, error);
    return status == ESP_OK ? check_base_sections(experiment, section, error) : status;
}

static esp_status read_parts(struct experiment *experiment, struct error *error)
{
    esp_status status =
        read_part(&experiment->space, experiment, ESP_KIND_SPACE, NULL, SECTION_COUNT, true, error);
    if (status == ESP_OK)
        status = read_part(&experiment->strategy, experiment, ESP_KIND_STRATEGY, NULL,
                           SECTION_COUNT, false, error);
    if (status == ESP_OK)
        status = read_part(&experiment->estimator, experiment, ESP_KIND_ESTIMATOR, NULL,
                           SECTION_COUNT, true, error);
    if (status == ESP_OK)
        status = read_base(experiment, error);
    if (status == ESP_OK)
        status = read_dataset(experiment, error);
    // A cheap estimator computes no networks: an engine is loaded only where one is named.
    bool cheap =
        status == ESP_OK && component_ability(experiment->estimator.component, ESP_ESTIMATOR_CHEAP);
    if (status == ESP_OK && (!cheap || config_has_section(experiment->config, "engine")))
        status = read_part(&experiment->engine, experiment, ESP_KIND_ENGINE, "auto", SECTION_COUNT,
                           false, error);
    if (status == ESP_OK)
        status = read_part(&experiment->executor, experiment, ESP_KIND_EXECUTOR, "local",
                           SECTION_COUNT, false, error);
    return status;
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
        settings_read_experiment, pins_read,           read_parts,
        settings_check_genome,    objective_read,      settings_read_budget,
        settings_read_run,        settings_read_start, settings_read_final,
        settings_read_report,     read_fixes,
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
                            &experiment->dataset, &experiment->engine,   &experiment->executor,
                            &experiment->base};
    for (size_t i = 0; i < ESP_COUNT(parts); i++)
        parameters_destroy(&parts[i]->parameters);
    for (int i = 0; i < SECTION_COUNT; i++)
        parameters_destroy(&experiment->own[i]);
    parameters_destroy(&experiment->data);
    parameters_destroy(&experiment->final_training);
    for (uint64_t i = 0; i < experiment->objective_count; i++)
        free((char *)(uintptr_t)experiment->objectives[i].metric);
    for (uint64_t i = 0; i < experiment->constraint_count; i++)
        free((char *)(uintptr_t)experiment->constraints[i].metric);
    free(experiment->objectives);
    free(experiment->constraints);
    free((char *)(uintptr_t)experiment->budget.target.metric);
    free(experiment->fixes);
    free((char *)(uintptr_t)experiment->name);
    free((char *)(uintptr_t)experiment->out);
    config_destroy(experiment->config);
    free(experiment);
}
