// SPDX-License-Identifier: Apache-2.0
// A compiled network; see program.h. Calls go straight through to the engine's table.
#include "evaluate/program.h"

#include "evaluate/loss.h"
#include "evaluate/safetensors.h"

#include <espalier/random.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct program {
    esp_program handle; // first: lent to the estimator
    esp_call call;      // lent to the engine
    const struct instance *engine;
    const esp_engine_type *type;
    void *program; // the engine's
    const esp_graph *graph;
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

static esp_status do_cross_entropy(esp_program *handle, const esp_tensor *logits,
                                   const uint32_t *labels, double smoothing, float *gradient,
                                   double *loss, uint64_t *correct)
{
    if (logits->shape.rank != 2)
        return esp_fail(handle, ESP_ERROR_MISUSE,
                        "cross entropy: expected logits [batch, classes]");
    uint64_t batch = (uint64_t)logits->shape.dims[0], classes = (uint64_t)logits->shape.dims[1];
    for (uint64_t i = 0; i < batch; i++)
        if (labels[i] >= classes)
            return esp_fail(handle, ESP_ERROR_DATA, "cross entropy: label %u of %llu classes",
                            labels[i], (unsigned long long)classes);
    loss_cross_entropy(logits->data, labels, batch, classes, smoothing, gradient, loss, correct);
    return ESP_OK;
}

static const esp_program_api program_api = {
    sizeof(esp_program_api), do_forward, do_backward, do_apply, do_tensor, do_cross_entropy,
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

typedef esp_status (*weight_visitor)(struct program *program, const esp_weight *weight, void *self);

static esp_status each_weight(struct program *program, weight_visitor visit, void *self)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < esp_graph_node_count(program->graph); i++) {
        const esp_graph_node *node = esp_graph_get(program->graph, i);
        for (uint64_t j = 0; status == ESP_OK && j < node->weight_count; j++)
            status = visit(program, &node->weights[j], self);
    }
    return status;
}

static void fill(float *data, uint64_t size, const esp_weight *weight, esp_random *random)
{
    uint64_t fan_in = 1, fan_out = (uint64_t)weight->shape.dims[0];
    for (uint32_t i = 1; i < weight->shape.rank; i++)
        fan_in *= (uint64_t)weight->shape.dims[i];
    for (uint32_t i = 2; i < weight->shape.rank; i++)
        fan_out *= (uint64_t)weight->shape.dims[i];
    double scale = 0.0;
    if (weight->init == ESP_INIT_KAIMING_NORMAL)
        scale = sqrt(2.0 / (double)fan_in);
    else if (weight->init == ESP_INIT_KAIMING_UNIFORM)
        scale = sqrt(1.0 / (double)fan_in);
    else if (weight->init == ESP_INIT_XAVIER_UNIFORM)
        scale = sqrt(6.0 / (double)(fan_in + fan_out));
    for (uint64_t i = 0; i < size; i++) {
        if (weight->init == ESP_INIT_KAIMING_NORMAL)
            data[i] = (float)(scale * esp_random_normal(random));
        else if (scale > 0.0)
            data[i] = (float)(scale * (2.0 * esp_random_real(random) - 1.0));
        else
            data[i] = weight->init == ESP_INIT_ONES ? 1.0f : 0.0f;
    }
}

struct initialiser {
    uint64_t seed, lineage;
};

static esp_status initialise_weight(struct program *program, const esp_weight *weight, void *self)
{
    const struct initialiser *initialiser = self;
    char name[1280];
    esp_tensor tensor;
    int length = snprintf(name, sizeof name, "init:%s", weight->path);
    esp_random random = esp_random_stream(initialiser->seed, XXH3_64bits(name, (size_t)length),
                                          initialiser->lineage, 0, 0);
    esp_status status = do_tensor(&program->handle, ESP_TENSOR_WEIGHT, weight->path, &tensor);
    if (status == ESP_OK)
        fill(tensor.data, esp_shape_size(&weight->shape), weight, &random);
    return status;
}

esp_status program_initialise(struct program *program, uint64_t seed, uint64_t lineage)
{
    struct initialiser initialiser = {seed, lineage};
    return each_weight(program, initialise_weight, &initialiser);
}

static bool same_dims(const struct safetensors_entry *entry, const esp_shape *shape)
{
    return entry->rank == shape->rank &&
           memcmp(entry->dims, shape->dims, shape->rank * sizeof shape->dims[0]) == 0;
}

struct source {
    const struct safetensors *file;
    const char *path;
    uint64_t count;
};

static esp_status inherit_weight(struct program *program, const esp_weight *weight, void *self)
{
    struct source *source = self;
    struct safetensors_entry entry;
    esp_tensor tensor;
    if (!safetensors_find(source->file, weight->path, &entry) || !same_dims(&entry, &weight->shape))
        return ESP_OK;
    esp_status status = do_tensor(&program->handle, ESP_TENSOR_WEIGHT, weight->path, &tensor);
    if (status == ESP_OK)
        memcpy(tensor.data, entry.data, esp_shape_size(&weight->shape) * sizeof(float));
    source->count++;
    return status;
}

esp_status program_inherit(struct program *program, const char *path, uint64_t *count)
{
    struct safetensors *file = NULL;
    esp_status status = safetensors_open(&file, path, program->error);
    struct source source = {file, path, 0};
    if (status == ESP_OK)
        status = each_weight(program, inherit_weight, &source);
    *count = source.count;
    safetensors_close(file);
    return status;
}

// ---- Files ------------------------------------------------------------------------------------

