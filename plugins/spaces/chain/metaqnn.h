// SPDX-License-Identifier: Apache-2.0
// The space of MetaQNN (Baker et al. 2017), shared by its files: the rules of what may follow what,
// which both the space's function (metaqnn.c) and its notation (metaqnn_text.c) go by.
#ifndef METAQNN_H
#define METAQNN_H

#include <espalier/espalier.h>
#include <espalier/ext/space_text.h>

#define METAQNN_LAYERS_MOST 64
#define METAQNN_DENSE_MOST 2 // FC layers
#define METAQNN_POOLS 3

// What a layer may be; SM ends the network.
enum layer_type { LAYER_C, LAYER_P, LAYER_FC, LAYER_GAP, LAYER_SM, LAYER_TYPES };

struct metaqnn {
    const int64_t *filters, *kernels, *units;
    uint64_t filter_count, kernel_count, unit_count;
    int64_t max_layers;
    double dropout;
    int64_t size, classes; // of the task: the smaller of height and width
};

// Where a network stands, before its next layer.
struct stand {
    int64_t layers; // so far
    int64_t size;   // of the map
    int64_t dense;  // FC layers so far
    int64_t units;  // of the last of them
    int averaged;   // there was a GAP
    int previous;   // enum layer_type, -1: nothing yet
};

struct pool {
    const char *name; // of the option
    int64_t kernel, stride;
};

extern const char *const layer_names[LAYER_TYPES];
extern const struct pool metaqnn_pools[METAQNN_POOLS];

struct stand stand_begin(const struct metaqnn *space);
// The types that the next layer may have, in the order of the enumeration; answers how many.
uint64_t stand_types(const struct metaqnn *space, const struct stand *stand,
                     const char *types[LAYER_TYPES]);
// Of the ascending kernels (of pools: which pools), how many are smaller than the map; of the ascending
// units, how many do not grow.
uint64_t stand_kernels(const struct metaqnn *space, const struct stand *stand);
uint64_t stand_pools(const struct stand *stand, const char *names[METAQNN_POOLS]);
uint64_t stand_units(const struct metaqnn *space, const struct stand *stand);
// Goes on behind a layer; `kernel` and `stride` of a pool, `units` of an FC.
void stand_pass(struct stand *stand, enum layer_type type, int64_t kernel, int64_t stride,
                int64_t units);
// Whether a dropout stands behind the layer with that index (SM and GAP apart).
int dropout_follows(int64_t layer, enum layer_type type);
// The n of D(i,n) in a network that has ended. In the published ones it counts SM too where that is an
// even layer, or there is an FC, but never behind GAP; no dropout stands behind SM.
int64_t dropout_total(const struct stand *end, int64_t dropouts);

extern const esp_space_text metaqnn_text;
void metaqnn_describe(esp_space_type *out);

#endif
