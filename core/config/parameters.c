// SPDX-License-Identifier: Apache-2.0
// Typed parameters; see parameters.h. One value's text is value.c's, distributions are
// distribution.c's.
#include "config/parameters.h"

#include "arch/arch.h"
#include "config/distribution.h"
#include "config/list.h"
#include "config/value.h"
#include "text/nearest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const esp_param *row_at(const esp_param *table, uint64_t stride, uint64_t i)
{
    return (const esp_param *)(const void *)((const char *)table + i * stride);
}

static void clear_domain(struct parameter *parameter)
{
    for (uint64_t i = 0; parameter->options && i < parameter->domain.count; i++)
        free(parameter->options[i]);
    free(parameter->options);
    parameter->options = NULL;
    parameter->domain = (esp_domain){0};
    parameter->searched = false;
}

void parameters_destroy(struct parameters *parameters)
{
    for (uint64_t i = 0; i < parameters->count; i++) {
        value_clear(&parameters->items[i]);
        clear_domain(&parameters->items[i]);
    }
    free(parameters->items);
    parameters->items = NULL;
    parameters->count = 0;
}

struct parameter *parameters_find(const struct parameters *parameters, const char *name)
{
    for (uint64_t i = 0; i < parameters->count; i++)
        if (strcmp(parameters->items[i].row->name, name) == 0)
            return &parameters->items[i];
    return NULL;
}

esp_status parameter_check_default(const esp_param *row, struct error *error)
{
    struct parameter parameter = {.row = row};
    esp_status status = value_default(&parameter, error);
    value_clear(&parameter);
    return status;
}

// ---- Resolving a section ----------------------------------------------------------------------

static uint64_t known_names(const char **names, uint64_t most, const struct parameters *parameters,
                            const char *const *also)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < parameters->count && count < most; i++)
        names[count++] = parameters->items[i].row->name;
    for (uint64_t i = 0; also && also[i] && count < most; i++)
        names[count++] = also[i];
    return count;
}

static esp_status unknown_key(const struct config_entry *entry, const struct parameters *parameters,
                              const char *const *also, struct error *error)
{
    const char *names[512];
    char list[512];
    uint64_t known = known_names(names, ESP_COUNT(names), parameters, also);
    const char *nearest = text_nearest(entry->key, names, known);
    if (strcmp(entry->key, "include") == 0)
        return config_fail(error, ESP_ERROR_INVALID, entry,
                           "there is no such key; an include stands before the first [section]");
    if (nearest)
        return config_fail(error, ESP_ERROR_INVALID, entry,
                           "there is no such key; did you mean '%s'?", nearest);
    list_join(list, sizeof list, names, known);
    return config_fail(error, ESP_ERROR_INVALID, entry, "there is no such key; there are: %s",
                       list);
}

static bool is_among(const char *key, const char *const *names)
{
    for (uint64_t i = 0; names && names[i]; i++)
        if (strcmp(names[i], key) == 0)
            return true;
    return false;
}

static esp_status take_entry(struct parameter *parameter, const struct config *config,
                             const struct config_entry *entry, bool searchable, struct error *error)
{
    struct error words;
    error_clear(&words);
    esp_status status;
    const char *folder = config_folder(config, entry);
    bool distribution = distribution_is(entry->value);
    clear_domain(parameter);
    if (distribution && searchable)
        status = distribution_read(parameter, entry->value, folder, &words);
    else if (distribution)
        status = error_set(&words, ESP_ERROR_INVALID,
                           "it cannot be searched: expected a value, got '%s'", entry->value);
    else
        status = value_read(parameter, entry->value, folder, &words);
    parameter->given = true;
    if (status != ESP_OK)
        config_fail(error, status, entry, "%s%s", words.message,
                    searchable && !distribution ? distribution_hint(entry->value) : "");
    return status;
}

esp_status parameters_override(struct parameters *parameters, const struct config *config,
                               const char *section, const char *const *also, bool searchable,
                               struct error *error)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < config_count(config); i++) {
        const struct config_entry *entry = config_get(config, i);
        if (strcmp(entry->section, section) != 0)
            continue;
        struct parameter *parameter = parameters_find(parameters, entry->key);
        if (parameter)
            status = take_entry(parameter, config, entry, searchable, error);
        else if (!is_among(entry->key, also))
            status = unknown_key(entry, parameters, also, error);
    }
    return status;
}

esp_status parameters_resolve(struct parameters *out, const esp_param *table, uint64_t count,
                              uint64_t stride, const struct config *config, const char *section,
                              const char *const *also, bool searchable, struct error *error)
{
    esp_status status = ESP_OK;
    out->items = calloc(count + 1, sizeof *out->items);
    out->count = 0;
    if (!out->items)
        return error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        struct parameter *parameter = &out->items[out->count++];
        parameter->row = row_at(table, stride, i);
        status = value_default(parameter, error);
        if (status != ESP_OK)
            error_prefix(error, "the default of %s: ", parameter->row->name);
    }
    if (status == ESP_OK)
        status = parameters_override(out, config, section, also, searchable, error);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        const struct parameter *parameter = &out->items[i];
        if (!parameter->given && (parameter->row->flags & ESP_PARAM_REQUIRED))
            status = config_fail_section(error, config, section, "%s must be said: %s",
                                         parameter->row->name,
                                         parameter->row->help ? parameter->row->help : "");
    }
    if (status != ESP_OK)
        parameters_destroy(out);
    return status;
}

