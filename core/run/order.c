// SPDX-License-Identifier: Apache-2.0
// The order of asks and tells; see order.h. Open trials lie in a ring of `lookahead` places, oldest
// first; each knows the number of its outcome's arrival (0 = still out).
#include "run/order.h"

#include <stdlib.h>

struct open_trial {
    uint64_t trial;
    uint64_t arrival;
};

struct order {
    uint64_t lookahead;
    int async;
    struct order_budget budget;

    struct open_trial *open; // `open_count` of them, oldest first
    uint64_t open_count;

    uint64_t asked;    // trials asked: the next one's number
    uint64_t arrivals; // outcomes that came in
    uint64_t failures;
    double cost;
    int waiting;              // the strategy answered WAIT, and nothing was told since
    int done;                 // the strategy answered DONE
    enum order_reason reason; // set when the run is over whatever is open
};

struct order *order_create(uint64_t lookahead, int async, const struct order_budget *budget)
{
    struct order *order = calloc(1, sizeof *order);
    if (!order)
        return NULL;
    order->lookahead = lookahead ? lookahead : 1;
    order->async = async;
    order->budget = *budget;
    order->open = calloc(order->lookahead, sizeof *order->open);
    if (!order->open) {
        free(order);
        return NULL;
    }
    return order;
}

void order_destroy(struct order *order)
{
    if (!order)
        return;
    free(order->open);
    free(order);
}

static int may_ask(const struct order *order)
{
    if (order->done || order->waiting || order->open_count >= order->lookahead)
        return 0;
    return order->budget.trials == 0 || order->asked < order->budget.trials;
}

// The place of the open trial that is to be told next, or -1: in fixed order the oldest alone.
static int64_t next_to_tell(const struct order *order)
{
    if (!order->async)
        return order->open_count > 0 && order->open[0].arrival > 0 ? 0 : -1;
    int64_t first = -1;
    for (uint64_t i = 0; i < order->open_count; i++)
        if (order->open[i].arrival > 0 &&
            (first < 0 || order->open[i].arrival < order->open[first].arrival))
            first = (int64_t)i;
    return first;
}

struct order_step order_next(const struct order *order)
{
    if (order->reason != ORDER_REASON_NONE)
        return (struct order_step){ORDER_END, 0};
    if (may_ask(order))
        return (struct order_step){ORDER_ASK, 0};
    int64_t place = next_to_tell(order);
    if (place >= 0)
        return (struct order_step){ORDER_TELL, order->open[place].trial};
    if (order->open_count > 0)
        return (struct order_step){ORDER_AWAIT, 0};
    return (struct order_step){ORDER_END, 0};
}

esp_status order_asked(struct order *order, enum order_answer answer)
{
    switch (answer) {
    case ORDER_WAIT:
        order->waiting = 1;
        return ESP_OK;
    case ORDER_DONE:
        order->done = 1;
        return ESP_OK;
    case ORDER_TRIAL:
        break;
    }
    if (order->open_count >= order->lookahead)
        return ESP_ERROR_MISUSE;
    order->open[order->open_count++] = (struct open_trial){order->asked++, 0};
    return ESP_OK;
}

static int64_t find_open(const struct order *order, uint64_t trial)
{
    for (uint64_t i = 0; i < order->open_count; i++)
        if (order->open[i].trial == trial)
            return (int64_t)i;
    return -1;
}

void order_outcome(struct order *order, uint64_t trial)
{
    int64_t place = find_open(order, trial);
    if (place >= 0 && order->open[place].arrival == 0)
        order->open[place].arrival = ++order->arrivals;
}

int order_passes_cost(const struct order *order, double cost)
{
    return order->budget.cost > 0 && order->cost + cost > order->budget.cost;
}

void order_told(struct order *order, uint64_t trial, int failed, double cost, double seconds)
{
    int64_t place = find_open(order, trial);
    if (place < 0)
        return;
    for (uint64_t i = (uint64_t)place; i + 1 < order->open_count; i++)
        order->open[i] = order->open[i + 1];
    order->open_count--;
    order->waiting = 0;
    order->cost += cost;
    order->failures += failed ? 1 : 0;
    if (order->budget.failures > 0 && order->failures >= order->budget.failures)
        order->reason = ORDER_REASON_FAILURES;
    else if (order->budget.cost > 0 && order->cost >= order->budget.cost)
        order->reason = ORDER_REASON_BUDGET;
    else if (order->budget.seconds > 0 && seconds >= order->budget.seconds)
        order->reason = ORDER_REASON_BUDGET;
}

void order_end(struct order *order, enum order_reason reason)
{
    if (order->reason == ORDER_REASON_NONE)
        order->reason = reason;
}

uint64_t order_open_count(const struct order *order)
{
    return order->open_count;
}

uint64_t order_open(const struct order *order, uint64_t i)
{
    return order->open[i].trial;
}

uint64_t order_asked_count(const struct order *order)
{
    return order->asked;
}

double order_cost(const struct order *order)
{
    return order->cost;
}

enum order_reason order_reason(const struct order *order)
{
    if (order->reason != ORDER_REASON_NONE)
        return order->reason;
    if (order->done)
        return ORDER_REASON_STRATEGY;
    if (order->waiting)
        return ORDER_REASON_STUCK;
    return ORDER_REASON_BUDGET;
}
