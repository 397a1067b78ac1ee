// SPDX-License-Identifier: Apache-2.0
// Networks trained for STEPS steps of SGD on Fashion-MNIST, for read_losses.py: the file for PyTorch, the
// weights it began with and the losses, NAME.py, .safetensors, .losses, .json. Rates and batches are
// ordinary ones. At 0.025 instead of 0.01 rounding shows in the chain: its losses then come to differ by
// 1.6e-3 from PyTorch's in f32, whose own f32 and f64 differ by 1.0e-3.
#include "sample.h"

#include "evaluate/loss.h"
#include "support/member_lab.h"
#include "support/sketch.h"

#include <espalier/random.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS 50
#define MOMENTUM 0.9
#define WEIGHT_DECAY 3e-4

struct network {
    const char *name;
    uint64_t batch;
    double learning_rate;
    const char *sketch;     // or
    const char *ini, *text; // of a space, and a member in its notation
};

#define BLOCK(conv, x, channels)                                                                   \
    "c" conv " = Conv " x " channels=" channels " kernel_shape=3,3 pads=1,1,1,1; "                 \
    "b" conv " = BatchNormalization c" conv "; r" conv " = Relu b" conv "; "
#define POOL(pool, x) "p" pool " = MaxPool " x " kernel_shape=2,2 strides=2,2; "

static const struct network networks[] = {
    {.name = "losses-nasbench201",
     .batch = 64,
     .learning_rate = 0.01,
     .ini = "[dataset]\nplugin = synthetic\nchannels = 1\nheight = 28\nwidth = 28\n"
            "[space]\nplugin = nasbench201\nchannels = 16\ncells = 1\n",
     .text = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+"
             "|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|"},
    {.name = "losses-chain",
     .batch = 64,
     .learning_rate = 0.01,
     .sketch = "x = Input 1x28x28; " BLOCK("1", "x", "16") BLOCK("2", "r1", "16") POOL("1", "r2")
         BLOCK("3", "p1", "32") BLOCK("4", "r3", "32") POOL("2", "r4") BLOCK(
             "5", "p2", "64") "g = GlobalAveragePool r5; f = Flatten g; y = Gemm f channels=10"},
    // DARTS_V2 (Liu et al. 2019): separable and dilated convolutions. At 0.01 PyTorch's own f32 and f64
    // come to differ by 8e-3.
    {.name = "losses-darts",
     .batch = 32,
     .learning_rate = 0.001,
     .ini = "[dataset]\nplugin = synthetic\nchannels = 1\nheight = 28\nwidth = 28\n"
            "[space]\nplugin = darts\nchannels = 8\ncells = 4\ndrop_path = 0\n",
     .text = "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
             "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
             "('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
             "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
             "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], "
             "reduce_concat=[2, 3, 4, 5])"},
    {.name = "losses-mlp",
     .batch = 128,
     .learning_rate = 0.01,
     .sketch = "x = Input 1x28x28; a = Flatten x; b = Gemm a channels=256; c = Relu b; d = Gemm c "
               "channels=128; e = Relu d; y = Gemm e channels=10"},
};

struct training {
    struct sample sample;
    const struct images *images;
    const struct network *network;
    uint64_t classes;
    float *gradient;
};

