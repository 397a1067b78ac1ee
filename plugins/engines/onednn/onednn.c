// SPDX-License-Identifier: Apache-2.0
// The engine `onednn`: networks on oneDNN's convolutions and vector kernels of our own, on blocked
// activations.
#include "../openblas/profile.h"
#include "arena.h"
#include "network.h"

#include <espalier/espalier.h>

#include <stdlib.h>
#include <string.h>

#define MOST_THREADS 256

static const esp_param params[] = {
    ESP_PARAM_INT("threads", 1, 1, MOST_THREADS, "",
                  "threads of one network; results depend on the number, and on nothing else"),
};

// The widest instruction set that both the processor has and oneDNN is allowed (ONEDNN_MAX_CPU_ISA):
// layouts must be one for both.
static void choose_instructions(struct instance *instance)
{
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    instance->kernels = kernels_choose();
    instance->loops = loops_choose();
    if ((isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core)
        return;
    bool wide = (isa & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2;
    instance->kernels = wide ? kernels_of_block(8) : &kernels_plain8;
    if (!wide)
        instance->loops = &openblas_loops_portable;
}

static void engine_close(void *self)
{
    struct instance *instance = self;
    dnnl_stream_destroy(instance->stream);
    arena_free_all(&instance->arenas);
    free(instance);
}

// oneDNN has one engine a processor: primitives, which live on, belong to it.
static dnnl_engine_t the_engine(void)
{
    static dnnl_engine_t engine;
    if (!engine && dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success)
        engine = NULL;
    return engine;
}

static esp_status engine_open(esp_create *create, void **out)
{
    struct instance *instance = calloc(1, sizeof *instance);
    if (!instance)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    instance->threads = esp_param_int(create, "threads");
    choose_instructions(instance);
    instance->engine = the_engine();
    if (!instance->engine || dnnl_stream_create(&instance->stream, instance->engine,
                                                dnnl_stream_default_flags) != dnnl_success) {
        free(instance);
        return esp_fail(create, ESP_ERROR, "oneDNN does not start");
    }
    *out = instance;
    return ESP_OK;
}

static esp_status engine_compile(void *self, esp_call *call, const esp_graph *graph,
                                 const esp_compile_options *options, void **program)
{
    return network_compile(self, call, graph, options, program);
}

static void engine_release(void *self, void *program)
{
    (void)self;
    network_release(program);
}

static esp_status engine_apply(void *program, esp_call *call, const esp_optimizer *optimizer)
{
    return optimizer_apply(program, call, optimizer);
}

static esp_status engine_tensor(void *program, esp_call *call, uint32_t which, const char *name,
                                esp_tensor *out)
{
    return program_tensor(program, call, which, name, out);
}

static const void *engine_ability(const char *id)
{
    return strcmp(id, ESP_ENGINE_PROFILE) == 0 ? &profile_ability : NULL;
}

static void onednn_describe(esp_engine_type *out)
{
    out->summary = "networks on oneDNN and vector kernels, on blocked activations";
    out->rank = 20;
    out->params = params;
    out->param_count = ESP_COUNT(params);
    out->param_stride = sizeof params[0];
    out->open = engine_open;
    out->close = engine_close;
    out->compile = engine_compile;
    out->release = engine_release;
    out->forward = network_forward;
    out->backward = network_backward;
    out->apply = engine_apply;
    out->tensor = engine_tensor;
    out->ability = engine_ability;
}

ESP_PLUGIN("0.1.0", ESP_ENGINE("onednn", onednn_describe))
