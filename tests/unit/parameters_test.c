// SPDX-License-Identifier: Apache-2.0
// Typed parameters: every type at its bounds, distributions, sections laid over each other, fidelities,
// searched values; and that each value's text reads back as the same.
#include "config/parameters.h"

#include "support/leak.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *const animals[] = {"cat", "dog", "horse"};

static const esp_param table[] = {
    ESP_PARAM_INT("count", 3, 1, 10, "", "an integer"),
    ESP_PARAM_INT("free", 0, INT64_MIN, INT64_MAX, "", "any integer"),
    ESP_PARAM_INT("from", 5, -2, INT64_MAX, "", "an integer from a bound on"),
    ESP_PARAM_REAL("share", 0.25, 0, 1, "", "a real"),
    ESP_PARAM_REAL_LOG("rate", 0.1, 1e-6, 1e300, "", "a real from a bound on"),
    ESP_PARAM_BOOL("flag", 1, "a switch"),
    ESP_PARAM_TEXT("words", "some words", "a text"),
    ESP_PARAM_PATH("file", "", "a path"),
    ESP_PARAM_CHOICE("animal", "dog", animals, "one of three"),
    ESP_PARAM_INTS("sizes", "8, 16", 1, 64, "", "integers"),
    ESP_PARAM_NAMES("zoo", "cat, horse", animals, "names"),
    ESP_PARAM_REAL("signed", 0, -1, 1, "", "a real around 0"),
};

static const esp_param required_table[] = {
    ESP_PARAM_INT("count", 3, 1, 10, "", "an integer"),
    ESP_PARAM_PATH_REQUIRED("file", "what is read"),
};

static const char *const also[] = {"plugin", NULL};
static struct error error;

static struct config *parse(const char *text)
{
    struct config *config = NULL;
    error_clear(&error);
    cr_assert_eq(config_parse(&config, text, "a.ini", "/folder", &error), ESP_OK, "%s\n%s",
                 error.message, text);
    return config;
}

static esp_status resolve_lines(struct parameters *out, const char *lines, bool searchable)
{
    char text[2048];
    snprintf(text, sizeof text, "[s]\n%s\n", lines);
    struct config *config = parse(text);
    error_clear(&error);
    esp_status status = parameters_resolve(out, table, COUNT(table), sizeof table[0], config, "s",
                                           also, searchable, &error);
    config_destroy(config);
    return status;
}

static struct parameters resolve(const char *lines)
{
    struct parameters parameters;
    cr_assert_eq(resolve_lines(&parameters, lines, true), ESP_OK, "%s", error.message);
    return parameters;
}

// The key's text after reading "key = value".
static char *text_after(const char *key, const char *value)
{
    char line[256];
    snprintf(line, sizeof line, "%s = %s", key, value);
    struct parameters parameters = resolve(line);
    char *text = parameter_text(parameters_find(&parameters, key));
    parameters_destroy(&parameters);
    return text;
}

TestLeak(values, defaults_where_nothing_is_said)
{
    static const char *const texts[] = {"3",          "0", "5",   "0.25",  "0.1",        "yes",
                                        "some words", "",  "dog", "8, 16", "cat, horse", "0"};
    struct parameters parameters = resolve("plugin = x");
    cr_assert_eq(parameters.count, COUNT(table));
    for (size_t i = 0; i < COUNT(table); i++) {
        char *text = parameter_text(&parameters.items[i]);
        cr_assert_str_eq(text, texts[i]);
        cr_assert_not(parameters.items[i].given);
        cr_assert_not(parameters.items[i].searched);
        free(text);
    }
    const struct parameter *zoo = parameters_find(&parameters, "zoo");
    cr_assert_eq(zoo->count, 2);
    cr_assert_str_eq(zoo->names[1], "horse");
    cr_assert_eq(parameters_find(&parameters, "animal")->integer, 1);
    cr_assert_eq(parameters_find(&parameters, "sizes")->ints[1], 16);
    cr_assert_null(parameters_find(&parameters, "plugin"));
    parameters_destroy(&parameters);
}

