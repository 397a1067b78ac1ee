// SPDX-License-Identifier: Apache-2.0
// Graphs from text.
#include "support/sketch.h"

#include "support/hand.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_NODES 256
#define MOST_WORDS 32

struct sketch {
    struct graph *graph;
    char *names[MOST_NODES];
    uint32_t nodes[MOST_NODES];
    uint64_t count;
    bool has_output;
    struct error error;
};

static uint32_t node_of(const struct sketch *sketch, const char *name)
{
    for (uint64_t i = 0; i < sketch->count; i++)
        if (strcmp(sketch->names[i], name) == 0)
            return sketch->nodes[i];
    cr_assert_fail("there is no '%s' before it", name);
    return GRAPH_NO_NODE;
}

static uint32_t add_input(struct sketch *sketch, const char *name, const char *sizes)
{
    esp_shape shape = {.rank = 1, .dims = {ESP_BATCH}};
    for (const char *at = sizes; at; at = strchr(at, 'x') ? strchr(at, 'x') + 1 : NULL) {
        cr_assert_lt(shape.rank, ESP_MAX_RANK);
        shape.dims[shape.rank++] = atoll(at);
    }
    return graph_add_input(sketch->graph, name, &shape, &sketch->error);
}

static uint32_t add_operator(struct sketch *sketch, char **words, uint64_t count)
{
    uint32_t inputs[MOST_WORDS];
    char attributes[256] = "";
    uint64_t input_count = 0;
    size_t used = 0;
    for (uint64_t i = 3; i < count; i++) {
        if (strchr(words[i], '='))
            used += (size_t)snprintf(attributes + used, sizeof attributes - used, "%s%s",
                                     used ? " " : "", words[i]);
        else
            inputs[input_count++] = node_of(sketch, words[i]);
        cr_assert_lt(used, sizeof attributes);
    }
    return hand_try_add(sketch->graph, "", words[0], words[2], inputs, input_count, attributes,
                        &sketch->error);
}

static void read_statement(struct sketch *sketch, char *statement)
{
    char *words[MOST_WORDS], *rest = statement;
    uint64_t count = 0;
    for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL; words[count++] = word)
        cr_assert_lt(count, MOST_WORDS);
    if (count == 0)
        return;
    if (strcmp(words[0], "out") == 0) {
        for (uint64_t i = 1; i < count; i++)
            cr_assert_eq(graph_add_output(sketch->graph, node_of(sketch, words[i]), &sketch->error),
                         ESP_OK);
        sketch->has_output = true;
        return;
    }
    cr_assert(count >= 3 && strcmp(words[1], "=") == 0 && sketch->count < MOST_NODES,
              "expected 'name = Operator ...' at '%s'", words[0]);
    uint32_t node = strcmp(words[2], "Input") == 0 ? add_input(sketch, words[0], words[3])
                                                   : add_operator(sketch, words, count);
    cr_assert_neq(node, GRAPH_NO_NODE, "%s", sketch->error.message);
    sketch->names[sketch->count] = words[0];
    sketch->nodes[sketch->count++] = node;
}

struct graph *sketch_read(const char *text)
{
    struct sketch sketch = {.graph = graph_create()};
    char *copy = strdup(text), *rest = copy;
    cr_assert(sketch.graph && copy);
    for (char *statement; (statement = strtok_r(rest, ";", &rest)) != NULL;)
        read_statement(&sketch, statement);
    cr_assert_gt(sketch.count, 0);
    if (!sketch.has_output)
        cr_assert_eq(graph_add_output(sketch.graph, sketch.nodes[sketch.count - 1], &sketch.error),
                     ESP_OK);
    cr_assert_eq(graph_finish(sketch.graph, &sketch.error), ESP_OK, "%s", sketch.error.message);
    free(copy);
    return sketch.graph;
}
