// SPDX-License-Identifier: Apache-2.0
// Small components of every kind but engines and executors, part of the program, that stand beside the one
// under test: `stand_in` of each kind.
#ifndef CHECK_STAND_INS_H
#define CHECK_STAND_INS_H

#include <espalier/plugin.h>

// One to three layers, each a convolution of 4 or 8 channels, a pool or the identity; for rows linear
// layers, whose widths are integers. `members = mixed`: a decision of every kind, one of them conditional;
// `tiny`: two members.
extern const esp_space_type stand_in_space;
// Members are genomes of the form neat/1 (ext/space_genome.h), with `inputs` and `outputs`.
extern const esp_space_type stand_in_genomes;
// Random members.
extern const esp_strategy_type stand_in_strategy;
// A cheap formula of the architecture's hash: the metrics `score`, more is better, and `price`.
extern const esp_estimator_type stand_in_estimator;
// 32 + 16 + 16 samples of 3x32x32 or of 12 columns, of 10 classes: parameter `rows`.
extern const esp_dataset_type stand_in_dataset;

#endif
