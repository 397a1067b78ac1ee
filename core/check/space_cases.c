// SPDX-License-Identifier: Apache-2.0
// Cases of search spaces: what holds for every member, pass by pass.
#include "builder/structure.h"
#include "check/allocations.h"
#include "check/stage.h"

#include <espalier/ext/space_genome.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define MEMBERS 1000 // that are drawn where a case costs no graph to speak of
#define FEW 60       // where it costs several passes a member

static uint64_t graph_digest(struct stage *stage, const struct check *check,
                             const struct arch *arch, uint64_t seed)
{
    struct graph *graph = NULL;
    check_need(check, builder_build(stage->builder, arch, &graph, &stage->error), &stage->error,
               "to build a sample");
    json_t *json = graph_json(graph_handle(graph));
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    if (!text)
        check_skip(check, "out of memory");
    uint64_t digest = XXH3_64bits_withSeed(text, strlen(text), seed);
    free(text);
    json_decref(json);
    graph_destroy(graph);
    return digest;
}

static void expect_replay(struct stage *stage, const struct check *check, const struct arch *arch,
                          const char *what, uint64_t seed)
{
    error_clear(&stage->error);
    if (builder_build(stage->builder, arch, NULL, &stage->error) != ESP_OK)
        check_fail(check, "%s of seed %llu is no member when it is replayed: %s", what,
                   (unsigned long long)seed, stage->error.message);
}

// A trace that is read back from its JSON is the same architecture.
static void replay_equals_sample(struct check *check)
{
    struct stage stage;
    stage_open(&stage, check);
    for (uint64_t seed = 0; seed < MEMBERS; seed++) {
        struct arch *arch = stage_sample(&stage, check, seed), *again = NULL;
        struct written_arch written = {0};
        json_t *json = arch_json(arch, check->id);
        expect_replay(&stage, check, arch, "the sample", seed);
        check_need(check, written_arch_parse(&written, json, &stage.error), &stage.error,
                   "to read a sample's JSON");
        check_need(check, builder_read(stage.builder, &written, &again, &stage.error), &stage.error,
                   "to replay a sample's JSON");
        if (arch_hash(again) != arch_hash(arch))
            check_fail(check, "the sample of seed %llu replays to another architecture",
                       (unsigned long long)seed);
        written_arch_destroy(&written);
        json_decref(json);
        arch_release(again);
        arch_release(arch);
    }
}

static void variants_are_members(struct check *check)
{
    struct stage stage;
    stage_open(&stage, check);
    for (uint64_t seed = 0; seed < MEMBERS; seed++) {
        esp_random random = esp_random_stream(check->seed, 4, seed, 0, 0);
        struct arch *a = stage_sample(&stage, check, 2 * seed);
        struct arch *b = stage_sample(&stage, check, 2 * seed + 1);
        struct arch *mutant = NULL, *child = NULL;
        uint64_t decisions;
        arch_choices(a, &decisions);
        if (decisions == 0 && !builder_ability(stage.builder, ESP_SPACE_GENOME))
            check_skip(check, "a member without decisions has no mutants");
        check_need(check, builder_mutate(stage.builder, a, 0.0, &random, &mutant, &stage.error),
                   &stage.error, "to mutate a sample");
        check_need(check, builder_cross(stage.builder, a, b, &random, &child, &stage.error),
                   &stage.error, "to cross two samples");
        if (arch_hash(mutant) == arch_hash(a))
            check_fail(check, "the mutant of seed %llu is its parent", (unsigned long long)seed);
        expect_replay(&stage, check, mutant, "the mutant", seed);
        expect_replay(&stage, check, child, "the child", seed);
        arch_release(a);
        arch_release(b);
        arch_release(mutant);
        arch_release(child);
    }
}

