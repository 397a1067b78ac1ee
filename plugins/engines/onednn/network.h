// SPDX-License-Identifier: Apache-2.0
// A compiled network of this engine: the program that the rows of openblas know, and beside each of
// its operators and values what belongs to layouts, memory and oneDNN. Operators that are faster on
// blocked activations have rows here; the others are openblas's, on plain ones (row-major).
#ifndef ONEDNN_NETWORK_H
#define ONEDNN_NETWORK_H

#include "../openblas/program.h"
#include "primitive.h"

// Both sides have a struct window.
#define window kernels_window
#include "kernels/kernels.h"
#undef window

#include <dnnl.h>

#define NO_VALUE UINT32_MAX
#define NO_STORAGE UINT32_MAX

struct arena;

// What engine_open makes.
struct instance {
    const struct kernels *kernels;
    const struct loops *loops;
    int64_t threads;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct arena *arenas; // of programs that are there, and free ones
};

// Beside a value.
struct place {
    bool blocked;
    bool both;                  // blocked and plain are the same order
    uint32_t storage, gradient; // in the plan; NO_STORAGE
    uint32_t outside_storage, outside_gradient_storage;
    // Of a kept value: row-major copies, made behind each forward and backward.
    float *outside, *outside_gradient;
};

// The memories that a convolution's primitives work on.
enum {
    MEMORY_X,
    MEMORY_Y,
    MEMORY_IMAGE_X, // one image after the other
    MEMORY_IMAGE_Y,
    MEMORY_BIAS,
    MEMORY_PLAIN,  // weights, row-major
    MEMORY_PACKED, // weights as the forward wants them
    MEMORY_PAD,    // its scratchpad
    MEMORY_GX,
    MEMORY_GX_TEMPORARY, // where a second contribution to the gradient is made
    MEMORY_GY,
    MEMORY_PACKED_BACK, // weights as backward-data wants them
    MEMORY_PAD_BACK,
    MEMORY_GW,       // gradient of the weights as backward-weights makes it
    MEMORY_GW_PLAIN, // row-major
    MEMORY_GBIAS,
    MEMORY_PAD_WEIGHTS,
    MEMORY_COUNT
};

// The primitives of one operator for one batch.
struct step_variant {
    const struct convolution *forward, *backward_data, *backward_weights;
    dnnl_memory_t memories[MEMORY_COUNT];
    size_t aside; // floats of scratch before row-major weights that are not the operator's own
    bool ready;   // packed weights are kept from one forward to the next, in this layout
};

// Weights of a Conv for evaluation as its kernel wants them; floats in the step's `extra`.
struct ready_weights {
    size_t source, packed, bias; // where what they were made of lies, and they themselves
    size_t packed_bytes;
    dnnl_memory_desc_t layout; // of the packed ones; a depthwise Conv has none
    bool kept;                 // there is a place for them
    bool made;
};

// Beside an operator.
struct step {
    const esp_graph_node *node; // while compiling
    struct blocked in, out;     // shapes for max_batch; of inputs [N, C, H, W] alone
    // Memory that stays, and memory for the time of one call; floats of max_batch.
    size_t extra_size, scratch_size;
    uint32_t extra_storage;
    float *extra;
    // Conv
    bool depthwise, input_blocked, output_blocked;
    bool input_relu; // the Relu before it is computed in it
    bool by_image;   // the forward is computed image by image
    struct conv_shape conv;
    // Conv for evaluation: of the BatchNormalization behind it scale, shift, mean, variance (mean and
    // variance alone where it has no scale), and what is kept of its weights: inference.c
    struct weight *norm[MOST_WEIGHTS];
    uint64_t norm_count;
    double norm_epsilon;
    struct ready_weights ready;
    // BatchNormalization, and Conv for evaluation
    bool relu;          // the Relu behind it is computed with it
    bool residual;      // inputs[1] is added
    uint32_t temporary; // storage for a second contribution to a gradient; NO_STORAGE
    float *temporary_data;
    enum activation activation;
};

#define MOST_VARIANTS 6

struct variant {
    uint64_t batch, used;
    struct step_variant *steps;
    float *scratch, *own_scratch; // the network's, or a larger one of its own
};

