// SPDX-License-Identifier: Apache-2.0
// What estimators and strategies take from backward beside training, through the engine's table
// alone: a full Jacobian of the outputs by the input, a Hessian-vector product by differences of
// gradients, and the gradient of a loss; on a small chain network.
#include "support/leak.h"
#include "support/subject.h"

#include <espalier/plugin.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const void *esp_plugin_entry(uint32_t kind, const char *id);

#define INPUTS (2 * 8 * 8)
#define CLASSES 4
#define BATCH 5

// Smooth, so that differences of any step are good.
static struct subject chain(void)
{
    return (struct subject){
        .engine = esp_plugin_entry(ESP_KIND_ENGINE, ENGINE_UNDER_TEST),
        .sketch = "x = Input 2x8x8; a = Conv x channels=4 kernel_shape=3,3 pads=1,1,1,1; "
                  "b = BatchNormalization a; c = Tanh b; d = Conv c channels=4 kernel_shape=3,3 "
                  "group=4 pads=1,1,1,1; e = Conv d channels=6 kernel_shape=1,1; "
                  "f = BatchNormalization e; g = Sigmoid f; h = AveragePool g kernel_shape=2,2 "
                  "strides=2,2; i = Conv h channels=6 kernel_shape=3,3 bias=1; j = Tanh i; "
                  "k = GlobalAveragePool j; l = Flatten k; m = Gemm l channels=4",
        .max_batch = BATCH,
        .input_gradient = true,
        .seed = 11};
}

// ---- Jacobian -----------------------------------------------------------------------------------

// Row o of the Jacobian of every sample at once: in evaluation the samples do not touch each other.
static void jacobian_row(struct subject *s, int o, float *row)
{
    float gradient[BATCH * CLASSES] = {0};
    esp_output_gradient given = {sizeof given, 0, gradient};
    for (int n = 0; n < BATCH; n++)
        gradient[n * CLASSES + o] = 1.0f;
    cr_assert_eq(s->engine->backward(s->program, &s->call, &given, 1, sizeof given), ESP_OK);
    memcpy(row, subject_tensor(s, ESP_TENSOR_INPUT_GRADIENT, "0"), BATCH * INPUTS * sizeof(float));
}

TestLeak(derivatives, input_jacobian)
{
    const float step = 0.02f;
    struct subject s = chain();
    float(*rows)[BATCH * INPUTS] = malloc(CLASSES * sizeof *rows);
    float above[BATCH * CLASSES];
    double largest = 0.0;
    cr_assert(rows);
    subject_open(&s);
    subject_forward(&s, BATCH, false);
    for (int o = 0; o < CLASSES; o++)
        jacobian_row(&s, o, rows[o]);
    for (int i = 0; i < CLASSES * BATCH * INPUTS; i++)
        largest = fmax(largest, fabs((double)rows[i % CLASSES][i / CLASSES]));
    for (int i = 0; i < INPUTS; i++) {
        for (int n = 0; n < BATCH; n++)
            s.inputs[0][n * INPUTS + i] += step;
        subject_forward(&s, BATCH, false);
        memcpy(above, subject_tensor(&s, ESP_TENSOR_OUTPUT, "0"), sizeof above);
        for (int n = 0; n < BATCH; n++)
            s.inputs[0][n * INPUTS + i] -= 2.0f * step;
        subject_forward(&s, BATCH, false);
        const float *below = subject_tensor(&s, ESP_TENSOR_OUTPUT, "0");
        for (int n = 0; n < BATCH; n++)
            s.inputs[0][n * INPUTS + i] += step;
        for (int k = 0; k < BATCH * CLASSES; k++) {
            double expected = ((double)above[k] - (double)below[k]) / (2.0 * (double)step);
            double got = (double)rows[k % CLASSES][k / CLASSES * INPUTS + i];
            cr_assert_lt(fabs(got - expected), 2e-3 * largest,
                         "sample %d, output %d by input %d: got %g, expected %g", k / CLASSES,
                         k % CLASSES, i, got, expected);
        }
    }
    free(rows);
    subject_close(&s);
}

// ---- All weights as one vector ------------------------------------------------------------------

static uint64_t gather(struct subject *s, uint32_t which, float *to)
{
    const esp_graph *graph = graph_handle(s->graph);
    uint64_t count = 0;
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        for (uint64_t j = 0; j < node->weight_count; j++) {
            uint64_t size = esp_shape_size(&node->weights[j].shape);
            if (node->weights[j].role != ESP_WEIGHT_TRAINED)
                continue;
            if (to)
                memcpy(to + count, subject_tensor(s, which, node->weights[j].path),
                       size * sizeof(float));
            count += size;
        }
    }
    return count;
}

static void scatter(struct subject *s, const float *from)
{
    const esp_graph *graph = graph_handle(s->graph);
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        for (uint64_t j = 0; j < node->weight_count; j++) {
            uint64_t size = esp_shape_size(&node->weights[j].shape);
            if (node->weights[j].role != ESP_WEIGHT_TRAINED)
                continue;
            memcpy(subject_tensor(s, ESP_TENSOR_WEIGHT, node->weights[j].path), from,
                   size * sizeof(float));
            from += size;
        }
    }
}