// What is read, and as what it is written; and that what is written reads back as itself.
TestLeak(values, each_is_read_and_written)
{
    static const struct {
        const char *key, *value, *text;
    } cases[] = {
        {"count", "1", "1"},
        {"count", "10", "10"},
        {"count", "1e1", "10"},
        {"free", "-9223372036854775808", "-9223372036854775808"},
        {"free", "9223372036854775807", "9223372036854775807"},
        {"from", "-2", "-2"},
        {"share", "0", "0"},
        {"share", "1", "1"},
        {"share", "1e-3", "0.001"},
        {"share", "0.30000000000000004", "0.30000000000000004"},
        {"rate", "1e-6", "1e-06"},
        {"rate", "1e300", "1e+300"},
        {"flag", "off", "no"},
        {"flag", "True", "yes"},
        {"words", "", ""},
        {"words", "log book (red)", "log book (red)"},
        {"file", "", ""},
        {"file", "/etc/none", "/etc/none"},
        {"file", "sub/none", "/folder/sub/none"},
        {"file", "./a//b/../.c/./", "/folder/a/b/../.c"},
        {"file", "/etc/../etc/none", "/etc/../etc/none"},
        {"file", "../etc/passwd", "/folder/../etc/passwd"},
        {"file", ".", "/folder"},
        {"animal", "horse", "horse"},
        {"sizes", "", ""},
        {"sizes", "64,1 , 8", "64, 1, 8"},
        {"zoo", "", ""},
        {"zoo", "horse,cat,dog", "horse, cat, dog"},
        {"count", "int(1, 10)", "int(1, 10)"},
        {"count", "int_log(1, 1e1)", "int_log(1, 10)"},
        {"count", "uniform(2,3)", "int(2, 3)"},
        {"count", "log(1, 4)", "int_log(1, 4)"},
        {"count", "one_of(8, 2, 1e1)", "one_of(8, 2, 10)"},
        {"share", "uniform(0, 1)", "uniform(0, 1)"},
        {"share", "log ( 1e-4 , 0.1 )", "log(0.0001, 0.1)"},
        {"share", "one_of(0.5)", "one_of(0.5)"},
        {"signed", "uniform(-1, 1)", "uniform(-1, 1)"},
        {"flag", "one_of(true, off)", "one_of(yes, no)"},
        {"words", "one_of(one two, three)", "one_of(one two, three)"},
        {"file", "one_of(a, /b)", "one_of(/folder/a, /b)"},
        {"animal", "one_of(dog, cat)", "one_of(dog, cat)"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = text_after(cases[i].key, cases[i].value);
        cr_assert_str_eq(text, cases[i].text, "%s = %s became %s", cases[i].key, cases[i].value,
                         text);
        char *again = text_after(cases[i].key, text);
        cr_assert_str_eq(again, text);
        free(text);
        free(again);
    }
}

Test(values, each_bad_one_is_refused_in_these_words)
{
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"count = 0", "count: expected a whole number from 1 to 10, got '0'"},
        {"count = 11", "count: expected a whole number from 1 to 10, got '11'"},
        {"count = 1.5", "count: expected a whole number from 1 to 10, got '1.5'"},
        {"count =", "count: expected a whole number from 1 to 10, got ''"},
        {"free = 9223372036854775808", "free: expected a whole number, got '9223372036854775808'"},
        {"from = -3", "from: expected a whole number from -2 on, got '-3'"},
        {"share = 1.0000001", "share: expected a number from 0 to 1, got '1.0000001'"},
        {"share = -1e-9", "share: expected a number from 0 to 1, got '-1e-9'"},
        {"share = nan", "share: expected a number from 0 to 1, got 'nan'"},
        {"rate = inf", "rate: expected a number from 1e-06 on, got 'inf'"},
        {"rate = 0", "rate: expected a number from 1e-06 on, got '0'"},
        {"flag = 2", "flag: expected yes or no, got '2'"},
        {"animal = hores", "animal: there is no 'hores'; did you mean 'horse'? (expected one of "
                           "cat, dog, horse)"},
        {"animal = elephant", "animal: expected one of cat, dog, horse, got 'elephant'"},
        {"animal = Dog", "animal: there is no 'Dog'; did you mean 'dog'?"},
        {"sizes = 8, 65", "sizes: expected a whole number from 1 to 64, got '65'"},
        {"sizes = 8,,16", "sizes: expected a whole number from 1 to 64, got ''"},
        {"zoo = cat, cat", "zoo: 'cat' stands twice"},
        {"zoo = cat, dgo", "zoo: there is no 'dgo'; did you mean 'dog'?"},
        {"zoo = cat,", "zoo: expected one of cat, dog, horse, got ''"},
        // Distributions.
        {"count = int(1, 11)", "count: expected int(least, largest) of whole numbers from 1 to 10"},
        {"count = int(0, 10)", "count: expected int(least, largest) of whole numbers from 1 to 10"},
        {"count = int(5, 4)", "count: expected int(least, largest)"},
        {"count = int(5)", "count: expected int(least, largest)"},
        {"count = int()", "count: expected int(least, largest)"},
        {"count = int(1, 2, 3)", "count: expected int(least, largest)"},
        {"count = int(1, 2.5)", "count: expected int(least, largest)"},
        {"free = int_log(0, 5)",
         "free: expected int_log(least, largest) of whole numbers, at least 1"},
        {"signed = log(0, 1)",
         "signed: expected log(least, largest) of numbers from -1 to 1, above 0"},
        {"share = uniform(0, 1.5)",
         "share: expected uniform(least, largest) of numbers from 0 to 1"},
        {"share = uniform(-0.5, 1)", "share: expected uniform(least, largest) of numbers from 0"},
        {"share = uniform(1, 0.5)", "share: expected uniform(least, largest) of numbers from 0"},
        {"share = uniform(nan, 1)", "share: expected uniform(least, largest) of numbers from 0"},
        {"rate = log(1, inf)", "rate: expected log(least, largest) of numbers from 1e-06 on"},
        {"share = int(0, 1)",
         "share: int(...) does not suit it: it is a real; uniform(...) or log(...) do"},
        {"animal = uniform(0, 1)",
         "animal: uniform(...) does not suit it: it is no number; one_of(...) does"},
        {"zoo = int(0, 1)", "zoo: int(...) does not suit it: it is no number, and a list cannot"},
        {"zoo = one_of(cat, dog)", "zoo: a list cannot be searched"},
        {"sizes = one_of(8, 16)", "sizes: a list cannot be searched"},
        {"animal = one_of(dog, cta)", "animal: there is no 'cta'; did you mean 'cat'?"},
        {"animal = one_of(dog, dog)", "animal: one_of: 'dog' stands twice"},
        {"count = one_of(10, 1e1)", "count: one_of: '1e1' stands twice"},
        {"flag = one_of(yes, on)", "flag: one_of: 'on' stands twice"},
        {"count = one_of()", "count: one_of: a value is missing"},
        {"words = one_of(a,,b)", "words: a value is missing"},
        {"count = one_of(1, 11)", "count: expected a whole number from 1 to 10, got '11'"},
        {"share = lgo(0.1, 1)", "share: expected a number from 0 to 1, got 'lgo(0.1, 1)'; "
                                "distributions are log(a, b)"},
        {"share = log(0.1, 1", "share: expected a number from 0 to 1, got 'log(0.1, 1'; "
                               "distributions are log(a, b)"},
        // Keys.
        {"cuont = 3", "cuont: there is no such key; did you mean 'count'?"},
        {"plugins = 3", "plugins: there is no such key; did you mean 'plugin'?"},
        {"xylophone = 3", "xylophone: there is no such key; there are: count, free, from, share, "
                          "rate, flag, words, file, animal, sizes, zoo, signed, plugin"},
        {"include = b.ini", "include: there is no such key; an include stands before the first"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct parameters parameters;
        char expected[512];
        snprintf(expected, sizeof expected, "a.ini:2: [s] %s", cases[i].message);
        cr_assert_eq(resolve_lines(&parameters, cases[i].line, true), ESP_ERROR_INVALID, "%s",
                     cases[i].line);
        cr_assert(strncmp(error.message, expected, strlen(expected)) == 0,
                  "\n%s\ngave     %s\nexpected %s", cases[i].line, error.message, expected);
        cr_assert_eq(SUPPORT_LEAKED(), 0, "%s", cases[i].line);
    }
}

