// SPDX-License-Identifier: Apache-2.0
// The engine `openblas`: networks on CBLAS, one thread, deterministic. Builds wherever OpenBLAS is.
#include "openblas.h"

#include "program.h"

#include <espalier/espalier.h>

#include <cblas.h>

static esp_status engine_open(esp_create *create, void **out)
{
    static char instance; // it has no state of its own
    (void)create;
    openblas_set_num_threads(1);
    *out = &instance;
    return ESP_OK;
}

static void engine_close(void *self)
{
    (void)self;
}

static esp_status engine_compile(void *self, esp_call *call, const esp_graph *graph,
                                 const esp_compile_options *options, void **program)
{
    (void)self;
    openblas_set_num_threads(1);
    return openblas_compile(call, graph, options, program);
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

static void openblas_describe(esp_engine_type *out)
{
    out->summary = "networks on OpenBLAS: convolutions as matrix products";
    out->rank = 10;
    out->open = engine_open;
    out->close = engine_close;
    out->compile = engine_compile;
    out->release = engine_release;
    out->forward = openblas_forward;
    out->backward = openblas_backward;
    out->apply = engine_apply;
    out->tensor = openblas_tensor;
}

ESP_PLUGIN("0.1.0", ESP_ENGINE("openblas", openblas_describe))
