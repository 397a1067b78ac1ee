// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions: the part of Conv whose groups are single channels.
#ifndef OPENBLAS_DEPTHWISE_H
#define OPENBLAS_DEPTHWISE_H

#include "program.h"

// The op's planes are there. False: out of memory.
bool depthwise_prepare(struct program *program, struct op *op);
// The bias is added; its gradient is not made.
void depthwise_forward(struct program *program, struct op *op);
// Adds to the weight's gradient, and sets or adds to that of the input where there is one.
void depthwise_backward(struct program *program, struct op *op, bool set);

#endif
