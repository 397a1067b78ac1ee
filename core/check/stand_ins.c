// SPDX-License-Identifier: Apache-2.0
// See stand_ins.h.
#include "check/stand_ins.h"

#include <espalier/espalier.h>
#include <espalier/ext/space_genome.h>
#include <espalier/support/genes.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

// ---- The space ----------------------------------------------------------------------------------

static esp_node convolve(esp_builder *b, esp_node x, const void *argument)
{
    static const int64_t channels[] = {4, 8};
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    (void)argument;
    options.channels = esp_choose_value(b, "channels", channels, ESP_COUNT(channels));
    options.kernel = 3;
    return esp_relu(b, esp_batch_norm(b, "norm", esp_conv(b, "conv", x, options)));
}

static esp_node pool(esp_builder *b, esp_node x, const void *argument)
{
    (void)argument;
    return esp_max_pool(b, x, 3, 1);
}

static esp_node keep(esp_builder *b, esp_node x, const void *argument)
{
    (void)argument;
    return esp_unary(b, "Identity", x);
}

static const esp_alternative layers[] = {
    ESP_ALTERNATIVE("conv", convolve),
    ESP_ALTERNATIVE("pool", pool),
    ESP_ALTERNATIVE("keep", keep),
};

static const char *const shapes[] = {"layers", "mixed", "tiny"};

static const esp_param space_params[] = {
    ESP_PARAM_CHOICE("members", "layers", shapes,
                     "layers; or a decision of every kind; or two members in all"),
};

enum { LAYERS, MIXED, TINY };

struct space {
    bool images;
    int64_t members;
};

static esp_status space_create(esp_create *create, void **out)
{
    struct space *space = calloc(1, sizeof *space);
    if (!space)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    space->images = esp_create_task(create)->kind == ESP_TASK_IMAGES;
    space->members = esp_param_int(create, "members");
    *out = space;
    return ESP_OK;
}

static esp_status space_build(void *self, esp_builder *b)
{
    static const char *const options[] = {"a", "b", "c", "d"};
    const struct space *space = self;
    esp_node x = esp_input(b);
    if (space->members == TINY) {
        esp_choose_one(b, "which", options, 2);
        return esp_classifier(b, x);
    }
    if (space->members == MIXED) {
        esp_choose_one(b, "which", options, ESP_COUNT(options));
        esp_choose_subset(b, "some", options, ESP_COUNT(options), 1, 3);
        if (esp_choose_int(b, "whole", 1, 9) > 4)
            esp_choose_real(b, "share", 0.0, 1.0);
        esp_choose_real_log(b, "rate", 1e-4, 1.0);
        esp_choose_int_log(b, "size", 1, 256);
        return esp_classifier(b, x);
    }
    int64_t depth = esp_choose_int(b, "depth", 1, 3);
    for (int64_t i = 0; i < depth; i++) {
        esp_scope(b, "layer", i);
        if (space->images)
            x = esp_choose_op(b, "op", x, layers, ESP_COUNT(layers), space);
        else
            x = esp_relu(b, esp_linear(b, "linear", x, esp_choose_int(b, "width", 4, 8)));
        esp_scope_end(b);
    }
    return esp_classifier(b, x);
}

const esp_space_type stand_in_space = {
    .struct_size = sizeof(esp_space_type),
    .summary = "the suite's own: one to three layers",
    .params = space_params,
    .param_count = ESP_COUNT(space_params),
    .param_stride = sizeof space_params[0],
    .create = space_create,
    .destroy = free,
    .build = space_build,
};

// ---- The space of genomes -----------------------------------------------------------------------

#define GENOME_POWER 2.0
#define GENOME_LIMIT 8.0

static const esp_param genome_params[] = {
    ESP_PARAM_INT("inputs", 3, 1, 64, "nodes", "inputs of a network"),
    ESP_PARAM_INT("outputs", 1, 1, 64, "nodes", "outputs of a network"),
};

static esp_status genome_create(esp_create *create, void **out)
{
    int64_t *ports = malloc(2 * sizeof *ports);
    if (!ports)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    ports[0] = esp_param_int(create, "inputs");
    ports[1] = esp_param_int(create, "outputs");
    *out = ports;
    return ESP_OK;
}

