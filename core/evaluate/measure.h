// SPDX-License-Identifier: Apache-2.0
// How fast a network is on this machine: training steps, evaluation of single batches, memory. Random
// samples and labels; the dataset is not read.
#ifndef EVALUATE_MEASURE_H
#define EVALUATE_MEASURE_H

#include "evaluate/session.h"

struct latency {
    uint64_t batch;
    double median, p10, p90; // milliseconds
};

struct measure {
    double step_ms, step_cpu_ms; // medians of a training step: wall, and processor time
    double images_per_second;    // trained, of the median step
    // Of convolutions and linear layers, in a median step: 2 operations a multiply-add, and backward
    // counts as two forwards.
    double gflops;
    struct latency latency[2]; // of batch 1, and of the batch asked for where that is another
    uint64_t latency_count;
    uint64_t peak_memory_bytes; // resident, of this program until now
    uint64_t threads;           // of the engine
};

// The batch that a trial of this architecture would train with; 64 where its estimator has none.
esp_status measure_batch(uint64_t *out, struct session *session, const struct arch *arch,
                         struct error *error);

// `weights`: a safetensors file to start from, or NULL.
esp_status measure_network(struct measure *out, struct session *session, const esp_graph *graph,
                           uint64_t batch, const char *weights, struct error *error);

// The median of `repetitions` forward passes of batch `batch`, in milliseconds, while the others stand
// still (session_set_quiet): esp_evaluation_latency.
esp_status measure_median(double *milliseconds, struct session *session, const esp_graph *graph,
                          uint64_t batch, uint64_t repetitions, struct error *error);

#endif
