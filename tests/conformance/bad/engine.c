// SPDX-License-Identifier: Apache-2.0
// An engine that breaks one clause of the contract: BAD says which. It is another one, whose file the
// parameter `base` names, with something done to it.
#include <espalier/espalier.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static const esp_param params[] = {
    ESP_PARAM_PATH("base", "", "the file of the engine `openblas`"),
};

static const esp_engine_type *base;

struct program {
    void *inner;
    esp_tensor output;
    float *changed; // the output as it is told
    uint64_t forwards;
};

static esp_status engine_open(esp_create *c, void **out)
{
    esp_plugin_entry_function entry;
    void *library = dlopen(esp_param_text(c, "base"), RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, "esp_plugin_entry") : NULL;
    if (!symbol)
        return esp_fail(c, ESP_ERROR_UNSUPPORTED, "the parameter base names no engine");
    memcpy(&entry, &symbol, sizeof entry);
    base = (const esp_engine_type *)entry(ESP_KIND_ENGINE, "openblas");
    return base->open(c, out);
}

static void engine_close(void *self)
{
    base->close(self);
}

static esp_status engine_compile(void *self, esp_call *call, const esp_graph *graph,
                                 const esp_compile_options *options, void **out)
{
    struct program *program = (struct program *)calloc(1, sizeof *program);
#if !BAD_shortage
    if (!program)
        return esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
#endif
    esp_status status = base->compile(self, call, graph, options, &program->inner);
    if (status == ESP_OK)
        *out = program;
    else
        free(program);
    return status;
}

static void engine_release(void *self, void *handle)
{
    struct program *program = (struct program *)handle;
    base->release(self, program->inner);
    free(program->changed);
    free(program);
#if BAD_memory
    volatile char *kept = (volatile char *)malloc(1 << 20);
    for (int i = 0; kept && i < 1 << 20; i += 512)
        kept[i] = 1;
#endif
}

static esp_status engine_forward(void *handle, esp_call *call, const esp_forward *forward)
{
    struct program *program = (struct program *)handle;
    esp_forward changed = *forward;
    program->forwards++;
#if BAD_refuses
    if (forward->input_count == 0)
        return ESP_ERROR_MISUSE;
#endif
    esp_status status = base->forward(program->inner, call, &changed);
    if (status == ESP_OK)
        status = base->tensor(program->inner, call, ESP_TENSOR_OUTPUT, "0", &program->output);
    if (status != ESP_OK)
        return status;
    uint64_t classes = (uint64_t)program->output.shape.dims[1];
    uint64_t count = forward->batch * classes;
    float *room = (float *)realloc(program->changed, count * sizeof *room);
    if (!room)
        return esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
    program->changed = room;
    for (uint64_t i = 0; i < count; i++) {
        room[i] = program->output.data[i];
        if (BAD_agrees)
            room[i] += 1.0f;
        if (BAD_batch)
            room[i] *= 1.0f + 0.1f * (float)forward->batch;
        if (BAD_same)
            room[i] *= (float)getpid();
    }
    return ESP_OK;
}

static esp_status engine_backward(void *handle, esp_call *call,
                                  const esp_output_gradient *gradients, uint64_t count,
                                  uint64_t stride)
{
    return base->backward(((struct program *)handle)->inner, call, gradients, count, stride);
}

static esp_status engine_apply(void *handle, esp_call *call, const esp_optimizer *optimizer)
{
    esp_optimizer changed = *optimizer;
    if (BAD_step)
        changed.learning_rate *= 1.01;
    return base->apply(((struct program *)handle)->inner, call, &changed);
}

static esp_status engine_tensor(void *handle, esp_call *call, uint32_t which, const char *name,
                                esp_tensor *out)
{
    struct program *program = (struct program *)handle;
    esp_status status = base->tensor(program->inner, call, which, name, out);
    if (BAD_tensors && status == ESP_ERROR_NOT_FOUND)
        return ESP_OK;
    if (status == ESP_OK && which == ESP_TENSOR_OUTPUT && program->changed)
        out->data = program->changed;
    if (BAD_gradients && status == ESP_OK && which == ESP_TENSOR_GRADIENT)
        for (uint64_t i = 0; i < esp_shape_size(&out->shape); i++)
            out->data[i] *= 2.0f;
    return status;
}

static void describe(esp_engine_type *out)
{
    out->summary = "wrong";
    ESP_SET_PARAMS(out, params);
    out->open = engine_open;
    out->close = engine_close;
    out->compile = engine_compile;
    out->release = engine_release;
    out->forward = engine_forward;
    out->backward = engine_backward;
    out->apply = engine_apply;
    out->tensor = engine_tensor;
}

ESP_PLUGIN("1.0.0", ESP_ENGINE("bad", describe))
