// SPDX-License-Identifier: Apache-2.0
// Motifs: drawn all of them, emitted where they are used. A motif is a recursive function of the
// motifs of the level below; the decisions of each stand once, under its own name (esp_share), and
// hold wherever it is used.
#include "hierarchical.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// ---- Layers -------------------------------------------------------------------------------------

static esp_node normalized(esp_builder *b, esp_node x)
{
    return esp_relu(b, esp_batch_norm(b, "bn", x));
}

esp_node emit_conv(esp_builder *b, const char *scope, esp_node x, int64_t channels, int64_t kernel)
{
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = channels;
    options.kernel = kernel;
    esp_scope(b, scope, -1);
    x = normalized(b, esp_conv(b, "conv", x, options));
    esp_scope_end(b);
    return x;
}

static esp_node depthwise(esp_builder *b, esp_node x, int64_t stride)
{
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = esp_node_shape(b, x).dims[1];
    options.kernel = 3;
    options.stride = stride;
    options.groups = -1;
    return esp_conv(b, "depthwise", x, options);
}

esp_node emit_separable(esp_builder *b, const char *scope, esp_node x, int64_t channels,
                        int64_t stride)
{
    esp_conv_options pointwise = ESP_CONV_OPTIONS_INIT;
    pointwise.channels = channels;
    pointwise.kernel = 1;
    esp_scope(b, scope, -1);
    x = normalized(b, esp_conv(b, "pointwise", depthwise(b, x, stride), pointwise));
    esp_scope_end(b);
    return x;
}

const char *const primitive_names[PRIMITIVE_COUNT] = {
    "conv_1x1", "depthwise_3x3", "sep_conv_3x3", "max_pool_3x3", "avg_pool_3x3", "identity"};

static esp_node emit_primitive(esp_builder *b, uint64_t primitive, esp_node x, int64_t channels)
{
    switch (primitive) {
    case 0:
        return emit_conv(b, "conv", x, channels, 1);
    case 1:
        return normalized(b, depthwise(b, x, 1));
    case 2:
        return emit_separable(b, "conv", x, channels, 1);
    case 3:
        return esp_max_pool(b, x, 3, 1);
    case 4:
        return esp_average_pool(b, x, 3, 1);
    default:
        return esp_unary(b, "Identity", x);
    }
}

// ---- The choices of an edge ---------------------------------------------------------------------

// What the alternatives of an edge are given. While motifs are drawn, `taken` is where a choice is
// noted; while they are emitted, it is NULL.
struct edge {
    const struct hierarchical *space;
    const struct drawn *drawn;
    int64_t level, channels;
    uint32_t *taken;
};

static esp_node emit_choice(esp_builder *b, esp_node x, const void *argument, unsigned choice)
{
    const struct edge *edge = argument;
    if (edge->taken) {
        *edge->taken |= 1u << choice;
        return x;
    }
    // Of an edge that is emitted `none` is one of all choices: relaxed.
    if (choice == NONE)
        return esp_none(b, x, 1);
    if (edge->level == 0)
        return emit_primitive(b, edge->space->primitives[choice - 1], x, edge->channels);
    return motif_emit(edge->space, b, edge->drawn, edge->level - 1, choice - 1, edge->channels, x);
}

// An alternative does not know which one it is, so each has a function.
#define CHOICE(i)                                                                                  \
    static esp_node emit_choice_##i(esp_builder *b, esp_node x, const void *argument)              \
    {                                                                                              \
        return emit_choice(b, x, argument, i);                                                     \
    }
CHOICE(0)
CHOICE(1)
CHOICE(2)
CHOICE(3)
CHOICE(4)
CHOICE(5)
CHOICE(6)
CHOICE(7)
CHOICE(8)
CHOICE(9)
CHOICE(10)
CHOICE(11)
CHOICE(12)
CHOICE(13)
CHOICE(14)
CHOICE(15)
CHOICE(16)

static const esp_alternative motif_choices[CHOICES_MOST] = {
    ESP_ALTERNATIVE("none", emit_choice_0),      ESP_ALTERNATIVE("motif_0", emit_choice_1),
    ESP_ALTERNATIVE("motif_1", emit_choice_2),   ESP_ALTERNATIVE("motif_2", emit_choice_3),
    ESP_ALTERNATIVE("motif_3", emit_choice_4),   ESP_ALTERNATIVE("motif_4", emit_choice_5),
    ESP_ALTERNATIVE("motif_5", emit_choice_6),   ESP_ALTERNATIVE("motif_6", emit_choice_7),
    ESP_ALTERNATIVE("motif_7", emit_choice_8),   ESP_ALTERNATIVE("motif_8", emit_choice_9),
    ESP_ALTERNATIVE("motif_9", emit_choice_10),  ESP_ALTERNATIVE("motif_10", emit_choice_11),
    ESP_ALTERNATIVE("motif_11", emit_choice_12), ESP_ALTERNATIVE("motif_12", emit_choice_13),
    ESP_ALTERNATIVE("motif_13", emit_choice_14), ESP_ALTERNATIVE("motif_14", emit_choice_15),
    ESP_ALTERNATIVE("motif_15", emit_choice_16),
};

