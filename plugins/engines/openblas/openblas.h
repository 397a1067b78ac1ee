// SPDX-License-Identifier: Apache-2.0
// The functions of a program, as the engine's table names them.
#ifndef OPENBLAS_OPENBLAS_H
#define OPENBLAS_OPENBLAS_H

#include <espalier/engine.h>

esp_status openblas_compile(int threads, esp_call *call, const esp_graph *graph,
                            const esp_compile_options *options, void **out);
void openblas_release(void *program);
esp_status openblas_forward(void *program, esp_call *call, const esp_forward *forward);
esp_status openblas_backward(void *program, esp_call *call, const esp_output_gradient *gradients,
                             uint64_t count, uint64_t stride);
esp_status openblas_tensor(void *program, esp_call *call, uint32_t which, const char *name,
                           esp_tensor *out);

#endif
