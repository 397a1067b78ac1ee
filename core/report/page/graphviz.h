// SPDX-License-Identifier: Apache-2.0
// Graphviz's program `dot`, which lays out drawings.
#ifndef REPORT_PAGE_GRAPHVIZ_H
#define REPORT_PAGE_GRAPHVIZ_H

#include "error/error.h"

// The drawing as SVG, from left to right where it does not say otherwise. ESP_ERROR_NOT_FOUND where there is no `dot` in $PATH; ESP_ERROR where it fails
// or takes longer than `seconds`. Owner of `*svg`: the caller (free).
esp_status graphviz_svg(char **svg, const char *drawing, double seconds, struct error *error);

#endif
