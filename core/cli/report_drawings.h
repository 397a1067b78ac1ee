// SPDX-License-Identifier: Apache-2.0
// The best architectures of a report as drawings: cells where the space has them, else the network.
#ifndef CLI_REPORT_DRAWINGS_H
#define CLI_REPORT_DRAWINGS_H

#include "cli/options.h"
#include "report/trial_table.h"

#include <jansson.h>

// Of the best distinct architectures and of the Pareto fronts, at most `most`: [{"row", "cells",
// "text", "svg"}]; `svg` is null where it could not be drawn, and `*missing` says why (owner: the
// caller, free; NULL where all are drawn). Never fails for want of a plugin, the data or Graphviz.
esp_status report_drawings(json_t **out, char **missing, const struct trial_table *table,
                           const struct study *study, struct options *options, uint64_t most,
                           struct error *error);

#endif
