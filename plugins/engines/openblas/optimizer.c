// SPDX-License-Identifier: Apache-2.0
// One optimizer step over all trained weights: SGD with momentum (Nesterov's form as Sutskever et al.
// 2013 in PyTorch's notation), Adam (Kingma and Ba 2015, the decay as L2 in the gradient), AdamW
// (Loshchilov and Hutter 2019).
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

static void step_sgd(const struct loops *loops, struct weight *w, const esp_optimizer *o)
{
    if (o->momentum == 0.0)
        loops->sgd(w->value, w->gradient, (int64_t)w->size, (float)o->learning_rate,
                   (float)o->weight_decay);
    else
        loops->momentum(w->value, w->gradient, w->first, (int64_t)w->size, (float)o->learning_rate,
                        (float)o->momentum, (float)o->weight_decay, o->nesterov != 0);
}

static void step_adam(const struct loops *loops, struct weight *w, const esp_optimizer *o)
{
    double first = 1.0 - pow(o->beta1, (double)o->step);
    double second = 1.0 - pow(o->beta2, (double)o->step);
    float rate = (float)(o->learning_rate / first), correction = (float)(1.0 / sqrt(second));
    if (o->kind == ESP_OPTIMIZER_ADAM)
        loops->adam(w->value, w->gradient, w->first, w->second, (int64_t)w->size, rate, correction,
                    (float)o->beta1, (float)o->beta2, (float)o->epsilon, (float)o->weight_decay);
    else
        loops->adamw(w->value, w->gradient, w->first, w->second, (int64_t)w->size, rate, correction,
                     (float)o->beta1, (float)o->beta2, (float)o->epsilon,
                     (float)(1.0 - o->learning_rate * o->weight_decay));
}

esp_status optimizer_apply(struct program *program, esp_call *call, const esp_optimizer *o)
{
    bool adam = o->kind == ESP_OPTIMIZER_ADAM || o->kind == ESP_OPTIMIZER_ADAMW;
    if (!program->training)
        return esp_fail(call, ESP_ERROR_MISUSE, "the program was compiled for evaluation alone");
    if (!adam && o->kind != ESP_OPTIMIZER_SGD)
        return esp_fail(call, ESP_ERROR_UNSUPPORTED, "there is no optimizer of kind %u", o->kind);
    if (adam && o->step < 1)
        return esp_fail(call, ESP_ERROR_MISUSE, "%s: the first step is step 1",
                        o->kind == ESP_OPTIMIZER_ADAM ? "adam" : "adamw");
    for (uint64_t i = 0; i < program->weight_count; i++) {
        struct weight *weight = &program->weights[i];
        if (!weight->trained)
            continue;
        if ((adam || o->momentum != 0.0) &&
            (!optimizer_state(weight, false) || (adam && !optimizer_state(weight, true))))
            return esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
        if (adam)
            step_adam(program->loops, weight, o);
        else
            step_sgd(program->loops, weight, o);
    }
    return ESP_OK;
}
