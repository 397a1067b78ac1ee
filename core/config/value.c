// SPDX-License-Identifier: Apache-2.0
// One value of a parameter; see value.h.
#include "config/value.h"

#include "config/list.h"
#include "config/units.h"
#include "text/nearest.h"
#include "text/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Reals whose range ends here or beyond have no end that a person would want to read.
#define AS_GOOD_AS_INFINITE 1e300

void value_clear(struct parameter *parameter)
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

// ---- Ranges -----------------------------------------------------------------------------------

static bool is_real(const esp_param *row)
{
    return row->type == ESP_PARAM_TYPE_REAL;
}

bool row_open_below(const esp_param *row)
{
    return is_real(row) ? row->real_min <= -AS_GOOD_AS_INFINITE : row->int_min == INT64_MIN;
}

bool row_open_above(const esp_param *row)
{
    return is_real(row) ? row->real_max >= AS_GOOD_AS_INFINITE : row->int_max == INT64_MAX;
}

void row_bounds(char text[BOUNDS_SIZE], const esp_param *row)
{
    char least[REAL_TEXT_SIZE], most[REAL_TEXT_SIZE];
    bool below = row_open_below(row), above = row_open_above(row);
    if (is_real(row)) {
        write_real(least, row->real_min);
        write_real(most, row->real_max);
    } else {
        snprintf(least, sizeof least, "%lld", (long long)row->int_min);
        snprintf(most, sizeof most, "%lld", (long long)row->int_max);
    }
    if (below && above)
        text[0] = '\0';
    else if (below)
        snprintf(text, BOUNDS_SIZE, " up to %s", most);
    else if (above)
        snprintf(text, BOUNDS_SIZE, " from %s on", least);
    else
        snprintf(text, BOUNDS_SIZE, " from %s to %s", least, most);
}

// ---- Reading ----------------------------------------------------------------------------------

static esp_status take_int(const esp_param *row, const char *text, int64_t *out,
                           struct error *error)
{
    char bounds[BOUNDS_SIZE];
    if (read_int(text, out) && *out >= row->int_min && *out <= row->int_max)
        return ESP_OK;
    row_bounds(bounds, row);
    return error_set(error, ESP_ERROR_INVALID, "expected a whole number%s, got '%s'", bounds, text);
}

static esp_status take_real(const esp_param *row, const char *text, double *out,
                            struct error *error)
{
    char bounds[BOUNDS_SIZE];
    if (read_real(text, out) && *out >= row->real_min && *out <= row->real_max)
        return ESP_OK;
    row_bounds(bounds, row);
    return error_set(error, ESP_ERROR_INVALID, "expected a number%s, got '%s'", bounds, text);
}

static int64_t choice_index(const esp_param *row, const char *text)
{
    for (uint64_t i = 0; i < row->choice_count; i++)
        if (strcmp(row->choices[i], text) == 0)
            return (int64_t)i;
    return -1;
}

static esp_status wrong_choice(const esp_param *row, const char *text, struct error *error)
{
    char list[512];
    list_join(list, sizeof list, row->choices, row->choice_count);
    const char *nearest = text_nearest(text, row->choices, row->choice_count);
    if (nearest)
        return error_set(error, ESP_ERROR_INVALID,
                         "there is no '%s'; did you mean '%s'? (expected one of %s)", text, nearest,
                         list);
    return error_set(error, ESP_ERROR_INVALID, "expected one of %s, got '%s'", list, text);
}

static esp_status take_ints(struct parameter *parameter, char *const *parts, uint64_t count,
                            struct error *error)
{
    parameter->ints = calloc(count + 1, sizeof *parameter->ints);
    if (!parameter->ints)
        return error_memory(error);
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < count; i++)
        status = take_int(parameter->row, parts[i], &parameter->ints[i], error);
    parameter->count = count;
    return status;
}

