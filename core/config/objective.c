// SPDX-License-Identifier: Apache-2.0
// The section [objective]; see objective.h.
#include "config/objective.h"

#include "config/list.h"
#include "config/units.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MOST_OBJECTIVES 64
#define SECTION "objective"

static bool is_metric(const char *text)
{
    if (!islower((unsigned char)*text))
        return false;
    for (; *text; text++)
        if (!islower((unsigned char)*text) && !isdigit((unsigned char)*text) && *text != '_')
            return false;
    return true;
}

static esp_status check_metric(const struct experiment *experiment,
                               const struct config_entry *entry, const char *metric,
                               struct error *error)
{
    if (!is_metric(metric))
        return config_fail(error, ESP_ERROR_INVALID, entry,
                           "expected the name of a metric, got '%s'", metric);
    if (strncmp(metric, "test_", 5) == 0 && !experiment->test_objective)
        return config_fail(error, ESP_ERROR_INVALID, entry,
                           "'%s' is a test metric, which a search must not see; test_objective = "
                           "yes allows it",
                           metric);
    return ESP_OK;
}

static esp_status add_objective(struct experiment *experiment, const struct config_entry *entry,
                                const char *metric, bool maximize, struct error *error)
{
    esp_status status = check_metric(experiment, entry, metric, error);
    if (status != ESP_OK)
        return status;
    for (uint64_t i = 0; i < experiment->objective_count; i++)
        if (strcmp(experiment->objectives[i].metric, metric) == 0)
            return config_fail(error, ESP_ERROR_INVALID, entry, "'%s' stands twice", metric);
    if (experiment->objective_count == MOST_OBJECTIVES)
        return config_fail(error, ESP_ERROR_INVALID, entry, "there are more than %d objectives",
                           MOST_OBJECTIVES);
    struct objective *grown =
        realloc(experiment->objectives, (experiment->objective_count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    experiment->objectives = grown;
    grown[experiment->objective_count] = (struct objective){strdup(metric), maximize};
    return grown[experiment->objective_count++].metric ? ESP_OK : error_memory(error);
}

// "params <= 1e6", which it cuts up. Owner of the metric: the caller (free).
static esp_status read_constraint(struct constraint *out, const struct experiment *experiment,
                                  const struct config_entry *entry, char *text, struct error *error)
{
    static const char *const expected = "expected METRIC <= NUMBER or METRIC >= NUMBER";
    char *sign = strpbrk(text, "<>=");
    double bound;
    if (!sign || *sign == '=' || sign[1] != '=')
        return config_fail(error, ESP_ERROR_INVALID, entry, "%s, got '%s'", expected, text);
    bool at_most = *sign == '<';
    *sign = '\0';
    const char *metric = text_trim(text), *number = text_trim(sign + 2);
    if (!is_metric(metric) || !read_real(number, &bound))
        return config_fail(error, ESP_ERROR_INVALID, entry, "%s, got '%s %s= %s'", expected, metric,
                           at_most ? "<" : ">", number);
    esp_status status = check_metric(experiment, entry, metric, error);
    if (status != ESP_OK)
        return status;
    *out = (struct constraint){strdup(metric), at_most, bound};
    return out->metric ? ESP_OK : error_memory(error);
}

static esp_status add_constraint(struct experiment *experiment, const struct config_entry *entry,
                                 char *text, struct error *error)
{
    struct constraint *grown =
        realloc(experiment->constraints, (experiment->constraint_count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    experiment->constraints = grown;
    esp_status status =
        read_constraint(&grown[experiment->constraint_count], experiment, entry, text, error);
    experiment->constraint_count += status == ESP_OK;
    return status;
}

// [budget] target, which stands here for the sake of its words.
static esp_status read_target(struct experiment *experiment, struct error *error)
{
    const struct config_entry *entry = config_find(experiment->config, "budget", "target");
    if (!entry || !entry->value[0])
        return ESP_OK;
    char *text = strdup(entry->value);
    if (!text)
        return error_memory(error);
    esp_status status = read_constraint(&experiment->budget.target, experiment, entry, text, error);
    free(text);
    return status;
}

static esp_status read_key(struct experiment *experiment, const struct config_entry *entry,
                           struct error *error)
{
    uint64_t count;
    bool maximize = strcmp(entry->key, "maximize") == 0;
    bool constraints = strcmp(entry->key, "subject_to") == 0;
    if (!maximize && !constraints && strcmp(entry->key, "minimize") != 0)
        return ESP_OK;
    char **parts = list_split(entry->value, &count);
    esp_status status = parts ? ESP_OK : error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++)
        status = constraints ? add_constraint(experiment, entry, parts[i], error)
                             : add_objective(experiment, entry, parts[i], maximize, error);
    free(parts);
    return status;
}

esp_status objective_read(struct experiment *experiment, struct error *error)
{
    const struct config *config = experiment->config;
    const struct section *section = &sections[SECTION_OBJECTIVE];
    struct parameters *own = &experiment->own[SECTION_OBJECTIVE];
    esp_status status = parameters_resolve(own, section->table, section->count, sizeof(esp_param),
                                           config, SECTION, NULL, false, error);
    if (status != ESP_OK)
        return status;
    experiment->test_objective = parameters_find(own, "test_objective")->integer != 0;
    for (uint64_t i = 0; status == ESP_OK && i < config_count(config); i++)
        if (strcmp(config_get(config, i)->section, SECTION) == 0)
            status = read_key(experiment, config_get(config, i), error);
    if (status == ESP_OK && experiment->objective_count == 0)
        status = config_fail_section(error, config, SECTION,
                                     "nothing is sought; say maximize = METRIC or minimize = "
                                     "METRIC");
    return status == ESP_OK ? read_target(experiment, error) : status;
}
