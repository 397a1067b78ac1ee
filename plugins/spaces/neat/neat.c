// SPDX-License-Identifier: Apache-2.0
// The space of NEAT (Stanley and Miikkulainen 2002): networks of sigmoid units whose connections, nodes and
// weights are all the genome's. There are no decisions: a member is its genome (ext/space_genome.h), of
// the form neat/1 of sdk/support/genes.
//
// The strategy neat varies genomes itself. What stands here under sample, mutate and cross is for
// strategies that know nothing of genes: random search, evolution. Their changes get numbers made of the
// change itself, so that no list is kept and the same change is the same in any process.
#include "neat.h"

#include <stdlib.h>
#include <string.h>

#define LINK_TRIES 20
#define WEIGHT_POWER 2.5 // as in the authors' XOR
#define WEIGHT_LIMIT 8.0
// Of single changes.
#define NODE_SHARE 0.1
#define LINK_SHARE 0.2

esp_status neat_read(const struct neat *neat, const esp_handle *handle, const void *bytes,
                     uint64_t size, esp_genes *out)
{
    char reason[256] = "";
    esp_status status = esp_genes_read(out, bytes, size, reason, sizeof reason);
    if (status == ESP_ERROR_MEMORY)
        return esp_fail_handle(handle, status, "out of memory");
    if (status != ESP_OK)
        return esp_fail_handle(handle, status, "the genome is none: %s", reason);
    if (out->inputs == neat->inputs && out->outputs == neat->outputs && out->bias == neat->bias)
        return ESP_OK;
    status = esp_fail_handle(
        handle, ESP_ERROR_INVALID,
        "the genome has %u inputs, %u outputs and a bias of %g, the space %u, %u and %g",
        out->inputs, out->outputs, out->bias, neat->inputs, neat->outputs, neat->bias);
    esp_genes_free(out);
    return status;
}

static esp_status neat_build(void *self, esp_builder *b)
{
    const struct neat *neat = self;
    uint64_t size;
    const void *bytes = esp_builder_genome(b, &size);
    esp_genes genes;
    esp_status status = neat_read(neat, &b->base, bytes, size, &genes);
    if (status == ESP_OK && !esp_tracing(b))
        status = neat_emit(neat, b, &genes);
    esp_genes_free(&genes);
    return status;
}

// ---- The genome ---------------------------------------------------------------------------------

static esp_status write_genes(esp_genome_writer *out, esp_genes *genes)
{
    const uint64_t size = esp_genes_size(genes);
    void *bytes = malloc((size_t)size);
    esp_status status = bytes ? ESP_OK : esp_fail(out, ESP_ERROR_MEMORY, "out of memory");
    if (status == ESP_OK) {
        esp_genes_write(genes, bytes);
        status = esp_genome_write(out, bytes, size);
    }
    free(bytes);
    return status;
}

static esp_status neat_sample(void *self, esp_random *random, esp_genome_writer *out)
{
    const struct neat *neat = self;
    esp_genes genes;
    esp_status status = esp_genes_minimal(&genes, neat->inputs, neat->outputs, neat->bias, random);
    if (status != ESP_OK)
        return esp_fail(out, status, "out of memory");
    status = write_genes(out, &genes);
    esp_genes_free(&genes);
    return status;
}

// One weight takes another value.
static void change_weight(esp_genes *genes, uint64_t gene, esp_random *random)
{
    const double before = genes->genes[gene].weight;
    double weight = before;
    while (weight == before) {
        weight = before + WEIGHT_POWER * (2.0 * esp_random_real(random) - 1.0) + 0.0;
        weight = weight > WEIGHT_LIMIT    ? WEIGHT_LIMIT
                 : weight < -WEIGHT_LIMIT ? -WEIGHT_LIMIT
                                          : weight;
    }
    genes->genes[gene].weight = weight;
}

// Exactly one change: a node, a link or a weight.
static esp_status change_one(const struct neat *neat, esp_genes *genes, esp_random *random)
{
    const esp_link_settings links = {LINK_TRIES, neat->recurrent, 0.5};
    esp_markings markings = {0, 0, 0, 0, NULL, 0, 0};
    const double kind = esp_random_real(random);
    uint32_t changed = 0;
    esp_status status = ESP_OK;
    if (kind < NODE_SHARE)
        status = esp_genes_add_node(genes, &markings, 1, random, &changed);
    else if (kind < NODE_SHARE + LINK_SHARE || genes->count == 0)
        status = esp_genes_add_link(genes, &markings, &links, random, &changed);
    if (status == ESP_OK && !changed && genes->count > 0)
        change_weight(genes, esp_random_below(random, genes->count), random);
    return status;
}

