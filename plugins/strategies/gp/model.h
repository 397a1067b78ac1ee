// SPDX-License-Identifier: Apache-2.0
// The process of an ask: hyperparameters that are fitted anew every few tells, to a part of what was told;
// and the process given all of it and the open trials.
#ifndef GP_MODEL_H
#define GP_MODEL_H

#include "observations.h"

#include <espalier/support/gaussian_process.h>

struct model {
    esp_gp_shape shape;
    uint64_t refit; // tells between fits
    uint64_t restarts;
    uint64_t most_points;
    uint64_t fit_points;
    double *parameters; // of the last fit
    uint64_t fitted;    // to so many told ones; 0: not yet
};

struct posterior {
    esp_gp *gp;
    double best; // the least value known
};

// `seed`: of the run; a fit's stream follows from it and from how many were told, so that the model depends
// on what was told alone, not on earlier models. `lies`: open trials are there as lies.
esp_status model_posterior(struct model *model, const struct observations *observations,
                           uint64_t seed, int lies, struct posterior *out);

#endif
