// SPDX-License-Identifier: Apache-2.0
// The vector kernels of the engine onednn beside oneDNN's own primitives for the same thing, on the
// same blocked memory, in alternation, by processor time of one thread. Windows in GFLOP/s of their
// multiply-adds (pools: of their taps), the rest in GB/s of what must be read and written at least.
// Medians of repetitions within this one run. OMP_NUM_THREADS must be 1.
//   kernels_bench [PART [BATCH]]     only the rows whose name has PART in it; a batch of 64
#include "stopwatch.h"

#include "kernels/kernels.h"

#include <dnnl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPETITIONS 9
#define SECONDS 0.01 // of one repetition

static const struct kernels *k;
static dnnl_engine_t engine;
static dnnl_stream_t stream;
static const char *only = "";
static int64_t batch = 64;

static void succeed(dnnl_status_t status)
{
    if (status == dnnl_success)
        return;
    fprintf(stderr, "oneDNN: status %d\n", (int)status);
    exit(1);
}

static float *numbers(int64_t count)
{
    float *x = aligned_alloc(64, (size_t)(count + 16) / 16 * 64);
    if (!x)
        exit(1);
    uint32_t state = 1;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
    }
    return x;
}

// ---- oneDNN -----------------------------------------------------------------------------------

struct call {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t arguments[10];
    int count;
};

static dnnl_memory_desc_t blocked_desc(const struct blocked *s)
{
    dnnl_dims_t dims = {s->batch, s->channels, s->height, s->width};
    dnnl_memory_desc_t desc;
    succeed(dnnl_memory_desc_init_by_tag(&desc, 4, dims, dnnl_f32,
                                         k->block == 16 ? dnnl_nChw16c : dnnl_nChw8c));
    return desc;
}

static dnnl_memory_desc_t flat_desc(int64_t count)
{
    dnnl_dims_t dims = {count};
    dnnl_memory_desc_t desc;
    succeed(dnnl_memory_desc_init_by_tag(&desc, 1, dims, dnnl_f32, dnnl_a));
    return desc;
}

static void give(struct call *call, int argument, const dnnl_memory_desc_t *desc, void *data)
{
    dnnl_exec_arg_t *to = &call->arguments[call->count++];
    to->arg = argument;
    succeed(dnnl_memory_create(&to->memory, desc, engine, data));
}

static dnnl_primitive_desc_t described(const void *desc, dnnl_primitive_desc_t hint)
{
    dnnl_primitive_desc_t made;
    succeed(dnnl_primitive_desc_create(&made, desc, NULL, engine, hint));
    return made;
}

static void make(struct call *call, dnnl_primitive_desc_t desc)
{
    succeed(dnnl_primitive_create(&call->primitive, desc));
}

static void run_call(void *argument)
{
    struct call *call = argument;
    succeed(dnnl_primitive_execute(call->primitive, stream, call->count, call->arguments));
}

static void call_clear(struct call *call)
{
    for (int i = 0; i < call->count; i++)
        dnnl_memory_destroy(call->arguments[i].memory);
    dnnl_primitive_destroy(call->primitive);
}

// ---- Timing -----------------------------------------------------------------------------------

static double once(void (*run)(void *), void *argument, int64_t times)
{
    double start = cpu_seconds();
    for (int64_t i = 0; i < times; i++)
        run(argument);
    return (cpu_seconds() - start) / (double)times;
}

static int64_t times_of(void (*run)(void *), void *argument)
{
    run(argument);
    double seconds = once(run, argument, 1);
    return seconds > SECONDS ? 1 : (int64_t)(SECONDS / (seconds + 1e-9)) + 1;
}

