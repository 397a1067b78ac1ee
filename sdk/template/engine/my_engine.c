// SPDX-License-Identifier: Apache-2.0
// my_engine: a reference engine in plain loops. It computes convolutional networks of the operators in
// the table at the end of "Operators", trains them, and refuses every other operator by its name. It is
// slow and easy to read: the place to try a layer out before it is made fast.
//
// An engine compiles a graph into a program. Here a program is a list of nodes in the order of the
// graph; each has the tensor that it yields, [batch, ...], and in training the gradient of it. All
// memory is one block, so that its size is known before it is taken. Numbers are added up in a fixed
// order, in double where there are many: the same calls give the same bits, and a sample's result does
// not depend on its batch.
#include <espalier/espalier.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define MOST_WEIGHTS 4 // of a node: those of BatchNormalization

struct weight {
    char *path;
    esp_shape shape;
    uint64_t size; // floats
    bool trained;
    float *tensors[4]; // ESP_TENSOR_WEIGHT, _GRADIENT, _FIRST, _SECOND; NULL where there is none
};

struct node {
    const struct op *op;
    char *path;
    const struct node *inputs[2];
    struct weight weights[MOST_WEIGHTS];
    uint64_t weight_count;
    esp_shape shape;
    uint64_t size;          // floats of one sample
    float *data, *gradient; // [batch, ...]; the gradient NULL without training
    double *saved;          // BatchNormalization: mean and 1 / deviation of each channel
    // Attributes. Of windows: height, then width.
    int64_t kernel[2], stride[2], dilation[2], begin[2], end[2];
    bool maximum, count_padding; // of pools
    double epsilon, momentum;
    bool kept, needed; // asked for by its path; part of this forward
};

struct program {
    struct node *nodes;
    uint64_t count;
    uint32_t *outputs; // indices of nodes
    uint64_t output_count, outputs_computed;
    uint64_t most, batch; // samples: of a pass at most, and of the last one
    bool training, input_gradient;
    bool passed, batch_statistics; // a forward was made, and in training mode
    double *memory;                // all tensors
};

// An operator: `forward` computes node->data, `backward` adds to the gradients of inputs and weights.
struct op {
    const char *name;
    void (*forward)(const struct program *program, struct node *node);
    void (*backward)(const struct program *program, struct node *node);
};

// ---- Operators ----------------------------------------------------------------------------------

static void copy_forward(const struct program *program, struct node *node)
{
    memcpy(node->data, node->inputs[0]->data, program->batch * node->size * sizeof(float));
}

static void copy_backward(const struct program *program, struct node *node)
{
    for (uint64_t i = 0; i < program->batch * node->size; i++)
        node->inputs[0]->gradient[i] += node->gradient[i];
}

static void relu_forward(const struct program *program, struct node *node)
{
    const float *x = node->inputs[0]->data;
    for (uint64_t i = 0; i < program->batch * node->size; i++)
        node->data[i] = x[i] > 0 ? x[i] : 0;
}

static void relu_backward(const struct program *program, struct node *node)
{
    for (uint64_t i = 0; i < program->batch * node->size; i++)
        if (node->data[i] > 0)
            node->inputs[0]->gradient[i] += node->gradient[i];
}

static void add_forward(const struct program *program, struct node *node)
{
    const float *x = node->inputs[0]->data, *y = node->inputs[1]->data;
    for (uint64_t i = 0; i < program->batch * node->size; i++)
        node->data[i] = x[i] + y[i];
}

static void add_backward(const struct program *program, struct node *node)
{
    for (int input = 0; input < 2; input++)
        for (uint64_t i = 0; i < program->batch * node->size; i++)
            node->inputs[input]->gradient[i] += node->gradient[i];
}

// y = W x + b, W [features, inputs].
static void linear_forward(const struct program *program, struct node *node)
{
    const uint64_t width = node->inputs[0]->size;
    const float *w = node->weights[0].tensors[ESP_TENSOR_WEIGHT];
    const float *bias = node->weight_count > 1 ? node->weights[1].tensors[ESP_TENSOR_WEIGHT] : NULL;
    for (uint64_t n = 0; n < program->batch; n++)
        for (uint64_t o = 0; o < node->size; o++) {
            double sum = bias ? (double)bias[o] : 0;
            for (uint64_t i = 0; i < width; i++)
                sum += (double)w[o * width + i] * (double)node->inputs[0]->data[n * width + i];
            node->data[n * node->size + o] = (float)sum;
        }
}

