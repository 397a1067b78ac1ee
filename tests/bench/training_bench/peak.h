// SPDX-License-Identifier: Apache-2.0
// The most that one core of this machine can multiply and add.
#ifndef TRAINING_PEAK_H
#define TRAINING_PEAK_H

// The widest instructions that are used: AVX-512, AVX2, or plain C.
const char *peak_instructions(void);

// Operations a second of f32 (2 a fused multiply-add) in `seconds` of processor time, of
// multiply-adds that depend on no memory and not on each other.
double peak_measure(double seconds);

#endif
