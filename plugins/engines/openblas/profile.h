// SPDX-License-Identifier: Apache-2.0
// The ability esp.engine.profile/1: what each operator of a program takes.
#ifndef OPENBLAS_PROFILE_H
#define OPENBLAS_PROFILE_H

#include "program.h"

#include <espalier/ext/engine_profile.h>

extern const esp_engine_profile profile_ability;

// Calls the operator's row, and times it where the program is profiled.
void op_forward(struct program *program, struct op *op);
void op_backward(struct program *program, struct op *op);

#endif