static void linear_backward(const struct program *program, struct node *node)
{
    const struct node *x = node->inputs[0];
    const float *w = node->weights[0].tensors[ESP_TENSOR_WEIGHT];
    float *slopes = node->weights[0].tensors[ESP_TENSOR_GRADIENT];
    for (uint64_t n = 0; n < program->batch; n++)
        for (uint64_t o = 0; o < node->size; o++) {
            float g = node->gradient[n * node->size + o];
            for (uint64_t i = 0; i < x->size; i++) {
                slopes[o * x->size + i] += g * x->data[n * x->size + i];
                x->gradient[n * x->size + i] += g * w[o * x->size + i];
            }
            if (node->weight_count > 1)
                node->weights[1].tensors[ESP_TENSOR_GRADIENT][o] += g;
        }
}

// ---- Windows: convolutions and pools ------------------------------------------------------------
// Tensors are [N, channels, H, W]: a plane is one channel of one sample.

static int64_t area(const struct node *node)
{
    return node->shape.dims[2] * node->shape.dims[3];
}

// The outputs along an axis whose window has its tap `k` inside the input: *from up to below *to.
static void valid_range(const struct node *node, int axis, int64_t k, int64_t *from, int64_t *to)
{
    int64_t size = node->inputs[0]->shape.dims[2 + axis], outputs = node->shape.dims[2 + axis];
    int64_t shift = node->begin[axis] - k * node->dilation[axis], stride = node->stride[axis];
    *from = shift > 0 ? (shift + stride - 1) / stride : 0;
    *to = size + shift > 0 ? (size + shift - 1) / stride + 1 : 0;
    *to = *to < outputs ? *to : outputs;
}

enum pass { FORWARD, INPUT_GRADIENT, WEIGHT_GRADIENT };

// What one tap of a kernel adds between the plane `x` (or its gradient) and the plane `y` (or its
// gradient); WEIGHT_GRADIENT answers the sum of their products.
static double apply_tap(const struct node *node, int64_t ky, int64_t kx, enum pass pass, float w,
                        float *x, float *y)
{
    int64_t top, bottom, left, right, step = node->stride[1];
    double sum = 0;
    valid_range(node, 0, ky, &top, &bottom);
    valid_range(node, 1, kx, &left, &right);
    for (int64_t row = top; row < bottom; row++) {
        int64_t line = row * node->stride[0] + ky * node->dilation[0] - node->begin[0];
        int64_t shift = kx * node->dilation[1] - node->begin[1];
        float *in = x + line * node->inputs[0]->shape.dims[3], *out = y + row * node->shape.dims[3];
        if (pass == FORWARD)
            for (int64_t i = left; i < right; i++)
                out[i] += w * in[i * step + shift];
        else if (pass == INPUT_GRADIENT)
            for (int64_t i = left; i < right; i++)
                in[i * step + shift] += w * out[i];
        else
            for (int64_t i = left; i < right; i++)
                sum += (double)out[i] * (double)in[i * step + shift];
    }
    return sum;
}

// Weights [channels, channels of the input / groups, height, width]: each output channel `o` sees the
// input channels of its group.
static void convolve(const struct program *program, struct node *node, enum pass pass)
{
    const struct node *in = node->inputs[0];
    const struct weight *weight = &node->weights[0];
    int64_t outputs = node->shape.dims[1], channels = in->shape.dims[1];
    int64_t seen = weight->shape.dims[1], taps = node->kernel[0] * node->kernel[1];
    float *from = pass == INPUT_GRADIENT ? in->gradient : in->data;
    float *to = pass == FORWARD ? node->data : node->gradient;
    for (int64_t o = 0; o < outputs; o++)
        for (int64_t i = 0; i < seen; i++) {
            int64_t channel = o / (outputs / (channels / seen)) * seen + i;
            for (int64_t tap = 0; tap < taps; tap++) {
                int64_t place = (o * seen + i) * taps + tap;
                double sum = 0;
                for (int64_t n = 0; n < (int64_t)program->batch; n++)
                    sum += apply_tap(node, tap / node->kernel[1], tap % node->kernel[1], pass,
                                     weight->tensors[ESP_TENSOR_WEIGHT][place],
                                     from + (n * channels + channel) * area(in),
                                     to + (n * outputs + o) * area(node));
                if (pass == WEIGHT_GRADIENT)
                    weight->tensors[ESP_TENSOR_GRADIENT][place] = (float)sum;
            }
        }
}

