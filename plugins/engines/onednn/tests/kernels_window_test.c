// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions and pools of every table against double-precision loops: values, gradients,
// edges, and the same bits from all tables.
#include "kernels_board.h"

struct problem {
    struct kernels_window w;
    struct blocked out;
    int64_t in_size, out_size, taps;
    float *x, *g, *before, *weights, *bias;
};

static struct problem problem_of(struct kernels_window w)
{
    struct problem p = {.w = w, .out = window_out(&w)};
    p.in_size = elements(&w.in);
    p.out_size = elements(&p.out);
    p.taps = w.kernel_h * w.kernel_w;
    p.x = numbers(1, p.in_size, 1.0f, 0.2f);
    p.g = numbers(2, p.out_size, 1.0f, 0.0f);
    p.before = numbers(3, p.in_size, 1.0f, 0.0f);
    p.weights = numbers(4, w.in.channels * p.taps, 0.5f, 0.0f);
    p.bias = numbers(5, w.in.channels, 1.0f, 0.0f);
    // Ties, which the first tap wins.
    for (int64_t i = 0; i + 3 < p.in_size; i += 5)
        p.x[i + 1] = p.x[i];
    return p;
}

static void problem_clear(struct problem *p)
{
    free(p->x), free(p->g), free(p->before), free(p->weights), free(p->bias);
}

static double *doubles(const float *from, int64_t count)
{
    double *x = calloc((size_t)count + 1, sizeof *x);
    cr_assert(x);
    for (int64_t i = 0; from && i < count; i++)
        x[i] = (double)from[i];
    return x;
}

// What a tap of an output's window sees: the input's index, or -1 in the padding.
static int64_t seen(const struct kernels_window *w, int64_t plane, int64_t oh, int64_t ow,
                    int64_t tap)
{
    int64_t h = oh * w->stride_h - w->pad_top + tap / w->kernel_w * w->dilation_h;
    int64_t v = ow * w->stride_w - w->pad_left + tap % w->kernel_w * w->dilation_w;
    if (h < 0 || v < 0 || h >= w->in.height || v >= w->in.width)
        return -1;
    return (plane * w->in.height + h) * w->in.width + v;
}

#define EACH_OUTPUT(p, i, plane, oh, ow)                                                           \
    for (int64_t i = 0, plane = 0, oh = 0, ow = 0; i < (p)->out_size; i++,                         \
                 ow = i % (p)->out.width, oh = i / (p)->out.width % (p)->out.height,               \
                 plane = i / (p)->out.width / (p)->out.height)

// ---- Depthwise --------------------------------------------------------------------------------

static void reference_depthwise(const struct problem *p, bool relu, double *y, double *gx,
                                double *gw, double *gb)
{
    EACH_OUTPUT(p, i, plane, oh, ow)
    {
        int64_t c = plane % p->out.channels;
        y[i] = (double)p->bias[c];
        gb[c] += (double)p->g[i];
        for (int64_t t = 0; t < p->taps; t++) {
            int64_t at = seen(&p->w, plane, oh, ow, t);
            if (at < 0)
                continue;
            bool stops = relu && p->x[at] <= 0.0f;
            double x = stops ? 0.0 : (double)p->x[at], weight = (double)p->weights[c * p->taps + t];
            y[i] += x * weight;
            gw[c * p->taps + t] += x * (double)p->g[i];
            gx[at] += stops ? 0.0 : weight * (double)p->g[i];
        }
    }
}

