// SPDX-License-Identifier: Apache-2.0
// The weights of a network one by one: are they finite, and their moving average (Polyak and Juditsky
// 1992 average all steps alike; here with a decay, as Szegedy et al. 2016 and Tan and Le 2019 train).
//
// The average a of a weight w after step n is w after the first step, then a = d a + (1 - d) w. With the
// ramp d is the smaller one of the decay and (1 + n) / (10 + n), so that a short training does not end on
// its first weights (as TensorFlow's ExponentialMovingAverage with num_updates). Running statistics of
// BatchNormalization are averaged by the same rule: those of the last steps belong to other weights
// than the averaged ones.
#ifndef TRAIN_NETWORK_H
#define TRAIN_NETWORK_H

#include <espalier/estimator.h>

struct network {
    struct weight {
        const char *path; // owner: the graph
        esp_shape shape;
        uint64_t size;
        char *name;     // of its average in a checkpoint
        float *average; // NULL: none is kept
    } * rows;
    uint64_t count;
    float *averages; // of all of them, one behind the other; NULL: none is kept
};

// Lists all weights and running statistics of the graph, with room for averages if `averaged`. The
// graph outlives them.
esp_status network_open(struct network *out, esp_evaluation *e, const esp_graph *graph,
                        int averaged);
void network_close(struct network *network);

// Answers the first weight that is not finite in `found`, NULL where all are.
esp_status network_finite(const struct network *network, esp_program *program,
                          const struct weight **found);

// Takes the program's weights after its step `step` (1 for the first one) into the averages.
esp_status network_average(struct network *network, esp_program *program, double decay, int ramp,
                           uint64_t step);

// Exchanges the program's weights and their averages; nothing where none are kept.
esp_status network_exchange(struct network *network, esp_program *program);

// The averages as a checkpoint's tensors, [count]; and back from the one that was loaded.
void network_name_averages(const struct network *network, esp_named_tensor *out);
esp_status network_restore(struct network *network, esp_evaluation *e);

#endif
