// SPDX-License-Identifier: Apache-2.0
// The structure of an architecture: its cells as labelled DAGs, as the space's ability writes them,
// with the path encoding derived.
#ifndef BUILDER_STRUCTURE_H
#define BUILDER_STRUCTURE_H

#include "builder/builder.h"

#include <espalier/ext/space_structure.h>

bool builder_has_structure(const struct builder *builder);

// Owner: the caller (structure_destroy). ESP_ERROR_UNSUPPORTED where the space gives none.
esp_status builder_structure(struct builder *builder, const struct arch *arch,
                             const esp_structure **out, struct error *error);
void structure_destroy(const esp_structure *structure);

// A drawing for Graphviz: each cell a cluster. Owner: the caller (free). NULL: out of memory.
char *structure_dot(const esp_structure *structure, const char *title);

// [{"name", "vertices": [{"label", "role"}], "edges": [[from, to, label]], "back_edges": [...]}]. Owner:
// the caller. NULL: out of memory.
json_t *structure_json(const esp_structure *structure);

#endif