// ---- Copies and changes -----------------------------------------------------------------------

static esp_status copy_texts(char ***out, char *const *from, uint64_t count, struct error *error)
{
    *out = calloc(count + 1, sizeof **out);
    if (!*out)
        return error_memory(error);
    for (uint64_t i = 0; i < count; i++)
        if (!((*out)[i] = strdup(from[i])))
            return error_memory(error);
    return ESP_OK;
}

static esp_status copy_parameter(struct parameter *to, const struct parameter *from,
                                 struct error *error)
{
    esp_status status = ESP_OK;
    *to = *from;
    to->text = NULL;
    to->ints = NULL;
    to->names = NULL;
    to->options = NULL;
    if (from->text && !(to->text = strdup(from->text)))
        status = error_memory(error);
    if (from->ints) {
        to->ints = malloc((from->count + 1) * sizeof *to->ints);
        if (!to->ints)
            return error_memory(error);
        memcpy(to->ints, from->ints, from->count * sizeof *to->ints);
    }
    if (status == ESP_OK && from->names)
        status = copy_texts(&to->names, from->names, from->count, error);
    if (status == ESP_OK && from->options) {
        status = copy_texts(&to->options, from->options, from->domain.count, error);
        to->domain.names = (const char *const *)to->options;
    }
    return status;
}

esp_status parameters_copy(struct parameters *out, const struct parameters *from,
                           struct error *error)
{
    esp_status status = ESP_OK;
    out->count = 0;
    out->items = calloc(from->count + 1, sizeof *out->items);
    if (!out->items)
        return error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < from->count; i++)
        status = copy_parameter(&out->items[out->count++], &from->items[i], error);
    if (status != ESP_OK)
        parameters_destroy(out);
    return status;
}

esp_status parameters_set_number(struct parameters *parameters, const char *name, double value,
                                 struct error *error)
{
    struct parameter *parameter = parameters_find(parameters, name);
    if (!parameter)
        return error_set(error, ESP_ERROR_INVALID, "there is no parameter '%s' for a fidelity",
                         name);
    const esp_param *row = parameter->row;
    char bounds[BOUNDS_SIZE];
    bool whole = row->type == ESP_PARAM_TYPE_INT;
    if (!whole && row->type != ESP_PARAM_TYPE_REAL)
        return error_set(error, ESP_ERROR_INVALID, "fidelity %s: the parameter is no number", name);
    double rounded = whole ? round(value) : value;
    // 2^63 itself is no int64_t, and INT64_MAX as a binary64 is 2^63.
    bool within = whole ? rounded >= (double)row->int_min && rounded < 0x1p63 &&
                              rounded <= (double)row->int_max
                        : rounded >= row->real_min && rounded <= row->real_max;
    if (!within) {
        row_bounds(bounds, row);
        return error_set(error, ESP_ERROR_INVALID, "fidelity %s: expected a number%s, got %g", name,
                         bounds, value);
    }
    if (whole)
        parameter->integer = (int64_t)rounded;
    else
        parameter->real = value;
    clear_domain(parameter);
    return ESP_OK;
}

esp_status parameters_set_value(struct parameter *parameter, esp_value value, struct error *error)
{
    if (!parameter->searched || !value_in_domain(&parameter->domain, value))
        return error_set(error, ESP_ERROR_MISUSE, "%s: the value is not of its domain",
                         parameter->row->name);
    esp_status status = ESP_OK;
    if (value.kind == ESP_DECISION_ONE)
        status = value_read(parameter, parameter->options[value.as.index], ".", error);
    else if (value.kind == ESP_DECISION_INT)
        parameter->integer = value.as.integer;
    else
        parameter->real = value.as.real;
    if (status == ESP_OK)
        clear_domain(parameter);
    return status;
}

static bool parameter_equal(const struct parameter *a, const struct parameter *b)
{
    if (a->row != b->row || a->searched != b->searched || a->integer != b->integer ||
        memcmp(&a->real, &b->real, sizeof a->real) != 0 || a->count != b->count)
        return false;
    if (a->searched && !domain_equal(&a->domain, &b->domain))
        return false;
    if ((a->text != NULL) != (b->text != NULL) || (a->text && strcmp(a->text, b->text) != 0))
        return false;
    for (uint64_t i = 0; i < a->count; i++)
        if ((a->ints && a->ints[i] != b->ints[i]) ||
            (a->names && strcmp(a->names[i], b->names[i]) != 0))
            return false;
    return true;
}

bool parameters_equal(const struct parameters *a, const struct parameters *b)
{
    if (a->count != b->count)
        return false;
    for (uint64_t i = 0; i < a->count; i++)
        if (!parameter_equal(&a->items[i], &b->items[i]))
            return false;
    return true;
}

char *parameter_text(const struct parameter *parameter)
{
    return parameter->searched ? distribution_text(parameter) : value_text_of(parameter);
}
