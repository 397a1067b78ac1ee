// SPDX-License-Identifier: Apache-2.0
// A compiled network; see program.h. Calls go straight through to the engine's table.
#include "evaluate/program.h"

#include "evaluate/gradients.h"
#include "evaluate/loss.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct program {
    esp_program handle; // first: lent to the estimator
    esp_call call;      // lent to the engine
    const struct instance *engine;
    const esp_engine_type *type;
    void *program; // the engine's
    const esp_graph *graph;
    bool trains;
    struct error *error;
};

struct program *program_from_handle(esp_program *handle)
{
    return (struct program *)(void *)handle;
}

esp_program *program_handle(struct program *program)
{
    return &program->handle;
}

static esp_status check(struct program *program, esp_status status, const char *call)
{
    if (status == ESP_OK)
        return ESP_OK;
    char who[128];
    snprintf(who, sizeof who, "engine %s: %s", program->engine->component->id, call);
    return error_ensure(program->error, status, who);
}

static esp_status do_forward(esp_program *handle, const esp_forward *forward)
{
    struct program *program = program_from_handle(handle);
    return check(program, program->type->forward(program->program, &program->call, forward),
                 "forward");
}

static esp_status do_backward(esp_program *handle, const esp_output_gradient *gradients,
                              uint64_t count, uint64_t stride)
{
    struct program *program = program_from_handle(handle);
    return check(
        program,
        program->type->backward(program->program, &program->call, gradients, count, stride),
        "backward");
}

static esp_status do_apply(esp_program *handle, const esp_optimizer *optimizer)
{
    struct program *program = program_from_handle(handle);
    return check(program, program->type->apply(program->program, &program->call, optimizer),
                 "apply");
}

static esp_status do_tensor(esp_program *handle, uint32_t which, const char *name, esp_tensor *out)
{
    struct program *program = program_from_handle(handle);
    return check(program, program->type->tensor(program->program, &program->call, which, name, out),
                 "tensor");
}

static esp_status check_loss(esp_program *handle, const esp_loss *loss, const esp_tensor *logits,
                             const uint32_t *labels)
{
    if (!loss || loss->struct_size < sizeof *loss ||
        (loss->kind != ESP_LOSS_CROSS_ENTROPY && loss->kind != ESP_LOSS_SQUARED_ERROR) ||
        !(loss->smoothing >= 0.0 && loss->smoothing < 1.0))
        return esp_fail(handle, ESP_ERROR_MISUSE,
                        "loss: expected an esp_loss of a known kind, its smoothing 0 to below 1");
    if (logits->shape.rank != 2)
        return esp_fail(handle, ESP_ERROR_MISUSE, "loss: expected logits [batch, classes]");
    uint64_t batch = (uint64_t)logits->shape.dims[0], classes = (uint64_t)logits->shape.dims[1];
    for (uint64_t i = 0; i < batch; i++)
        if (labels[i] >= classes)
            return esp_fail(handle, ESP_ERROR_DATA, "loss: label %u of %llu classes", labels[i],
                            (unsigned long long)classes);
    for (uint64_t c = 0; loss->class_weights && c < classes; c++)
        if (!(loss->class_weights[c] >= 0.0 && isfinite(loss->class_weights[c])))
            return esp_fail(handle, ESP_ERROR_MISUSE, "loss: the weight of class %llu is %g",
                            (unsigned long long)c, loss->class_weights[c]);
    return ESP_OK;
}

static esp_status do_loss(esp_program *handle, const esp_loss *loss, const esp_tensor *logits,
                          const uint32_t *labels, float *gradient, double *value, uint64_t *correct)
{
    esp_status status = check_loss(handle, loss, logits, labels);
    if (status == ESP_OK)
        loss_compute(loss, logits->data, labels, (uint64_t)logits->shape.dims[0],
                     (uint64_t)logits->shape.dims[1], gradient, value, correct);
    return status;
}

static esp_status do_cross_entropy(esp_program *handle, const esp_tensor *logits,
                                   const uint32_t *labels, double smoothing, float *gradient,
                                   double *loss, uint64_t *correct)
{
    esp_loss plain = {
        .struct_size = sizeof plain, .kind = ESP_LOSS_CROSS_ENTROPY, .smoothing = smoothing};
    return do_loss(handle, &plain, logits, labels, gradient, loss, correct);
}

static esp_status do_clip_norm(esp_program *handle, double most, double *norm)
{
    return gradients_clip_norm(program_from_handle(handle), most, norm);
}

static esp_status do_clip_values(esp_program *handle, double most)
{
    return gradients_clip_values(program_from_handle(handle), most);
}

static const esp_program_api program_api = {
    sizeof(esp_program_api), do_forward, do_backward,  do_apply,       do_tensor,
    do_cross_entropy,        do_loss,    do_clip_norm, do_clip_values,
};

esp_status program_create(struct program **out, const struct instance *engine,
                          const esp_graph *graph, const esp_compile_options *options,
                          struct error *error)
{
    struct program *program = calloc(1, sizeof *program);
    if (!program)
        return error_memory(error);
    handle_init(&program->handle.base, sizeof program->handle, error);
    handle_init(&program->call.base, sizeof program->call, error);
    program->handle.api = &program_api;
    program->engine = engine;
    program->type = engine->component->type;
    program->graph = graph;
    program->trains = options->training;
    program->error = error;
    esp_status status = check(
        program,
        program->type->compile(engine->self, &program->call, graph, options, &program->program),
        "compile");
    if (status != ESP_OK) {
        free(program);
        return status;
    }
    *out = program;
    return ESP_OK;
}

void program_destroy(struct program *program)
{
    if (!program)
        return;
    program->type->release(program->engine->self, program->program);
    free(program);
}

// ---- Weights one by one -----------------------------------------------------------------------

bool program_trains(const struct program *program)
{
    return program->trains;
}

const void *program_ability(struct program *program, const char *id, void **engine_program,
                            esp_call **call)
{
    *engine_program = program->program;
    *call = &program->call;
    return program->type->ability ? program->type->ability(id) : NULL;
}

struct error *program_error(struct program *program)
{
    return program->error;
}

esp_status program_weight(struct program *program, uint32_t which, const esp_weight *weight,
                          float **data)
{
    esp_tensor tensor = {0};
    esp_status status = do_tensor(&program->handle, which, weight->path, &tensor);
    if (status != ESP_OK)
        return status;
    if (!tensor.data || esp_shape_size(&tensor.shape) != esp_shape_size(&weight->shape))
        return error_set(program->error, ESP_ERROR_MISUSE,
                         "engine %s: its tensor of '%s' has another shape than the graph's",
                         program->engine->component->id, weight->path);
    *data = tensor.data;
    return ESP_OK;
}

esp_status program_each_weight(struct program *program, weight_visitor visit, void *self)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < esp_graph_node_count(program->graph); i++) {
        const esp_graph_node *node = esp_graph_get(program->graph, i);
        const char *row = (const char *)node->weights;
        for (uint64_t j = 0; status == ESP_OK && j < node->weight_count;
             j++, row += node->weight_stride)
            status = visit(program, (const esp_weight *)(const void *)row, self);
    }
    return status;
}
