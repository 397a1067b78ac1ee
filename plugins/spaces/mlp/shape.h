// SPDX-License-Identifier: Apache-2.0
// The shapes of Auto-PyTorch (Zimmer et al. 2021): how the widths of a dense network follow from a
// few numbers. The integer rules are those of its get_shaped_neuron_counts.
#ifndef MLP_SHAPE_H
#define MLP_SHAPE_H

#include <stdint.h>

#define SHAPE_LAYERS_MOST 100
// A hexagon of 3 layers has 4.
#define SHAPE_WIDTHS_MOST (SHAPE_LAYERS_MOST + 1)

enum shape {
    SHAPE_BRICK,
    SHAPE_TRIANGLE,
    SHAPE_FUNNEL,
    SHAPE_LONG_FUNNEL,
    SHAPE_DIAMOND,
    SHAPE_HEXAGON,
    SHAPE_STAIRS,
    SHAPE_COUNT
};

extern const char *const shape_names[SHAPE_COUNT];

// Writes the widths of a network of `layers` layers (at most SHAPE_LAYERS_MOST) for `in` features, the
// last of them `out` and none above max(in, most) but `out`; answers how many: `layers`, but for the
// hexagon of 3.
int64_t shape_widths(enum shape shape, int64_t in, int64_t out, int64_t most, int64_t layers,
                     int64_t widths[SHAPE_WIDTHS_MOST]);

#endif
