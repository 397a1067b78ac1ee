// SPDX-License-Identifier: Apache-2.0
// A strategy's plugin under test, as an INI names it, asked and told by hand: what it proposes for
// outcomes that the test makes up. Runs through the program are support/command.h.
#ifndef SUPPORT_STRATEGY_LAB_H
#define SUPPORT_STRATEGY_LAB_H

#include "run/search.h"
#include "support/session_lab.h"

struct strategy_lab {
    struct session_lab lab;
    struct search *search;
    struct instance *strategy;
    const esp_strategy_type *type;
    struct builder *builder;
    // The trials that it asked for, one reference each.
    struct arch **archs;
    uint64_t count, capacity;
    char reason[128]; // of DONE
    struct error error;
};

// `ini`: [space] and [strategy], and what else may follow [estimator] (nk_landscape, unless it has one)
// and [objective]. `space`: NULL, or one that lives in the test, `[space] plugin = sketch`.
void strategy_lab_open(struct strategy_lab *lab, const char *ini, const esp_space_type *space,
                       uint64_t objectives, uint64_t trial_budget);
void strategy_lab_close(struct strategy_lab *lab);

// A space that is a build function alone, without parameters.
esp_space_type strategy_lab_space(esp_status (*build)(void *self, esp_builder *b));

// One ask; a trial joins lab->archs. An ask that fails ends the test.
enum answer strategy_lab_ask(struct strategy_lab *lab);
// One that fails: the words.
const char *strategy_lab_ask_fails(struct strategy_lab *lab);
// Tells the outcome of a trial; `objectives` NULL: it failed. Less is better.
void strategy_lab_tell(struct strategy_lab *lab, uint64_t trial, const double *objectives,
                       double violation);
// Asks for `trials` trials and tells outcomes that say nothing, in a lab of its own each: all the same, as large as
// numbers are, all failed, all breaking a constraint. A WAIT, a DONE or a failing call ends the test.
void strategy_lab_say_nothing(const char *ini, uint64_t trials);
// An outcome that was not asked for, as [start] has it; it becomes the next trial.
void strategy_lab_give(struct strategy_lab *lab, struct arch *arch, const double *objectives);

// The fitness of nk_landscape, higher is better.
double strategy_lab_fitness(struct strategy_lab *lab, struct arch *arch);
// Asks and tells 1 - fitness, one after the other, until `trials` trials are there or it answers DONE;
// an unexpected WAIT fails the test.
enum answer strategy_lab_run(struct strategy_lab *lab, uint64_t trials);

#endif
