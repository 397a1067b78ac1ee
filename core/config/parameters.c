// SPDX-License-Identifier: Apache-2.0
// Typed parameters; see parameters.h. Distributions are distribution.c's.
#include "config/parameters.h"

#include "config/distribution.h"
#include "config/units.h"
#include "text/nearest.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const esp_param *row_at(const esp_param *table, uint64_t stride, uint64_t i)
{
    return (const esp_param *)(const void *)((const char *)table + i * stride);
}

static void clear_value(struct parameter *parameter)
{
    free(parameter->text);
    free(parameter->ints);
    for (uint64_t i = 0; parameter->names && i < parameter->count; i++)
        free(parameter->names[i]);
    free(parameter->names);
    parameter->text = NULL;
    parameter->ints = NULL;
    parameter->names = NULL;
    parameter->count = 0;
}

static void clear_domain(struct parameter *parameter)
{
    for (uint64_t i = 0; parameter->options && i < parameter->domain.count; i++)
        free(parameter->options[i]);
    free(parameter->options);
    parameter->options = NULL;
    parameter->searched = false;
}

void parameters_destroy(struct parameters *parameters)
{
    for (uint64_t i = 0; i < parameters->count; i++) {
        clear_value(&parameters->items[i]);
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

// ---- Reading one value ------------------------------------------------------------------------

static int64_t choice_index(const esp_param *row, const char *text)
{
    for (uint64_t i = 0; i < row->choice_count; i++)
        if (strcmp(row->choices[i], text) == 0)
            return (int64_t)i;
    return -1;
}

static esp_status wrong_choice(const esp_param *row, const char *text, struct error *error)
{
    char list[512] = "";
    for (uint64_t i = 0; i < row->choice_count; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", row->choices[i]);
    }
    const char *nearest = text_nearest(text, row->choices, row->choice_count);
    if (nearest)
        return error_set(error, ESP_ERROR_INVALID,
                         "there is no '%s'; did you mean '%s'? (expected one of %s)", text, nearest,
                         list);
    return error_set(error, ESP_ERROR_INVALID, "expected one of %s, got '%s'", list, text);
}

static esp_status take_int(const esp_param *row, const char *text, int64_t *out,
                           struct error *error)
{
    if (read_int(text, out) && *out >= row->int_min && *out <= row->int_max)
        return ESP_OK;
    return error_set(error, ESP_ERROR_INVALID,
                     "expected a whole number from %lld to %lld, got '%s'", (long long)row->int_min,
                     (long long)row->int_max, text);
}

static esp_status take_real(const esp_param *row, const char *text, double *out,
                            struct error *error)
{
    if (read_real(text, out) && *out >= row->real_min && *out <= row->real_max)
        return ESP_OK;
    return error_set(error, ESP_ERROR_INVALID, "expected a number from %g to %g, got '%s'",
                     row->real_min, row->real_max, text);
}

// Splits at commas; each part without blanks around it. Owner: the caller (the parts lie in `*copy`).
static char **split(const char *text, char **copy, uint64_t *count, struct error *error)
{
    uint64_t most = 1;
    for (const char *c = text; *c; c++)
        most += *c == ',';
    char **parts = calloc(most, sizeof *parts);
    *copy = strdup(text);
    *count = 0;
    if (!parts || !*copy) {
        error_memory(error);
        free(parts);
        return NULL;
    }
    char *rest = *copy, *part;
    while ((part = strsep(&rest, ","))) {
        while (isspace((unsigned char)*part))
            part++;
        char *end = part + strlen(part);
        while (end > part && isspace((unsigned char)end[-1]))
            *--end = '\0';
        parts[(*count)++] = part;
    }
    if (*count == 1 && parts[0][0] == '\0')
        *count = 0; // an empty list
    return parts;
}

static esp_status take_list(struct parameter *parameter, const char *text, struct error *error)
{
    const esp_param *row = parameter->row;
    char *copy = NULL;
    uint64_t count = 0;
    char **parts = split(text, &copy, &count, error);
    esp_status status = parts ? ESP_OK : ESP_ERROR_MEMORY;
    bool ints = row->type == ESP_PARAM_TYPE_INTS;
    if (status == ESP_OK && ints && !(parameter->ints = calloc(count + 1, sizeof(int64_t))))
        status = error_memory(error);
    if (status == ESP_OK && !ints && !(parameter->names = calloc(count + 1, sizeof(char *))))
        status = error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        if (ints) {
            status = take_int(row, parts[i], &parameter->ints[i], error);
        } else if (choice_index(row, parts[i]) < 0) {
            status = wrong_choice(row, parts[i], error);
        } else {
            for (uint64_t j = 0; j < i; j++)
                if (strcmp(parts[i], parts[j]) == 0)
                    status = error_set(error, ESP_ERROR_INVALID, "'%s' stands twice", parts[i]);
            if (status == ESP_OK && !(parameter->names[i] = strdup(parts[i])))
                status = error_memory(error);
        }
        parameter->count = status == ESP_OK ? i + 1 : i;
    }
    free(parts);
    free(copy);
    return status;
}

static esp_status take_path(struct parameter *parameter, const char *text, const char *folder,
                            struct error *error)
{
    if (text[0] == '\0' || text[0] == '/') {
        parameter->text = strdup(text);
    } else {
        char *joined = NULL;
        if (asprintf(&joined, "%s/%s", folder, text) < 0)
            return error_memory(error);
        parameter->text = realpath(joined, NULL);
        if (!parameter->text) { // it may not be there: the plugin will say so
            parameter->text = joined;
            joined = NULL;
        }
        free(joined);
    }
    return parameter->text ? ESP_OK : error_memory(error);
}

// Reads a value (no distribution) over what the parameter holds.
static esp_status take_value(struct parameter *parameter, const char *text, const char *folder,
                             struct error *error)
{
    const esp_param *row = parameter->row;
    bool flag;
    clear_value(parameter);
    switch (row->type) {
    case ESP_PARAM_TYPE_INT:
        return take_int(row, text, &parameter->integer, error);
    case ESP_PARAM_TYPE_REAL:
        return take_real(row, text, &parameter->real, error);
    case ESP_PARAM_TYPE_BOOL:
        if (!read_bool(text, &flag))
            return error_set(error, ESP_ERROR_INVALID, "expected yes or no, got '%s'", text);
        parameter->integer = flag;
        return ESP_OK;
    case ESP_PARAM_TYPE_PATH:
        return take_path(parameter, text, folder, error);
    case ESP_PARAM_TYPE_INTS:
    case ESP_PARAM_TYPE_NAMES:
        return take_list(parameter, text, error);
    case ESP_PARAM_TYPE_CHOICE:
        parameter->integer = choice_index(row, text);
        if (parameter->integer < 0)
            return wrong_choice(row, text, error);
        break;
    default:
        break;
    }
    parameter->text = strdup(text);
    return parameter->text ? ESP_OK : error_memory(error);
}

static esp_status take_default(struct parameter *parameter, struct error *error)
{
    const esp_param *row = parameter->row;
    parameter->integer = row->int_default;
    parameter->real = row->real_default;
    if (row->flags & ESP_PARAM_REQUIRED || !row->text_default)
        return ESP_OK;
    return take_value(parameter, row->text_default, ".", error);
}

esp_status parameter_check_default(const esp_param *row, struct error *error)
{
    struct parameter parameter = {.row = row};
    esp_status status = take_default(&parameter, error);
    clear_value(&parameter);
    return status;
}

// ---- Resolving a section ----------------------------------------------------------------------

static esp_status unknown_key(const struct config_entry *entry, const esp_param *table,
                              uint64_t count, uint64_t stride, const char *const *also,
                              struct error *error)
{
    const char *names[512];
    uint64_t known = 0;
    for (uint64_t i = 0; i < count && known < 400; i++)
        names[known++] = row_at(table, stride, i)->name;
    for (uint64_t i = 0; also && also[i] && known < 512; i++)
        names[known++] = also[i];
    const char *nearest = text_nearest(entry->key, names, known);
    if (nearest)
        return config_fail(error, ESP_ERROR_INVALID, entry,
                           "there is no such key; did you mean '%s'?", nearest);
    char list[512] = "";
    for (uint64_t i = 0; i < known; i++) {
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    }
    return config_fail(error, ESP_ERROR_INVALID, entry, "there is no such key; there are: %s",
                       list);
}

static bool is_known(const char *key, const esp_param *table, uint64_t count, uint64_t stride,
                     const char *const *also)
{
    for (uint64_t i = 0; i < count; i++)
        if (strcmp(row_at(table, stride, i)->name, key) == 0)
            return true;
    for (uint64_t i = 0; also && also[i]; i++)
        if (strcmp(also[i], key) == 0)
            return true;
    return false;
}

static esp_status take_entry(struct parameter *parameter, const struct config *config,
                             const struct config_entry *entry, bool searchable, struct error *error)
{
    struct error words;
    error_clear(&words);
    esp_status status;
    parameter->given = true;
    if (distribution_is(entry->value)) {
        status = searchable
                     ? distribution_read(parameter, entry->value, &words)
                     : error_set(&words, ESP_ERROR_INVALID,
                                 "it cannot be searched: expected a value, got '%s'", entry->value);
    } else {
        status = take_value(parameter, entry->value, config_folder(config, entry), &words);
    }
    if (status != ESP_OK)
        config_fail(error, status, entry, "%s", words.message);
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
        status = take_default(parameter, error);
        const struct config_entry *entry = config_find(config, section, parameter->row->name);
        if (status == ESP_OK && entry)
            status = take_entry(parameter, config, entry, searchable, error);
        else if (status == ESP_OK && (parameter->row->flags & ESP_PARAM_REQUIRED))
            status =
                error_set(error, ESP_ERROR_INVALID, "[%s] %s: it must be said (%s)", section,
                          parameter->row->name, parameter->row->help ? parameter->row->help : "");
    }
    for (uint64_t i = 0; status == ESP_OK && i < config_count(config); i++) {
        const struct config_entry *entry = config_get(config, i);
        if (strcmp(entry->section, section) == 0 &&
            !is_known(entry->key, table, count, stride, also))
            status = unknown_key(entry, table, count, stride, also, error);
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
    if (row->type == ESP_PARAM_TYPE_INT) {
        int64_t rounded = (int64_t)llround(value);
        if (!isfinite(value) || rounded < row->int_min || rounded > row->int_max)
            return error_set(error, ESP_ERROR_INVALID,
                             "fidelity %s: expected a number from %lld to %lld, got %g", name,
                             (long long)row->int_min, (long long)row->int_max, value);
        parameter->integer = rounded;
    } else if (row->type == ESP_PARAM_TYPE_REAL) {
        if (!(value >= row->real_min && value <= row->real_max))
            return error_set(error, ESP_ERROR_INVALID,
                             "fidelity %s: expected a number from %g to %g, got %g", name,
                             row->real_min, row->real_max, value);
        parameter->real = value;
    } else {
        return error_set(error, ESP_ERROR_INVALID, "parameter %s is no number", name);
    }
    clear_domain(parameter);
    return ESP_OK;
}

esp_status parameters_set_value(struct parameter *parameter, esp_value value, struct error *error)
{
    esp_status status = ESP_OK;
    if (value.kind == ESP_DECISION_ONE) {
        if (!parameter->options || value.as.index >= parameter->domain.count)
            return error_set(error, ESP_ERROR_MISUSE, "%s: no such option", parameter->row->name);
        char *text = strdup(parameter->options[value.as.index]);
        if (!text)
            return error_memory(error);
        status = take_value(parameter, text, ".", error);
        free(text);
    } else if (value.kind == ESP_DECISION_INT) {
        parameter->integer = value.as.integer;
    } else {
        parameter->real = value.as.real;
    }
    clear_domain(parameter);
    return status;
}

static bool parameter_equal(const struct parameter *a, const struct parameter *b)
{
    if (a->row != b->row || a->searched != b->searched || a->integer != b->integer ||
        memcmp(&a->real, &b->real, sizeof a->real) != 0 || a->count != b->count)
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

static char *list_text(const struct parameter *parameter)
{
    char *text = strdup("");
    for (uint64_t i = 0; text && i < parameter->count; i++) {
        char *longer = NULL;
        int length =
            parameter->ints
                ? asprintf(&longer, "%s%s%lld", text, i ? ", " : "", (long long)parameter->ints[i])
                : asprintf(&longer, "%s%s%s", text, i ? ", " : "", parameter->names[i]);
        free(text);
        text = length < 0 ? NULL : longer;
    }
    return text;
}

char *parameter_text(const struct parameter *parameter)
{
    char *text = NULL;
    int length = 0;
    if (parameter->searched)
        return distribution_text(parameter);
    switch (parameter->row->type) {
    case ESP_PARAM_TYPE_INT:
        length = asprintf(&text, "%lld", (long long)parameter->integer);
        break;
    case ESP_PARAM_TYPE_REAL:
        length = asprintf(&text, "%.17g", parameter->real);
        break;
    case ESP_PARAM_TYPE_BOOL:
        return strdup(parameter->integer ? "yes" : "no");
    case ESP_PARAM_TYPE_INTS:
    case ESP_PARAM_TYPE_NAMES:
        return list_text(parameter);
    default:
        return strdup(parameter->text ? parameter->text : "");
    }
    return length < 0 ? NULL : text;
}
