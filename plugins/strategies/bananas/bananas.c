// SPDX-License-Identifier: Apache-2.0
// BANANAS (White, Neiswanger and Savani 2021, "BANANAS: Bayesian optimization with neural architectures for
// neural architecture search"): rounds of `batch` trials. For each an ensemble of networks is trained on all
// that is known; among changes of the best architectures those are tried whose independent Thompson draws,
// N(mean, sd of the networks), are best.
//
// A round begins when the one before is told whole, as in the paper: with trials open it waits, so it asks
// for the same trials whatever the number of workers and the lookahead. Trials without an objective, and
// those that break a constraint, are left out of the training.
#include "ensemble.h"
#include "inputs.h"

#include <stdlib.h>
#include <string.h>

// The ensembles' stream: any word of its own.
#define STREAM UINT64_C(0x62616e616e6173) // "bananas"
// Draws that give nothing new before the next best architecture is changed.
#define DRAWS_EACH 4

static const char *const encodings[] = {"auto", "path", "trace"};
static const char *const losses[] = {"mae", "mape"};

struct known {
    esp_arch *arch;
    double objective;
};

struct bananas {
    uint64_t initial, batch, candidates;
    struct ensemble_options ensemble;
    struct inputs inputs;
    struct known *known; // with an objective, in the order of tells
    uint64_t known_count, known_capacity;
    esp_arch **queue; // what is left of the round, the next one last
    uint64_t queued;
    uint64_t asked, told; // trials of its own
    uint64_t rounds;
};

static const esp_param bananas_params[] = {
    ESP_PARAM_INT("initial", 10, 1, 1000000, "trials", "random architectures to begin with"),
    ESP_PARAM_INT("batch", 10, 1, 100000, "trials", "of a round"),
    ESP_PARAM_INT("candidates", 100, 1, 100000, "candidates",
                  "changes of the best architectures, of which a round tries the best"),
    ESP_PARAM_CHOICE("encoding", "auto", encodings,
                     "of architectures: by paths, by decisions, or paths where the space has them"),
    ESP_PARAM_INT("paths", 30, 0, 100000, "paths", "the shortest that are told apart; 0: all"),
    ESP_PARAM_INT("networks", 5, 1, 1000, "networks", "of the ensemble"),
    ESP_PARAM_INT("layers", 10, 1, 100, "layers", "hidden ones of a network"),
    ESP_PARAM_INT("units", 20, 1, 10000, "units", "of a layer"),
    ESP_PARAM_CHOICE("loss", "mae", losses,
                     "mean absolute error, or that over the distance to a lower bound"),
    ESP_PARAM_INT("epochs", 150, 1, 1000000, "epochs", "of a network's training"),
    ESP_PARAM_INT("minibatch", 32, 1, 100000, "samples", "of a step of training"),
    ESP_PARAM_REAL_LOG("learning_rate", 0.01, 1e-8, 10.0, "", "of Adam"),
    ESP_PARAM_REAL("beta1", 0.9, 0.0, 0.999999, "", "of Adam"),
    ESP_PARAM_REAL("beta2", 0.99, 0.0, 0.999999, "", "of Adam"),
};

static void bananas_destroy(void *context)
{
    struct bananas *self = context;
    for (uint64_t i = 0; i < self->known_count; i++)
        esp_arch_release(self->known[i].arch);
    for (uint64_t i = 0; i < self->queued; i++)
        esp_arch_release(self->queue[i]);
    inputs_free(&self->inputs);
    free(self->known);
    free(self->queue);
    free(self);
}

static esp_status bananas_create(esp_create *create, esp_search *search, void **out)
{
    (void)search;
    struct bananas *self = calloc(1, sizeof *self);
    if (!self)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    self->initial = (uint64_t)esp_param_int(create, "initial");
    self->batch = (uint64_t)esp_param_int(create, "batch");
    self->candidates = (uint64_t)esp_param_int(create, "candidates");
    self->inputs.encoding = esp_param_int(create, "encoding");
    self->inputs.most_paths = (uint64_t)esp_param_int(create, "paths");
    self->ensemble = (struct ensemble_options){
        .networks = (uint64_t)esp_param_int(create, "networks"),
        .layers = (uint64_t)esp_param_int(create, "layers"),
        .units = (uint64_t)esp_param_int(create, "units"),
        .loss = esp_param_int(create, "loss"),
        .training = {(uint64_t)esp_param_int(create, "epochs"),
                     (uint64_t)esp_param_int(create, "minibatch"),
                     esp_param_real(create, "learning_rate"), esp_param_real(create, "beta1"),
                     esp_param_real(create, "beta2"), 1e-8}};
    self->queue = calloc(self->batch, sizeof(esp_arch *));
    if (!self->queue) {
        free(self);
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    }
    *out = self;
    return ESP_OK;
}