TestLeak(values, what_must_be_said_is_missed_where_its_section_stands)
{
    struct config *config = parse("\n[s]\nplugin = x\n");
    struct parameters parameters;
    cr_assert_eq(parameters_resolve(&parameters, required_table, 2, sizeof(esp_param), config, "s",
                                    also, true, &error),
                 ESP_ERROR_INVALID);
    cr_assert_str_eq(error.message, "a.ini:2: [s]: file must be said: what is read");
    error_clear(&error);
    cr_assert_eq(parameters_resolve(&parameters, required_table, 2, sizeof(esp_param), config, "t",
                                    also, true, &error),
                 ESP_ERROR_INVALID);
    cr_assert_str_eq(error.message, "a.ini: [t]: file must be said: what is read");
    config_destroy(config);
}

TestLeak(values, a_section_that_is_not_searched_takes_no_distribution)
{
    struct parameters parameters;
    cr_assert_eq(resolve_lines(&parameters, "count = int(1, 2)", false), ESP_ERROR_INVALID);
    cr_assert_str_eq(error.message, "a.ini:2: [s] count: it cannot be searched: expected a value, "
                                    "got 'int(1, 2)'");
    cr_assert_eq(resolve_lines(&parameters, "animal = cat", false), ESP_OK);
    parameters_destroy(&parameters);
}

