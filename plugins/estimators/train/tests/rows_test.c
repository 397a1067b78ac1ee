// SPDX-License-Identifier: Apache-2.0
// Tasks of rows: what is for images alone is refused when the estimator is created.
#include "loader/instance.h"
#include "support/leak.h"

#include <espalier/plugin.h>

#include <criterion/criterion.h>

#include <stdio.h>

const void *esp_plugin_entry(uint32_t kind, const char *id);

// Creates the estimator with a line of [estimator]; true where it was created.
static bool created(const char *line, uint32_t kind, struct error *error)
{
    const esp_estimator_type *type = esp_plugin_entry(ESP_KIND_ESTIMATOR, "train");
    const struct component component = {.kind = ESP_KIND_ESTIMATOR,
                                        .id = "train",
                                        .version = "1.0.0",
                                        .path = "",
                                        .abi_major = ESP_ABI_MAJOR,
                                        .abi_minor = ESP_ABI_MINOR,
                                        .type = type};
    const esp_task task = {sizeof task, kind, 0, 4, 1, 1, 2};
    struct config *config = NULL;
    struct parameters parameters = {0};
    struct instance *instance = NULL;
    char text[128];
    snprintf(text, sizeof text, "[estimator]\n%s\n", line);
    cr_assert_eq(config_parse(&config, text, "test.ini", "/", error), ESP_OK);
    cr_assert_eq(parameters_resolve(&parameters, type->params, type->param_count,
                                    type->param_stride, config, "estimator", NULL, false, error),
                 ESP_OK, "%s", error->message);
    esp_status status = instance_create(&instance, &component, &parameters, &task, 1, NULL, error);
    instance_destroy(instance);
    parameters_destroy(&parameters);
    config_destroy(config);
    return status == ESP_OK;
}

TestLeak(rows, augmentations_of_images_are_refused)
{
    static const char *const lines[] = {"flip = yes", "crop = 4", "cutout = 16"};
    struct error error = {0};
    cr_assert(created("", ESP_TASK_ROWS, &error), "%s", error.message);
    for (size_t i = 0; i < ESP_COUNT(lines); i++) {
        error_clear(&error);
        cr_assert(created(lines[i], ESP_TASK_IMAGES, &error), "%s", error.message);
        cr_assert(!created(lines[i], ESP_TASK_ROWS, &error), "%s", lines[i]);
        cr_assert_eq(error.status, ESP_ERROR_INVALID);
        cr_assert_str_eq(error.message,
                         "estimator train: flip, crop and cutout are for images, and "
                         "the dataset has rows");
    }
}
