// SPDX-License-Identifier: Apache-2.0
// The builder: what a space's one function draws its decisions from and emits its operators to.
//
// The host runs the function with different choosers: a random one (sample), one that replays a
// trace (build), one that replays it with a change (mutate, cross over, neighbours), one that asks
// a strategy for every decision, one that counts (enumerate), and a relaxed one that builds all
// alternatives. The function cannot tell which, and must do the same whenever it draws the same.
//
// Errors are sticky: after the first one every function does nothing and answers zero (counts and
// indices of a choice too, so loops over them end), and the pass ends with that error whatever the
// function returns. A space therefore need not test each call. It must not loop on what it draws
// without a bound.
//
// Two paths. The weight path of an operator is made of all scopes (esp_share's name among them),
// the decision's and the alternative's name, then the operator's: `cell/3/normal/op/conv_3x3/conv`.
// The decision path is the same from the last esp_share on. Names are [A-Za-z0-9_.-]+. A decision
// path met again in one pass returns its first value; met again with another domain, or a weight
// path met twice, is an error.
//
// All functions here are [any] [pass].
#ifndef ESPALIER_BUILDER_H
#define ESPALIER_BUILDER_H

#include <espalier/arch.h>
#include <espalier/graph.h>
#include <espalier/task.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct esp_builder esp_builder;
struct esp_builder_api;

// The handle of one pass. Owner: the host.
struct esp_builder {
    esp_handle base;
    const struct esp_builder_api *api;
};

// A tensor of the graph that is being built, by value. Only the builder that gave it knows it.
typedef struct esp_node {
    uint32_t id; // 0 = none
} esp_node;

// Emits one alternative of a decision: takes `x`, returns the alternative's output. `argument` is
// the last argument of esp_choose_op.
typedef esp_node (*esp_emit)(esp_builder *b, esp_node x, const void *argument);

// One row of a table of alternatives.
typedef struct esp_alternative {
    uint64_t struct_size;
    const char *name;
    esp_emit emit;
} esp_alternative;

#define ESP_ALTERNATIVE(name, emit)                                                                \
    {                                                                                              \
        sizeof(esp_alternative), name, emit                                                        \
    }

typedef struct esp_builder_api {
    uint64_t struct_size;
    const esp_task *(*task)(esp_builder *b);
    uint32_t (*tracing)(esp_builder *b);
    uint32_t (*failed)(esp_builder *b);
    void (*scope)(esp_builder *b, const char *name, int64_t index);
    void (*share)(esp_builder *b, const char *name);
    void (*scope_end)(esp_builder *b);
    esp_value (*choose)(esp_builder *b, const char *name, const esp_domain *domain);
    int64_t (*choose_value)(esp_builder *b, const char *name, const int64_t *values, uint64_t n);
    esp_node (*choose_op)(esp_builder *b, const char *name, esp_node x,
                          const esp_alternative *alternatives, uint64_t count, uint64_t stride,
                          const void *argument);
    uint64_t (*choose_inputs)(esp_builder *b, const char *name, const char *const *sources,
                              uint64_t count, uint64_t least, uint64_t most, uint32_t *chosen);
    esp_status (*reject)(esp_builder *b, const char *reason);
    esp_node (*input)(esp_builder *b);
    esp_node (*op)(esp_builder *b, const char *name, const char *op, const esp_node *inputs,
                   uint64_t input_count, const esp_attribute *attributes, uint64_t attribute_count,
                   uint64_t attribute_stride);
    esp_shape (*shape)(esp_builder *b, esp_node x);
    esp_status (*output)(esp_builder *b, esp_node x);
    uint32_t (*choose_chance)(esp_builder *b, const char *name, double probability);
    const void *(*genome)(esp_builder *b, uint64_t *size);
} esp_builder_api;

// ---- The pass ---------------------------------------------------------------------------------

