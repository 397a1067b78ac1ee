// SPDX-License-Identifier: Apache-2.0
// Products of small matrices; see matrices.h. Tiles of the result stay in registers: vectors of four, as
// every processor has them, written in the vector types that gcc and clang share.
#include <espalier/support/matrices.h>

#include <string.h>

#define WIDE 4 // numbers of a vector
#define LOT 8  // sums of a tile: vectors that stay in registers
#define TALL 4 // rows of a tile of two vectors each

typedef float vector __attribute__((vector_size(16)));

static vector load(const float *at)
{
    vector value;
    memcpy(&value, at, sizeof value); // not aligned
    return value;
}

static void store(float *at, vector value)
{
    memcpy(at, &value, sizeof value);
}

static vector all(float x)
{
    return (vector){x, x, x, x};
}

static float sum(vector v)
{
    return (v[0] + v[1]) + (v[2] + v[3]);
}

// ---- y += x w ---------------------------------------------------------------------------------------

// One row, LOT vectors.
static void product_row(float *y, const float *x, const float *w, uint64_t in, uint64_t out)
{
    vector sums[LOT];
    for (int v = 0; v < LOT; v++)
        sums[v] = load(y + v * WIDE);
    for (uint64_t k = 0; k < in; k++, w += out) {
        const vector at = all(x[k]);
        for (int v = 0; v < LOT; v++)
            sums[v] += at * load(w + v * WIDE);
    }
    for (int v = 0; v < LOT; v++)
        store(y + v * WIDE, sums[v]);
}

// TALL rows, two vectors.
static void product_rows(float *y, const float *x, const float *w, uint64_t in, uint64_t out)
{
    vector left[TALL], right[TALL];
    for (int r = 0; r < TALL; r++) {
        left[r] = load(y + (uint64_t)r * out);
        right[r] = load(y + (uint64_t)r * out + WIDE);
    }
    for (uint64_t k = 0; k < in; k++, w += out) {
        const vector first = load(w), second = load(w + WIDE);
        for (int r = 0; r < TALL; r++) {
            const vector at = all(x[(uint64_t)r * in + k]);
            left[r] += at * first;
            right[r] += at * second;
        }
    }
    for (int r = 0; r < TALL; r++) {
        store(y + (uint64_t)r * out, left[r]);
        store(y + (uint64_t)r * out + WIDE, right[r]);
    }
}

// What no tile of a row covers, from column `from` on.
static void product_rest(float *restrict y, const float *restrict x, const float *restrict w,
                         uint64_t in, uint64_t out, uint64_t from)
{
    for (uint64_t k = 0; k < in; k++)
        for (uint64_t i = from; i < out; i++)
            y[i] += x[k] * w[k * out + i];
}

void esp_matrix_add_product(float *y, const float *x, const float *w, uint64_t rows, uint64_t in,
                            uint64_t out)
{
    const uint64_t pair = 2 * WIDE, lot = LOT * WIDE, tiled = rows / TALL * TALL;
    uint64_t i = 0;
    for (; i + pair <= out && tiled > 0; i += pair) // two vectors' columns of w stay near
        for (uint64_t r = 0; r < tiled; r += TALL)
            product_rows(y + r * out + i, x + r * in, w + i, in, out);
    for (uint64_t r = 0; r < tiled && i < out; r++)
        product_rest(y + r * out, x + r * in, w, in, out, i);
    for (uint64_t r = tiled; r < rows; r++) {
        for (i = 0; i + lot <= out; i += lot)
            product_row(y + r * out + i, x + r * in, w + i, in, out);
        if (i < out)
            product_rest(y + r * out, x + r * in, w, in, out, i);
    }
}

// ---- x += y w^T -------------------------------------------------------------------------------------

// A sum of products of a row of y and one of w: four by four, then what is left.
static float finish(vector total, const float *y, const float *w, uint64_t from, uint64_t out)
{
    float result = sum(total);
    for (; from < out; from++)
        result += y[from] * w[from];
    return result;
}

static float dot(const float *y, const float *w, uint64_t out)
{
    vector total = all(0.0f);
    uint64_t i = 0;
    for (; i + WIDE <= out; i += WIDE)
        total += load(y + i) * load(w + i);
    return finish(total, y, w, i, out);
}

