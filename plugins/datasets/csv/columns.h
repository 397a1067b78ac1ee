// SPDX-License-Identifier: Apache-2.0
// What the columns of a table mean, found in the training table and applied to all: a number is one
// channel as it is, a category one channel for each of its values (one-hot), the label the class.
#ifndef COLUMNS_H
#define COLUMNS_H

#include "table.h"

#include <stdbool.h>

enum column_kind { COLUMN_NUMBER, COLUMN_CATEGORY, COLUMN_LABEL, COLUMN_IGNORED };
enum missing_rule { MISSING_REFUSE, MISSING_MEAN, MISSING_MEDIAN };
enum unknown_rule { UNKNOWN_REFUSE, UNKNOWN_ZEROS };

struct column {
    enum column_kind kind;
    uint64_t first; // channel
    float fill;     // NUMBER: for what is missing
    // CATEGORY and LABEL: the distinct values [count], in the training table's memory; in the order
    // of their bytes, labels that are all numbers in that of the numbers.
    const char **values;
    uint64_t count;
    bool by_number;
    bool has_missing; // CATEGORY: one more channel, after those of the values
};

// Words of the parameters, each a comma-separated list.
struct column_options {
    const char *label;
    const char *categorical, *ignore, *missing_values;
    enum missing_rule missing;
    enum unknown_rule unknown;
    uint64_t most_categories;
};

// Begins as all zero.
struct columns {
    const struct table *table; // the training table, which outlives it
    const struct column_options *options;
    const esp_handle *handle;
    struct column *items; // [table->columns]
    uint64_t label;       // column
    uint64_t channels, classes;
};

// Decides what each column is. Numbers are filled in from the rows that `held` (or NULL) does not
// mark; which categories and classes there are all rows say.
esp_status columns_find(struct columns *out, const struct table *table, const unsigned char *held,
                        const struct column_options *options, const esp_handle *handle);
void columns_free(struct columns *columns);

// Writes one row: `values` [channels], and its class. The table has the training table's header.
esp_status columns_encode(const struct columns *columns, const struct table *table, uint64_t row,
                          float *values, uint32_t *label);
// Refuses a table with another header.
esp_status columns_check_header(const struct columns *columns, const struct table *table);

#endif
