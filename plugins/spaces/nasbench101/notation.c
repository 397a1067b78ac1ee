// SPDX-License-Identifier: Apache-2.0
// A NAS-Bench-101 module in words: as JSON, {"matrix": [[...]], "ops": [...]}; its canonical form, which
// is the benchmark's own hash; and as a graph. All of the pruned module.
#include "written.h"

#include <string.h>

// ---- Parsing ------------------------------------------------------------------------------------

// The pruned module takes the first vertices of the encoding and the last one, so that the order of
// the inner ones, which shares out the channels, stays.
static unsigned place(const struct nasbench101 *space, const struct module *module, unsigned v)
{
    return v == module->count - 1 ? space->vertices - 1 : v;
}

static esp_status set_decisions(const struct nasbench101 *space, esp_text_reader *reader,
                                const struct module *module)
{
    char path[PATH_SIZE];
    uint32_t edges[MODULE_VERTICES] = {0};
    esp_status status = ESP_OK;
    for (unsigned v = 0; v < module->count; v++)
        for (unsigned w = v + 1; w < module->count; w++)
            edges[place(space, module, v)] |= (uint32_t)module_edge(module, v, w)
                                              << place(space, module, w);
    for (unsigned to = 1; to < space->vertices; to++)
        for (unsigned from = 0; from < to && status == ESP_OK; from++) {
            edge_path(path, from, to);
            status = esp_text_set_name(reader, path, edge_names[edges[from] >> to & 1]);
        }
    for (unsigned v = 1; v + 1 < module->count && status == ESP_OK; v++) {
        operation_path(path, v);
        status = esp_text_set_name(reader, path, operation_names[module->operation[v]]);
    }
    return status;
}

static esp_status nasbench101_parse(void *self, esp_text_reader *reader, const char *text)
{
    const struct nasbench101 *space = self;
    struct module module;
    uint64_t matrix_at;
    esp_status status = written_read(&module, &matrix_at, reader, text);
    if (status != ESP_OK)
        return status;
    if (!module_prune(&module, NULL))
        return esp_text_wrong(reader, matrix_at,
                              "the output is unreachable: no path leads to it from the input");
    if (module.count > space->vertices)
        return esp_text_wrong(reader, matrix_at,
                              "the module has %u vertices when it is pruned: expected at most %u",
                              module.count, space->vertices);
    unsigned edges = module_edge_count(&module);
    if (edges > space->edges)
        return esp_text_wrong(reader, matrix_at,
                              "the module has %u edges when it is pruned: expected at most %u",
                              edges, space->edges);
    return set_decisions(space, reader, &module);
}

// ---- Printing -----------------------------------------------------------------------------------

// The option of a decision, or the count of them where the architecture does not hold it.
static unsigned read_option(const esp_arch *arch, const char *path, unsigned count)
{
    int64_t i = esp_arch_find(arch, path);
    if (i < 0)
        return count;
    esp_value value = esp_arch_value(arch, (uint64_t)i);
    return value.kind == ESP_DECISION_ONE && value.as.index < count ? (unsigned)value.as.index
                                                                    : count;
}

// The pruned module of a member.
static esp_status read_module(const struct nasbench101 *space, const esp_handle *handle,
                              const esp_arch *arch, struct module *out)
{
    char path[PATH_SIZE];
    unsigned kept[MODULE_MOST];
    *out = (struct module){.count = space->vertices};
    for (unsigned to = 1; to < space->vertices; to++)
        for (unsigned from = 0; from < to; from++) {
            edge_path(path, from, to);
            unsigned option = read_option(arch, path, 2);
            if (option == 2)
                return esp_fail_handle(handle, ESP_ERROR_INVALID,
                                       "the architecture does not hold %s", path);
            out->edges[from] |= (uint32_t)option << to;
        }
    if (!module_prune(out, kept))
        return esp_fail_handle(handle, ESP_ERROR_INVALID,
                               "no path leads from the module's input to its output");
    for (unsigned v = 1; v + 1 < out->count; v++) {
        operation_path(path, kept[v]);
        unsigned option = read_option(arch, path, OPERATION_COUNT);
        if (option == OPERATION_COUNT)
            return esp_fail_handle(handle, ESP_ERROR_INVALID, "the architecture does not hold %s",
                                   path);
        out->operation[v] = (enum operation)option;
    }
    return ESP_OK;
}

