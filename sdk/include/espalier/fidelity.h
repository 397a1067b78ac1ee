// SPDX-License-Identifier: Apache-2.0
// Fidelity: the named budget of one evaluation (epochs, data fraction, width, resolution). A
// fidelity overrides the parameter that it names: `section.key`, the section `estimator` when left
// out.
#ifndef ESPALIER_FIDELITY_H
#define ESPALIER_FIDELITY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// One dimension of a fidelity. `name` is copied by whoever receives it.
typedef struct esp_fidelity {
    uint64_t struct_size;
    const char *name;
    double value;
} esp_fidelity;

#ifdef __cplusplus
}
#endif

#endif
