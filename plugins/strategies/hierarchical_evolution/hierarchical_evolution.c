// SPDX-License-Identifier: Apache-2.0
// Evolution of hierarchical representations (Liu, Simonyan, Vinyals, Fernando, Kavukcuoglu 2018, section 3).
// The first genotypes are the trivial one, every motif a chain of identities, mutated a thousand times
// each; then each trial is a mutant of the winner of a tournament of 5 % of all that were evaluated. Nobody
// is removed. It never waits: a child is bred of what was told so far, as the paper's workers do.
#include "genotype.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REJECTED_MOST 1000 // mutants in a row that are no members, before the parent stays

struct told {
    esp_arch *arch;
    double objective; // less is better
    double violation;
};

struct evolution {
    uint64_t population, mutations, walk_mutations;
    double tournament;
    int64_t repeat;
    struct told *told;
    uint64_t count, capacity;
};

static const esp_param evolution_params[] = {
    ESP_PARAM_INT("population", 200, 1, 1000000, "architectures",
                  "initial genotypes: trivial ones that are mutated many times"),
    ESP_PARAM_INT("initial_mutations", 1000, 0, 1000000, "mutations", "of each initial genotype"),
    ESP_PARAM_INT("mutations", 1, 1, 1000, "mutations", "of a tournament's winner"),
    ESP_PARAM_REAL("tournament", 0.05, 0.0, 1.0, "",
                   "share of all evaluated architectures that a parent is the best of"),
    ESP_PARAM_BOOL("repeat", 1, "an architecture may be tried again"),
};

static esp_status evolution_create(esp_create *create, esp_search *search, void **out)
{
    struct evolution *evolution = calloc(1, sizeof *evolution);
    if (!evolution)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    evolution->population = (uint64_t)esp_param_int(create, "population");
    evolution->walk_mutations = (uint64_t)esp_param_int(create, "initial_mutations");
    evolution->mutations = (uint64_t)esp_param_int(create, "mutations");
    evolution->tournament = esp_param_real(create, "tournament");
    evolution->repeat = esp_param_int(create, "repeat");
    const uint64_t budget = esp_search_trial_budget(search);
    if (budget > 0 && evolution->population >= budget)
        esp_log(create, ESP_LOG_WARNING,
                "population %llu is not smaller than the budget of %llu trials: no tournament will "
                "be held",
                (unsigned long long)evolution->population, (unsigned long long)budget);
    *out = evolution;
    return ESP_OK;
}

static void evolution_destroy(void *self)
{
    struct evolution *evolution = self;
    for (uint64_t i = 0; i < evolution->count; i++)
        esp_arch_release(evolution->told[i].arch);
    free(evolution->told);
    free(evolution);
}

// ---- The trivial genotype -----------------------------------------------------------------------

struct trivial {
    esp_search *search;
    esp_random *random;
    int motifs; // an edge of one was met
};

// A motif is a chain: the edge between neighbours has the identity, or on higher levels the first motif,
// which is a chain of them; all others have nothing.
static esp_status decide_trivially(void *context, const char *path, const esp_domain *domain,
                                   esp_value *out)
{
    struct trivial *trivial = context;
    uint32_t level, motif, from, to;
    int end = 0;
    if (domain->kind == ESP_DECISION_ONE &&
        sscanf(path, "level%u-motif%u/%u-%u%n", &level, &motif, &from, &to, &end) == 4 &&
        path[end] == '\0') {
        trivial->motifs = 1;
        const char *wanted = to != from + 1 ? "none" : level == 2 ? "identity" : "motif_0";
        for (uint64_t i = 0; i < domain->count; i++)
            if (strcmp(domain->names[i], wanted) == 0) {
                *out = esp_value_one(i);
                return ESP_OK;
            }
        if (to == from + 1 && domain->count > 1) { // there is no identity among the primitives
            *out = esp_value_one(1);
            return ESP_OK;
        }
    }
    return esp_search_draw(trivial->search, domain, NULL, trivial->random, out);
}

// ---- Mutation -----------------------------------------------------------------------------------

// The new operation is drawn from all of them, the old one among them, as in the paper: so a mutation of an
// initial genotype may change nothing, as may one of the parent where `differ` is 0.
static esp_status draw_option(const struct edge *edge, uint64_t old, int differ, esp_random *random,
                              esp_value *out)
{
    uint64_t option = esp_random_below(random, edge->options - (uint64_t)(differ != 0));
    if (differ && option >= old)
        option++;
    *out = esp_value_one(option);
    return ESP_OK;
}

// `*arch` becomes a mutant of itself. Of a genotype without a path through its cell, which is no member of
// the space, another one is drawn.
static esp_status mutate(esp_search *search, const struct genotype *genotype, int differ,
                         esp_random *random, esp_arch **arch)
{
    for (int i = 0; i < REJECTED_MOST; i++) {
        esp_arch *mutant = NULL;
        esp_value value;
        uint64_t decision;
        // Searched parameters stand beside the genotype: one mutation in so many changes one of them.
        const uint64_t place = esp_random_below(random, genotype->count + genotype->other_count);
        if (place < genotype->count) {
            const struct edge *edge = genotype_draw(genotype, random);
            const uint64_t old = esp_arch_value(*arch, edge->decision).as.index;
            decision = edge->decision;
            draw_option(edge, old, differ, random, &value);
            if (value.as.index == old)
                return ESP_OK;
        } else {
            decision = genotype->others[place - genotype->count];
            const esp_value old = esp_arch_value(*arch, decision);
            esp_status status =
                esp_search_draw(search, esp_arch_domain(*arch, decision), &old, random, &value);
            if (status != ESP_OK)
                return status;
        }
        esp_status status = esp_search_change(search, *arch, decision, value, random, &mutant);
        if (status == ESP_ERROR_REJECTED)
            continue;
        if (status != ESP_OK)
            return status;
        esp_arch_release(*arch);
        *arch = mutant;
        return ESP_OK;
    }
    return ESP_OK;
}

