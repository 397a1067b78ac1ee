// SPDX-License-Identifier: Apache-2.0
// Losses of logits and labels; estimator.h (esp_loss) defines them. Without class weights nothing is
// multiplied by 1 nor divided by a sum of ones: the bits are those of the plain mean.
#include "evaluate/loss.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

struct batch {
    const esp_loss *loss;
    uint64_t classes;
    double uniform; // the share of the target on every class
    double weights; // the sum of those of the labels; without class weights the number of samples
};

static double weight_of(const struct batch *b, uint64_t class)
{
    return b->loss->class_weights ? b->loss->class_weights[class] : 1.0;
}

static uint64_t largest(const float *row, uint64_t classes)
{
    uint64_t best = 0;
    for (uint64_t c = 1; c < classes; c++)
        if (row[c] > row[best])
            best = c;
    return best;
}

// The largest logit is taken off first, so that nothing overflows.
static double log_sum_of(const float *row, uint64_t classes)
{
    double sum = 0.0, most = row[largest(row, classes)];
    for (uint64_t c = 0; c < classes; c++)
        sum += exp((double)row[c] - most);
    return log(sum) + most;
}

// What a sample adds to the loss, before the division; so below.
static double cross_entropy(const struct batch *b, const float *row, uint32_t label,
                            float *gradient)
{
    double smoothing = b->loss->smoothing, log_sum = log_sum_of(row, b->classes);
    double loss = (1.0 - smoothing) * weight_of(b, label) * (log_sum - (double)row[label]);
    double mass = 1.0;
    for (uint64_t c = 0; smoothing > 0.0 && c < b->classes; c++)
        loss += b->uniform * weight_of(b, c) * (log_sum - (double)row[c]);
    if (!gradient)
        return loss;
    if (b->loss->class_weights) {
        mass = (1.0 - smoothing) * weight_of(b, label);
        for (uint64_t c = 0; smoothing > 0.0 && c < b->classes; c++)
            mass += b->uniform * weight_of(b, c);
    }
    for (uint64_t c = 0; c < b->classes; c++) {
        double target = (b->uniform + (c == label ? 1.0 - smoothing : 0.0)) * weight_of(b, c);
        double probability = exp((double)row[c] - log_sum);
        gradient[c] = (float)((mass * probability - target) / b->weights);
    }
    return loss;
}

static double squared_error(const struct batch *b, const float *row, uint32_t label,
                            float *gradient)
{
    double loss = 0.0, weight = weight_of(b, label), classes = (double)b->classes;
    for (uint64_t c = 0; c < b->classes; c++) {
        double target = b->uniform + (c == label ? 1.0 - b->loss->smoothing : 0.0);
        double error = (double)row[c] - target;
        loss += error * error;
        if (gradient)
            gradient[c] = (float)(2.0 * weight * error / (classes * b->weights));
    }
    return weight * loss / classes;
}

static double sum_of_weights(const struct batch *b, const uint32_t *labels, uint64_t count)
{
    double sum = 0.0;
    if (!b->loss->class_weights)
        return (double)count;
    for (uint64_t i = 0; i < count; i++)
        sum += weight_of(b, labels[i]);
    return sum;
}

void loss_compute(const esp_loss *loss, const float *logits, const uint32_t *labels, uint64_t batch,
                  uint64_t classes, float *gradient, double *value, uint64_t *correct)
{
    struct batch b = {
        .loss = loss, .classes = classes, .uniform = loss->smoothing / (double)classes};
    double total = 0.0;
    uint64_t hits = 0;
    b.weights = sum_of_weights(&b, labels, batch);
    bool nothing = b.weights == 0.0; // no sample counts
    if (nothing)
        b.weights = 1.0;
    for (uint64_t i = 0; i < batch; i++) {
        const float *row = logits + i * classes;
        float *row_gradient = gradient ? gradient + i * classes : NULL;
        hits += largest(row, classes) == labels[i];
        total += loss->kind == ESP_LOSS_SQUARED_ERROR
                     ? squared_error(&b, row, labels[i], row_gradient)
                     : cross_entropy(&b, row, labels[i], row_gradient);
        for (uint64_t c = 0; nothing && gradient && c < classes; c++)
            row_gradient[c] = 0.0f;
    }
    if (value)
        *value = nothing ? 0.0 : total / b.weights;
    if (correct)
        *correct = hits;
}
