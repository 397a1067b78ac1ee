// SPDX-License-Identifier: Apache-2.0
// A search strategy: what to try next. The host asks for trials and tells their outcomes; all is
// done in the coordinator, one call at a time.
//
// A strategy makes architectures through its esp_search handle alone (sample, mutate, cross over,
// ...), which works on every space. It keeps what it needs of an outcome itself, with a reference
// to the architecture.
//
// A run that is resumed creates the strategy anew and repeats its asks and tells, so a strategy
// must depend on nothing but its parameters, its random stream (esp_search_random) and what it was
// told. No clocks, no addresses.
//
// Clauses, as `espalier check` cites them:
//   1.1  It serves the kinds of decisions that `takes` declares, conditional ones always.
//   1.2  It serves several objectives where it declares so.
//   2.1  An ask answers with exactly one of trial, wait and done.
//   2.2  Trials may be told in any order, several are open at once.
//   2.3  While it waits, to be asked again changes no state.
//   2.4  On a finite space it repeats, or is done; it never loops.
//   2.5  It may be asked beyond the budget that it was told: a resume may have a larger one.
//   3.1  A stopped outcome carries objectives.
//   3.2  Failed, lost and cancelled outcomes carry none, and may be all there are.
//   3.3  Objectives are finite, and otherwise any: equal for all, or the largest numbers there
//        are.
//   3.4  Outcomes that it did not ask for are taken.
//   4.1  Told the same it asks for the same, in any process, unless ESP_STRATEGY_NOT_REPEATABLE.
//   4.2  Instances share nothing.
//   5  It bears that any allocation fails.
#ifndef ESPALIER_STRATEGY_H
#define ESPALIER_STRATEGY_H

#include <espalier/arch.h>
#include <espalier/create.h>
#include <espalier/fidelity.h>
#include <espalier/random.h>
#include <espalier/survey.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- The run, as its strategy sees it ---------------------------------------------------------

typedef struct esp_search esp_search;
struct esp_search_api;

// Owner: the host; lives from before create to after destroy. Functions on it are
// [coordinator] [created] and may be called from ask and tell.
struct esp_search {
    esp_handle base;
    const struct esp_search_api *api;
};

// Answers a decision that the host meets while it builds: a controller's token. `sources` of an
// input choice are the domain's names. Writes the value; indices of a subset are copied at once.
typedef esp_status (*esp_decide)(void *self, const char *path, const esp_domain *domain,
                                 esp_value *out);

struct esp_structure;

typedef struct esp_search_api {
    uint64_t struct_size;
    esp_random *(*random)(esp_search *search);
    uint64_t (*objective_count)(esp_search *search);
    uint64_t (*trial_budget)(esp_search *search);
    esp_status (*sample)(esp_search *search, esp_random *random, esp_arch **out);
    esp_status (*mutate)(esp_search *search, const esp_arch *arch, double rate, esp_random *random,
                         esp_arch **out);
    esp_status (*cross)(esp_search *search, const esp_arch *a, const esp_arch *b,
                        esp_random *random, esp_arch **out);
    esp_status (*change)(esp_search *search, const esp_arch *arch, uint64_t decision,
                         esp_value value, esp_random *random, esp_arch **out);
    esp_status (*decide)(esp_search *search, esp_decide decide, void *self, esp_arch **out);
    esp_status (*enumerate)(esp_search *search, esp_status (*visit)(void *self, esp_arch *arch),
                            void *self, uint64_t most, uint64_t *count);
    esp_status (*survey)(esp_search *search, const esp_survey **out);
    uint32_t (*seen)(esp_search *search, const esp_arch *arch);
    esp_status (*sample_unseen)(esp_search *search, esp_random *random, esp_arch **out);
    esp_status (*text)(esp_search *search, const esp_arch *arch, const char **out);
    esp_status (*canonical)(esp_search *search, const esp_arch *arch, uint64_t *hash);
    esp_status (*structure)(esp_search *search, const esp_arch *arch,
                            const struct esp_structure **out);
    void (*structure_release)(esp_search *search, const struct esp_structure *structure);
    const void *(*space_ability)(esp_search *search, const char *id);
    esp_status (*space_instance)(esp_search *search, const esp_arch *arch, void **self);
    esp_status (*draw)(esp_search *search, const esp_domain *domain, const esp_value *except,
                       esp_random *random, esp_value *out);
    esp_status (*genome)(esp_search *search, const esp_arch *like, const void *bytes, uint64_t size,
                         esp_random *random, esp_arch **out);
} esp_search_api;

