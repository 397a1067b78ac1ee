// SPDX-License-Identifier: Apache-2.0
// Optimizer steps against scalar ones in double precision, and optimizer state by name.
#include "support/leak.h"
#include "support/subject.h"

#include <espalier/plugin.h>

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

const void *esp_plugin_entry(uint32_t kind, const char *id);

#define COUNT 39 // of the weight [13, 3]
#define STEPS 5

static struct subject linear(void)
{
    return (struct subject){.engine = esp_plugin_entry(ESP_KIND_ENGINE, ENGINE_UNDER_TEST),
                            .sketch = "x = Input 3; y = Gemm x channels=13",
                            .max_batch = 2,
                            .seed = 1};
}

// Kingma and Ba 2015, algorithm 1, with the decay of Loshchilov and Hutter 2019, algorithm 2.
static void reference_adamw(const esp_optimizer *o, double g, double *w, double *m, double *v)
{
    *m = o->beta1 * *m + (1.0 - o->beta1) * g;
    *v = o->beta2 * *v + (1.0 - o->beta2) * g * g;
    double first = *m / (1.0 - pow(o->beta1, (double)o->step));
    double second = *v / (1.0 - pow(o->beta2, (double)o->step));
    *w -= o->learning_rate * (first / (sqrt(second) + o->epsilon) + o->weight_decay * *w);
}

// The same without that decay; instead it is L2 regularization, a part of the gradient.
static void reference_adam(const esp_optimizer *o, double g, double *w, double *m, double *v)
{
    esp_optimizer plain = *o;
    plain.weight_decay = 0.0;
    reference_adamw(&plain, g + o->weight_decay * *w, w, m, v);
}

static void reference_sgd(const esp_optimizer *o, double g, double *w, double *v)
{
    g += o->weight_decay * *w;
    *v = o->momentum * *v + g;
    *w -= o->learning_rate * (o->nesterov ? g + o->momentum * *v : *v);
}

static void check(esp_optimizer optimizer)
{
    struct subject s = linear();
    double w[COUNT], m[COUNT] = {0}, v[COUNT] = {0};
    subject_open(&s);
    float *weight = subject_tensor(&s, ESP_TENSOR_WEIGHT, "y/weight");
    float *gradient = subject_tensor(&s, ESP_TENSOR_GRADIENT, "y/weight");
    esp_random random = subject_random(&s, 5);
    for (int i = 0; i < COUNT; i++)
        w[i] = (double)weight[i];
    subject_forward(&s, 2, true);
    for (optimizer.step = 1; optimizer.step <= STEPS; optimizer.step++) {
        subject_backward(&s);
        for (int i = 0; i < COUNT; i++) {
            gradient[i] = (float)esp_random_normal(&random);
            if (optimizer.kind == ESP_OPTIMIZER_SGD)
                reference_sgd(&optimizer, (double)gradient[i], &w[i], &m[i]);
            else if (optimizer.kind == ESP_OPTIMIZER_ADAM)
                reference_adam(&optimizer, (double)gradient[i], &w[i], &m[i], &v[i]);
            else
                reference_adamw(&optimizer, (double)gradient[i], &w[i], &m[i], &v[i]);
        }
        cr_assert_eq(s.engine->apply(s.program, &s.call, &optimizer), ESP_OK);
        for (int i = 0; i < COUNT; i++)
            cr_assert_lt(fabs((double)weight[i] - w[i]), 2e-6 * (1.0 + fabs(w[i])),
                         "step %llu, [%d]: got %.9g, expected %.9g",
                         (unsigned long long)optimizer.step, i, (double)weight[i], w[i]);
    }
    const float *first = subject_tensor(&s, ESP_TENSOR_FIRST, "y/weight");
    const float *second = subject_tensor(&s, ESP_TENSOR_SECOND, "y/weight");
    for (int i = 0; i < COUNT; i++) {
        cr_assert_lt(fabs((double)first[i] - m[i]), 1e-5 * (1.0 + fabs(m[i])), "first moment");
        cr_assert_lt(fabs((double)second[i] - v[i]), 1e-5 * (1.0 + fabs(v[i])), "second moment");
    }
    subject_close(&s);
}

TestLeak(optimizer, sgd)
{
    esp_optimizer o = {.struct_size = sizeof o, .kind = ESP_OPTIMIZER_SGD, .learning_rate = 0.1};
    for (uint32_t nesterov = 0; nesterov < 2; nesterov++)
        for (int decayed = 0; decayed < 2; decayed++) {
            o.nesterov = nesterov;
            o.weight_decay = decayed ? 0.01 : 0.0;
            o.momentum = 0.9;
            check(o);
        }
}

// Without momentum the state need not be there; it reads as the last gradient otherwise.
TestLeak(optimizer, sgd_without_momentum)
{
    struct subject s = linear();
    subject_open(&s);
    subject_forward(&s, 2, true);
    subject_backward(&s);
    float *weight = subject_tensor(&s, ESP_TENSOR_WEIGHT, "y/weight"), before[COUNT];
    const float *gradient = subject_tensor(&s, ESP_TENSOR_GRADIENT, "y/weight");
    memcpy(before, weight, sizeof before);
    for (uint32_t nesterov = 0; nesterov < 2; nesterov++) {
        esp_optimizer o = {.struct_size = sizeof o,
                           .kind = ESP_OPTIMIZER_SGD,
                           .nesterov = nesterov,
                           .learning_rate = 0.25,
                           .weight_decay = 0.5,
                           .step = 1};
        memcpy(weight, before, sizeof before);
        cr_assert_eq(s.engine->apply(s.program, &s.call, &o), ESP_OK);
        for (int i = 0; i < COUNT; i++)
            cr_assert_float_eq(weight[i], before[i] - 0.25f * (gradient[i] + 0.5f * before[i]),
                               1e-6);
    }
    subject_close(&s);
}

