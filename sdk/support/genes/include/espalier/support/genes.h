// SPDX-License-Identifier: Apache-2.0
// Genomes of NEAT (Stanley and Miikkulainen 2002, "Evolving neural networks through augmenting
// topologies"): connection genes with historical markings, the byte form `neat/1` that the space `neat`
// gives its architectures (ext/space_genome.h), what varies them, and the network that they stand for.
//
// Nodes have numbers: 0 .. inputs - 1 the inputs, `inputs` the bias, then the outputs, then hidden ones
// with any larger numbers. Nothing here draws from anything but the stream that is given.
#ifndef ESPALIER_SUPPORT_GENES_H
#define ESPALIER_SUPPORT_GENES_H

#include <espalier/random.h>
#include <espalier/status.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ESP_GENES_FORM "neat/1"
#define ESP_GENES_MOST_PORTS 4096 // inputs, and outputs
#define ESP_GENES_MOST_HIDDEN 65536
#define ESP_GENES_MOST 1048576

// One connection.
typedef struct esp_gene {
    uint64_t innovation; // its historical marking
    uint64_t from, to;   // nodes
    double weight;       // finite
    uint32_t enabled;    // 0 or 1
    uint32_t recurrent;  // 1: it was added as one that goes back in time
} esp_gene;

// A genome. `hidden` ascends, `genes` ascend by their innovation; no two genes have the same ends and the
// same `recurrent`. Owner of the arrays: whoever made it (esp_genes_free); all zero is an empty one.
typedef struct esp_genes {
    uint32_t inputs, outputs;
    double bias; // what the bias gives; 0: there is none, and no gene comes from it
    uint64_t *hidden;
    uint64_t hidden_count, hidden_capacity;
    esp_gene *genes;
    uint64_t count, capacity;
} esp_genes;

static inline uint64_t esp_genes_bias(const esp_genes *genes)
{
    return genes->inputs;
}

static inline uint64_t esp_genes_output(const esp_genes *genes, uint32_t output)
{
    return (uint64_t)genes->inputs + 1 + output;
}

// The smallest number that a hidden node may have.
static inline uint64_t esp_genes_first_hidden(const esp_genes *genes)
{
    return (uint64_t)genes->inputs + 1 + genes->outputs;
}

// ---- The form (form.c) --------------------------------------------------------------------------

void esp_genes_free(esp_genes *genes);
// ESP_ERROR_MEMORY leaves `to` empty.
esp_status esp_genes_copy(esp_genes *to, const esp_genes *from);

// Reads the byte form. What is none is ESP_ERROR_INVALID, with words in `reason` (of `size` bytes); `out` is
// empty then.
esp_status esp_genes_read(esp_genes *out, const void *bytes, uint64_t byte_count, char *reason,
                          size_t size);
// The length of the byte form, and the form itself in a room of that length.
uint64_t esp_genes_size(const esp_genes *genes);
void esp_genes_write(const esp_genes *genes, void *bytes);

// Adds a hidden node, or a gene in its place. ESP_ERROR_INVALID where it stands already.
esp_status esp_genes_add_hidden(esp_genes *genes, uint64_t node);
esp_status esp_genes_add(esp_genes *genes, const esp_gene *gene);

// The place of a hidden node among those, which stand by number; of one that is not there, where it would.
uint64_t esp_genes_hidden_place(const esp_genes *genes, uint64_t node);
// Is it one of the nodes? Can a gene end in it?
int esp_genes_has_node(const esp_genes *genes, uint64_t node);
// The gene between two nodes, or NULL.
esp_gene *esp_genes_find(const esp_genes *genes, uint64_t from, uint64_t to, uint32_t recurrent);

// ---- Historical markings (markings.c) -----------------------------------------------------------

// The same structural change gets the same numbers. Two ways: numbers counted up, with a list of what was
// new since esp_markings_clear (the paper's, once a generation); or, where `counted` is 0, numbers made of
// the change itself, which need no list and are the same in any process.
typedef struct esp_markings {
    uint32_t counted, reserved;
    uint64_t next_innovation, next_node;
    struct esp_marking *list;
    uint64_t count, capacity;
} esp_markings;

void esp_markings_free(esp_markings *markings);
void esp_markings_clear(esp_markings *markings);
// Makes later numbers larger than those of `genes`.
void esp_markings_above(esp_markings *markings, const esp_genes *genes);

// ---- Variation (vary.c) -------------------------------------------------------------------------
// ESP_OK, also where there was nothing to change: `*changed` says it, where it is given.