// ---- Domains ----------------------------------------------------------------------------------

TestLeak(domains, each_distribution_has_its_own)
{
    struct parameters parameters =
        resolve("count = int_log(2, 8)\nshare = uniform(0.1, 0.9)\nrate = log(1e-3, 1)\n"
                "animal = one_of(dog, cat)\nfrom = one_of(1, 3, 9)\nsigned = one_of(1, -1)");
    const esp_domain *domain = &parameters_find(&parameters, "count")->domain;
    cr_assert_eq(domain->struct_size, sizeof *domain);
    cr_assert_eq(domain->kind, ESP_DECISION_INT);
    cr_assert_eq(domain->flags, ESP_DOMAIN_LOG);
    cr_assert(domain->int_min == 2 && domain->int_max == 8);
    domain = &parameters_find(&parameters, "share")->domain;
    cr_assert_eq(domain->kind, ESP_DECISION_REAL);
    cr_assert_eq(domain->flags, 0);
    cr_assert(domain->real_min == 0.1 && domain->real_max == 0.9);
    cr_assert_eq(parameters_find(&parameters, "rate")->domain.flags, ESP_DOMAIN_LOG);
    domain = &parameters_find(&parameters, "animal")->domain;
    cr_assert_eq(domain->kind, ESP_DECISION_ONE);
    cr_assert_eq(domain->count, 2);
    cr_assert_str_eq(domain->names[0], "dog");
    // Numbers that ascend have an order, others have not.
    cr_assert_eq(domain->flags, 0);
    cr_assert_eq(parameters_find(&parameters, "from")->domain.flags, ESP_DOMAIN_ORDERED);
    cr_assert_eq(parameters_find(&parameters, "signed")->domain.flags, 0);
    // Until a value is set, the default holds.
    cr_assert(parameters_find(&parameters, "count")->searched);
    cr_assert_eq(parameters_find(&parameters, "count")->integer, 3);
    parameters_destroy(&parameters);
}

