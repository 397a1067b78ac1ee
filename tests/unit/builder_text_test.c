// SPDX-License-Identifier: Apache-2.0
// Architectures in words: what a parser sets becomes a member or is refused, and what is printed is
// read back.
#include "plugins/worded_space.h"
#include "support/leak.h"
#include "support/space_lab.h"

#include <math.h>
#include <string.h>
#include <xxhash.h>

static void open_worded(struct lab *lab)
{
    lab_open(lab, worded_build);
    lab->type.ability = worded_ability;
}

static esp_status parse(struct lab *lab, const char *text, struct arch **out)
{
    error_clear(&lab->error);
    return builder_parse(lab->builder, text, NULL, 0, out, &lab->error);
}

static void expect_printed(struct lab *lab, const struct arch *arch, const char *expected)
{
    const char *text = NULL;
    cr_assert_eq(builder_print(lab->builder, arch, &text, &lab->error), ESP_OK, "%s",
                 lab->error.message);
    cr_expect_str_eq(text, expected);
}

TestLeak(text, every_member_is_printed_and_read_back)
{
    struct lab lab = {0};
    open_worded(&lab);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct arch *arch = lab_sample(&lab, seed), *again = NULL;
        const char *text = NULL;
        char copy[64];
        cr_assert_eq(builder_print(lab.builder, arch, &text, &lab.error), ESP_OK, "%s",
                     lab.error.message);
        snprintf(copy, sizeof copy, "%s", text);
        cr_assert_eq(parse(&lab, copy, &again), ESP_OK, "%s: %s", copy, lab.error.message);
        cr_assert_eq(arch_hash(again), arch_hash(arch), "%s", copy);
        expect_printed(&lab, again, copy);
        arch_release(again);
        arch_release(arch);
    }
    lab_close(&lab);
}

TestLeak(text, what_is_wrong_stands_over_a_caret)
{
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"conv-pol|skip*1", "space lab: there is no operation 'pol'; the nearest is pool\n"
                            "  conv-pol|skip*1\n"
                            "       ^"},
        {"conv-pool skip*1", "there is no operation 'pool skip'"},
        {"conv-pool*1", "expected '|'\n  conv-pool*1\n           ^"},
        {"", "there is no operation ''\n  \n  ^"},
        {"conv", "expected '-'\n  conv\n      ^"},
        {"conv-pool|skip*1x",
         "expected one digit: how often the cell stands\n  conv-pool|skip*1x\n                 ^"},
        {"conv-pool|skip\n*1",
         "there is no operation 'skip?'; the nearest is skip (line 1, character 11)\n"
         "  conv-pool|skip\n            ^"},
        {"conv-pool|skip*9", "decision repeat: 9 is not an integer of 1 .. 2"},
    };
    struct lab lab = {0};
    struct arch *arch = NULL;
    open_worded(&lab);
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        cr_expect_eq(parse(&lab, rows[i].text, &arch), ESP_ERROR_INVALID);
        cr_expect(strstr(lab.error.message, rows[i].reason), "'%s' is not in\n%s", rows[i].reason,
                  lab.error.message);
    }
    lab_close(&lab);
}

// ---- Parsers of every kind ----------------------------------------------------------------------

// What the parser of a test sets; the letter of the text says what is wrong.
static esp_status parse_mixed(void *self, esp_text_reader *reader, const char *text)
{
    static const uint32_t two[] = {1, 3}, far[] = {7};
    (void)self;
    esp_text_set_int(reader, "integer", -2);
    esp_text_set_int(reader, "log_integer", 10);
    esp_text_set_real(reader, "real", *text == 'n' ? (double)NAN : 0.25);
    esp_text_set_real(reader, "log_real", 1e-3);
    esp_text_set_name(reader, "width", "3");
    esp_text_set_name(reader, "option", *text == 'u' ? "\xff" : "b");
    esp_text_set_subset(reader, "subset", two, 2);
    if (*text == 'p')
        esp_text_set_int(reader, NULL, 1);
    if (*text == 't')
        esp_text_set_int(reader, "integer", -2);
    if (*text == 'l')
        esp_text_set_int(reader, "integre", -2);
    if (*text == 'f')
        return esp_fail(reader, ESP_ERROR_INVALID, "not this one");
    if (*text == 'w')
        return ESP_ERROR_INVALID;
    if (*text == 'o') { // wrong, and goes on as if nothing were
        esp_text_wrong(reader, 99, "too short");
        esp_text_wrong(reader, 0, "a second message");
        return ESP_OK;
    }
    return esp_text_set_subset(reader, "inputs", *text == 'd' ? far : two, *text == 'd' ? 1 : 2);
}