// The stream of this ask or tell: it depends on the run's seed and the trial's number alone. Owner:
// the host; [call].
static inline esp_random *esp_search_random(esp_search *search)
{
    return search->api->random(search);
}

// The number of objectives; at least 1.
static inline uint64_t esp_search_objective_count(esp_search *search)
{
    return search->api->objective_count(search);
}

// The number of trials that the run may ask for; 0 = no limit.
static inline uint64_t esp_search_trial_budget(esp_search *search)
{
    return search->api->trial_budget(search);
}

// A random member of the space: every decision uniform in its domain. `*out`: one reference, the
// caller's.
static inline esp_status esp_search_sample(esp_search *search, esp_random *random, esp_arch **out)
{
    return search->api->sample(search, random, out);
}

// A member that differs from `arch` in at least one decision. With `rate` 0 exactly one decision,
// drawn uniformly, takes another value of its domain; with a rate in (0, 1] each decision does so
// with that probability (at least one does). Decisions whose path and domain still exist keep their
// value, new ones are drawn.
static inline esp_status esp_search_mutate(esp_search *search, const esp_arch *arch, double rate,
                                           esp_random *random, esp_arch **out)
{
    return search->api->mutate(search, arch, rate, random, out);
}

// Uniform crossover: a decision that a parent has, at the same path and domain, takes a parent's
// value (either's, drawn, where both have it); others are drawn.
static inline esp_status esp_search_cross(esp_search *search, const esp_arch *a, const esp_arch *b,
                                          esp_random *random, esp_arch **out)
{
    return search->api->cross(search, a, b, random, out);
}

// `arch` with decision number `decision` set to `value`: a neighbour. Later decisions are kept
// where they still exist, else drawn. ESP_ERROR_REJECTED where it is no member of the space.
static inline esp_status esp_search_change(esp_search *search, const esp_arch *arch,
                                           uint64_t decision, esp_value value, esp_random *random,
                                           esp_arch **out)
{
    return search->api->change(search, arch, decision, value, random, out);
}

// A member whose decisions come from `decide`, called in the order of the pass with `self`. A pass
// that is rejected is begun again.
static inline esp_status esp_search_decide(esp_search *search, esp_decide decide, void *self,
                                           esp_arch **out)
{
    return search->api->decide(search, decide, self, out);
}

// Visits the members of a finite space in order, at most `most` of them (0 = all); `visit` may
// retain the architecture, and ends the enumeration by answering other than ESP_OK. `*count` is how
// many were visited. ESP_ERROR_UNSUPPORTED where a real decision makes the space infinite.
static inline esp_status esp_search_enumerate(esp_search *search,
                                              esp_status (*visit)(void *self, esp_arch *arch),
                                              void *self, uint64_t most, uint64_t *count)
{
    return search->api->enumerate(search, visit, self, most, count);
}

// The survey of the space, made at the first call.
static inline esp_status esp_search_survey(esp_search *search, const esp_survey **out)
{
    return search->api->survey(search, out);
}

// True if a trial of this run already has this architecture (by the run's identity). Trials count
// from the moment they are asked.
static inline uint32_t esp_search_seen(esp_search *search, const esp_arch *arch)
{
    return search->api->seen(search, arch);
}

// A random member that no trial of this run has. `*out` is NULL where every member of a finite space
// was tried: then the search is exhausted.
static inline esp_status esp_search_sample_unseen(esp_search *search, esp_random *random,
                                                  esp_arch **out)
{
    return search->api->sample_unseen(search, random, out);
}

// The architecture in the space's own notation. `*out`: owner the host, until the next call on
// `search`. ESP_ERROR_UNSUPPORTED where the space has none, or no word for this one.
static inline esp_status esp_search_text(esp_search *search, const esp_arch *arch, const char **out)
{
    return search->api->text(search, arch, out);
}

