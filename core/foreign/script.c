// SPDX-License-Identifier: Apache-2.0
// Reading calls; see script.h. They are run by script_run.c.
#include "foreign/script.h"

#include "text/caret.h"
#include "text/nearest.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Names and functions ------------------------------------------------------------------------

struct foreign_function *functions_find(const struct foreign_functions *functions,
                                        const char *symbol)
{
    for (uint64_t i = 0; i < functions->count; i++)
        if (strcmp(functions->items[i].symbol, symbol) == 0)
            return &functions->items[i];
    return NULL;
}

struct foreign_name *names_add(struct foreign_names *names, const char *name, enum value_kind kind,
                               bool given)
{
    char *copy = strdup(name);
    struct foreign_name *grown = realloc(names->items, (names->count + 1) * sizeof *grown);
    if (grown)
        names->items = grown;
    if (!copy || !grown) {
        free(copy);
        return NULL;
    }
    names->items[names->count] = (struct foreign_name){copy, kind, given, false};
    return &names->items[names->count++];
}

int64_t names_find(const struct foreign_names *names, const char *name)
{
    for (uint64_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i].name, name) == 0)
            return (int64_t)i;
    return -1;
}

void names_destroy(struct foreign_names *names)
{
    for (uint64_t i = 0; i < names->count; i++)
        free(names->items[i].name);
    free(names->items);
    memset(names, 0, sizeof *names);
}

// ---- The text of a call -------------------------------------------------------------------------

struct reading {
    const struct config_entry *entry;
    const char *text;
    size_t at;
    const struct foreign_functions *functions;
    struct foreign_names *names;
    struct error *error;
};

ESP_PRINTF(3, 4)
static esp_status refuse(const struct reading *reading, size_t at, const char *format, ...)
{
    char words[512], picture[CARET_SIZE], place[48];
    va_list list;
    va_start(list, format);
    if (vsnprintf(words, sizeof words, format, list) < 0)
        words[0] = '\0';
    va_end(list);
    text_caret(picture, place, reading->text, at);
    return config_fail(reading->error, ESP_ERROR_INVALID, reading->entry, "column %zu: %s\n%s",
                       at + 1, words, picture);
}

static char next(struct reading *reading)
{
    while (isspace((unsigned char)reading->text[reading->at]))
        reading->at++;
    return reading->text[reading->at];
}

static bool take(struct reading *reading, char c)
{
    if (next(reading) != c)
        return false;
    reading->at++;
    return true;
}

static bool take_word(struct reading *reading, char word[128])
{
    next(reading);
    const char *begin = reading->text + reading->at;
    size_t length = 0;
    while (isalnum((unsigned char)begin[length]) || begin[length] == '_')
        length++;
    if (length == 0 || length >= 128 || isdigit((unsigned char)begin[0]))
        return false;
    snprintf(word, 128, "%.*s", (int)length, begin);
    reading->at += length;
    return true;
}

static esp_status unknown(const struct reading *reading, size_t at, const char *what,
                          const char *word, const char *const *names, uint64_t count)
{
    char all[256] = "";
    size_t used = 0;
    const char *nearest = text_nearest(word, names, count);
    for (uint64_t i = 0; !nearest && i < count && used < sizeof all; i++)
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", names[i]);
    return refuse(reading, at, "there is no %s '%s'%s%s%s", what, word,
                  nearest ? "; did you mean '" : "; there are: ", nearest ? nearest : all,
                  nearest ? "'?" : "");
}

static esp_status unknown_name(const struct reading *reading, size_t at, const char *word)
{
    const char **names = calloc(reading->names->count + 1, sizeof *names);
    if (!names)
        return error_memory(reading->error);
    for (uint64_t i = 0; i < reading->names->count; i++)
        names[i] = reading->names->items[i].name;
    esp_status status = unknown(reading, at, "name", word, names, reading->names->count);
    free(names);
    return status;
}

