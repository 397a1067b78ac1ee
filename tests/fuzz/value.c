// SPDX-License-Identifier: Apache-2.0
// Values of parameters: numbers with units, distributions, lists. Law: a value in words reads as the same
// value; so does a distribution.
#include "fuzz.h"

#include "config/distribution.h"
#include "config/units.h"
#include "config/value.h"

#include <math.h>
#include <string.h>

static const char *const choices[] = {"sgd", "adamw", "rmsprop"};
static const esp_param rows[] = {
    ESP_PARAM_INT("integer", 3, -100, 1000000, "", "of a test"),
    ESP_PARAM_REAL("real", 0.5, -1e9, 1e9, "", "of a test"),
    ESP_PARAM_BOOL("flag", 0, "of a test"),
    ESP_PARAM_CHOICE("choice", "sgd", choices, "of a test"),
    ESP_PARAM_TEXT("text", "", "of a test"),
    ESP_PARAM_INTS("integers", "1, 2", 0, 1000, "", "of a test"),
    ESP_PARAM_NAMES("names", "sgd", choices, "of a test"),
};

static void check_units(const char *text)
{
    int64_t integer, again;
    double real, second;
    uint64_t bytes;
    bool flag;
    char words[REAL_TEXT_SIZE];
    if (read_int(text, &integer)) {
        snprintf(words, sizeof words, "%lld", (long long)integer);
        FUZZ_LAW(read_int(words, &again) && again == integer, "%s: %s", text, words);
    }
    if (read_real(text, &real)) {
        FUZZ_LAW(isfinite(real), "%s", text);
        write_real(words, real);
        FUZZ_LAW(read_real(words, &second) && memcmp(&real, &second, sizeof real) == 0, "%s: %s",
                 text, words);
    }
    if (read_duration(text, &real))
        FUZZ_LAW(isfinite(real) && real >= 0, "%s: %g", text, real);
    (void)read_size(text, &bytes);
    (void)read_bool(text, &flag);
}

// One parameter of the row, with no value yet.
static struct parameters one_of(const esp_param *row)
{
    struct parameters one = {calloc(1, sizeof *one.items), 1};
    if (!one.items)
        abort();
    one.items[0].row = row;
    return one;
}

static void check_parameter(const esp_param *row, const char *text)
{
    struct error error;
    struct parameters first = one_of(row), again = one_of(row);
    error_clear(&error);
    bool searched = distribution_is(text);
    esp_status status = searched ? distribution_read(first.items, text, "/", &error)
                                 : value_read(first.items, text, "/", &error);
    fuzz_refused(status, &error);
    if (status == ESP_OK) {
        char *words = searched ? distribution_text(first.items) : value_text_of(first.items);
        FUZZ_LAW(words != NULL, "%s", text);
        status = searched ? distribution_read(again.items, words, "/", &error)
                          : value_read(again.items, words, "/", &error);
        FUZZ_LAW(status == ESP_OK, "%s: %s: %s: %s", row->name, text, words, error.message);
        FUZZ_LAW(parameters_equal(&first, &again), "%s: %s: %s", row->name, text, words);
        free(words);
    }
    parameters_destroy(&first);
    parameters_destroy(&again);
}

static void run(const uint8_t *bytes, size_t size)
{
    char *text = fuzz_text(bytes, size);
    check_units(text);
    for (size_t i = 0; i < ESP_COUNT(rows); i++)
        check_parameter(&rows[i], text);
    free(text);
}

const struct fuzz_target fuzz_value = {"value", NULL, run};
