// SPDX-License-Identifier: Apache-2.0
// Metrics: the named numbers that a trial yields.
#ifndef ESPALIER_METRIC_H
#define ESPALIER_METRIC_H

#include <espalier/status.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ESP_METRIC_MEASURED = 1, // a clock's or the memory's: not the same bits in another run
    ESP_METRIC_REPORT = 2    // stored and shown, withheld from strategies and stopping rules; names
                             // that begin with test_ are so without the flag
};

enum { ESP_BETTER_NONE = 0, ESP_BETTER_HIGHER = 1, ESP_BETTER_LOWER = 2 };

// What an estimator declares of one metric.
typedef struct esp_metric {
    uint64_t struct_size;
    const char *name; // [a-z][a-z0-9_]*
    const char *unit; // "", "seconds", "bytes"
    uint32_t flags;   // ESP_METRIC_*
    uint32_t better;  // ESP_BETTER_*
} esp_metric;

#define ESP_METRIC_ROW(name, unit, flags, better)                                                  \
    {                                                                                              \
        sizeof(esp_metric), name, unit, flags, better                                              \
    }

// One value. `name` is copied by whoever receives it.
typedef struct esp_measurement {
    uint64_t struct_size;
    const char *name;
    double value;
} esp_measurement;

#define ESP_MEASUREMENT(name, value)                                                               \
    {                                                                                              \
        sizeof(esp_measurement), name, value                                                       \
    }

#ifdef __cplusplus
}
#endif

#endif