// The task that the network is for. Lives as long as the pass.
static inline const esp_task *esp_builder_task(esp_builder *b)
{
    return b->api->task(b);
}

// True in a pass that emits no graph: a space may skip repeated stacks (whose decisions are shared
// and were drawn before), and shapes are all zero.
static inline uint32_t esp_tracing(esp_builder *b)
{
    return b->api->tracing(b);
}

// True after an error in this pass.
static inline uint32_t esp_failed(esp_builder *b)
{
    return b->api->failed(b);
}

// Ends the pass: this is no member of the space. Sampling, mutation, crossover and neighbours draw
// again (at most 1,000 times), enumeration leaves it out. Return its result from build.
static inline esp_status esp_reject(esp_builder *b, const char *reason)
{
    return b->api->reject(b, reason);
}

// The genome of the member that this pass is about, of a space that has the genome ability
// (ext/space_genome.h): `*size` bytes that the space itself must find to be one. NULL, and a size of 0,
// for other spaces. Owner: the host; lives as long as the pass.
static inline const void *esp_builder_genome(esp_builder *b, uint64_t *size)
{
    *size = 0;
    if (!ESP_HAS(esp_builder_api, b->api, genome))
        return NULL;
    return b->api->genome(b, size);
}

// ---- Scopes -----------------------------------------------------------------------------------

// Opens the scope `name/index` on both paths; a negative index adds the name alone.
static inline void esp_scope(esp_builder *b, const char *name, int64_t index)
{
    b->api->scope(b, name, index);
}

// Opens the scope `name` and re-roots the decision path at it: what is drawn inside is drawn once
// and holds at every position where the same name is shared; each position has its own weights.
static inline void esp_share(esp_builder *b, const char *name)
{
    b->api->share(b, name);
}

// Closes the innermost scope, whether opened by esp_scope or by esp_share.
static inline void esp_scope_end(esp_builder *b)
{
    b->api->scope_end(b);
}

// ---- Decisions --------------------------------------------------------------------------------
// A domain of one value is no decision: it is returned and stands in no trace.

// An integer of [least, most].
static inline int64_t esp_choose_int(esp_builder *b, const char *name, int64_t least, int64_t most)
{
    esp_domain domain = {
        sizeof(esp_domain), ESP_DECISION_INT, 0, least, most, 0.0, 0.0, 0, NULL, 0, 0};
    return b->api->choose(b, name, &domain).as.integer;
}

// An integer of [least, most], uniform in the logarithm; least >= 1.
static inline int64_t esp_choose_int_log(esp_builder *b, const char *name, int64_t least,
                                         int64_t most)
{
    esp_domain domain = {
        sizeof(esp_domain), ESP_DECISION_INT, ESP_DOMAIN_LOG, least, most, 0.0, 0.0, 0, NULL, 0, 0};
    return b->api->choose(b, name, &domain).as.integer;
}

// A real of [least, most].
static inline double esp_choose_real(esp_builder *b, const char *name, double least, double most)
{
    esp_domain domain = {
        sizeof(esp_domain), ESP_DECISION_REAL, 0, 0, 0, least, most, 0, NULL, 0, 0};
    return b->api->choose(b, name, &domain).as.real;
}

// A real of [least, most], uniform in the logarithm; least > 0.
static inline double esp_choose_real_log(esp_builder *b, const char *name, double least,
                                         double most)
{
    esp_domain domain = {
        sizeof(esp_domain), ESP_DECISION_REAL, ESP_DOMAIN_LOG, 0, 0, least, most, 0, NULL, 0, 0};
    return b->api->choose(b, name, &domain).as.real;
}

// One of `count` named options; answers its index. The host copies the names.
static inline uint64_t esp_choose_one(esp_builder *b, const char *name, const char *const *options,
                                      uint64_t count)
{
    esp_domain domain = {
        sizeof(esp_domain), ESP_DECISION_ONE, 0, 0, 0, 0.0, 0.0, count, options, 0, 0};
    return b->api->choose(b, name, &domain).as.index;
}

