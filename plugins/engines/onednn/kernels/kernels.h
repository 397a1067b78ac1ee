// SPDX-License-Identifier: Apache-2.0
// Vector kernels on blocked activations, one table of functions for each instruction set.
//
// Layout. A blocked tensor is float [N][C/B][H][W][B] at any address (multiples of 64 bytes are
// fastest): the channels in blocks of B, the last one filled up with zeros. B is the table's `block`:
// 16 with AVX-512, 8 with AVX2, either in plain C. What a kernel writes is zero beyond C again,
// whatever function it computes, if what it reads is. "Flat" kernels take any number of floats.
//
// Bits. All tables give the same bits, with either B: a channel is a lane of its own, sums are made in
// an order that depends on the shape alone, and multiplications and additions are not contracted.
// What is no number stays none, and wins a maximum.
//
// Memory. Kernels keep no state and allocate nothing; scratch is the caller's, its size is asked
// first. Pointers of one call may be equal where the comment says so, and overlap in no other way.
// `add`: the result is added to what is there, instead of set. Any thread.
#ifndef ONEDNN_KERNELS_KERNELS_H
#define ONEDNN_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A blocked tensor. `channels` are those that count, without the padding.
struct blocked {
    int64_t batch, channels, height, width;
};

// C/B, rounded up, and the floats of the whole tensor with the padding.
static inline int64_t blocked_blocks(const struct blocked *shape, int64_t block)
{
    return (shape->channels + block - 1) / block;
}

static inline int64_t blocked_size(const struct blocked *shape, int64_t block)
{
    return shape->batch * blocked_blocks(shape, block) * shape->height * shape->width * block;
}

// ---- BatchNormalization (Ioffe and Szegedy 2015) ----------------------------------------------

// Floats of `saved`: for each channel, padding included, five numbers.
static inline int64_t norm_saved_size(const struct blocked *shape, int64_t block)
{
    return 5 * blocked_blocks(shape, block) * block;
}

// y = (x - mean) / sqrt(variance + epsilon) scale + shift, then + residual, then Relu. The deviations
// are taken from the mean before anything is multiplied, so that a mean of a thousand deviations
// costs no digits.
struct norm {
    struct blocked shape;
    const float *x;
    const float *scale, *shift; // [channels]; NULL: 1 and 0
    // [channels]. Training: running = momentum running + (1 - momentum) batch, with the population's
    // variance, as ONNX has it; NULL: none are kept. Else they are the statistics.
    float *running_mean, *running_variance;
    double momentum, epsilon;
    bool training; // the batch's statistics
    bool relu;
    const float *residual; // blocked, or NULL
    float *y;              // may be x (whose backward then is lost) or residual
    float *saved;          // norm_saved_size, for the backward
};

struct norm_gradient {
    struct blocked shape;
    const float *x, *saved; // of the forward
    bool training, relu;    // as in the forward
    // The forward's output: needed where it had a Relu and a residual, else NULL is faster (the Relu
    // is computed again from x, which is read anyway).
    const float *y;
    const float *g;                         // of y
    float *scale_gradient, *shift_gradient; // [channels], set; NULL: not wanted
    float *gx;                              // may be g if not `add`; NULL: not wanted
    bool add;
    float *residual_gradient; // g behind the Relu; as gx, but never the same
    bool residual_add;
};

// ---- Windows: depthwise convolutions and pools ------------------------------------------------

// The output's size is given, not computed: that is where ceil_mode lies. A window's taps beyond the
// input count as padding.
struct kernels_window {
    struct blocked in;
    int64_t out_height, out_width;
    int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int64_t pad_top, pad_left, pad_bottom, pad_right;
    bool count_padding; // AveragePool's count_include_pad
};

static inline struct blocked window_out(const struct kernels_window *w)
{
    return (struct blocked){w->in.batch, w->in.channels, w->out_height, w->out_width};
}

// Floats of scratch for any kernel that takes this window; 64-byte aligned is fastest.
size_t kernels_window_scratch(const struct kernels_window *window, int64_t block);
// Whether the kernels have this window: up to 255 taps for MaxPool, up to 1,023 for the others.
bool kernels_window_fits(const struct kernels_window *window, bool maximum);

// ---- Activations ------------------------------------------------------------------------------

enum activation {
    ACTIVATION_RELU,
    ACTIVATION_LEAKY_RELU, // alpha
    ACTIVATION_ELU,        // alpha
    ACTIVATION_CLIP,       // alpha, beta: min, max
    ACTIVATION_SIGMOID,
    ACTIVATION_HARD_SIGMOID, // alpha, beta
    ACTIVATION_HARD_SWISH,
    ACTIVATION_SWISH,
    ACTIVATION_GELU, // by erf
    ACTIVATION_TANH,
};

// ---- Optimizers -------------------------------------------------------------------------------

struct sgd {
    float rate, momentum, decay;
    bool nesterov;
};

// `rate`: over the first moment's bias correction; `correction`: 1 / the root of the second's;
// `keep`: 1 - rate x decay for AdamW, 1 for Adam; `decay`: of Adam, into the gradient; 0 for AdamW.
struct adam {
    float rate, correction, beta1, beta2, epsilon, keep, decay;
};

// ---- The table --------------------------------------------------------------------------------

struct kernels {
    const char *name; // "avx512", "avx2", "plain"
    int64_t block;    // B

    void (*norm_forward)(const struct norm *norm);
    void (*norm_backward)(const struct norm_gradient *gradient);

