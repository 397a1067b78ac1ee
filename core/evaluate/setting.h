// SPDX-License-Identifier: Apache-2.0
// The setting of a trial: the parameters of estimator and dataset resolved (INI, then searched values,
// then fidelity), and the estimator's instance for them. A session keeps some, so that a trial of a
// setting that was there before copies and creates nothing.
#ifndef EVALUATE_SETTING_H
#define EVALUATE_SETTING_H

#include "evaluate/session.h"

#include <espalier/estimator.h>

struct setting {
    // What it was resolved from.
    bool final;
    esp_value *values; // of the session's searched parameters; those of the space are zero
    struct fidelity *fidelity;
    uint64_t fidelity_count;
    // What came of it.
    struct parameters before; // the estimator's, before any fidelity: the horizon of schedules
    struct parameters estimator, dataset, host;
    const struct instance *estimator_instance; // the session's
    const esp_estimator_info *info;            // the instance's
};

// The setting of an architecture at a fidelity; `final`: of a final training. Lives until the next call,
// or the session's end.
esp_status session_setting(struct session *session, const struct arch *arch, bool final,
                           const struct fidelity *fidelity, uint64_t fidelity_count,
                           const struct setting **out, struct error *error);

void setting_destroy(struct setting *setting);

#endif
