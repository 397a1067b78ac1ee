// SPDX-License-Identifier: Apache-2.0
// What the host offers a strategy; see search.h. Each function here is a row of the tables
// esp_search_api and esp_ask_api.
#include "run/search.h"

#include "builder/structure.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

// Draws before sample_unseen looks at the whole space.
#define UNSEEN_DRAWS 1000

struct search {
    esp_search handle; // first: lent to the strategy
    struct session *session;
    struct builder *builder;
    struct error error;
    esp_random random;
    uint64_t seed;
    uint64_t objective_count;
    uint64_t trial_budget;
    bool may_have_parents;
    struct survey *survey;
    // Open addressing over hashes; 0 marks an empty place, and the hash 0 has a flag of its own.
    uint64_t *seen;
    uint64_t seen_count, seen_capacity;
    bool seen_zero;
};

static struct search *search_of(esp_search *handle)
{
    return (struct search *)(void *)handle;
}

static esp_status answer(struct arch *arch, esp_status status, esp_arch **out)
{
    *out = status == ESP_OK ? arch_handle(arch) : NULL;
    return status;
}

// ---- The set of seen architectures ------------------------------------------------------------

static void place_hash(uint64_t *table, uint64_t capacity, uint64_t hash)
{
    uint64_t i = hash & (capacity - 1);
    while (table[i] != 0)
        i = (i + 1) & (capacity - 1);
    table[i] = hash;
}

static bool is_seen(const struct search *search, uint64_t hash)
{
    if (hash == 0)
        return search->seen_zero;
    if (search->seen_capacity == 0)
        return false;
    uint64_t mask = search->seen_capacity - 1;
    for (uint64_t i = hash & mask; search->seen[i] != 0; i = (i + 1) & mask)
        if (search->seen[i] == hash)
            return true;
    return false;
}

static esp_status mark_seen(struct search *search, uint64_t hash)
{
    if (is_seen(search, hash))
        return ESP_OK;
    if (hash == 0) {
        search->seen_zero = true;
        return ESP_OK;
    }
    if (2 * (search->seen_count + 1) > search->seen_capacity) {
        uint64_t capacity = search->seen_capacity ? 2 * search->seen_capacity : 1024;
        uint64_t *table = calloc(capacity, sizeof *table);
        if (!table)
            return ESP_ERROR_MEMORY;
        for (uint64_t i = 0; i < search->seen_capacity; i++)
            if (search->seen[i] != 0)
                place_hash(table, capacity, search->seen[i]);
        free(search->seen);
        search->seen = table;
        search->seen_capacity = capacity;
    }
    place_hash(search->seen, search->seen_capacity, hash);
    search->seen_count++;
    return ESP_OK;
}

// The number that stands for what an architecture is to this run.
static esp_status identity(struct search *search, const struct arch *arch, uint64_t *out,
                           struct error *error)
{
    if (session_experiment(search->session)->identity == IDENTITY_CANONICAL)
        return builder_canonical_identity(search->builder, arch, out, error);
    *out = arch_hash(arch);
    return ESP_OK;
}

esp_status search_mark_seen(struct search *search, const struct arch *arch, struct error *error)
{
    uint64_t hash = 0;
    esp_status status = identity(search, arch, &hash, error);
    if (status == ESP_OK && mark_seen(search, hash) != ESP_OK)
        status = error_memory(error);
    return status;
}

// ---- esp_search -------------------------------------------------------------------------------

static esp_random *do_random(esp_search *handle)
{
    return &search_of(handle)->random;
}

static uint64_t do_objective_count(esp_search *handle)
{
    return search_of(handle)->objective_count;
}

static uint64_t do_trial_budget(esp_search *handle)
{
    return search_of(handle)->trial_budget;
}

static esp_status do_sample(esp_search *handle, esp_random *random, esp_arch **out)
{
    struct search *search = search_of(handle);
    struct arch *arch = NULL;
    esp_status status = builder_sample(search->builder, random, &arch, &search->error);
    return answer(arch, status, out);
}

