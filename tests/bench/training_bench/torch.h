// SPDX-License-Identifier: Apache-2.0
// PyTorch in a process of its own, which answers commands (torch_side.py) and waits in between.
// Functions end the program where an answer is not what it must be.
#ifndef TRAINING_TORCH_H
#define TRAINING_TORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct torch;

// NULL where no Python with torch is found: `python3`, then Debian's. `keep_memory`: its malloc gives
// nothing back to the system. As glibc's malloc comes, PyTorch's tensors come and go as pages of the
// system in each step, which can take longer than the computing.
struct torch *torch_open(bool keep_memory);
void torch_close(struct torch *torch);
const char *torch_version(const struct torch *torch);

// `layout`: nchw or nhwc (channels last). Answers the number of parameters.
uint64_t torch_network(struct torch *torch, const char *name, uint64_t batch, const char *layout);
// Steps `count` times; the seconds of each.
void torch_steps(struct torch *torch, int count, double *cpu, double *wall);
// The losses of `count` steps from `weights`, `images` and `labels` in the folder, raw f32.
void torch_losses(struct torch *torch, const char *folder, int count, double rate, double *losses);
// Resident high-water of its process, bytes.
uint64_t torch_memory(struct torch *torch);

#endif