// `work`: billions of floating-point operations or of bytes.
static void compare(const char *name, const struct blocked *s, void (*ours)(void *), void *mine,
                    struct call *call, double work, const char *unit)
{
    double a[REPETITIONS], b[REPETITIONS];
    int64_t times_a = times_of(ours, mine), times_b = times_of(run_call, call);
    for (int i = 0; i < REPETITIONS; i++) {
        a[i] = once(ours, mine, times_a);
        // Where oneDNN falls back to its reference code, once is enough.
        b[i] = i && b[0] > 10.0 * SECONDS ? b[0] : once(run_call, call, times_b);
    }
    double x = median(a, REPETITIONS), y = median(b, REPETITIONS);
    char shape[48];
    snprintf(shape, sizeof shape, "%dx%dx%d", (int)s->channels, (int)s->height, (int)s->width);
    printf("%-34s %-10s %8.1f us %7.1f %s   oneDNN %8.1f us %7.1f   %5.2f\n", name, shape, 1e6 * x,
           work / x, unit, 1e6 * y, work / y, y / x);
    fflush(stdout);
    call_clear(call);
}

static bool wanted(const char *name)
{
    return strstr(name, only) != NULL;
}

// ---- BatchNormalization -----------------------------------------------------------------------

static void run_norm(void *norm)
{
    k->norm_forward(norm);
}

static void run_norm_gradient(void *gradient)
{
    k->norm_backward(gradient);
}

static void bench_norm(struct blocked s, bool relu)
{
    const char *names[] = {relu ? "norm+relu forward" : "norm forward",
                           relu ? "norm+relu backward" : "norm backward"};
    if (!wanted(names[0]) && !wanted(names[1]))
        return;
    int64_t size = blocked_size(&s, k->block);
    float *x = numbers(size), *y = numbers(size), *g = numbers(size), *gx = numbers(size);
    float *saved = numbers(norm_saved_size(&s, k->block)), *weights = numbers(6 * 64 * s.channels);
    float *mean = weights + 128 * s.channels, *variance = mean + s.channels;
    uint8_t *mask = calloc((size_t)size, 1);
    struct norm norm = {.shape = s,
                        .x = x,
                        .scale = weights,
                        .shift = weights + s.channels,
                        .running_mean = mean,
                        .running_variance = variance,
                        .momentum = 0.9,
                        .epsilon = 1e-5,
                        .training = true,
                        .relu = relu,
                        .y = y,
                        .saved = saved};
    struct norm_gradient gradient = {.shape = s,
                                     .x = x,
                                     .saved = saved,
                                     .training = true,
                                     .relu = relu,
                                     .g = g,
                                     .scale_gradient = mean,
                                     .shift_gradient = variance,
                                     .gx = gx};
    dnnl_memory_desc_t desc = blocked_desc(&s), channels = flat_desc(s.channels), two;
    dnnl_dims_t dims = {2, s.channels};
    succeed(dnnl_memory_desc_init_by_tag(&two, 2, dims, dnnl_f32, dnnl_ab));
    unsigned flags = dnnl_use_scaleshift | (relu ? dnnl_fuse_norm_relu : 0);
    dnnl_batch_normalization_desc_t forward, backward;
    succeed(dnnl_batch_normalization_forward_desc_init(&forward, dnnl_forward_training, &desc,
                                                       1e-5f, flags));
    succeed(dnnl_batch_normalization_backward_desc_init(&backward, dnnl_backward, &desc, &desc,
                                                        1e-5f, flags));
    dnnl_primitive_desc_t hint = described(&forward, NULL), back = described(&backward, hint);
    const dnnl_memory_desc_t *workspace =
        dnnl_primitive_desc_query_md(hint, dnnl_query_workspace_md, 0);
    struct call call = {0};
    make(&call, hint);
    give(&call, DNNL_ARG_SRC, &desc, x);
    give(&call, DNNL_ARG_DST, &desc, y);
    give(&call, DNNL_ARG_SCALE_SHIFT, &two, weights);
    give(&call, DNNL_ARG_MEAN, &channels, mean);
    give(&call, DNNL_ARG_VARIANCE, &channels, variance);
    if (relu)
        give(&call, DNNL_ARG_WORKSPACE, workspace, mask);
    compare(names[0], &s, run_norm, &norm, &call, 8e-9 * (double)size, "GB/s");
    call = (struct call){0};
    make(&call, back);
    give(&call, DNNL_ARG_SRC, &desc, x);
    give(&call, DNNL_ARG_DIFF_DST, &desc, g);
    give(&call, DNNL_ARG_DIFF_SRC, &desc, gx);
    give(&call, DNNL_ARG_SCALE_SHIFT, &two, weights);
    give(&call, DNNL_ARG_DIFF_SCALE_SHIFT, &two, weights + 64 * s.channels);
    give(&call, DNNL_ARG_MEAN, &channels, mean);
    give(&call, DNNL_ARG_VARIANCE, &channels, variance);
    if (relu)
        give(&call, DNNL_ARG_WORKSPACE, workspace, mask);
    compare(names[1], &s, run_norm_gradient, &gradient, &call, 12e-9 * (double)size, "GB/s");
    dnnl_primitive_desc_destroy(hint);
    dnnl_primitive_desc_destroy(back);
    free(x), free(y), free(g), free(gx), free(saved), free(weights), free(mask);
}

