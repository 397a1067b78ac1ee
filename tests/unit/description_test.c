// SPDX-License-Identifier: Apache-2.0
// Descriptions of plugins: sizes, words, and parameter tables with every mistake that a row can have.
// That each kind's functions are required is tested where there is a plugin (tests/abi).
#include "loader/description.h"

#include "support/leak.h"

#include <espalier/ext/space_text.h>

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <string.h>

static esp_status create(esp_create *handle, void **out)
{
    (void)handle;
    *out = NULL;
    return ESP_OK;
}

static void destroy(void *self)
{
    (void)self;
}

static esp_status build(void *self, esp_builder *b)
{
    (void)self;
    (void)b;
    return ESP_OK;
}

static esp_space_type make_space(const esp_param *params, uint64_t count)
{
    return (esp_space_type){.struct_size = sizeof(esp_space_type),
                            .params = params,
                            .param_count = count,
                            .param_stride = sizeof(esp_param),
                            .create = create,
                            .destroy = destroy,
                            .build = build};
}

static const char *check(const esp_space_type *type)
{
    static struct error error;
    error_clear(&error);
    esp_status status = description_check(type, ESP_KIND_SPACE, "x", &error);
    cr_expect_eq(status, error.status);
    cr_expect(status == ESP_OK || status == ESP_ERROR_DATA, "%u", status);
    return status == ESP_OK ? "(sound)" : error.message;
}

Test(description, sizes_and_words)
{
    esp_space_type type = make_space(NULL, 0);
    cr_expect_str_eq(check(&type), "(sound)", "what is zero is left out");
    type.struct_size += 64;
    cr_expect_str_eq(check(&type), "(sound)", "members of a later minor");
    char words[256];
    snprintf(words, sizeof words, "space/x: its description has %zu bytes, expected at least %zu",
             sizeof(esp_space_type) - 8, sizeof(esp_space_type));
    type.struct_size = sizeof type - 8;
    cr_expect_str_eq(check(&type), words);
    type.struct_size = 0;
    cr_expect(strstr(check(&type), "has 0 bytes"));
    cr_expect_str_eq(check(NULL), "space/x: its note names it, and its entry does not know it");
    type = make_space(NULL, 0);
    type.build = NULL;
    cr_expect_str_eq(check(&type), "space/x: it lacks the required function 'build'");
    type.build = build;
    type.summary = "red \33[31m";
    cr_expect_str_eq(check(&type), "space/x: its summary or source is no printable UTF-8");
    type.summary = "Gr\xc3\xbc\xc3\x9f"
                   "e";
    cr_expect_str_eq(check(&type), "(sound)");
    type.source = "\xfc";
    cr_expect_str_eq(check(&type), "space/x: its summary or source is no printable UTF-8");
}

// ---- Abilities --------------------------------------------------------------------------------

static esp_space_text text_ability;

static const void *ability(const char *id)
{
    return strcmp(id, ESP_SPACE_TEXT) == 0 ? &text_ability : NULL;
}

static esp_status parse(void *self, esp_text_reader *reader, const char *text)
{
    (void)self;
    return esp_text_set_name(reader, "op", text);
}

static esp_status print(void *self, const esp_arch *arch, esp_text_writer *writer)
{
    (void)self;
    (void)arch;
    return esp_text_write(writer, "", 0);
}

Test(description, abilities)
{
    esp_space_type type = make_space(NULL, 0);
    type.ability = ability;
    text_ability = (esp_space_text){sizeof text_ability, NULL, parse, print};
    cr_expect_str_eq(check(&type), "(sound)");
    text_ability.print = NULL;
    cr_expect_str_eq(check(&type),
                     "space/x: its ability esp.space.text/1 lacks a required function");
    text_ability.struct_size = 16;
    cr_expect(strstr(check(&type), "its ability esp.space.text/1 has 16 bytes, expected at least"));
}

static const char *const letters[] = {"a", "b", "c"};

// Every type at its edges.
Test(description, sound_parameters)
{
    static const esp_param rows[] = {
        ESP_PARAM_INT("int", INT64_MAX, INT64_MIN, INT64_MAX, "", ""),
        ESP_PARAM_INT("one_value", 4, 4, 4, "", NULL),
        ESP_PARAM_INT_LOG("int_log", 1, 1, 4096, NULL, ""),
        ESP_PARAM_REAL("real", -DBL_MAX, -DBL_MAX, DBL_MAX, "", ""),
        ESP_PARAM_REAL_LOG("real_log", DBL_MIN, DBL_MIN, 1, "", ""),
        ESP_PARAM_BOOL("yes", 1, ""),
        ESP_PARAM_BOOL("no", 0, ""),
        ESP_PARAM_TEXT("text", "", ""),
        ESP_PARAM_PATH("path", "", ""),
        ESP_PARAM_PATH_REQUIRED("required", ""),
        ESP_PARAM_CHOICE("choice", "c", letters, ""),
        ESP_PARAM_INTS("ints", "", 1, 9, "", ""),
        ESP_PARAM_INTS("more_ints", " 1, 9,1 ", 1, 9, "", ""),
        ESP_PARAM_NAMES("names", "", letters, ""),
        ESP_PARAM_NAMES("more_names", "c, a", letters, ""),
        ESP_PARAM_INT("a_name_with_9_digits_123456789", 0, 0, 0, "", ""),
    };
    esp_space_type type = make_space(rows, ESP_COUNT(rows));
    cr_expect_str_eq(check(&type), "(sound)");
}

