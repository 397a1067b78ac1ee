// SPDX-License-Identifier: Apache-2.0
// Adam (Kingma and Ba 2015), f32: the caller keeps parameters and moments.
#ifndef ESPALIER_SUPPORT_ADAM_H
#define ESPALIER_SUPPORT_ADAM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct esp_adam {
    double learning_rate, beta1, beta2, epsilon;
    double decay1, decay2; // beta^steps: 1 to begin with
} esp_adam;

// One step down the gradient. All [count]; the moments begin as zeros.
void esp_adam_step(esp_adam *adam, float *parameters, const float *gradient, float *first,
                   float *second, uint64_t count);

#ifdef __cplusplus
}
#endif

#endif
