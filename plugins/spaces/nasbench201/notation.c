// SPDX-License-Identifier: Apache-2.0
// A NAS-Bench-201 cell in words: the benchmark's own strings,
//   |op~0|+|op~0|op~1|+|op~0|op~1|op~2|
// its canonical form, and the cell as a graph.
#include "nasbench201.h"

#include <stdlib.h>
#include <string.h>

// ---- Parsing ------------------------------------------------------------------------------------

struct parser {
    esp_text_reader *reader;
    const char *text, *at;
};

static uint64_t offset(const struct parser *parser, const char *at)
{
    return (uint64_t)(at - parser->text);
}

static esp_status expect(struct parser *parser, char c, const char *place)
{
    if (*parser->at == c) {
        parser->at++;
        return ESP_OK;
    }
    return esp_text_wrong(parser->reader, offset(parser, parser->at), "expected '%c' %s", c, place);
}

static esp_status unknown_operation(struct parser *parser, const char *start, size_t length)
{
    char word[64];
    if (length == 0 || length >= sizeof word)
        return esp_text_wrong(parser->reader, offset(parser, start),
                              "expected an operation: none, skip_connect, nor_conv_1x1, "
                              "nor_conv_3x3 or avg_pool_3x3");
    memcpy(word, start, length);
    word[length] = '\0';
    const char *nearest = esp_text_nearest(parser->reader, word, operation_names, OPERATION_COUNT,
                                           sizeof operation_names[0]);
    if (nearest)
        return esp_text_wrong(parser->reader, offset(parser, start),
                              "there is no operation \"%s\"; did you mean %s?", word, nearest);
    return esp_text_wrong(parser->reader, offset(parser, start),
                          "there is no operation \"%s\": expected none, skip_connect, "
                          "nor_conv_1x1, nor_conv_3x3 or avg_pool_3x3",
                          word);
}

static esp_status parse_operation(struct parser *parser, const struct edge *edge)
{
    const char *start = parser->at;
    size_t length = strcspn(start, "~|+");
    for (unsigned i = 0; i < OPERATION_COUNT; i++)
        if (strlen(operation_names[i]) == length &&
            memcmp(operation_names[i], start, length) == 0) {
            parser->at += length;
            return esp_text_set_name(parser->reader, edge->path, operation_names[i]);
        }
    return unknown_operation(parser, start, length);
}

static esp_status parse_edge(struct parser *parser, const struct edge *edge)
{
    esp_status status = parse_operation(parser, edge);
    if (status == ESP_OK)
        status = expect(parser, '~', "and the number of the node after the operation");
    if (status != ESP_OK)
        return status;
    if (*parser->at != (char)('0' + edge->source))
        return esp_text_wrong(parser->reader, offset(parser, parser->at),
                              "expected %u: the inputs of a node are all nodes before it, in order",
                              edge->source);
    parser->at++;
    return expect(parser, '|', "after an edge");
}

static esp_status nasbench201_parse(void *self, esp_text_reader *reader, const char *text)
{
    struct parser parser = {reader, text, text};
    (void)self;
    for (unsigned e = 0; e < EDGE_COUNT; e++) {
        esp_status status = ESP_OK;
        if (edges[e].source == 0 && e > 0)
            status = expect(&parser, '+',
                            "between two nodes: a cell has three, of one, two and "
                            "three edges");
        if (edges[e].source == 0 && status == ESP_OK)
            status = expect(&parser, '|', "at the beginning of a node");
        if (status == ESP_OK)
            status = parse_edge(&parser, &edges[e]);
        if (status != ESP_OK)
            return status;
    }
    if (*parser.at)
        return esp_text_wrong(reader, offset(&parser, parser.at),
                              "expected the end: the third node has three edges, and is the last");
    return ESP_OK;
}

// ---- Printing -----------------------------------------------------------------------------------

// The operations of a member; false: `*missing` is the path that it does not hold.
static int read_cell(const esp_arch *arch, enum operation cell[EDGE_COUNT], const char **missing)
{
    for (unsigned e = 0; e < EDGE_COUNT; e++) {
        int64_t i = esp_arch_find(arch, edges[e].path);
        *missing = edges[e].path;
        if (i < 0)
            return 0;
        esp_value value = esp_arch_value(arch, (uint64_t)i);
        if (value.kind != ESP_DECISION_ONE || value.as.index >= OPERATION_COUNT)
            return 0;
        cell[e] = (enum operation)value.as.index;
    }
    return 1;
}

#define MISSING "the architecture does not hold %s"