// One of `count` integers in ascending order (widths, kernel sizes); answers the integer. In the
// trace it is one of n, ordered, its options named by their decimals.
static inline int64_t esp_choose_value(esp_builder *b, const char *name, const int64_t *values,
                                       uint64_t count)
{
    return b->api->choose_value(b, name, values, count);
}

// No (0) or yes (1), options "no" and "yes"; where the host draws it, yes with `probability`, above 0
// and below 1. For numbers without a bound: layers are added until it says yes. The probability is no
// part of the domain, and binds no strategy that names the value itself. A host older than this
// function draws both alike.
static inline uint32_t esp_choose_chance(esp_builder *b, const char *name, double probability)
{
    static const char *const no_yes[] = {"no", "yes"};
    if (!ESP_HAS(esp_builder_api, b->api, choose_chance))
        return (uint32_t)esp_choose_one(b, name, no_yes, 2);
    return b->api->choose_chance(b, name, probability);
}

// Between `least` and `most` of `count` named options. The answer's `indices` are the host's and
// live as long as the pass.
static inline esp_value esp_choose_subset(esp_builder *b, const char *name,
                                          const char *const *options, uint64_t count,
                                          uint64_t least, uint64_t most)
{
    esp_domain domain = {
        sizeof(esp_domain), ESP_DECISION_SUBSET, 0, 0, 0, 0.0, 0.0, count, options, least, most};
    return b->api->choose(b, name, &domain);
}

// One of the alternatives, applied to `x` inside the scopes of the decision's and the alternative's
// name. Relaxed: all of them, behind a Choice node, whose shapes must agree. `argument` goes to
// emit (the channels or the stride of this position).
static inline esp_node esp_choose_op(esp_builder *b, const char *name, esp_node x,
                                     const esp_alternative *alternatives, uint64_t count,
                                     const void *argument)
{
    return b->api->choose_op(b, name, x, alternatives, count, sizeof(esp_alternative), argument);
}

// Between `least` and `most` of `count` sources, each with a name; writes the chosen ones,
// ascending, to `chosen` (room for `count`) and answers how many. Relaxed: all of them.
static inline uint64_t esp_choose_inputs(esp_builder *b, const char *name,
                                         const char *const *sources, uint64_t count, uint64_t least,
                                         uint64_t most, uint32_t *chosen)
{
    return b->api->choose_inputs(b, name, sources, count, least, most, chosen);
}

// ---- Operators --------------------------------------------------------------------------------
// Names are the last part of the operator's weight path. Operators without weights and without
// randomness may have NULL for a name.

// The network's input, [batch, channels, height, width] or [batch, channels].
static inline esp_node esp_input(esp_builder *b)
{
    return b->api->input(b);
}

// The shape of `x`; rank 0 in a trace-only pass, so no decision may depend on it.
static inline esp_shape esp_node_shape(esp_builder *b, esp_node x)
{
    return b->api->shape(b, x);
}

// Any operator by its ONNX name. Attributes are ONNX's; operators with weights have, beside them,
// Espalier's `channels` (Conv: output channels; Gemm: output features), `bias` (0 or 1; default 1
// for Gemm, 0 for Conv) and `affine` (BatchNormalization, LayerNormalization; default 1). What ONNX has as constant
// inputs are attributes too: Slice's starts, ends, axes, steps, Pad's pads and value, Reshape's shape.
// No operator works along the batch, axis 0. The host infers shapes and refuses what does not fit.
static inline esp_node esp_op(esp_builder *b, const char *name, const char *op,
                              const esp_node *inputs, uint64_t input_count,
                              const esp_attribute *attributes, uint64_t attribute_count)
{
    return b->api->op(b, name, op, inputs, input_count, attributes, attribute_count,
                      sizeof(esp_attribute));
}

