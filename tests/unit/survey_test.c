// SPDX-License-Identifier: Apache-2.0
// The survey of a space and the encoding of architectures that follows from it.
#include "builder/builder.h"
#include "support/leak.h"

#include <math.h>
#include <string.h>

struct lab {
    struct error error;
    struct dictionary *dictionary;
    struct builder *builder;
    struct survey *survey;
    const esp_survey *handle;
    esp_random random;
    int64_t bound; // that spaces may read
    esp_task task;
    esp_space_type type;
};

static esp_status give_instance(void *self, const esp_value *values, void **instance,
                                struct error *error)
{
    (void)values;
    (void)error;
    *instance = self;
    return ESP_OK;
}

static esp_status lab_open(struct lab *lab, esp_status (*build)(void *self, esp_builder *b),
                           int64_t bound)
{
    memset(lab, 0, sizeof *lab);
    lab->bound = bound;
    lab->task = (esp_task){sizeof lab->task, ESP_TASK_ROWS, 0, 4, 1, 1, 2};
    lab->type.struct_size = sizeof lab->type;
    lab->type.build = build;
    struct design design = {.space = "lab",
                            .task = &lab->task,
                            .type = &lab->type,
                            .instance = give_instance,
                            .instance_self = lab};
    lab->dictionary = dictionary_create();
    lab->builder = builder_create(&design, lab->dictionary);
    lab->random = esp_random_stream(1, 2, 3, 4, 5);
    esp_status status = survey_create(&lab->survey, lab->builder, &lab->random, &lab->error);
    if (status == ESP_OK)
        lab->handle = survey_handle(lab->survey);
    return status;
}

static void lab_close(struct lab *lab)
{
    survey_destroy(lab->survey);
    builder_destroy(lab->builder);
    dictionary_destroy(lab->dictionary);
}

static bool sampled(const struct lab *lab)
{
    return lab->random.counter[0] > 0;
}

static const char *const options[] = {"a", "b", "c"};

// `widths` only where the kind is c: 2 + 4 members, times 7 subsets.
static esp_status build_small(void *self, esp_builder *b)
{
    static const int64_t widths[] = {8, 16, 32, 64};
    (void)self;
    esp_scope(b, "cell", -1);
    if (esp_choose_one(b, "kind", options, 3) == 2)
        esp_choose_value(b, "width", widths, 4);
    esp_choose_subset(b, "inputs", options, 3, 1, 3);
    esp_scope_end(b);
    return esp_classifier(b, esp_input(b));
}

TestLeak(survey, of_a_small_space_is_exact)
{
    struct lab lab;
    cr_assert_eq(lab_open(&lab, build_small, 0), ESP_OK, "%s", lab.error.message);
    cr_assert_not(sampled(&lab));
    cr_assert_eq(esp_survey_count(lab.handle), 3);
    cr_assert_str_eq(esp_survey_path(lab.handle, 0), "cell/kind");
    cr_assert_str_eq(esp_survey_path(lab.handle, 1), "cell/inputs");
    cr_assert_str_eq(esp_survey_path(lab.handle, 2), "cell/width", "met last");
    cr_assert_eq(esp_survey_domain(lab.handle, 1)->kind, ESP_DECISION_SUBSET);
    cr_assert_eq(esp_survey_presence(lab.handle, 0), 1.0);
    cr_assert_eq(esp_survey_presence(lab.handle, 2), 4.0 / 6.0);
    cr_assert_eq(esp_survey_width(lab.handle), 3 + 3 + 4 + 1);
    lab_close(&lab);
}

TestLeak(survey, encodes_options_one_hot_and_what_is_absent)
{
    struct lab lab;
    bool with = false, without = false;
    lab_open(&lab, build_small, 0);
    for (int i = 0; i < 50; i++) {
        struct arch *arch;
        double vector[11], expected[11] = {0.0};
        memset(vector, 0xff, sizeof vector);
        builder_sample(lab.builder, &lab.random, &arch, &lab.error);
        esp_arch *handle = arch_handle(arch);
        int64_t inputs = esp_arch_find(handle, "cell/inputs"),
                width = esp_arch_find(handle, "cell/width");
        expected[esp_arch_value(handle, 0).as.index] = 1.0;
        esp_value subset = esp_arch_value(handle, (uint64_t)inputs);
        for (uint32_t j = 0; j < subset.count; j++)
            expected[3 + subset.as.indices[j]] = 1.0;
        expected[width < 0 ? 10 : 6 + esp_arch_value(handle, (uint64_t)width).as.index] = 1.0;
        with |= width >= 0;
        without |= width < 0;
        cr_assert_eq(esp_survey_encode(lab.handle, handle, vector, 11), 0);
        for (int j = 0; j < 11; j++)
            cr_assert_eq(vector[j], expected[j], "column %d", j);
        arch_release(arch);
    }
    cr_assert(with && without);
    cr_assert_eq(survey_outside(lab.survey), 0);
    lab_close(&lab);
}

