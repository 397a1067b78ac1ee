// SPDX-License-Identifier: Apache-2.0
// Passes of a space: sampling and replay, both paths and sharing, domains of one value, rejection,
// the relaxed pass. Properties over many seeds.
#include "support/leak.h"
#include "support/space_lab.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- Sample and replay --------------------------------------------------------------------------

TestLeak(sample, same_seed_same_architecture)
{
    struct lab lab = {0}, other = {0};
    lab_open(&lab, build_mixed);
    lab_open(&other, build_mixed);
    int differ = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct arch *a = lab_sample(&lab, seed), *b = lab_sample(&other, seed),
                    *c = lab_sample(&lab, seed + 1);
        cr_assert_eq(arch_hash(a), arch_hash(b));
        differ += arch_hash(a) != arch_hash(c);
        arch_release(a);
        arch_release(b);
        arch_release(c);
    }
    cr_assert_eq(differ, SEEDS);
    lab_close(&lab);
    lab_close(&other);
}

TestLeak(sample, replay_gives_the_space_the_same_values)
{
    struct lab lab = {0};
    struct drawn drawn, replayed;
    lab_open(&lab, build_mixed);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        lab.self = &drawn;
        struct arch *arch = lab_sample(&lab, seed);
        lab.self = &replayed;
        memset(&replayed, 0xff, sizeof replayed);
        cr_assert_eq(builder_build(lab.builder, arch, NULL, &lab.error), ESP_OK, "%s",
                     lab.error.message);
        cr_assert_eq(memcmp(&drawn, &replayed, sizeof drawn), 0);
        cr_assert_eq(lab_value(arch, "integer").as.integer, drawn.integer);
        cr_assert_eq(lab_value(arch, "log_real").as.real, drawn.log_real);
        cr_assert_eq(kernels[lab_value(arch, "width").as.index], drawn.width);
        cr_assert_eq(lab_value(arch, "inputs").count, drawn.input_count);
        cr_assert_eq(lab_find(arch, "again") >= 0, drawn.option == 2);
        arch_release(arch);
    }
    lab_close(&lab);
}

// Up to 20 layers, each the last with a chance of 1/4.
static esp_status build_geometric(void *self, esp_builder *b)
{
    uint64_t *depth = self;
    for (*depth = 0; *depth < 20; ++*depth) {
        esp_scope(b, "layer", (int64_t)*depth);
        uint32_t stop = esp_choose_chance(b, "stop", 0.25);
        esp_scope_end(b);
        if (stop)
            break;
    }
    return esp_classifier(b, esp_input(b));
}

TestLeak(sample, draws_a_chance_as_often_as_it_says)
{
    enum { DRAWS = 20000 };
    struct lab lab = {0};
    uint64_t depth = 0;
    int shorter[6] = {0};
    lab_open(&lab, build_geometric);
    lab.self = &depth;
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        struct arch *arch = lab_sample(&lab, seed);
        for (uint64_t d = 0; d < ESP_COUNT(shorter); d++)
            shorter[d] += depth <= d;
        cr_assert_eq(esp_arch_domain(arch_handle(arch), 0)->count, 2);
        arch_release(arch);
    }
    for (int d = 0; d < (int)ESP_COUNT(shorter); d++) { // six deviations
        double share = 1.0 - pow(0.75, d + 1);
        cr_expect_float_eq((double)shorter[d] / DRAWS, share, 6 * sqrt(share * (1 - share) / DRAWS),
                           "depth %d: %d", d, shorter[d]);
    }
    lab_close(&lab);
}

