// SPDX-License-Identifier: Apache-2.0
// Losses: they make the gradients of outputs that a program's backward takes.
#ifndef EVALUATE_LOSS_H
#define EVALUATE_LOSS_H

#include <stdint.h>

// Softmax cross entropy, mean over the batch (estimator.h, esp_cross_entropy). `logits` and
// `gradient` are [batch, classes]; gradient, loss and correct may be NULL. Sums are made in double,
// in order. A label beyond the classes is the caller's mistake.
void loss_cross_entropy(const float *logits, const uint32_t *labels, uint64_t batch,
                        uint64_t classes, double smoothing, float *gradient, double *loss,
                        uint64_t *correct);

#endif
