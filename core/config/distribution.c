// SPDX-License-Identifier: Apache-2.0
// Distributions in the place of values; see distribution.h.
#include "config/distribution.h"

#include "config/list.h"
#include "config/units.h"
#include "config/value.h"
#include "text/stream.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum form { FORM_LOG, FORM_UNIFORM, FORM_INT, FORM_INT_LOG, FORM_ONE_OF, FORM_COUNT };

static const char *const forms[FORM_COUNT] = {"log", "uniform", "int", "int_log", "one_of"};

// The form, and where its "(" stands; FORM_COUNT where it is none.
static enum form form_of(const char *text, const char **open)
{
    size_t length = strcspn(text, " \t(");
    const char *paren = text + length + strspn(text + length, " \t");
    if (*paren != '(' || text[strlen(text) - 1] != ')')
        return FORM_COUNT;
    *open = paren;
    for (enum form form = 0; form < FORM_COUNT; form++)
        if (strlen(forms[form]) == length && strncmp(forms[form], text, length) == 0)
            return form;
    return FORM_COUNT;
}

bool distribution_is(const char *text)
{
    const char *open;
    return form_of(text, &open) != FORM_COUNT;
}

const char *distribution_hint(const char *text)
{
    const char *open = strchr(text, '(');
    return open && open > text && islower((unsigned char)text[0])
               ? "; distributions are log(a, b), uniform(a, b), int(a, b), int_log(a, b), "
                 "one_of(x, y)"
               : "";
}

static esp_status read_int_range(esp_domain *domain, const esp_param *row, const char *low,
                                 const char *high)
{
    domain->kind = ESP_DECISION_INT;
    bool good = read_int(low, &domain->int_min) && read_int(high, &domain->int_max) &&
                domain->int_min <= domain->int_max && domain->int_min >= row->int_min &&
                domain->int_max <= row->int_max &&
                (!(domain->flags & ESP_DOMAIN_LOG) || domain->int_min >= 1);
    return good ? ESP_OK : ESP_ERROR_INVALID;
}

static esp_status read_real_range(esp_domain *domain, const esp_param *row, const char *low,
                                  const char *high)
{
    domain->kind = ESP_DECISION_REAL;
    bool good = read_real(low, &domain->real_min) && read_real(high, &domain->real_max) &&
                domain->real_min <= domain->real_max && domain->real_min >= row->real_min &&
                domain->real_max <= row->real_max &&
                (!(domain->flags & ESP_DOMAIN_LOG) || domain->real_min > 0);
    return good ? ESP_OK : ESP_ERROR_INVALID;
}

// Does the range suit the type? An integer may say log and uniform too.
static esp_status check_suits(const esp_param *row, enum form form, struct error *error)
{
    if (row->type == ESP_PARAM_TYPE_INT)
        return ESP_OK;
    if (row->type != ESP_PARAM_TYPE_REAL)
        return error_set(error, ESP_ERROR_INVALID, "%s(...) does not suit it: it is no number%s",
                         forms[form],
                         row->type == ESP_PARAM_TYPE_INTS || row->type == ESP_PARAM_TYPE_NAMES
                             ? ", and a list cannot be searched"
                             : "; one_of(...) does");
    return form == FORM_LOG || form == FORM_UNIFORM
               ? ESP_OK
               : error_set(error, ESP_ERROR_INVALID,
                           "%s(...) does not suit it: it is a real; uniform(...) or log(...) do",
                           forms[form]);
}

static esp_status read_range(struct parameter *parameter, enum form form, char *const *parts,
                             uint64_t count, struct error *error)
{
    const esp_param *row = parameter->row;
    esp_domain *domain = &parameter->domain;
    char bounds[BOUNDS_SIZE];
    bool logarithmic = form == FORM_LOG || form == FORM_INT_LOG;
    bool whole = row->type == ESP_PARAM_TYPE_INT;
    esp_status status = check_suits(row, form, error);
    if (status != ESP_OK)
        return status;
    domain->flags = logarithmic ? ESP_DOMAIN_LOG : 0;
    if (count != 2)
        status = ESP_ERROR_INVALID;
    else
        status = whole ? read_int_range(domain, row, parts[0], parts[1])
                       : read_real_range(domain, row, parts[0], parts[1]);
    if (status == ESP_OK)
        return ESP_OK;
    row_bounds(bounds, row);
    return error_set(error, status, "expected %s(least, largest) of %s%s%s", forms[form],
                     whole ? "whole numbers" : "numbers", bounds,
                     !logarithmic ? ""
                     : whole      ? ", at least 1"
                                  : ", above 0");
}

