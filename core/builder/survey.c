// SPDX-License-Identifier: Apache-2.0
// The survey of a space: its decisions in the order of meeting, how many members have each, and the
// encoding of architectures that follows from them (survey.h of the SDK).
#include "builder/pass.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SURVEY_MEMBERS                                                                             \
    1000 // a space of at most so many is surveyed whole, another by so many samples
#define SURVEY_PASSES 100000 // an enumeration that mostly meets rejected passes is given up

struct row {
    uint32_t decision;
    uint64_t count;  // members that have it
    uint64_t column; // of its first number in an encoding
};

struct survey {
    esp_survey handle; // first
    const struct dictionary *dictionary;
    struct row *rows;
    size_t row_count, row_capacity;
    uint32_t *row_of; // by the decision's number: its row + 1, or 0
    size_t row_of_capacity;
    uint64_t members;
    uint64_t width;
    uint64_t outside;
};

// ---- Collecting ---------------------------------------------------------------------------------

static int64_t find_row(const struct survey *survey, uint32_t decision)
{
    return decision < survey->row_of_capacity ? (int64_t)survey->row_of[decision] - 1 : -1;
}

static bool count_decision(struct survey *survey, uint32_t decision)
{
    int64_t row = find_row(survey, decision);
    if (row < 0) {
        if (!array_reserve(&survey->rows, &survey->row_capacity, survey->row_count + 1,
                           sizeof *survey->rows) ||
            !array_reserve(&survey->row_of, &survey->row_of_capacity, (size_t)decision + 1,
                           sizeof *survey->row_of))
            return false;
        row = (int64_t)survey->row_count++;
        survey->rows[row] = (struct row){decision, 0, 0};
        survey->row_of[decision] = (uint32_t)row + 1;
    }
    survey->rows[row].count++;
    return true;
}

static esp_status count_member(void *self, struct arch *arch)
{
    struct survey *survey = self;
    uint64_t count;
    const struct choice *choices = arch_choices(arch, &count);
    for (uint64_t i = 0; i < count; i++)
        if (!count_decision(survey, choices[i].decision))
            return ESP_ERROR_MEMORY;
    survey->members++;
    return ESP_OK;
}

static void forget_members(struct survey *survey)
{
    for (size_t i = 0; i < survey->row_count; i++)
        survey->row_of[survey->rows[i].decision] = 0;
    survey->row_count = 0;
    survey->members = 0;
}

// `*whole`: the space has at most SURVEY_MEMBERS members, and all of them were counted.
static esp_status count_all(struct survey *survey, struct builder *builder, bool *whole,
                            struct error *error)
{
    struct error own = {.status = ESP_OK};
    uint64_t count;
    esp_status status = enumerate_members(builder, count_member, survey, SURVEY_MEMBERS + 1,
                                          SURVEY_PASSES, &count, whole, &own);
    if (count > SURVEY_MEMBERS || status == ESP_ERROR_UNSUPPORTED)
        *whole = false;
    if (status == ESP_OK || status == ESP_ERROR_UNSUPPORTED)
        return ESP_OK;
    return own.status == ESP_OK ? error_memory(error) : error_set(error, status, "%s", own.message);
}

static esp_status count_samples(struct survey *survey, struct builder *builder, esp_random *random,
                                struct error *error)
{
    for (int i = 0; i < SURVEY_MEMBERS; i++) {
        struct arch *arch;
        esp_status status = builder_sample(builder, random, &arch, error);
        if (status != ESP_OK)
            return status;
        status = count_member(survey, arch);
        arch_release(arch);
        if (status != ESP_OK)
            return error_memory(error);
    }
    return ESP_OK;
}

// ---- Encoding -----------------------------------------------------------------------------------

static const esp_domain *row_domain(const struct survey *survey, const struct row *row)
{
    return dictionary_decision_domain(survey->dictionary, row->decision);
}

static uint64_t value_width(const esp_domain *domain)
{
    return domain->kind == ESP_DECISION_ONE || domain->kind == ESP_DECISION_SUBSET ? domain->count
                                                                                   : 1;
}

// The columns, once the rows are counted: a row that some members lack has one more, "absent".
static void place_rows(struct survey *survey)
{
    for (size_t i = 0; i < survey->row_count; i++) {
        struct row *row = &survey->rows[i];
        row->column = survey->width;
        survey->width += value_width(row_domain(survey, row)) + (row->count < survey->members);
    }
}

static double scale(const esp_domain *domain, double least, double most, double value)
{
    return domain->flags & ESP_DOMAIN_LOG ? log(value / least) / log(most / least)
                                          : value / (most - least) - least / (most - least);
}

