// SPDX-License-Identifier: Apache-2.0
// A graph from a line of text, for tables of test cases:
//
//   x = Input 3x8x8; a = Conv x channels=4 kernel_shape=3,3; b = Relu a; c = Add a b
//
// One operator a statement: its name (its path), the operator, its inputs, its attributes as hand.h
// has them. `out a c` names the outputs; without it the last
// operator is the output. Shapes are those of a sample.
#ifndef SUPPORT_SKETCH_H
#define SUPPORT_SKETCH_H

#include "graph/graph.h"

// The finished graph. What does not fit ends the test. Owner: the caller (graph_destroy).
struct graph *sketch_read(const char *text);

#endif
