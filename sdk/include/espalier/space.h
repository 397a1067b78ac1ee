// SPDX-License-Identifier: Apache-2.0
// A search space: what can be represented. One function that draws decisions and emits operators.
//
// Clauses, as `espalier check` cites them:
//   3.1  A trace that is replayed gives the same architecture.
//   3.2  A pass with changed decisions ends in a member or in esp_reject.
//   3.3  Output 0 of the network are logits [N, classes].
//   3.4  build depends on the decisions and the parameters alone: same in any process, whatever
//        was built before.
//   3.5  A trace-only pass takes the same decisions as one with the graph.
//   3.6  A supernet has the weights of every member, by their paths.
//   3.7  A pass bears that any allocation fails.
#ifndef ESPALIER_SPACE_H
#define ESPALIER_SPACE_H

#include <espalier/builder.h>
#include <espalier/create.h>

#ifdef __cplusplus
extern "C" {
#endif

// The description of a space. Owner: the plugin; lives as long as the process.
typedef struct esp_space_type {
    uint64_t struct_size;
    const char *summary; // one sentence for `espalier list`
    const char *source;  // the paper: "Zoph and Le 2017", or NULL
    const esp_param *params;
    uint64_t param_count, param_stride;

    // Makes an instance from resolved parameters. A space that cannot serve the task says so here,
    // with ESP_ERROR_UNSUPPORTED. Required. [any] [create]
    esp_status (*create)(esp_create *create, void **out);

    // Frees it. Required. [any] [created]
    void (*destroy)(void *self);

    // Draws the decisions and emits the network in one pass. Must not change `self`: the host runs
    // it in any process, any number of times. Required. [any] [pass]
    esp_status (*build)(void *self, esp_builder *b);

    // The table of an ability by id ("esp.space.text/1"), or NULL. Optional. [any] [loaded]
    const void *(*ability)(const char *id);
} esp_space_type;

#ifdef __cplusplus
}
#endif

#endif
