// SPDX-License-Identifier: Apache-2.0
// From a name and a domain to a value: numbers the decision, answers what was met before or has one
// value, else asks the pass's chooser. Then the decisions that emit: alternatives and inputs.
#include "builder/pass.h"

#include <inttypes.h>
#include <string.h>

// More decisions in one pass mean a loop without an end.
#define TRACE_MOST ((size_t)1 << 20)

const char *decision_text(const struct builder *builder, uint32_t decision)
{
    return dictionary_path_text(builder->dictionary,
                                dictionary_decision_path(builder->dictionary, decision));
}

// ---- Numbers ------------------------------------------------------------------------------------

// The number of the decision path where the pass is, or DICTIONARY_NONE with the error set.
static uint32_t number_here(struct builder *builder)
{
    uint32_t path = dictionary_path(builder->dictionary, builder->path + builder->root,
                                    builder->path_length - builder->root);
    if (path == DICTIONARY_NONE)
        error_memory(&builder->error);
    return path;
}

// As number_here, of the decision `name`.
static uint32_t number_path(struct builder *builder, const char *name)
{
    size_t length = builder->path_length;
    if (!path_push(builder, name))
        return DICTIONARY_NONE;
    uint32_t path = number_here(builder);
    path_cut(builder, length);
    return path;
}

// As number_path. A domain is tested when it is new to the dictionary.
static uint32_t number_decision(struct builder *builder, uint32_t path, const esp_domain *domain)
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

bool choose_learn(struct builder *builder, uint32_t decision)
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
        !choose_learn(builder, decision))
        return NULL;
    return &builder->known[decision];
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
    } else if (!draw(builder, decision, out)) {
        return false;
    }
    // Looked up again: the chooser may have met paths of its own and moved the rows.
    builder->met[path] = (struct met){builder->pass, decision, *out};
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

// ---- Inputs -------------------------------------------------------------------------------------

// Relaxed: notes that the decision was met with all its options. Answers whether it is open, that
// is, has more than one value; false with the error set, too.
static bool open_relaxed(struct builder *builder, uint32_t path, uint32_t decision)
{
    struct met *met = met_at(builder, path, decision);
    const struct known *known = met ? known_decision(builder, decision) : NULL;
    if (!known || known->single)
        return false;
    *met = (struct met){builder->pass, decision, {0, 0, {0}}};
    return true;
}

uint64_t builder_choose_inputs(esp_builder *handle, const char *name, const char *const *sources,
                               uint64_t count, uint64_t least, uint64_t most, uint32_t *chosen)
{
    struct builder *builder = builder_from_handle(handle);
    esp_domain domain = {
        sizeof domain, ESP_DECISION_SUBSET, 0, 0, 0, 0.0, 0.0, count, sources, least, most};
    esp_value value;
    if (builder->error.status != ESP_OK)
        return 0;
    uint32_t path = number_path(builder, name);
    uint32_t decision = path == DICTIONARY_NONE ? path : number_decision(builder, path, &domain);
    if (decision == DICTIONARY_NONE)
        return 0;
    if (builder->relaxed && open_relaxed(builder, path, decision)) {
        for (uint64_t i = 0; i < count; i++)
            chosen[i] = (uint32_t)i;
        return count;
    }
    if (builder->error.status != ESP_OK || !choose_numbered(builder, path, decision, &value))
        return 0;
    for (uint32_t i = 0; i < value.count; i++)
        chosen[i] = value.as.indices[i];
    return value.count;
}

// ---- Alternatives -------------------------------------------------------------------------------

static const esp_alternative *alternative_at(const esp_alternative *alternatives, uint64_t stride,
                                             uint64_t i)
{
    return (const esp_alternative *)(const void *)((const char *)alternatives + i * stride);
}

// The number of the decision among the alternatives' names.
static uint32_t number_alternatives(struct builder *builder, uint32_t path,
                                    const esp_alternative *alternatives, uint64_t count,
                                    uint64_t stride)
{
    if (count > builder->names_capacity &&
        !array_reserve(&builder->names, &builder->names_capacity, count, sizeof *builder->names)) {
        error_memory(&builder->error);
        return DICTIONARY_NONE;
    }
    for (uint64_t i = 0; i < count; i++)
        builder->names[i] = alternative_at(alternatives, stride, i)->name;
    esp_domain domain = {sizeof domain, ESP_DECISION_ONE, 0, 0, 0, 0.0, 0.0,
                         count,         builder->names,   0, 0};
    return number_decision(builder, path, &domain);
}

