// SPDX-License-Identifier: Apache-2.0
// What a space that breaks the builder's rules is told.
#include "support/leak.h"
#include "support/space_lab.h"

#include <stdlib.h>
#include <string.h>

static esp_status two_domains(void *self, esp_builder *b)
{
    (void)self;
    for (int64_t i = 1; i < 3; i++) {
        esp_scope(b, "cell", i);
        esp_share(b, "normal");
        esp_choose_int(b, "x", 0, i);
        esp_scope_end(b);
        esp_scope_end(b);
    }
    return esp_classifier(b, esp_input(b));
}

static esp_status single_then_open(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_int(b, "x", 1, 1);
    esp_choose_int(b, "x", 1, 2);
    return esp_classifier(b, esp_input(b));
}

static esp_status bad_name(void *self, esp_builder *b)
{
    (void)self;
    esp_scope(b, "a/b", 0);
    esp_scope_end(b);
    return esp_classifier(b, esp_input(b));
}

static esp_status empty_name(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_int(b, "", 0, 1);
    return esp_classifier(b, esp_input(b));
}

static esp_status null_name(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_int(b, NULL, 0, 1);
    return esp_classifier(b, esp_input(b));
}

static esp_status left_open(void *self, esp_builder *b)
{
    (void)self;
    esp_scope(b, "cell", 3);
    return esp_classifier(b, esp_input(b));
}

static esp_status closed_twice(void *self, esp_builder *b)
{
    (void)self;
    esp_scope(b, "cell", 3);
    esp_scope_end(b);
    esp_scope_end(b);
    return esp_classifier(b, esp_input(b));
}

static esp_node emit_closing(esp_builder *b, esp_node x, const void *argument)
{
    (void)argument;
    esp_scope_end(b);
    return x;
}

static esp_node emit_opening(esp_builder *b, esp_node x, const void *argument)
{
    (void)argument;
    esp_scope(b, "inner", 0);
    return x;
}

static esp_node emit_none(esp_builder *b, esp_node x, const void *argument)
{
    const esp_node none = {0};
    (void)b;
    (void)x;
    (void)argument;
    return none;
}

static esp_status with_alternative(esp_builder *b, const char *name, esp_emit emit)
{
    const esp_alternative rows[] = {ESP_ALTERNATIVE(name, emit)};
    return esp_output(b, esp_choose_op(b, "op", esp_input(b), rows, 1, NULL));
}

static esp_status alternative_closes(void *self, esp_builder *b)
{
    (void)self;
    return with_alternative(b, "one", emit_closing);
}

static esp_status alternative_opens(void *self, esp_builder *b)
{
    (void)self;
    return with_alternative(b, "one", emit_opening);
}

static esp_status alternative_gives_none(void *self, esp_builder *b)
{
    (void)self;
    return with_alternative(b, "one", emit_none);
}

static esp_status alternative_without_function(void *self, esp_builder *b)
{
    (void)self;
    return with_alternative(b, "one", NULL);
}

static esp_status alternative_bad_name(void *self, esp_builder *b)
{
    (void)self;
    return with_alternative(b, "a|b", emit_identity);
}

static esp_status no_alternatives(void *self, esp_builder *b)
{
    (void)self;
    return esp_output(b, esp_choose_op(b, "op", esp_input(b), NULL, 3, NULL));
}

static esp_status no_tensor(void *self, esp_builder *b)
{
    const esp_node none = {0};
    (void)self;
    return esp_output(b, esp_relu(b, none));
}

static esp_status not_ascending(void *self, esp_builder *b)
{
    static const int64_t values[] = {1, 3, 3};
    (void)self;
    esp_choose_value(b, "x", values, 3);
    return esp_classifier(b, esp_input(b));
}

static esp_status empty_range(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_int(b, "x", 2, 1);
    return esp_classifier(b, esp_input(b));
}

static esp_status certain(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_chance(b, "x", 1.0);
    return esp_classifier(b, esp_input(b));
}

static esp_status endless_recursion(void *self, esp_builder *b)
{
    (void)self;
    while (!esp_failed(b))
        esp_scope(b, "deeper", 0);
    return ESP_OK;
}

static esp_status own_words(void *self, esp_builder *b)
{
    (void)self;
    return esp_fail(b, ESP_ERROR_UNSUPPORTED, "no %s today", "rain");
}

static esp_status no_words(void *self, esp_builder *b)
{
    (void)self;
    (void)b;
    return ESP_ERROR_DATA;
}

