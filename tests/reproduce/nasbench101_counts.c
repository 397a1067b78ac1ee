// SPDX-License-Identifier: Apache-2.0
// How many modules of NAS-Bench-101 are unique (Ying et al. 2019: 423,624), for each number of
// vertices in two ways: the distinct values of the benchmark's hash, and the orbits of operations under
// the automorphisms of each graph. Both go over one representative of the graphs that are equal up to a
// renaming of their inner vertices, for every module is isomorphic to one on its graph's representative.
#include "module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RENAMINGS_MOST 120  // 5!
#define GRAPHS_MOST 1000000 // of 7 vertices, before those that are equal are put together

// What the paper's code gives for 2 to 7 vertices.
static const size_t published[] = {1, 6, 84, 2441, 62010, 359082};

// ---- Renamings ----------------------------------------------------------------------------------

struct renamings {
    unsigned count;
    uint8_t names[RENAMINGS_MOST][MODULE_VERTICES]; // the ends keep theirs
};

static void permute(struct renamings *out, uint8_t *names, unsigned at, unsigned end)
{
    if (at >= end) {
        memcpy(out->names[out->count++], names, MODULE_VERTICES);
        return;
    }
    for (unsigned i = at; i < end; i++) {
        uint8_t name = names[at];
        names[at] = names[i];
        names[i] = name;
        permute(out, names, at + 1, end);
        names[i] = names[at];
        names[at] = name;
    }
}

// The edges of the renamed graph as one number.
static uint64_t renamed(const struct module *module, const uint8_t *names)
{
    uint64_t number = 0;
    for (unsigned v = 0; v < module->count; v++)
        for (unsigned w = v + 1; w < module->count; w++)
            number |= (uint64_t)module_edge(module, v, w)
                      << (MODULE_VERTICES * names[v] + names[w]);
    return number;
}

// ---- Graphs without operations ------------------------------------------------------------------

struct graph {
    uint64_t smallest; // of all renamings
    uint32_t bits;     // of the upper triangle
};

static struct module drawn(unsigned count, uint32_t bits)
{
    struct module module = {.count = count};
    for (unsigned v = 0; v < count; v++)
        for (unsigned w = v + 1; w < count; w++, bits >>= 1)
            module.edges[v] |= (bits & 1) << w;
    return module;
}

static int compare_graphs(const void *a, const void *b)
{
    const struct graph *x = a, *y = b;
    if (x->smallest != y->smallest)
        return x->smallest < y->smallest ? -1 : 1;
    return (x->bits > y->bits) - (x->bits < y->bits);
}

// Those of which nothing is pruned, one of each kind; answers how many.
static size_t collect_graphs(struct graph *graphs, unsigned count, const struct renamings *all)
{
    size_t found = 0, kinds = 0;
    for (uint32_t bits = 0; bits < UINT32_C(1) << count * (count - 1) / 2; bits++) {
        struct module module = drawn(count, bits), pruned = module;
        if (module_edge_count(&module) > MODULE_EDGES || !module_prune(&pruned, NULL) ||
            pruned.count < count)
            continue;
        struct graph graph = {UINT64_MAX, bits};
        for (unsigned i = 0; i < all->count; i++) {
            uint64_t number = renamed(&module, all->names[i]);
            graph.smallest = number < graph.smallest ? number : graph.smallest;
        }
        if (found == GRAPHS_MOST) {
            fprintf(stderr, "there are more graphs than expected\n");
            exit(1);
        }
        graphs[found++] = graph;
    }
    qsort(graphs, found, sizeof *graphs, compare_graphs);
    for (size_t i = 0; i < found; i++)
        if (i == 0 || graphs[i].smallest != graphs[kinds - 1].smallest)
            graphs[kinds++] = graphs[i];
    return kinds;
}

// ---- Operations ---------------------------------------------------------------------------------

static void label(struct module *module, unsigned code)
{
    for (unsigned v = 1; v + 1 < module->count; v++, code /= OPERATION_COUNT)
        module->operation[v] = (enum operation)(code % OPERATION_COUNT);
}

// The code of the operations that the renaming gives.
static unsigned renamed_code(const struct module *module, const uint8_t *names)
{
    unsigned place[MODULE_VERTICES], code = 0;
    for (unsigned v = 1; v + 1 < module->count; v++)
        place[names[v]] = (unsigned)module->operation[v];
    for (unsigned v = module->count - 2; v > 0; v--)
        code = OPERATION_COUNT * code + place[v];
    return code;
}

// The renamings that leave the graph as it is.
static struct renamings automorphisms(const struct module *module, const struct renamings *all)
{
    static const uint8_t identity[MODULE_VERTICES] = {0, 1, 2, 3, 4, 5, 6};
    struct renamings out = {.count = 0};
    uint64_t number = renamed(module, identity);
    for (unsigned i = 0; i < all->count; i++)
        if (renamed(module, all->names[i]) == number)
            memcpy(out.names[out.count++], all->names[i], MODULE_VERTICES);
    return out;
}

static bool first_of_its_orbit(const struct module *module, unsigned code,
                               const struct renamings *automorphisms_of)
{
    for (unsigned i = 0; i < automorphisms_of->count; i++)
        if (renamed_code(module, automorphisms_of->names[i]) < code)
            return false;
    return true;
}

// ---- Counts -------------------------------------------------------------------------------------

static int compare_hashes(const void *a, const void *b)
{
    return memcmp(a, b, MD5_HEX);
}

static bool count_modules(unsigned count, struct graph *graphs)
{
    struct renamings all = {.count = 0};
    uint8_t names[MODULE_VERTICES] = {0, 1, 2, 3, 4, 5, 6};
    unsigned labellings = 1;
    size_t orbits = 0, hash_count = 0, distinct = 0;
    permute(&all, names, 1, count - 1);
    for (unsigned v = 1; v + 1 < count; v++)
        labellings *= OPERATION_COUNT;
    size_t graph_count = collect_graphs(graphs, count, &all);
    char(*hashes)[MD5_HEX + 1] = calloc(graph_count * labellings, sizeof *hashes);
    if (!hashes) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    for (size_t g = 0; g < graph_count; g++) {
        struct module module = drawn(count, graphs[g].bits);
        struct renamings same = automorphisms(&module, &all);
        for (unsigned code = 0; code < labellings; code++) {
            label(&module, code);
            module_hash(hashes[hash_count++], &module);
            orbits += first_of_its_orbit(&module, code, &same);
        }
    }
    qsort(hashes, hash_count, sizeof *hashes, compare_hashes);
    for (size_t i = 0; i < hash_count; i++)
        distinct += i == 0 || compare_hashes(hashes[i], hashes[i - 1]) != 0;
    free(hashes);
    printf("%8u %10zu %10zu %10zu %10zu\n", count, graph_count, distinct, orbits,
           published[count - 2]);
    return distinct == published[count - 2] && orbits == published[count - 2];
}

int main(void)
{
    struct graph *graphs = malloc(GRAPHS_MOST * sizeof *graphs);
    bool equal = true;
    if (!graphs) {
        fprintf(stderr, "out of memory\n");
        return 1;
    }
    printf("NAS-Bench-101, unique modules\n%8s %10s %10s %10s %10s\n", "vertices", "graphs",
           "by hash", "by orbits", "published");
    for (unsigned count = 2; count <= MODULE_VERTICES; count++)
        equal &= count_modules(count, graphs);
    free(graphs);
    printf(equal ? "equal\n" : "DIFFERENT\n");
    return equal ? 0 : 1;
}
