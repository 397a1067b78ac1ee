// SPDX-License-Identifier: Apache-2.0
// The decisions that emit: alternatives inside the scopes of their names, and inputs. A relaxed pass
// takes all of an open one.
#include "builder/pass.h"

#include <string.h>

// ---- Inputs -------------------------------------------------------------------------------------

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
    if (builder->relaxed && choose_relaxed(builder, path, decision)) {
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
    if (builder->error.status != ESP_OK || !scope_open(builder, name, -1, false))
        return none;
    uint32_t path = number_here(builder), decision = DICTIONARY_NONE;
    if (path != DICTIONARY_NONE)
        decision =
            number_alternatives(builder, path, alternatives, alternatives ? count : 0, stride);
    if (decision == DICTIONARY_NONE)
        return none;
    if (builder->relaxed && choose_relaxed(builder, path, decision))
        out = emit_all(builder, decision, x, alternatives, count, stride, argument);
    else if (builder->error.status == ESP_OK && choose_numbered(builder, path, decision, &value))
        out = emit_alternative(builder, alternative_at(alternatives, stride, value.as.index), x,
                               argument);
    if (builder->error.status != ESP_OK)
        return none; // the scope stays open: nothing is done any more in this pass
    scope_close(builder);
    return out;
}