// Marks `x` as an output of the network: the logits first, auxiliary heads after.
static inline esp_status esp_output(esp_builder *b, esp_node x)
{
    return b->api->output(b, x);
}

// Options of esp_conv. Zero means: stride 1, dilation 1, one group, no bias.
typedef struct esp_conv_options {
    int64_t channels; // of the output; required
    int64_t kernel;   // height and width; required, or kernel_height and kernel_width
    int64_t stride;
    int64_t dilation;
    int64_t groups; // -1: as many as the input has channels (depthwise)
    int64_t bias;   // 1: with a bias
    int64_t kernel_height, kernel_width;
    int64_t valid; // 1: no padding; 0: padded so that stride 1 keeps height and width
    int64_t stride_height, stride_width; // where they differ; 0: stride
} esp_conv_options;

// All zero, in C and in C++: esp_conv_options options = ESP_CONV_OPTIONS_INIT;
#ifdef __cplusplus
#define ESP_CONV_OPTIONS_INIT                                                                      \
    {                                                                                              \
    }
#else
#define ESP_CONV_OPTIONS_INIT                                                                      \
    {                                                                                              \
        0                                                                                          \
    }
#endif

// A convolution, weights [channels, input channels / groups, kernel, kernel].
static inline esp_node esp_conv(esp_builder *b, const char *name, esp_node x,
                                esp_conv_options options)
{
    int64_t kh = options.kernel_height ? options.kernel_height : options.kernel;
    int64_t kw = options.kernel_width ? options.kernel_width : options.kernel;
    int64_t stride = options.stride ? options.stride : 1;
    int64_t dilation = options.dilation ? options.dilation : 1;
    int64_t groups = options.groups ? options.groups : 1;
    int64_t kernel[2], strides[2], dilations[2], pads[4];
    esp_attribute attributes[7];
    if (groups < 0) {
        esp_shape shape = esp_node_shape(b, x);
        groups = shape.rank > 1 ? shape.dims[1] : 1;
    }
    kernel[0] = kh;
    kernel[1] = kw;
    strides[0] = options.stride_height ? options.stride_height : stride;
    strides[1] = options.stride_width ? options.stride_width : stride;
    dilations[0] = dilations[1] = dilation;
    pads[0] = pads[2] = options.valid ? 0 : dilation * (kh - 1) / 2;
    pads[1] = pads[3] = options.valid ? 0 : dilation * (kw - 1) / 2;
    attributes[0] = esp_attribute_ints("kernel_shape", kernel, 2);
    attributes[1] = esp_attribute_ints("strides", strides, 2);
    attributes[2] = esp_attribute_ints("dilations", dilations, 2);
    attributes[3] = esp_attribute_ints("pads", pads, 4);
    attributes[4] = esp_attribute_int("group", groups);
    attributes[5] = esp_attribute_int("channels", options.channels);
    attributes[6] = esp_attribute_int("bias", options.bias);
    return esp_op(b, name, "Conv", &x, 1, attributes, 7);
}

// Batch normalization over [batch, height, width] of each channel (Ioffe and Szegedy 2015), with
// scale and shift; epsilon 1e-5, and a running average that keeps 0.9 of the old.
static inline esp_node esp_batch_norm(esp_builder *b, const char *name, esp_node x)
{
    esp_attribute attributes[2];
    attributes[0] = esp_attribute_real("epsilon", 1e-5);
    attributes[1] = esp_attribute_real("momentum", 0.9);
    return esp_op(b, name, "BatchNormalization", &x, 1, attributes, 2);
}

// Options of esp_batch_norm_with. Zero means: epsilon 1e-5, momentum 0.9, scale and shift.
typedef struct esp_batch_norm_options {
    double epsilon;  // added to the variance
    double momentum; // share of the old in the running average; PyTorch's is 1 - it
    int64_t plain;   // 1: without scale and shift ("affine=False")
} esp_batch_norm_options;

