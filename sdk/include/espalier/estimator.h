// SPDX-License-Identifier: Apache-2.0
// A performance estimator: how good an architecture is. It is called in a worker process with an
// evaluation context, from which it pulls what it needs: decisions, graph, program, data, the
// parent's weights.
//
// Clauses, as `espalier check` cites them:
//   2.1  It declares at least one metric.
//   2.2  A trial that is done has every declared metric, finite.
//   2.3  Exact metrics are the same bits again, after other trials, in any process.
//   2.4  Every fidelity from `least` to `most` serves.
//   3.1  The steps of progress rise.
//   3.2  After ESP_STOP it returns soon, with the metrics of that step.
//   4.1  A continuation has the bits of one training in one go.
//   4.2  An attempt after a lost one has the bits of one that was not disturbed.
//   4.3  A final training sets test_accuracy and test_loss.
//   5.1  A cheap one needs neither files nor a worker.
//   6  A trial bears that any allocation fails.
#ifndef ESPALIER_ESTIMATOR_H
#define ESPALIER_ESTIMATOR_H

#include <espalier/arch.h>
#include <espalier/create.h>
#include <espalier/dataset.h>
#include <espalier/engine.h>
#include <espalier/fidelity.h>
#include <espalier/graph.h>
#include <espalier/metric.h>
#include <espalier/random.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- A compiled network -----------------------------------------------------------------------

typedef struct esp_program esp_program;
struct esp_program_api;

// A program of the run's engine. Owner: the evaluation, which frees it at its end. [worker]
struct esp_program {
    esp_handle base;
    const struct esp_program_api *api;
};

enum {
    ESP_LOSS_CROSS_ENTROPY = 1, // of softmax(logits)
    ESP_LOSS_SQUARED_ERROR = 2  // of the logits themselves, with one-hot targets
};

// A loss of logits [batch, classes] and labels [batch]. Owner: the caller; [call].
//
// The target t of a sample with label y is 1 - smoothing on y, and smoothing / classes more on every
// class (Szegedy et al. 2016). With class weights w (all 1 where there are none) the loss is, as in
// PyTorch's CrossEntropyLoss, a weighted mean:
//   CROSS_ENTROPY  sum over samples and classes of u_c -log softmax(x)_c, over the sum of w_y, where
//                  u_c is t_c with w_y on the label's share and w_c on the smoothed one
//   SQUARED_ERROR  sum over samples of w_y sum over classes of (x_c - t_c)^2, over classes times the
//                  sum of w_y
typedef struct esp_loss {
    uint64_t struct_size;
    uint32_t kind; // ESP_LOSS_*
    uint32_t reserved;
    double smoothing;            // 0 .. below 1
    const double *class_weights; // [classes], finite, not negative; or NULL. Owner: the caller
} esp_loss;

typedef struct esp_program_api {
    uint64_t struct_size;
    esp_status (*forward)(esp_program *program, const esp_forward *forward);
    esp_status (*backward)(esp_program *program, const esp_output_gradient *gradients,
                           uint64_t count, uint64_t stride);
    esp_status (*apply)(esp_program *program, const esp_optimizer *optimizer);
    esp_status (*tensor)(esp_program *program, uint32_t which, const char *name, esp_tensor *out);
    esp_status (*cross_entropy)(esp_program *program, const esp_tensor *logits,
                                const uint32_t *labels, double smoothing, float *gradient,
                                double *loss, uint64_t *correct);
    esp_status (*loss)(esp_program *program, const esp_loss *loss, const esp_tensor *logits,
                       const uint32_t *labels, float *gradient, double *value, uint64_t *correct);
    esp_status (*clip_norm)(esp_program *program, double most, double *norm);
    esp_status (*clip_values)(esp_program *program, double most);
} esp_program_api;

// As the engine's functions of the same names (engine.h). [worker] [call]
static inline esp_status esp_program_forward(esp_program *program, const esp_forward *forward)
{
    return program->api->forward(program, forward);
}

static inline esp_status esp_program_backward(esp_program *program,
                                              const esp_output_gradient *gradients, uint64_t count)
{
    return program->api->backward(program, gradients, count, sizeof(esp_output_gradient));
}