static esp_status build_ranges(void *self, esp_builder *b)
{
    const struct lab *lab = self;
    esp_choose_int(b, "integer", -10, 10);
    esp_choose_int_log(b, "log_integer", 1, 1024);
    esp_choose_real(b, "real", -2.0, 6.0);
    esp_choose_real_log(b, "log_real", 1e-4, 1e-2);
    if (lab->bound > 0)
        esp_choose_int(b, "late", 0, lab->bound);
    return esp_classifier(b, esp_input(b));
}

static esp_status decide_ranges(void *self, const char *path, const esp_domain *domain,
                                esp_value *out)
{
    (void)self;
    if (strcmp(path, "integer") == 0)
        *out = esp_value_int(-5);
    else if (strcmp(path, "log_integer") == 0)
        *out = esp_value_int(32);
    else if (strcmp(path, "real") == 0)
        *out = esp_value_real(0.0);
    else if (strcmp(path, "log_real") == 0)
        *out = esp_value_real(1e-3);
    else
        *out = esp_value_int(domain->int_max);
    return ESP_OK;
}

TestLeak(survey, scales_ranges_and_counts_what_stands_outside)
{
    struct lab lab;
    struct arch *arch;
    double vector[4];
    cr_assert_eq(lab_open(&lab, build_ranges, 0), ESP_OK);
    cr_assert(sampled(&lab), "a real has no end of members");
    cr_assert_eq(esp_survey_width(lab.handle), 4);
    builder_decide(lab.builder, decide_ranges, NULL, &arch, &lab.error);
    cr_assert_eq(esp_survey_encode(lab.handle, arch_handle(arch), vector, 4), 0);
    cr_assert_float_eq(vector[0], 0.25, 1e-12);
    cr_assert_float_eq(vector[1], 0.5, 1e-12);
    cr_assert_float_eq(vector[2], 0.25, 1e-12);
    cr_assert_float_eq(vector[3], 0.5, 1e-12);
    arch_release(arch);

    lab.bound = 9; // from now on the space draws more than was surveyed
    builder_decide(lab.builder, decide_ranges, NULL, &arch, &lab.error);
    cr_assert_eq(esp_survey_encode(lab.handle, arch_handle(arch), vector, 4), 1);
    cr_assert_float_eq(vector[1], 0.5, 1e-12, "the rest is encoded");
    esp_survey_encode(lab.handle, arch_handle(arch), vector, 4);
    cr_assert_eq(survey_outside(lab.survey), 2);
    arch_release(arch);

    lab.bound = 0;
    for (int i = 0; i < 1000; i++) {
        builder_sample(lab.builder, &lab.random, &arch, &lab.error);
        esp_survey_encode(lab.handle, arch_handle(arch), vector, 4);
        for (int j = 0; j < 4; j++)
            cr_assert(vector[j] >= 0.0 && vector[j] <= 1.0);
        arch_release(arch);
    }
    lab_close(&lab);
}

// `bound` + 1 members.
static esp_status build_line(void *self, esp_builder *b)
{
    const struct lab *lab = self;
    if (esp_choose_int(b, "x", 1, lab->bound) == 5)
        esp_choose_int(b, "rare", 0, 1);
    return esp_classifier(b, esp_input(b));
}

TestLeak(survey, is_exhaustive_up_to_1000_members)
{
    struct lab lab;
    cr_assert_eq(lab_open(&lab, build_line, 999), ESP_OK);
    cr_assert_not(sampled(&lab));
    cr_assert_eq(esp_survey_presence(lab.handle, 1), 2.0 / 1000.0);
    lab_close(&lab);
    cr_assert_eq(lab_open(&lab, build_line, 1000), ESP_OK);
    cr_assert(sampled(&lab));
    cr_assert_eq(esp_survey_presence(lab.handle, 0), 1.0);
    lab_close(&lab);
}

