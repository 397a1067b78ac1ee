// SPDX-License-Identifier: Apache-2.0
// The builder object and the course of a pass: the searched decisions, the instance for their
// values, the space's function. Also the drawing again of what was rejected.
#include "builder/pass.h"

#include "error/crash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- The table that spaces call -----------------------------------------------------------------

static const esp_task *api_task(esp_builder *handle)
{
    return builder_from_handle(handle)->design.task;
}

static uint32_t api_tracing(esp_builder *handle)
{
    return !builder_from_handle(handle)->graph;
}

static uint32_t api_failed(esp_builder *handle)
{
    return builder_from_handle(handle)->error.status != ESP_OK;
}

static esp_status api_reject(esp_builder *handle, const char *reason)
{
    return error_set(&builder_from_handle(handle)->error, ESP_ERROR_REJECTED, "%s",
                     reason && reason[0] ? reason : "no reason given");
}

static const esp_builder_api builder_api = {
    sizeof(esp_builder_api), api_task,          api_tracing,           api_failed,
    builder_scope,           builder_share,     builder_scope_end,     builder_choose,
    builder_choose_value,    builder_choose_op, builder_choose_inputs, api_reject,
    builder_input,           builder_op,        builder_shape,         builder_output,
    builder_choose_chance,   builder_genome,
};

// ---- Life ---------------------------------------------------------------------------------------

static bool reserve_design(struct builder *builder)
{
    const struct design *design = &builder->design;
    builder->fix_used = calloc(design->fix_count + 1, sizeof *builder->fix_used);
    builder->searched = calloc(design->searched_count + 1, sizeof *builder->searched);
    builder->searched_values = calloc(design->searched_count + 1, sizeof *builder->searched_values);
    for (uint64_t i = 0; builder->searched && i < design->searched_count; i++)
        builder->searched[i] = DICTIONARY_NONE;
    return builder->fix_used && builder->searched && builder->searched_values &&
           array_reserve(&builder->path, &builder->path_capacity, 256, 1);
}

struct builder *builder_create(const struct design *design, struct dictionary *dictionary)
{
    struct builder *builder = calloc(1, sizeof *builder);
    if (!builder)
        return NULL;
    handle_init(&builder->handle.base, sizeof builder->handle, &builder->error);
    builder->handle.api = &builder_api;
    builder->design = *design;
    builder->dictionary = dictionary;
    builder->genome_ability = genome_find(builder);
    snprintf(builder->who, sizeof builder->who, "space %s", design->space);
    if (!reserve_design(builder)) {
        builder_destroy(builder);
        return NULL;
    }
    return builder;
}

void builder_destroy(struct builder *builder)
{
    if (!builder)
        return;
    arena_free(&builder->values);
    arena_free(&builder->arena);
    free(builder->words);
    free(builder->known);
    free(builder->met);
    free(builder->fix_used);
    free(builder->searched);
    free(builder->searched_values);
    free(builder->path);
    free(builder->scopes);
    free(builder->trace);
    free(builder->names);
    free(builder->drawn);
    free(builder->marks);
    free(builder->genome);
    free(builder);
}

struct dictionary *builder_dictionary(struct builder *builder)
{
    return builder->dictionary;
}

uint64_t builder_rejections(const struct builder *builder)
{
    return builder->rejections;
}

bool builder_fix_used(const struct builder *builder, uint64_t fix)
{
    return fix < builder->design.fix_count && builder->fix_used[fix];
}

// ---- One pass -----------------------------------------------------------------------------------

static void begin(struct builder *builder, struct chooser *chooser, struct graph *graph,
                  bool relaxed)
{
    builder->running = true;
    builder->relaxed = relaxed;
    builder->pass++;
    builder->chooser = chooser;
    error_clear(&builder->error);
    builder->graph = graph;
    builder->input.id = 0;
    path_cut(builder, 0);
    builder->root = 0;
    builder->depth = 0;
    builder->floor = 0;
    builder->trace_count = 0;
    builder->genome_size = 0;
    arena_reset(&builder->arena);
}

// The number of searched decision `i`, found at the first pass.
static bool number_searched(struct builder *builder, uint64_t i)
{
    const struct searched *searched = &builder->design.searched[i];
    if (builder->searched[i] != DICTIONARY_NONE)
        return true;
    if (domain_check(&searched->domain, searched->path, &builder->error) != ESP_OK)
        return false;
    uint32_t path = dictionary_path(builder->dictionary, searched->path, strlen(searched->path));
    if (path != DICTIONARY_NONE)
        builder->searched[i] = dictionary_decision(builder->dictionary, path, &searched->domain);
    if (builder->searched[i] == DICTIONARY_NONE)
        error_memory(&builder->error);
    return builder->searched[i] != DICTIONARY_NONE;
}

