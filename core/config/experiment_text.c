// SPDX-License-Identifier: Apache-2.0
// The resolved INI of an experiment, and the differences of two of them.
#include "config/experiment.h"
#include "config/sections.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void write_parameters(FILE *file, const struct parameters *parameters, struct error *error)
{
    for (uint64_t i = 0; i < parameters->count; i++) {
        char *text = parameter_text(&parameters->items[i]);
        if (!text)
            error_memory(error);
        else
            fprintf(file, "%s = %s\n", parameters->items[i].row->name, text);
        free(text);
    }
}

static void write_part(FILE *file, const char *section, const struct part *part,
                       struct error *error)
{
    if (!part->component)
        return;
    fprintf(file, "\n[%s]\nplugin = %s\n", section, part->component->id);
    write_parameters(file, &part->parameters, error);
}

// A section of the host's own, as the INI says it, defaults besides.
static void write_own(FILE *file, const struct experiment *experiment, enum section_id id,
                      struct error *error)
{
    struct parameters own = {0};
    const struct section *section = &sections[id];
    const char *also[400] = {NULL};
    const struct parameters *estimator = &experiment->estimator.parameters;
    for (uint64_t i = 0; i < estimator->count && i < 390; i++)
        also[i] = estimator->items[i].row->name;
    if (parameters_resolve(&own, section->table, section->count, sizeof(esp_param),
                           experiment->config, section->name, also, false, error) != ESP_OK)
        return;
    fprintf(file, "\n[%s]\n", section->name);
    write_parameters(file, &own, error);
    parameters_destroy(&own);
}

// The keys of [estimator] that [final] says.
static void write_final_keys(FILE *file, const struct experiment *experiment, struct error *error)
{
    for (uint64_t i = 0; i < experiment->final_training.count; i++) {
        const struct parameter *parameter = &experiment->final_training.items[i];
        if (!config_find(experiment->config, "final", parameter->row->name))
            continue;
        char *text = parameter_text(parameter);
        if (!text)
            error_memory(error);
        else
            fprintf(file, "%s = %s\n", parameter->row->name, text);
        free(text);
    }
}

static void write_objective(FILE *file, const struct experiment *experiment, struct error *error)
{
    // In the order of the INI, which is the order of the objectives.
    bool minimize_first = experiment->objective_count > 0 && !experiment->objectives[0].maximize;
    fprintf(file, "\n[objective]\n");
    for (int turn = 0; turn < 2; turn++) {
        bool maximize = (turn == 0) != minimize_first;
        bool any = false;
        for (uint64_t i = 0; i < experiment->objective_count; i++)
            if (experiment->objectives[i].maximize == maximize) {
                fprintf(file,
                        any        ? ", %s"
                        : maximize ? "maximize = %s"
                                   : "minimize = %s",
                        experiment->objectives[i].metric);
                any = true;
            }
        fprintf(file, any ? "\n" : "");
    }
    for (uint64_t i = 0; i < experiment->constraint_count; i++) {
        const struct constraint *row = &experiment->constraints[i];
        fprintf(file, "%s%s %s %.17g%s", i ? ", " : "subject_to = ", row->metric,
                row->at_most ? "<=" : ">=", row->bound,
                i + 1 == experiment->constraint_count ? "\n" : "");
    }
    fprintf(file, "test_objective = %s\n", experiment->test_objective ? "yes" : "no");
    (void)error;
}

char *experiment_text(const struct experiment *experiment, struct error *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file) {
        error_memory(error);
        return NULL;
    }
    fprintf(file, "[experiment]\nname = %s\nseed = %llu\n", experiment->name,
            (unsigned long long)experiment->seed);
    write_part(file, "space", &experiment->space, error);
    write_part(file, "strategy", &experiment->strategy, error);
    write_part(file, "estimator", &experiment->estimator, error);
    write_part(file, "dataset", &experiment->dataset, error);
    write_parameters(file, &experiment->data, error);
    write_objective(file, experiment, error);
    write_own(file, experiment, SECTION_BUDGET, error);
    write_part(file, "engine", &experiment->engine, error);
    write_part(file, "executor", &experiment->executor, error);
    write_own(file, experiment, SECTION_RUN, error);
    write_own(file, experiment, SECTION_FINAL, error);
    write_final_keys(file, experiment, error);
    if (experiment->fix_count > 0)
        fprintf(file, "\n[fix]\n");
    for (uint64_t i = 0; i < experiment->fix_count; i++)
        fprintf(file, "%s = %s\n", experiment->fixes[i].pattern, experiment->fixes[i].value);
    if (fclose(file) != 0)
        error_memory(error);
    if (error->status != ESP_OK) {
        free(text);
        return NULL;
    }
    return text;
}

// ---- Differences ------------------------------------------------------------------------------

static bool may_differ(const struct config_entry *entry, bool ignore_dataset_path)
{
    static const char *const free_sections[] = {"budget", "final", "executor"};
    for (size_t i = 0; i < ESP_COUNT(free_sections); i++)
        if (strcmp(entry->section, free_sections[i]) == 0)
            return true;
    if (strcmp(entry->section, "run") == 0)
        return strcmp(entry->key, "workers") == 0 || strcmp(entry->key, "out") == 0;
    return ignore_dataset_path && strcmp(entry->section, "dataset") == 0 &&
           strcmp(entry->key, "path") == 0;
}

static void compare(FILE *file, const struct config *from, const struct config *with,
                    bool ignore_dataset_path, bool missing_only, uint64_t *count)
{
    for (uint64_t i = 0; i < config_count(from); i++) {
        const struct config_entry *entry = config_get(from, i);
        const struct config_entry *other = config_find(with, entry->section, entry->key);
        if (may_differ(entry, ignore_dataset_path) || (missing_only && other) ||
            (other && strcmp(entry->value, other->value) == 0))
            continue;
        const char *nothing = "(nothing)";
        fprintf(file, "%s  %s.%s: %s -> %s", (*count)++ ? "\n" : "", entry->section, entry->key,
                missing_only ? nothing : entry->value,
                missing_only ? entry->value
                : other      ? other->value
                             : nothing);
    }
}

char *experiment_difference(const char *stored_text, const char *text, bool ignore_dataset_path,
                            struct error *error)
{
    struct config *stored = NULL, *now = NULL;
    char *lines = NULL;
    size_t size = 0;
    uint64_t count = 0;
    FILE *file = NULL;
    if (config_parse(&stored, stored_text, "the stored configuration", ".", error) == ESP_OK &&
        config_parse(&now, text, "the configuration", ".", error) == ESP_OK)
        file = open_memstream(&lines, &size);
    if (file) {
        compare(file, stored, now, ignore_dataset_path, false, &count);
        compare(file, now, stored, ignore_dataset_path, true, &count);
        fclose(file);
    } else if (error->status == ESP_OK) {
        error_memory(error);
    }
    config_destroy(stored);
    config_destroy(now);
    if (count == 0) {
        free(lines);
        return NULL;
    }
    return lines;
}
