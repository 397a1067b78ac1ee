// SPDX-License-Identifier: Apache-2.0
// Softmax cross entropy with label smoothing (Szegedy et al. 2016: the target is (1 - s) on the label
// and s / classes on every class). The largest logit is taken off first, so that nothing overflows.
#include "evaluate/loss.h"

#include <math.h>
#include <stddef.h>

void loss_cross_entropy(const float *logits, const uint32_t *labels, uint64_t batch,
                        uint64_t classes, double smoothing, float *gradient, double *loss,
                        uint64_t *correct)
{
    double total = 0.0;
    uint64_t hits = 0;
    double uniform = smoothing / (double)classes;
    for (uint64_t i = 0; i < batch; i++) {
        const float *row = logits + i * classes;
        uint64_t best = 0;
        for (uint64_t c = 1; c < classes; c++)
            if (row[c] > row[best])
                best = c;
        double sum = 0.0, largest = row[best];
        for (uint64_t c = 0; c < classes; c++)
            sum += exp((double)row[c] - largest);
        double log_sum = log(sum) + largest;
        hits += best == labels[i];
        total += (1.0 - smoothing) * (log_sum - (double)row[labels[i]]);
        for (uint64_t c = 0; smoothing > 0.0 && c < classes; c++)
            total += uniform * (log_sum - (double)row[c]);
        for (uint64_t c = 0; gradient && c < classes; c++) {
            double target = uniform + (c == labels[i] ? 1.0 - smoothing : 0.0);
            double probability = exp((double)row[c] - log_sum);
            gradient[i * classes + c] = (float)((probability - target) / (double)batch);
        }
    }
    if (loss)
        *loss = total / (double)batch;
    if (correct)
        *correct = hits;
}
