// SPDX-License-Identifier: Apache-2.0
// Every operator of the engine, through its table alone: forward against plain loops in double
// precision, gradients of weights, input and kept activations against central differences of those
// loops; a whole chain's Jacobian and a Hessian-vector product; and the laws of determinism.
#include "graph/graph.h"
#include "support/reference.h"

#include <criterion/criterion.h>
#include <espalier/espalier.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const void *esp_plugin_entry(uint32_t kind, const char *id);

static struct error error;

static const esp_engine_type *engine(void)
{
    static const esp_engine_type *type;
    if (!type)
        type = esp_plugin_entry(ESP_KIND_ENGINE, "openblas");
    return type;
}

static esp_call *call(void)
{
    static esp_call made;
    error_clear(&error);
    handle_init(&made.base, sizeof made, &error);
    return &made;
}

// ---- Small graphs -----------------------------------------------------------------------------

static uint32_t input(struct graph *graph, int64_t c, int64_t h, int64_t w)
{
    esp_shape shape = {4, 0, {ESP_BATCH, c, h, w, 0, 0}};
    return graph_add_input(graph, "input", &shape, &error);
}

static uint32_t add(struct graph *graph, const char *name, const char *op, const uint32_t *inputs,
                    uint64_t count, const esp_attribute *attributes, uint64_t attribute_count)
{
    error_clear(&error);
    uint32_t node = graph_add(graph, "", name, op, inputs, count, attributes, attribute_count,
                              sizeof(esp_attribute), &error);
    cr_assert_neq(node, GRAPH_NO_NODE, "%s", error.message);
    return node;
}

static uint32_t unary(struct graph *graph, const char *op, uint32_t x)
{
    return add(graph, "", op, &x, 1, NULL, 0);
}

struct conv_case {
    int64_t channels, size, out, kernel, stride, dilation, pad, pad_end, group, bias;
};

static uint32_t conv(struct graph *graph, const char *name, uint32_t x, struct conv_case c)
{
    int64_t kernel[2] = {c.kernel, c.kernel}, strides[2] = {c.stride, c.stride};
    int64_t dilations[2] = {c.dilation, c.dilation};
    int64_t pads[4] = {c.pad, c.pad, c.pad_end, c.pad_end};
    esp_attribute attributes[] = {esp_attribute_ints("kernel_shape", kernel, 2),
                                  esp_attribute_ints("strides", strides, 2),
                                  esp_attribute_ints("dilations", dilations, 2),
                                  esp_attribute_ints("pads", pads, 4),
                                  esp_attribute_int("group", c.group),
                                  esp_attribute_int("channels", c.out),
                                  esp_attribute_int("bias", c.bias)};
    return add(graph, name, "Conv", &x, 1, attributes, 7);
}

static void finish(struct graph *graph, uint32_t node)
{
    graph_add_output(graph, node, &error);
    cr_assert_eq(graph_finish(graph, &error), ESP_OK, "%s", error.message);
}

// ---- The engine beside the reference ----------------------------------------------------------

struct pair {
    struct graph *graph;
    const esp_graph *handle;
    void *self, *program;
    struct reference *reference;
    uint64_t batch;
    int training;
    float *x;     // the input
    float **seed; // the gradient of each output
};

static double draw(esp_random *random)
{
    return 2.0 * esp_random_real(random) - 1.0;
}

