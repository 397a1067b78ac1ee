// SPDX-License-Identifier: Apache-2.0
// Parameters in words: ranges, defaults, and the Markdown of a component and of the whole page. That
// docs/configuration.md is the page as it is printed is tested by the test docs_configuration.
#include "config/document.h"
#include "config/sections.h"

#include "support/leak.h"

#include <criterion/criterion.h>
#include <espalier/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const char *const colours[] = {"red", "green"};

TestLeak(document, ranges_and_defaults_in_words)
{
    static const struct {
        esp_param row;
        const char *type, *range, *standard;
    } cases[] = {
        {ESP_PARAM_INT("x", 3, 1, 10, "", ""), "integer", "1 to 10", "3"},
        {ESP_PARAM_INT("x", 3, -1, INT64_MAX, "", ""), "integer", "-1 or more", "3"},
        {ESP_PARAM_INT("x", -3, INT64_MIN, 0, "", ""), "integer", "0 or less", "-3"},
        {ESP_PARAM_INT("x", 0, INT64_MIN, INT64_MAX, "", ""), "integer", "any", "0"},
        {ESP_PARAM_REAL("x", 1e-4, 0, 0.9, "", ""), "real", "0 to 0.9", "0.0001"},
        {ESP_PARAM_REAL_LOG("x", 0.1, 1e-9, 1e300, "", ""), "real", "1e-09 or more", "0.1"},
        {ESP_PARAM_REAL("x", 0, -1e300, 1e300, "", ""), "real", "any", "0"},
        {ESP_PARAM_BOOL("x", 1, ""), "yes or no", "yes, no", "yes"},
        {ESP_PARAM_TEXT("x", "words", ""), "text", "", "words"},
        {ESP_PARAM_PATH("x", "/a", ""), "path", "", "/a"},
        {ESP_PARAM_PATH_REQUIRED("x", ""), "path", "", NULL},
        {ESP_PARAM_CHOICE("x", "red", colours, ""), "choice", "red, green", "red"},
        {ESP_PARAM_INTS("x", "1, 2", 1, 4, "", ""), "integers", "a list of 1 to 4", "1, 2"},
        {ESP_PARAM_NAMES("x", "green", colours, ""), "names", "a list of red, green", "green"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *range = param_range_text(&cases[i].row),
             *standard = param_default_text(&cases[i].row);
        cr_assert_str_eq(param_type_name(cases[i].row.type), cases[i].type);
        cr_assert_str_eq(range, cases[i].range);
        cr_assert_eq(standard != NULL, cases[i].standard != NULL, "case %d", (int)i);
        if (standard)
            cr_assert_str_eq(standard, cases[i].standard);
        free(range);
        free(standard);
    }
}

static struct registry *open_registry(void)
{
    struct registry *registry = NULL;
    struct error error;
    error_clear(&error);
    cr_assert_eq(registry_create(&registry, getenv("ESPALIER_TEST_PLUGINS"), &error), ESP_OK);
    return registry;
}

TestLeak(document, a_component_is_a_table)
{
    struct registry *registry = open_registry();
    struct error error;
    const struct component *space, *estimator, *engine;
    error_clear(&error);
    cr_assert_eq(registry_find(&space, registry, ESP_KIND_SPACE, "typed", &error), ESP_OK, "%s",
                 error.message);
    cr_assert_eq(registry_find(&estimator, registry, ESP_KIND_ESTIMATOR, "required", &error),
                 ESP_OK);
    cr_assert_eq(registry_find(&engine, registry, ESP_KIND_ENGINE, "a_slow_one", &error), ESP_OK);
    char *text = component_document(space);
    cr_assert_str_eq(
        text, "## space/typed\n\nparameters of every type (nobody 2026)\n\n"
              "| key | type | default | range | unit | meaning |\n|---|---|---|---|---|---|\n"
              "| `count` | integer | 3 | 1 to 10 |  | an integer |\n"
              "| `share` | real | 0.25 | 0 to 1 |  | a real |\n"
              "| `rate` | real | 0.1 | 1e-06 or more (log) | units | a real from a bound on |\n"
              "| `flag` | yes or no | yes | yes, no |  | a switch |\n"
              "| `words` | text | some words |  |  | a text, one\\|two |\n"
              "| `file` | path |  |  |  | a path |\n"
              "| `animal` | choice | dog | cat, dog, horse |  | one of three |\n"
              "| `sizes` | integers | 8, 16 | a list of 1 or more |  | integers |\n"
              "| `zoo` | names | cat, horse | a list of cat, dog, horse |  | names |\n");
    free(text);
    text = component_document(estimator);
    cr_assert(strstr(text, "| `table` | path | (required) |  |  | what is looked up |\n"), "%s",
              text);
    free(text);
    text = component_document(engine);
    cr_assert_str_eq(text, "## engine/a_slow_one\n\nan engine of rank 1\n\nNo parameters.\n");
    free(text);
    registry_destroy(registry);
}

// Every section in its order, every key of the host's, the plugins of a kind by their ids.
TestLeak(document, the_page_has_every_section_key_and_plugin)
{
    struct registry *registry = open_registry();
    char *page = configuration_document(registry), wanted[128];
    const char *after = page;
    for (int i = 0; i < SECTION_COUNT; i++) {
        snprintf(wanted, sizeof wanted, "\n## [%s]\n", sections[i].name);
        after = strstr(after, wanted);
        cr_assert(after, "%s", wanted);
        for (uint64_t j = 0; j < sections[i].count; j++) {
            snprintf(wanted, sizeof wanted, "\n| `%s` | ", sections[i].table[j].name);
            after = strstr(after, wanted);
            cr_assert(after, "%s", wanted);
        }
    }
    static const char *const engines[] = {"## [engine]", "### plugin = a_slow_one\n",
                                          "### plugin = b_fast_one\n", "### plugin = c_slow_one\n",
                                          "## [executor]"};
    after = page;
    for (size_t i = 0; i < COUNT(engines); i++) {
        after = strstr(after, engines[i]);
        cr_assert(after, "%s", engines[i]);
    }
    free(page);
    registry_destroy(registry);
}
