// SPDX-License-Identifier: Apache-2.0
// The resolved INI of an experiment, and the differences of two of them.
#include "config/entries.h"
#include "config/experiment.h"
#include "config/pins.h"
#include "config/units.h"
#include "text/stream.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INDENT "    "

// How many bytes of the value may stand before a backslash: at most `most`, and such that the parts
// are read back as they were: cut inside a word, between characters. 0 where there is no such place.
static size_t break_at(const char *value, size_t most)
{
    for (size_t i = most; i > 0; i--) {
        unsigned char before = (unsigned char)value[i - 1], after = (unsigned char)value[i];
        if (!isspace(before) && !isspace(after) && after != ';' && after != '#' && before != '\\' &&
            (after & 0xc0) != 0x80)
            return i;
    }
    return 0;
}

// "key = value", over several lines where it is too long for one.
static void write_entry(FILE *file, const char *key, const char *value, struct error *error)
{
    size_t room = LONGEST_LINE - strlen(INDENT) - 1, first = strlen(key) + strlen(" = ");
    const char *fault = value_fault(value);
    if (!fault && first > LONGEST_LINE - 1)
        fault = "the key is too long for a line";
    fprintf(file, "%s = ", key);
    if (!fault && first + strlen(value) > LONGEST_LINE) {
        size_t length = break_at(value, LONGEST_LINE - 1 - first);
        if (length == 0 && value[0] == '#')
            fault = "it has no place to go on at another line";
        fprintf(file, "%.*s\\\n" INDENT, (int)length, value);
        value += length;
    }
    while (!fault && strlen(value) > room) {
        size_t length = break_at(value, room);
        if (length == 0)
            fault = "it has no place to go on at another line";
        else
            fprintf(file, "%.*s\\\n" INDENT, (int)length, value);
        value += length;
    }
    fprintf(file, "%s\n", value);
    if (fault)
        error_set(error, ESP_ERROR_INVALID, "%s = %s: cannot be written: %s", key, value, fault);
}

static void write_parameter(FILE *file, const struct parameter *parameter, struct error *error)
{
    char *text = parameter_text(parameter);
    if (text)
        write_entry(file, parameter->row->name, text, error);
    else
        error_memory(error);
    free(text);
}

static void write_parameters(FILE *file, const struct parameters *parameters, struct error *error)
{
    for (uint64_t i = 0; i < parameters->count; i++)
        write_parameter(file, &parameters->items[i], error);
}

// The metrics of `maximize` or `minimize`; nothing where there is none.
static void write_metrics(FILE *file, const struct experiment *experiment, bool maximize,
                          struct error *error)
{
    char *text = NULL;
    size_t size = 0;
    bool any = false;
    FILE *list = open_memstream(&text, &size);
    for (uint64_t i = 0; list && i < experiment->objective_count; i++)
        if (experiment->objectives[i].maximize == maximize) {
            fprintf(list, "%s%s", any ? ", " : "", experiment->objectives[i].metric);
            any = true;
        }
    if (!list || !text_stream_close(list, &text))
        error_memory(error);
    else if (any)
        write_entry(file, maximize ? "maximize" : "minimize", text, error);
    free(text);
}

static void write_constraints(FILE *file, const struct experiment *experiment, struct error *error)
{
    char *text = NULL, bound[REAL_TEXT_SIZE];
    size_t size = 0;
    FILE *list = open_memstream(&text, &size);
    for (uint64_t i = 0; list && i < experiment->constraint_count; i++) {
        const struct constraint *row = &experiment->constraints[i];
        write_real(bound, row->bound);
        fprintf(list, "%s%s %s %s", i ? ", " : "", row->metric, row->at_most ? "<=" : ">=", bound);
    }
    if (!list || !text_stream_close(list, &text))
        error_memory(error);
    else if (experiment->constraint_count > 0)
        write_entry(file, "subject_to", text, error);
    free(text);
}