static esp_status nasbench201_print(void *self, const esp_arch *arch, esp_text_writer *writer)
{
    enum operation cell[EDGE_COUNT];
    const char *missing;
    esp_status status = ESP_OK;
    (void)self;
    if (!read_cell(arch, cell, &missing))
        return esp_fail(writer, ESP_ERROR_INVALID, MISSING, missing);
    for (unsigned e = 0; e < EDGE_COUNT && status == ESP_OK; e++)
        status = esp_text_print(writer, "%s%s~%u|",
                                edges[e].source > 0 ? ""
                                : e > 0             ? "+|"
                                                    : "|",
                                operation_names[cell[e]], edges[e].source);
    return status;
}

// ---- The canonical form -------------------------------------------------------------------------
// The expression of the output, as the benchmark's own code tells isomorphic cells apart
// (`to_unique_str` with zeros considered; 6,466 classes): a node is the sorted list of its terms,
// a skip connection's term is its source's expression, `none` and whatever is taken of a node
// that is `#` alone are `#`. Sums are not flattened, and zeros in a sum are kept.

// Node 1 is of at most 16 bytes, node 2 of 48, node 3 of 112.
struct expression {
    char text[128];
};

static int compare_expressions(const void *a, const void *b)
{
    return strcmp(((const struct expression *)a)->text, ((const struct expression *)b)->text);
}

static struct expression term(enum operation operation, const struct expression *source)
{
    struct expression out = *source;
    if (operation == NONE || strcmp(source->text, "#") == 0)
        strcpy(out.text, "#");
    else if (operation != SKIP_CONNECT)
        snprintf(out.text, sizeof out.text, "(%.64s)@%s", source->text, operation_names[operation]);
    return out;
}

// Joins the sorted terms.
static struct expression sum(struct expression *terms, unsigned count)
{
    struct expression out = {""};
    size_t length = 0;
    qsort(terms, count, sizeof *terms, compare_expressions);
    for (unsigned i = 0; i < count; i++) {
        size_t size = strlen(terms[i].text);
        if (i > 0)
            out.text[length++] = '+';
        memcpy(out.text + length, terms[i].text, size + 1);
        length += size;
    }
    return out;
}

static esp_status nasbench201_canonical_form(void *self, const esp_arch *arch,
                                             esp_text_writer *writer)
{
    enum operation cell[EDGE_COUNT];
    struct expression nodes[NODE_COUNT] = {{"0"}}, terms[NODE_COUNT];
    const char *missing;
    (void)self;
    if (!read_cell(arch, cell, &missing))
        return esp_fail(writer, ESP_ERROR_INVALID, MISSING, missing);
    for (unsigned target = 1, e = 0; target < NODE_COUNT; target++) {
        for (unsigned source = 0; source < target; source++, e++)
            terms[source] = term(cell[e], &nodes[source]);
        nodes[target] = sum(terms, target);
    }
    return esp_text_write(writer, nodes[NODE_COUNT - 1].text, strlen(nodes[NODE_COUNT - 1].text));
}

// ---- The structure ------------------------------------------------------------------------------

static esp_status nasbench201_structure_of(void *self, const esp_arch *arch,
                                           esp_structure_writer *writer)
{
    enum operation cell[EDGE_COUNT];
    const char *missing;
    (void)self;
    if (!read_cell(arch, cell, &missing))
        return esp_fail(writer, ESP_ERROR_INVALID, MISSING, missing);
    esp_status status = esp_structure_cell(writer, "");
    for (uint32_t v = 0; v < NODE_COUNT && status == ESP_OK; v++)
        status = esp_structure_vertex(writer, v > 0 ? "add" : NULL,
                                      v == 0                ? ESP_VERTEX_INPUT
                                      : v == NODE_COUNT - 1 ? ESP_VERTEX_OUTPUT
                                                            : ESP_VERTEX_INNER);
    for (unsigned e = 0; e < EDGE_COUNT && status == ESP_OK; e++)
        if (cell[e] != NONE)
            status = esp_structure_edge(writer, edges[e].source, edges[e].target,
                                        operation_names[cell[e]]);
    return status;
}

// ---- The tables ---------------------------------------------------------------------------------

const esp_space_text nasbench201_text = {
    sizeof(esp_space_text),
    "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|nor_conv_3x3~2|",
    nasbench201_parse,
    nasbench201_print,
};

const esp_space_canonical nasbench201_canonical = {
    sizeof(esp_space_canonical),
    nasbench201_canonical_form,
};

const esp_space_structure nasbench201_structure = {
    sizeof(esp_space_structure),
    nasbench201_structure_of,
};
