// SPDX-License-Identifier: Apache-2.0
// See space_lab.h.
#include "support/space_lab.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

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

void lab_open(struct lab *lab, esp_status (*build)(void *self, esp_builder *b))
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

void lab_close(struct lab *lab)
{
    builder_destroy(lab->builder);
    dictionary_destroy(lab->dictionary);
}

esp_random lab_stream(uint64_t seed)
{
    return esp_random_stream(seed, 0, 0, 0, 0);
}

struct arch *lab_sample(struct lab *lab, uint64_t seed)
{
    esp_random random = lab_stream(seed);
    struct arch *arch = NULL;
    esp_status status = builder_sample(lab->builder, &random, &arch, &lab->error);
    cr_assert_eq(status, ESP_OK, "%s", lab->error.message);
    return arch;
}

int64_t lab_find(struct arch *arch, const char *path)
{
    return esp_arch_find(arch_handle(arch), path);
}

esp_value lab_value(struct arch *arch, const char *path)
{
    int64_t at = lab_find(arch, path);
    cr_assert_geq(at, 0, "no decision %s", path);
    return esp_arch_value(arch_handle(arch), (uint64_t)at);
}

// The value that `arch` has for decision `number` of the dictionary, or NULL.
const esp_value *lab_value_of(const struct arch *arch, uint32_t number)
{
    uint64_t count;
    const struct choice *choices = arch_choices(arch, &count);
    for (uint64_t i = 0; i < count; i++)
        if (choices[i].decision == number)
            return &choices[i].value;
    return NULL;
}

char *lab_graph_text(struct lab *lab, const struct arch *arch)
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

// ---- What passes give ---------------------------------------------------------------------------

struct comparison lab_compare(const struct arch *child, const struct arch *parent)
{
    struct comparison comparison = {0, 0, 0};
    uint64_t count;
    const struct choice *choices = arch_choices(child, &count);
    for (uint64_t i = 0; i < count; i++) {
        const esp_value *before = lab_value_of(parent, choices[i].decision);
        if (!before)
            comparison.added++;
        else if (value_equal(*before, choices[i].value))
            comparison.kept++;
        else
            comparison.changed++;
    }
    return comparison;
}

void lab_assert_member(struct lab *lab, const struct arch *arch)
{
    cr_assert_eq(builder_build(lab->builder, arch, NULL, &lab->error), ESP_OK, "%s",
                 lab->error.message);
}

int compare_hashes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

esp_status visit_member(void *self, struct arch *arch)
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

size_t visits_distinct(struct visits *visits)
{
    size_t different = visits->count > 0;
    qsort(visits->hashes, visits->count, sizeof *visits->hashes, compare_hashes);
    for (size_t i = 1; i < visits->count; i++)
        different += visits->hashes[i] != visits->hashes[i - 1];
    return different;
}

// ---- Spaces -------------------------------------------------------------------------------------

const int64_t kernels[2] = {1, 3};

static esp_node emit_conv(esp_builder *b, esp_node x, const void *argument)
{
    const int64_t *channels = argument;
    int64_t kernel = esp_choose_value(b, "kernel", kernels, 2);
    esp_conv_options conv_options = {.channels = *channels, .kernel = kernel};
    return esp_conv(b, "conv", x, conv_options);
}

esp_node emit_pool(esp_builder *b, esp_node x, const void *argument)
{
    (void)argument;
    return esp_max_pool(b, x, 3, 1);
}

esp_node emit_identity(esp_builder *b, esp_node x, const void *argument)
{
    (void)b;
    (void)argument;
    return x;
}

const esp_alternative chain_ops[CHAIN_OPS] = {ESP_ALTERNATIVE("conv", emit_conv),
                                              ESP_ALTERNATIVE("pool", emit_pool),
                                              ESP_ALTERNATIVE("identity", emit_identity)};

// 1 to 3 layers of 2 + 1 + 1 variants: 4 + 16 + 64 members.
esp_status build_chain(void *self, esp_builder *b)
{
    static const int64_t channels = 3; // as the input: alternatives agree in their shapes
    (void)self;
    esp_node x = esp_input(b);
    int64_t depth = esp_choose_int(b, "depth", 1, 3);
    for (int64_t i = 0; i < depth; i++) {
        esp_scope(b, "layer", i);
        x = esp_choose_op(b, "op", x, chain_ops, CHAIN_OPS, &channels);
        esp_scope_end(b);
    }
    return esp_classifier(b, x);
}

const char *const letters[4] = {"a", "b", "c", "d"};

// A decision of each kind, and one that depends on another.

esp_status build_mixed(void *self, esp_builder *b)
{
    struct drawn drawn = {0};
    esp_node x = esp_input(b);
    drawn.integer = esp_choose_int(b, "integer", -2, 2);
    drawn.logarithmic = esp_choose_int_log(b, "log_integer", 1, 1000);
    drawn.real = esp_choose_real(b, "real", -1.0, 1.0);
    drawn.log_real = esp_choose_real_log(b, "log_real", 1e-4, 1e-1);
    drawn.option = esp_choose_one(b, "option", letters, 4);
    drawn.width = esp_choose_value(b, "width", kernels, 2);
    esp_value subset = esp_choose_subset(b, "subset", letters, 4, 1, 3);
    for (uint32_t i = 0; i < subset.count; i++)
        drawn.subset[i] = subset.as.indices[i];
    drawn.subset_count = subset.count;
    drawn.input_count = (uint32_t)esp_choose_inputs(b, "inputs", letters, 4, 0, 4, drawn.inputs);
    if (drawn.option == 2)
        drawn.again = esp_choose_int(b, "again", 0, 9);
    if (self)
        memcpy(self, &drawn, sizeof drawn);
    return esp_classifier(b, x);
}

// A cell of two edges, drawn once and emitted at three positions.
esp_status build_shared(void *self, esp_builder *b)
{
    static const int64_t channels = 3;
    (void)self;
    esp_node x = esp_input(b);
    for (int64_t i = 0; i < 3; i++) {
        esp_scope(b, "cell", i);
        esp_share(b, "normal");
        x = esp_choose_op(b, "left", x, chain_ops, CHAIN_OPS, &channels);
        x = esp_choose_op(b, "right", x, chain_ops, CHAIN_OPS, &channels);
        esp_scope_end(b);
        esp_scope_end(b);
    }
    return esp_classifier(b, x);
}

// Of 16 pairs the 8 with an even sum; the second is drawn before the first is looked at.
esp_status build_even(void *self, esp_builder *b)
{
    (void)self;
    int64_t first = esp_choose_int(b, "first", 0, 3), second = esp_choose_int(b, "second", 0, 3);
    if ((first + second) % 2 != 0)
        return esp_reject(b, "the sum is odd");
    return esp_classifier(b, esp_input(b));
}
