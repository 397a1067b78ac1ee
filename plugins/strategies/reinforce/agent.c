// SPDX-License-Identifier: Apache-2.0
// Proposals and advantages; see agent.h.
#include "agent.h"

// Draws that were all tried already before a random member is taken.
#define ROUNDS 32
// Rewards, and what they are raised to, stay where sums and differences are finite.
#define LARGEST_REWARD 1e300
#define LARGEST_ADVANTAGE 1e6

esp_status agent_create(struct agent *agent, esp_create *create, uint64_t layers, uint64_t units,
                        double range)
{
    const esp_controller_options options = {
        .layers = layers,
        .units = units,
        .range = range,
        .parts = (uint64_t)esp_param_int(create, "parts"),
        .flags = (esp_param_int(create, "subsets") == 0 ? ESP_CONTROLLER_SET_SELECTION : 0) |
                 (esp_param_int(create, "share") ? ESP_CONTROLLER_SHARE : 0),
        .seed = esp_create_seed(create)};
    agent->climb = (esp_climb){.rule = (uint32_t)esp_param_int(create, "optimizer"),
                               .learning_rate = esp_param_real(create, "learning_rate"),
                               .beta1 = esp_param_real(create, "beta1"),
                               .beta2 = esp_param_real(create, "beta2"),
                               .epsilon = 1e-8};
    agent->repeat = (int)esp_param_int(create, "repeat");
    agent->power = esp_param_real(create, "power");
    agent->momentum = esp_param_real(create, "baseline");
    return esp_controller_create(&agent->controller, &options);
}

void agent_free(struct agent *agent)
{
    esp_controller_destroy(agent->controller);
}

esp_status agent_propose(struct agent *agent, esp_search *search, esp_episode *episode,
                         esp_arch **out)
{
    for (int round = 0; round < (agent->repeat ? 1 : ROUNDS); round++) {
        esp_status status = esp_controller_propose(agent->controller, search, episode, out);
        if (status != ESP_OK || agent->repeat || !esp_search_seen(search, *out))
            return status;
        esp_arch_release(*out);
        *out = NULL;
    }
    esp_status status = esp_search_sample_unseen(search, esp_search_random(search), out);
    if (status != ESP_OK || !*out)
        return status;
    status = esp_controller_read_arch(agent->controller, episode, *out);
    if (status == ESP_OK)
        status = esp_controller_measure(agent->controller, episode, NULL);
    if (status == ESP_OK)
        return ESP_OK;
    esp_arch_release(*out);
    *out = NULL;
    return esp_fail(search, status, "out of memory");
}

static double bounded(double x, double largest)
{
    return fmin(largest, fmax(-largest, x));
}

// The larger, the better; a power keeps the order of negative ones too.
static double reward_of(const struct agent *agent, double objective)
{
    const double size = pow(fabs(objective), agent->power);
    return bounded(objective > 0.0 ? -size : size, LARGEST_REWARD);
}

int agent_advantage(struct agent *agent, const esp_outcome *outcome, double *advantage)
{
    const double average = agent->weight > 0.0 ? agent->sum / agent->weight : 0.0;
    // A trial that was not asked for is no draw of the policy; a lost one was not tried.
    if (!outcome->asked || outcome->status == ESP_OUTCOME_LOST ||
        outcome->status == ESP_OUTCOME_CANCELLED)
        return 0;
    if (outcome->objective_count == 0 || outcome->violation > 0.0) {
        *advantage = bounded(agent->worst - average, LARGEST_ADVANTAGE);
        return agent->any;
    }
    const double reward = reward_of(agent, outcome->objectives[0]);
    agent->sum = agent->momentum * agent->sum + (1.0 - agent->momentum) * reward;
    agent->weight = agent->momentum * agent->weight + (1.0 - agent->momentum);
    agent->worst = agent->any ? fmin(agent->worst, reward) : reward;
    // Of the first one alone nothing is known.
    const double base = agent->includes || !agent->any ? agent->sum / agent->weight : average;
    agent->any = 1;
    *advantage = bounded(reward - base, LARGEST_ADVANTAGE);
    return 1;
}
