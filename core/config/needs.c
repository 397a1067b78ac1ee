// SPDX-License-Identifier: Apache-2.0
// Whether a strategy and an estimator serve a space whose architectures have a genome, and whether they
// serve any other: see espalier/ext/space_genome.h.
#include "config/settings.h"

#include <espalier/ext/space_genome.h>
#include <espalier/strategy.h>

#include <stdio.h>
#include <string.h>

static const char *form_of(const struct experiment *experiment)
{
    const esp_space_genome *genome =
        component_ability(experiment->space.component, ESP_SPACE_GENOME);
    return genome && ESP_HAS(esp_space_genome, genome, form) ? genome->form : NULL;
}

static esp_status check_form(const struct experiment *experiment, const struct part *part,
                             const char *section, struct error *error)
{
    const esp_needs_genome *needs = component_ability(part->component, ESP_NEEDS_GENOME);
    const char *form = form_of(experiment);
    if (!needs || !ESP_HAS(esp_needs_genome, needs, form) || !needs->form ||
        (form && strcmp(form, needs->form) == 0))
        return ESP_OK;
    return config_fail(error, ESP_ERROR_INVALID, config_find(experiment->config, section, "plugin"),
                       "%s serves architectures whose genome has the form %s, and those of the "
                       "space %s have %s%s",
                       part->component->id, needs->form, experiment->space.component->id,
                       form ? "the form " : "no genome", form ? form : "");
}

// The strategies that serve genomes, as far as they are found and load.
static void list_those_that_do(char *out, size_t size, struct registry *registry)
{
    size_t used = 0;
    out[0] = '\0';
    for (uint64_t i = 0; i < registry_count(registry); i++) {
        const struct component *row = registry_get(registry, i), *found = NULL;
        struct error ignored;
        error_clear(&ignored);
        if (row->kind != ESP_KIND_STRATEGY || row->refused || row->shadowed_by ||
            registry_find(&found, registry, ESP_KIND_STRATEGY, row->id, &ignored) != ESP_OK ||
            !(((const esp_strategy_type *)found->type)->takes & ESP_STRATEGY_GENOME))
            continue;
        int length =
            snprintf(out + used, size - used, "%s%s", used ? ", " : "; these do: ", found->id);
        if (length < 0 || (size_t)length >= size - used)
            break;
        used += (size_t)length;
    }
}

esp_status settings_check_genome(struct experiment *experiment, struct error *error)
{
    const struct component *strategy = experiment->strategy.component;
    esp_status status = check_form(experiment, &experiment->strategy, "strategy", error);
    if (status == ESP_OK)
        status = check_form(experiment, &experiment->estimator, "estimator", error);
    if (status != ESP_OK || !form_of(experiment) ||
        (((const esp_strategy_type *)strategy->type)->takes & ESP_STRATEGY_GENOME))
        return status;
    char others[256];
    list_those_that_do(others, sizeof others, experiment->registry);
    return config_fail(
        error, ESP_ERROR_INVALID, config_find(experiment->config, "strategy", "plugin"),
        "%s makes architectures by their decisions, and those of the space %s have a "
        "genome%s",
        strategy->id, experiment->space.component->id, others);
}
