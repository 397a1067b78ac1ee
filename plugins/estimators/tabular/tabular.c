// SPDX-License-Identifier: Apache-2.0
// The estimator `tabular`: what an architecture would yield is looked up in a table, a CSV file with a
// row an architecture (Ying et al. 2019; Dong and Yang 2020). This file describes it and looks up;
// mapping.c reads what the columns mean, load.c the file, cache.c keeps what was read.
#include "mapping.h"
#include "table.h"

#include <stdlib.h>

static const char *const key_formats[] = {"text", "hash"};
static const char *const identities[] = {"decisions", "canonical"};
static const char *const outsides[] = {"error", "leave_out"};
static const char *const missings[] = {"error", "fail"};
static const char *const optimizers[] = {"none", "sgd", "adam", "adamw", "rmsprop"};

static const esp_param tabular_params[] = {
    ESP_PARAM_PATH_REQUIRED("path", "the CSV file: a header, then a row an architecture"),
    ESP_PARAM_TEXT("key", "arch", "the column of architectures"),
    ESP_PARAM_CHOICE("key_format", "text", key_formats,
                     "what stands there: the space's notation (or JSON), or hashes"),
    ESP_PARAM_CHOICE("identity", "decisions", identities,
                     "which architectures share a row: those of equal decisions, or of one "
                     "canonical form"),
    ESP_PARAM_CHOICE("outside", "error", outsides,
                     "a row that is no member of the run's space ends the run, or is left out"),
    ESP_PARAM_CHOICE("missing", "error", missings,
                     "an architecture that is not in the table ends the run, or fails its trial"),
    ESP_PARAM_TEXT("metrics", "", "the metrics and their columns (grammar: docs/tables.md)"),
    ESP_PARAM_TEXT("cost", "", "the columns of simulated seconds, the metric cost"),
    ESP_PARAM_TEXT("searched", "", "columns of searched parameters, as in: @space/cells = n_cells"),
    ESP_PARAM_INT("epochs", 0, 0, 1000000, "epochs",
                  "the full fidelity, where the columns have several; 0 = they have not"),
    ESP_PARAM_REAL("data_fraction", 0, 0, 1, "", "the same, a share of the training data"),
    ESP_PARAM_INT("resolution", 0, 0, 1000000, "pixels", "the same, the side of an image"),
    ESP_PARAM_INT("width", 0, 0, 1000000, "channels", "the same, the width of the network"),
    ESP_PARAM_INT("depth", 0, 0, 1000000, "cells", "the same, the depth of the network"),
    ESP_PARAM_REAL("learning_rate", 0, 0, 1e3, "",
                   "of a joint table with a column for it: a distribution searches it, a number "
                   "keeps its rows"),
    ESP_PARAM_REAL("weight_decay", 0, 0, 10, "", "the same"),
    ESP_PARAM_REAL("momentum", 0, 0, 1, "", "the same"),
    ESP_PARAM_INT("batch", 0, 0, 1000000, "samples", "the same"),
    ESP_PARAM_CHOICE("optimizer", "none", optimizers, "the same"),
};

// Where a metric's number stands in a row.
struct place {
    const char *name;
    uint64_t first, count; // columns: its seeds
    bool averaged;
};

struct tabular {
    struct mapping mapping;
    struct table table;
    bool missing_fails;
    struct place *places;
    esp_metric *metrics;
    esp_fidelity_range fidelity;
    esp_estimator_info info;
};

static void tabular_destroy(void *self)
{
    struct tabular *tabular = self;
    table_close(&tabular->table);
    mapping_destroy(&tabular->mapping);
    free(tabular->places);
    free(tabular->metrics);
    free(tabular);
}

// ---- Create -----------------------------------------------------------------------------------

// The value of a dimension's parameter; 0 where it was not said.
static double dimension_value(esp_create *create, const char *name)
{
    return strcmp(name, "data_fraction") == 0 ? esp_param_real(create, name)
                                              : (double)esp_param_int(create, name);
}

