// SPDX-License-Identifier: Apache-2.0
// The network of a genome, and its activity in steps.
#include <espalier/support/genes.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PASSES_MOST 20 // until outputs must have given a value
#define DEPTH_WITH_CYCLES 10

enum { SIGNAL = 1, GAVE = 2 };

double esp_neat_sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-ESP_NEAT_SLOPE * x));
}

// Where a node stands in the network.
static uint32_t index_of(const esp_genes *genes, uint64_t node)
{
    if (node < esp_genes_first_hidden(genes))
        return (uint32_t)node;
    return (uint32_t)(esp_genes_first_hidden(genes) + esp_genes_hidden_place(genes, node));
}

// Kahn's algorithm from the inputs on; nodes of a cycle, and behind one, are not reached.
static esp_status sort(esp_neat_network *network)
{
    const uint32_t count = network->node_count;
    uint32_t *missing = calloc((size_t)count + 1, sizeof *missing);
    uint32_t *depth = calloc((size_t)count + 1, sizeof *depth);
    uint32_t done = 0;
    if (!missing || !depth) {
        free(missing);
        free(depth);
        return ESP_ERROR_MEMORY;
    }
    network->depth = 0;
    for (uint32_t v = 0; v < count; v++) {
        missing[v] = network->first[v + 1] - network->first[v];
        if (missing[v] == 0)
            network->order[done++] = v;
    }
    for (uint32_t next = 0; next < done; next++) {
        const uint32_t node = network->order[next];
        for (uint32_t v = 0; v < count; v++)
            for (uint32_t l = network->first[v]; l < network->first[v + 1]; l++) {
                if (network->source[l] != node)
                    continue;
                if (depth[v] < depth[node] + 1)
                    depth[v] = depth[node] + 1;
                if (--missing[v] == 0)
                    network->order[done++] = v;
            }
        if (network->depth < depth[node])
            network->depth = depth[node];
    }
    network->sorted = done;
    network->feed_forward = done == count;
    if (!network->feed_forward)
        network->depth = DEPTH_WITH_CYCLES;
    free(missing);
    free(depth);
    return ESP_OK;
}

esp_status esp_neat_network_create(esp_neat_network *out, const esp_genes *genes)
{
    memset(out, 0, sizeof *out);
    const size_t nodes = (size_t)(esp_genes_first_hidden(genes) + genes->hidden_count);
    uint32_t links = 0;
    for (uint64_t i = 0; i < genes->count; i++)
        links += genes->genes[i].enabled;
    out->inputs = genes->inputs;
    out->outputs = genes->outputs;
    out->bias = genes->bias;
    out->node_count = (uint32_t)nodes;
    out->first = calloc(nodes + 1, sizeof *out->first);
    out->source = calloc((size_t)links + 1, sizeof *out->source);
    out->weight = calloc((size_t)links + 1, sizeof *out->weight);
    out->order = calloc(nodes + 1, sizeof *out->order);
    out->value = calloc(nodes + 1, sizeof *out->value);
    out->sum = calloc(nodes + 1, sizeof *out->sum);
    out->state = calloc(nodes + 1, sizeof *out->state);
    esp_status status = out->first && out->source && out->weight && out->order && out->value &&
                                out->sum && out->state
                            ? ESP_OK
                            : ESP_ERROR_MEMORY;
    if (status == ESP_OK) {
        for (uint64_t i = 0; i < genes->count; i++)
            if (genes->genes[i].enabled)
                out->first[index_of(genes, genes->genes[i].to) + 1]++;
        for (size_t v = 0; v < nodes; v++) {
            out->first[v + 1] += out->first[v];
            out->order[v] = out->first[v]; // where the node's next link goes
        }
        for (uint64_t i = 0; i < genes->count; i++) {
            const esp_gene *gene = &genes->genes[i];
            if (!gene->enabled)
                continue;
            const uint32_t place = out->order[index_of(genes, gene->to)]++;
            out->source[place] = index_of(genes, gene->from);
            out->weight[place] = gene->weight;
        }
        status = sort(out);
    }
    if (status != ESP_OK)
        esp_neat_network_free(out);
    else
        esp_neat_network_flush(out);
    return status;
}

void esp_neat_network_free(esp_neat_network *network)
{
    free(network->first);
    free(network->source);
    free(network->weight);
    free(network->order);
    free(network->value);
    free(network->sum);
    free(network->state);
    memset(network, 0, sizeof *network);
}

void esp_neat_network_flush(esp_neat_network *network)
{
    for (uint32_t v = 0; v < network->node_count; v++) {
        network->value[v] = 0;
        network->state[v] = 0;
    }
}

static uint32_t outputs_on(const esp_neat_network *network)
{
    for (uint32_t o = 0; o < network->outputs; o++)
        if (!(network->state[network->inputs + 1 + o] & GAVE))
            return 0;
    return 1;
}

static void pass(esp_neat_network *network)
{
    const uint32_t count = network->node_count;
    for (uint32_t v = network->inputs + 1; v < count; v++) {
        double sum = 0;
        uint32_t signal = 0;
        for (uint32_t l = network->first[v]; l < network->first[v + 1]; l++) {
            const uint32_t source = network->source[l];
            sum += network->weight[l] * network->value[source];
            signal |= network->state[source] & GAVE;
        }
        network->sum[v] = sum;
        if (signal)
            network->state[v] |= SIGNAL;
    }
    for (uint32_t v = network->inputs + 1; v < count; v++)
        if (network->state[v] & SIGNAL) {
            network->value[v] = esp_neat_sigmoid(network->sum[v]);
            network->state[v] = SIGNAL | GAVE;
        }
}

uint32_t esp_neat_network_activate(esp_neat_network *network, const double *inputs)
{
    for (uint32_t i = 0; i < network->inputs; i++) {
        network->value[i] = inputs[i];
        network->state[i] = SIGNAL | GAVE;
    }
    network->value[network->inputs] = network->bias;
    network->state[network->inputs] = network->bias != 0 ? SIGNAL | GAVE : 0;
    for (int passes = 0; passes < PASSES_MOST; passes++) {
        pass(network);
        if (outputs_on(network))
            return 1;
    }
    return 0;
}
