// SPDX-License-Identifier: Apache-2.0
// The dataset `csv`: rows of a table, with a class in one of its columns. Reading the text is
// table.c's, what its columns mean columns.c's; here are the splits.
#include <espalier/support/held_out.h>
#include "columns.h"

#include <espalier/plugin.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *const separators[] = {"comma", "semicolon", "tab"};
static const char separator_characters[] = {',', ';', '\t'};
static const char *const missing_rules[] = {"refuse", "mean", "median"}; // enum missing_rule
static const char *const unknown_rules[] = {"refuse", "zeros"};          // enum unknown_rule

static const esp_param csv_params[] = {
    ESP_PARAM_PATH_REQUIRED("path", "the table: training rows, below a header"),
    ESP_PARAM_PATH("valid_path", "", "validation rows; without them the host cuts some off"),
    ESP_PARAM_PATH("test_path", "", "test rows"),
    ESP_HELD_OUT_PARAMS,
    ESP_PARAM_TEXT("label", "label", "name of the column that holds the class"),
    ESP_PARAM_TEXT("categorical", "", "columns of categories, though they look like numbers"),
    ESP_PARAM_TEXT("ignore", "", "columns to leave out"),
    ESP_PARAM_CHOICE("separator", "comma", separators, "what stands between fields"),
    ESP_PARAM_TEXT("missing_values", "NA, N/A, NaN, nan, NULL, null, ?",
                   "fields that are missing values, besides empty ones"),
    ESP_PARAM_CHOICE("missing", "refuse", missing_rules,
                     "missing values: an error, or the training rows' mean or median (and a "
                     "category of its own)"),
    ESP_PARAM_CHOICE("unknown", "refuse", unknown_rules,
                     "categories that the training table lacks: an error, or no category"),
    ESP_PARAM_INT("max_categories", 100, 2, 1000000, "categories",
                  "a column of more different texts is an error"),
};

struct rows {
    float *values;    // [count, channels]
    uint32_t *labels; // [count]
};

struct csv {
    esp_dataset_info info;
    struct rows splits[ESP_SPLIT_COUNT];
    char *paths[ESP_SPLIT_COUNT]; // [info.file_count]
};

// What one open needs.
struct opening {
    struct csv *data;
    esp_create *create;
    char separator;
    struct column_options options;
    struct table train;
    struct columns columns;
    unsigned char *held; // [train.rows]: of the test split
};

static void csv_close(void *self)
{
    struct csv *data = self;
    for (uint32_t i = 0; i < ESP_SPLIT_COUNT; i++) {
        free(data->splits[i].values);
        free(data->splits[i].labels);
        free(data->paths[i]);
    }
    free(data);
}

static esp_status fail_memory(esp_create *create)
{
    return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
}

// Encodes the `count` rows whose mark in `held` (NULL: none is marked) is `mark`.
static esp_status encode(struct opening *opening, uint32_t split, const struct table *table,
                         const unsigned char *held, unsigned char mark, uint64_t count)
{
    struct rows *rows = &opening->data->splits[split];
    uint64_t channels = opening->columns.channels, place = 0, size;
    if (__builtin_mul_overflow(count * sizeof *rows->values, channels, &size))
        return fail_memory(opening->create);
    rows->values = malloc(size);
    rows->labels = malloc(count * sizeof *rows->labels);
    if (!rows->values || !rows->labels)
        return fail_memory(opening->create);
    esp_status status = ESP_OK;
    for (uint64_t row = 0; row < table->rows && status == ESP_OK; row++) {
        if (held && held[row] != mark)
            continue;
        status = columns_encode(&opening->columns, table, row, rows->values + place * channels,
                                rows->labels + place);
        place++;
    }
    opening->data->info.split_sizes[split] = count;
    return status;
}

static esp_status keep_path(struct opening *opening, const char *path)
{
    struct csv *data = opening->data;
    char *copy = strdup(path);
    if (!copy)
        return fail_memory(opening->create);
    data->paths[data->info.file_count++] = copy;
    return ESP_OK;
}