TestLeak(sample, draws_each_value_equally_often)
{
    struct lab lab = {0};
    int integers[5] = {0}, subsets[16] = {0}, inputs[16] = {0}, negative = 0, tens[3] = {0};
    enum { DRAWS = 14000 };
    lab_open(&lab, build_mixed);
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        struct arch *arch = lab_sample(&lab, seed);
        integers[lab_value(arch, "integer").as.integer + 2]++;
        int bits = 0;
        for (uint32_t i = 0; i < lab_value(arch, "subset").count; i++)
            bits |= 1 << lab_value(arch, "subset").as.indices[i];
        subsets[bits]++;
        bits = 0;
        for (uint32_t i = 0; i < lab_value(arch, "inputs").count; i++)
            bits |= 1 << lab_value(arch, "inputs").as.indices[i];
        inputs[bits]++;
        negative += lab_value(arch, "real").as.real < 0.0;
        int64_t logarithmic = lab_value(arch, "log_integer").as.integer;
        tens[logarithmic > 100 ? 2 : logarithmic > 10]++;
        arch_release(arch);
    }
    for (int i = 0; i < 5; i++)
        cr_assert_float_eq(integers[i], DRAWS / 5, 260, "%d: %d", i - 2, integers[i]);
    for (int i = 0; i < 16; i++) {
        // 1 to 3 of 4 are 14 subsets: all but none and all.
        bool possible = i != 0 && i != 15;
        cr_assert_float_eq(subsets[i], possible ? DRAWS / 14 : 0, possible ? 170 : 0, "%d: %d", i,
                           subsets[i]);
        cr_assert_float_eq(inputs[i], DRAWS / 16, 160, "%d: %d", i, inputs[i]);
    }
    cr_assert_float_eq(negative, DRAWS / 2, 320);
    // 1 .. 10, 11 .. 100, 101 .. 1000: log(11), log(101 / 11), log(1001 / 101) of log(1001).
    cr_assert_float_eq(tens[0], DRAWS * log(11.0) / log(1001.0), 320, "%d", tens[0]);
    cr_assert_float_eq(tens[1], DRAWS * log(101.0 / 11.0) / log(1001.0), 320, "%d", tens[1]);
    lab_close(&lab);
}

static esp_status build_log(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_int_log(b, "x", 1, 3);
    return esp_classifier(b, esp_input(b));
}

TestLeak(sample, a_logarithmic_integer_has_the_share_of_its_interval)
{
    struct lab lab = {0};
    int counts[4] = {0};
    enum { DRAWS = 10000 };
    lab_open(&lab, build_log);
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        struct arch *arch = lab_sample(&lab, seed);
        counts[lab_value(arch, "x").as.integer]++;
        arch_release(arch);
    }
    for (int i = 1; i < 4; i++) // [log i, log (i + 1)) of [0, log 4)
        cr_assert_float_eq(counts[i], DRAWS * log((i + 1.0) / i) / log(4.0), 250, "%d: %d", i,
                           counts[i]);
    lab_close(&lab);
}

TestLeak(build, the_same_architecture_gives_the_same_graph)
{
    struct lab lab = {0};
    lab_open(&lab, build_chain);
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct arch *arch = lab_sample(&lab, seed);
        json_t *json = arch_json(arch, "lab");
        struct written_arch written;
        struct arch *back;
        cr_assert_eq(written_arch_parse(&written, json, &lab.error), ESP_OK);
        cr_assert_eq(builder_read(lab.builder, &written, &back, &lab.error), ESP_OK, "%s",
                     lab.error.message);
        cr_assert_eq(arch_hash(back), arch_hash(arch));
        char *first = lab_graph_text(&lab, arch), *second = lab_graph_text(&lab, back);
        cr_assert_str_eq(first, second);
        free(first);
        free(second);
        written_arch_destroy(&written);
        json_decref(json);
        arch_release(back);
        arch_release(arch);
    }
    lab_close(&lab);
}

TestLeak(build, operators_stand_at_their_weight_paths)
{
    struct lab lab = {0};
    lab_open(&lab, build_shared);
    struct arch *arch = NULL;
    for (uint64_t seed = 0; !arch; seed++) {
        arch = lab_sample(&lab, seed);
        if (lab_value(arch, "normal/left").as.index != 0) { // a convolution
            arch_release(arch);
            arch = NULL;
        }
    }
    char *text = lab_graph_text(&lab, arch);
    cr_assert(strstr(text, "\"cell/0/normal/left/conv/conv\""), "%s", text);
    cr_assert(strstr(text, "\"cell/2/normal/left/conv/conv\""), "%s", text);
    cr_assert(strstr(text, "\"classifier\""), "%s", text);
    free(text);
    arch_release(arch);
    lab_close(&lab);
}

