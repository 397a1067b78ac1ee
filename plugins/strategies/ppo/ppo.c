// SPDX-License-Identifier: Apache-2.0
// The controller of NASNet (Zoph, Vasudevan, Shlens and Le 2018, "Learning transferable architectures for
// scalable image recognition", appendix): one layer of LSTM, trained by proximal policy optimization (Schulman
// et al. 2017) on minibatches of 20 architectures. When `batch` trials are told, `epochs` steps go up
//
//   mean over trials of the sum over decisions of min(r A, clip(r, 1 - c, 1 + c) A) + entropy weight * H
//
// r: the decision's probability now over that when it was drawn; A: the trial's reward over the moving
// average of earlier ones. The clip and the number of epochs are not in the paper: a clip of 0.2 did best in
// Schulman et al., whose Atari games took 3 epochs.
// Trials told late are what r is for: they are weighed by the policy that drew them.
#include "../reinforce/agent.h"

#include <stdlib.h>
#include <string.h>

static const char *const optimizers[] = {"adam", "sgd"};
static const char *const subsets[] = {"selection", "logits"};

// A trial that was asked for, its log-probabilities those of the ask.
struct sample {
    uint64_t trial;
    esp_episode episode; // owned
    double advantage;
};

struct samples {
    struct sample *all;
    uint64_t count, capacity;
};

struct ppo {
    struct agent agent;
    uint64_t batch, epochs;
    double clip, entropy;
    struct samples open; // in the order of asks
    struct samples told; // of the minibatch that is gathered
    const struct sample *at;
};

static const esp_param ppo_params[] = {
    ESP_PARAM_INT("layers", 1, 1, 4, "layers", "of LSTM"),
    ESP_PARAM_INT("units", 100, 1, 512, "units", "of a layer, and of an embedding"),
    ESP_PARAM_REAL("init", 0.1, 0.0, 10.0, "", "first weights are uniform in +-init"),
    ESP_PARAM_CHOICE("subsets", "logits", subsets,
                     "k of n by attention to what the options stand for, or by their own logits"),
    ESP_PARAM_BOOL("share", 0, "decisions whose paths differ in numbers alone share weights"),
    ESP_PARAM_INT("parts", 16, 2, 1000, "parts", "of reals, and of integers of more values"),
    ESP_PARAM_CHOICE("optimizer", "adam", optimizers, "of the controller"),
    ESP_PARAM_REAL_LOG("learning_rate", 0.00035, 1e-8, 10.0, "", "of the controller"),
    ESP_PARAM_REAL("beta1", 0.9, 0.0, 0.999999, "", "of Adam"),
    ESP_PARAM_REAL("beta2", 0.999, 0.0, 0.999999, "", "of Adam"),
    ESP_PARAM_INT("batch", 20, 1, 100000, "trials", "of a minibatch"),
    ESP_PARAM_INT("epochs", 3, 1, 1000, "steps", "of the controller on a minibatch"),
    ESP_PARAM_REAL("clip", 0.2, 1e-6, 1e6, "",
                   "how far from 1 the ratio of probabilities is rewarded"),
    ESP_PARAM_REAL("power", 1.0, 0.01, 10.0, "", "the objective is raised to, to be the reward"),
    ESP_PARAM_REAL("baseline", 0.95, 0.0, 0.999999, "", "weight of the past in the moving average"),
    ESP_PARAM_REAL("entropy", 0.00001, 0.0, 1e6, "", "weight of the decisions' entropies"),
    ESP_PARAM_BOOL("repeat", 1, "may an architecture be tried again"),
};

static void samples_free(struct samples *samples)
{
    for (uint64_t i = 0; i < samples->count; i++)
        esp_episode_free(&samples->all[i].episode);
    free(samples->all);
}

static void ppo_destroy(void *context)
{
    struct ppo *self = context;
    agent_free(&self->agent);
    samples_free(&self->open);
    samples_free(&self->told);
    free(self);
}

static esp_status ppo_create(esp_create *create, esp_search *search, void **out)
{
    (void)search;
    struct ppo *self = calloc(1, sizeof *self);
    if (!self)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    self->batch = (uint64_t)esp_param_int(create, "batch");
    self->epochs = (uint64_t)esp_param_int(create, "epochs");
    self->clip = esp_param_real(create, "clip");
    self->entropy = esp_param_real(create, "entropy");
    esp_status status =
        agent_create(&self->agent, create, (uint64_t)esp_param_int(create, "layers"),
                     (uint64_t)esp_param_int(create, "units"), esp_param_real(create, "init"));
    if (status != ESP_OK) {
        ppo_destroy(self);
        return esp_fail(create, status, "out of memory");
    }
    *out = self;
    return ESP_OK;
}