static void conv_forward(const struct program *program, struct node *node)
{
    const float *bias = node->weight_count > 1 ? node->weights[1].tensors[ESP_TENSOR_WEIGHT] : NULL;
    int64_t outputs = node->shape.dims[1], size = area(node);
    for (int64_t plane = 0; plane < (int64_t)program->batch * outputs; plane++)
        for (int64_t i = 0; i < size; i++)
            node->data[plane * size + i] = bias ? bias[plane % outputs] : 0;
    convolve(program, node, FORWARD);
}

static void conv_backward(const struct program *program, struct node *node)
{
    int64_t outputs = node->shape.dims[1], size = area(node);
    convolve(program, node, WEIGHT_GRADIENT);
    convolve(program, node, INPUT_GRADIENT);
    for (int64_t o = 0; node->weight_count > 1 && o < outputs; o++) {
        double sum = 0;
        for (int64_t n = 0; n < (int64_t)program->batch; n++)
            for (int64_t i = 0; i < size; i++)
                sum += (double)node->gradient[(n * outputs + o) * size + i];
        node->weights[1].tensors[ESP_TENSOR_GRADIENT][o] = (float)sum;
    }
}

// The window of an output: the part of it that lies in the input, and how many places are counted.
struct place {
    int64_t from[2], to[2];
    double count;
};

static struct place place_of(const struct node *node, int64_t row, int64_t column)
{
    struct place place = {.count = 1};
    const int64_t at[2] = {row, column};
    for (int axis = 0; axis < 2; axis++) {
        int64_t size = node->inputs[0]->shape.dims[2 + axis];
        int64_t from = at[axis] * node->stride[axis] - node->begin[axis];
        int64_t to = from + node->kernel[axis], padded = size + node->end[axis];
        int64_t counted = (to < padded ? to : padded) - from;
        place.from[axis] = from > 0 ? from : 0;
        place.to[axis] = to < size ? to : size;
        place.count *= (double)(node->count_padding ? counted : place.to[axis] - place.from[axis]);
    }
    return place;
}

// One plane of a pool. `gradient` NULL: the maxima or means of `x` go to `y`; else what `y` holds, the
// gradient of the output, is added to `gradient`: of a maximum to the first place that has it.
static void pool_plane(const struct node *node, const float *x, float *y, float *gradient)
{
    int64_t width = node->inputs[0]->shape.dims[3];
    for (int64_t i = 0; i < area(node); i++) {
        struct place place = place_of(node, i / node->shape.dims[3], i % node->shape.dims[3]);
        int64_t best = place.from[0] * width + place.from[1];
        double sum = 0;
        for (int64_t row = place.from[0]; row < place.to[0]; row++)
            for (int64_t column = place.from[1]; column < place.to[1]; column++) {
                int64_t at = row * width + column;
                sum += (double)x[at];
                best = x[at] > x[best] ? at : best;
                if (gradient && !node->maximum)
                    gradient[at] += (float)((double)y[i] / place.count);
            }
        if (!gradient)
            y[i] = node->maximum ? x[best] : (float)(sum / place.count);
        else if (node->maximum)
            gradient[best] += y[i];
    }
}

static void pool(const struct program *program, const struct node *node, float *y, float *gradient)
{
    const struct node *in = node->inputs[0];
    for (int64_t plane = 0; plane < (int64_t)program->batch * node->shape.dims[1]; plane++)
        pool_plane(node, in->data + plane * area(in), y + plane * area(node),
                   gradient ? gradient + plane * area(in) : NULL);
}

static void pool_forward(const struct program *program, struct node *node)
{
    pool(program, node, node->data, NULL);
}

static void pool_backward(const struct program *program, struct node *node)
{
    pool(program, node, node->gradient, node->inputs[0]->gradient);
}

