// SPDX-License-Identifier: Apache-2.0
// Small dense networks as surrogate models: vectors in, one number out; layers of equal width with ReLU, a
// linear output, f32. Not for the networks that are searched: those are an engine's. All draws come from the
// stream given, and sums have one order, so the same data give the same bits.
#ifndef ESPALIER_SUPPORT_NETWORKS_H
#define ESPALIER_SUPPORT_NETWORKS_H

#include <espalier/random.h>
#include <espalier/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct esp_mlp esp_mlp;

// `layers` hidden layers of `units` each, at least 1. Weights are uniform in +-sqrt(6 / (in + out)) (Glorot
// and Bengio 2010), biases 0. ESP_ERROR_MEMORY. `*out`: the caller's, esp_mlp_destroy.
esp_status esp_mlp_create(esp_mlp **out, uint64_t inputs, uint64_t layers, uint64_t units,
                          esp_random *random);
// NULL is allowed.
void esp_mlp_destroy(esp_mlp *mlp);

// `x`: [count, inputs]; `out`: [count]. ESP_ERROR_MEMORY.
esp_status esp_mlp_predict(const esp_mlp *mlp, const float *x, uint64_t count, float *out);

// How it is trained: Adam (Kingma and Ba 2015) on minibatches of a new order each epoch, the last one of
// what is left; the loss is the mean of weight x |prediction - y|.
typedef struct esp_mlp_training {
    uint64_t epochs, batch;
    double learning_rate, beta1, beta2, epsilon;
} esp_mlp_training;
// `y`: [count]; `weights`: [count], or NULL for ones. ESP_ERROR_MEMORY.
esp_status esp_mlp_train(esp_mlp *mlp, const esp_mlp_training *training, const float *x,
                         const float *y, const float *weights, uint64_t count, esp_random *random);

// The parameters, `*count` of them, layer by layer: weights [in, out], then biases [out]. Owner: the network.
float *esp_mlp_parameters(esp_mlp *mlp, uint64_t *count);
// The loss on all samples, and its gradient by the parameters. ESP_ERROR_MEMORY.
esp_status esp_mlp_gradient(const esp_mlp *mlp, const float *x, const float *y,
                            const float *weights, uint64_t count, double *loss, float *gradient);

#ifdef __cplusplus
}
#endif

#endif
