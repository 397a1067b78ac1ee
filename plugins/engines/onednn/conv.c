// SPDX-License-Identifier: Apache-2.0
// Conv. Depthwise ones are kernels of our own; the others are oneDNN's, on blocked activations where it
// has such a kernel, else on plain ones. Weights lie row-major, where they are read from outside and
// trained; they are packed into the scratch behind the primitive's own right before they are used.
#include "network.h"

#include <string.h>

static size_t rounded(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

// ---- Which kernel -----------------------------------------------------------------------------

static struct kernels_window kernels_window_of(const struct op *op, struct blocked in)
{
    const struct window *w = &op->window;
    return (struct kernels_window){
        in,          w->out_height, w->out_width,  w->kernel_h,     w->kernel_w,
        w->stride_h, w->stride_w,   w->dilation_h, w->dilation_w,   w->pad_top,
        w->pad_left, w->pad_bottom, w->pad_right,  w->count_padding};
}

static bool is_depthwise(const struct window *w)
{
    return w->groups == w->channels && w->out_channels == w->channels && w->groups > 1;
}

bool conv_takes_relu(const struct network *network, const struct op *op, const esp_shape *input,
                     esp_call *call)
{
    struct op copy = *op;
    if (window_of_node(&copy.window, network->steps[op->index].node, input, call) != ESP_OK)
        return false;
    struct kernels_window window = kernels_window_of(
        &copy, (struct blocked){1, copy.window.channels, copy.window.height, copy.window.width});
    return is_depthwise(&copy.window) && kernels_window_fits(&window, false);
}

static int64_t filled_up(int64_t channels, int64_t block)
{
    return (channels + block - 1) / block * block;
}

// Of blocked sides oneDNN is told the channels with their padding: its kernels want whole blocks. What
// the padding's weights are is zero.
static struct conv_shape shape_of(const struct network *network, const struct op *op,
                                  const struct step *step, int64_t input_block,
                                  int64_t output_block)
{
    const struct window *w = &op->window;
    bool whole = w->groups == 1;
    return (struct conv_shape){
        .batch = (int64_t)network->program.max_batch,
        .groups = w->groups,
        .channels = whole ? filled_up(w->channels, input_block) : w->channels,
        .height = w->height,
        .width = w->width,
        .out_channels = whole ? filled_up(w->out_channels, output_block) : w->out_channels,
        .out_height = w->out_height,
        .out_width = w->out_width,
        .kernel_h = w->kernel_h,
        .kernel_w = w->kernel_w,
        .stride_h = w->stride_h,
        .stride_w = w->stride_w,
        .dilation_h = w->dilation_h,
        .dilation_w = w->dilation_w,
        .pad_top = w->pad_top,
        .pad_left = w->pad_left,
        .pad_bottom = w->pad_bottom,
        .pad_right = w->pad_right,
        .bias = op->weight_count > 1 || step->norm_count > 0,
        .input_block = input_block,
        .output_block = output_block,
        .sum = step->residual,
        .threads = network->instance->threads};
}

static struct convolution *find(const struct network *network, struct conv_shape shape,
                                enum conv_kind kind)
{
    shape.kind = kind;
    if (kind == CONV_BACKWARD_DATA)
        shape.bias = 0;
    if (kind != CONV_FORWARD)
        shape.sum = 0;
    return convolution_find(network->instance->engine, &shape);
}

static bool has_fast(const struct network *network, const struct conv_shape *shape,
                     enum conv_kind kind)
{
    const struct convolution *c = find(network, *shape, kind);
    bool fast = c && !c->missing && !c->slow;
    convolution_drop(c);
    return fast;
}

// Is there a fast kernel of all that the program will call?
static bool is_fast(const struct network *network, const struct conv_shape *shape, bool with_data)
{
    return has_fast(network, shape, CONV_FORWARD) &&
           (!network->program.training || has_fast(network, shape, CONV_BACKWARD_WEIGHTS)) &&
           (!with_data || has_fast(network, shape, CONV_BACKWARD_DATA));
}

// For one image oneDNN takes another kernel, on one core a faster one for large images of few channels:
// 3x3 of 16 channels at 32x32 1.17 times, 64x64 1.11, 16 to 32 at a stride of 2 1.21, 1x1 of 48 and 64
// channels to 16 1.1. At 28x28 and below, or of more channels, it is as fast or slower.
#define BY_IMAGE_AREA (32 * 32)

static bool is_by_image(const struct network *network, const struct window *w)
{
    int64_t block = network->kernels->block;
    bool few = w->kernel_h * w->kernel_w > 1 ? w->channels <= block
                                             : w->channels > block && w->out_channels <= block;
    return few && block == 16 && w->groups == 1 && w->height * w->width >= BY_IMAGE_AREA &&
           network->instance->threads == 1;
}

esp_status conv_choose_layout(struct network *network, struct op *op, struct step *step,
                              const esp_shape *input, bool input_plain, bool input_needs_grad,
                              esp_call *call)
{
    int64_t block = network->kernels->block;
    esp_status status = window_of_node(&op->window, step->node, input, call);
    if (status != ESP_OK)
        return status;
    struct kernels_window window = kernels_window_of(
        op, (struct blocked){1, op->window.channels, op->window.height, op->window.width});
    step->depthwise = is_depthwise(&op->window) && kernels_window_fits(&window, false);
    step->input_blocked = step->output_blocked = true;
    if (step->depthwise)
        return ESP_OK;
    // The kernels of the first layer take few channels as they are.
    if (input_plain && !input_needs_grad && op->window.channels < 4) {
        step->conv = shape_of(network, op, step, 1, block);
        step->input_blocked = false;
        if (is_fast(network, &step->conv, false))
            return ESP_OK;
    }
    step->input_blocked = true;
    step->conv = shape_of(network, op, step, block, block);
    step->by_image = is_by_image(network, &op->window);
    if (is_fast(network, &step->conv, network->program.training && input_needs_grad))
        return ESP_OK;
    step->by_image = false;
    step->input_blocked = step->output_blocked = false;
    step->conv = shape_of(network, op, step, 1, 1);
    return ESP_OK;
}

// ---- Primitives -------------------------------------------------------------------------------

static size_t scratch_of(const struct convolution *c)
{
    return c ? rounded(c->scratchpad) + rounded(c->packed_size) : 0;
}

// Floats of weights and bias with the padding, row-major.
static size_t padded_weights(const struct conv_shape *s)
{
    return (size_t)(s->out_channels * (s->channels / s->groups) * s->kernel_h * s->kernel_w);
}

static size_t depthwise_packed(const struct network *network, const struct op *op,
                               const struct step *step)
{
    int64_t block = network->kernels->block;
    return (size_t)(blocked_blocks(&step->in, block) * block * op->window.kernel_h *
                    op->window.kernel_w) *
           sizeof(float);
}

// For evaluation packed weights are kept, in the layout of the batch that the program is compiled for.
static void reserve_ready(const struct network *network, const struct op *op, struct step *step,
                          struct step_variant *v)
{
    const struct convolution *c = v->forward;
    if (network->program.training || (!c->reorder && !weights_differ(op, step, &c->shape)))
        return;
    if (!network->arena) {
        ready_reserve(op, step, c->packed_size, c->shape.out_channels);
        step->ready.layout = c->packed;
    }
    v->ready = step->ready.kept && dnnl_memory_desc_equal(&step->ready.layout, &c->packed);
}

esp_status conv_find(struct network *network, const struct op *op, uint64_t batch,
                     struct step_variant *out, size_t *scratch, esp_call *call)
{
    struct step *step = &network->steps[op->index];
    struct conv_shape shape = step->conv;
    if (step->depthwise) {
        struct kernels_window window = kernels_window_of(op, step->in);
        size_t packed = depthwise_packed(network, op, step);
        *scratch =
            rounded(kernels_window_scratch(&window, network->kernels->block) * sizeof(float)) +
            2 * rounded(packed);
        if (!network->program.training && !network->arena)
            ready_reserve(op, step, packed, op->window.channels);
        return ESP_OK;
    }
    shape.batch = step->by_image ? 1 : (int64_t)batch;
    out->forward = find(network, shape, CONV_FORWARD);
    shape.batch = (int64_t)batch;
    if (network->program.training) {
        out->backward_weights = find(network, shape, CONV_BACKWARD_WEIGHTS);
        if (network->program.values[op->inputs[0]].needs_grad)
            out->backward_data = find(network, shape, CONV_BACKWARD_DATA);
    }
    const struct convolution *all[] = {out->forward, out->backward_data, out->backward_weights};
    *scratch = 0;
    for (int i = 0; i < 3; i++) {
        if (all[i] && all[i]->missing)
            return esp_fail(call, ESP_ERROR_UNSUPPORTED,
                            "'%s': oneDNN has no convolution of these shapes", op->path);
        size_t size = scratch_of(all[i]);
        *scratch = size > *scratch ? size : *scratch;
    }
    out->aside = *scratch / sizeof(float);
    if (weights_differ(op, step, &shape))
        *scratch += rounded(padded_weights(&shape) * sizeof(float)) +
                    rounded((size_t)shape.out_channels * sizeof(float));
    if (!out->forward)
        return ESP_ERROR_MEMORY;
    reserve_ready(network, op, step, out);
    return ESP_OK;
}

// Where row-major weights and bias lie that the kernel takes: in the scratch, or the operator's own.
static float *plain_place(const struct op *op, const struct step *step,
                          const struct step_variant *v, float *scratch, bool bias, bool gradient)
{
    const struct conv_shape *shape = &v->forward->shape;
    struct weight *weight = op->weights[bias ? 1 : 0];
    if (!weights_differ(op, step, shape))
        return gradient ? weight->gradient : weight->value;
    float *weights = scratch + v->aside;
    return bias ? weights + rounded(padded_weights(shape) * sizeof(float)) / sizeof(float)
                : weights;
}

// The bias that a forward reads.
static float *bias_place(const struct op *op, const struct step *step, const struct step_variant *v,
                         float *scratch)
{
    if (v->ready && weights_differ(op, step, &v->forward->shape))
        return step->extra + step->ready.bias;
    return plain_place(op, step, v, scratch, true, false);
}

// Weights and bias to the places of those that the kernel takes.
static void fill_plain(const struct op *op, const struct step *step, const struct step_variant *v,
                       float *scratch)
{
    const struct conv_shape *s = &v->forward->shape;
    if (weights_differ(op, step, s))
        weights_fill(op, step, s, plain_place(op, step, v, scratch, false, false),
                     s->bias ? bias_place(op, step, v, scratch) : NULL);
}

// The gradients back from there.
static void take_padded(const struct op *op, const struct step *step, const struct step_variant *v,
                        float *scratch)
{
    const struct conv_shape *s = &v->forward->shape;
    size_t taps = (size_t)(s->kernel_h * s->kernel_w);
    size_t row = (size_t)op->window.channels * taps, padded_row = (size_t)s->channels * taps;
    if (!weights_differ(op, step, s))
        return;
    const float *from = plain_place(op, step, v, scratch, false, true);
    for (int64_t m = 0; m < op->window.out_channels; m++)
        memcpy(op->weights[0]->gradient + (size_t)m * row, from + (size_t)m * padded_row,
               row * sizeof(float));
    if (s->bias)
        memcpy(op->weights[1]->gradient, plain_place(op, step, v, scratch, true, true),
               op->weights[1]->size * sizeof(float));
}

void conv_drop(struct step_variant *v)
{
    convolution_drop(v->forward);
    convolution_drop(v->backward_data);
    convolution_drop(v->backward_weights);
    v->forward = v->backward_data = v->backward_weights = NULL;
}

static bool bind(const struct network *network, dnnl_memory_t *out, const dnnl_memory_desc_t *desc,
                 void *data)
{
    return dnnl_memory_create(out, desc, network->instance->engine, data) == dnnl_success;
}

static bool bind_pad(const struct network *network, const struct convolution *c, dnnl_memory_t *out,
                     void *scratch)
{
    return bind(network, out,
                dnnl_primitive_desc_query_md(c->description, dnnl_query_scratchpad_md, 0), scratch);
}

static bool bind_bias(const struct network *network, const struct convolution *c,
                      dnnl_memory_t *out, float *data)
{
    dnnl_memory_desc_t desc;
    const dnnl_dims_t dims = {c->shape.out_channels};
    dnnl_memory_desc_init_by_tag(&desc, 1, dims, dnnl_f32, dnnl_x);
    return bind(network, out, &desc, data);
}

static void *packed_place(const struct convolution *c, float *scratch)
{
    return (char *)scratch + rounded(c->scratchpad);
}

static bool bind_backward(struct network *network, const struct op *op, struct step_variant *v,
                          float *scratch)
{
    const struct value *in = &network->program.values[op->inputs[0]];
    const struct value *out = &network->program.values[op->index];
    const struct step *step = &network->steps[op->index];
    const struct convolution *w = v->backward_weights, *d = v->backward_data;
    dnnl_memory_t *m = v->memories;
    bool done = bind(network, &m[MEMORY_GY], &w->output, out->grad) &&
                bind(network, &m[MEMORY_GW], &w->packed,
                     w->reorder ? packed_place(w, scratch)
                                : (void *)plain_place(op, step, v, scratch, false, true)) &&
                bind(network, &m[MEMORY_GW_PLAIN], &w->plain,
                     plain_place(op, step, v, scratch, false, true)) &&
                bind_pad(network, w, &m[MEMORY_PAD_WEIGHTS], scratch) &&
                (!w->shape.bias || bind_bias(network, w, &m[MEMORY_GBIAS],
                                             plain_place(op, step, v, scratch, true, true)));
    if (!done || !d || !in->grad)
        return done;
    return bind(network, &m[MEMORY_GX], &d->input, in->grad) &&
           (!step->temporary_data ||
            bind(network, &m[MEMORY_GX_TEMPORARY], &d->input, step->temporary_data)) &&
           bind(network, &m[MEMORY_PACKED_BACK], &d->packed,
                d->reorder ? packed_place(d, scratch)
                           : (void *)plain_place(op, step, v, scratch, false, false)) &&
           bind_pad(network, d, &m[MEMORY_PAD_BACK], scratch);
}

esp_status conv_bind(struct network *network, const struct op *op, struct step_variant *v,
                     float *scratch, esp_call *call)
{
    const struct convolution *f = v->forward;
    dnnl_memory_t *m = v->memories;
    const struct step *step = &network->steps[op->index];
    if (step->depthwise)
        return ESP_OK;
    float *plain = plain_place(op, step, v, scratch, false, false);
    void *packed = v->ready     ? (void *)(step->extra + step->ready.packed)
                   : f->reorder ? packed_place(f, scratch)
                                : (void *)plain;
    const dnnl_memory_desc_t *input = v->backward_weights ? &v->backward_weights->input : &f->input;
    bool done = bind(network, &m[MEMORY_X], input, network->program.values[op->inputs[0]].data) &&
                bind(network, &m[MEMORY_Y], &f->output, network->program.values[op->index].data) &&
                (!step->by_image || (bind(network, &m[MEMORY_IMAGE_X], &f->input, NULL) &&
                                     bind(network, &m[MEMORY_IMAGE_Y], &f->output, NULL))) &&
                bind(network, &m[MEMORY_PLAIN], &f->plain, plain) &&
                bind(network, &m[MEMORY_PACKED], &f->packed, packed) &&
                bind_pad(network, f, &m[MEMORY_PAD], scratch) &&
                (!f->shape.bias ||
                 bind_bias(network, f, &m[MEMORY_BIAS], bias_place(op, step, v, scratch))) &&
                (!network->program.training || bind_backward(network, op, v, scratch));
    return done ? ESP_OK : esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
}

// ---- Running ----------------------------------------------------------------------------------

static void reorder(const struct network *network, const struct convolution *c, dnnl_memory_t from,
                    dnnl_memory_t to)
{
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    if (c->reorder)
        dnnl_primitive_execute(c->reorder, network->instance->stream, 2, args);
}

struct depthwise_parts {
    struct kernels_window window;
    float *scratch, *weights, *gradient;
    int64_t taps;
};

static struct depthwise_parts depthwise_parts(struct program *program, const struct op *op)
{
    const struct network *network = network_of(program);
    const struct step *step = step_of(program, op);
    int64_t block = network->kernels->block;
    struct depthwise_parts parts = {.window = kernels_window_of(op, now(program, step->in)),
                                    .scratch = network->variant->scratch,
                                    .taps = op->window.kernel_h * op->window.kernel_w};
    struct kernels_window largest = kernels_window_of(op, step->in);
    size_t packed = rounded(depthwise_packed(network, op, step));
    size_t first = rounded(kernels_window_scratch(&largest, block) * sizeof(float));
    parts.weights = parts.scratch + first / sizeof(float);
    parts.gradient = parts.weights + packed / sizeof(float);
    return parts;
}

// The weights of an evaluation, made anew where they have changed.
static const float *depthwise_ready(const struct network *network, const struct op *op,
                                    struct step *step, const struct depthwise_parts *p)
{
    float *packed = step->extra + step->ready.packed;
    if (ready_is_current(op, step))
        return packed;
    // The place of the gradient is free.
    weights_fill(op, step, NULL, p->gradient, step->extra + step->ready.bias);
    network->kernels->depthwise_pack(op->window.channels, p->taps, p->gradient, packed);
    ready_record(op, step);
    return packed;
}

static void depthwise_forward(struct network *network, const struct op *op, struct step *step)
{
    struct program *program = &network->program;
    struct depthwise_parts p = depthwise_parts(program, op);
    const float *weights = p.weights, *bias = NULL;
    float *y = program->values[op->index].data;
    if (program->training)
        network->kernels->depthwise_pack(op->window.channels, p.taps, op->weights[0]->value,
                                         p.weights);
    else
        weights = depthwise_ready(network, op, step, &p);
    if (op->weight_count > 1 || step->norm_count > 0)
        bias = program->training ? op->weights[1]->value : step->extra + step->ready.bias;
    network->kernels->depthwise_forward(&p.window, step->input_relu,
                                        program->values[op->inputs[0]].data, weights, bias, y,
                                        p.scratch);
    int64_t count = (int64_t)(program->values[op->index].size * program->batch);
    if (step->residual) {
        const float *terms[2] = {y, program->values[op->inputs[1]].data};
        network->kernels->sum(terms, 2, step->relu ? NULL : y, step->relu ? y : NULL, count);
    } else if (step->relu) {
        network->kernels->relu(y, y, count);
    }
}

// Packs the weights, for evaluation where they have changed.
static void pack_weights(const struct network *network, const struct op *op, struct step *step,
                         const struct step_variant *v)
{
    const struct convolution *c = v->forward;
    if (v->ready && ready_is_current(op, step))
        return;
    fill_plain(op, step, v, network->variant->scratch);
    if (c->reorder)
        reorder(network, c, v->memories[MEMORY_PLAIN], v->memories[MEMORY_PACKED]);
    else if (v->ready)
        memcpy(step->extra + step->ready.packed,
               plain_place(op, step, v, network->variant->scratch, false, false),
               step->ready.packed_bytes);
    if (v->ready)
        ready_record(op, step);
}

static void convolve(const struct network *network, const struct op *op, const struct step *step,
                     const struct step_variant *v)
{
    const struct convolution *c = v->forward;
    const struct value *in = &network->program.values[op->inputs[0]];
    const struct value *out = &network->program.values[op->index];
    dnnl_memory_t x = v->memories[step->by_image ? MEMORY_IMAGE_X : MEMORY_X];
    dnnl_memory_t y = v->memories[step->by_image ? MEMORY_IMAGE_Y : MEMORY_Y];
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, x},
                                    {DNNL_ARG_WEIGHTS, v->memories[MEMORY_PACKED]},
                                    {DNNL_ARG_DST, y},
                                    {DNNL_ARG_SCRATCHPAD, v->memories[MEMORY_PAD]},
                                    {DNNL_ARG_BIAS, v->memories[MEMORY_BIAS]}};
    uint64_t calls = step->by_image ? network->program.batch : 1;
    for (uint64_t i = 0; i < calls; i++) {
        if (step->by_image) {
            dnnl_memory_set_data_handle(x, in->data + i * in->size);
            dnnl_memory_set_data_handle(y, out->data + i * out->size);
        }
        dnnl_primitive_execute(c->primitive, network->instance->stream, c->shape.bias ? 5 : 4,
                               args);
    }
}