// The canonical hash: equal for members that are the same network. ESP_ERROR_UNSUPPORTED where the
// space has no canonical form (esp_search_space_ability tells it without an error).
static inline esp_status esp_search_canonical(esp_search *search, const esp_arch *arch,
                                              uint64_t *hash)
{
    return search->api->canonical(search, arch, hash);
}

// The cells of an architecture as labelled DAGs (ext/space_structure.h). `*out`: the host's, until
// esp_search_structure_release. ESP_ERROR_UNSUPPORTED where the space gives none.
static inline esp_status esp_search_structure(esp_search *search, const esp_arch *arch,
                                              const struct esp_structure **out)
{
    return search->api->structure(search, arch, out);
}

// NULL is allowed.
static inline void esp_search_structure_release(esp_search *search,
                                                const struct esp_structure *structure)
{
    search->api->structure_release(search, structure);
}

// The table of an ability of the run's space by id ("esp.space.text/1"), or NULL.
static inline const void *esp_search_space_ability(esp_search *search, const char *id)
{
    return search->api->space_ability(search, id);
}

// The space's instance for the values that searched parameters have in `arch`: what an ability's
// functions take as `self`. Owner: the host, until the next call on `search`.
static inline esp_status esp_search_space_instance(esp_search *search, const esp_arch *arch,
                                                   void **self)
{
    return search->api->space_instance(search, arch, self);
}

// A value of `domain`, drawn as esp_search_sample draws it; with `except` (NULL: none) another one
// than that. It may be called inside esp_decide, for a decision that a callback leaves to chance.
// Indices of a subset: owner the host, until the next draw. ESP_ERROR_INVALID where the domain has no
// other value; ESP_ERROR_UNSUPPORTED of a host older than this function.
static inline esp_status esp_search_draw(esp_search *search, const esp_domain *domain,
                                         const esp_value *except, esp_random *random,
                                         esp_value *out)
{
    if (!ESP_HAS(esp_search_api, search->api, draw))
        return ESP_ERROR_UNSUPPORTED;
    return search->api->draw(search, domain, except, random, out);
}

// The architecture with this genome, of a space that has the genome ability (ext/space_genome.h);
// its decisions, if it has any, are those of `like`, and drawn where `like` is NULL or has none there.
// ESP_ERROR_INVALID where the space does not take the genome. `*out`: one reference, the caller's.
static inline esp_status esp_search_genome(esp_search *search, const esp_arch *like,
                                           const void *bytes, uint64_t size, esp_random *random,
                                           esp_arch **out)
{
    if (!ESP_HAS(esp_search_api, search->api, genome))
        return ESP_ERROR_UNSUPPORTED;
    return search->api->genome(search, like, bytes, size, random, out);
}

// ---- Ask --------------------------------------------------------------------------------------

typedef struct esp_ask esp_ask;
struct esp_ask_api;

// The handle of one ask. [coordinator] [call]
struct esp_ask {
    esp_handle base;
    const struct esp_ask_api *api;
};

// How a trial's weights begin.
enum {
    ESP_MODE_FRESH = 0,    // from their initialisers
    ESP_MODE_CONTINUE = 1, // weights, optimizer, schedule and streams of the parent
    ESP_MODE_INHERIT = 2   // the parent's weights where paths and shapes agree
};

typedef struct esp_ask_api {
    uint64_t struct_size;
    uint64_t (*number)(esp_ask *ask);
    esp_status (*trial)(esp_ask *ask, esp_arch *arch);
    esp_status (*parent)(esp_ask *ask, uint64_t trial, uint32_t mode);
    esp_status (*fidelity)(esp_ask *ask, const char *name, double value);
    esp_status (*wait)(esp_ask *ask);
    esp_status (*done)(esp_ask *ask, const char *reason);
} esp_ask_api;

// The number that the trial would get; the first is 0.
static inline uint64_t esp_ask_number(esp_ask *ask)
{
    return ask->api->number(ask);
}

// Answers TRIAL: evaluate `arch`. The host takes a reference of its own.
static inline esp_status esp_ask_trial(esp_ask *ask, esp_arch *arch)
{
    return ask->api->trial(ask, arch);
}

