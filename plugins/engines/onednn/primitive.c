// SPDX-License-Identifier: Apache-2.0
// Convolutions in a table by their shape; see primitive.h.
#include "primitive.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct convolution *table[BUCKETS];
static size_t table_count;
static uint64_t finds;

static uint64_t hash_of(const struct conv_shape *shape)
{
    const int64_t *numbers = &shape->kind;
    uint64_t hash = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < sizeof *shape / sizeof *numbers; i++) {
        hash = (hash ^ (uint64_t)numbers[i]) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 29;
    }
    return hash;
}

static void describe_image(dnnl_memory_desc_t *out, int64_t n, int64_t c, int64_t h, int64_t w,
                           int64_t block)
{
    const dnnl_dims_t dims = {n, c, h, w};
    dnnl_memory_desc_init_by_tag(out, 4, dims, dnnl_f32,
                                 block == 16  ? dnnl_nChw16c
                                 : block == 8 ? dnnl_nChw8c
                                              : dnnl_nchw);
}

static void describe_weights(dnnl_memory_desc_t *out, const struct conv_shape *s, bool plain)
{
    const dnnl_dims_t dims = {s->out_channels, s->channels, s->kernel_h, s->kernel_w};
    const dnnl_dims_t grouped = {s->groups, s->out_channels / s->groups, s->channels / s->groups,
                                 s->kernel_h, s->kernel_w};
    if (s->groups == 1)
        dnnl_memory_desc_init_by_tag(out, 4, dims, dnnl_f32,
                                     plain ? dnnl_oihw : dnnl_format_tag_any);
    else
        dnnl_memory_desc_init_by_tag(out, 5, grouped, dnnl_f32,
                                     plain ? dnnl_goihw : dnnl_format_tag_any);
}

static dnnl_status_t describe(dnnl_convolution_desc_t *out, const struct conv_shape *s)
{
    dnnl_memory_desc_t x, w, y, b, *bias = s->bias ? &b : NULL;
    const dnnl_dims_t strides = {s->stride_h, s->stride_w}, begin = {s->pad_top, s->pad_left};
    const dnnl_dims_t dilations = {s->dilation_h - 1, s->dilation_w - 1};
    const dnnl_dims_t end = {s->pad_bottom, s->pad_right}, channels = {s->out_channels};
    describe_image(&x, s->batch, s->channels, s->height, s->width, s->input_block);
    describe_image(&y, s->batch, s->out_channels, s->out_height, s->out_width, s->output_block);
    describe_weights(&w, s, false);
    dnnl_memory_desc_init_by_tag(&b, 1, channels, dnnl_f32, dnnl_x);
    switch (s->kind) {
    case CONV_FORWARD:
        return dnnl_dilated_convolution_forward_desc_init(out, dnnl_forward_training,
                                                          dnnl_convolution_direct, &x, &w, bias, &y,
                                                          strides, dilations, begin, end);
    case CONV_BACKWARD_DATA:
        return dnnl_dilated_convolution_backward_data_desc_init(
            out, dnnl_convolution_direct, &x, &w, &y, strides, dilations, begin, end);
    default:
        return dnnl_dilated_convolution_backward_weights_desc_init(
            out, dnnl_convolution_direct, &x, &w, bias, &y, strides, dilations, begin, end);
    }
}

static dnnl_primitive_attr_t attributes(const struct conv_shape *shape)
{
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t behind = NULL;
    if (dnnl_primitive_attr_create(&attr) != dnnl_success)
        return NULL;
    dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    if (shape->sum && dnnl_post_ops_create(&behind) == dnnl_success) {
        dnnl_post_ops_append_sum(behind, 1.0f);
        dnnl_primitive_attr_set_post_ops(attr, behind);
        dnnl_post_ops_destroy(behind);
    }
    return attr;
}

static void make_reorder(struct convolution *c, dnnl_engine_t engine)
{
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_attr_t attr = NULL;
    bool back = c->shape.kind == CONV_BACKWARD_WEIGHTS;
    const dnnl_memory_desc_t *from = back ? &c->packed : &c->plain;
    const dnnl_memory_desc_t *to = back ? &c->plain : &c->packed;
    if (dnnl_memory_desc_equal(from, to))
        return;
    dnnl_status_t status = dnnl_primitive_attr_create(&attr);
    if (status == dnnl_success)
        status = dnnl_reorder_primitive_desc_create(&description, from, engine, to, engine, attr);
    if (status == dnnl_success)
        status = dnnl_primitive_create(&c->reorder, description);
    c->missing = c->missing || status != dnnl_success;
    dnnl_primitive_desc_destroy(description);
    dnnl_primitive_attr_destroy(attr);
}