static esp_status build_two(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_real(b, "x", 0.0, 1.0);
    if (esp_choose_one(b, "kind", options, 2) == 1)
        esp_choose_real(b, "y", 0.0, 1.0);
    return esp_classifier(b, esp_input(b));
}

// The first half of the members, in the order of an enumeration, have the second decision.
static esp_status build_half(void *self, esp_builder *b)
{
    (void)self;
    if (esp_choose_int(b, "x", 1, 4000) <= 2000)
        esp_choose_one(b, "half", options, 2);
    return esp_classifier(b, esp_input(b));
}

TestLeak(survey, by_samples_forgets_what_was_enumerated)
{
    struct lab lab;
    cr_assert_eq(lab_open(&lab, build_half, 0), ESP_OK);
    cr_assert(sampled(&lab));
    cr_assert_float_eq(esp_survey_presence(lab.handle, 1), 0.5, 0.08);
    lab_close(&lab);
}

TestLeak(survey, by_samples_is_near_and_repeatable)
{
    struct lab lab, again;
    cr_assert_eq(lab_open(&lab, build_two, 0), ESP_OK);
    cr_assert_eq(lab_open(&again, build_two, 0), ESP_OK);
    cr_assert_eq(esp_survey_count(lab.handle), 3);
    cr_assert_float_eq(esp_survey_presence(lab.handle, 2), 0.5, 0.08);
    cr_assert_eq(esp_survey_presence(lab.handle, 2), esp_survey_presence(again.handle, 2));
    cr_assert_eq(esp_survey_width(lab.handle), 1 + 2 + 2);
    lab_close(&lab);
    lab_close(&again);
}

static esp_status build_even(void *self, esp_builder *b)
{
    (void)self;
    int64_t x = esp_choose_int(b, "x", 0, 5);
    if (x % 2 != 0)
        return esp_reject(b, "odd");
    if (x == 4)
        esp_choose_int(b, "y", 0, 1);
    return esp_classifier(b, esp_input(b));
}

TestLeak(survey, counts_members_alone)
{
    struct lab lab;
    cr_assert_eq(lab_open(&lab, build_even, 0), ESP_OK);
    cr_assert_eq(esp_survey_presence(lab.handle, 1), 0.5, "0, 2, 4 with 0, 4 with 1");
    cr_assert_eq(builder_rejections(lab.builder), 0);
    lab_close(&lab);
}

static esp_status build_nothing(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_int(b, "x", 0, 5);
    return esp_reject(b, "never");
}

static esp_status build_wrong(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_int(b, "x", 5, 0);
    return esp_classifier(b, esp_input(b));
}

TestLeak(survey, of_a_space_that_has_no_member_or_fails_is_an_error)
{
    struct lab lab;
    cr_assert_eq(lab_open(&lab, build_nothing, 0), ESP_ERROR_REJECTED);
    cr_assert(strstr(lab.error.message, "never"), "%s", lab.error.message);
    lab_close(&lab);
    cr_assert_eq(lab_open(&lab, build_wrong, 0), ESP_ERROR_MISUSE);
    cr_assert(strstr(lab.error.message, "decision x"), "%s", lab.error.message);
    lab_close(&lab);
}

static esp_status build_fixed(void *self, esp_builder *b)
{
    (void)self;
    return esp_classifier(b, esp_input(b));
}

TestLeak(survey, of_a_space_without_decisions_is_empty)
{
    struct lab lab;
    struct arch *arch;
    double vector[1] = {7.0};
    cr_assert_eq(lab_open(&lab, build_fixed, 0), ESP_OK);
    cr_assert_eq(esp_survey_count(lab.handle), 0);
    cr_assert_eq(esp_survey_width(lab.handle), 0);
    builder_sample(lab.builder, &lab.random, &arch, &lab.error);
    cr_assert_eq(esp_survey_encode(lab.handle, arch_handle(arch), vector, 0), 0);
    cr_assert_eq(vector[0], 7.0, "nothing is written beyond the width");
    arch_release(arch);
    lab_close(&lab);
}
