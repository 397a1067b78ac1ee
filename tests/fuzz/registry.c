// SPDX-License-Identifier: Apache-2.0
// See registry.h.
#include "registry.h"

#include "execute/execute.h"
#include "fuzz.h"

static void end_at(esp_status status, const struct error *error)
{
    if (status == ESP_OK)
        return;
    fprintf(stderr, "%s\n", error->message);
    exit(2);
}

struct registry *fuzz_registry(void)
{
    static struct registry *registry;
    struct error error;
    if (registry)
        return registry;
    error_clear(&error);
    esp_status status = registry_create(&registry, NULL, &error);
    if (status == ESP_OK)
        status =
            registry_add_builtin(registry, ESP_KIND_EXECUTOR, "local", executor_local(), &error);
    if (status == ESP_OK)
        status =
            registry_add_builtin(registry, ESP_KIND_EXECUTOR, "inline", executor_inline(), &error);
    end_at(status, &error);
    return registry;
}

struct experiment *fuzz_experiment(const char *ini, struct registry *registry)
{
    struct config *config = NULL;
    struct experiment *experiment = NULL;
    struct error error;
    error_clear(&error);
    esp_status status = config_parse(&config, ini, "fuzz.ini", fuzz_folder(), &error);
    if (status == ESP_OK)
        status = experiment_create(&experiment, config, registry, &error);
    end_at(status, &error);
    return experiment;
}