static esp_status genome_read(esp_genes *genes, const esp_handle *handle, const void *bytes,
                              uint64_t size)
{
    char reason[256];
    esp_status status = esp_genes_read(genes, bytes, size, reason, sizeof reason);
    return status == ESP_OK ? ESP_OK : esp_fail_handle(handle, status, "%s", reason);
}

static esp_status genome_build(void *self, esp_builder *b)
{
    esp_genes genes;
    uint64_t size;
    (void)self;
    const void *bytes = esp_builder_genome(b, &size);
    esp_status status = genome_read(&genes, &b->base, bytes, size);
    if (status != ESP_OK)
        return status;
    esp_genes_free(&genes);
    return esp_classifier(b, esp_input(b));
}

static esp_status genome_write(esp_genes *genes, esp_genome_writer *out, esp_status status)
{
    const uint64_t size = esp_genes_size(genes);
    void *bytes = status == ESP_OK ? malloc(size) : NULL;
    if (status != ESP_OK || !bytes)
        status = esp_fail(out, ESP_ERROR_MEMORY, "out of memory");
    if (status == ESP_OK) {
        esp_genes_write(genes, bytes);
        status = esp_genome_write(out, bytes, size);
    }
    free(bytes);
    esp_genes_free(genes);
    return status;
}

static esp_status genome_sample(void *self, esp_random *random, esp_genome_writer *out)
{
    const int64_t *ports = self;
    esp_genes genes;
    esp_status status =
        esp_genes_minimal(&genes, (uint32_t)ports[0], (uint32_t)ports[1], 0.5, random);
    return genome_write(&genes, out, status);
}

static esp_status genome_mutate(void *self, esp_genome parent, double rate, esp_random *random,
                                esp_genome_writer *out)
{
    esp_genes genes;
    (void)self;
    (void)rate;
    esp_status status = genome_read(&genes, &out->base, parent.bytes, parent.size);
    if (status != ESP_OK)
        return status;
    esp_genes_change_weights(&genes, GENOME_POWER, GENOME_LIMIT, random);
    return genome_write(&genes, out, ESP_OK);
}

static esp_status genome_cross(void *self, esp_genome a, esp_genome b, esp_random *random,
                               esp_genome_writer *out)
{
    esp_genes first, second, child;
    (void)self;
    esp_status status = genome_read(&first, &out->base, a.bytes, a.size);
    if (status != ESP_OK)
        return status;
    status = genome_read(&second, &out->base, b.bytes, b.size);
    if (status == ESP_OK) {
        status = esp_genes_cross(&child, &first, &second, 1, 0, random);
        esp_genes_free(&second);
        status = genome_write(&child, out, status);
    }
    esp_genes_free(&first);
    return status;
}

static const void *genome_ability(const char *id)
{
    static const esp_space_genome genome = {
        sizeof(esp_space_genome), ESP_GENES_FORM, genome_sample, genome_mutate, genome_cross,
    };
    return strcmp(id, ESP_SPACE_GENOME) == 0 ? &genome : NULL;
}

const esp_space_type stand_in_genomes = {
    .struct_size = sizeof(esp_space_type),
    .summary = "the suite's own: genomes of the form " ESP_GENES_FORM,
    .params = genome_params,
    .param_count = ESP_COUNT(genome_params),
    .param_stride = sizeof genome_params[0],
    .create = genome_create,
    .destroy = free,
    .build = genome_build,
    .ability = genome_ability,
};

// ---- The strategy -------------------------------------------------------------------------------

static esp_status strategy_create(esp_create *create, esp_search *search, void **out)
{
    (void)create;
    *out = search;
    return ESP_OK;
}

static void strategy_destroy(void *self)
{
    (void)self;
}

static esp_status strategy_ask(void *self, esp_search *search, esp_ask *ask)
{
    esp_arch *arch = NULL;
    (void)self;
    esp_status status = esp_search_sample(search, esp_search_random(search), &arch);
    if (status == ESP_OK)
        status = esp_ask_trial(ask, arch);
    esp_arch_release(arch);
    return status;
}

static esp_status strategy_tell(void *self, esp_search *search, const esp_outcome *outcome)
{
    (void)self;
    (void)search;
    (void)outcome;
    return ESP_OK;
}

const esp_strategy_type stand_in_strategy = {
    .struct_size = sizeof(esp_strategy_type),
    .summary = "the suite's own: random members",
    .takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET |
             ESP_STRATEGY_MANY_OBJECTIVES | ESP_STRATEGY_GENOME,
    .create = strategy_create,
    .destroy = strategy_destroy,
    .ask = strategy_ask,
    .tell = strategy_tell,
};

