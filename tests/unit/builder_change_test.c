// SPDX-License-Identifier: Apache-2.0
// Passes that keep what they can of a parent: mutation, crossover, neighbours.
#include "support/leak.h"
#include "support/space_lab.h"

#include <math.h>
#include <string.h>

TestLeak(mutate, with_rate_0_exactly_one_decision_takes_another_value)
{
    esp_status (*const spaces[])(void *, esp_builder *) = {build_chain, build_mixed, build_shared};
    for (size_t space = 0; space < ESP_COUNT(spaces); space++) {
        struct lab lab = {0};
        lab_open(&lab, spaces[space]);
        esp_random random = lab_stream(99);
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct arch *parent = lab_sample(&lab, seed), *child;
            cr_assert_eq(builder_mutate(lab.builder, parent, 0.0, &random, &child, &lab.error),
                         ESP_OK, "%s", lab.error.message);
            cr_assert_eq(lab_compare(child, parent).changed, 1);
            cr_assert_neq(arch_hash(child), arch_hash(parent));
            lab_assert_member(&lab, child);
            arch_release(parent);
            arch_release(child);
        }
        lab_close(&lab);
    }
}

TestLeak(mutate, picks_each_decision_equally_often)
{
    struct lab lab = {0};
    int changed[2] = {0};
    lab_open(&lab, build_shared); // of pools and identities: two decisions, nothing conditional
    struct arch *parent = NULL;
    for (uint64_t seed = 0; !parent || esp_arch_count(arch_handle(parent)) != 2; seed++) {
        arch_release(parent);
        parent = lab_sample(&lab, seed);
    }
    esp_random random = lab_stream(7);
    for (int i = 0; i < 4000; i++) {
        struct arch *child;
        builder_mutate(lab.builder, parent, 0.0, &random, &child, &lab.error);
        changed[0] +=
            lab_value(child, "normal/left").as.index != lab_value(parent, "normal/left").as.index;
        changed[1] +=
            lab_value(child, "normal/right").as.index != lab_value(parent, "normal/right").as.index;
        arch_release(child);
    }
    cr_assert_eq(changed[0] + changed[1], 4000);
    cr_assert_float_eq(changed[0], 2000, 160, "%d", changed[0]);
    arch_release(parent);
    lab_close(&lab);
}

static esp_status build_flat(void *self, esp_builder *b)
{
    (void)self;
    esp_scope(b, "x", -1);
    for (int64_t i = 0; i < 4; i++) {
        char name[8];
        snprintf(name, sizeof name, "d%d", (int)i);
        esp_choose_one(b, name, letters, 4);
    }
    esp_scope_end(b);
    return esp_classifier(b, esp_input(b));
}

TestLeak(mutate, with_a_rate_each_decision_changes_with_that_probability_one_at_least)
{
    struct lab lab = {0};
    lab_open(&lab, build_flat);
    struct arch *parent = lab_sample(&lab, 1), *child;
    esp_random random = lab_stream(7);
    enum { DRAWS = 10000 };
    int changes[5] = {0};
    for (int i = 0; i < DRAWS; i++) {
        builder_mutate(lab.builder, parent, 0.3, &random, &child, &lab.error);
        changes[lab_compare(child, parent).changed]++;
        arch_release(child);
    }
    cr_assert_eq(changes[0], 0);
    // Binomial(4, 0.3) on the condition of one at least.
    const double none = pow(0.7, 4);
    const double shares[5] = {0, 4 * 0.3 * pow(0.7, 3), 6 * 0.09 * 0.49, 4 * 0.027 * 0.7, 0.0081};
    for (int i = 1; i < 5; i++)
        cr_assert_float_eq(changes[i], DRAWS * shares[i] / (1.0 - none), 250, "%d: %d", i,
                           changes[i]);
    builder_mutate(lab.builder, parent, 1.0, &random, &child, &lab.error);
    cr_assert_eq(lab_compare(child, parent).changed, 4);
    arch_release(child);
    builder_mutate(lab.builder, parent, 1e-12, &random, &child, &lab.error);
    cr_assert_eq(lab_compare(child, parent).changed, 1);
    arch_release(child);
    cr_assert_eq(builder_mutate(lab.builder, parent, 1.5, &random, &child, &lab.error),
                 ESP_ERROR_INVALID);
    arch_release(parent);
    lab_close(&lab);
}

