// SPDX-License-Identifier: Apache-2.0
// A layer of long short-term memory (Hochreiter and Schmidhuber 1997; with a forget gate, Gers et al. 2000),
// f32, and its gradient through time:
//
//   i, f, o = sigmoid(a), g = tanh(a),  a = x Wx + h Wh + b for each of the four
//   c' = f c + i g,  h' = o tanh(c')
//
// Parameters are one block, the caller's: Wx [inputs, 4, units], Wh [units, 4, units], b [4, units], the gates
// in the order i, f, g, o. One bias, where some libraries add up two. A sequence begins with h = c = 0.
#ifndef ESPALIER_SUPPORT_LSTM_H
#define ESPALIER_SUPPORT_LSTM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct esp_lstm {
    uint64_t inputs, units;
} esp_lstm;

// The number of parameters.
static inline uint64_t esp_lstm_count(const esp_lstm *lstm)
{
    return 4 * lstm->units * (lstm->inputs + lstm->units + 1);
}

// The floats of `kept` for a sequence.
static inline uint64_t esp_lstm_kept(const esp_lstm *lstm, uint64_t steps)
{
    return 6 * lstm->units * steps;
}

// One step: `x` [inputs]; `h` and `c` [units] are replaced; `work` [4 units]. Has the bits of
// esp_lstm_forward.
void esp_lstm_step(const esp_lstm *lstm, const float *parameters, const float *x, float *h,
                   float *c, float *work);

// A sequence: `x` [steps, inputs], `h` [steps, units] is written, and `kept` for the gradient.
void esp_lstm_forward(const esp_lstm *lstm, const float *parameters, const float *x, uint64_t steps,
                      float *h, float *kept);

// The gradient of a loss, from that by each step's output `dh` [steps, units]. Adds to `gradient` (as the
// parameters) and to `dx` [steps, inputs] (NULL: not wanted). `x`, `h`, `kept`: of esp_lstm_forward; `kept`
// is used up. `work` [2 units].
void esp_lstm_backward(const esp_lstm *lstm, const float *parameters, const float *x,
                       uint64_t steps, const float *h, float *kept, const float *dh, float *dx,
                       float *gradient, float *work);

#ifdef __cplusplus
}
#endif

#endif
