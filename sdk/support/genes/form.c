// SPDX-License-Identifier: Apache-2.0
// The byte form of a genome, little-endian: u8 1, u32 inputs, u32 outputs, binary64 bias, u32 hidden
// nodes, u32 genes; each hidden node's number (u64); each gene: u64 innovation, u64 from, u64 to,
// binary64 weight, u8 flags (1 enabled, 2 recurrent). One genome has one form: all ascends, and -0 is 0.
#include <espalier/support/genes.h>

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 25
#define GENE 33
#define VERSION 1

void esp_genes_free(esp_genes *genes)
{
    free(genes->hidden);
    free(genes->genes);
    memset(genes, 0, sizeof *genes);
}

static int reserve(void *pointer, uint64_t *capacity, uint64_t wanted, size_t size)
{
    void **array = pointer, *grown;
    uint64_t room = *capacity ? *capacity : 8;
    if (wanted <= *capacity)
        return 1;
    while (room < wanted)
        room *= 2;
    grown = realloc(*array, (size_t)room * size);
    if (!grown)
        return 0;
    *array = grown;
    *capacity = room;
    return 1;
}

esp_status esp_genes_copy(esp_genes *to, const esp_genes *from)
{
    memset(to, 0, sizeof *to);
    to->inputs = from->inputs;
    to->outputs = from->outputs;
    to->bias = from->bias;
    if (!reserve(&to->hidden, &to->hidden_capacity, from->hidden_count + 1, sizeof *to->hidden) ||
        !reserve(&to->genes, &to->capacity, from->count + 3, sizeof *to->genes)) {
        esp_genes_free(to);
        return ESP_ERROR_MEMORY;
    }
    if (from->hidden_count > 0)
        memcpy(to->hidden, from->hidden, (size_t)from->hidden_count * sizeof *to->hidden);
    if (from->count > 0)
        memcpy(to->genes, from->genes, (size_t)from->count * sizeof *to->genes);
    to->hidden_count = from->hidden_count;
    to->count = from->count;
    return ESP_OK;
}

// ---- Looking and adding -------------------------------------------------------------------------