static const char *vertex_name(const struct module *module, unsigned v)
{
    if (v == 0)
        return "input";
    return v == module->count - 1 ? "output" : operation_names[module->operation[v]];
}

static esp_status nasbench101_print(void *self, const esp_arch *arch, esp_text_writer *writer)
{
    struct module module;
    esp_status status = read_module(self, &writer->base, arch, &module);
    if (status == ESP_OK)
        status = esp_text_print(writer, "{\"matrix\": [");
    for (unsigned v = 0; v < module.count && status == ESP_OK; v++) {
        status = esp_text_print(writer, v > 0 ? ", [" : "[");
        for (unsigned w = 0; w < module.count && status == ESP_OK; w++)
            status =
                esp_text_print(writer, "%s%d", w > 0 ? ", " : "", (int)module_edge(&module, v, w));
        if (status == ESP_OK)
            status = esp_text_print(writer, "]");
    }
    if (status == ESP_OK)
        status = esp_text_print(writer, "], \"ops\": [");
    for (unsigned v = 0; v < module.count && status == ESP_OK; v++)
        status = esp_text_print(writer, "%s\"%s\"", v > 0 ? ", " : "", vertex_name(&module, v));
    return status == ESP_OK ? esp_text_print(writer, "]}") : status;
}

// Isomorphic modules may differ in params, where channels do not divide: the hash names the
// benchmark's entry.
static esp_status nasbench101_canonical_form(void *self, const esp_arch *arch,
                                             esp_text_writer *writer)
{
    char hash[MD5_HEX + 1];
    struct module module;
    esp_status status = read_module(self, &writer->base, arch, &module);
    if (status != ESP_OK)
        return status;
    module_hash(hash, &module);
    return esp_text_write(writer, hash, MD5_HEX);
}

// ---- The structure ------------------------------------------------------------------------------

static esp_status nasbench101_structure_of(void *self, const esp_arch *arch,
                                           esp_structure_writer *writer)
{
    struct module module;
    esp_status status = read_module(self, &writer->base, arch, &module);
    if (status == ESP_OK)
        status = esp_structure_cell(writer, "");
    for (unsigned v = 0; v < module.count && status == ESP_OK; v++) {
        bool input = v == 0, output = v == module.count - 1;
        status = esp_structure_vertex(writer, input || output ? NULL : vertex_name(&module, v),
                                      input    ? ESP_VERTEX_INPUT
                                      : output ? ESP_VERTEX_OUTPUT
                                               : ESP_VERTEX_INNER);
    }
    for (unsigned v = 0; v < module.count; v++)
        for (unsigned w = v + 1; w < module.count && status == ESP_OK; w++)
            if (module_edge(&module, v, w))
                status = esp_structure_edge(writer, v, w, NULL);
    return status;
}

// ---- The tables ---------------------------------------------------------------------------------

const esp_space_text nasbench101_text = {
    sizeof(esp_space_text),
    "{\"matrix\": [[0, 1, 1], [0, 0, 1], [0, 0, 0]], "
    "\"ops\": [\"input\", \"conv3x3-bn-relu\", \"output\"]}",
    nasbench101_parse,
    nasbench101_print,
};

const esp_space_canonical nasbench101_canonical = {
    sizeof(esp_space_canonical),
    nasbench101_canonical_form,
};

const esp_space_structure nasbench101_structure = {
    sizeof(esp_space_structure),
    nasbench101_structure_of,
};