struct network {
    struct program program; // first
    struct instance *instance;
    const struct kernels *kernels;
    struct place *places;
    struct step *steps;
    struct arena *arena;
    size_t scratch_bytes; // of the operator that needs most
    float *scratch;
    struct variant variants[MOST_VARIANTS];
    const struct variant *variant; // of the last forward
    uint64_t clock;
};

static inline struct network *network_of(struct program *program)
{
    return (struct network *)(void *)program;
}

static inline struct step *step_of(struct program *program, const struct op *op)
{
    return &network_of(program)->steps[op->index];
}

static inline const struct kernels *kernels_of(struct program *program)
{
    return network_of(program)->kernels;
}

// The batch of the last forward in a shape.
static inline struct blocked now(const struct program *program, struct blocked shape)
{
    shape.batch = (int64_t)program->batch;
    return shape;
}

esp_status network_compile(struct instance *instance, esp_call *call, const esp_graph *graph,
                           const esp_compile_options *options, void **out);
void network_release(void *network);
esp_status network_forward(void *network, esp_call *call, const esp_forward *forward);
esp_status network_backward(void *network, esp_call *call, const esp_output_gradient *gradients,
                            uint64_t count, uint64_t stride);

// ---- Compiling, in this order

// Joins operators: fuse.c. Marks those that are gone with a NULL type.
esp_status fuse(struct network *network, esp_call *call);
// Chooses a layout for each value and rewrites the operators, with reorders between them: layout.c.
esp_status choose_layouts(struct network *network, esp_call *call);
// Lays out the memory of the whole step in one arena: plan.c.
esp_status plan_network(struct network *network, uint64_t memory_limit, esp_call *call);
// Finds or makes the primitives for a batch.
esp_status use_batch(struct network *network, esp_call *call, uint64_t batch);

// ---- Convolutions: conv.c

// Decides on layouts; needs the shapes of the operator and its input.
esp_status conv_choose_layout(struct network *network, struct op *op, struct step *step,
                              const esp_shape *input, bool input_plain, bool input_needs_grad,
                              esp_call *call);
// Finds the primitives for a batch; answers the bytes of scratch that they need.
esp_status conv_find(struct network *network, const struct op *op, uint64_t batch,
                     struct step_variant *out, size_t *scratch, esp_call *call);
// Lets go of what was found; also where finding failed.
void conv_drop(struct step_variant *variant);
// Binds them to the memory of the plan.
esp_status conv_bind(struct network *network, const struct op *op, struct step_variant *variant,
                     float *scratch, esp_call *call);

// ---- Weights for evaluation: inference.c

// Are the weights that the kernel takes others than the operator's: with padding, or with a
// normalization folded in?
bool weights_differ(const struct op *op, const struct step *step, const struct conv_shape *shape);
// Makes them, row-major: [out_channels, channels / groups, kernel] and [out_channels] of the shape, or of
// the operator where it is NULL. A bias that is NULL is left out.
void weights_fill(const struct op *op, const struct step *step, const struct conv_shape *shape,
                  float *weights, float *bias);
// Reserves the step's `extra` for packed weights of so many bytes and a bias.
void ready_reserve(const struct op *op, struct step *step, size_t packed_bytes, int64_t channels);
// Is what was packed still what the weights are, to the bit? Weights may be written from outside at any
// time between forwards.
bool ready_is_current(const struct op *op, const struct step *step);
// Takes down what is packed now.
void ready_record(const struct op *op, struct step *step);

// Can the convolution, a depthwise one, compute the Relu of its input?
bool conv_takes_relu(const struct network *network, const struct op *op, const esp_shape *input,
                     esp_call *call);

// Has the engine kernels for the window of a pool?
bool pool_fits(const struct op *op, const struct blocked *in);
// Is there a blocked activation of this name?
bool is_activation(const char *name);

extern const struct op_type onednn_conv, onednn_norm, onednn_relu, onednn_activation, onednn_add,
    onednn_max_pool, onednn_average_pool, onednn_global_pool, onednn_concat, onednn_scale_planes,
    onednn_multiply, onednn_gemm, onednn_block, onednn_unblock;

#endif
