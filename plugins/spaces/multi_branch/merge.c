// SPDX-License-Identifier: Apache-2.0
// Several maps become one. Where they differ, by `align`:
//   pad        zeros below and to the right of the smaller ones (Zoph and Le 2017), behind the
//              channels of the narrower ones in a sum
//   subsample  every s-th pixel of the larger ones, zeros behind the channels of the narrower ones in
//              a sum (He et al. 2016, option A)
//   project    conv1x1 of stride s and batch normalization of the larger ones, in a sum also of those
//              that are not as wide as the last one (He et al. 2016, option B)
// s is the size divided by the smallest one, rounded down; what is then too much at the end is cut.
#include "multi_branch.h"

int64_t merge_sizes(const struct multi_branch *space, const int64_t *sizes, const uint32_t *indices,
                    uint64_t count)
{
    int64_t size = sizes[indices[0]];
    for (uint64_t i = 1; i < count; i++) {
        int64_t other = sizes[indices[i]];
        if (space->align == ALIGN_PAD ? other > size : other < size)
            size = other;
    }
    return size;
}

// The shape that all maps get, [N, C, H, W]; C is for sums.
static esp_shape common_shape(const struct multi_branch *space, esp_builder *b,
                              const esp_node *maps, uint64_t count)
{
    esp_shape common = esp_node_shape(b, maps[count - 1]);
    for (uint64_t i = 0; i + 1 < count; i++) {
        esp_shape shape = esp_node_shape(b, maps[i]);
        for (int d = 2; d < 4; d++)
            if (space->align == ALIGN_PAD ? shape.dims[d] > common.dims[d]
                                          : shape.dims[d] < common.dims[d])
                common.dims[d] = shape.dims[d];
        if (space->align != ALIGN_PROJECT && shape.dims[1] > common.dims[1])
            common.dims[1] = shape.dims[1];
    }
    return common;
}

static esp_node crop(esp_builder *b, esp_node x, const esp_shape *wanted)
{
    for (int d = 2; d < 4; d++)
        if (esp_node_shape(b, x).dims[d] > wanted->dims[d])
            x = esp_slice(b, x, d, 0, wanted->dims[d]);
    return x;
}

static esp_node subsample(esp_builder *b, esp_node x, const esp_shape *wanted)
{
    const esp_shape shape = esp_node_shape(b, x);
    const int64_t axes[2] = {2, 3}, starts[2] = {0, 0};
    int64_t ends[2], steps[2];
    for (int d = 0; d < 2; d++) {
        steps[d] = shape.dims[d + 2] / wanted->dims[d + 2];
        ends[d] = (wanted->dims[d + 2] - 1) * steps[d] + 1;
    }
    const esp_attribute attributes[] = {
        esp_attribute_ints("starts", starts, 2),
        esp_attribute_ints("ends", ends, 2),
        esp_attribute_ints("axes", axes, 2),
        esp_attribute_ints("steps", steps, 2),
    };
    return esp_op(b, NULL, "Slice", &x, 1, attributes, ESP_COUNT(attributes));
}

static esp_node project(esp_builder *b, esp_node x, uint32_t index, const esp_shape *wanted,
                        int64_t channels)
{
    const esp_shape shape = esp_node_shape(b, x);
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = channels;
    options.kernel = 1;
    options.stride_height = shape.dims[2] / wanted->dims[2];
    options.stride_width = shape.dims[3] / wanted->dims[3];
    esp_scope(b, "from", index);
    x = esp_batch_norm(b, "bn", crop(b, esp_conv(b, "conv", x, options), wanted));
    esp_scope_end(b);
    return x;
}

static esp_node align_map(const struct multi_branch *space, esp_builder *b, int sum, esp_node x,
                          uint32_t index, const esp_shape *wanted)
{
    const esp_shape shape = esp_node_shape(b, x);
    const int64_t channels = sum ? wanted->dims[1] : shape.dims[1];
    const int sized = shape.dims[2] == wanted->dims[2] && shape.dims[3] == wanted->dims[3];
    if (space->align == ALIGN_PROJECT)
        return sized && shape.dims[1] == channels ? x : project(b, x, index, wanted, channels);
    if (!sized && space->align == ALIGN_PAD)
        x = esp_pad(b, x, 0, 0, wanted->dims[2] - shape.dims[2], wanted->dims[3] - shape.dims[3]);
    if (!sized && space->align == ALIGN_SUBSAMPLE)
        x = subsample(b, x, wanted);
    return shape.dims[1] == channels ? x : esp_pad_channels(b, x, 0, channels - shape.dims[1]);
}

esp_node merge_maps(const struct multi_branch *space, esp_builder *b, int sum, const esp_node *maps,
                    const uint32_t *indices, uint64_t count)
{
    esp_node aligned[DEPTH_MOST];
    if (count == 1 || esp_tracing(b) || esp_failed(b))
        return maps[0];
    const esp_shape wanted = common_shape(space, b, maps, count);
    for (uint64_t i = 0; i < count; i++)
        aligned[i] = align_map(space, b, sum, maps[i], indices[i], &wanted);
    if (!sum)
        return esp_concat(b, aligned, count);
    for (uint64_t i = 1; i < count; i++)
        aligned[0] = esp_add(b, aligned[0], aligned[i]);
    return aligned[0];
}