// ---- Windows ----------------------------------------------------------------------------------

struct windowed {
    struct kernels_window w;
    float *x, *y, *g, *gx, *weights, *gw, *scratch;
    uint8_t *winners;
    bool relu;
};

static struct kernels_window square(struct blocked in, int64_t kernel, int64_t stride,
                                    int64_t dilation)
{
    int64_t pad = (kernel - 1) / 2 * dilation, span = (kernel - 1) * dilation + 1;
    return (struct kernels_window){in,
                                   (in.height + 2 * pad - span) / stride + 1,
                                   (in.width + 2 * pad - span) / stride + 1,
                                   kernel,
                                   kernel,
                                   stride,
                                   stride,
                                   dilation,
                                   dilation,
                                   pad,
                                   pad,
                                   pad,
                                   pad,
                                   false};
}

static struct windowed windowed_of(struct kernels_window w)
{
    struct blocked out = window_out(&w);
    int64_t in_size = blocked_size(&w.in, k->block), out_size = blocked_size(&out, k->block);
    int64_t weights = blocked_blocks(&w.in, k->block) * k->block * w.kernel_h * w.kernel_w;
    return (struct windowed){w,
                             numbers(in_size),
                             numbers(out_size),
                             numbers(out_size),
                             numbers(in_size),
                             numbers(weights),
                             numbers(weights),
                             numbers((int64_t)kernels_window_scratch(&w, k->block)),
                             calloc((size_t)out_size, 4),
                             false};
}

static void windowed_clear(struct windowed *d)
{
    free(d->x), free(d->y), free(d->g), free(d->gx), free(d->weights), free(d->gw);
    free(d->scratch), free(d->winners);
}

static double operations(const struct kernels_window *w, int64_t each)
{
    return 1e-9 * (double)(each * w->in.batch * w->in.channels * w->out_height * w->out_width *
                           w->kernel_h * w->kernel_w);
}

static void run_depthwise(void *p)
{
    struct windowed *d = p;
    k->depthwise_forward(&d->w, d->relu, d->x, d->weights, NULL, d->y, d->scratch);
}

static void run_depthwise_data(void *p)
{
    struct windowed *d = p;
    k->depthwise_backward(&d->w, d->relu, d->x, d->weights, d->g, d->gx, false, NULL, NULL,
                          d->scratch);
}

static void run_depthwise_weights(void *p)
{
    struct windowed *d = p;
    k->depthwise_backward(&d->w, d->relu, d->x, d->weights, d->g, NULL, false, d->gw, NULL,
                          d->scratch);
}

