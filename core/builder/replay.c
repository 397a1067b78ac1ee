// SPDX-License-Identifier: Apache-2.0
// The chooser that replays a trace: the pass that builds an architecture's graph.
#include "builder/pass.h"

#include <string.h>

struct replay {
    struct chooser base;
    const struct arch *arch;
    const struct choice *choices;
    uint64_t count, next;
};

// Says why the trace has no value for the decision that the space draws now.
static esp_status misfit(const struct replay *replay, struct builder *builder, uint32_t decision,
                         const esp_domain *domain)
{
    const char *path = decision_text(builder, decision);
    char expected[512], other[512];
    domain_text(expected, sizeof expected, domain);
    for (uint64_t i = 0; i < replay->count; i++) {
        uint32_t stored = replay->choices[i].decision;
        if (strcmp(decision_text(builder, stored), path) != 0)
            continue;
        if (stored == decision)
            return error_set(&builder->error, ESP_ERROR_INVALID,
                             "decision %s stands at another place in the architecture: the space "
                             "draws in another order",
                             path);
        domain_text(other, sizeof other, dictionary_decision_domain(builder->dictionary, stored));
        return error_set(&builder->error, ESP_ERROR_INVALID,
                         "decision %s is %s in the architecture, but %s in the space", path, other,
                         expected);
    }
    return error_set(&builder->error, ESP_ERROR_INVALID,
                     "decision %s is missing in the architecture: expected %s", path, expected);
}

static esp_status draw(struct chooser *self, struct builder *builder, uint32_t decision,
                       const esp_domain *domain, uint32_t *indices, esp_value *out)
{
    struct replay *replay = (struct replay *)self;
    (void)indices;
    if (replay->next >= replay->count || replay->choices[replay->next].decision != decision)
        return misfit(replay, builder, decision, domain);
    *out = replay->choices[replay->next++].value;
    return ESP_OK;
}

static esp_status keep_genome(struct chooser *self, struct builder *builder)
{
    return genome_keep(builder, ((const struct replay *)self)->arch);
}

static esp_status end(struct chooser *self, struct builder *builder)
{
    const struct replay *replay = (const struct replay *)self;
    if (replay->next == replay->count)
        return ESP_OK;
    return error_set(&builder->error, ESP_ERROR_INVALID,
                     "decision %s is left over in the architecture: the space does not draw it",
                     decision_text(builder, replay->choices[replay->next].decision));
}

esp_status replay_whole(struct builder *builder, const struct arch *arch, struct arch **out,
                        struct error *error)
{
    struct replay replay = {{.draw = draw, .genome = keep_genome, .end = end}, arch, NULL, 0, 0};
    esp_status status = pass_check_arch(builder, arch, error);
    if (status != ESP_OK)
        return status;
    replay.choices = arch_choices(arch, &replay.count);
    bool before = builder->whole; // a pass that runs is refused, and keeps what it was
    builder->whole = !builder->running;
    status = pass_run(builder, &replay.base, NULL, false, error);
    builder->whole = before;
    if (status == ESP_ERROR_REJECTED)
        pass_rejected(builder, error);
    return status == ESP_OK ? pass_arch(builder, out, error) : status;
}

esp_status builder_build(struct builder *builder, const struct arch *arch, struct graph **graph,
                         struct error *error)
{
    struct replay replay = {{.draw = draw, .genome = keep_genome, .end = end}, arch, NULL, 0, 0};
    struct graph *built = NULL;
    esp_status status = pass_check_arch(builder, arch, error);
    if (status != ESP_OK)
        return status;
    replay.choices = arch_choices(arch, &replay.count);
    if (graph && !(built = graph_create()))
        return error_memory(error);
    status = pass_run(builder, &replay.base, built, false, error);
    if (status == ESP_ERROR_REJECTED)
        pass_rejected(builder, error);
    if (status != ESP_OK) {
        graph_destroy(built);
        return status;
    }
    if (graph)
        *graph = built;
    return ESP_OK;
}