// ---- Batch normalization ------------------------------------------------------------------------
// x [N, channels, ...]: y = (x - mean) / sqrt(variance + epsilon) scale + shift. In training mode the
// mean and variance of the batch, and the running ones move; else the running ones. Without "affine"
// there is no scale and no shift, and the first weights are mean and variance.

struct channel {
    uint64_t first, step, length, samples; // sample n: `length` floats from first + n step
};

static struct channel channel_of(const struct program *program, const struct node *node, uint64_t c)
{
    uint64_t length = node->size / (uint64_t)node->shape.dims[1];
    return (struct channel){c * length, node->size, length, program->batch};
}

static void batch_statistics(const float *x, struct channel at, double *mean, double *variance)
{
    double count = (double)(at.length * at.samples), sum = 0, squares = 0;
    for (uint64_t n = 0; n < at.samples; n++)
        for (uint64_t i = 0; i < at.length; i++)
            sum += (double)x[at.first + n * at.step + i];
    *mean = sum / count;
    for (uint64_t n = 0; n < at.samples; n++)
        for (uint64_t i = 0; i < at.length; i++) {
            double distance = (double)x[at.first + n * at.step + i] - *mean;
            squares += distance * distance;
        }
    *variance = squares / count;
}

static void norm_forward(const struct program *program, struct node *node)
{
    const float *x = node->inputs[0]->data;
    bool affine = node->weight_count == 4;
    const struct weight *states = node->weights + (affine ? 2 : 0);
    for (uint64_t c = 0; c < (uint64_t)node->shape.dims[1]; c++) {
        struct channel at = channel_of(program, node, c);
        float *running[2] = {&states[0].tensors[0][c], &states[1].tensors[0][c]};
        double mean = (double)*running[0], variance = (double)*running[1];
        if (program->batch_statistics) {
            batch_statistics(x, at, &mean, &variance);
            *running[0] += (float)((1 - node->momentum) * (mean - (double)*running[0]));
            *running[1] += (float)((1 - node->momentum) * (variance - (double)*running[1]));
        }
        double factor = 1 / sqrt(variance + node->epsilon);
        double scale = affine ? (double)node->weights[0].tensors[0][c] : 1;
        double shift = affine ? (double)node->weights[1].tensors[0][c] : 0;
        node->saved[2 * c] = mean;
        node->saved[2 * c + 1] = factor;
        for (uint64_t n = 0; n < at.samples; n++)
            for (uint64_t i = at.first + n * at.step; i < at.first + n * at.step + at.length; i++)
                node->data[i] = (float)(((double)x[i] - mean) * factor * scale + shift);
    }
}

static void norm_backward(const struct program *program, struct node *node)
{
    const struct node *in = node->inputs[0];
    for (uint64_t c = 0; c < (uint64_t)node->shape.dims[1]; c++) {
        struct channel at = channel_of(program, node, c);
        double mean = node->saved[2 * c], factor = node->saved[2 * c + 1];
        double count = (double)(at.length * at.samples), sum = 0, product = 0, scale = 1;
        for (uint64_t n = 0; n < at.samples; n++)
            for (uint64_t i = at.first + n * at.step; i < at.first + n * at.step + at.length; i++) {
                sum += (double)node->gradient[i];
                product += (double)node->gradient[i] * ((double)in->data[i] - mean) * factor;
            }
        if (node->weight_count == 4) {
            scale = (double)node->weights[0].tensors[ESP_TENSOR_WEIGHT][c];
            node->weights[0].tensors[ESP_TENSOR_GRADIENT][c] = (float)product;
            node->weights[1].tensors[ESP_TENSOR_GRADIENT][c] = (float)sum;
        }
        if (!program->batch_statistics) // mean and deviation were constants
            sum = product = 0;
        for (uint64_t n = 0; n < at.samples; n++)
            for (uint64_t i = at.first + n * at.step; i < at.first + n * at.step + at.length; i++)
                in->gradient[i] +=
                    (float)(scale * factor *
                            ((double)node->gradient[i] - sum / count -
                             ((double)in->data[i] - mean) * factor * product / count));
    }
}

