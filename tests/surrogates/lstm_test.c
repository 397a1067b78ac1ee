// SPDX-License-Identifier: Apache-2.0
// Long short-term memory: against PyTorch, against differences, one step and a sequence to the same bits; and the
// products of small matrices against plain loops.
#include <espalier/random.h>
#include <espalier/support/lstm.h>
#include <espalier/support/matrices.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void draw(float *values, uint64_t count, esp_random *random)
{
    for (uint64_t i = 0; i < count; i++)
        values[i] = (float)(2 * esp_random_real(random) - 1);
}

// ---- Matrices -----------------------------------------------------------------------------------------

Test(matrices, products_are_those_of_plain_loops)
{
    static const uint64_t shapes[][3] = {{1, 1, 1},    {1, 7, 33},     {4, 3, 8},  {5, 10, 19},
                                         {9, 35, 140}, {20, 100, 400}, {3, 2, 64}, {6, 13, 1}};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        const uint64_t rows = shapes[s][0], in = shapes[s][1], out = shapes[s][2];
        esp_random random = esp_random_stream(1, s, 0, 0, 0);
        float *x = malloc((3 * rows * in + 2 * in * out + 3 * rows * out) * sizeof *x);
        float *back = x + rows * in, *w = back + 2 * rows * in, *outer = w + in * out;
        float *y = outer + in * out, *alone = y + rows * out, *dy = alone + rows * out;
        draw(x, 3 * rows * in + 2 * in * out + 3 * rows * out, &random);
        memcpy(alone, y, rows * out * sizeof *y);
        for (uint64_t r = 0; r < rows; r++) // a row alone: the same bits
            esp_matrix_add_product(alone + r * out, x + r * in, w, 1, in, out);
        for (uint64_t r = 0; r < rows; r++)
            for (uint64_t j = 0; j < out; j++) {
                double sum = y[r * out + j];
                for (uint64_t i = 0; i < in; i++)
                    sum += (double)x[r * in + i] * w[i * out + j];
                cr_assert_float_eq(alone[r * out + j], sum, 1e-5);
            }
        esp_matrix_add_product(y, x, w, rows, in, out);
        cr_expect_eq(memcmp(y, alone, rows * out * sizeof *y), 0, "shape %zu", s);
        for (uint64_t r = 0; r < rows; r++)
            for (uint64_t i = 0; i < in; i++) {
                double sum = back[r * in + i];
                for (uint64_t j = 0; j < out; j++)
                    sum += (double)dy[r * out + j] * w[i * out + j];
                back[(rows + r) * in + i] = (float)sum; // the second half holds what is expected
            }
        esp_matrix_add_transposed(back, dy, w, rows, in, out);
        for (uint64_t i = 0; i < rows * in; i++)
            cr_assert_float_eq(back[i], back[rows * in + i], 2e-5, "shape %zu", s);
        for (uint64_t i = 0; i < in; i++)
            for (uint64_t j = 0; j < out; j++) {
                double sum = outer[i * out + j];
                for (uint64_t r = 0; r < rows; r++)
                    sum += (double)x[r * in + i] * dy[r * out + j];
                w[i * out + j] = (float)sum;
            }
        esp_matrix_add_outer(outer, x, dy, rows, in, out);
        for (uint64_t i = 0; i < in * out; i++)
            cr_assert_float_eq(outer[i], w[i], 2e-5, "shape %zu", s);
        free(x);
    }
}

// ---- PyTorch --------------------------------------------------------------------------------------------

// torch.nn.LSTM(3, 4).double() of PyTorch 1.13, 5 steps of one sample. Parameter number n (from 1, in the order of
// lstm.h) is 0.6 sin(1.3 n); weight_ih_l0 and weight_hh_l0 are the transposes of Wx and Wh, bias_ih_l0 = b,
// bias_hh_l0 = 0. x[t][i] = cos(0.9 (3 t + i)). The loss is the sum of h[t][k] sin(0.4 (4 t + k) + 0.2), its
// gradients by autograd.
enum { INPUTS = 3, UNITS = 4, STEPS = 5, COUNT = 128 };
// clang-format off
static const float torch_h[] = {
    -0.0019763f, 0.1847279f, 0.0990088f, -0.1768267f, 0.0597381f, 0.1438934f, -0.0053268f, -0.1338785f,
    0.1327362f, 0.2401499f, -0.0017294f, -0.2170872f, 0.0403841f, 0.2661925f, 0.1085467f, -0.2031075f,
    0.2026190f, 0.2282639f, -0.1175035f, -0.1759553f};
