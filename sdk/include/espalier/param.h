// SPDX-License-Identifier: Apache-2.0
// Parameters of a plugin: a typed table, written once. The host reads it for the INI (types,
// ranges, defaults, nearest name), for `espalier describe`, for the documentation, and for search:
// any parameter of a space, an estimator or a dataset may be given a distribution in the INI, and
// then it is a decision. A plugin never knows: it reads resolved values in create (create.h).
//
// Clauses, as `espalier check` cites them:
//   1  A description and each of its parameters have words.
//   2  Every value that the table allows is taken by create, or refused in words.
//   3  What the table does not allow never reaches create.
#ifndef ESPALIER_PARAM_H
#define ESPALIER_PARAM_H

#include <espalier/handle.h>

#ifdef __cplusplus
extern "C" {
#endif

// What a parameter holds.
enum {
    ESP_PARAM_TYPE_INT = 1,    // i64 within [int_min, int_max]
    ESP_PARAM_TYPE_REAL = 2,   // f64 within [real_min, real_max]
    ESP_PARAM_TYPE_BOOL = 3,   // yes or no, read as 1 or 0
    ESP_PARAM_TYPE_TEXT = 4,   // any text
    ESP_PARAM_TYPE_PATH = 5,   // a file or folder; relative ones start at the INI's folder
    ESP_PARAM_TYPE_CHOICE = 6, // one of `choices`
    ESP_PARAM_TYPE_INTS = 7,   // a comma-separated list of i64, each within the range
    ESP_PARAM_TYPE_NAMES = 8   // a comma-separated list of `choices`, each at most once
};

enum {
    ESP_PARAM_LOG = 1,        // the natural scale is logarithmic
    ESP_PARAM_REQUIRED = 2,   // it has no default: the INI must say it
    ESP_PARAM_HAS_DEFAULT = 4 // set by the macros
};

// One parameter. Rows are made with the macros below, which fill every member there is.
typedef struct esp_param {
    uint64_t struct_size;
    const char *name; // [a-z][a-z0-9_]*
    const char *help; // one sentence, no full stop
    const char *unit; // "epochs", "samples", "" where there is none
    uint32_t type;
    uint32_t flags;
    int64_t int_default, int_min, int_max;
    double real_default, real_min, real_max;
    const char *text_default;   // TEXT, PATH, CHOICE; INTS and NAMES as the INI would say them
    const char *const *choices; // CHOICE, NAMES
    uint64_t choice_count;
} esp_param;

// clang-format off
#define ESP_PARAM_ROW_(name, help, unit, type, flags, id, il, ih, rd, rl, rh, text, choices, count) \
    { sizeof(esp_param), name, help, unit, type, flags, id, il, ih, rd, rl, rh, text, choices, count }

#define ESP_PARAM_INT(name, value, least, most, unit, help)                                        \
    ESP_PARAM_ROW_(name, help, unit, ESP_PARAM_TYPE_INT, ESP_PARAM_HAS_DEFAULT, value, least, most, \
                   0, 0, 0, NULL, NULL, 0)
#define ESP_PARAM_INT_LOG(name, value, least, most, unit, help)                                    \
    ESP_PARAM_ROW_(name, help, unit, ESP_PARAM_TYPE_INT, ESP_PARAM_HAS_DEFAULT | ESP_PARAM_LOG,    \
                   value, least, most, 0, 0, 0, NULL, NULL, 0)
#define ESP_PARAM_REAL(name, value, least, most, unit, help)                                       \
    ESP_PARAM_ROW_(name, help, unit, ESP_PARAM_TYPE_REAL, ESP_PARAM_HAS_DEFAULT, 0, 0, 0,          \
                   value, least, most, NULL, NULL, 0)
#define ESP_PARAM_REAL_LOG(name, value, least, most, unit, help)                                   \
    ESP_PARAM_ROW_(name, help, unit, ESP_PARAM_TYPE_REAL, ESP_PARAM_HAS_DEFAULT | ESP_PARAM_LOG,   \
                   0, 0, 0, value, least, most, NULL, NULL, 0)
#define ESP_PARAM_BOOL(name, value, help)                                                          \
    ESP_PARAM_ROW_(name, help, "", ESP_PARAM_TYPE_BOOL, ESP_PARAM_HAS_DEFAULT, value, 0, 1,        \
                   0, 0, 0, NULL, NULL, 0)
#define ESP_PARAM_TEXT(name, value, help)                                                          \
    ESP_PARAM_ROW_(name, help, "", ESP_PARAM_TYPE_TEXT, ESP_PARAM_HAS_DEFAULT, 0, 0, 0,            \
                   0, 0, 0, value, NULL, 0)
#define ESP_PARAM_PATH(name, value, help)                                                          \
    ESP_PARAM_ROW_(name, help, "", ESP_PARAM_TYPE_PATH, ESP_PARAM_HAS_DEFAULT, 0, 0, 0,            \
                   0, 0, 0, value, NULL, 0)
#define ESP_PARAM_PATH_REQUIRED(name, help)                                                        \
    ESP_PARAM_ROW_(name, help, "", ESP_PARAM_TYPE_PATH, ESP_PARAM_REQUIRED, 0, 0, 0,               \
                   0, 0, 0, NULL, NULL, 0)
#define ESP_PARAM_CHOICE(name, value, choices, help)                                               \
    ESP_PARAM_ROW_(name, help, "", ESP_PARAM_TYPE_CHOICE, ESP_PARAM_HAS_DEFAULT, 0, 0, 0,          \
                   0, 0, 0, value, choices, ESP_COUNT(choices))
#define ESP_PARAM_INTS(name, value, least, most, unit, help)                                       \
    ESP_PARAM_ROW_(name, help, unit, ESP_PARAM_TYPE_INTS, ESP_PARAM_HAS_DEFAULT, 0, least, most,   \
                   0, 0, 0, value, NULL, 0)
#define ESP_PARAM_NAMES(name, value, choices, help)                                                \
    ESP_PARAM_ROW_(name, help, "", ESP_PARAM_TYPE_NAMES, ESP_PARAM_HAS_DEFAULT, 0, 0, 0,           \
                   0, 0, 0, value, choices, ESP_COUNT(choices))
// clang-format on

// Names the parameter table in a description: ESP_SET_PARAMS(out, chain_params). The array lives as
// long as the plugin.
#define ESP_SET_PARAMS(out, array)                                                                 \
    ((out)->params = (array), (out)->param_count = ESP_COUNT(array),                               \
     (out)->param_stride = sizeof((array)[0]))

#ifdef __cplusplus
}
#endif

#endif
