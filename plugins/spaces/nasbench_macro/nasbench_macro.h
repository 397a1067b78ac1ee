// SPDX-License-Identifier: Apache-2.0
// What the parts of the NAS-Bench-Macro space share: its layers and operations, and the abilities that
// put a network into words (notation.c).
#ifndef NASBENCH_MACRO_H
#define NASBENCH_MACRO_H

#include <espalier/ext/space_structure.h>
#include <espalier/ext/space_text.h>
#include <espalier/space.h>

#define LAYER_COUNT 8
#define OPERATION_COUNT 3

// The digits of the notation.
enum operation { IDENTITY, MB3_K3, MB6_K5 };

struct layer {
    const char *path; // of its decision
    unsigned stage;
    int64_t stride; // 2 in the first layer of a stage
};

extern const struct layer layers[LAYER_COUNT];
extern const char *const operation_names[OPERATION_COUNT];

extern const esp_space_text nasbench_macro_text;
extern const esp_space_canonical nasbench_macro_canonical;
extern const esp_space_structure nasbench_macro_structure;

#endif