// In the order of the objectives, which is that of the keys.
static void write_objective(FILE *file, const struct experiment *experiment, struct error *error)
{
    bool first = experiment->objectives[0].maximize;
    write_metrics(file, experiment, first, error);
    write_metrics(file, experiment, !first, error);
    write_constraints(file, experiment, error);
    write_entry(file, "test_objective", experiment->test_objective ? "yes" : "no", error);
}

// The keys of [estimator] that [final] says.
static void write_final_keys(FILE *file, const struct experiment *experiment, struct error *error)
{
    for (uint64_t i = 0; i < experiment->final_training.count; i++) {
        const struct parameter *parameter = &experiment->final_training.items[i];
        if (config_find(experiment->config, "final", parameter->row->name))
            write_parameter(file, parameter, error);
    }
}

// The plugin of a section; NULL where the section has none.
static const struct part *part_of(const struct experiment *experiment, enum section_id id)
{
    switch (id) {
    case SECTION_SPACE:
        return &experiment->space;
    case SECTION_STRATEGY:
        return &experiment->strategy;
    case SECTION_ESTIMATOR:
        return &experiment->estimator;
    case SECTION_DATASET:
        return &experiment->dataset;
    case SECTION_ENGINE:
        return &experiment->engine;
    case SECTION_EXECUTOR:
        return &experiment->executor;
    default:
        return NULL;
    }
}

static void write_section(FILE *file, const struct experiment *experiment, enum section_id id,
                          struct error *error)
{
    const struct part *part = part_of(experiment, id);
    if ((part && !part->component) || (id == SECTION_FIX && experiment->fix_count == 0) ||
        (id == SECTION_START && !experiment->start[0]) ||
        (id == SECTION_REPORT && !experiment->own[id].items[0].text[0]) || id == SECTION_PLUGINS)
        return;
    fprintf(file, "%s[%s]\n", id == 0 ? "" : "\n", sections[id].name);
    if (part) {
        write_entry(file, "plugin", part->component->id, error);
        write_parameters(file, &part->parameters, error);
    }
    if (id == SECTION_OBJECTIVE)
        write_objective(file, experiment, error);
    else
        write_parameters(file, id == SECTION_DATASET ? &experiment->data : &experiment->own[id],
                         error);
    if (id == SECTION_ESTIMATOR && experiment->base.component) {
        fprintf(file, "\n[estimator.%s]\n", experiment->base.component->id);
        write_parameters(file, &experiment->base.parameters, error);
    }
    if (id == SECTION_FINAL)
        write_final_keys(file, experiment, error);
    for (uint64_t i = 0; id == SECTION_FIX && i < experiment->fix_count; i++)
        write_entry(file, experiment->fixes[i].pattern, experiment->fixes[i].value, error);
}

static void write_pins(FILE *file, const struct experiment *experiment, bool all,
                       struct error *error)
{
    char *pins = pins_text(experiment, all);
    if (!pins)
        error_memory(error);
    else if (pins[0]) {
        fprintf(file, "\n[plugins]\n");
        write_entry(file, "pin", pins, error);
    }
    free(pins);
}

char *experiment_text(const struct experiment *experiment, bool pinned, struct error *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file) {
        error_memory(error);
        return NULL;
    }
    for (int i = 0; i < SECTION_COUNT; i++)
        write_section(file, experiment, (enum section_id)i, error);
    write_pins(file, experiment, pinned, error);
    if (!text_stream_close(file, &text))
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
    static const char *const free_sections[] = {"budget", "final", "executor", "report", "plugins"};
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
        if (!text_stream_close(file, &lines))
            error_memory(error);
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

bool experiment_same_section(const char *a, const char *b, const char *section)
{
    const char *start_a = strstr(a, section), *start_b = strstr(b, section);
    if (!start_a || !start_b)
        return start_a == start_b;
    const char *end_a = strstr(start_a, "\n["), *end_b = strstr(start_b, "\n[");
    size_t length_a = end_a ? (size_t)(end_a - start_a) : strlen(start_a);
    size_t length_b = end_b ? (size_t)(end_b - start_b) : strlen(start_b);
    return length_a == length_b && memcmp(start_a, start_b, length_a) == 0;
}