// To compute one more operator: a row here, its two functions above, and in read_attributes what it
// reads. "Input" is the host's name for an input of the graph.
static const struct op ops[] = {
    {"Input", NULL, NULL},
    {"Conv", conv_forward, conv_backward},
    {"BatchNormalization", norm_forward, norm_backward},
    {"Relu", relu_forward, relu_backward},
    {"MaxPool", pool_forward, pool_backward},
    {"AveragePool", pool_forward, pool_backward},
    {"GlobalAveragePool", pool_forward, pool_backward},
    {"Add", add_forward, add_backward},
    {"Flatten", copy_forward, copy_backward},
    {"Identity", copy_forward, copy_backward},
    {"Gemm", linear_forward, linear_backward},
};

// ---- Compiling ----------------------------------------------------------------------------------

static esp_status out_of_memory(esp_call *call)
{
    return esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
}

// The graph may be gone when the program runs: its names are copied.
static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

static void read_ints(const esp_graph_node *from, const char *name, int64_t *to, uint64_t count,
                      int64_t missing)
{
    const esp_attribute *attribute = esp_graph_attribute(from, name);
    for (uint64_t i = 0; i < count; i++)
        to[i] = attribute && i < attribute->count ? attribute->ints[i] : missing;
}

static double read_real(const esp_graph_node *from, const char *name, double missing)
{
    const esp_attribute *attribute = esp_graph_attribute(from, name);
    return attribute ? attribute->real : missing;
}

// The host has tested attributes and shapes, and turned auto_pad into pads.
static void read_attributes(struct node *node, const esp_graph_node *from)
{
    int64_t pads[4]; // top, left, bottom, right
    const esp_attribute *counted = esp_graph_attribute(from, "count_include_pad");
    read_ints(from, "kernel_shape", node->kernel, 2, 1);
    read_ints(from, "strides", node->stride, 2, 1);
    read_ints(from, "dilations", node->dilation, 2, 1);
    read_ints(from, "pads", pads, 4, 0);
    memcpy(node->begin, pads, sizeof node->begin);
    memcpy(node->end, pads + 2, sizeof node->end);
    node->count_padding = counted && counted->integer != 0;
    node->maximum = strcmp(from->op, "MaxPool") == 0;
    node->epsilon = read_real(from, "epsilon", 1e-5);
    node->momentum = read_real(from, "momentum", 0.9);
    if (strcmp(from->op, "GlobalAveragePool") == 0) // one window over all
        memcpy(node->kernel, node->inputs[0]->shape.dims + 2, sizeof node->kernel);
}

static esp_status read_weights(struct node *node, esp_call *call, const esp_graph_node *from)
{
    if (from->weight_count > MOST_WEIGHTS)
        return esp_fail(call, ESP_ERROR_UNSUPPORTED, "'%s': too many weights", from->path);
    for (uint64_t i = 0; i < from->weight_count; i++) {
        // The host's rows may be longer than ours: the stride is theirs.
        const esp_weight *row =
            (const void *)((const char *)from->weights + i * from->weight_stride);
        struct weight *weight = &node->weights[node->weight_count++];
        weight->path = copy_text(row->path);
        weight->shape = row->shape;
        weight->size = esp_shape_size(&row->shape);
        weight->trained = row->role == ESP_WEIGHT_TRAINED;
        if (!weight->path)
            return out_of_memory(call);
    }
    return ESP_OK;
}

static esp_status read_node(struct program *program, esp_call *call, const esp_graph_node *from,
                            const esp_compile_options *options)
{
    struct node *node = &program->nodes[program->count++];
    for (size_t i = 0; i < ESP_COUNT(ops); i++)
        if (strcmp(ops[i].name, from->op) == 0)
            node->op = &ops[i];
    if (!node->op)
        return esp_fail(call, ESP_ERROR_UNSUPPORTED, "'%s': my_engine has no operator %s",
                        from->path, from->op);
    node->path = copy_text(from->path);
    if (!node->path)
        return out_of_memory(call);
    for (uint64_t i = 0; i < from->input_count; i++)
        node->inputs[i] = &program->nodes[from->inputs[i]];
    for (uint64_t i = 0; i < options->keep_count; i++)
        node->kept = node->kept || strcmp(options->keep[i], from->path) == 0;
    node->shape = from->shape;
    node->size = esp_shape_size(&from->shape);
    read_attributes(node, from);
    return read_weights(node, call, from);
}

