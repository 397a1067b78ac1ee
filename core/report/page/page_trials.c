// SPDX-License-Identifier: Apache-2.0
// The trials of the page: a column each, for ten thousand of them are to be read in a moment.
#include "report/page/page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct result_trial *trial_of(const struct page *page, uint64_t row)
{
    return trial_table_trial(page->table, row);
}

// ---- Metrics and fidelities -------------------------------------------------------------------

static json_t *metric_values(const struct page *page, uint64_t metric)
{
    json_t *values = json_array();
    for (uint64_t i = 0; i < page->table->count; i++)
        json_array_append_new(values, page_number(trial_table_value(page->table, i, metric)));
    return page_column(values);
}

static json_t *metrics_json(const struct page *page)
{
    static const char *const betters[] = {"none", "higher", "lower"};
    json_t *list = json_array();
    for (uint64_t i = 0; i < page->table->metric_count; i++) {
        const struct table_metric *metric = &page->table->metrics[i];
        const char *better = betters[metric->better <= 2 ? metric->better : 0];
        for (uint64_t j = 0; j < page->study->objective_count; j++)
            if (strcmp(page->study->objectives[j].metric, metric->name) == 0)
                better = page->study->objectives[j].maximize ? "higher" : "lower";
        // The host's own counts declare no direction.
        if (strcmp(metric->name, "params") == 0 || strcmp(metric->name, "macs") == 0)
            better = strcmp(better, "none") == 0 ? "lower" : better;
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:s, s:b, s:b, s:o}", "name", metric->name,
                                        "unit", page_text(metric->unit), "better", better,
                                        "measured", metric->flags & ESP_METRIC_MEASURED, "report",
                                        metric->report, "values", metric_values(page, i)));
    }
    return list;
}

static double fidelity_of(const struct result_trial *trial, const char *name)
{
    for (uint64_t i = 0; i < trial->fidelity_count; i++)
        if (strcmp(trial->fidelity[i].name, name) == 0)
            return trial->fidelity[i].value;
    return NAN;
}

static json_t *fidelities_json(const struct page *page)
{
    json_t *names = json_object(), *list = json_array();
    const char *name;
    json_t *ignored;
    for (uint64_t i = 0; i < page->table->count; i++) {
        const struct result_trial *trial = trial_of(page, i);
        for (uint64_t j = 0; j < trial->fidelity_count; j++)
            json_object_set_new(names, trial->fidelity[j].name, json_true());
    }
    json_object_foreach (names, name, ignored) {
        json_t *values = json_array();
        for (uint64_t i = 0; i < page->table->count; i++)
            json_array_append_new(values, page_number(fidelity_of(trial_of(page, i), name)));
        json_array_append_new(list,
                              json_pack("{s:s, s:o}", "name", name, "values", page_column(values)));
    }
    json_decref(names);
    return list;
}

// ---- Decisions --------------------------------------------------------------------------------

// A path of any run, over all rows.
struct decision {
    const char *path;
    const esp_domain *domain; // the first one met
    json_t *names;            // object: option -> its number; of choices
    json_t *rows, *values;
};

static json_t *option_number(struct decision *decision, const char *name)
{
    json_t *number = json_object_get(decision->names, name);
    if (!number) {
        number = json_integer((json_int_t)json_object_size(decision->names));
        json_object_set_new(decision->names, name, number);
    }
    return json_incref(number);
}

// Options as numbers into `names`, so that runs may differ in their domains.
static json_t *value_of(struct decision *decision, const esp_domain *domain, esp_value value)
{
    char text[512];
    if (value.kind == ESP_DECISION_INT)
        return json_integer(value.as.integer);
    if (value.kind == ESP_DECISION_REAL)
        return page_number(value.as.real);
    if (value.kind == ESP_DECISION_ONE && value.as.index < domain->count)
        return option_number(decision, domain->names[value.as.index]);
    value_text(text, sizeof text, domain, value);
    return option_number(decision, text);
}

static const char *decision_kind(uint32_t kind)
{
    static const char *const names[] = {"", "choice", "integer", "real", "subset"};
    return kind <= ESP_DECISION_SUBSET ? names[kind] : "";
}

// Where less than half of the rows have it, the rows are named.
static json_t *decision_json(struct decision *decision, uint64_t rows)
{
    json_t *names = json_array(), *ignored, *all = NULL;
    const char *name;
    size_t count = json_array_size(decision->values);
    if (json_object_size(decision->names) > 0)
        json_object_foreach (decision->names, name, ignored)
            json_array_append_new(names, json_string(name));
    if (2 * count >= rows) {
        all = json_array();
        for (uint64_t i = 0, next = 0; i < rows; i++) {
            bool has = next < count &&
                       (uint64_t)json_integer_value(json_array_get(decision->rows, next)) == i;
            json_array_append(all, has ? json_array_get(decision->values, next) : json_null());
            next += has;
        }
    }
    json_t *json = json_pack("{s:s, s:s, s:b, s:b, s:o, s:O?, s:O}", "path", decision->path, "kind",
                             decision_kind(decision->domain->kind), "log",
                             decision->domain->flags & ESP_DOMAIN_LOG, "ordered",
                             decision->domain->flags & ESP_DOMAIN_ORDERED, "names", names, "rows",
                             all ? NULL : decision->rows, "values", all ? all : decision->values);
    json_decref(all);
    return json;
}

