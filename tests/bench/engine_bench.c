// SPDX-License-Identifier: Apache-2.0
// What the engines make of small networks: training steps (forward, backward, one step of SGD) and
// evaluation, in GFLOP/s of the convolutions' and linear layers' multiply-adds, by processor time. A
// step counts as three forwards. Each figure is the median of repetitions within this one program run.
//   engine_bench [ENGINE [BATCH [NAME]]]     openblas, 64 and all networks when left out
#include "stopwatch.h"

#include "graph/graph.h"
#include "loader/registry.h"
#include "support/engine.h"

#include <espalier/espalier.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPETITIONS 9
#define SECONDS 0.05 // of one repetition

static const esp_engine_type *engine;
static void *instance;
static uint64_t batch = 64;
static struct error error;

// ---- Networks ---------------------------------------------------------------------------------

static int64_t numbers[4][4];

static uint32_t add(struct graph *graph, const char *op, uint32_t input,
                    const esp_attribute *attributes, uint64_t count)
{
    static int number;
    char name[32];
    snprintf(name, sizeof name, "n%d", number++);
    uint32_t node =
        graph_add(graph, "", name, op, &input, 1, attributes, count, sizeof(esp_attribute), &error);
    need(error.status, &error);
    return node;
}

static uint32_t conv(struct graph *graph, uint32_t x, int64_t channels, int64_t kernel,
                     int64_t stride, int64_t group)
{
    for (int i = 0; i < 4; i++) {
        numbers[0][i] = kernel;
        numbers[1][i] = stride;
        numbers[2][i] = kernel / 2;
    }
    esp_attribute attributes[] = {
        esp_attribute_ints("kernel_shape", numbers[0], 2),
        esp_attribute_ints("strides", numbers[1], 2),
        esp_attribute_ints("pads", numbers[2], 4),
        esp_attribute_int("group", group),
        esp_attribute_int("channels", channels),
    };
    return add(graph, "Conv", x, attributes, ESP_COUNT(attributes));
}

static uint32_t block(struct graph *graph, uint32_t x, int64_t channels, int64_t kernel,
                      int64_t stride)
{
    x = conv(graph, x, channels, kernel, stride, 1);
    x = add(graph, "BatchNormalization", x, NULL, 0);
    return add(graph, "Relu", x, NULL, 0);
}

static uint32_t separable(struct graph *graph, uint32_t x, int64_t in, int64_t channels,
                          int64_t stride)
{
    x = conv(graph, x, in, 3, stride, in);
    return block(graph, x, channels, 1, 1);
}

static uint32_t pool(struct graph *graph, const char *op, uint32_t x, int64_t kernel,
                     int64_t stride)
{
    for (int i = 0; i < 4; i++) {
        numbers[0][i] = kernel;
        numbers[1][i] = stride;
        numbers[2][i] = (kernel - 1) / 2;
    }
    esp_attribute attributes[] = {
        esp_attribute_ints("kernel_shape", numbers[0], 2),
        esp_attribute_ints("strides", numbers[1], 2),
        esp_attribute_ints("pads", numbers[2], 4),
    };
    return add(graph, op, x, attributes, ESP_COUNT(attributes));
}

static uint32_t head(struct graph *graph, uint32_t x)
{
    esp_attribute channels = esp_attribute_int("channels", 10);
    x = add(graph, "GlobalAveragePool", x, NULL, 0);
    x = add(graph, "Flatten", x, NULL, 0);
    return add(graph, "Gemm", x, &channels, 1);
}

struct network {
    const char *name;
    int64_t channels, size; // of the input
    uint32_t (*build)(struct graph *graph, uint32_t x);
};

static uint32_t build_chain(struct graph *graph, uint32_t x)
{
    x = block(graph, x, 16, 3, 1);
    x = block(graph, x, 32, 3, 2);
    x = block(graph, x, 32, 3, 1);
    x = pool(graph, "MaxPool", x, 3, 2);
    x = block(graph, x, 64, 3, 1);
    return head(graph, x);
}

static uint32_t build_separable(struct graph *graph, uint32_t x)
{
    x = block(graph, x, 16, 3, 1);
    x = separable(graph, x, 16, 32, 2);
    x = separable(graph, x, 32, 32, 1);
    x = pool(graph, "AveragePool", x, 3, 1);
    x = separable(graph, x, 32, 64, 2);
    return head(graph, x);
}

static uint32_t build_convs(struct graph *graph, uint32_t x, int64_t channels, int64_t kernel)
{
    for (int i = 0; i < 4; i++)
        x = conv(graph, x, channels, kernel, 1, 1);
    return head(graph, x);
}

