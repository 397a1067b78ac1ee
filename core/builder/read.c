// SPDX-License-Identifier: Apache-2.0
// The chooser that reads what was written, by path: JSON, and beside it values given as bare text. A
// decision that has one value here, by a fix or by the space's parameters, may be written too, with
// that value.
#include "builder/pass.h"

#include "text/nearest.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct chooser base;
    const struct written_arch *written;
    const struct given *given;
    uint64_t given_count;
    bool *used;    // what was written, then what was given
    uint64_t next; // where the next path likely stands
};

static const struct written_arch nothing_written = {.count = 0};

static const struct written_choice *find(struct reading *reading, const char *path)
{
    const struct written_arch *written = reading->written;
    for (uint64_t i = 0, at = reading->next; i < written->count; i++, at++) {
        if (at >= written->count)
            at = 0;
        if (strcmp(written->choices[at].path, path) == 0) {
            reading->used[at] = true;
            reading->next = at + 1;
            return &written->choices[at];
        }
    }
    return NULL;
}

static const char *find_given(struct reading *reading, const char *path)
{
    for (uint64_t i = 0; i < reading->given_count; i++)
        if (strcmp(reading->given[i].path, path) == 0) {
            reading->used[reading->written->count + i] = true;
            return reading->given[i].value;
        }
    return NULL;
}

// `*found`: something is written for the decision, or given.
static esp_status read_value(struct reading *reading, struct builder *builder, const char *path,
                             const esp_domain *domain, uint32_t *indices, esp_value *out,
                             bool *found)
{
    const struct written_choice *choice = find(reading, path);
    const char *given = choice ? NULL : find_given(reading, path);
    char expected[512];
    *found = choice || given;
    if (choice)
        return written_value(out, choice->value, domain, indices, path, &builder->error);
    if (!given || bare_value(given, domain, indices, out))
        return ESP_OK;
    domain_text(expected, sizeof expected, domain);
    return error_set(&builder->error, ESP_ERROR_INVALID, "decision %s: '%.200s' is not %s", path,
                     given, expected);
}

static esp_status draw(struct chooser *self, struct builder *builder, uint32_t decision,
                       const esp_domain *domain, uint32_t *indices, esp_value *out)
{
    const char *path = decision_text(builder, decision);
    bool found;
    esp_status status =
        read_value((struct reading *)self, builder, path, domain, indices, out, &found);
    if (found || status != ESP_OK)
        return status;
    char expected[512];
    domain_text(expected, sizeof expected, domain);
    bool beside = ((struct reading *)self)->written == &nothing_written;
    return error_set(&builder->error, ESP_ERROR_INVALID,
                     "decision %s is not written%s: expected %s", path,
                     beside ? " (no text holds it, it is given beside one)" : "", expected);
}

static esp_status single(struct chooser *self, struct builder *builder, uint32_t decision,
                         const esp_domain *domain, esp_value value)
{
    const char *path = decision_text(builder, decision);
    bool subset = domain->kind == ESP_DECISION_SUBSET, found;
    uint32_t *indices = arena_take(&builder->arena, subset ? domain->count * sizeof *indices : 0);
    esp_value written;
    if (!indices)
        return error_memory(&builder->error);
    esp_status status =
        read_value((struct reading *)self, builder, path, domain, indices, &written, &found);
    if (!found || status != ESP_OK || value_equal(written, value))
        return status;
    char text[256];
    value_text(text, sizeof text, domain, value);
    return error_set(&builder->error, ESP_ERROR_INVALID,
                     "decision %s has the one value %s here, and another is written", path, text);
}

// The path of this pass that is nearest to one that it did not meet, or NULL.
static const char *nearest_path(struct builder *builder, const char *path)
{
    const char **paths = arena_take(&builder->arena, builder->trace_count * sizeof *paths);
    if (!paths)
        return NULL;
    for (size_t i = 0; i < builder->trace_count; i++)
        paths[i] = decision_text(builder, builder->trace[i].decision);
    return text_nearest(path, paths, builder->trace_count);
}

static esp_status end(struct chooser *self, struct builder *builder)
{
    const struct reading *reading = (const struct reading *)self;
    uint64_t count = reading->written->count;
    for (uint64_t i = 0; i < count + reading->given_count; i++) {
        if (reading->used[i])
            continue;
        const char *path =
            i < count ? reading->written->choices[i].path : reading->given[i - count].path;
        const char *near = nearest_path(builder, path);
        return error_set(&builder->error, ESP_ERROR_INVALID,
                         "decision %s is written, but the space does not draw it%s%s", path,
                         near ? "; the nearest is " : "", near ? near : "");
    }
    return ESP_OK;
}

static esp_status read_genome(struct chooser *self, struct builder *builder)
{
    const struct written_arch *written = ((const struct reading *)self)->written;
    if (written->genome_size == 0)
        return error_set(&builder->error, ESP_ERROR_INVALID,
                         "no genome is written, and every architecture of this space has one");
    return builder_put_genome(builder, written->genome, written->genome_size);
}

esp_status read_given(struct builder *builder, const struct written_arch *written,
                      const struct given *given, uint64_t given_count, struct arch **out,
                      struct error *error)
{
    struct reading reading = {{.draw = draw, .single = single, .genome = read_genome, .end = end},
                              written,
                              given,
                              given_count,
                              NULL,
                              0};
    reading.used = calloc(written->count + given_count + 1, sizeof *reading.used);
    if (!reading.used)
        return error_memory(error);
    if (written->genome_size > 0 && !builder->genome_ability) {
        free(reading.used);
        return error_set(error, ESP_ERROR_INVALID,
                         "the architecture has a genome, and those of space %s have none",
                         builder->design.space);
    }
    esp_status status = pass_run(builder, &reading.base, NULL, false, error);
    if (status == ESP_ERROR_REJECTED)
        pass_rejected(builder, error);
    if (status == ESP_OK)
        status = pass_arch(builder, out, error);
    free(reading.used);
    return status;
}

esp_status read_instance(struct builder *builder, const struct given *given, uint64_t given_count,
                         struct error *error)
{
    struct reading reading = {
        {.draw = draw, .single = single}, &nothing_written, given, given_count, NULL, 0};
    reading.used = calloc(given_count + 1, sizeof *reading.used);
    if (!reading.used)
        return error_memory(error);
    esp_status status = pass_instance(builder, &reading.base, error);
    free(reading.used);
    return status;
}

esp_status builder_read(struct builder *builder, const struct written_arch *written,
                        struct arch **out, struct error *error)
{
    return read_given(builder, written, NULL, 0, out, error);
}