static esp_status do_mutate(esp_search *handle, const esp_arch *arch, double rate,
                            esp_random *random, esp_arch **out)
{
    struct search *search = search_of(handle);
    struct arch *child = NULL;
    esp_status status = builder_mutate(search->builder, arch_from_handle(arch), rate, random,
                                       &child, &search->error);
    return answer(child, status, out);
}

static esp_status do_cross(esp_search *handle, const esp_arch *a, const esp_arch *b,
                           esp_random *random, esp_arch **out)
{
    struct search *search = search_of(handle);
    struct arch *child = NULL;
    esp_status status = builder_cross(search->builder, arch_from_handle(a), arch_from_handle(b),
                                      random, &child, &search->error);
    return answer(child, status, out);
}

static esp_status do_change(esp_search *handle, const esp_arch *arch, uint64_t decision,
                            esp_value value, esp_random *random, esp_arch **out)
{
    struct search *search = search_of(handle);
    struct arch *child = NULL;
    esp_status status = builder_change(search->builder, arch_from_handle(arch), decision, value,
                                       random, &child, &search->error);
    // No member of the space is an answer here, not a failure of the call.
    if (status == ESP_ERROR_REJECTED)
        error_clear(&search->error);
    return answer(child, status, out);
}

static esp_status do_decide(esp_search *handle, esp_decide decide, void *self, esp_arch **out)
{
    struct search *search = search_of(handle);
    struct arch *arch = NULL;
    esp_status status = builder_decide(search->builder, decide, self, &arch, &search->error);
    return answer(arch, status, out);
}

struct visit {
    esp_status (*visit)(void *self, esp_arch *arch);
    void *self;
};

static esp_status visit_arch(void *self, struct arch *arch)
{
    const struct visit *visit = self;
    return visit->visit(visit->self, arch_handle(arch));
}

static esp_status do_enumerate(esp_search *handle, esp_status (*visitor)(void *, esp_arch *),
                               void *self, uint64_t most, uint64_t *count)
{
    struct search *search = search_of(handle);
    struct visit visit = {visitor, self};
    return builder_enumerate(search->builder, visit_arch, &visit, most, count, &search->error);
}

static esp_status do_survey(esp_search *handle, const esp_survey **out)
{
    return search_survey(search_of(handle), out);
}

static uint32_t do_seen(esp_search *handle, const esp_arch *arch)
{
    struct search *search = search_of(handle);
    uint64_t hash = 0;
    // A failure ends the ask or tell: the error stays in the handle.
    return identity(search, arch_from_handle(arch), &hash, &search->error) == ESP_OK &&
           is_seen(search, hash);
}

// A uniform choice among the unseen members of an enumeration: reservoir of one.
struct reservoir {
    struct search *search;
    esp_random *random;
    struct arch *kept;
    uint64_t unseen;
};

static esp_status consider(void *self, struct arch *arch)
{
    struct reservoir *reservoir = self;
    uint64_t hash = 0;
    esp_status status = identity(reservoir->search, arch, &hash, &reservoir->search->error);
    if (status != ESP_OK || is_seen(reservoir->search, hash))
        return status;
    reservoir->unseen++;
    if (esp_random_below(reservoir->random, reservoir->unseen) == 0) {
        arch_release(reservoir->kept);
        reservoir->kept = arch_retain(arch);
    }
    return ESP_OK;
}

static esp_status do_sample_unseen(esp_search *handle, esp_random *random, esp_arch **out)
{
    struct search *search = search_of(handle);
    for (int i = 0; i < UNSEEN_DRAWS; i++) {
        esp_status status = do_sample(handle, random, out);
        if (status != ESP_OK || !do_seen(handle, *out))
            return status;
        esp_arch_release(*out);
    }
    *out = NULL;
    struct reservoir reservoir = {search, random, NULL, 0};
    uint64_t count = 0;
    esp_status status =
        builder_enumerate(search->builder, consider, &reservoir, 0, &count, &search->error);
    if (status == ESP_OK && reservoir.kept)
        *out = arch_handle(reservoir.kept);
    else
        arch_release(reservoir.kept);
    return status;
}

