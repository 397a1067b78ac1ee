// SPDX-License-Identifier: Apache-2.0
// The builder's laws, as properties of small spaces over many seeds: every chooser, both paths, fixed
// and searched decisions, rejection, and what misuse is told.
#include "builder/builder.h"
#include "support/leak.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS 300 // of a property

// ---- A builder over one function ----------------------------------------------------------------

struct lab {
    struct error error;
    struct dictionary *dictionary;
    struct builder *builder;
    struct design design;
    esp_space_type type;
    esp_task task;
    void *self; // the space's instance
    uint64_t instances;
    const esp_value *values; // of searched decisions, as last seen
};

static esp_status give_instance(void *self, const esp_value *values, void **instance,
                                struct error *error)
{
    struct lab *lab = self;
    (void)error;
    lab->instances++;
    lab->values = values;
    *instance = lab->self;
    return ESP_OK;
}

static void lab_open(struct lab *lab, esp_status (*build)(void *self, esp_builder *b))
{
    struct design design = lab->design;
    memset(lab, 0, sizeof *lab);
    lab->task = (esp_task){sizeof lab->task, ESP_TASK_IMAGES, 0, 3, 8, 8, 10};
    lab->type.struct_size = sizeof lab->type;
    lab->type.build = build;
    lab->design = design;
    lab->design.space = "lab";
    lab->design.task = &lab->task;
    lab->design.type = &lab->type;
    lab->design.instance = give_instance;
    lab->design.instance_self = lab;
    lab->dictionary = dictionary_create();
    lab->builder = builder_create(&lab->design, lab->dictionary);
    cr_assert_not_null(lab->builder);
}

static void lab_close(struct lab *lab)
{
    builder_destroy(lab->builder);
    dictionary_destroy(lab->dictionary);
}

static esp_random stream(uint64_t seed)
{
    return esp_random_stream(seed, 0, 0, 0, 0);
}

static struct arch *sample(struct lab *lab, uint64_t seed)
{
    esp_random random = stream(seed);
    struct arch *arch = NULL;
    esp_status status = builder_sample(lab->builder, &random, &arch, &lab->error);
    cr_assert_eq(status, ESP_OK, "%s", lab->error.message);
    return arch;
}

static int64_t find(struct arch *arch, const char *path)
{
    return esp_arch_find(arch_handle(arch), path);
}

static esp_value value(struct arch *arch, const char *path)
{
    int64_t at = find(arch, path);
    cr_assert_geq(at, 0, "no decision %s", path);
    return esp_arch_value(arch_handle(arch), (uint64_t)at);
}

// The value that `arch` has for decision `number` of the dictionary, or NULL.
static const esp_value *value_of(const struct arch *arch, uint32_t number)
{
    uint64_t count;
    const struct choice *choices = arch_choices(arch, &count);
    for (uint64_t i = 0; i < count; i++)
        if (choices[i].decision == number)
            return &choices[i].value;
    return NULL;
}

static char *graph_text(struct lab *lab, const struct arch *arch)
{
    struct graph *graph;
    esp_status status = builder_build(lab->builder, arch, &graph, &lab->error);
    cr_assert_eq(status, ESP_OK, "%s", lab->error.message);
    json_t *json = graph_json(graph_handle(graph));
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    graph_destroy(graph);
    return text;
}

// ---- Spaces -------------------------------------------------------------------------------------

static const int64_t kernels[] = {1, 3};

static esp_node emit_conv(esp_builder *b, esp_node x, const void *argument)
{
    const int64_t *channels = argument;
    int64_t kernel = esp_choose_value(b, "kernel", kernels, 2);
    esp_conv_options options = {.channels = *channels, .kernel = kernel};
    return esp_conv(b, "conv", x, options);
}

static esp_node emit_pool(esp_builder *b, esp_node x, const void *argument)
{
    (void)argument;
    return esp_max_pool(b, x, 3, 1);
}

static esp_node emit_identity(esp_builder *b, esp_node x, const void *argument)
{
    (void)b;
    (void)argument;
    return x;
}

static const esp_alternative chain_ops[] = {ESP_ALTERNATIVE("conv", emit_conv),
                                            ESP_ALTERNATIVE("pool", emit_pool),
                                            ESP_ALTERNATIVE("identity", emit_identity)};

// 1 to 3 layers of 2 + 1 + 1 variants: 4 + 16 + 64 members.
static esp_status build_chain(void *self, esp_builder *b)
{
    static const int64_t channels = 3; // as the input: alternatives agree in their shapes
    (void)self;
    esp_node x = esp_input(b);
    int64_t depth = esp_choose_int(b, "depth", 1, 3);
    for (int64_t i = 0; i < depth; i++) {
        esp_scope(b, "layer", i);
        x = esp_choose_op(b, "op", x, chain_ops, ESP_COUNT(chain_ops), &channels);
        esp_scope_end(b);
    }
    return esp_classifier(b, x);
}

static const char *const options[] = {"a", "b", "c", "d"};

// A decision of each kind, and one that depends on another.
struct drawn {
    int64_t integer, logarithmic, width, again;
    double real, log_real;
    uint64_t option;
    uint32_t subset[4], subset_count;
    uint32_t inputs[4], input_count;
};

static esp_status build_mixed(void *self, esp_builder *b)
{
    struct drawn drawn = {0};
    esp_node x = esp_input(b);
    drawn.integer = esp_choose_int(b, "integer", -2, 2);
    drawn.logarithmic = esp_choose_int_log(b, "log_integer", 1, 1000);
    drawn.real = esp_choose_real(b, "real", -1.0, 1.0);
    drawn.log_real = esp_choose_real_log(b, "log_real", 1e-4, 1e-1);
    drawn.option = esp_choose_one(b, "option", options, 4);
    drawn.width = esp_choose_value(b, "width", kernels, 2);
    esp_value subset = esp_choose_subset(b, "subset", options, 4, 1, 3);
    for (uint32_t i = 0; i < subset.count; i++)
        drawn.subset[i] = subset.as.indices[i];
    drawn.subset_count = subset.count;
    drawn.input_count = (uint32_t)esp_choose_inputs(b, "inputs", options, 4, 0, 4, drawn.inputs);
    if (drawn.option == 2)
        drawn.again = esp_choose_int(b, "again", 0, 9);
    if (self)
        memcpy(self, &drawn, sizeof drawn);
    return esp_classifier(b, x);
}

// A cell of two edges, drawn once and emitted at three positions.
static esp_status build_shared(void *self, esp_builder *b)
{
    static const int64_t channels = 3;
    (void)self;
    esp_node x = esp_input(b);
    for (int64_t i = 0; i < 3; i++) {
        esp_scope(b, "cell", i);
        esp_share(b, "normal");
        x = esp_choose_op(b, "left", x, chain_ops, ESP_COUNT(chain_ops), &channels);
        x = esp_choose_op(b, "right", x, chain_ops, ESP_COUNT(chain_ops), &channels);
        esp_scope_end(b);
        esp_scope_end(b);
    }
    return esp_classifier(b, x);
}

