// SPDX-License-Identifier: Apache-2.0
// Loops over many floats. loops.c is compiled once for each instruction set, and loops_choose takes
// the widest that the processor has. All of them give the same bits: multiplications and additions
// are not contracted, and sums are made in LANES partial sums, added up in order at the end.
//
// Pointers of one call may be equal where the comment says so, and overlap in no other way.
#ifndef OPENBLAS_LOOPS_H
#define OPENBLAS_LOOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LANES 16

// y = x scale + shift of one channel, behind which a Relu may stand.
struct affine {
    float scale, shift;
    bool relu;
};

// What the gradient of a normalized channel is made with: (g - mean_g - (x - mean) slope) factor.
struct slope {
    float mean, mean_g, slope, factor;
};

struct loops {
    // ---- Sums
    float (*sum)(const float *x, int64_t count);
    // Of (x - center)^2.
    float (*squares)(const float *x, float center, int64_t count);
    float (*products)(const float *a, const float *b, int64_t count); // of a b
    // Of g and of g (x - center), where g is what passes the Relu of `affine`.
    void (*gradient_sums)(const float *x, const float *g, float center, struct affine affine,
                          int64_t count, float *sum, float *product);
    // ---- Element by element
    void (*add)(float *to, const float *from, int64_t count); // to += from
    void (*sum_of_two)(const float *a, const float *b, float *y, int64_t count);
    // y = or += a b, and x by; y may be a or b, and x.
    void (*multiply)(const float *a, const float *b, float *y, int64_t count, bool set);
    void (*scale)(const float *x, float by, float *y, int64_t count, bool set);
    void (*add_constant)(const float *x, float constant, float *y, int64_t count);    // y may be x
    void (*divide)(float *y, const float *by, int64_t count);                         // y /= by
    void (*normalize)(const float *x, struct affine affine, float *y, int64_t count); // y may be x
    // gx may be g; it is set or added to. So below.
    void (*normalize_gradient)(const float *x, const float *g, struct affine affine,
                               struct slope slope, float *gx, int64_t count, bool set);
    // y may be x. Gradients are made of the output.
    void (*relu)(const float *x, float *y, int64_t count);
    void (*relu_gradient)(const float *y, const float *g, float *gx, int64_t count, bool set);
    void (*sigmoid)(const float *x, float *y, int64_t count);
    void (*sigmoid_gradient)(const float *y, const float *g, float *gx, int64_t count, bool set);
    void (*tanh)(const float *x, float *y, int64_t count);
    void (*tanh_gradient)(const float *y, const float *g, float *gx, int64_t count, bool set);
    // x scale where the mask is not 0, else 0; y may be x.
    void (*mask)(const float *x, const uint8_t *mask, float scale, float *y, int64_t count,
                 bool set);
    // ---- Rows, `pitch` and `to_pitch` apart
    // to[i] = from[i] + constant
    void (*copy_rows)(const float *from, int64_t pitch, float constant, float *to, int64_t to_pitch,
                      int64_t rows, int64_t count);
    // to[i] = x[2 i]; one float more than the last may be read
    void (*take_second)(const float *x, int64_t pitch, float *to, int64_t to_pitch, int64_t rows,
                        int64_t count);
    // x[2 i] += even[i], x[2 i + 1] += odd[i]
    void (*weave)(float *x, const float *even, const float *odd, int64_t pairs);
    // ---- Planes; `count` is a multiple of LANES
    // y[i] = sum over taps of weights[t] x[offsets[t] + i]
    void (*correlate)(float *y, const float *x, const int64_t *offsets, const float *weights,
                      int64_t taps, int64_t count);
    // products[t] += the sum of g[i] x[offsets[t] + i]
    void (*correlate_gradient)(const float *g, const float *x, const int64_t *offsets, int64_t taps,
                               int64_t count, float *products);
    // The largest x[offsets[t] + i], the first of equal ones, and in `winners` (may be NULL) its t.
    // What is no number counts as the largest: it must not vanish.
    void (*maximum)(const float *x, const int64_t *offsets, int64_t taps, float *y,
                    uint16_t *winners, int64_t count);
    // to[i] = the sum over k of g[back[k] + i] where winners[back[k] + i] is taps[k]
    void (*maximum_gradient)(const float *g, const uint16_t *winners, const int64_t *taps,
                             const int64_t *back, int64_t tap_count, float *to, int64_t count);
    // ---- Optimizers, on weights w and their gradients g
    void (*sgd)(float *w, const float *g, int64_t count, float rate, float decay);
    void (*momentum)(float *w, const float *g, float *v, int64_t count, float rate, float momentum,
                     float decay, bool nesterov);
    // `rate`: over the first moment's bias correction; `correction`: 1 / the root of the second's;
    // `keep`: 1 - rate x decay.
    void (*adamw)(float *w, const float *g, float *m, float *v, int64_t count, float rate,
                  float correction, float beta1, float beta2, float epsilon, float keep);
    // The same without `keep`; decay w is added to the gradient.
    void (*adam)(float *w, const float *g, float *m, float *v, int64_t count, float rate,
                 float correction, float beta1, float beta2, float epsilon, float decay);
};

extern const struct loops openblas_loops_portable;
#if defined(__x86_64__)
extern const struct loops openblas_loops_avx2, openblas_loops_avx512;
#endif

// The processor's; the same in all calls.
const struct loops *loops_choose(void);

#endif