// y, gx, the weights' and the bias' gradients, one after the other.
static float *run_depthwise(const struct problem *p, const struct kernels *k, bool relu, bool add)
{
    int64_t block = k->block, channels = p->w.in.channels, weights = channels * p->taps;
    int64_t packed_size = blocked_blocks(&p->w.in, block) * block * p->taps;
    float *all = room(p->out_size + p->in_size + weights + channels);
    float *x = into_blocks(&p->w.in, block, p->x), *g = into_blocks(&p->out, block, p->g);
    float *y = room(blocked_size(&p->out, block)), *gx = into_blocks(&p->w.in, block, p->before);
    float *packed = room(packed_size), *gw = room(packed_size);
    float *scratch = room((int64_t)kernels_window_scratch(&p->w, block));
    float *gb = all + p->out_size + p->in_size + weights;
    k->depthwise_pack(channels, p->taps, p->weights, packed);
    k->depthwise_forward(&p->w, relu, x, packed, p->bias, y, scratch);
    k->depthwise_backward(&p->w, relu, x, packed, g, gx, add, gw, gb, scratch);
    // One gradient alone is the same.
    float *alone = into_blocks(&p->w.in, block, p->before);
    k->depthwise_backward(&p->w, relu, x, packed, g, alone, add, NULL, NULL, scratch);
    cr_assert_arr_eq(alone, gx, (size_t)blocked_size(&p->w.in, block) * sizeof *gx);
    float *y_out = out_of_blocks(&p->out, block, y), *gx_out = out_of_blocks(&p->w.in, block, gx);
    memcpy(all, y_out, (size_t)p->out_size * sizeof *all);
    memcpy(all + p->out_size, gx_out, (size_t)p->in_size * sizeof *all);
    k->depthwise_unpack(channels, p->taps, gw, all + p->out_size + p->in_size);
    free(x), free(g), free(packed), free(gw), free(scratch), free(y_out), free(gx_out);
    free(alone);
    return all;
}

static void check_depthwise(struct kernels_window w, bool relu, bool add)
{
    const struct kernels *tables[4];
    int count = tables_of_processor(tables);
    struct problem p = problem_of(w);
    int64_t weights = w.in.channels * p.taps;
    double *y = doubles(NULL, p.out_size), *gx = doubles(add ? p.before : NULL, p.in_size);
    double *gw = doubles(NULL, weights), *gb = doubles(NULL, w.in.channels);
    float *first = NULL;
    double sums = 1e-6 * sqrt((double)(p.out_size / w.in.channels) + 1.0);
    cr_assert(kernels_window_fits(&w, false));
    reference_depthwise(&p, relu, y, gx, gw, gb);
    for (int i = 0; i < count; i++) {
        float *found = run_depthwise(&p, tables[i], relu, add), *at = found;
        assert_near("y", tables[i], at, y, p.out_size, 1e-5);
        assert_near("gx", tables[i], at += p.out_size, gx, p.in_size, 1e-5);
        assert_near("gw", tables[i], at += p.in_size, gw, weights, sums);
        assert_near("gb", tables[i], at += weights, gb, w.in.channels, sums);
        assert_same_bits("depthwise", tables[i], &first, found,
                         p.out_size + p.in_size + weights + w.in.channels);
    }
    free(first), free(y), free(gx), free(gw), free(gb);
    problem_clear(&p);
}

// ---- Pools ------------------------------------------------------------------------------------

static int64_t counted(const struct kernels_window *w, int64_t oh, int64_t ow)
{
    int64_t count = 0;
    for (int64_t t = 0; t < w->kernel_h * w->kernel_w; t++) {
        int64_t h = oh * w->stride_h - w->pad_top + t / w->kernel_w * w->dilation_h;
        int64_t v = ow * w->stride_w - w->pad_left + t % w->kernel_w * w->dilation_w;
        count += w->count_padding
                     ? h < w->in.height + w->pad_bottom && v < w->in.width + w->pad_right
                     : seen(w, 0, oh, ow, t) >= 0;
    }
    return count ? count : 1; // nothing averages to 0
}

static void reference_pool(const struct problem *p, bool maximum, double *y, double *gx)
{
    EACH_OUTPUT(p, i, plane, oh, ow)
    {
        double best = -INFINITY, sum = 0.0, divisor = (double)counted(&p->w, oh, ow);
        int64_t winner = -1;
        for (int64_t t = 0; t < p->taps; t++) {
            int64_t at = seen(&p->w, plane, oh, ow, t);
            if (at < 0)
                continue;
            double x = (double)p->x[at];
            sum += x;
            if (x > best || isnan(x))
                best = x, winner = at;
            if (!maximum)
                gx[at] += (double)p->g[i] / divisor;
        }
        y[i] = maximum ? best : sum / divisor;
        if (maximum && winner >= 0)
            gx[winner] += (double)p->g[i];
    }
}

