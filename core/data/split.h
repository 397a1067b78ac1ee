// SPDX-License-Identifier: Apache-2.0
// Which samples of the files are training and which are validation.
#ifndef DATA_SPLIT_H
#define DATA_SPLIT_H

#include "data/data.h"

// A place names a sample of the files; bit 63 says that it is of the dataset's own validation split,
// else it is of its training split.
#define SPLIT_OWN_VALID (UINT64_C(1) << 63)

struct split {
    uint64_t *train, *valid; // places
    uint64_t train_count, valid_count;
};

// Divides `train` and `valid` samples of the files as data_options say.
esp_status split_make(struct split *out, uint64_t train, uint64_t valid,
                      const struct data_options *options, struct error *error);
void split_free(struct split *split);

#endif