// ---- Candidates -------------------------------------------------------------------------------------

struct pool {
    esp_arch **archs; // one reference each
    uint64_t count;
};

// Takes the reference of `arch` where it is new.
static int add_new(struct pool *pool, esp_search *search, esp_arch *arch)
{
    int new = !esp_search_seen(search, arch);
    for (uint64_t i = 0; i < pool->count && new; i++)
        new = esp_arch_hash(pool->archs[i]) != esp_arch_hash(arch);
    if (new)
        pool->archs[pool->count++] = arch;
    else
        esp_arch_release(arch);
    return new;
}

static int by_objective(const void *a, const void *b)
{
    const struct known *const *x = a, *const *y = b;
    if ((*x)->objective != (*y)->objective)
        return (*x)->objective < (*y)->objective ? -1 : 1;
    return *x < *y ? -1 : *x > *y; // the older first
}

// Changes of the best, then of the next best, until there are enough; random members where all changes are
// known.
static esp_status fill_pool(struct bananas *self, esp_search *search, struct pool *pool)
{
    const struct known **order = malloc((self->known_count + 1) * sizeof(const struct known *));
    esp_random *random = esp_search_random(search);
    esp_status status = order ? ESP_OK : ESP_ERROR_MEMORY;
    for (uint64_t i = 0; i < self->known_count && status == ESP_OK; i++)
        order[i] = &self->known[i];
    if (status == ESP_OK)
        qsort(order, self->known_count, sizeof *order, by_objective);
    for (uint64_t i = 0; i < self->known_count && status == ESP_OK; i++) {
        const uint64_t vain = DRAWS_EACH * (esp_arch_count(order[i]->arch) + 8);
        uint64_t in_vain = esp_arch_count(order[i]->arch) > 0 ? 0 : vain;
        while (in_vain < vain && pool->count < self->candidates && status == ESP_OK) {
            esp_arch *child = NULL;
            status = esp_search_mutate(search, order[i]->arch, 0.0, random, &child);
            if (status == ESP_OK)
                in_vain = add_new(pool, search, child) ? 0 : in_vain + 1;
        }
    }
    if (status == ESP_OK && pool->count == 0) {
        esp_arch *arch = NULL;
        status = esp_search_sample_unseen(search, random, &arch);
        if (arch)
            add_new(pool, search, arch);
    }
    free(order);
    return status;
}

// ---- A round ----------------------------------------------------------------------------------------

struct draw {
    double value;
    uint64_t index;
};