// Weights and input as f32, the same numbers on both sides; variances positive.
static void fill(struct pair *pair, uint64_t seed)
{
    esp_random random = esp_random_stream(seed, 11, 0, 0, 0);
    for (uint64_t i = 0; i < pair->reference->count; i++) {
        const esp_graph_node *node = esp_graph_get(pair->handle, i);
        for (uint64_t w = 0; w < node->weight_count; w++) {
            esp_tensor tensor;
            cr_assert_eq(engine()->tensor(pair->program, call(), ESP_TENSOR_WEIGHT,
                                          node->weights[w].path, &tensor),
                         ESP_OK, "%s", error.message);
            int variance = strcmp(node->weights[w].name, "variance") == 0;
            for (uint64_t j = 0; j < esp_shape_size(&node->weights[w].shape); j++) {
                tensor.data[j] = (float)(variance ? 0.5 + fabs(draw(&random)) : draw(&random));
                pair->reference->weights[i][w][j] = tensor.data[j];
            }
        }
    }
    uint64_t size = reference_size(pair->reference, 0);
    for (uint64_t j = 0; j < size; j++) {
        pair->x[j] = (float)draw(&random);
        pair->reference->values[0][j] = pair->x[j];
    }
    for (uint64_t o = 0; o < esp_graph_output_count(pair->handle); o++) {
        uint64_t count = reference_size(pair->reference, esp_graph_output(pair->handle, o));
        pair->seed[o] = calloc(count, sizeof(float));
        for (uint64_t j = 0; j < count; j++)
            pair->seed[o][j] = (float)draw(&random);
    }
}

static struct pair pair_create(struct graph *graph, uint64_t batch, uint64_t most, int training,
                               const char *const *keep, uint64_t keep_count)
{
    struct pair pair = {.graph = graph, .batch = batch, .training = training};
    esp_compile_options options = {sizeof options, most, 1, 1, keep, keep_count};
    pair.handle = graph_handle(graph);
    cr_assert_eq(engine()->open(NULL, &pair.self), ESP_OK);
    cr_assert_eq(engine()->compile(pair.self, call(), pair.handle, &options, &pair.program), ESP_OK,
                 "%s", error.message);
    pair.reference = reference_create(pair.handle, batch);
    pair.reference->training = training;
    pair.reference->random = esp_random_stream(9, 9, 0, 0, 0);
    pair.x = calloc(reference_size(pair.reference, 0), sizeof(float));
    pair.seed = calloc(esp_graph_output_count(pair.handle), sizeof(float *));
    fill(&pair, 3);
    return pair;
}

static void pair_destroy(struct pair *pair)
{
    for (uint64_t o = 0; o < esp_graph_output_count(pair->handle); o++)
        free(pair->seed[o]);
    free(pair->seed);
    free(pair->x);
    reference_destroy(pair->reference);
    engine()->release(pair->self, pair->program);
    engine()->close(pair->self);
    graph_destroy(pair->graph);
}

static void forward(struct pair *pair)
{
    esp_tensor tensor = {pair->x, esp_graph_get(pair->handle, 0)->shape};
    esp_forward pass = {.struct_size = sizeof pass,
                        .inputs = &tensor,
                        .input_count = 1,
                        .batch = pair->batch,
                        .training = (uint32_t)pair->training,
                        .random = esp_random_stream(9, 9, 0, 0, 0)};
    cr_assert_eq(engine()->forward(pair->program, call(), &pass), ESP_OK, "%s", error.message);
}

static void backward(struct pair *pair)
{
    esp_output_gradient given[8];
    uint64_t count = esp_graph_output_count(pair->handle);
    for (uint64_t o = 0; o < count; o++)
        given[o] = (esp_output_gradient){sizeof given[o], o, pair->seed[o]};
    cr_assert_eq(engine()->backward(pair->program, call(), given, count, sizeof given[0]), ESP_OK,
                 "%s", error.message);
}

static esp_tensor tensor_of(struct pair *pair, uint32_t which, const char *name)
{
    esp_tensor tensor = {0};
    cr_assert_eq(engine()->tensor(pair->program, call(), which, name, &tensor), ESP_OK, "%s",
                 error.message);
    return tensor;
}

// What is differentiated: the sum over outputs of <seed, output>.
static double objective(struct pair *pair)
{
    double sum = 0;
    reference_forward(pair->reference);
    for (uint64_t o = 0; o < esp_graph_output_count(pair->handle); o++) {
        uint32_t node = esp_graph_output(pair->handle, o);
        for (uint64_t j = 0; j < reference_size(pair->reference, node); j++)
            sum += (double)pair->seed[o][j] * pair->reference->values[node][j];
    }
    return sum;
}