// One row of y, LOT of w.
static void dots_row(float *x, const float *y, const float *w, uint64_t out)
{
    vector sums[LOT];
    uint64_t i = 0;
    for (int k = 0; k < LOT; k++)
        sums[k] = all(0.0f);
    for (; i + WIDE <= out; i += WIDE) {
        const vector at = load(y + i);
        for (int k = 0; k < LOT; k++)
            sums[k] += at * load(w + (uint64_t)k * out + i);
    }
    for (int k = 0; k < LOT; k++)
        x[k] += finish(sums[k], y, w + (uint64_t)k * out, i, out);
}

// Two rows of y, TALL of w.
static void dots_rows(float *x, const float *y, const float *w, uint64_t in, uint64_t out)
{
    vector upper[TALL], lower[TALL];
    uint64_t i = 0;
    for (int k = 0; k < TALL; k++)
        upper[k] = lower[k] = all(0.0f);
    for (; i + WIDE <= out; i += WIDE) {
        const vector first = load(y + i), second = load(y + out + i);
        for (int k = 0; k < TALL; k++) {
            const vector at = load(w + (uint64_t)k * out + i);
            upper[k] += first * at;
            lower[k] += second * at;
        }
    }
    for (int k = 0; k < TALL; k++) {
        x[k] += finish(upper[k], y, w + (uint64_t)k * out, i, out);
        x[in + (uint64_t)k] += finish(lower[k], y + out, w + (uint64_t)k * out, i, out);
    }
}

void esp_matrix_add_transposed(float *x, const float *y, const float *w, uint64_t rows, uint64_t in,
                               uint64_t out)
{
    const uint64_t paired = rows / 2 * 2;
    uint64_t k = 0;
    for (; k + TALL <= in; k += TALL) // a few rows of w stay near while all of y goes by
        for (uint64_t r = 0; r < paired; r += 2)
            dots_rows(x + r * in + k, y + r * out, w + k * out, in, out);
    for (; k < in; k++)
        for (uint64_t r = 0; r < paired; r++)
            x[r * in + k] += dot(y + r * out, w + k * out, out);
    for (uint64_t r = paired; r < rows; r++) {
        for (k = 0; k + LOT <= in; k += LOT)
            dots_row(x + r * in + k, y + r * out, w + k * out, out);
        for (; k < in; k++)
            x[r * in + k] += dot(y + r * out, w + k * out, out);
    }
}

// ---- w += x^T y -------------------------------------------------------------------------------------

// TALL rows of w, two vectors.
static void outer_rows(float *w, const float *x, const float *y, uint64_t rows, uint64_t in,
                       uint64_t out)
{
    vector left[TALL], right[TALL];
    for (int k = 0; k < TALL; k++) {
        left[k] = load(w + (uint64_t)k * out);
        right[k] = load(w + (uint64_t)k * out + WIDE);
    }
    for (uint64_t r = 0; r < rows; r++, x += in, y += out) {
        const vector first = load(y), second = load(y + WIDE);
        for (int k = 0; k < TALL; k++) {
            const vector at = all(x[k]);
            left[k] += at * first;
            right[k] += at * second;
        }
    }
    for (int k = 0; k < TALL; k++) {
        store(w + (uint64_t)k * out, left[k]);
        store(w + (uint64_t)k * out + WIDE, right[k]);
    }
}

static void outer_rest(float *restrict w, const float *restrict x, const float *restrict y,
                       uint64_t rows, uint64_t in, uint64_t out, uint64_t from)
{
    for (uint64_t r = 0; r < rows; r++)
        for (uint64_t i = from; i < out; i++)
            w[i] += x[r * in] * y[r * out + i];
}

void esp_matrix_add_outer(float *w, const float *x, const float *y, uint64_t rows, uint64_t in,
                          uint64_t out)
{
    const uint64_t pair = 2 * WIDE, tiled = in / TALL * TALL;
    uint64_t i = 0;
    for (; i + pair <= out && tiled > 0; i += pair)
        for (uint64_t k = 0; k < tiled; k += TALL)
            outer_rows(w + k * out + i, x + k, y + i, rows, in, out);
    for (uint64_t k = 0; k < in; k++)
        outer_rest(w + k * out, x + k, y, rows, in, out, k < tiled ? i : 0);
}
