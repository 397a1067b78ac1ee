// SPDX-License-Identifier: Apache-2.0
// The choosers that keep what they can of a parent: mutation, crossover, neighbours. A decision of
// the dictionary is a path with a domain, so one that has the same number still exists. A mutation
// always differs from its parent: up to the first marked decision the pass is the parent's, so that
// one is met, and takes another value.
#include "builder/pass.h"

#include <inttypes.h>
#include <math.h>

// A parent's trace, read in the order in which a pass meets it: mostly its own.
struct parent {
    const struct choice *choices;
    uint64_t count, next;
};

static struct parent read_parent(const struct arch *arch)
{
    struct parent parent = {.next = 0};
    parent.choices = arch_choices(arch, &parent.count);
    return parent;
}

// The position of the decision in the parent's trace, or -1.
static int64_t position(struct parent *parent, uint32_t decision)
{
    for (uint64_t i = 0, at = parent->next; i < parent->count; i++, at++) {
        if (at >= parent->count)
            at = 0;
        if (parent->choices[at].decision == decision) {
            parent->next = at + 1;
            return (int64_t)at;
        }
    }
    return -1;
}

// ---- Mutation -----------------------------------------------------------------------------------

struct mutation {
    struct chooser base;
    const struct arch *arch;
    struct parent parent;
    esp_random *random;
    double rate;
    bool *marks; // the parent's decisions that take another value
    // Of a space with genomes, whose members may have decisions, too (searched parameters): in a pass
    // the one or the other changes, each with one half where there are both.
    bool has_genome, change_genome;
};

// With a rate, each decision is marked with that probability, on the condition that one is at least:
// where none is marked yet, the one at i is with rate / (1 - (1 - rate)^(count - i)).
static void begin_mutation(struct chooser *self)
{
    struct mutation *mutation = (struct mutation *)self;
    const uint64_t count = mutation->parent.count;
    bool any = false;
    mutation->parent.next = 0;
    mutation->change_genome =
        mutation->has_genome && (count == 0 || esp_random_bits(mutation->random) >> 63);
    if (mutation->change_genome) {
        for (uint64_t i = 0; i < count; i++)
            mutation->marks[i] = false;
        return;
    }
    if (mutation->rate == 0.0) {
        uint64_t marked = esp_random_below(mutation->random, count);
        for (uint64_t i = 0; i < count; i++)
            mutation->marks[i] = i == marked;
        return;
    }
    for (uint64_t i = 0; i < count; i++) {
        double chance = mutation->rate;
        if (!any)
            chance /= -expm1((double)(count - i) * log1p(-mutation->rate));
        mutation->marks[i] = esp_random_real(mutation->random) < chance || (!any && i + 1 == count);
        any |= mutation->marks[i];
    }
}

static esp_status draw_mutated(struct chooser *self, struct builder *builder, uint32_t decision,
                               const esp_domain *domain, uint32_t *indices, esp_value *out)
{
    struct mutation *mutation = (struct mutation *)self;
    int64_t at = position(&mutation->parent, decision);
    if (at < 0)
        *out = draw_met(builder, mutation->random, domain, indices);
    else if (mutation->marks[at])
        *out = draw_other(mutation->random, domain, mutation->parent.choices[at].value, indices);
    else
        *out = mutation->parent.choices[at].value;
    return ESP_OK;
}

static esp_status mutate_genome(struct chooser *self, struct builder *builder)
{
    const struct mutation *mutation = (const struct mutation *)self;
    if (!mutation->change_genome)
        return genome_keep(builder, mutation->arch);
    return genome_mutate(builder, mutation->arch, mutation->rate, mutation->random);
}

esp_status builder_mutate(struct builder *builder, const struct arch *parent, double rate,
                          esp_random *random, struct arch **out, struct error *error)
{
    struct mutation mutation = {
        .base = {.begin = begin_mutation, .draw = draw_mutated, .genome = mutate_genome},
        .arch = parent,
        .parent = read_parent(parent),
        .random = random,
        .rate = rate,
        .has_genome = builder->genome_ability};
    esp_status status = pass_check_arch(builder, parent, error);
    if (status != ESP_OK)
        return status;
    if (!(rate >= 0.0 && rate <= 1.0))
        return error_set(error, ESP_ERROR_INVALID, "a mutation rate of %g: expected 0 .. 1", rate);
    if (mutation.parent.count == 0 && !mutation.has_genome)
        return error_set(error, ESP_ERROR_UNSUPPORTED,
                         "space %s: the architecture has no decision that a mutation could change",
                         builder->design.space);
    if (!array_reserve(&builder->marks, &builder->marks_capacity, mutation.parent.count + 1,
                       sizeof *builder->marks))
        return error_memory(error);
    mutation.marks = builder->marks;
    return pass_draw(builder, &mutation.base, NULL, out, error);
}