// All inputs and the bias to each output, weights U(-1, 1), innovations from 0 on, no hidden node.
esp_status esp_genes_minimal(esp_genes *out, uint32_t inputs, uint32_t outputs, double bias,
                             esp_random *random);

// Weights as the authors' program 1.2.1 changes them: by a coin for the whole genome either severely (70 %
// of the genes + U(-power, power), 20 % replaced by such a number, 10 % kept) or not (all perturbed; with
// ten genes or more, of the last fifth 50 % perturbed, 20 % kept and 30 % replaced, as those are the
// youngest). Kept within +-limit.
void esp_genes_change_weights(esp_genes *genes, double power, double limit, esp_random *random);

// As the paper says it: each weight perturbed with 0.9, else new.
void esp_genes_change_weights_plainly(esp_genes *genes, double power, double limit,
                                      esp_random *random);

// A new connection between nodes drawn at random, in at most `tries` draws; its weight U(-1, 1), or, where
// another genome got the same one since the markings were cleared, that one's. With the chance
// `recurrent` it goes back in time, else not.
typedef struct esp_link_settings {
    uint64_t tries;
    double recurrent; // chance of a link that goes back
    double loop;      // of those, the share from a node to itself
} esp_link_settings;
esp_status esp_genes_add_link(esp_genes *genes, esp_markings *markings,
                              const esp_link_settings *settings, esp_random *random,
                              uint32_t *changed);

// Splits an enabled connection, drawn at random, by a new node: the first half has the weight 1, the second
// the old one's, which is disabled. `split_bias` 0: no connection from the bias.
esp_status esp_genes_add_node(esp_genes *genes, esp_markings *markings, uint32_t split_bias,
                              esp_random *random, uint32_t *changed);

// Turns one gene on or off; the one that is off is not the last way out of its source.
void esp_genes_toggle(esp_genes *genes, esp_random *random);
// Enables the first disabled gene.
void esp_genes_reenable(esp_genes *genes);

// A child: matching genes of either parent by chance, or with `average` their mean weight; disjoint and
// excess ones of the fitter (`a_is_fitter`). A gene disabled in either is disabled with 0.75. One that
// joins nodes which another gene of the child joins already, this way or the other, is left out.
esp_status esp_genes_cross(esp_genes *out, const esp_genes *a, const esp_genes *b,
                           uint32_t a_is_fitter, uint32_t average, esp_random *random);

// excess c1 + disjoint c2 + mean weight difference of matching genes c3.
double esp_genes_distance(const esp_genes *a, const esp_genes *b, double excess, double disjoint,
                          double weight);

// ---- The network (network.c) --------------------------------------------------------------------

// The network of a genome's enabled genes. Nodes stand in the order inputs, bias, outputs, hidden.
// A node without any active way from an input gives nothing.
typedef struct esp_neat_network {
    uint32_t inputs, outputs;
    uint32_t node_count;
    uint32_t feed_forward; // 1: there is no cycle
    uint32_t depth;        // the longest way, in connections; of a network with cycles 10
    uint32_t sorted;       // how many of `order` are known: all but those in and behind cycles
    double bias;
    uint32_t *first;  // [node_count + 1]: the links into each node
    uint32_t *source; // [links]
    double *weight;   // [links]
    uint32_t *order;  // [sorted]: each behind its sources
    double *value;    // [node_count]
    double *sum;      // [node_count]
    uint32_t *state;  // [node_count]: 1: a signal came in; 2: it gave a value
} esp_neat_network;

// 1 / (1 + exp(-4.924273 x)), of Stanley and Miikkulainen 2002, after which 0.5 is steep.
double esp_neat_sigmoid(double x);
#define ESP_NEAT_SLOPE 4.924273

esp_status esp_neat_network_create(esp_neat_network *out, const esp_genes *genes);
void esp_neat_network_free(esp_neat_network *network);

// Forgets all activity.
void esp_neat_network_flush(esp_neat_network *network);

// One pass: every node takes what its sources gave in the pass before. Until each output has given a
// value (in the first passes after a flush) passes are repeated, 20 at most: then 0, and outputs are off.
uint32_t esp_neat_network_activate(esp_neat_network *network, const double *inputs);

static inline double esp_neat_network_output(const esp_neat_network *network, uint32_t output)
{
    return network->value[network->inputs + 1 + output];
}

#ifdef __cplusplus
}
#endif

#endif