static const float torch_dx[] = {
    -0.0005788f, -0.0276834f, 0.0210974f, -0.0340473f, 0.1240198f, -0.0578746f, -0.1264187f, 0.0388658f,
    0.0976119f, 0.0682900f, -0.1207658f, 0.0212200f, 0.1087444f, -0.0139523f, -0.0984031f};
static const float torch_gradient[] = {
    -0.0351575f, 0.0258214f, 0.0931282f, -0.0421658f, 0.0002841f, -0.0401655f, -0.0056726f, 0.0136528f,
    -0.0053151f, -0.0665040f, -0.1148484f, 0.0564453f, -0.0309892f, -0.0111851f, 0.0330702f, 0.0320285f,
    -0.0230133f, 0.0068436f, 0.0293184f, -0.0132740f, 0.0112529f, 0.0026587f, 0.0079095f, 0.0109829f,
    0.0095533f, -0.0041052f, -0.0726597f, 0.0502207f, 0.0049020f, 0.0487673f, -0.0007887f, -0.0089531f,
    0.0065469f, -0.0173133f, -0.0566790f, 0.0256634f, 0.0137057f, 0.0434709f, 0.0155059f, 0.0000013f,
    0.0171919f, 0.0614003f, 0.0245164f, 0.0059900f, 0.0370834f, 0.0718135f, -0.0340507f, -0.0431592f,
    0.0006380f, -0.0060147f, -0.0064738f, 0.0001954f, -0.0016587f, -0.0008826f, 0.0007315f, -0.0010584f,
    -0.0171187f, -0.0039723f, -0.0143229f, 0.0035869f, -0.0029820f, -0.0145246f, -0.0042281f, 0.0017908f,
    0.0091502f, -0.0055893f, -0.0254701f, -0.0029438f, -0.0023118f, 0.0106714f, 0.0051273f, -0.0040911f,
    -0.0001106f, 0.0220655f, 0.0063153f, 0.0155279f, 0.0044585f, -0.0106152f, -0.0169134f, -0.0169619f,
    0.0047867f, 0.0049564f, -0.0076478f, -0.0031092f, 0.0005065f, 0.0076143f, 0.0020722f, -0.0017094f,
    0.0183770f, 0.0178772f, 0.0236107f, 0.0070612f, 0.0057211f, 0.0101016f, -0.0051768f, -0.0139854f,
    -0.0074434f, 0.0065399f, 0.0205558f, 0.0012802f, 0.0022920f, -0.0075344f, -0.0040957f, 0.0028514f,
    0.0001927f, -0.0164002f, 0.0003223f, -0.0099998f, -0.0031908f, 0.0109876f, 0.0135564f, 0.0105072f,
    0.0325860f, 0.0284720f, -0.0304775f, -0.0659474f, -0.0117701f, 0.0288543f, 0.0211826f, -0.0063949f,
    0.1517102f, 0.1149999f, 0.0310960f, 0.1160543f, 0.0163706f, -0.0060450f, -0.0475885f, -0.0780801f};
// clang-format on

struct example {
    float parameters[COUNT], x[STEPS * INPUTS], dh[STEPS * UNITS];
};

static void example_make(struct example *example)
{
    for (int n = 0; n < COUNT; n++)
        example->parameters[n] = (float)(0.6 * sin(1.3 * (n + 1)));
    for (int i = 0; i < STEPS * INPUTS; i++)
        example->x[i] = (float)cos(0.9 * i);
    for (int i = 0; i < STEPS * UNITS; i++)
        example->dh[i] = (float)sin(0.4 * i + 0.2);
}

Test(lstm, forward_and_backward_are_those_of_pytorch)
{
    const esp_lstm lstm = {INPUTS, UNITS};
    struct example example;
    float h[STEPS * UNITS], kept[6 * STEPS * UNITS], gradient[COUNT] = {0};
    float dx[STEPS * INPUTS] = {0}, work[2 * UNITS];
    example_make(&example);
    cr_assert_eq(esp_lstm_count(&lstm), COUNT);
    cr_assert_eq(esp_lstm_kept(&lstm, STEPS), sizeof kept / sizeof kept[0]);
    esp_lstm_forward(&lstm, example.parameters, example.x, STEPS, h, kept);
    esp_lstm_backward(&lstm, example.parameters, example.x, STEPS, h, kept, example.dh, dx,
                      gradient, work);
    for (int i = 0; i < STEPS * UNITS; i++)
        cr_expect_float_eq(h[i], torch_h[i], 3e-7, "h %d: %.8g", i, (double)h[i]);
    for (int i = 0; i < STEPS * INPUTS; i++)
        cr_expect_float_eq(dx[i], torch_dx[i], 3e-7, "dx %d: %.8g", i, (double)dx[i]);
    for (int i = 0; i < COUNT; i++)
        cr_expect_float_eq(gradient[i], torch_gradient[i], 3e-7, "gradient %d: %.8g", i,
                           (double)gradient[i]);
}