// Every decision of a member changed: a member, or ESP_ERROR_REJECTED.
static void neighbours_are_members(struct check *check)
{
    struct stage stage;
    stage_open(&stage, check);
    for (uint64_t seed = 0; seed < FEW; seed++) {
        struct arch *arch = stage_sample(&stage, check, seed);
        uint64_t count;
        const struct choice *choices = arch_choices(arch, &count);
        for (uint64_t i = 0; i < count; i++) {
            esp_random random = esp_random_stream(check->seed, 5, seed, i, 0);
            const esp_domain *domain =
                dictionary_decision_domain(arch_dictionary(arch), choices[i].decision);
            struct arch *neighbour = NULL;
            esp_value value;
            error_clear(&stage.error);
            esp_status status = builder_draw(stage.builder, domain, &choices[i].value, &random,
                                             &value, &stage.error);
            if (status == ESP_OK)
                status = builder_change(stage.builder, arch, i, value, &random, &neighbour,
                                        &stage.error);
            if (status == ESP_ERROR_REJECTED)
                continue;
            check_need(check, status, &stage.error, "to change one decision of a sample");
            expect_replay(&stage, check, neighbour, "a neighbour", seed);
            arch_release(neighbour);
        }
        arch_release(arch);
    }
}

static void graphs_are_sound(struct check *check)
{
    struct stage stage;
    stage_open(&stage, check);
    for (uint64_t seed = 0; seed < MEMBERS; seed++) {
        struct arch *arch = stage_sample(&stage, check, seed);
        struct graph *graph = NULL;
        check_need(check, builder_build(stage.builder, arch, &graph, &stage.error), &stage.error,
                   "to build a sample");
        const esp_graph *handle = graph_handle(graph);
        const esp_graph_node *out = esp_graph_get(handle, esp_graph_output(handle, 0));
        int64_t classes = (int64_t)session_task(stage.session)->classes;
        if (out->shape.rank != 2 || out->shape.dims[1] != classes)
            check_fail(check,
                       "the first output of the sample of seed %llu has rank %u and %lld columns, "
                       "expected logits [N, %lld]",
                       (unsigned long long)seed, out->shape.rank, (long long)out->shape.dims[1],
                       (long long)classes);
        graph_destroy(graph);
        arch_release(arch);
    }
}

// ---- The same again -----------------------------------------------------------------------------

// Digests of architectures and graphs of some seeds, in one number.
static uint64_t members_digest(struct stage *stage, const struct check *check, uint64_t first,
                               uint64_t step)
{
    uint64_t digest = 0;
    for (uint64_t i = 0; i < FEW; i++) {
        uint64_t seed = (first + i * step) % FEW;
        struct arch *arch = stage_sample(stage, check, seed);
        // A sum, so that the order does not count.
        digest += graph_digest(stage, check, arch, arch_hash(arch) + seed);
        arch_release(arch);
    }
    return digest;
}

static void write_digest(const struct check *check, void *self, int descriptor)
{
    struct stage stage;
    uint64_t digest;
    (void)self;
    stage_open(&stage, check);
    digest = members_digest(&stage, check, 0, 1);
    if (write(descriptor, &digest, sizeof digest) != (ssize_t)sizeof digest)
        _exit(1);
}

static void same_seed_same_members(struct check *check)
{
    struct stage stage;
    stage_open(&stage, check);
    uint64_t first = members_digest(&stage, check, 0, 1);
    if (members_digest(&stage, check, 0, 1) != first)
        check_fail(check, "the same seeds give other members or graphs the second time");
    // Another order, so that every member is built after others than before; FEW and 7 share no factor.
    if (members_digest(&stage, check, 3, 7) != first)
        check_fail(check, "members or graphs depend on what was built before them");
    struct stage other;
    stage_open(&other, check);
    if (members_digest(&other, check, 0, 1) != first)
        check_fail(check, "a second instance gives other members or graphs");
    struct check_child child = check_fork(check, write_digest, NULL);
    if (child.size != sizeof first || memcmp(child.bytes, &first, sizeof first) != 0)
        check_fail(check, "another process gives other members or graphs");
}

// ---- Trace-only passes --------------------------------------------------------------------------

static void trace_equals_build(struct check *check)
{
    struct stage stage;
    stage_open(&stage, check);
    for (uint64_t seed = 0; seed < MEMBERS; seed++) {
        struct arch *arch = stage_sample(&stage, check, seed);
        struct graph *graph = NULL;
        error_clear(&stage.error);
        // A replay of the trace alone, and one with the graph, take the same decisions.
        if (builder_build(stage.builder, arch, NULL, &stage.error) != ESP_OK)
            check_fail(check, "trace-only, the sample of seed %llu does not replay: %s",
                       (unsigned long long)seed, stage.error.message);
        if (builder_build(stage.builder, arch, &graph, &stage.error) != ESP_OK)
            check_fail(check,
                       "with its graph, the sample of seed %llu takes other decisions than "
                       "trace-only: %s",
                       (unsigned long long)seed, stage.error.message);
        graph_destroy(graph);
        arch_release(arch);
    }
}