static void conv_forward(struct program *program, struct op *op)
{
    struct network *network = network_of(program);
    struct step *step = step_of(program, op);
    if (step->depthwise) {
        depthwise_forward(network, op, step);
        return;
    }
    const struct step_variant *v = &network->variant->steps[op->index];
    pack_weights(network, op, step, v);
    // What is added lies in the output's place, or is brought there.
    const struct value *out = &program->values[op->index];
    if (step->residual && program->values[op->inputs[1]].data != out->data)
        memcpy(out->data, program->values[op->inputs[1]].data,
               out->size * program->batch * sizeof(float));
    convolve(network, op, step, v);
    // Not by oneDNN: of what is no number its Relu makes 0.
    if (step->relu)
        network->kernels->relu(out->data, out->data, (int64_t)(out->size * program->batch));
}

static void backward_data(struct network *network, const struct op *op,
                          const struct step_variant *v)
{
    struct value *in = &network->program.values[op->inputs[0]];
    const struct convolution *c = v->backward_data;
    bool aside = in->filled;
    const dnnl_exec_arg_t args[] = {
        {DNNL_ARG_DIFF_DST, v->memories[MEMORY_GY]},
        {DNNL_ARG_WEIGHTS, v->memories[MEMORY_PACKED_BACK]},
        {DNNL_ARG_DIFF_SRC, v->memories[aside ? MEMORY_GX_TEMPORARY : MEMORY_GX]},
        {DNNL_ARG_SCRATCHPAD, v->memories[MEMORY_PAD_BACK]}};
    fill_plain(op, step_of(&network->program, op), v, network->variant->scratch);
    reorder(network, c, v->memories[MEMORY_PLAIN], v->memories[MEMORY_PACKED_BACK]);
    dnnl_primitive_execute(c->primitive, network->instance->stream, 4, args);
    if (aside)
        network->kernels->accumulate(in->grad, network->steps[op->index].temporary_data,
                                     (int64_t)(in->size * network->program.batch));
    in->filled = true;
}