static void bench_depthwise(struct blocked in, int64_t kernel, int64_t stride, int64_t dilation)
{
    char names[3][48];
    static const char *directions[] = {"forward", "backward-data", "backward-weights"};
    for (int i = 0; i < 3; i++)
        snprintf(names[i], sizeof names[i], "depthwise %d s%d d%d %s", (int)kernel, (int)stride,
                 (int)dilation, directions[i]);
    if (!wanted(names[0]) && !wanted(names[1]) && !wanted(names[2]))
        return;
    struct windowed d = windowed_of(square(in, kernel, stride, dilation));
    struct blocked out = window_out(&d.w);
    dnnl_memory_desc_t src = blocked_desc(&in), dst = blocked_desc(&out), weights;
    dnnl_dims_t dims = {in.channels, 1, 1, kernel, kernel}, strides = {stride, stride};
    dnnl_dims_t dilates = {dilation - 1, dilation - 1}, pads = {d.w.pad_top, d.w.pad_left};
    dnnl_dims_t ends = {
        (out.height - 1) * stride + (kernel - 1) * dilation + 1 - in.height - pads[0],
        (out.width - 1) * stride + (kernel - 1) * dilation + 1 - in.width - pads[1]};
    succeed(dnnl_memory_desc_init_by_tag(&weights, 5, dims, dnnl_f32,
                                         k->block == 16 ? dnnl_Goihw16g : dnnl_Goihw8g));
    dnnl_convolution_desc_t descs[3];
    succeed(dnnl_dilated_convolution_forward_desc_init(&descs[0], dnnl_forward_training,
                                                       dnnl_convolution_direct, &src, &weights,
                                                       NULL, &dst, strides, dilates, pads, ends));
    succeed(dnnl_dilated_convolution_backward_data_desc_init(
        &descs[1], dnnl_convolution_direct, &src, &weights, &dst, strides, dilates, pads, ends));
    succeed(dnnl_dilated_convolution_backward_weights_desc_init(&descs[2], dnnl_convolution_direct,
                                                                &src, &weights, NULL, &dst, strides,
                                                                dilates, pads, ends));
    dnnl_primitive_desc_t hint = described(&descs[0], NULL);
    static void (*const runs[])(void *) = {run_depthwise, run_depthwise_data,
                                           run_depthwise_weights};
    for (int i = 0; i < 3; i++) {
        if (!wanted(names[i]))
            continue;
        dnnl_primitive_desc_t desc = i ? described(&descs[i], hint) : hint;
        struct call call = {0};
        make(&call, desc);
        give(&call, i == 1 ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, &src, i == 1 ? d.gx : d.x);
        give(&call, i ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST, &dst, i ? d.g : d.y);
        give(&call, i == 2 ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, &weights,
             i == 2 ? d.gw : d.weights);
        compare(names[i], &in, runs[i], &d, &call, operations(&d.w, 2), "GFLOP/s");
        if (i)
            dnnl_primitive_desc_destroy(desc);
    }
    dnnl_primitive_desc_destroy(hint);
    windowed_clear(&d);
}

static void run_max(void *p)
{
    struct windowed *d = p;
    k->max_forward(&d->w, d->x, d->y, d->winners, d->scratch);
}

static void run_max_back(void *p)
{
    struct windowed *d = p;
    k->max_backward(&d->w, d->winners, d->g, d->gx, false, d->scratch);
}

static void run_average(void *p)
{
    struct windowed *d = p;
    k->average_forward(&d->w, d->x, d->y, d->scratch);
}

static void run_average_back(void *p)
{
    struct windowed *d = p;
    k->average_backward(&d->w, d->g, d->gx, false, d->scratch);
}

