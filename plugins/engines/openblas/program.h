// SPDX-License-Identifier: Apache-2.0
// The engine's own view of a compiled network: operators in topological order, each with its output
// value; values with their memory; weights. Shared by all files of the plugin.
#ifndef OPENBLAS_PROGRAM_H
#define OPENBLAS_PROGRAM_H

#include "loops.h"

#include <espalier/engine.h>

#include <stdbool.h>

#define NO_BUFFER UINT32_MAX
#define MOST_WEIGHTS 4 // of a node

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

// The axes of a sample, behind the batch.
#define BOX_RANK (ESP_MAX_RANK - 1)

// What Slice takes out of a sample or Pad puts its input into: along each axis of the `whole`, `size`
// places from `start` on, `step` apart.
struct box {
    int64_t whole[BOX_RANK], size[BOX_RANK], start[BOX_RANK], step[BOX_RANK];
};

// A sample of `size` places along each axis, and the steps along them in two tensors; lattice.h.
struct lattice {
    int64_t size[BOX_RANK], step[2][BOX_RANK];
};

struct program;
struct op;
struct planes;

// An operator's row: what an operator is to the engine.
struct op_type {
    const char *name;
    const char *attributes;   // those that it knows, with a space between; NULL: none
    bool reads_input;         // its backward reads its inputs' activations
    bool reads_output;        // its backward reads its output's activation
    bool in_place;            // it may write its output over its only input (forward and backward)
    bool alias;               // its output is its input, unchanged
    bool in_place_evaluation; // as in_place, but in programs without backward alone
    bool gradient_in_place;   // the gradient of its input may overwrite that of its output
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
    uint64_t first_output; // the first output that depends on it; UINT64_MAX: none does
    char *path;
    uint64_t path_hash;
    uint32_t *inputs;
    uint64_t input_count;
    esp_shape shape;
    struct weight *weights[MOST_WEIGHTS]; // in the order of the graph's node
    uint64_t weight_count;
    struct window window;
    double epsilon, momentum; // BatchNormalization
    bool affine;
    double ratio;           // Dropout, DropPath
    struct box box;         // Slice, Pad
    double constant;        // Pad
    float alpha, beta;      // of the activations in curve.c
    struct lattice lattice; // Mul, Transpose, ReduceMean
    int64_t outer; // Concat, Softmax, LayerNormalization: rows of one sample, before the axis
    int64_t along; // Softmax: places of its axis
    int rows, inner, columns; // MatMul: of a product [rows, inner] x [inner, columns]
    // BatchNormalization: elements of a plane; Softmax: of a place of its axis; LayerNormalization:
    // of a row
    int64_t area;
    struct planes *planes; // of the window; NULL where it is not needed
    // BatchNormalization: of each channel mean, 1 / deviation, scale, shift; LayerNormalization: of
    // each row mean, 1 / deviation; DropPath: of each sample its factor
    float *saved;
    uint16_t *winners; // MaxPool: which tap each maximum comes from, at the pitch of the planes
    uint32_t *places;  // GlobalMaxPool: where in its plane each maximum is
    float *divisors;   // AveragePool: what the sum of each place is divided by, at that pitch
    uint8_t *mask;     // Dropout
    bool with_relu;    // BatchNormalization: the Relu behind it is computed with it
    bool done_before;  // Relu: it is computed with the operator before it
};

struct program {
    const struct loops *loops;
    struct op *ops;
    struct value *values;
    uint32_t count;
    uint32_t *outputs;
    uint64_t output_count;
    uint32_t *graph_inputs;
    uint64_t graph_input_count;
    struct weight *weights;
    uint64_t weight_count;
    uint64_t next_weight; // the one asked for last
    uint64_t max_batch;
    uint64_t memory_limit; // of the process; 0: none
    int threads;           // that openblas is told to use
    bool training;         // compiled with backward
    float **buffers;
    size_t *buffer_sizes; // floats of one sample
    uint32_t buffer_count;
    struct esp_profile_row *profile; // of each operator; NULL: it is not profiled
    float *scratch;                  // planes of one image and the like; of one operator at a time
    size_t scratch_size;
    // Of the last forward:
    uint64_t batch;
    bool training_mode;
    bool ran;
    esp_random random;
    double progress;         // of the training, 0 .. 1
    uint64_t outputs_wanted; // the first ones: others, and what they alone need, were left out
};

// Fills the program from a graph: operators (not prepared), values, weights; copy.c.
esp_status program_copy_graph(struct program *program, const esp_graph *graph,
                              const esp_compile_options *options, esp_call *call);
// From the last operator back: of those that read a value, the first output that needs one.
void program_find_first_outputs(struct program *program);
// Frees what belongs to operators, values and weights, and the scratch.
void program_free_graph(struct program *program);
// Refuses wrong calls, and takes down the form of a forward; calls.c.
esp_status program_begin_forward(struct program *program, esp_call *call,
                                 const esp_forward *forward);
esp_status program_begin_backward(const struct program *program, esp_call *call,
                                  const esp_output_gradient *gradients, uint64_t count,
                                  uint64_t stride);
// A tensor of ESP_TENSOR_* by name; tensors.c.
esp_status program_tensor(struct program *program, esp_call *call, uint32_t which, const char *name,
                          esp_tensor *out);
// Where an output, a kept activation or its gradient is read from outside.
float *program_value_data(struct program *program, uint32_t index, bool gradient);

// The limit that the caller set; 0: none.
uint64_t memory_limit_of(const esp_compile_options *options);
// Bytes of all weights, with gradients where the program has them.
double weight_bytes(const struct program *program);
// Refuses a program of so many bytes.
esp_status memory_refused(esp_call *call, double bytes, uint64_t limit);

// NULL for an operator that the engine lacks.
const struct op_type *op_type_find(const char *name);

// Lays out the memory of activations and gradients; plan.c.
esp_status plan_memory(struct program *program, esp_call *call);

// Adds a contribution of `count` floats to the gradient of a value: the first one sets.
void gradient_add(const struct program *program, struct value *value, const float *from,
                  size_t count);
// Must the gradient of the op's first input be set, not added to?
bool gradient_is_set(const struct program *program, const struct op *op);
// The floats of the op's output, of the whole batch.
int64_t output_elements(const struct program *program, const struct op *op);

// 64-byte aligned floats, zero, and a vector of them more, which loops may read. NULL: none left.
float *floats(size_t count);
// The same, but of any value: memory that is never written takes no room.
float *floats_uncleared(size_t count);
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
esp_status optimizer_apply(struct program *program, esp_call *call, const esp_optimizer *optimizer);
bool optimizer_state(struct weight *weight, bool second);

// The rows, each in the file of its family.
extern const struct op_type op_conv, op_batch_norm, op_relu, op_sigmoid, op_tanh, op_identity,
    op_flatten, op_dropout, op_none, op_add, op_concat, op_gemm, op_max_pool, op_average_pool,
    op_global_average_pool, op_input, op_mul, op_slice, op_pad, op_drop_path, op_leaky_relu, op_elu,
    op_clip, op_hard_sigmoid, op_hard_swish, op_swish, op_gelu, op_layer_norm, op_softmax,
    op_matmul, op_reshape, op_transpose, op_reduce_mean, op_global_max_pool;

#endif