// The training table, and the test rows that are cut off it.
static esp_status open_train(struct opening *opening, bool has_test)
{
    esp_create *create = opening->create;
    const char *path = esp_param_text(create, "path");
    uint64_t drawn = 0;
    if (has_test && esp_param_real(create, "test_fraction") > 0)
        return esp_fail(create, ESP_ERROR_INVALID,
                        "test_path and test_fraction are both given; one of them was expected");
    esp_status status = table_read(&opening->train, path, opening->separator, &create->base);
    const struct table *train = &opening->train;
    if (status == ESP_OK)
        status = keep_path(opening, path);
    if (status != ESP_OK)
        return status;
    opening->held = malloc(train->rows);
    if (!opening->held)
        return fail_memory(create);
    status = esp_held_out_draw(opening->held, &drawn, train->rows, "rows", create);
    if (status == ESP_OK)
        status =
            columns_find(&opening->columns, train, opening->held, &opening->options, &create->base);
    if (status == ESP_OK)
        status = encode(opening, ESP_SPLIT_TRAIN, train, opening->held, 0, train->rows - drawn);
    if (status == ESP_OK && drawn > 0)
        status = encode(opening, ESP_SPLIT_TEST, train, opening->held, 1, drawn);
    return status;
}

static esp_status open_other(struct opening *opening, uint32_t split, const char *path)
{
    struct table table;
    esp_status status = table_read(&table, path, opening->separator, &opening->create->base);
    if (status == ESP_OK)
        status = keep_path(opening, path);
    if (status == ESP_OK)
        status = columns_check_header(&opening->columns, &table);
    if (status == ESP_OK)
        status = encode(opening, split, &table, NULL, 0, table.rows);
    table_free(&table);
    return status;
}

static void read_options(struct opening *opening)
{
    esp_create *create = opening->create;
    opening->separator = separator_characters[esp_param_int(create, "separator")];
    opening->options = (struct column_options){
        .label = esp_param_text(create, "label"),
        .categorical = esp_param_text(create, "categorical"),
        .ignore = esp_param_text(create, "ignore"),
        .missing_values = esp_param_text(create, "missing_values"),
        .missing = (enum missing_rule)esp_param_int(create, "missing"),
        .unknown = (enum unknown_rule)esp_param_int(create, "unknown"),
        .most_categories = (uint64_t)esp_param_int(create, "max_categories")};
}

static void fill_info(struct opening *opening)
{
    esp_dataset_info *info = &opening->data->info;
    info->struct_size = sizeof *info;
    info->element = ESP_ELEMENT_F32;
    info->files = (const char *const *)opening->data->paths;
    info->task = (esp_task){.struct_size = sizeof info->task,
                            .kind = ESP_TASK_ROWS,
                            .channels = opening->columns.channels,
                            .height = 1,
                            .width = 1,
                            .classes = opening->columns.classes};
}

static esp_status csv_open(esp_create *create, void **out)
{
    struct opening opening = {.create = create, .data = calloc(1, sizeof *opening.data)};
    const char *valid = esp_param_text(create, "valid_path");
    const char *test = esp_param_text(create, "test_path");
    if (!opening.data)
        return fail_memory(create);
    read_options(&opening);
    esp_status status = open_train(&opening, test[0] != '\0');
    if (status == ESP_OK && valid[0] != '\0')
        status = open_other(&opening, ESP_SPLIT_VALID, valid);
    if (status == ESP_OK && test[0] != '\0')
        status = open_other(&opening, ESP_SPLIT_TEST, test);
    if (status == ESP_OK)
        fill_info(&opening);
    columns_free(&opening.columns);
    table_free(&opening.train);
    free(opening.held);
    if (status != ESP_OK) {
        csv_close(opening.data);
        return status;
    }
    *out = opening.data;
    return ESP_OK;
}

static const esp_dataset_info *csv_info(void *self)
{
    return &((struct csv *)self)->info;
}

static esp_status csv_read(void *self, esp_read *read, uint32_t split, uint64_t first,
                           uint64_t count, void *samples, uint32_t *labels)
{
    const struct csv *data = self;
    const struct rows *rows = &data->splits[split];
    uint64_t channels = data->info.task.channels;
    if (first > data->info.split_sizes[split] || count > data->info.split_sizes[split] - first)
        return esp_fail(read, ESP_ERROR_MISUSE,
                        "rows %" PRIu64 " to %" PRIu64 " were asked of %" PRIu64, first,
                        first + count, data->info.split_sizes[split]);
    if (count == 0)
        return ESP_OK;
    memcpy(samples, rows->values + first * channels, count * channels * sizeof *rows->values);
    memcpy(labels, rows->labels + first, count * sizeof *labels);
    return ESP_OK;
}

static void csv_describe(esp_dataset_type *out)
{
    out->summary = "rows of a table: numbers, categories by one-hot, a column of labels";
    out->source = "RFC 4180 (the format)";
    ESP_SET_PARAMS(out, csv_params);
    out->open = csv_open;
    out->close = csv_close;
    out->describe = csv_info;
    out->read = csv_read;
}

ESP_PLUGIN("1.0.0", ESP_DATASET("csv", csv_describe))