static void bench_pool(struct blocked in, int64_t kernel, int64_t stride, bool maximum)
{
    char names[2][48];
    for (int i = 0; i < 2; i++)
        snprintf(names[i], sizeof names[i], "%s pool %d s%d %s", maximum ? "max" : "average",
                 (int)kernel, (int)stride, i ? "backward" : "forward");
    if (!wanted(names[0]) && !wanted(names[1]))
        return;
    struct windowed d = windowed_of(square(in, kernel, stride, 1));
    struct blocked out = window_out(&d.w);
    dnnl_memory_desc_t src = blocked_desc(&in), dst = blocked_desc(&out);
    dnnl_dims_t kernels = {kernel, kernel}, strides = {stride, stride};
    dnnl_dims_t pads = {d.w.pad_top, d.w.pad_left};
    dnnl_dims_t ends = {(out.height - 1) * stride + kernel - in.height - pads[0],
                        (out.width - 1) * stride + kernel - in.width - pads[1]};
    dnnl_alg_kind_t kind = maximum ? dnnl_pooling_max : dnnl_pooling_avg_exclude_padding;
    dnnl_pooling_desc_t forward, backward;
    succeed(dnnl_pooling_forward_desc_init(&forward, dnnl_forward_training, kind, &src, &dst,
                                           strides, kernels, pads, ends));
    succeed(
        dnnl_pooling_backward_desc_init(&backward, kind, &src, &dst, strides, kernels, pads, ends));
    dnnl_primitive_desc_t hint = described(&forward, NULL), back = described(&backward, hint);
    const dnnl_memory_desc_t *workspace =
        dnnl_primitive_desc_query_md(hint, dnnl_query_workspace_md, 0);
    uint8_t *winners = calloc((size_t)blocked_size(&out, k->block), 4);
    for (int i = 0; i < 2; i++) {
        struct call call = {0};
        make(&call, i ? back : hint);
        give(&call, i ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, &src, i ? d.gx : d.x);
        give(&call, i ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST, &dst, i ? d.g : d.y);
        if (maximum)
            give(&call, DNNL_ARG_WORKSPACE, workspace, winners);
        compare(names[i], &in,
                i         ? maximum ? run_max_back : run_average_back
                : maximum ? run_max
                          : run_average,
                &d, &call, operations(&d.w, 1), "GFLOP/s");
    }
    dnnl_primitive_desc_destroy(hint);
    dnnl_primitive_desc_destroy(back);
    free(winners);
    windowed_clear(&d);
}

// ---- Element by element, layouts --------------------------------------------------------------

struct flat {
    struct blocked s;
    float *a, *b, *y;
    int64_t count;
};

static void run_relu(void *p)
{
    struct flat *f = p;
    k->relu(f->a, f->y, f->count);
}

static void run_relu_back(void *p)
{
    struct flat *f = p;
    k->relu_gradient(f->a, f->b, f->y, f->count, false);
}

static void run_sum(void *p)
{
    struct flat *f = p;
    const float *terms[2] = {f->a, f->b};
    k->sum(terms, 2, f->y, NULL, f->count);
}

static void run_swish(void *p)
{
    struct flat *f = p;
    k->activate(ACTIVATION_SWISH, 0.0f, 0.0f, &f->s, f->a, f->y);
}

static void run_block(void *p)
{
    struct flat *f = p;
    k->block_nchw(&f->s, f->a, f->y);
}

static void run_unblock(void *p)
{
    struct flat *f = p;
    k->unblock_nchw(&f->s, f->a, f->y, false);
}

static void eltwise(struct flat *f, const char *name, dnnl_alg_kind_t kind, void (*run)(void *),
                    bool back)
{
    if (!wanted(name))
        return;
    dnnl_memory_desc_t desc = blocked_desc(&f->s);
    dnnl_eltwise_desc_t forward, backward;
    succeed(dnnl_eltwise_forward_desc_init(&forward, dnnl_forward_training, kind, &desc,
                                           kind == dnnl_eltwise_swish ? 1.0f : 0.0f, 0.0f));
    succeed(dnnl_eltwise_backward_desc_init(&backward, kind, &desc, &desc, 0.0f, 0.0f));
    dnnl_primitive_desc_t hint = described(&forward, NULL);
    dnnl_primitive_desc_t used = back ? described(&backward, hint) : hint;
    struct call call = {0};
    make(&call, used);
    give(&call, DNNL_ARG_SRC, &desc, f->a);
    if (back)
        give(&call, DNNL_ARG_DIFF_DST, &desc, f->b);
    give(&call, back ? DNNL_ARG_DIFF_SRC : DNNL_ARG_DST, &desc, f->y);
    compare(name, &f->s, run, f, &call, (back ? 12e-9 : 8e-9) * (double)f->count, "GB/s");
    dnnl_primitive_desc_destroy(hint);
    if (back)
        dnnl_primitive_desc_destroy(used);
}

