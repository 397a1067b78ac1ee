// SPDX-License-Identifier: Apache-2.0
// MetaQNN's notation: [C(f,k,s), P(k,s), FC(n), GAP(classes), D(i,n), SM(classes)]. D(i,n) is the i-th
// of n dropouts; where they stand follows from the layers, so a text has all of them or none.
#include "metaqnn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MOST 3
#define DROPOUT LAYER_TYPES // a word of the notation that is no layer
#define WORD_COUNT (LAYER_TYPES + 1)

static const char *const words[WORD_COUNT] = {"C", "P", "FC", "GAP", "SM", "D"};
static const int argument_counts[WORD_COUNT] = {3, 2, 1, 1, 1, 2};
static const char *const forms[WORD_COUNT] = {"C(filters,kernel,1)", "P(kernel,stride)",
                                              "FC(units)",           "GAP(classes)",
                                              "SM(classes)",         "D(i,n)"};

struct item {
    int word;
    const char *at; // where it begins in the text
    int64_t arguments[ARGUMENTS_MOST];
    const char *argument_at[ARGUMENTS_MOST];
};

struct parser {
    const struct metaqnn *space;
    esp_text_reader *reader;
    const char *text, *at;
    struct stand stand;
    // The dropouts that the layers so far call for, and where the text has one.
    int64_t due[METAQNN_LAYERS_MOST], due_count;
    struct item dropouts[METAQNN_LAYERS_MOST];
    int64_t dropout_after[METAQNN_LAYERS_MOST], dropout_count;
};

#define WRONG(parser, place, ...)                                                                  \
    esp_text_wrong((parser)->reader, (uint64_t)((place) - (parser)->text), __VA_ARGS__)

static void skip_blanks(struct parser *parser)
{
    while (*parser->at == ' ')
        parser->at++;
}

static esp_status expect(struct parser *parser, char wanted)
{
    skip_blanks(parser);
    if (*parser->at != wanted)
        return WRONG(parser, parser->at, "expected '%c'", wanted);
    parser->at++;
    return ESP_OK;
}

static esp_status read_number(struct parser *parser, int64_t *out, const char **place)
{
    skip_blanks(parser);
    *place = parser->at;
    *out = 0;
    while (*parser->at >= '0' && *parser->at <= '9' && parser->at - *place < 9)
        *out = *out * 10 + (*parser->at++ - '0');
    return parser->at > *place ? ESP_OK : WRONG(parser, parser->at, "expected a number");
}

static esp_status read_word(struct parser *parser, int *out)
{
    char word[16];
    size_t length = 0;
    skip_blanks(parser);
    const char *start = parser->at;
    while (((*parser->at >= 'A' && *parser->at <= 'Z') ||
            (*parser->at >= 'a' && *parser->at <= 'z')) &&
           length + 1 < sizeof word)
        word[length++] = *parser->at++;
    word[length] = '\0';
    for (*out = 0; *out < WORD_COUNT; ++*out)
        if (strcmp(word, words[*out]) == 0)
            return ESP_OK;
    const char *near = esp_text_nearest(parser->reader, word, words, WORD_COUNT, sizeof words[0]);
    if (length == 0 || !near)
        return WRONG(parser, start, "expected a layer: C, P, FC, GAP, SM, or D");
    return WRONG(parser, start, "there is no layer %s: did you mean %s?", word, near);
}

static esp_status read_item(struct parser *parser, struct item *item)
{
    esp_status status = read_word(parser, &item->word);
    if (status != ESP_OK)
        return status;
    item->at = parser->at - strlen(words[item->word]);
    status = expect(parser, '(');
    for (int i = 0; i < argument_counts[item->word] && status == ESP_OK; i++) {
        if (i > 0)
            status = expect(parser, ',');
        if (status == ESP_OK)
            status = read_number(parser, &item->arguments[i], &item->argument_at[i]);
    }
    skip_blanks(parser);
    if (status == ESP_OK && *parser->at != ')')
        return WRONG(parser, parser->at, "expected ')': %s", forms[item->word]);
    parser->at += status == ESP_OK;
    return status;
}

// ---- What the items say -------------------------------------------------------------------------

static esp_status set(struct parser *parser, const char *name, const char *option)
{
    char path[64];
    snprintf(path, sizeof path, "layer/%lld/%s", (long long)parser->stand.layers, name);
    return esp_text_set_name(parser->reader, path, option);
}