// ---- In words -----------------------------------------------------------------------------------

static void text_round_trip(struct check *check)
{
    struct stage stage;
    uint64_t spoken = 0;
    stage_open(&stage, check);
    if (!builder_has_text(stage.builder))
        check_skip(check, "it has no notation of its own");
    for (uint64_t seed = 0; seed < MEMBERS; seed++) {
        struct arch *arch = stage_sample(&stage, check, seed), *again = NULL;
        const char *text = NULL;
        error_clear(&stage.error);
        esp_status status = builder_print(stage.builder, arch, &text, &stage.error);
        if (status == ESP_ERROR_UNSUPPORTED) {
            arch_release(arch); // it has no word for this one
            continue;
        }
        check_need(check, status, &stage.error, "to print a sample");
        char *copy = strdup(text);
        if (!copy)
            check_skip(check, "out of memory");
        if (builder_parse(stage.builder, copy, NULL, 0, &again, &stage.error) != ESP_OK)
            check_fail(check, "what it printed does not parse: %s", stage.error.message);
        check_need(check, builder_print(stage.builder, again, &text, &stage.error), &stage.error,
                   "to print what was parsed");
        if (strcmp(text, copy) != 0)
            check_fail(check, "'%s' parses and is printed as '%s'", copy, text);
        spoken++;
        free(copy);
        arch_release(again);
        arch_release(arch);
    }
    if (spoken == 0)
        check_warn(check, "it has a notation, and no word for any of %d samples", MEMBERS);
}

// Texts cut, doubled and with bytes changed: refused in words, or members.
static void text_survives_nonsense(struct check *check)
{
    struct stage stage;
    const char *text = NULL;
    stage_open(&stage, check);
    if (!builder_has_text(stage.builder))
        check_skip(check, "it has no notation of its own");
    for (uint64_t seed = 0; seed < MEMBERS; seed++) {
        esp_random random = esp_random_stream(check->seed, 6, seed, 0, 0);
        struct arch *arch = stage_sample(&stage, check, seed % FEW), *again = NULL;
        char damaged[1024];
        error_clear(&stage.error);
        if (builder_print(stage.builder, arch, &text, &stage.error) != ESP_OK)
            text = "";
        snprintf(damaged, sizeof damaged, "%s", text);
        arch_release(arch);
        size_t length = strlen(damaged);
        for (uint64_t i = 0; length > 0 && i <= seed % 4; i++)
            damaged[esp_random_below(&random, length)] = (char)(32 + esp_random_below(&random, 95));
        if (seed % 3 == 0 && length > 0)
            damaged[esp_random_below(&random, length)] = '\0';
        error_clear(&stage.error);
        esp_status status = builder_parse(stage.builder, damaged, NULL, 0, &again, &stage.error);
        if (status != ESP_OK && !stage.error.message[0])
            check_fail(check, "'%s' is refused without words", damaged);
        if (status == ESP_OK)
            expect_replay(&stage, check, again, "what was parsed", seed);
        arch_release(again);
    }
}

static void canonical_forms_hold(struct check *check)
{
    struct stage stage;
    stage_open(&stage, check);
    if (!builder_has_canonical(stage.builder))
        check_skip(check, "it has no canonical form");
    for (uint64_t seed = 0; seed < MEMBERS; seed++) {
        struct arch *arch = stage_sample(&stage, check, seed);
        uint64_t first, second;
        check_need(check, builder_canonical_hash(stage.builder, arch, &first, &stage.error),
                   &stage.error, "to bring a sample to its canonical form");
        check_need(check, builder_canonical_hash(stage.builder, arch, &second, &stage.error),
                   &stage.error, "to bring a sample to its canonical form");
        if (first != second)
            check_fail(check, "the canonical form of the sample of seed %llu changes",
                       (unsigned long long)seed);
        arch_release(arch);
    }
}