// Of a space without motifs: one decision each time.
static esp_status mutate_plainly(esp_search *search, uint64_t count, esp_random *random,
                                 esp_arch **arch)
{
    for (uint64_t i = 0; i < count && esp_arch_count(*arch) > 0; i++) {
        esp_arch *mutant = NULL;
        esp_status status = esp_search_mutate(search, *arch, 0, random, &mutant);
        if (status != ESP_OK)
            return status;
        esp_arch_release(*arch);
        *arch = mutant;
    }
    return ESP_OK;
}

static esp_status mutate_often(esp_search *search, uint64_t count, int differ, esp_random *random,
                               esp_arch **arch)
{
    struct genotype genotype;
    esp_status status = genotype_read(&genotype, *arch);
    if (status == ESP_ERROR_UNSUPPORTED)
        return mutate_plainly(search, count, random, arch);
    if (status != ESP_OK)
        return esp_fail(search, status, "out of memory");
    for (uint64_t i = 0; status == ESP_OK && i < count; i++)
        status = mutate(search, &genotype, differ, random, arch);
    genotype_free(&genotype);
    return status;
}

static esp_status make_initial(const struct evolution *evolution, esp_search *search,
                               esp_random *random, esp_arch **out)
{
    struct trivial trivial = {search, random, 0};
    esp_status status = esp_search_decide(search, decide_trivially, &trivial, out);
    // What was drawn anew, in a space without motifs, mutations would not make more random.
    if (status == ESP_OK && trivial.motifs)
        status = mutate_often(search, evolution->walk_mutations, 0, random, out);
    return status;
}

// ---- Selection ----------------------------------------------------------------------------------

static int is_better(const struct told *a, const struct told *b)
{
    if (a->violation != b->violation)
        return a->violation < b->violation;
    return a->objective < b->objective;
}

// The best of a share of them, drawn without replacement: of those at the first places of a shuffle.
static const struct told *hold_tournament(const struct evolution *evolution, esp_random *random)
{
    const uint64_t wanted =
        (uint64_t)fmax(1.0, ceil(evolution->tournament * (double)evolution->count));
    const struct told *best = NULL;
    uint64_t left = wanted;
    // Each is taken with the chance that as many of the rest as are wanted give it (Knuth's algorithm S).
    for (uint64_t i = 0; left > 0; i++) {
        if (esp_random_below(random, evolution->count - i) >= left)
            continue;
        left--;
        if (!best || is_better(&evolution->told[i], best))
            best = &evolution->told[i];
    }
    return best;
}

static esp_status breed(const struct evolution *evolution, esp_search *search, esp_random *random,
                        esp_arch **out)
{
    *out = esp_arch_retain(hold_tournament(evolution, random)->arch);
    return mutate_often(search, evolution->mutations, 1, random, out);
}

static esp_status make_trial(const struct evolution *evolution, esp_search *search, esp_ask *ask,
                             esp_random *random, esp_arch **out)
{
    if (evolution->count == 0 || esp_ask_number(ask) < evolution->population)
        return make_initial(evolution, search, random, out);
    return breed(evolution, search, random, out);
}

static esp_status evolution_ask(void *self, esp_search *search, esp_ask *ask)
{
    const struct evolution *evolution = self;
    esp_random *random = esp_search_random(search);
    esp_arch *arch = NULL;
    esp_status status = ESP_OK;
    for (int i = 0; i < REJECTED_MOST && status == ESP_OK; i++) {
        esp_arch_release(arch);
        arch = NULL;
        status = make_trial(evolution, search, ask, random, &arch);
        if (evolution->repeat || status != ESP_OK || !esp_search_seen(search, arch))
            break;
    }
    if (status == ESP_OK && !evolution->repeat && esp_search_seen(search, arch)) {
        esp_arch_release(arch);
        status = esp_search_sample_unseen(search, random, &arch);
        if (status == ESP_OK && !arch)
            return esp_ask_done(ask, "exhausted");
    }
    if (status == ESP_OK)
        status = esp_ask_trial(ask, arch);
    esp_arch_release(arch);
    return status;
}

static esp_status evolution_tell(void *self, esp_search *search, const esp_outcome *outcome)
{
    struct evolution *evolution = self;
    if (outcome->objective_count == 0)
        return ESP_OK; // who failed has no children
    if (evolution->count == evolution->capacity) {
        const uint64_t capacity = evolution->capacity ? 2 * evolution->capacity : 256;
        struct told *grown = realloc(evolution->told, (size_t)capacity * sizeof *grown);
        if (!grown)
            return esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
        evolution->told = grown;
        evolution->capacity = capacity;
    }
    evolution->told[evolution->count++] =
        (struct told){esp_arch_retain(outcome->arch), outcome->objectives[0], outcome->violation};
    return ESP_OK;
}

static void evolution_describe(esp_strategy_type *out)
{
    out->summary = "evolution of motifs: diversified start, tournaments, nobody is removed";
    out->source = "Liu et al. 2018";
    ESP_SET_PARAMS(out, evolution_params);
    out->takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET;
    out->create = evolution_create;
    out->destroy = evolution_destroy;
    out->ask = evolution_ask;
    out->tell = evolution_tell;
}

ESP_PLUGIN("0.1.0", ESP_STRATEGY("hierarchical_evolution", evolution_describe))
