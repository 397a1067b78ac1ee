// SPDX-License-Identifier: Apache-2.0
// What the policy-gradient strategies (reinforce, ../ppo) have in common: a controller that proposes, and the
// advantage of an outcome, its reward over a moving average of rewards.
#ifndef REINFORCE_AGENT_H
#define REINFORCE_AGENT_H

#include <espalier/espalier.h>
#include <espalier/support/controller.h>

struct agent {
    esp_controller *controller;
    esp_climb climb;
    int repeat;
    double power;       // rewards are raised to
    double momentum;    // of the moving average
    int includes;       // it has the outcome itself, not only earlier ones
    double sum, weight; // of rewards, decaying; their quotient is the average
    double worst;       // reward of those that have one
    int any;            // there was one
};

// Reads the parameters that both have: parts, share, subsets, repeat, power, baseline, optimizer,
// learning_rate, beta1, beta2. `layers`, `units`, `range`: of the controller.
esp_status agent_create(struct agent *agent, esp_create *create, uint64_t layers, uint64_t units,
                        double range);
void agent_free(struct agent *agent);

// What is tried next, with its decisions. `*out`: one reference, the caller's; NULL: all members of the
// space were tried, and none may be again.
esp_status agent_propose(struct agent *agent, esp_search *search, esp_episode *episode,
                         esp_arch **out);

// 0: the outcome says nothing about its architecture. Otherwise its advantage, within +-1e6: one that
// failed, or breaks a constraint, has the worst reward so far and leaves the average as it is.
int agent_advantage(struct agent *agent, const esp_outcome *outcome, double *advantage);

#endif
