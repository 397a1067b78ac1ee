// SPDX-License-Identifier: Apache-2.0
// Bayesian optimisation with a Gaussian process (Snoek, Larochelle and Adams 2012, "Practical Bayesian
// optimization of machine learning algorithms"): a process is given what was told, and where it expects the
// largest improvement is tried next.
//
// What differs from the paper: choices are kernel'd by their Hamming distance, so that any space will do;
// hyperparameters are those of the largest marginal likelihood, not integrated over; several trials open at
// once are lied about (Ginsbourger, Le Riche and Carraro 2010) or drawn (Thompson 1933), not integrated
// over; the acquisition is maximised over candidates, which the spaces' conditions want.
#include "acquisition.h"

#include <stdlib.h>
#include <string.h>

static const char *const batches[] = {"liar", "thompson"};
static const char *const lies[] = {"best", "mean", "worst"};
static const char *const transforms[] = {"standard", "rank", "log_error"};

enum { BATCH_LIAR, BATCH_THOMPSON };

// Parents of the candidates that are near known ones.
#define PARENTS 10
// The best candidate is moved on in so many rounds where there are numbers, of so many moves each.
#define POLISH_ROUNDS 6
#define POLISH_MOVES 20

struct gp {
    uint64_t startup;
    uint64_t candidates;
    int64_t batch;
    int64_t repeat;
    struct observations observations;
    struct model model;
};

static const esp_param gp_params[] = {
    ESP_PARAM_INT("startup", 10, 2, 1000000, "trials",
                  "random architectures until so many trials have an outcome"),
    ESP_PARAM_INT(
        "candidates", 200, 1, 100000, "candidates",
        "random members, and as many changes of the best ten, of which the best is tried"),
    ESP_PARAM_CHOICE("batch", "liar", batches,
                     "open trials: are lied about (liar), or every trial is a draw (thompson)"),
    ESP_PARAM_CHOICE("lie", "best", lies, "the value that an open trial is given"),
    ESP_PARAM_CHOICE(
        "transform", "standard", transforms,
        "of objectives: none, to normal scores by rank, or the logarithm of 1 - accuracy"),
    ESP_PARAM_INT("refit", 10, 1, 1000000, "trials", "between fits of the hyperparameters"),
    ESP_PARAM_INT("restarts", 1, 0, 1000, "starts", "drawn starts of a fit, besides the usual one"),
    ESP_PARAM_INT("fit_points", 150, 10, 10000, "trials",
                  "the most that hyperparameters are fitted to"),
    ESP_PARAM_INT(
        "points", 1000, 20, 20000, "trials",
        "the most that the process is given: the better half, and the newest of the others"),
    ESP_PARAM_BOOL("repeat", 0, "may an architecture be tried again"),
};

static void gp_destroy(void *context)
{
    struct gp *self = context;
    observations_free(&self->observations);
    free(self->model.parameters);
    free(self);
}

static esp_status gp_create(esp_create *create, esp_search *search, void **out)
{
    (void)search;
    struct gp *self = calloc(1, sizeof *self);
    if (!self)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    self->startup = (uint64_t)esp_param_int(create, "startup");
    self->candidates = (uint64_t)esp_param_int(create, "candidates");
    self->batch = esp_param_int(create, "batch");
    self->repeat = esp_param_int(create, "repeat");
    self->observations.lie = esp_param_int(create, "lie");
    self->observations.transform = esp_param_int(create, "transform");
    self->model.refit = (uint64_t)esp_param_int(create, "refit");
    self->model.restarts = (uint64_t)esp_param_int(create, "restarts");
    self->model.fit_points = (uint64_t)esp_param_int(create, "fit_points");
    self->model.most_points = (uint64_t)esp_param_int(create, "points");
    *out = self;
    return ESP_OK;
}

// The survey may be had once asks begin.
static esp_status prepare(struct gp *self, esp_search *search)
{
    const esp_survey *survey = NULL;
    esp_gp_shape *shape = &self->model.shape;
    if (self->observations.encoding)
        return ESP_OK;
    esp_status status = esp_search_survey(search, &survey);
    if (status != ESP_OK)
        return status;
    status = esp_mixed_encoding_create(&self->observations.encoding, survey);
    if (status != ESP_OK)
        return esp_fail(search, status, "out of memory");
    shape->choices = esp_mixed_encoding_choices(self->observations.encoding);
    shape->reals = esp_mixed_encoding_reals(self->observations.encoding);
    shape->lengths = shape->reals > ESP_GP_LENGTHS ? 1 : shape->reals;
    self->observations.width = shape->choices + shape->reals;
    self->model.parameters = calloc(esp_gp_parameter_count(shape), sizeof *self->model.parameters);
    return self->model.parameters ? ESP_OK : esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
}

// ---- Ask --------------------------------------------------------------------------------------------

// The architectures of the best known trials, at most PARENTS of them.
static uint64_t best_told(const struct observations *observations, esp_arch **out)
{
    const struct observation *best[PARENTS];
    uint64_t count = 0;
    for (uint64_t i = 0; i < observations->count; i++) {
        const struct observation *told = &observations->told[i];
        uint64_t place = count;
        if (!told->known)
            continue;
        while (place > 0 && told->objective < best[place - 1]->objective)
            place--;
        if (place == PARENTS)
            continue;
        for (uint64_t k = count < PARENTS ? count++ : PARENTS - 1; k > place; k--)
            best[k] = best[k - 1];
        best[place] = told;
    }
    for (uint64_t i = 0; i < count; i++)
        out[i] = best[i]->arch;
    return count;
}