static double difference(struct pair *pair, double *place)
{
    static const double step = 1e-6;
    double kept = *place;
    *place = kept + step;
    double up = objective(pair);
    *place = kept - step;
    double down = objective(pair);
    *place = kept;
    return (up - down) / (2 * step);
}

static void near(double found, double expected, const char *what, uint64_t i)
{
    double tolerance = 2e-4 * (1.0 + fabs(expected));
    cr_assert(fabs(found - expected) <= tolerance, "%s[%llu]: %.9g, expected %.9g", what,
              (unsigned long long)i, found, expected);
}

static void check_forward(struct pair *pair)
{
    reference_forward(pair->reference);
    forward(pair);
    for (uint64_t o = 0; o < esp_graph_output_count(pair->handle); o++) {
        char name[24];
        snprintf(name, sizeof name, "%llu", (unsigned long long)o);
        esp_tensor out = tensor_of(pair, ESP_TENSOR_OUTPUT, name);
        uint32_t node = esp_graph_output(pair->handle, o);
        for (uint64_t j = 0; j < reference_size(pair->reference, node); j++)
            near(out.data[j], pair->reference->values[node][j], "output", j);
    }
}

// Every weight's gradient and the input's: all elements of small tensors, some of large ones.
static void check_gradients(struct pair *pair)
{
    backward(pair);
    for (uint64_t i = 0; i < pair->reference->count; i++) {
        const esp_graph_node *node = esp_graph_get(pair->handle, i);
        for (uint64_t w = 0; w < node->weight_count; w++) {
            if (node->weights[w].role != ESP_WEIGHT_TRAINED)
                continue;
            esp_tensor g = tensor_of(pair, ESP_TENSOR_GRADIENT, node->weights[w].path);
            uint64_t size = esp_shape_size(&node->weights[w].shape);
            for (uint64_t j = 0; j < size; j += 1 + size / 40)
                near(g.data[j], difference(pair, &pair->reference->weights[i][w][j]),
                     node->weights[w].path, j);
        }
    }
    esp_tensor g = tensor_of(pair, ESP_TENSOR_INPUT_GRADIENT, "0");
    uint64_t size = reference_size(pair->reference, 0);
    for (uint64_t j = 0; j < size; j += 1 + size / 60)
        near(g.data[j], difference(pair, &pair->reference->values[0][j]), "input", j);
}

static void check_graph(struct graph *graph, int training)
{
    struct pair pair = pair_create(graph, 3, 4, training, NULL, 0);
    check_forward(&pair);
    check_gradients(&pair);
    // A second backward after the same forward sets the same gradients again.
    check_gradients(&pair);
    pair_destroy(&pair);
}

// ---- The operators ----------------------------------------------------------------------------

Test(gradient, conv)
{
    static const struct conv_case cases[] = {
        {3, 6, 4, 3, 1, 1, 1, 1, 1, 1}, {4, 7, 6, 1, 1, 1, 0, 0, 1, 0},
        {4, 7, 6, 1, 2, 1, 0, 0, 1, 1}, {4, 9, 8, 3, 2, 1, 1, 1, 2, 0},
        {6, 8, 6, 3, 1, 1, 1, 1, 6, 1}, {6, 9, 6, 5, 2, 1, 2, 2, 6, 0},
        {4, 9, 4, 3, 1, 2, 2, 2, 4, 0}, {3, 9, 5, 3, 1, 2, 2, 2, 1, 0},
        {2, 8, 3, 2, 3, 1, 0, 1, 1, 1}, {4, 6, 8, 3, 1, 1, 1, 1, 4, 0},
        {2, 5, 2, 5, 1, 1, 4, 3, 1, 0},
    };
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        struct graph *graph = graph_create();
        finish(graph,
               conv(graph, "conv", input(graph, cases[i].channels, cases[i].size, cases[i].size),
                    cases[i]));
        check_graph(graph, 1);
    }
}

