// SPDX-License-Identifier: Apache-2.0
// What a node says: attributes with ONNX's defaults, and windows of convolutions and pools.
#include "program.h"

#include <string.h>

int64_t attribute_int(const esp_graph_node *node, const char *name, int64_t missing)
{
    const esp_attribute *found = esp_graph_attribute(node, name);
    return found ? found->integer : missing;
}

double attribute_real(const esp_graph_node *node, const char *name, double missing)
{
    const esp_attribute *found = esp_graph_attribute(node, name);
    return found ? found->real : missing;
}

static bool is_in_list(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL)
        if (strncmp(at, name, length) == 0 && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

esp_status attributes_check(const struct op_type *type, const esp_graph_node *node, esp_call *call)
{
    const char *row = (const char *)node->attributes;
    for (uint64_t i = 0; i < node->attribute_count; i++, row += node->attribute_stride) {
        const esp_attribute *attribute = (const esp_attribute *)(const void *)row;
        if (!is_in_list(type->attributes, attribute->name))
            return esp_fail(call, ESP_ERROR_UNSUPPORTED,
                            "'%s': the engine " ENGINE_ID " does not know the attribute %s of %s",
                            node->path, attribute->name, node->op);
    }
    return ESP_OK;
}

static int64_t list_at(const esp_graph_node *node, const char *name, uint64_t i, int64_t missing)
{
    const esp_attribute *found = esp_graph_attribute(node, name);
    return found && i < found->count ? found->ints[i] : missing;
}

// The kernel that is missing is that of the weight [M, C, height, width].
static int64_t kernel_at(const esp_graph_node *node, uint64_t i)
{
    int64_t missing = node->weight_count ? node->weights[0].shape.dims[2 + i] : 1;
    return list_at(node, "kernel_shape", i, missing);
}

// What the places of SAME need; the odd one goes to the end, or with `lower` to the beginning.
static void pad_same(int64_t out, int64_t size, int64_t stride, int64_t extent, bool lower,
                     int64_t *begin, int64_t *end)
{
    int64_t need = (out - 1) * stride + extent - size;
    need = need > 0 ? need : 0;
    *begin = lower ? need - need / 2 : need / 2;
    *end = need - *begin;
}

esp_status window_of_node(struct window *w, const esp_graph_node *node, const esp_shape *input,
                          esp_call *call)
{
    const esp_attribute *auto_pad = esp_graph_attribute(node, "auto_pad");
    const char *form = auto_pad && auto_pad->text ? auto_pad->text : "NOTSET";
    bool set = strcmp(form, "NOTSET") == 0;
    bool upper = strcmp(form, "SAME_UPPER") == 0, lower = strcmp(form, "SAME_LOWER") == 0;
    if (input->rank != 4)
        return esp_fail(call, ESP_ERROR_UNSUPPORTED,
                        "'%s': the engine " ENGINE_ID " has %s for images [N, C, H, W] alone",
                        node->path, node->op);
    if (!set && !upper && !lower && strcmp(form, "VALID") != 0)
        return esp_fail(call, ESP_ERROR_UNSUPPORTED, "'%s': there is no auto_pad %s", node->path,
                        form);
    w->channels = input->dims[1];
    w->height = input->dims[2];
    w->width = input->dims[3];
    w->out_channels = node->shape.dims[1];
    w->out_height = node->shape.dims[2];
    w->out_width = node->shape.dims[3];
    w->kernel_h = kernel_at(node, 0);
    w->kernel_w = kernel_at(node, 1);
    w->stride_h = list_at(node, "strides", 0, 1);
    w->stride_w = list_at(node, "strides", 1, 1);
    w->dilation_h = list_at(node, "dilations", 0, 1);
    w->dilation_w = list_at(node, "dilations", 1, 1);
    w->pad_top = set ? list_at(node, "pads", 0, 0) : 0;
    w->pad_left = set ? list_at(node, "pads", 1, 0) : 0;
    w->pad_bottom = set ? list_at(node, "pads", 2, 0) : 0;
    w->pad_right = set ? list_at(node, "pads", 3, 0) : 0;
    if (upper || lower) {
        pad_same(w->out_height, w->height, w->stride_h, (w->kernel_h - 1) * w->dilation_h + 1,
                 lower, &w->pad_top, &w->pad_bottom);
        pad_same(w->out_width, w->width, w->stride_w, (w->kernel_w - 1) * w->dilation_w + 1, lower,
                 &w->pad_left, &w->pad_right);
    }
    w->groups = attribute_int(node, "group", 1);
    w->count_padding = attribute_int(node, "count_include_pad", 0) != 0;
    return ESP_OK;
}