// Of 16 pairs the 8 with an even sum; the second is drawn before the first is looked at.
static esp_status build_even(void *self, esp_builder *b)
{
    (void)self;
    int64_t first = esp_choose_int(b, "first", 0, 3), second = esp_choose_int(b, "second", 0, 3);
    if ((first + second) % 2 != 0)
        return esp_reject(b, "the sum is odd");
    return esp_classifier(b, esp_input(b));
}

// ---- Sample and replay --------------------------------------------------------------------------

TestLeak(sample, same_seed_same_architecture)
{
    struct lab lab = {0}, other = {0};
    lab_open(&lab, build_mixed);
    lab_open(&other, build_mixed);
    int differ = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct arch *a = sample(&lab, seed), *b = sample(&other, seed), *c = sample(&lab, seed + 1);
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
        struct arch *arch = sample(&lab, seed);
        lab.self = &replayed;
        memset(&replayed, 0xff, sizeof replayed);
        cr_assert_eq(builder_build(lab.builder, arch, NULL, &lab.error), ESP_OK, "%s",
                     lab.error.message);
        cr_assert_eq(memcmp(&drawn, &replayed, sizeof drawn), 0);
        cr_assert_eq(value(arch, "integer").as.integer, drawn.integer);
        cr_assert_eq(value(arch, "log_real").as.real, drawn.log_real);
        cr_assert_eq(kernels[value(arch, "width").as.index], drawn.width);
        cr_assert_eq(value(arch, "inputs").count, drawn.input_count);
        cr_assert_eq(find(arch, "again") >= 0, drawn.option == 2);
        arch_release(arch);
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
        struct arch *arch = sample(&lab, seed);
        integers[value(arch, "integer").as.integer + 2]++;
        int bits = 0;
        for (uint32_t i = 0; i < value(arch, "subset").count; i++)
            bits |= 1 << value(arch, "subset").as.indices[i];
        subsets[bits]++;
        bits = 0;
        for (uint32_t i = 0; i < value(arch, "inputs").count; i++)
            bits |= 1 << value(arch, "inputs").as.indices[i];
        inputs[bits]++;
        negative += value(arch, "real").as.real < 0.0;
        int64_t logarithmic = value(arch, "log_integer").as.integer;
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
        struct arch *arch = sample(&lab, seed);
        counts[value(arch, "x").as.integer]++;
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
        struct arch *arch = sample(&lab, seed);
        json_t *json = arch_json(arch, "lab");
        struct written_arch written;
        struct arch *back;
        cr_assert_eq(written_arch_parse(&written, json, &lab.error), ESP_OK);
        cr_assert_eq(builder_read(lab.builder, &written, &back, &lab.error), ESP_OK, "%s",
                     lab.error.message);
        cr_assert_eq(arch_hash(back), arch_hash(arch));
        char *first = graph_text(&lab, arch), *second = graph_text(&lab, back);
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
        arch = sample(&lab, seed);
        if (value(arch, "normal/left").as.index != 0) { // a convolution
            arch_release(arch);
            arch = NULL;
        }
    }
    char *text = graph_text(&lab, arch);
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
    for (uint64_t seed = 0; !arch || value(arch, "depth").as.integer != 2; seed++) {
        arch_release(arch);
        arch = sample(&lab, seed);
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

// ---- Mutation, crossover, neighbours ------------------------------------------------------------

// A child's decisions: those that its parent has too and that differ, those that are equal, and
// those that are new.
struct comparison {
    uint64_t changed, kept, added;
};

static struct comparison compare(const struct arch *child, const struct arch *parent)
{
    struct comparison comparison = {0, 0, 0};
    uint64_t count;
    const struct choice *choices = arch_choices(child, &count);
    for (uint64_t i = 0; i < count; i++) {
        const esp_value *before = value_of(parent, choices[i].decision);
        if (!before)
            comparison.added++;
        else if (value_equal(*before, choices[i].value))
            comparison.kept++;
        else
            comparison.changed++;
    }
    return comparison;
}

static void assert_member(struct lab *lab, const struct arch *arch)
{
    cr_assert_eq(builder_build(lab->builder, arch, NULL, &lab->error), ESP_OK, "%s",
                 lab->error.message);
}

TestLeak(mutate, with_rate_0_exactly_one_decision_takes_another_value)
{
    esp_status (*const spaces[])(void *, esp_builder *) = {build_chain, build_mixed, build_shared};
    for (size_t space = 0; space < ESP_COUNT(spaces); space++) {
        struct lab lab = {0};
        lab_open(&lab, spaces[space]);
        esp_random random = stream(99);
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct arch *parent = sample(&lab, seed), *child;
            cr_assert_eq(builder_mutate(lab.builder, parent, 0.0, &random, &child, &lab.error),
                         ESP_OK, "%s", lab.error.message);
            cr_assert_eq(compare(child, parent).changed, 1);
            cr_assert_neq(arch_hash(child), arch_hash(parent));
            assert_member(&lab, child);
            arch_release(parent);
            arch_release(child);
        }
        lab_close(&lab);
    }
}

TestLeak(mutate, picks_each_decision_equally_often)
{
    struct lab lab = {0};
    int changed[2] = {0};
    lab_open(&lab, build_shared); // of pools and identities: two decisions, nothing conditional
    struct arch *parent = NULL;
    for (uint64_t seed = 0; !parent || esp_arch_count(arch_handle(parent)) != 2; seed++) {
        arch_release(parent);
        parent = sample(&lab, seed);
    }
    esp_random random = stream(7);
    for (int i = 0; i < 4000; i++) {
        struct arch *child;
        builder_mutate(lab.builder, parent, 0.0, &random, &child, &lab.error);
        changed[0] += value(child, "normal/left").as.index != value(parent, "normal/left").as.index;
        changed[1] +=
            value(child, "normal/right").as.index != value(parent, "normal/right").as.index;
        arch_release(child);
    }
    cr_assert_eq(changed[0] + changed[1], 4000);
    cr_assert_float_eq(changed[0], 2000, 160, "%d", changed[0]);
    arch_release(parent);
    lab_close(&lab);
}

static esp_status build_flat(void *self, esp_builder *b)
{
    (void)self;
    esp_scope(b, "x", -1);
    for (int64_t i = 0; i < 4; i++) {
        char name[8];
        snprintf(name, sizeof name, "d%d", (int)i);
        esp_choose_one(b, name, options, 4);
    }
    esp_scope_end(b);
    return esp_classifier(b, esp_input(b));
}

