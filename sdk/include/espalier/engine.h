// SPDX-License-Identifier: Apache-2.0
// An engine: how networks are computed. It compiles a graph into a program; a program computes
// outputs, gradients and optimizer steps on tensors that can be read and written by name.
//
// An engine is deterministic: the same calls give the same bits, in any process, whatever other
// programs were compiled before. It uses one thread, unless a parameter of its own says otherwise.
//
// Clauses, as `espalier check` cites them:
//   1  The same calls give the same bits, whatever was compiled before, in any process.
//   2  A released program leaves no memory behind.
//   3.1  In evaluation a sample's result does not depend on its batch.
//   3.2  Gradients are the slopes of the outputs.
//   3.3  Engines agree with each other.
//   3.4  A call that does not fit is refused in words.
//   4  apply does the step that esp_optimizer says.
//   5  Tensors are found by name, weights may be written; an unknown name is ESP_ERROR_NOT_FOUND.
//   6  Compiling and a step bear that any allocation fails.
#ifndef ESPALIER_ENGINE_H
#define ESPALIER_ENGINE_H

#include <espalier/create.h>
#include <espalier/graph.h>
#include <espalier/random.h>

#ifdef __cplusplus
extern "C" {
#endif

// A tensor of f32, row-major, by value. What `data` points to is owned by the program unless its
// giver says otherwise.
typedef struct esp_tensor {
    float *data;
    esp_shape shape; // dims[0] of an activation is the batch that was computed
} esp_tensor;

// Which tensor of a name.
enum {
    ESP_TENSOR_WEIGHT = 0,         // a weight, by weight path
    ESP_TENSOR_GRADIENT = 1,       // the gradient of a weight, by weight path, after backward
    ESP_TENSOR_FIRST = 2,          // optimizer state: momentum, or the first moment; by weight path
    ESP_TENSOR_SECOND = 3,         // optimizer state: the second moment; by weight path
    ESP_TENSOR_OUTPUT = 4,         // an output: "0", "1", ...
    ESP_TENSOR_INPUT_GRADIENT = 5, // the gradient of the input: "0"; asked for at compile
    ESP_TENSOR_ACTIVATION = 6,     // the output of a kept node, by its path
    ESP_TENSOR_ACTIVATION_GRADIENT = 7
};

// How a graph is compiled. Owner: the caller; [call].
typedef struct esp_compile_options {
    uint64_t struct_size;
    uint64_t batch;          // the largest batch that will be computed; >= 1
    uint32_t training;       // 1: backward and apply will be called
    uint32_t input_gradient; // 1: backward gives the gradient of the input
    const char *const *keep; // paths of nodes whose activation and gradient can be read
    uint64_t keep_count;
    // 1: weights that begin as draws are drawn as `init` says, whatever their operators say. The
    // host's affair: engines leave it alone.
    uint32_t set_init;
    uint32_t init; // ESP_INIT_*
    // The resident memory that the process may take, in bytes; 0: no limit. A program that would pass
    // it alone is refused, with ESP_ERROR_MEMORY and its size, before anything is allocated.
    uint64_t memory_limit;
} esp_compile_options;

// One forward pass. Owner: the caller; [call].
typedef struct esp_forward {
    uint64_t struct_size;
    const esp_tensor *inputs; // one an input of the graph, [batch, ...]; owner: the caller
    uint64_t input_count;
    uint64_t batch;    // of this pass; 1 .. options.batch
    uint32_t training; // 1: batch statistics and dropout; 0: running statistics, no dropout
    uint32_t reserved;
    // Dropout or DropPath of the node with path hash h draws from esp_random_fork(&random, h).
    esp_random random;
    // How far a training has come, 0 .. 1: DropPath drops with the probability ratio * progress.
    double progress;
    // How many outputs are computed, the first ones, and nothing that the others alone need; 0: all.
    // The others' tensors hold nothing of this pass, and backward takes no gradient for them.
    uint64_t output_count;
} esp_forward;

// The gradient of the loss with respect to one output, given by the caller. [call]
typedef struct esp_output_gradient {
    uint64_t struct_size;
    uint64_t output;   // its index
    const float *data; // [batch, ...], the shape of the output; owner: the caller
} esp_output_gradient;

enum { ESP_OPTIMIZER_SGD = 1, ESP_OPTIMIZER_ADAMW = 2, ESP_OPTIMIZER_ADAM = 3 };

// One optimizer step on all trained weights w, from their gradients g: those of the last backward, or
// what was written in their place since (clipping). [call]
//   SGD    g += decay w; v = momentum v + g; w -= lr v (Nesterov: w -= lr (g + momentum v))
//   ADAM   g += decay w; m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
//          w -= lr m' / (sqrt(v') + epsilon), m' = m / (1 - beta1^step), v' = v / (1 - beta2^step)
//          (Kingma and Ba 2015, algorithm 1; the decay is L2 regularization, as in PyTorch's Adam)
//   ADAMW  as ADAM without the decay in g; w -= lr decay w before it (Loshchilov and Hutter 2019)
typedef struct esp_optimizer {
    uint64_t struct_size;
    uint32_t kind; // ESP_OPTIMIZER_*
    uint32_t nesterov;
    double learning_rate;
    double momentum; // of SGD
    double weight_decay;
    double beta1, beta2, epsilon; // of ADAM and ADAMW
    uint64_t step;                // 1 for the first step: the bias correction of ADAM and ADAMW
} esp_optimizer;

// A handle for errors of one call. [any] [call]
typedef struct esp_call {
    esp_handle base;
} esp_call;

// The description of an engine. Owner: the plugin; lives as long as the process.
typedef struct esp_engine_type {
    uint64_t struct_size;
    const char *summary;
    const char *source;
    const esp_param *params;
    uint64_t param_count, param_stride;
    // `engine = auto` takes the present engine with the largest one.
    uint32_t rank;
    uint32_t reserved;

    // Required. [any] [create]
    esp_status (*open)(esp_create *create, void **out);

    // Required; every program was released before. [any] [created]
    void (*close)(void *self);

    // Plans and allocates a program for a graph. Weights begin as zeros: the host fills them. An
    // operator or attribute that the engine lacks is ESP_ERROR_UNSUPPORTED and named. The graph may
    // be gone afterwards. Required. [any] [created]
    esp_status (*compile)(void *self, esp_call *call, const esp_graph *graph,
                          const esp_compile_options *options, void **program);

    // Frees a program. Required. [any] [created]
    void (*release)(void *self, void *program);

    // Computes the outputs asked for. In training it also updates running statistics. Required.
    esp_status (*forward)(void *program, esp_call *call, const esp_forward *forward);

    // Computes the gradients of all trained weights, kept activations and, where asked for, the
    // input, of sum over outputs of <gradient, output>, for the activations of the last forward (of
    // its training or evaluation form). Gradients are set, not added. May be called many times
    // after one forward. Required.
    esp_status (*backward)(void *program, esp_call *call, const esp_output_gradient *gradients,
                           uint64_t count, uint64_t stride);

    // One optimizer step. Required.
    esp_status (*apply)(void *program, esp_call *call, const esp_optimizer *optimizer);

    // The tensor `which` (ESP_TENSOR_*) of `name`. `out->data` is the program's and lives as long
    // as it; weights, gradients and optimizer state may be written between calls.
    // ESP_ERROR_NOT_FOUND for an unknown name. Required.
    esp_status (*tensor)(void *program, esp_call *call, uint32_t which, const char *name,
                         esp_tensor *out);

    // The table of an ability by id, or NULL. Optional. [any] [loaded]
    const void *(*ability)(const char *id);
} esp_engine_type;

#ifdef __cplusplus
}
#endif

#endif
