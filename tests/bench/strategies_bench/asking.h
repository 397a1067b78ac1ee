// SPDX-License-Identifier: Apache-2.0
// A strategy asked and told in this process, without a store or a test around it: what it and the host's building
// of architectures take, alone.
#ifndef BENCH_ASKING_H
#define BENCH_ASKING_H

#include <stdint.h>

struct asking;

// `strategy`: the lines of [strategy]; `space`, `estimator`: those of their sections. With two objectives the second
// is a number made of the architecture's hash.
struct asking *asking_open(const char *space, const char *strategy, const char *estimator,
                           uint64_t objectives);
void asking_close(struct asking *asking);

// Trials so far.
uint64_t asking_count(const struct asking *asking);
// Tells `trials` random members that it did not ask for, as [start] does.
void asking_give(struct asking *asking, uint64_t trials);
// Asks for trials and tells their outcomes, one after the other, until there are `count`. Answers seconds of processor
// time in ask and tell; evaluations are left out. `*decisions` grows by those of the architectures asked.
double asking_until(struct asking *asking, uint64_t count, uint64_t *decisions);

// Seconds that making a child of random members takes without a strategy: a change of one decision, and in a share
// `crossed` of them a crossover before it. The mean of `children` of them.
double asking_build(struct asking *asking, uint64_t children, double crossed);

// Bytes in use on the heap of the process.
double asking_heap(void);

#endif