static esp_status print_mixed(void *self, const esp_arch *arch, esp_text_writer *writer)
{
    (void)self;
    (void)arch;
    esp_text_write(writer, "a\nb", 3);
    return ESP_OK;
}

static const void *mixed_ability(const char *id)
{
    static const esp_space_text text = {sizeof text, "", parse_mixed, print_mixed};
    return strcmp(id, ESP_SPACE_TEXT) == 0 ? &text : NULL;
}

TestLeak(text, a_parser_sets_values_of_every_kind)
{
    struct lab lab = {0};
    struct drawn drawn;
    struct arch *arch = NULL;
    lab_open(&lab, build_mixed);
    lab.type.ability = mixed_ability;
    lab.self = &drawn;
    cr_assert_eq(parse(&lab, "", &arch), ESP_OK, "%s", lab.error.message);
    cr_expect_eq(drawn.integer, -2);
    cr_expect_eq(drawn.logarithmic, 10);
    cr_expect_eq(drawn.real, 0.25);
    cr_expect_eq(drawn.width, 3);
    cr_expect_eq(drawn.option, 1);
    cr_expect(drawn.subset_count == 2 && drawn.subset[0] == 1 && drawn.subset[1] == 3);
    cr_expect(drawn.input_count == 2 && drawn.inputs[1] == 3);
    const char *text = NULL;
    cr_expect_eq(builder_print(lab.builder, arch, &text, &lab.error), ESP_ERROR_MISUSE);
    cr_expect(strstr(lab.error.message, "print wrote what is no printable line"), "%s",
              lab.error.message);
    arch_release(arch);
    lab_close(&lab);
}

TestLeak(text, parsers_that_go_wrong_are_refused)
{
    static const struct {
        const char *text;
        esp_status status;
        const char *reason;
    } rows[] = {
        {"n", ESP_ERROR_MISUSE, "space lab: the parser sets real to no value"},
        {"u", ESP_ERROR_MISUSE, "the parser sets option to no value"},
        {"p", ESP_ERROR_MISUSE, "the parser sets a value without a path"},
        {"t", ESP_ERROR_INVALID, "decision integer stands twice"},
        {"l", ESP_ERROR_INVALID, "decision integre is written, but the space does not draw it"},
        {"f", ESP_ERROR_INVALID, "space lab: not this one"},
        {"w", ESP_ERROR_INVALID, "space lab: parse failed"},
        {"o", ESP_ERROR_INVALID, "space lab: too short\n  o\n   ^"},
        {"d", ESP_ERROR_INVALID, "decision inputs: [7] is not"},
    };
    struct lab lab = {0};
    struct drawn drawn;
    struct arch *arch = NULL;
    lab_open(&lab, build_mixed);
    lab.type.ability = mixed_ability;
    lab.self = &drawn;
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        cr_expect_eq(parse(&lab, rows[i].text, &arch), rows[i].status, "%s", rows[i].text);
        cr_expect(strstr(lab.error.message, rows[i].reason), "%s: %s", rows[i].text,
                  lab.error.message);
        cr_expect_null(strstr(lab.error.message, "second message"));
    }
    lab_close(&lab);
}

TestLeak(text, a_space_without_the_ability_says_so)
{
    struct lab lab = {0};
    uint64_t hash;
    const char *text = NULL;
    lab_open(&lab, build_chain);
    struct arch *arch = lab_sample(&lab, 1), *none = NULL;
    cr_expect_not(builder_has_text(lab.builder) || builder_has_canonical(lab.builder));
    cr_expect_eq(parse(&lab, "conv", &none), ESP_ERROR_UNSUPPORTED);
    cr_expect(strstr(lab.error.message, "space lab has no notation of its own"), "%s",
              lab.error.message);
    error_clear(&lab.error);
    cr_expect_eq(builder_print(lab.builder, arch, &text, &lab.error), ESP_ERROR_UNSUPPORTED);
    error_clear(&lab.error);
    cr_expect_eq(builder_canonical_hash(lab.builder, arch, &hash, &lab.error),
                 ESP_ERROR_UNSUPPORTED);
    cr_expect(strstr(lab.error.message, "no canonical form"), "%s", lab.error.message);
    arch_release(arch);
    lab_close(&lab);
}

// ---- What stands around the space ---------------------------------------------------------------