Test(lstm, steps_have_the_bits_of_a_sequence)
{
    enum { IN = 35, WIDE = 35, LONG = 11 };
    const esp_lstm lstm = {IN, WIDE};
    const uint64_t count = esp_lstm_count(&lstm);
    esp_random random = esp_random_stream(2, 1, 0, 0, 0);
    float *parameters = malloc(count * sizeof *parameters);
    float x[LONG * IN], h[LONG * WIDE], kept[6 * LONG * WIDE], one[2 * WIDE] = {0}, work[4 * WIDE];
    draw(parameters, count, &random);
    draw(x, LONG * IN, &random);
    esp_lstm_forward(&lstm, parameters, x, LONG, h, kept);
    for (int t = 0; t < LONG; t++) {
        esp_lstm_step(&lstm, parameters, x + t * IN, one, one + WIDE, work);
        cr_expect_eq(memcmp(one, h + t * WIDE, WIDE * sizeof *one), 0, "step %d", t);
    }
    free(parameters);
}

// ---- Differences --------------------------------------------------------------------------------------------

static double loss_of(const esp_lstm *lstm, const float *parameters, const float *x, uint64_t steps,
                      const float *dh)
{
    float h[16 * 16], kept[6 * 16 * 16];
    double loss = 0;
    esp_lstm_forward(lstm, parameters, x, steps, h, kept);
    for (uint64_t i = 0; i < steps * lstm->units; i++)
        loss += (double)h[i] * dh[i];
    return loss;
}

static double slope_of(const esp_lstm *lstm, const float *parameters, float *at, const float *x,
                       uint64_t steps, const float *dh)
{
    const float before = *at, step = 0.01f;
    *at = before + step;
    const double up = loss_of(lstm, parameters, x, steps, dh), high = *at;
    *at = before - step;
    const double down = loss_of(lstm, parameters, x, steps, dh), low = *at;
    *at = before;
    return (up - down) / (high - low);
}

Test(lstm, the_gradient_is_that_of_differences)
{
    static const uint64_t shapes[][3] = {{1, 1, 1}, {5, 9, 7}, {8, 16, 2}, {3, 12, 13}};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        const esp_lstm lstm = {shapes[s][0], shapes[s][1]};
        const uint64_t steps = shapes[s][2], count = esp_lstm_count(&lstm);
        esp_random random = esp_random_stream(3, s, 0, 0, 0);
        float x[16 * 16], dh[16 * 16], dx[16 * 16] = {0}, h[16 * 16], kept[6 * 16 * 16], work[32];
        float *parameters = calloc(2 * count, sizeof *parameters), *gradient = parameters + count;
        draw(parameters, count, &random);
        draw(x, steps * lstm.inputs, &random);
        draw(dh, steps * lstm.units, &random);
        esp_lstm_forward(&lstm, parameters, x, steps, h, kept);
        esp_lstm_backward(&lstm, parameters, x, steps, h, kept, dh, dx, gradient, work);
        for (uint64_t i = 0; i < count; i++) {
            double slope = slope_of(&lstm, parameters, &parameters[i], x, steps, dh);
            cr_assert_float_eq(gradient[i], slope, 3e-4 + 1e-3 * fabs(slope), "%zu, %lu: %g, %g", s,
                               (unsigned long)i, (double)gradient[i], slope);
        }
        for (uint64_t i = 0; i < steps * lstm.inputs; i++) {
            double slope = slope_of(&lstm, parameters, &x[i], x, steps, dh);
            cr_assert_float_eq(dx[i], slope, 3e-4 + 1e-3 * fabs(slope), "%zu, x %lu", s,
                               (unsigned long)i);
        }
        free(parameters);
    }
}

// What leaves the range of expf is as good as its limits.
Test(lstm, large_numbers_stay_finite)
{
    const esp_lstm lstm = {2, 3};
    float parameters[4 * 3 * 6], x[] = {1e6f, -1e6f, 1e6f, 1e6f}, h[6], kept[36], dx[4] = {0};
    float gradient[4 * 3 * 6] = {0}, work[6];
    const float dh[] = {1, -1, 1, -1, 1, -1};
    for (int i = 0; i < 72; i++)
        parameters[i] = i % 2 ? 1e6f : -1e6f;
    esp_lstm_forward(&lstm, parameters, x, 2, h, kept);
    esp_lstm_backward(&lstm, parameters, x, 2, h, kept, dh, dx, gradient, work);
    for (int i = 0; i < 6; i++)
        cr_expect(fabsf(h[i]) <= 1.0f);
    for (int i = 0; i < 72; i++)
        cr_expect(isfinite(gradient[i]));
}
