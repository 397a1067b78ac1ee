// SPDX-License-Identifier: Apache-2.0
// The planes that windows work on in scratch: an input with its padding, and an output's gradient with
// a margin of outputs that are none.
#ifndef ONEDNN_KERNELS_GEOMETRY_H
#define ONEDNN_KERNELS_GEOMETRY_H

#include "kernels.h"

#define MOST_TAPS 1023

// Rows, and columns of a row, in vectors; where the plane proper begins in them.
struct geometry {
    int64_t in_rows, in_pitch, in_top, in_left;
    int64_t out_rows, out_pitch, out_top, out_left;
};

struct geometry kernels_geometry(const struct kernels_window *window);

#endif
