// SPDX-License-Identifier: Apache-2.0
// The network of a genome without cycles as operators: each unit a Gemm over the values of its sources,
// its weights those of the genes times the slope of NEAT's sigmoid, and a Sigmoid; the bias node is the
// Gemm's bias. What is computed is the network at rest: every unit once, behind its sources.
#include "neat.h"

#include <stdlib.h>

struct emission {
    esp_builder *b;
    const esp_genes *genes;
    esp_neat_network network;
    esp_node input;        // [N, inputs]
    esp_node *nodes;       // [node_count]; id 0: not emitted
    unsigned char *active; // [node_count]: a signal comes in
    esp_node *sources;     // of one unit
    double *values;        // of its Gemm
};

static esp_node input_column(struct emission *e, uint32_t i)
{
    const int64_t starts = i, ends = (int64_t)i + 1, axes = 1, steps = 1;
    const esp_attribute attributes[] = {
        esp_attribute_ints("starts", &starts, 1), esp_attribute_ints("ends", &ends, 1),
        esp_attribute_ints("axes", &axes, 1), esp_attribute_ints("steps", &steps, 1)};
    if (!e->nodes[i].id)
        e->nodes[i] = esp_op(e->b, NULL, "Slice", &e->input, 1, attributes, ESP_COUNT(attributes));
    return e->nodes[i];
}

static esp_node concat(esp_builder *b, const esp_node *nodes, uint64_t count)
{
    return count == 1 ? nodes[0] : esp_op(b, NULL, "Concat", nodes, count, NULL, 0);
}

// Sources are emitted already, or are inputs.
static esp_node emit_unit(struct emission *e, uint32_t unit)
{
    const esp_neat_network *network = &e->network;
    const uint32_t bias = network->inputs;
    uint64_t count = 0;
    double shift = 0;
    for (uint32_t l = network->first[unit]; l < network->first[unit + 1]; l++) {
        const uint32_t source = network->source[l];
        const double weight = ESP_NEAT_SLOPE * network->weight[l];
        if (source == bias)
            shift += weight * network->bias;
        else if (e->active[source]) {
            e->sources[count] = source < bias ? input_column(e, source) : e->nodes[source];
            e->values[count++] = weight;
        }
    }
    if (count == 0) { // the bias alone, or nothing
        e->sources[count] = input_column(e, 0);
        e->values[count++] = 0;
    }
    e->values[count] = shift;
    const esp_attribute attributes[] = {esp_attribute_int("channels", 1),
                                        esp_attribute_int("bias", 1),
                                        esp_attribute_reals("values", e->values, count + 1)};
    const esp_node x = concat(e->b, e->sources, count);
    const esp_node sum = esp_op(e->b, "sum", "Gemm", &x, 1, attributes, ESP_COUNT(attributes));
    return e->active[unit] ? esp_unary(e->b, "Sigmoid", sum) : sum;
}

static esp_status emit_all(struct emission *e)
{
    const esp_neat_network *network = &e->network;
    const uint32_t first_output = network->inputs + 1;
    const uint32_t first_hidden = first_output + network->outputs;
    for (uint32_t i = 0; i <= network->inputs; i++)
        e->active[i] = i < network->inputs || network->bias != 0;
    for (uint32_t i = 0; i < network->node_count; i++) {
        const uint32_t unit = network->order[i];
        if (unit < first_output)
            continue;
        for (uint32_t l = network->first[unit]; l < network->first[unit + 1]; l++)
            e->active[unit] |= e->active[network->source[l]];
        if (!e->active[unit] && unit >= first_hidden)
            continue;
        if (unit < first_hidden)
            esp_scope(e->b, "output", unit - first_output);
        else
            esp_scope(e->b, "hidden", unit - first_hidden);
        e->nodes[unit] = emit_unit(e, unit);
        esp_scope_end(e->b);
    }
    return esp_output(e->b, concat(e->b, e->nodes + first_output, network->outputs));
}

// [N, columns]: of an image the mean of each channel, as a gene a pixel is not what genomes are for.
static esp_node flat_input(esp_builder *b)
{
    const esp_task *task = esp_builder_task(b);
    esp_node x = esp_input(b);
    if (task->kind != ESP_TASK_IMAGES)
        return x;
    if (task->height > 1 || task->width > 1)
        x = esp_unary(b, "GlobalAveragePool", x);
    return esp_unary(b, "Flatten", x);
}

esp_status neat_emit(const struct neat *neat, esp_builder *b, const esp_genes *genes)
{
    const esp_task *task = esp_builder_task(b);
    struct emission e = {.b = b, .genes = genes};
    if (task->channels != neat->inputs)
        return esp_fail(
            b, ESP_ERROR_UNSUPPORTED,
            "the network has %u inputs and a sample of the dataset %llu columns or "
            "channels: [dataset] says what a graph of operators is given (synthetic, with "
            "channels = %u, height = 1, width = 1)",
            neat->inputs, (unsigned long long)task->channels, neat->inputs);
    esp_status status = esp_neat_network_create(&e.network, genes);
    if (status != ESP_OK)
        return esp_fail(b, status, "out of memory");
    if (!e.network.feed_forward) {
        esp_neat_network_free(&e.network);
        return esp_fail(b, ESP_ERROR_UNSUPPORTED,
                        "the network is recurrent: a graph of operators, and an ONNX file, has no "
                        "cycle (export --format cells, dot or json draws and writes it)");
    }
    const size_t count = e.network.node_count;
    e.nodes = calloc(count, sizeof *e.nodes);
    e.active = calloc(count, 1);
    e.sources = calloc((size_t)genes->count + 1, sizeof *e.sources);
    e.values = calloc((size_t)genes->count + 2, sizeof *e.values);
    if (e.nodes && e.active && e.sources && e.values) {
        e.input = flat_input(b);
        status = emit_all(&e);
    } else {
        status = esp_fail(b, ESP_ERROR_MEMORY, "out of memory");
    }
    free(e.nodes);
    free(e.active);
    free(e.sources);
    free(e.values);
    esp_neat_network_free(&e.network);
    return status;
}
