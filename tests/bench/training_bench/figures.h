// SPDX-License-Identifier: Apache-2.0
// The figures of training_bench beside training steps: single convolutions, memory, compiling, losses.
#ifndef TRAINING_FIGURES_H
#define TRAINING_FIGURES_H

#include "networks.h"
#include "torch.h"

#include <jansson.h>

// Operations a second of 3x3 convolutions of [64, channels, size, size] inside a network.
struct convolution_rates {
    double forward, data, weights;
    double backward; // data and weights together
};

// From chains of different length the differences, so that what happens at a network's ends is left out:
// forward and backward of one more convolution. Backward-data alone is what backward takes longer
// where the gradient of the input is asked for (with the input's gradient brought into the caller's
// layout, so it is the least rate), backward-weights the rest (the highest).
struct convolution_rates convolutions_measure(const struct instance *engine, int64_t channels,
                                              int64_t size, int repetitions);

struct memory_use {
    double peak;  // resident high-water of the process, bytes
    double grown; // of which since before the network was compiled
    // Of which pages of files: code of libraries that was not run before. They are the system's, one
    // copy for all workers.
    double libraries;
};

// Trains a few steps; for a process that has done nothing else. Prints what memory_read reads.
void memory_report(struct stand *stand, const struct network *network);
// Runs this program anew for one network.
struct memory_use memory_of_network(const struct network *network, const char *engine);

// Seconds to compile architectures that were not compiled before, in a process that compiled others of
// the space: the median. `operators`: the median of their operators.
double compile_measure(struct stand *stand, uint64_t batch, double *operators);

// Where the time of a training step goes.
enum step_part {
    PART_CONVOLUTION, // k x k, not depthwise
    PART_POINTWISE,   // 1 x 1
    PART_DEPTHWISE,
    PART_LINEAR,
    PART_NORM,
    PART_ACTIVATION,
    PART_POOL,
    PART_JOIN,  // Add, Concat, Slice
    PART_OTHER, // operators that the engine put in between, and others
    PART_OPTIMIZER,
    PART_REST, // the loss, copies of the input, calls
    PART_COUNT
};
extern const char *const part_names[PART_COUNT];

struct profile {
    bool measured;              // false: the engine has no esp.engine.profile/1
    double seconds[PART_COUNT]; // of a step, processor time
};

struct profile profile_measure(struct stand *stand, uint64_t batch, double least_seconds);

#define LOSS_STEPS 50
// The largest relative difference between the losses of the first steps and PyTorch's, from the same
// weights on the same batches.
double losses_compare(struct stand *stand, const struct network *network, struct torch *torch,
                      double rate);

#endif