// ---- What the space says ------------------------------------------------------------------------

// That a space has none, or no word, is an answer, not a failure of the call.
static esp_status said(struct search *search, esp_status status)
{
    if (status == ESP_ERROR_UNSUPPORTED)
        error_clear(&search->error);
    return status;
}

static esp_status do_text(esp_search *handle, const esp_arch *arch, const char **out)
{
    struct search *search = search_of(handle);
    return said(search,
                builder_print(search->builder, arch_from_handle(arch), out, &search->error));
}

static esp_status do_canonical(esp_search *handle, const esp_arch *arch, uint64_t *hash)
{
    struct search *search = search_of(handle);
    return said(search, builder_canonical_hash(search->builder, arch_from_handle(arch), hash,
                                               &search->error));
}

static esp_status do_structure(esp_search *handle, const esp_arch *arch, const esp_structure **out)
{
    struct search *search = search_of(handle);
    return said(search,
                builder_structure(search->builder, arch_from_handle(arch), out, &search->error));
}

static void do_structure_release(esp_search *handle, const esp_structure *structure)
{
    (void)handle;
    structure_destroy(structure);
}

static const void *do_space_ability(esp_search *handle, const char *id)
{
    return builder_ability(search_of(handle)->builder, id);
}

static esp_status do_space_instance(esp_search *handle, const esp_arch *arch, void **self)
{
    struct search *search = search_of(handle);
    return builder_instance(search->builder, arch_from_handle(arch), self, &search->error);
}

static esp_status do_draw(esp_search *handle, const esp_domain *domain, const esp_value *except,
                          esp_random *random, esp_value *out)
{
    struct search *search = search_of(handle);
    return builder_draw(search->builder, domain, except, random, out, &search->error);
}

static esp_status do_genome(esp_search *handle, const esp_arch *like, const void *bytes,
                            uint64_t size, esp_random *random, esp_arch **out)
{
    struct search *search = search_of(handle);
    struct arch *arch = NULL;
    esp_status status = builder_genome_member(search->builder, like ? arch_from_handle(like) : NULL,
                                              bytes, size, random, &arch, &search->error);
    return answer(arch, status, out);
}

static const esp_search_api search_api = {
    sizeof(esp_search_api),
    do_random,
    do_objective_count,
    do_trial_budget,
    do_sample,
    do_mutate,
    do_cross,
    do_change,
    do_decide,
    do_enumerate,
    do_survey,
    do_seen,
    do_sample_unseen,
    do_text,
    do_canonical,
    do_structure,
    do_structure_release,
    do_space_ability,
    do_space_instance,
    do_draw,
    do_genome,
};

esp_status search_survey(struct search *search, const esp_survey **out)
{
    if (!search->survey) {
        esp_random random =
            esp_random_stream(search->seed, XXH3_64bits("survey", strlen("survey")), 0, 0, 0);
        esp_status status =
            survey_create(&search->survey, search->builder, &random, &search->error);
        if (status != ESP_OK)
            return status;
    }
    *out = survey_handle(search->survey);
    return ESP_OK;
}

esp_status search_create(struct search **out, struct session *session, uint64_t objective_count,
                         uint64_t trial_budget, bool may_have_parents, struct error *error)
{
    struct search *search = calloc(1, sizeof *search);
    if (!search)
        return error_memory(error);
    handle_init(&search->handle.base, sizeof search->handle, &search->error);
    search->handle.api = &search_api;
    search->session = session;
    search->builder = session_builder(session);
    search->seed = session_experiment(session)->seed;
    search->objective_count = objective_count;
    search->trial_budget = trial_budget;
    search->may_have_parents = may_have_parents;
    *out = search;
    return ESP_OK;
}

void search_destroy(struct search *search)
{
    if (!search)
        return;
    survey_destroy(search->survey);
    free(search->seen);
    free(search);
}

esp_search *search_handle(struct search *search)
{
    return &search->handle;
}

struct error *search_error(struct search *search)
{
    return &search->error;
}

uint64_t search_outside_survey(const struct search *search)
{
    return search->survey ? survey_outside(search->survey) : 0;
}

