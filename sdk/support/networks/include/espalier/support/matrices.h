// SPDX-License-Identifier: Apache-2.0
// Products of small matrices, f32, row-major, for networks that are too small to be worth an engine. Every
// number of a result is summed in one order, whatever the number of rows: a row alone has the bits that it
// has among others.
#ifndef ESPALIER_SUPPORT_MATRICES_H
#define ESPALIER_SUPPORT_MATRICES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// y += x w. `x`: [rows, in], `w`: [in, out], `y`: [rows, out]. Nothing overlaps.
void esp_matrix_add_product(float *y, const float *x, const float *w, uint64_t rows, uint64_t in,
                            uint64_t out);

// x += y w^T, what a gradient goes back by: shapes as above.
void esp_matrix_add_transposed(float *x, const float *y, const float *w, uint64_t rows, uint64_t in,
                               uint64_t out);

// w += x^T y, the gradient of the weights: shapes as above.
void esp_matrix_add_outer(float *w, const float *x, const float *y, uint64_t rows, uint64_t in,
                          uint64_t out);

#ifdef __cplusplus
}
#endif

#endif
