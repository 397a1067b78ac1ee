// SPDX-License-Identifier: Apache-2.0
// See shape.h.
#include "shape.h"

const char *const shape_names[SHAPE_COUNT] = {"brick",   "triangle", "funnel", "long_funnel",
                                              "diamond", "hexagon",  "stairs"};

// The widths as they are written; a part of a shape appends to what stands there.
struct list {
    int64_t *widths;
    int64_t count;
};

static void append(struct list *list, int64_t width)
{
    if (list->count < SHAPE_WIDTHS_MOST)
        list->widths[list->count++] = width;
}

// (from - to) / (layers - 1), truncated, never below 0.
static int64_t step(int64_t from, int64_t to, int64_t layers)
{
    return from > to ? (from - to) / (layers - 1) : 0;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void brick(struct list *list, int64_t in, int64_t out, int64_t most, int64_t layers)
{
    for (int64_t i = 1; i < layers; i++)
        append(list, larger(in, most));
    if (layers > 0)
        append(list, out);
}

static void triangle(struct list *list, int64_t in, int64_t out, int64_t most, int64_t layers)
{
    if (layers > 1) {
        const int64_t rise = step(larger(in, most), in, layers);
        for (int64_t k = 1; k <= layers - 2; k++)
            append(list, in + k * rise);
        append(list, larger(in, most));
    }
    append(list, out);
}

static void funnel(struct list *list, int64_t in, int64_t out, int64_t most, int64_t layers)
{
    if (layers > 1) {
        const int64_t fall = step(larger(in, most), out, layers);
        for (int64_t k = 0; k <= layers - 2; k++)
            append(list, larger(in, most) - k * fall);
    }
    append(list, out);
}

static void long_funnel(struct list *list, int64_t in, int64_t out, int64_t most, int64_t layers)
{
    brick(list, in, most, most, layers / 2);
    funnel(list, in, out, most, layers - layers / 2);
}

// A triangle and a funnel share the width where they meet.
static void diamond(struct list *list, int64_t in, int64_t out, int64_t most, int64_t layers)
{
    const int64_t rising = layers / 2 + 1;
    triangle(list, in, most, most, rising);
    const int64_t cut = list->count > 1 ? 2 : 0;
    list->count -= cut;
    funnel(list, most, out, most, layers - rising + cut);
}

static void hexagon(struct list *list, int64_t in, int64_t out, int64_t most, int64_t layers)
{
    const int64_t side = layers / 3 + 1;
    triangle(list, in, most, most, side);
    brick(list, most, most, most, layers - 2 * side);
    funnel(list, most, out, most, side);
}

// Pairs of equal widths; an odd number of layers begins with one more.
static void stairs(struct list *list, int64_t out, int64_t most, int64_t layers)
{
    const int64_t fall = 2 * step(most, out, layers);
    append(list, most);
    if (layers % 2 == 1)
        append(list, most);
    for (int64_t k = 1; k <= layers / 2 - 1; k++) {
        append(list, most - k * fall);
        append(list, most - k * fall);
    }
    append(list, out);
}

int64_t shape_widths(enum shape shape, int64_t in, int64_t out, int64_t most, int64_t layers,
                     int64_t widths[SHAPE_WIDTHS_MOST])
{
    struct list list = {widths, 0};
    if (layers == 1) {
        append(&list, out);
        return list.count;
    }
    most = larger(in, most);
    switch (shape) {
    case SHAPE_BRICK:
        brick(&list, in, out, most, layers);
        break;
    case SHAPE_TRIANGLE:
        triangle(&list, in, out, most, layers);
        break;
    case SHAPE_FUNNEL:
        funnel(&list, in, out, most, layers);
        break;
    case SHAPE_LONG_FUNNEL:
        long_funnel(&list, in, out, most, layers);
        break;
    case SHAPE_DIAMOND:
        diamond(&list, in, out, most, layers);
        break;
    case SHAPE_HEXAGON:
        hexagon(&list, in, out, most, layers);
        break;
    default:
        stairs(&list, out, most, layers);
        break;
    }
    return list.count;
}
