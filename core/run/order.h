// SPDX-License-Identifier: Apache-2.0
// The order of asks and tells, as a pure state machine: no clocks, no processes, no strategy. The
// run does what order_next says and reports what came of it; so the same trials come out with any
// number of workers, and a resume replays by feeding stored outcomes to the same machine.
//
// Fixed order, lookahead L: ask until L trials are open or the strategy answers WAIT or DONE; tell
// the oldest open trial as soon as its outcome is in; ask again. Outcomes that come early are
// withheld. Asynchronous order: tell in the order in which outcomes came.
#ifndef RUN_ORDER_H
#define RUN_ORDER_H

#include "error/error.h"

#include <stdint.h>

struct order_budget {
    uint64_t trials;   // 0 = no limit
    uint64_t failures; // 0 = no limit
    double cost;       // 0 = no limit
    double seconds;    // 0 = no limit
};

enum order_action {
    ORDER_ASK,   // ask the strategy, then order_asked
    ORDER_TELL,  // tell trial `trial`, then order_told
    ORDER_AWAIT, // nothing to do until an outcome comes
    ORDER_END    // over; order_reason says why. Trials still open become cancelled
};

enum order_answer { ORDER_TRIAL, ORDER_WAIT, ORDER_DONE };

enum order_reason {
    ORDER_REASON_NONE,
    ORDER_REASON_BUDGET,
    ORDER_REASON_FAILURES,
    ORDER_REASON_TARGET,   // [budget] target was met
    ORDER_REASON_STRATEGY, // it answered DONE
    ORDER_REASON_STUCK     // it answered WAIT with no trial open
};

struct order;

struct order *order_create(uint64_t lookahead, int async, const struct order_budget *budget);
void order_destroy(struct order *order);

struct order_step {
    enum order_action action;
    uint64_t trial; // of ORDER_TELL
};

struct order_step order_next(const struct order *order);

// What the strategy answered; TRIAL opens the next number.
esp_status order_asked(struct order *order, enum order_answer answer);

// An open trial's outcome came in.
void order_outcome(struct order *order, uint64_t trial);

// Would telling a trial of this cost pass the cost budget? Then the run cancels it instead.
int order_passes_cost(const struct order *order, double cost);

// The outcome was told. `seconds`: of the run so far, recorded, so that a replay ends where the
// first run did.
void order_told(struct order *order, uint64_t trial, int failed, double cost, double seconds);

// Ends the run now: its cost budget would be passed, or it was interrupted.
void order_end(struct order *order, enum order_reason reason);

uint64_t order_open_count(const struct order *order);
// Open trial `i`, oldest first.
uint64_t order_open(const struct order *order, uint64_t i);
uint64_t order_asked_count(const struct order *order);
double order_cost(const struct order *order);
enum order_reason order_reason(const struct order *order);

#endif
