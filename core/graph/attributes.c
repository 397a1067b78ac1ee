// SPDX-License-Identifier: Apache-2.0
// Attributes that a space gives, held against an operator's row: names, types, ranges, defaults.
#include "graph/operators.h"

#include "text/nearest.h"

#include <math.h>
#include <string.h>

void call_begin(struct operator_call *call, const char *op)
{
    call->path = "";
    call->op = op;
    call->inputs = NULL;
    call->input_count = 0;
    call->attribute_count = 0;
    memset(&call->shape, 0, sizeof call->shape);
    call->macs = 0;
    call->weight_count = 0;
}

// Most names differ in their first byte, and then no function is called.
static bool same_name(const char *a, const char *b)
{
    return a[0] == b[0] && strcmp(a, b) == 0;
}

struct operator_attribute *call_attribute(struct operator_call *call, const char *name)
{
    for (uint64_t i = 0; i < call->attribute_count; i++)
        if (same_name(call->attributes[i].name, name))
            return &call->attributes[i];
    return NULL;
}

static const char *type_name(uint32_t type)
{
    static const char *const names[] = {
        "nothing", "an integer", "a number", "a list of integers", "a text", "a list of numbers"};
    return names[type < ESP_COUNT(names) ? type : 0];
}

static esp_status check_integer(const struct operator_call *call,
                                const struct operator_attribute_row *row, int64_t integer,
                                struct error *error)
{
    if (integer >= row->least && integer <= row->most)
        return ESP_OK;
    return call_wrong(call, error, "%s: expected %s of %lld to %lld, got %lld", row->name,
                      row->type == ESP_ATTRIBUTE_INTS ? "integers" : "an integer",
                      (long long)row->least, (long long)row->most, (long long)integer);
}

// One of the words of `row->choices`.
static esp_status check_text(const struct operator_call *call,
                             const struct operator_attribute_row *row, const char *text,
                             struct error *error)
{
    size_t length = strlen(text);
    for (const char *word = row->choices; word;) {
        const char *end = strchr(word, ' ');
        size_t size = end ? (size_t)(end - word) : strlen(word);
        if (size == length && memcmp(word, text, size) == 0)
            return ESP_OK;
        word = end ? end + 1 : NULL;
    }
    if (!row->choices)
        return ESP_OK;
    return call_wrong(call, error, "%s: expected one of %s, got '%s'", row->name, row->choices,
                      text);
}

static esp_status take_list(const struct operator_call *call,
                            const struct operator_attribute_row *row, struct operator_attribute *to,
                            const esp_attribute *from, struct error *error)
{
    if (from->count > ESP_COUNT(to->ints) || (from->count > 0 && !from->ints))
        return call_wrong(call, error, "%s: expected at most %zu integers, got %llu%s", row->name,
                          ESP_COUNT(to->ints), (unsigned long long)from->count,
                          from->count > 0 && !from->ints ? " at NULL" : "");
    for (uint64_t i = 0; i < from->count; i++) {
        if (check_integer(call, row, from->ints[i], error) != ESP_OK)
            return ESP_ERROR_INVALID;
        to->ints[i] = from->ints[i];
    }
    to->count = from->count;
    to->absent = false;
    return ESP_OK;
}

static esp_status take_reals(const struct operator_call *call,
                             const struct operator_attribute_row *row,
                             struct operator_attribute *to, const esp_attribute *from,
                             struct error *error)
{
    if (!ESP_HAS(esp_attribute, from, reals) || (from->count > 0 && !from->reals))
        return call_wrong(call, error, "%s: its numbers are at NULL", row->name);
    for (uint64_t i = 0; i < from->count; i++)
        if (!(from->reals[i] >= row->real_min && from->reals[i] <= row->real_max))
            return call_wrong(call, error, "%s: expected numbers of %g to %g, got %g", row->name,
                              row->real_min, row->real_max, from->reals[i]);
    to->reals = from->reals;
    to->count = from->count;
    to->absent = false;
    return ESP_OK;
}

