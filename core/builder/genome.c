// SPDX-License-Identifier: Apache-2.0
// Genomes: of spaces with the ability esp.space.genome. A pass has one before the space's function runs:
// its chooser writes it, by the space's own functions or as a copy.
#include "builder/pass.h"

#include <espalier/ext/space_genome.h>

#include <string.h>

const struct esp_space_genome *genome_find(const struct builder *builder)
{
    const esp_space_genome *genome = builder_ability(builder, ESP_SPACE_GENOME);
    return genome && genome->struct_size >= sizeof *genome && genome->form && genome->sample &&
                   genome->mutate && genome->cross
               ? genome
               : NULL;
}

bool genome_choose(struct builder *builder)
{
    struct chooser *chooser = builder->chooser;
    if (!builder->genome_ability)
        return true;
    if (!chooser->genome) {
        error_set(&builder->error, ESP_ERROR_UNSUPPORTED, "its architectures have a genome: %s",
                  chooser->lacks ? chooser->lacks : "they cannot be counted or relaxed");
        return false;
    }
    esp_status status = chooser->genome(chooser, builder);
    error_ensure(&builder->error, status, "the genome");
    return builder->error.status == ESP_OK;
}

esp_status builder_put_genome(struct builder *builder, const void *bytes, uint64_t size)
{
    if (size == 0)
        return error_set(&builder->error, ESP_ERROR_INVALID,
                         "a genome of no bytes: every architecture of this space has one");
    if (!array_reserve(&builder->genome, &builder->genome_capacity, size, 1))
        return error_memory(&builder->error);
    memcpy(builder->genome, bytes, size);
    builder->genome_size = size;
    return ESP_OK;
}

esp_status genome_keep(struct builder *builder, const struct arch *arch)
{
    uint64_t size;
    const void *bytes = arch_genome(arch, &size);
    return builder_put_genome(builder, bytes, size);
}

const void *builder_genome(esp_builder *handle, uint64_t *size)
{
    const struct builder *builder = builder_from_handle(handle);
    *size = builder->genome_size;
    return builder->genome_size > 0 ? builder->genome : NULL;
}

// ---- Written by the space -----------------------------------------------------------------------

struct genome_writing {
    esp_genome_writer handle; // first
    struct builder *builder;
};

static esp_status write_genome(esp_genome_writer *handle, const void *bytes, uint64_t size)
{
    struct builder *builder = ((struct genome_writing *)(void *)handle)->builder;
    if (builder->error.status != ESP_OK || size == 0)
        return builder->error.status;
    if (!array_reserve(&builder->genome, &builder->genome_capacity, builder->genome_size + size, 1))
        return error_memory(&builder->error);
    memcpy(builder->genome + builder->genome_size, bytes, size);
    builder->genome_size += size;
    return ESP_OK;
}

static const esp_genome_writer_api writer_api = {sizeof(esp_genome_writer_api), write_genome};

static void begin_writing(struct genome_writing *writing, struct builder *builder)
{
    handle_init(&writing->handle.base, sizeof writing->handle, &builder->error);
    writing->handle.api = &writer_api;
    writing->builder = builder;
    builder->genome_size = 0;
}

static esp_status end_writing(struct builder *builder, esp_status status, const char *function)
{
    error_ensure(&builder->error, status, function);
    if (builder->error.status == ESP_OK && builder->genome_size == 0)
        error_set(&builder->error, ESP_ERROR_MISUSE, "%s wrote a genome of no bytes", function);
    return builder->error.status;
}

static esp_genome lend(const struct arch *arch)
{
    esp_genome genome;
    genome.bytes = arch_genome(arch, &genome.size);
    return genome;
}

esp_status genome_sample(struct builder *builder, esp_random *random)
{
    struct genome_writing writing;
    begin_writing(&writing, builder);
    esp_status status = builder->genome_ability->sample(builder->instance, random, &writing.handle);
    return end_writing(builder, status, "sample");
}

esp_status genome_mutate(struct builder *builder, const struct arch *parent, double rate,
                         esp_random *random)
{
    struct genome_writing writing;
    begin_writing(&writing, builder);
    esp_status status = builder->genome_ability->mutate(builder->instance, lend(parent), rate,
                                                        random, &writing.handle);
    return end_writing(builder, status, "mutate");
}

esp_status genome_cross(struct builder *builder, const struct arch *a, const struct arch *b,
                        esp_random *random)
{
    struct genome_writing writing;
    begin_writing(&writing, builder);
    esp_status status = builder->genome_ability->cross(builder->instance, lend(a), lend(b), random,
                                                       &writing.handle);
    return end_writing(builder, status, "cross");
}

// ---- A genome that is given ---------------------------------------------------------------------

struct giving {
    struct chooser base;
    const struct arch *like; // or NULL
    const void *bytes;
    uint64_t size;
    esp_random *random;
};

static esp_status give(struct chooser *self, struct builder *builder)
{
    const struct giving *giving = (const struct giving *)self;
    return builder_put_genome(builder, giving->bytes, giving->size);
}

static esp_status draw(struct chooser *self, struct builder *builder, uint32_t decision,
                       const esp_domain *domain, uint32_t *indices, esp_value *out)
{
    const struct giving *giving = (const struct giving *)self;
    uint64_t count = 0;
    const struct choice *choices = giving->like ? arch_choices(giving->like, &count) : NULL;
    for (uint64_t i = 0; i < count; i++)
        if (choices[i].decision == decision) {
            *out = choices[i].value;
            return ESP_OK;
        }
    *out = draw_met(builder, giving->random, domain, indices);
    return ESP_OK;
}

esp_status builder_genome_member(struct builder *builder, const struct arch *like,
                                 const void *bytes, uint64_t size, esp_random *random,
                                 struct arch **out, struct error *error)
{
    struct giving giving = {{.draw = draw, .genome = give}, like, bytes, size, random};
    esp_status status = like ? pass_check_arch(builder, like, error) : ESP_OK;
    if (status == ESP_OK && !builder->genome_ability)
        status = error_set(error, ESP_ERROR_UNSUPPORTED,
                           "space %s: its architectures have no genome", builder->design.space);
    if (status != ESP_OK)
        return status;
    status = pass_run(builder, &giving.base, NULL, false, error);
    if (status == ESP_ERROR_REJECTED)
        pass_rejected(builder, error);
    return status == ESP_OK ? pass_arch(builder, out, error) : status;
}
