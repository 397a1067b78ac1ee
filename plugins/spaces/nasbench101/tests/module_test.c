// SPDX-License-Identifier: Apache-2.0
// Modules of NAS-Bench-101 by themselves: MD5, pruning, channels, hashes, and how many there are.
#include "module.h"

#include "support/leak.h"
#include "support/member_lab.h"

#include <stdlib.h>
#include <string.h>

static struct module module_of(unsigned count, const char *const *rows,
                               const enum operation *operations)
{
    struct module module = {.count = count};
    for (unsigned v = 0; v < count; v++)
        for (unsigned w = 0; w < count; w++)
            module.edges[v] |= (uint32_t)(rows[v][w] == '1') << w;
    for (unsigned v = 1; v + 1 < count; v++)
        module.operation[v] = operations[v - 1];
    return module;
}

static void expect_hash(const struct module *module, const char *hash)
{
    char found[MD5_HEX + 1];
    module_hash(found, module);
    cr_expect_str_eq(found, hash);
}

// RFC 1321, appendix A.5; and the lengths around a block.
TestLeak(module, md5_is_that_of_the_rfc)
{
    static const struct {
        const char *text, *digest;
    } cases[] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e"},
        {"a", "0cc175b9c0f1b6a831c399e269772661"},
        {"abc", "900150983cd24fb0d6963f7d28e17f72"},
        {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
        {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
         "d174ab98d277d9f5a5611c2c9f419d9f"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a"},
        {"0123456789012345678901234567890123456789012345678901234",
         "6e7a4fc92eb1c3f6e652425bcc8d44b5"},
        {"01234567890123456789012345678901234567890123456789012345",
         "8af270b2847610e742b0791b53648c09"},
        {"0123456789012345678901234567890123456789012345678901234567890123",
         "7f7bfd348709deeaace19e3f535f8c54"},
        {"01234567890123456789012345678901234567890123456789012345678901234",
         "beb9f48bc802ca5ca043bcc15e219a5a"},
    };
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        char digest[MD5_HEX + 1];
        md5_hex(digest, cases[i].text, strlen(cases[i].text));
        cr_expect_str_eq(digest, cases[i].digest, "%s", cases[i].text);
    }
}

TestLeak(module, has_the_recorded_hashes)
{
    static const char *const direct[] = {"01", "00"};
    static const char *const recorded[] = {"0111010", "0000001", "0000001", "0000100",
                                           "0000001", "0000001", "0000000"};
    static const enum operation recorded_ops[] = {CONV1X1, CONV3X3, CONV3X3, CONV3X3, MAXPOOL3X3};
    static const char *const branches[] = {"01110", "00001", "00001", "00001", "00000"};
    static const enum operation forth[] = {CONV3X3, CONV1X1, MAXPOOL3X3};
    static const enum operation back[] = {MAXPOOL3X3, CONV1X1, CONV3X3};
    struct module module = module_of(2, direct, NULL);
    expect_hash(&module, "043721b9c7fe8c5fad811d47d83132ec");
    module = module_of(7, recorded, recorded_ops);
    expect_hash(&module, "28cfc7874f6d200472e1a9dcd8650aa0");
    module = module_of(5, branches, forth);
    expect_hash(&module, "ce9bc2765d63f261e5ad257382c09e92");
    module = module_of(5, branches, back);
    expect_hash(&module, "ce9bc2765d63f261e5ad257382c09e92");
}

TestLeak(module, shares_out_its_channels)
{
    static const char *const diamond[] = {"0110", "0001", "0001", "0000"};
    static const char *const crossed[] = {"01010", "00101", "00010", "00001", "00000"};
    static const enum operation ops[] = {CONV3X3, CONV3X3, CONV3X3};
    int64_t channels[MODULE_MOST];
    struct module module = module_of(4, diamond, ops);
    module_channels(&module, 15, channels);
    cr_expect_eq(channels[1], 8);
    cr_expect_eq(channels[2], 7);
    module = module_of(5, crossed, ops);
    module_channels(&module, 15, channels);
    cr_expect_eq(channels[1], 8);
    cr_expect_eq(channels[2], 7);
    cr_expect_eq(channels[3], 7);
}

TestLeak(module, is_pruned_to_the_paths_from_input_to_output)
{
    // 1 is not reached, 3 leads nowhere.
    static const char *const dangling[] = {"00110", "00001", "00001", "00000", "00000"};
    static const char *const severed[] = {"010", "000", "000"};
    static const enum operation ops[] = {CONV3X3, CONV1X1, MAXPOOL3X3};
    unsigned kept[MODULE_MOST];
    struct module module = module_of(5, dangling, ops);
    cr_assert(module_prune(&module, kept));
    cr_expect_eq(module.count, 3);
    cr_expect_eq(module_edge_count(&module), 2);
    cr_expect_eq(module.operation[1], CONV1X1);
    cr_expect(kept[0] == 0 && kept[1] == 2 && kept[2] == 4);
    module = module_of(3, severed, ops);
    cr_expect_not(module_prune(&module, NULL));
}

// ---- How many -----------------------------------------------------------------------------------
// By itself: all matrices and operations of `count` vertices, all of them on a path from the input to
// the output; of each the smallest number that a renaming of its inner vertices gives.

