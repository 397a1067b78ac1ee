// SPDX-License-Identifier: Apache-2.0
// Specifications and results as JSON; see specification.h.
#include "evaluate/specification.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

json_t *specification_json(const struct specification *s)
{
    json_t *fidelity = json_array();
    for (uint64_t i = 0; i < s->fidelity_count; i++)
        json_array_append_new(fidelity,
                              json_pack("[s, f]", s->fidelity[i].name, s->fidelity[i].value));
    return json_pack("{s:i, s:I, s:I, s:I, s:I, s:i, s:b, s:O, s:s, s:o, s:s?, s:s?, s:s?, s:b}",
                     "purpose", (int)s->purpose, "trial", (json_int_t)s->trial, "attempt",
                     (json_int_t)s->attempt, "lineage", (json_int_t)s->lineage, "seed",
                     (json_int_t)s->seed, "mode", (int)s->mode, "test", s->test, "arch", s->arch,
                     "hash", s->hash, "fidelity", fidelity, "folder", s->folder, "earlier",
                     s->earlier, "parent_folder", s->parent_folder, "wants_files", s->wants_files);
}

static esp_status bad(struct error *error, const char *what)
{
    return error_set(error, ESP_ERROR_DATA, "a specification is malformed: %s", what);
}

static bool take_text(char **out, const json_t *json, const char *name)
{
    const json_t *value = json_object_get(json, name);
    *out = json_is_string(value) ? strdup(json_string_value(value)) : NULL;
    return json_is_string(value) ? *out != NULL : !value || json_is_null(value);
}

static bool take_number(uint64_t *out, const json_t *json, const char *name)
{
    const json_t *value = json_object_get(json, name);
    *out = (uint64_t)json_integer_value(value);
    return json_is_integer(value);
}

static esp_status take_fidelity(struct specification *out, const json_t *list, struct error *error)
{
    size_t i;
    json_t *row;
    out->fidelity = calloc(json_array_size(list) + 1, sizeof *out->fidelity);
    if (!out->fidelity)
        return error_memory(error);
    json_array_foreach (list, i, row) {
        const char *name = json_string_value(json_array_get(row, 0));
        const json_t *value = json_array_get(row, 1);
        if (!name || !json_is_number(value))
            return bad(error, "fidelity");
        out->fidelity[i].name = strdup(name);
        out->fidelity[i].value = json_number_value(value);
        if (!out->fidelity[out->fidelity_count++].name)
            return error_memory(error);
    }
    return ESP_OK;
}

esp_status specification_parse(struct specification *out, const json_t *json, struct error *error)
{
    memset(out, 0, sizeof *out);
    uint64_t purpose = 0, mode = 0;
    const char *hash = json_string_value(json_object_get(json, "hash"));
    out->arch = json_incref(json_object_get(json, "arch"));
    out->test = json_is_true(json_object_get(json, "test"));
    out->wants_files = json_is_true(json_object_get(json, "wants_files"));
    esp_status status = take_fidelity(out, json_object_get(json, "fidelity"), error);
    if (status == ESP_OK && (!hash || strlen(hash) != 16 || !json_is_object(out->arch)))
        status = bad(error, "arch or hash");
    if (status == ESP_OK &&
        (!take_number(&purpose, json, "purpose") || purpose > PURPOSE_FINAL ||
         !take_number(&mode, json, "mode") || mode > ESP_MODE_INHERIT ||
         !take_number(&out->trial, json, "trial") || !take_number(&out->attempt, json, "attempt") ||
         !take_number(&out->lineage, json, "lineage") || !take_number(&out->seed, json, "seed") ||
         !take_text(&out->folder, json, "folder") || !take_text(&out->earlier, json, "earlier") ||
         !take_text(&out->parent_folder, json, "parent_folder")))
        status = bad(error, "a number or a folder");
    if (status != ESP_OK) {
        specification_destroy(out);
        return status;
    }
    memcpy(out->hash, hash, sizeof out->hash);
    out->purpose = (enum purpose)purpose;
    out->mode = (uint32_t)mode;
    return ESP_OK;
}

void specification_destroy(struct specification *specification)
{
    for (uint64_t i = 0; i < specification->fidelity_count; i++)
        free(specification->fidelity[i].name);
    free(specification->fidelity);
    free(specification->folder);
    free(specification->earlier);
    free(specification->parent_folder);
    json_decref(specification->arch);
    memset(specification, 0, sizeof *specification);
}

// ---- Results ----------------------------------------------------------------------------------

json_t *result_json(const struct result *result)
{
    json_t *metrics = json_object();
    for (uint64_t i = 0; i < result->metric_count; i++)
        json_object_set_new(metrics, result->metrics[i].name,
                            isfinite(result->metrics[i].value) ? json_real(result->metrics[i].value)
                                                               : json_null());
    return json_pack("{s:i, s:o, s:f, s:s}", "status", (int)result->status, "metrics", metrics,
                     "seconds", result->seconds, "error", result->error);
}

esp_status result_parse(struct result *out, const json_t *json, struct error *error)
{
    memset(out, 0, sizeof *out);
    const char *words = json_string_value(json_object_get(json, "error"));
    const json_t *status_value = json_object_get(json, "status");
    json_t *metrics = json_object_get(json, "metrics");
    if (!json_is_integer(status_value) || !json_is_object(metrics))
        return error_set(error, ESP_ERROR_DATA, "the worker's answer is malformed");
    out->status = (uint32_t)json_integer_value(status_value);
    if (out->status < ESP_OUTCOME_DONE || out->status > ESP_OUTCOME_FAILED)
        return error_set(error, ESP_ERROR_DATA, "the worker's answer has the status %u",
                         out->status);
    out->seconds = json_number_value(json_object_get(json, "seconds"));
    if (words)
        strncpy(out->error, words, sizeof out->error - 1);
    const char *name;
    json_t *value;
    esp_status status = ESP_OK;
    json_object_foreach (metrics, name, value) {
        if (status == ESP_OK)
            status = result_set_metric(
                out, name, json_is_number(value) ? json_number_value(value) : NAN, error);
    }
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

double result_metric(const struct result *result, const char *name)
{
    for (uint64_t i = 0; i < result->metric_count; i++)
        if (strcmp(result->metrics[i].name, name) == 0)
            return result->metrics[i].value;
    return NAN;
}

esp_status result_set_metric(struct result *result, const char *name, double value,
                             struct error *error)
{
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
