// SPDX-License-Identifier: Apache-2.0
// Values that come from outside: a strategy's callback, [fix], searched decisions, written JSON.
#include "support/leak.h"
#include "support/space_lab.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- Decide -------------------------------------------------------------------------------------

struct tokens {
    char log[1024];
    uint32_t own[4]; // indices are copied at once: they are written over by the next call
    struct lab *lab;
    bool outside, fails, nested;
};

static esp_status decide_last(void *self, const char *path, const esp_domain *domain,
                              esp_value *out)
{
    struct tokens *tokens = self;
    strcat(tokens->log, path);
    strcat(tokens->log, " ");
    if (tokens->fails)
        return ESP_ERROR;
    if (tokens->nested) {
        esp_random random = lab_stream(1);
        struct arch *arch;
        struct error error = {0};
        cr_assert_eq(builder_sample(tokens->lab->builder, &random, &arch, &error),
                     ESP_ERROR_MISUSE);
    }
    switch (domain->kind) {
    case ESP_DECISION_ONE:
        *out = esp_value_one(domain->count - !tokens->outside);
        break;
    case ESP_DECISION_INT:
        *out = esp_value_int(domain->int_max + tokens->outside);
        break;
    case ESP_DECISION_REAL:
        *out = esp_value_real(-0.0 > domain->real_min ? -0.0 : domain->real_max);
        break;
    default:
        for (uint32_t i = 0; i < domain->most; i++)
            tokens->own[i] = (uint32_t)(domain->count - domain->most) + i;
        *out = esp_value_subset(tokens->own, (uint32_t)domain->most);
        cr_assert_str_eq(domain->names[3], "d", "an input carries its source's name");
        break;
    }
    return ESP_OK;
}

TestLeak(decide, asks_for_every_decision_in_order)
{
    struct lab lab = {0};
    struct drawn drawn;
    struct tokens tokens = {.lab = &lab, .nested = true};
    struct arch *arch;
    lab_open(&lab, build_mixed);
    lab.self = &drawn;
    cr_assert_eq(builder_decide(lab.builder, decide_last, &tokens, &arch, &lab.error), ESP_OK, "%s",
                 lab.error.message);
    cr_assert_str_eq(tokens.log, "integer log_integer real log_real option width subset inputs ");
    cr_assert_eq(drawn.integer, 2);
    cr_assert_eq(drawn.width, 3);
    cr_assert_eq(lab_value(arch, "subset").count, 3);
    cr_assert_eq(lab_value(arch, "subset").as.indices[0], 1);
    cr_assert_eq(drawn.subset[0], 1);
    cr_assert_eq(lab_value(arch, "inputs").as.indices[3], 3);
    cr_assert_not(signbit(drawn.real), "-0 is 0, as it will be when it is replayed");
    lab_assert_member(&lab, arch);
    arch_release(arch);
    lab_close(&lab);
}

TestLeak(decide, refuses_values_outside_and_passes_failures_on)
{
    struct lab lab = {0};
    struct tokens outside = {.outside = true}, fails = {.fails = true};
    struct arch *arch;
    lab_open(&lab, build_chain);
    cr_assert_eq(builder_decide(lab.builder, decide_last, &outside, &arch, &lab.error),
                 ESP_ERROR_INVALID);
    cr_assert(strstr(lab.error.message, "decision depth is not an integer of 1 .. 3"), "%s",
              lab.error.message);
    error_clear(&lab.error);
    cr_assert_eq(builder_decide(lab.builder, decide_last, &fails, &arch, &lab.error), ESP_ERROR);
    cr_assert(strstr(lab.error.message, "depth"), "%s", lab.error.message);
    lab_close(&lab);
}

// ---- Fixed and searched decisions ---------------------------------------------------------------