// After esp_ask_trial: the trial that this one continues or inherits from (ESP_MODE_*).
static inline esp_status esp_ask_parent(esp_ask *ask, uint64_t trial, uint32_t mode)
{
    return ask->api->parent(ask, trial, mode);
}

// After esp_ask_trial: one dimension of its fidelity. The name was declared by the estimator, or is
// `section.key`.
static inline esp_status esp_ask_fidelity(esp_ask *ask, const char *name, double value)
{
    return ask->api->fidelity(ask, name, value);
}

// Answers WAIT: nothing until another outcome is told. Asking again must change no state.
static inline esp_status esp_ask_wait(esp_ask *ask)
{
    return ask->api->wait(ask);
}

// Answers DONE: the search is over. `reason`: `exhausted` for a finite space that was tried whole,
// else a few words.
static inline esp_status esp_ask_done(esp_ask *ask, const char *reason)
{
    return ask->api->done(ask, reason);
}

// ---- Tell -------------------------------------------------------------------------------------

enum {
    ESP_OUTCOME_DONE = 1,     // evaluated at the fidelity asked
    ESP_OUTCOME_STOPPED = 2,  // ended early by a stopping rule; objectives at `reached`
    ESP_OUTCOME_FAILED = 3,   // no objectives
    ESP_OUTCOME_LOST = 4,     // no objectives
    ESP_OUTCOME_CANCELLED = 5 // no objectives
};

// What a strategy is told of one trial. Owner: the host; [call].
typedef struct esp_outcome {
    uint64_t struct_size;
    uint64_t trial;
    uint32_t status; // ESP_OUTCOME_*
    uint32_t asked;  // 0: a trial that this strategy did not ask for ([start])
    esp_arch *arch;  // retain it to keep it
    // In the order of the INI, turned so that less is better. NULL without objectives; every value
    // is finite otherwise.
    const double *objectives;
    uint64_t objective_count;
    double violation; // of the constraints; 0 = feasible
    int64_t parent;   // -1 = none
    const esp_fidelity *reached;
    uint64_t reached_count, reached_stride;
} esp_outcome;

// ---- The description --------------------------------------------------------------------------

// What a strategy declares that it needs; the ability ESP_NEEDS_GENOME (ext/space_genome.h) is of one
// that serves no other spaces. The host refuses a space or an objective that does not
// fit before the first trial.
enum {
    ESP_STRATEGY_REAL = 1,            // takes real decisions
    ESP_STRATEGY_INT = 2,             // takes integer decisions
    ESP_STRATEGY_SUBSET = 4,          // takes k-of-n decisions
    ESP_STRATEGY_MANY_OBJECTIVES = 8, // takes more than one objective
    ESP_STRATEGY_NOT_REPEATABLE = 16, // the same calls may give other answers: a resume tells it
                                      // the stored trials and does not compare its asks
    ESP_STRATEGY_PARENTS = 32,        // calls esp_ask_parent: artifacts are kept until the end
    ESP_STRATEGY_GENOME = 64          // serves spaces whose members have a genome, by
                                      // esp_search_sample, _mutate, _cross and _genome alone
};

// The description of a strategy. Owner: the plugin; lives as long as the process.
typedef struct esp_strategy_type {
    uint64_t struct_size;
    const char *summary;
    const char *source;
    const esp_param *params;
    uint64_t param_count, param_stride;
    uint32_t takes; // ESP_STRATEGY_*
    uint32_t reserved;

    // Required. `search` may be kept until destroy. [coordinator] [create]
    esp_status (*create)(esp_create *create, esp_search *search, void **out);

    // Releases what is kept. Required. [coordinator] [created]
    void (*destroy)(void *self);

    // Answers with exactly one of esp_ask_trial, esp_ask_wait, esp_ask_done. Required.
    // [coordinator] [created]
    esp_status (*ask)(void *self, esp_search *search, esp_ask *ask);

    // Learns from an outcome, failed ones too. Required. [coordinator] [created]
    esp_status (*tell)(void *self, esp_search *search, const esp_outcome *outcome);

    // The table of an ability by id, or NULL. Optional. [any] [loaded]
    const void *(*ability)(const char *id);
} esp_strategy_type;

#ifdef __cplusplus
}
#endif

#endif
