// SPDX-License-Identifier: Apache-2.0
// Tests of descriptions; see description.h. Whether a default that is a list or a choice reads as
// one is parameters.c's to say.
#include "loader/description.h"

#include "config/parameters.h"
#include "loader/registry.h"
#include "text/printable.h"

#include <espalier/ext/space_structure.h>
#include <espalier/ext/space_text.h>

#include <math.h>
#include <stdalign.h>
#include <string.h>

// The host's own memory of a table with its keys and the plugin's has room for so many.
#define MOST_PARAMS 256

// ---- What descriptions have in common ---------------------------------------------------------

_Static_assert(
    offsetof(esp_strategy_type, param_stride) == offsetof(esp_space_type, param_stride) &&
        offsetof(esp_estimator_type, param_stride) == offsetof(esp_space_type, param_stride) &&
        offsetof(esp_dataset_type, param_stride) == offsetof(esp_space_type, param_stride) &&
        offsetof(esp_engine_type, param_stride) == offsetof(esp_space_type, param_stride) &&
        offsetof(esp_executor_type, param_stride) == offsetof(esp_space_type, param_stride),
    "descriptions begin alike");

struct description description_of(const void *type)
{
    const esp_space_type *any = type;
    return (struct description){any->summary, any->source, any->params, any->param_count,
                                any->param_stride};
}

const esp_param *description_param(const struct description *description, uint64_t i)
{
    const char *first = (const char *)description->params;
    return (const esp_param *)(const void *)(first + i * description->param_stride);
}

const void *description_ability(const void *type, uint32_t kind, const char *id)
{
    const void *(*ability)(const char *);
    switch (kind) {
    case ESP_KIND_SPACE:
        ability = ((const esp_space_type *)type)->ability;
        break;
    case ESP_KIND_STRATEGY:
        ability = ((const esp_strategy_type *)type)->ability;
        break;
    case ESP_KIND_ESTIMATOR:
        ability = ((const esp_estimator_type *)type)->ability;
        break;
    case ESP_KIND_DATASET:
        ability = ((const esp_dataset_type *)type)->ability;
        break;
    case ESP_KIND_ENGINE:
        ability = ((const esp_engine_type *)type)->ability;
        break;
    default:
        ability = ((const esp_executor_type *)type)->ability;
        break;
    }
    return ability ? ability(id) : NULL;
}

const char *description_notation(const void *type, uint32_t kind)
{
    const esp_space_text *text =
        kind == ESP_KIND_SPACE ? description_ability(type, kind, ESP_SPACE_TEXT) : NULL;
    return text ? text->notation : NULL;
}

// ---- Required functions -----------------------------------------------------------------------

struct required {
    uint32_t kind;
    size_t offset;
    const char *name;
};

#define REQUIRED(kind, type, member)                                                               \
    {                                                                                              \
        kind, offsetof(type, member), #member                                                      \
    }