static float *run_pool(const struct problem *p, const struct kernels *k, bool maximum, bool add)
{
    int64_t block = k->block, out = blocked_size(&p->out, block);
    float *all = room(p->out_size + p->in_size);
    float *x = into_blocks(&p->w.in, block, p->x), *g = into_blocks(&p->out, block, p->g);
    float *y = room(out), *gx = into_blocks(&p->w.in, block, p->before);
    float *scratch = room((int64_t)kernels_window_scratch(&p->w, block));
    uint8_t *winners = calloc((size_t)out + 1, 1);
    if (maximum) {
        k->max_forward(&p->w, x, y, NULL, scratch);
        float *with = room(out);
        k->max_forward(&p->w, x, with, winners, scratch);
        for (int64_t i = 0; i < out; i++)
            cr_assert(memcmp(with + i, y + i, sizeof *y) == 0);
        free(with);
        k->max_backward(&p->w, winners, g, gx, add, scratch);
    } else {
        k->average_forward(&p->w, x, y, scratch);
        k->average_backward(&p->w, g, gx, add, scratch);
    }
    float *y_out = out_of_blocks(&p->out, block, y), *gx_out = out_of_blocks(&p->w.in, block, gx);
    memcpy(all, y_out, (size_t)p->out_size * sizeof *all);
    memcpy(all + p->out_size, gx_out, (size_t)p->in_size * sizeof *all);
    free(x), free(g), free(scratch), free(winners), free(y_out), free(gx_out);
    return all;
}

static void check_pool(struct kernels_window w, bool maximum, bool add, float planted)
{
    const struct kernels *tables[4];
    int count = tables_of_processor(tables);
    struct problem p = problem_of(w);
    p.x[p.in_size / 2] = planted;
    double *y = doubles(NULL, p.out_size), *gx = doubles(add ? p.before : NULL, p.in_size);
    float *first = NULL;
    reference_pool(&p, maximum, y, gx);
    for (int i = 0; i < count; i++) {
        float *found = run_pool(&p, tables[i], maximum, add);
        assert_near("y", tables[i], found, y, p.out_size, maximum ? 0.0 : 1e-6);
        assert_near("gx", tables[i], found + p.out_size, gx, p.in_size, 1e-6);
        assert_same_bits("pool", tables[i], &first, found, p.out_size + p.in_size);
    }
    free(first), free(y), free(gx);
    problem_clear(&p);
}

// ---- The windows ------------------------------------------------------------------------------

// Kernel, stride, dilation, padding, the same along both sides.
static struct kernels_window square(struct blocked in, int64_t kernel, int64_t stride,
                                    int64_t dilation, int64_t pad)
{
    int64_t span = (kernel - 1) * dilation + 1;
    return (struct kernels_window){
        .in = in,
        .out_height = (in.height + 2 * pad - span) / stride + 1,
        .out_width = (in.width + 2 * pad - span) / stride + 1,
        .kernel_h = kernel,
        .kernel_w = kernel,
        .stride_h = stride,
        .stride_w = stride,
        .dilation_h = dilation,
        .dilation_w = dilation,
        .pad_top = pad,
        .pad_left = pad,
        .pad_bottom = pad,
        .pad_right = pad,
    };
}

// Every attribute another one along each side; the last windows reach over the padding's end, as
// ceil_mode lets them.
static struct kernels_window uneven(void)
{
    return (struct kernels_window){.in = {2, 19, 9, 14},
                                   .out_height = 5,
                                   .out_width = 7,
                                   .kernel_h = 2,
                                   .kernel_w = 3,
                                   .stride_h = 2,
                                   .stride_w = 3,
                                   .dilation_h = 3,
                                   .dilation_w = 1,
                                   .pad_top = 1,
                                   .pad_left = 2,
                                   .pad_bottom = 0,
                                   .pad_right = 1};
}

static const struct blocked inputs[] = {
    {2, 3, 1, 1}, {1, 16, 2, 3}, {2, 20, 5, 7}, {3, 36, 8, 8}, {1, 9, 13, 12}, {2, 8, 17, 31},
};

#define EACH_INPUT(in)                                                                             \
    for (size_t i_ = 0; i_ < sizeof inputs / sizeof *inputs; i_++)                                 \
        for (struct blocked in = inputs[i_], *once_ = &in; once_; once_ = NULL)

Test(window, depthwise_is_as_the_loops)
{
    EACH_INPUT(in)
    for (int64_t stride = 1; stride <= 3; stride++)
        for (int64_t dilation = 1; dilation <= 2; dilation++)
            for (int64_t kernel = 1; kernel <= 7; kernel += 2)
                check_depthwise(square(in, kernel, stride, dilation, kernel / 2 * dilation),
                                kernel == 3 || dilation == 2, stride == 2);
}