Test(gradient, batch_norm)
{
    for (int training = 0; training < 2; training++)
        for (int affine = 0; affine < 2; affine++) {
            struct graph *graph = graph_create();
            uint32_t x = input(graph, 3, 5, 4);
            esp_attribute attribute = esp_attribute_int("affine", affine);
            finish(graph, add(graph, "bn", "BatchNormalization", &x, 1, &attribute, 1));
            check_graph(graph, training);
        }
}

Test(gradient, activations)
{
    static const char *const ops[] = {"Relu", "Sigmoid",          "Tanh", "Identity", "Flatten",
                                      "None", "GlobalAveragePool"};
    for (size_t i = 0; i < ESP_COUNT(ops); i++) {
        struct graph *graph = graph_create();
        finish(graph, unary(graph, ops[i], input(graph, 3, 4, 5)));
        check_graph(graph, 1);
    }
}

Test(gradient, pools)
{
    static const struct {
        const char *op;
        int64_t kernel, stride, pad, dilation, ceil, count;
    } cases[] = {{"MaxPool", 3, 1, 1, 1, 0, 0},     {"MaxPool", 2, 2, 0, 1, 0, 0},
                 {"MaxPool", 3, 2, 1, 1, 1, 0},     {"MaxPool", 2, 1, 0, 2, 0, 0},
                 {"AveragePool", 3, 1, 1, 1, 0, 0}, {"AveragePool", 3, 1, 1, 1, 0, 1},
                 {"AveragePool", 3, 2, 1, 1, 1, 1}, {"AveragePool", 2, 2, 0, 1, 1, 0},
                 {"AveragePool", 2, 1, 1, 2, 0, 0}};
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        struct graph *graph = graph_create();
        uint32_t x = input(graph, 2, 7, 6);
        int64_t kernel[2] = {cases[i].kernel, cases[i].kernel};
        int64_t strides[2] = {cases[i].stride, cases[i].stride};
        int64_t dilations[2] = {cases[i].dilation, cases[i].dilation};
        int64_t pads[4] = {cases[i].pad, cases[i].pad, cases[i].pad, cases[i].pad};
        esp_attribute attributes[] = {esp_attribute_ints("kernel_shape", kernel, 2),
                                      esp_attribute_ints("strides", strides, 2),
                                      esp_attribute_ints("dilations", dilations, 2),
                                      esp_attribute_ints("pads", pads, 4),
                                      esp_attribute_int("ceil_mode", cases[i].ceil),
                                      esp_attribute_int("count_include_pad", cases[i].count)};
        finish(graph,
               add(graph, "", cases[i].op, &x, 1, attributes, cases[i].op[0] == 'A' ? 6 : 5));
        check_graph(graph, 1);
    }
}

Test(gradient, add_concat_and_a_tensor_used_twice)
{
    struct graph *graph = graph_create();
    uint32_t x = input(graph, 4, 5, 5);
    uint32_t a = conv(graph, "a", x, (struct conv_case){4, 5, 4, 3, 1, 1, 1, 1, 1, 0});
    uint32_t r = unary(graph, "Relu", a);
    uint32_t twice[2] = {r, r}, sum[2] = {a, x};
    uint32_t parts[3] = {add(graph, "", "Add", twice, 2, NULL, 0),
                         add(graph, "", "Add", sum, 2, NULL, 0), unary(graph, "Identity", x)};
    esp_attribute axis = esp_attribute_int("axis", 1);
    uint32_t joined = add(graph, "", "Concat", parts, 3, &axis, 1);
    // Tanh may not write over what the Concat of another axis still reads.
    uint32_t both[2] = {joined, unary(graph, "Tanh", joined)};
    esp_attribute rows = esp_attribute_int("axis", 2);
    finish(graph, add(graph, "", "Concat", both, 2, &rows, 1));
    check_graph(graph, 1);
}

