// SPDX-License-Identifier: Apache-2.0
// The engine's own view of a compiled network: operators in topological order, each with its output
// value; values with their memory; weights. Shared by all files of the plugin.
#ifndef OPENBLAS_PROGRAM_H
#define OPENBLAS_PROGRAM_H

#include <espalier/engine.h>

#include <stdbool.h>

#define NO_BUFFER UINT32_MAX

struct weight {
    char *path;
    esp_shape shape;
    size_t size;
    bool trained;
    float *value, *gradient;
    float *first, *second; // optimizer state; NULL until it is needed
};

// The output of operator i is value i.
struct value {
    size_t size;       // floats of one sample
    uint32_t buffer;   // of the activation
    uint32_t gradient; // buffer of the gradient; NO_BUFFER: none is computed
    float *data;       // the buffer's memory, after planning
    float *grad;
    bool kept;       // activation and gradient can be read from outside
    bool needs_grad; // something before it is trained, or its gradient is asked for
    uint32_t consumers;
    bool filled; // in one backward: the gradient holds a first contribution
};

// A window over planes: convolutions and pools.
struct window {
    int64_t channels, height, width; // of the input
    int64_t out_channels, out_height, out_width;
    int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int64_t pad_top, pad_left, pad_bottom, pad_right;
    int64_t groups;
    bool count_padding; // AveragePool
};

// The part of an average's window that lies in the plane, and what its sum is divided by.
struct area {
    int64_t top, bottom, left, right; // bottom and right are one past
    float divisor;
};

struct program;
struct op;

// An operator's row: what an operator is to the engine.
struct op_type {
    const char *name;
    const char *attributes; // those that it knows, with a space between; NULL: none
    bool reads_input;       // its backward reads its inputs' activations
    bool reads_output;      // its backward reads its output's activation
    bool in_place;          // it may write its output over its only input (forward and backward)
    bool alias;             // its output is its input, unchanged
    // Reads attributes, allocates what it keeps between forward and backward.
    esp_status (*prepare)(struct program *program, struct op *op, const esp_graph_node *node,
                          esp_call *call);
    void (*forward)(struct program *program, struct op *op);
    // Adds to (or, where value->filled is false, sets) the gradients of its inputs that need one,
    // and sets the gradients of its weights.
    void (*backward)(struct program *program, struct op *op);
};

struct op {
    const struct op_type *type;
    uint32_t index;
    char *path;
    uint64_t path_hash;
    uint32_t *inputs;
    uint64_t input_count;
    esp_shape shape;
    struct weight *weights[4]; // in the order of the graph's node
    uint64_t weight_count;
    struct window window;
    double epsilon, momentum; // BatchNormalization
    bool affine;
    double ratio;         // Dropout
    int64_t outer, inner; // Concat: elements before and behind the axis, of one sample
    float *saved;         // BatchNormalization: mean and 1 / deviation of each channel
    uint32_t *places;     // MaxPool: where each maximum lies in its plane
    uint8_t *mask;        // Dropout
    struct area *areas;   // AveragePool: of each output place
};

struct program {
    struct op *ops;
    struct value *values;
    uint32_t count;
    uint32_t *outputs;
    uint64_t output_count;
    uint32_t *graph_inputs;
    uint64_t graph_input_count;
    struct weight *weights;
    uint64_t weight_count;
    uint64_t max_batch;
    bool training; // compiled with backward
    float **buffers;
    size_t *buffer_sizes; // floats of one sample
    uint32_t buffer_count;
    float *scratch; // columns of one image, and the like
    size_t scratch_size;
    // Of the last forward:
    uint64_t batch;
    bool training_mode;
    bool ran;
    esp_random random;
};

// NULL for an operator that the engine lacks.
const struct op_type *op_type_find(const char *name);

// Lays out the memory of activations and gradients; plan.c.
esp_status plan_memory(struct program *program, esp_call *call);

// Adds a gradient contribution of `count` floats: the first one sets.
void gradient_add(struct value *value, const float *from, size_t count);

// 64-byte aligned floats, zero.
float *floats(size_t count);
// Makes the scratch at least this large.
bool need_scratch(struct program *program, size_t count);

// The names of a window's attributes, for a row's list.
#define WINDOW_ATTRIBUTES "kernel_shape strides dilations pads auto_pad"

// Attributes that are missing have ONNX's defaults; one that the row does not know is refused.
int64_t attribute_int(const esp_graph_node *node, const char *name, int64_t missing);
double attribute_real(const esp_graph_node *node, const char *name, double missing);
esp_status attributes_check(const struct op_type *type, const esp_graph_node *node, esp_call *call);
esp_status window_of_node(struct window *window, const esp_graph_node *node, const esp_shape *input,
                          esp_call *call);
// The first and one past the last output place of a row whose input column lies inside, for the tap
// that sees column `place x stride + offset` of `size`.
void window_inside(int64_t out, int64_t stride, int64_t offset, int64_t size, int64_t *first,
                   int64_t *end);

esp_status optimizer_apply(struct program *program, esp_call *call, const esp_optimizer *optimizer);
bool optimizer_state(struct weight *weight, bool second);

// The rows, each in the file of its family.
extern const struct op_type op_conv, op_batch_norm, op_relu, op_sigmoid, op_tanh, op_identity,
    op_flatten, op_dropout, op_none, op_add, op_concat, op_gemm, op_max_pool, op_average_pool,
    op_global_average_pool, op_input;

// Depthwise convolutions have loops of their own; depthwise.c.
bool is_depthwise(const struct window *window);
void depthwise_forward(const struct window *w, const float *x, const float *weight, float *y);
// `gx` may be NULL; it is added to. `gw` is added to.
void depthwise_backward(const struct window *w, const float *x, const float *weight,
                        const float *gy, float *gx, float *gw);

// Loops over many floats are compiled for several instruction sets and picked at load. Sums have a
// fixed number of lanes, so that all of them give the same bits.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) &&                             \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(NDEBUG)
#define VECTOR __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VECTOR
#endif
#define LANES 16

#endif