static esp_status unknown_function(const struct reading *reading, const char *word)
{
    const char **names = calloc(reading->functions->count + 1, sizeof *names);
    if (!names)
        return error_memory(reading->error);
    for (uint64_t i = 0; i < reading->functions->count; i++)
        names[i] = reading->functions->items[i].symbol;
    esp_status status =
        unknown(reading, 0, "function in [signatures]", word, names, reading->functions->count);
    free(names);
    return status;
}

// ---- Operands -----------------------------------------------------------------------------------

static esp_status read_text(struct foreign_operand *out, struct reading *reading, size_t at)
{
    const char *begin = reading->text + reading->at, *end = strchr(begin, '"');
    if (!end)
        return refuse(reading, at, "the text has no second '\"'");
    char *copy = strndup(begin, (size_t)(end - begin));
    out->literal = (struct foreign_value){.kind = VALUE_TEXT, .as.text = copy};
    reading->at += (size_t)(end - begin) + 1;
    return copy ? ESP_OK : error_memory(reading->error);
}

static esp_status read_number(struct foreign_value *out, struct reading *reading)
{
    const char *begin = reading->text + reading->at;
    char *end, *real_end;
    long long integer = strtoll(begin, &end, 10);
    double real = strtod(begin, &real_end);
    if (real_end == begin || !isfinite(real))
        return refuse(reading, reading->at, "expected a name, &name, a number, a \"text\" or null");
    *out = end == real_end ? (struct foreign_value){.kind = VALUE_INTEGER, .as.integer = integer}
                           : (struct foreign_value){.kind = VALUE_REAL, .as.real = real};
    reading->at += (size_t)((end > real_end ? end : real_end) - begin);
    return ESP_OK;
}

// &name: the name is new, or was a result before.
static esp_status read_out(struct foreign_operand *out, struct reading *reading,
                           const struct foreign_type *type)
{
    char word[128];
    size_t at = reading->at;
    if (!take_word(reading, word))
        return refuse(reading, at, "expected a name behind '&'");
    enum value_kind kind = value_of_out(type);
    out->out = true;
    out->name = names_find(reading->names, word);
    if (out->name >= 0 && reading->names->items[out->name].given)
        return refuse(reading, at, "'%s' is given, and nothing can be put there", word);
    if (out->name < 0 && !names_add(reading->names, word, kind, false))
        return error_memory(reading->error);
    if (out->name < 0)
        out->name = (int64_t)reading->names->count - 1;
    else if (reading->names->items[out->name].kind != kind)
        return refuse(reading, at, "'%s' is %s already", word,
                      value_kind_text(reading->names->items[out->name].kind));
    return ESP_OK;
}

static esp_status read_name(struct foreign_operand *out, struct reading *reading, size_t at,
                            const char *word)
{
    if (strcmp(word, "null") == 0) {
        out->literal.kind = VALUE_NULL;
        return ESP_OK;
    }
    out->name = names_find(reading->names, word);
    if (out->name < 0)
        return unknown_name(reading, at, word);
    reading->names->items[out->name].used = true;
    return ESP_OK;
}

static esp_status read_operand(struct foreign_operand *out, struct reading *reading,
                               const struct foreign_type *type)
{
    char word[128];
    struct error reason;
    error_clear(&reason);
    *out = (struct foreign_operand){.name = -1};
    next(reading);
    size_t at = reading->at;
    esp_status status = ESP_OK;
    if (take(reading, '&'))
        status = read_out(out, reading, type);
    else if (take(reading, '"'))
        status = read_text(out, reading, at);
    else if (take_word(reading, word))
        status = read_name(out, reading, at, word);
    else
        status = read_number(&out->literal, reading);
    if (status != ESP_OK)
        return status;
    enum value_kind kind =
        out->name >= 0 ? reading->names->items[out->name].kind : out->literal.kind;
    return value_fits(kind, out->out, type, &reason) == ESP_OK
               ? ESP_OK
               : refuse(reading, at, "%s", reason.message);
}