Test(gradient, gemm_and_dropout)
{
    struct graph *graph = graph_create();
    uint32_t x = unary(graph, "Flatten", input(graph, 2, 3, 3));
    esp_attribute ratio = esp_attribute_real("ratio", 0.4),
                  features = esp_attribute_int("channels", 7);
    x = add(graph, "first", "Gemm", &x, 1, &features, 1);
    x = unary(graph, "Sigmoid", x);
    x = add(graph, "dropout", "Dropout", &x, 1, &ratio, 1);
    finish(graph, add(graph, "second", "Gemm", &x, 1, &features, 1));
    check_graph(graph, 1);
}

// A small network as the space `chain` makes them.
static struct graph *chain(void)
{
    struct graph *graph = graph_create();
    uint32_t x = input(graph, 2, 8, 8);
    x = conv(graph, "a", x, (struct conv_case){2, 8, 4, 3, 1, 1, 1, 1, 1, 0});
    x = add(graph, "bn", "BatchNormalization", &x, 1, NULL, 0);
    x = unary(graph, "Tanh", x);
    x = conv(graph, "depthwise", x, (struct conv_case){4, 8, 4, 3, 2, 1, 1, 1, 4, 0});
    x = conv(graph, "pointwise", x, (struct conv_case){4, 4, 6, 1, 1, 1, 0, 0, 1, 1});
    x = unary(graph, "Sigmoid", x);
    x = unary(graph, "Flatten", unary(graph, "GlobalAveragePool", x));
    esp_attribute features = esp_attribute_int("channels", 5);
    finish(graph, add(graph, "classifier", "Gemm", &x, 1, &features, 1));
    return graph;
}

Test(gradient, a_whole_chain)
{
    check_graph(chain(), 1);
    check_graph(chain(), 0);
}

// ---- Through the table alone ------------------------------------------------------------------

Test(table, full_input_jacobian)
{
    struct pair pair = pair_create(chain(), 1, 1, 0, NULL, 0);
    uint64_t inputs = reference_size(pair.reference, 0), outputs = 5;
    uint32_t node = esp_graph_output(pair.handle, 0);
    forward(&pair);
    for (uint64_t o = 0; o < outputs; o++) {
        float one[5] = {0};
        one[o] = 1.0f;
        esp_output_gradient given = {sizeof given, 0, one};
        cr_assert_eq(engine()->backward(pair.program, call(), &given, 1, sizeof given), ESP_OK);
        esp_tensor row = tensor_of(&pair, ESP_TENSOR_INPUT_GRADIENT, "0");
        for (uint64_t i = 0; i < inputs; i++) {
            double *x = &pair.reference->values[0][i], kept = *x, step = 1e-6;
            *x = kept + step;
            reference_forward(pair.reference);
            double up = pair.reference->values[node][o];
            *x = kept - step;
            reference_forward(pair.reference);
            double down = pair.reference->values[node][o];
            *x = kept;
            near(row.data[i], (up - down) / (2 * step), "jacobian", o * inputs + i);
        }
    }
    pair_destroy(&pair);
}

// The gradient of <seed, output> with respect to one weight after moving all of its elements along a
// direction.
static void gradient_at(struct pair *pair, const char *path, const float *from,
                        const double *direction, double step, double *out, uint64_t size)
{
    esp_tensor weight = tensor_of(pair, ESP_TENSOR_WEIGHT, path);
    for (uint64_t i = 0; i < size; i++)
        weight.data[i] = (float)(from[i] + step * direction[i]);
    forward(pair);
    backward(pair);
    esp_tensor gradient = tensor_of(pair, ESP_TENSOR_GRADIENT, path);
    for (uint64_t i = 0; i < size; i++)
        out[i] = gradient.data[i];
}

