// SPDX-License-Identifier: Apache-2.0
// The tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kegl 2011, "Algorithms for
// hyper-parameter optimization"), with the settings of Optuna 3: two mixtures, of the good trials and of
// the others; of draws from the first the one where it exceeds the second most is tried next, which
// maximises the expected improvement. Each decision has mixtures of its own, made of the trials that have
// it, so conditional decisions need nothing; with `multivariate` there is one over all.
//
// What is not in the papers: trials without an objective count as bad ones, so what fails is avoided; what
// breaks a constraint ranks behind what does not, by how much.
#include "propose.h"

#include <stdlib.h>

static const char *const rules[] = {"linear", "sqrt"};

struct tpe {
    uint64_t startup;
    uint64_t candidates;
    int64_t constant_liar;
    int64_t repeat;
    struct history history;
};

static const esp_param tpe_params[] = {
    ESP_PARAM_INT("startup", 10, 1, 1000000, "trials",
                  "random architectures until so many trials have an outcome"),
    ESP_PARAM_INT("candidates", 24, 1, 100000, "draws",
                  "draws from the good ones' mixture, of which the best is taken"),
    ESP_PARAM_REAL("gamma", 0.1, 1e-6, 1.0, "", "share of the trials that are good"),
    ESP_PARAM_CHOICE("gamma_rule", "linear", rules,
                     "of n trials ceil(gamma n) are good, or ceil(gamma sqrt(n)) as in hyperopt"),
    ESP_PARAM_INT("good", 25, 1, 1000000, "trials", "the most that are good"),
    ESP_PARAM_REAL("prior_weight", 1.0, 1e-6, 1e6, "",
                   "weight of the prior among the observations"),
    ESP_PARAM_BOOL("multivariate", 0, "one mixture over all decisions, not one each"),
    ESP_PARAM_BOOL(
        "equal_height", 1,
        "kernels of single reals have equal height, as in Optuna up to 3.4; no: equal mass"),
    ESP_PARAM_BOOL("constant_liar", 1, "open trials count as bad ones"),
    ESP_PARAM_BOOL("repeat", 1, "may an architecture be tried again"),
};

static void tpe_destroy(void *context)
{
    struct tpe *self = context;
    history_free(&self->history);
    free(self);
}

static esp_status tpe_create(esp_create *create, esp_search *search, void **out)
{
    (void)search;
    struct tpe *self = calloc(1, sizeof *self);
    if (!self)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    struct rule rule = {.gamma = esp_param_real(create, "gamma"),
                        .rule = esp_param_int(create, "gamma_rule"),
                        .most = (uint64_t)esp_param_int(create, "good"),
                        .prior_weight = esp_param_real(create, "prior_weight"),
                        .joint = (int)esp_param_int(create, "multivariate"),
                        .equal_height = (int)(esp_param_int(create, "equal_height") &&
                                              !esp_param_int(create, "multivariate"))};
    self->startup = (uint64_t)esp_param_int(create, "startup");
    self->candidates = (uint64_t)esp_param_int(create, "candidates");
    self->constant_liar = esp_param_int(create, "constant_liar");
    self->repeat = esp_param_int(create, "repeat");
    if (history_create(&self->history, &rule) != ESP_OK) {
        tpe_destroy(self);
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    }
    *out = self;
    return ESP_OK;
}

static esp_status propose(struct tpe *self, esp_search *search, esp_arch **out)
{
    struct proposer proposer = {&self->history, search, esp_search_random(search), self->candidates,
                                (int)self->repeat};
    *out = NULL;
    if (self->history.known < self->startup || self->history.good_count == 0)
        return ESP_OK;
    if (self->constant_liar && history_lie(&self->history) != ESP_OK)
        return esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
    return self->history.joint ? propose_joint(&proposer, out) : propose_alone(&proposer, out);
}

static esp_status tpe_ask(void *context, esp_search *search, esp_ask *ask)
{
    struct tpe *self = context;
    esp_arch *arch = NULL;
    esp_status status = propose(self, search, &arch);
    if (status == ESP_OK && !arch)
        status = self->repeat ? esp_search_sample(search, esp_search_random(search), &arch)
                              : esp_search_sample_unseen(search, esp_search_random(search), &arch);
    if (status != ESP_OK)
        return status;
    if (!arch)
        return esp_ask_done(ask, "exhausted");
    status = history_asked(&self->history, esp_ask_number(ask), arch) == ESP_OK
                 ? esp_ask_trial(ask, arch)
                 : esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
    esp_arch_release(arch);
    return status;
}

static esp_status tpe_tell(void *context, esp_search *search, const esp_outcome *outcome)
{
    struct tpe *self = context;
    const double *objective = outcome->objective_count > 0 ? outcome->objectives : NULL;
    esp_status status =
        history_told(&self->history, outcome->trial, outcome->arch, objective, outcome->violation);
    return status == ESP_OK ? ESP_OK : esp_fail(search, status, "out of memory");
}

static void tpe_describe(esp_strategy_type *out)
{
    out->summary =
        "tree-structured Parzen estimator: where good trials are dense and others are not";
    out->source = "Bergstra et al. 2011";
    ESP_SET_PARAMS(out, tpe_params);
    out->takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET;
    out->create = tpe_create;
    out->destroy = tpe_destroy;
    out->ask = tpe_ask;
    out->tell = tpe_tell;
}

ESP_PLUGIN("0.1.0", ESP_STRATEGY("tpe", tpe_describe))
