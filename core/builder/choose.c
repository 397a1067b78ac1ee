// SPDX-License-Identifier: Apache-2.0
// From a name and a domain to a value: numbers the decision, answers what was met before or has one
// value, else asks the pass's chooser. Alternatives and inputs, of which a relaxed pass takes all,
// are alternatives.c.
#include "builder/pass.h"

#include <string.h>

// More decisions in one pass mean a loop without an end.
#define TRACE_MOST ((size_t)1 << 20)

const char *decision_text(const struct builder *builder, uint32_t decision)
{
    return dictionary_path_text(builder->dictionary,
                                dictionary_decision_path(builder->dictionary, decision));
}

// ---- Numbers ------------------------------------------------------------------------------------

uint32_t number_here(struct builder *builder)
{
    uint32_t path = dictionary_path(builder->dictionary, builder->path + builder->root,
                                    builder->path_length - builder->root);
    if (path == DICTIONARY_NONE)
        error_memory(&builder->error);
    return path;
}

uint32_t number_path(struct builder *builder, const char *name)
{
    size_t length = builder->path_length;
    if (!path_push(builder, name))
        return DICTIONARY_NONE;
    uint32_t path = number_here(builder);
    path_cut(builder, length);
    return path;
}

// A domain is tested when it is new to the dictionary.
uint32_t number_decision(struct builder *builder, uint32_t path, const esp_domain *domain)
{
    struct dictionary *dictionary = builder->dictionary;
    bool readable =
        domain->struct_size >= sizeof *domain && domain->kind - 1u < ESP_DECISION_SUBSET;
    uint32_t decision = readable ? dictionary_find(dictionary, path, domain) : DICTIONARY_NONE;
    if (decision != DICTIONARY_NONE)
        return decision;
    if (domain_check(domain, dictionary_path_text(dictionary, path), &builder->error) != ESP_OK)
        return DICTIONARY_NONE;
    decision = dictionary_decision(dictionary, path, domain);
    if (decision == DICTIONARY_NONE)
        error_memory(&builder->error);
    return decision;
}

// ---- What a decision is -------------------------------------------------------------------------

static bool learn(struct builder *builder, uint32_t decision)
{
    if (!array_reserve(&builder->known, &builder->known_capacity, (size_t)decision + 1,
                       sizeof *builder->known)) {
        error_memory(&builder->error);
        return false;
    }
    const esp_domain *domain = dictionary_decision_domain(builder->dictionary, decision);
    bool subset = domain->kind == ESP_DECISION_SUBSET;
    uint32_t *indices = arena_take(&builder->values, subset ? domain->count * sizeof *indices : 0);
    if (!indices) {
        error_memory(&builder->error);
        return false;
    }
    struct known known = {.ready = true};
    if (fix_value(builder, decision_text(builder, decision), domain, indices, &known.value,
                  &known.single, &builder->error) != ESP_OK)
        return false;
    if (!known.single)
        known.single = domain_single(domain, &known.value, indices);
    builder->known[decision] = known;
    return true;
}

static const struct known *known_decision(struct builder *builder, uint32_t decision)
{
    if ((decision >= builder->known_capacity || !builder->known[decision].ready) &&
        !learn(builder, decision))
        return NULL;
    return &builder->known[decision];
}

bool single_value(struct builder *builder, uint32_t decision, esp_value *out)
{
    const struct known *known = known_decision(builder, decision);
    if (!known || !known->single)
        return false;
    *out = known->value;
    return true;
}

// What was met at the path in this pass: NULL with the error set, or a row whose pass is this one
// where something was met.
static struct met *met_at(struct builder *builder, uint32_t path, uint32_t decision)
{
    if (path >= builder->met_capacity && !array_reserve(&builder->met, &builder->met_capacity,
                                                        (size_t)path + 1, sizeof *builder->met)) {
        error_memory(&builder->error);
        return NULL;
    }
    struct met *met = &builder->met[path];
    if (met->pass == builder->pass && met->decision != decision) {
        char first[256], again[256];
        domain_text(first, sizeof first,
                    dictionary_decision_domain(builder->dictionary, met->decision));
        domain_text(again, sizeof again, dictionary_decision_domain(builder->dictionary, decision));
        error_set(&builder->error, ESP_ERROR_MISUSE,
                  "decision %s was %s and is met again as %s: one path has one domain in a pass",
                  dictionary_path_text(builder->dictionary, path), first, again);
        return NULL;
    }
    return met;
}

// ---- Values -------------------------------------------------------------------------------------

static bool append(struct builder *builder, uint32_t decision, esp_value value)
{
    if (builder->trace_count >= TRACE_MOST) {
        error_set(&builder->error, ESP_ERROR_MISUSE,
                  "more than %zu decisions in one pass: does the loop that draws %s end?",
                  TRACE_MOST, decision_text(builder, decision));
        return false;
    }
    if (builder->trace_count == builder->trace_capacity &&
        !array_reserve(&builder->trace, &builder->trace_capacity, builder->trace_count + 1,
                       sizeof *builder->trace)) {
        error_memory(&builder->error);
        return false;
    }
    builder->trace[builder->trace_count++] = (struct choice){decision, value};
    return true;
}

