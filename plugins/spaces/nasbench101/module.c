// SPDX-License-Identifier: Apache-2.0
// See module.h.
#include "module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned module_edge_count(const struct module *module)
{
    unsigned count = 0;
    for (unsigned v = 0; v < module->count; v++)
        for (uint32_t row = module->edges[v]; row; row &= row - 1)
            count++;
    return count;
}

bool module_prune(struct module *module, unsigned *kept)
{
    unsigned last = module->count - 1, number[MODULE_MOST], count = 0;
    uint32_t reached = 1, reaching = UINT32_C(1) << last;
    for (unsigned v = 0; v < last; v++)
        if (reached >> v & 1)
            reached |= module->edges[v];
    for (unsigned v = last; v-- > 0;)
        if (module->edges[v] & reaching)
            reaching |= UINT32_C(1) << v;
    uint32_t stay = reached & reaching;
    if (!(stay & 1) || !(stay >> last & 1))
        return false;
    for (unsigned v = 0; v <= last; v++)
        if (stay >> v & 1)
            number[count++] = v;
    struct module pruned = {.count = count};
    for (unsigned v = 0; v < count; v++) {
        pruned.operation[v] = module->operation[number[v]];
        for (unsigned w = v + 1; w < count; w++)
            pruned.edges[v] |= (uint32_t)module_edge(module, number[v], number[w]) << w;
    }
    if (kept)
        memcpy(kept, number, count * sizeof *kept);
    *module = pruned;
    return true;
}

void module_channels(const struct module *module, int64_t output, int64_t *channels)
{
    unsigned last = module->count - 1;
    int64_t degree = 0, remainder;
    for (unsigned v = 1; v < last; v++)
        degree += module_edge(module, v, last);
    remainder = degree > 0 ? output % degree : 0;
    memset(channels, 0, module->count * sizeof *channels);
    for (unsigned v = 1; v < last; v++)
        if (module_edge(module, v, last))
            channels[v] = output / degree + (remainder-- > 0);
    for (unsigned v = last; v-- > 1;)
        if (!module_edge(module, v, last))
            for (unsigned w = v + 1; w < last; w++)
                if (module_edge(module, v, w) && channels[w] > channels[v])
                    channels[v] = channels[w];
}

// ---- The hash -----------------------------------------------------------------------------------

typedef char digest[MD5_HEX + 1];

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, MD5_HEX);
}

// -1 the input, -2 the output, else the operation.
static int label(const struct module *module, unsigned v)
{
    return v == 0 ? -1 : v == module->count - 1 ? -2 : (int)module->operation[v];
}

static bool neighbours(const struct module *module, unsigned v, unsigned w, bool inwards)
{
    return inwards ? w < v && module_edge(module, w, v) : w > v && module_edge(module, v, w);
}

// Appends the sorted hashes of the vertices on one side; answers the new length.
static size_t append_side(char *text, size_t length, const struct module *module, unsigned v,
                          bool inwards, digest *hashes)
{
    digest sorted[MODULE_VERTICES];
    unsigned count = 0;
    for (unsigned w = 0; w < module->count; w++)
        if (neighbours(module, v, w, inwards))
            memcpy(sorted[count++], hashes[w], sizeof(digest));
    qsort(sorted, count, sizeof(digest), compare_digests);
    for (unsigned i = 0; i < count; i++, length += MD5_HEX)
        memcpy(text + length, sorted[i], MD5_HEX);
    return length;
}

// One round: in-neighbours|out-neighbours|own.
static void next_hash(digest out, const struct module *module, unsigned v, digest *hashes)
{
    char text[(MODULE_VERTICES + 1) * MD5_HEX + 2];
    size_t length = append_side(text, 0, module, v, true, hashes);
    text[length++] = '|';
    length = append_side(text, length, module, v, false, hashes);
    text[length++] = '|';
    memcpy(text + length, hashes[v], MD5_HEX);
    md5_hex(out, text, length + MD5_HEX);
}

// (out-degree, in-degree, label), as Python prints a tuple.
static void first_hash(digest out, const struct module *module, unsigned v)
{
    char text[48];
    unsigned ins = 0, outs = 0;
    for (unsigned w = 0; w < module->count; w++) {
        ins += neighbours(module, v, w, true);
        outs += neighbours(module, v, w, false);
    }
    int size = snprintf(text, sizeof text, "(%u, %u, %d)", outs, ins, label(module, v));
    md5_hex(out, text, (size_t)size);
}

void module_hash(char out[MD5_HEX + 1], const struct module *module)
{
    digest hashes[MODULE_VERTICES], next[MODULE_VERTICES];
    char text[MODULE_VERTICES * (MD5_HEX + 4) + 2];
    size_t length = 0;
    for (unsigned v = 0; v < module->count; v++)
        first_hash(hashes[v], module, v);
    for (unsigned round = 0; round < module->count; round++) {
        for (unsigned v = 0; v < module->count; v++)
            next_hash(next[v], module, v, hashes);
        memcpy(hashes, next, module->count * sizeof(digest));
    }
    qsort(hashes, module->count, sizeof(digest), compare_digests);
    // A list of strings as Python prints it: ['aa', 'bb'].
    text[length++] = '[';
    for (unsigned v = 0; v < module->count; v++) {
        memcpy(text + length, v > 0 ? ", '" : "'", v > 0 ? 3 : 1);
        length += v > 0 ? 3 : 1;
        memcpy(text + length, hashes[v], MD5_HEX);
        length += MD5_HEX;
        text[length++] = '\'';
    }
    text[length++] = ']';
    md5_hex(out, text, length);
}
