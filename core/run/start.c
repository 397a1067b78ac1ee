// SPDX-License-Identifier: Apache-2.0
// The architectures of [start]; see start.h.
#include "run/start.h"

#include "arch/memory.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Takes the reference.
static esp_status add(struct start *start, struct arch *arch, struct error *error)
{
    if (!array_reserve(&start->archs, &start->capacity, start->count + 1, sizeof *start->archs)) {
        arch_release(arch);
        return error_memory(error);
    }
    start->archs[start->count++] = arch;
    return ESP_OK;
}

// JSON with decisions, or anything else: a notation may be JSON of another kind.
static json_t *architecture_json(const char *text)
{
    json_t *json = *text == '{' ? json_loads(text, 0, NULL) : NULL;
    if (json && json_object_get(json, "decisions"))
        return json;
    json_decref(json);
    return NULL;
}

static esp_status read_one(struct start *start, struct builder *builder, const char *text,
                           struct error *error)
{
    struct written_arch written = {0};
    struct arch *arch = NULL;
    json_t *json = architecture_json(text);
    esp_status status = ESP_OK;
    if (json) {
        status = written_arch_parse(&written, json, error);
        if (status == ESP_OK)
            status = builder_read(builder, &written, &arch, error);
        written_arch_destroy(&written);
        json_decref(json);
    } else {
        status = builder_parse(builder, text, NULL, 0, &arch, error);
    }
    return status == ESP_OK ? add(start, arch, error) : status;
}

// Without the blanks around it, in place.
static char *trimmed(char *text)
{
    text += strspn(text, " \t\r\n");
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    return text;
}

static esp_status read_lines(struct start *start, struct builder *builder, char *text,
                             const char *path, struct error *error)
{
    esp_status status = ESP_OK;
    char *next = text;
    for (int number = 1; status == ESP_OK && next; number++) {
        char *line = strsep(&next, "\n");
        line = trimmed(line);
        if (*line == '\0' || *line == '#')
            continue;
        status = read_one(start, builder, line, error);
        if (status != ESP_OK)
            error_prefix(error, "%s:%d: ", path, number);
    }
    return status;
}

// Owner: the caller. NULL with the error set.
static char *read_file(const char *path, struct error *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "re");
    // As far as a zero, which no text holds.
    ssize_t length = file ? getdelim(&text, &size, '\0', file) : -1;
    bool failed = !file || ferror(file);
    if (failed)
        error_set(error, ESP_ERROR_INVALID, "%s: cannot read: %s", path, strerror(errno));
    else if (length <= 0)
        error_set(error, ESP_ERROR_INVALID, "%s: it is empty", path);
    else if (fgetc(file) != EOF)
        error_set(error, ESP_ERROR_INVALID, "%s: it is no text", path);
    if (file)
        fclose(file);
    if (error->status == ESP_OK)
        return text;
    free(text);
    return NULL;
}

static esp_status read_whole(struct start *start, struct builder *builder, const char *path,
                             struct error *error)
{
    char *text = read_file(path, error);
    if (!text)
        return error->status;
    char *begin = text + strspn(text, " \t\r\n");
    json_t *json = architecture_json(begin);
    esp_status status = json ? read_one(start, builder, begin, error)
                             : read_lines(start, builder, text, path, error);
    if (status == ESP_OK && start->count == 0)
        status = error_set(error, ESP_ERROR_INVALID, "%s: no architecture stands in it", path);
    json_decref(json);
    free(text);
    return status;
}

esp_status start_load(struct start *out, struct session *session, struct error *error)
{
    const struct experiment *experiment = session_experiment(session);
    struct builder *builder = session_builder(session);
    const char *text = experiment->start;
    struct error words;
    error_clear(&words);
    if (*text == '\0')
        return ESP_OK;
    esp_status status = experiment->start_is_file ? read_whole(out, builder, text, &words)
                                                  : read_one(out, builder, text, &words);
    if (status != ESP_OK) // a rejected text is wrong use here, as one that does not parse
        return config_fail(error, status == ESP_ERROR_MEMORY ? status : ESP_ERROR_INVALID,
                           config_find(experiment->config, "start", "arch"), "%s", words.message);
    return ESP_OK;
}

void start_destroy(struct start *start)
{
    for (uint64_t i = 0; i < start->count; i++)
        arch_release(start->archs[i]);
    free(start->archs);
    memset(start, 0, sizeof *start);
}