// All zero, in C and in C++.
#ifdef __cplusplus
#define ESP_BATCH_NORM_OPTIONS_INIT                                                                \
    {                                                                                              \
    }
#else
#define ESP_BATCH_NORM_OPTIONS_INIT                                                                \
    {                                                                                              \
        0                                                                                          \
    }
#endif

// Batch normalization with other numbers than esp_batch_norm's.
static inline esp_node esp_batch_norm_with(esp_builder *b, const char *name, esp_node x,
                                           esp_batch_norm_options options)
{
    esp_attribute attributes[3];
    attributes[0] = esp_attribute_real("epsilon", options.epsilon > 0 ? options.epsilon : 1e-5);
    attributes[1] = esp_attribute_real("momentum", options.momentum > 0 ? options.momentum : 0.9);
    attributes[2] = esp_attribute_int("affine", options.plain ? 0 : 1);
    return esp_op(b, name, "BatchNormalization", &x, 1, attributes, 3);
}

// Batch normalization without scale and shift; else as esp_batch_norm.
static inline esp_node esp_batch_norm_plain(esp_builder *b, const char *name, esp_node x)
{
    esp_batch_norm_options options = ESP_BATCH_NORM_OPTIONS_INIT;
    options.plain = 1;
    return esp_batch_norm_with(b, name, x, options);
}

// An operator of one input without attributes or weights: Relu, Sigmoid, Tanh, Swish, Gelu,
// HardSwish, Identity, Flatten, GlobalAveragePool, GlobalMaxPool.
static inline esp_node esp_unary(esp_builder *b, const char *op, esp_node x)
{
    return esp_op(b, NULL, op, &x, 1, NULL, 0);
}

static inline esp_node esp_relu(esp_builder *b, esp_node x)
{
    return esp_unary(b, "Relu", x);
}

// alpha x below 0 (Maas et al. 2013).
static inline esp_node esp_leaky_relu(esp_builder *b, esp_node x, double alpha)
{
    esp_attribute attribute = esp_attribute_real("alpha", alpha);
    return esp_op(b, NULL, "LeakyRelu", &x, 1, &attribute, 1);
}

// alpha (e^x - 1) below 0 (Clevert et al. 2016).
static inline esp_node esp_elu(esp_builder *b, esp_node x, double alpha)
{
    esp_attribute attribute = esp_attribute_real("alpha", alpha);
    return esp_op(b, NULL, "Elu", &x, 1, &attribute, 1);
}

// min(max(x, low), high).
static inline esp_node esp_clip(esp_builder *b, esp_node x, double low, double high)
{
    esp_attribute attributes[2];
    attributes[0] = esp_attribute_real("min", low);
    attributes[1] = esp_attribute_real("max", high);
    return esp_op(b, NULL, "Clip", &x, 1, attributes, 2);
}

// Relu6, of MobileNets.
static inline esp_node esp_relu6(esp_builder *b, esp_node x)
{
    return esp_clip(b, x, 0.0, 6.0);
}

// relu6(x + 3) / 6 (Howard et al. 2019).
static inline esp_node esp_hard_sigmoid(esp_builder *b, esp_node x)
{
    esp_attribute attributes[2];
    attributes[0] = esp_attribute_real("alpha", 1.0 / 6.0);
    attributes[1] = esp_attribute_real("beta", 0.5);
    return esp_op(b, NULL, "HardSigmoid", &x, 1, attributes, 2);
}

static inline esp_node esp_pool(esp_builder *b, const char *op, esp_node x, int64_t size,
                                int64_t stride)
{
    int64_t kernel[2], strides[2], pads[4];
    esp_attribute attributes[4];
    kernel[0] = kernel[1] = size;
    strides[0] = strides[1] = stride;
    pads[0] = pads[1] = pads[2] = pads[3] = (size - 1) / 2;
    attributes[0] = esp_attribute_ints("kernel_shape", kernel, 2);
    attributes[1] = esp_attribute_ints("strides", strides, 2);
    attributes[2] = esp_attribute_ints("pads", pads, 4);
    attributes[3] = esp_attribute_int("count_include_pad", 0);
    return esp_op(b, NULL, op, &x, 1, attributes, op[0] == 'A' ? 4 : 3);
}