// One option, as the INI would say it (a path absolute, 1000 for 1e3), and its number; NULL and an
// error where it is no value of the parameter.
static char *take_option(const struct parameter *parameter, const char *text, const char *folder,
                         double *number, struct error *error)
{
    struct parameter trial = {.row = parameter->row};
    char *option = NULL;
    if (text[0] == '\0')
        error_set(error, ESP_ERROR_INVALID, "a value is missing");
    else if (value_read(&trial, text, folder, error) == ESP_OK && !(option = value_text_of(&trial)))
        error_memory(error);
    *number = trial.row->type == ESP_PARAM_TYPE_INT ? (double)trial.integer : trial.real;
    value_clear(&trial);
    return option;
}

static esp_status read_options(struct parameter *parameter, char *const *parts, uint64_t count,
                               const char *folder, struct error *error)
{
    esp_domain *domain = &parameter->domain;
    uint32_t type = parameter->row->type;
    double number, last = 0;
    if (type == ESP_PARAM_TYPE_INTS || type == ESP_PARAM_TYPE_NAMES)
        return error_set(error, ESP_ERROR_INVALID, "a list cannot be searched");
    parameter->options = calloc(count + 1, sizeof *parameter->options);
    if (!parameter->options)
        return error_memory(error);
    domain->kind = ESP_DECISION_ONE;
    domain->names = (const char *const *)parameter->options;
    bool ascends = type == ESP_PARAM_TYPE_INT || type == ESP_PARAM_TYPE_REAL;
    for (uint64_t i = 0; i < count; i++, last = number) {
        char *option = take_option(parameter, parts[i], folder, &number, error);
        if (!option)
            return error->status;
        parameter->options[domain->count++] = option;
        for (uint64_t j = 0; j < i; j++)
            if (strcmp(parameter->options[j], option) == 0)
                return error_set(error, ESP_ERROR_INVALID, "one_of: '%s' stands twice", parts[i]);
        ascends = ascends && (i == 0 || number > last);
    }
    domain->flags = ascends ? ESP_DOMAIN_ORDERED : 0;
    return count > 0 ? ESP_OK : error_set(error, ESP_ERROR_INVALID, "one_of: a value is missing");
}

esp_status distribution_read(struct parameter *parameter, const char *text, const char *folder,
                             struct error *error)
{
    const char *open;
    uint64_t count = 0;
    enum form form = form_of(text, &open);
    char *inside = strndup(open + 1, strlen(open) - 2);
    char **parts = inside ? list_split(inside, &count) : NULL;
    esp_status status;
    parameter->domain = (esp_domain){.struct_size = sizeof(esp_domain)};
    if (!parts)
        status = error_memory(error);
    else if (form == FORM_ONE_OF)
        status = read_options(parameter, parts, count, folder, error);
    else
        status = read_range(parameter, form, parts, count, error);
    parameter->searched = status == ESP_OK;
    free(parts);
    free(inside);
    return status;
}

char *distribution_text(const struct parameter *parameter)
{
    const esp_domain *domain = &parameter->domain;
    bool logarithmic = (domain->flags & ESP_DOMAIN_LOG) != 0;
    char *text = NULL, least[REAL_TEXT_SIZE], most[REAL_TEXT_SIZE];
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return NULL;
    if (domain->kind == ESP_DECISION_INT) {
        fprintf(file, "%s(%lld, %lld)", forms[logarithmic ? FORM_INT_LOG : FORM_INT],
                (long long)domain->int_min, (long long)domain->int_max);
    } else if (domain->kind == ESP_DECISION_REAL) {
        write_real(least, domain->real_min);
        write_real(most, domain->real_max);
        fprintf(file, "%s(%s, %s)", forms[logarithmic ? FORM_LOG : FORM_UNIFORM], least, most);
    } else {
        for (uint64_t i = 0; i < domain->count; i++)
            fprintf(file, "%s%s", i ? ", " : "one_of(", domain->names[i]);
        fputs(")", file);
    }
    return text_stream_close(file, &text);
}
