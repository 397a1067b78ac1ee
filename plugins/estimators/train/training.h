// SPDX-License-Identifier: Apache-2.0
// One training under way: training.c is its course, step.c computes, state.c keeps.
#ifndef TRAIN_TRAINING_H
#define TRAIN_TRAINING_H

#include "train.h"
#include "network.h"

struct score {
    double loss, accuracy;
};

struct training {
    const struct train *train;
    esp_evaluation *e;
    esp_program *program;
    uint64_t train_size, valid_size, test_size;
    uint64_t epoch; // epochs done
    uint64_t optimizer_steps;
    uint64_t images; // seen since the lineage began
    struct schedule schedule;
    struct score training_score, valid, best;
    uint64_t best_epoch; // epochs done then; 0 = none
    uint64_t elements;   // of a sample
    uint64_t largest;    // batch
    uint64_t outputs;    // that training computes: the logits, then auxiliary heads
    uint64_t *order;
    uint64_t *indices;
    float *samples, *plane;
    float *gradients; // of each output, [largest, classes]
    esp_output_gradient *given;
    uint32_t *labels;
    double *class_weights; // [classes], made of this training split; NULL without
    esp_loss loss;
    struct network network;
};

// One epoch of steps (step.c).
esp_status training_epoch(struct training *training);
// The mean loss, without smoothing and class weights, and the accuracy on a split; with the averaged
// weights where they are kept (step.c).
esp_status training_judge(struct training *training, uint32_t split, uint64_t size,
                          struct score *out);

// What passes from one epoch, or attempt, to the next (state.c).
esp_status training_save(struct training *training);
esp_status training_load(struct training *training);
// Writes the model, ESP_WEIGHTS_*: with the averaged weights where they are kept (state.c).
esp_status training_save_weights(struct training *training, uint32_t which);

#endif