static esp_status read_operands(struct foreign_step *out, struct reading *reading)
{
    const struct signature *signature = out->function->signature;
    uint64_t count = 0;
    size_t at = reading->at;
    if (!take(reading, '('))
        return refuse(reading, at, "expected '(' behind the function's name");
    if (!take(reading, ')')) {
        do {
            next(reading);
            at = reading->at;
            if (count == signature->count)
                return refuse(reading, at, "%s takes %llu argument%s: %s", out->function->symbol,
                              (unsigned long long)signature->count,
                              signature->count == 1 ? "" : "s", signature->text);
            esp_status status =
                read_operand(&out->operands[count], reading, &signature->arguments[count].type);
            count++;
            if (status != ESP_OK)
                return status;
        } while (take(reading, ','));
        if (!take(reading, ')'))
            return refuse(reading, reading->at, "expected ',' or ')' behind an argument");
    }
    return count == signature->count
               ? ESP_OK
               : refuse(reading, reading->at - 1, "%s takes %llu argument%s, and here %s %llu: %s",
                        out->function->symbol, (unsigned long long)signature->count,
                        signature->count == 1 ? "" : "s", count == 1 ? "is" : "are",
                        (unsigned long long)count, signature->text);
}

static esp_status read_comparison(struct foreign_step *out, struct reading *reading)
{
    static const char *const signs[] = {"", "==", "!=", "<=", ">=", "<", ">"};
    static const enum comparison comparisons[] = {
        COMPARE_NONE,     COMPARE_EQUAL, COMPARE_UNEQUAL, COMPARE_AT_MOST,
        COMPARE_AT_LEAST, COMPARE_LESS,  COMPARE_MORE};
    struct foreign_value bound;
    if (next(reading) == '\0')
        return ESP_OK;
    size_t at = reading->at;
    for (size_t i = 1; i < ESP_COUNT(signs) && out->comparison == COMPARE_NONE; i++)
        if (strncmp(reading->text + at, signs[i], strlen(signs[i])) == 0) {
            out->comparison = comparisons[i];
            reading->at += strlen(signs[i]);
        }
    if (out->comparison == COMPARE_NONE)
        return refuse(reading, at, "expected the end, or a comparison: ==, !=, <, <=, >, >=");
    enum value_kind kind = value_of_result(&out->function->signature->result);
    if (kind != VALUE_INTEGER && kind != VALUE_REAL)
        return refuse(reading, at,
                      "%s answers with no number; a handle that is null is an error "
                      "without being asked for",
                      out->function->symbol);
    next(reading);
    esp_status status = read_number(&bound, reading);
    if (status != ESP_OK)
        return status;
    out->bound = bound.kind == VALUE_REAL ? bound.as.real : (double)bound.as.integer;
    return next(reading) == '\0'
               ? ESP_OK
               : refuse(reading, reading->at, "expected nothing behind the comparison");
}

// ---- Steps --------------------------------------------------------------------------------------

// The name of the result; a void function's is a label.
static esp_status name_result(struct foreign_step *out, struct foreign_names *names,
                              const struct config_entry *entry, struct error *error)
{
    enum value_kind kind = value_of_result(&out->function->signature->result);
    out->result = names_find(names, entry->key);
    if (out->result >= 0 && names->items[out->result].given)
        return config_fail(error, ESP_ERROR_INVALID, entry,
                           "the name is given to the calls already; give the result another one");
    if (out->result >= 0 && names->items[out->result].kind != kind)
        return config_fail(error, ESP_ERROR_INVALID, entry, "the name is %s already",
                           value_kind_text(names->items[out->result].kind));
    if (out->result < 0 && !names_add(names, entry->key, kind, false))
        return error_memory(error);
    if (out->result < 0)
        out->result = (int64_t)names->count - 1;
    return ESP_OK;
}

static esp_status read_step(struct foreign_step *out, const struct config_entry *entry,
                            const struct foreign_functions *functions, struct foreign_names *names,
                            struct error *error)
{
    struct reading reading = {entry, entry->value, 0, functions, names, error};
    char word[128];
    if (!take_word(&reading, word))
        return refuse(&reading, reading.at, "expected the name of a function");
    out->function = functions_find(functions, word);
    if (!out->function)
        return unknown_function(&reading, word);
    if (asprintf(&out->place, "%s:%d: [%s] %s", entry->file, entry->line, entry->section,
                 entry->key) < 0) {
        out->place = NULL;
        return error_memory(error);
    }
    esp_status status = read_operands(out, &reading);
    if (status == ESP_OK)
        status = read_comparison(out, &reading);
    return status == ESP_OK ? name_result(out, names, entry, error) : status;
}

