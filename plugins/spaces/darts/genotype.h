// SPDX-License-Identifier: Apache-2.0
// The notation of the DARTS code (Liu et al. 2019), read and written:
//
//   Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=[2, 3, 4, 5], reduce=..., ...)
//
// Two pairs (operation, state) a node, state 0 the output of the cell before the last one, 1 that of
// the last one, 2 and on the nodes. Which operations and states there are is the space's to say.
#ifndef GENOTYPE_H
#define GENOTYPE_H

#include <espalier/ext/space_text.h>

#define GENOTYPE_MOST_NODES 8
#define GENOTYPE_MOST_PAIRS (2 * GENOTYPE_MOST_NODES)
#define GENOTYPE_MOST_STATES (2 + GENOTYPE_MOST_NODES)
#define GENOTYPE_NAME_SIZE 32

enum { GENOTYPE_NORMAL, GENOTYPE_REDUCE, GENOTYPE_CELLS };

// The decisions of a cell are shared under these names.
extern const char *const genotype_cell_names[GENOTYPE_CELLS];
// "0", "1", ...: states as sources of esp_choose_inputs.
extern const char *const genotype_state_names[GENOTYPE_MOST_STATES];

struct genotype_pair {
    char name[GENOTYPE_NAME_SIZE];
    uint32_t state;
    uint64_t name_at, state_at; // offsets in the text, for messages
};

struct genotype_cell {
    struct genotype_pair pairs[GENOTYPE_MOST_PAIRS];
    uint64_t pair_count, pairs_at, pairs_end; // where the list begins, and its bracket at the end
    uint32_t concat[GENOTYPE_MOST_STATES];
    uint64_t concat_count, concat_at;
};

struct genotype {
    struct genotype_cell cells[GENOTYPE_CELLS];
};

// Reads the text's form: any blanks and line feeds, either quotes, arguments in any order, commas
// behind the last element, a concat as a list or as range(a, b).
esp_status genotype_read(struct genotype *out, esp_text_reader *reader, const char *text);

// Holds the text to a space of `nodes` nodes: their number, that a node takes earlier states alone, and
// names among `names` (`stride` bytes apart).
esp_status genotype_check(const struct genotype *genotype, esp_text_reader *reader, uint64_t nodes,
                          const char *const *names, uint64_t count, uint64_t stride);

// Writes it in one line, as the DARTS code prints it.
esp_status genotype_write(const struct genotype *genotype, esp_text_writer *writer);

#endif
