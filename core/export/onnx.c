// SPDX-License-Identifier: Apache-2.0
// A network as an ONNX model, opset 17. A value of the model is named `<path of its node>:0`, a weight by
// its path, what an operator is expanded to `<path>:<what>`: paths hold no colon. Composites are
// expanded; what acts in training alone is Identity.
#include "export/export.h"
#include "export/onnx_model.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OPSET 17
#define IMAGE "image"
#define LOGITS "logits"

struct writing {
    struct onnx_model *model;
    const struct export_network *network;
    const char **values; // the names of the nodes' outputs
    struct error *error;
    // Of the node that is being written.
    const esp_graph_node *node;
    const char *x; // its first input
    const char *y; // its output
};

static Onnx__NodeProto *put(struct writing *w, const char *op, const char *name,
                            const char *const *inputs, uint64_t count, const char *output)
{
    return onnx_node(w->model, op, name, inputs, count, output);
}

// The name of a part of the node.
static const char *part(struct writing *w, const char *what)
{
    return onnx_text(w->model, "%s:%s", w->node->path, what);
}

// One of the operators that a node is expanded to: `<path>:<what>`; answers with its output's name.
static const char *put_part(struct writing *w, const char *op, const char *what, const char *a,
                            const char *b)
{
    const char *name = part(w, what), *inputs[2] = {a, b};
    put(w, op, name, inputs, b ? 2 : 1, name);
    return name;
}

// The last of them gives the node's value.
static void put_last(struct writing *w, const char *op, const char *a, const char *b)
{
    const char *inputs[2] = {a, b};
    put(w, op, w->node->path, inputs, b ? 2 : 1, w->y);
}

static const char *scalar(struct writing *w, const char *what, double value)
{
    return onnx_scalar(w->model, part(w, what), value);
}

static const char *integers(struct writing *w, const char *what, const int64_t *values,
                            uint64_t count)
{
    return onnx_i64(w->model, part(w, what), values, count);
}

static const char *put_weight(struct writing *w, uint64_t i)
{
    const esp_weight *weight = node_weight(w->node, i);
    return onnx_f32(w->model, weight->path, weight->shape.rank, weight->shape.dims,
                    export_weight(w->network, weight));
}

// A tensor of one value.
static const char *filled(struct writing *w, const char *what, uint32_t rank, const int64_t *dims,
                          float value)
{
    uint64_t size = 1;
    for (uint32_t i = 0; i < rank; i++)
        size *= (uint64_t)dims[i];
    float *data = onnx_floats(w->model, size);
    for (uint64_t i = 0; data && i < size; i++)
        data[i] = value;
    return onnx_f32(w->model, part(w, what), rank, dims, data);
}

// ---- Operators that ONNX has as they are ------------------------------------------------------

// All inputs, and the attributes of our row that are not written otherwise: none has another meaning
// in ONNX.
static void write_plain(struct writing *w)
{
    const esp_graph_node *node = w->node;
    const char **inputs = calloc(node->input_count + 1, sizeof *inputs);
    if (!inputs) {
        w->model->failed = true;
        return;
    }
    for (uint64_t i = 0; i < node->input_count; i++)
        inputs[i] = w->values[node->inputs[i]];
    Onnx__NodeProto *made = put(w, node->op, node->path, inputs, node->input_count, w->y);
    const char *row = (const char *)node->attributes;
    for (uint64_t i = 0; i < node->attribute_count; i++, row += node->attribute_stride) {
        const esp_attribute *attribute = (const esp_attribute *)(const void *)row;
        if (attribute->type == ESP_ATTRIBUTE_INT)
            onnx_set_int(w->model, made, attribute->name, attribute->integer);
        else if (attribute->type == ESP_ATTRIBUTE_REAL)
            onnx_set_real(w->model, made, attribute->name, attribute->real);
    }
    free(inputs);
}

static void write_identity(struct writing *w)
{
    put_last(w, "Identity", w->x, NULL);
}

