// SPDX-License-Identifier: Apache-2.0
// See trainee.h.
#include "trainee.h"

#include "../stopwatch.h"

#include "evaluate/initialise.h"

#include <stdlib.h>

static struct error error;

static const esp_shape *output_shape(const struct trainee *t)
{
    return &esp_graph_get(t->graph, esp_graph_output(t->graph, 0))->shape;
}

static void fill(float *data, uint64_t count, uint64_t seed, double scale)
{
    esp_random random = esp_random_stream(seed, 0, 0, 0, 0);
    for (uint64_t i = 0; i < count; i++)
        data[i] = (float)(scale * esp_random_normal(&random));
}

void trainee_open(struct trainee *t, const struct instance *engine, const esp_graph *graph,
                  uint64_t batch, bool input_gradient)
{
    const esp_shape *shape = &esp_graph_get(graph, 0)->shape;
    uint64_t elements = batch * esp_shape_size(shape);
    esp_compile_options options = {.struct_size = sizeof options,
                                   .batch = batch,
                                   .training = 1,
                                   .input_gradient = input_gradient};
    *t = (struct trainee){.graph = graph, .batch = batch, .learning_rate = 1e-6};
    need(program_create(&t->program, engine, graph, &options, &error), &error);
    need(program_initialise(t->program, 1, 0, NULL), &error);
    t->outputs = esp_shape_size(output_shape(t));
    t->input.shape = *shape;
    t->input.shape.dims[0] = (int64_t)batch;
    t->input.data = malloc(elements * sizeof(float));
    t->labels = malloc(batch * sizeof *t->labels);
    t->gradient = malloc(batch * t->outputs * sizeof(float));
    if (!t->input.data || !t->labels || !t->gradient)
        need(error_memory(&error), &error);
    fill(t->input.data, elements, 1, 1.0);
    fill(t->gradient, batch * t->outputs, 2, 1.0 / (double)batch);
    for (uint64_t i = 0; i < batch; i++)
        t->labels[i] = (uint32_t)(i % t->outputs);
}

void trainee_close(struct trainee *t)
{
    program_destroy(t->program);
    free(t->input.data);
    free(t->labels);
    free(t->gradient);
}

void trainee_forward(struct trainee *t)
{
    esp_forward pass = {.struct_size = sizeof pass,
                        .inputs = &t->input,
                        .input_count = 1,
                        .batch = t->batch,
                        .training = 1,
                        .random = esp_random_stream(1, 1, 0, 0, t->step),
                        .output_count = 1};
    need(esp_program_forward(program_handle(t->program), &pass), &error);
}

void trainee_backward(struct trainee *t)
{
    esp_output_gradient given = {sizeof given, 0, t->gradient};
    need(esp_program_backward(program_handle(t->program), &given, 1), &error);
}

void trainee_apply(struct trainee *t)
{
    esp_optimizer sgd = {.struct_size = sizeof sgd,
                         .kind = ESP_OPTIMIZER_SGD,
                         .learning_rate = t->learning_rate,
                         .momentum = MOMENTUM,
                         .weight_decay = WEIGHT_DECAY,
                         .step = ++t->step};
    need(esp_program_apply(program_handle(t->program), &sgd), &error);
}

double trainee_step(struct trainee *t)
{
    esp_tensor logits;
    double loss = 0.0;
    trainee_forward(t);
    need(esp_program_tensor(program_handle(t->program), ESP_TENSOR_OUTPUT, "0", &logits), &error);
    need(esp_cross_entropy(program_handle(t->program), &logits, t->labels, 0.0, t->gradient, &loss,
                           NULL),
         &error);
    trainee_backward(t);
    trainee_apply(t);
    return loss;
}

void trainee_time(struct trainee *t, int count, double *cpu, double *wall)
{
    for (int i = 0; i < count; i++) {
        double began_cpu = cpu_seconds(), began_wall = wall_seconds();
        trainee_step(t);
        cpu[i] = cpu_seconds() - began_cpu;
        wall[i] = wall_seconds() - began_wall;
    }
}