// Argument `i`, one of the first `count` of these numbers.
static esp_status set_number(struct parser *parser, const struct item *item, int i,
                             const char *name, const int64_t *values, uint64_t count)
{
    char option[24], list[256] = "";
    for (uint64_t v = 0; v < count; v++) {
        if (values[v] == item->arguments[i]) {
            snprintf(option, sizeof option, "%lld", (long long)values[v]);
            return set(parser, name, option);
        }
        size_t length = strlen(list);
        snprintf(list + length, sizeof list - length, "%s%lld", v ? ", " : "",
                 (long long)values[v]);
    }
    return WRONG(parser, item->argument_at[i], "%s: expected one of %s here", name, list);
}

static esp_status set_pool(struct parser *parser, const struct item *item)
{
    const char *names[METAQNN_POOLS];
    uint64_t count = stand_pools(&parser->stand, names);
    for (int i = 0; i < METAQNN_POOLS; i++)
        for (uint64_t j = 0; j < count; j++)
            if (metaqnn_pools[i].name == names[j] &&
                metaqnn_pools[i].kernel == item->arguments[0] &&
                metaqnn_pools[i].stride == item->arguments[1])
                return set(parser, "pool", names[j]);
    return WRONG(parser, item->argument_at[0],
                 "expected P(5,3), P(3,2) or P(2,2), smaller than the map, which is %lld",
                 (long long)parser->stand.size);
}

static esp_status check_classes(struct parser *parser, const struct item *item)
{
    if (item->arguments[0] == parser->space->classes)
        return ESP_OK;
    return WRONG(parser, item->argument_at[0], "the dataset has %lld classes",
                 (long long)parser->space->classes);
}

static esp_status set_arguments(struct parser *parser, const struct item *item)
{
    const struct metaqnn *space = parser->space;
    switch (item->word) {
    case LAYER_C:
        if (item->arguments[2] != 1)
            return WRONG(parser, item->argument_at[2], "convolutions have the stride 1");
        if (set_number(parser, item, 0, "filters", space->filters, space->filter_count) != ESP_OK)
            return ESP_ERROR_INVALID;
        return set_number(parser, item, 1, "kernel", space->kernels,
                          stand_kernels(space, &parser->stand));
    case LAYER_P:
        return set_pool(parser, item);
    case LAYER_FC:
        return set_number(parser, item, 0, "units", space->units,
                          stand_units(space, &parser->stand));
    default:
        return check_classes(parser, item);
    }
}

static esp_status set_layer(struct parser *parser, const struct item *item)
{
    const char *types[LAYER_TYPES];
    char list[64] = "";
    uint64_t count = stand_types(parser->space, &parser->stand, types), found = 0;
    while (found < count && types[found] != layer_names[item->word])
        found++;
    for (uint64_t i = 0; i < count; i++) {
        size_t length = strlen(list);
        snprintf(list + length, sizeof list - length, "%s%s", i ? ", " : "", types[i]);
    }
    if (found == count)
        return WRONG(parser, item->at, "no %s may stand here: expected %s", words[item->word],
                     list);
    esp_status status = set(parser, "type", words[item->word]);
    if (status == ESP_OK)
        status = set_arguments(parser, item);
    if (status != ESP_OK)
        return status;
    if (dropout_follows(parser->stand.layers, (enum layer_type)item->word))
        parser->due[parser->due_count++] = parser->stand.layers;
    stand_pass(&parser->stand, (enum layer_type)item->word, item->arguments[0], item->arguments[1],
               item->arguments[0]);
    return ESP_OK;
}

static esp_status note_dropout(struct parser *parser, const struct item *item)
{
    if (parser->dropout_count >= METAQNN_LAYERS_MOST)
        return WRONG(parser, item->at, "there are more dropouts than layers");
    parser->dropout_after[parser->dropout_count] = parser->stand.layers - 1;
    parser->dropouts[parser->dropout_count++] = *item;
    return ESP_OK;
}

static esp_status check_dropouts(struct parser *parser)
{
    const int64_t total = dropout_total(&parser->stand, parser->due_count);
    for (int64_t i = 0; i < parser->dropout_count; i++) {
        const struct item *item = &parser->dropouts[i];
        if (i >= parser->due_count || parser->dropout_after[i] != parser->due[i])
            return WRONG(parser, item->at,
                         "a dropout stands behind every second layer and every FC, there alone");
        if (item->arguments[0] != i + 1 || item->arguments[1] != total)
            return WRONG(parser, item->at, "expected D(%lld,%lld)", (long long)i + 1,
                         (long long)total);
    }
    if (parser->dropout_count > 0 && parser->dropout_count < parser->due_count)
        return WRONG(parser, parser->at - 1, "%lld of %lld dropouts are missing: all, or none",
                     (long long)(parser->due_count - parser->dropout_count),
                     (long long)parser->due_count);
    return ESP_OK;
}