static inline esp_status esp_program_apply(esp_program *program, const esp_optimizer *optimizer)
{
    return program->api->apply(program, optimizer);
}

static inline esp_status esp_program_tensor(esp_program *program, uint32_t which, const char *name,
                                            esp_tensor *out)
{
    return program->api->tensor(program, which, name, out);
}

// Softmax cross entropy of `logits` [batch, classes] with `labels` [batch], mean over the batch,
// with label smoothing (Szegedy et al. 2016) in [0, 1). Writes the gradient with respect to the
// logits to `gradient` ([batch, classes], or NULL), the loss to `loss` and the number of samples
// whose largest logit is the label's to `correct` (either may be NULL). The loss without smoothing
// is what `loss` gives when smoothing is 0. [worker] [call]
static inline esp_status esp_cross_entropy(esp_program *program, const esp_tensor *logits,
                                           const uint32_t *labels, double smoothing,
                                           float *gradient, double *loss, uint64_t *correct)
{
    return program->api->cross_entropy(program, logits, labels, smoothing, gradient, loss, correct);
}

// Any loss of esp_loss, with the same outputs: `gradient` ([batch, classes]), `value` and `correct`,
// each of which may be NULL. Where all labels of the batch have the weight 0, value and gradient are
// 0. [worker] [call]
static inline esp_status esp_program_loss(esp_program *program, const esp_loss *loss,
                                          const esp_tensor *logits, const uint32_t *labels,
                                          float *gradient, double *value, uint64_t *correct)
{
    if (!ESP_HAS(esp_program_api, program->api, loss))
        return esp_fail(program, ESP_ERROR_UNSUPPORTED, "the host has no losses by name");
    return program->api->loss(program, loss, logits, labels, gradient, value, correct);
}

// Scales the gradients of all trained weights by most / norm where their global norm, the root of the
// sum of all squares, is larger than `most` > 0 (Pascanu et al. 2013). The norm before, summed in
// double in the order of the graph, goes to `norm` (may be NULL). Between backward and apply.
// [worker] [call]
static inline esp_status esp_program_clip_norm(esp_program *program, double most, double *norm)
{
    if (!ESP_HAS(esp_program_api, program->api, clip_norm))
        return esp_fail(program, ESP_ERROR_UNSUPPORTED, "the host clips no gradients");
    return program->api->clip_norm(program, most, norm);
}

// Brings each element of these gradients to -most .. most, `most` > 0. [worker] [call]
static inline esp_status esp_program_clip_values(esp_program *program, double most)
{
    if (!ESP_HAS(esp_program_api, program->api, clip_values))
        return esp_fail(program, ESP_ERROR_UNSUPPORTED, "the host clips no gradients");
    return program->api->clip_values(program, most);
}

// ---- The evaluation context -------------------------------------------------------------------

typedef struct esp_evaluation esp_evaluation;
struct esp_evaluation_api;

// The handle of one trial. [worker] [call], or [coordinator] for a cheap estimator.
struct esp_evaluation {
    esp_handle base;
    const struct esp_evaluation_api *api;
};

enum { ESP_CONTINUE = 0, ESP_STOP = 1 };

// One named tensor of a checkpoint. [call]
typedef struct esp_named_tensor {
    uint64_t struct_size;
    const char *name; // [A-Za-z0-9_.-]+, with slashes between
    esp_tensor tensor;
} esp_named_tensor;

// One named number of a checkpoint: all its bits come back. [call]
typedef struct esp_named_number {
    uint64_t struct_size;
    const char *name; // [A-Za-z0-9_.-]+, with slashes between
    double value;
} esp_named_number;

// What a checkpoint holds. Owner: the caller; [call].
typedef struct esp_checkpoint {
    uint64_t struct_size;
    // Its weights and running statistics, and where it was compiled for training its optimizer
    // state; or NULL.
    esp_program *program;
    // The estimator's own tensors: averaged weights, architecture parameters. NULL where there are
    // none.
    const esp_named_tensor *tensors;
    uint64_t tensor_count, tensor_stride;
    // The estimator's own numbers: epochs done, the best so far. NULL where there are none.
    const esp_named_number *numbers;
    uint64_t number_count, number_stride;
} esp_checkpoint;