static struct foreign_step *add_step(struct foreign_script *script)
{
    struct foreign_step *grown =
        realloc(script->steps, (script->count + 1) * sizeof *script->steps);
    if (!grown)
        return NULL;
    script->steps = grown;
    memset(&grown[script->count], 0, sizeof *grown);
    grown[script->count].result = -1;
    return &grown[script->count++];
}

esp_status script_read(struct foreign_script *out, const struct config *config, const char *section,
                       const struct foreign_functions *functions, struct foreign_names *names,
                       struct error *error)
{
    memset(out, 0, sizeof *out);
    for (uint64_t i = 0; i < config_count(config); i++) {
        const struct config_entry *entry = config_get(config, i);
        if (strcmp(entry->section, section) != 0)
            continue;
        struct foreign_step *step = add_step(out);
        if (!step)
            return error_memory(error);
        esp_status status = read_step(step, entry, functions, names, error);
        if (status != ESP_OK)
            return status;
    }
    return ESP_OK;
}

static bool stands(const char *const *names, const char *name)
{
    for (; names && *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

// The message is without a place: the caller's to say.
esp_status script_of_function(struct foreign_script *out, const struct foreign_function *function,
                              const char *result, const char *const *outs,
                              struct foreign_names *names, struct error *error)
{
    const struct signature *signature = function->signature;
    struct foreign_step *step = add_step(out);
    if (!step)
        return error_memory(error);
    step->function = function;
    for (uint64_t i = 0; i < signature->count; i++) {
        const struct foreign_argument *argument = &signature->arguments[i];
        struct foreign_operand *operand = &step->operands[i];
        const char *name = argument->name;
        if (!name)
            return error_set(error, ESP_ERROR_INVALID,
                             "argument %llu has no name, so nothing says what it is given",
                             (unsigned long long)i + 1);
        *operand = (struct foreign_operand){.name = names_find(names, name)};
        if (operand->name < 0 && stands(outs, name)) {
            operand->out = true;
            if (!names_add(names, name, value_of_out(&argument->type), false))
                return error_memory(error);
            operand->name = (int64_t)names->count - 1;
        }
        if (operand->name < 0) {
            const char **known = calloc(names->count + 1, sizeof *known);
            for (uint64_t j = 0; known && j < names->count; j++)
                known[j] = names->items[j].name;
            const char *nearest = known ? text_nearest(name, known, names->count) : NULL;
            free(known);
            return error_set(error, ESP_ERROR_INVALID,
                             "argument '%s' is neither a parameter nor given to this role%s%s%s",
                             name, nearest ? "; did you mean '" : "", nearest ? nearest : "",
                             nearest ? "'?" : "");
        }
        names->items[operand->name].used = true;
        esp_status status =
            value_fits(names->items[operand->name].kind, operand->out, &argument->type, error);
        if (status != ESP_OK) {
            error_prefix(error, "argument '%s': ", name);
            return status;
        }
    }
    if (!result)
        return ESP_OK;
    if (!names_add(names, result, value_of_result(&signature->result), false))
        return error_memory(error);
    step->result = (int64_t)names->count - 1;
    return ESP_OK;
}

void script_destroy(struct foreign_script *script)
{
    for (uint64_t i = 0; i < script->count; i++) {
        struct foreign_step *step = &script->steps[i];
        free(step->place);
        for (uint64_t j = 0; j < FOREIGN_MOST_ARGUMENTS; j++)
            if (step->operands[j].literal.kind == VALUE_TEXT)
                free((char *)(uintptr_t)step->operands[j].literal.as.text);
    }
    free(script->steps);
    memset(script, 0, sizeof *script);
}