static esp_status take(const struct operator_call *call, const struct operator_attribute_row *row,
                       struct operator_attribute *to, const esp_attribute *from,
                       struct error *error)
{
    // An integer is a number, too.
    bool widened = row->type == ESP_ATTRIBUTE_REAL && from->type == ESP_ATTRIBUTE_INT;
    if (row->type != from->type && !widened)
        return call_wrong(call, error, "%s: expected %s, got %s", row->name, type_name(row->type),
                          type_name(from->type));
    switch (row->type) {
    case ESP_ATTRIBUTE_INT:
        to->integer = from->integer;
        return check_integer(call, row, from->integer, error);
    case ESP_ATTRIBUTE_REAL:
        to->real = widened ? (double)from->integer : from->real;
        if (to->real >= row->real_min && to->real <= row->real_max)
            return ESP_OK;
        return call_wrong(call, error, "%s: expected a number of %g to %g, got %g", row->name,
                          row->real_min, row->real_max, to->real);
    case ESP_ATTRIBUTE_INTS:
        return take_list(call, row, to, from, error);
    case ESP_ATTRIBUTE_REALS:
        return take_reals(call, row, to, from, error);
    default:
        to->text = from->text ? from->text : "";
        return check_text(call, row, to->text, error);
    }
}

esp_status operator_take_attributes(struct operator_call *call, const struct operator_row *row,
                                    const esp_attribute *attributes, uint64_t count,
                                    uint64_t stride, struct error *error)
{
    const char *names[OPERATOR_MOST_ATTRIBUTES];
    bool given[OPERATOR_MOST_ATTRIBUTES] = {false};
    uint64_t rows = 0;
    for (; rows < OPERATOR_MOST_ATTRIBUTES && row->attributes[rows].name; rows++) {
        const struct operator_attribute_row *from = &row->attributes[rows];
        names[rows] = from->name;
        struct operator_attribute *to = &call->attributes[rows];
        to->name = from->name;
        to->type = from->type;
        to->integer = from->integer;
        to->real = from->real;
        to->count = 0;
        to->text = from->text;
        to->reals = NULL;
        to->absent = from->type == ESP_ATTRIBUTE_INTS || from->type == ESP_ATTRIBUTE_REALS;
        if (from->type == ESP_ATTRIBUTE_INTS)
            memset(to->ints, 0, sizeof to->ints);
    }
    call->attribute_count = rows;
    if (count > 0 && !attributes)
        return call_wrong(call, error, "its attributes are NULL");
    const char *at = (const char *)attributes;
    for (uint64_t i = 0; i < count; i++, at += stride) {
        const esp_attribute *from = (const esp_attribute *)(const void *)at;
        if (!ESP_HAS(esp_attribute, from, text) || !from->name)
            return call_wrong(call, error, "attribute %llu has no size or no name",
                              (unsigned long long)i);
        uint64_t j = 0;
        while (j < rows && !same_name(names[j], from->name))
            j++;
        if (j == rows) {
            const char *nearest = text_nearest(from->name, names, rows);
            return call_wrong(call, error, "it has no attribute '%s'%s%s%s", from->name,
                              nearest ? "; did you mean '" : "", nearest ? nearest : "",
                              nearest ? "'?" : "");
        }
        if (given[j])
            return call_wrong(call, error, "%s is given twice", from->name);
        given[j] = true;
        if (take(call, &row->attributes[j], &call->attributes[j], from, error) != ESP_OK)
            return ESP_ERROR_INVALID;
    }
    // An integer whose default is outside its range is required.
    for (uint64_t j = 0; j < rows; j++)
        if (!given[j] && row->attributes[j].type == ESP_ATTRIBUTE_INT &&
            row->attributes[j].integer < row->attributes[j].least)
            return call_wrong(call, error, "it needs the attribute %s", names[j]);
    return ESP_OK;
}
