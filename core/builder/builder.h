// SPDX-License-Identifier: Apache-2.0
// Passes of a space: the same function run with different choosers. A builder belongs to one design
// (a space with its searched parameters) and is reused from pass to pass, so that a trace-only pass
// allocates nothing but the architecture it ends in.
#ifndef BUILDER_BUILDER_H
#define BUILDER_BUILDER_H

#include "arch/arch.h"
#include "graph/graph.h"

#include <espalier/random.h>
#include <espalier/space.h>
#include <espalier/strategy.h>
#include <espalier/task.h>

// What is built. The space's function, and around it what the host adds: decisions of searched
// parameters, drawn before the space's own, and fixed decisions.
struct design {
    const char *space; // the space's id, for messages
    const esp_task *task;
    const esp_space_type *type;

    // A decision that stands before the space's own, at `@section/key`.
    struct searched {
        const char *path;
        esp_domain domain;
    } * searched;
    uint64_t searched_count;

    // `[fix] path = value`: paths may hold `*`; the value is written as in architecture JSON or as
    // bare text.
    struct fix {
        const char *pattern;
        const char *value;
    } * fixes;
    uint64_t fix_count;

    // The instance for the values of the searched decisions, in their order; called once a pass. The
    // instance stays the callee's.
    esp_status (*instance)(void *self, const esp_value *values, void **space_instance,
                           struct error *error);
    void *instance_self;
};

struct builder;

// Copies the design's struct; what it points to lives as long as the builder. NULL: out of memory.
struct builder *builder_create(const struct design *design, struct dictionary *dictionary);
void builder_destroy(struct builder *builder);
struct dictionary *builder_dictionary(struct builder *builder);

// How often a pass ended in esp_reject and was drawn again. Enumerations, which leave such a pass out,
// are not counted.
uint64_t builder_rejections(const struct builder *builder);

// True if a decision that was met matches fix number `fix`: one that never is has a wrong path.
bool builder_fix_used(const struct builder *builder, uint64_t fix);

// The value of searched decision `i` of the design in an architecture; of one that has a single value,
// by its domain or by a fix, that one, which no architecture holds. `*out` is neither a subset nor
// bound to the architecture's life.
esp_status builder_searched(struct builder *builder, const struct arch *arch, uint64_t i,
                            esp_value *out, struct error *error);

// Passes. `*out` is one reference of the caller's. All but `build` and `relax` are trace-only.
// ESP_ERROR_REJECTED: no member was found in 1,001 passes (sample, mutate, cross, change, decide), or
// the one that was asked for is none (change where nothing else is drawn, build, read).
// Inside `decide` and the space's function no other pass of the builder can run.
esp_status builder_sample(struct builder *builder, esp_random *random, struct arch **out,
                          struct error *error);
esp_status builder_mutate(struct builder *builder, const struct arch *parent, double rate,
                          esp_random *random, struct arch **out, struct error *error);
esp_status builder_cross(struct builder *builder, const struct arch *a, const struct arch *b,
                         esp_random *random, struct arch **out, struct error *error);
esp_status builder_change(struct builder *builder, const struct arch *parent, uint64_t decision,
                          esp_value value, esp_random *random, struct arch **out,
                          struct error *error);
esp_status builder_decide(struct builder *builder, esp_decide decide, void *self, struct arch **out,
                          struct error *error);
// The member with these bytes as its genome, of a space that has the ability; its decisions are those of
// `like`, and drawn where that is NULL or has none there.
esp_status builder_genome_member(struct builder *builder, const struct arch *like,
                                 const void *bytes, uint64_t size, esp_random *random,
                                 struct arch **out, struct error *error);
// Visits all members in order, depth first, `most` at most (0 = all). Ends early, and answers so,
// where `visit` answers other than ESP_OK. ESP_ERROR_UNSUPPORTED, with its path, for a real decision.
esp_status builder_enumerate(struct builder *builder,
                             esp_status (*visit)(void *self, struct arch *arch), void *self,
                             uint64_t most, uint64_t *count, struct error *error);

// A value of a domain, as `sample` draws it; with `except` another one. Allowed inside `decide`. The
// indices of a subset are the builder's until the next draw.
esp_status builder_draw(struct builder *builder, const esp_domain *domain, const esp_value *except,
                        esp_random *random, esp_value *out, struct error *error);

// Replays a trace and emits the graph. `*graph` is the caller's; NULL: trace only. An error if the
// trace does not fit the space (a decision missing, left over, or of another domain).
esp_status builder_build(struct builder *builder, const struct arch *arch, struct graph **graph,
                         struct error *error);
// Replays what was written in JSON.
esp_status builder_read(struct builder *builder, const struct written_arch *written,
                        struct arch **out, struct error *error);
// ---- In words (text.c): the abilities of ext/space_text.h -----------------------------------------

// Whether the space has a notation of its own, and a canonical form.
bool builder_has_text(const struct builder *builder);
bool builder_has_canonical(const struct builder *builder);

// A value for the decision at `path`, written as in architecture JSON or as bare text.
struct given {
    const char *path;
    const char *value;
};

// The architecture that a text stands for, in the space's own notation. `given`: values of searched
// decisions (`@section/key`), which no text holds; each must be met. What does not parse is
// ESP_ERROR_INVALID with the text and a caret; a text that is no member ESP_ERROR_REJECTED; a space
// without a notation ESP_ERROR_UNSUPPORTED.
esp_status builder_parse(struct builder *builder, const char *text, const struct given *given,
                         uint64_t given_count, struct arch **out, struct error *error);

// The notation of an architecture, one printable line; its canonical form. `*text` is the builder's,
// until the next call of these. ESP_ERROR_UNSUPPORTED where the space has none, or no word for it.
esp_status builder_print(struct builder *builder, const struct arch *arch, const char **text,
                         struct error *error);
esp_status builder_canonical(struct builder *builder, const struct arch *arch, const char **text,
                             struct error *error);
// XXH3-64 of the canonical form: of the network alone, whatever values searched parameters have.
esp_status builder_canonical_hash(struct builder *builder, const struct arch *arch, uint64_t *out,
                                  struct error *error);

// The table of an ability, or NULL; and the space's instance for the searched values of `arch`, which
// stays the design's.
const void *builder_ability(const struct builder *builder, const char *id);
esp_status builder_instance(struct builder *builder, const struct arch *arch, void **out,
                            struct error *error);

// What two architectures have in common that are one by their canonical form: that of the network and
// the values of searched decisions. Of this machine and process alone.
esp_status builder_canonical_identity(struct builder *builder, const struct arch *arch,
                                      uint64_t *out, struct error *error);

// -------------------------------------------------------------------------------------------------

// The one-shot supernet: choose_op and choose_inputs build all alternatives. Every other decision
// must have one value, else the error names it.
esp_status builder_relax(struct builder *builder, struct graph **graph, struct error *error);

// The survey of the space (survey.h of the SDK): exhaustive where at most 1,000 members exist, else
// 1,000 samples of `random`. Owner: the caller (survey_destroy).
struct survey;
esp_status survey_create(struct survey **out, struct builder *builder, esp_random *random,
                         struct error *error);
void survey_destroy(struct survey *survey);
const esp_survey *survey_handle(const struct survey *survey);
// Decisions met by encode that stand outside the survey.
uint64_t survey_outside(const struct survey *survey);

#endif
