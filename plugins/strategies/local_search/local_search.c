// SPDX-License-Identifier: Apache-2.0
// Local search (White, Nolen and Savani 2021, "Exploring the loss landscape in neural architecture
// search"): from the best of a few random members to a better neighbour, again and again, until none is
// better; then anew. `first` moves at the first better neighbour, in random order (the paper's
// query-until-lower), `all` evaluates the whole neighbourhood and moves to its best.
//
// No architecture is tried twice: what is known of a neighbour counts as if it had just been told, so a
// descent that meets an old one runs along it without a trial. A failed trial is no improvement.
// With several trials open at once more neighbours may be tried than were needed; what comes in late is
// remembered, and counts where it is a neighbour again.
//
// Everything moves in `advance`, which depends on nothing but what was asked and told; so it makes no
// difference whether an ask or a tell comes to it first.
#include "neighbours.h"
#include "outcomes.h"

#include <stdlib.h>

enum { FIRST, ALL };
static const char *const evaluations[] = {"first", "all"};

// The neighbourhoods' stream: any word of its own.
#define STREAM UINT64_C(0x6c6f63616c) // "local"

enum phase { STARTING, CLIMBING, ENDED };

struct local_search {
    uint64_t initial;
    int64_t evaluate;
    int64_t restart;
    uint64_t values;

    enum phase phase;
    struct outcomes outcomes;
    // STARTING: the random members of this start, in the order of their asks.
    uint64_t *starts;
    uint64_t start_count;
    esp_arch *best; // of the starts that were told; then where the search stands
    struct neighbours neighbours;
    uint64_t next;  // the neighbour to be looked at by the next ask
    uint64_t moves; // neighbourhoods that were made
};

static const esp_param local_params[] = {
    ESP_PARAM_INT("initial", 10, 1, 1000000, "architectures",
                  "random members, of which each descent begins at the best"),
    ESP_PARAM_CHOICE("evaluate", "first", evaluations,
                     "first: moves at the first better neighbour; all: moves to the best of all"),
    ESP_PARAM_BOOL("restart", 1, "at a local optimum begins anew; no: the search is over"),
    ESP_PARAM_INT("values", 64, 1, 100000, "values",
                  "of a decision with more other values, and of a real one, so many are drawn"),
};

static void local_destroy(void *context)
{
    struct local_search *self = context;
    esp_arch_release(self->best);
    neighbours_free(&self->neighbours);
    outcomes_free(&self->outcomes);
    free(self->starts);
    free(self);
}

static esp_status local_create(esp_create *create, esp_search *search, void **out)
{
    (void)search;
    struct local_search *self = calloc(1, sizeof *self);
    if (!self)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    self->initial = (uint64_t)esp_param_int(create, "initial");
    self->evaluate = esp_param_int(create, "evaluate");
    self->restart = esp_param_int(create, "restart");
    self->values = (uint64_t)esp_param_int(create, "values");
    self->starts = calloc(self->initial, sizeof *self->starts);
    if (!self->starts) {
        free(self);
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    }
    *out = self;
    return ESP_OK;
}

static esp_status remember(struct local_search *self, esp_search *search, struct outcome outcome)
{
    return outcomes_put(&self->outcomes, &outcome)
               ? ESP_OK
               : esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
}

// ---- Moving ---------------------------------------------------------------------------------------

static void begin_start(struct local_search *self)
{
    esp_arch_release(self->best);
    self->best = NULL;
    self->start_count = 0;
    self->phase = STARTING;
    neighbours_clear(&self->neighbours);
}

// Stands at `arch`, a reference that it takes.
static esp_status move_to(struct local_search *self, esp_search *search, esp_arch *arch)
{
    esp_random random =
        esp_random_stream(esp_search_random(search)->key[0], STREAM, self->moves++, 0, 0);
    if (self->best != arch)
        esp_arch_release(self->best);
    self->best = arch;
    self->phase = CLIMBING;
    self->next = 0;
    neighbours_clear(&self->neighbours);
    return neighbours_find(&self->neighbours, search, arch, self->values, &random);
}

// Whether all starts are told.
static int started(const struct local_search *self)
{
    if (self->start_count < self->initial)
        return 0;
    for (uint64_t i = 0; i < self->initial; i++)
        if (outcomes_find(&self->outcomes, self->starts[i])->state == OUTCOME_OPEN)
            return 0;
    return 1;
}