// Which file of weights.
enum {
    ESP_WEIGHTS_BEST = 0, // best.safetensors: of the best epoch
    ESP_WEIGHTS_LAST = 1  // last.safetensors: of the last epoch
};

// A measurement of latency. [call]
typedef struct esp_latency {
    uint64_t struct_size;
    uint64_t batch;       // >= 1
    uint64_t repetitions; // forward passes that are timed; 1 .. 100000
} esp_latency;

typedef struct esp_evaluation_api {
    uint64_t struct_size;
    const esp_arch *(*arch)(esp_evaluation *e);
    esp_status (*graph)(esp_evaluation *e, const esp_graph **out);
    esp_status (*compile)(esp_evaluation *e, const esp_compile_options *options, esp_program **out);
    esp_random (*random)(esp_evaluation *e, const char *name, uint64_t epoch, uint64_t step);
    uint32_t (*mode)(esp_evaluation *e);
    double (*horizon)(esp_evaluation *e, const char *name, double value);
    esp_status (*data_size)(esp_evaluation *e, uint32_t split, uint64_t *out);
    esp_status (*data_read)(esp_evaluation *e, uint32_t split, const uint64_t *indices,
                            uint64_t count, float *samples, uint32_t *labels);
    uint32_t (*progress)(esp_evaluation *e, double step, const esp_measurement *metrics,
                         uint64_t count, uint64_t stride);
    esp_status (*metric)(esp_evaluation *e, const char *name, double value);
    esp_status (*save_weights)(esp_evaluation *e, esp_program *program, uint32_t which);
    esp_status (*save_checkpoint)(esp_evaluation *e, const esp_checkpoint *checkpoint);
    esp_status (*load_checkpoint)(esp_evaluation *e, esp_program *program, uint32_t *found);
    double (*checkpoint_number)(esp_evaluation *e, const char *name, double missing);
    esp_status (*checkpoint_tensor)(esp_evaluation *e, const char *name, const esp_shape *shape,
                                    float *out);
    double (*seconds)(esp_evaluation *e);
    uint32_t (*final_training)(esp_evaluation *e);
    uint32_t (*wants_files)(esp_evaluation *e);
    esp_status (*canonical_hash)(esp_evaluation *e, uint64_t *out);
    esp_status (*latency)(esp_evaluation *e, const esp_latency *latency, double *milliseconds);
} esp_evaluation_api;

// The architecture of the trial. Lives as long as the call.
static inline const esp_arch *esp_evaluation_arch(esp_evaluation *e)
{
    return e->api->arch(e);
}

// Its network; built at the first call. Lives as long as the call.
static inline esp_status esp_evaluation_graph(esp_evaluation *e, const esp_graph **out)
{
    return e->api->graph(e, out);
}

// The network compiled by the run's engine, its weights initialised: from their initialisers, or the
// options' (each from a stream named by its weight path), then in mode INHERIT from the parent where paths and
// shapes agree. Freed with the evaluation.
static inline esp_status esp_evaluation_compile(esp_evaluation *e,
                                                const esp_compile_options *options,
                                                esp_program **out)
{
    return e->api->compile(e, options, out);
}

// The stream `name` of this trial's lineage at an epoch and a step: the same in every process, and
// the same for epoch 5 of a continued training as of one in one go.
static inline esp_random esp_evaluation_random(esp_evaluation *e, const char *name, uint64_t epoch,
                                               uint64_t step)
{
    return e->api->random(e, name, epoch, step);
}

// ESP_MODE_*: how the weights begin (strategy.h).
static inline uint32_t esp_evaluation_mode(esp_evaluation *e)
{
    return e->api->mode(e);
}

// The horizon of schedules for the parameter `name` ("epochs"), whose resolved value is `value`:
// what the INI says before any fidelity, unless `[run] horizon` says otherwise.
static inline double esp_evaluation_horizon(esp_evaluation *e, const char *name, double value)
{
    return e->api->horizon(e, name, value);
}