// ---- Crossover ----------------------------------------------------------------------------------

struct crossover {
    struct chooser base;
    const struct arch *archs[2];
    struct parent a, b;
    esp_random *random;
};

static void begin_crossover(struct chooser *self)
{
    struct crossover *crossover = (struct crossover *)self;
    crossover->a.next = crossover->b.next = 0;
}

static esp_status draw_crossed(struct chooser *self, struct builder *builder, uint32_t decision,
                               const esp_domain *domain, uint32_t *indices, esp_value *out)
{
    struct crossover *crossover = (struct crossover *)self;
    int64_t a = position(&crossover->a, decision), b = position(&crossover->b, decision);
    if (a >= 0 && b >= 0) { // the highest bit: Philox's are all equally good
        if (esp_random_bits(crossover->random) >> 63)
            a = -1;
        else
            b = -1;
    }
    if (a >= 0)
        *out = crossover->a.choices[a].value;
    else if (b >= 0)
        *out = crossover->b.choices[b].value;
    else
        *out = draw_met(builder, crossover->random, domain, indices);
    return ESP_OK;
}

static esp_status cross_genomes(struct chooser *self, struct builder *builder)
{
    const struct crossover *crossover = (const struct crossover *)self;
    return genome_cross(builder, crossover->archs[0], crossover->archs[1], crossover->random);
}

esp_status builder_cross(struct builder *builder, const struct arch *a, const struct arch *b,
                         esp_random *random, struct arch **out, struct error *error)
{
    struct crossover crossover = {
        {.begin = begin_crossover, .draw = draw_crossed, .genome = cross_genomes},
        {a, b},
        read_parent(a),
        read_parent(b),
        random};
    esp_status status = pass_check_arch(builder, a, error);
    if (status == ESP_OK)
        status = pass_check_arch(builder, b, error);
    return status == ESP_OK ? pass_draw(builder, &crossover.base, NULL, out, error) : status;
}

// ---- Neighbours ---------------------------------------------------------------------------------

struct change {
    struct chooser base;
    const struct arch *arch;
    struct parent parent;
    uint64_t decision; // which of the parent's
    esp_value value;   // that it takes
    esp_random *random;
    bool drew; // something was drawn in this pass
};

static void begin_change(struct chooser *self)
{
    struct change *change = (struct change *)self;
    change->parent.next = 0;
    change->drew = false;
}

static esp_status draw_changed(struct chooser *self, struct builder *builder, uint32_t decision,
                               const esp_domain *domain, uint32_t *indices, esp_value *out)
{
    struct change *change = (struct change *)self;
    int64_t at = position(&change->parent, decision);
    if (at >= 0) {
        *out = (uint64_t)at == change->decision ? change->value : change->parent.choices[at].value;
        return ESP_OK;
    }
    *out = draw_met(builder, change->random, domain, indices);
    change->drew = true;
    return ESP_OK;
}

static esp_status keep_genome(struct chooser *self, struct builder *builder)
{
    return genome_keep(builder, ((const struct change *)self)->arch);
}

esp_status builder_change(struct builder *builder, const struct arch *parent, uint64_t decision,
                          esp_value value, esp_random *random, struct arch **out,
                          struct error *error)
{
    struct change change = {{.begin = begin_change, .draw = draw_changed, .genome = keep_genome},
                            parent,
                            read_parent(parent),
                            decision,
                            value,
                            random,
                            false};
    esp_status status = pass_check_arch(builder, parent, error);
    if (status != ESP_OK)
        return status;
    if (decision >= change.parent.count)
        return error_set(error, ESP_ERROR_INVALID,
                         "decision %" PRIu64 " of an architecture that has %" PRIu64, decision,
                         change.parent.count);
    uint32_t number = change.parent.choices[decision].decision;
    const esp_domain *domain = dictionary_decision_domain(builder->dictionary, number);
    if (!value_in_domain(domain, value)) {
        char expected[512];
        domain_text(expected, sizeof expected, domain);
        return error_set(error, ESP_ERROR_INVALID,
                         "decision %s cannot change to this value: expected %s",
                         decision_text(builder, number), expected);
    }
    return pass_draw(builder, &change.base, &change.drew, out, error);
}
