// SPDX-License-Identifier: Apache-2.0
// Distributions in the place of values; see distribution.h.
#include "config/distribution.h"

#include "config/units.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const forms[] = {"log", "uniform", "int", "int_log", "one_of"};

// The form's number and the length of its name; -1 where it is none.
static int form_of(const char *text, size_t *length)
{
    *length = strcspn(text, "(");
    if (text[*length] != '(' || text[strlen(text) - 1] != ')')
        return -1;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (strlen(forms[i]) == *length && strncmp(forms[i], text, *length) == 0)
            return (int)i;
    return -1;
}

bool distribution_is(const char *text)
{
    size_t length;
    return text[0] != '\0' && form_of(text, &length) >= 0;
}

static char *trimmed(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return text;
}

static esp_status read_range(struct parameter *parameter, int form, char *inside,
                             struct error *error)
{
    const esp_param *row = parameter->row;
    char *rest = inside;
    char *low = trimmed(strsep(&rest, ","));
    char *high = rest ? trimmed(rest) : NULL;
    esp_domain *domain = &parameter->domain;
    bool logarithmic = form == 0 || form == 3;
    *domain =
        (esp_domain){.struct_size = sizeof *domain, .flags = logarithmic ? ESP_DOMAIN_LOG : 0};
    if (!high || strchr(high, ','))
        return error_set(error, ESP_ERROR_INVALID, "expected %s(least, largest)", forms[form]);
    if (row->type == ESP_PARAM_TYPE_INT) {
        domain->kind = ESP_DECISION_INT;
        if (!read_int(low, &domain->int_min) || !read_int(high, &domain->int_max) ||
            domain->int_min > domain->int_max || domain->int_min < row->int_min ||
            domain->int_max > row->int_max || (logarithmic && domain->int_min < 1))
            return error_set(error, ESP_ERROR_INVALID,
                             "expected %s(least, largest) of whole numbers from %lld to %lld%s",
                             forms[form], (long long)row->int_min, (long long)row->int_max,
                             logarithmic ? ", from 1 on" : "");
        return ESP_OK;
    }
    if (row->type != ESP_PARAM_TYPE_REAL || form >= 2)
        return error_set(error, ESP_ERROR_INVALID, "%s(...) does not suit it%s", forms[form],
                         row->type == ESP_PARAM_TYPE_REAL ? ": it is a real; uniform or log do"
                                                          : ": it is no number; one_of(...) does");
    domain->kind = ESP_DECISION_REAL;
    if (!read_real(low, &domain->real_min) || !read_real(high, &domain->real_max) ||
        domain->real_min > domain->real_max || domain->real_min < row->real_min ||
        domain->real_max > row->real_max || (logarithmic && domain->real_min <= 0))
        return error_set(error, ESP_ERROR_INVALID,
                         "expected %s(least, largest) of numbers from %g to %g%s", forms[form],
                         row->real_min, row->real_max, logarithmic ? ", above 0" : "");
    return ESP_OK;
}

// Is the option a valid value of the parameter?
static esp_status check_option(const struct parameter *parameter, const char *option,
                               struct error *error)
{
    struct parameter trial = {.row = parameter->row};
    trial.domain.count = 1;
    trial.options = calloc(1, sizeof *trial.options);
    if (!trial.options || !(trial.options[0] = strdup(option))) {
        free(trial.options);
        return error_memory(error);
    }
    esp_status status = parameters_set_value(&trial, esp_value_one(0), error);
    struct parameters holder = {.items = calloc(1, sizeof trial), .count = 1};
    if (!holder.items)
        return error_memory(error);
    holder.items[0] = trial;
    parameters_destroy(&holder);
    return status;
}

static esp_status read_options(struct parameter *parameter, char *inside, struct error *error)
{
    const esp_param *row = parameter->row;
    if (row->type == ESP_PARAM_TYPE_INTS || row->type == ESP_PARAM_TYPE_NAMES)
        return error_set(error, ESP_ERROR_INVALID, "a list cannot be searched");
    uint64_t most = 1;
    for (const char *c = inside; *c; c++)
        most += *c == ',';
    parameter->options = calloc(most, sizeof *parameter->options);
    if (!parameter->options)
        return error_memory(error);
    parameter->domain = (esp_domain){.struct_size = sizeof(esp_domain), .kind = ESP_DECISION_ONE};
    if (row->type == ESP_PARAM_TYPE_INT || row->type == ESP_PARAM_TYPE_REAL)
        parameter->domain.flags = ESP_DOMAIN_ORDERED;
    esp_status status = ESP_OK;
    char *part, *rest = inside;
    while (status == ESP_OK && (part = strsep(&rest, ","))) {
        part = trimmed(part);
        for (uint64_t i = 0; i < parameter->domain.count; i++)
            if (strcmp(parameter->options[i], part) == 0)
                status = error_set(error, ESP_ERROR_INVALID, "one_of: '%s' stands twice", part);
        if (status == ESP_OK)
            status = check_option(parameter, part, error);
        if (status == ESP_OK && !(parameter->options[parameter->domain.count++] = strdup(part)))
            status = error_memory(error);
    }
    parameter->domain.names = (const char *const *)parameter->options;
    return status;
}

esp_status distribution_read(struct parameter *parameter, const char *text, struct error *error)
{
    size_t length;
    int form = form_of(text, &length);
    char *inside = strndup(text + length + 1, strlen(text) - length - 2);
    if (!inside)
        return error_memory(error);
    esp_status status = form == 4 ? read_options(parameter, inside, error)
                                  : read_range(parameter, form, inside, error);
    parameter->searched = status == ESP_OK;
    free(inside);
    return status;
}

char *distribution_text(const struct parameter *parameter)
{
    const esp_domain *domain = &parameter->domain;
    bool logarithmic = (domain->flags & ESP_DOMAIN_LOG) != 0;
    char *text = NULL;
    int length = 0;
    if (domain->kind == ESP_DECISION_INT)
        length = asprintf(&text, "%s(%lld, %lld)", logarithmic ? "int_log" : "int",
                          (long long)domain->int_min, (long long)domain->int_max);
    else if (domain->kind == ESP_DECISION_REAL)
        length = asprintf(&text, "%s(%.17g, %.17g)", logarithmic ? "log" : "uniform",
                          domain->real_min, domain->real_max);
    else {
        text = strdup("one_of(");
        for (uint64_t i = 0; text && i < domain->count; i++) {
            char *longer = NULL;
            length = asprintf(&longer, "%s%s%s", text, i ? ", " : "", domain->names[i]);
            free(text);
            text = length < 0 ? NULL : longer;
        }
        char *whole = NULL;
        length = text ? asprintf(&whole, "%s)", text) : -1;
        free(text);
        text = whole;
    }
    return length < 0 ? NULL : text;
}
