// SPDX-License-Identifier: Apache-2.0
// The order of asks and tells: the same sequence whatever the order in which outcomes come in.
#include "run/order.h"

#include <criterion/criterion.h>
#include <espalier/random.h>
#include <stdio.h>
#include <string.h>

// Runs an order with `workers` imaginary workers that finish in random order, and writes the events
// ("a" ask, "t<n>" tell) to `text`. A trial's cost is 1 + number % 3; every fifth one fails.
static enum order_reason play(uint64_t lookahead, int async, struct order_budget budget,
                              uint64_t workers, uint64_t seed, uint64_t done_at, char *text,
                              size_t size)
{
    struct order *order = order_create(lookahead, async, &budget);
    esp_random random = esp_random_stream(seed, 1, 0, 0, 0);
    int finished[256] = {0};
    text[0] = '\0';
    for (int guard = 0; guard < 10000; guard++) {
        struct order_step step = order_next(order);
        size_t used = strlen(text);
        if (step.action == ORDER_END)
            break;
        if (step.action == ORDER_ASK) {
            if (order_asked_count(order) == done_at) {
                order_asked(order, ORDER_DONE);
                continue;
            }
            order_asked(order, ORDER_TRIAL);
            snprintf(text + used, size - used, "a");
        } else if (step.action == ORDER_TELL) {
            snprintf(text + used, size - used, "t%llu ", (unsigned long long)step.trial);
            order_told(order, step.trial, step.trial % 5 == 4, 1.0 + (double)(step.trial % 3), 0);
        } else {
            // One of the first `workers` open and unfinished trials ends.
            uint64_t out[64], count = 0;
            for (uint64_t i = 0; i < order_open_count(order) && count < workers; i++)
                if (!finished[order_open(order, i)])
                    out[count++] = order_open(order, i);
            cr_assert_gt(count, 0, "AWAIT with nothing running");
            uint64_t chosen = out[esp_random_below(&random, count)];
            finished[chosen] = 1;
            order_outcome(order, chosen);
        }
    }
    enum order_reason reason = order_reason(order);
    order_destroy(order);
    return reason;
}

Test(order, is_the_same_for_any_number_of_workers)
{
    char first[4096], other[4096];
    struct order_budget budget = {.trials = 40};
    play(8, 0, budget, 1, 0, UINT64_MAX, first, sizeof first);
    for (uint64_t workers = 1; workers <= 8; workers++)
        for (uint64_t seed = 0; seed < 50; seed++) {
            play(8, 0, budget, workers, seed, UINT64_MAX, other, sizeof other);
            cr_assert_str_eq(first, other, "%llu workers, seed %llu", (unsigned long long)workers,
                             (unsigned long long)seed);
        }
}

Test(order, asks_until_lookahead_then_alternates)
{
    char text[512];
    struct order_budget budget = {.trials = 5};
    cr_assert_eq(play(3, 0, budget, 3, 7, UINT64_MAX, text, sizeof text), ORDER_REASON_BUDGET);
    cr_assert_str_eq(text, "aaat0 at1 at2 t3 t4 ");
}

Test(order, with_lookahead_one_tells_before_it_asks)
{
    char text[512];
    struct order_budget budget = {.trials = 3};
    play(1, 0, budget, 2, 7, UINT64_MAX, text, sizeof text);
    cr_assert_str_eq(text, "at0 at1 at2 ");
}

Test(order, ends_when_the_strategy_is_done_and_all_is_told)
{
    char text[512];
    struct order_budget budget = {.trials = 100};
    cr_assert_eq(play(4, 0, budget, 2, 3, 6, text, sizeof text), ORDER_REASON_STRATEGY);
    cr_assert_str_eq(text, "aaaat0 at1 at2 t3 t4 t5 ");
}

Test(order, cost_ends_at_the_tell_that_reaches_it)
{
    char text[512];
    // Costs are 1 2 3 1 2 3 ...: 7 is reached by trial 3.
    struct order_budget budget = {.cost = 7};
    cr_assert_eq(play(2, 0, budget, 2, 3, UINT64_MAX, text, sizeof text), ORDER_REASON_BUDGET);
    cr_assert_str_eq(text, "aat0 at1 at2 at3 ");
}

