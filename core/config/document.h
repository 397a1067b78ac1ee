// SPDX-License-Identifier: Apache-2.0
// Parameters in words: for `espalier describe`, and docs/configuration.md, which is generated.
#ifndef CONFIG_DOCUMENT_H
#define CONFIG_DOCUMENT_H

#include "loader/registry.h"

// "integer", "real", ...
const char *param_type_name(uint32_t type);
// The default as the INI would say it; NULL where there is none. Owner: the caller (free).
char *param_default_text(const esp_param *row);
// What the value may be: "1 to 1000", "relu, sigmoid, tanh". Owner: the caller (free).
char *param_range_text(const esp_param *row);

// A component's parameter table as Markdown. Owner: the caller (free).
char *component_document(const struct component *component);
// The page docs/configuration.md. Owner: the caller (free).
char *configuration_document(struct registry *registry);

#endif