// Asks the chooser.
static bool draw(struct builder *builder, uint32_t decision, esp_value *out)
{
    const esp_domain *domain = dictionary_decision_domain(builder->dictionary, decision);
    uint32_t *indices = NULL;
    if (domain->kind == ESP_DECISION_SUBSET &&
        !(indices = arena_take(&builder->arena, domain->count * sizeof *indices))) {
        error_memory(&builder->error);
        return false;
    }
    esp_status status =
        builder->chooser->draw(builder->chooser, builder, decision, domain, indices, out);
    if (status != ESP_OK) {
        error_ensure(&builder->error, status, decision_text(builder, decision));
        return false;
    }
    if (out->kind == ESP_DECISION_REAL)
        out->as.real += 0.0; // -0 becomes 0, as in the architecture
    return append(builder, decision, *out);
}

bool choose_numbered(struct builder *builder, uint32_t path, uint32_t decision, esp_value *out)
{
    struct met *met = met_at(builder, path, decision);
    if (!met)
        return false;
    if (met->pass == builder->pass && met->value.kind != 0) {
        *out = met->value;
        return true;
    }
    const struct known *known = known_decision(builder, decision);
    if (!known)
        return false;
    if (known->single) {
        *out = known->value;
        if (builder->chooser->single &&
            builder->chooser->single(builder->chooser, builder, decision,
                                     dictionary_decision_domain(builder->dictionary, decision),
                                     *out) != ESP_OK)
            return false;
        if (builder->whole && !append(builder, decision, *out))
            return false;
    } else if (!draw(builder, decision, out)) {
        return false;
    }
    // Looked up again: the chooser may have met paths of its own and moved the rows.
    builder->met[path] = (struct met){builder->pass, decision, *out};
    return true;
}

bool choose_relaxed(struct builder *builder, uint32_t path, uint32_t decision)
{
    struct met *met = met_at(builder, path, decision);
    const struct known *known = met ? known_decision(builder, decision) : NULL;
    if (!known || known->single)
        return false;
    *met = (struct met){builder->pass, decision, {0, 0, {0}}};
    return true;
}

static bool choose(struct builder *builder, const char *name, const esp_domain *domain,
                   esp_value *out)
{
    uint32_t path = number_path(builder, name);
    if (path == DICTIONARY_NONE)
        return false;
    uint32_t decision = number_decision(builder, path, domain);
    return decision != DICTIONARY_NONE && choose_numbered(builder, path, decision, out);
}

esp_value builder_choose(esp_builder *handle, const char *name, const esp_domain *domain)
{
    struct builder *builder = builder_from_handle(handle);
    esp_value value = {0, 0, {0}}, none = {domain->kind, 0, {0}};
    if (builder->error.status != ESP_OK || !choose(builder, name, domain, &value))
        return none;
    return value;
}

uint32_t builder_choose_chance(esp_builder *handle, const char *name, double probability)
{
    static const char *const no_yes[] = {"no", "yes"};
    const esp_domain domain = {sizeof domain, ESP_DECISION_ONE,  0,      0, 0, 0.0,
                               0.0,           ESP_COUNT(no_yes), no_yes, 0, 0};
    struct builder *builder = builder_from_handle(handle);
    if (builder->error.status == ESP_OK && !(probability > 0.0 && probability < 1.0))
        error_set(&builder->error, ESP_ERROR_MISUSE,
                  "decision %s in the scope \"%s\": a chance of %g: expected one between 0 and 1",
                  name ? name : "(NULL)", builder->path, probability);
    builder->chance = probability;
    esp_value value = builder_choose(handle, name, &domain);
    builder->chance = 0.0;
    return (uint32_t)value.as.index;
}

static bool check_values(struct builder *builder, const char *name, const int64_t *values,
                         uint64_t count)
{
    bool ascending = count > 0 && values;
    for (uint64_t i = 1; ascending && i < count; i++)
        ascending = values[i - 1] < values[i];
    if (!ascending)
        error_set(&builder->error, ESP_ERROR_MISUSE,
                  "decision %s in the scope \"%s\": its values are not ascending",
                  name ? name : "(NULL)", builder->path);
    return ascending;
}

int64_t builder_choose_value(esp_builder *handle, const char *name, const int64_t *values,
                             uint64_t count)
{
    struct builder *builder = builder_from_handle(handle);
    esp_value value;
    if (builder->error.status != ESP_OK || !check_values(builder, name, values, count))
        return 0;
    uint32_t path = number_path(builder, name);
    if (path == DICTIONARY_NONE)
        return 0;
    uint32_t decision = dictionary_values_decision(builder->dictionary, path, values, count);
    if (decision == DICTIONARY_NONE) {
        error_memory(&builder->error);
        return 0;
    }
    return choose_numbered(builder, path, decision, &value) ? values[value.as.index] : 0;
}
