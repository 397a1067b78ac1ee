// SPDX-License-Identifier: Apache-2.0
// The tables of a manifest: its parameters, [parameter.NAME], its metrics, [metric.NAME], and which
// parameters are fidelities. Each section is read against a table of its own keys.
#include "manifest/manifest.h"

#include "config/list.h"
#include "config/units.h"
#include "config/value.h"
#include "text/nearest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAMETER "parameter."
#define METRIC "metric."

// Without a range of its own a real may be anything that a table may say.
#define LARGEST_REAL 1e300

static const char *const type_names[] = {"int",  "real",   "bool", "text",
                                         "path", "choice", "ints", "names"};
static const uint32_t types[] = {ESP_PARAM_TYPE_INT,  ESP_PARAM_TYPE_REAL, ESP_PARAM_TYPE_BOOL,
                                 ESP_PARAM_TYPE_TEXT, ESP_PARAM_TYPE_PATH, ESP_PARAM_TYPE_CHOICE,
                                 ESP_PARAM_TYPE_INTS, ESP_PARAM_TYPE_NAMES};
static const char *const better_names[] = {"none", "higher", "lower"};
_Static_assert(ESP_BETTER_HIGHER == 1 && ESP_BETTER_LOWER == 2, "the order of better_names");

// clang-format off
#define REQUIRED_ROW(name, type, choices, count, help)                                             \
    ESP_PARAM_ROW_(name, help, "", type, ESP_PARAM_REQUIRED, 0, 0, 0, 0, 0, 0, NULL, choices, count)
// clang-format on

static const esp_param parameter_rows[] = {
    REQUIRED_ROW("type", ESP_PARAM_TYPE_CHOICE, type_names, ESP_COUNT(type_names),
                 "what it holds: int, real, bool, text, path, choice, ints or names"),
    ESP_PARAM_TEXT("default", "", "its value where the configuration says none"),
    ESP_PARAM_TEXT("least", "", "the least value"),
    ESP_PARAM_TEXT("most", "", "the largest value"),
    ESP_PARAM_BOOL("log", 0, "its natural scale is logarithmic"),
    ESP_PARAM_TEXT("unit", "", "its unit"),
    ESP_PARAM_TEXT("choices", "", "of a choice or names: what there is, with commas between"),
    REQUIRED_ROW("help", ESP_PARAM_TYPE_TEXT, NULL, 0, "what it means, in a sentence"),
};

static const esp_param metric_rows[] = {
    ESP_PARAM_TEXT("unit", "", "its unit"),
    ESP_PARAM_CHOICE("better", "none", better_names, "which direction is better"),
    ESP_PARAM_BOOL("measured", 0, "a clock's or the memory's: not the same in another run"),
    ESP_PARAM_BOOL("report", 0, "stored and shown, and withheld from strategies"),
};

static bool valid_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    return name[0] >= 'a' && name[0] <= 'z' && name[strspn(name, letters)] == '\0';
}

// ---- Parameters ---------------------------------------------------------------------------------

struct reading {
    struct manifest *manifest;
    const char *section;
    struct parameters keys; // of the section
    esp_param *row;         // what becomes of it
    struct error *error;
};

static const char *said(const struct reading *reading, const char *key)
{
    const struct parameter *parameter = parameters_find(&reading->keys, key);
    return parameter->given ? parameter->text : NULL;
}

static const struct config_entry *place(const struct reading *reading, const char *key)
{
    return config_find(reading->manifest->config, reading->section, key);
}

// A key that goes with other types is no slip that one would want to be silent.
static esp_status refuse_where_idle(const struct reading *reading, const char *key, bool serves,
                                    const char *which)
{
    if (serves || !parameters_find(&reading->keys, key)->given)
        return ESP_OK;
    return config_fail(reading->error, ESP_ERROR_INVALID, place(reading, key),
                       "it goes with %s alone", which);
}

static esp_status read_bound(const struct reading *reading, const char *key, int64_t *integer,
                             double *real)
{
    const char *text = said(reading, key);
    if (!text)
        return ESP_OK;
    bool is_real = reading->row->type == ESP_PARAM_TYPE_REAL;
    if (is_real ? read_real(text, real) : read_int(text, integer))
        return ESP_OK;
    return config_fail(reading->error, ESP_ERROR_INVALID, place(reading, key),
                       "expected a %snumber, got '%s'", is_real ? "" : "whole ", text);
}