TestLeak(optimizer, adamw)
{
    esp_optimizer o = {.struct_size = sizeof o,
                       .kind = ESP_OPTIMIZER_ADAMW,
                       .learning_rate = 0.01,
                       .beta1 = 0.9,
                       .beta2 = 0.999,
                       .epsilon = 1e-8};
    check(o);
    o.weight_decay = 0.1;
    check(o);
    o.beta1 = 0.5;
    o.beta2 = 0.9;
    o.epsilon = 1e-3;
    check(o);
}

TestLeak(optimizer, adam)
{
    esp_optimizer o = {.struct_size = sizeof o,
                       .kind = ESP_OPTIMIZER_ADAM,
                       .learning_rate = 0.01,
                       .beta1 = 0.9,
                       .beta2 = 0.999,
                       .epsilon = 1e-8};
    check(o);
    o.weight_decay = 0.1;
    check(o);
    o.beta1 = 0.5;
    o.beta2 = 0.9;
    o.epsilon = 1e-3;
    check(o);
}

// State written by hand, as a checkpoint does, continues where it was taken.
TestLeak(optimizer, state_is_read_and_written_by_name)
{
    esp_optimizer o = {.struct_size = sizeof o,
                       .kind = ESP_OPTIMIZER_ADAMW,
                       .learning_rate = 0.01,
                       .beta1 = 0.9,
                       .beta2 = 0.999,
                       .epsilon = 1e-8,
                       .step = 1};
    static const uint32_t kinds[] = {ESP_TENSOR_WEIGHT, ESP_TENSOR_FIRST, ESP_TENSOR_SECOND};
    struct subject whole = linear(), taken_up = linear();
    subject_open(&whole);
    const float *zero = subject_tensor(&whole, ESP_TENSOR_FIRST, "y/weight");
    for (int i = 0; i < COUNT; i++)
        cr_assert_eq(zero[i], 0.0f, "state begins as zeros");
    subject_forward(&whole, 2, true);
    subject_backward(&whole);
    cr_assert_eq(whole.engine->apply(whole.program, &whole.call, &o), ESP_OK);

    subject_open(&taken_up);
    for (size_t k = 0; k < ESP_COUNT(kinds); k++) {
        memcpy(subject_tensor(&taken_up, kinds[k], "y/weight"),
               subject_tensor(&whole, kinds[k], "y/weight"), COUNT * sizeof(float));
        memcpy(subject_tensor(&taken_up, kinds[k], "y/bias"),
               subject_tensor(&whole, kinds[k], "y/bias"), 13 * sizeof(float));
    }
    o.step = 2;
    struct subject *both[] = {&whole, &taken_up};
    for (size_t i = 0; i < 2; i++) {
        subject_forward(both[i], 2, true);
        subject_backward(both[i]);
        cr_assert_eq(both[i]->engine->apply(both[i]->program, &both[i]->call, &o), ESP_OK);
    }
    for (size_t k = 0; k < ESP_COUNT(kinds); k++)
        cr_assert_arr_eq(subject_tensor(&taken_up, kinds[k], "y/weight"),
                         subject_tensor(&whole, kinds[k], "y/weight"), COUNT * sizeof(float));
    subject_close(&whole);
    subject_close(&taken_up);
}

// Running statistics are no business of the optimizer.
TestLeak(optimizer, state_weights_stay)
{
    struct subject s = {.engine = esp_plugin_entry(ESP_KIND_ENGINE, ENGINE_UNDER_TEST),
                        .sketch = "x = Input 3; y = BatchNormalization x",
                        .max_batch = 4};
    esp_optimizer o = {.struct_size = sizeof o,
                       .kind = ESP_OPTIMIZER_SGD,
                       .learning_rate = 0.1,
                       .momentum = 0.9,
                       .weight_decay = 0.5,
                       .step = 1};
    subject_open(&s);
    subject_forward(&s, 4, false);
    subject_backward(&s);
    float variance[3];
    memcpy(variance, subject_tensor(&s, ESP_TENSOR_WEIGHT, "y/variance"), sizeof variance);
    cr_assert_eq(s.engine->apply(s.program, &s.call, &o), ESP_OK);
    cr_assert_arr_eq(subject_tensor(&s, ESP_TENSOR_WEIGHT, "y/variance"), variance,
                     sizeof variance);
    subject_close(&s);
}

TestLeak(optimizer, what_is_refused)
{
    struct subject s = linear();
    esp_optimizer none = {.struct_size = sizeof none, .kind = 9, .step = 1};
    esp_optimizer early = {.struct_size = sizeof early, .kind = ESP_OPTIMIZER_ADAMW, .step = 0};
    esp_optimizer adam = {.struct_size = sizeof adam, .kind = ESP_OPTIMIZER_ADAM, .step = 0};
    subject_open(&s);
    subject_forward(&s, 2, true);
    subject_backward(&s);
    cr_assert_eq(s.engine->apply(s.program, &s.call, &none), ESP_ERROR_UNSUPPORTED);
    cr_assert_eq(s.engine->apply(s.program, &s.call, &early), ESP_ERROR_MISUSE);
    cr_assert_eq(s.engine->apply(s.program, &s.call, &adam), ESP_ERROR_MISUSE);
    subject_close(&s);
}
