// SPDX-License-Identifier: Apache-2.0
// Graphs and calls that the engine refuses, in what words; and graphs of other hosts, which leave out
// what ours fills in.
#include "support/engine.h"
#include "support/leak.h"
#include "support/sketch.h"
#include "support/subject.h"

#include <espalier/plugin.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const void *esp_plugin_entry(uint32_t kind, const char *id);

#define ENGINE esp_plugin_entry(ESP_KIND_ENGINE, ENGINE_UNDER_TEST)

static size_t bytes_of(uint64_t floats)
{
    return floats * sizeof(float);
}

static struct subject small(void)
{
    return (struct subject){.engine = ENGINE,
                            .sketch = "x = Input 3x14x14; a = Conv x channels=4 kernel_shape=3,3; "
                                      "b = BatchNormalization a; y = Relu b",
                            .max_batch = 4};
}

// ---- What is refused ----------------------------------------------------------------------------

static esp_status compile(const esp_graph *graph, const char *keep, uint64_t batch,
                          struct error *error)
{
    const esp_engine_type *engine = ENGINE;
    esp_call call;
    void *self = NULL, *program = NULL;
    error_clear(error);
    cr_assert_eq(support_engine_open(engine, 1, &self, error), ESP_OK);
    handle_init(&call.base, sizeof call, error);
    esp_compile_options options = {.struct_size = sizeof options,
                                   .batch = batch,
                                   .training = 1,
                                   .keep = &keep,
                                   .keep_count = keep != NULL};
    esp_status status = engine->compile(self, &call, graph, &options, &program);
    if (status == ESP_OK)
        engine->release(self, program);
    engine->close(self);
    return status;
}

// With a limit of so many bytes.
static esp_status compile_within(const char *sketch, uint64_t batch, uint64_t limit,
                                 struct error *error)
{
    const esp_engine_type *engine = ENGINE;
    struct graph *graph = sketch_read(sketch);
    esp_call call;
    void *self = NULL, *program = NULL;
    error_clear(error);
    cr_assert_eq(support_engine_open(engine, 1, &self, error), ESP_OK);
    handle_init(&call.base, sizeof call, error);
    esp_compile_options options = {
        .struct_size = sizeof options, .batch = batch, .training = 1, .memory_limit = limit};
    esp_status status = engine->compile(self, &call, graph_handle(graph), &options, &program);
    if (status == ESP_OK)
        engine->release(self, program);
    engine->close(self);
    graph_destroy(graph);
    return status;
}

// Of activations: 2^24 samples of 16 KiB and more. Of weights: 2^28, and their gradients.
TestLeak(graphs, networks_that_pass_the_limit)
{
    static const char *const activations = "x = Input 16x16x16; y = Relu x";
    static const char *const weights = "x = Input 16384; y = Gemm x channels=16384";
    struct error error;
    cr_assert_eq(compile_within(activations, 1 << 24, UINT64_C(4) << 30, &error), ESP_ERROR_MEMORY);
    cr_assert(strstr(error.message, "MiB") && strstr(error.message, "4096.0 MiB"), "%s",
              error.message);
    cr_assert_eq(compile_within(weights, 1, UINT64_C(1) << 30, &error), ESP_ERROR_MEMORY);
    cr_assert(strstr(error.message, "2048.1 MiB"), "%s", error.message);
    cr_assert_eq(compile_within(activations, 4, UINT64_C(64) << 20, &error), ESP_OK, "%s",
                 error.message);
}

TestLeak(graphs, networks_that_are_refused)
{
    struct error error;
    struct graph *graph = sketch_read("x = Input 2x4x4; a = Relu x; b = Tanh x; "
                                      "c = Choice a b path=op names=relu");
    cr_assert_eq(compile(graph_handle(graph), NULL, 1, &error), ESP_ERROR_UNSUPPORTED);
    cr_assert(strstr(error.message, "Choice") && strstr(error.message, "'c'"), "%s", error.message);
    graph_destroy(graph);

    graph = sketch_read("x = Input 2x4x4; a = Relu x");
    cr_assert_eq(compile(graph_handle(graph), "relu", 1, &error), ESP_ERROR_NOT_FOUND);
    cr_assert(strstr(error.message, "relu"), "%s", error.message);
    cr_assert_eq(compile(graph_handle(graph), NULL, 0, &error), ESP_ERROR_MISUSE);
    cr_assert_eq(compile(graph_handle(graph), NULL, UINT64_MAX / 8, &error), ESP_ERROR_MEMORY);
    cr_assert_eq(compile(graph_handle(graph), "a", 1, &error), ESP_OK);
    graph_destroy(graph);
}