static uint32_t build_3x3_8(struct graph *graph, uint32_t x)
{
    return build_convs(graph, x, 8, 3);
}

static uint32_t build_3x3_16(struct graph *graph, uint32_t x)
{
    return build_convs(graph, x, 16, 3);
}

static uint32_t build_3x3_32(struct graph *graph, uint32_t x)
{
    return build_convs(graph, x, 32, 3);
}

static uint32_t build_3x3_64(struct graph *graph, uint32_t x)
{
    return build_convs(graph, x, 64, 3);
}

static uint32_t build_5x5_16(struct graph *graph, uint32_t x)
{
    return build_convs(graph, x, 16, 5);
}

static uint32_t build_1x1_32(struct graph *graph, uint32_t x)
{
    return build_convs(graph, x, 32, 1);
}

static uint32_t build_strided(struct graph *graph, uint32_t x)
{
    x = conv(graph, x, 32, 3, 2, 1);
    x = conv(graph, x, 64, 3, 2, 1);
    return head(graph, x);
}

static uint32_t build_depthwise(struct graph *graph, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        x = conv(graph, x, 16, 3, 1, 16);
    return head(graph, x);
}

static uint32_t build_linear(struct graph *graph, uint32_t x)
{
    esp_attribute channels = esp_attribute_int("channels", 256);
    x = add(graph, "Flatten", x, NULL, 0);
    x = add(graph, "Gemm", x, &channels, 1);
    x = add(graph, "Relu", x, NULL, 0);
    channels = esp_attribute_int("channels", 10);
    return add(graph, "Gemm", x, &channels, 1);
}

static uint32_t build_bn_relu(struct graph *graph, uint32_t x)
{
    x = conv(graph, x, 16, 1, 1, 1);
    for (int i = 0; i < 4; i++) {
        x = add(graph, "BatchNormalization", x, NULL, 0);
        x = add(graph, "Relu", x, NULL, 0);
    }
    return head(graph, x);
}

static uint32_t build_max_pool(struct graph *graph, uint32_t x)
{
    x = conv(graph, x, 16, 1, 1, 1);
    for (int i = 0; i < 4; i++)
        x = pool(graph, "MaxPool", x, 3, 1);
    return head(graph, x);
}

static uint32_t build_average_pool(struct graph *graph, uint32_t x)
{
    x = conv(graph, x, 16, 1, 1, 1);
    for (int i = 0; i < 4; i++)
        x = pool(graph, "AveragePool", x, 3, 1);
    return head(graph, x);
}

static const struct network networks[] = {
    {"chain: four 3x3 blocks", 1, 28, build_chain},
    {"chain: separable blocks", 1, 28, build_separable},
    {"4 x 3x3, 8 channels, 28x28", 8, 28, build_3x3_8},
    {"4 x 3x3, 16 channels, 28x28", 16, 28, build_3x3_16},
    {"4 x 3x3, 16 channels, 32x32", 16, 32, build_3x3_16},
    {"4 x 3x3, 32 channels, 14x14", 32, 14, build_3x3_32},
    {"4 x 3x3, 64 channels, 7x7", 64, 7, build_3x3_64},
    {"4 x 5x5, 16 channels, 28x28", 16, 28, build_5x5_16},
    {"4 x 1x1, 32 channels, 28x28", 32, 28, build_1x1_32},
    {"2 x 3x3 stride 2, 16-32-64", 16, 28, build_strided},
    {"4 x depthwise 3x3, 16 channels", 16, 28, build_depthwise},
    {"linear: 784-256-10", 1, 28, build_linear},
    {"1x1, 4 x norm and Relu, 16 ch", 16, 28, build_bn_relu},
    {"1x1, 4 x MaxPool 3x3, 16 ch", 16, 28, build_max_pool},
    {"1x1, 4 x AveragePool 3x3, 16 ch", 16, 28, build_average_pool},
};

// ---- Measuring --------------------------------------------------------------------------------

struct task {
    esp_call call;
    void *program;
    esp_tensor input;
    float *gradient;
};

static void step(struct task *task, uint32_t training)
{
    esp_forward forward = {.struct_size = sizeof forward,
                           .inputs = &task->input,
                           .input_count = 1,
                           .batch = batch,
                           .training = training};
    esp_output_gradient gradient = {sizeof gradient, 0, task->gradient};
    esp_optimizer sgd = {.struct_size = sizeof sgd,
                         .kind = ESP_OPTIMIZER_SGD,
                         .nesterov = 1,
                         .learning_rate = 1e-4,
                         .momentum = 0.9};
    need(engine->forward(task->program, &task->call, &forward), &error);
    if (!training)
        return;
    need(engine->backward(task->program, &task->call, &gradient, 1, sizeof gradient), &error);
    need(engine->apply(task->program, &task->call, &sgd), &error);
}