TestLeak(mutate, with_a_rate_each_decision_changes_with_that_probability_one_at_least)
{
    struct lab lab = {0};
    lab_open(&lab, build_flat);
    struct arch *parent = sample(&lab, 1), *child;
    esp_random random = stream(7);
    enum { DRAWS = 10000 };
    int changes[5] = {0};
    for (int i = 0; i < DRAWS; i++) {
        builder_mutate(lab.builder, parent, 0.3, &random, &child, &lab.error);
        changes[compare(child, parent).changed]++;
        arch_release(child);
    }
    cr_assert_eq(changes[0], 0);
    // Binomial(4, 0.3) on the condition of one at least.
    const double none = pow(0.7, 4);
    const double shares[5] = {0, 4 * 0.3 * pow(0.7, 3), 6 * 0.09 * 0.49, 4 * 0.027 * 0.7, 0.0081};
    for (int i = 1; i < 5; i++)
        cr_assert_float_eq(changes[i], DRAWS * shares[i] / (1.0 - none), 250, "%d: %d", i,
                           changes[i]);
    builder_mutate(lab.builder, parent, 1.0, &random, &child, &lab.error);
    cr_assert_eq(compare(child, parent).changed, 4);
    arch_release(child);
    builder_mutate(lab.builder, parent, 1e-12, &random, &child, &lab.error);
    cr_assert_eq(compare(child, parent).changed, 1);
    arch_release(child);
    cr_assert_eq(builder_mutate(lab.builder, parent, 1.5, &random, &child, &lab.error),
                 ESP_ERROR_INVALID);
    arch_release(parent);
    lab_close(&lab);
}

TestLeak(cross, what_a_parent_has_is_taken_from_a_parent)
{
    esp_status (*const spaces[])(void *, esp_builder *) = {build_chain, build_mixed, build_shared,
                                                           build_even};
    for (size_t space = 0; space < ESP_COUNT(spaces); space++) {
        struct lab lab = {0};
        lab_open(&lab, spaces[space]);
        esp_random random = stream(5);
        int of_a = 0, of_b = 0;
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct arch *a = sample(&lab, seed), *b = sample(&lab, seed + 10000), *child;
            cr_assert_eq(builder_cross(lab.builder, a, b, &random, &child, &lab.error), ESP_OK,
                         "%s", lab.error.message);
            uint64_t count;
            const struct choice *choices = arch_choices(child, &count);
            for (uint64_t i = 0; i < count; i++) {
                const esp_value *x = value_of(a, choices[i].decision);
                const esp_value *y = value_of(b, choices[i].decision);
                bool is_x = x && value_equal(*x, choices[i].value);
                bool is_y = y && value_equal(*y, choices[i].value);
                cr_assert((!x && !y) || is_x || is_y);
                of_a += x && y && is_x && !is_y;
                of_b += x && y && is_y && !is_x;
            }
            assert_member(&lab, child);
            arch_release(a);
            arch_release(b);
            arch_release(child);
        }
        cr_assert(of_a > 0 && of_b > 0 && fabs((double)of_a / (of_a + of_b) - 0.5) < 0.12,
                  "space %zu: %d and %d", space, of_a, of_b);
        lab_close(&lab);
    }
}

TestLeak(change, sets_one_decision_and_keeps_the_rest)
{
    struct lab lab = {0};
    lab_open(&lab, build_chain);
    esp_random random = stream(3);
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct arch *parent = sample(&lab, seed), *child;
        int64_t depth = value(parent, "depth").as.integer;
        uint64_t at = (uint64_t)find(parent, "depth");
        cr_assert_eq(builder_change(lab.builder, parent, at, esp_value_int(depth % 3 + 1), &random,
                                    &child, &lab.error),
                     ESP_OK, "%s", lab.error.message);
        cr_assert_eq(value(child, "depth").as.integer, depth % 3 + 1);
        cr_assert_eq(compare(child, parent).changed, 1);
        assert_member(&lab, child);
        arch_release(parent);
        arch_release(child);
    }
    struct arch *parent = sample(&lab, 1), *child;
    struct error error = {0};
    cr_assert_eq(builder_change(lab.builder, parent, 0, esp_value_int(4), &random, &child, &error),
                 ESP_ERROR_INVALID);
    cr_assert(strstr(error.message, "an integer of 1 .. 3"), "%s", error.message);
    cr_assert_eq(builder_change(lab.builder, parent, 99, esp_value_int(1), &random, &child, NULL),
                 ESP_ERROR_INVALID);
    arch_release(parent);
    lab_close(&lab);
}

TestLeak(change, to_no_member_is_rejected_at_once)
{
    struct lab lab = {0};
    lab_open(&lab, build_even);
    struct arch *parent = sample(&lab, 1), *child;
    esp_random random = stream(3);
    uint64_t before = builder_rejections(lab.builder);
    esp_value odd = esp_value_int((value(parent, "first").as.integer + 1) % 4);
    cr_assert_eq(builder_change(lab.builder, parent, 0, odd, &random, &child, &lab.error),
                 ESP_ERROR_REJECTED);
    cr_assert(strstr(lab.error.message, "the sum is odd"), "%s", lab.error.message);
    cr_assert_eq(builder_rejections(lab.builder), before + 1, "nothing else could be drawn");
    arch_release(parent);
    lab_close(&lab);
}

// ---- Decide -------------------------------------------------------------------------------------

struct tokens {
    char log[1024];
    uint32_t own[4]; // indices are copied at once: they are written over by the next call
    struct lab *lab;
    bool outside, fails, nested;
};

static esp_status decide_last(void *self, const char *path, const esp_domain *domain,
                              esp_value *out)
{
    struct tokens *tokens = self;
    strcat(tokens->log, path);
    strcat(tokens->log, " ");
    if (tokens->fails)
        return ESP_ERROR;
    if (tokens->nested) {
        esp_random random = stream(1);
        struct arch *arch;
        struct error error = {0};
        cr_assert_eq(builder_sample(tokens->lab->builder, &random, &arch, &error),
                     ESP_ERROR_MISUSE);
    }
    switch (domain->kind) {
    case ESP_DECISION_ONE:
        *out = esp_value_one(domain->count - !tokens->outside);
        break;
    case ESP_DECISION_INT:
        *out = esp_value_int(domain->int_max + tokens->outside);
        break;
    case ESP_DECISION_REAL:
        *out = esp_value_real(-0.0 > domain->real_min ? -0.0 : domain->real_max);
        break;
    default:
        for (uint32_t i = 0; i < domain->most; i++)
            tokens->own[i] = (uint32_t)(domain->count - domain->most) + i;
        *out = esp_value_subset(tokens->own, (uint32_t)domain->most);
        cr_assert_str_eq(domain->names[3], "d", "an input carries its source's name");
        break;
    }
    return ESP_OK;
}