static const uint32_t labels[BATCH] = {0, 3, 1, 2, 1};

// Mean cross entropy of logits, and its gradient by them.
static void cross_entropy_gradient(const float *logits, float *gradient)
{
    for (int n = 0; n < BATCH; n++) {
        double sum = 0.0;
        for (int k = 0; k < CLASSES; k++)
            sum += exp((double)logits[n * CLASSES + k]);
        for (int k = 0; k < CLASSES; k++)
            gradient[n * CLASSES + k] =
                (float)((exp((double)logits[n * CLASSES + k]) / sum - (k == (int)labels[n])) /
                        BATCH);
    }
}

static double reference_cross_entropy(struct reference *r)
{
    double loss = 0.0;
    reference_forward(r);
    const double *logits = r->nodes[r->count - 1].value;
    for (int n = 0; n < BATCH; n++) {
        double sum = 0.0;
        for (int k = 0; k < CLASSES; k++)
            sum += exp(logits[n * CLASSES + k]);
        loss += (log(sum) - logits[n * CLASSES + (int)labels[n]]) / BATCH;
    }
    return loss;
}

// The gradient of the loss by all weights, in the training form.
static void loss_gradient(struct subject *s, float *to)
{
    subject_forward(s, BATCH, true);
    cross_entropy_gradient(subject_tensor(s, ESP_TENSOR_OUTPUT, "0"), s->gradients[0]);
    subject_backward(s);
    gather(s, ESP_TENSOR_GRADIENT, to);
}

TestLeak(derivatives, loss_gradient)
{
    struct subject s = chain();
    subject_open(&s);
    struct reference *r = subject_reference(&s, BATCH, true);
    uint64_t count = gather(&s, ESP_TENSOR_WEIGHT, NULL), at = 0;
    float *gradient = malloc(count * sizeof *gradient);
    double largest = 0.0;
    cr_assert(gradient);
    loss_gradient(&s, gradient);
    for (uint64_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)gradient[i]));
    for (uint32_t i = 0; i < r->count; i++)
        for (uint64_t j = 0; j < r->nodes[i].node->weight_count; j++) {
            if (r->nodes[i].node->weights[j].role != ESP_WEIGHT_TRAINED)
                continue;
            for (size_t k = 0; k < r->nodes[i].weight_sizes[j]; k++) {
                double *place = &r->nodes[i].weights[j][k], middle = *place, step = 1e-5;
                *place = middle + step;
                double above = reference_cross_entropy(r);
                *place = middle - step;
                double below = reference_cross_entropy(r);
                *place = middle;
                cr_assert_lt(fabs((double)gradient[at + k] - (above - below) / (2.0 * step)),
                             1e-4 * largest, "%s[%zu]", r->nodes[i].node->weights[j].path, k);
            }
            at += r->nodes[i].weight_sizes[j];
        }
    cr_assert_eq(at, count);
    free(gradient);
    reference_destroy(r);
    subject_close(&s);
}

// ---- Hessian ------------------------------------------------------------------------------------

// H v by a central difference of gradients.
static void hessian_product(struct subject *s, const float *weights, const double *v,
                            uint64_t count, double *out)
{
    const double step = 2e-3;
    float *moved = malloc(3 * count * sizeof *moved), *above = moved + count,
          *below = moved + 2 * count;
    cr_assert(moved);
    for (int sign = 1; sign >= -1; sign -= 2) {
        for (uint64_t i = 0; i < count; i++)
            moved[i] = (float)((double)weights[i] + sign * step * v[i]);
        scatter(s, moved);
        loss_gradient(s, sign > 0 ? above : below);
    }
    for (uint64_t i = 0; i < count; i++)
        out[i] = ((double)above[i] - (double)below[i]) / (2.0 * step);
    scatter(s, weights);
    free(moved);
}

static double product(const double *a, const double *b, uint64_t count)
{
    double sum = 0.0;
    for (uint64_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

TestLeak(derivatives, hessian_vector_products_are_symmetric)
{
    struct subject s = chain();
    subject_open(&s);
    uint64_t count = gather(&s, ESP_TENSOR_WEIGHT, NULL);
    float *weights = malloc(count * sizeof *weights);
    double *u = malloc(4 * count * sizeof *u), *v = u + count, *hu = v + count, *hv = hu + count;
    cr_assert(weights && u);
    gather(&s, ESP_TENSOR_WEIGHT, weights);
    for (uint64_t pair = 0; pair < 3; pair++) {
        esp_random random = subject_random(&s, 50 + pair);
        for (uint64_t i = 0; i < 2 * count; i++)
            u[i] = esp_random_normal(&random);
        hessian_product(&s, weights, u, count, hu);
        hessian_product(&s, weights, v, count, hv);
        double scale = sqrt(product(hu, hu, count) * product(v, v, count));
        double left = product(u, hv, count), right = product(v, hu, count);
        cr_assert_lt(fabs(left - right), 5e-3 * scale, "u'Hv = %g, v'Hu = %g (of %g)", left, right,
                     scale);
        cr_assert_gt(scale, 1e-2, "a Hessian that is not zero");
    }
    free(weights);
    free(u);
    subject_close(&s);
}