esp_status builder_searched(struct builder *builder, const struct arch *arch, uint64_t i,
                            esp_value *out, struct error *error)
{
    uint64_t count = 0;
    const struct choice *choices = arch_choices(arch, &count);
    esp_status status = pass_check_arch(builder, arch, error);
    if (status == ESP_OK && builder->running)
        status = error_set(error, ESP_ERROR_MISUSE, "space %s: a pass is running",
                           builder->design.space);
    if (status != ESP_OK)
        return status;
    error_clear(&builder->error);
    // Searched decisions stand first, in their order.
    if (number_searched(builder, i))
        for (uint64_t place = 0; place < count && place <= i; place++)
            if (choices[place].decision == builder->searched[i]) {
                *out = choices[place].value;
                return ESP_OK;
            }
    if (builder->error.status == ESP_OK && single_value(builder, builder->searched[i], out))
        return ESP_OK;
    if (builder->error.status == ESP_OK)
        return error_set(error, ESP_ERROR_INVALID, "the architecture has no decision %s",
                         builder->design.searched[i].path);
    return error_set(error, builder->error.status, "space %s: %s", builder->design.space,
                     builder->error.message);
}

static void choose_searched(struct builder *builder)
{
    for (uint64_t i = 0; i < builder->design.searched_count; i++) {
        if (!number_searched(builder, i))
            return;
        uint32_t decision = builder->searched[i];
        if (!choose_numbered(builder, dictionary_decision_path(builder->dictionary, decision),
                             decision, &builder->searched_values[i]))
            return;
    }
}

// The space's instance for the searched values.
static esp_status find_instance(struct builder *builder)
{
    const struct design *design = &builder->design;
    builder->instance = NULL;
    esp_status status = design->instance(design->instance_self, builder->searched_values,
                                         &builder->instance, &builder->error);
    return error_ensure(&builder->error, status, "the space");
}

static void build(struct builder *builder)
{
    esp_status status = find_instance(builder);
    if (builder->error.status == ESP_OK && status == ESP_OK && genome_choose(builder)) {
        status = builder->design.type->build(builder->instance, &builder->handle);
        if (builder->error.status == ESP_OK && status == ESP_OK && builder->depth > 0)
            error_set(&builder->error, ESP_ERROR_MISUSE, "the scope \"%s\" was left open",
                      builder->path);
    }
    if (builder->error.status == ESP_OK && status == ESP_ERROR_REJECTED)
        error_set(&builder->error, status, "no reason given");
    else if (builder->error.status == ESP_OK && status != ESP_OK)
        error_ensure(&builder->error, status, "build");
}

esp_status pass_run(struct builder *builder, struct chooser *chooser, struct graph *graph,
                    bool relaxed, struct error *error)
{
    if (builder->running)
        return error_set(error, ESP_ERROR_MISUSE,
                         "space %s: a pass is running, and another was begun inside it",
                         builder->design.space);
    begin(builder, chooser, graph, relaxed);
    choose_searched(builder);
    builder->caller = crash_watch(builder->who);
    if (builder->error.status == ESP_OK)
        build(builder);
    crash_watch(builder->caller);
    if (builder->error.status == ESP_OK && graph)
        graph_finish(graph, &builder->error);
    if (builder->error.status == ESP_OK && chooser->end)
        chooser->end(chooser, builder);
    builder->running = false;
    esp_status status = builder->error.status;
    if (status != ESP_OK && status != ESP_ERROR_REJECTED)
        error_set(error, status, "space %s: %s", builder->design.space, builder->error.message);
    return status;
}

esp_status pass_instance(struct builder *builder, struct chooser *chooser, struct error *error)
{
    if (builder->running)
        return error_set(error, ESP_ERROR_MISUSE, "space %s: a pass is running",
                         builder->design.space);
    begin(builder, chooser, NULL, false);
    choose_searched(builder);
    if (builder->error.status == ESP_OK)
        find_instance(builder);
    builder->running = false;
    if (builder->error.status == ESP_OK)
        return ESP_OK;
    return error_set(error, builder->error.status, "space %s: %s", builder->design.space,
                     builder->error.message);
}

esp_status pass_arch(struct builder *builder, struct arch **out, struct error *error)
{
    *out = arch_create_with_genome(builder->dictionary, builder->trace, builder->trace_count,
                                   builder->genome, builder->genome_size);
    return *out ? ESP_OK : error_memory(error);
}

esp_status pass_rejected(struct builder *builder, struct error *error)
{
    return error_set(error, ESP_ERROR_REJECTED, "space %s: no member: %s", builder->design.space,
                     builder->error.message);
}

esp_status pass_check_arch(const struct builder *builder, const struct arch *arch,
                           struct error *error)
{
    if (arch_dictionary(arch) == builder->dictionary)
        return ESP_OK;
    return error_set(error, ESP_ERROR_MISUSE,
                     "space %s: the architecture is of another run's dictionary",
                     builder->design.space);
}

// ---- Drawing again ------------------------------------------------------------------------------

esp_status pass_draw(struct builder *builder, struct chooser *chooser, const bool *again,
                     struct arch **out, struct error *error)
{
    for (int redraws = 0; redraws <= BUILDER_REDRAWS; redraws++) {
        if (chooser->begin)
            chooser->begin(chooser);
        esp_status status = pass_run(builder, chooser, NULL, false, error);
        if (status == ESP_OK)
            return pass_arch(builder, out, error);
        if (status != ESP_ERROR_REJECTED)
            return status;
        builder->rejections++;
        if (again && !*again)
            return pass_rejected(builder, error);
    }
    return error_set(error, ESP_ERROR_REJECTED,
                     "space %s: %d passes in a row gave no member; the last because: %s",
                     builder->design.space, BUILDER_REDRAWS + 1, builder->error.message);
}