TestLeak(fix, holds_in_every_pass_and_leaves_the_trace)
{
    struct fix fixes[] = {{"layer/*/op", "identity"},
                          {"layer/1/op", "conv"},
                          {"depth", "3"},
                          {"*/kernel", "3"},
                          {"never", "1"}};
    struct lab lab = {.design = {.fixes = fixes, .fix_count = ESP_COUNT(fixes)}};
    lab_open(&lab, build_chain);
    struct arch *arch = lab_sample(&lab, 1);
    cr_assert_eq(esp_arch_count(arch_handle(arch)), 0);
    char *text = lab_graph_text(&lab, arch);
    cr_assert(strstr(text, "layer/1/op/conv/conv"), "the last pattern that matches holds: %s",
              text);
    cr_assert_null(strstr(text, "layer/0/op/conv"), "%s", text);
    free(text);
    cr_assert(builder_fix_used(lab.builder, 0) && builder_fix_used(lab.builder, 3));
    cr_assert_not(builder_fix_used(lab.builder, 4));
    arch_release(arch);
    struct visits visits = {0};
    uint64_t count;
    cr_assert_eq(builder_enumerate(lab.builder, visit_member, &visits, 0, &count, &lab.error),
                 ESP_OK);
    cr_assert_eq(count, 1);
    lab_close(&lab);
}

TestLeak(fix, takes_values_as_json_or_as_bare_text)
{
    struct fix fixes[] = {{"integer", "-1"},    {"log_integer", "10"}, {"real", "0.25"},
                          {"log_real", "1e-3"}, {"option", "\"c\""},   {"width", "3"},
                          {"subset", "[3, 1]"}, {"inputs", "d, b"},    {"again", "4"}};
    struct lab lab = {.design = {.fixes = fixes, .fix_count = ESP_COUNT(fixes)}};
    struct drawn drawn;
    lab_open(&lab, build_mixed);
    lab.self = &drawn;
    arch_release(lab_sample(&lab, 1));
    cr_assert_eq(drawn.integer, -1);
    cr_assert_eq(drawn.logarithmic, 10);
    cr_assert_eq(drawn.real, 0.25);
    cr_assert_eq(drawn.log_real, 1e-3);
    cr_assert_eq(drawn.option, 2);
    cr_assert_eq(drawn.width, 3);
    cr_assert(drawn.subset_count == 2 && drawn.subset[0] == 1 && drawn.subset[1] == 3);
    cr_assert(drawn.input_count == 2 && drawn.inputs[0] == 1 && drawn.inputs[1] == 3);
    cr_assert_eq(drawn.again, 4);
    lab_close(&lab);
}

TestLeak(fix, outside_the_domain_names_pattern_path_and_what_is_expected)
{
    static const struct {
        struct fix fix;
        const char *reason;
    } rows[] = {
        {{"de*", "4"},
         "[fix] de* = 4: the decision depth cannot have this value; expected an "
         "integer of 1 .. 3"},
        {{"depth", "two"}, "expected an integer of 1 .. 3"},
        {{"layer/*/op", "cnov"}, "expected one of conv, pool, identity"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        struct fix fix = rows[i].fix;
        struct lab lab = {.design = {.fixes = &fix, .fix_count = 1}};
        esp_random random = lab_stream(1);
        struct arch *arch;
        lab_open(&lab, build_chain);
        cr_assert_eq(builder_sample(lab.builder, &random, &arch, &lab.error), ESP_ERROR_INVALID);
        cr_assert(strstr(lab.error.message, rows[i].reason), "%s", lab.error.message);
        lab_close(&lab);
    }
}

TestLeak(searched, decisions_come_first_and_choose_the_instance)
{
    static const char *const optimizers[] = {"sgd", "adamw"};
    struct searched searched[] = {
        {"@estimator/learning_rate",
         {.struct_size = sizeof(esp_domain),
          .kind = ESP_DECISION_REAL,
          .flags = ESP_DOMAIN_LOG,
          .real_min = 1e-4,
          .real_max = 0.1}},
        {"@estimator/optimizer",
         {.struct_size = sizeof(esp_domain),
          .kind = ESP_DECISION_ONE,
          .count = 2,
          .names = optimizers}},
        {"@space/fixed",
         {.struct_size = sizeof(esp_domain), .kind = ESP_DECISION_INT, .int_min = 1, .int_max = 9}},
    };
    struct fix fix = {"@space/*", "5"};
    struct lab lab = {
        .design = {.searched = searched, .searched_count = 3, .fixes = &fix, .fix_count = 1}};
    lab_open(&lab, build_chain);
    esp_random random = lab_stream(2);
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct arch *arch = lab_sample(&lab, seed), *child;
        cr_assert_eq(lab.instances, 3 * seed + 1, "once a pass");
        cr_assert_str_eq(esp_arch_path(arch_handle(arch), 0), "@estimator/learning_rate");
        cr_assert_str_eq(esp_arch_path(arch_handle(arch), 1), "@estimator/optimizer");
        cr_assert_str_eq(esp_arch_path(arch_handle(arch), 2), "depth");
        cr_assert_eq(lab.values[0].as.real, esp_arch_value(arch_handle(arch), 0).as.real);
        cr_assert_eq(lab.values[1].as.index, esp_arch_value(arch_handle(arch), 1).as.index);
        cr_assert_eq(lab.values[2].as.integer, 5, "a fixed one is given too");
        cr_assert_eq(builder_mutate(lab.builder, arch, 0.0, &random, &child, &lab.error), ESP_OK);
        cr_assert_eq(lab_compare(child, arch).changed, 1);
        lab_assert_member(&lab, child);
        arch_release(child);
        arch_release(arch);
    }
    lab_close(&lab);
}