// Maximum over size x size windows, padded by (size - 1) / 2.
static inline esp_node esp_max_pool(esp_builder *b, esp_node x, int64_t size, int64_t stride)
{
    return esp_pool(b, "MaxPool", x, size, stride);
}

// Mean over size x size windows, padded by (size - 1) / 2; the padding is not counted.
static inline esp_node esp_average_pool(esp_builder *b, esp_node x, int64_t size, int64_t stride)
{
    return esp_pool(b, "AveragePool", x, size, stride);
}

// The sum of two tensors of one shape.
static inline esp_node esp_add(esp_builder *b, esp_node x, esp_node y)
{
    esp_node inputs[2];
    inputs[0] = x;
    inputs[1] = y;
    return esp_op(b, NULL, "Add", inputs, 2, NULL, 0);
}

// The product of two tensors of as many dimensions. Along each axis behind the batch their sizes are
// equal, or one of them is 1 and its numbers are repeated: [batch, channels, 1, 1] over height and
// width (squeeze and excitation), [batch, 1, height, width] over the channels.
static inline esp_node esp_mul(esp_builder *b, esp_node x, esp_node y)
{
    esp_node inputs[2];
    inputs[0] = x;
    inputs[1] = y;
    return esp_op(b, NULL, "Mul", inputs, 2, NULL, 0);
}

// The products of the matrices in the last two dimensions: [batch, ..., m, k] times
// [batch, ..., k, p] gives [batch, ..., m, p].
static inline esp_node esp_matmul(esp_builder *b, esp_node x, esp_node y)
{
    esp_node inputs[2];
    inputs[0] = x;
    inputs[1] = y;
    return esp_op(b, NULL, "MatMul", inputs, 2, NULL, 0);
}

// Layer normalization (Ba et al. 2016) of each sample over `axis` and all axes behind it, with a scale
// and a shift for each number of them; epsilon 1e-5. A negative axis counts from the end.
static inline esp_node esp_layer_norm(esp_builder *b, const char *name, esp_node x, int64_t axis)
{
    esp_attribute attribute = esp_attribute_int("axis", axis);
    return esp_op(b, name, "LayerNormalization", &x, 1, &attribute, 1);
}

// Softmax along an axis behind the batch; a negative one counts from the end.
static inline esp_node esp_softmax(esp_builder *b, esp_node x, int64_t axis)
{
    esp_attribute attribute = esp_attribute_int("axis", axis);
    return esp_op(b, NULL, "Softmax", &x, 1, &attribute, 1);
}

// The same numbers under another shape. `sizes` [count]: 0 for the batch first; then a size, 0 (the
// size that `x` has there), or once -1 (what is left).
static inline esp_node esp_reshape(esp_builder *b, esp_node x, const int64_t *sizes, uint64_t count)
{
    esp_attribute attribute = esp_attribute_ints("shape", sizes, count);
    return esp_op(b, NULL, "Reshape", &x, 1, &attribute, 1);
}

// Axis i of the result is axis `axes[i]` of `x`; axes[0] is 0, the batch. [count]: all axes.
static inline esp_node esp_transpose(esp_builder *b, esp_node x, const int64_t *axes,
                                     uint64_t count)
{
    esp_attribute attribute = esp_attribute_ints("perm", axes, count);
    return esp_op(b, NULL, "Transpose", &x, 1, &attribute, 1);
}

// The mean over some axes behind the batch, [count]; they stay with size 1 (`keep` 1), or go (0).
static inline esp_node esp_reduce_mean(esp_builder *b, esp_node x, const int64_t *axes,
                                       uint64_t count, int64_t keep)
{
    esp_attribute attributes[2];
    attributes[0] = esp_attribute_ints("axes", axes, count);
    attributes[1] = esp_attribute_int("keepdims", keep);
    return esp_op(b, NULL, "ReduceMean", &x, 1, attributes, 2);
}