// The neighbour to move to: the first, or the best, that is better than where the search stands; or
// NULL. `*whole`: none of them is outstanding.
static esp_arch *better_neighbour(const struct local_search *self, int *whole)
{
    const struct outcome *bar = outcomes_find(&self->outcomes, esp_arch_hash(self->best));
    esp_arch *found = NULL;
    *whole = 1;
    for (uint64_t i = 0; i < self->neighbours.count; i++) {
        esp_arch *arch = self->neighbours.archs[i];
        const struct outcome *outcome = outcomes_find(&self->outcomes, esp_arch_hash(arch));
        // One that an ask passed over and that is not here is one with another by the run's identity,
        // or given by [start] and not yet told: no trial of it will come.
        if (!outcome && i < self->next)
            continue;
        if (!outcome || outcome->state == OUTCOME_OPEN) {
            *whole = 0;
        } else if (outcome_better(outcome, bar)) {
            bar = outcome;
            found = arch;
            if (self->evaluate == FIRST)
                return found;
        }
    }
    return self->evaluate == FIRST || *whole ? found : NULL;
}

static esp_status advance(struct local_search *self, esp_search *search)
{
    for (;;) {
        if (self->phase == STARTING) {
            if (!started(self))
                return ESP_OK;
            if (!self->best) { // all of them failed
                begin_start(self);
                return ESP_OK;
            }
            esp_status status = move_to(self, search, self->best);
            if (status != ESP_OK)
                return status;
        } else if (self->phase == CLIMBING) {
            int whole;
            esp_arch *better = better_neighbour(self, &whole);
            if (!better && !whole)
                return ESP_OK;
            if (better) {
                esp_status status = move_to(self, search, esp_arch_retain(better));
                if (status != ESP_OK)
                    return status;
            } else if (self->restart) {
                begin_start(self);
            } else {
                self->phase = ENDED;
            }
        } else {
            return ESP_OK;
        }
    }
}

// ---- Asking and being told --------------------------------------------------------------------------

static esp_status ask_for(struct local_search *self, esp_search *search, esp_ask *ask,
                          esp_arch *arch)
{
    struct outcome open = {esp_arch_hash(arch), OUTCOME_OPEN, 0, 0};
    esp_status status = remember(self, search, open);
    return status == ESP_OK ? esp_ask_trial(ask, arch) : status;
}

static esp_status ask_start(struct local_search *self, esp_search *search, esp_ask *ask)
{
    esp_arch *arch = NULL;
    if (self->start_count == self->initial)
        return esp_ask_wait(ask);
    esp_status status = esp_search_sample_unseen(search, esp_search_random(search), &arch);
    if (status != ESP_OK)
        return status;
    if (!arch)
        return esp_ask_done(ask, "exhausted");
    self->starts[self->start_count++] = esp_arch_hash(arch);
    status = ask_for(self, search, ask, arch);
    esp_arch_release(arch);
    return status;
}

static esp_status local_ask(void *context, esp_search *search, esp_ask *ask)
{
    struct local_search *self = context;
    for (;;) {
        esp_status status = advance(self, search);
        if (status != ESP_OK)
            return status;
        if (self->phase == ENDED)
            return esp_ask_done(ask, "local optimum");
        if (self->phase == STARTING)
            return ask_start(self, search, ask);
        if (self->next == self->neighbours.count)
            return esp_ask_wait(ask);
        while (self->next < self->neighbours.count) {
            esp_arch *arch = self->neighbours.archs[self->next++];
            if (!esp_search_seen(search, arch))
                return ask_for(self, search, ask, arch);
        }
        // All that were left are seen: it may go on from what is known of them.
    }
}

static esp_status local_tell(void *context, esp_search *search, const esp_outcome *outcome)
{
    struct local_search *self = context;
    const uint64_t hash = esp_arch_hash(outcome->arch);
    struct outcome told = {hash, OUTCOME_FAILED, 0, 0};
    if (outcome->objective_count > 0)
        told = (struct outcome){hash, OUTCOME_KNOWN, outcome->objectives[0], outcome->violation};
    esp_status status = remember(self, search, told);
    if (status != ESP_OK)
        return status;
    if (self->phase == STARTING && told.state == OUTCOME_KNOWN) {
        // Of [start], too. A late neighbour of the last descent is none of this one's starts.
        int ours = !outcome->asked;
        for (uint64_t i = 0; i < self->start_count && !ours; i++)
            ours = self->starts[i] == hash;
        if (ours &&
            (!self->best ||
             outcome_better(&told, outcomes_find(&self->outcomes, esp_arch_hash(self->best))))) {
            esp_arch_release(self->best);
            self->best = esp_arch_retain(outcome->arch);
        }
    }
    return advance(self, search);
}

static void local_describe(esp_strategy_type *out)
{
    out->summary = "local search: from neighbour to better neighbour, with restarts";
    out->source = "White et al. 2021";
    ESP_SET_PARAMS(out, local_params);
    out->takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET;
    out->create = local_create;
    out->destroy = local_destroy;
    out->ask = local_ask;
    out->tell = local_tell;
}

ESP_PLUGIN("0.1.0", ESP_STRATEGY("local_search", local_describe))
