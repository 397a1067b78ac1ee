// SPDX-License-Identifier: Apache-2.0
// The space of worded_space.h as a plugin.
#include "worded_space.h"

static esp_status worded_create(esp_create *create, void **out)
{
    (void)create;
    *out = NULL;
    return ESP_OK;
}

static void worded_destroy(void *self)
{
    (void)self;
}

static void worded_describe(esp_space_type *out)
{
    out->summary = "a cell with a notation, a canonical form and a structure";
    out->create = worded_create;
    out->destroy = worded_destroy;
    out->build = worded_build;
    out->ability = worded_ability;
}

ESP_PLUGIN("1.0.0", ESP_SPACE("worded", worded_describe))
