// SPDX-License-Identifier: Apache-2.0
// One compiled network, its samples, and steps of SGD with momentum on its cross entropy. Functions end
// the program where something fails.
#ifndef TRAINING_TRAINEE_H
#define TRAINING_TRAINEE_H

#include "evaluate/program.h"

#define MOMENTUM 0.9
#define WEIGHT_DECAY 1e-4

struct trainee {
    struct program *program;
    const esp_graph *graph;
    uint64_t batch;
    esp_tensor input; // [batch, ...] of standard normal numbers
    uint32_t *labels; // [batch]
    float *gradient;  // of output 0, [batch, ...]
    uint64_t outputs; // floats of output 0 of one sample
    uint64_t step;
    double learning_rate;
};

void trainee_open(struct trainee *trainee, const struct instance *engine, const esp_graph *graph,
                  uint64_t batch, bool input_gradient);
void trainee_close(struct trainee *trainee);

void trainee_forward(struct trainee *trainee);
// With the gradient of the output that is there.
void trainee_backward(struct trainee *trainee);
// Forward, cross entropy, backward, optimizer; answers the loss.
double trainee_step(struct trainee *trainee);

// The optimizer's part of a step.
void trainee_apply(struct trainee *trainee);

// Steps `count` times; the seconds of each.
void trainee_time(struct trainee *trainee, int count, double *cpu, double *wall);

#endif
