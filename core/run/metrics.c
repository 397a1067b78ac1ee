// SPDX-License-Identifier: Apache-2.0
// The metrics of a run, objectives and constraints; see metrics.h.
#include "run/metrics.h"

#include "text/nearest.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static esp_status add_row(struct metrics *metrics, const char *name, const char *unit,
                          uint32_t flags, uint32_t better, struct error *error)
{
    struct metric_row *row = &metrics->rows[metrics->count++];
    row->name = strdup(name);
    row->unit = strdup(unit ? unit : "");
    row->flags = flags | (strncmp(name, "test_", 5) == 0 ? ESP_METRIC_REPORT : 0);
    row->better = better;
    return row->name && row->unit ? ESP_OK : error_memory(error);
}

static esp_status add_rows(struct metrics *metrics, const esp_estimator_info *info,
                           struct error *error)
{
    metrics->rows = calloc(info->metric_count + 2, sizeof *metrics->rows);
    if (!metrics->rows)
        return error_memory(error);
    const char *row = (const char *)info->metrics;
    for (uint64_t i = 0; i < info->metric_count; i++, row += info->metric_stride) {
        const esp_metric *metric = (const esp_metric *)(const void *)row;
        if (metrics_find(metrics, metric->name) >= 0)
            return error_set(error, ESP_ERROR_INVALID, "the estimator declares metric %s twice",
                             metric->name);
        esp_status status =
            add_row(metrics, metric->name, metric->unit, metric->flags, metric->better, error);
        if (status != ESP_OK)
            return status;
    }
    metrics->declared = metrics->count;
    esp_status status = add_row(metrics, "params", "", 0, ESP_BETTER_LOWER, error);
    return status == ESP_OK ? add_row(metrics, "macs", "", 0, ESP_BETTER_LOWER, error) : status;
}

int64_t metrics_find(const struct metrics *metrics, const char *name)
{
    for (uint64_t i = 0; i < metrics->count; i++)
        if (strcmp(metrics->rows[i].name, name) == 0)
            return (int64_t)i;
    return -1;
}

// The position of a metric that an objective, a constraint or a target names.
static esp_status resolve_in(struct metrics *metrics, const struct experiment *experiment,
                             const char *section, const char *key, const char *name,
                             uint64_t *position, struct error *error)
{
    const struct config_entry *entry = config_find(experiment->config, section, key);
    int64_t found = metrics_find(metrics, name);
    if (found < 0) {
        const char *names[256];
        uint64_t count = 0;
        for (; count < metrics->count && count < 256; count++)
            names[count] = metrics->rows[count].name;
        const char *nearest = text_nearest(name, names, count);
        char list[512] = "";
        for (uint64_t i = 0; i < count && strlen(list) + strlen(names[i]) + 3 < sizeof list; i++) {
            strcat(list, i ? ", " : "");
            strcat(list, names[i]);
        }
        if (nearest)
            return config_fail(error, ESP_ERROR_INVALID, entry,
                               "there is no metric '%s'; did you mean '%s'? (there are: %s)", name,
                               nearest, list);
        return config_fail(error, ESP_ERROR_INVALID, entry,
                           "there is no metric '%s'; there are: %s", name, list);
    }
    if ((metrics->rows[found].flags & ESP_METRIC_REPORT) && !experiment->test_objective)
        return config_fail(error, ESP_ERROR_INVALID, entry,
                           "'%s' is a test or report metric, which a search must not see; "
                           "[objective] test_objective = yes allows it",
                           name);
    if ((uint64_t)found >= metrics->declared)
        metrics->needs_counts = true;
    *position = (uint64_t)found;
    return ESP_OK;
}

static esp_status resolve(struct metrics *metrics, const struct experiment *experiment,
                          const char *key, const char *name, uint64_t *position,
                          struct error *error)
{
    return resolve_in(metrics, experiment, "objective", key, name, position, error);
}

static esp_status add_full(struct metrics *metrics, const char *name, double value,
                           struct error *error)
{
    struct fidelity *grown =
        realloc(metrics->full, (metrics->full_count + 1) * sizeof *metrics->full);
    if (!grown)
        return error_memory(error);
    metrics->full = grown;
    grown[metrics->full_count] = (struct fidelity){strdup(name), value};
    if (!grown[metrics->full_count].name)
        return error_memory(error);
    metrics->full_count++;
    return ESP_OK;
}