static const struct required required_functions[] = {
    REQUIRED(ESP_KIND_SPACE, esp_space_type, create),
    REQUIRED(ESP_KIND_SPACE, esp_space_type, destroy),
    REQUIRED(ESP_KIND_SPACE, esp_space_type, build),
    REQUIRED(ESP_KIND_STRATEGY, esp_strategy_type, create),
    REQUIRED(ESP_KIND_STRATEGY, esp_strategy_type, destroy),
    REQUIRED(ESP_KIND_STRATEGY, esp_strategy_type, ask),
    REQUIRED(ESP_KIND_STRATEGY, esp_strategy_type, tell),
    REQUIRED(ESP_KIND_ESTIMATOR, esp_estimator_type, create),
    REQUIRED(ESP_KIND_ESTIMATOR, esp_estimator_type, destroy),
    REQUIRED(ESP_KIND_ESTIMATOR, esp_estimator_type, describe),
    REQUIRED(ESP_KIND_ESTIMATOR, esp_estimator_type, evaluate),
    REQUIRED(ESP_KIND_DATASET, esp_dataset_type, open),
    REQUIRED(ESP_KIND_DATASET, esp_dataset_type, close),
    REQUIRED(ESP_KIND_DATASET, esp_dataset_type, describe),
    REQUIRED(ESP_KIND_DATASET, esp_dataset_type, read),
    REQUIRED(ESP_KIND_ENGINE, esp_engine_type, open),
    REQUIRED(ESP_KIND_ENGINE, esp_engine_type, close),
    REQUIRED(ESP_KIND_ENGINE, esp_engine_type, compile),
    REQUIRED(ESP_KIND_ENGINE, esp_engine_type, release),
    REQUIRED(ESP_KIND_ENGINE, esp_engine_type, forward),
    REQUIRED(ESP_KIND_ENGINE, esp_engine_type, backward),
    REQUIRED(ESP_KIND_ENGINE, esp_engine_type, apply),
    REQUIRED(ESP_KIND_ENGINE, esp_engine_type, tensor),
    REQUIRED(ESP_KIND_EXECUTOR, esp_executor_type, create),
    REQUIRED(ESP_KIND_EXECUTOR, esp_executor_type, destroy),
    REQUIRED(ESP_KIND_EXECUTOR, esp_executor_type, submit),
    REQUIRED(ESP_KIND_EXECUTOR, esp_executor_type, poll),
    REQUIRED(ESP_KIND_EXECUTOR, esp_executor_type, cancel),
    REQUIRED(ESP_KIND_EXECUTOR, esp_executor_type, descriptor),
    REQUIRED(ESP_KIND_EXECUTOR, esp_executor_type, timeout),
};

// While the minors of host and plugin are equal a description has all members of this host's.
static uint64_t least_size(uint32_t kind)
{
    static const uint64_t sizes[] = {0,
                                     sizeof(esp_space_type),
                                     sizeof(esp_strategy_type),
                                     sizeof(esp_estimator_type),
                                     sizeof(esp_dataset_type),
                                     sizeof(esp_engine_type),
                                     sizeof(esp_executor_type)};
    return sizes[kind];
}

static esp_status check_functions(const void *type, uint32_t kind, struct error *error)
{
    for (size_t i = 0; i < ESP_COUNT(required_functions); i++) {
        void (*function)(void) = NULL;
        if (required_functions[i].kind != kind)
            continue;
        memcpy(&function, (const char *)type + required_functions[i].offset, sizeof function);
        if (!function)
            return error_set(error, ESP_ERROR_DATA, "it lacks the required function '%s'",
                             required_functions[i].name);
    }
    return ESP_OK;
}

static bool valid_words(const char *words)
{
    return !words || text_printable(words);
}

// ---- Abilities --------------------------------------------------------------------------------

// Those whose functions the host calls wherever it finds the table. Sizes are those of revision 1.
static const struct known_ability {
    uint32_t kind;
    const char *id;
    size_t size, first, count; // `count` required functions from the offset `first` on
} known_abilities[] = {
    {ESP_KIND_SPACE, ESP_SPACE_TEXT, sizeof(esp_space_text), offsetof(esp_space_text, parse), 2},
    {ESP_KIND_SPACE, ESP_SPACE_CANONICAL, sizeof(esp_space_canonical),
     offsetof(esp_space_canonical, canonical), 1},
    {ESP_KIND_SPACE, ESP_SPACE_STRUCTURE, sizeof(esp_space_structure),
     offsetof(esp_space_structure, structure), 1},
};

static esp_status check_ability(const struct known_ability *known, const char *table,
                                struct error *error)
{
    uint64_t size;
    memcpy(&size, table, sizeof size);
    if (size < known->size)
        return error_set(error, ESP_ERROR_DATA,
                         "its ability %s has %llu bytes, expected at least %zu", known->id,
                         (unsigned long long)size, known->size);
    for (size_t i = 0; i < known->count; i++) {
        void (*function)(void) = NULL;
        memcpy(&function, table + known->first + i * sizeof function, sizeof function);
        if (!function)
            return error_set(error, ESP_ERROR_DATA, "its ability %s lacks a required function",
                             known->id);
    }
    return ESP_OK;
}

