// SPDX-License-Identifier: Apache-2.0
// The host's own sections; see settings.h. Keys, ranges and defaults are in the tables of sections.c.
#include "config/settings.h"

#include "config/list.h"
#include "config/units.h"
#include "config/value.h"
#include "text/nearest.h"

#include <espalier/ext/space_text.h>
#include <espalier/plugin.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Trials where no limit of any kind is said.
#define DEFAULT_TRIALS 100

const char **settings_keys(bool plugin, enum section_id section,
                           const struct parameters *parameters)
{
    uint64_t own = section == SECTION_COUNT ? 0 : sections[section].count;
    const char **keys = calloc(own + (parameters ? parameters->count : 0) + 2, sizeof *keys);
    uint64_t count = 0;
    if (keys && plugin)
        keys[count++] = "plugin";
    for (uint64_t i = 0; keys && i < own; i++)
        keys[count++] = sections[section].table[i].name;
    for (uint64_t i = 0; keys && parameters && i < parameters->count; i++)
        keys[count++] = parameters->items[i].row->name;
    return keys;
}

static esp_status resolve(struct experiment *experiment, enum section_id id,
                          const char *const *also, struct error *error)
{
    const struct section *section = &sections[id];
    return parameters_resolve(&experiment->own[id], section->table, section->count,
                              sizeof(esp_param), experiment->config, section->name, also, false,
                              error);
}

static struct parameter *own(const struct experiment *experiment, enum section_id id,
                             const char *key)
{
    return parameters_find(&experiment->own[id], key);
}

static esp_status wrong_value(const struct experiment *experiment, enum section_id id,
                              const char *key, const char *expected, struct error *error)
{
    return config_fail(error, ESP_ERROR_INVALID,
                       config_find(experiment->config, sections[id].name, key),
                       "expected %s, got '%s'", expected, own(experiment, id, key)->text);
}

esp_status settings_read_experiment(struct experiment *experiment, struct error *error)
{
    esp_status status = resolve(experiment, SECTION_EXPERIMENT, NULL, error);
    if (status != ESP_OK)
        return status;
    const char *name = own(experiment, SECTION_EXPERIMENT, "name")->text;
    if (name[0] == '\0' || name[0] == '.' || strchr(name, '/'))
        return wrong_value(experiment, SECTION_EXPERIMENT, "name",
                           "a name without '/' that begins with no dot", error);
    experiment->seed = (uint64_t)own(experiment, SECTION_EXPERIMENT, "seed")->integer;
    experiment->name = strdup(name);
    return experiment->name ? ESP_OK : error_memory(error);
}

esp_status settings_read_budget(struct experiment *experiment, struct error *error)
{
    struct budget *budget = &experiment->budget;
    esp_status status = resolve(experiment, SECTION_BUDGET, NULL, error);
    if (status != ESP_OK)
        return status;
    struct parameter *trials = own(experiment, SECTION_BUDGET, "trials");
    const char *time = own(experiment, SECTION_BUDGET, "time")->text;
    budget->cost = own(experiment, SECTION_BUDGET, "cost")->real;
    budget->failures = (uint64_t)own(experiment, SECTION_BUDGET, "failures")->integer;
    if (time[0] && (!read_duration(time, &budget->seconds) || budget->seconds <= 0))
        return wrong_value(experiment, SECTION_BUDGET, "time", "a time such as 90s, 10m or 2h",
                           error);
    if (trials->integer == 0 && budget->cost == 0 && budget->seconds == 0)
        trials->integer = DEFAULT_TRIALS;
    budget->trials = (uint64_t)trials->integer;
    return ESP_OK;
}

// ---- [run] ------------------------------------------------------------------------------------

static esp_status read_horizon(struct experiment *experiment, struct error *error)
{
    const char *text = own(experiment, SECTION_RUN, "horizon")->text;
    int64_t value = 0;
    experiment->horizon_is_fidelity = strcmp(text, "fidelity") == 0;
    if (text[0] == '\0' || experiment->horizon_is_fidelity)
        return ESP_OK;
    if (!read_int(text, &value) || value < 1)
        return wrong_value(experiment, SECTION_RUN, "horizon",
                           "a whole number from 1 on, or 'fidelity'", error);
    experiment->horizon = (uint64_t)value;
    return ESP_OK;
}

