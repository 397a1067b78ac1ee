// SPDX-License-Identifier: Apache-2.0
// The cells of an architecture as a drawing for Graphviz, as papers draw them: a cluster each,
// operators on the vertices or on the edges, as the space has them.
#include "builder/structure.h"

#include "text/quoted.h"
#include "text/stream.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// A vertex without a label of its own bears its number.
static void write_vertex(FILE *file, uint64_t cell, uint64_t number, const esp_vertex *vertex)
{
    static const char *const fills[] = {"white", "#cfe6f5", "#cdebdf"};
    static const char *const names[] = {NULL, "input", "output"};
    fprintf(file, "c%" PRIu64 "_%" PRIu64 " [label=\"", cell, number);
    const char *name = vertex->label ? vertex->label : names[vertex->role];
    if (name)
        write_quoted(file, name, strlen(name));
    else
        fprintf(file, "%" PRIu64, number);
    fprintf(file, "\", fillcolor=\"%s\"];\n", fills[vertex->role]);
}

// One that goes back in time is dashed, and moves no vertex.
static void write_edge(FILE *file, uint64_t cell, const esp_edge *edge, bool back)
{
    fprintf(file, "c%" PRIu64 "_%u -> c%" PRIu64 "_%u", cell, edge->from, cell, edge->to);
    if (edge->label || back)
        fputs(" [", file);
    if (edge->label) {
        fputs("label=\"", file);
        write_quoted(file, edge->label, strlen(edge->label));
        fputs("\"", file);
    }
    if (back)
        fprintf(file, "%sstyle=dashed, constraint=false", edge->label ? ", " : "");
    fputs(edge->label || back ? "];\n" : ";\n", file);
}

static void write_cell(FILE *file, uint64_t number, const esp_cell *cell)
{
    fprintf(file, "subgraph cluster_%" PRIu64 " {\nlabel=\"", number);
    write_quoted(file, cell->name, strlen(cell->name));
    fputs("\";\nstyle=rounded;\ncolor=gray60;\nfontcolor=gray30;\n", file);
    for (uint64_t v = 0; v < cell->vertex_count; v++)
        write_vertex(file, number, v, esp_cell_vertex(cell, v));
    for (uint64_t e = 0; e < cell->edge_count; e++)
        write_edge(file, number, esp_cell_edge(cell, e), false);
    for (uint64_t e = 0; e < cell->back_edge_count; e++)
        write_edge(file, number, &cell->back_edges[e], true);
    fputs("}\n", file);
}

char *structure_dot(const esp_structure *structure, const char *title)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return NULL;
    fputs("digraph cells {\nlabel=\"", file);
    write_quoted(file, title, strlen(title));
    fputs("\";\nlabelloc=t;\nrankdir=LR;\nnode [shape=box, style=\"rounded,filled\", "
          "fontname=\"Helvetica\"];\nedge [fontname=\"Helvetica\", fontsize=10];\n",
          file);
    for (uint64_t i = 0; i < structure->cell_count; i++)
        write_cell(file, i, esp_structure_get(structure, i));
    fputs("}\n", file);
    return text_stream_close(file, &text);
}