TestLeak(misuse, ends_the_pass_with_its_reason)
{
    static const struct {
        esp_status (*build)(void *, esp_builder *);
        esp_status status;
        const char *reason;
    } rows[] = {
        {two_domains, ESP_ERROR_MISUSE,
         "decision normal/x was an integer of 0 .. 1 and is met again as an integer of 0 .. 2"},
        {single_then_open, ESP_ERROR_MISUSE, "decision x was an integer of 1 .. 1"},
        {bad_name, ESP_ERROR_MISUSE, "\"a/b\" in the scope \"\" is no name"},
        {empty_name, ESP_ERROR_MISUSE, "\"\" in the scope \"\" is no name"},
        {null_name, ESP_ERROR_MISUSE, "(NULL)"},
        {left_open, ESP_ERROR_MISUSE, "\"cell/3\" was left open"},
        {closed_twice, ESP_ERROR_MISUSE, "closes a scope that was not opened"},
        {alternative_closes, ESP_ERROR_MISUSE, "\"op/one\" closes a scope"},
        {alternative_opens, ESP_ERROR_MISUSE, "left the scope \"op/one/inner/0\" open"},
        {alternative_gives_none, ESP_ERROR_MISUSE, "alternative \"op/one\" gave no tensor"},
        {alternative_without_function, ESP_ERROR_MISUSE, "alternative one"},
        {alternative_bad_name, ESP_ERROR_MISUSE, "\"a|b\""},
        {no_alternatives, ESP_ERROR_MISUSE, "decision op has no option"},
        {no_tensor, ESP_ERROR_MISUSE, "input 0 of Relu"},
        {not_ascending, ESP_ERROR_MISUSE, "not ascending"},
        {empty_range, ESP_ERROR_MISUSE, "decision x: an integer of 2 .. 1 is empty"},
        {certain, ESP_ERROR_MISUSE, "decision x in the scope \"\": a chance of 1"},
        {endless_recursion, ESP_ERROR_MISUSE, "does the recursion end?"},
        {own_words, ESP_ERROR_UNSUPPORTED, "no rain today"},
        {no_words, ESP_ERROR_DATA, "gave no reason"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        struct lab lab = {0};
        esp_random random = lab_stream(1);
        struct arch *arch;
        lab_open(&lab, rows[i].build);
        cr_assert_eq(builder_sample(lab.builder, &random, &arch, &lab.error), rows[i].status,
                     "row %zu: %s", i, lab.error.message);
        cr_assert(strstr(lab.error.message, rows[i].reason), "row %zu: %s", i, lab.error.message);
        cr_assert(strstr(lab.error.message, "space lab: "), "row %zu: %s", i, lab.error.message);
        cr_assert_eq(lab.instances, 1, "row %zu: an error is not drawn again", i);
        lab_close(&lab);
    }
}

static esp_status same_weight_path(void *self, esp_builder *b)
{
    esp_conv_options conv_options = {.channels = 3, .kernel = 1};
    (void)self;
    esp_scope(b, "layer", 0);
    esp_node x = esp_conv(b, "conv", esp_input(b), conv_options);
    esp_scope_end(b);
    esp_scope(b, "layer", 0);
    x = esp_conv(b, "conv", x, conv_options);
    esp_scope_end(b);
    return esp_classifier(b, x);
}

TestLeak(misuse, a_weight_path_met_twice_is_an_error)
{
    struct lab lab = {0};
    struct graph *graph = NULL;
    lab_open(&lab, same_weight_path);
    struct arch *arch = lab_sample(&lab, 1);
    cr_assert_eq(builder_build(lab.builder, arch, &graph, &lab.error), ESP_ERROR_MISUSE);
    cr_assert(strstr(lab.error.message, "layer/0/conv"), "%s", lab.error.message);
    cr_assert_null(graph);
    // The next pass begins anew: nothing is left of the one that failed.
    error_clear(&lab.error);
    lab.type.build = build_chain;
    struct arch *other = lab_sample(&lab, 1);
    char *text = lab_graph_text(&lab, other), *again = lab_graph_text(&lab, other);
    cr_assert_str_eq(text, again);
    free(text);
    free(again);
    arch_release(other);
    arch_release(arch);
    lab_close(&lab);
}

static esp_status nameless_conv(void *self, esp_builder *b)
{
    esp_conv_options conv_options = {.channels = 3, .kernel = 1};
    (void)self;
    esp_scope(b, "layer", 7);
    esp_node x = esp_conv(b, NULL, esp_input(b), conv_options);
    esp_scope_end(b);
    return esp_classifier(b, x);
}

static esp_status nameless_dropout(void *self, esp_builder *b)
{
    (void)self;
    return esp_classifier(b, esp_dropout(b, NULL, esp_input(b), 0.5));
}

static esp_status conv_bad_name(void *self, esp_builder *b)
{
    esp_conv_options conv_options = {.channels = 3, .kernel = 1};
    (void)self;
    return esp_classifier(b, esp_conv(b, "a/b", esp_input(b), conv_options));
}

static esp_status no_output(void *self, esp_builder *b)
{
    (void)self;
    esp_relu(b, esp_input(b));
    return ESP_OK;
}

static esp_status wrong_operator(void *self, esp_builder *b)
{
    (void)self;
    return esp_output(b, esp_unary(b, "Rleu", esp_input(b)));
}

TestLeak(misuse, that_a_graph_shows_is_told_when_it_is_built)
{
    static const struct {
        esp_status (*build)(void *, esp_builder *);
        const char *reason;
    } rows[] = {
        {nameless_conv, "Conv in \"layer/7\" has weights"},
        {nameless_dropout, "Dropout in \"\""},
        {conv_bad_name, "\"a/b\" in the scope \"\" is no name"},
        {no_output, "no output"},
        {wrong_operator, "Relu"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        struct lab lab = {0};
        struct graph *graph = NULL;
        lab_open(&lab, rows[i].build);
        struct arch *arch = lab_sample(&lab, 1);
        cr_assert_neq(builder_build(lab.builder, arch, &graph, &lab.error), ESP_OK, "row %zu", i);
        cr_assert(strstr(lab.error.message, rows[i].reason), "row %zu: %s", i, lab.error.message);
        cr_assert(strstr(lab.error.message, "space lab: "), "row %zu: %s", i, lab.error.message);
        cr_assert_null(graph);
        arch_release(arch);
        lab_close(&lab);
    }
}

TestLeak(misuse, leaves_nothing_behind_for_the_next_pass)
{
    struct lab lab = {0};
    esp_random random = lab_stream(1);
    struct arch *arch;
    lab_open(&lab, two_domains); // fails inside a share
    cr_assert_eq(builder_sample(lab.builder, &random, &arch, &lab.error), ESP_ERROR_MISUSE);
    error_clear(&lab.error);
    lab.type.build = build_chain;
    arch = lab_sample(&lab, 1);
    cr_assert_str_eq(esp_arch_path(arch_handle(arch), 0), "depth");
    cr_assert_str_eq(esp_arch_path(arch_handle(arch), 1), "layer/0/op");
    arch_release(arch);
    lab_close(&lab);
}

static esp_status after_an_error(void *self, esp_builder *b)
{
    int *fine = self;
    uint32_t chosen[4];
    esp_node x = esp_input(b);
    esp_choose_int(b, "wrong", 2, 1);
    *fine = esp_failed(b) && esp_choose_int(b, "a", 5, 6) == 0 &&
            esp_choose_real(b, "b", 1.0, 2.0) == 0.0 && esp_choose_one(b, "c", letters, 4) == 0 &&
            esp_choose_value(b, "d", kernels, 2) == 0 &&
            esp_choose_subset(b, "e", letters, 4, 1, 4).count == 0 &&
            esp_choose_inputs(b, "f", letters, 4, 1, 4, chosen) == 0 &&
            esp_choose_op(b, "g", x, chain_ops, 2, NULL).id == 0 && esp_input(b).id == 0 &&
            esp_relu(b, x).id == 0 && esp_node_shape(b, x).rank == 0;
    esp_scope(b, "not a name", 0);
    esp_scope_end(b);
    esp_scope_end(b);
    esp_reject(b, "too late");
    return ESP_OK;
}

TestLeak(misuse, errors_are_sticky_and_the_first_one_is_told)
{
    struct lab lab = {0};
    esp_random random = lab_stream(1);
    struct arch *arch;
    int fine = 0;
    lab_open(&lab, after_an_error);
    lab.self = &fine;
    cr_assert_eq(builder_sample(lab.builder, &random, &arch, &lab.error), ESP_ERROR_MISUSE);
    cr_assert(strstr(lab.error.message, "decision wrong"), "%s", lab.error.message);
    cr_assert(fine, "everything answers zero");
    cr_assert_eq(lab.instances, 1, "a rejection after an error is none");
    lab_close(&lab);
}

TestLeak(misuse, another_dictionary_is_refused)
{
    struct lab lab = {0}, other = {0};
    lab_open(&lab, build_chain);
    lab_open(&other, build_chain);
    struct arch *arch = lab_sample(&lab, 1), *out;
    esp_random random = lab_stream(1);
    cr_assert_eq(builder_build(other.builder, arch, NULL, &other.error), ESP_ERROR_MISUSE);
    cr_assert_eq(builder_mutate(other.builder, arch, 0.0, &random, &out, NULL), ESP_ERROR_MISUSE);
    cr_assert_eq(builder_cross(other.builder, arch, arch, &random, &out, NULL), ESP_ERROR_MISUSE);
    arch_release(arch);
    lab_close(&lab);
    lab_close(&other);
}