// H v by differences of gradients; symmetric: u' H v = v' H u.
Test(table, hessian_vector_product_is_symmetric)
{
    enum { SIZE = 4 * 2 * 3 * 3 };
    struct pair pair = pair_create(chain(), 3, 3, 1, NULL, 0);
    double u[SIZE], v[SIZE], up[SIZE], down[SIZE], uhv = 0, vhu = 0, scale = 0;
    float from[SIZE];
    esp_random random = esp_random_stream(5, 5, 0, 0, 0);
    memcpy(from, tensor_of(&pair, ESP_TENSOR_WEIGHT, "a/weight").data, sizeof from);
    for (int i = 0; i < SIZE; i++) {
        u[i] = draw(&random);
        v[i] = draw(&random);
    }
    static const double step = 1e-2;
    gradient_at(&pair, "a/weight", from, v, step, up, SIZE);
    gradient_at(&pair, "a/weight", from, v, -step, down, SIZE);
    for (int i = 0; i < SIZE; i++)
        uhv += u[i] * (up[i] - down[i]) / (2 * step);
    gradient_at(&pair, "a/weight", from, u, step, up, SIZE);
    gradient_at(&pair, "a/weight", from, u, -step, down, SIZE);
    for (int i = 0; i < SIZE; i++) {
        vhu += v[i] * (up[i] - down[i]) / (2 * step);
        scale += fabs(up[i] - down[i]) / (2 * step);
    }
    cr_assert(fabs(uhv - vhu) < 1e-2 * scale, "%g and %g", uhv, vhu);
    cr_assert(fabs(uhv) > 1e-3 * scale, "the product is not zero: %g of %g", uhv, scale);
    pair_destroy(&pair);
}

Test(table, kept_activations_and_their_gradients)
{
    static const char *const keep[] = {"pointwise", "a"};
    struct pair pair = pair_create(chain(), 2, 2, 1, keep, 2);
    check_forward(&pair);
    backward(&pair);
    for (uint64_t i = 0; i < pair.reference->count; i++) {
        const esp_graph_node *node = esp_graph_get(pair.handle, i);
        if (strcmp(node->path, "pointwise") != 0 && strcmp(node->path, "a") != 0)
            continue;
        esp_tensor value = tensor_of(&pair, ESP_TENSOR_ACTIVATION, node->path);
        for (uint64_t j = 0; j < reference_size(pair.reference, i); j++)
            near(value.data[j], pair.reference->values[i][j], node->path, j);
    }
    // The gradient of what a bias is added to, summed over its channel, is the bias's.
    esp_tensor gradient = tensor_of(&pair, ESP_TENSOR_ACTIVATION_GRADIENT, "pointwise");
    esp_tensor bias = tensor_of(&pair, ESP_TENSOR_GRADIENT, "pointwise/bias");
    for (int c = 0; c < 6; c++) {
        double sum = 0;
        for (int n = 0; n < 2; n++)
            for (int p = 0; p < 16; p++)
                sum += gradient.data[(n * 6 + c) * 16 + p];
        near(sum, bias.data[c], "bias", (uint64_t)c);
    }
    pair_destroy(&pair);
}

// ---- Determinism ------------------------------------------------------------------------------

static void gradients_of(uint64_t most, float *out, size_t count, int disturb)
{
    struct pair other = {0};
    if (disturb) {
        other = pair_create(chain(), 4, 8, 1, NULL, 0);
        forward(&other);
        backward(&other);
    }
    struct pair pair = pair_create(chain(), 3, most, 1, NULL, 0);
    forward(&pair);
    backward(&pair);
    memcpy(out, tensor_of(&pair, ESP_TENSOR_GRADIENT, "a/weight").data, count * sizeof *out);
    pair_destroy(&pair);
    if (disturb)
        pair_destroy(&other);
}

Test(determinism, neither_other_programs_nor_the_compiled_batch_matter)
{
    float alone[72], beside[72], wide[72];
    gradients_of(3, alone, 72, 0);
    gradients_of(3, beside, 72, 1);
    gradients_of(64, wide, 72, 1);
    cr_assert(memcmp(alone, beside, sizeof alone) == 0);
    cr_assert(memcmp(alone, wide, sizeof alone) == 0);
}

