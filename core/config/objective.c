// SPDX-License-Identifier: Apache-2.0
// The section [objective]; see objective.h. Objectives stand in the order of the INI: the key that
// was written first comes first.
#include "config/objective.h"

#include "config/units.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static char *trimmed(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1]))
        *--end = '\0';
    return text;
}

static bool is_metric(const char *text)
{
    if (!islower((unsigned char)*text))
        return false;
    for (; *text; text++)
        if (!islower((unsigned char)*text) && !isdigit((unsigned char)*text) && *text != '_')
            return false;
    return true;
}

static esp_status add_objective(struct experiment *experiment, const struct config_entry *entry,
                                const char *metric, bool maximize, struct error *error)
{
    if (!is_metric(metric))
        return config_fail(error, ESP_ERROR_INVALID, entry,
                           "expected the names of metrics, got '%s'", metric);
    for (uint64_t i = 0; i < experiment->objective_count; i++)
        if (strcmp(experiment->objectives[i].metric, metric) == 0)
            return config_fail(error, ESP_ERROR_INVALID, entry, "'%s' stands twice", metric);
    struct objective *grown =
        realloc(experiment->objectives, (experiment->objective_count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    experiment->objectives = grown;
    grown[experiment->objective_count] = (struct objective){strdup(metric), maximize};
    return grown[experiment->objective_count++].metric ? ESP_OK : error_memory(error);
}

static esp_status read_metrics(struct experiment *experiment, const char *key, bool maximize,
                               const struct parameters *section, struct error *error)
{
    char *copy = strdup(parameters_find(section, key)->text), *rest = copy, *part;
    const struct config_entry *entry = config_find(experiment->config, "objective", key);
    esp_status status = copy ? ESP_OK : error_memory(error);
    while (status == ESP_OK && copy[0] && (part = strsep(&rest, ",")))
        status = add_objective(experiment, entry, trimmed(part), maximize, error);
    free(copy);
    return status;
}

// "params <= 1e6"
static esp_status add_constraint(struct experiment *experiment, const struct config_entry *entry,
                                 char *text, struct error *error)
{
    char *sign = strpbrk(text, "<>");
    double bound;
    if (!sign || sign[1] != '=')
        return config_fail(error, ESP_ERROR_INVALID, entry,
                           "expected METRIC <= NUMBER or METRIC >= NUMBER, got '%s'", text);
    bool at_most = *sign == '<';
    *sign = '\0';
    char *metric = trimmed(text), *number = trimmed(sign + 2);
    if (!is_metric(metric) || !read_real(number, &bound))
        return config_fail(error, ESP_ERROR_INVALID, entry,
                           "expected METRIC <= NUMBER or METRIC >= NUMBER, got '%s %s= %s'", metric,
                           at_most ? "<" : ">", number);
    struct constraint *grown =
        realloc(experiment->constraints, (experiment->constraint_count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    experiment->constraints = grown;
    grown[experiment->constraint_count] = (struct constraint){strdup(metric), at_most, bound};
    return grown[experiment->constraint_count++].metric ? ESP_OK : error_memory(error);
}

static esp_status read_constraints(struct experiment *experiment, const struct parameters *section,
                                   struct error *error)
{
    char *copy = strdup(parameters_find(section, "subject_to")->text), *rest = copy, *part;
    const struct config_entry *entry = config_find(experiment->config, "objective", "subject_to");
    esp_status status = copy ? ESP_OK : error_memory(error);
    while (status == ESP_OK && copy[0] && (part = strsep(&rest, ",")))
        status = add_constraint(experiment, entry, trimmed(part), error);
    free(copy);
    return status;
}

// Was `minimize` written before `maximize`?
static bool minimize_first(const struct config *config)
{
    for (uint64_t i = 0; i < config_count(config); i++) {
        const struct config_entry *entry = config_get(config, i);
        if (strcmp(entry->section, "objective") == 0 && strcmp(entry->key, "minimize") == 0)
            return true;
        if (strcmp(entry->section, "objective") == 0 && strcmp(entry->key, "maximize") == 0)
            return false;
    }
    return false;
}

esp_status objective_read(struct experiment *experiment, const struct parameters *section,
                          struct error *error)
{
    bool first = minimize_first(experiment->config);
    esp_status status =
        read_metrics(experiment, first ? "minimize" : "maximize", !first, section, error);
    if (status == ESP_OK)
        status = read_metrics(experiment, first ? "maximize" : "minimize", first, section, error);
    if (status == ESP_OK && experiment->objective_count == 0)
        status = error_set(error, ESP_ERROR_INVALID,
                           "[objective]: nothing is sought; say maximize = METRIC or minimize = "
                           "METRIC");
    if (status == ESP_OK && experiment->objective_count > 64)
        status = error_set(error, ESP_ERROR_INVALID, "[objective]: more than 64 metrics");
    experiment->test_objective = parameters_find(section, "test_objective")->integer != 0;
    return status == ESP_OK ? read_constraints(experiment, section, error) : status;
}
