// SPDX-License-Identifier: Apache-2.0
// All members of a finite space, as an odometer over conditional decisions: each pass repeats the
// values so far and takes the first one of what is new; then the last decision that has a next value
// takes it, and what came after is forgotten. Depth first, values in order: options and integers
// ascending, subsets by size and then lexicographically. A rejected pass turns on at the decision
// that it had come to, so that what lies behind is not tried.
#include "builder/pass.h"

#include <stdlib.h>

// One wheel of the odometer.
struct step {
    uint32_t decision;
    esp_value value;
    uint32_t *indices; // of a SUBSET
    size_t capacity;
};

struct odometer {
    struct chooser base;
    struct step *steps;
    size_t count, capacity;
    size_t at; // the next step of this pass
};

// The first k options.
static esp_value first_subset(uint32_t *indices, uint64_t k)
{
    for (uint64_t i = 0; i < k; i++)
        indices[i] = (uint32_t)i;
    return esp_value_subset(indices, (uint32_t)k);
}

static esp_value first_value(const esp_domain *domain, uint32_t *indices)
{
    switch (domain->kind) {
    case ESP_DECISION_ONE:
        return esp_value_one(0);
    case ESP_DECISION_INT:
        return esp_value_int(domain->int_min);
    default:
        return first_subset(indices, domain->least);
    }
}

static bool next_subset(struct step *step, const esp_domain *domain)
{
    const uint64_t n = domain->count, k = step->value.count;
    for (uint64_t i = k; i-- > 0;) {
        if (step->indices[i] + (k - i) >= n)
            continue; // it stands as far right as it can
        step->indices[i]++;
        for (uint64_t j = i + 1; j < k; j++)
            step->indices[j] = step->indices[j - 1] + 1;
        return true;
    }
    if (k == domain->most)
        return false;
    step->value = first_subset(step->indices, k + 1);
    return true;
}

static bool next_value(struct step *step, const esp_domain *domain)
{
    switch (domain->kind) {
    case ESP_DECISION_ONE:
        return ++step->value.as.index < domain->count;
    case ESP_DECISION_INT:
        if (step->value.as.integer == domain->int_max)
            return false;
        step->value.as.integer++;
        return true;
    default:
        return next_subset(step, domain);
    }
}

static esp_status add_step(struct odometer *odometer, struct builder *builder, uint32_t decision,
                           const esp_domain *domain)
{
    if (domain->kind == ESP_DECISION_REAL)
        return error_set(&builder->error, ESP_ERROR_UNSUPPORTED,
                         "decision %s is a real: the members cannot be enumerated",
                         decision_text(builder, decision));
    if (!array_reserve(&odometer->steps, &odometer->capacity, odometer->count + 1,
                       sizeof *odometer->steps))
        return error_memory(&builder->error);
    struct step *step = &odometer->steps[odometer->count];
    if (domain->kind == ESP_DECISION_SUBSET &&
        !array_reserve(&step->indices, &step->capacity, domain->count, sizeof *step->indices))
        return error_memory(&builder->error);
    step->decision = decision;
    step->value = first_value(domain, step->indices);
    odometer->count++;
    return ESP_OK;
}

static esp_status draw(struct chooser *self, struct builder *builder, uint32_t decision,
                       const esp_domain *domain, uint32_t *indices, esp_value *out)
{
    struct odometer *odometer = (struct odometer *)self;
    (void)indices;
    if (odometer->at == odometer->count) {
        esp_status status = add_step(odometer, builder, decision, domain);
        if (status != ESP_OK)
            return status;
    }
    const struct step *step = &odometer->steps[odometer->at++];
    if (step->decision != decision)
        return error_set(&builder->error, ESP_ERROR_MISUSE,
                         "after the same values decision %s is drawn where it was %s before: the "
                         "space depends on something else",
                         decision_text(builder, decision), decision_text(builder, step->decision));
    *out = step->value;
    return ESP_OK;
}

// Turns to the next path; false: there is none.
static bool turn(struct odometer *odometer, const struct builder *builder)
{
    while (odometer->count > 0) {
        struct step *step = &odometer->steps[odometer->count - 1];
        if (next_value(step, dictionary_decision_domain(builder->dictionary, step->decision)))
            return true;
        odometer->count--;
    }
    return false;
}

static esp_status visit_one(struct builder *builder,
                            esp_status (*visit)(void *self, struct arch *arch), void *self,
                            struct error *error)
{
    struct arch *arch;
    esp_status status = pass_arch(builder, &arch, error);
    if (status != ESP_OK)
        return status;
    status = visit(self, arch);
    arch_release(arch);
    return status;
}

esp_status enumerate_members(struct builder *builder,
                             esp_status (*visit)(void *self, struct arch *arch), void *self,
                             uint64_t most, uint64_t passes, uint64_t *count, bool *whole,
                             struct error *error)
{
    struct odometer odometer = {.base = {.draw = draw}};
    esp_status status = ESP_OK;
    *count = 0;
    *whole = false;
    for (uint64_t pass = 0; !*whole && (!most || *count < most) && (!passes || pass < passes);
         pass++) {
        odometer.at = 0;
        status = pass_run(builder, &odometer.base, NULL, false, error);
        if (status != ESP_OK && status != ESP_ERROR_REJECTED)
            break;
        if (status == ESP_OK) {
            ++*count;
            status = visit_one(builder, visit, self, error);
            if (status != ESP_OK)
                break;
        }
        status = ESP_OK;
        *whole = !turn(&odometer, builder);
    }
    for (size_t i = 0; i < odometer.capacity; i++)
        free(odometer.steps[i].indices);
    free(odometer.steps);
    return status;
}

esp_status builder_enumerate(struct builder *builder,
                             esp_status (*visit)(void *self, struct arch *arch), void *self,
                             uint64_t most, uint64_t *count, struct error *error)
{
    bool whole;
    return enumerate_members(builder, visit, self, most, 0, count, &whole, error);
}
