// SPDX-License-Identifier: Apache-2.0
// A NAS-Bench-Macro network in words: the benchmark's keys, one digit a layer; its canonical form, and
// the layers as a graph.
#include "nasbench_macro.h"

#include <string.h>

static esp_status nasbench_macro_parse(void *self, esp_text_reader *reader, const char *text)
{
    (void)self;
    for (unsigned i = 0; i < LAYER_COUNT; i++) {
        if (text[i] == '\0')
            return esp_text_wrong(reader, i, "expected %d digits, one a layer, and there are %u",
                                  LAYER_COUNT, i);
        if (text[i] < '0' || text[i] >= '0' + OPERATION_COUNT)
            return esp_text_wrong(
                reader, i, "expected 0 (identity), 1 (mb3_k3) or 2 (mb6_k5) for layer %u", i);
        esp_status status =
            esp_text_set_name(reader, layers[i].path, operation_names[text[i] - '0']);
        if (status != ESP_OK)
            return status;
    }
    if (text[LAYER_COUNT])
        return esp_text_wrong(reader, LAYER_COUNT, "expected the end: there are %d layers",
                              LAYER_COUNT);
    return ESP_OK;
}

// The key of a member, with a zero behind it.
static esp_status read_key(const esp_handle *handle, const esp_arch *arch,
                           char key[LAYER_COUNT + 1])
{
    for (unsigned i = 0; i < LAYER_COUNT; i++) {
        int64_t found = esp_arch_find(arch, layers[i].path);
        esp_value value = {0, 0, {0}};
        if (found >= 0)
            value = esp_arch_value(arch, (uint64_t)found);
        if (value.kind != ESP_DECISION_ONE || value.as.index >= OPERATION_COUNT)
            return esp_fail_handle(handle, ESP_ERROR_INVALID, "the architecture does not hold %s",
                                   layers[i].path);
        key[i] = (char)('0' + value.as.index);
    }
    key[LAYER_COUNT] = '\0';
    return ESP_OK;
}

static esp_status nasbench_macro_print(void *self, const esp_arch *arch, esp_text_writer *writer)
{
    char key[LAYER_COUNT + 1];
    (void)self;
    esp_status status = read_key(&writer->base, arch, key);
    return status == ESP_OK ? esp_text_write(writer, key, LAYER_COUNT) : status;
}

// Identities of stride 1 do nothing wherever they stand in their stage: they go to its end, as in the
// networks that the benchmark trained (3,969 of them). The first layers of the stages stay.
static esp_status nasbench_macro_canonical_form(void *self, const esp_arch *arch,
                                                esp_text_writer *writer)
{
    char key[LAYER_COUNT + 1], form[LAYER_COUNT];
    (void)self;
    esp_status status = read_key(&writer->base, arch, key);
    if (status != ESP_OK)
        return status;
    memset(form, '0', sizeof form);
    for (unsigned i = 0, next = 0; i < LAYER_COUNT; i++) {
        if (layers[i].stride > 1)
            next = i;
        if (layers[i].stride > 1 || key[i] != '0')
            form[next++] = key[i];
    }
    return esp_text_write(writer, form, sizeof form);
}

static esp_status nasbench_macro_structure_of(void *self, const esp_arch *arch,
                                              esp_structure_writer *writer)
{
    char key[LAYER_COUNT + 1];
    (void)self;
    esp_status status = read_key(&writer->base, arch, key);
    if (status == ESP_OK)
        status = esp_structure_cell(writer, "");
    if (status == ESP_OK)
        status = esp_structure_vertex(writer, NULL, ESP_VERTEX_INPUT);
    for (unsigned i = 0; i < LAYER_COUNT && status == ESP_OK; i++)
        status = esp_structure_vertex(writer, operation_names[key[i] - '0'], ESP_VERTEX_INNER);
    if (status == ESP_OK)
        status = esp_structure_vertex(writer, NULL, ESP_VERTEX_OUTPUT);
    for (uint32_t i = 0; i <= LAYER_COUNT && status == ESP_OK; i++)
        status = esp_structure_edge(writer, i, i + 1, NULL);
    return status;
}

const esp_space_text nasbench_macro_text = {
    sizeof(esp_space_text),
    "22212220",
    nasbench_macro_parse,
    nasbench_macro_print,
};

const esp_space_canonical nasbench_macro_canonical = {
    sizeof(esp_space_canonical),
    nasbench_macro_canonical_form,
};

const esp_space_structure nasbench_macro_structure = {
    sizeof(esp_space_structure),
    nasbench_macro_structure_of,
};
