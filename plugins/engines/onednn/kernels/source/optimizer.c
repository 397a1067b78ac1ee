// SPDX-License-Identifier: Apache-2.0
// Updates of weights: SGD with momentum (Nesterov's form as Sutskever et al. 2013 in PyTorch's
// notation), Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019).
#include "../kernels.h"
#include "vectors.h"

static void update_sgd(const struct sgd *o, float *restrict w, const float *restrict g,
                       float *restrict v, int64_t count)
{
    float rate = o->rate, keep = o->momentum, decay = o->decay;
    if (keep == 0.0f) {
        for (int64_t i = 0; i < count; i++)
            w[i] -= rate * (g[i] + decay * w[i]);
    } else if (o->nesterov) {
        for (int64_t i = 0; i < count; i++) {
            float step = g[i] + decay * w[i];
            v[i] = keep * v[i] + step;
            w[i] -= rate * (step + keep * v[i]);
        }
    } else {
        for (int64_t i = 0; i < count; i++) {
            v[i] = keep * v[i] + (g[i] + decay * w[i]);
            w[i] -= rate * v[i];
        }
    }
}

static void update_adam(const struct adam *o, float *restrict w, const float *restrict g,
                        float *restrict m, float *restrict v, int64_t count)
{
    float rate = o->rate, correction = o->correction, epsilon = o->epsilon, keep = o->keep;
    float beta1 = o->beta1, beta2 = o->beta2, decay = o->decay;
    for (int64_t i = 0; i < count; i++) {
        float step = g[i] + decay * w[i];
        m[i] = beta1 * m[i] + (1.0f - beta1) * step;
        v[i] = beta2 * v[i] + (1.0f - beta2) * step * step;
        w[i] = keep * w[i] - rate * m[i] / (sqrtf(v[i]) * correction + epsilon);
    }
}