static struct decision *find_decision(json_t *places, struct decision **list, uint64_t *count,
                                      const char *path, const esp_domain *domain)
{
    json_t *place = json_object_get(places, path);
    if (place)
        return &(*list)[json_integer_value(place)];
    struct decision *grown = realloc(*list, (*count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    *list = grown;
    grown[*count] = (struct decision){path, domain, json_object(), json_array(), json_array()};
    // In the domain's own order, where it has one for the eye.
    for (uint64_t i = 0; domain->kind == ESP_DECISION_ONE && i < domain->count; i++)
        json_decref(option_number(&grown[*count], domain->names[i]));
    json_object_set_new(places, path, json_integer((json_int_t)*count));
    return &grown[(*count)++];
}

static json_t *decisions_json(const struct page *page, struct error *error)
{
    struct decision *list = NULL;
    uint64_t count = 0;
    bool whole = true;
    json_t *places = json_object(), *all = json_array();
    for (uint64_t i = 0; whole && i < page->table->count; i++) {
        const struct result_trial *trial = trial_of(page, i);
        const esp_arch *arch = trial->arch ? arch_handle(trial->arch) : NULL;
        for (uint64_t j = 0; whole && arch && j < esp_arch_count(arch); j++) {
            const esp_domain *domain = esp_arch_domain(arch, j);
            struct decision *decision =
                find_decision(places, &list, &count, esp_arch_path(arch, j), domain);
            whole = decision != NULL;
            if (!whole)
                break;
            json_array_append_new(decision->rows, json_integer((json_int_t)i));
            json_array_append_new(decision->values,
                                  value_of(decision, domain, esp_arch_value(arch, j)));
        }
    }
    for (uint64_t i = 0; i < count; i++) {
        json_array_append_new(all, decision_json(&list[i], page->table->count));
        json_decref(list[i].names);
        json_decref(list[i].rows);
        json_decref(list[i].values);
    }
    free(list);
    json_decref(places);
    if (!whole)
        error_memory(error);
    return all;
}

// ---- All of it --------------------------------------------------------------------------------

static const char *mode_name(uint32_t mode)
{
    return mode == ESP_MODE_CONTINUE ? "continue" : mode == ESP_MODE_INHERIT ? "inherit" : "fresh";
}

static void set_column(json_t *object, const char *name, json_t *array)
{
    json_object_set_new(object, name, page_column(array));
}

static void set_columns(json_t *object, const struct page *page)
{
    enum {
        RUN,
        TRIAL,
        STATE,
        HASH,
        TOLD,
        ELAPSED,
        SECONDS,
        COST,
        ATTEMPT,
        PARENT,
        LINEAGE,
        MODE,
        ELIGIBLE,
        COLUMNS
    };
    static const char *const names[COLUMNS] = {"run",     "trial",   "state",   "hash",    "told",
                                               "elapsed", "seconds", "cost",    "attempt", "parent",
                                               "lineage", "mode",    "eligible"};
    json_t *columns[COLUMNS], *errors = json_object(), *front = json_array();
    for (int i = 0; i < COLUMNS; i++)
        columns[i] = json_array();
    for (uint64_t i = 0; i < page->table->count; i++) {
        const struct table_row *row = &page->table->rows[i];
        const struct result_trial *trial = trial_of(page, i);
        char text[32];
        snprintf(text, sizeof text, "%016llx", (unsigned long long)trial->hash);
        json_t *values[COLUMNS] = {json_integer((json_int_t)row->run),
                                   json_integer((json_int_t)trial->trial),
                                   json_string(trial_state_name(trial->state)),
                                   json_string(text),
                                   trial->told ? json_integer((json_int_t)trial->told)
                                               : json_null(),
                                   page_number(round(trial->elapsed * 1e4) / 1e4),
                                   page_number(round(trial->seconds * 1e6) / 1e6),
                                   page_number(row->cost),
                                   json_integer((json_int_t)trial->attempt),
                                   trial->parent >= 0 ? json_integer(trial->parent) : json_null(),
                                   json_integer((json_int_t)trial->lineage),
                                   json_string(mode_name(trial->mode)),
                                   json_integer(row->eligible)};
        for (int j = 0; j < COLUMNS; j++)
            json_array_append_new(columns[j], values[j]);
        if (row->front)
            json_array_append_new(front, json_integer((json_int_t)i));
        snprintf(text, sizeof text, "%llu", (unsigned long long)i);
        if (trial->error)
            json_object_set_new(errors, text, page_text(trial->error));
    }
    for (int i = 0; i < COLUMNS; i++)
        set_column(object, names[i], columns[i]);
    json_object_set_new(object, "errors", errors);
    json_object_set_new(object, "front", front);
}

json_t *page_trials_json(const struct page *page, struct error *error)
{
    json_t *decisions = decisions_json(page, error);
    json_t *object =
        json_pack("{s:I, s:I, s:o, s:o, s:o}", "count", (json_int_t)page->table->count, "left_out",
                  (json_int_t)page->table->left_out, "metrics", metrics_json(page), "fidelities",
                  fidelities_json(page), "decisions", decisions);
    if (!object) {
        error_memory(error);
        return NULL;
    }
    set_columns(object, page);
    return object;
}
