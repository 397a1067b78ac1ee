// SPDX-License-Identifier: Apache-2.0
// Datasets for tests; see dataset.h.
#include "support/dataset.h"

#include <espalier/dataset.h>

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

struct component dataset_component(const char *id, const void *type)
{
    cr_assert_not_null(type, "no dataset %s", id);
    return (struct component){.kind = ESP_KIND_DATASET,
                              .id = id,
                              .version = "1.0.0",
                              .path = "",
                              .abi_major = ESP_ABI_MAJOR,
                              .abi_minor = ESP_ABI_MINOR,
                              .type = type};
}

struct instance *dataset_open(const struct component *component, const char *lines,
                              struct error *error)
{
    const esp_dataset_type *type = component->type;
    struct config *config = NULL;
    struct parameters parameters = {0};
    struct instance *instance = NULL;
    char *text = NULL;
    if (asprintf(&text, "[dataset]\n%s", lines) < 0)
        abort();
    esp_status status = config_parse(&config, text, "test.ini", "/", error);
    if (status == ESP_OK)
        status = parameters_resolve(&parameters, type->params, type->param_count,
                                    type->param_stride, config, "dataset", NULL, false, error);
    if (status == ESP_OK)
        status = instance_create(&instance, component, &parameters, NULL, 1, NULL, error);
    parameters_destroy(&parameters);
    config_destroy(config);
    free(text);
    return status == ESP_OK ? instance : NULL;
}

struct instance *dataset_expect(const struct component *component, const char *lines)
{
    struct error error = {0};
    struct instance *instance = dataset_open(component, lines, &error);
    cr_assert_not_null(instance, "%s", error.message);
    return instance;
}

esp_status dataset_read(const struct instance *dataset, uint32_t split, uint64_t first,
                        uint64_t count, void *samples, uint32_t *labels, struct error *error)
{
    const esp_dataset_type *type = dataset->component->type;
    esp_read read;
    handle_init(&read.base, sizeof read, error);
    return type->read(dataset->self, &read, split, first, count, samples, labels);
}
