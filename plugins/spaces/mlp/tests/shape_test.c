// SPDX-License-Identifier: Apache-2.0
// The widths of Auto-PyTorch's shapes: values worked out by hand from its integer rules, and the laws
// that hold for all.
#include "shape.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

struct example {
    enum shape shape;
    int64_t in, out, most, layers;
    const char *widths;
};

static void expect_widths(const struct example *example)
{
    int64_t widths[SHAPE_WIDTHS_MOST];
    char text[512] = "";
    int64_t count = shape_widths(example->shape, example->in, example->out, example->most,
                                 example->layers, widths);
    for (int64_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%lld", i ? " " : "",
                 (long long)widths[i]);
    cr_expect_str_eq(text, example->widths, "%s of %lld layers: %s, expected %s",
                     shape_names[example->shape], (long long)example->layers, text,
                     example->widths);
}

Test(shape, widths_by_hand)
{
    static const struct example examples[] = {
        {SHAPE_BRICK, 20, 10, 100, 5, "100 100 100 100 10"},
        {SHAPE_TRIANGLE, 20, 10, 100, 5, "40 60 80 100 10"},
        {SHAPE_FUNNEL, 20, 10, 100, 5, "100 78 56 34 10"},
        {SHAPE_LONG_FUNNEL, 20, 10, 100, 5, "100 100 100 55 10"},
        {SHAPE_DIAMOND, 20, 10, 100, 5, "60 100 70 40 10"},
        {SHAPE_HEXAGON, 20, 10, 100, 5, "100 100 100 100 10"},
        {SHAPE_STAIRS, 20, 10, 100, 5, "100 100 56 56 10"},
        {SHAPE_STAIRS, 20, 10, 100, 4, "100 40 40 10"},
        {SHAPE_HEXAGON, 20, 10, 100, 9, "46 72 100 100 100 100 70 40 10"},
        {SHAPE_DIAMOND, 20, 10, 100, 2, "100 10"},
        {SHAPE_DIAMOND, 20, 10, 100, 3, "100 55 10"},
        {SHAPE_LONG_FUNNEL, 20, 10, 100, 2, "100 10"},
        {SHAPE_TRIANGLE, 20, 10, 100, 2, "100 10"},
        // More features than the largest width; an output wider than all: no step goes the other way.
        {SHAPE_TRIANGLE, 200, 10, 100, 4, "200 200 200 10"},
        {SHAPE_FUNNEL, 200, 10, 100, 3, "200 105 10"},
        {SHAPE_FUNNEL, 20, 80, 50, 3, "50 50 80"},
        {SHAPE_STAIRS, 20, 80, 50, 4, "50 50 50 80"},
        // As Auto-PyTorch's, which warns of it.
        {SHAPE_HEXAGON, 20, 10, 100, 3, "100 100 100 10"},
    };
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++)
        expect_widths(&examples[i]);
}

Test(shape, of_one_layer_is_the_output)
{
    for (int shape = 0; shape < SHAPE_COUNT; shape++)
        expect_widths(&(struct example){(enum shape)shape, 20, 7, 100, 1, "7"});
}

static void expect_laws(enum shape shape, int64_t in, int64_t out, int64_t most, int64_t layers)
{
    int64_t widths[SHAPE_WIDTHS_MOST];
    int64_t count = shape_widths(shape, in, out, most, layers, widths);
    int64_t largest = in > most ? in : most;
    cr_assert_eq(count, shape == SHAPE_HEXAGON && layers == 3 ? 4 : layers, "%s of %lld",
                 shape_names[shape], (long long)layers);
    cr_assert_eq(widths[count - 1], out);
    for (int64_t i = 0; i + 1 < count; i++) {
        cr_assert_geq(widths[i], in < out ? in : out < largest ? out : largest);
        cr_assert_leq(widths[i], largest);
    }
}

Test(shape, has_as_many_widths_as_layers_and_ends_in_the_output)
{
    static const int64_t sizes[] = {1, 2, 3, 10, 97, 784, 1024};
    enum { N = sizeof sizes / sizeof sizes[0] };
    for (int shape = 0; shape < SHAPE_COUNT; shape++)
        for (int64_t layers = 1; layers <= SHAPE_LAYERS_MOST; layers++)
            for (int i = 0; i < N * N * N; i++)
                expect_laws((enum shape)shape, sizes[i % N], sizes[i / N % N], sizes[i / N / N],
                            layers);
}
