// SPDX-License-Identifier: Apache-2.0
// One optimizer step over all trained weights: SGD with momentum (Nesterov's form as Sutskever et al.
// 2013 in PyTorch's notation), AdamW (Loshchilov and Hutter 2019).
#include "program.h"

#include <math.h>
#include <stdlib.h>

bool optimizer_state(struct weight *weight, bool second)
{
    float **state = second ? &weight->second : &weight->first;
    if (!*state)
        *state = floats(weight->size);
    return *state != NULL;
}

VECTOR static void sgd(float *restrict w, const float *restrict g, float *restrict v, size_t count,
                       float rate, float momentum, float decay, bool nesterov)
{
    if (nesterov) {
        for (size_t i = 0; i < count; i++) {
            float step = g[i] + decay * w[i];
            v[i] = momentum * v[i] + step;
            w[i] -= rate * (step + momentum * v[i]);
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        v[i] = momentum * v[i] + (g[i] + decay * w[i]);
        w[i] -= rate * v[i];
    }
}

VECTOR static void plain(float *restrict w, const float *restrict g, size_t count, float rate,
                         float decay)
{
    for (size_t i = 0; i < count; i++)
        w[i] -= rate * (g[i] + decay * w[i]);
}

// `rate_first`: learning rate over the first moment's bias correction; `correction`: 1 over the
// square root of the second's.
VECTOR static void adamw(float *restrict w, const float *restrict g, float *restrict m,
                         float *restrict v, size_t count, float rate_first, float correction,
                         float beta1, float beta2, float epsilon, float keep)
{
    for (size_t i = 0; i < count; i++) {
        m[i] = beta1 * m[i] + (1.0f - beta1) * g[i];
        v[i] = beta2 * v[i] + (1.0f - beta2) * g[i] * g[i];
        w[i] = keep * w[i] - rate_first * m[i] / (sqrtf(v[i]) * correction + epsilon);
    }
}

static void step_sgd(struct weight *weight, const esp_optimizer *o)
{
    if (o->momentum == 0.0)
        plain(weight->value, weight->gradient, weight->size, (float)o->learning_rate,
              (float)o->weight_decay);
    else
        sgd(weight->value, weight->gradient, weight->first, weight->size, (float)o->learning_rate,
            (float)o->momentum, (float)o->weight_decay, o->nesterov != 0);
}

static void step_adamw(struct weight *weight, const esp_optimizer *o)
{
    double first = 1.0 - pow(o->beta1, (double)o->step);
    double second = 1.0 - pow(o->beta2, (double)o->step);
    adamw(weight->value, weight->gradient, weight->first, weight->second, weight->size,
          (float)(o->learning_rate / first), (float)(1.0 / sqrt(second)), (float)o->beta1,
          (float)o->beta2, (float)o->epsilon, (float)(1.0 - o->learning_rate * o->weight_decay));
}

esp_status optimizer_apply(struct program *program, esp_call *call, const esp_optimizer *o)
{
    bool adam = o->kind == ESP_OPTIMIZER_ADAMW;
    if (!program->training)
        return esp_fail(call, ESP_ERROR_MISUSE, "the program was compiled for evaluation alone");
    if (!adam && o->kind != ESP_OPTIMIZER_SGD)
        return esp_fail(call, ESP_ERROR_UNSUPPORTED, "there is no optimizer of kind %u", o->kind);
    if (adam && o->step < 1)
        return esp_fail(call, ESP_ERROR_MISUSE, "adamw: the first step is step 1");
    for (uint64_t i = 0; i < program->weight_count; i++) {
        struct weight *weight = &program->weights[i];
        if (!weight->trained)
            continue;
        if ((adam || o->momentum != 0.0) &&
            (!optimizer_state(weight, false) || (adam && !optimizer_state(weight, true))))
            return esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
        if (adam)
            step_adamw(weight, o);
        else
            step_sgd(weight, o);
    }
    return ESP_OK;
}