static esp_status read_range(const struct reading *reading)
{
    esp_param *row = reading->row;
    bool real = row->type == ESP_PARAM_TYPE_REAL, one = real || row->type == ESP_PARAM_TYPE_INT;
    bool number = one || row->type == ESP_PARAM_TYPE_INTS;
    bool log = parameters_find(&reading->keys, "log")->integer;
    if (row->type == ESP_PARAM_TYPE_BOOL) {
        row->int_max = 1;
    } else if (number) {
        row->int_min = INT64_MIN;
        row->int_max = INT64_MAX;
        row->real_min = -LARGEST_REAL;
        row->real_max = LARGEST_REAL;
    }
    esp_status status = refuse_where_idle(reading, "least", number, "int, real and ints");
    if (status == ESP_OK)
        status = refuse_where_idle(reading, "most", number, "int, real and ints");
    if (status == ESP_OK)
        status = refuse_where_idle(reading, "log", one, "int and real");
    if (status == ESP_OK)
        status = read_bound(reading, "least", &row->int_min, &row->real_min);
    if (status == ESP_OK)
        status = read_bound(reading, "most", &row->int_max, &row->real_max);
    if (status != ESP_OK || !number)
        return status;
    if (real ? row->real_min > row->real_max : row->int_min > row->int_max)
        return config_fail(reading->error, ESP_ERROR_INVALID,
                           place(reading, said(reading, "most") ? "most" : "least"),
                           "the range is none: least is larger than most");
    if (log && (real ? row->real_min <= 0 : row->int_min <= 0))
        return config_fail(reading->error, ESP_ERROR_INVALID, place(reading, "log"),
                           "a logarithmic scale wants a `least` above 0");
    row->flags |= log ? ESP_PARAM_LOG : 0u;
    return ESP_OK;
}

static esp_status read_choices(const struct reading *reading)
{
    esp_param *row = reading->row;
    bool wanted = row->type == ESP_PARAM_TYPE_CHOICE || row->type == ESP_PARAM_TYPE_NAMES;
    const char *text = said(reading, "choices");
    esp_status status = refuse_where_idle(reading, "choices", wanted, "choice and names");
    if (status != ESP_OK || !wanted)
        return status;
    if (!text || !text[0])
        return config_fail_section(reading->error, reading->manifest->config, reading->section,
                                   "choices must be said: what there is, with commas between");
    uint64_t count = 0;
    char **parts = list_split(text, &count);
    const char **choices =
        parts ? arena_take(&reading->manifest->arena, (count + 1) * sizeof *choices) : NULL;
    if (!choices)
        status = error_memory(reading->error);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        for (uint64_t k = 0; status == ESP_OK && k < i; k++)
            if (strcmp(parts[k], parts[i]) == 0)
                status = config_fail(reading->error, ESP_ERROR_INVALID, place(reading, "choices"),
                                     "'%s' stands twice", parts[i]);
        if (status == ESP_OK && !parts[i][0])
            status = config_fail(reading->error, ESP_ERROR_INVALID, place(reading, "choices"),
                                 "there is nothing between two commas");
        if (status == ESP_OK && !(choices[i] = manifest_text(reading->manifest, parts[i])))
            status = error_memory(reading->error);
    }
    free(parts);
    row->choices = choices;
    row->choice_count = count;
    return status;
}

// The default is read as the configuration's value would be.
static esp_status read_default(const struct reading *reading)
{
    esp_param *row = reading->row;
    const char *text = said(reading, "default");
    struct parameter value = {.row = row};
    struct error words;
    error_clear(&words);
    if (!text) {
        row->flags |= ESP_PARAM_REQUIRED;
        return ESP_OK;
    }
    // A relative path of a manifest would mean a place beside it, one of a configuration a place
    // beside that.
    if (row->type == ESP_PARAM_TYPE_PATH && text[0] && text[0] != '/')
        return config_fail(reading->error, ESP_ERROR_INVALID, place(reading, "default"),
                           "expected an absolute path, or nothing");
    esp_status status = value_read(&value, text, reading->manifest->folder, &words);
    row->flags |= ESP_PARAM_HAS_DEFAULT;
    row->int_default = value.integer;
    row->real_default = value.real;
    row->text_default = text;
    value_clear(&value);
    return status == ESP_OK ? ESP_OK
                            : config_fail(reading->error, status, place(reading, "default"), "%s",
                                          words.message);
}

static esp_status fill_row(struct reading *reading, const char *name)
{
    struct manifest *manifest = reading->manifest;
    esp_param *row = reading->row;
    const char *help = said(reading, "help"), *unit = said(reading, "unit");
    const char *texts[] = {name, help, unit ? unit : "", said(reading, "default")};
    row->struct_size = sizeof *row;
    row->type = types[parameters_find(&reading->keys, "type")->integer];
    if (!help[0])
        return config_fail(reading->error, ESP_ERROR_INVALID, place(reading, "help"),
                           "expected a sentence");
    esp_status status = read_range(reading);
    if (status == ESP_OK)
        status = read_choices(reading);
    if (status == ESP_OK)
        status = read_default(reading);
    if (status != ESP_OK)
        return status;
    // The keys' own texts go with the section's reading.
    for (size_t i = 0; i < ESP_COUNT(texts); i++)
        if (texts[i] && !(texts[i] = manifest_text(manifest, texts[i])))
            return error_memory(reading->error);
    row->name = texts[0];
    row->help = texts[1];
    row->unit = texts[2];
    row->text_default = texts[3];
    return ESP_OK;
}