static esp_status check_abilities(const void *type, uint32_t kind, struct error *error)
{
    esp_status status = ESP_OK;
    for (size_t i = 0; status == ESP_OK && i < ESP_COUNT(known_abilities); i++) {
        const struct known_ability *known = &known_abilities[i];
        const void *table = known->kind == kind ? description_ability(type, kind, known->id) : NULL;
        if (table)
            status = check_ability(known, table, error);
    }
    if (status == ESP_OK && !valid_words(description_notation(type, kind)))
        status = error_set(error, ESP_ERROR_DATA, "its notation is no printable UTF-8");
    return status;
}

// ---- Parameters -------------------------------------------------------------------------------

static bool valid_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    return name[0] >= 'a' && name[0] <= 'z' && name[strspn(name, letters)] == '\0';
}

static esp_status check_choices(const esp_param *row, struct error *error)
{
    if (row->choice_count == 0 || !row->choices)
        return error_set(error, ESP_ERROR_DATA, "it has no choices");
    for (uint64_t i = 0; i < row->choice_count; i++) {
        const char *choice = row->choices[i];
        if (!choice || !choice[0] || !text_printable(choice) || strchr(choice, ','))
            return error_set(error, ESP_ERROR_DATA,
                             "its choice %llu is none: expected printable text without commas",
                             (unsigned long long)i);
        for (uint64_t j = 0; j < i; j++)
            if (strcmp(choice, row->choices[j]) == 0)
                return error_set(error, ESP_ERROR_DATA, "its choice '%s' stands twice", choice);
    }
    return ESP_OK;
}

static esp_status check_range(const esp_param *row, bool has_default, struct error *error)
{
    bool log = row->flags & ESP_PARAM_LOG;
    if (row->type == ESP_PARAM_TYPE_REAL) {
        if (!isfinite(row->real_min) || !isfinite(row->real_max) || row->real_min > row->real_max)
            return error_set(error, ESP_ERROR_DATA, "its range is none: %g to %g", row->real_min,
                             row->real_max);
        if (log && row->real_min <= 0)
            return error_set(error, ESP_ERROR_DATA,
                             "its scale is logarithmic, and its range begins at %g", row->real_min);
        if (has_default &&
            !(row->real_default >= row->real_min && row->real_default <= row->real_max))
            return error_set(error, ESP_ERROR_DATA,
                             "its default %g does not lie in its range, %g to %g",
                             row->real_default, row->real_min, row->real_max);
        return ESP_OK;
    }
    if (row->int_min > row->int_max)
        return error_set(error, ESP_ERROR_DATA, "its range is none: %lld to %lld",
                         (long long)row->int_min, (long long)row->int_max);
    if (log && (row->type != ESP_PARAM_TYPE_INT || row->int_min <= 0))
        return error_set(error, ESP_ERROR_DATA,
                         "its scale is logarithmic, and its range begins at %lld",
                         (long long)row->int_min);
    if (has_default && row->type != ESP_PARAM_TYPE_INTS &&
        (row->int_default < row->int_min || row->int_default > row->int_max))
        return error_set(
            error, ESP_ERROR_DATA, "its default %lld does not lie in its range, %lld to %lld",
            (long long)row->int_default, (long long)row->int_min, (long long)row->int_max);
    return ESP_OK;
}