static void reorder(struct flat *f, const char *name, void (*run)(void *), bool back)
{
    if (!wanted(name))
        return;
    dnnl_dims_t dims = {f->s.batch, f->s.channels, f->s.height, f->s.width};
    dnnl_memory_desc_t desc = blocked_desc(&f->s), plain;
    succeed(dnnl_memory_desc_init_by_tag(&plain, 4, dims, dnnl_f32, dnnl_nchw));
    dnnl_primitive_desc_t used;
    succeed(dnnl_reorder_primitive_desc_create(&used, back ? &desc : &plain, engine,
                                               back ? &plain : &desc, engine, NULL));
    struct call call = {0};
    make(&call, used);
    give(&call, DNNL_ARG_FROM, back ? &desc : &plain, f->a);
    give(&call, DNNL_ARG_TO, back ? &plain : &desc, f->y);
    compare(name, &f->s, run, f, &call,
            4e-9 * (double)(f->count + f->s.batch * f->s.channels * f->s.height * f->s.width),
            "GB/s");
    dnnl_primitive_desc_destroy(used);
}

static void bench_flat(struct blocked s)
{
    int64_t count = blocked_size(&s, k->block);
    struct flat f = {s, numbers(count), numbers(count), numbers(count), count};
    dnnl_memory_desc_t desc = blocked_desc(&s), both[2] = {desc, desc};
    float ones[2] = {1.0f, 1.0f};
    eltwise(&f, "relu forward", dnnl_eltwise_relu, run_relu, false);
    eltwise(&f, "relu backward", dnnl_eltwise_relu, run_relu_back, true);
    eltwise(&f, "swish forward", dnnl_eltwise_swish, run_swish, false);
    if (wanted("sum of two")) {
        dnnl_primitive_desc_t used;
        struct call call = {0};
        succeed(dnnl_sum_primitive_desc_create(&used, &desc, 2, ones, both, NULL, engine));
        make(&call, used);
        give(&call, DNNL_ARG_MULTIPLE_SRC, &desc, f.a);
        give(&call, DNNL_ARG_MULTIPLE_SRC + 1, &desc, f.b);
        give(&call, DNNL_ARG_DST, &desc, f.y);
        compare("sum of two", &s, run_sum, &f, &call, 12e-9 * (double)count, "GB/s");
        dnnl_primitive_desc_destroy(used);
    }
    reorder(&f, "nchw to blocks", run_block, false);
    reorder(&f, "blocks to nchw", run_unblock, true);
    free(f.a), free(f.b), free(f.y);
}

int main(int argc, char **argv)
{
    only = argc > 1 ? argv[1] : "";
    batch = argc > 2 ? atoll(argv[2]) : 64;
    if (batch < 1) {
        fprintf(stderr, "kernels_bench: the batch must be a number from 1 on\n");
        return 2;
    }
    k = kernels_choose();
    succeed(dnnl_engine_create(&engine, dnnl_cpu, 0));
    succeed(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    printf("kernels %s, blocks of %d, batch %d; the last column is oneDNN's time over ours\n",
           k->name, (int)k->block, (int)batch);
    // Of NAS-Bench-201 and DARTS (16 first channels; 36 with the paper's).
    const struct blocked shapes[] = {
        {batch, 16, 32, 32}, {batch, 32, 16, 16}, {batch, 64, 8, 8},
        {batch, 36, 32, 32}, {batch, 16, 28, 28}, {batch, 72, 16, 16},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        bench_norm(shapes[i], false);
        bench_norm(shapes[i], true);
        bench_depthwise(shapes[i], 3, 1, 1);
        bench_depthwise(shapes[i], 5, 1, 1);
        bench_depthwise(shapes[i], 3, 1, 2);
        bench_depthwise(shapes[i], 5, 1, 2);
        bench_depthwise(shapes[i], 3, 2, 1);
        bench_depthwise(shapes[i], 5, 2, 1);
        bench_pool(shapes[i], 3, 1, true);
        bench_pool(shapes[i], 3, 2, true);
        bench_pool(shapes[i], 2, 2, true);
        bench_pool(shapes[i], 3, 1, false);
        bench_pool(shapes[i], 3, 2, false);
        bench_flat(shapes[i]);
    }
    dnnl_stream_destroy(stream);
    dnnl_engine_destroy(engine);
    return 0;
}
