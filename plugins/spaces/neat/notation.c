// SPDX-License-Identifier: Apache-2.0
// A genome in words, and as a drawing. The notation:
//
//   2-1 bias 1: 0>3=0.5@0 1>3=-1.25@1 2>3=2@2! 4>3=1.5@7~ +5
//
// inputs - outputs, the bias; then the genes, each from > to = weight @ innovation, `!` where it is
// disabled, `~` where it goes back in time; and hidden nodes that no gene touches, each behind a `+`.
#include "neat.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- Reading ------------------------------------------------------------------------------------

struct scan {
    esp_text_reader *reader;
    const char *text, *at;
};

static esp_status wrong(struct scan *scan, const char *expected)
{
    return esp_text_wrong(scan->reader, (uint64_t)(scan->at - scan->text), "expected %s", expected);
}

static esp_status take_number(struct scan *scan, uint64_t *out, const char *expected)
{
    char *end;
    if (*scan->at < '0' || *scan->at > '9')
        return wrong(scan, expected);
    errno = 0;
    *out = strtoull(scan->at, &end, 10);
    if (errno)
        return wrong(scan, expected);
    scan->at = end;
    return ESP_OK;
}

static esp_status take_real(struct scan *scan, double *out, const char *expected)
{
    char *end;
    // Of what strtod reads, decimals alone.
    if (!strchr("+-.0123456789", *scan->at) || !*scan->at)
        return wrong(scan, expected);
    *out = strtod(scan->at, &end) + 0.0;
    if (end == scan->at || !isfinite(*out) || memchr(scan->at, 'x', (size_t)(end - scan->at)))
        return wrong(scan, expected);
    scan->at = end;
    return ESP_OK;
}

static esp_status take_word(struct scan *scan, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(scan->at, word, length) != 0) {
        char expected[32];
        snprintf(expected, sizeof expected, "'%s'", word);
        return wrong(scan, expected);
    }
    scan->at += length;
    return ESP_OK;
}

static esp_status touch(struct scan *scan, esp_genes *genes, uint64_t node)
{
    if (node < esp_genes_first_hidden(genes) || esp_genes_has_node(genes, node))
        return ESP_OK;
    return esp_genes_add_hidden(genes, node) == ESP_OK ? ESP_OK : wrong(scan, "fewer hidden nodes");
}

static esp_status parse_gene(struct scan *scan, esp_genes *genes)
{
    esp_gene gene = {0, 0, 0, 0, 1, 0};
    const char *begin = scan->at;
    esp_status status = take_number(scan, &gene.from, "a gene, from>to=weight@innovation");
    if (status == ESP_OK)
        status = take_word(scan, ">");
    if (status == ESP_OK)
        status = take_number(scan, &gene.to, "the node that it goes to");
    if (status == ESP_OK)
        status = take_word(scan, "=");
    if (status == ESP_OK)
        status = take_real(scan, &gene.weight, "a weight");
    if (status == ESP_OK)
        status = take_word(scan, "@");
    if (status == ESP_OK)
        status = take_number(scan, &gene.innovation, "an innovation number");
    if (status != ESP_OK)
        return status;
    for (; *scan->at == '!' || *scan->at == '~'; scan->at++)
        if (*scan->at == '!')
            gene.enabled = 0;
        else
            gene.recurrent = 1;
    status = touch(scan, genes, gene.from);
    if (status == ESP_OK)
        status = touch(scan, genes, gene.to);
    const char *end = scan->at;
    scan->at = begin;
    if (status == ESP_OK && (!esp_genes_has_node(genes, gene.from) || gene.to <= genes->inputs))
        status = wrong(scan, "a gene that does not go into an input, or come from a bias of 0");
    if (status == ESP_OK && esp_genes_find(genes, gene.from, gene.to, gene.recurrent))
        status = wrong(scan, "another gene: these nodes are joined already");
    if (status == ESP_OK && esp_genes_add(genes, &gene) != ESP_OK)
        status = wrong(scan, "an innovation number that no other gene has");
    scan->at = end;
    return status;
}

static esp_status parse_all(struct scan *scan, esp_genes *genes)
{
    uint64_t inputs = 0, outputs = 0;
    esp_status status = take_number(scan, &inputs, "the number of inputs");
    if (status == ESP_OK)
        status = take_word(scan, "-");
    if (status == ESP_OK)
        status = take_number(scan, &outputs, "the number of outputs");
    if (status == ESP_OK)
        status = take_word(scan, " bias ");
    if (status == ESP_OK)
        status = take_real(scan, &genes->bias, "what the bias gives");
    if (status == ESP_OK)
        status = take_word(scan, ":");
    if (status == ESP_OK && (inputs < 1 || inputs > ESP_GENES_MOST_PORTS || outputs < 1 ||
                             outputs > ESP_GENES_MOST_PORTS)) {
        scan->at = scan->text;
        status = wrong(scan, "1 to 4096 inputs, and as many outputs");
    }
    genes->inputs = (uint32_t)inputs;
    genes->outputs = (uint32_t)outputs;
    while (status == ESP_OK && *scan->at == ' ') {
        uint64_t node = 0;
        scan->at++;
        if (*scan->at != '+') {
            status = parse_gene(scan, genes);
            continue;
        }
        scan->at++;
        status = take_number(scan, &node, "a hidden node");
        if (status == ESP_OK && esp_genes_add_hidden(genes, node) != ESP_OK)
            status = wrong(scan, "a hidden node that is not there yet");
    }
    return status == ESP_OK && *scan->at ? wrong(scan, "a blank and a gene, or the end") : status;
}

