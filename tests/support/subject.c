// SPDX-License-Identifier: Apache-2.0
// Programs under test.
#include "support/subject.h"

#include "support/engine.h"
#include "support/sketch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void need(const struct subject *s, esp_status status, const char *what)
{
    cr_assert_eq(status, ESP_OK, "%s of '%s': %s", what, s->sketch, s->error.message);
}

static void fill(float *data, uint64_t size, double scale, esp_random random)
{
    for (uint64_t i = 0; i < size; i++)
        data[i] = (float)(scale * esp_random_normal(&random));
}

static float *random_floats(const struct subject *s, uint32_t node, uint64_t tag)
{
    uint64_t size =
        s->max_batch * esp_shape_size(&esp_graph_get(graph_handle(s->graph), node)->shape);
    float *data = malloc(size * sizeof *data + 1);
    cr_assert(data);
    fill(data, size, 1.0, subject_random(s, tag));
    return data;
}

static void fill_weights(struct subject *s)
{
    const esp_graph *graph = graph_handle(s->graph);
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        for (uint64_t j = 0; j < node->weight_count; j++) {
            const esp_weight *weight = &node->weights[j];
            float *data = subject_tensor(s, ESP_TENSOR_WEIGHT, weight->path);
            uint64_t size = esp_shape_size(&weight->shape);
            double fan_in = (double)size / (double)weight->shape.dims[0];
            esp_random random = subject_random(s, 1000 + 8 * i + j);
            fill(data, size, weight->shape.rank > 1 ? 1.0 / sqrt(fan_in) : 0.5, random);
            if (strcmp(weight->name, "variance") == 0 || strcmp(weight->name, "scale") == 0)
                for (uint64_t k = 0; k < size; k++)
                    data[k] = (float)(0.5 + esp_random_real(&random));
        }
    }
}

static void compile(struct subject *s)
{
    const esp_graph *graph = graph_handle(s->graph);
    uint64_t count = esp_graph_node_count(graph);
    const char **keep = calloc(count, sizeof *keep);
    cr_assert(keep);
    for (uint64_t i = 0; i < count; i++)
        keep[i] = esp_graph_get(graph, i)->path;
    esp_compile_options options = {.struct_size = sizeof options,
                                   .batch = s->max_batch,
                                   .training = !s->evaluation,
                                   .input_gradient = s->input_gradient,
                                   .keep = s->keep ? &s->keep : keep,
                                   .keep_count = s->keep       ? 1
                                                 : s->keep_all ? count
                                                               : 0};
    need(s, s->engine->compile(s->self, &s->call, graph, &options, &s->program), "compile");
    free(keep);
}

void subject_open(struct subject *s)
{
    error_clear(&s->error);
    handle_init(&s->call.base, sizeof s->call, &s->error);
    s->graph = sketch_read(s->sketch);
    s->random = subject_random(s, 77);
    need(s, support_engine_open(s->engine, s->threads ? s->threads : 1, &s->self, &s->error),
         "open");
    compile(s);
    fill_weights(s);
    const esp_graph *graph = graph_handle(s->graph);
    uint64_t inputs = 0;
    for (uint32_t i = 0; i < esp_graph_node_count(graph); i++)
        if (strcmp(esp_graph_get(graph, i)->op, "Input") == 0) {
            cr_assert_lt(inputs, SUBJECT_MOST);
            s->inputs[inputs] = random_floats(s, i, 100 + inputs);
            inputs++;
        }
    for (uint64_t o = 0; o < esp_graph_output_count(graph); o++) {
        cr_assert_lt(o, SUBJECT_MOST);
        s->gradients[o] = random_floats(s, esp_graph_output(graph, o), 200 + o);
    }
}

void subject_close(struct subject *s)
{
    s->engine->release(s->self, s->program);
    s->engine->close(s->self);
    graph_destroy(s->graph);
    for (int i = 0; i < SUBJECT_MOST; i++) {
        free(s->inputs[i]);
        free(s->gradients[i]);
    }
}

esp_random subject_random(const struct subject *s, uint64_t tag)
{
    return esp_random_stream(s->seed, tag, 0, 0, 0);
}

void subject_forward(struct subject *s, uint64_t batch, bool training)
{
    const esp_graph *graph = graph_handle(s->graph);
    esp_tensor inputs[SUBJECT_MOST];
    uint64_t count = 0;
    for (uint32_t i = 0; i < esp_graph_node_count(graph); i++)
        if (strcmp(esp_graph_get(graph, i)->op, "Input") == 0) {
            inputs[count] = (esp_tensor){s->inputs[count], esp_graph_get(graph, i)->shape};
            inputs[count++].shape.dims[0] = (int64_t)batch;
        }
    esp_forward forward = {.struct_size = sizeof forward,
                           .inputs = inputs,
                           .input_count = count,
                           .batch = batch,
                           .training = training,
                           .random = s->random,
                           .progress = s->progress,
                           .output_count = s->outputs};
    need(s, s->engine->forward(s->program, &s->call, &forward), "forward");
    s->batch = batch;
}

void subject_backward(struct subject *s)
{
    esp_output_gradient given[SUBJECT_MOST];
    uint64_t count = esp_graph_output_count(graph_handle(s->graph));
    for (uint64_t o = 0; o < count; o++)
        given[o] = (esp_output_gradient){sizeof given[o], o, s->gradients[o]};
    need(s, s->engine->backward(s->program, &s->call, given, count, sizeof given[0]), "backward");
}

void subject_backward_of(struct subject *s, uint64_t output)
{
    esp_output_gradient given = {sizeof given, output, s->gradients[output]};
    need(s, s->engine->backward(s->program, &s->call, &given, 1, sizeof given), "backward");
}

float *subject_tensor(struct subject *s, uint32_t which, const char *name)
{
    esp_tensor tensor;
    need(s, s->engine->tensor(s->program, &s->call, which, name, &tensor), name);
    cr_assert(tensor.data);
    return tensor.data;
}

esp_status subject_ask(struct subject *s, uint32_t which, const char *name)
{
    esp_tensor tensor;
    error_clear(&s->error);
    return s->engine->tensor(s->program, &s->call, which, name, &tensor);
}

struct reference *subject_reference(const struct subject *s, uint64_t batch, bool training)
{
    struct reference *r = reference_create(graph_handle(s->graph), batch);
    uint64_t inputs = 0;
    r->training = training;
    r->random = s->random;
    r->progress = s->progress;
    for (uint32_t i = 0; i < r->count; i++) {
        struct reference_node *node = &r->nodes[i];
        if (strcmp(node->node->op, "Input") == 0) {
            for (size_t k = 0; k < node->size; k++)
                node->value[k] = (double)s->inputs[inputs][k];
            inputs++;
        }
        for (uint64_t j = 0; j < node->node->weight_count; j++) {
            esp_tensor tensor;
            esp_call call = s->call;
            need(s,
                 s->engine->tensor(s->program, &call, ESP_TENSOR_WEIGHT,
                                   node->node->weights[j].path, &tensor),
                 "tensor");
            for (size_t k = 0; k < node->weight_sizes[j]; k++)
                node->weights[j][k] = (double)tensor.data[k];
        }
    }
    return r;
}