TestLeak(decide, asks_for_every_decision_in_order)
{
    struct lab lab = {0};
    struct drawn drawn;
    struct tokens tokens = {.lab = &lab, .nested = true};
    struct arch *arch;
    lab_open(&lab, build_mixed);
    lab.self = &drawn;
    cr_assert_eq(builder_decide(lab.builder, decide_last, &tokens, &arch, &lab.error), ESP_OK, "%s",
                 lab.error.message);
    cr_assert_str_eq(tokens.log, "integer log_integer real log_real option width subset inputs ");
    cr_assert_eq(drawn.integer, 2);
    cr_assert_eq(drawn.width, 3);
    cr_assert_eq(value(arch, "subset").count, 3);
    cr_assert_eq(value(arch, "subset").as.indices[0], 1);
    cr_assert_eq(drawn.subset[0], 1);
    cr_assert_eq(value(arch, "inputs").as.indices[3], 3);
    cr_assert_not(signbit(drawn.real), "-0 is 0, as it will be when it is replayed");
    assert_member(&lab, arch);
    arch_release(arch);
    lab_close(&lab);
}

TestLeak(decide, refuses_values_outside_and_passes_failures_on)
{
    struct lab lab = {0};
    struct tokens outside = {.outside = true}, fails = {.fails = true};
    struct arch *arch;
    lab_open(&lab, build_chain);
    cr_assert_eq(builder_decide(lab.builder, decide_last, &outside, &arch, &lab.error),
                 ESP_ERROR_INVALID);
    cr_assert(strstr(lab.error.message, "decision depth is not an integer of 1 .. 3"), "%s",
              lab.error.message);
    error_clear(&lab.error);
    cr_assert_eq(builder_decide(lab.builder, decide_last, &fails, &arch, &lab.error), ESP_ERROR);
    cr_assert(strstr(lab.error.message, "depth"), "%s", lab.error.message);
    lab_close(&lab);
}

// ---- Enumerate ----------------------------------------------------------------------------------

struct visits {
    uint64_t hashes[4096];
    size_t count, stop_after;
    char order[2048];
};

static int compare_hashes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static esp_status visit(void *self, struct arch *arch)
{
    struct visits *visits = self;
    uint64_t count;
    const struct choice *choices = arch_choices(arch, &count);
    visits->hashes[visits->count++] = arch_hash(arch);
    for (uint64_t i = 0; i < count && strlen(visits->order) + 64 < sizeof visits->order; i++) {
        char text[64];
        value_text(text, sizeof text, esp_arch_domain(arch_handle(arch), i), choices[i].value);
        strcat(strcat(visits->order, i ? "," : ""), text);
    }
    strcat(visits->order, " ");
    return visits->count == visits->stop_after ? ESP_ERROR_CANCELLED : ESP_OK;
}

static size_t distinct(struct visits *visits)
{
    size_t different = visits->count > 0;
    qsort(visits->hashes, visits->count, sizeof *visits->hashes, compare_hashes);
    for (size_t i = 1; i < visits->count; i++)
        different += visits->hashes[i] != visits->hashes[i - 1];
    return different;
}

TestLeak(enumerate, counts_a_conditional_space_exactly)
{
    struct lab lab = {0};
    struct visits visits = {0};
    uint64_t count;
    lab_open(&lab, build_chain);
    cr_assert_eq(builder_enumerate(lab.builder, visit, &visits, 0, &count, &lab.error), ESP_OK);
    cr_assert_eq(count, 4 + 4 * 4 + 4 * 4 * 4);
    cr_assert_eq(distinct(&visits), count);
    // Depth first, values in order: depth, then the layers' operations and kernels.
    const char *const first = "1,conv,1 1,conv,3 1,pool 1,identity 2,conv,1,conv,1 2,conv,1,conv,3 "
                              "2,conv,1,pool 2,conv,1,identity 2,conv,3,conv,1 ";
    cr_assert_eq(strncmp(visits.order, first, strlen(first)), 0, "%s", visits.order);
    // Samples are members.
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct arch *arch = sample(&lab, seed);
        uint64_t hash = arch_hash(arch);
        cr_assert_not_null(
            bsearch(&hash, visits.hashes, visits.count, sizeof hash, compare_hashes));
        arch_release(arch);
    }
    lab_close(&lab);
}

TestLeak(enumerate, a_shared_cell_is_counted_once)
{
    struct lab lab = {0};
    struct visits visits = {0};
    uint64_t count;
    lab_open(&lab, build_shared);
    cr_assert_eq(builder_enumerate(lab.builder, visit, &visits, 0, &count, &lab.error), ESP_OK);
    cr_assert_eq(count, 16);
    lab_close(&lab);
}

static esp_status build_subsets(void *self, esp_builder *b)
{
    (void)self;
    esp_value subset = esp_choose_subset(b, "subset", options, 4, 0, 2);
    int64_t integer = esp_choose_int(b, "integer", -1, (int64_t)subset.count - 1);
    (void)integer;
    return esp_classifier(b, esp_input(b));
}

TestLeak(enumerate, subsets_come_by_size_and_integers_ascend_through_zero)
{
    struct lab lab = {0};
    struct visits visits = {0};
    uint64_t count;
    lab_open(&lab, build_subsets);
    cr_assert_eq(builder_enumerate(lab.builder, visit, &visits, 0, &count, &lab.error), ESP_OK);
    cr_assert_eq(count, 1 + 4 * 2 + 6 * 3);
    cr_assert_str_eq(visits.order, "none a,-1 a,0 b,-1 b,0 c,-1 c,0 d,-1 d,0 "
                                   "a+b,-1 a+b,0 a+b,1 a+c,-1 a+c,0 a+c,1 a+d,-1 a+d,0 a+d,1 "
                                   "b+c,-1 b+c,0 b+c,1 b+d,-1 b+d,0 b+d,1 c+d,-1 c+d,0 c+d,1 ");
    lab_close(&lab);
}

TestLeak(enumerate, leaves_rejected_passes_out_and_does_not_count_them)
{
    struct lab lab = {0};
    struct visits visits = {0};
    uint64_t count;
    lab_open(&lab, build_even);
    cr_assert_eq(builder_enumerate(lab.builder, visit, &visits, 0, &count, &lab.error), ESP_OK);
    cr_assert_eq(count, 8);
    cr_assert_str_eq(visits.order, "0,0 0,2 1,1 1,3 2,0 2,2 3,1 3,3 ");
    cr_assert_eq(builder_rejections(lab.builder), 0);
    lab_close(&lab);
}

static esp_status build_wide(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_int(b, "first", INT64_MIN, INT64_MAX);
    esp_choose_int(b, "second", INT64_MAX - 1, INT64_MAX);
    return esp_classifier(b, esp_input(b));
}

