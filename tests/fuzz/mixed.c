// SPDX-License-Identifier: Apache-2.0
// See mixed.h.
#include "mixed.h"

#include <stdlib.h>

static const char *const letters[4] = {"a", "b", "c", "d"};

static esp_status build(void *self, esp_builder *b)
{
    uint32_t inputs[4];
    (void)self;
    esp_node x = esp_input(b);
    esp_choose_int(b, "integer", -2, 2);
    esp_choose_int_log(b, "log_integer", 1, 1000);
    esp_choose_real(b, "real", -1.0, 1.0);
    esp_choose_real_log(b, "log_real", 1e-4, 1e-1);
    esp_choose_subset(b, "subset", letters, 4, 1, 3);
    esp_choose_inputs(b, "inputs", letters, 4, 0, 4, inputs);
    if (esp_choose_one(b, "option", letters, 4) == 2)
        esp_choose_int(b, "again", 0, 9);
    return esp_classifier(b, x);
}

static esp_status give_instance(void *self, const esp_value *values, void **instance,
                                struct error *error)
{
    (void)self;
    (void)values;
    (void)error;
    *instance = NULL;
    return ESP_OK;
}

void mixed_open(struct mixed *mixed)
{
    static const esp_task task = {sizeof task, ESP_TASK_IMAGES, 0, 3, 8, 8, 10};
    static const esp_space_type type = {.struct_size = sizeof type, .build = build};
    struct design design = {
        .space = "mixed", .task = &task, .type = &type, .instance = give_instance};
    mixed->dictionary = dictionary_create();
    mixed->builder = builder_create(&design, mixed->dictionary);
    if (!mixed->builder)
        abort();
}

void mixed_close(struct mixed *mixed)
{
    builder_destroy(mixed->builder);
    dictionary_destroy(mixed->dictionary);
}
