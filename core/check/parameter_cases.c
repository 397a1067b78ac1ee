// SPDX-License-Identifier: Apache-2.0
// Cases of a component's parameter table and of its create: values that the table allows are taken, or
// refused in words; nothing else reaches create.
#include "check/allocations.h"
#include "check/stage.h"

#include <stdlib.h>
#include <string.h>

#define FUZZED 100     // settings
#define FUZZED_MADE 10 // where each starts a program
#define TEXT_SIZE 512

// ---- One setting --------------------------------------------------------------------------------

// Lines "key = value" over the parameters of the stage's INI. False: the host refuses them.
static bool set_lines(struct stage *stage, const struct check *check, const char *lines,
                      struct parameters *out, struct error *error)
{
    static const char *const none[] = {NULL};
    char *text = NULL;
    struct config *config = NULL;
    error_clear(error);
    if (asprintf(&text, "[%s]\n%s", kind_name(check->kind), lines) < 0)
        check_skip(check, "out of memory");
    check_need(check, parameters_copy(out, &stage_part(stage, check)->parameters, error), error,
               "to copy its parameters");
    esp_status status = config_parse(&config, text, "check.ini", check->folder, error);
    if (status == ESP_OK)
        status = parameters_override(out, config, kind_name(check->kind), none, false, error);
    config_destroy(config);
    free(text);
    return status == ESP_OK;
}

struct attempt {
    struct stage *stage;
    const char *lines;
};

// In a process of its own: "" where create takes the setting, else its words.
static void attempt_create(const struct check *check, void *self, int descriptor)
{
    const struct attempt *attempt = self;
    struct parameters parameters = {0};
    struct instance *instance = NULL;
    struct error error;
    if (!set_lines(attempt->stage, check, attempt->lines, &parameters, &error))
        return; // the host's refusal: create saw nothing
    if (stage_create(attempt->stage, check, &parameters, &instance, &error) == ESP_OK) {
        instance_destroy(instance);
        return;
    }
    const char *words = error.message[0] ? error.message : "?";
    dprintf(descriptor, "%d %s", (int)error.status, words);
}

static void expect_survives(struct stage *stage, const struct check *check, const char *lines)
{
    struct attempt attempt = {stage, lines};
    struct check_child child = check_fork(check, attempt_create, &attempt);
    char shown[TEXT_SIZE];
    snprintf(shown, sizeof shown, "%s", lines);
    for (char *c = shown; *c; c++)
        if (*c == '\n')
            *c = c[1] ? ',' : '\0';
    if (child.signal)
        check_fail(check, "with %s create or destroy is ended by signal %d (%s)", shown,
                   child.signal, strsignal(child.signal));
    if (child.status)
        check_fail(check, "with %s create or destroy ends its process with status %d", shown,
                   child.status);
    if (child.size > 0 && memmem(child.bytes, child.size, " ?", 2) &&
        child.bytes[child.size - 1] == '?')
        check_fail(check, "with %s create fails without words", shown);
    free(child.bytes);
}

// ---- Values of a row ----------------------------------------------------------------------------

// Value `i` at the edge of a row's range, as the INI says it; false: there is none.
static bool edge_value(const esp_param *row, uint64_t i, char *text, size_t size)
{
    switch (row->type) {
    case ESP_PARAM_TYPE_INT:
    case ESP_PARAM_TYPE_INTS:
        snprintf(text, size, "%lld", (long long)(i == 0 ? row->int_min : row->int_max));
        return i < 2;
    case ESP_PARAM_TYPE_REAL:
        snprintf(text, size, "%.17g", i == 0 ? row->real_min : row->real_max);
        return i < 2;
    case ESP_PARAM_TYPE_BOOL:
        snprintf(text, size, "%s", i == 0 ? "no" : "yes");
        return i < 2;
    case ESP_PARAM_TYPE_CHOICE:
    case ESP_PARAM_TYPE_NAMES:
        if (i < row->choice_count)
            snprintf(text, size, "%s", row->choices[i]);
        return i < row->choice_count;
    case ESP_PARAM_TYPE_PATH:
        snprintf(text, size, "no/such/%s", i == 0 ? "file" : "folder/");
        return i < 2;
    default:
        snprintf(text, size, "%s", i == 0 ? "x" : "words, 1 and \xc3\xa9");
        return i < 2;
    }
}

// A value of the row's range, drawn.
static void drawn_value(const esp_param *row, esp_random *random, char *text, size_t size)
{
    uint64_t span = (uint64_t)row->int_max - (uint64_t)row->int_min;
    // Small values as often as any: those that people give.
    uint64_t most = esp_random_below(random, 2) && span > 16 ? 16 : span;
    uint64_t offset =
        most == UINT64_MAX ? esp_random_bits(random) : esp_random_below(random, most + 1);
    switch (row->type) {
    case ESP_PARAM_TYPE_INT:
    case ESP_PARAM_TYPE_INTS:
        snprintf(text, size, "%lld", (long long)((uint64_t)row->int_min + offset));
        break;
    case ESP_PARAM_TYPE_REAL: {
        double share = esp_random_real(random);
        snprintf(text, size, "%.17g", row->real_min * (1 - share) + row->real_max * share);
        break;
    }
    default:
        for (uint64_t i = esp_random_below(random, row->choice_count ? row->choice_count : 2) + 1;
             i > 0; i--)
            edge_value(row, i - 1, text, size);
    }
}

static const esp_param *row_of(const struct stage *stage, const struct check *check, uint64_t i)
{
    return stage_part(stage, check)->parameters.items[i].row;
}

static uint64_t row_count(const struct stage *stage, const struct check *check)
{
    uint64_t count = stage_part(stage, check)->parameters.count;
    if (count == 0)
        check_skip(check, "it has no parameters");
    return count;
}

