// SPDX-License-Identifier: Apache-2.0
// The chooser that draws: every decision uniform in its domain, but where the space gives
// a chance.
#include "builder/pass.h"

struct sampler {
    struct chooser base;
    esp_random *random;
};

static esp_status draw(struct chooser *self, struct builder *builder, uint32_t decision,
                       const esp_domain *domain, uint32_t *indices, esp_value *out)
{
    (void)decision;
    *out = draw_met(builder, ((struct sampler *)self)->random, domain, indices);
    return ESP_OK;
}

static esp_status draw_genome(struct chooser *self, struct builder *builder)
{
    return genome_sample(builder, ((struct sampler *)self)->random);
}

esp_status builder_sample(struct builder *builder, esp_random *random, struct arch **out,
                          struct error *error)
{
    struct sampler sampler = {{.draw = draw, .genome = draw_genome}, random};
    return pass_draw(builder, &sampler.base, NULL, out, error);
}
