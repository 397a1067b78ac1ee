// SPDX-License-Identifier: Apache-2.0
// A small space that has every ability: a cell of two operations in a row beside a third one, the sum
// of both, once or twice. Its notation is `conv-pool|skip*2`. A skip beside another operation of the
// row may stand on either side, and the two branches have no order: 27 * 2 members are
// 18 * 2 networks.
#ifndef PLUGINS_WORDED_SPACE_H
#define PLUGINS_WORDED_SPACE_H

#include <espalier/espalier.h>
#include <espalier/ext/space_structure.h>
#include <espalier/ext/space_text.h>

#include <stdbool.h>
#include <string.h>

#define WORDED_OPS 3
#define WORDED_EDGES 3

static const char *const worded_names[WORDED_OPS] = {"conv", "pool", "skip"};
static const char *const worded_edges[WORDED_EDGES] = {"first", "second", "beside"};
static const char *const worded_paths[WORDED_EDGES] = {"cell/first", "cell/second", "cell/beside"};

static esp_node worded_conv(esp_builder *b, esp_node x, const void *argument)
{
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    (void)argument;
    options.channels = 4;
    options.kernel = 3;
    return esp_conv(b, "conv", x, options);
}

static esp_node worded_pool(esp_builder *b, esp_node x, const void *argument)
{
    (void)argument;
    return esp_max_pool(b, x, 3, 1);
}

static esp_node worded_skip(esp_builder *b, esp_node x, const void *argument)
{
    (void)b;
    (void)argument;
    return x;
}

static const esp_alternative worded_ops[WORDED_OPS] = {ESP_ALTERNATIVE("conv", worded_conv),
                                                       ESP_ALTERNATIVE("pool", worded_pool),
                                                       ESP_ALTERNATIVE("skip", worded_skip)};

static esp_status worded_build(void *self, esp_builder *b)
{
    int64_t repeat = esp_choose_int(b, "repeat", 1, 2);
    esp_scope(b, "stem", -1);
    esp_node x = worded_conv(b, esp_input(b), NULL);
    esp_scope_end(b);
    (void)self;
    for (int64_t i = 0; i < repeat; i++) {
        esp_scope(b, "cells", i);
        esp_share(b, "cell");
        esp_node row = esp_choose_op(b, worded_edges[0], x, worded_ops, WORDED_OPS, NULL);
        row = esp_choose_op(b, worded_edges[1], row, worded_ops, WORDED_OPS, NULL);
        esp_node beside = esp_choose_op(b, worded_edges[2], x, worded_ops, WORDED_OPS, NULL);
        x = esp_add(b, row, beside);
        esp_scope_end(b);
        esp_scope_end(b);
    }
    return esp_classifier(b, x);
}

// The operation at an edge of a member, and how often the cell stands.
static const char *worded_op(const esp_arch *arch, int edge)
{
    int64_t i = esp_arch_find(arch, worded_paths[edge]);
    return i < 0 ? "?" : worded_names[esp_arch_value(arch, (uint64_t)i).as.index];
}

static long long worded_repeat(const esp_arch *arch)
{
    int64_t i = esp_arch_find(arch, "repeat");
    return i < 0 ? 0 : (long long)esp_arch_value(arch, (uint64_t)i).as.integer;
}

static esp_status worded_parse(void *self, esp_text_reader *reader, const char *text)
{
    static const char ends[WORDED_EDGES] = {'-', '|', '*'};
    uint64_t at = 0;
    (void)self;
    for (int edge = 0; edge < WORDED_EDGES; edge++) {
        char word[16];
        size_t length = strcspn(text + at, "-|*");
        snprintf(word, sizeof word, "%.*s", (int)length, text + at);
        int op = 0;
        while (op < WORDED_OPS && strcmp(word, worded_names[op]) != 0)
            op++;
        if (op == WORDED_OPS) {
            const char *near =
                esp_text_nearest(reader, word, worded_names, WORDED_OPS, sizeof *worded_names);
            return esp_text_wrong(reader, at, "there is no operation '%s'%s%s", word,
                                  near ? "; the nearest is " : "", near ? near : "");
        }
        esp_text_set_name(reader, worded_paths[edge], worded_names[op]);
        at += length;
        if (text[at] != ends[edge])
            return esp_text_wrong(reader, at, "expected '%c'", ends[edge]);
        at++;
    }
    if (text[at] < '0' || text[at] > '9' || text[at + 1] != '\0')
        return esp_text_wrong(reader, at, "expected one digit: how often the cell stands");
    return esp_text_set_int(reader, "repeat", text[at] - '0');
}

static esp_status worded_print(void *self, const esp_arch *arch, esp_text_writer *writer)
{
    (void)self;
    return esp_text_print(writer, "%s-%s|%s*%lld", worded_op(arch, 0), worded_op(arch, 1),
                          worded_op(arch, 2), worded_repeat(arch));
}

// The row without its skips beside the other branch, the lesser text first.
static esp_status worded_canonical(void *self, const esp_arch *arch, esp_text_writer *writer)
{
    const char *first = worded_op(arch, 0), *second = worded_op(arch, 1);
    const char *beside = worded_op(arch, 2);
    char row[16];
    (void)self;
    if (strcmp(first, "skip") == 0 || strcmp(second, "skip") == 0)
        snprintf(row, sizeof row, "%s", strcmp(first, "skip") == 0 ? second : first);
    else
        snprintf(row, sizeof row, "%s-%s", first, second);
    bool swapped = strcmp(row, beside) > 0;
    return esp_text_print(writer, "%s|%s*%lld", swapped ? beside : row, swapped ? row : beside,
                          worded_repeat(arch));
}

static esp_status worded_structure(void *self, const esp_arch *arch, esp_structure_writer *writer)
{
    (void)self;
    esp_structure_cell(writer, "");
    esp_structure_vertex(writer, NULL, ESP_VERTEX_INPUT);
    esp_structure_vertex(writer, NULL, ESP_VERTEX_INNER);
    esp_structure_vertex(writer, "sum", ESP_VERTEX_OUTPUT);
    esp_structure_edge(writer, 0, 1, worded_op(arch, 0));
    esp_structure_edge(writer, 1, 2, worded_op(arch, 1));
    return esp_structure_edge(writer, 0, 2, worded_op(arch, 2));
}

static const void *worded_ability(const char *id)
{
    static const esp_space_text text = {sizeof text, "conv-pool|skip*2", worded_parse,
                                        worded_print};
    static const esp_space_canonical form = {sizeof form, worded_canonical};
    static const esp_space_structure structure = {sizeof structure, worded_structure};
    if (strcmp(id, ESP_SPACE_TEXT) == 0)
        return &text;
    if (strcmp(id, ESP_SPACE_CANONICAL) == 0)
        return &form;
    return strcmp(id, ESP_SPACE_STRUCTURE) == 0 ? &structure : NULL;
}

#endif