TestLeak(domains, a_value_of_it_is_set_once_and_no_other)
{
    struct parameters parameters =
        resolve("count = int(2, 8)\nshare = uniform(0.1, 0.9)\nanimal = one_of(horse, cat)\n"
                "flag = one_of(no, yes)\nrate = one_of(1, 2e-3)");
    struct parameter *count = parameters_find(&parameters, "count");
    error_clear(&error);
    cr_assert_eq(parameters_set_value(count, esp_value_int(9), &error), ESP_ERROR_MISUSE);
    error_clear(&error);
    cr_assert_eq(parameters_set_value(count, esp_value_real(3), &error), ESP_ERROR_MISUSE);
    cr_assert(count->searched);
    error_clear(&error);
    cr_assert_eq(parameters_set_value(count, esp_value_int(8), &error), ESP_OK);
    cr_assert(count->integer == 8 && !count->searched);
    cr_assert_eq(parameters_set_value(count, esp_value_int(7), &error), ESP_ERROR_MISUSE);

    struct parameter *animal = parameters_find(&parameters, "animal");
    error_clear(&error);
    cr_assert_eq(parameters_set_value(animal, esp_value_one(2), &error), ESP_ERROR_MISUSE);
    error_clear(&error);
    cr_assert_eq(parameters_set_value(animal, esp_value_one(0), &error), ESP_OK);
    cr_assert_str_eq(animal->text, "horse");
    cr_assert_eq(animal->integer, 2, "the index among the row's choices");
    struct parameter *flag = parameters_find(&parameters, "flag");
    cr_assert_eq(parameters_set_value(flag, esp_value_one(0), &error), ESP_OK);
    cr_assert_eq(flag->integer, 0);
    struct parameter *rate = parameters_find(&parameters, "rate");
    cr_assert_eq(parameters_set_value(rate, esp_value_one(1), &error), ESP_OK);
    cr_assert(rate->real == 2e-3);
    struct parameter *share = parameters_find(&parameters, "share");
    cr_assert_eq(parameters_set_value(share, esp_value_real(0.5), &error), ESP_OK);
    cr_assert(share->real == 0.5);
    cr_assert_eq(
        parameters_set_value(parameters_find(&parameters, "free"), esp_value_int(1), &error),
        ESP_ERROR_MISUSE);
    parameters_destroy(&parameters);
}

// ---- Fidelities -------------------------------------------------------------------------------

TestLeak(fidelities, a_number_lies_in_the_range_and_is_whole_where_the_parameter_is)
{
    static const struct {
        const char *name;
        double value;
        const char *expected; // the text, or the beginning of the message
        esp_status status;
    } cases[] = {
        {"count", 4, "4", ESP_OK},
        {"count", 2.6, "3", ESP_OK},
        {"count", 0.4, "fidelity count: expected a number from 1 to 10, got 0.4",
         ESP_ERROR_INVALID},
        {"count", 11, "fidelity count: expected a number from 1 to 10, got 11", ESP_ERROR_INVALID},
        {"count", NAN, "fidelity count: expected a number from 1 to 10, got", ESP_ERROR_INVALID},
        {"free", 0x1p63, "fidelity free: expected a number, got 9.22337e+18", ESP_ERROR_INVALID},
        {"free", -0x1p63, "-9223372036854775808", ESP_OK},
        {"free", INFINITY, "fidelity free: expected a number, got inf", ESP_ERROR_INVALID},
        {"share", 0.125, "0.125", ESP_OK},
        {"share", 1.5, "fidelity share: expected a number from 0 to 1, got 1.5", ESP_ERROR_INVALID},
        {"share", NAN, "fidelity share: expected a number from 0 to 1, got", ESP_ERROR_INVALID},
        {"animal", 1, "fidelity animal: the parameter is no number", ESP_ERROR_INVALID},
        {"epochs", 1, "there is no parameter 'epochs' for a fidelity", ESP_ERROR_INVALID},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct parameters parameters = resolve("plugin = x\nshare = uniform(0, 1)");
        error_clear(&error);
        esp_status status =
            parameters_set_number(&parameters, cases[i].name, cases[i].value, &error);
        cr_assert_eq(status, cases[i].status, "%s %g: %s", cases[i].name, cases[i].value,
                     error.message);
        if (status == ESP_OK) {
            char *text = parameter_text(parameters_find(&parameters, cases[i].name));
            cr_assert_str_eq(text, cases[i].expected);
            free(text);
        } else {
            cr_assert(strncmp(error.message, cases[i].expected, strlen(cases[i].expected)) == 0,
                      "%s", error.message);
        }
        parameters_destroy(&parameters);
    }
}