    // Depthwise convolution with weights [C/B][kernel_h][kernel_w][B] (oneDNN's Goihw8g, Goihw16g; so
    // what `depthwise_pack` makes) of x, or with `relu` of the Relu of x. `bias`: [channels] or NULL.
    void (*depthwise_forward)(const struct kernels_window *window, bool relu, const float *x,
                              const float *weights, const float *bias, float *y, float *scratch);
    // Both gradients in one pass over x and g; gx or weight_gradient (packed like the weights, set) may
    // be NULL. x is not read if there is neither a Relu nor a weight gradient. bias_gradient:
    // [channels], set; NULL: not wanted.
    void (*depthwise_backward)(const struct kernels_window *window, bool relu, const float *x,
                               const float *weights, const float *g, float *gx, bool add,
                               float *weight_gradient, float *bias_gradient, float *scratch);

    // MaxPool: the first of equal maxima wins, padding never. winners: blocked like y, the tap's number
    // kh kernel_w + kw; NULL: not wanted.
    void (*max_forward)(const struct kernels_window *window, const float *x, float *y,
                        uint8_t *winners, float *scratch);
    void (*max_backward)(const struct kernels_window *window, const uint8_t *winners,
                         const float *g, float *gx, bool add, float *scratch);
    // AveragePool; 0 where no tap of a window counts.
    void (*average_forward)(const struct kernels_window *window, const float *x, float *y,
                            float *scratch);
    void (*average_backward)(const struct kernels_window *window, const float *g, float *gx,
                             bool add, float *scratch);
    // y: blocked [N][C/B][1][1][B].
    void (*global_average_forward)(const struct blocked *shape, const float *x, float *y);
    void (*global_average_backward)(const struct blocked *shape, const float *g, float *gx,
                                    bool add);

    // ---- Element by element, flat
    // y = the sum of `terms` (1 to 8) inputs, first to last; relu: the Relu of that. One of y and relu
    // may be NULL, and each may be one of the inputs.
    void (*sum)(const float *const *x, int terms, float *y, float *relu, int64_t count);
    void (*relu)(const float *x, float *y, int64_t count); // y may be x
    void (*relu_gradient)(const float *y, const float *g, float *gx, int64_t count,
                          bool add);                                 // gx may be g
    void (*accumulate)(float *to, const float *from, int64_t count); // to += from
    void (*multiply)(const float *a, const float *b, float *y, int64_t count, bool add);
    void (*scale)(const float *x, float by, float *y, int64_t count, bool add); // y may be x
    // x scale where the mask is not 0, else 0; y may be x.
    void (*mask)(const float *x, const uint8_t *mask, float scale, float *y, int64_t count,
                 bool add);
    double (*squares)(const float *x, int64_t count); // their sum
    // ---- Blocked
    // y may be x.
    void (*activate)(enum activation kind, float alpha, float beta, const struct blocked *shape,
                     const float *x, float *y);
    // gx = or += g f'(x); gx may be g.
    void (*activate_gradient)(enum activation kind, float alpha, float beta,
                              const struct blocked *shape, const float *x, const float *g,
                              float *gx, bool add);
    // y = x by a number for each plane, by: blocked [N][C/B][1][1][B]; y may be x.
    void (*scale_planes)(const struct blocked *shape, const float *x, const float *by, float *y,
                         bool add);
    // gx = or += g by, g_by = the planes' sums of g x. Either may be NULL; gx may be g.
    void (*scale_planes_gradient)(const struct blocked *shape, const float *x, const float *by,
                                  const float *g, float *gx, bool add, float *g_by);
    // y = x factor of the sample (DropPath), factors: [N]. A factor of 0 gives zeros, whatever is in x;
    // y may be x.
    void (*scale_samples)(const struct blocked *shape, const float *x, const float *factors,
                          float *y, bool add);

    // ---- Layouts
    void (*block_nchw)(const struct blocked *shape, const float *nchw, float *blocked);
    void (*unblock_nchw)(const struct blocked *shape, const float *blocked, float *nchw, bool add);
    // `count` channels of `from`, from the channel from_first on, to those of `to` from to_first on; the
    // other channels of `to` stay. Shapes differ in the channels alone. Concat and Slice and, with the
    // two sides changed and `add`, their gradients. The padding of `to` must have been zeroed.
    void (*copy_channels)(const struct blocked *from_shape, const float *from, int64_t from_first,
                          const struct blocked *to_shape, float *to, int64_t to_first,
                          int64_t count, bool add);
    // [channels][kernel_h][kernel_w] to [C/B][kernel_h][kernel_w][B], and back.
    void (*depthwise_pack)(int64_t channels, int64_t taps, const float *weights, float *packed);
    void (*depthwise_unpack)(int64_t channels, int64_t taps, const float *packed, float *weights);

    // ---- Optimizers, flat: weights w, their gradients g, their state
    void (*sgd)(const struct sgd *sgd, float *w, const float *g, float *velocity, int64_t count);
    void (*adam)(const struct adam *adam, float *w, const float *g, float *m, float *v,
                 int64_t count);
};

extern const struct kernels kernels_plain8, kernels_plain16;
#if defined(__x86_64__)
extern const struct kernels kernels_avx2, kernels_avx512;
#endif

// The widest table that the processor runs.
const struct kernels *kernels_choose(void);
// The fastest of the block asked (8 or 16) that the processor runs.
const struct kernels *kernels_of_block(int64_t block);

#endif