// Hands out `count` of the block's numbers, each 8 bytes; without a block it only counts them.
static void *take(const struct program *program, uint64_t *used, uint64_t count)
{
    double *place = program->memory ? program->memory + *used : NULL;
    *used += count;
    return place;
}

// Gives every tensor its place; answers how many 8-byte numbers that takes.
static uint64_t place_tensors(struct program *program)
{
    uint64_t used = 0;
    for (uint64_t i = 0; i < program->count; i++) {
        struct node *node = &program->nodes[i];
        uint64_t size = (program->most * node->size + 1) / 2; // two floats a number
        node->data = take(program, &used, size);
        if (program->training)
            node->gradient = take(program, &used, size);
        if (node->op->forward == norm_forward)
            node->saved = take(program, &used, 2 * (uint64_t)node->shape.dims[1]);
        for (uint64_t j = 0; j < node->weight_count; j++) {
            struct weight *weight = &node->weights[j];
            int tensors = program->training && weight->trained ? 4 : 1;
            for (int which = 0; which < tensors; which++)
                weight->tensors[which] = take(program, &used, (weight->size + 1) / 2);
        }
    }
    return used;
}

static esp_status take_memory(struct program *program, esp_call *call, uint64_t limit)
{
    uint64_t count = place_tensors(program);
    if (limit > 0 && count > limit / sizeof *program->memory)
        return esp_fail(
            call, ESP_ERROR_MEMORY, "the program would take %llu bytes, and %llu are allowed",
            (unsigned long long)(count * sizeof *program->memory), (unsigned long long)limit);
    program->memory = calloc(count + 1, sizeof *program->memory); // weights begin as zeros
    if (!program->memory)
        return out_of_memory(call);
    place_tensors(program);
    return ESP_OK;
}

static void engine_release(void *self, void *handle)
{
    struct program *program = handle;
    (void)self;
    for (uint64_t i = 0; i < program->count; i++) {
        for (uint64_t j = 0; j < program->nodes[i].weight_count; j++)
            free(program->nodes[i].weights[j].path);
        free(program->nodes[i].path);
    }
    free(program->nodes);
    free(program->outputs);
    free(program->memory);
    free(program);
}

static esp_status engine_compile(void *self, esp_call *call, const esp_graph *graph,
                                 const esp_compile_options *options, void **out)
{
    uint64_t count = esp_graph_node_count(graph);
    struct program *program = calloc(1, sizeof *program);
    if (!program)
        return out_of_memory(call);
    program->most = options->batch;
    program->training = options->training != 0;
    program->input_gradient = options->input_gradient != 0;
    program->output_count = esp_graph_output_count(graph);
    program->nodes = calloc(count + 1, sizeof *program->nodes);
    program->outputs = calloc(program->output_count + 1, sizeof *program->outputs);
    esp_status status = program->nodes && program->outputs ? ESP_OK : out_of_memory(call);
    for (uint64_t i = 0; status == ESP_OK && i < program->output_count; i++)
        program->outputs[i] = esp_graph_output(graph, i);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++)
        status = read_node(program, call, esp_graph_get(graph, i), options);
    if (status == ESP_OK)
        status = take_memory(program, call, options->memory_limit);
    if (status == ESP_OK)
        *out = program;
    else
        engine_release(self, program);
    return status;
}

// ---- Running ------------------------------------------------------------------------------------

// Marks what the first `outputs` outputs need: from the end to the beginning, since inputs come first.
static void mark_needed(struct program *program, uint64_t outputs)
{
    for (uint64_t i = 0; i < program->count; i++)
        program->nodes[i].needed = false;
    for (uint64_t i = 0; i < outputs; i++)
        program->nodes[program->outputs[i]].needed = true;
    for (uint64_t i = program->count; i-- > 0;)
        for (int j = 0; j < 2 && program->nodes[i].needed; j++)
            if (program->nodes[i].inputs[j])
                program->nodes[program->nodes[i].inputs[j] - program->nodes].needed = true;
    program->outputs_computed = outputs;
}