static void set_window(struct writing *w, Onnx__NodeProto *made, const struct export_window *window,
                       bool dilations)
{
    int64_t pads[4] = {window->begin[0], window->begin[1], window->end[0], window->end[1]};
    onnx_set_ints(w->model, made, "kernel_shape", window->kernel, 2);
    onnx_set_ints(w->model, made, "strides", window->stride, 2);
    onnx_set_ints(w->model, made, "pads", pads, 4);
    if (dilations)
        onnx_set_ints(w->model, made, "dilations", window->dilation, 2);
}

static void write_conv(struct writing *w)
{
    struct export_window window = export_window_of(w->network->graph, w->node);
    const char *inputs[3] = {w->x};
    for (uint64_t i = 0; i < w->node->weight_count; i++)
        inputs[1 + i] = put_weight(w, i);
    Onnx__NodeProto *made = put(w, "Conv", w->node->path, inputs, 1 + w->node->weight_count, w->y);
    set_window(w, made, &window, true);
    onnx_set_int(w->model, made, "group", node_int(w->node, "group"));
}

static void write_gemm(struct writing *w)
{
    const char *inputs[3] = {w->x};
    for (uint64_t i = 0; i < w->node->weight_count; i++)
        inputs[1 + i] = put_weight(w, i);
    Onnx__NodeProto *made = put(w, "Gemm", w->node->path, inputs, 1 + w->node->weight_count, w->y);
    onnx_set_int(w->model, made, "transB", 1);
}

static void write_batch_norm(struct writing *w)
{
    bool affine = node_int(w->node, "affine") != 0;
    int64_t channels[1] = {w->node->shape.dims[1]};
    const char *inputs[5] = {w->x};
    if (!affine) {
        inputs[1] = filled(w, "scale", 1, channels, 1);
        inputs[2] = filled(w, "bias", 1, channels, 0);
    }
    for (uint64_t i = 0; i < w->node->weight_count; i++)
        inputs[(affine ? 1 : 3) + i] = put_weight(w, i);
    Onnx__NodeProto *made = put(w, "BatchNormalization", w->node->path, inputs, 5, w->y);
    onnx_set_real(w->model, made, "epsilon", node_real(w->node, "epsilon"));
    onnx_set_real(w->model, made, "momentum", node_real(w->node, "momentum"));
}

// ONNX wants a scale; of ours without weights it is 1.
static void write_layer_norm(struct writing *w)
{
    const esp_shape *shape = &w->node->shape;
    int64_t axis = node_int(w->node, "axis");
    const char *inputs[3] = {w->x};
    if (w->node->weight_count == 0)
        inputs[1] = filled(w, "scale", shape->rank - (uint32_t)axis, shape->dims + axis, 1);
    for (uint64_t i = 0; i < w->node->weight_count; i++)
        inputs[1 + i] = put_weight(w, i);
    Onnx__NodeProto *made = put(w, "LayerNormalization", w->node->path, inputs,
                                w->node->weight_count == 0 ? 2 : 3, w->y);
    onnx_set_int(w->model, made, "axis", axis);
    onnx_set_real(w->model, made, "epsilon", node_real(w->node, "epsilon"));
}

static void write_reshape(struct writing *w)
{
    uint64_t count = esp_graph_attribute(w->node, "shape")->count;
    put_last(w, "Reshape", w->x, integers(w, "shape", node_ints(w->node, "shape"), count));
}

static void write_transpose(struct writing *w)
{
    Onnx__NodeProto *made = put(w, "Transpose", w->node->path, &w->x, 1, w->y);
    onnx_set_ints(w->model, made, "perm", node_ints(w->node, "perm"), w->node->shape.rank);
}

static void write_reduce_mean(struct writing *w)
{
    const esp_attribute *axes = esp_graph_attribute(w->node, "axes");
    Onnx__NodeProto *made = put(w, "ReduceMean", w->node->path, &w->x, 1, w->y);
    onnx_set_ints(w->model, made, "axes", axes->ints, axes->count);
    onnx_set_int(w->model, made, "keepdims", node_int(w->node, "keepdims"));
}