static esp_status check_dimensions(const struct tabular *tabular, esp_create *create)
{
    const char *own = tabular->mapping.dimension;
    for (int i = 0; i < DIMENSION_COUNT; i++)
        if (dimension_names[i] != own && dimension_value(create, dimension_names[i]) > 0)
            return esp_fail(create, ESP_ERROR_INVALID,
                            "%s is given, and the columns have %s%s: expected 'metrics = NAME (%s: "
                            "VALUE = COLUMN, ...)'",
                            dimension_names[i], own ? "" : "no fidelity", own ? own : "",
                            dimension_names[i]);
    return ESP_OK;
}

static bool is_mapped(const struct mapping *mapping, const char *path)
{
    for (uint64_t i = 0; i < mapping->pair_count; i++)
        if (strcmp(mapping->pairs[i].path, path) == 0)
            return true;
    return false;
}

// A number for a hyperparameter that the table does not have would mean nothing.
static esp_status check_hyperparameters(const struct tabular *tabular, esp_create *create)
{
    const struct {
        const char *name;
        bool given;
    } rows[] = {{"learning_rate", esp_param_real(create, "learning_rate") > 0},
                {"weight_decay", esp_param_real(create, "weight_decay") > 0},
                {"momentum", esp_param_real(create, "momentum") > 0},
                {"batch", esp_param_int(create, "batch") > 0},
                {"optimizer", esp_param_int(create, "optimizer") > 0}};
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        char path[64];
        snprintf(path, sizeof path, "@estimator/%s", rows[i].name);
        if (rows[i].given && !is_mapped(&tabular->mapping, path))
            return esp_fail(create, ESP_ERROR_INVALID,
                            "%s is given, and no column is: expected 'searched = %s = COLUMN'",
                            rows[i].name, path);
    }
    return ESP_OK;
}

static esp_status no_level(const struct tabular *tabular, esp_create *create,
                           const struct mapped_metric *metric, double wanted)
{
    char list[256] = "";
    for (uint64_t i = 0; i < metric->level_count; i++) {
        size_t length = strlen(list);
        snprintf(list + length, sizeof list - length, "%s%g", i ? ", " : "",
                 tabular->mapping.levels[metric->first_level + i].value);
    }
    if (wanted > 0)
        return esp_fail(create, ESP_ERROR_INVALID, "the table has no %s = %g; it has %s",
                        tabular->mapping.dimension, wanted, list);
    return esp_fail(
        create, ESP_ERROR_INVALID,
        "%s is missing: the columns have %s, and '%s = VALUE' says which of them is the "
        "full one",
        tabular->mapping.dimension, list, tabular->mapping.dimension);
}

static void widen(struct tabular *tabular, const struct mapped_metric *metric)
{
    esp_fidelity_range *range = &tabular->fidelity;
    *range = (esp_fidelity_range){sizeof *range, tabular->mapping.dimension,
                                  tabular->mapping.levels[metric->first_level].value, 0};
    for (uint64_t i = 0; i < metric->level_count; i++) {
        double value = tabular->mapping.levels[metric->first_level + i].value;
        range->least = value < range->least ? value : range->least;
        range->most = value > range->most ? value : range->most;
    }
}

static esp_status place_metrics(struct tabular *tabular, esp_create *create)
{
    const struct mapping *mapping = &tabular->mapping;
    double wanted = mapping->dimension ? dimension_value(create, mapping->dimension) : 0;
    tabular->places = calloc(mapping->metric_count, sizeof *tabular->places);
    tabular->metrics = calloc(mapping->metric_count, sizeof *tabular->metrics);
    if (!tabular->places || !tabular->metrics)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    for (uint64_t i = 0; i < mapping->metric_count; i++) {
        const struct mapped_metric *metric = &mapping->metrics[i];
        const struct level *level = mapping_level(mapping, metric, wanted);
        if (!level)
            return no_level(tabular, create, metric, wanted);
        tabular->places[i] = (struct place){metric->name, level->first, level->count,
                                            (metric->flags & ESP_METRIC_REPORT) != 0};
        tabular->metrics[i] = (esp_metric){sizeof(esp_metric), metric->name, metric->unit,
                                           metric->flags, metric->better};
        if (metric->has_fidelity)
            widen(tabular, metric);
    }
    tabular->info = (esp_estimator_info){
        .struct_size = sizeof tabular->info,
        .metrics = tabular->metrics,
        .metric_count = mapping->metric_count,
        .metric_stride = sizeof tabular->metrics[0],
        .fidelities = mapping->dimension ? &tabular->fidelity : NULL,
        .fidelity_count = mapping->dimension ? 1 : 0,
        .fidelity_stride = sizeof tabular->fidelity,
    };
    return ESP_OK;
}