static esp_status metaqnn_parse(void *self, esp_text_reader *reader, const char *text)
{
    struct parser parser = {.space = self, .reader = reader, .text = text, .at = text};
    struct item item = {0};
    parser.stand = stand_begin(parser.space);
    esp_status status = expect(&parser, '[');
    while (status == ESP_OK && parser.stand.previous != LAYER_SM) {
        if (parser.stand.previous >= 0)
            status = expect(&parser, ',');
        if (status == ESP_OK)
            status = read_item(&parser, &item);
        if (status == ESP_OK)
            status =
                item.word == DROPOUT ? note_dropout(&parser, &item) : set_layer(&parser, &item);
        if (status == ESP_OK && item.word == DROPOUT && parser.stand.previous < 0)
            status = WRONG(&parser, item.at, "a dropout stands behind a layer");
    }
    if (status == ESP_OK)
        status = expect(&parser, ']');
    if (status == ESP_OK)
        status = check_dropouts(&parser);
    skip_blanks(&parser);
    if (status == ESP_OK && *parser.at != '\0')
        return WRONG(&parser, parser.at, "expected the end behind ']'");
    return status;
}

// ---- Printing -----------------------------------------------------------------------------------

// The option at `layer/<i>/<name>`, or NULL.
static const char *option_at(const esp_arch *arch, int64_t i, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "layer/%lld/%s", (long long)i, name);
    int64_t at = esp_arch_find(arch, path);
    if (at < 0)
        return NULL;
    return esp_arch_domain(arch, (uint64_t)at)->names[esp_arch_value(arch, (uint64_t)at).as.index];
}

// The type of layer `i`, LAYER_TYPES: there is no such layer.
static int type_at(const esp_arch *arch, int64_t i)
{
    const char *name = option_at(arch, i, "type");
    int type = 0;
    while (type < LAYER_TYPES && (!name || strcmp(name, layer_names[type]) != 0))
        type++;
    return type;
}

static esp_status print_layer(const struct metaqnn *space, const esp_arch *arch, int64_t i,
                              esp_text_writer *writer)
{
    int type = type_at(arch, i);
    const char *first = option_at(arch, i,
                                  type == LAYER_C   ? "filters"
                                  : type == LAYER_P ? "pool"
                                                    : "units");
    const char *kernel = option_at(arch, i, "kernel");
    if (type == LAYER_GAP || type == LAYER_SM)
        return esp_text_print(writer, "%s(%lld)", layer_names[type], (long long)space->classes);
    if (!first || (type == LAYER_C && !kernel))
        return esp_fail(writer, ESP_ERROR_INVALID, "the architecture lacks decisions of layer %lld",
                        (long long)i);
    if (type == LAYER_C)
        return esp_text_print(writer, "C(%s,%s,1)", first, kernel);
    if (type == LAYER_P)
        return esp_text_print(writer, "P(%c,%c)", first[0], first[2]);
    return esp_text_print(writer, "FC(%s)", first);
}

static esp_status metaqnn_print(void *self, const esp_arch *arch, esp_text_writer *writer)
{
    int64_t count = 0, dropouts = 0, dropped = 0;
    struct stand stand = stand_begin(self);
    for (int type; (type = type_at(arch, count)) < LAYER_TYPES; count++) {
        dropouts += dropout_follows(count, (enum layer_type)type);
        stand_pass(&stand, (enum layer_type)type, 0, 0, 0);
    }
    dropouts = dropout_total(&stand, dropouts);
    esp_status status = esp_text_write(writer, "[", 1);
    for (int64_t i = 0; i < count && status == ESP_OK; i++) {
        if (i > 0)
            status = esp_text_write(writer, ", ", 2);
        if (status == ESP_OK)
            status = print_layer(self, arch, i, writer);
        if (status == ESP_OK && dropout_follows(i, (enum layer_type)type_at(arch, i)))
            status =
                esp_text_print(writer, ", D(%lld,%lld)", (long long)++dropped, (long long)dropouts);
    }
    return status == ESP_OK ? esp_text_write(writer, "]", 1) : status;
}

const esp_space_text metaqnn_text = {
    sizeof(esp_space_text),
    "[C(128,5,1), P(3,2), D(1,2), C(256,3,1), C(64,1,1), D(2,2), GAP(10), SM(10)]",
    metaqnn_parse,
    metaqnn_print,
};