TestLeak(enumerate, ends_where_it_is_told)
{
    struct lab lab = {0};
    struct visits visits = {0};
    uint64_t count;
    lab_open(&lab, build_wide);
    cr_assert_eq(builder_enumerate(lab.builder, visit, &visits, 5, &count, &lab.error), ESP_OK);
    cr_assert_eq(count, 5);
    cr_assert_eq(distinct(&visits), 5);
    memset(&visits, 0, sizeof visits);
    visits.stop_after = 3;
    cr_assert_eq(builder_enumerate(lab.builder, visit, &visits, 0, &count, &lab.error),
                 ESP_ERROR_CANCELLED);
    cr_assert_eq(count, 3);
    lab_close(&lab);
}

TestLeak(enumerate, a_real_is_unsupported_and_named)
{
    struct lab lab = {0};
    struct visits visits = {0};
    uint64_t count;
    lab_open(&lab, build_mixed);
    cr_assert_eq(builder_enumerate(lab.builder, visit, &visits, 0, &count, &lab.error),
                 ESP_ERROR_UNSUPPORTED);
    cr_assert(strstr(lab.error.message, "decision real "), "%s", lab.error.message);
    lab_close(&lab);
}

static esp_status build_counter(void *self, esp_builder *b)
{
    int *passes = self;
    esp_choose_int(b, ++*passes % 2 ? "odd" : "even", 0, 1);
    return esp_classifier(b, esp_input(b));
}

TestLeak(enumerate, a_space_that_depends_on_something_else_is_told)
{
    struct lab lab = {0};
    struct visits visits = {0};
    uint64_t count;
    int passes = 0;
    lab_open(&lab, build_counter);
    lab.self = &passes;
    cr_assert_eq(builder_enumerate(lab.builder, visit, &visits, 0, &count, &lab.error),
                 ESP_ERROR_MISUSE);
    cr_assert(strstr(lab.error.message, "depends on something else"), "%s", lab.error.message);
    lab_close(&lab);
}

// ---- Sharing, single values, rejection ----------------------------------------------------------

TestLeak(share, a_decision_path_gives_one_value)
{
    struct lab lab = {0};
    lab_open(&lab, build_shared);
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct arch *arch = sample(&lab, seed);
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
    struct arch *arch = sample(&lab, 1);
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
    cr_assert_eq(esp_choose_one(b, "option", options, 1), 0);
    cr_assert_eq(esp_choose_value(b, "value", kernels + 1, 1), 3);
    cr_assert_eq(esp_choose_inputs(b, "all", options, 3, 3, 3, chosen), 3);
    cr_assert(chosen[0] == 0 && chosen[1] == 1 && chosen[2] == 2 && chosen[3] == 9);
    cr_assert_eq(esp_choose_inputs(b, "none", NULL, 0, 0, 0, chosen), 0);
    cr_assert_eq(esp_choose_subset(b, "empty", options, 4, 0, 0).count, 0);
    return esp_classifier(b, esp_input(b));
}

TestLeak(single, domains_of_one_value_are_no_decisions)
{
    struct lab lab = {0};
    lab_open(&lab, build_single);
    struct arch *arch = sample(&lab, 1), *child;
    cr_assert_eq(esp_arch_count(arch_handle(arch)), 0);
    esp_random random = stream(1);
    cr_assert_eq(builder_mutate(lab.builder, arch, 0.0, &random, &child, &lab.error),
                 ESP_ERROR_UNSUPPORTED);
    cr_assert(strstr(lab.error.message, "space lab"), "%s", lab.error.message);
    struct visits visits = {0};
    uint64_t count;
    error_clear(&lab.error);
    cr_assert_eq(builder_enumerate(lab.builder, visit, &visits, 0, &count, &lab.error), ESP_OK);
    cr_assert_eq(count, 1);
    arch_release(arch);
    lab_close(&lab);
}

TestLeak(reject, passes_are_drawn_again_and_counted)
{
    struct lab lab = {0};
    lab_open(&lab, build_even);
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct arch *arch = sample(&lab, seed);
        int64_t sum = value(arch, "first").as.integer + value(arch, "second").as.integer;
        cr_assert_eq(sum % 2, 0);
        arch_release(arch);
    }
    // Half of the pairs are odd: as many rejections as members.
    double rejections = (double)builder_rejections(lab.builder);
    cr_assert_float_eq(rejections, 1000.0, 230.0, "%g", rejections);
    esp_random random = stream(4);
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct arch *parent = sample(&lab, seed), *child;
        cr_assert_eq(builder_mutate(lab.builder, parent, 0.0, &random, &child, &lab.error), ESP_OK);
        cr_assert_eq(compare(child, parent).changed, 1);
        assert_member(&lab, child);
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
    esp_random random = stream(1);
    struct arch *arch;
    cr_assert_eq(builder_sample(lab.builder, &random, &arch, &lab.error), ESP_ERROR_REJECTED);
    cr_assert(strstr(lab.error.message, "space lab"), "%s", lab.error.message);
    cr_assert(strstr(lab.error.message, "there is nothing here"), "%s", lab.error.message);
    cr_assert_eq(lab.instances, 1001);
    cr_assert_eq(builder_rejections(lab.builder), 1001);
    lab_close(&lab);
}

// ---- Fixed and searched decisions ---------------------------------------------------------------

TestLeak(fix, holds_in_every_pass_and_leaves_the_trace)
{
    struct fix fixes[] = {{"layer/*/op", "identity"},
                          {"layer/1/op", "conv"},
                          {"depth", "3"},
                          {"*/kernel", "3"},
                          {"never", "1"}};
    struct lab lab = {.design = {.fixes = fixes, .fix_count = ESP_COUNT(fixes)}};
    lab_open(&lab, build_chain);
    struct arch *arch = sample(&lab, 1);
    cr_assert_eq(esp_arch_count(arch_handle(arch)), 0);
    char *text = graph_text(&lab, arch);
    cr_assert(strstr(text, "layer/1/op/conv/conv"), "the last pattern that matches holds: %s",
              text);
    cr_assert_null(strstr(text, "layer/0/op/conv"), "%s", text);
    free(text);
    cr_assert(builder_fix_used(lab.builder, 0) && builder_fix_used(lab.builder, 3));
    cr_assert_not(builder_fix_used(lab.builder, 4));
    arch_release(arch);
    struct visits visits = {0};
    uint64_t count;
    cr_assert_eq(builder_enumerate(lab.builder, visit, &visits, 0, &count, &lab.error), ESP_OK);
    cr_assert_eq(count, 1);
    lab_close(&lab);
}

