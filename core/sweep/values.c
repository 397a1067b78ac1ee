// SPDX-License-Identifier: Apache-2.0
// The values of one axis, from its text; see axes.h.
#include "config/list.h"
#include "config/units.h"
#include "sweep/axes.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct values {
    char **items;
    uint64_t count, capacity;
};

void values_destroy(char **values, uint64_t count)
{
    for (uint64_t i = 0; values && i < count; i++)
        free(values[i]);
    free(values);
}

// Takes `value`, NULL where memory was missing.
static esp_status add(struct values *values, char *value, struct error *error)
{
    if (value && values->count == values->capacity) {
        uint64_t capacity = values->capacity ? 2 * values->capacity : 16;
        char **grown = realloc(values->items, capacity * sizeof *grown);
        if (!grown) {
            free(value);
            return error_memory(error);
        }
        values->items = grown;
        values->capacity = capacity;
    }
    if (!value)
        return error_memory(error);
    values->items[values->count++] = value;
    return ESP_OK;
}

// "first..last" or "first..last step N".
static esp_status add_range(struct values *values, const char *part, const char *dots,
                            struct error *error)
{
    char first_text[32], last_text[64], *step_text = NULL;
    int64_t first = 0, last = 0, step = 1;
    snprintf(first_text, sizeof first_text, "%.*s", (int)(dots - part), part);
    snprintf(last_text, sizeof last_text, "%s", dots + 2);
    step_text = strstr(last_text, " step ");
    if (step_text) {
        *step_text = '\0';
        step_text += strlen(" step ");
    }
    if (!read_int(text_trim(first_text), &first) || !read_int(text_trim(last_text), &last) ||
        (step_text && !read_int(text_trim(step_text), &step)))
        return error_set(error, ESP_ERROR_INVALID,
                         "'%s': a range is of whole numbers, FIRST..LAST or FIRST..LAST step N",
                         part);
    if (step < 1)
        return error_set(error, ESP_ERROR_INVALID, "'%s': the step is to be 1 or more", part);
    if (first > last)
        return error_set(error, ESP_ERROR_INVALID, "'%s': the range is empty", part);
    uint64_t count = ((uint64_t)last - (uint64_t)first) / (uint64_t)step + 1;
    if (count > SWEEP_MOST_RUNS)
        return error_set(error, ESP_ERROR_INVALID,
                         "'%s': %llu values, and a sweep has at most %d "
                         "runs",
                         part, (unsigned long long)count, SWEEP_MOST_RUNS);
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        char *value = NULL;
        if (asprintf(&value, "%lld", (long long)first + (long long)(i * (uint64_t)step)) < 0)
            value = NULL;
        status = add(values, value, error);
    }
    return status;
}

// The dots of a range, or NULL: a path such as ../data is none.
static const char *range_dots(const char *part)
{
    const char *dots = strstr(part, "..");
    char before[32];
    double number;
    if (!dots || dots == part || dots - part >= (long)sizeof before)
        return NULL;
    snprintf(before, sizeof before, "%.*s", (int)(dots - part), part);
    return read_real(text_trim(before), &number) ? dots : NULL;
}

static esp_status add_part(struct values *values, char *part, struct error *error)
{
    part = text_trim(part);
    size_t length = strlen(part);
    if (length == 0)
        return error_set(error, ESP_ERROR_INVALID, "a value is missing between the commas");
    const char *dots = range_dots(part);
    if (dots)
        return add_range(values, part, dots, error);
    if (part[0] == '{' && part[length - 1] == '}') {
        part[length - 1] = '\0';
        part = text_trim(part + 1);
    }
    return add(values, strdup(part), error);
}

// How deep in parentheses and braces a text goes on behind `c`.
static int depth_after(int depth, char c)
{
    if (c == '(' || c == '{')
        return depth + 1;
    return c == ')' || c == '}' ? depth - 1 : depth;
}

static esp_status split(struct values *values, char *text, struct error *error)
{
    int depth = 0;
    char *part = text;
    for (char *c = text;; c++) {
        char now = *c;
        depth = depth_after(depth, now);
        if (depth < 0 || (now == '\0' && depth > 0))
            return error_set(error, ESP_ERROR_INVALID, "a parenthesis or brace has no partner");
        if (now != '\0' && (now != ',' || depth > 0))
            continue;
        *c = '\0';
        esp_status status = add_part(values, part, error);
        if (status != ESP_OK || now == '\0')
            return status;
        part = c + 1;
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static esp_status check_twice(const struct values *values, struct error *error)
{
    char **sorted = malloc((values->count + 1) * sizeof *sorted);
    if (!sorted)
        return error_memory(error);
    memcpy(sorted, values->items, values->count * sizeof *sorted);
    qsort(sorted, values->count, sizeof *sorted, by_text);
    esp_status status = ESP_OK;
    for (uint64_t i = 1; status == ESP_OK && i < values->count; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            status = error_set(error, ESP_ERROR_INVALID, "the value '%s' stands twice", sorted[i]);
    free(sorted);
    return status;
}

char **values_read(const char *text, uint64_t *count, struct error *error)
{
    struct values values = {0};
    char *copy = strdup(text);
    esp_status status = copy ? ESP_OK : error_memory(error);
    if (status == ESP_OK && text[strspn(text, " ")] == '\0')
        status = error_set(error, ESP_ERROR_INVALID, "expected values, as a, b or 1..10");
    if (status == ESP_OK)
        status = split(&values, copy, error);
    if (status == ESP_OK)
        status = check_twice(&values, error);
    free(copy);
    if (status != ESP_OK) {
        values_destroy(values.items, values.count);
        return NULL;
    }
    *count = values.count;
    return values.items;
}