static esp_status take_names(struct parameter *parameter, char *const *parts, uint64_t count,
                             struct error *error)
{
    parameter->names = calloc(count + 1, sizeof *parameter->names);
    if (!parameter->names)
        return error_memory(error);
    for (uint64_t i = 0; i < count; i++) {
        if (choice_index(parameter->row, parts[i]) < 0)
            return wrong_choice(parameter->row, parts[i], error);
        for (uint64_t j = 0; j < i; j++)
            if (strcmp(parts[i], parts[j]) == 0)
                return error_set(error, ESP_ERROR_INVALID, "'%s' stands twice", parts[i]);
        parameter->names[i] = strdup(parts[i]);
        if (!parameter->names[i])
            return error_memory(error);
        parameter->count = i + 1;
    }
    return ESP_OK;
}

static esp_status take_list(struct parameter *parameter, const char *text, struct error *error)
{
    uint64_t count;
    char **parts = list_split(text, &count);
    if (!parts)
        return error_memory(error);
    esp_status status = parameter->row->type == ESP_PARAM_TYPE_INTS
                            ? take_ints(parameter, parts, count, error)
                            : take_names(parameter, parts, count, error);
    free(parts);
    return status;
}

// Takes out of an absolute path, which is not the root, what says nothing: "/./", "//", and a slash at
// its end.
static void tidy(char *path)
{
    char *end = path;
    for (const char *from = path; *from;) {
        const char *name = from + strspn(from, "/");
        size_t length = strcspn(name, "/");
        from = name + length;
        if (length == 0 || (length == 1 && name[0] == '.'))
            continue;
        *end++ = '/';
        memmove(end, name, length);
        end += length;
    }
    *end = '\0';
}

char *path_absolute(const char *folder, const char *path)
{
    char *here = NULL, *joined = NULL;
    bool from_root = path[0] == '/' || folder[0] == '/';
    if (!from_root && !(here = getcwd(NULL, 0)))
        return NULL;
    int length = path[0] == '/' ? asprintf(&joined, "%s", path)
                 : from_root    ? asprintf(&joined, "%s/%s", folder, path)
                                : asprintf(&joined, "%s/%s/%s", here, folder, path);
    free(here);
    if (length < 0)
        return NULL;
    char *real = realpath(joined, NULL);
    if (!real && errno == ENOMEM) {
        free(joined);
        return NULL;
    }
    if (!real) { // it is not there, which others will say
        tidy(joined);
        return joined;
    }
    free(joined);
    return real;
}

esp_status value_read(struct parameter *parameter, const char *text, const char *folder,
                      struct error *error)
{
    const esp_param *row = parameter->row;
    bool flag;
    value_clear(parameter);
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
    bool relative = row->type == ESP_PARAM_TYPE_PATH && text[0] != '\0' && text[0] != '/';
    parameter->text = relative ? path_absolute(folder, text) : strdup(text);
    return parameter->text ? ESP_OK : error_memory(error);
}

esp_status value_default(struct parameter *parameter, struct error *error)
{
    const esp_param *row = parameter->row;
    parameter->integer = row->int_default;
    parameter->real = row->real_default;
    if (row->flags & ESP_PARAM_REQUIRED || !row->text_default)
        return ESP_OK;
    return value_read(parameter, row->text_default, ".", error);
}

// ---- Writing ----------------------------------------------------------------------------------

static char *list_text(const struct parameter *parameter)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return NULL;
    for (uint64_t i = 0; i < parameter->count; i++) {
        fputs(i ? ", " : "", file);
        if (parameter->ints)
            fprintf(file, "%lld", (long long)parameter->ints[i]);
        else
            fputs(parameter->names[i], file);
    }
    return text_stream_close(file, &text);
}

char *value_text_of(const struct parameter *parameter)
{
    char number[REAL_TEXT_SIZE];
    switch (parameter->row->type) {
    case ESP_PARAM_TYPE_INT:
        snprintf(number, sizeof number, "%lld", (long long)parameter->integer);
        return strdup(number);
    case ESP_PARAM_TYPE_REAL:
        write_real(number, parameter->real);
        return strdup(number);
    case ESP_PARAM_TYPE_BOOL:
        return strdup(parameter->integer ? "yes" : "no");
    case ESP_PARAM_TYPE_INTS:
    case ESP_PARAM_TYPE_NAMES:
        return list_text(parameter);
    default:
        return strdup(parameter->text ? parameter->text : "");
    }
}