// Channel shuffle (Zhang et al. 2018), so that grouped convolutions see each other's channels: channel
// g * (channels / groups) + i becomes i * groups + g. A Reshape, a Transpose and a Reshape.
static inline esp_node esp_channel_shuffle(esp_builder *b, esp_node x, int64_t groups)
{
    esp_shape shape = esp_node_shape(b, x);
    int64_t split[ESP_MAX_RANK + 1], axes[ESP_MAX_RANK + 1], whole[ESP_MAX_RANK];
    if (shape.rank < 2)
        return x; // a trace-only pass
    split[0] = axes[0] = whole[0] = 0;
    split[1] = groups;
    split[2] = -1;
    axes[1] = 2;
    axes[2] = 1;
    whole[1] = shape.dims[1];
    for (uint32_t i = 2; i < shape.rank; i++) {
        split[i + 1] = whole[i] = shape.dims[i];
        axes[i + 1] = (int64_t)i + 1;
    }
    x = esp_reshape(b, x, split, (uint64_t)shape.rank + 1);
    x = esp_transpose(b, x, axes, (uint64_t)shape.rank + 1);
    return esp_reshape(b, x, whole, shape.rank);
}

// What the two squeeze-and-excitations share; gate 0: Sigmoid, 1: HardSigmoid.
static inline esp_node esp_squeeze_excite_gated(esp_builder *b, const char *name, esp_node x,
                                                int64_t channels, int gate)
{
    esp_shape shape = esp_node_shape(b, x);
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    esp_node y = esp_unary(b, "GlobalAveragePool", x);
    options.channels = channels;
    options.kernel = 1;
    options.bias = 1;
    esp_scope(b, name, -1);
    y = esp_relu(b, esp_conv(b, "squeeze", y, options));
    options.channels = shape.rank > 1 ? shape.dims[1] : 1; // 1: a trace-only pass
    y = esp_conv(b, "excite", y, options);
    esp_scope_end(b);
    return esp_mul(b, x, gate ? esp_hard_sigmoid(b, y) : esp_unary(b, "Sigmoid", y));
}

// Squeeze and excitation (Hu et al. 2018): every channel of an image is multiplied with a number in
// 0 .. 1 that two 1x1 convolutions with bias make of all channels' means, with `channels` between them.
static inline esp_node esp_squeeze_excite(esp_builder *b, const char *name, esp_node x,
                                          int64_t channels)
{
    return esp_squeeze_excite_gated(b, name, x, channels, 0);
}

// The same with relu6(x + 3) / 6 instead of the sigmoid (MobileNetV3, Howard et al. 2019).
static inline esp_node esp_squeeze_excite_hard(esp_builder *b, const char *name, esp_node x,
                                               int64_t channels)
{
    return esp_squeeze_excite_gated(b, name, x, channels, 1);
}

// Zeros of the shape of `x`; with a stride above 1, of height and width divided by it and rounded
// up ("zeroize").
static inline esp_node esp_none(esp_builder *b, esp_node x, int64_t stride)
{
    esp_attribute attribute = esp_attribute_int("stride", stride);
    return esp_op(b, NULL, "None", &x, 1, &attribute, 1);
}

// What lies in [start, end) along an axis: 1 the channels, 2 the height, 3 the width. A negative
// number counts from the end. esp_slice(b, x, 1, 0, n): the first n channels.
static inline esp_node esp_slice(esp_builder *b, esp_node x, int64_t axis, int64_t start,
                                 int64_t end)
{
    esp_attribute attributes[3];
    attributes[0] = esp_attribute_ints("starts", &start, 1);
    attributes[1] = esp_attribute_ints("ends", &end, 1);
    attributes[2] = esp_attribute_ints("axes", &axis, 1);
    return esp_op(b, NULL, "Slice", &x, 1, attributes, 3);
}

