// SPDX-License-Identifier: Apache-2.0
// Losses: they make the gradients of outputs that a program's backward takes.
#ifndef EVALUATE_LOSS_H
#define EVALUATE_LOSS_H

#include <espalier/estimator.h>

// The loss of `loss` (estimator.h defines them). `logits` and `gradient` are [batch, classes];
// gradient, value and correct may be NULL. Sums are made in double, in order. A label beyond the
// classes is the caller's mistake.
void loss_compute(const esp_loss *loss, const float *logits, const uint32_t *labels, uint64_t batch,
                  uint64_t classes, float *gradient, double *value, uint64_t *correct);

#endif