// ---- Cases --------------------------------------------------------------------------------------

static void defaults_serve(struct check *check)
{
    struct stage stage;
    struct instance *first = NULL, *second = NULL;
    stage_open(&stage, check);
    check_need(check, stage_create(&stage, check, NULL, &first, &stage.error), &stage.error,
               "to create it with its defaults");
    check_need(check, stage_create(&stage, check, NULL, &second, &stage.error), &stage.error,
               "to create a second instance beside the first");
    instance_destroy(first);
    instance_destroy(second);
}

static void edges_are_taken_or_refused(struct check *check)
{
    struct stage stage;
    char value[TEXT_SIZE / 2], lines[TEXT_SIZE];
    stage_open(&stage, check);
    for (uint64_t i = 0; i < row_count(&stage, check); i++)
        for (uint64_t j = 0; edge_value(row_of(&stage, check, i), j, value, sizeof value); j++) {
            snprintf(lines, sizeof lines, "%s = %s\n", row_of(&stage, check, i)->name, value);
            expect_survives(&stage, check, lines);
        }
}

static void any_setting_is_taken_or_refused(struct check *check)
{
    struct stage stage;
    stage_open(&stage, check);
    uint64_t count = row_count(&stage, check);
    uint64_t settings = check->made ? FUZZED_MADE : FUZZED;
    for (uint64_t setting = 0; setting < settings; setting++) {
        esp_random random = esp_random_stream(check->seed, 8, setting, 0, 0);
        char lines[4 * TEXT_SIZE] = "", value[TEXT_SIZE / 2];
        size_t used = 0;
        for (uint64_t i = 0; i < count && used < sizeof lines - TEXT_SIZE; i++) {
            if (esp_random_below(&random, 2))
                continue;
            drawn_value(row_of(&stage, check, i), &random, value, sizeof value);
            used += (size_t)snprintf(lines + used, sizeof lines - used, "%s = %s\n",
                                     row_of(&stage, check, i)->name, value);
        }
        expect_survives(&stage, check, lines);
    }
}

// What the table forbids, as the INI would say it; NULL: the row takes any text.
static const char *wrong_value(const esp_param *row)
{
    static char text[64];
    switch (row->type) {
    case ESP_PARAM_TYPE_INT:
    case ESP_PARAM_TYPE_INTS:
    case ESP_PARAM_TYPE_REAL:
    case ESP_PARAM_TYPE_BOOL:
        return "one two three";
    case ESP_PARAM_TYPE_CHOICE:
    case ESP_PARAM_TYPE_NAMES:
        snprintf(text, sizeof text, "no_such_choice_%u", (unsigned)row->choice_count);
        return text;
    default:
        return NULL;
    }
}

static void wrong_values_are_refused(struct check *check)
{
    struct stage stage;
    struct parameters parameters = {0};
    struct error error;
    char lines[TEXT_SIZE];
    stage_open(&stage, check);
    for (uint64_t i = 0; i < row_count(&stage, check); i++) {
        const esp_param *row = row_of(&stage, check, i);
        if (!wrong_value(row))
            continue;
        snprintf(lines, sizeof lines, "%s = %s\n", row->name, wrong_value(row));
        if (set_lines(&stage, check, lines, &parameters, &error))
            check_fail(check, "'%s = %s' is taken for a value", row->name, wrong_value(row));
        if (!strstr(error.message, row->name))
            check_fail(check, "the refusal of '%s = %s' does not name the key: %s", row->name,
                       wrong_value(row), error.message);
        parameters_destroy(&parameters);
    }
}

// ---- Memory -------------------------------------------------------------------------------------

static void create_and_destroy(const struct check *check, void *self)
{
    struct instance *instance = NULL;
    struct error error;
    error_clear(&error);
    check_need(check, stage_create(self, check, NULL, &instance, &error), &error, "to create it");
    instance_destroy(instance);
}

static void survives_shortage(struct check *check)
{
    struct stage stage;
    stage_open(&stage, check);
    if (check->kind == ESP_KIND_STRATEGY)
        stage_search(&stage, check, 1, 0);
    allocations_survive(check, create_and_destroy, &stage, "create");
}

static void described_in_words(struct check *check)
{
    struct stage stage;
    stage_open(&stage, check);
    struct description description = component_description(stage_part(&stage, check)->component);
    if (!description.summary || !description.summary[0])
        check_warn(check, "it has no summary: `espalier list` shows nothing of it");
    for (uint64_t i = 0; i < description.param_count; i++) {
        const esp_param *row = description_param(&description, i);
        if (!row->help || !row->help[0])
            check_warn(check, "the parameter '%s' has no help", row->name);
    }
}

static const struct check_case cases[] = {
    {"parameters/defaults", "create.h 1", "its defaults serve, for two instances at once",
     CHECK_EVERY, 0, defaults_serve},
    {"parameters/edges", "param.h 2",
     "each value at the edge of a range or among the choices is taken, or refused in words",
     CHECK_EVERY, 60, edges_are_taken_or_refused},
    {"parameters/any", "param.h 2", "settings drawn from the table are taken, or refused in words",
     CHECK_EVERY, 60, any_setting_is_taken_or_refused},
    {"parameters/wrong", "param.h 3", "a value of another type is refused before create",
     CHECK_EVERY, 0, wrong_values_are_refused},
    {"parameters/memory", "create.h 2", "create and destroy bear that any allocation fails",
     CHECK_EVERY, 60, survives_shortage},
    {"parameters/words", "param.h 1", "it and each of its parameters are described", CHECK_EVERY, 0,
     described_in_words},
};

const struct check_family check_parameter_cases = {cases, ESP_COUNT(cases)};
