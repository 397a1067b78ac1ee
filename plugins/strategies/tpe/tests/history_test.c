// SPDX-License-Identifier: Apache-2.0
// The border between good and bad against sorting, whatever comes in: outcomes out of order, failures,
// violations, trials that count as bad while they are open; values and their numbers there and back.
#include "../history.h"
#include "support/session_lab.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct known {
    uint64_t number;
    double objective, violation;
};

static int by_rank(const void *a, const void *b)
{
    const struct known *x = a, *y = b;
    if (x->violation != y->violation)
        return x->violation < y->violation ? -1 : 1;
    if (x->objective != y->objective)
        return x->objective < y->objective ? -1 : 1;
    return x->number < y->number ? -1 : 1;
}

static void expect_border(const struct history *history, struct known *known, uint64_t count)
{
    uint64_t wanted = (uint64_t)ceil(0.1 * (double)count);
    wanted = wanted > 25 ? 25 : wanted;
    qsort(known, count, sizeof *known, by_rank);
    cr_assert_eq(history->good_count, wanted, "%lu of %lu", (unsigned long)history->good_count,
                 (unsigned long)count);
    for (uint64_t i = 0; i < count; i++)
        cr_assert_eq(history->records[known[i].number].place, i < wanted ? PLACE_GOOD : PLACE_BAD);
    for (uint64_t i = 0; i < wanted; i++)
        cr_assert_eq(history->good[i], known[i].number);
}

Test(history, the_best_are_good)
{
    enum { TRIALS = 600, OPEN = 6 };
    for (int joint = 0; joint < 2; joint++) {
        struct session_lab lab;
        struct history history;
        struct rule rule = {0.1, RULE_LINEAR, 25, 1.0, joint, 0};
        struct arch *archs[TRIALS];
        struct known known[TRIALS];
        esp_random random = esp_random_stream(4, 2, 0, 0, 0);
        uint64_t count = 0, bad = 0;
        session_lab_open(&lab,
                         "[space]\nplugin = nasbench201\n[strategy]\nplugin = random\n"
                         "[estimator]\nplugin = nk_landscape\n[objective]\nmaximize = fitness\n",
                         NULL);
        cr_assert_eq(history_create(&history, &rule), ESP_OK);
        for (uint64_t i = 0; i < TRIALS + OPEN; i++) {
            if (i < TRIALS) {
                archs[i] = session_lab_sample(&lab, i);
                cr_assert_eq(history_asked(&history, i, arch_handle(archs[i])), ESP_OK);
                if (i % 3 == 0)
                    cr_assert_eq(history_lie(&history), ESP_OK);
            }
            if (i < OPEN)
                continue;
            uint64_t told = i - OPEN;
            double objective = (double)esp_random_below(&random, 40), violation = 0;
            if (told % 5 == 0)
                violation = (double)esp_random_below(&random, 3);
            int failed = told % 7 == 0;
            cr_assert_eq(history_told(&history, told, arch_handle(archs[told]),
                                      failed ? NULL : &objective, violation),
                         ESP_OK);
            if (!failed)
                known[count++] = (struct known){told, objective, violation};
            expect_border(&history, known, count);
        }
        for (uint64_t i = 0; i < TRIALS; i++)
            bad += history.records[i].place == PLACE_BAD;
        cr_assert_eq(bad, TRIALS - 25);
        cr_assert_eq(history.open_count, 0);
        for (uint64_t axis = 0; axis < history.axis_count && !joint; axis++) {
            cr_assert_eq(esp_parzen_count(history.good_axes[axis]), 25);
            cr_assert_eq(esp_parzen_count(history.bad_axes[axis]), TRIALS - 25);
        }
        for (uint64_t i = 0; i < TRIALS; i++)
            arch_release(archs[i]);
        history_free(&history);
        session_lab_close(&lab);
    }
}

static void expect_there_and_back(const esp_domain *domain, esp_value value)
{
    struct dimensions dimensions = {0};
    uint64_t from = 0;
    double numbers[8];
    uint32_t indices[8];
    esp_value back;
    const struct dimension *dimension = dimensions_find(&dimensions, "x", domain, &from);
    dimension_encode(dimension, value, numbers);
    for (uint64_t i = 0; i < dimension->axis_count; i++)
        cr_assert(numbers[i] >= 0 && (numbers[i] <= 1 || domain->kind == ESP_DECISION_ONE));
    cr_assert(dimension_decode(dimension, numbers, indices, &back));
    cr_assert_eq(back.kind, value.kind);
    if (value.kind == ESP_DECISION_REAL)
        cr_assert(fabs(back.as.real - value.as.real) <= 1e-14 * fabs(domain->real_max), "%g",
                  back.as.real);
    else if (value.kind == ESP_DECISION_SUBSET)
        cr_assert(back.count == value.count && back.as.indices[0] == value.as.indices[0]);
    else
        cr_assert_eq(back.as.integer, value.as.integer, "%ld", (long)back.as.integer);
    dimensions_free(&dimensions);
}

Test(history, values_and_their_numbers)
{
    esp_domain one = {.kind = ESP_DECISION_ONE, .count = 5};
    esp_domain integer = {.kind = ESP_DECISION_INT, .int_min = -3, .int_max = 900};
    esp_domain decades = {
        .kind = ESP_DECISION_INT, .flags = ESP_DOMAIN_LOG, .int_min = 1, .int_max = 100000};
    esp_domain real = {.kind = ESP_DECISION_REAL, .real_min = -1.7e308, .real_max = 1.7e308};
    esp_domain small = {
        .kind = ESP_DECISION_REAL, .flags = ESP_DOMAIN_LOG, .real_min = 1e-5, .real_max = 1.0};
    esp_domain subset = {.kind = ESP_DECISION_SUBSET, .count = 4, .least = 1, .most = 2};
    const uint32_t second[] = {1};
    for (uint64_t i = 0; i < 5; i++)
        expect_there_and_back(&one, esp_value_one(i));
    for (int64_t i = -3; i <= 900; i++)
        expect_there_and_back(&integer, esp_value_int(i));
    for (int64_t i = 1; i <= 100000; i += 1 + i / 50)
        expect_there_and_back(&decades, esp_value_int(i));
    expect_there_and_back(&decades, esp_value_int(100000));
    for (int i = -8; i <= 8; i++)
        expect_there_and_back(&real, esp_value_real(i * 2.1e307));
    for (int i = -50; i <= 0; i++)
        expect_there_and_back(&small, esp_value_real(pow(10, 0.1 * i)));
    expect_there_and_back(&subset, esp_value_subset(second, 1));
    double all[] = {1, 1, 1, 0};
    uint32_t indices[4];
    uint64_t from = 0;
    esp_value value;
    struct dimensions dimensions = {0};
    cr_assert_not(
        dimension_decode(dimensions_find(&dimensions, "y", &subset, &from), all, indices, &value));
    dimensions_free(&dimensions);
}