// An image without its first `top` rows and `left` columns: x[:, :, top:, left:].
static inline esp_node esp_crop(esp_builder *b, esp_node x, int64_t top, int64_t left)
{
    int64_t starts[2], ends[2], axes[2];
    esp_attribute attributes[3];
    starts[0] = top;
    starts[1] = left;
    ends[0] = ends[1] = INT64_MAX;
    axes[0] = 2;
    axes[1] = 3;
    attributes[0] = esp_attribute_ints("starts", starts, 2);
    attributes[1] = esp_attribute_ints("ends", ends, 2);
    attributes[2] = esp_attribute_ints("axes", axes, 2);
    return esp_op(b, NULL, "Slice", &x, 1, attributes, 3);
}

// An image with rows and columns of zeros around it.
static inline esp_node esp_pad(esp_builder *b, esp_node x, int64_t top, int64_t left,
                               int64_t bottom, int64_t right)
{
    int64_t pads[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    pads[2] = top;
    pads[3] = left;
    pads[6] = bottom;
    pads[7] = right;
    esp_attribute attribute = esp_attribute_ints("pads", pads, 8);
    return esp_op(b, NULL, "Pad", &x, 1, &attribute, 1);
}

// An image with channels of zeros before and behind its own.
static inline esp_node esp_pad_channels(esp_builder *b, esp_node x, int64_t before, int64_t behind)
{
    int64_t pads[8] = {0, 0, 0, 0, 0, 0, 0, 0};
    pads[1] = before;
    pads[5] = behind;
    esp_attribute attribute = esp_attribute_ints("pads", pads, 8);
    return esp_op(b, NULL, "Pad", &x, 1, &attribute, 1);
}

// Concatenation along the channels.
static inline esp_node esp_concat(esp_builder *b, const esp_node *inputs, uint64_t count)
{
    esp_attribute axis = esp_attribute_int("axis", 1);
    return esp_op(b, NULL, "Concat", inputs, count, &axis, 1);
}

// A dropout of `ratio` (Srivastava et al. 2014), active in training alone. Its stream is named by
// its path.
static inline esp_node esp_dropout(esp_builder *b, const char *name, esp_node x, double ratio)
{
    esp_attribute attribute = esp_attribute_real("ratio", ratio);
    return esp_op(b, name, "Dropout", &x, 1, &attribute, 1);
}

// Drop path (Larsson et al. 2017; scheduled as in Zoph et al. 2018): in training each sample of `x`
// becomes zero with a probability that rises linearly with the epochs to `ratio`, and is divided by
// what remains of 1 otherwise. Its stream is named by its path.
static inline esp_node esp_drop_path(esp_builder *b, const char *name, esp_node x, double ratio)
{
    esp_attribute attribute = esp_attribute_real("ratio", ratio);
    return esp_op(b, name, "DropPath", &x, 1, &attribute, 1);
}

// A linear layer with bias: [batch, features] to [batch, `features`].
static inline esp_node esp_linear(esp_builder *b, const char *name, esp_node x, int64_t features)
{
    esp_attribute attribute = esp_attribute_int("channels", features);
    return esp_op(b, name, "Gemm", &x, 1, &attribute, 1);
}

// The usual head: global average pool (images), then a linear layer to the task's classes, marked
// as the network's output. Return its result from build.
static inline esp_status esp_classifier(esp_builder *b, esp_node x)
{
    const esp_task *task = esp_builder_task(b);
    if (task->kind == ESP_TASK_IMAGES)
        x = esp_unary(b, "Flatten", esp_unary(b, "GlobalAveragePool", x));
    return esp_output(b, esp_linear(b, "classifier", x, (int64_t)task->classes));
}

#ifdef __cplusplus
}
#endif

#endif