// ---- The estimator ------------------------------------------------------------------------------

static esp_status estimator_create(esp_create *create, void **out)
{
    static const esp_metric metrics[] = {
        ESP_METRIC_ROW("score", "", 0, ESP_BETTER_HIGHER),
        ESP_METRIC_ROW("price", "", 0, ESP_BETTER_LOWER),
    };
    static esp_estimator_info info = {
        .struct_size = sizeof info,
        .metrics = metrics,
        .metric_count = ESP_COUNT(metrics),
        .metric_stride = sizeof metrics[0],
    };
    (void)create;
    *out = &info;
    return ESP_OK;
}

static void estimator_destroy(void *self)
{
    (void)self;
}

static const esp_estimator_info *estimator_info(void *self)
{
    return self;
}

static esp_status estimator_evaluate(void *self, esp_evaluation *e)
{
    uint64_t hash = esp_arch_hash(esp_evaluation_arch(e));
    (void)self;
    esp_evaluation_metric(e, "price", (double)(hash & 0xffff));
    return esp_evaluation_metric(e, "score", (double)(hash >> 11) * 0x1.0p-53);
}

static const void *estimator_ability(const char *id)
{
    static const esp_estimator_cheap cheap = {sizeof(esp_estimator_cheap), 0, 0};
    return strcmp(id, ESP_ESTIMATOR_CHEAP) == 0 ? &cheap : NULL;
}

const esp_estimator_type stand_in_estimator = {
    .struct_size = sizeof(esp_estimator_type),
    .summary = "the suite's own: a formula of the architecture's hash",
    .create = estimator_create,
    .destroy = estimator_destroy,
    .describe = estimator_info,
    .evaluate = estimator_evaluate,
    .ability = estimator_ability,
};

// ---- The dataset --------------------------------------------------------------------------------

#define CLASSES 10
static const uint64_t split_sizes[ESP_SPLIT_COUNT] = {32, 16, 16};

static const esp_param dataset_params[] = {
    ESP_PARAM_BOOL("rows", 0, "columns instead of images"),
};

static esp_status dataset_open(esp_create *create, void **out)
{
    esp_dataset_info *info = calloc(1, sizeof *info);
    if (!info)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    bool rows = esp_param_int(create, "rows") != 0;
    *info = (esp_dataset_info){
        .struct_size = sizeof *info,
        .task = {.struct_size = sizeof(esp_task),
                 .kind = rows ? ESP_TASK_ROWS : ESP_TASK_IMAGES,
                 .channels = rows ? 12 : 3,
                 .height = rows ? 1 : 32,
                 .width = rows ? 1 : 32,
                 .classes = CLASSES},
        .element = ESP_ELEMENT_U8,
    };
    memcpy(info->split_sizes, split_sizes, sizeof split_sizes);
    *out = info;
    return ESP_OK;
}

static const esp_dataset_info *dataset_info(void *self)
{
    return self;
}

// Noise, and a bright patch where the label says.
static esp_status dataset_read(void *self, esp_read *read, uint32_t split, uint64_t first,
                               uint64_t count, void *samples, uint32_t *labels)
{
    const esp_dataset_info *info = self;
    uint64_t size = info->task.channels * info->task.height * info->task.width;
    uint8_t *values = samples;
    (void)read;
    for (uint64_t i = 0; i < count; i++) {
        esp_random random = esp_random_stream(7, split, first + i, 0, 0);
        labels[i] = (uint32_t)((first + i) % CLASSES);
        for (uint64_t j = 0; j < size; j++)
            values[i * size + j] = (uint8_t)esp_random_below(&random, 128);
        for (uint64_t j = labels[i] * size / CLASSES; j < (labels[i] + 1) * size / CLASSES; j++)
            values[i * size + j] = (uint8_t)(values[i * size + j] + 100);
    }
    return ESP_OK;
}

const esp_dataset_type stand_in_dataset = {
    .struct_size = sizeof(esp_dataset_type),
    .summary = "the suite's own: noise with a patch",
    .params = dataset_params,
    .param_count = ESP_COUNT(dataset_params),
    .param_stride = sizeof dataset_params[0],
    .open = dataset_open,
    .close = free,
    .describe = dataset_info,
    .read = dataset_read,
};