static void put_value(double *columns, const esp_domain *domain, esp_value value)
{
    switch (domain->kind) {
    case ESP_DECISION_ONE:
        columns[value.as.index] = 1.0;
        break;
    case ESP_DECISION_INT:
        columns[0] = scale(domain, (double)domain->int_min, (double)domain->int_max,
                           (double)value.as.integer);
        break;
    case ESP_DECISION_REAL:
        columns[0] = scale(domain, domain->real_min, domain->real_max, value.as.real);
        break;
    default:
        for (uint32_t i = 0; i < value.count; i++)
            columns[value.as.indices[i]] = 1.0;
        break;
    }
}

static void put_row(const struct survey *survey, const struct row *row, esp_value value,
                    double *vector)
{
    const esp_domain *domain = row_domain(survey, row);
    double *columns = vector + row->column;
    uint64_t width = value_width(domain);
    put_value(columns, domain, value);
    if (width == 1 && (domain->kind == ESP_DECISION_INT || domain->kind == ESP_DECISION_REAL))
        columns[0] = columns[0] < 0.0 ? 0.0 : columns[0] > 1.0 ? 1.0 : columns[0]; // rounding
    if (row->count < survey->members)
        columns[width] = 0.0; // it is not absent
}

static struct survey *from_handle(const esp_survey *handle)
{
    return (struct survey *)(uintptr_t)handle;
}

// A vector that is too short, or an architecture of another run, gives zeros: nothing of it is known.
static uint64_t api_encode(const esp_survey *handle, const esp_arch *arch, double *vector,
                           uint64_t width)
{
    struct survey *survey = from_handle(handle);
    uint64_t count, outside = 0;
    const struct choice *choices = arch_choices(arch_from_handle(arch), &count);
    memset(vector, 0, width * sizeof *vector);
    if (width < survey->width || arch_dictionary(arch_from_handle(arch)) != survey->dictionary)
        return count;
    for (size_t i = 0; i < survey->row_count; i++) {
        const struct row *row = &survey->rows[i];
        if (row->count < survey->members)
            vector[row->column + value_width(row_domain(survey, row))] = 1.0;
    }
    for (uint64_t i = 0; i < count; i++) {
        int64_t row = find_row(survey, choices[i].decision);
        if (row < 0)
            outside++;
        else
            put_row(survey, &survey->rows[row], choices[i].value, vector);
    }
    survey->outside += outside;
    return outside;
}

// ---- The table that strategies call -------------------------------------------------------------

static uint64_t api_count(const esp_survey *handle)
{
    return from_handle(handle)->row_count;
}

static const char *api_path(const esp_survey *handle, uint64_t i)
{
    const struct survey *survey = from_handle(handle);
    return i < survey->row_count
               ? dictionary_path_text(
                     survey->dictionary,
                     dictionary_decision_path(survey->dictionary, survey->rows[i].decision))
               : "";
}

static const esp_domain *api_domain(const esp_survey *handle, uint64_t i)
{
    const struct survey *survey = from_handle(handle);
    return i < survey->row_count ? row_domain(survey, &survey->rows[i]) : NULL;
}

static double api_presence(const esp_survey *handle, uint64_t i)
{
    const struct survey *survey = from_handle(handle);
    return i < survey->row_count ? (double)survey->rows[i].count / (double)survey->members : 0.0;
}

static uint64_t api_width(const esp_survey *handle)
{
    return from_handle(handle)->width;
}

static const esp_survey_api survey_api = {
    sizeof(esp_survey_api), api_count, api_path, api_domain, api_presence, api_width, api_encode,
};

// ---- Life ---------------------------------------------------------------------------------------

esp_status survey_create(struct survey **out, struct builder *builder, esp_random *random,
                         struct error *error)
{
    struct survey *survey = calloc(1, sizeof *survey);
    bool whole = false;
    if (!survey)
        return error_memory(error);
    handle_init(&survey->handle.base, sizeof survey->handle, NULL);
    survey->handle.api = &survey_api;
    survey->dictionary = builder->dictionary;
    esp_status status = count_all(survey, builder, &whole, error);
    if (status == ESP_OK && !whole) {
        forget_members(survey);
        status = count_samples(survey, builder, random, error);
    }
    if (status == ESP_OK && survey->members == 0)
        status = error_set(error, ESP_ERROR_REJECTED,
                           "space %s has no member: every pass was rejected, the last because: %s",
                           builder->design.space, builder->error.message);
    if (status != ESP_OK) {
        survey_destroy(survey);
        return status;
    }
    place_rows(survey);
    *out = survey;
    return ESP_OK;
}

void survey_destroy(struct survey *survey)
{
    if (!survey)
        return;
    free(survey->rows);
    free(survey->row_of);
    free(survey);
}

const esp_survey *survey_handle(const struct survey *survey)
{
    return &survey->handle;
}

uint64_t survey_outside(const struct survey *survey)
{
    return survey->outside;
}