static esp_status engine_forward(void *handle, esp_call *call, const esp_forward *forward)
{
    struct program *program = handle;
    uint64_t inputs = 0;
    if (forward->batch < 1 || forward->batch > program->most)
        return esp_fail(call, ESP_ERROR_MISUSE, "a batch of %llu: it was compiled for 1 to %llu",
                        (unsigned long long)forward->batch, (unsigned long long)program->most);
    if (forward->output_count > program->output_count)
        return esp_fail(call, ESP_ERROR_MISUSE, "there are not so many outputs");
    program->batch = forward->batch;
    program->batch_statistics = forward->training != 0;
    program->passed = false;
    mark_needed(program, forward->output_count ? forward->output_count : program->output_count);
    for (uint64_t i = 0; i < program->count; i++) {
        struct node *node = &program->nodes[i];
        if (node->op->forward) {
            if (node->needed)
                node->op->forward(program, node);
            continue;
        }
        if (inputs == forward->input_count)
            return esp_fail(call, ESP_ERROR_MISUSE, "an input is missing");
        memcpy(node->data, forward->inputs[inputs++].data,
               program->batch * node->size * sizeof(float));
    }
    program->passed = true;
    return ESP_OK;
}

static void clear_gradients(const struct program *program)
{
    for (uint64_t i = 0; i < program->count; i++) {
        struct node *node = &program->nodes[i];
        memset(node->gradient, 0, program->batch * node->size * sizeof(float));
        for (uint64_t j = 0; j < node->weight_count; j++)
            if (node->weights[j].trained)
                memset(node->weights[j].tensors[ESP_TENSOR_GRADIENT], 0,
                       node->weights[j].size * sizeof(float));
    }
}

static esp_status engine_backward(void *handle, esp_call *call,
                                  const esp_output_gradient *gradients, uint64_t count,
                                  uint64_t stride)
{
    struct program *program = handle;
    if (!program->training || !program->passed)
        return esp_fail(call, ESP_ERROR_MISUSE,
                        "backward needs a program compiled for training, and a forward before it");
    clear_gradients(program);
    for (uint64_t i = 0; i < count; i++) {
        const esp_output_gradient *given = (const void *)((const char *)gradients + i * stride);
        if (given->output >= program->outputs_computed)
            return esp_fail(call, ESP_ERROR_MISUSE,
                            "a gradient of output %llu, which was not computed",
                            (unsigned long long)given->output);
        const struct node *node = &program->nodes[program->outputs[given->output]];
        for (uint64_t j = 0; j < program->batch * node->size; j++)
            node->gradient[j] += given->data[j];
    }
    for (uint64_t i = program->count; i-- > 0;)
        if (program->nodes[i].needed && program->nodes[i].op->backward)
            program->nodes[i].op->backward(program, &program->nodes[i]);
    return ESP_OK;
}

// The formulas stand at esp_optimizer in engine.h.
static void step_weight(const struct weight *weight, const esp_optimizer *o)
{
    double rate = o->learning_rate, decay = o->weight_decay;
    for (uint64_t i = 0; i < weight->size; i++) {
        double w = (double)weight->tensors[ESP_TENSOR_WEIGHT][i];
        double g = (double)weight->tensors[ESP_TENSOR_GRADIENT][i];
        double first = (double)weight->tensors[ESP_TENSOR_FIRST][i];
        double second = (double)weight->tensors[ESP_TENSOR_SECOND][i];
        if (o->kind == ESP_OPTIMIZER_ADAMW)
            w -= rate * decay * w;
        else
            g += decay * w;
        if (o->kind == ESP_OPTIMIZER_SGD) {
            first = o->momentum * first + g;
            w -= rate * (o->nesterov ? g + o->momentum * first : first);
        } else {
            first = o->beta1 * first + (1 - o->beta1) * g;
            second = o->beta2 * second + (1 - o->beta2) * g * g;
            w -= rate * (first / (1 - pow(o->beta1, (double)o->step))) /
                 (sqrt(second / (1 - pow(o->beta2, (double)o->step))) + o->epsilon);
        }
        weight->tensors[ESP_TENSOR_WEIGHT][i] = (float)w;
        weight->tensors[ESP_TENSOR_FIRST][i] = (float)first;
        weight->tensors[ESP_TENSOR_SECOND][i] = (float)second;
    }
}