static void conv_backward(struct program *program, struct op *op)
{
    struct network *network = network_of(program);
    struct step *step = step_of(program, op);
    struct value *in = &program->values[op->inputs[0]];
    if (step->depthwise) {
        struct depthwise_parts p = depthwise_parts(program, op);
        network->kernels->depthwise_pack(op->window.channels, p.taps, op->weights[0]->value,
                                         p.weights);
        network->kernels->depthwise_backward(
            &p.window, step->input_relu, in->data, p.weights, program->values[op->index].grad,
            in->grad, in->filled, p.gradient,
            op->weight_count > 1 ? op->weights[1]->gradient : NULL, p.scratch);
        network->kernels->depthwise_unpack(op->window.channels, p.taps, p.gradient,
                                           op->weights[0]->gradient);
        in->filled = in->grad != NULL;
        return;
    }
    const struct step_variant *v = &network->variant->steps[op->index];
    const struct convolution *c = v->backward_weights;
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, v->memories[MEMORY_X]},
                                    {DNNL_ARG_DIFF_DST, v->memories[MEMORY_GY]},
                                    {DNNL_ARG_DIFF_WEIGHTS, v->memories[MEMORY_GW]},
                                    {DNNL_ARG_SCRATCHPAD, v->memories[MEMORY_PAD_WEIGHTS]},
                                    {DNNL_ARG_DIFF_BIAS, v->memories[MEMORY_GBIAS]}};
    dnnl_primitive_execute(c->primitive, network->instance->stream, c->shape.bias ? 5 : 4, args);
    reorder(network, c, v->memories[MEMORY_GW], v->memories[MEMORY_GW_PLAIN]);
    take_padded(op, step, v, network->variant->scratch);
    if (in->grad && v->backward_data)
        backward_data(network, op, v);
}

const struct op_type onednn_conv = {
    .name = "Conv",
    .attributes = WINDOW_ATTRIBUTES " group channels bias",
    .reads_input = true,
    .forward = conv_forward,
    .backward = conv_backward,
};
