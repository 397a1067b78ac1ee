// SPDX-License-Identifier: Apache-2.0
// A module of NAS-Bench-101: a DAG with an operation on each inner vertex, what is left of it when it
// is pruned, how its channels are shared out, and the hash that names it (google-research/nasbench,
// lib/). Nothing here knows of the host.
#ifndef NASBENCH101_MODULE_H
#define NASBENCH101_MODULE_H

#include "md5.h"

#include <stdbool.h>
#include <stdint.h>

// Of the benchmark; a module that is written may have more, as long as they are pruned away.
#define MODULE_VERTICES 7
#define MODULE_EDGES 9
#define MODULE_MOST 32

enum operation { CONV3X3, CONV1X1, MAXPOOL3X3, OPERATION_COUNT };

// Vertex 0 is the input, the last one the output. Edges go from a smaller to a larger number.
struct module {
    unsigned count;                        // of vertices
    uint32_t edges[MODULE_MOST];           // [v]: bit w is an edge from v to w
    enum operation operation[MODULE_MOST]; // [v], of inner vertices
};

static inline bool module_edge(const struct module *module, unsigned from, unsigned to)
{
    return module->edges[from] >> to & 1;
}

unsigned module_edge_count(const struct module *module);

// Drops the vertices that no path from the input to the output passes through; `kept` (room for
// MODULE_MOST, or NULL) are the old numbers of the others. False, and nothing is done: there is no path.
bool module_prune(struct module *module, unsigned *kept);

// The channels of the inner vertices of a pruned module whose output has `output` of them: those with
// an edge to the output share them, the first ones by number get one more where they don't divide;
// the others have as many as the largest of their successors. Writes [count]; the ends get 0.
void module_channels(const struct module *module, int64_t output, int64_t *channels);

// The benchmark's hash of a pruned module of at most MODULE_VERTICES vertices: equal for isomorphic
// ones.
void module_hash(char out[MD5_HEX + 1], const struct module *module);

#endif
