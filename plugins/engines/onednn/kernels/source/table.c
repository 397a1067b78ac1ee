// SPDX-License-Identifier: Apache-2.0
// One table, TABLE, of all kernels for vectors of BLOCK floats and the instruction set that the file
// including this one is compiled for.
#include "norm.c"
#include "planes.c"
#include "depthwise.c"
#include "pool.c"
#include "elements.c"
#include "curves.c"
#include "layout.c"
#include "optimizer.c"

const struct kernels TABLE = {
    .name = NAME,
    .block = BLOCK,
    .norm_forward = norm_forward,
    .norm_backward = norm_backward,
    .depthwise_forward = depthwise_forward,
    .depthwise_backward = depthwise_backward,
    .max_forward = max_forward,
    .max_backward = max_backward,
    .average_forward = average_forward,
    .average_backward = average_backward,
    .global_average_forward = global_average_forward,
    .global_average_backward = global_average_backward,
    .sum = sum,
    .relu = relu,
    .relu_gradient = relu_gradient,
    .accumulate = accumulate,
    .multiply = multiply,
    .scale = scale,
    .mask = mask,
    .squares = squares,
    .activate = activate,
    .activate_gradient = activate_gradient,
    .scale_planes = scale_planes,
    .scale_planes_gradient = scale_planes_gradient,
    .scale_samples = scale_samples,
    .block_nchw = block_nchw,
    .unblock_nchw = unblock_nchw,
    .copy_channels = copy_channels,
    .depthwise_pack = depthwise_pack,
    .depthwise_unpack = depthwise_unpack,
    .sgd = update_sgd,
    .adam = update_adam,
};