Test(determinism, a_program_for_evaluation_gives_the_same_outputs)
{
    struct pair pair = pair_create(chain(), 3, 3, 0, NULL, 0);
    esp_compile_options options = {sizeof options, 3, 0, 0, NULL, 0};
    void *small = NULL;
    forward(&pair);
    float expected[15];
    memcpy(expected, tensor_of(&pair, ESP_TENSOR_OUTPUT, "0").data, sizeof expected);
    cr_assert_eq(engine()->compile(pair.self, call(), pair.handle, &options, &small), ESP_OK);
    for (uint64_t i = 0; i < pair.reference->count; i++) {
        const esp_graph_node *node = esp_graph_get(pair.handle, i);
        for (uint64_t w = 0; w < node->weight_count; w++) {
            esp_tensor to, from = tensor_of(&pair, ESP_TENSOR_WEIGHT, node->weights[w].path);
            engine()->tensor(small, call(), ESP_TENSOR_WEIGHT, node->weights[w].path, &to);
            memcpy(to.data, from.data, esp_shape_size(&from.shape) * sizeof(float));
        }
    }
    void *kept = pair.program;
    pair.program = small;
    forward(&pair);
    cr_assert(memcmp(expected, tensor_of(&pair, ESP_TENSOR_OUTPUT, "0").data, sizeof expected) ==
              0);
    pair.program = kept;
    engine()->release(pair.self, small);
    pair_destroy(&pair);
}

// ---- Optimizers -------------------------------------------------------------------------------

Test(optimizer, steps_equal_the_formulas_in_double)
{
    for (int kind = 0; kind < 3; kind++) {
        struct pair pair = pair_create(chain(), 3, 3, 1, NULL, 0);
        esp_tensor weight = tensor_of(&pair, ESP_TENSOR_WEIGHT, "classifier/weight");
        double w = weight.data[7], first = 0, second = 0;
        for (uint64_t step = 1; step <= 3; step++) {
            forward(&pair);
            backward(&pair);
            double g = tensor_of(&pair, ESP_TENSOR_GRADIENT, "classifier/weight").data[7];
            esp_optimizer o = {.struct_size = sizeof o,
                               .kind = kind < 2 ? ESP_OPTIMIZER_SGD : ESP_OPTIMIZER_ADAMW,
                               .nesterov = kind == 1,
                               .learning_rate = 0.1,
                               .momentum = 0.9,
                               .weight_decay = 0.01,
                               .beta1 = 0.9,
                               .beta2 = 0.99,
                               .epsilon = 1e-8,
                               .step = step};
            cr_assert_eq(engine()->apply(pair.program, call(), &o), ESP_OK);
            if (kind < 2) {
                g += 0.01 * w;
                first = 0.9 * first + g;
                w -= 0.1 * (kind == 1 ? g + 0.9 * first : first);
            } else {
                first = 0.9 * first + 0.1 * g;
                second = 0.99 * second + 0.01 * g * g;
                w -= 0.1 * 0.01 * w;
                w -= 0.1 * (first / (1 - pow(0.9, (double)step))) /
                     (sqrt(second / (1 - pow(0.99, (double)step))) + 1e-8);
            }
            near(weight.data[7], w, "weight", step);
        }
        pair_destroy(&pair);
    }
}

Test(table, unknown_names_and_operators_are_refused)
{
    struct pair pair = pair_create(chain(), 1, 1, 1, NULL, 0);
    esp_tensor tensor;
    cr_assert_eq(engine()->tensor(pair.program, call(), ESP_TENSOR_WEIGHT, "nothing", &tensor),
                 ESP_ERROR_NOT_FOUND);
    cr_assert(strstr(error.message, "nothing"));
    struct graph *graph = graph_create();
    uint32_t x = input(graph, 2, 4, 4), both[2] = {x, x};
    finish(graph, add(graph, "", "Choice", both, 2, NULL, 0));
    esp_compile_options options = {sizeof options, 1, 0, 0, NULL, 0};
    void *program = NULL;
    cr_assert_eq(engine()->compile(pair.self, call(), graph_handle(graph), &options, &program),
                 ESP_ERROR_UNSUPPORTED);
    cr_assert(strstr(error.message, "Choice"), "%s", error.message);
    graph_destroy(graph);
    pair_destroy(&pair);
}