static void write_clip(struct writing *w)
{
    const char *inputs[3] = {w->x, scalar(w, "min", node_real(w->node, "min")),
                             scalar(w, "max", node_real(w->node, "max"))};
    put(w, "Clip", w->node->path, inputs, 3, w->y);
}

static void write_slice(struct writing *w)
{
    static const char *const names[4] = {"starts", "ends", "axes", "steps"};
    uint64_t count = esp_graph_attribute(w->node, "starts")->count;
    const char *inputs[5] = {w->x};
    for (int i = 0; i < 4; i++)
        inputs[1 + i] = integers(w, names[i], node_ints(w->node, names[i]), count);
    put(w, "Slice", w->node->path, inputs, 5, w->y);
}

static void write_pad(struct writing *w)
{
    uint64_t count = esp_graph_attribute(w->node, "pads")->count;
    const char *inputs[3] = {w->x, integers(w, "pads", node_ints(w->node, "pads"), count),
                             scalar(w, "value", node_real(w->node, "value"))};
    put(w, "Pad", w->node->path, inputs, 3, w->y);
}

// ---- Pools ------------------------------------------------------------------------------------

// Opset 17 has a place of ceil_mode that sees padding alone, we have none (window.c): without
// ceil_mode it is not there either.
static bool rounds_up(const struct export_window *window)
{
    for (int side = 0; side < 2; side++)
        if (window->reach[side] > window->end[side])
            return true;
    return false;
}

static bool rounds_both_alike(const struct export_window *window)
{
    for (int side = 0; side < 2; side++) {
        int64_t span = window->size[side] + window->begin[side] + window->end[side] -
                       (window->kernel[side] - 1) * window->dilation[side] - 1;
        if (window->out[side] != (span + window->stride[side] - 1) / window->stride[side] + 1)
            return false;
    }
    return true;
}

// All of the pool's padding, of a value that no maximum takes.
static const char *pad_for_pool(struct writing *w, struct export_window *window, double value)
{
    int64_t pads[8] = {0, 0, window->begin[0], window->begin[1],
                       0, 0, window->reach[0], window->reach[1]};
    const char *name = part(w, "padded");
    const char *inputs[3] = {w->x, integers(w, "pads", pads, 8), scalar(w, "value", value)};
    put(w, "Pad", name, inputs, 3, name);
    for (int side = 0; side < 2; side++)
        window->begin[side] = window->end[side] = 0;
    return name;
}

static void write_max_pool(struct writing *w)
{
    struct export_window window = export_window_of(w->network->graph, w->node);
    bool up = rounds_up(&window);
    const char *x = w->x;
    // Runtimes want less padding than the kernel; and one side may be rounded up, the other not.
    bool wide = up && !rounds_both_alike(&window);
    for (int side = 0; side < 2; side++)
        wide = wide || window.begin[side] >= window.kernel[side] ||
               window.end[side] >= window.kernel[side];
    if (wide) {
        x = pad_for_pool(w, &window, -FLT_MAX);
        up = false;
    }
    Onnx__NodeProto *made = put(w, "MaxPool", w->node->path, &x, 1, w->y);
    set_window(w, made, &window, true);
    onnx_set_int(w->model, made, "ceil_mode", up);
}

// How many values place `i` counts: those of the input, and with the padding those between the pads;
// never what ceil_mode reaches beyond.
static int64_t counted(const struct export_window *window, int side, int64_t i, bool with_padding)
{
    int64_t low = with_padding ? -window->begin[side] : 0, count = 0;
    int64_t high = window->size[side] + (with_padding ? window->end[side] : 0);
    for (int64_t k = 0; k < window->kernel[side]; k++) {
        int64_t at = i * window->stride[side] - window->begin[side] + k * window->dilation[side];
        count += at >= low && at < high;
    }
    return count;
}