static float train_step(struct training *t, uint64_t step)
{
    const esp_engine_type *type = t->sample.engine->type;
    esp_call *call = &t->sample.engine->call;
    uint64_t batch = t->network->batch, correct;
    uint32_t labels[128];
    double loss = 0.0;
    esp_tensor input = {.data = t->sample.normalised,
                        .shape = esp_graph_get(t->sample.graph, 0)->shape},
               logits;
    esp_forward pass = {.struct_size = sizeof pass,
                        .inputs = &input,
                        .input_count = 1,
                        .batch = batch,
                        .training = 1,
                        .output_count = 1};
    esp_output_gradient given = {sizeof given, 0, t->gradient};
    esp_optimizer sgd = {.struct_size = sizeof sgd,
                         .kind = ESP_OPTIMIZER_SGD,
                         .learning_rate = t->network->learning_rate,
                         .momentum = MOMENTUM,
                         .weight_decay = WEIGHT_DECAY,
                         .step = step + 1};
    sample_input(&t->sample, t->images, step * batch, batch);
    input.data = t->sample.normalised;
    input.shape.dims[0] = (int64_t)batch;
    cr_assert_leq(batch, ESP_COUNT(labels));
    for (uint64_t i = 0; i < batch; i++)
        labels[i] = t->images->labels[step * batch + i];
    esp_status status = type->forward(t->sample.program, call, &pass);
    if (status == ESP_OK)
        status = type->tensor(t->sample.program, call, ESP_TENSOR_OUTPUT, "0", &logits);
    if (status == ESP_OK) {
        esp_loss cross_entropy = {.struct_size = sizeof cross_entropy,
                                  .kind = ESP_LOSS_CROSS_ENTROPY};
        loss_compute(&cross_entropy, logits.data, labels, batch, t->classes, t->gradient, &loss,
                     &correct);
        status = type->backward(t->sample.program, call, &given, 1, sizeof given);
    }
    if (status == ESP_OK)
        status = type->apply(t->sample.program, call, &sgd);
    cr_assert_eq(status, ESP_OK, "%s: %s", t->network->name, t->sample.engine->error.message);
    return (float)loss;
}

static void train(struct engine *engine, const struct images *images, const struct network *network,
                  const esp_graph *graph)
{
    const esp_shape *shape = &esp_graph_get(graph, 0)->shape;
    const esp_shape *out = &esp_graph_get(graph, esp_graph_output(graph, 0))->shape;
    struct training t = {
        .sample = {.engine = engine, .name = network->name, .graph = graph, .trains = true},
        .images = images,
        .network = network,
        .classes = esp_shape_size(out)};
    float losses[STEPS];
    t.gradient = malloc(network->batch * t.classes * sizeof *t.gradient);
    cr_assert_not_null(t.gradient);
    error_clear(&t.sample.error);
    error_clear(&engine->error);
    sample_compile(&t.sample, network->batch, true);
    sample_input(&t.sample, images, 0, network->batch); // for the normalisation in the file
    sample_export(&t.sample, "{}");
    unlink(sample_file(&t.sample, "onnx"));
    for (uint64_t step = 0; step < STEPS; step++)
        losses[step] = train_step(&t, step);
    // It learns: these are no losses of a network that stands still.
    cr_expect_lt(losses[STEPS - 1], 0.85f * losses[0], "%s: from %g to %g", network->name,
                 (double)losses[0], (double)losses[STEPS - 1]);
    sample_write(sample_file(&t.sample, "losses"), losses, STEPS);
    json_t *json = json_pack("{s:o, s:f, s:f, s:f}", "input", sample_dims(shape, network->batch),
                             "learning_rate", network->learning_rate, "momentum", MOMENTUM,
                             "weight_decay", WEIGHT_DECAY);
    json_dump_file(json, sample_file(&t.sample, "json"), JSON_COMPACT);
    json_decref(json);
    free(t.gradient);
    sample_free(&t.sample);
}

static void train_member(struct engine *engine, const struct images *images,
                         const struct network *network)
{
    struct member_lab lab;
    member_lab_open(&lab, network->ini);
    struct arch *arch = member_parse(&lab, network->text);
    struct graph *graph = member_graph(&lab, arch);
    train(engine, images, network, graph_handle(graph));
    graph_destroy(graph);
    arch_release(arch);
    member_lab_close(&lab);
}

Test(losses, networks)
{
    struct engine engine;
    struct images images;
    samples_clear();
    if (!images_load(&images, "train", STEPS * 128))
        cr_skip_test("there is no " IMAGES_FOLDER " (Debian: dataset-fashion-mnist)");
    engine_open(&engine, "openblas");
    for (size_t i = 0; i < ESP_COUNT(networks); i++) {
        const struct network *network = &networks[i];
        if (network->sketch) {
            struct graph *graph = sketch_read(network->sketch);
            train(&engine, &images, network, graph_handle(graph));
            graph_destroy(graph);
        } else {
            train_member(&engine, &images, network);
        }
    }
    engine_close(&engine);
    images_free(&images);
}