static void structures_hold(struct check *check)
{
    struct stage stage;
    uint64_t cells = 0;
    stage_open(&stage, check);
    if (!builder_has_structure(stage.builder))
        check_skip(check, "it gives no cells");
    for (uint64_t seed = 0; seed < MEMBERS; seed++) {
        struct arch *arch = stage_sample(&stage, check, seed);
        const esp_structure *structure = NULL;
        check_need(check, builder_structure(stage.builder, arch, &structure, &stage.error),
                   &stage.error, "to give a sample's cells");
        if (seed > 0 && structure->cell_count != cells)
            check_fail(check, "one member has %llu cells, another %llu", (unsigned long long)cells,
                       (unsigned long long)structure->cell_count);
        cells = structure->cell_count;
        structure_destroy(structure);
        arch_release(arch);
    }
}

// ---- Genomes ------------------------------------------------------------------------------------

static void need_genomes(const struct check *check, const struct stage *stage)
{
    if (!builder_ability(stage->builder, ESP_SPACE_GENOME))
        check_skip(check, "its members have no genome");
}

// Mutants of mutants, and their children: what comes out of many changes is a member, and changes.
static void genomes_vary(struct check *check)
{
    struct stage stage;
    stage_open(&stage, check);
    need_genomes(check, &stage);
    for (uint64_t seed = 0; seed < FEW; seed++) {
        struct arch *arch = stage_sample(&stage, check, seed), *other = arch_retain(arch);
        esp_random random = esp_random_stream(check->seed, 7, seed, 0, 0);
        for (uint64_t i = 0; i < FEW; i++) {
            struct arch *mutant = NULL, *again = NULL, *child = NULL;
            esp_random before = random;
            const double rate = i % 3 == 0 ? 0.2 : 0.0;
            check_need(check,
                       builder_mutate(stage.builder, arch, rate, &random, &mutant, &stage.error),
                       &stage.error, "to mutate a mutant");
            check_need(check,
                       builder_mutate(stage.builder, arch, rate, &before, &again, &stage.error),
                       &stage.error, "to mutate a mutant");
            if (arch_hash(mutant) != arch_hash(again))
                check_fail(check, "a mutation, drawn from the same stream, gives another genome");
            if (arch_hash(mutant) == arch_hash(arch))
                check_fail(check, "mutant %llu of seed %llu is its parent", (unsigned long long)i,
                           (unsigned long long)seed);
            check_need(check,
                       builder_cross(stage.builder, mutant, other, &random, &child, &stage.error),
                       &stage.error, "to cross two mutants");
            expect_replay(&stage, check, mutant, "a mutant", seed);
            expect_replay(&stage, check, child, "a child of mutants", seed);
            arch_release(again);
            arch_release(other);
            arch_release(arch);
            arch = mutant;
            other = child;
        }
        arch_release(arch);
        arch_release(other);
    }
}

// Genomes cut, made longer, and with bytes changed: refused in words, or members.
static void genomes_survive_nonsense(struct check *check)
{
    struct stage stage;
    stage_open(&stage, check);
    need_genomes(check, &stage);
    for (uint64_t seed = 0; seed < MEMBERS; seed++) {
        esp_random random = esp_random_stream(check->seed, 8, seed, 0, 0);
        struct arch *arch = stage_sample(&stage, check, seed % FEW), *made = NULL;
        uint64_t size;
        const void *bytes = arch_genome(arch, &size);
        unsigned char *damaged = malloc(size + 8);
        if (!damaged)
            check_skip(check, "out of memory");
        memcpy(damaged, bytes, size);
        memset(damaged + size, 0, 8);
        if (seed % 3 == 0)
            size = 1 + esp_random_below(&random, size + 8);
        for (uint64_t i = 0; i <= seed % 4; i++)
            damaged[esp_random_below(&random, size)] = (unsigned char)esp_random_bits(&random);
        error_clear(&stage.error);
        esp_status status =
            builder_genome_member(stage.builder, arch, damaged, size, &random, &made, &stage.error);
        if (status != ESP_OK && !stage.error.message[0])
            check_fail(check, "a damaged genome is refused without words");
        if (status == ESP_OK)
            expect_replay(&stage, check, made, "what a damaged genome was taken for", seed);
        free(damaged);
        arch_release(made);
        arch_release(arch);
    }
}