static esp_status engine_apply(void *handle, esp_call *call, const esp_optimizer *optimizer)
{
    struct program *program = handle;
    if (!program->training)
        return esp_fail(call, ESP_ERROR_MISUSE, "a step needs a program compiled for training");
    if (optimizer->kind < ESP_OPTIMIZER_SGD || optimizer->kind > ESP_OPTIMIZER_ADAM)
        return esp_fail(call, ESP_ERROR_UNSUPPORTED, "my_engine has no optimizer %u",
                        optimizer->kind);
    for (uint64_t i = 0; i < program->count; i++)
        for (uint64_t j = 0; j < program->nodes[i].weight_count; j++)
            if (program->nodes[i].weights[j].trained)
                step_weight(&program->nodes[i].weights[j], optimizer);
    return ESP_OK;
}

// ---- Tensors by name ----------------------------------------------------------------------------

static bool set_weight(const struct program *program, uint32_t which, const char *name,
                       esp_tensor *out)
{
    for (uint64_t i = 0; i < program->count; i++)
        for (uint64_t j = 0; j < program->nodes[i].weight_count; j++) {
            const struct weight *weight = &program->nodes[i].weights[j];
            if (strcmp(weight->path, name) != 0)
                continue;
            out->data = weight->tensors[which]; // NULL: running statistics have no gradient
            out->shape = weight->shape;
            return out->data != NULL;
        }
    return false;
}

static bool set_activation(const struct program *program, const struct node *node, bool gradient,
                           esp_tensor *out)
{
    out->data = gradient ? node->gradient : node->data;
    out->shape = node->shape;
    out->shape.dims[0] = (int64_t)program->batch;
    return out->data != NULL;
}

static bool set_kept(const struct program *program, bool gradient, const char *name,
                     esp_tensor *out)
{
    for (uint64_t i = 0; i < program->count; i++)
        if (program->nodes[i].kept && strcmp(program->nodes[i].path, name) == 0)
            return set_activation(program, &program->nodes[i], gradient, out);
    return false;
}

// Outputs and inputs are called "0", "1", ...
static bool set_numbered(const struct program *program, uint32_t which, const char *name,
                         esp_tensor *out)
{
    char *end;
    uint64_t number = strtoull(name, &end, 10), inputs = 0;
    if (end == name || *end != '\0')
        return false;
    if (which == ESP_TENSOR_OUTPUT)
        return number < program->output_count &&
               set_activation(program, &program->nodes[program->outputs[number]], false, out);
    for (uint64_t i = 0; program->input_gradient && i < program->count; i++)
        if (!program->nodes[i].op->forward && inputs++ == number)
            return set_activation(program, &program->nodes[i], true, out);
    return false;
}

static esp_status engine_tensor(void *handle, esp_call *call, uint32_t which, const char *name,
                                esp_tensor *out)
{
    const struct program *program = handle;
    bool found;
    if (which <= ESP_TENSOR_SECOND)
        found = set_weight(program, which, name, out);
    else if (which == ESP_TENSOR_ACTIVATION || which == ESP_TENSOR_ACTIVATION_GRADIENT)
        found = set_kept(program, which == ESP_TENSOR_ACTIVATION_GRADIENT, name, out);
    else
        found = set_numbered(program, which, name, out);
    return found ? ESP_OK
                 : esp_fail(call, ESP_ERROR_NOT_FOUND, "there is no tensor '%s' of kind %u", name,
                            which);
}

// ---- The description ----------------------------------------------------------------------------

// It has no parameters and no state beside its programs.
static esp_status engine_open(esp_create *create, void **out)
{
    (void)create;
    *out = NULL;
    return ESP_OK;
}

static void engine_close(void *self)
{
    (void)self;
}

static void engine_describe(esp_engine_type *out)
{
    out->summary = "a reference in plain loops";
    out->rank = 0; // `engine = auto` takes every other one first
    out->open = engine_open;
    out->close = engine_close;
    out->compile = engine_compile;
    out->release = engine_release;
    out->forward = engine_forward;
    out->backward = engine_backward;
    out->apply = engine_apply;
    out->tensor = engine_tensor;
}

ESP_PLUGIN("0.1.0", ESP_ENGINE("my_engine", engine_describe))
