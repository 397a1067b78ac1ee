// SPDX-License-Identifier: Apache-2.0
// Specifications and results as JSON; see specification.h.
#include "evaluate/specification.h"

#include "text/printable.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Specifications ---------------------------------------------------------------------------

static json_t *fidelity_json(const struct specification *s)
{
    json_t *list = json_array();
    for (uint64_t i = 0; list && i < s->fidelity_count; i++) {
        json_t *row = json_pack("[s, f]", s->fidelity[i].name, s->fidelity[i].value);
        if (json_array_append_new(list, row) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

json_t *specification_json(const struct specification *s)
{
    json_t *fidelity = fidelity_json(s);
    if (!fidelity)
        return NULL;
    return json_pack(
        "{s:i, s:I, s:I, s:I, s:I, s:i, s:b, s:O, s:s, s:o, s:s?, s:s?, s:s?, s:s?, s:b}",
        "purpose", (int)s->purpose, "trial", (json_int_t)s->trial, "attempt",
        (json_int_t)s->attempt, "lineage", (json_int_t)s->lineage, "seed", (json_int_t)s->seed,
        "mode", (int)s->mode, "test", s->test, "arch", s->arch, "hash", s->hash, "fidelity",
        fidelity, "folder", s->folder, "earlier", s->earlier, "parent_folder", s->parent_folder,
        "weights", s->weights, "wants_files", s->wants_files);
}

static esp_status wrong(struct error *error, const char *field, const char *expected)
{
    return error_set(error, ESP_ERROR_DATA, "a specification is malformed: '%s': expected %s",
                     field, expected);
}

// A folder or a file, or NULL.
static esp_status take_path(char **out, const json_t *json, const char *name, struct error *error)
{
    const json_t *value = json_object_get(json, name);
    if (json_is_null(value))
        return ESP_OK;
    if (!json_is_string(value))
        return wrong(error, name, "a path or null");
    *out = strdup(json_string_value(value));
    return *out ? ESP_OK : error_memory(error);
}

static esp_status take_number(uint64_t *out, const json_t *json, const char *name, int64_t most,
                              struct error *error)
{
    const json_t *value = json_object_get(json, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > most)
        return wrong(error, name, "a whole number in its range");
    *out = (uint64_t)json_integer_value(value);
    return ESP_OK;
}

static esp_status take_bool(bool *out, const json_t *json, const char *name, struct error *error)
{
    const json_t *value = json_object_get(json, name);
    *out = json_is_true(value);
    return json_is_boolean(value) ? ESP_OK : wrong(error, name, "true or false");
}

static esp_status take_fidelity(struct specification *out, const json_t *json, struct error *error)
{
    const json_t *list = json_object_get(json, "fidelity");
    size_t i;
    json_t *row;
    if (!json_is_array(list))
        return wrong(error, "fidelity", "a list");
    out->fidelity = calloc(json_array_size(list) + 1, sizeof *out->fidelity);
    if (!out->fidelity)
        return error_memory(error);
    json_array_foreach (list, i, row) {
        const char *name = json_string_value(json_array_get(row, 0));
        const json_t *value = json_array_get(row, 1);
        if (json_array_size(row) != 2 || !name || !json_is_number(value))
            return wrong(error, "fidelity", "pairs of a name and a number");
        out->fidelity[i].name = strdup(name);
        out->fidelity[i].value = json_number_value(value);
        if (!out->fidelity[out->fidelity_count++].name)
            return error_memory(error);
    }
    return ESP_OK;
}

static esp_status take_arch(struct specification *out, const json_t *json, struct error *error)
{
    json_t *arch = json_object_get(json, "arch");
    const char *hash = json_string_value(json_object_get(json, "hash"));
    if (!json_is_object(arch))
        return wrong(error, "arch", "an architecture");
    if (!hash || strlen(hash) != 16 || strspn(hash, "0123456789abcdef") != 16)
        return wrong(error, "hash", "16 hex digits");
    out->arch = json_incref(arch);
    memcpy(out->hash, hash, sizeof out->hash);
    return ESP_OK;
}

static esp_status take_numbers(struct specification *out, const json_t *json, struct error *error)
{
    const json_t *seed = json_object_get(json, "seed");
    uint64_t purpose = 0, mode = 0;
    esp_status status = take_number(&purpose, json, "purpose", PURPOSE_FINAL, error);
    if (status == ESP_OK)
        status = take_number(&mode, json, "mode", ESP_MODE_INHERIT, error);
    if (status == ESP_OK)
        status = take_number(&out->trial, json, "trial", INT64_MAX, error);
    if (status == ESP_OK)
        status = take_number(&out->attempt, json, "attempt", INT64_MAX, error);
    if (status == ESP_OK)
        status = take_number(&out->lineage, json, "lineage", INT64_MAX, error);
    // All 64 bits of a seed: the larger half stands as negative.
    if (status == ESP_OK && !json_is_integer(seed))
        status = wrong(error, "seed", "a whole number");
    out->purpose = (enum purpose)purpose;
    out->mode = (uint32_t)mode;
    out->seed = (uint64_t)json_integer_value(seed);
    return status;
}

esp_status specification_parse(struct specification *out, const json_t *json, struct error *error)
{
    memset(out, 0, sizeof *out);
    esp_status status = take_numbers(out, json, error);
    if (status == ESP_OK)
        status = take_bool(&out->test, json, "test", error);
    if (status == ESP_OK)
        status = take_bool(&out->wants_files, json, "wants_files", error);
    if (status == ESP_OK)
        status = take_arch(out, json, error);
    if (status == ESP_OK)
        status = take_fidelity(out, json, error);
    if (status == ESP_OK)
        status = take_path(&out->folder, json, "folder", error);
    if (status == ESP_OK)
        status = take_path(&out->earlier, json, "earlier", error);
    if (status == ESP_OK)
        status = take_path(&out->parent_folder, json, "parent_folder", error);
    if (status == ESP_OK)
        status = take_path(&out->weights, json, "weights", error);
    if (status != ESP_OK)
        specification_destroy(out);
    return status;
}

void specification_destroy(struct specification *specification)
{
    for (uint64_t i = 0; i < specification->fidelity_count; i++)
        free(specification->fidelity[i].name);
    free(specification->fidelity);
    free(specification->folder);
    free(specification->earlier);
    free(specification->parent_folder);
    free(specification->weights);
    json_decref(specification->arch);
    memset(specification, 0, sizeof *specification);
}

// ---- Results ----------------------------------------------------------------------------------

// Words may quote a file or a plugin: what is no UTF-8 must not take the whole answer with it.
static json_t *words_json(const char *words)
{
    char printable[ERROR_MESSAGE_SIZE];
    snprintf(printable, sizeof printable, "%s", words);
    text_make_printable(printable);
    return json_string(printable);
}

json_t *result_json(const struct result *result)
{
    json_t *metrics = json_object();
    for (uint64_t i = 0; metrics && i < result->metric_count; i++) {
        double value = result->metrics[i].value;
        json_t *number = isfinite(value) ? json_real(value) : json_null();
        if (json_object_set_new(metrics, result->metrics[i].name, number) != 0) {
            json_decref(metrics);
            metrics = NULL;
        }
    }
    if (!metrics)
        return NULL;
    return json_pack("{s:i, s:o, s:f, s:b, s:o}", "status", (int)result->status, "metrics", metrics,
                     "seconds", result->seconds, "halt", (int)result->halt, "error",
                     words_json(result->error));
}

// More metrics than this no estimator declares.
#define MOST_METRICS 4096

static esp_status wrong_answer(struct error *error, const char *field, const char *expected)
{
    char shown[64];
    snprintf(shown, sizeof shown, "%s", field);
    text_make_printable(shown); // the worker's own words
    return error_set(error, ESP_ERROR_DATA, "the worker's answer is malformed: '%s': expected %s",
                     shown, expected);
}

static esp_status take_metrics(struct result *out, const json_t *json, struct error *error)
{
    json_t *metrics = json_object_get(json, "metrics"), *value;
    const char *name;
    if (!json_is_object(metrics))
        return wrong_answer(error, "metrics", "an object");
    if (json_object_size(metrics) > MOST_METRICS)
        return wrong_answer(error, "metrics", "4,096 at most");
    json_object_foreach (metrics, name, value) {
        if (!json_is_number(value) && !json_is_null(value))
            return wrong_answer(error, name, "a number or null");
        double number = json_is_number(value) ? json_number_value(value) : NAN;
        if (result_set_metric(out, name, number, error) != ESP_OK)
            return error->status;
    }
    return ESP_OK;
}

esp_status result_parse(struct result *out, const json_t *json, struct error *error)
{
    memset(out, 0, sizeof *out);
    const json_t *state = json_object_get(json, "status");
    const json_t *seconds = json_object_get(json, "seconds");
    const char *words = json_string_value(json_object_get(json, "error"));
    if (!json_is_integer(state) || json_integer_value(state) < ESP_OUTCOME_DONE ||
        json_integer_value(state) > ESP_OUTCOME_FAILED)
        return wrong_answer(error, "status", "done, stopped or failed");
    if (!json_is_number(seconds) || !(json_number_value(seconds) >= 0))
        return wrong_answer(error, "seconds", "a number from 0 on");
    const json_t *halt = json_object_get(json, "halt");
    if (!json_is_boolean(halt) ||
        (json_is_true(halt) && json_integer_value(state) != ESP_OUTCOME_FAILED))
        return wrong_answer(error, "halt", "false, or true of one that failed");
    if (!words)
        return wrong_answer(error, "error", "a text");
    out->status = (uint32_t)json_integer_value(state);
    out->seconds = json_number_value(seconds);
    out->halt = json_is_true(halt);
    snprintf(out->error, sizeof out->error, "%s", words);
    text_make_printable(out->error);
    esp_status status = take_metrics(out, json, error);
    if (status != ESP_OK)
        result_destroy(out);
    return status;
}

void result_destroy(struct result *result)
{
    for (uint64_t i = 0; i < result->metric_count; i++)
        free(result->metrics[i].name);
    free(result->metrics);
    result->metrics = NULL;
    result->metric_count = 0;
}

static struct metric_value *find_metric(const struct result *result, const char *name)
{
    for (uint64_t i = 0; i < result->metric_count; i++)
        if (strcmp(result->metrics[i].name, name) == 0)
            return &result->metrics[i];
    return NULL;
}

double result_metric(const struct result *result, const char *name)
{
    const struct metric_value *metric = find_metric(result, name);
    return metric ? metric->value : NAN;
}

esp_status result_set_metric(struct result *result, const char *name, double value,
                             struct error *error)
{
    struct metric_value *metric = find_metric(result, name);
    if (metric) {
        metric->value = value;
        return ESP_OK;
    }
    struct metric_value *grown =
        realloc(result->metrics, (result->metric_count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    result->metrics = grown;
    grown[result->metric_count] = (struct metric_value){strdup(name), value};
    if (!grown[result->metric_count].name)
        return error_memory(error);
    result->metric_count++;
    return ESP_OK;
}