static dnnl_memory_desc_t queried(const struct convolution *c, dnnl_query_t what)
{
    return *dnnl_primitive_desc_query_md(c->description, what, 0);
}

static void make(struct convolution *c, dnnl_engine_t engine)
{
    dnnl_convolution_desc_t wanted;
    dnnl_primitive_attr_t attr = attributes(&c->shape);
    const char *name = "";
    bool back = c->shape.kind == CONV_BACKWARD_WEIGHTS;
    c->missing =
        !attr || describe(&wanted, &c->shape) != dnnl_success ||
        dnnl_primitive_desc_create(&c->description, &wanted, attr, engine, NULL) != dnnl_success ||
        dnnl_primitive_create(&c->primitive, c->description) != dnnl_success;
    dnnl_primitive_attr_destroy(attr);
    if (c->missing)
        return;
    describe_weights(&c->plain, &c->shape, true);
    c->packed = queried(c, back ? dnnl_query_diff_weights_md : dnnl_query_weights_md);
    describe_image(&c->input, c->shape.batch, c->shape.channels, c->shape.height, c->shape.width,
                   c->shape.input_block);
    describe_image(&c->output, c->shape.batch, c->shape.out_channels, c->shape.out_height,
                   c->shape.out_width, c->shape.output_block);
    c->packed_size = dnnl_memory_desc_get_size(&c->packed);
    dnnl_memory_desc_t pad = queried(c, dnnl_query_scratchpad_md);
    c->scratchpad = dnnl_memory_desc_get_size(&pad);
    dnnl_primitive_desc_query(c->description, dnnl_query_impl_info_str, 0, (void *)&name);
    c->slow = strncmp(name, "ref", 3) == 0 || strncmp(name, "gemm", 4) == 0;
    make_reorder(c, engine);
}

static void destroy(struct convolution *c)
{
    if (c->primitive)
        dnnl_primitive_destroy(c->primitive);
    if (c->reorder)
        dnnl_primitive_destroy(c->reorder);
    if (c->description)
        dnnl_primitive_desc_destroy(c->description);
    free(c);
}

// Makes room: of those that nobody holds the one that was not used for longest goes.
static void evict(void)
{
    struct convolution **oldest = NULL;
    for (size_t b = 0; b < BUCKETS; b++)
        for (struct convolution **at = &table[b]; *at; at = &(*at)->next)
            if ((*at)->holders == 0 && (!oldest || (*at)->used < (*oldest)->used))
                oldest = at;
    if (!oldest)
        return;
    struct convolution *gone = *oldest;
    *oldest = gone->next;
    destroy(gone);
    table_count--;
}

void convolution_drop(const struct convolution *convolution)
{
    if (!convolution)
        return;
    pthread_mutex_lock(&lock);
    // The table's own.
    ((struct convolution *)(uintptr_t)convolution)->holders--;
    pthread_mutex_unlock(&lock);
}

size_t convolution_count(void)
{
    pthread_mutex_lock(&lock);
    size_t count = table_count;
    pthread_mutex_unlock(&lock);
    return count;
}

struct convolution *convolution_find(dnnl_engine_t engine, const struct conv_shape *shape)
{
    struct convolution **bucket = &table[hash_of(shape) % BUCKETS], *found;
    pthread_mutex_lock(&lock);
    for (found = *bucket; found; found = found->next)
        if (memcmp(&found->shape, shape, sizeof *shape) == 0)
            break;
    if (!found && (found = calloc(1, sizeof *found))) {
        if (table_count >= MOST_CONVOLUTIONS)
            evict();
        found->shape = *shape;
        make(found, engine);
        found->next = *bucket;
        *bucket = found;
        table_count++;
    }
    if (found) {
        found->holders++;
        found->used = ++finds;
    }
    pthread_mutex_unlock(&lock);
    return found;
}