#define ROW(type, flags, id, il, ih, rd, rl, rh, text, choices, count)                             \
    ESP_PARAM_ROW_("p", "", "", type, flags, id, il, ih, rd, rl, rh, text, choices, count)
#define WITH_DEFAULT ESP_PARAM_HAS_DEFAULT

static const char *const with_hole[] = {"a", NULL};
static const char *const with_comma[] = {"a", "b,c"};
static const char *const with_empty[] = {"a", ""};
static const char *const with_twin[] = {"a", "b", "a"};
static const char *const with_escape[] = {"a\33"};

static const struct {
    esp_param row;
    const char *words;
} mistakes[] = {
    {ESP_PARAM_INT(NULL, 1, 0, 9, "", ""),
     "row 1 of its parameter table has no name [a-z][a-z0-9_]*"},
    {ESP_PARAM_INT("", 1, 0, 9, "", ""), "row 1 of its parameter table has no name"},
    {ESP_PARAM_INT("Depth", 1, 0, 9, "", ""), "row 1 of its parameter table has no name"},
    {ESP_PARAM_INT("2d", 1, 0, 9, "", ""), "row 1 of its parameter table has no name"},
    {ESP_PARAM_INT("a-b", 1, 0, 9, "", ""), "row 1 of its parameter table has no name"},
    {ESP_PARAM_INT("first", 1, 0, 9, "", ""), "its parameter 'first' stands twice"},
    {ESP_PARAM_INT("plugin", 1, 0, 9, "", ""),
     "parameter 'plugin': the name is the host's own key"},
    {ESP_PARAM_INT("p", 10, 0, 9, "", ""),
     "parameter 'p': its default 10 does not lie in its range, 0 to 9"},
    {ESP_PARAM_INT("p", -1, 0, 9, "", ""), "its default -1 does not lie in its range"},
    {ESP_PARAM_INT("p", 5, 9, 0, "", ""), "its range is none: 9 to 0"},
    {ESP_PARAM_INT_LOG("p", 5, 0, 9, "", ""), "is logarithmic, and its range begins at 0"},
    {ESP_PARAM_REAL("p", 1.5, 0, 1, "", ""), "its default 1.5 does not lie in its range, 0 to 1"},
    {ESP_PARAM_REAL("p", NAN, 0, 1, "", ""), "its default nan does not lie in its range"},
    {ESP_PARAM_REAL("p", 1, 0, INFINITY, "", ""), "its range is none: 0 to inf"},
    {ESP_PARAM_REAL("p", 1, NAN, 2, "", ""), "its range is none: nan to 2"},
    {ESP_PARAM_REAL("p", 1, 2, 0, "", ""), "its range is none: 2 to 0"},
    {ESP_PARAM_REAL_LOG("p", 1, 0, 2, "", ""), "is logarithmic, and its range begins at 0"},
    {ESP_PARAM_BOOL("p", 2, ""), "its default 2 does not lie in its range, 0 to 1"},
    {ESP_PARAM_TEXT("p", NULL, ""), "its default is NULL"},
    {ESP_PARAM_TEXT("p", "\33", ""), "its help, unit or default is no printable UTF-8"},
    {ESP_PARAM_TEXT("p", "", "\xff"), "its help, unit or default is no printable UTF-8"},
    {ESP_PARAM_INT("p", 1, 0, 9, "\n", ""), "its help, unit or default is no printable UTF-8"},
    {ESP_PARAM_CHOICE("p", "delta", letters, ""), "its default is none: expected one of a, b, c"},
    {ESP_PARAM_CHOICE("p", NULL, letters, ""), "its default is NULL"},
    {ESP_PARAM_CHOICE("p", "a", with_hole, ""), "its choice 1 is none"},
    {ESP_PARAM_CHOICE("p", "a", with_comma, ""), "its choice 1 is none"},
    {ESP_PARAM_CHOICE("p", "a", with_empty, ""), "its choice 1 is none"},
    {ESP_PARAM_CHOICE("p", "a", with_escape, ""), "its choice 0 is none"},
    {ESP_PARAM_CHOICE("p", "a", with_twin, ""), "its choice 'a' stands twice"},
    {ROW(ESP_PARAM_TYPE_CHOICE, WITH_DEFAULT, 0, 0, 0, 0, 0, 0, "a", NULL, 1), "it has no choices"},
    {ROW(ESP_PARAM_TYPE_NAMES, WITH_DEFAULT, 0, 0, 0, 0, 0, 0, "a", letters, 0),
     "it has no choices"},
    {ESP_PARAM_NAMES("p", "a, delta", letters, ""), "its default is none: expected one of a, b, c"},
    {ESP_PARAM_NAMES("p", "a, b, a", letters, ""), "its default is none: 'a' stands twice"},
    {ESP_PARAM_INTS("p", "1, 10", 0, 9, "", ""), "its default is none: expected a whole number"},
    {ESP_PARAM_INTS("p", "1, x", 0, 9, "", ""), "its default is none: expected a whole number"},
    {ESP_PARAM_INTS("p", "", 9, 0, "", ""), "its range is none: 9 to 0"},
    {ROW(ESP_PARAM_TYPE_INTS, WITH_DEFAULT | ESP_PARAM_LOG, 0, 1, 9, 0, 0, 0, "1", NULL, 0),
     "is logarithmic"},
    {ROW(0, WITH_DEFAULT, 0, 0, 0, 0, 0, 0, NULL, NULL, 0), "its type 0 is none"},
    {ROW(9, WITH_DEFAULT, 0, 0, 0, 0, 0, 0, NULL, NULL, 0), "its type 9 is none"},
    {ROW(ESP_PARAM_TYPE_INT, 0, 0, 0, 9, 0, 0, 0, NULL, NULL, 0),
     "expected either a default or ESP_PARAM_REQUIRED"},
    {ROW(ESP_PARAM_TYPE_INT, WITH_DEFAULT | ESP_PARAM_REQUIRED, 0, 0, 9, 0, 0, 0, NULL, NULL, 0),
     "expected either a default or ESP_PARAM_REQUIRED"},
};

