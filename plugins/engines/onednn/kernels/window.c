// SPDX-License-Identifier: Apache-2.0
// The planes that windows work on in scratch, in vectors.
#include "geometry.h"

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t rounded_up(int64_t a, int64_t by)
{
    return a <= 0 ? 0 : (a + by - 1) / by;
}

struct geometry kernels_geometry(const struct kernels_window *w)
{
    int64_t span_h = (w->kernel_h - 1) * w->dilation_h, span_w = (w->kernel_w - 1) * w->dilation_w;
    struct geometry g;
    g.in_rows = (w->out_height - 1) * w->stride_h + span_h + 1;
    g.in_pitch = (w->out_width - 1) * w->stride_w + span_w + 1;
    g.in_top = w->pad_top;
    g.in_left = w->pad_left;
    // What an input's gradient looks at: the outputs from (0 + pad - span) / stride on to
    // (size - 1 + pad) / stride.
    g.out_top = rounded_up(span_h - w->pad_top, w->stride_h);
    g.out_left = rounded_up(span_w - w->pad_left, w->stride_w);
    g.out_rows =
        g.out_top + larger(w->out_height, (w->in.height - 1 + w->pad_top) / w->stride_h + 1);
    g.out_pitch =
        g.out_left + larger(w->out_width, (w->in.width - 1 + w->pad_left) / w->stride_w + 1);
    return g;
}

// Of the input's plane, the output's and its winners (bytes, so more than enough), the divisors' row;
// and what brings each of them to a multiple of 64 bytes.
size_t kernels_window_scratch(const struct kernels_window *w, int64_t block)
{
    struct geometry g = kernels_geometry(w);
    return (size_t)((g.in_rows * g.in_pitch + 2 * g.out_rows * g.out_pitch) * block + w->out_width +
                    64);
}

bool kernels_window_fits(const struct kernels_window *w, bool maximum)
{
    return w->kernel_h <= (maximum ? 255 : MOST_TAPS) / w->kernel_w;
}