TestLeak(build, a_trace_that_does_not_fit_is_refused_with_the_decision)
{
    struct lab lab = {0};
    lab_open(&lab, build_chain);
    struct arch *arch = NULL;
    for (uint64_t seed = 0; !arch || lab_value(arch, "depth").as.integer != 2; seed++) {
        arch_release(arch);
        arch = lab_sample(&lab, seed);
    }
    uint64_t count;
    struct choice choices[8];
    const struct choice *trace = arch_choices(arch, &count);
    memcpy(choices, trace, count * sizeof *choices);
    esp_domain wide = *esp_arch_domain(arch_handle(arch), 0);
    wide.int_max = 9;
    struct choice other_domain = choices[0];
    other_domain.decision =
        dictionary_decision(lab.dictionary, esp_arch_path_id(arch_handle(arch), 0), &wide);

    struct {
        struct choice first;
        uint64_t count;
        const char *reason;
    } rows[] = {
        {choices[0], count - 1, "is missing in the architecture"},
        {{choices[0].decision, esp_value_int(1)}, count, "is left over in the architecture"},
        {other_domain, count,
         "decision depth is an integer of 1 .. 9 in the architecture, but an "
         "integer of 1 .. 3 in the space"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        struct error error = {0};
        choices[0] = rows[i].first;
        struct arch *broken = arch_create(lab.dictionary, choices, rows[i].count);
        struct graph *graph = NULL;
        cr_assert_eq(builder_build(lab.builder, broken, &graph, &error), ESP_ERROR_INVALID);
        cr_assert(strstr(error.message, rows[i].reason), "%s", error.message);
        cr_assert(strstr(error.message, "space lab"), "%s", error.message);
        cr_assert_null(graph);
        arch_release(broken);
    }
    arch_release(arch);
    lab_close(&lab);
}

// ---- Sharing, single values, rejection ----------------------------------------------------------

TestLeak(share, a_decision_path_gives_one_value)
{
    struct lab lab = {0};
    lab_open(&lab, build_shared);
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct arch *arch = lab_sample(&lab, seed);
        esp_arch *handle = arch_handle(arch);
        cr_assert_leq(esp_arch_count(handle), 4, "three positions, one cell");
        for (uint64_t i = 0; i < esp_arch_count(handle); i++)
            cr_assert_eq(strncmp(esp_arch_path(handle, i), "normal/", 7), 0);
        arch_release(arch);
    }
    lab_close(&lab);
}

static esp_status build_paths(void *self, esp_builder *b)
{
    (void)self;
    esp_share(b, "outer"); // at the root
    esp_choose_int(b, "a", 0, 1);
    esp_scope(b, "stage", 0);
    esp_choose_int(b, "b", 0, 1);
    esp_share(b, "inner");
    esp_scope(b, "name.only-1_", -1);
    esp_choose_int(b, "c", 0, 1);
    esp_scope_end(b);
    esp_scope_end(b);
    esp_choose_int(b, "d", 0, 1);
    esp_scope_end(b);
    esp_scope_end(b);
    esp_scope(b, "block", 1234567890123);
    esp_choose_int(b, "e", 0, 1);
    esp_scope_end(b);
    esp_choose_int(b, "f", 0, 1);
    return esp_classifier(b, esp_input(b));
}

TestLeak(share, roots_the_decision_path_until_its_scope_ends)
{
    static const char *const paths[] = {
        "outer/a",         "outer/stage/0/b",       "inner/name.only-1_/c",
        "outer/stage/0/d", "block/1234567890123/e", "f"};
    struct lab lab = {0};
    lab_open(&lab, build_paths);
    struct arch *arch = lab_sample(&lab, 1);
    cr_assert_eq(esp_arch_count(arch_handle(arch)), ESP_COUNT(paths));
    for (uint64_t i = 0; i < ESP_COUNT(paths); i++)
        cr_assert_str_eq(esp_arch_path(arch_handle(arch), i), paths[i]);
    arch_release(arch);
    lab_close(&lab);
}