TestLeak(graphs, calls_that_are_refused)
{
    struct subject s = small();
    subject_open(&s);
    esp_tensor input = {s.inputs[0], {.rank = 4, .dims = {2, 3, 14, 14}}};
    esp_tensor narrow = {s.inputs[0], {.rank = 4, .dims = {2, 3, 14, 13}}};
    esp_output_gradient gradient = {sizeof gradient, 0, s.gradients[0]};
    esp_output_gradient beyond = {sizeof beyond, 1, s.gradients[0]};
    esp_output_gradient empty = {sizeof empty, 0, NULL};
    const esp_forward forwards[] = {
        {.struct_size = sizeof forwards[0], .inputs = &input, .input_count = 1, .batch = 0},
        {.struct_size = sizeof forwards[0], .inputs = &input, .input_count = 1, .batch = 5},
        {.struct_size = sizeof forwards[0], .inputs = &input, .input_count = 0, .batch = 2},
        {.struct_size = sizeof forwards[0], .inputs = &narrow, .input_count = 1, .batch = 2},
        {.struct_size = sizeof forwards[0], .inputs = &input, .input_count = 1, .batch = 3},
        {.struct_size = sizeof forwards[0],
         .inputs = &input,
         .input_count = 1,
         .batch = 2,
         .progress = 1.1},
        {.struct_size = sizeof forwards[0],
         .inputs = &input,
         .input_count = 1,
         .batch = 2,
         .progress = NAN},
        {.struct_size = sizeof forwards[0],
         .inputs = &input,
         .input_count = 1,
         .batch = 2,
         .output_count = 2},
    };
    // Backward needs a forward before it.
    cr_assert_eq(s.engine->backward(s.program, &s.call, &gradient, 1, sizeof gradient),
                 ESP_ERROR_MISUSE);
    for (size_t i = 0; i < ESP_COUNT(forwards); i++) {
        error_clear(&s.error);
        cr_assert_eq(s.engine->forward(s.program, &s.call, &forwards[i]), ESP_ERROR_MISUSE,
                     "forward %zu", i);
        cr_assert(s.error.message[0]);
    }
    subject_forward(&s, 2, true);
    cr_assert_eq(s.engine->backward(s.program, &s.call, &beyond, 1, sizeof beyond),
                 ESP_ERROR_MISUSE);
    cr_assert_eq(s.engine->backward(s.program, &s.call, &empty, 1, sizeof empty), ESP_ERROR_MISUSE);
    subject_close(&s);

    struct subject evaluation = small();
    evaluation.evaluation = true;
    subject_open(&evaluation);
    esp_forward training = {.struct_size = sizeof training,
                            .inputs = &input,
                            .input_count = 1,
                            .batch = 2,
                            .training = 1};
    esp_optimizer sgd = {.struct_size = sizeof sgd, .kind = ESP_OPTIMIZER_SGD, .step = 1};
    cr_assert_eq(evaluation.engine->forward(evaluation.program, &evaluation.call, &training),
                 ESP_ERROR_MISUSE);
    subject_forward(&evaluation, 2, false);
    cr_assert_eq(evaluation.engine->backward(evaluation.program, &evaluation.call, &gradient, 1,
                                             sizeof gradient),
                 ESP_ERROR_MISUSE);
    cr_assert_eq(evaluation.engine->apply(evaluation.program, &evaluation.call, &sgd),
                 ESP_ERROR_MISUSE);
    subject_close(&evaluation);
}

// ---- Graphs of other hosts ----------------------------------------------------------------------

#define MOST_NODES 4

// A graph whose nodes a test may change after they were copied from a real one.
struct changed {
    esp_graph handle;
    esp_graph_node nodes[MOST_NODES];
    uint64_t count;
};