struct gathered {
    struct safetensors_entry *entries;
    char **names;
    uint64_t count, capacity;
    bool optimizer; // the optimizer's state too
};

static esp_status gather_one(struct program *program, struct gathered *gathered, uint32_t which,
                             const char *prefix, const esp_weight *weight, bool always)
{
    esp_tensor tensor;
    esp_status status = do_tensor(&program->handle, which, weight->path, &tensor);
    if (status != ESP_OK)
        return status;
    uint64_t size = esp_shape_size(&weight->shape);
    bool zero = true;
    for (uint64_t i = 0; !always && zero && i < size; i++)
        zero = tensor.data[i] == 0.0f;
    if (!always && zero)
        return ESP_OK; // absent means zeros
    if (gathered->count == gathered->capacity) {
        uint64_t capacity = gathered->capacity ? 2 * gathered->capacity : 64;
        void *entries = realloc(gathered->entries, capacity * sizeof *gathered->entries);
        if (entries)
            gathered->entries = entries;
        void *names = realloc(gathered->names, capacity * sizeof *gathered->names);
        if (names)
            gathered->names = names;
        if (!entries || !names)
            return error_memory(program->error);
        gathered->capacity = capacity;
    }
    char *name = NULL;
    if (asprintf(&name, "%s%s", prefix, weight->path) < 0)
        return error_memory(program->error);
    gathered->names[gathered->count] = name;
    gathered->entries[gathered->count++] =
        (struct safetensors_entry){name, weight->shape.rank, weight->shape.dims, tensor.data};
    return ESP_OK;
}

static esp_status gather(struct program *program, const esp_weight *weight, void *self)
{
    struct gathered *gathered = self;
    esp_status status = gather_one(program, gathered, ESP_TENSOR_WEIGHT, "", weight, true);
    if (!gathered->optimizer || weight->role != ESP_WEIGHT_TRAINED)
        return status;
    if (status == ESP_OK)
        status = gather_one(program, gathered, ESP_TENSOR_FIRST, "first:", weight, false);
    if (status == ESP_OK)
        status = gather_one(program, gathered, ESP_TENSOR_SECOND, "second:", weight, false);
    return status;
}

static void gathered_free(struct gathered *gathered)
{
    for (uint64_t i = 0; i < gathered->count; i++)
        free(gathered->names[i]);
    free(gathered->names);
    free(gathered->entries);
}

esp_status program_save_weights(struct program *program, const char *path)
{
    struct gathered gathered = {0};
    esp_status status = each_weight(program, gather, &gathered);
    if (status == ESP_OK)
        status = safetensors_write(path, gathered.entries, gathered.count, NULL, 0, program->error);
    gathered_free(&gathered);
    return status;
}

esp_status program_save_checkpoint(struct program *program, const char *path,
                                   const esp_named_number *numbers, uint64_t count, uint64_t stride,
                                   const char *curve)
{
    struct gathered gathered = {.optimizer = true};
    struct safetensors_note *notes = calloc(count + 1, sizeof *notes);
    char(*texts)[64] = calloc(count + 1, sizeof *texts);
    esp_status status =
        notes && texts ? each_weight(program, gather, &gathered) : error_memory(program->error);
    const char *row = (const char *)numbers;
    for (uint64_t i = 0; status == ESP_OK && i < count; i++, row += stride) {
        const esp_named_number *number = (const esp_named_number *)(const void *)row;
        snprintf(texts[i], sizeof texts[i], "%a", number->value);
        notes[i] = (struct safetensors_note){number->name, texts[i]};
    }
    if (status == ESP_OK && curve)
        notes[count++] = (struct safetensors_note){"curve", curve};
    if (status == ESP_OK)
        status =
            safetensors_write(path, gathered.entries, gathered.count, notes, count, program->error);
    gathered_free(&gathered);
    free(notes);
    free(texts);
    return status;
}

static esp_status restore_one(struct program *program, const struct source *source, uint32_t which,
                              const char *prefix, const esp_weight *weight, bool required)
{
    char name[1280];
    esp_tensor tensor;
    struct safetensors_entry entry;
    snprintf(name, sizeof name, "%s%s", prefix, weight->path);
    esp_status status = do_tensor(&program->handle, which, weight->path, &tensor);
    uint64_t bytes = esp_shape_size(&weight->shape) * sizeof(float);
    if (status != ESP_OK)
        return status;
    if (!safetensors_find(source->file, name, &entry)) {
        if (required)
            return error_set(program->error, ESP_ERROR_DATA, "%s: it lacks the tensor '%s'",
                             source->path, name);
        memset(tensor.data, 0, bytes);
        return ESP_OK;
    }
    if (!same_dims(&entry, &weight->shape))
        return error_set(program->error, ESP_ERROR_DATA, "%s: the tensor '%s' has another shape",
                         source->path, name);
    memcpy(tensor.data, entry.data, bytes);
    return ESP_OK;
}

static esp_status restore_weight(struct program *program, const esp_weight *weight, void *self)
{
    esp_status status = restore_one(program, self, ESP_TENSOR_WEIGHT, "", weight, true);
    if (weight->role != ESP_WEIGHT_TRAINED)
        return status;
    if (status == ESP_OK)
        status = restore_one(program, self, ESP_TENSOR_FIRST, "first:", weight, false);
    if (status == ESP_OK)
        status = restore_one(program, self, ESP_TENSOR_SECOND, "second:", weight, false);
    return status;
}

esp_status program_load_checkpoint(struct program *program, const struct safetensors *file,
                                   const char *path)
{
    struct source source = {file, path, 0};
    return each_weight(program, restore_weight, &source);
}