// ---- Sections over each other, copies, equality -----------------------------------------------

TestLeak(sections, what_another_section_says_goes_over)
{
    struct config *config = parse("[s]\ncount = int(1, 5)\nshare = log(0.1, 1)\nzoo = dog\n"
                                  "[final]\ncount = 7\nretrain = best\n");
    static const char *const retrain[] = {"retrain", NULL};
    struct parameters parameters;
    cr_assert_eq(parameters_resolve(&parameters, table, COUNT(table), sizeof table[0], config, "s",
                                    NULL, true, &error),
                 ESP_OK);
    cr_assert_eq(parameters_override(&parameters, config, "final", retrain, false, &error), ESP_OK,
                 "%s", error.message);
    struct parameter *count = parameters_find(&parameters, "count");
    cr_assert(count->integer == 7 && !count->searched);
    cr_assert(parameters_find(&parameters, "share")->searched, "what is not said stays");
    cr_assert_str_eq(parameters_find(&parameters, "zoo")->names[0], "dog");
    cr_assert_eq(parameters_override(&parameters, config, "final", NULL, false, &error),
                 ESP_ERROR_INVALID);
    cr_assert(strstr(error.message, "a.ini:7: [final] retrain: there is no such key"), "%s",
              error.message);
    parameters_destroy(&parameters);
    config_destroy(config);
}

static const char all_types[] = "count = int(1, 5)\nshare = 0.5\nflag = no\nwords = w\nfile = /f\n"
                                "animal = one_of(dog, cat)\nsizes = 1, 2\nzoo = dog, cat\n";

TestLeak(copies, a_copy_is_equal_and_its_own)
{
    struct parameters original = resolve(all_types), copy;
    error_clear(&error);
    cr_assert_eq(parameters_copy(&copy, &original, &error), ESP_OK);
    cr_assert(parameters_equal(&copy, &original));
    struct parameter *animal = parameters_find(&copy, "animal");
    cr_assert_neq(animal->domain.names, parameters_find(&original, "animal")->domain.names);
    parameters_destroy(&original);
    cr_assert_str_eq(animal->domain.names[1], "cat");
    cr_assert_str_eq(parameters_find(&copy, "zoo")->names[1], "cat");
    cr_assert_eq(parameters_find(&copy, "sizes")->ints[1], 2);
    cr_assert_str_eq(parameters_find(&copy, "file")->text, "/f");
    parameters_destroy(&copy);
}

TestLeak(copies, one_that_differs_in_anything_is_not_equal)
{
    static const char *const others[] = {
        "count = int(1, 6)", "count = 3", "share = 0.25",   "flag = yes",
        "words = v",         "file = /g", "animal = dog",   "animal = one_of(cat, dog)",
        "sizes = 1, 3",      "sizes = 1", "zoo = cat, dog", "zoo =",
    };
    struct parameters original = resolve(all_types);
    for (size_t i = 0; i < COUNT(others); i++) {
        char text[1024];
        snprintf(text, sizeof text, "[s]\n%s[t]\n%s\n", all_types, others[i]);
        struct config *config = parse(text);
        struct parameters other;
        cr_assert_eq(parameters_copy(&other, &original, &error), ESP_OK);
        cr_assert_eq(parameters_override(&other, config, "t", NULL, true, &error), ESP_OK, "%s",
                     error.message);
        cr_assert_not(parameters_equal(&other, &original), "%s", others[i]);
        cr_assert_not(parameters_equal(&original, &other), "%s", others[i]);
        parameters_destroy(&other);
        config_destroy(config);
    }
    parameters_destroy(&original);
}