// The number of samples of a split (ESP_SPLIT_*). VALID has none in a final training. TEST cannot be
// opened in a search (ESP_ERROR_UNSUPPORTED).
static inline esp_status esp_evaluation_data_size(esp_evaluation *e, uint32_t split, uint64_t *out)
{
    return e->api->data_size(e, split, out);
}

// Reads samples of a split: `samples` [count, channels, height, width] (or [count, channels]), each
// channel normalised to mean 0 and deviation 1 of the training data; `labels` [count]. Either may be
// NULL. Memory is the caller's.
static inline esp_status esp_evaluation_read(esp_evaluation *e, uint32_t split,
                                             const uint64_t *indices, uint64_t count,
                                             float *samples, uint32_t *labels)
{
    return e->api->data_read(e, split, indices, count, samples, labels);
}

// Reports one point of the trial's curve: the step (epochs done) and its metrics. Answers
// ESP_CONTINUE or ESP_STOP: then return ESP_OK soon, with the metrics of this step. Also the sign
// of life that the time limit looks at.
static inline uint32_t esp_evaluation_progress(esp_evaluation *e, double step,
                                               const esp_measurement *metrics, uint64_t count)
{
    return e->api->progress(e, step, metrics, count, sizeof(esp_measurement));
}

// Sets a declared metric of the trial. Every declared metric must be set before evaluate returns.
static inline esp_status esp_evaluation_metric(esp_evaluation *e, const char *name, double value)
{
    return e->api->metric(e, name, value);
}

// Writes the weights as best.safetensors or last.safetensors among the trial's artifacts, whole or
// not at all.
static inline esp_status esp_evaluation_save_weights(esp_evaluation *e, esp_program *program,
                                                     uint32_t which)
{
    return e->api->save_weights(e, program, which);
}

// Writes a checkpoint in place of the trial's last one, whole or not at all. A continuation or a
// repeated attempt starts from it. Best weights saved so far belong to it.
static inline esp_status esp_evaluation_save_checkpoint(esp_evaluation *e,
                                                        const esp_checkpoint *checkpoint)
{
    return e->api->save_checkpoint(e, checkpoint);
}

// Restores `program` (NULL: none was saved) from this trial's own checkpoint (a repeated attempt), or
// in mode CONTINUE from the parent's. `*found` is 0 where there is none to start from.
static inline esp_status esp_evaluation_load_checkpoint(esp_evaluation *e, esp_program *program,
                                                        uint32_t *found)
{
    return e->api->load_checkpoint(e, program, found);
}

// A number of the checkpoint that was loaded, or `missing`.
static inline double esp_checkpoint_number(esp_evaluation *e, const char *name, double missing)
{
    return e->api->checkpoint_number(e, name, missing);
}

// Copies a tensor of the estimator's own out of the checkpoint that was loaded. Memory is the
// caller's, of the shape given. ESP_ERROR_NOT_FOUND where there is none of that name,
// ESP_ERROR_DATA where it has another shape.
static inline esp_status esp_checkpoint_tensor(esp_evaluation *e, const char *name,
                                               const esp_shape *shape, float *out)
{
    return e->api->checkpoint_tensor(e, name, shape, out);
}

// Seconds of wall time since the trial began; measured.
static inline double esp_evaluation_seconds(esp_evaluation *e)
{
    return e->api->seconds(e);
}

// True in a final training: train and validation data together, no validation.
static inline uint32_t esp_evaluation_final(esp_evaluation *e)
{
    return e->api->final_training(e);
}

// False where nobody will look at the trial's weights (`[run] keep = none` and no continuation):
// saving them may be left out.
static inline uint32_t esp_evaluation_wants_files(esp_evaluation *e)
{
    return e->api->wants_files(e);
}