// The mistake stands in the second row.
TestLeak(description, each_mistake_of_a_row)
{
    for (size_t i = 0; i < ESP_COUNT(mistakes); i++) {
        esp_param rows[2] = {ESP_PARAM_INT("first", 0, 0, 9, "", ""), mistakes[i].row};
        esp_space_type type = make_space(rows, 2);
        const char *words = check(&type);
        cr_expect(strstr(words, mistakes[i].words), "row %zu: '%s' is not in '%s'", i,
                  mistakes[i].words, words);
        cr_expect(strcmp(words, "(sound)") == 0 || strncmp(words, "space/x: ", 9) == 0, "%s",
                  words);
    }
}

Test(description, tables)
{
    esp_param rows[2] = {ESP_PARAM_INT("first", 0, 0, 9, "", ""),
                         ESP_PARAM_INT("second", 0, 0, 9, "", "")};
    esp_space_type type = make_space(NULL, 2);
    cr_expect(strstr(check(&type), "its parameter table is none: 2 rows at NULL"));
    type = make_space(rows, 257);
    cr_expect(strstr(check(&type), "257 rows at an address, expected at most 256"));
    type = make_space(rows, 2);
    type.param_stride = sizeof(esp_param) - 8;
    cr_expect(strstr(check(&type), "expected at least"), "%s", check(&type));
    type.param_stride = sizeof(esp_param) + 4;
    cr_expect(strstr(check(&type), "bytes apart"), "a row that is not aligned");
    type.param_stride = 0;
    cr_expect(strstr(check(&type), "stand 0 bytes apart"));
    type.param_stride = sizeof(esp_param);
    rows[1].struct_size = 16;
    cr_expect(strstr(check(&type), "row 1 of its parameter table has 16 bytes"));
    type.param_count = 0;
    type.params = NULL;
    type.param_stride = 0;
    cr_expect_str_eq(check(&type), "(sound)", "no table is no mistake");
}

// Rows of a later minor are longer; the stride leads to the next.
Test(description, rows_that_are_longer)
{
    struct longer {
        esp_param row;
        uint64_t more;
    } rows[2] = {{ESP_PARAM_INT("first", 0, 0, 9, "", ""), 7},
                 {ESP_PARAM_INT("second", 10, 0, 9, "", ""), 7}};
    esp_space_type type = make_space(&rows[0].row, 2);
    type.param_stride = sizeof rows[0];
    rows[0].row.struct_size = rows[1].row.struct_size = sizeof rows[0];
    cr_expect(strstr(check(&type), "parameter 'second': its default 10"), "%s", check(&type));
    rows[1].row.int_default = 9;
    cr_expect_str_eq(check(&type), "(sound)");
    struct description description = description_of(&type);
    cr_expect_str_eq(description_param(&description, 1)->name, "second");
}