// Emits one alternative inside the scope of its name.
static esp_node emit_alternative(struct builder *builder, const esp_alternative *alternative,
                                 esp_node x, const void *argument)
{
    const esp_node none = {0};
    if (!alternative->emit) {
        error_set(&builder->error, ESP_ERROR_MISUSE, "alternative %s in \"%s\" has no function",
                  alternative->name, builder->path);
        return none;
    }
    if (!scope_open(builder, alternative->name, -1, false))
        return none;
    size_t floor = builder->floor, depth = builder->depth;
    builder->floor = depth;
    esp_node out = alternative->emit(&builder->handle, x, argument);
    builder->floor = floor;
    if (builder->error.status == ESP_OK && builder->depth != depth)
        error_set(&builder->error, ESP_ERROR_MISUSE, "alternative %s left the scope \"%s\" open",
                  alternative->name, builder->path);
    else if (builder->error.status == ESP_OK && out.id == 0)
        error_set(&builder->error, ESP_ERROR_MISUSE, "alternative \"%s\" gave no tensor",
                  builder->path);
    if (builder->error.status != ESP_OK)
        return none;
    scope_close(builder);
    return out;
}

// All alternatives behind a Choice, whose attributes are the decision's path and the names.
static esp_node emit_all(struct builder *builder, uint32_t decision, esp_node x,
                         const esp_alternative *alternatives, uint64_t count, uint64_t stride,
                         const void *argument)
{
    const esp_node none = {0};
    size_t size = 1;
    for (uint64_t i = 0; i < count; i++)
        size += strlen(alternative_at(alternatives, stride, i)->name) + 1;
    esp_node *outputs = arena_take(&builder->arena, count * sizeof *outputs);
    char *names = arena_take(&builder->arena, size), *at = names;
    if (!outputs || !names) {
        error_memory(&builder->error);
        return none;
    }
    for (uint64_t i = 0; i < count; i++) {
        const esp_alternative *alternative = alternative_at(alternatives, stride, i);
        size_t length = strlen(alternative->name);
        if (i > 0)
            *at++ = '|';
        memcpy(at, alternative->name, length);
        at += length;
        outputs[i] = emit_alternative(builder, alternative, x, argument);
        if (builder->error.status != ESP_OK)
            return none;
    }
    *at = '\0';
    const esp_attribute attributes[] = {
        esp_attribute_text("path", decision_text(builder, decision)),
        esp_attribute_text("names", names)};
    return builder_op(&builder->handle, "choice", "Choice", outputs, count, attributes,
                      ESP_COUNT(attributes), sizeof attributes[0]);
}

esp_node builder_choose_op(esp_builder *handle, const char *name, esp_node x,
                           const esp_alternative *alternatives, uint64_t count, uint64_t stride,
                           const void *argument)
{
    struct builder *builder = builder_from_handle(handle);
    const esp_node none = {0};
    esp_node out = none;
    esp_value value;
    if (builder->error.status != ESP_OK)
        return none;
    if (!scope_open(builder, name, -1, false))
        return none;
    uint32_t path = number_here(builder);
    uint32_t decision = path == DICTIONARY_NONE
                            ? path
                            : number_alternatives(builder, path, alternatives, count, stride);
    if (decision == DICTIONARY_NONE)
        return none;
    if (builder->relaxed && open_relaxed(builder, path, decision))
        out = emit_all(builder, decision, x, alternatives, count, stride, argument);
    else if (builder->error.status == ESP_OK && choose_numbered(builder, path, decision, &value))
        out = emit_alternative(builder, alternative_at(alternatives, stride, value.as.index), x,
                               argument);
    if (builder->error.status != ESP_OK)
        return none; // the scope stays open: nothing is done any more in this pass
    scope_close(builder);
    return out;
}
