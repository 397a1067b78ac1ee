// SPDX-License-Identifier: Apache-2.0
// The engine `openblas`: networks on CBLAS, deterministic. Builds wherever OpenBLAS is.
#include "openblas.h"

#include "profile.h"
#include "program.h"

#include <espalier/espalier.h>

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#define MOST_THREADS 256

static const esp_param params[] = {
    ESP_PARAM_INT("threads", 1, 1, MOST_THREADS, "",
                  "threads of one network; results depend on the number, and on nothing else"),
};

struct instance {
    int threads;
};

static esp_status engine_open(esp_create *create, void **out)
{
    struct instance *instance = calloc(1, sizeof *instance);
    if (!instance)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    instance->threads = (int)esp_param_int(create, "threads");
    openblas_set_num_threads(instance->threads);
    *out = instance;
    return ESP_OK;
}

static void engine_close(void *self)
{
    free(self);
}

static esp_status engine_compile(void *self, esp_call *call, const esp_graph *graph,
                                 const esp_compile_options *options, void **program)
{
    const struct instance *instance = self;
    return openblas_compile(instance->threads, call, graph, options, program);
}

static void engine_release(void *self, void *program)
{
    (void)self;
    openblas_release(program);
}

static esp_status engine_apply(void *program, esp_call *call, const esp_optimizer *optimizer)
{
    return optimizer_apply(program, call, optimizer);
}

static const void *engine_ability(const char *id)
{
    return strcmp(id, ESP_ENGINE_PROFILE) == 0 ? &profile_ability : NULL;
}

static void openblas_describe(esp_engine_type *out)
{
    out->summary = "networks on OpenBLAS: convolutions as matrix products";
    out->rank = 10;
    out->params = params;
    out->param_count = ESP_COUNT(params);
    out->param_stride = sizeof params[0];
    out->open = engine_open;
    out->close = engine_close;
    out->compile = engine_compile;
    out->release = engine_release;
    out->forward = openblas_forward;
    out->backward = openblas_backward;
    out->apply = engine_apply;
    out->tensor = openblas_tensor;
    out->ability = engine_ability;
}

ESP_PLUGIN("0.1.0", ESP_ENGINE("openblas", openblas_describe))
