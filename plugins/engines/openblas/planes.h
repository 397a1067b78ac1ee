// SPDX-License-Identifier: Apache-2.0
// Planes laid out so that a window is a set of shifts: what convolutions and pools compute on.
//
// The padded plane is split by the strides into phases, so that neighbouring places of the output see
// neighbouring elements of one phase: phase (a, b) holds the padded elements (r stride_h + a,
// c stride_w + b) as rows of `pitch` elements. With an output laid out at the same pitch, place
// i = oh pitch + ow sees at tap t the element offsets[t] + i, for all i at once: no columns are made,
// and loops run over the whole plane. Every pitch - out_width elements of such an output are of no
// place; they are dropped from a result and must be zeros in a gradient.
#ifndef OPENBLAS_PLANES_H
#define OPENBLAS_PLANES_H

#include "program.h"

struct planes {
    const struct loops *loops;
    int64_t stride_h, stride_w, pad_top, pad_left, height, width; // of the window
    int64_t out_height, out_width;
    int64_t rows, pitch; // of a phase
    int64_t size;        // floats of a phase: rows x pitch, rounded up to LANES
    int64_t channel;     // floats of a channel: all phases that have a tap
    int64_t places;      // (out_height - 1) pitch + out_width: the output from first to last place
    int64_t span;        // places, rounded up to LANES
    int64_t margin;      // zeros that a gradient needs before and behind it, for `spread`
    int64_t *phases;     // [stride_h x stride_w]: the number of a phase, or -1 where it has no tap
    int64_t phase_count;
    int64_t tap_count;
    int64_t *offsets; // of tap kh x kernel_w + kw, phase included
    // The taps of each phase together: taps of phase p are `order[first[p]] .. order[first[p + 1] - 1]`,
    // and `back` their offsets within the phase, negated: the gradient's way.
    int64_t *first, *order, *back;
};

// NULL: out of memory. Owner: the caller.
struct planes *planes_create(const struct window *window);
void planes_destroy(struct planes *planes);

// Writes one channel [height, width] into its phases, but not the padding, which stays what it is.
void planes_fill(const struct planes *planes, const float *x, float *to);
// The way back: sets (or adds to) [height, width] from the phases.
void planes_take(const struct planes *planes, const float *from, float *x, bool set);

// [out_height, out_width] to and from rows of `pitch`; `bias` is added to each place.
void planes_lift(const struct planes *planes, const float *y, float *to);
void planes_drop(const struct planes *planes, const float *from, float bias, float *y);

// The gradient of a channel's phases, from that of its output: `gy` has `margin` zeros on both sides.
// `weights` are those of the taps in the order of `order`.
void planes_spread(const struct planes *planes, const float *gy, const float *weights, float *to);

#endif
