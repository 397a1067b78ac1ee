// SPDX-License-Identifier: Apache-2.0
// REINFORCE (Williams 1992) for architectures: the recurrent controller of Zoph and Le 2017, "Neural
// architecture search with reinforcement learning", and, with `controller = table`, the plain logits of the
// benchmark papers (Dong and Yang 2020, "NAS-Bench-201"). The gradient of the mean over `batch` trials of
// (reward - moving average) * log-probability is climbed when the last of them is told.
//
// What is not the papers': a trial told late is weighed by the policy of now, not by that of its ask (Zoph
// and Le's replicas push gradients that are as late). Depth does not grow with the number of samples: a
// space whose depth is a decision has it drawn.
#include "agent.h"

#include <stdlib.h>

static const char *const controllers[] = {"lstm", "table"};
static const char *const optimizers[] = {"adam", "sgd"};
static const char *const subsets[] = {"selection", "logits"};
static const char *const averages[] = {"earlier", "all"};

struct reinforce {
    struct agent agent;
    uint64_t batch, told; // trials of a step, and of the one that is under way
    double entropy;
    esp_episode episode;
    double advantage;
};

static const esp_param reinforce_params[] = {
    ESP_PARAM_CHOICE("controller", "lstm", controllers,
                     "a recurrent network, or a table with a logit for every option"),
    ESP_PARAM_INT("layers", 2, 1, 4, "layers", "of LSTM"),
    ESP_PARAM_INT("units", 35, 1, 512, "units", "of a layer, and of an embedding"),
    ESP_PARAM_REAL("init", 0.08, 0.0, 10.0, "",
                   "first weights are uniform in +-init; a table's normal of this deviation"),
    ESP_PARAM_CHOICE("subsets", "selection", subsets,
                     "k of n by attention to what the options stand for, or by their own logits"),
    ESP_PARAM_BOOL("share", 0, "decisions whose paths differ in numbers alone share weights"),
    ESP_PARAM_INT("parts", 16, 2, 1000, "parts", "of reals, and of integers of more values"),
    ESP_PARAM_CHOICE("optimizer", "adam", optimizers, "of the controller"),
    ESP_PARAM_REAL_LOG("learning_rate", 6e-4, 1e-8, 10.0, "", "of the controller"),
    ESP_PARAM_REAL("beta1", 0.9, 0.0, 0.999999, "", "of Adam"),
    ESP_PARAM_REAL("beta2", 0.999, 0.0, 0.999999, "", "of Adam"),
    ESP_PARAM_INT("batch", 8, 1, 100000, "trials", "of a step of the controller"),
    ESP_PARAM_REAL("power", 3.0, 0.01, 10.0, "", "the objective is raised to, to be the reward"),
    ESP_PARAM_REAL("baseline", 0.9, 0.0, 0.999999, "", "weight of the past in the moving average"),
    ESP_PARAM_CHOICE("average", "earlier", averages,
                     "a reward is compared with earlier ones, or with itself among them"),
    ESP_PARAM_REAL("entropy", 0.0, 0.0, 1e6, "", "weight of the decisions' entropies"),
    ESP_PARAM_BOOL("repeat", 1, "may an architecture be tried again"),
};

static void reinforce_destroy(void *context)
{
    struct reinforce *self = context;
    agent_free(&self->agent);
    esp_episode_free(&self->episode);
    free(self);
}

static esp_status reinforce_create(esp_create *create, esp_search *search, void **out)
{
    (void)search;
    const int table = esp_param_int(create, "controller") == 1;
    struct reinforce *self = calloc(1, sizeof *self);
    if (!self)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    self->batch = (uint64_t)esp_param_int(create, "batch");
    self->entropy = esp_param_real(create, "entropy");
    esp_status status =
        agent_create(&self->agent, create, table ? 0 : (uint64_t)esp_param_int(create, "layers"),
                     (uint64_t)esp_param_int(create, "units"), esp_param_real(create, "init"));
    self->agent.includes = esp_param_int(create, "average") == 1;
    if (status != ESP_OK) {
        reinforce_destroy(self);
        return esp_fail(create, status, "out of memory");
    }
    *out = self;
    return ESP_OK;
}

static esp_status reinforce_ask(void *context, esp_search *search, esp_ask *ask)
{
    struct reinforce *self = context;
    esp_arch *arch = NULL;
    esp_status status = agent_propose(&self->agent, search, &self->episode, &arch);
    if (status != ESP_OK)
        return status;
    if (!arch)
        return esp_ask_done(ask, "exhausted");
    status = esp_ask_trial(ask, arch);
    esp_arch_release(arch);
    return status;
}

static double slope(void *context, const esp_token *token, double log_probability)
{
    const struct reinforce *self = context;
    (void)token;
    (void)log_probability;
    return self->advantage;
}

static esp_status reinforce_tell(void *context, esp_search *search, const esp_outcome *outcome)
{
    struct reinforce *self = context;
    esp_controller *controller = self->agent.controller;
    if (!agent_advantage(&self->agent, outcome, &self->advantage))
        return ESP_OK;
    esp_status status = esp_controller_read_arch(controller, &self->episode, outcome->arch);
    if (status == ESP_OK)
        status =
            esp_controller_add_gradient(controller, &self->episode, slope, self, self->entropy);
    if (status != ESP_OK)
        return esp_fail(search, status, "out of memory");
    if (++self->told == self->batch) {
        esp_controller_climb(controller, &self->agent.climb, 1.0 / (double)self->batch);
        self->told = 0;
    }
    return ESP_OK;
}

static void reinforce_describe(esp_strategy_type *out)
{
    out->summary = "a controller that learns by policy gradients which decisions are rewarded";
    out->source = "Zoph and Le 2017; Dong and Yang 2020";
    ESP_SET_PARAMS(out, reinforce_params);
    out->takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET;
    out->create = reinforce_create;
    out->destroy = reinforce_destroy;
    out->ask = reinforce_ask;
    out->tell = reinforce_tell;
}

ESP_PLUGIN("0.1.0", ESP_STRATEGY("reinforce", reinforce_describe))