// ---- Reading ------------------------------------------------------------------------------------

static esp_status read_json(struct lab *lab, const char *decisions, struct arch **out)
{
    struct written_arch written;
    json_t *list = json_loads(decisions, 0, NULL);
    json_t *json = json_pack("{s:o}", "decisions", list);
    error_clear(&lab->error);
    cr_assert_eq(written_arch_parse(&written, json, &lab->error), ESP_OK);
    esp_status status = builder_read(lab->builder, &written, out, &lab->error);
    written_arch_destroy(&written);
    json_decref(json);
    return status;
}

TestLeak(read, what_was_written_or_says_what_is_wrong)
{
    struct fix fix = {"layer/0/op", "pool"};
    struct lab lab = {.design = {.fixes = &fix, .fix_count = 1}};
    struct arch *arch;
    lab_open(&lab, build_chain);
    cr_assert_eq(read_json(&lab, "[[\"layer/1/op\", \"identity\"], [\"depth\", 2]]", &arch), ESP_OK,
                 "in any order: %s", lab.error.message);
    cr_assert_eq(lab_value(arch, "depth").as.integer, 2);
    cr_assert_eq(esp_arch_count(arch_handle(arch)), 2);
    arch_release(arch);
    cr_assert_eq(read_json(&lab, "[[\"depth\", 1], [\"layer/0/op\", \"pool\"]]", &arch), ESP_OK,
                 "a fixed decision may be written with its value: %s", lab.error.message);
    arch_release(arch);
    static const struct {
        const char *decisions, *reason;
    } rows[] = {
        {"[]", "decision depth is not written: expected an integer of 1 .. 3"},
        {"[[\"depth\", 9]]", "decision depth: 9 is not an integer of 1 .. 3"},
        {"[[\"depth\", 1], [\"depht\", 1]]",
         "decision depht is written, but the space does not draw it; the nearest is depth"},
        {"[[\"depth\", 2], [\"layer/1/op\", \"pol\"]]", "the nearest is pool"},
        {"[[\"depth\", 1], [\"layer/0/op\", \"conv\"]]", "has the one value pool here"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        cr_assert_eq(read_json(&lab, rows[i].decisions, &arch), ESP_ERROR_INVALID);
        cr_assert(strstr(lab.error.message, rows[i].reason), "%s", lab.error.message);
    }
    lab_close(&lab);
}

TestLeak(read, what_is_no_member_is_rejected_with_the_reason)
{
    struct lab lab = {0};
    struct arch *arch;
    lab_open(&lab, build_even);
    cr_assert_eq(read_json(&lab, "[[\"first\", 1], [\"second\", 2]]", &arch), ESP_ERROR_REJECTED);
    cr_assert(strstr(lab.error.message, "the sum is odd"), "%s", lab.error.message);
    lab_close(&lab);
}