TestLeak(cross, what_a_parent_has_is_taken_from_a_parent)
{
    esp_status (*const spaces[])(void *, esp_builder *) = {build_chain, build_mixed, build_shared,
                                                           build_even};
    for (size_t space = 0; space < ESP_COUNT(spaces); space++) {
        struct lab lab = {0};
        lab_open(&lab, spaces[space]);
        esp_random random = lab_stream(5);
        int of_a = 0, of_b = 0;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct arch *a = lab_sample(&lab, seed), *b = lab_sample(&lab, seed + 10000), *child;
            cr_assert_eq(builder_cross(lab.builder, a, b, &random, &child, &lab.error), ESP_OK,
                         "%s", lab.error.message);
            uint64_t count;
            const struct choice *choices = arch_choices(child, &count);
            for (uint64_t i = 0; i < count; i++) {
                const esp_value *x = lab_value_of(a, choices[i].decision);
                const esp_value *y = lab_value_of(b, choices[i].decision);
                bool is_x = x && value_equal(*x, choices[i].value);
                bool is_y = y && value_equal(*y, choices[i].value);
                cr_assert((!x && !y) || is_x || is_y);
                of_a += x && y && is_x && !is_y;
                of_b += x && y && is_y && !is_x;
            }
            lab_assert_member(&lab, child);
            arch_release(a);
            arch_release(b);
            arch_release(child);
        }
        cr_assert(of_a > 0 && of_b > 0 && fabs((double)of_a / (of_a + of_b) - 0.5) < 0.12,
                  "space %zu: %d and %d", space, of_a, of_b);
        lab_close(&lab);
    }
}

TestLeak(change, sets_one_decision_and_keeps_the_rest)
{
    struct lab lab = {0};
    lab_open(&lab, build_chain);
    esp_random random = lab_stream(3);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct arch *parent = lab_sample(&lab, seed), *child;
        int64_t depth = lab_value(parent, "depth").as.integer;
        uint64_t at = (uint64_t)lab_find(parent, "depth");
        cr_assert_eq(builder_change(lab.builder, parent, at, esp_value_int(depth % 3 + 1), &random,
                                    &child, &lab.error),
                     ESP_OK, "%s", lab.error.message);
        cr_assert_eq(lab_value(child, "depth").as.integer, depth % 3 + 1);
        cr_assert_eq(lab_compare(child, parent).changed, 1);
        lab_assert_member(&lab, child);
        arch_release(parent);
        arch_release(child);
    }
    struct arch *parent = lab_sample(&lab, 1), *child;
    struct error error = {0};
    cr_assert_eq(builder_change(lab.builder, parent, 0, esp_value_int(4), &random, &child, &error),
                 ESP_ERROR_INVALID);
    cr_assert(strstr(error.message, "an integer of 1 .. 3"), "%s", error.message);
    cr_assert_eq(builder_change(lab.builder, parent, 99, esp_value_int(1), &random, &child, NULL),
                 ESP_ERROR_INVALID);
    arch_release(parent);
    lab_close(&lab);
}

TestLeak(change, to_no_member_is_rejected_at_once)
{
    struct lab lab = {0};
    lab_open(&lab, build_even);
    struct arch *parent = lab_sample(&lab, 1), *child;
    esp_random random = lab_stream(3);
    uint64_t before = builder_rejections(lab.builder);
    esp_value odd = esp_value_int((lab_value(parent, "first").as.integer + 1) % 4);
    cr_assert_eq(builder_change(lab.builder, parent, 0, odd, &random, &child, &lab.error),
                 ESP_ERROR_REJECTED);
    cr_assert(strstr(lab.error.message, "the sum is odd"), "%s", lab.error.message);
    cr_assert_eq(builder_rejections(lab.builder), before + 1, "nothing else could be drawn");
    arch_release(parent);
    lab_close(&lab);
}
