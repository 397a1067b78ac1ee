// SPDX-License-Identifier: Apache-2.0
// Long short-term memory; see lstm.h. What does not depend on the step before is one product for the whole
// sequence: the inputs' part of the gates, and all gradients but the one through h.
#include <espalier/support/lstm.h>
#include <espalier/support/matrices.h>

#include <math.h>
#include <string.h>

// Infinity is as good as any large number here.
static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

static float tangent(float x)
{
    return 1.0f - 2.0f / (expf(2.0f * x) + 1.0f);
}

static const float *recurrent(const esp_lstm *lstm, const float *parameters)
{
    return parameters + 4 * lstm->units * lstm->inputs;
}

static const float *biases(const esp_lstm *lstm, const float *parameters)
{
    return recurrent(lstm, parameters) + 4 * lstm->units * lstm->units;
}

// Gates [4, units] from sums to their values; `c` [units] is replaced, `squashed` is its tanh.
static void gate(uint64_t units, float *restrict gates, float *restrict c, float *squashed,
                 float *h)
{
    for (uint64_t k = 0; k < 2 * units; k++)
        gates[k] = sigmoid(gates[k]);
    for (uint64_t k = 2 * units; k < 3 * units; k++)
        gates[k] = tangent(gates[k]);
    for (uint64_t k = 3 * units; k < 4 * units; k++)
        gates[k] = sigmoid(gates[k]);
    for (uint64_t k = 0; k < units; k++) {
        c[k] = gates[units + k] * c[k] + gates[k] * gates[2 * units + k];
        squashed[k] = tangent(c[k]);
        h[k] = gates[3 * units + k] * squashed[k];
    }
}

void esp_lstm_step(const esp_lstm *lstm, const float *parameters, const float *x, float *h,
                   float *c, float *work)
{
    const uint64_t units = lstm->units;
    memcpy(work, biases(lstm, parameters), 4 * units * sizeof *work);
    esp_matrix_add_product(work, x, parameters, 1, lstm->inputs, 4 * units);
    esp_matrix_add_product(work, h, recurrent(lstm, parameters), 1, units, 4 * units);
    gate(units, work, c, h, h); // tanh(c) is not kept: h takes its place
}

// `kept`: gates [steps, 4, units], then cells [steps, 2, units]: c and its tanh.
void esp_lstm_forward(const esp_lstm *lstm, const float *parameters, const float *x, uint64_t steps,
                      float *h, float *kept)
{
    const uint64_t units = lstm->units;
    float *cells = kept + 4 * units * steps;
    for (uint64_t t = 0; t < steps; t++)
        memcpy(kept + 4 * units * t, biases(lstm, parameters), 4 * units * sizeof *kept);
    esp_matrix_add_product(kept, x, parameters, steps, lstm->inputs, 4 * units);
    for (uint64_t t = 0; t < steps; t++) {
        float *gates = kept + 4 * units * t, *c = cells + 2 * units * t;
        if (t == 0) {
            memset(c, 0, units * sizeof *c);
        } else {
            memcpy(c, c - 2 * units, units * sizeof *c);
            esp_matrix_add_product(gates, h + units * (t - 1), recurrent(lstm, parameters), 1,
                                   units, 4 * units);
        }
        gate(units, gates, c, c + units, h + units * t);
    }
}

// A step's gates become the slopes of their sums; `dc` [units]: of the cell after the step, becomes that
// of the one before.
static void gate_back(uint64_t units, float *restrict gates, const float *cells,
                      const float *restrict before, const float *restrict dh, float *restrict dc)
{
    for (uint64_t k = 0; k < units; k++) {
        const float i = gates[k], f = gates[units + k], g = gates[2 * units + k];
        const float o = gates[3 * units + k], squashed = cells[units + k];
        const float slope = dc[k] + dh[k] * o * (1.0f - squashed * squashed);
        gates[k] = slope * g * i * (1.0f - i);
        gates[units + k] = slope * (before ? before[k] : 0.0f) * f * (1.0f - f);
        gates[2 * units + k] = slope * i * (1.0f - g * g);
        gates[3 * units + k] = dh[k] * squashed * o * (1.0f - o);
        dc[k] = slope * f;
    }
}

void esp_lstm_backward(const esp_lstm *lstm, const float *parameters, const float *x,
                       uint64_t steps, const float *h, float *kept, const float *dh, float *dx,
                       float *gradient, float *work)
{
    const uint64_t units = lstm->units, all = 4 * units;
    const float *cells = kept + all * steps;
    float *dc = work, *total = work + units; // of h: from above, and from the step after
    memset(work, 0, 2 * units * sizeof *work);
    for (uint64_t t = steps; t-- > 0;) {
        const float *before = t > 0 ? cells + 2 * units * (t - 1) : NULL;
        for (uint64_t k = 0; k < units; k++)
            total[k] += dh[units * t + k];
        gate_back(units, kept + all * t, cells + 2 * units * t, before, total, dc);
        memset(total, 0, units * sizeof *total);
        if (t > 0)
            esp_matrix_add_transposed(total, kept + all * t, recurrent(lstm, parameters), 1, units,
                                      all);
    }
    float *slopes = gradient + all * lstm->inputs;
    esp_matrix_add_outer(gradient, x, kept, steps, lstm->inputs, all);
    if (steps > 1)
        esp_matrix_add_outer(slopes, h, kept + all, steps - 1, units, all);
    slopes += all * units;
    for (uint64_t t = 0; t < steps; t++)
        for (uint64_t k = 0; k < all; k++)
            slopes[k] += kept[all * t + k];
    if (dx)
        esp_matrix_add_transposed(dx, kept, parameters, steps, lstm->inputs, all);
}