// What the INI says of each dimension; one that is searched has no one full value.
static esp_status add_fidelities(struct metrics *metrics, const struct experiment *experiment,
                                 const esp_estimator_info *info, struct error *error)
{
    const char *row = (const char *)info->fidelities;
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < info->fidelity_count;
         i++, row += info->fidelity_stride) {
        const esp_fidelity_range *range = (const esp_fidelity_range *)(const void *)row;
        const struct parameter *parameter =
            parameters_find(&experiment->estimator.parameters, range->name);
        if (!parameter || parameter->searched)
            continue;
        status = add_full(metrics, range->name,
                          parameter->row->type == ESP_PARAM_TYPE_REAL ? parameter->real
                                                                      : (double)parameter->integer,
                          error);
    }
    return status;
}

bool metrics_full(const struct metrics *metrics, const struct fidelity *fidelity, uint64_t count)
{
    static const char section[] = "estimator.";
    for (uint64_t i = 0; i < count; i++) {
        const char *name = fidelity[i].name;
        bool full = false;
        if (strncmp(name, section, sizeof section - 1) == 0)
            name += sizeof section - 1;
        for (uint64_t j = 0; j < metrics->full_count; j++)
            full = full || (strcmp(metrics->full[j].name, name) == 0 &&
                            fidelity[i].value >= metrics->full[j].value);
        if (!full)
            return false;
    }
    return true;
}

static esp_status resolve_target(struct metrics *metrics, const struct experiment *experiment,
                                 struct error *error)
{
    const struct constraint *target = &experiment->budget.target;
    metrics->target = -1;
    if (!target->metric)
        return ESP_OK;
    struct metric_bound *row = &metrics->target_bound;
    row->sign = target->at_most ? 1.0 : -1.0;
    row->bound = target->bound;
    esp_status status =
        resolve_in(metrics, experiment, "budget", "target", target->metric, &row->position, error);
    if (status == ESP_OK)
        metrics->target = (int64_t)row->position;
    return status;
}

bool metrics_on_target(const struct metrics *metrics, const double *values)
{
    const struct metric_bound *row = &metrics->target_bound;
    return metrics->target >= 0 && isfinite(values[row->position]) &&
           row->sign * (values[row->position] - row->bound) <= 0;
}

esp_status metrics_create(struct metrics *out, const struct experiment *experiment,
                          const esp_estimator_info *info, struct error *error)
{
    memset(out, 0, sizeof *out);
    esp_status status = add_rows(out, info, error);
    if (status == ESP_OK)
        status = add_fidelities(out, experiment, info, error);
    out->objectives = calloc(experiment->objective_count + 1, sizeof *out->objectives);
    out->bounds = calloc(experiment->constraint_count + 1, sizeof *out->bounds);
    if (status == ESP_OK && (!out->objectives || !out->bounds))
        status = error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < experiment->objective_count; i++) {
        const struct objective *objective = &experiment->objectives[i];
        struct metric_objective *row = &out->objectives[out->objective_count++];
        row->sign = objective->maximize ? -1.0 : 1.0;
        status = resolve(out, experiment, objective->maximize ? "maximize" : "minimize",
                         objective->metric, &row->position, error);
    }
    for (uint64_t i = 0; status == ESP_OK && i < experiment->constraint_count; i++) {
        const struct constraint *constraint = &experiment->constraints[i];
        struct metric_bound *row = &out->bounds[out->bound_count++];
        row->sign = constraint->at_most ? 1.0 : -1.0;
        row->bound = constraint->bound;
        status = resolve(out, experiment, "subject_to", constraint->metric, &row->position, error);
    }
    out->cost = metrics_find(out, "cost");
    if (status == ESP_OK)
        status = resolve_target(out, experiment, error);
    if (status != ESP_OK)
        metrics_destroy(out);
    return status;
}

void metrics_destroy(struct metrics *metrics)
{
    metric_rows_destroy(metrics->rows, metrics->count);
    free(metrics->objectives);
    free(metrics->bounds);
    for (uint64_t i = 0; i < metrics->full_count; i++)
        free(metrics->full[i].name);
    free(metrics->full);
    memset(metrics, 0, sizeof *metrics);
}

