// SPDX-License-Identifier: Apache-2.0
// The description that a plugin answers with (esp_space_type, ...), tested once, at load: what is
// tested here nobody tests again.
#ifndef LOADER_DESCRIPTION_H
#define LOADER_DESCRIPTION_H

#include "error/error.h"

#include <espalier/plugin.h>

// What all descriptions begin with.
struct description {
    const char *summary;
    const char *source;
    const esp_param *params;
    uint64_t param_count, param_stride;
};

struct description description_of(const void *type);

// Row `i` of its parameter table.
const esp_param *description_param(const struct description *description, uint64_t i);

// An example of a space's own notation, or NULL.
const char *description_notation(const void *type, uint32_t kind);
// The table of an ability, or NULL.
const void *description_ability(const void *type, uint32_t kind, const char *id);

// Is the description there and large enough, are the required functions there, is every row of the
// parameter table sound and its default a value that the INI could give, are all words printable?
// The message names "kind/id", and the function or parameter.
esp_status description_check(const void *type, uint32_t kind, const char *id, struct error *error);

#endif
