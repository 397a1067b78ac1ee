// SPDX-License-Identifier: Apache-2.0
// A whole model of ONNX computed node by node: what the platform has as an operator by an engine (run.h),
// the rest (arithmetic that broadcasts, what shapes are made with) by plain loops.
#ifndef ONNX_WALK_H
#define ONNX_WALK_H

#include "run.h"

// Computes the model's first output from its one input, [batch, ...]. False with words in `why`. Owner of
// `out->data`: the caller (free).
bool model_walk(struct engine *engine, const Onnx__ModelProto *model, const float *input,
                int64_t batch, struct tensor *out, char *why, size_t size);

#endif