static uint64_t changed_count(const esp_graph *graph)
{
    return ((const struct changed *)graph)->count;
}

static const esp_graph_node *changed_node(const esp_graph *graph, uint64_t i)
{
    return &((const struct changed *)graph)->nodes[i];
}

static uint64_t one_output(const esp_graph *graph)
{
    (void)graph;
    return 1;
}

static uint32_t last_output(const esp_graph *graph, uint64_t i)
{
    (void)i;
    return (uint32_t)((const struct changed *)graph)->count - 1;
}

static uint64_t no_number(const esp_graph *graph)
{
    (void)graph;
    return 0;
}

static const esp_graph_api changed_api = {
    sizeof(esp_graph_api), changed_count, changed_node, one_output,
    last_output,           no_number,     no_number,
};

static void copy_graph(struct changed *to, const struct graph *from)
{
    const esp_graph *graph = graph_handle(from);
    to->handle = *graph;
    to->handle.api = &changed_api;
    to->count = esp_graph_node_count(graph);
    cr_assert_leq(to->count, MOST_NODES);
    for (uint64_t i = 0; i < to->count; i++)
        to->nodes[i] = *esp_graph_get(graph, i);
}

// The output of the real graph and of the changed one on the same numbers.
static void expect_equal_outputs(struct graph *real, const esp_graph *changed, uint64_t inputs,
                                 uint64_t outputs)
{
    const esp_engine_type *engine = ENGINE;
    const esp_graph *graphs[2] = {graph_handle(real), changed};
    float *results[2], *x = malloc(bytes_of(inputs));
    struct error error;
    esp_call call;
    void *self;
    cr_assert(x);
    error_clear(&error);
    cr_assert_eq(support_engine_open(engine, 1, &self, &error), ESP_OK);
    handle_init(&call.base, sizeof call, &error);
    for (int i = 0; i < 2; i++) {
        void *program;
        esp_tensor tensor, input = {x, esp_graph_get(graphs[i], 0)->shape};
        esp_compile_options options = {.struct_size = sizeof options, .batch = 1};
        esp_forward forward = {
            .struct_size = sizeof forward, .inputs = &input, .input_count = 1, .batch = 1};
        input.shape.dims[0] = 1;
        results[i] = malloc(bytes_of(outputs));
        cr_assert(results[i]);
        cr_assert_eq(engine->compile(self, &call, graphs[i], &options, &program), ESP_OK, "%s",
                     error.message);
        esp_random random = esp_random_stream(1, 2, 0, 0, 0);
        for (uint64_t k = 0; k < inputs; k++)
            x[k] = (float)esp_random_normal(&random);
        const esp_graph_node *last = esp_graph_get(graphs[i], esp_graph_node_count(graphs[i]) - 1);
        for (uint64_t j = 0; j < last->weight_count; j++) {
            cr_assert_eq(
                engine->tensor(program, &call, ESP_TENSOR_WEIGHT, last->weights[j].path, &tensor),
                ESP_OK);
            for (uint64_t k = 0; k < esp_shape_size(&tensor.shape); k++)
                tensor.data[k] = (float)(0.5 + esp_random_real(&random));
        }
        cr_assert_eq(engine->forward(program, &call, &forward), ESP_OK, "%s", error.message);
        cr_assert_eq(engine->tensor(program, &call, ESP_TENSOR_OUTPUT, "0", &tensor), ESP_OK);
        memcpy(results[i], tensor.data, bytes_of(outputs));
        engine->release(self, program);
    }
    engine->close(self);
    cr_assert_arr_eq(results[0], results[1], bytes_of(outputs));
    free(results[0]);
    free(results[1]);
    free(x);
}