char *metrics_text(const struct metrics *metrics)
{
    json_t *objectives = json_array(), *constraints = json_array();
    for (uint64_t i = 0; i < metrics->objective_count; i++) {
        const struct metric_objective *row = &metrics->objectives[i];
        json_array_append_new(objectives,
                              json_pack("{s:s, s:b}", "metric", metrics->rows[row->position].name,
                                        "maximize", row->sign < 0));
    }
    for (uint64_t i = 0; i < metrics->bound_count; i++) {
        const struct metric_bound *row = &metrics->bounds[i];
        json_array_append_new(constraints, json_pack("{s:s, s:b, s:f}", "metric",
                                                     metrics->rows[row->position].name, "at_most",
                                                     row->sign > 0, "bound", row->bound));
    }
    json_t *full = json_object();
    for (uint64_t i = 0; i < metrics->full_count; i++)
        json_object_set_new(full, metrics->full[i].name, json_real(metrics->full[i].value));
    json_t *whole = json_pack("{s:o, s:o, s:o}", "objectives", objectives, "constraints",
                              constraints, "full", full);
    char *text = whole ? json_dumps(whole, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(whole);
    return text;
}

esp_status metrics_restore(struct metrics *out, struct metric_row *rows, uint64_t count,
                           const char *text, struct error *error)
{
    *out = (struct metrics){
        .rows = rows, .count = count, .declared = count >= 2 ? count - 2 : 0, .target = -1};
    json_t *json = json_loads(text, 0, NULL);
    const json_t *objectives = json_object_get(json, "objectives");
    const json_t *constraints = json_object_get(json, "constraints");
    out->objectives = calloc(json_array_size(objectives) + 1, sizeof *out->objectives);
    out->bounds = calloc(json_array_size(constraints) + 1, sizeof *out->bounds);
    out->cost = metrics_find(out, "cost");
    esp_status status = out->objectives && out->bounds ? ESP_OK : error_memory(error);
    size_t index;
    json_t *row;
    if (status == ESP_OK)
        json_array_foreach (objectives, index, row) {
            const char *name = json_string_value(json_object_get(row, "metric"));
            int64_t position = name ? metrics_find(out, name) : -1;
            if (position >= 0)
                out->objectives[out->objective_count++] = (struct metric_objective){
                    (uint64_t)position,
                    json_is_true(json_object_get(row, "maximize")) ? -1.0 : 1.0};
        }
    if (status == ESP_OK)
        json_array_foreach (constraints, index, row) {
            const char *name = json_string_value(json_object_get(row, "metric"));
            int64_t position = name ? metrics_find(out, name) : -1;
            if (position >= 0)
                out->bounds[out->bound_count++] = (struct metric_bound){
                    (uint64_t)position, json_is_true(json_object_get(row, "at_most")) ? 1.0 : -1.0,
                    json_number_value(json_object_get(row, "bound"))};
        }
    const char *name;
    json_object_foreach (json_object_get(json, "full"), name, row)
        if (status == ESP_OK)
            status = add_full(out, name, json_number_value(row), error);
    if (status == ESP_OK && out->objective_count == 0)
        status = error_set(error, ESP_ERROR_DATA, "the store is damaged: it names no objective");
    json_decref(json);
    return status;
}

bool metrics_objectives(const struct metrics *metrics, const double *values, double *out)
{
    for (uint64_t i = 0; i < metrics->objective_count; i++) {
        double value = values[metrics->objectives[i].position];
        if (!isfinite(value))
            return false;
        out[i] = metrics->objectives[i].sign * value;
    }
    return true;
}

double metrics_violation(const struct metrics *metrics, const double *values)
{
    double sum = 0;
    for (uint64_t i = 0; i < metrics->bound_count; i++) {
        const struct metric_bound *row = &metrics->bounds[i];
        double value = values[row->position];
        double excess = isfinite(value) ? row->sign * (value - row->bound) : 1e300;
        double scale = fabs(row->bound) > 0 ? fabs(row->bound) : 1.0;
        if (excess > 0)
            sum += excess / scale;
    }
    return sum;
}

bool metrics_better(const struct metrics *metrics, const double *a, const double *b)
{
    double violation_a = metrics_violation(metrics, a), violation_b = metrics_violation(metrics, b);
    if (violation_a != violation_b)
        return violation_a < violation_b;
    const struct metric_objective *first = &metrics->objectives[0];
    return first->sign * a[first->position] < first->sign * b[first->position];
}

bool metrics_dominates(const struct metrics *metrics, const double *a, const double *b)
{
    bool strictly = false;
    for (uint64_t i = 0; i < metrics->objective_count; i++) {
        const struct metric_objective *row = &metrics->objectives[i];
        double difference = row->sign * (a[row->position] - b[row->position]);
        if (difference > 0)
            return false;
        strictly = strictly || difference < 0;
    }
    return strictly;
}