// ---- Ask ----------------------------------------------------------------------------------------------

// A place for one more; NULL: out of memory.
static struct sample *add_sample(struct samples *samples)
{
    if (samples->count == samples->capacity) {
        const uint64_t capacity = samples->capacity ? 2 * samples->capacity : 32;
        struct sample *all = realloc(samples->all, capacity * sizeof *all);
        if (!all)
            return NULL;
        samples->all = all;
        samples->capacity = capacity;
    }
    struct sample *sample = &samples->all[samples->count];
    memset(sample, 0, sizeof *sample);
    return sample;
}

static esp_status ppo_ask(void *context, esp_search *search, esp_ask *ask)
{
    struct ppo *self = context;
    esp_arch *arch = NULL;
    struct sample *sample = add_sample(&self->open);
    if (!sample)
        return esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
    esp_status status = agent_propose(&self->agent, search, &sample->episode, &arch);
    if (status == ESP_OK && !arch)
        status = esp_ask_done(ask, "exhausted");
    else if (status == ESP_OK)
        status = esp_ask_trial(ask, arch);
    if (status == ESP_OK && arch) {
        sample->trial = esp_ask_number(ask);
        self->open.count++;
    } else {
        esp_episode_free(&sample->episode);
    }
    esp_arch_release(arch);
    return status;
}

// ---- Tell ---------------------------------------------------------------------------------------------

// The slope of min(r A, clip(r) A) by the log-probability.
static double slope(void *context, const esp_token *token, double log_probability)
{
    const struct ppo *self = context;
    const double advantage = self->at->advantage;
    const double ratio = exp(fmin(20.0, log_probability - token->log_probability));
    if (advantage >= 0.0 ? ratio > 1.0 + self->clip : ratio < 1.0 - self->clip)
        return 0.0;
    return advantage * ratio;
}

static esp_status learn(struct ppo *self)
{
    esp_controller *controller = self->agent.controller;
    for (uint64_t epoch = 0; epoch < self->epochs; epoch++) {
        for (uint64_t i = 0; i < self->told.count; i++) {
            self->at = &self->told.all[i];
            esp_status status = esp_controller_add_gradient(controller, &self->at->episode, slope,
                                                            self, self->entropy);
            if (status != ESP_OK)
                return status;
        }
        esp_controller_climb(controller, &self->agent.climb, 1.0 / (double)self->told.count);
    }
    while (self->told.count > 0)
        esp_episode_free(&self->told.all[--self->told.count].episode);
    return ESP_OK;
}

// Its sample, out of the open ones; an empty one where it was not asked for.
static struct sample close_sample(struct samples *open, uint64_t trial)
{
    struct sample found = {0};
    for (uint64_t i = 0; i < open->count; i++) {
        if (open->all[i].trial != trial)
            continue;
        found = open->all[i];
        memmove(&open->all[i], &open->all[i + 1], (open->count - i - 1) * sizeof found);
        open->count--;
        break;
    }
    return found;
}

static esp_status ppo_tell(void *context, esp_search *search, const esp_outcome *outcome)
{
    struct ppo *self = context;
    struct sample sample = close_sample(&self->open, outcome->trial);
    if (!agent_advantage(&self->agent, outcome, &sample.advantage)) {
        esp_episode_free(&sample.episode);
        return ESP_OK;
    }
    struct sample *place = add_sample(&self->told);
    if (!place) {
        esp_episode_free(&sample.episode);
        return esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
    }
    *place = sample;
    self->told.count++;
    if (self->told.count < self->batch)
        return ESP_OK;
    esp_status status = learn(self);
    return status == ESP_OK ? status : esp_fail(search, status, "out of memory");
}

static void ppo_describe(esp_strategy_type *out)
{
    out->summary = "the controller of NASNet: proximal policy optimization of an LSTM";
    out->source = "Zoph et al. 2018";
    ESP_SET_PARAMS(out, ppo_params);
    out->takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET;
    out->create = ppo_create;
    out->destroy = ppo_destroy;
    out->ask = ppo_ask;
    out->tell = ppo_tell;
}

ESP_PLUGIN("0.1.0", ESP_STRATEGY("ppo", ppo_describe))