static esp_status read_identity(struct experiment *experiment, struct error *error)
{
    const struct component *space = experiment->space.component;
    experiment->identity = (enum identity)own(experiment, SECTION_RUN, "identity")->integer;
    if (experiment->identity == IDENTITY_DECISIONS || component_ability(space, ESP_SPACE_CANONICAL))
        return ESP_OK;
    return config_fail(error, ESP_ERROR_INVALID, config_find(experiment->config, "run", "identity"),
                       "the space %s has no canonical form; expected decisions", space->id);
}

static esp_status read_limits(struct experiment *experiment, struct error *error)
{
    const char *time = own(experiment, SECTION_RUN, "trial_time_limit")->text;
    const char *memory = own(experiment, SECTION_RUN, "trial_memory_limit")->text;
    if (!read_duration(time, &experiment->trial_time_limit))
        return wrong_value(experiment, SECTION_RUN, "trial_time_limit",
                           "a time such as 90s, 10m or 2h, or 0", error);
    if (!read_size(memory, &experiment->trial_memory_limit))
        return wrong_value(experiment, SECTION_RUN, "trial_memory_limit",
                           "a size such as 500M or 4G, or 0", error);
    return ESP_OK;
}

// The folder as it was said, for messages; absolute in the resolved text.
static esp_status read_out(struct experiment *experiment, struct error *error)
{
    struct parameter *out = own(experiment, SECTION_RUN, "out");
    char *folder = NULL;
    if (out->text[0] ? asprintf(&folder, "%s", out->text) < 0
                     : asprintf(&folder, "results/%s", experiment->name) < 0)
        return error_memory(error);
    experiment->out = folder;
    char *absolute = path_absolute(".", folder);
    if (!absolute)
        return error_memory(error);
    free(out->text);
    out->text = absolute;
    return ESP_OK;
}

esp_status settings_read_run(struct experiment *experiment, struct error *error)
{
    esp_status status = resolve(experiment, SECTION_RUN, NULL, error);
    if (status != ESP_OK)
        return status;
    struct parameter *workers = own(experiment, SECTION_RUN, "workers");
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (workers->integer == 0)
        workers->integer = cores > 0 ? cores : 1;
    experiment->workers = (uint64_t)workers->integer;
    experiment->order = (enum order_kind)own(experiment, SECTION_RUN, "order")->integer;
    experiment->lookahead = (uint64_t)own(experiment, SECTION_RUN, "lookahead")->integer;
    experiment->keep = (enum keep)own(experiment, SECTION_RUN, "keep")->integer;
    status = read_limits(experiment, error);
    if (status == ESP_OK)
        status = read_identity(experiment, error);
    if (status == ESP_OK)
        status = read_horizon(experiment, error);
    return status == ESP_OK ? read_out(experiment, error) : status;
}

// ---- [start] ----------------------------------------------------------------------------------

// A value that names a file is that file, from the folder of the INI.
esp_status settings_read_start(struct experiment *experiment, struct error *error)
{
    const struct config_entry *entry = config_find(experiment->config, "start", "arch");
    esp_status status = resolve(experiment, SECTION_START, NULL, error);
    if (status != ESP_OK)
        return status;
    struct parameter *arch = own(experiment, SECTION_START, "arch");
    if (entry && arch->text[0]) {
        char *path = path_absolute(config_folder(experiment->config, entry), arch->text);
        struct stat about;
        if (!path)
            return error_memory(error);
        experiment->start_is_file = stat(path, &about) == 0 && S_ISREG(about.st_mode);
        if (experiment->start_is_file) {
            free(arch->text);
            arch->text = path;
        } else {
            free(path);
        }
    }
    experiment->start = arch->text;
    return ESP_OK;
}

// ---- [final] ----------------------------------------------------------------------------------