#define MOST_COUNT 5
#define MOST_KEYS 27648 // 2^10 matrices, 3^3 operations

struct drawn {
    bool edge[MOST_COUNT][MOST_COUNT];
};

static bool on_paths(const struct drawn *drawn, unsigned count)
{
    bool path[MOST_COUNT][MOST_COUNT] = {{false}};
    for (unsigned gap = 1; gap < count; gap++)
        for (unsigned v = 0; v + gap < count; v++) {
            path[v][v + gap] = drawn->edge[v][v + gap];
            for (unsigned w = v + 1; w < v + gap; w++)
                path[v][v + gap] |= path[v][w] && drawn->edge[w][v + gap];
        }
    bool all = path[0][count - 1];
    for (unsigned v = 1; v + 1 < count; v++)
        all &= path[0][v] && path[v][count - 1];
    return all;
}

static uint64_t renamed(const struct drawn *drawn, const unsigned *ops, const unsigned *names,
                        unsigned count)
{
    uint64_t key = 0;
    for (unsigned v = 0; v < count; v++)
        for (unsigned w = 0; w < count; w++)
            if (drawn->edge[v][w])
                key |= UINT64_C(1) << (names[v] * MOST_COUNT + names[w]);
    for (unsigned v = 1; v + 1 < count; v++)
        key |= (uint64_t)ops[v] << (32 + 2 * names[v]);
    return key;
}

static uint64_t smallest(const struct drawn *drawn, const unsigned *ops, unsigned *names,
                         unsigned at, unsigned count)
{
    if (at + 2 >= count)
        return renamed(drawn, ops, names, count);
    uint64_t least = UINT64_MAX;
    for (unsigned i = at; i + 1 < count; i++) {
        unsigned name = names[at];
        names[at] = names[i];
        names[i] = name;
        uint64_t key = smallest(drawn, ops, names, at + 1, count);
        names[i] = names[at];
        names[at] = name;
        least = key < least ? key : least;
    }
    return least;
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static size_t distinct(uint64_t *keys, size_t count)
{
    size_t different = count > 0;
    qsort(keys, count, sizeof *keys, compare_keys);
    for (size_t i = 1; i < count; i++)
        different += keys[i] != keys[i - 1];
    return different;
}

static size_t brute_force(unsigned count)
{
    static uint64_t keys[MOST_KEYS];
    size_t key_count = 0;
    unsigned pairs = count * (count - 1) / 2, combinations = 1;
    for (unsigned v = 1; v + 1 < count; v++)
        combinations *= 3;
    for (unsigned bits = 0; bits < 1u << pairs; bits++) {
        struct drawn drawn = {{{false}}};
        unsigned bit = 0, edges = 0;
        for (unsigned v = 0; v < count; v++)
            for (unsigned w = v + 1; w < count; w++, bit++) {
                drawn.edge[v][w] = bits >> bit & 1;
                edges += bits >> bit & 1;
            }
        if (edges > MODULE_EDGES || !on_paths(&drawn, count))
            continue;
        for (unsigned code = 0; code < combinations; code++) {
            unsigned ops[MOST_COUNT] = {0}, names[MOST_COUNT] = {0, 1, 2, 3, 4}, rest = code;
            for (unsigned v = 1; v + 1 < count; v++, rest /= 3)
                ops[v] = rest % 3;
            keys[key_count++] = smallest(&drawn, ops, names, 1, count);
        }
    }
    return distinct(keys, key_count);
}

struct members {
    struct arch *items[MOST_KEYS];
    size_t count;
};

static esp_status keep_member(void *self, struct arch *arch)
{
    struct members *members = self;
    if (members->count == MOST_KEYS)
        return ESP_ERROR_CANCELLED;
    members->items[members->count++] = arch_retain(arch);
    return ESP_OK;
}

// Canonical classes among all members of the space with at most `vertices`.
static size_t enumerated(unsigned vertices)
{
    static struct members members;
    static uint64_t hashes[MOST_KEYS];
    struct member_lab lab;
    char ini[128];
    uint64_t count;
    snprintf(ini, sizeof ini, "[space]\nplugin = nasbench101\nvertices = %u\n", vertices);
    member_lab_open(&lab, ini);
    members.count = 0;
    cr_assert_eq(builder_enumerate(lab.builder, keep_member, &members, 0, &count, &lab.error),
                 ESP_OK, "%s", lab.error.message);
    cr_assert_eq(count, members.count);
    for (size_t i = 0; i < members.count; i++) {
        cr_assert_eq(builder_canonical_hash(lab.builder, members.items[i], &hashes[i], &lab.error),
                     ESP_OK);
        arch_release(members.items[i]);
    }
    member_lab_close(&lab);
    return distinct(hashes, members.count);
}

TestLeak(module, there_are_as_many_of_up_to_5_vertices_as_by_brute_force)
{
    static const size_t unique[] = {1, 6, 84, 2441}; // of 2, 3, 4, 5 vertices
    size_t sum = 0;
    for (unsigned count = 2; count <= MOST_COUNT; count++) {
        size_t found = brute_force(count);
        cr_expect_eq(found, unique[count - 2]);
        sum += found;
        cr_expect_eq(enumerated(count), sum, "up to %u vertices", count);
    }
}
