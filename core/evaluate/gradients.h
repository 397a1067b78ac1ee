// SPDX-License-Identifier: Apache-2.0
// Clipping of a program's gradients between backward and apply (estimator.h, esp_program_clip_*): on the
// host's side, through the engine's tensors, so that every engine has it.
#ifndef EVALUATE_GRADIENTS_H
#define EVALUATE_GRADIENTS_H

#include "evaluate/program.h"

esp_status gradients_clip_norm(struct program *program, double most, double *norm);
esp_status gradients_clip_values(struct program *program, double most);

#endif