Test(window, depthwise_of_any_window)
{
    check_depthwise(uneven(), false, false);
    check_depthwise(uneven(), true, true);
    // No padding: the last columns and rows are in no window.
    check_depthwise(square((struct blocked){2, 5, 8, 10}, 3, 3, 1, 0), true, false);
    check_depthwise(square((struct blocked){1, 5, 8, 10}, 2, 2, 1, 0), false, true);
    // More padding than kernel: windows with nothing in them.
    check_depthwise(square((struct blocked){1, 17, 3, 2}, 2, 1, 1, 3), true, false);
}

Test(window, pools_are_as_the_loops)
{
    static const float planted[] = {0.5f, NAN, INFINITY};
    EACH_INPUT(in)
    for (int64_t stride = 1; stride <= 3; stride++)
        for (int64_t kernel = 1; kernel <= 5; kernel++)
            for (int maximum = 0; maximum <= 1; maximum++) {
                if (kernel - 1 > in.height || kernel - 1 > in.width)
                    continue;
                struct kernels_window w = square(in, kernel, stride, 1, (kernel - 1) / 2);
                w.count_padding = stride == 2;
                if (w.out_height > 0 && w.out_width > 0)
                    check_pool(w, maximum, kernel % 2, planted[maximum ? stride % 3 : 0]);
            }
}

Test(window, pools_of_any_window)
{
    for (int maximum = 0; maximum <= 1; maximum++) {
        struct kernels_window w = uneven();
        check_pool(w, maximum, false, 3.0f);
        w.count_padding = true;
        check_pool(w, maximum, true, 3.0f);
        check_pool(square((struct blocked){2, 5, 9, 10}, 3, 2, 2, 1), maximum, false, 2.0f);
        check_pool(square((struct blocked){2, 5, 9, 11}, 2, 3, 1, 0), maximum, true, 2.0f);
    }
}

Test(window, limits)
{
    struct kernels_window w = square((struct blocked){1, 1, 40, 40}, 15, 1, 1, 0);
    cr_assert(kernels_window_fits(&w, true));
    check_pool(w, true, false, 1.0f);
    w = square((struct blocked){1, 1, 40, 40}, 16, 1, 1, 0);
    cr_assert_not(kernels_window_fits(&w, true));
    check_pool(w, false, false, 1.0f);
    w = square((struct blocked){1, 1, 40, 40}, 31, 1, 1, 0);
    cr_assert(kernels_window_fits(&w, false));
    check_depthwise(w, true, false);
    w = square((struct blocked){1, 1, 40, 40}, 32, 1, 1, 0);
    cr_assert_not(kernels_window_fits(&w, false));
}

Test(window, global_average)
{
    const struct kernels *tables[4];
    int count = tables_of_processor(tables);
    for (size_t s = 0; s < sizeof inputs / sizeof *inputs; s++) {
        struct blocked in = inputs[s], out = {in.batch, in.channels, 1, 1};
        int64_t pixels = in.height * in.width, planes = in.batch * in.channels;
        float *x = numbers(1, elements(&in), 1.0f, 0.5f), *g = numbers(2, planes, 1.0f, 0.0f);
        float *before = numbers(3, elements(&in), 1.0f, 0.0f), *first = NULL, *first_gx = NULL;
        double *mean = doubles(NULL, planes), *gx = doubles(before, elements(&in));
        for (int64_t i = 0; i < elements(&in); i++) {
            mean[i / pixels] += (double)x[i] / (double)pixels;
            gx[i] += (double)g[i / pixels] / (double)pixels;
        }
        for (int i = 0; i < count; i++) {
            const struct kernels *k = tables[i];
            float *blocked = into_blocks(&in, k->block, x), *y = room(blocked_size(&out, k->block));
            float *gy = into_blocks(&out, k->block, g), *to = into_blocks(&in, k->block, before);
            k->global_average_forward(&in, blocked, y);
            k->global_average_backward(&in, gy, to, true);
            y = out_of_blocks(&out, k->block, y);
            to = out_of_blocks(&in, k->block, to);
            assert_near("mean", k, y, mean, planes, 1e-6);
            assert_near("gx", k, to, gx, elements(&in), 1e-6);
            assert_same_bits("mean", k, &first, y, planes);
            assert_same_bits("gx", k, &first_gx, to, elements(&in));
            free(blocked), free(gy);
        }
        free(x), free(g), free(before), free(first), free(first_gx), free(mean), free(gx);
    }
}