uint64_t esp_genes_hidden_place(const esp_genes *genes, uint64_t node)
{
    uint64_t low = 0, high = genes->hidden_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (genes->hidden[middle] < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int esp_genes_has_node(const esp_genes *genes, uint64_t node)
{
    if (node < esp_genes_first_hidden(genes))
        return node != genes->inputs || genes->bias != 0;
    uint64_t place = esp_genes_hidden_place(genes, node);
    return place < genes->hidden_count && genes->hidden[place] == node;
}

esp_gene *esp_genes_find(const esp_genes *genes, uint64_t from, uint64_t to, uint32_t recurrent)
{
    for (uint64_t i = 0; i < genes->count; i++)
        if (genes->genes[i].from == from && genes->genes[i].to == to &&
            genes->genes[i].recurrent == recurrent)
            return &genes->genes[i];
    return NULL;
}

esp_status esp_genes_add_hidden(esp_genes *genes, uint64_t node)
{
    uint64_t place = esp_genes_hidden_place(genes, node);
    if (node < esp_genes_first_hidden(genes) || genes->hidden_count >= ESP_GENES_MOST_HIDDEN ||
        (place < genes->hidden_count && genes->hidden[place] == node))
        return ESP_ERROR_INVALID;
    if (!reserve(&genes->hidden, &genes->hidden_capacity, genes->hidden_count + 1,
                 sizeof *genes->hidden))
        return ESP_ERROR_MEMORY;
    memmove(genes->hidden + place + 1, genes->hidden + place,
            (size_t)(genes->hidden_count - place) * sizeof *genes->hidden);
    genes->hidden[place] = node;
    genes->hidden_count++;
    return ESP_OK;
}

esp_status esp_genes_add(esp_genes *genes, const esp_gene *gene)
{
    uint64_t place = genes->count;
    while (place > 0 && genes->genes[place - 1].innovation > gene->innovation)
        place--;
    if ((place > 0 && genes->genes[place - 1].innovation == gene->innovation) ||
        genes->count >= ESP_GENES_MOST)
        return ESP_ERROR_INVALID;
    if (!reserve(&genes->genes, &genes->capacity, genes->count + 1, sizeof *genes->genes))
        return ESP_ERROR_MEMORY;
    memmove(genes->genes + place + 1, genes->genes + place,
            (size_t)(genes->count - place) * sizeof *genes->genes);
    genes->genes[place] = *gene;
    genes->count++;
    return ESP_OK;
}

// ---- Writing ------------------------------------------------------------------------------------

uint64_t esp_genes_size(const esp_genes *genes)
{
    return HEAD + 8 * genes->hidden_count + GENE * genes->count;
}

static unsigned char *put(unsigned char *at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        *at++ = (unsigned char)(value >> 8 * i);
    return at;
}

static unsigned char *put_real(unsigned char *at, double value)
{
    uint64_t bits;
    value += 0.0;
    memcpy(&bits, &value, sizeof bits);
    return put(at, bits, 8);
}

void esp_genes_write(const esp_genes *genes, void *bytes)
{
    unsigned char *at = put(bytes, VERSION, 1);
    at = put(at, genes->inputs, 4);
    at = put(at, genes->outputs, 4);
    at = put_real(at, genes->bias);
    at = put(at, genes->hidden_count, 4);
    at = put(at, genes->count, 4);
    for (uint64_t i = 0; i < genes->hidden_count; i++)
        at = put(at, genes->hidden[i], 8);
    for (uint64_t i = 0; i < genes->count; i++) {
        const esp_gene *gene = &genes->genes[i];
        at = put(at, gene->innovation, 8);
        at = put(at, gene->from, 8);
        at = put(at, gene->to, 8);
        at = put_real(at, gene->weight);
        at = put(at, (gene->enabled ? 1 : 0) | (gene->recurrent ? 2 : 0), 1);
    }
}

// ---- Reading ------------------------------------------------------------------------------------

static uint64_t get(const unsigned char **at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)(*at)[i] << 8 * i;
    *at += bytes;
    return value;
}

static double get_real(const unsigned char **at)
{
    uint64_t bits = get(at, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
static esp_status
wrong(esp_genes *genes, char *reason, size_t size, const char *format, ...)
{
    va_list arguments;
    esp_genes_free(genes);
    va_start(arguments, format);
    if (vsnprintf(reason, size, format, arguments) < 0 && size > 0)
        reason[0] = '\0';
    va_end(arguments);
    return ESP_ERROR_INVALID;
}

// -0 has bits of its own: no number of the form is one.
static int is_number(double value)
{
    return isfinite(value) && !(value == 0 && signbit(value));
}

static esp_status read_gene(esp_genes *genes, const unsigned char **at, uint64_t i, char *reason,
                            size_t size)
{
    esp_gene gene;
    memset(&gene, 0, sizeof gene);
    gene.innovation = get(at, 8);
    gene.from = get(at, 8);
    gene.to = get(at, 8);
    gene.weight = get_real(at);
    uint64_t flags = get(at, 1);
    gene.enabled = (uint32_t)(flags & 1);
    gene.recurrent = (uint32_t)(flags >> 1 & 1);
    unsigned long long number = (unsigned long long)i;
    if (flags > 3 || !is_number(gene.weight))
        return wrong(genes, reason, size, "gene %llu has no finite weight or flags above 3",
                     number);
    if (!esp_genes_has_node(genes, gene.from) || !esp_genes_has_node(genes, gene.to) ||
        gene.to <= genes->inputs)
        return wrong(genes, reason, size,
                     "gene %llu goes from node %llu to %llu: expected nodes of the genome, and no "
                     "input or bias as the second",
                     number, (unsigned long long)gene.from, (unsigned long long)gene.to);
    if (genes->count > 0 && genes->genes[genes->count - 1].innovation >= gene.innovation)
        return wrong(genes, reason, size, "gene %llu: innovations do not ascend", number);
    if (esp_genes_find(genes, gene.from, gene.to, gene.recurrent))
        return wrong(genes, reason, size, "gene %llu joins nodes that another gene joins", number);
    genes->genes[genes->count++] = gene;
    return ESP_OK;
}

esp_status esp_genes_read(esp_genes *out, const void *bytes, uint64_t byte_count, char *reason,
                          size_t size)
{
    const unsigned char *at = bytes;
    memset(out, 0, sizeof *out);
    if (byte_count < HEAD || at[0] != VERSION)
        return wrong(out, reason, size, "it is no genome of the form " ESP_GENES_FORM);
    at++;
    out->inputs = (uint32_t)get(&at, 4);
    out->outputs = (uint32_t)get(&at, 4);
    out->bias = get_real(&at);
    uint64_t hidden = get(&at, 4), count = get(&at, 4);
    if (out->inputs < 1 || out->inputs > ESP_GENES_MOST_PORTS || out->outputs < 1 ||
        out->outputs > ESP_GENES_MOST_PORTS || !is_number(out->bias))
        return wrong(out, reason, size,
                     "its inputs and outputs are not 1 to %d, or its bias is no number",
                     ESP_GENES_MOST_PORTS);
    if (hidden > ESP_GENES_MOST_HIDDEN || count > ESP_GENES_MOST ||
        byte_count != HEAD + 8 * hidden + GENE * count)
        return wrong(out, reason, size, "it has %llu bytes, and its counts say another number",
                     (unsigned long long)byte_count);
    if (!reserve(&out->hidden, &out->hidden_capacity, hidden + 1, sizeof *out->hidden) ||
        !reserve(&out->genes, &out->capacity, count + 3, sizeof *out->genes)) {
        wrong(out, reason, size, "out of memory");
        return ESP_ERROR_MEMORY;
    }
    for (uint64_t i = 0; i < hidden; i++) {
        uint64_t node = get(&at, 8);
        if (node < esp_genes_first_hidden(out) || (i > 0 && node <= out->hidden[i - 1]))
            return wrong(out, reason, size,
                         "hidden node %llu: the numbers of hidden nodes ascend above the outputs'",
                         (unsigned long long)node);
        out->hidden[out->hidden_count++] = node;
    }
    for (uint64_t i = 0; i < count; i++) {
        esp_status status = read_gene(out, &at, i, reason, size);
        if (status != ESP_OK)
            return status;
    }
    return ESP_OK;
}