TestLeak(graphs, attributes_that_are_missing_have_their_defaults)
{
    static const struct {
        const char *sketch;
        uint64_t inputs, outputs;
    } rows[] = {
        {"x = Input 2x5x5; y = Conv x channels=3 kernel_shape=3,3", 50, 27},
        {"x = Input 2x5x5; y = BatchNormalization x", 50, 50},
        {"x = Input 2x5x5; y = BatchNormalization x affine=0", 50, 50},
        {"x = Input 2x5x5; y = Concat x", 50, 50},
        {"x = Input 2x5x5; y = Dropout x", 50, 50},
        {"x = Input 2x5x5; y = DropPath x", 50, 50},
        {"x = Input 2x5x5; y = None x", 50, 50},
        {"x = Input 2x5x5; y = LeakyRelu x", 50, 50},
        {"x = Input 2x5x5; y = Elu x", 50, 50},
        {"x = Input 2x5x5; y = HardSigmoid x", 50, 50},
        {"x = Input 2x5x5; y = Clip x", 50, 50},
        {"x = Input 2x5x5; y = Flatten x", 50, 50},
        {"x = Input 4; y = Gemm x channels=3", 4, 3},
        {"x = Input 2x5x5; y = Softmax x", 50, 50},
        {"x = Input 2x5x5; y = LayerNormalization x", 50, 50},
        {"x = Input 2x5x5; y = LayerNormalization x affine=0", 50, 50},
        {"x = Input 2x5x5; y = Reshape x shape=0,50", 50, 50},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        struct graph *real = sketch_read(rows[i].sketch);
        struct changed changed;
        copy_graph(&changed, real);
        changed.nodes[1].attribute_count = 0;
        expect_equal_outputs(real, &changed.handle, rows[i].inputs, rows[i].outputs);
        graph_destroy(real);
    }
}

// The host resolves auto_pad into pads; another host may leave it as it stands.
TestLeak(graphs, auto_pad_as_text)
{
    static const char *const forms[] = {"SAME_UPPER", "SAME_LOWER", "VALID"};
    for (size_t i = 0; i < ESP_COUNT(forms); i++) {
        char sketch[256];
        snprintf(sketch, sizeof sketch,
                 "x = Input 1x6x9; y = Conv x channels=1 kernel_shape=3,2 strides=2,2 auto_pad=%s",
                 forms[i]);
        const int64_t kernel[2] = {3, 2}, strides[2] = {2, 2};
        const esp_attribute attributes[] = {esp_attribute_ints("kernel_shape", kernel, 2),
                                            esp_attribute_ints("strides", strides, 2),
                                            esp_attribute_text("auto_pad", forms[i])};
        struct graph *real = sketch_read(sketch);
        struct changed changed;
        copy_graph(&changed, real);
        changed.nodes[1].attributes = attributes;
        changed.nodes[1].attribute_count = ESP_COUNT(attributes);
        changed.nodes[1].attribute_stride = sizeof attributes[0];
        expect_equal_outputs(real, &changed.handle, 54, esp_shape_size(&changed.nodes[1].shape));
        graph_destroy(real);
    }
}

TestLeak(graphs, operators_and_attributes_that_the_engine_lacks)
{
    struct graph *real = sketch_read("x = Input 2x5x5; y = MaxPool x kernel_shape=2,2");
    struct changed changed;
    struct error error;
    copy_graph(&changed, real);
    changed.nodes[1].op = "LpPool";
    cr_assert_eq(compile(&changed.handle, NULL, 1, &error), ESP_ERROR_UNSUPPORTED);
    cr_assert(strstr(error.message, "LpPool") && strstr(error.message, "'y'"), "%s", error.message);
    copy_graph(&changed, real);
    const esp_attribute order = esp_attribute_int("storage_order", 1);
    changed.nodes[1].attributes = &order;
    changed.nodes[1].attribute_count = 1;
    cr_assert_eq(compile(&changed.handle, NULL, 1, &error), ESP_ERROR_UNSUPPORTED);
    cr_assert(strstr(error.message, "storage_order") && strstr(error.message, "MaxPool") &&
                  strstr(error.message, "'y'"),
              "%s", error.message);
    const esp_attribute pad = esp_attribute_text("auto_pad", "SIDEWAYS");
    changed.nodes[1].attributes = &pad;
    cr_assert_eq(compile(&changed.handle, NULL, 1, &error), ESP_ERROR_UNSUPPORTED);
    cr_assert(strstr(error.message, "SIDEWAYS"), "%s", error.message);
    graph_destroy(real);
}