void levels_prepare(struct hierarchical *space)
{
    for (int i = 1, edge = 0; i < NODES_MOST; i++)
        for (int j = 0; j < i; j++, edge++)
            snprintf(space->edge_names[edge], EDGE_NAME_SIZE, "%d-%d", j, i);
    for (int64_t l = 0; l < space->level_count; l++) {
        struct level *level = &space->levels[l];
        level->edges = level->nodes * (level->nodes - 1) / 2;
        level->choice_count =
            1 + (l == 0 ? space->primitive_count : (uint64_t)space->levels[l - 1].motifs);
        for (uint64_t i = 0; i < level->choice_count; i++) {
            level->choices[i] = motif_choices[i];
            if (l == 0 && i > 0)
                level->choices[i].name = primitive_names[space->primitives[i - 1]];
        }
        for (int m = 0; m < level->motifs; m++)
            snprintf(level->names[m], MOTIF_NAME_SIZE, "level%d-motif%d", (int)l + 2, m);
    }
}

// ---- What is alive ------------------------------------------------------------------------------

// Which nodes stand on a path from the first to the last; the first stands on none if there is none.
static void nodes_alive(const struct level *level, const uint32_t taken[EDGES_MOST], uint32_t alive,
                        bool nodes[NODES_MOST])
{
    bool begun[NODES_MOST] = {true};
    for (int64_t i = 1, edge = 0; i < level->nodes; i++)
        for (int64_t j = 0; j < i; j++, edge++)
            begun[i] |= begun[j] && (taken[edge] & alive);
    memset(nodes, 0, NODES_MOST * sizeof *nodes);
    nodes[level->nodes - 1] = begun[level->nodes - 1];
    for (int64_t i = level->nodes - 1, edge = level->edges - 1; i > 0; i--)
        for (int64_t j = i - 1; j >= 0; j--, edge--)
            nodes[j] |= nodes[i] && begun[j] && (taken[edge] & alive);
}

// ---- Drawing and emitting -----------------------------------------------------------------------

void motifs_draw(const struct hierarchical *space, esp_builder *b, struct drawn *drawn)
{
    const esp_node x = esp_input(b);
    drawn->alive[0] = ~1u; // all primitives
    for (int64_t l = 0; l < space->level_count; l++) {
        const struct level *level = &space->levels[l];
        drawn->alive[l + 1] = 0;
        for (int64_t m = 0; m < level->motifs; m++) {
            bool nodes[NODES_MOST];
            esp_share(b, level->names[m]);
            for (int64_t e = 0; e < level->edges; e++) {
                struct edge edge = {space, drawn, l, 0, &drawn->taken[l][m][e]};
                *edge.taken = 0;
                esp_choose_op(b, space->edge_names[e], x, level->choices, level->choice_count,
                              &edge);
            }
            esp_scope_end(b);
            nodes_alive(level, drawn->taken[l][m], drawn->alive[l], nodes);
            if (nodes[0])
                drawn->alive[l + 1] |= 2u << m;
        }
    }
}

static esp_node merge(const struct hierarchical *space, esp_builder *b, const esp_node *inputs,
                      uint64_t count)
{
    esp_node x = inputs[0];
    if (count > 1 && space->concat)
        return esp_concat(b, inputs, count);
    for (uint64_t i = 1; i < count; i++)
        x = esp_add(b, x, inputs[i]);
    return x;
}

esp_node motif_emit(const struct hierarchical *space, esp_builder *b, const struct drawn *drawn,
                    int64_t l, int64_t motif, int64_t channels, esp_node x)
{
    const struct level *level = &space->levels[l];
    const uint32_t *taken = drawn->taken[l][motif];
    const struct edge argument = {space, drawn, l, channels, NULL};
    bool alive[NODES_MOST];
    esp_node nodes[NODES_MOST] = {x}, inputs[NODES_MOST];
    int64_t entering = esp_node_shape(b, x).dims[1];
    nodes_alive(level, taken, drawn->alive[l], alive);
    esp_share(b, level->names[motif]);
    for (int64_t i = 1, edge = 0; i < level->nodes; i++) {
        uint64_t count = 0;
        for (int64_t j = 0; j < i; j++, edge++)
            if (alive[i] && alive[j] && (taken[edge] & drawn->alive[l]))
                inputs[count++] = esp_choose_op(b, space->edge_names[edge], nodes[j],
                                                level->choices, level->choice_count, &argument);
        if (count > 0)
            nodes[i] = merge(space, b, inputs, count);
    }
    x = nodes[level->nodes - 1];
    if (l == 0 || l < space->level_count - 1)
        x = emit_conv(b, "end", x, entering, 1);
    esp_scope_end(b);
    return x;
}
