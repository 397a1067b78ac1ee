// SPDX-License-Identifier: Apache-2.0
// A builder over one function, for tests: small spaces whose members can be counted by hand, and what
// tests ask of the passes over them.
#ifndef SUPPORT_SPACE_LAB_H
#define SUPPORT_SPACE_LAB_H

#include "builder/builder.h"

#define SEEDS 300 // of a property

// `design` may hold fixes and searched decisions before lab_open, which fills in the rest.
struct lab {
    struct error error;
    struct dictionary *dictionary;
    struct builder *builder;
    struct design design;
    esp_space_type type;
    esp_task task;
    void *self; // the space's instance
    uint64_t instances;
    const esp_value *values; // of searched decisions, as last seen
};

void lab_open(struct lab *lab, esp_status (*build)(void *self, esp_builder *b));
void lab_close(struct lab *lab);

esp_random lab_stream(uint64_t seed);
// A sample of the seed's own stream; the test fails where there is none.
struct arch *lab_sample(struct lab *lab, uint64_t seed);
// The position of a decision, or -1; and its value, which must be there.
int64_t lab_find(struct arch *arch, const char *path);
esp_value lab_value(struct arch *arch, const char *path);
// The value that `arch` has for decision `number` of the dictionary, or NULL.
const esp_value *lab_value_of(const struct arch *arch, uint32_t number);
// The graph's JSON. Owner: the caller.
char *lab_graph_text(struct lab *lab, const struct arch *arch);
// Fails the test where a replay does not give the architecture.
void lab_assert_member(struct lab *lab, const struct arch *arch);

// A child's decisions: those that its parent has too and that differ, those that are equal, and
// those that are new.
struct comparison {
    uint64_t changed, kept, added;
};

struct comparison lab_compare(const struct arch *child, const struct arch *parent);

// What an enumeration visited: hashes, and the values as words: "1,conv,3 1,pool ".
struct visits {
    uint64_t hashes[4096];
    size_t count, stop_after;
    char order[2048];
};

// `self` is a struct visits. ESP_ERROR_CANCELLED at its stop_after-th member.
esp_status visit_member(void *self, struct arch *arch);
// How many of the hashes differ; sorts them.
size_t visits_distinct(struct visits *visits);
int compare_hashes(const void *a, const void *b);

// ---- Spaces -------------------------------------------------------------------------------------

#define CHAIN_OPS 3
extern const int64_t kernels[2];                   // 1, 3
extern const char *const letters[4];               // a, b, c, d
extern const esp_alternative chain_ops[CHAIN_OPS]; // conv (which draws a kernel), pool, identity

esp_node emit_pool(esp_builder *b, esp_node x, const void *argument);
esp_node emit_identity(esp_builder *b, esp_node x, const void *argument);

// 1 to 3 layers of 2 + 1 + 1 variants: 4 + 16 + 64 members.
esp_status build_chain(void *self, esp_builder *b);

// A decision of each kind, and one that depends on another. `self`: the struct drawn it is noted in,
// or NULL.
struct drawn {
    int64_t integer, logarithmic, width, again;
    double real, log_real;
    uint64_t option;
    uint32_t subset[4], subset_count;
    uint32_t inputs[4], input_count;
};

esp_status build_mixed(void *self, esp_builder *b);

// A cell of two edges, drawn once and emitted at three positions.
esp_status build_shared(void *self, esp_builder *b);

// Of 16 pairs the 8 with an even sum; the second is drawn before the first is looked at.
esp_status build_even(void *self, esp_builder *b);

#endif