// The hash of the architecture's canonical form (ext/space_text.h), which isomorphic members share.
// Searched parameters stand in it no more than in the form. ESP_ERROR_UNSUPPORTED where the space has
// none. Costs a pass of the space.
static inline esp_status esp_evaluation_canonical_hash(esp_evaluation *e, uint64_t *out)
{
    if (!ESP_HAS(esp_evaluation_api, e->api, canonical_hash))
        return esp_fail(e, ESP_ERROR_UNSUPPORTED, "the host knows no canonical forms");
    return e->api->canonical_hash(e, out);
}

// Measures how long a forward pass of the trial's network takes, in milliseconds of wall time: the
// median of `repetitions` passes, after others that warm up. The network is compiled for evaluation
// alone, with weights as they begin, and gets random samples. While passes are timed the other
// workers of the run stand still, on the executor `local`; waiting for that counts toward no time
// limit. As `espalier bench` measures. A measured metric: no two runs give the same bits.
static inline esp_status esp_evaluation_latency(esp_evaluation *e, const esp_latency *latency,
                                                double *milliseconds)
{
    if (!ESP_HAS(esp_evaluation_api, e->api, latency))
        return esp_fail(e, ESP_ERROR_UNSUPPORTED, "the host measures no latency");
    return e->api->latency(e, latency, milliseconds);
}

// ---- The description --------------------------------------------------------------------------

// One dimension of fidelity that an estimator serves; it has the name of one of its parameters.
typedef struct esp_fidelity_range {
    uint64_t struct_size;
    const char *name;
    double least, most;
} esp_fidelity_range;

// What an instance declares after create. Owner: the instance; lives until destroy.
typedef struct esp_estimator_info {
    uint64_t struct_size;
    const esp_metric *metrics;
    uint64_t metric_count, metric_stride;
    const esp_fidelity_range *fidelities;
    uint64_t fidelity_count, fidelity_stride;
} esp_estimator_info;

// Abilities of an estimator.
//
// A cheap estimator (a table look-up, a formula) is evaluated in the coordinator, so that a search
// runs at memory speed. It may use esp_evaluation_arch, _metric, _random and _canonical_hash, and is
// never interrupted. Where it answers ESP_ERROR_DATA, what it reads does not serve the run: the run
// ends with its words. Any other error costs the trial alone.
#define ESP_ESTIMATOR_CHEAP "esp.estimator.cheap/1"
typedef struct esp_estimator_cheap {
    uint64_t struct_size;
    uint32_t needs_graph; // 1: it also calls esp_evaluation_graph
    uint32_t reserved;
} esp_estimator_cheap;

// An estimator whose checkpoints continue: 3 epochs and then 6 more give the bits of 9 in one go.
#define ESP_ESTIMATOR_CONTINUATION "esp.estimator.continuation/1"
typedef struct esp_estimator_continuation {
    uint64_t struct_size;
    const char *dimension; // the fidelity that a continuation raises: "epochs"
} esp_estimator_continuation;

// A final training and `espalier train` need an estimator that trains on all data and then answers
// for the test split.
#define ESP_ESTIMATOR_FINAL "esp.estimator.final/1"
typedef struct esp_estimator_final {
    uint64_t struct_size;
    // Trains as evaluate does, then, if `test` is 1, reads the test split once and sets the
    // metrics test_accuracy and test_loss. [worker] [created]
    esp_status (*train)(void *self, esp_evaluation *e, uint32_t test);
} esp_estimator_final;

// The description of an estimator. Owner: the plugin; lives as long as the process.
typedef struct esp_estimator_type {
    uint64_t struct_size;
    const char *summary;
    const char *source;
    const esp_param *params;
    uint64_t param_count, param_stride;

    // Required. [any] [create]
    esp_status (*create)(esp_create *create, void **out);

    // Required. [any] [created]
    void (*destroy)(void *self);

    // What this instance yields and serves. Required. [any] [created]
    const esp_estimator_info *(*describe)(void *self);

    // Evaluates one trial: sets every declared metric and returns ESP_OK, or fails. Required.
    // [worker] [created]
    esp_status (*evaluate)(void *self, esp_evaluation *e);

    // The table of an ability by id, or NULL. Optional. [any] [loaded]
    const void *(*ability)(const char *id);
} esp_estimator_type;

#ifdef __cplusplus
}
#endif

#endif