static esp_status tabular_create(esp_create *create, void **out)
{
    struct tabular *tabular = calloc(1, sizeof *tabular);
    if (!tabular)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    tabular->missing_fails = esp_param_int(create, "missing") == 1;
    esp_status status = mapping_read(&tabular->mapping, create);
    if (status == ESP_OK)
        status = check_dimensions(tabular, create);
    if (status == ESP_OK)
        status = check_hyperparameters(tabular, create);
    if (status == ESP_OK)
        status = place_metrics(tabular, create);
    if (status == ESP_OK)
        status =
            table_open(&tabular->table, create, &tabular->mapping, esp_param_text(create, "path"));
    if (status != ESP_OK) {
        tabular_destroy(tabular);
        return status;
    }
    *out = tabular;
    return ESP_OK;
}

static const esp_estimator_info *tabular_info(void *self)
{
    const struct tabular *tabular = self;
    return &tabular->info;
}

// ---- Evaluate ---------------------------------------------------------------------------------

static double average(const double *values, uint64_t count)
{
    double sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += values[i];
    return sum / (double)count;
}

// One of several seeds, the same one for all metrics that have so many.
static double draw(esp_evaluation *e, const double *values, uint64_t count)
{
    esp_random random = esp_evaluation_random(e, "seed", 0, 0);
    return values[esp_random_below(&random, count)];
}

static esp_status not_found(const struct tabular *tabular, esp_evaluation *e, uint64_t hash)
{
    return esp_fail(e, tabular->missing_fails ? ESP_ERROR_NOT_FOUND : ESP_ERROR_DATA,
                    "the table has no row for the architecture with the hash %016llx%s",
                    (unsigned long long)hash,
                    tabular->missing_fails ? "" : " (missing = fail lets the trial fail alone)");
}

static esp_status tabular_evaluate(void *self, esp_evaluation *e)
{
    const struct tabular *tabular = self;
    uint64_t hash = 0;
    esp_status status = ESP_OK;
    if (tabular->mapping.identity == ESP_IDENTITY_CANONICAL)
        status = esp_evaluation_canonical_hash(e, &hash);
    else
        hash = esp_arch_hash(esp_evaluation_arch(e));
    const double *row = status == ESP_OK ? table_find(&tabular->table, hash) : NULL;
    if (status == ESP_OK && !row)
        return not_found(tabular, e, hash);
    for (uint64_t i = 0; status == ESP_OK && i < tabular->mapping.metric_count; i++) {
        const struct place *place = &tabular->places[i];
        const double *values = row + place->first;
        double value = place->count == 1 ? values[0]
                       : place->averaged ? average(values, place->count)
                                         : draw(e, values, place->count);
        status = esp_evaluation_metric(e, place->name, value);
    }
    return status;
}

// ---- Description ------------------------------------------------------------------------------

static const void *tabular_ability(const char *id)
{
    static const esp_estimator_cheap cheap = {sizeof(esp_estimator_cheap), 0, 0};
    return strcmp(id, ESP_ESTIMATOR_CHEAP) == 0 ? &cheap : NULL;
}

static void tabular_describe(esp_estimator_type *out)
{
    out->summary = "a table: metrics of a CSV file, a row an architecture";
    out->source = "Ying et al. 2019; Dong and Yang 2020";
    ESP_SET_PARAMS(out, tabular_params);
    out->create = tabular_create;
    out->destroy = tabular_destroy;
    out->describe = tabular_info;
    out->evaluate = tabular_evaluate;
    out->ability = tabular_ability;
}

ESP_PLUGIN("0.1.0", ESP_ESTIMATOR("tabular", tabular_describe))
