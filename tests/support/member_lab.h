// SPDX-License-Identifier: Apache-2.0
// A search space's plugin under test, as an INI names it: its members, their graphs, and what holds
// for every space.
#ifndef SUPPORT_MEMBER_LAB_H
#define SUPPORT_MEMBER_LAB_H

#include "support/session_lab.h"

struct member_lab {
    struct session_lab lab;
    struct builder *builder;
    struct error error;
};

// `ini` begins with [space] and may have a [dataset], a [fix]; no other sections. The default dataset
// has images of 3x32x32 and 10 classes.
void member_lab_open(struct member_lab *lab, const char *ini);
void member_lab_close(struct member_lab *lab);

// The member with these options, "path value" in the order of the trace; it is one. Owner: the caller.
struct arch *member_read(struct member_lab *lab, const char *const *paths,
                         const char *const *values, size_t count);
// The same of JSON, each value as in an architecture's: [["path", 3], ["path", "name"]].
struct arch *member_read_json(struct member_lab *lab, const char *decisions);
struct arch *member_sample(struct member_lab *lab, uint64_t seed);
// Its graph. Owner: the caller.
struct graph *member_graph(struct member_lab *lab, const struct arch *arch);
// Its graph's counts are these.
void member_expect_counts(struct member_lab *lab, const struct arch *arch, uint64_t params,
                          uint64_t macs);

// Its graph has so many operators of that name.
void member_expect_operators(struct member_lab *lab, const struct arch *arch, const char *op,
                             uint64_t count);

// The member that a text of the space's notation stands for. Owner: the caller.
struct arch *member_parse(struct member_lab *lab, const char *text);
// The text does not parse, or is no member, and the message holds `words`, and has a caret
// under this byte of the text (-1: none).
void member_expect_wrong(struct member_lab *lab, const char *text, const char *words,
                         int64_t caret);
// print(parse(text)) is `printed`.
void member_expect_print(struct member_lab *lab, const char *text, const char *printed);
// Members of many seeds survive printing and parsing.
void member_lab_reread(struct member_lab *lab, uint64_t seeds);

// Samples, mutants and children of many seeds are members again, by trace and as a graph.
void member_lab_walk(struct member_lab *lab, uint64_t seeds);

// Members of many seeds train for an epoch on a little synthetic data of this shape, in this process,
// without an error. `ini`: [space] alone.
void member_lab_train(const char *ini, const char *shape, uint64_t seeds);

// The first sample of this INI (as above) is refused, or something before it, in words that hold
// `words`. Its dataset may be `made` (made_dataset.h).
void member_lab_expect_refusal(const char *ini, const char *words);

#endif