void search_begin(struct search *search, const char *call, uint64_t trial)
{
    error_clear(&search->error);
    search->random = esp_random_stream(search->seed, XXH3_64bits(call, strlen(call)), 0, trial, 0);
}

// ---- esp_ask ----------------------------------------------------------------------------------

static struct ask *ask_of(esp_ask *handle)
{
    return (struct ask *)(void *)handle;
}

static esp_status once(struct ask *ask, enum answer kind)
{
    if (ask->answer != ANSWER_NONE)
        return esp_fail(&ask->handle, ESP_ERROR_MISUSE, "ask was answered twice");
    ask->answer = kind;
    return ESP_OK;
}

static uint64_t ask_number(esp_ask *handle)
{
    return ask_of(handle)->number;
}

static esp_status ask_trial(esp_ask *handle, esp_arch *arch)
{
    struct ask *ask = ask_of(handle);
    if (!arch)
        return esp_fail(handle, ESP_ERROR_MISUSE, "a trial without an architecture");
    esp_status status = once(ask, ANSWER_TRIAL);
    if (status == ESP_OK)
        ask->arch = arch_retain(arch_from_handle(arch));
    return status;
}

static esp_status ask_parent(esp_ask *handle, uint64_t trial, uint32_t mode)
{
    struct ask *ask = ask_of(handle);
    if (ask->answer != ANSWER_TRIAL)
        return esp_fail(handle, ESP_ERROR_MISUSE, "a parent was named before the trial");
    if (!ask->search->may_have_parents)
        return esp_fail(handle, ESP_ERROR_MISUSE,
                        "a parent was named, but the strategy does not declare "
                        "ESP_STRATEGY_PARENTS");
    if (trial >= ask->number || mode > ESP_MODE_INHERIT)
        return esp_fail(handle, ESP_ERROR_MISUSE, "trial %llu cannot be a parent",
                        (unsigned long long)trial);
    ask->parent = (int64_t)trial;
    ask->mode = mode;
    return ESP_OK;
}

static esp_status ask_fidelity(esp_ask *handle, const char *name, double value)
{
    struct ask *ask = ask_of(handle);
    if (ask->answer != ANSWER_TRIAL)
        return esp_fail(handle, ESP_ERROR_MISUSE, "a fidelity was named before the trial");
    struct fidelity *grown =
        realloc(ask->fidelity, (ask->fidelity_count + 1) * sizeof *ask->fidelity);
    if (!grown)
        return esp_fail(handle, ESP_ERROR_MEMORY, "out of memory");
    ask->fidelity = grown;
    grown[ask->fidelity_count] = (struct fidelity){strdup(name), value};
    if (!grown[ask->fidelity_count].name)
        return esp_fail(handle, ESP_ERROR_MEMORY, "out of memory");
    ask->fidelity_count++;
    return ESP_OK;
}

static esp_status ask_wait(esp_ask *handle)
{
    return once(ask_of(handle), ANSWER_WAIT);
}

static esp_status ask_done(esp_ask *handle, const char *reason)
{
    struct ask *ask = ask_of(handle);
    strncpy(ask->reason, reason ? reason : "done", sizeof ask->reason - 1);
    return once(ask, ANSWER_DONE);
}

static const esp_ask_api ask_api = {
    sizeof(esp_ask_api), ask_number, ask_trial, ask_parent, ask_fidelity, ask_wait, ask_done,
};

void ask_begin(struct ask *ask, struct search *search, uint64_t number)
{
    memset(ask, 0, sizeof *ask);
    handle_init(&ask->handle.base, sizeof ask->handle, &search->error);
    ask->handle.api = &ask_api;
    ask->search = search;
    ask->number = number;
    ask->parent = -1;
}

void ask_end(struct ask *ask)
{
    arch_release(ask->arch);
    for (uint64_t i = 0; i < ask->fidelity_count; i++)
        free(ask->fidelity[i].name);
    free(ask->fidelity);
    ask->arch = NULL;
    ask->fidelity = NULL;
    ask->fidelity_count = 0;
}
