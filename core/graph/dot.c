// SPDX-License-Identifier: Apache-2.0
// A graph as a drawing for Graphviz. The scopes of the weight paths are nested clusters: nodes are
// written in their order, and clusters opened and closed as their paths differ.
#include "graph/graph.h"
#include "graph/operators.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Text inside double quotes.
static void write_quoted(FILE *file, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', file);
        fputc(*text == '\n' ? ' ' : *text, file);
    }
}

// The length of the scope part of a path: what stands before the last '/'.
static size_t scope_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

// How many scopes two paths begin with alike, and how many characters those have.
static size_t common_scopes(const char *a, size_t a_length, const char *b, size_t b_length,
                            size_t *depth)
{
    size_t last = 0;
    *depth = 0;
    for (size_t i = 0;; i++) {
        bool a_ends = i == a_length || a[i] == '/', b_ends = i == b_length || b[i] == '/';
        if (i > 0 && a_ends && b_ends) {
            last = i;
            ++*depth;
        }
        if (i >= a_length || i >= b_length || a[i] != b[i])
            return last;
    }
}

static size_t scope_depth(const char *path, size_t length)
{
    size_t depth = length > 0;
    for (size_t i = 0; i < length; i++)
        depth += path[i] == '/';
    return depth;
}

static void open_clusters(FILE *file, const char *path, size_t from, size_t length, int *number)
{
    size_t begin = from ? from + 1 : 0;
    for (size_t i = begin; i <= length && length > from; i++) {
        if (i != length && path[i] != '/')
            continue;
        fprintf(file, "subgraph cluster_%d {\nlabel=\"", (*number)++);
        char part[256];
        snprintf(part, sizeof part, "%.*s", (int)(i - begin), path + begin);
        write_quoted(file, part);
        fprintf(file, "\";\nstyle=rounded;\ncolor=gray60;\nfontcolor=gray30;\n");
        begin = i + 1;
    }
}

static void write_node(FILE *file, uint64_t i, const esp_graph_node *node)
{
    char shape[96];
    shape_words(shape, sizeof shape, &node->shape);
    fprintf(file, "n%llu [label=\"%s", (unsigned long long)i, node->op);
    const esp_attribute *kernel = esp_graph_attribute(node, "kernel_shape");
    const esp_attribute *strides = esp_graph_attribute(node, "strides");
    if (kernel && kernel->count == 2)
        fprintf(file, " %lldx%lld", (long long)kernel->ints[0], (long long)kernel->ints[1]);
    if (strides && strides->count == 2 && strides->ints[0] > 1)
        fprintf(file, " /%lld", (long long)strides->ints[0]);
    fprintf(file, "\\n%s\", tooltip=\"", shape);
    write_quoted(file, node->path);
    fprintf(file, "\"];\n");
}

char *graph_dot(const esp_graph *graph, const char *title, struct error *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file) {
        error_memory(error);
        return NULL;
    }
    fprintf(file, "digraph network {\nlabel=\"");
    write_quoted(file, title);
    fprintf(file, "\";\nlabelloc=t;\nrankdir=TB;\nnode [shape=box, style=\"rounded,filled\", "
                  "fillcolor=white, fontname=\"Helvetica\"];\n");
    const char *open = "";
    size_t open_length = 0;
    int clusters = 0;
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        size_t length = scope_length(node->path), depth;
        size_t common = common_scopes(open, open_length, node->path, length, &depth);
        for (size_t d = scope_depth(open, open_length); d > depth; d--)
            fprintf(file, "}\n");
        open_clusters(file, node->path, common, length, &clusters);
        write_node(file, i, node);
        open = node->path;
        open_length = length;
    }
    for (size_t d = scope_depth(open, open_length); d > 0; d--)
        fprintf(file, "}\n");
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        for (uint64_t j = 0; j < node->input_count; j++)
            fprintf(file, "n%u -> n%llu;\n", node->inputs[j], (unsigned long long)i);
    }
    for (uint64_t i = 0; i < esp_graph_output_count(graph); i++)
        fprintf(file, "output_%llu [label=\"output %llu\", shape=plaintext];\n"
                      "n%u -> output_%llu;\n",
                (unsigned long long)i, (unsigned long long)i, esp_graph_output(graph, i),
                (unsigned long long)i);
    fprintf(file, "}\n");
    if (fclose(file) != 0) {
        error_memory(error);
        free(text);
        return NULL;
    }
    return text;
}