// The sums of the windows, by a convolution of a channel each with ones, over how many each place
// counts: what opset 17's AveragePool cannot say (dilations, places behind the padding).
static void write_average_as_sums(struct writing *w, const struct export_window *window,
                                  bool padded)
{
    int64_t channels = w->node->shape.dims[1];
    int64_t kernel[4] = {channels, 1, window->kernel[0], window->kernel[1]};
    int64_t shape[4] = {1, 1, window->out[0], window->out[1]};
    struct export_window whole = *window;
    memcpy(whole.end, window->reach, sizeof whole.end);
    const char *name = part(w, "sums"), *inputs[2] = {w->x, filled(w, "ones", 4, kernel, 1)};
    float *counts = onnx_floats(w->model, (uint64_t)(shape[2] * shape[3]));
    Onnx__NodeProto *made = put(w, "Conv", name, inputs, 2, name);
    set_window(w, made, &whole, true);
    onnx_set_int(w->model, made, "group", channels);
    for (int64_t i = 0; counts && i < shape[2]; i++)
        for (int64_t j = 0; j < shape[3]; j++)
            counts[i * shape[3] + j] =
                (float)(counted(window, 0, i, padded) * counted(window, 1, j, padded));
    put_last(w, "Div", name, onnx_f32(w->model, part(w, "counts"), 4, shape, counts));
}

static void write_average_pool(struct writing *w)
{
    struct export_window window = export_window_of(w->network->graph, w->node);
    bool padded = node_int(w->node, "count_include_pad") != 0;
    bool wide = rounds_up(&window) || window.dilated;
    for (int side = 0; side < 2; side++)
        wide = wide || window.begin[side] >= window.kernel[side] ||
               window.end[side] >= window.kernel[side];
    if (wide) {
        write_average_as_sums(w, &window, padded);
        return;
    }
    Onnx__NodeProto *made = put(w, "AveragePool", w->node->path, &w->x, 1, w->y);
    set_window(w, made, &window, false);
    onnx_set_int(w->model, made, "count_include_pad", padded);
}

// ---- Composites -------------------------------------------------------------------------------

static void write_swish(struct writing *w)
{
    put_last(w, "Mul", w->x, put_part(w, "Sigmoid", "sigmoid", w->x, NULL));
}

// x (1 + erf(x / sqrt(2))) / 2
static void write_gelu(struct writing *w)
{
    const char *half = put_part(w, "Mul", "half", w->x, scalar(w, "one_half", 0.5));
    const char *scaled = put_part(w, "Mul", "scaled", w->x, scalar(w, "sqrt_half", M_SQRT1_2));
    const char *erf = put_part(w, "Erf", "erf", scaled, NULL);
    put_last(w, "Mul", half, put_part(w, "Add", "sum", erf, scalar(w, "one", 1)));
}

// Zeros of a shape whose first size is the batch's: exact whatever the input is, an infinity too.
static void write_none(struct writing *w)
{
    const esp_shape *shape = &w->node->shape;
    int64_t first[1] = {0};
    const char *sizes = put_part(w, "Shape", "sizes", w->x, NULL);
    const char *batch = put_part(w, "Gather", "batch", sizes, integers(w, "first", first, 1));
    const char *name = part(w, "shape");
    const char *inputs[2] = {batch, integers(w, "rest", shape->dims + 1, shape->rank - 1)};
    onnx_set_int(w->model, put(w, "Concat", name, inputs, 2, name), "axis", 0);
    put_last(w, "ConstantOfShape", name, NULL); // of f32 zeros, where it has no value
}

static void refuse_choice(struct writing *w)
{
    error_set(w->error, ESP_ERROR_UNSUPPORTED,
              "Choice '%s': the decision %s is open, as in a supernet; only an architecture whose "
              "decisions are all made can be exported",
              w->node->path, esp_graph_attribute(w->node, "path")->text);
}

