// SPDX-License-Identifier: Apache-2.0
// What an estimator's create may ask about the run's space: the hash of an architecture in words, and
// an identity for the key of a cache. The keys of a table are read by a builder and a dictionary of
// their own, so that the run's dictionary holds what its trials hold, whether a table was read or its
// cache was there.
#include "evaluate/session_parts.h"

#include "config/value.h"
#include "text/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Pairs --------------------------------------------------------------------------------------

static const struct parameter *find_in(const struct parameters *first,
                                       const struct parameters *second, const char *name)
{
    const struct parameter *found = parameters_find(first, name);
    return found || !second ? found : parameters_find(second, name);
}

// The parameter that `@section/key` names.
static const struct parameter *find_parameter(const struct session *session, const char *path,
                                              struct error *error)
{
    const struct experiment *experiment = session->experiment;
    const char *slash = strchr(path, '/');
    const struct parameter *found = NULL;
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length == strlen("@space") && strncmp(path, "@space", length) == 0)
        found = find_in(&experiment->space.parameters, NULL, slash + 1);
    else if (length == strlen("@estimator") && strncmp(path, "@estimator", length) == 0)
        found = find_in(&experiment->estimator.parameters, NULL, slash + 1);
    else if (length == strlen("@dataset") && strncmp(path, "@dataset", length) == 0)
        found = find_in(&experiment->dataset.parameters, &experiment->data, slash + 1);
    if (!found)
        error_set(error, ESP_ERROR_NOT_FOUND,
                  "'%s' names no parameter: expected @space/KEY, @estimator/KEY or @dataset/KEY of "
                  "this run's plugins",
                  path);
    return found;
}

// Is `value` what the parameter is in this run?
static esp_status check_value(const struct parameter *parameter, const char *path,
                              const char *value, struct error *error)
{
    struct parameter other = {.row = parameter->row};
    char *text = NULL, *own = NULL;
    esp_status status = value_read(&other, value, ".", error);
    if (status == ESP_OK) {
        text = value_text_of(&other);
        own = parameter_text(parameter);
        if (!text || !own)
            status = error_memory(error);
        else if (strcmp(text, own) != 0)
            status = error_set(error, ESP_ERROR_REJECTED, "%s is %s here, and %s in this run", path,
                               text, own);
    } else {
        error_prefix(error, "%s: ", path);
    }
    value_clear(&other);
    free(text);
    free(own);
    return status;
}

static bool is_searched(const struct session *session, const char *path)
{
    for (uint64_t i = 0; i < session->design.searched_count; i++)
        if (strcmp(session->design.searched[i].path, path) == 0)
            return true;
    return false;
}

// Those pairs that are decisions into `given`; the others must be what the run has.
static esp_status take_pairs(const struct session *session, const esp_text_pair *pairs,
                             uint64_t count, uint64_t stride, struct given *given,
                             uint64_t *given_count, struct error *error)
{
    const char *row = (const char *)pairs;
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < count; i++, row += stride) {
        const esp_text_pair *pair = (const esp_text_pair *)(const void *)row;
        if (is_searched(session, pair->path)) {
            given[(*given_count)++] = (struct given){pair->path, pair->value};
            continue;
        }
        const struct parameter *parameter = find_parameter(session, pair->path, error);
        status = parameter ? check_value(parameter, pair->path, pair->value, error)
                           : ESP_ERROR_NOT_FOUND;
    }
    return status;
}

// ---- Reading ------------------------------------------------------------------------------------

esp_status session_open_keys(struct session *session, struct error *error)
{
    if (session->keys)
        return ESP_OK;
    session->key_dictionary = dictionary_create();
    if (session->key_dictionary)
        session->keys = builder_create(&session->design, session->key_dictionary);
    return session->keys ? ESP_OK : error_memory(error);
}

void session_close_keys(struct session *session)
{
    builder_destroy(session->keys);
    if (session->key_dictionary)
        dictionary_destroy(session->key_dictionary);
    session->keys = NULL;
    session->key_dictionary = NULL;
}