// Seconds of one step.
static double measure(struct task *task, uint32_t training)
{
    double seconds[REPETITIONS];
    step(task, training);
    for (int i = 0; i < REPETITIONS; i++) {
        double began = cpu_seconds();
        int count = 0;
        do {
            step(task, training);
            count++;
        } while (cpu_seconds() - began < SECONDS);
        seconds[i] = (cpu_seconds() - began) / count;
    }
    return median(seconds, REPETITIONS);
}

static void fill(float *data, uint64_t size, double scale, uint64_t seed)
{
    esp_random random = esp_random_stream(seed, 0, 0, 0, 0);
    for (uint64_t i = 0; i < size; i++)
        data[i] = (float)(scale * esp_random_normal(&random));
}

static void initialise(struct task *task, const esp_graph *graph)
{
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        for (uint64_t j = 0; j < node->weight_count; j++) {
            const esp_weight *weight = &node->weights[j];
            uint64_t size = esp_shape_size(&weight->shape);
            esp_tensor tensor;
            need(engine->tensor(task->program, &task->call, ESP_TENSOR_WEIGHT, weight->path,
                                &tensor),
                 &error);
            if (weight->init == ESP_INIT_ONES)
                for (uint64_t k = 0; k < size; k++)
                    tensor.data[k] = 1.0f;
            else if (weight->init != ESP_INIT_ZEROS)
                fill(tensor.data, size, sqrt(2.0 * (double)weight->shape.dims[0] / (double)size),
                     i);
        }
    }
}

static void bench(const struct network *network)
{
    esp_shape shape = {4, 0, {ESP_BATCH, network->channels, network->size, network->size}};
    struct graph *graph = graph_create();
    uint32_t input = graph_add_input(graph, "x", &shape, &error);
    need(graph_add_output(graph, network->build(graph, input), &error), &error);
    need(graph_finish(graph, &error), &error);
    const esp_graph *handle = graph_handle(graph);
    esp_compile_options options = {.struct_size = sizeof options, .batch = batch, .training = 1};
    struct task task;
    handle_init(&task.call.base, sizeof task.call, &error);
    need(engine->compile(instance, &task.call, handle, &options, &task.program), &error);
    initialise(&task, handle);
    uint64_t size = batch * esp_shape_size(&shape);
    task.input.data = malloc(size * sizeof(float));
    task.input.shape = shape;
    task.input.shape.dims[0] = (int64_t)batch;
    task.gradient = malloc(batch * 10 * sizeof(float));
    if (!task.input.data || !task.gradient)
        exit(1);
    fill(task.input.data, size, 1.0, 1);
    fill(task.gradient, batch * 10, 1.0 / (double)batch, 2);
    double training = measure(&task, 1), evaluation = measure(&task, 0);
    double flops = 2e-9 * (double)esp_graph_macs(handle) * (double)batch;
    printf("%-32s %8.3f M %8.2f ms %7.1f GFLOP/s %8.2f ms %7.1f GFLOP/s %9.0f images/s\n",
           network->name, 1e-6 * (double)esp_graph_macs(handle), 1e3 * training,
           3.0 * flops / training, 1e3 * evaluation, flops / evaluation, (double)batch / training);
    fflush(stdout);
    free(task.input.data);
    free(task.gradient);
    engine->release(instance, task.program);
    graph_destroy(graph);
}

int main(int argc, char **argv)
{
    const char *id = argc > 1 ? argv[1] : "openblas";
    struct registry *registry;
    const struct component *component;
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    setenv("OMP_NUM_THREADS", "1", 1);
    if (argc > 2)
        batch = strtoull(argv[2], NULL, 10);
    if (batch < 1)
        return 2;
    need(registry_create(&registry, NULL, &error), &error);
    need(registry_find(&component, registry, ESP_KIND_ENGINE, id, &error), &error);
    engine = component->type;
    need(support_engine_open(engine, 1, &instance, &error), &error);
    printf("%s, batch %llu\n%-32s %10s %11s %15s %11s %15s\n", id, (unsigned long long)batch, "",
           "MACs", "step", "", "evaluation", "");
    for (size_t i = 0; i < ESP_COUNT(networks); i++)
        if (argc < 4 || strstr(networks[i].name, argv[3]))
            bench(&networks[i]);
    engine->close(instance);
    registry_destroy(registry);
    return 0;
}
