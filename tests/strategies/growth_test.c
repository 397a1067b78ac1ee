// SPDX-License-Identifier: Apache-2.0
// Memory grows with the trials and no faster: what a strategy and the coordinator hold on the heap for 2,000 trials less
// 1,000, beside 1,000 less 500. Sizes stand just below powers of two, so that arrays that double are as full at
// each. A strategy joins by a line of the table.
#include "support/strategy_lab.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>

static const char *const subjects[][2] = {
    {"chain", "plugin = random\n"},
    {"chain", "plugin = exhaustive\n"},
    {"chain", "plugin = local_search\n"},
    {"chain", "plugin = evolution\n"},
    {"chain", "plugin = evolution\nremoval = none\ncrossover_rate = 0.5\n"},
    {"chain", "plugin = regularized_evolution\n"},
    {"hierarchical", "plugin = hierarchical_evolution\ninitial_mutations = 10\n"},
    {"neat\ninputs = 2\noutputs = 1", "plugin = neat\n"},
    {"nasbench201", "plugin = reinforce\nunits = 4\n"},
    {"nasbench201", "plugin = ppo\nunits = 4\nepochs = 1\n"},
    {"nasbench201", "plugin = tpe\n"},
    {"nasbench201", "plugin = tpe\nmultivariate = yes\n"},
    {"nasbench201", "plugin = gp\ncandidates = 5\nrefit = 1000\nfit_points = 20\nrestarts = 0\n"
                    "points = 20\n"},
    {"nasbench201", "plugin = bananas\nnetworks = 1\nlayers = 1\nunits = 2\nepochs = 1\n"
                    "minibatch = 500\nbatch = 100\n"},
    {"nasbench201", "plugin = nsga2\n"},
};

static double heap(void)
{
    struct mallinfo2 info = mallinfo2();
    return (double)info.uordblks + (double)info.hblkhd;
}

// Bytes in use beside the lab's own list of architectures, which a run does not keep.
static double in_use(struct strategy_lab *lab, uint64_t trials, uint64_t *told)
{
    for (; *told < trials; ++*told) {
        cr_assert_eq(strategy_lab_ask(lab), ANSWER_TRIAL);
        double objective = (double)(arch_hash(lab->archs[*told]) >> 11) * 0x1p-53;
        strategy_lab_tell(lab, *told, &objective, 0.0);
        arch_release(lab->archs[*told]);
        lab->archs[*told] = NULL;
    }
    return heap() - (double)lab->capacity * sizeof *lab->archs;
}

Test(growth, memory_is_linear_in_trials)
{
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        struct strategy_lab lab;
        char ini[512];
        uint64_t told = 0;
        snprintf(ini, sizeof ini, "[space]\nplugin = %s\n[strategy]\n%s", subjects[i][0],
                 subjects[i][1]);
        strategy_lab_open(&lab, ini, NULL, 1, 0);
        double few = in_use(&lab, 500, &told), more = in_use(&lab, 1000, &told);
        double many = in_use(&lab, 2000, &told);
        // Twice the trials, and a page for what hangs on outcomes.
        cr_expect_leq(many - more, 2.2 * (more - few) + 65536, "%g, then %g bytes of\n%s",
                      more - few, many - more, subjects[i][1]);
        cr_expect_leq(many - more, 1000 * 2000, "%g bytes a trial of\n%s", (many - more) / 1000,
                      subjects[i][1]);
        lab.count = 0; // all were released
        strategy_lab_close(&lab);
    }
}