static int by_value(const void *a, const void *b)
{
    const struct draw *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static esp_status encode(struct bananas *self, esp_search *search, const struct pool *pool,
                         float *x, double *y, float *queries)
{
    const uint64_t width = self->inputs.width;
    esp_status status = ESP_OK;
    for (uint64_t i = 0; i < self->known_count && status == ESP_OK; i++) {
        y[i] = self->known[i].objective;
        status = inputs_write(&self->inputs, search, self->known[i].arch, x + i * width);
    }
    for (uint64_t i = 0; i < pool->count && status == ESP_OK; i++)
        status = inputs_write(&self->inputs, search, pool->archs[i], queries + i * width);
    return status;
}

// The best draws of the pool become the queue.
static esp_status draw_batch(struct bananas *self, esp_search *search, const struct pool *pool)
{
    const uint64_t width = self->inputs.width, count = self->known_count;
    float *x = malloc(((count + pool->count) * width + 1) * sizeof *x);
    double *y = malloc((count + 2 * pool->count + 1) * sizeof *y);
    struct draw *draws = malloc((pool->count + 1) * sizeof *draws);
    esp_random *random = esp_search_random(search);
    esp_random training = esp_random_stream(random->key[0], STREAM, self->rounds, 0, 0);
    esp_status status = x && y && draws ? ESP_OK : ESP_ERROR_MEMORY;
    if (status == ESP_OK)
        status = encode(self, search, pool, x, y, x + count * width);
    double *mean = y + count, *sd = mean + pool->count;
    if (status == ESP_OK)
        status = ensemble_predict(&self->ensemble, x, y, count, width, x + count * width,
                                  pool->count, &training, mean, sd);
    for (uint64_t i = 0; i < pool->count && status == ESP_OK; i++)
        draws[i] = (struct draw){mean[i] + sd[i] * esp_random_normal(random), i};
    if (status == ESP_OK) {
        qsort(draws, pool->count, sizeof *draws, by_value);
        self->queued = pool->count < self->batch ? pool->count : self->batch;
        for (uint64_t i = 0; i < self->queued; i++)
            self->queue[self->queued - 1 - i] = esp_arch_retain(pool->archs[draws[i].index]);
    }
    free(x);
    free(y);
    free(draws);
    return status;
}

static esp_status begin_round(struct bananas *self, esp_search *search)
{
    struct pool pool = {calloc(self->candidates + 1, sizeof(esp_arch *)), 0};
    esp_status status = pool.archs ? fill_pool(self, search, &pool) : ESP_ERROR_MEMORY;
    self->rounds++;
    if (status == ESP_OK && pool.count > 0)
        status = draw_batch(self, search, &pool);
    for (uint64_t i = 0; i < pool.count; i++)
        esp_arch_release(pool.archs[i]);
    free(pool.archs);
    return status == ESP_ERROR_MEMORY ? esp_fail(search, status, "out of memory") : status;
}

// ---- Ask and tell -----------------------------------------------------------------------------------

// The next of the queue that nobody tried meanwhile ([start], or the same by the run's identity).
static esp_arch *from_queue(struct bananas *self, esp_search *search)
{
    while (self->queued > 0) {
        esp_arch *arch = self->queue[--self->queued];
        if (!esp_search_seen(search, arch))
            return arch;
        esp_arch_release(arch);
    }
    return NULL;
}

static esp_status next_arch(struct bananas *self, esp_search *search, int *wait, esp_arch **out)
{
    esp_status status = inputs_prepare(&self->inputs, search);
    *wait = 0;
    *out = NULL;
    if (status != ESP_OK)
        return status;
    // Without enough outcomes a batch of random ones more.
    if (self->asked < self->initial)
        return esp_search_sample_unseen(search, esp_search_random(search), out);
    *out = from_queue(self, search);
    if (*out)
        return ESP_OK;
    if (self->told < self->asked) {
        *wait = 1;
        return ESP_OK;
    }
    if (self->known_count < 2)
        return esp_search_sample_unseen(search, esp_search_random(search), out);
    status = begin_round(self, search);
    if (status == ESP_OK)
        *out = from_queue(self, search);
    return status;
}

static esp_status bananas_ask(void *context, esp_search *search, esp_ask *ask)
{
    struct bananas *self = context;
    esp_arch *arch = NULL;
    int wait;
    esp_status status = next_arch(self, search, &wait, &arch);
    if (status != ESP_OK)
        return status;
    if (wait)
        return esp_ask_wait(ask);
    if (!arch)
        return esp_ask_done(ask, "exhausted");
    self->asked++;
    status = esp_ask_trial(ask, arch);
    esp_arch_release(arch);
    return status;
}

static esp_status bananas_tell(void *context, esp_search *search, const esp_outcome *outcome)
{
    struct bananas *self = context;
    self->told += outcome->asked != 0;
    if (outcome->objective_count == 0 || outcome->violation > 0.0)
        return ESP_OK;
    if (self->known_count == self->known_capacity) {
        uint64_t capacity = self->known_capacity ? 2 * self->known_capacity : 64;
        struct known *known = realloc(self->known, capacity * sizeof *known);
        if (!known)
            return esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
        self->known = known;
        self->known_capacity = capacity;
    }
    self->known[self->known_count++] =
        (struct known){esp_arch_retain(outcome->arch), outcome->objectives[0]};
    return ESP_OK;
}

static void bananas_describe(esp_strategy_type *out)
{
    out->summary =
        "ensembles of networks predict changes of the best: independent Thompson sampling";
    out->source = "White et al. 2021";
    ESP_SET_PARAMS(out, bananas_params);
    out->takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET;
    out->create = bananas_create;
    out->destroy = bananas_destroy;
    out->ask = bananas_ask;
    out->tell = bananas_tell;
}

ESP_PLUGIN("0.1.0", ESP_STRATEGY("bananas", bananas_describe))
