// SPDX-License-Identifier: Apache-2.0
// What was measured, as a table for people, asked beside measured, and as JSON.
#ifndef TRAINING_TABLE_H
#define TRAINING_TABLE_H

#include "figures.h"

struct step_times {
    double cpu, wall; // medians of a step, seconds
};

// PyTorch as it comes, and with a malloc that keeps memory (torch.h).
enum { TORCH_PLAIN, TORCH_KEEPING, TORCH_COUNT };

struct network_figures {
    bool measured;
    bool steps_alone; // neither memory nor losses
    uint64_t params, operators;
    struct step_times espalier;
    struct {
        struct step_times step;
        const char *layout; // the faster one
    } torch[TORCH_COUNT];
    double operations;    // of convolutions in a step
    double weights, kept; // bytes: what memory is measured against
    struct memory_use memory;
    struct profile profile;
    double torch_memory;
    double loss_difference; // NaN: not compared
};

#define CONVOLUTION_COUNT 2

struct figures {
    const char *engine;
    bool memory_alone; // nothing is timed
    const char *torch; // version; NULL: there is none
    const char *instructions;
    double peak; // operations a second of one core
    struct network_figures networks[NETWORK_COUNT];
    struct {
        int64_t channels, size;
        struct convolution_rates rates;
    } convolutions[CONVOLUTION_COUNT];
    bool convolved;
    double compile_seconds, compile_operators; // 0: not measured
};

void table_print(const struct figures *figures);
// bench/training-ENGINE.json below the working folder.
void table_write(const struct figures *figures);

#endif