static esp_status build_single(void *self, esp_builder *b)
{
    (void)self;
    uint32_t chosen[4] = {9, 9, 9, 9};
    cr_assert_eq(esp_choose_int(b, "integer", 7, 7), 7);
    cr_assert_eq(esp_choose_real_log(b, "real", 0.5, 0.5), 0.5);
    cr_assert_eq(esp_choose_one(b, "option", letters, 1), 0);
    cr_assert_eq(esp_choose_value(b, "value", kernels + 1, 1), 3);
    cr_assert_eq(esp_choose_inputs(b, "all", letters, 3, 3, 3, chosen), 3);
    cr_assert(chosen[0] == 0 && chosen[1] == 1 && chosen[2] == 2 && chosen[3] == 9);
    cr_assert_eq(esp_choose_inputs(b, "none", NULL, 0, 0, 0, chosen), 0);
    cr_assert_eq(esp_choose_subset(b, "empty", letters, 4, 0, 0).count, 0);
    return esp_classifier(b, esp_input(b));
}

TestLeak(single, domains_of_one_value_are_no_decisions)
{
    struct lab lab = {0};
    lab_open(&lab, build_single);
    struct arch *arch = lab_sample(&lab, 1), *child;
    cr_assert_eq(esp_arch_count(arch_handle(arch)), 0);
    esp_random random = lab_stream(1);
    cr_assert_eq(builder_mutate(lab.builder, arch, 0.0, &random, &child, &lab.error),
                 ESP_ERROR_UNSUPPORTED);
    cr_assert(strstr(lab.error.message, "space lab"), "%s", lab.error.message);
    struct visits visits = {0};
    uint64_t count;
    error_clear(&lab.error);
    cr_assert_eq(builder_enumerate(lab.builder, visit_member, &visits, 0, &count, &lab.error),
                 ESP_OK);
    cr_assert_eq(count, 1);
    arch_release(arch);
    lab_close(&lab);
}

TestLeak(reject, passes_are_drawn_again_and_counted)
{
    struct lab lab = {0};
    lab_open(&lab, build_even);
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct arch *arch = lab_sample(&lab, seed);
        int64_t sum = lab_value(arch, "first").as.integer + lab_value(arch, "second").as.integer;
        cr_assert_eq(sum % 2, 0);
        arch_release(arch);
    }
    // Half of the pairs are odd: as many rejections as members.
    double rejections = (double)builder_rejections(lab.builder);
    cr_assert_float_eq(rejections, 1000.0, 230.0, "%g", rejections);
    esp_random random = lab_stream(4);
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct arch *parent = lab_sample(&lab, seed), *child;
        cr_assert_eq(builder_mutate(lab.builder, parent, 0.0, &random, &child, &lab.error), ESP_OK);
        cr_assert_eq(lab_compare(child, parent).changed, 1);
        lab_assert_member(&lab, child);
        arch_release(child);
        arch_release(parent);
    }
    lab_close(&lab);
}

static esp_status build_nothing(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_int(b, "x", 0, 1);
    return esp_reject(b, "there is nothing here");
}

TestLeak(reject, a_space_without_members_is_named_after_a_thousand_redraws)
{
    struct lab lab = {0};
    lab_open(&lab, build_nothing);
    esp_random random = lab_stream(1);
    struct arch *arch;
    cr_assert_eq(builder_sample(lab.builder, &random, &arch, &lab.error), ESP_ERROR_REJECTED);
    cr_assert(strstr(lab.error.message, "space lab"), "%s", lab.error.message);
    cr_assert(strstr(lab.error.message, "there is nothing here"), "%s", lab.error.message);
    cr_assert_eq(lab.instances, 1001);
    cr_assert_eq(builder_rejections(lab.builder), 1001);
    lab_close(&lab);
}

// ---- Relaxed ------------------------------------------------------------------------------------

