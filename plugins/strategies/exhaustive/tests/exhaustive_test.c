// SPDX-License-Identifier: Apache-2.0
// Exhaustive search: every member once, in order or shuffled, through the strategy alone (whole
// runs are in tests/strategies).
#include "support/strategy_lab.h"

#include <criterion/criterion.h>
#include <espalier/builder.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

// The hashes of all trials, in order.
static uint64_t *hashes(const struct strategy_lab *lab)
{
    uint64_t *list = calloc(lab->count + 1, sizeof *list);
    cr_assert_not_null(list);
    for (uint64_t i = 0; i < lab->count; i++)
        list[i] = arch_hash(lab->archs[i]);
    return list;
}

static uint64_t distinct(uint64_t *list, uint64_t count)
{
    uint64_t different = count > 0;
    qsort(list, count, sizeof *list, by_value);
    for (uint64_t i = 1; i < count; i++)
        different += list[i] != list[i - 1];
    return different;
}

static void ask_all(struct strategy_lab *lab)
{
    while (strategy_lab_ask(lab) == ANSWER_TRIAL)
        cr_assert_leq(lab->count, 20000, "it does not end");
    cr_assert_str_eq(lab->reason, "exhausted");
    cr_assert_eq(strategy_lab_ask(lab), ANSWER_DONE, "asked again it is not done");
}

struct listing {
    uint64_t *hashes, count;
};

static esp_status list_member(void *self, struct arch *arch)
{
    struct listing *listing = self;
    listing->hashes[listing->count++] = arch_hash(arch);
    return ESP_OK;
}

// Chunks begin anew again and again: none is left out or comes twice where they meet.
Test(exhaustive, visits_all_15625_cells_in_the_order_of_the_enumeration)
{
    struct strategy_lab lab;
    strategy_lab_open(&lab, "[space]\nplugin = nasbench201\n[strategy]\nplugin = exhaustive", NULL,
                      1, 0);
    ask_all(&lab);
    cr_assert_eq(lab.count, 15625);
    struct listing listing = {calloc(20000, sizeof(uint64_t)), 0};
    uint64_t *list = hashes(&lab), count;
    cr_assert_eq(builder_enumerate(lab.builder, list_member, &listing, 0, &count, &lab.error),
                 ESP_OK);
    cr_assert_eq(memcmp(list, listing.hashes, 15625 * sizeof *list), 0);
    cr_assert_eq(distinct(list, lab.count), 15625);
    free(list);
    free(listing.hashes);
    strategy_lab_close(&lab);
}

static const char shuffled[] =
    "[experiment]\nseed = %d\n[space]\nplugin = nasbench201\n[fix]\ncell/edge/0-1 = none\n"
    "cell/edge/0-2 = none\ncell/edge/0-3 = none\n[strategy]\nplugin = exhaustive\n"
    "order = shuffled";

static uint64_t *shuffled_order(int seed, double *mean_of_first)
{
    struct strategy_lab lab;
    char text[512];
    snprintf(text, sizeof text, shuffled, seed);
    strategy_lab_open(&lab, text, NULL, 1, 0);
    ask_all(&lab);
    cr_assert_eq(lab.count, 125);
    *mean_of_first += (double)arch_choices(lab.archs[0], &(uint64_t){0})[0].value.as.index;
    uint64_t *list = hashes(&lab);
    strategy_lab_close(&lab);
    return list;
}

Test(exhaustive, a_shuffled_order_has_all_and_follows_the_seed)
{
    double sum = 0;
    uint64_t *first = shuffled_order(1, &sum), *again = shuffled_order(1, &sum);
    uint64_t *other = shuffled_order(2, &sum);
    cr_assert_eq(memcmp(first, again, 125 * sizeof *first), 0);
    cr_assert_neq(memcmp(first, other, 125 * sizeof *first), 0);
    cr_assert_eq(distinct(first, 125), 125);
    cr_assert_eq(distinct(other, 125), 125);
    cr_assert_eq(memcmp(first, other, 125 * sizeof *first), 0, "sorted they are the same");
    free(first);
    free(again);
    free(other);
    // Where the first one falls is uniform: the mean of 100 indices of 0 .. 4 is 2 +- 0.14.
    sum = 0;
    for (int seed = 0; seed < 100; seed++)
        free(shuffled_order(seed, &sum));
    cr_assert_float_eq(sum / 100, 2.0, 4 * 0.1415, "%g", sum / 100);
}

static esp_status build_wide(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_int(b, "a", 0, 2000);
    esp_choose_int(b, "b", 0, 2000);
    return esp_classifier(b, esp_input(b));
}

// Of 16 pairs the 8 with an even sum, some with a subset of two or three.
static esp_status build_conditional(void *self, esp_builder *b)
{
    static const char *const names[] = {"a", "b", "c"};
    (void)self;
    int64_t a = esp_choose_int(b, "a", 1, 4), c = esp_choose_int(b, "c", 1, 4);
    if ((a + c) % 2 != 0)
        return esp_reject(b, "an odd sum");
    if (a == 1)
        esp_choose_subset(b, "names", names, 3, 2, 3);
    return esp_classifier(b, esp_input(b));
}

Test(exhaustive, a_conditional_space_with_rejected_members)
{
    struct strategy_lab lab;
    esp_space_type type = strategy_lab_space(build_conditional);
    strategy_lab_open(&lab, "[space]\nplugin = sketch\n[strategy]\nplugin = exhaustive", &type, 1,
                      0);
    ask_all(&lab);
    cr_assert_eq(lab.count, 2 * 4 + 6); // a = 1 has two partners, each with 4 subsets
    strategy_lab_close(&lab);
}

Test(exhaustive, shuffling_more_than_a_million_is_refused_and_listing_is_not)
{
    struct strategy_lab lab;
    esp_space_type type = strategy_lab_space(build_wide);
    strategy_lab_open(&lab,
                      "[space]\nplugin = sketch\n[strategy]\nplugin = exhaustive\n"
                      "order = shuffled",
                      &type, 1, 0);
    const char *words = strategy_lab_ask_fails(&lab);
    cr_assert(strstr(words, "more than 1000000"), "%s", words);
    strategy_lab_close(&lab);
    strategy_lab_open(&lab, "[space]\nplugin = sketch\n[strategy]\nplugin = exhaustive", &type, 1,
                      0);
    for (int i = 0; i < 3000; i++)
        cr_assert_eq(strategy_lab_ask(&lab), ANSWER_TRIAL);
    uint64_t count;
    const struct choice *choices = arch_choices(lab.archs[2999], &count);
    cr_assert_eq(choices[0].value.as.integer, 1);
    cr_assert_eq(choices[1].value.as.integer, 2999 - 2001);
    strategy_lab_close(&lab);
}

Test(exhaustive, given_architectures_are_not_tried_again)
{
    struct strategy_lab lab;
    esp_space_type type = strategy_lab_space(build_conditional);
    double objective = 0.5;
    strategy_lab_open(&lab, "[space]\nplugin = sketch\n[strategy]\nplugin = exhaustive", &type, 1,
                      0);
    struct arch *given = session_lab_sample(&lab.lab, 3);
    strategy_lab_give(&lab, given, &objective);
    arch_release(given);
    ask_all(&lab);
    uint64_t *list = hashes(&lab);
    cr_assert_eq(lab.count, 14);
    cr_assert_eq(distinct(list, lab.count), 14);
    free(list);
    strategy_lab_close(&lab);
}
