// SPDX-License-Identifier: Apache-2.0
// The table of oneDNN's convolutions: one shape, one primitive; what programs hold stays, and of the
// others no more than MOST_CONVOLUTIONS, however many architectures a worker has seen.
#include "primitive.h"

#include <criterion/criterion.h>

static dnnl_engine_t engine;

static void open(void)
{
    cr_assert_eq(dnnl_engine_create(&engine, dnnl_cpu, 0), dnnl_success);
}

// A small 1x1 convolution of images of so many rows.
static struct conv_shape shape_of(int64_t rows)
{
    return (struct conv_shape){.kind = CONV_FORWARD,
                               .batch = 1,
                               .groups = 1,
                               .channels = 8,
                               .height = rows,
                               .width = 1,
                               .out_channels = 8,
                               .out_height = rows,
                               .out_width = 1,
                               .kernel_h = 1,
                               .kernel_w = 1,
                               .stride_h = 1,
                               .stride_w = 1,
                               .dilation_h = 1,
                               .dilation_w = 1,
                               .input_block = 1,
                               .output_block = 1,
                               .threads = 1};
}

static struct convolution *find(int64_t rows)
{
    struct conv_shape shape = shape_of(rows);
    struct convolution *found = convolution_find(engine, &shape);
    cr_assert(found && !found->missing && found->primitive, "%lld rows", (long long)rows);
    return found;
}

Test(primitives, one_shape_is_made_once, .init = open)
{
    struct convolution *a = find(3), *b = find(4);
    size_t count = convolution_count();
    cr_expect_eq(find(3), a);
    cr_expect_eq(find(4), b);
    cr_expect_eq(convolution_count(), count);
    convolution_drop(NULL);
}

Test(primitives, what_nobody_holds_is_bounded, .init = open)
{
    struct convolution *held = find(1), *recent = find(2);
    convolution_drop(recent);
    for (int64_t rows = 3; rows < MOST_CONVOLUTIONS + 200; rows++) {
        convolution_drop(find(rows));
        // Used again and again: it is never the oldest.
        cr_assert_eq(find(2), recent, "at %lld", (long long)rows);
        convolution_drop(recent);
        cr_assert_leq(convolution_count(), MOST_CONVOLUTIONS);
    }
    cr_expect_eq(convolution_count(), MOST_CONVOLUTIONS);
    cr_expect_eq(find(1), held, "held all the time");
}

// A network of more shapes than are kept has all of them while it is there.
Test(primitives, what_is_held_stays_beyond_the_bound, .init = open)
{
    static struct convolution *held[MOST_CONVOLUTIONS + 20];
    for (int64_t i = 0; i < MOST_CONVOLUTIONS + 20; i++)
        held[i] = find(i + 1);
    cr_expect_eq(convolution_count(), MOST_CONVOLUTIONS + 20);
    for (int64_t i = 0; i < MOST_CONVOLUTIONS + 20; i++) {
        struct conv_shape shape = shape_of(i + 1);
        cr_assert_eq(held[i]->shape.height, shape.height);
        cr_assert_eq(convolution_find(engine, &shape), held[i]);
    }
}