// ---- The supernet -------------------------------------------------------------------------------

static void relaxed_holds_its_children(struct check *check)
{
    struct stage stage;
    struct graph *whole = NULL;
    stage_open(&stage, check);
    error_clear(&stage.error);
    if (builder_relax(stage.builder, &whole, &stage.error) != ESP_OK)
        check_skip(check, "it does not relax: %s", stage.error.message);
    const esp_graph *supernet = graph_handle(whole);
    for (uint64_t seed = 0; seed < FEW; seed++) {
        struct arch *arch = stage_sample(&stage, check, seed);
        struct graph *graph = NULL;
        check_need(check, builder_build(stage.builder, arch, &graph, &stage.error), &stage.error,
                   "to build a sample");
        const esp_graph *child = graph_handle(graph);
        for (uint64_t i = 0; i < esp_graph_node_count(child); i++) {
            const esp_graph_node *node = esp_graph_get(child, i);
            bool found = node->weight_count == 0;
            for (uint64_t j = 0; !found && j < esp_graph_node_count(supernet); j++)
                found = strcmp(esp_graph_get(supernet, j)->path, node->path) == 0;
            if (!found)
                check_fail(check, "the supernet has no '%s', and the sample of seed %llu does",
                           node->path, (unsigned long long)seed);
        }
        graph_destroy(graph);
        arch_release(arch);
    }
}

static void sample_and_build(const struct check *check, void *self)
{
    struct stage *stage = self;
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct arch *arch = stage_sample(stage, check, seed);
        graph_digest(stage, check, arch, 0);
        arch_release(arch);
    }
}

static void build_survives_shortage(struct check *check)
{
    struct stage stage;
    stage_open(&stage, check);
    stage_sample(&stage, check, 0); // the instance is there
    allocations_survive(check, sample_and_build, &stage, "a pass");
}

static const struct check_case cases[] = {
    {"space/replay", "space.h 3.1", "a trace that is replayed gives the architecture again",
     CHECK_SPACE, 0, replay_equals_sample},
    {"space/variants", "space.h 3.2", "mutants and children are members, and mutants differ",
     CHECK_SPACE, 0, variants_are_members},
    {"space/neighbours", "space.h 3.2",
     "a member with one decision changed is a member, or is rejected", CHECK_SPACE, 0,
     neighbours_are_members},
    {"space/graphs", "space.h 3.3", "every member's network has logits [N, classes] as its output",
     CHECK_SPACE, 60, graphs_are_sound},
    {"space/same", "space.h 3.4",
     "the same decisions give the same network, whatever was built before and in any process",
     CHECK_SPACE, 60, same_seed_same_members},
    {"space/trace", "space.h 3.5",
     "a pass without its graph takes the same decisions as one with it", CHECK_SPACE, 60,
     trace_equals_build},
    {"space/text", "space_text.h 2", "print(parse(print(a))) is print(a)", CHECK_SPACE, 0,
     text_round_trip},
    {"space/nonsense", "space_text.h 1", "a text that is none is refused in words", CHECK_SPACE, 0,
     text_survives_nonsense},
    {"space/canonical", "space_text.h 3", "the canonical form of a member is always the same",
     CHECK_SPACE, 0, canonical_forms_hold},
    {"space/structure", "space_structure.h 1", "every member has the same cells in the same order",
     CHECK_SPACE, 0, structures_hold},
    {"space/genomes", "space_genome.h 1, 2, 3",
     "mutants of mutants and their children are members, differ, and come again from the same "
     "stream",
     CHECK_SPACE, 0, genomes_vary},
    {"space/genome_nonsense", "space_genome.h 4", "bytes that are no genome are refused in words",
     CHECK_SPACE, 0, genomes_survive_nonsense},
    {"space/relaxed", "space.h 3.6", "the supernet holds the weights of every member", CHECK_SPACE,
     60, relaxed_holds_its_children},
    {"space/memory", "space.h 3.7", "a pass bears that any allocation fails", CHECK_SPACE, 60,
     build_survives_shortage},
};

const struct check_family check_space_cases = {cases, ESP_COUNT(cases)};
