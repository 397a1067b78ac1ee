// SPDX-License-Identifier: Apache-2.0
// Adam; see adam.h.
#include <espalier/support/adam.h>

#include <math.h>

static void move(float *restrict parameters, const float *restrict gradient, float *restrict first,
                 float *restrict second, uint64_t count, const float *restrict settings)
{
    const float beta1 = settings[0], beta2 = settings[1], rate = settings[2];
    const float scale = settings[3], epsilon = settings[4];
    for (uint64_t i = 0; i < count; i++) {
        first[i] = beta1 * first[i] + (1.0f - beta1) * gradient[i];
        second[i] = beta2 * second[i] + (1.0f - beta2) * gradient[i] * gradient[i];
        parameters[i] -= rate * first[i] / (sqrtf(second[i] * scale) + epsilon);
    }
}

void esp_adam_step(esp_adam *adam, float *parameters, const float *gradient, float *first,
                   float *second, uint64_t count)
{
    adam->decay1 *= adam->beta1;
    adam->decay2 *= adam->beta2;
    const float settings[] = {(float)adam->beta1, (float)adam->beta2,
                              (float)(adam->learning_rate / (1.0 - adam->decay1)),
                              (float)(1.0 / (1.0 - adam->decay2)), (float)adam->epsilon};
    move(parameters, gradient, first, second, count, settings);
}
