// SPDX-License-Identifier: Apache-2.0
// How columns of a CSV file become metrics, as the INI says it:
//
//   metrics = valid_accuracy (epochs: 12 = e12_a | e12_b, 200 = e200) percent higher,
//             latency_ms = edge_latency * 1000 lower, test_accuracy = c10_test percent report
//   cost = epochs: 12 = seconds * 0.06, 200 = seconds
//   searched = @space/cells = N, @dataset/width = resolution
//
// Columns joined by `|` are seeds of one number. A name with other characters than letters, digits and
// `_ - . / @ % + [ ] # $ & ! ? < >` stands in quotes. The grammar:
//
//   metrics = metric {"," metric}
//   metric  = name ("=" seeds | "(" levels ")") {"percent" | "report" | "higher" | "lower"}
//   levels  = dimension ":" number "=" seeds {"," number "=" seeds}
//   seeds   = column {"|" column}          column = name ["*" number]
//   cost    = seeds | levels
#ifndef TABULAR_MAPPING_H
#define TABULAR_MAPPING_H

#include <espalier/espalier.h>

#include <stdbool.h>

// The dimensions of fidelity that a table may have: parameters of these names choose among columns.
enum { DIMENSION_COUNT = 5 };
extern const char *const dimension_names[DIMENSION_COUNT];

// A column of numbers; what stands in it is multiplied by `factor`, then divided by `divisor`.
struct value_column {
    char *name;
    double factor, divisor;
};

// The columns of one metric at one value of the fidelity: `count` of mapping.columns from `first` on,
// several of them for several seeds.
struct level {
    double value; // 0 where the metric has no fidelity
    uint64_t first, count;
};

struct mapped_metric {
    char *name;
    const char *unit;
    uint32_t flags, better; // ESP_METRIC_*, ESP_BETTER_*
    bool has_fidelity;
    uint64_t first_level, level_count; // of mapping.levels
};

// A column that holds the values of a searched parameter.
struct pair_column {
    char *path; // "@section/key"
    char *column;
};

struct mapping {
    const char *key; // the column of architectures; owner: the host
    bool key_is_hash;
    uint32_t identity;     // ESP_IDENTITY_*
    bool leave_out;        // rows that are no members of the run's space are left out
    const char *dimension; // of fidelity; NULL: none
    struct pair_column *pairs;
    uint64_t pair_count;
    struct mapped_metric *metrics;
    uint64_t metric_count;
    struct level *levels;
    uint64_t level_count;
    struct value_column *columns;
    uint64_t column_count;
};

// Reads the parameters that the grammar above is of, and those of the key.
esp_status mapping_read(struct mapping *out, esp_create *create);
void mapping_destroy(struct mapping *mapping);

// The level of a metric at a value of the fidelity; NULL: it has none.
const struct level *mapping_level(const struct mapping *mapping, const struct mapped_metric *metric,
                                  double value);

#endif
