// SPDX-License-Identifier: Apache-2.0
// The relaxed pass: the one-shot supernet. esp_choose_op and esp_choose_inputs take all that they
// offer (choose.c); every other decision that is open comes here, where it is an error.
#include "builder/pass.h"

static esp_status draw(struct chooser *self, struct builder *builder, uint32_t decision,
                       const esp_domain *domain, uint32_t *indices, esp_value *out)
{
    const char *path = decision_text(builder, decision);
    char expected[512];
    (void)self;
    (void)indices;
    (void)out;
    domain_text(expected, sizeof expected, domain);
    return error_set(&builder->error, ESP_ERROR_UNSUPPORTED,
                     "a supernet cannot leave decision %s open, which is %s: give it one value by "
                     "the space's parameters or by `[fix] %s = VALUE`",
                     path, expected, path);
}

esp_status builder_relax(struct builder *builder, struct graph **graph, struct error *error)
{
    struct chooser chooser = {.draw = draw};
    struct graph *built = graph_create();
    if (!built)
        return error_memory(error);
    esp_status status = pass_run(builder, &chooser, built, true, error);
    if (status == ESP_ERROR_REJECTED)
        pass_rejected(builder, error);
    if (status != ESP_OK) {
        graph_destroy(built);
        return status;
    }
    *graph = built;
    return ESP_OK;
}
