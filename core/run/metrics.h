// SPDX-License-Identifier: Apache-2.0
// The metrics of a run in their order: the estimator's, then the host's params and macs; and what
// the INI makes of them: objectives, turned so that less is better, and constraints.
#ifndef RUN_METRICS_H
#define RUN_METRICS_H

#include "config/experiment.h"
#include "store/store.h"

#include "evaluate/specification.h"

#include <espalier/estimator.h>

struct metrics {
    struct metric_row *rows;
    uint64_t count;
    uint64_t declared; // the estimator's; params and macs follow
    int64_t cost;      // position of the metric `cost`, or -1
    struct metric_objective {
        uint64_t position;
        double sign; // -1: maximised
    } * objectives;
    uint64_t objective_count;
    struct metric_bound {
        uint64_t position;
        double sign; // -1: at least
        double bound;
    } * bounds;
    uint64_t bound_count;
    // [budget] target; -1: none.
    int64_t target;
    struct metric_bound target_bound;
    struct fidelity *full; // of the estimator's fidelities: the INI's values, which are full ones
    uint64_t full_count;
    bool needs_counts; // params or macs stand in an objective or a constraint
};

// Unknown metrics, and test metrics where the INI does not allow them, are errors with file and
// line and the nearest name.
esp_status metrics_create(struct metrics *out, const struct experiment *experiment,
                          const esp_estimator_info *info, struct error *error);
void metrics_destroy(struct metrics *metrics);

// Objectives and constraints as the store keeps them, and back with the store's rows, which are
// taken over: {"objectives": [{"metric", "maximize"}], "constraints": [{"metric", "at_most",
// "bound"}], "full": {fidelity: value}}. Owner: the caller (free).
char *metrics_text(const struct metrics *metrics);
esp_status metrics_restore(struct metrics *out, struct metric_row *rows, uint64_t count,
                           const char *text, struct error *error);

// -1 where there is none of that name.
int64_t metrics_find(const struct metrics *metrics, const char *name);

// Writes the objectives (objective_count of them), less is better; false where one is missing.
bool metrics_objectives(const struct metrics *metrics, const double *values, double *out);
// The sum of what each constraint is broken by, relative to its bound; 0 = feasible. A missing
// metric breaks it wholly.
double metrics_violation(const struct metrics *metrics, const double *values);

// Do these values meet the run's target? False where it has none.
bool metrics_on_target(const struct metrics *metrics, const double *values);

// Is this the full fidelity: none named, or each at what the INI says or above?
bool metrics_full(const struct metrics *metrics, const struct fidelity *fidelity, uint64_t count);

// Is `a` better than `b`, both with values? Feasible first, then the first objective; ties: no.
bool metrics_better(const struct metrics *metrics, const double *a, const double *b);
// Does `a` dominate `b` in all objectives?
bool metrics_dominates(const struct metrics *metrics, const double *a, const double *b);

#endif