static esp_status neat_parse(void *self, esp_text_reader *reader, const char *text)
{
    struct scan scan = {reader, text, text};
    esp_genes genes;
    (void)self;
    memset(&genes, 0, sizeof genes);
    esp_status status = parse_all(&scan, &genes);
    const uint64_t size = esp_genes_size(&genes);
    void *bytes = status == ESP_OK ? malloc((size_t)size) : NULL;
    if (status == ESP_OK && !bytes)
        status = esp_fail(reader, ESP_ERROR_MEMORY, "out of memory");
    if (status == ESP_OK) {
        esp_genes_write(&genes, bytes);
        status = esp_text_set_genome(reader, bytes, size);
    }
    free(bytes);
    esp_genes_free(&genes);
    return status;
}

// ---- Writing ------------------------------------------------------------------------------------

static int is_touched(const esp_genes *genes, uint64_t node)
{
    for (uint64_t i = 0; i < genes->count; i++)
        if (genes->genes[i].from == node || genes->genes[i].to == node)
            return 1;
    return 0;
}

static esp_status neat_print(void *self, const esp_arch *arch, esp_text_writer *writer)
{
    esp_genes genes;
    uint64_t size;
    const void *bytes = esp_arch_genome(arch, &size);
    esp_status status = neat_read(self, &writer->base, bytes, size, &genes);
    if (status != ESP_OK)
        return status;
    esp_text_print(writer, "%u-%u bias %.17g:", genes.inputs, genes.outputs, genes.bias);
    for (uint64_t i = 0; i < genes.count; i++) {
        const esp_gene *gene = &genes.genes[i];
        esp_text_print(writer, " %" PRIu64 ">%" PRIu64 "=%.17g@%" PRIu64 "%s%s", gene->from,
                       gene->to, gene->weight, gene->innovation, gene->enabled ? "" : "!",
                       gene->recurrent ? "~" : "");
    }
    for (uint64_t i = 0; i < genes.hidden_count; i++)
        if (!is_touched(&genes, genes.hidden[i]))
            esp_text_print(writer, " +%" PRIu64, genes.hidden[i]);
    esp_genes_free(&genes);
    return ESP_OK;
}

const esp_space_text neat_text = {
    sizeof(esp_space_text),
    "2-1 bias 1: 0>3=0.5@0 1>3=-1.25@1 2>3=2@2!",
    neat_parse,
    neat_print,
};

// ---- The drawing --------------------------------------------------------------------------------

static void write_vertex(esp_structure_writer *writer, const esp_neat_network *network,
                         uint32_t node)
{
    const uint32_t first_output = network->inputs + 1;
    const uint32_t first_hidden = first_output + network->outputs;
    char label[32];
    if (node < network->inputs)
        snprintf(label, sizeof label, "in %u", node);
    else if (node < first_output)
        snprintf(label, sizeof label, "bias %g", network->bias);
    else if (node < first_hidden)
        snprintf(label, sizeof label, "out %u", node - first_output);
    else
        snprintf(label, sizeof label, "hidden %u", node - first_hidden);
    esp_structure_vertex(writer, label,
                         node < first_output   ? ESP_VERTEX_INPUT
                         : node < first_hidden ? ESP_VERTEX_OUTPUT
                                               : ESP_VERTEX_INNER);
}

// Vertices stand behind their sources where there is no cycle; else inputs, what is behind no cycle, and
// the rest by number.
static esp_status write_network(esp_structure_writer *writer, const esp_neat_network *network)
{
    uint32_t *place = calloc((size_t)network->node_count + 1, sizeof *place), next = 0;
    if (!place)
        return esp_fail(writer, ESP_ERROR_MEMORY, "out of memory");
    esp_structure_cell(writer, "");
    for (uint32_t i = 0; i < 2 * network->node_count; i++) {
        const uint32_t node = i < network->node_count ? network->order[i] : i - network->node_count;
        const int listed = i < network->node_count && i >= network->sorted;
        if (listed || place[node] || (node == network->inputs && network->bias == 0))
            continue;
        place[node] = ++next;
        write_vertex(writer, network, node);
    }
    for (uint32_t v = 0; v < network->node_count; v++)
        for (uint32_t l = network->first[v]; l < network->first[v + 1]; l++) {
            const uint32_t source = network->source[l];
            char label[32];
            snprintf(label, sizeof label, "%.3g", network->weight[l]);
            if (place[source] < place[v])
                esp_structure_edge(writer, place[source] - 1, place[v] - 1, label);
            else
                esp_structure_back_edge(writer, place[source] - 1, place[v] - 1, label);
        }
    free(place);
    return ESP_OK;
}

static esp_status neat_write_structure(void *self, const esp_arch *arch,
                                       esp_structure_writer *writer)
{
    esp_genes genes;
    esp_neat_network network;
    uint64_t size;
    const void *bytes = esp_arch_genome(arch, &size);
    esp_status status = neat_read(self, &writer->base, bytes, size, &genes);
    if (status != ESP_OK)
        return status;
    status = esp_neat_network_create(&network, &genes);
    esp_genes_free(&genes);
    if (status != ESP_OK)
        return esp_fail(writer, status, "out of memory");
    status = write_network(writer, &network);
    esp_neat_network_free(&network);
    return status;
}

const esp_space_structure neat_structure = {sizeof(esp_space_structure), neat_write_structure};
