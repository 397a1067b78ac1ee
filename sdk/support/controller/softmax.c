// SPDX-License-Identifier: Apache-2.0
// One of n by a softmax; see policies.h.
#include <espalier/support/policies.h>

double esp_softmax(const double *logits, uint64_t count, double *probabilities)
{
    double largest = logits[0], sum = 0.0;
    for (uint64_t i = 1; i < count; i++)
        largest = fmax(largest, logits[i]);
    for (uint64_t i = 0; i < count; i++) {
        probabilities[i] = exp(logits[i] - largest);
        sum += probabilities[i];
    }
    for (uint64_t i = 0; i < count; i++)
        probabilities[i] /= sum;
    return largest + log(sum);
}

uint64_t esp_softmax_draw(const double *probabilities, uint64_t count, esp_random *random)
{
    double at = esp_random_real(random);
    uint64_t last = 0; // of those that can be drawn at all, for what rounding leaves over
    for (uint64_t i = 0; i < count; i++) {
        if (probabilities[i] > 0.0)
            last = i;
        at -= probabilities[i];
        if (at < 0.0)
            return i;
    }
    return last;
}

double esp_softmax_entropy(const double *probabilities, uint64_t count)
{
    double entropy = 0.0;
    for (uint64_t i = 0; i < count; i++)
        if (probabilities[i] > 0.0)
            entropy -= probabilities[i] * log(probabilities[i]);
    return entropy;
}

void esp_softmax_gradient(const double *probabilities, uint64_t count, uint64_t chosen,
                          double slope, double weight, double *out)
{
    const double entropy = weight != 0.0 ? esp_softmax_entropy(probabilities, count) : 0.0;
    for (uint64_t i = 0; i < count; i++) {
        const double p = probabilities[i];
        out[i] = slope * ((i == chosen ? 1.0 : 0.0) - p);
        if (weight != 0.0 && p > 0.0)
            out[i] -= weight * p * (log(p) + entropy);
    }
}
