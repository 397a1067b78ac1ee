// SPDX-License-Identifier: Apache-2.0
// One claim of an expected.json, held against what `espalier results --json` printed.
//
// A claim has a `method` as `espalier results` calls it, a `metric` (left out: the objective), a `statistic` of its
// column (left out: mean), and `value` with `tolerance`, `least` or `most`. In the place of a metric:
//   runs      `trials`: of the runs that ended on their [budget] target, those of the last one counted; `missed`:
//             how many runs did not
//   share_of  a method: the statistic over that of this one (of hypervolumes: over that of the exact front)
//   beside    true: how far its mean lies from that of the sweep with other plugins, in standard errors of the
//             difference
// Or it has a `pair` of methods: `statistic` a12, p_holm, or `p_better`, which is p where the first is the better
// one and 1 where it is not. "*" stands for every method, one claim each. `percent`: the values are in percent.
#ifndef REPRODUCE_CLAIM_H
#define REPRODUCE_CLAIM_H

#include <jansson.h>

struct counts {
    int held, missed, skipped;
};

// Prints a claim beside what was found and counts it. `other`: the results with other plugins, or NULL.
void claim_check(const json_t *results, const json_t *other, const json_t *claim,
                 struct counts *counts);

#endif
