// SPDX-License-Identifier: Apache-2.0
// A dataset for tests, linked into them: small, its samples known, with every fault on demand.
//
// The label of sample i of split s is 1000 * s + i, so that a label names its sample.
#ifndef SUPPORT_MADE_DATASET_H
#define SUPPORT_MADE_DATASET_H

#include <espalier/dataset.h>

// Parameters, with their defaults:
//   element = u8            u8 | f32
//   kind = images           images | rows
//   channels = 2, height = 4, width = 5, classes = 4000
//   train = 100, valid = 0, test = 20
//   offset = 0              added to the values (f32)
//   constant = no           channel 0 has one value
//   file =                  a file whose first byte is added to every value
//   slow = 0                milliseconds that each read takes
//   fault = none            none | label | infinite | read | silent | shape
const esp_dataset_type *made_dataset(void);

// Reads so far, in this process.
extern int made_dataset_reads;

// The value at place `j` of a sample, as the files would say it.
double made_dataset_value(uint32_t split, uint64_t sample, uint64_t j);

#endif
