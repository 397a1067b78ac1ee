// SPDX-License-Identifier: Apache-2.0
// The parameter `class_weights`: none, balanced, or a number for each class.
#ifndef TRAIN_CLASS_WEIGHTS_H
#define TRAIN_CLASS_WEIGHTS_H

#include <espalier/estimator.h>

struct class_weights {
    uint32_t balanced; // 1: made of the training split's counts, by class_weights_balance
    double *values;    // [classes]; NULL: none, or not made yet. Owner: this struct
};

// Reads the parameter; an error says what was expected.
esp_status class_weights_read(struct class_weights *out, esp_create *create, uint64_t classes);
void class_weights_free(struct class_weights *weights);

// Fills `out` [classes] with n / (k n_c), where n_c of the n samples of the training split are of class
// c and k classes have samples: then every class has the same part of the loss. A class without
// samples has 0. `labels` has room for `room` of them.
esp_status class_weights_balance(double *out, uint64_t classes, esp_evaluation *e, uint32_t *labels,
                                 uint64_t *indices, uint64_t room);

#endif