static esp_status add_parameter(struct manifest *manifest, const char *section, struct error *error)
{
    const char *name = section + strlen(PARAMETER);
    if (!valid_name(name) || strcmp(name, "plugin") == 0)
        return config_fail_section(error, manifest->config, section,
                                   "a parameter's name is [a-z][a-z0-9_]*, and not 'plugin'");
    if (!array_reserve(&manifest->params, &manifest->param_capacity, manifest->param_count + 1,
                       sizeof *manifest->params))
        return error_memory(error);
    struct reading reading = {
        manifest, section, {0}, &manifest->params[manifest->param_count], error};
    memset(reading.row, 0, sizeof *reading.row);
    esp_status status =
        parameters_resolve(&reading.keys, parameter_rows, ESP_COUNT(parameter_rows),
                           sizeof *parameter_rows, manifest->config, section, NULL, false, error);
    if (status != ESP_OK)
        return status;
    status = fill_row(&reading, name);
    parameters_destroy(&reading.keys);
    manifest->param_count += status == ESP_OK;
    return status;
}

// ---- Metrics and fidelities ---------------------------------------------------------------------

static esp_status add_metric(struct manifest *manifest, const char *section, struct error *error)
{
    const char *name = section + strlen(METRIC);
    struct parameters keys = {0};
    if (!valid_name(name))
        return config_fail_section(error, manifest->config, section,
                                   "a metric's name is [a-z][a-z0-9_]*");
    if (!array_reserve(&manifest->metrics, &manifest->metric_capacity, manifest->metric_count + 1,
                       sizeof *manifest->metrics))
        return error_memory(error);
    esp_status status =
        parameters_resolve(&keys, metric_rows, ESP_COUNT(metric_rows), sizeof *metric_rows,
                           manifest->config, section, NULL, false, error);
    if (status != ESP_OK)
        return status;
    esp_metric *metric = &manifest->metrics[manifest->metric_count];
    metric->struct_size = sizeof *metric;
    metric->name = manifest_text(manifest, name);
    metric->unit = manifest_text(manifest, parameters_find(&keys, "unit")->text);
    metric->better = (uint32_t)parameters_find(&keys, "better")->integer;
    metric->flags = (parameters_find(&keys, "measured")->integer ? ESP_METRIC_MEASURED : 0u) |
                    (parameters_find(&keys, "report")->integer ? ESP_METRIC_REPORT : 0u);
    parameters_destroy(&keys);
    if (!metric->name || !metric->unit)
        return error_memory(error);
    manifest->metric_count++;
    return ESP_OK;
}

static esp_status add_fidelity(struct manifest *manifest, const char *name, struct error *error)
{
    const char *names[64];
    uint64_t count = 0;
    const esp_param *row = NULL;
    for (uint64_t i = 0; i < manifest->param_count; i++) {
        const esp_param *candidate = &manifest->params[i];
        if (candidate->type != ESP_PARAM_TYPE_INT && candidate->type != ESP_PARAM_TYPE_REAL)
            continue;
        if (strcmp(candidate->name, name) == 0)
            row = candidate;
        if (count < ESP_COUNT(names))
            names[count++] = candidate->name;
    }
    if (!row) {
        const char *nearest = text_nearest(name, names, count);
        return config_fail(
            error, ESP_ERROR_INVALID, config_find(manifest->config, "plugin", "fidelities"),
            "it has no int or real parameter '%s'%s%s%s", name, nearest ? "; did you mean '" : "",
            nearest ? nearest : "", nearest ? "'?" : "");
    }
    bool real = row->type == ESP_PARAM_TYPE_REAL;
    manifest->fidelities[manifest->fidelity_count++] = (esp_fidelity_range){
        sizeof(esp_fidelity_range), row->name, real ? row->real_min : (double)row->int_min,
        real ? row->real_max : (double)row->int_max};
    return ESP_OK;
}

static esp_status read_fidelities(struct manifest *manifest, struct error *error)
{
    uint64_t count = 0;
    char **names = list_split(parameters_find(&manifest->plugin, "fidelities")->text, &count);
    manifest->fidelities = calloc(count + 1, sizeof *manifest->fidelities);
    esp_status status = names && manifest->fidelities ? ESP_OK : error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++)
        status = add_fidelity(manifest, names[i], error);
    free(names);
    return status;
}

esp_status manifest_read_tables(struct manifest *manifest, struct error *error)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < config_section_count(manifest->config); i++) {
        const char *section = config_section(manifest->config, i);
        if (strncmp(section, PARAMETER, strlen(PARAMETER)) == 0)
            status = add_parameter(manifest, section, error);
        else if (strncmp(section, METRIC, strlen(METRIC)) == 0)
            status = add_metric(manifest, section, error);
    }
    if (status != ESP_OK || manifest->kind != ESP_KIND_ESTIMATOR)
        return status;
    if (manifest->metric_count == 0)
        return error_set(error, ESP_ERROR_INVALID,
                         "%s: an estimator has at least one metric: [metric.NAME]", manifest->path);
    return read_fidelities(manifest, error);
}