static esp_status change_by_rate(const struct neat *neat, esp_genes *genes, double rate,
                                 esp_random *random)
{
    const uint64_t count = genes->count;
    uint64_t changes = 0;
    for (uint64_t i = 0; i < count; i++)
        if (esp_random_real(random) < rate) {
            change_weight(genes, i, random);
            changes++;
        }
    if (changes > 0 && esp_random_real(random) >= rate)
        return ESP_OK;
    return change_one(neat, genes, random);
}

static esp_status neat_mutate(void *self, esp_genome parent, double rate, esp_random *random,
                              esp_genome_writer *out)
{
    const struct neat *neat = self;
    esp_genes genes;
    esp_status status = neat_read(neat, &out->base, parent.bytes, parent.size, &genes);
    if (status != ESP_OK)
        return status;
    status =
        rate > 0 ? change_by_rate(neat, &genes, rate, random) : change_one(neat, &genes, random);
    if (status != ESP_OK)
        status = esp_fail(out, status, "out of memory, or the genome is too large");
    else
        status = write_genes(out, &genes);
    esp_genes_free(&genes);
    return status;
}

static esp_status neat_cross(void *self, esp_genome a, esp_genome b, esp_random *random,
                             esp_genome_writer *out)
{
    esp_genes first, second, child;
    esp_status status = neat_read(self, &out->base, a.bytes, a.size, &first);
    if (status != ESP_OK)
        return status;
    status = neat_read(self, &out->base, b.bytes, b.size, &second);
    if (status == ESP_OK) {
        const uint32_t a_gives = esp_random_real(random) < 0.5;
        status = esp_genes_cross(&child, &first, &second, a_gives, 0, random);
        if (status != ESP_OK)
            status = esp_fail(out, status, "out of memory");
        else
            status = write_genes(out, &child);
        if (status == ESP_OK || child.genes)
            esp_genes_free(&child);
        esp_genes_free(&second);
    }
    esp_genes_free(&first);
    return status;
}

// ---- The plugin ---------------------------------------------------------------------------------

static const esp_param neat_params[] = {
    ESP_PARAM_INT("inputs", 0, 0, ESP_GENES_MOST_PORTS, "nodes",
                  "inputs; 0 = the dataset's columns, or the channels of its images"),
    ESP_PARAM_INT("outputs", 0, 0, ESP_GENES_MOST_PORTS, "nodes",
                  "outputs; 0 = the dataset's classes"),
    ESP_PARAM_REAL("bias", 1.0, -100.0, 100.0, "", "what the bias node gives; 0 = there is none"),
    ESP_PARAM_REAL("recurrent", 0.0, 0.0, 1.0, "",
                   "chance that a connection added by random mutation goes back in time; the "
                   "strategy neat has a parameter of its own"),
};

static esp_status neat_create(esp_create *create, void **out)
{
    const esp_task *task = esp_create_task(create);
    struct neat *neat = calloc(1, sizeof *neat);
    if (!neat)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    const uint64_t inputs = (uint64_t)esp_param_int(create, "inputs");
    const uint64_t outputs = (uint64_t)esp_param_int(create, "outputs");
    neat->bias = esp_param_real(create, "bias") + 0.0;
    neat->recurrent = esp_param_real(create, "recurrent");
    if ((!inputs && task->channels > ESP_GENES_MOST_PORTS) ||
        (!outputs && task->classes > ESP_GENES_MOST_PORTS)) {
        free(neat);
        return esp_fail(
            create, ESP_ERROR_UNSUPPORTED,
            "the dataset has %llu columns or channels and %llu classes: a genome has at "
            "most %d inputs, and as many outputs",
            (unsigned long long)task->channels, (unsigned long long)task->classes,
            ESP_GENES_MOST_PORTS);
    }
    neat->inputs = (uint32_t)(inputs ? inputs : task->channels);
    neat->outputs = (uint32_t)(outputs ? outputs : task->classes);
    *out = neat;
    return ESP_OK;
}

static void neat_destroy(void *self)
{
    free(self);
}

static const void *neat_ability(const char *id)
{
    static const esp_space_genome genome = {
        sizeof(esp_space_genome), ESP_GENES_FORM, neat_sample, neat_mutate, neat_cross,
    };
    if (strcmp(id, ESP_SPACE_GENOME) == 0)
        return &genome;
    if (strcmp(id, ESP_SPACE_TEXT) == 0)
        return &neat_text;
    return strcmp(id, ESP_SPACE_STRUCTURE) == 0 ? &neat_structure : NULL;
}

static void neat_describe(esp_space_type *out)
{
    out->summary = "networks that grow: every connection, node and weight is a gene";
    out->source = "Stanley and Miikkulainen 2002";
    ESP_SET_PARAMS(out, neat_params);
    out->create = neat_create;
    out->destroy = neat_destroy;
    out->build = neat_build;
    out->ability = neat_ability;
}

ESP_PLUGIN("0.1.0", ESP_SPACE("neat", neat_describe))