static esp_status read_retrain(struct experiment *experiment, struct error *error)
{
    static const char *const names[] = {"none", "best", "pareto", "top1"};
    static const enum retrain values[] = {RETRAIN_NONE, RETRAIN_BEST, RETRAIN_PARETO};
    const char *text = own(experiment, SECTION_FINAL, "retrain")->text;
    int64_t count;
    for (size_t i = 0; i < ESP_COUNT(values); i++)
        if (strcmp(text, names[i]) == 0) {
            experiment->retrain = values[i];
            return ESP_OK;
        }
    if (strncmp(text, "top", 3) == 0 && isdigit((unsigned char)text[3]) &&
        read_int(text + 3, &count) && count >= 1) {
        experiment->retrain = RETRAIN_TOP;
        experiment->retrain_count = (uint64_t)count;
        return ESP_OK;
    }
    const char *nearest = text_nearest(text, names, ESP_COUNT(names));
    char words[96] = "none, best, pareto or top<N>";
    if (nearest)
        snprintf(words, sizeof words, "none, best, pareto or top<N> (did you mean '%s'?)", nearest);
    return wrong_value(experiment, SECTION_FINAL, "retrain", words, error);
}

esp_status settings_read_final(struct experiment *experiment, struct error *error)
{
    const struct part *estimator = &experiment->estimator;
    const char **training = settings_keys(false, SECTION_COUNT, &estimator->parameters);
    const char **mine = settings_keys(false, SECTION_FINAL, NULL);
    esp_status status = training && mine ? ESP_OK : error_memory(error);
    if (status == ESP_OK)
        status = resolve(experiment, SECTION_FINAL, training, error);
    if (status == ESP_OK)
        status = read_retrain(experiment, error);
    if (status == ESP_OK && experiment->retrain != RETRAIN_NONE &&
        !component_ability(estimator->component, ESP_ESTIMATOR_FINAL))
        status = config_fail(
            error, ESP_ERROR_INVALID, config_find(experiment->config, "final", "retrain"),
            "the estimator %s trains no networks; expected none", estimator->component->id);
    if (status == ESP_OK) {
        experiment->final_seeds = (uint64_t)own(experiment, SECTION_FINAL, "seeds")->integer;
        status = parameters_copy(&experiment->final_training, &estimator->parameters, error);
    }
    if (status == ESP_OK)
        status = parameters_override(&experiment->final_training, experiment->config, "final", mine,
                                     false, error);
    free(training);
    free(mine);
    return status;
}

// A number for each objective and for nothing else.
static esp_status check_reference(const struct experiment *experiment, char **parts, uint64_t count,
                                  struct error *error)
{
    static const char *const expected = "METRIC=NUMBER for each objective, with commas between";
    uint64_t named = 0;
    for (uint64_t i = 0; i < count; i++) {
        char *sign = strchr(parts[i], '=');
        double value;
        if (!sign || !read_real(text_trim(sign + 1), &value))
            return wrong_value(experiment, SECTION_REPORT, "reference", expected, error);
        *sign = '\0';
        const char *metric = text_trim(parts[i]);
        uint64_t j = 0;
        while (j < experiment->objective_count &&
               strcmp(experiment->objectives[j].metric, metric) != 0)
            j++;
        if (j == experiment->objective_count)
            return config_fail(error, ESP_ERROR_INVALID,
                               config_find(experiment->config, "report", "reference"),
                               "'%s' is no objective of this run", metric);
        named++;
    }
    return named == experiment->objective_count && named > 1
               ? ESP_OK
               : wrong_value(experiment, SECTION_REPORT, "reference",
                             named > 1 ? expected : "several objectives and a number for each",
                             error);
}

esp_status settings_read_report(struct experiment *experiment, struct error *error)
{
    esp_status status = resolve(experiment, SECTION_REPORT, NULL, error);
    if (status != ESP_OK || !own(experiment, SECTION_REPORT, "reference")->text[0])
        return status;
    uint64_t count = 0;
    char **parts = list_split(own(experiment, SECTION_REPORT, "reference")->text, &count);
    status = parts ? check_reference(experiment, parts, count, error) : error_memory(error);
    free(parts);
    return status;
}