static const esp_alternative cell_ops[] = {ESP_ALTERNATIVE("pool", emit_pool),
                                           ESP_ALTERNATIVE("skip", emit_identity)};

static esp_status build_cell(void *self, esp_builder *b)
{
    uint64_t *input_count = self;
    esp_node x = esp_input(b);
    for (int64_t i = 0; i < 2; i++) {
        uint32_t chosen[3];
        esp_scope(b, "cell", i);
        esp_share(b, "normal");
        *input_count = esp_choose_inputs(b, "inputs", letters, 3, 1, 2, chosen);
        for (uint64_t j = 0; j < *input_count; j++) {
            esp_scope(b, "from", (int64_t)chosen[j]);
            x = esp_choose_op(b, "op", x, cell_ops, ESP_COUNT(cell_ops), NULL);
            esp_scope_end(b);
        }
        esp_scope_end(b);
        esp_scope_end(b);
    }
    return esp_classifier(b, x);
}

TestLeak(relax, builds_all_alternatives_behind_choices)
{
    struct fix fix = {"normal/from/2/op", "pool"};
    struct lab lab = {.design = {.fixes = &fix, .fix_count = 1}};
    uint64_t input_count = 0;
    struct graph *graph;
    lab_open(&lab, build_cell);
    lab.self = &input_count;
    cr_assert_eq(builder_relax(lab.builder, &graph, &lab.error), ESP_OK, "%s", lab.error.message);
    cr_assert_eq(input_count, 3, "all inputs");
    const esp_graph *handle = graph_handle(graph);
    int choices = 0, pools = 0;
    for (uint64_t i = 0; i < esp_graph_node_count(handle); i++) {
        const esp_graph_node *node = esp_graph_get(handle, i);
        pools += strcmp(node->op, "MaxPool") == 0;
        if (strcmp(node->op, "Choice") != 0)
            continue;
        char path[64];
        snprintf(path, sizeof path, "cell/%d/normal/from/%d/op/choice", choices / 2, choices % 2);
        cr_assert_str_eq(node->path, path);
        snprintf(path, sizeof path, "normal/from/%d/op", choices % 2);
        cr_assert_str_eq(esp_graph_attribute(node, "path")->text, path);
        cr_assert_str_eq(esp_graph_attribute(node, "names")->text, "pool|skip");
        cr_assert_eq(node->input_count, 2);
        choices++;
    }
    cr_assert_eq(choices, 4, "two positions of two open decisions");
    cr_assert_eq(pools, 6, "the fixed one is emitted alone");
    graph_destroy(graph);
    lab_close(&lab);
}

TestLeak(relax, names_a_decision_that_is_open)
{
    struct lab lab = {0};
    struct graph *graph = NULL;
    lab_open(&lab, build_chain);
    cr_assert_eq(builder_relax(lab.builder, &graph, &lab.error), ESP_ERROR_UNSUPPORTED);
    cr_assert(strstr(lab.error.message, "decision depth"), "%s", lab.error.message);
    cr_assert(strstr(lab.error.message, "[fix] depth = VALUE"), "%s", lab.error.message);
    cr_assert_null(graph);
    lab_close(&lab);
}

static esp_status build_shapes(void *self, esp_builder *b)
{
    uint32_t *rank = self;
    esp_node x = esp_input(b);
    cr_assert_eq(esp_input(b).id, x.id, "there is one input");
    cr_assert_eq(esp_builder_task(b)->classes, 10);
    rank[esp_tracing(b)] = esp_node_shape(b, x).rank;
    return esp_classifier(b, x);
}

TestLeak(build, shapes_are_known_where_a_graph_is_made)
{
    struct lab lab = {0};
    uint32_t rank[2] = {9, 9};
    lab_open(&lab, build_shapes);
    lab.self = rank;
    struct arch *arch = lab_sample(&lab, 1);
    free(lab_graph_text(&lab, arch));
    cr_assert_eq(rank[1], 0, "tracing");
    cr_assert_eq(rank[0], 4, "building");
    arch_release(arch);
    lab_close(&lab);
}