// Of a row whose name is valid.
static esp_status check_row(const esp_param *row, struct error *error)
{
    bool has_default = row->flags & ESP_PARAM_HAS_DEFAULT;
    esp_status status = ESP_OK;
    if (strcmp(row->name, "plugin") == 0)
        return error_set(error, ESP_ERROR_DATA, "the name is the host's own key");
    if (has_default == ((row->flags & ESP_PARAM_REQUIRED) != 0))
        return error_set(error, ESP_ERROR_DATA,
                         "expected either a default or ESP_PARAM_REQUIRED (the macros set them)");
    if (!valid_words(row->help) || !valid_words(row->unit) || !valid_words(row->text_default))
        return error_set(error, ESP_ERROR_DATA, "its help, unit or default is no printable UTF-8");
    switch (row->type) {
    case ESP_PARAM_TYPE_INT:
    case ESP_PARAM_TYPE_REAL:
    case ESP_PARAM_TYPE_BOOL:
        return check_range(row, has_default, error);
    case ESP_PARAM_TYPE_TEXT:
    case ESP_PARAM_TYPE_PATH:
        break;
    case ESP_PARAM_TYPE_INTS:
        status = check_range(row, has_default, error);
        break;
    case ESP_PARAM_TYPE_CHOICE:
    case ESP_PARAM_TYPE_NAMES:
        status = check_choices(row, error);
        break;
    default:
        return error_set(error, ESP_ERROR_DATA, "its type %u is none", row->type);
    }
    if (status == ESP_OK && has_default && !row->text_default)
        status = error_set(error, ESP_ERROR_DATA, "its default is NULL");
    struct error words;
    error_clear(&words);
    if (status == ESP_OK && has_default && parameter_check_default(row, &words) != ESP_OK)
        status = error_set(error, ESP_ERROR_DATA, "its default is none: %s", words.message);
    return status;
}

static esp_status check_name(const struct description *description, uint64_t i, struct error *error)
{
    const esp_param *row = description_param(description, i);
    if (row->struct_size < sizeof(esp_param))
        return error_set(error, ESP_ERROR_DATA,
                         "row %llu of its parameter table has %llu bytes, expected at least %zu",
                         (unsigned long long)i, (unsigned long long)row->struct_size,
                         sizeof(esp_param));
    if (!row->name || !valid_name(row->name))
        return error_set(error, ESP_ERROR_DATA,
                         "row %llu of its parameter table has no name [a-z][a-z0-9_]*",
                         (unsigned long long)i);
    for (uint64_t j = 0; j < i; j++)
        if (strcmp(description_param(description, j)->name, row->name) == 0)
            return error_set(error, ESP_ERROR_DATA, "its parameter '%s' stands twice", row->name);
    return ESP_OK;
}

static esp_status check_params(const struct description *description, struct error *error)
{
    uint64_t count = description->param_count, stride = description->param_stride;
    if (count == 0)
        return ESP_OK;
    if (!description->params || count > MOST_PARAMS)
        return error_set(error, ESP_ERROR_DATA,
                         "its parameter table is none: %llu rows at %s, expected at most %d",
                         (unsigned long long)count, description->params ? "an address" : "NULL",
                         MOST_PARAMS);
    if (stride < sizeof(esp_param) || stride % alignof(esp_param) != 0)
        return error_set(error, ESP_ERROR_DATA,
                         "the rows of its parameter table stand %llu bytes apart, expected at "
                         "least %zu (ESP_SET_PARAMS says it)",
                         (unsigned long long)stride, sizeof(esp_param));
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        const esp_param *row = description_param(description, i);
        status = check_name(description, i, error);
        if (status == ESP_OK && (status = check_row(row, error)) != ESP_OK)
            error_prefix(error, "parameter '%s': ", row->name);
    }
    return status;
}

// ---- All of it --------------------------------------------------------------------------------

static esp_status check_type(const void *type, uint32_t kind, struct error *error)
{
    uint64_t size;
    memcpy(&size, type, sizeof size);
    if (size < least_size(kind))
        return error_set(error, ESP_ERROR_DATA,
                         "its description has %llu bytes, expected at least %llu",
                         (unsigned long long)size, (unsigned long long)least_size(kind));
    esp_status status = check_functions(type, kind, error);
    if (status != ESP_OK)
        return status;
    struct description description = description_of(type);
    if (!valid_words(description.summary) || !valid_words(description.source))
        return error_set(error, ESP_ERROR_DATA, "its summary or source is no printable UTF-8");
    status = check_params(&description, error);
    return status == ESP_OK ? check_abilities(type, kind, error) : status;
}

esp_status description_check(const void *type, uint32_t kind, const char *id, struct error *error)
{
    esp_status status = type ? check_type(type, kind, error)
                             : error_set(error, ESP_ERROR_DATA,
                                         "its note names it, and its entry does not know it");
    if (status != ESP_OK)
        error_prefix(error, "%s/%s: ", kind_name(kind), id);
    return status;
}