Test(order, knows_when_a_cost_would_pass_the_budget)
{
    struct order_budget budget = {.cost = 3};
    struct order *order = order_create(1, 0, &budget);
    order_asked(order, ORDER_TRIAL);
    cr_assert(!order_passes_cost(order, 3.0));
    cr_assert(order_passes_cost(order, 3.5));
    order_destroy(order);
}

Test(order, failures_end_the_run)
{
    char text[512];
    // Trials 4 and 9 fail.
    struct order_budget budget = {.failures = 2};
    cr_assert_eq(play(1, 0, budget, 1, 3, UINT64_MAX, text, sizeof text), ORDER_REASON_FAILURES);
    cr_assert(strstr(text, "t9 ") && !strstr(text, "t10 "));
}

Test(order, time_ends_at_the_tell_that_reaches_it)
{
    struct order_budget budget = {.seconds = 10};
    struct order *order = order_create(2, 0, &budget);
    order_asked(order, ORDER_TRIAL);
    order_asked(order, ORDER_TRIAL);
    order_outcome(order, 0);
    order_told(order, 0, 0, 0, 9.9);
    cr_assert_eq(order_next(order).action, ORDER_ASK);
    order_outcome(order, 1);
    order_told(order, 1, 0, 0, 10.0);
    cr_assert_eq(order_next(order).action, ORDER_END);
    cr_assert_eq(order_reason(order), ORDER_REASON_BUDGET);
    order_destroy(order);
}

Test(order, waiting_with_nothing_open_is_stuck)
{
    struct order_budget budget = {.trials = 5};
    struct order *order = order_create(2, 0, &budget);
    order_asked(order, ORDER_WAIT);
    cr_assert_eq(order_next(order).action, ORDER_END);
    cr_assert_eq(order_reason(order), ORDER_REASON_STUCK);
    order_destroy(order);
}

Test(order, waiting_ends_with_the_next_tell)
{
    struct order_budget budget = {.trials = 5};
    struct order *order = order_create(4, 0, &budget);
    order_asked(order, ORDER_TRIAL);
    order_asked(order, ORDER_WAIT);
    cr_assert_eq(order_next(order).action, ORDER_AWAIT);
    order_outcome(order, 0);
    cr_assert_eq(order_next(order).action, ORDER_TELL);
    order_told(order, 0, 0, 0, 0);
    cr_assert_eq(order_next(order).action, ORDER_ASK);
    order_destroy(order);
}

Test(order, withholds_outcomes_that_come_early)
{
    struct order_budget budget = {.trials = 3};
    struct order *order = order_create(3, 0, &budget);
    for (int i = 0; i < 3; i++)
        order_asked(order, ORDER_TRIAL);
    order_outcome(order, 2);
    order_outcome(order, 1);
    cr_assert_eq(order_next(order).action, ORDER_AWAIT);
    order_outcome(order, 0);
    cr_assert_eq(order_next(order).trial, 0);
    order_destroy(order);
}

Test(order, asynchronous_tells_as_outcomes_come)
{
    struct order_budget budget = {.trials = 3};
    struct order *order = order_create(3, 1, &budget);
    for (int i = 0; i < 3; i++)
        order_asked(order, ORDER_TRIAL);
    order_outcome(order, 2);
    order_outcome(order, 0);
    struct order_step step = order_next(order);
    cr_assert_eq(step.action, ORDER_TELL);
    cr_assert_eq(step.trial, 2);
    order_told(order, 2, 0, 0, 0);
    cr_assert_eq(order_next(order).trial, 0);
    order_destroy(order);
}

Test(order, refuses_more_trials_than_places)
{
    struct order_budget budget = {.trials = 9};
    struct order *order = order_create(1, 0, &budget);
    cr_assert_eq(order_asked(order, ORDER_TRIAL), ESP_OK);
    cr_assert_eq(order_asked(order, ORDER_TRIAL), ESP_ERROR_MISUSE);
    order_destroy(order);
}
