// SPDX-License-Identifier: Apache-2.0
// `[fix] path = value`: the decisions whose paths match have that one value in every pass, and so
// are none. `*` matches any text, with slashes. Of several patterns that match, the last one holds.
#include "builder/pass.h"

#include <string.h>

static bool matches(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL; // the last `*`, and where its text ends so far
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            retry = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

// `a, b` as ["a", "b"], empty text as [].
static json_t *comma_list(const char *text)
{
    json_t *list = json_array();
    while (list && *text) {
        text += strspn(text, " \t");
        size_t length = strcspn(text, ","), kept = length;
        while (kept > 0 && strchr(" \t", text[kept - 1]))
            kept--;
        if (json_array_append_new(list, json_stringn(text, kept)) != 0) {
            json_decref(list);
            return NULL;
        }
        text += length + (text[length] == ',');
    }
    return list;
}

// Reads `json`, which it releases; NULL is no value.
static bool reads_as(json_t *json, const esp_domain *domain, uint32_t *indices, esp_value *out)
{
    bool read = json && written_value(out, json, domain, indices, "", NULL) == ESP_OK;
    json_decref(json);
    return read;
}

bool bare_value(const char *text, const esp_domain *domain, uint32_t *indices, esp_value *out)
{
    return reads_as(json_string(text), domain, indices, out) ||
           reads_as(json_loads(text, JSON_DECODE_ANY, NULL), domain, indices, out) ||
           (domain->kind == ESP_DECISION_SUBSET &&
            reads_as(comma_list(text), domain, indices, out));
}

esp_status fix_value(struct builder *builder, const char *path, const esp_domain *domain,
                     uint32_t *indices, esp_value *out, bool *fixed, struct error *error)
{
    const struct design *design = &builder->design;
    const struct fix *fix = NULL;
    for (uint64_t i = 0; i < design->fix_count; i++)
        if (matches(design->fixes[i].pattern, path)) {
            fix = &design->fixes[i];
            builder->fix_used[i] = true;
        }
    *fixed = fix;
    if (!fix || bare_value(fix->value, domain, indices, out))
        return ESP_OK;
    char expected[512];
    domain_text(expected, sizeof expected, domain);
    return error_set(error, ESP_ERROR_INVALID,
                     "[fix] %s = %s: the decision %s cannot have this value; expected %s",
                     fix->pattern, fix->value, path, expected);
}