TestLeak(fix, takes_values_as_json_or_as_bare_text)
{
    struct fix fixes[] = {{"integer", "-1"},    {"log_integer", "10"}, {"real", "0.25"},
                          {"log_real", "1e-3"}, {"option", "\"c\""},   {"width", "3"},
                          {"subset", "[3, 1]"}, {"inputs", "d, b"},    {"again", "4"}};
    struct lab lab = {.design = {.fixes = fixes, .fix_count = ESP_COUNT(fixes)}};
    struct drawn drawn;
    lab_open(&lab, build_mixed);
    lab.self = &drawn;
    arch_release(sample(&lab, 1));
    cr_assert_eq(drawn.integer, -1);
    cr_assert_eq(drawn.logarithmic, 10);
    cr_assert_eq(drawn.real, 0.25);
    cr_assert_eq(drawn.log_real, 1e-3);
    cr_assert_eq(drawn.option, 2);
    cr_assert_eq(drawn.width, 3);
    cr_assert(drawn.subset_count == 2 && drawn.subset[0] == 1 && drawn.subset[1] == 3);
    cr_assert(drawn.input_count == 2 && drawn.inputs[0] == 1 && drawn.inputs[1] == 3);
    cr_assert_eq(drawn.again, 4);
    lab_close(&lab);
}

TestLeak(fix, outside_the_domain_names_pattern_path_and_what_is_expected)
{
    static const struct {
        struct fix fix;
        const char *reason;
    } rows[] = {
        {{"de*", "4"},
         "[fix] de* = 4: the decision depth cannot have this value; expected an "
         "integer of 1 .. 3"},
        {{"depth", "two"}, "expected an integer of 1 .. 3"},
        {{"layer/*/op", "cnov"}, "expected one of conv, pool, identity"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        struct fix fix = rows[i].fix;
        struct lab lab = {.design = {.fixes = &fix, .fix_count = 1}};
        esp_random random = stream(1);
        struct arch *arch;
        lab_open(&lab, build_chain);
        cr_assert_eq(builder_sample(lab.builder, &random, &arch, &lab.error), ESP_ERROR_INVALID);
        cr_assert(strstr(lab.error.message, rows[i].reason), "%s", lab.error.message);
        lab_close(&lab);
    }
}

TestLeak(searched, decisions_come_first_and_choose_the_instance)
{
    static const char *const optimizers[] = {"sgd", "adamw"};
    struct searched searched[] = {
        {"@estimator/learning_rate",
         {.struct_size = sizeof(esp_domain),
          .kind = ESP_DECISION_REAL,
          .flags = ESP_DOMAIN_LOG,
          .real_min = 1e-4,
          .real_max = 0.1}},
        {"@estimator/optimizer",
         {.struct_size = sizeof(esp_domain),
          .kind = ESP_DECISION_ONE,
          .count = 2,
          .names = optimizers}},
        {"@space/fixed",
         {.struct_size = sizeof(esp_domain), .kind = ESP_DECISION_INT, .int_min = 1, .int_max = 9}},
    };
    struct fix fix = {"@space/*", "5"};
    struct lab lab = {
        .design = {.searched = searched, .searched_count = 3, .fixes = &fix, .fix_count = 1}};
    lab_open(&lab, build_chain);
    esp_random random = stream(2);
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct arch *arch = sample(&lab, seed), *child;
        cr_assert_eq(lab.instances, 3 * seed + 1, "once a pass");
        cr_assert_str_eq(esp_arch_path(arch_handle(arch), 0), "@estimator/learning_rate");
        cr_assert_str_eq(esp_arch_path(arch_handle(arch), 1), "@estimator/optimizer");
        cr_assert_str_eq(esp_arch_path(arch_handle(arch), 2), "depth");
        cr_assert_eq(lab.values[0].as.real, esp_arch_value(arch_handle(arch), 0).as.real);
        cr_assert_eq(lab.values[1].as.index, esp_arch_value(arch_handle(arch), 1).as.index);
        cr_assert_eq(lab.values[2].as.integer, 5, "a fixed one is given too");
        cr_assert_eq(builder_mutate(lab.builder, arch, 0.0, &random, &child, &lab.error), ESP_OK);
        cr_assert_eq(compare(child, arch).changed, 1);
        assert_member(&lab, child);
        arch_release(child);
        arch_release(arch);
    }
    lab_close(&lab);
}

// ---- Reading ------------------------------------------------------------------------------------

static esp_status read_json(struct lab *lab, const char *decisions, struct arch **out)
{
    struct written_arch written;
    json_t *list = json_loads(decisions, 0, NULL);
    json_t *json = json_pack("{s:o}", "decisions", list);
    error_clear(&lab->error);
    cr_assert_eq(written_arch_parse(&written, json, &lab->error), ESP_OK);
    esp_status status = builder_read(lab->builder, &written, out, &lab->error);
    written_arch_destroy(&written);
    json_decref(json);
    return status;
}

