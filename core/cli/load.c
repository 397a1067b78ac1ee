// SPDX-License-Identifier: Apache-2.0
// Registry, configuration and experiment of a command; see load.h.
#include "cli/load.h"

#include "execute/execute.h"

#include <string.h>

esp_status registry_open(struct registry **out, const char *folder, struct error *error)
{
    esp_status status = registry_create(out, folder, error);
    if (status == ESP_OK)
        status = registry_add_builtin(*out, ESP_KIND_EXECUTOR, "local", executor_local(), error);
    if (status == ESP_OK)
        status = registry_add_builtin(*out, ESP_KIND_EXECUTOR, "inline", executor_inline(), error);
    return status;
}

static esp_status make_experiment(struct loaded *out, struct config *config,
                                  struct options *options, struct error *error)
{
    const char *workers = options_value(options, "workers");
    const char *folder = options_value(options, "out");
    esp_status status = ESP_OK;
    if (workers)
        status = config_set(config, "run", "workers", workers, error);
    if (status == ESP_OK && folder)
        status = config_set(config, "run", "out", folder, error);
    if (status != ESP_OK) {
        config_destroy(config);
        return status;
    }
    return experiment_create(&out->experiment, config, out->registry, error);
}

esp_status loaded_open(struct loaded *out, struct options *options, struct error *error)
{
    memset(out, 0, sizeof *out);
    uint64_t set_count = 0;
    const char *const *sets = options_values(options, "set", &set_count);
    struct config *config = NULL;
    esp_status status = registry_open(&out->registry, options_value(options, "plugins"), error);
    if (status == ESP_OK)
        status = config_load(&config, options_argument(options, 0), sets, set_count, error);
    return status == ESP_OK ? make_experiment(out, config, options, error) : status;
}

esp_status loaded_open_text(struct loaded *out, const char *text, const char *name,
                            struct options *options, struct error *error)
{
    memset(out, 0, sizeof *out);
    uint64_t set_count = 0;
    const char *const *sets = options_values(options, "set", &set_count);
    struct config *config = NULL;
    esp_status status = registry_open(&out->registry, options_value(options, "plugins"), error);
    if (status == ESP_OK)
        status = config_parse(&config, text, name, ".", error);
    for (uint64_t i = 0; status == ESP_OK && i < set_count; i++)
        status = config_apply(config, sets[i], error);
    if (status != ESP_OK) {
        config_destroy(config);
        return status;
    }
    return make_experiment(out, config, options, error);
}

void loaded_close(struct loaded *loaded)
{
    experiment_destroy(loaded->experiment);
    registry_destroy(loaded->registry);
    memset(loaded, 0, sizeof *loaded);
}