static const struct form {
    const char *op;
    void (*write)(struct writing *w);
} forms[] = {
    {"Conv", write_conv},
    {"BatchNormalization", write_batch_norm},
    {"LayerNormalization", write_layer_norm},
    {"Softmax", write_plain},
    {"Relu", write_plain},
    {"Sigmoid", write_plain},
    {"Tanh", write_plain},
    {"LeakyRelu", write_plain},
    {"Elu", write_plain},
    {"Clip", write_clip},
    {"HardSigmoid", write_plain},
    {"HardSwish", write_plain},
    {"Swish", write_swish},
    {"Gelu", write_gelu},
    {"Identity", write_identity},
    {"MaxPool", write_max_pool},
    {"AveragePool", write_average_pool},
    {"GlobalAveragePool", write_plain},
    {"GlobalMaxPool", write_plain},
    {"Add", write_plain},
    {"Mul", write_plain},
    {"Concat", write_plain},
    {"Slice", write_slice},
    {"Pad", write_pad},
    {"Gemm", write_gemm},
    {"MatMul", write_plain},
    {"Flatten", write_plain},
    {"Reshape", write_reshape},
    {"Transpose", write_transpose},
    {"ReduceMean", write_reduce_mean},
    {"Dropout", write_identity},
    {"DropPath", write_identity},
    {"Choice", refuse_choice},
    {"None", write_none},
};

// ---- The network ------------------------------------------------------------------------------

static esp_status write_node(struct writing *w, uint64_t i)
{
    const esp_graph_node *node = esp_graph_get(w->network->graph, i);
    w->node = node;
    w->x = w->values[node->inputs[0]];
    w->y = i == esp_graph_output(w->network->graph, 0) ? LOGITS : part(w, "0");
    w->values[i] = w->y;
    for (size_t f = 0; f < ESP_COUNT(forms); f++)
        if (strcmp(forms[f].op, node->op) == 0) {
            forms[f].write(w);
            return w->error->status;
        }
    return error_set(w->error, ESP_ERROR_UNSUPPORTED, "%s '%s': no form in ONNX is known for it",
                     node->op, node->path);
}

// (x - shift) * factor, a number each channel.
static void write_input(struct writing *w, uint64_t i)
{
    const struct export_network *network = w->network;
    const esp_graph_node *node = esp_graph_get(network->graph, i);
    int64_t dims[ESP_MAX_RANK] = {1, (int64_t)network->channels, 1, 1, 1, 1};
    uint32_t rank = node->shape.rank;
    onnx_input(w->model, IMAGE, &node->shape);
    w->node = node;
    w->values[i] = IMAGE;
    if (network->shift) {
        const char *shift = onnx_f32(w->model, IMAGE ":shift", rank, dims, network->shift);
        const char *factor = onnx_f32(w->model, IMAGE ":factor", rank, dims, network->factor);
        const char *first[2] = {IMAGE, shift}, *then[2] = {IMAGE ":centred", factor};
        put(w, "Sub", IMAGE ":centred", first, 2, IMAGE ":centred");
        put(w, "Mul", IMAGE ":normalised", then, 2, IMAGE ":normalised");
        w->values[i] = IMAGE ":normalised";
    }
    if (i == esp_graph_output(network->graph, 0))
        put(w, "Identity", LOGITS, &w->values[i], 1, LOGITS);
}

static esp_status write_graph(struct writing *w, const bool *used)
{
    const esp_graph *graph = w->network->graph;
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < esp_graph_node_count(graph); i++) {
        if (esp_graph_get(graph, i)->input_count == 0)
            write_input(w, i);
        else if (used[i])
            status = write_node(w, i);
    }
    onnx_output(w->model, LOGITS, &esp_graph_get(graph, esp_graph_output(graph, 0))->shape);
    return status;
}

esp_status export_onnx(const struct export_network *network, const char *path, struct error *error)
{
    struct onnx_model model;
    bool *used = export_used(network->graph, 1);
    const char **values = calloc(esp_graph_node_count(network->graph) + 1, sizeof *values);
    esp_status status = used && values ? ESP_OK : error_memory(error);
    struct writing writing = {
        .model = &model, .network = network, .values = values, .error = error};
    onnx_begin(&model, network->name, OPSET);
    onnx_note(&model, "arch", network->arch);
    if (status == ESP_OK)
        status = write_graph(&writing, used);
    if (status == ESP_OK)
        status = onnx_write(&model, path, error);
    onnx_end(&model);
    free(values);
    free(used);
    return status;
}
