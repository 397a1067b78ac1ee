// SPDX-License-Identifier: Apache-2.0
// A graph as a drawing for Graphviz. The scopes of the weight paths are nested clusters: nodes are
// sorted by scope, and clusters opened and closed as the scopes of neighbours differ.
#include "graph/graph.h"
#include "graph/operators.h"
#include "text/quoted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A node with the scope part of its path: what stands before the last '/'.
struct drawn {
    const esp_graph_node *node;
    uint64_t index;
    size_t scope; // its length
};

static struct drawn draw(const esp_graph *graph, uint64_t i)
{
    struct drawn drawn = {esp_graph_get(graph, i), i, 0};
    const char *slash = strrchr(drawn.node->path, '/');
    drawn.scope = slash ? (size_t)(slash - drawn.node->path) : 0;
    return drawn;
}

// A scope stands before those within it, and those before its neighbours: '/' is the least sign.
static int compare(const void *left, const void *right)
{
    const struct drawn *a = left, *b = right;
    size_t i = 0;
    while (i < a->scope && i < b->scope && a->node->path[i] == b->node->path[i])
        i++;
    int x = i == a->scope ? -1 : a->node->path[i] == '/' ? 0 : (unsigned char)a->node->path[i];
    int y = i == b->scope ? -1 : b->node->path[i] == '/' ? 0 : (unsigned char)b->node->path[i];
    if (x != y)
        return x < y ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

// ---- Clusters ---------------------------------------------------------------------------------

// The length of the scopes that two nodes have in common.
static size_t common_scope(const struct drawn *a, const struct drawn *b)
{
    size_t last = 0;
    for (size_t i = 0;; i++) {
        bool a_ends = i == a->scope || a->node->path[i] == '/';
        bool b_ends = i == b->scope || b->node->path[i] == '/';
        if (a_ends && b_ends)
            last = i;
        if (i == a->scope || i == b->scope || a->node->path[i] != b->node->path[i])
            return last;
    }
}

// Closes those of `drawn` beyond its first `kept` characters.
static void close_clusters(FILE *file, const struct drawn *drawn, size_t kept)
{
    if (drawn->scope == kept)
        return;
    for (size_t i = kept ? kept + 1 : 0; i < drawn->scope; i++)
        if (drawn->node->path[i] == '/')
            fputs("}\n", file);
    fputs("}\n", file);
}

static void open_clusters(FILE *file, const struct drawn *drawn, size_t kept, uint64_t *number)
{
    const char *path = drawn->node->path;
    size_t begin = kept ? kept + 1 : 0;
    for (size_t i = begin; drawn->scope > kept && i <= drawn->scope; i++) {
        if (i < drawn->scope && path[i] != '/')
            continue;
        fprintf(file, "subgraph cluster_%llu {\nlabel=\"", (unsigned long long)(*number)++);
        write_quoted(file, path + begin, i - begin);
        fputs("\";\nstyle=rounded;\ncolor=gray60;\nfontcolor=gray30;\n", file);
        begin = i + 1;
    }
}

// ---- Nodes ------------------------------------------------------------------------------------

static int64_t integer(const esp_graph_node *node, const char *name, int64_t otherwise)
{
    const esp_attribute *attribute = esp_graph_attribute(node, name);
    return attribute ? attribute->integer : otherwise;
}

// A line "stride 2" or "strides 1 2", where it is not 1 in both directions.
static void write_pair(FILE *file, const esp_graph_node *node, const char *name)
{
    const esp_attribute *pair = esp_graph_attribute(node, name);
    if (!pair || pair->count != 2 || (pair->ints[0] == 1 && pair->ints[1] == 1))
        return;
    if (pair->ints[0] == pair->ints[1])
        fprintf(file, "\\n%.*s %lld", (int)strlen(name) - 1, name, (long long)pair->ints[0]);
    else
        fprintf(file, "\\n%s %lld %lld", name, (long long)pair->ints[0], (long long)pair->ints[1]);
}

// Pale tints of colours that colour-blind readers can tell apart.
static const char *fill(const char *op)
{
    if (strcmp(op, "Conv") == 0 || strcmp(op, "Gemm") == 0 || strcmp(op, "MatMul") == 0)
        return "#cfe6f5";
    if (strstr(op, "Pool"))
        return "#fbe3b8";
    if (strcmp(op, "Add") == 0 || strcmp(op, "Concat") == 0 || strcmp(op, "Choice") == 0)
        return "#cdebdf";
    return "white";
}

// The label: operator and kernel, channels, what differs from the plain form, the output's shape.
static void write_node(FILE *file, const struct drawn *drawn)
{
    const esp_graph_node *node = drawn->node;
    char shape[SHAPE_WORDS_SIZE];
    shape_words(shape, sizeof shape, &node->shape);
    fprintf(file, "n%llu [label=\"%s", (unsigned long long)drawn->index, node->op);
    const esp_attribute *kernel = esp_graph_attribute(node, "kernel_shape");
    if (kernel && kernel->count == 2)
        fprintf(file, " %lldx%lld", (long long)kernel->ints[0], (long long)kernel->ints[1]);
    if (integer(node, "channels", 0) > 0)
        fprintf(file, "\\n%lld channels", (long long)integer(node, "channels", 0));
    if (integer(node, "group", 1) > 1)
        fprintf(file, "\\n%lld groups", (long long)integer(node, "group", 1));
    write_pair(file, node, "strides");
    write_pair(file, node, "dilations");
    fprintf(file, "\\n%s\", fillcolor=\"%s\", tooltip=\"", shape, fill(node->op));
    write_quoted(file, node->path, strlen(node->path));
    fputs("\"];\n", file);
}

static void write_edges(FILE *file, const esp_graph *graph)
{
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        for (uint64_t j = 0; j < node->input_count; j++)
            fprintf(file, "n%u -> n%llu;\n", node->inputs[j], (unsigned long long)i);
    }
    for (uint64_t i = 0; i < esp_graph_output_count(graph); i++)
        fprintf(file,
                "output_%llu [label=\"output %llu\", shape=plaintext];\n"
                "n%u -> output_%llu;\n",
                (unsigned long long)i, (unsigned long long)i, esp_graph_output(graph, i),
                (unsigned long long)i);
}

char *graph_dot(const esp_graph *graph, const char *title, struct error *error)
{
    uint64_t count = esp_graph_node_count(graph), clusters = 0;
    char *text = NULL;
    size_t size = 0;
    struct drawn *drawn = calloc(count + 1, sizeof *drawn);
    FILE *file = drawn ? open_memstream(&text, &size) : NULL;
    if (!file) {
        free(drawn);
        error_memory(error);
        return NULL;
    }
    for (uint64_t i = 0; i < count; i++)
        drawn[i] = draw(graph, i);
    qsort(drawn, count, sizeof *drawn, compare);
    fputs("digraph network {\nlabel=\"", file);
    write_quoted(file, title, strlen(title));
    fputs("\";\nlabelloc=t;\nnode [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\"];\n",
          file);
    for (uint64_t i = 0; i < count; i++) {
        size_t kept = i > 0 ? common_scope(&drawn[i - 1], &drawn[i]) : 0;
        if (i > 0)
            close_clusters(file, &drawn[i - 1], kept);
        open_clusters(file, &drawn[i], kept, &clusters);
        write_node(file, &drawn[i]);
    }
    if (count > 0)
        close_clusters(file, &drawn[count - 1], 0);
    write_edges(file, graph);
    fputs("}\n", file);
    free(drawn);
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed) {
        error_memory(error);
        free(text);
        return NULL;
    }
    return text;
}
