// SPDX-License-Identifier: Apache-2.0
// Graphs by hand; see hand.h.
#include "support/hand.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ATTRIBUTES 12

struct attributes {
    char text[256];
    int64_t numbers[MOST_ATTRIBUTES][16];
    esp_attribute list[MOST_ATTRIBUTES];
    uint64_t count;
};

// "kernel_shape=3,3 axes=2, auto_pad=VALID ratio=0.5 group=2": a list has a comma, a number that is
// not whole a point.
static void read_attributes(struct attributes *out, const char *text)
{
    char *rest = out->text;
    out->count = 0;
    cr_assert_lt(strlen(text), sizeof out->text);
    memcpy(out->text, text, strlen(text) + 1);
    for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL; out->count++) {
        char *value = strchr(word, '=');
        cr_assert(value && out->count < MOST_ATTRIBUTES, "%s", text);
        *value++ = '\0';
        esp_attribute *to = &out->list[out->count];
        int64_t *numbers = out->numbers[out->count];
        if (strchr(value, ',')) {
            uint64_t count = 0;
            for (char *at = value; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
                numbers[count++] = atoll(at);
            *to = esp_attribute_ints(word, numbers, count);
        } else if (isalpha((unsigned char)value[0])) {
            *to = esp_attribute_text(word, value);
        } else if (strchr(value, '.') || strchr(value, 'e')) {
            *to = esp_attribute_real(word, atof(value));
        } else {
            *to = esp_attribute_int(word, atoll(value));
        }
    }
}

// "3x32x32", without the batch.
static esp_shape read_shape(const char *text)
{
    esp_shape shape = {0};
    shape.rank = 1;
    shape.dims[0] = ESP_BATCH;
    for (const char *at = text; at && *at; at = strchr(at, 'x') ? strchr(at, 'x') + 1 : NULL)
        shape.dims[shape.rank++] = atoll(at);
    return shape;
}

const char *hand_shape(const esp_shape *shape)
{
    static char text[128];
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < shape->rank; i++)
        if (i > 0 || shape->dims[0] != ESP_BATCH)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld", used ? "x" : "",
                                     (long long)shape->dims[i]);
    return text;
}

// ---- Graphs by hand ---------------------------------------------------------------------------

uint32_t hand_input(struct graph *graph, const char *shape)
{
    esp_shape dims = read_shape(shape);
    uint32_t index = graph_add_input(graph, "input", &dims, NULL);
    cr_assert_neq(index, GRAPH_NO_NODE);
    return index;
}

uint32_t hand_try_add(struct graph *graph, const char *scope, const char *name, const char *op,
                      const uint32_t *inputs, uint64_t count, const char *attributes,
                      struct error *error)
{
    struct attributes list;
    read_attributes(&list, attributes);
    error_clear(error);
    return graph_add(graph, scope, name, op, inputs, count, list.list, list.count,
                     sizeof list.list[0], error);
}

uint32_t hand_add(struct graph *graph, const char *scope, const char *name, const char *op,
                  uint32_t in, const char *attributes)
{
    struct error error;
    uint32_t index = hand_try_add(graph, scope, name, op, &in, 1, attributes, &error);
    cr_assert_neq(index, GRAPH_NO_NODE, "%s", error.message);
    return index;
}

uint32_t hand_sum(struct graph *graph, const char *scope, uint32_t a, uint32_t b)
{
    struct error error;
    uint32_t both[2] = {a, b};
    uint32_t index = hand_try_add(graph, scope, "", "Add", both, 2, "", &error);
    cr_assert_neq(index, GRAPH_NO_NODE, "%s", error.message);
    return index;
}

const esp_graph *hand_finish(struct graph *graph, uint32_t output)
{
    struct error error;
    error_clear(&error);
    cr_assert_eq(graph_add_output(graph, output, &error), ESP_OK);
    cr_assert_eq(graph_finish(graph, &error), ESP_OK, "%s", error.message);
    return graph_handle(graph);
}

const esp_graph_node *hand_node(const struct graph *graph, uint32_t index)
{
    return esp_graph_get(graph_handle(graph), index);
}