TestLeak(read, what_was_written_or_says_what_is_wrong)
{
    struct fix fix = {"layer/0/op", "pool"};
    struct lab lab = {.design = {.fixes = &fix, .fix_count = 1}};
    struct arch *arch;
    lab_open(&lab, build_chain);
    cr_assert_eq(read_json(&lab, "[[\"layer/1/op\", \"identity\"], [\"depth\", 2]]", &arch), ESP_OK,
                 "in any order: %s", lab.error.message);
    cr_assert_eq(value(arch, "depth").as.integer, 2);
    cr_assert_eq(esp_arch_count(arch_handle(arch)), 2);
    arch_release(arch);
    cr_assert_eq(read_json(&lab, "[[\"depth\", 1], [\"layer/0/op\", \"pool\"]]", &arch), ESP_OK,
                 "a fixed decision may be written with its value: %s", lab.error.message);
    arch_release(arch);
    static const struct {
        const char *decisions, *reason;
    } rows[] = {
        {"[]", "decision depth is not written: expected an integer of 1 .. 3"},
        {"[[\"depth\", 9]]", "decision depth: 9 is not an integer of 1 .. 3"},
        {"[[\"depth\", 1], [\"depht\", 1]]",
         "decision depht is written, but the space does not draw it; the nearest is depth"},
        {"[[\"depth\", 2], [\"layer/1/op\", \"pol\"]]", "the nearest is pool"},
        {"[[\"depth\", 1], [\"layer/0/op\", \"conv\"]]", "has the one value pool here"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        cr_assert_eq(read_json(&lab, rows[i].decisions, &arch), ESP_ERROR_INVALID);
        cr_assert(strstr(lab.error.message, rows[i].reason), "%s", lab.error.message);
    }
    lab_close(&lab);
}

TestLeak(read, what_is_no_member_is_rejected_with_the_reason)
{
    struct lab lab = {0};
    struct arch *arch;
    lab_open(&lab, build_even);
    cr_assert_eq(read_json(&lab, "[[\"first\", 1], [\"second\", 2]]", &arch), ESP_ERROR_REJECTED);
    cr_assert(strstr(lab.error.message, "the sum is odd"), "%s", lab.error.message);
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
        *input_count = esp_choose_inputs(b, "inputs", options, 3, 1, 2, chosen);
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

// ---- Misuse -------------------------------------------------------------------------------------

static esp_status two_domains(void *self, esp_builder *b)
{
    (void)self;
    for (int64_t i = 1; i < 3; i++) {
        esp_scope(b, "cell", i);
        esp_share(b, "normal");
        esp_choose_int(b, "x", 0, i);
        esp_scope_end(b);
        esp_scope_end(b);
    }
    return esp_classifier(b, esp_input(b));
}

static esp_status single_then_open(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_int(b, "x", 1, 1);
    esp_choose_int(b, "x", 1, 2);
    return esp_classifier(b, esp_input(b));
}

static esp_status bad_name(void *self, esp_builder *b)
{
    (void)self;
    esp_scope(b, "a/b", 0);
    esp_scope_end(b);
    return esp_classifier(b, esp_input(b));
}

static esp_status empty_name(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_int(b, "", 0, 1);
    return esp_classifier(b, esp_input(b));
}

static esp_status null_name(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_int(b, NULL, 0, 1);
    return esp_classifier(b, esp_input(b));
}

static esp_status left_open(void *self, esp_builder *b)
{
    (void)self;
    esp_scope(b, "cell", 3);
    return esp_classifier(b, esp_input(b));
}

static esp_status closed_twice(void *self, esp_builder *b)
{
    (void)self;
    esp_scope(b, "cell", 3);
    esp_scope_end(b);
    esp_scope_end(b);
    return esp_classifier(b, esp_input(b));
}

static esp_node emit_closing(esp_builder *b, esp_node x, const void *argument)
{
    (void)argument;
    esp_scope_end(b);
    return x;
}

static esp_node emit_opening(esp_builder *b, esp_node x, const void *argument)
{
    (void)argument;
    esp_scope(b, "inner", 0);
    return x;
}

static esp_node emit_none(esp_builder *b, esp_node x, const void *argument)
{
    const esp_node none = {0};
    (void)b;
    (void)x;
    (void)argument;
    return none;
}

static esp_status with_alternative(esp_builder *b, const char *name, esp_emit emit)
{
    const esp_alternative rows[] = {ESP_ALTERNATIVE(name, emit)};
    return esp_output(b, esp_choose_op(b, "op", esp_input(b), rows, 1, NULL));
}

static esp_status alternative_closes(void *self, esp_builder *b)
{
    (void)self;
    return with_alternative(b, "one", emit_closing);
}

static esp_status alternative_opens(void *self, esp_builder *b)
{
    (void)self;
    return with_alternative(b, "one", emit_opening);
}

static esp_status alternative_gives_none(void *self, esp_builder *b)
{
    (void)self;
    return with_alternative(b, "one", emit_none);
}

static esp_status alternative_without_function(void *self, esp_builder *b)
{
    (void)self;
    return with_alternative(b, "one", NULL);
}

static esp_status alternative_bad_name(void *self, esp_builder *b)
{
    (void)self;
    return with_alternative(b, "a|b", emit_identity);
}

static esp_status no_alternatives(void *self, esp_builder *b)
{
    (void)self;
    return esp_output(b, esp_choose_op(b, "op", esp_input(b), NULL, 3, NULL));
}

static esp_status no_tensor(void *self, esp_builder *b)
{
    const esp_node none = {0};
    (void)self;
    return esp_output(b, esp_relu(b, none));
}

static esp_status not_ascending(void *self, esp_builder *b)
{
    static const int64_t values[] = {1, 3, 3};
    (void)self;
    esp_choose_value(b, "x", values, 3);
    return esp_classifier(b, esp_input(b));
}

static esp_status empty_range(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_int(b, "x", 2, 1);
    return esp_classifier(b, esp_input(b));
}

static esp_status endless_recursion(void *self, esp_builder *b)
{
    (void)self;
    while (!esp_failed(b))
        esp_scope(b, "deeper", 0);
    return ESP_OK;
}

static esp_status own_words(void *self, esp_builder *b)
{
    (void)self;
    return esp_fail(b, ESP_ERROR_UNSUPPORTED, "no %s today", "rain");
}

static esp_status no_words(void *self, esp_builder *b)
{
    (void)self;
    (void)b;
    return ESP_ERROR_DATA;
}

TestLeak(misuse, ends_the_pass_with_its_reason)
{
    static const struct {
        esp_status (*build)(void *, esp_builder *);
        esp_status status;
        const char *reason;
    } rows[] = {
        {two_domains, ESP_ERROR_MISUSE,
         "decision normal/x was an integer of 0 .. 1 and is met again as an integer of 0 .. 2"},
        {single_then_open, ESP_ERROR_MISUSE, "decision x was an integer of 1 .. 1"},
        {bad_name, ESP_ERROR_MISUSE, "\"a/b\" in the scope \"\" is no name"},
        {empty_name, ESP_ERROR_MISUSE, "\"\" in the scope \"\" is no name"},
        {null_name, ESP_ERROR_MISUSE, "(NULL)"},
        {left_open, ESP_ERROR_MISUSE, "\"cell/3\" was left open"},
        {closed_twice, ESP_ERROR_MISUSE, "closes a scope that was not opened"},
        {alternative_closes, ESP_ERROR_MISUSE, "\"op/one\" closes a scope"},
        {alternative_opens, ESP_ERROR_MISUSE, "left the scope \"op/one/inner/0\" open"},
        {alternative_gives_none, ESP_ERROR_MISUSE, "alternative \"op/one\" gave no tensor"},
        {alternative_without_function, ESP_ERROR_MISUSE, "alternative one"},
        {alternative_bad_name, ESP_ERROR_MISUSE, "\"a|b\""},
        {no_alternatives, ESP_ERROR_MISUSE, "decision op has no option"},
        {no_tensor, ESP_ERROR_MISUSE, "input 0 of Relu"},
        {not_ascending, ESP_ERROR_MISUSE, "not ascending"},
        {empty_range, ESP_ERROR_MISUSE, "decision x: an integer of 2 .. 1 is empty"},
        {endless_recursion, ESP_ERROR_MISUSE, "does the recursion end?"},
        {own_words, ESP_ERROR_UNSUPPORTED, "no rain today"},
        {no_words, ESP_ERROR_DATA, "gave no reason"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        struct lab lab = {0};
        esp_random random = stream(1);
        struct arch *arch;
        lab_open(&lab, rows[i].build);
        cr_assert_eq(builder_sample(lab.builder, &random, &arch, &lab.error), rows[i].status,
                     "row %zu: %s", i, lab.error.message);
        cr_assert(strstr(lab.error.message, rows[i].reason), "row %zu: %s", i, lab.error.message);
        cr_assert(strstr(lab.error.message, "space lab: "), "row %zu: %s", i, lab.error.message);
        cr_assert_eq(lab.instances, 1, "row %zu: an error is not drawn again", i);
        lab_close(&lab);
    }
}

static esp_status same_weight_path(void *self, esp_builder *b)
{
    esp_conv_options conv_options = {.channels = 3, .kernel = 1};
    (void)self;
    esp_scope(b, "layer", 0);
    esp_node x = esp_conv(b, "conv", esp_input(b), conv_options);
    esp_scope_end(b);
    esp_scope(b, "layer", 0);
    x = esp_conv(b, "conv", x, conv_options);
    esp_scope_end(b);
    return esp_classifier(b, x);
}

TestLeak(misuse, a_weight_path_met_twice_is_an_error)
{
    struct lab lab = {0};
    struct graph *graph = NULL;
    lab_open(&lab, same_weight_path);
    struct arch *arch = sample(&lab, 1);
    cr_assert_eq(builder_build(lab.builder, arch, &graph, &lab.error), ESP_ERROR_MISUSE);
    cr_assert(strstr(lab.error.message, "layer/0/conv"), "%s", lab.error.message);
    cr_assert_null(graph);
    // The next pass begins anew: nothing is left of the one that failed.
    error_clear(&lab.error);
    lab.type.build = build_chain;
    struct arch *other = sample(&lab, 1);
    char *text = graph_text(&lab, other), *again = graph_text(&lab, other);
    cr_assert_str_eq(text, again);
    free(text);
    free(again);
    arch_release(other);
    arch_release(arch);
    lab_close(&lab);
}

static esp_status nameless_conv(void *self, esp_builder *b)
{
    esp_conv_options conv_options = {.channels = 3, .kernel = 1};
    (void)self;
    esp_scope(b, "layer", 7);
    esp_node x = esp_conv(b, NULL, esp_input(b), conv_options);
    esp_scope_end(b);
    return esp_classifier(b, x);
}

static esp_status nameless_dropout(void *self, esp_builder *b)
{
    (void)self;
    return esp_classifier(b, esp_dropout(b, NULL, esp_input(b), 0.5));
}

static esp_status conv_bad_name(void *self, esp_builder *b)
{
    esp_conv_options conv_options = {.channels = 3, .kernel = 1};
    (void)self;
    return esp_classifier(b, esp_conv(b, "a/b", esp_input(b), conv_options));
}

static esp_status no_output(void *self, esp_builder *b)
{
    (void)self;
    esp_relu(b, esp_input(b));
    return ESP_OK;
}

static esp_status wrong_operator(void *self, esp_builder *b)
{
    (void)self;
    return esp_output(b, esp_unary(b, "Rleu", esp_input(b)));
}

TestLeak(misuse, that_a_graph_shows_is_told_when_it_is_built)
{
    static const struct {
        esp_status (*build)(void *, esp_builder *);
        const char *reason;
    } rows[] = {
        {nameless_conv, "Conv in \"layer/7\" has weights"},
        {nameless_dropout, "Dropout in \"\""},
        {conv_bad_name, "\"a/b\" in the scope \"\" is no name"},
        {no_output, "no output"},
        {wrong_operator, "Relu"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        struct lab lab = {0};
        struct graph *graph = NULL;
        lab_open(&lab, rows[i].build);
        struct arch *arch = sample(&lab, 1);
        cr_assert_neq(builder_build(lab.builder, arch, &graph, &lab.error), ESP_OK, "row %zu", i);
        cr_assert(strstr(lab.error.message, rows[i].reason), "row %zu: %s", i, lab.error.message);
        cr_assert(strstr(lab.error.message, "space lab: "), "row %zu: %s", i, lab.error.message);
        cr_assert_null(graph);
        arch_release(arch);
        lab_close(&lab);
    }
}

TestLeak(misuse, leaves_nothing_behind_for_the_next_pass)
{
    struct lab lab = {0};
    esp_random random = stream(1);
    struct arch *arch;
    lab_open(&lab, two_domains); // fails inside a share
    cr_assert_eq(builder_sample(lab.builder, &random, &arch, &lab.error), ESP_ERROR_MISUSE);
    error_clear(&lab.error);
    lab.type.build = build_paths;
    arch = sample(&lab, 1);
    cr_assert_str_eq(esp_arch_path(arch_handle(arch), 0), "outer/a");
    cr_assert_str_eq(esp_arch_path(arch_handle(arch), 5), "f");
    arch_release(arch);
    lab_close(&lab);
}

static esp_status after_an_error(void *self, esp_builder *b)
{
    int *fine = self;
    uint32_t chosen[4];
    esp_node x = esp_input(b);
    esp_choose_int(b, "wrong", 2, 1);
    *fine = esp_failed(b) && esp_choose_int(b, "a", 5, 6) == 0 &&
            esp_choose_real(b, "b", 1.0, 2.0) == 0.0 && esp_choose_one(b, "c", options, 4) == 0 &&
            esp_choose_value(b, "d", kernels, 2) == 0 &&
            esp_choose_subset(b, "e", options, 4, 1, 4).count == 0 &&
            esp_choose_inputs(b, "f", options, 4, 1, 4, chosen) == 0 &&
            esp_choose_op(b, "g", x, cell_ops, 2, NULL).id == 0 && esp_input(b).id == 0 &&
            esp_relu(b, x).id == 0 && esp_node_shape(b, x).rank == 0;
    esp_scope(b, "not a name", 0);
    esp_scope_end(b);
    esp_scope_end(b);
    esp_reject(b, "too late");
    return ESP_OK;
}

TestLeak(misuse, errors_are_sticky_and_the_first_one_is_told)
{
    struct lab lab = {0};
    esp_random random = stream(1);
    struct arch *arch;
    int fine = 0;
    lab_open(&lab, after_an_error);
    lab.self = &fine;
    cr_assert_eq(builder_sample(lab.builder, &random, &arch, &lab.error), ESP_ERROR_MISUSE);
    cr_assert(strstr(lab.error.message, "decision wrong"), "%s", lab.error.message);
    cr_assert(fine, "everything answers zero");
    cr_assert_eq(lab.instances, 1, "a rejection after an error is none");
    lab_close(&lab);
}

TestLeak(misuse, another_dictionary_is_refused)
{
    struct lab lab = {0}, other = {0};
    lab_open(&lab, build_chain);
    lab_open(&other, build_chain);
    struct arch *arch = sample(&lab, 1), *out;
    esp_random random = stream(1);
    cr_assert_eq(builder_build(other.builder, arch, NULL, &other.error), ESP_ERROR_MISUSE);
    cr_assert_eq(builder_mutate(other.builder, arch, 0.0, &random, &out, NULL), ESP_ERROR_MISUSE);
    cr_assert_eq(builder_cross(other.builder, arch, arch, &random, &out, NULL), ESP_ERROR_MISUSE);
    arch_release(arch);
    lab_close(&lab);
    lab_close(&other);
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
    struct arch *arch = sample(&lab, 1);
    free(graph_text(&lab, arch));
    cr_assert_eq(rank[1], 0, "tracing");
    cr_assert_eq(rank[0], 4, "building");
    arch_release(arch);
    lab_close(&lab);
}