// A pair as a decision of architecture JSON, where it is not written already.
static esp_status add_decision(json_t *decisions, const struct given *given, struct error *error)
{
    json_t *value = json_loads(given->value, JSON_DECODE_ANY, NULL);
    if (!json_is_number(value)) {
        json_decref(value);
        value = json_string(given->value);
    }
    json_t *pair = value ? json_pack("[s, o]", given->path, value) : NULL;
    return json_array_append_new(decisions, pair) == 0 ? ESP_OK : error_memory(error);
}

// Architecture JSON: the object, or its list of decisions alone. Owner: the caller. NULL: it is none.
static json_t *read_json(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    if (json_is_array(json))
        return json_pack("{s:o}", "decisions", json);
    if (json_object_get(json, "decisions"))
        return json;
    json_decref(json);
    return NULL;
}

static esp_status parse(struct session *session, const char *text, const struct given *given,
                        uint64_t given_count, struct arch **out, struct error *error)
{
    json_t *json = read_json(text);
    struct written_arch written = {0};
    if (!json)
        return builder_parse(session->keys, text, given, given_count, out, error);
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < given_count; i++)
        status = add_decision(json_object_get(json, "decisions"), &given[i], error);
    if (status == ESP_OK)
        status = written_arch_parse(&written, json, error);
    if (status == ESP_OK)
        status = builder_read(session->keys, &written, out, error);
    written_arch_destroy(&written);
    json_decref(json);
    return status;
}

esp_status session_arch_hash(void *self, const char *text, const esp_text_pair *pairs,
                             uint64_t count, uint64_t stride, uint32_t identity, uint64_t *hash,
                             struct error *error)
{
    struct session *session = self;
    struct arch *arch = NULL;
    uint64_t given_count = 0;
    struct given *given = calloc(count + 1, sizeof *given);
    if (!given)
        return error_memory(error);
    esp_status status = session_open_keys(session, error);
    if (status == ESP_OK)
        status = take_pairs(session, pairs, count, stride, given, &given_count, error);
    if (status == ESP_OK)
        status = parse(session, text, given, given_count, &arch, error);
    if (status == ESP_OK && identity == ESP_IDENTITY_CANONICAL)
        status = builder_canonical_hash(session->keys, arch, hash, error);
    else if (status == ESP_OK)
        *hash = arch_hash(arch);
    arch_release(arch);
    free(given);
    return status;
}

// ---- Identity -----------------------------------------------------------------------------------

static void print_parameters(FILE *out, const struct parameters *parameters, bool searched_alone)
{
    for (uint64_t i = 0; i < parameters->count; i++) {
        if (searched_alone && !parameters->items[i].searched)
            continue;
        char *value = parameter_text(&parameters->items[i]);
        fprintf(out, "%s=%s\n", parameters->items[i].row->name, value ? value : "");
        free(value);
    }
}

const char *session_space_identity(void *self)
{
    struct session *session = self;
    const struct experiment *experiment = session->experiment;
    const struct component *space = experiment->space.component;
    const esp_task *task = &session->task;
    size_t size = 0;
    if (session->identity)
        return session->identity;
    FILE *out = open_memstream(&session->identity, &size);
    if (!out)
        return NULL;
    fprintf(out, "%s %s %s\n", space->id, space->version ? space->version : "",
            space->sha256 ? space->sha256 : "");
    fprintf(out, "%u %llu %llu %llu %llu\n", task->kind, (unsigned long long)task->channels,
            (unsigned long long)task->height, (unsigned long long)task->width,
            (unsigned long long)task->classes);
    fprintf(out, "[space]\n");
    print_parameters(out, &experiment->space.parameters, false);
    // Its other parameters the estimator knows itself.
    fprintf(out, "[estimator]\n");
    print_parameters(out, &experiment->estimator.parameters, true);
    fprintf(out, "[dataset]\n");
    print_parameters(out, &experiment->dataset.parameters, false);
    print_parameters(out, &experiment->data, false);
    for (uint64_t i = 0; i < experiment->fix_count; i++)
        fprintf(out, "%s = %s\n", experiment->fixes[i].pattern, experiment->fixes[i].value);
    return text_stream_close(out, &session->identity);
}
