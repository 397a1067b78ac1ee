// SPDX-License-Identifier: Apache-2.0
// Advantages: against the moving average as the benchmark's code has it, powers, outcomes that say nothing,
// numbers as large as there are.
#include "../agent.h"

#include <criterion/criterion.h>

static int told(struct agent *agent, double objective, double *advantage)
{
    esp_outcome outcome = {.struct_size = sizeof outcome,
                           .status = ESP_OUTCOME_DONE,
                           .asked = 1,
                           .objectives = &objective,
                           .objective_count = 1,
                           .parent = -1};
    return agent_advantage(agent, &outcome, advantage);
}

// Numerator and denominator decay alike, and the reward counts before it is compared: the first advantage is 0.
Test(agent, the_average_of_the_benchmark)
{
    struct agent agent = {.power = 1, .momentum = 0.9, .includes = 1};
    const double rewards[] = {80, 90, 70, 85};
    double sum = 0, weight = 0, advantage;
    for (int i = 0; i < 4; i++) {
        sum = 0.9 * sum + 0.1 * rewards[i];
        weight = 0.9 * weight + 0.1;
        cr_assert_eq(told(&agent, -rewards[i], &advantage), 1);
        cr_expect_float_eq(advantage, rewards[i] - sum / weight, 1e-9, "%d: %g", i, advantage);
    }
}

Test(agent, earlier_rewards_alone)
{
    struct agent agent = {.power = 1, .momentum = 0.5};
    double advantage;
    cr_assert(told(&agent, -4, &advantage));
    cr_expect_eq(advantage, 0);
    cr_assert(told(&agent, -6, &advantage));
    cr_expect_eq(advantage, 2);
    cr_assert(told(&agent, -1, &advantage)); // (0.5 * 0.5 * 4 + 0.5 * 6) / 0.75
    cr_expect_float_eq(advantage, 1 - 16.0 / 3, 1e-12);
}

Test(agent, powers_keep_the_sign)
{
    struct agent agent = {.power = 3, .momentum = 0.5};
    double advantage;
    cr_assert(told(&agent, -0.5, &advantage));
    cr_assert(told(&agent, -1, &advantage));
    cr_expect_float_eq(advantage, 1 - 0.125, 1e-12);
    cr_assert(told(&agent, 2, &advantage));
    cr_expect_lt(advantage, -8);
}

Test(agent, outcomes_without_an_objective)
{
    struct agent agent = {.power = 1, .momentum = 0.9};
    double objective = 0, advantage;
    esp_outcome failed = {.struct_size = sizeof failed, .status = ESP_OUTCOME_FAILED, .asked = 1};
    esp_outcome lost = failed, given = failed, broken = failed;
    lost.status = ESP_OUTCOME_LOST;
    given.status = broken.status = ESP_OUTCOME_DONE;
    given.asked = 0;
    given.objectives = broken.objectives = &objective;
    given.objective_count = broken.objective_count = 1;
    broken.violation = 2;
    cr_expect_eq(agent_advantage(&agent, &failed, &advantage), 0); // nothing to compare with
    cr_expect_eq(agent_advantage(&agent, &broken, &advantage), 0);
    told(&agent, -5, &advantage);
    told(&agent, -9, &advantage);
    const double sum = agent.sum;
    cr_expect_eq(agent_advantage(&agent, &failed, &advantage), 1);
    cr_expect_float_eq(advantage, 5 - sum / agent.weight, 1e-12);
    cr_expect_eq(agent_advantage(&agent, &broken, &advantage), 1);
    cr_expect_float_eq(advantage, 5 - sum / agent.weight, 1e-12);
    cr_expect_eq(agent_advantage(&agent, &lost, &advantage), 0);
    cr_expect_eq(agent_advantage(&agent, &given, &advantage), 0);
    cr_expect_eq(agent.sum, sum);
}

Test(agent, the_largest_numbers)
{
    for (int power = 0; power < 3; power++) {
        struct agent agent = {.power = power == 0 ? 0.01 : power == 1 ? 1 : 10, .momentum = 0.9};
        double advantage;
        for (int i = 0; i < 40; i++) {
            cr_assert(told(&agent, i % 2 ? 1.7e308 : -1.7e308, &advantage));
            cr_assert(fabs(advantage) <= 1e6 && isfinite(agent.sum), "%g", advantage);
        }
        cr_expect_lt(advantage, 0);
    }
}
