// SPDX-License-Identifier: Apache-2.0
// Typed parameters: a plugin's table (esp_param) resolved against a section of the INI. A value may
// be a distribution - log(1e-4, 1e-1), uniform(0, 1), int(1, 8), int_log(8, 256),
// one_of(sgd, adamw) - and then it is searched.
#ifndef CONFIG_PARAMETERS_H
#define CONFIG_PARAMETERS_H

#include "config/config.h"

#include <espalier/arch.h>
#include <espalier/param.h>

struct parameter {
    const esp_param *row; // lives as long as the table
    int64_t integer;      // INT, BOOL; the index of a CHOICE
    double real;
    char *text;        // TEXT, PATH, CHOICE; owner: the parameter
    int64_t *ints;     // INTS; owner: the parameter
    char **names;      // NAMES; owner: the parameter
    uint64_t count;    // of ints or names
    bool given;        // said in the INI
    bool searched;     // a distribution; the value above is the default until one is set
    esp_domain domain; // of a searched one; names are owned by the parameter
    char **options;    // the names of `domain`
};

struct parameters {
    struct parameter *items; // in the order of the table
    uint64_t count;
};

// Reads the section against the table. Keys of `config` in `section` that are neither in the table
// nor in `also` (NULL-terminated: "plugin", the host's own keys) are an error with the nearest name.
// Distributions are refused where `searchable` is false.
esp_status parameters_resolve(struct parameters *out, const esp_param *table, uint64_t count,
                              uint64_t stride, const struct config *config, const char *section,
                              const char *const *also, bool searchable, struct error *error);
// Lays the section over values that are there: what it does not say stays. `also` and `searchable` as
// above. After a failure the values are some old, some new.
esp_status parameters_override(struct parameters *parameters, const struct config *config,
                               const char *section, const char *const *also, bool searchable,
                               struct error *error);
esp_status parameters_copy(struct parameters *out, const struct parameters *from,
                           struct error *error);
void parameters_destroy(struct parameters *parameters);

// NULL where there is none of that name.
struct parameter *parameters_find(const struct parameters *parameters, const char *name);

// A fidelity's number, tested against the row's range; rounded where the parameter is whole.
esp_status parameters_set_number(struct parameters *parameters, const char *name, double value,
                                 struct error *error);
// A value of a searched parameter's domain; it is no longer marked searched then. Another value, or
// one for a parameter that is not searched, is misuse.
esp_status parameters_set_value(struct parameter *parameter, esp_value value, struct error *error);

// Does the row's own default read as a value? For a CHOICE, an INTS or a NAMES, whose row is sound
// otherwise.
esp_status parameter_check_default(const esp_param *row, struct error *error);

bool parameters_equal(const struct parameters *a, const struct parameters *b);

// The value as the INI would say it (a distribution as such). Owner: the caller (free).
char *parameter_text(const struct parameter *parameter);

#endif
