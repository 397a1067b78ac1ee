// SPDX-License-Identifier: Apache-2.0
// What each operator of a compiled network takes: an engine times its own calls, so that operators
// which it computes together are one row. For people who make engines and networks faster; no result
// depends on it.
#ifndef ESPALIER_EXT_ENGINE_PROFILE_H
#define ESPALIER_EXT_ENGINE_PROFILE_H

#include <espalier/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

// One operator of a program, or what the engine put in the place of several. Owner: the program.
typedef struct esp_profile_row {
    uint64_t struct_size;
    const char *op;           // what the engine calls it: the ONNX name where it is one
    const char *path;         // of a node of the graph, or NULL for what the engine put between
    double forward, backward; // seconds of processor time since start
} esp_profile_row;

#define ESP_ENGINE_PROFILE "esp.engine.profile/1"
typedef struct esp_engine_profile {
    uint64_t struct_size;

    // From now on the program's calls are timed, from zero; calling it again begins anew. Required.
    // [any] [created]
    esp_status (*start)(void *program, esp_call *call);

    // The rows so far, in the order of a forward pass; they are the program's until its next call.
    // ESP_ERROR_MISUSE before start. Required. [any] [created]
    esp_status (*rows)(void *program, esp_call *call, const esp_profile_row **rows, uint64_t *count,
                       uint64_t *stride);
} esp_engine_profile;

#ifdef __cplusplus
}
#endif

#endif