TestLeak(text, fixed_decisions_are_printed_and_may_be_parsed)
{
    struct fix fixes[] = {{"cell/second", "pool"}, {"repeat", "2"}};
    struct lab lab = {.design = {.fixes = fixes, .fix_count = 2}};
    open_worded(&lab);
    struct arch *arch = NULL;
    cr_assert_eq(parse(&lab, "conv-pool|skip*2", &arch), ESP_OK, "%s", lab.error.message);
    cr_expect_eq(esp_arch_count(arch_handle(arch)), 2, "what is fixed stands in no trace");
    expect_printed(&lab, arch, "conv-pool|skip*2");
    arch_release(arch);
    cr_expect_eq(parse(&lab, "conv-conv|skip*2", &arch), ESP_ERROR_INVALID);
    cr_expect(strstr(lab.error.message, "cell/second has the one value pool here"), "%s",
              lab.error.message);
    lab_close(&lab);
}

TestLeak(text, searched_decisions_are_given_beside_it)
{
    struct searched searched = {"@estimator/learning_rate",
                                {.struct_size = sizeof(esp_domain),
                                 .kind = ESP_DECISION_REAL,
                                 .real_min = 0.0,
                                 .real_max = 1.0}};
    struct given given[] = {{"@estimator/learning_rate", "0.5"}, {"@estimator/momentum", "1"}};
    struct lab lab = {.design = {.searched = &searched, .searched_count = 1}};
    struct arch *arch = NULL, *other = NULL;
    uint64_t hash, other_hash;
    open_worded(&lab);
    cr_expect_eq(parse(&lab, "conv-pool|skip*2", &arch), ESP_ERROR_INVALID);
    cr_expect(strstr(lab.error.message, "decision @estimator/learning_rate is not written"), "%s",
              lab.error.message);
    error_clear(&lab.error);
    cr_expect_eq(builder_parse(lab.builder, "conv-pool|skip*2", given, 2, &arch, &lab.error),
                 ESP_ERROR_INVALID);
    cr_expect(strstr(lab.error.message, "@estimator/momentum is written, but the space does not"),
              "%s", lab.error.message);
    error_clear(&lab.error);
    cr_assert_eq(builder_parse(lab.builder, "conv-pool|skip*2", given, 1, &arch, &lab.error),
                 ESP_OK, "%s", lab.error.message);
    given[0].value = "0.75";
    cr_assert_eq(builder_parse(lab.builder, "conv-pool|skip*2", given, 1, &other, &lab.error),
                 ESP_OK);
    cr_expect_eq(lab_value(arch, "@estimator/learning_rate").as.real, 0.5);
    cr_expect_neq(arch_hash(arch), arch_hash(other));
    expect_printed(&lab, arch, "conv-pool|skip*2");
    cr_assert_eq(builder_canonical_hash(lab.builder, arch, &hash, &lab.error), ESP_OK);
    cr_assert_eq(builder_canonical_hash(lab.builder, other, &other_hash, &lab.error), ESP_OK);
    cr_expect_eq(hash, other_hash, "the canonical form is of the network alone");
    given[0].value = "two";
    cr_expect_eq(builder_parse(lab.builder, "conv-pool|skip*2", given, 1, &other, &lab.error),
                 ESP_ERROR_INVALID);
    cr_expect(strstr(lab.error.message, "'two' is not a real of 0 .. 1"), "%s", lab.error.message);
    arch_release(arch);
    arch_release(other);
    lab_close(&lab);
}

// ---- Canonical ----------------------------------------------------------------------------------

struct forms {
    struct lab *lab;
    struct visits visits;
};

static esp_status visit_form(void *self, struct arch *arch)
{
    struct forms *forms = self;
    struct lab *lab = forms->lab;
    const char *text = NULL;
    uint64_t *hash = &forms->visits.hashes[forms->visits.count++];
    cr_assert_eq(builder_canonical_hash(lab->builder, arch, hash, &lab->error), ESP_OK);
    cr_assert_eq(builder_canonical(lab->builder, arch, &text, &lab->error), ESP_OK);
    cr_assert_eq(*hash, XXH3_64bits(text, strlen(text)));
    return ESP_OK;
}

TestLeak(canonical, isomorphic_members_share_it)
{
    struct lab lab = {0};
    struct forms forms = {.lab = &lab};
    uint64_t count = 0;
    open_worded(&lab);
    cr_assert_eq(builder_enumerate(lab.builder, visit_form, &forms, 0, &count, &lab.error), ESP_OK);
    cr_assert_eq(count, 54);
    cr_assert_eq(visits_distinct(&forms.visits), 36);
    lab_close(&lab);
}