static esp_status gather(struct gp *self, esp_search *search, esp_random *random,
                         struct candidates *candidates)
{
    esp_arch *parents[PARENTS];
    const uint64_t count = best_told(&self->observations, parents);
    esp_status status = candidates_random(candidates, &self->observations, search, random,
                                          self->candidates, (int)self->repeat);
    for (uint64_t i = 0; i < self->candidates && count > 0 && status == ESP_OK; i++) {
        double step = pow(10.0, -0.5 - 2.0 * esp_random_real(random));
        status = candidates_near(candidates, &self->observations, search, random,
                                 parents[i % count], 1, step, (int)self->repeat);
    }
    return status;
}

// Moves numbers of the best candidate on while that helps, with smaller and smaller steps. `*best`: its
// reference is exchanged.
static esp_status polish(struct gp *self, esp_search *search, esp_random *random,
                         const struct posterior *posterior, double score, esp_arch **best)
{
    double step = 0.1;
    esp_status status = ESP_OK;
    for (int round = 0; round < POLISH_ROUNDS && status == ESP_OK; round++, step *= 0.5) {
        struct candidates near;
        uint64_t index = 0;
        double at = 0.0;
        if (!candidates_create(&near, POLISH_MOVES, self->observations.width))
            status = ESP_ERROR_MEMORY;
        if (status == ESP_OK)
            status = candidates_near(&near, &self->observations, search, random, *best,
                                     POLISH_MOVES, step, (int)self->repeat);
        if (status == ESP_OK && near.count > 0)
            status = acquire_improvement(posterior, &near, &index, &at);
        if (status == ESP_OK && near.count > 0 && at > score) {
            esp_arch_release(*best);
            *best = esp_arch_retain(near.archs[index]);
            score = at;
        }
        candidates_free(&near);
    }
    return status;
}

static esp_status choose(struct gp *self, esp_search *search, const struct posterior *posterior,
                         const struct candidates *candidates, esp_random *random, esp_arch **out)
{
    uint64_t index = 0;
    double score = 0.0;
    esp_status status = self->batch == BATCH_THOMPSON
                            ? acquire_thompson(posterior, candidates, random, &index)
                            : acquire_improvement(posterior, candidates, &index, &score);
    if (status != ESP_OK)
        return status;
    *out = esp_arch_retain(candidates->archs[index]);
    if (self->batch == BATCH_LIAR && self->model.shape.reals > 0)
        status = polish(self, search, random, posterior, score, out);
    return status;
}

static esp_status propose(struct gp *self, esp_search *search, esp_arch **out)
{
    esp_random *random = esp_search_random(search);
    struct candidates candidates = {0};
    struct posterior posterior = {0};
    if (self->observations.known < self->startup)
        return ESP_OK;
    esp_status status = ESP_ERROR_MEMORY;
    if (candidates_create(&candidates, 2 * self->candidates, self->observations.width))
        status = gather(self, search, random, &candidates);
    if (status == ESP_OK && candidates.count > 0)
        status = model_posterior(&self->model, &self->observations, random->key[0],
                                 self->batch == BATCH_LIAR, &posterior);
    if (status == ESP_OK && candidates.count > 0)
        status = choose(self, search, &posterior, &candidates, random, out);
    esp_gp_destroy(posterior.gp);
    candidates_free(&candidates);
    if (status == ESP_ERROR_MEMORY)
        return esp_fail(search, status, "out of memory");
    return status == ESP_ERROR_DATA
               ? esp_fail(search, status, "the covariance of the trials has no factor")
               : status;
}

static esp_status gp_ask(void *context, esp_search *search, esp_ask *ask)
{
    struct gp *self = context;
    esp_arch *arch = NULL;
    esp_status status = prepare(self, search);
    if (status == ESP_OK)
        status = propose(self, search, &arch);
    if (status == ESP_OK && !arch)
        status = self->repeat ? esp_search_sample(search, esp_search_random(search), &arch)
                              : esp_search_sample_unseen(search, esp_search_random(search), &arch);
    if (status == ESP_OK && !arch)
        return esp_ask_done(ask, "exhausted");
    if (status == ESP_OK)
        status = observations_asked(&self->observations, esp_ask_number(ask), arch)
                     ? esp_ask_trial(ask, arch)
                     : esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
    esp_arch_release(arch);
    return status;
}

// ---- Tell -------------------------------------------------------------------------------------------

static esp_status gp_tell(void *context, esp_search *search, const esp_outcome *outcome)
{
    struct gp *self = context;
    const double *objective = outcome->objective_count > 0 ? outcome->objectives : NULL;
    esp_status status = prepare(self, search);
    if (status != ESP_OK)
        return status;
    if (objective && self->observations.transform == TRANSFORM_LOG_ERROR &&
        !(*objective >= -1.0 && *objective <= 0.0))
        return esp_fail(
            search, ESP_ERROR_INVALID,
            "transform = log_error is for an accuracy within 0 and 1 that is maximised; "
            "trial %llu has %g (standard and rank take any objective)",
            (unsigned long long)outcome->trial, -*objective);
    if (outcome->violation > 0.0)
        objective = NULL;
    return observations_told(&self->observations, outcome->trial, outcome->arch, objective)
               ? ESP_OK
               : esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
}

static void gp_describe(esp_strategy_type *out)
{
    out->summary = "Gaussian process with a mixed kernel: where it expects the largest improvement";
    out->source = "Snoek et al. 2012";
    ESP_SET_PARAMS(out, gp_params);
    out->takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET;
    out->create = gp_create;
    out->destroy = gp_destroy;
    out->ask = gp_ask;
    out->tell = gp_tell;
}

ESP_PLUGIN("0.1.0", ESP_STRATEGY("gp", gp_describe))
