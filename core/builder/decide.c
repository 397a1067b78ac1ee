// SPDX-License-Identifier: Apache-2.0
// The chooser that asks a strategy's callback for every decision: a controller's tokens.
#include "builder/pass.h"

#include "error/crash.h"

#include <string.h>

struct decider {
    struct chooser base;
    esp_decide decide;
    void *self;
};

static esp_status draw(struct chooser *self, struct builder *builder, uint32_t decision,
                       const esp_domain *domain, uint32_t *indices, esp_value *out)
{
    const struct decider *decider = (const struct decider *)self;
    const char *path = decision_text(builder, decision);
    esp_value value = {0, 0, {0}};
    crash_watch(builder->caller);
    esp_status status = decider->decide(decider->self, path, domain, &value);
    crash_watch(builder->who);
    if (status != ESP_OK)
        return error_set(&builder->error, status, "the strategy gave no value for decision %s",
                         path);
    if (!value_in_domain(domain, value)) {
        char expected[512];
        domain_text(expected, sizeof expected, domain);
        return error_set(&builder->error, ESP_ERROR_INVALID,
                         "the strategy's value for decision %s is not %s", path, expected);
    }
    if (value.kind == ESP_DECISION_SUBSET) {
        if (value.count > 0)
            memcpy(indices, value.as.indices, value.count * sizeof *indices);
        value.as.indices = indices;
    }
    *out = value;
    return ESP_OK;
}

esp_status builder_decide(struct builder *builder, esp_decide decide, void *self, struct arch **out,
                          struct error *error)
{
    struct decider decider = {
        {.draw = draw, .lacks = "the strategy answers for decisions alone"}, decide, self};
    return pass_draw(builder, &decider.base, NULL, out, error);
}
