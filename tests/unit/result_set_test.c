// SPDX-License-Identifier: Apache-2.0
// The best trial, the best few and the Pareto front, against brute force over random trials; and which
// trials count at all.
#include "run/result_set.h"

#include <criterion/criterion.h>
#include <espalier/random.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 60
enum { ACCURACY, LOSS, COST, PARAMS, MACS, METRICS };

static struct metrics metrics;
static struct candidate candidates[COUNT];
static double values[COUNT][METRICS];
static struct error error;

static void make_metrics(const char *text)
{
    static const char *const names[METRICS] = {"accuracy", "loss", "cost", "params", "macs"};
    struct metric_row *rows = calloc(METRICS, sizeof *rows);
    for (int i = 0; i < METRICS; i++) {
        rows[i].name = strdup(names[i]);
        rows[i].unit = strdup("");
    }
    error_clear(&error);
    cr_assert_eq(metrics_restore(&metrics, rows, METRICS, text, &error), ESP_OK, "%s",
                 error.message);
}

#define TWO                                                                                        \
    "{\"objectives\": [{\"metric\": \"accuracy\", \"maximize\": true},"                            \
    " {\"metric\": \"params\", \"maximize\": false}], \"constraints\": "
#define ONE "{\"objectives\": [{\"metric\": \"accuracy\", \"maximize\": true}], \"constraints\": "
#define AT_MOST_4 "[{\"metric\": \"macs\", \"at_most\": true, \"bound\": 4}]}"

// Few values, so that there are ties.
static void draw(uint64_t seed)
{
    esp_random random = esp_random_stream(seed, 0, 0, 0, 0);
    for (uint64_t i = 0; i < COUNT; i++) {
        for (int m = 0; m < METRICS; m++)
            values[i][m] = (double)esp_random_below(&random, 8);
        candidates[i] = (struct candidate){i, esp_random_below(&random, 5) > 0,
                                           esp_random_below(&random, 5) > 0, values[i]};
    }
}

static bool counts(uint64_t i)
{
    return candidates[i].done && candidates[i].full && values[i][MACS] <= 4;
}

static bool beats(uint64_t a, uint64_t b)
{
    return values[a][ACCURACY] >= values[b][ACCURACY] && values[a][PARAMS] <= values[b][PARAMS] &&
           (values[a][ACCURACY] > values[b][ACCURACY] || values[a][PARAMS] < values[b][PARAMS]);
}

Test(result_set, the_front_is_what_brute_force_finds)
{
    make_metrics(TWO AT_MOST_4);
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct result_set set;
        draw(seed);
        cr_assert_eq(result_set_make(&set, &metrics, candidates, COUNT, &error), ESP_OK);
        uint64_t next = 0;
        for (uint64_t i = 0; i < COUNT; i++) {
            bool on_front = counts(i);
            for (uint64_t j = 0; j < COUNT; j++)
                on_front = on_front && !(counts(j) && beats(j, i));
            if (on_front)
                cr_assert(next < set.front_count && set.front[next++] == i, "seed %d: trial %d",
                          (int)seed, (int)i);
        }
        cr_assert_eq(next, set.front_count);
        cr_assert_not(set.partial);
        free(set.front);
    }
    metrics_destroy(&metrics);
}

Test(result_set, the_best_is_the_first_of_the_largest_and_leads_the_best_few)
{
    make_metrics(ONE AT_MOST_4);
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct result_set set;
        uint64_t top[COUNT], found;
        bool taken[COUNT] = {false};
        draw(seed);
        cr_assert_eq(result_set_make(&set, &metrics, candidates, COUNT, &error), ESP_OK);
        cr_assert_eq(result_set_top(&metrics, candidates, COUNT, 7, top, &found, &error), ESP_OK);
        cr_assert_eq(found, 7);
        for (uint64_t place = 0; place < found; place++) {
            int64_t best = -1;
            for (uint64_t i = 0; i < COUNT; i++)
                if (counts(i) && !taken[i] &&
                    (best < 0 || values[i][ACCURACY] > values[best][ACCURACY]))
                    best = (int64_t)i;
            taken[best] = true;
            cr_assert_eq(top[place], (uint64_t)best, "seed %d, place %d", (int)seed, (int)place);
        }
        cr_assert_eq(set.best, (int64_t)top[0]);
        cr_assert(set.front_count == 1 && set.front[0] == top[0]);
        free(set.front);
    }
    metrics_destroy(&metrics);
}

// Where no trial had the full fidelity, those of the largest cost stand for it, and the set says so.
Test(result_set, without_full_trials_those_of_the_largest_cost_count)
{
    make_metrics(ONE "[]}");
    draw(3);
    struct result_set set;
    for (uint64_t i = 0; i < COUNT; i++) {
        candidates[i].full = false;
        candidates[i].done = true;
        values[i][COST] = (double)(i % 4);
        values[i][ACCURACY] = i % 4 == 3 ? (double)(i % 8) / 100 : 10.0;
    }
    cr_assert_eq(result_set_make(&set, &metrics, candidates, COUNT, &error), ESP_OK);
    cr_assert(set.partial);
    cr_assert_eq(set.best, 7, "the first of cost 3 with the largest accuracy: %d", (int)set.best);
    uint64_t top[COUNT], found;
    cr_assert_eq(result_set_top(&metrics, candidates, COUNT, 2, top, &found, &error), ESP_OK);
    cr_assert(found == 2 && top[0] == 7 && top[1] == 15);
    free(set.front);
    metrics_destroy(&metrics);
}

Test(result_set, none_that_is_feasible_is_no_best)
{
    make_metrics(ONE AT_MOST_4);
    draw(4);
    struct result_set set;
    for (uint64_t i = 0; i < COUNT; i++)
        values[i][MACS] = 5;
    cr_assert_eq(result_set_make(&set, &metrics, candidates, COUNT, &error), ESP_OK);
    cr_assert(set.best == -1 && set.front_count == 0 && !set.partial);
    free(set.front);
    metrics_destroy(&metrics);
}

// What is not finite is no objective; a violation is measured against the bound.
Test(metrics, objectives_are_turned_and_violations_are_relative)
{
    make_metrics(TWO AT_MOST_4);
    double row[METRICS] = {0.5, 1, 2, 30, 6}, out[2];
    cr_assert(metrics_objectives(&metrics, row, out));
    cr_assert_eq(out[0], -0.5);
    cr_assert_eq(out[1], 30);
    cr_assert_eq(metrics_violation(&metrics, row), 0.5);
    row[MACS] = 4;
    cr_assert_eq(metrics_violation(&metrics, row), 0);
    row[MACS] = NAN;
    cr_assert_gt(metrics_violation(&metrics, row), 1e100);
    row[ACCURACY] = NAN;
    cr_assert_not(metrics_objectives(&metrics, row, out));
    metrics_destroy(&metrics);
}
