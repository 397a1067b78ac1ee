// SPDX-License-Identifier: Apache-2.0
// espalier arch CONFIG: an architecture of a space - its decisions, hash, params, macs and shapes.
#include "cli/arch.h"

#include "builder/structure.h"
#include "cli/command.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/output.h"
#include "report/results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static const struct option arch_options[] = {
    ARCH_OPTIONS,
    {"json", NULL, "as JSON"},
    {"format", "dot|cells", "a drawing for Graphviz: of the network, or of its cells"},
    {"set", "SECTION.KEY=VALUE", "sets a key of the configuration; may be given again and again"},
    {"plugins", "DIR", "a folder of plugins, looked at first"},
};

static json_t *read_json(const char *text, struct error *error)
{
    json_error_t words;
    const char *start = text + strspn(text, " \t\r\n");
    json_t *json = *start == '{' ? json_loads(text, 0, &words) : json_load_file(text, 0, &words);
    if (!json)
        error_set(error, ESP_ERROR_INVALID, "--json-arch: %s:%d: %s", words.source, words.line,
                  words.text);
    return json;
}

static esp_status from_json(struct arch **out, struct builder *builder, const char *text,
                            struct error *error)
{
    struct written_arch written = {0};
    json_t *json = read_json(text, error);
    if (!json)
        return ESP_ERROR_INVALID;
    esp_status status = written_arch_parse(&written, json, error);
    if (status == ESP_OK)
        status = builder_read(builder, &written, out, error);
    written_arch_destroy(&written);
    json_decref(json);
    return status;
}

static esp_status from_text(struct arch **out, struct builder *builder, const char *text,
                            const char *const *decisions, uint64_t count, struct error *error)
{
    struct given given[OPTIONS_MOST];
    char *copies[OPTIONS_MOST] = {NULL};
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        copies[i] = strdup(decisions[i]);
        char *equals = copies[i] ? strchr(copies[i], '=') : NULL;
        if (!copies[i]) {
            status = error_memory(error);
        } else if (!equals || equals == copies[i]) {
            status = error_set(error, ESP_ERROR_INVALID,
                               "--decision: expected PATH=VALUE, got '%s'", decisions[i]);
        } else {
            *equals = '\0';
            given[i] = (struct given){copies[i], equals + 1};
        }
    }
    if (status == ESP_OK)
        status = builder_parse(builder, text, given, count, out, error);
    for (uint64_t i = 0; i < count; i++)
        free(copies[i]);
    return status;
}

esp_status arch_option(struct arch **out, struct session *session, struct options *options,
                       struct error *error)
{
    struct builder *builder = session_builder(session);
    const char *json = options_value(options, "json-arch"), *text = options_value(options, "text");
    uint64_t count;
    const char *const *decisions = options_values(options, "decision", &count);
    if (text && json)
        return error_set(error, ESP_ERROR_INVALID, "--text and --json-arch: expected one of them");
    if (count > 0 && !text)
        return error_set(error, ESP_ERROR_INVALID, "--decision stands beside --text alone");
    if (text)
        return from_text(out, builder, text, decisions, count, error);
    if (json)
        return from_json(out, builder, json, error);
    esp_random random = esp_random_stream(session_experiment(session)->seed,
                                          XXH3_64bits("arch", strlen("arch")), 0, 0, 0);
    return builder_sample(builder, &random, out, error);
}

// ---- What the space says ------------------------------------------------------------------------

static esp_status take_text(struct arch_words *out, struct builder *builder,
                            const struct arch *arch, struct error *error)
{
    struct error words;
    const char *text = NULL;
    error_clear(&words);
    esp_status status = builder_print(builder, arch, &text, &words);
    if (status == ESP_ERROR_UNSUPPORTED) {
        snprintf(out->reason, sizeof out->reason, "%s", words.message);
        return ESP_OK;
    }
    if (status != ESP_OK)
        return error_set(error, status, "%s", words.message);
    out->text = strdup(text);
    return out->text ? ESP_OK : error_memory(error);
}

esp_status arch_words(struct arch_words *out, struct builder *builder, const struct arch *arch,
                      struct error *error)
{
    esp_status status = ESP_OK;
    uint64_t hash = 0;
    memset(out, 0, sizeof *out);
    if (builder_has_text(builder))
        status = take_text(out, builder, arch, error);
    if (status != ESP_OK || !builder_has_canonical(builder))
        return status;
    const char *form = NULL;
    status = builder_canonical_hash(builder, arch, &hash, error);
    if (status == ESP_OK)
        status = builder_canonical(builder, arch, &form, error);
    if (status == ESP_OK && !(out->form = strdup(form)))
        status = error_memory(error);
    if (status == ESP_OK)
        snprintf(out->canonical, sizeof out->canonical, "%016llx", (unsigned long long)hash);
    else
        arch_words_destroy(out);
    return status;
}

void arch_words_destroy(struct arch_words *words)
{
    free(words->text);
    free(words->form);
    words->text = words->form = NULL;
}

void arch_words_json(const struct arch_words *words, json_t *json)
{
    if (words->text || words->reason[0])
        json_object_set_new(json, "text", words->text ? json_string(words->text) : json_null());
    if (words->canonical[0]) {
        json_object_set_new(json, "canonical", json_string(words->canonical));
        json_object_set_new(json, "canonical_form", json_string(words->form));
    }
}

// ---- Drawing ------------------------------------------------------------------------------------

esp_status arch_graph(struct graph **graph, struct builder *builder, const struct arch *arch,
                      struct error *error)
{
    struct error words;
    error_clear(&words);
    *graph = NULL;
    esp_status status = builder_build(builder, arch, graph, &words);
    if (status == ESP_ERROR_UNSUPPORTED && builder_has_structure(builder))
        return ESP_OK;
    if (status != ESP_OK)
        *error = words;
    return status;
}

char *arch_drawing(struct builder *builder, const struct arch *arch, const esp_graph *graph,
                   const char *format, const char *title, struct error *error)
{
    const esp_structure *structure = NULL;
    if (graph && strcmp(format, "dot") == 0)
        return graph_dot(graph, title, error);
    if (builder_structure(builder, arch, &structure, error) != ESP_OK)
        return NULL;
    char *text = structure_dot(structure, title);
    structure_destroy(structure);
    if (!text)
        error_memory(error);
    return text;
}

static esp_status print_drawing(struct builder *builder, const struct arch *arch,
                                const esp_graph *graph, const char *format, const char *space,
                                struct error *error)
{
    char title[256];
    snprintf(title, sizeof title, "%s, %016llx", space, (unsigned long long)arch_hash(arch));
    char *text = arch_drawing(builder, arch, graph, format, title, error);
    if (!text)
        return error->status;
    fputs(text, stdout);
    free(text);
    return output_flush(error);
}

// ---- Printing -----------------------------------------------------------------------------------

static void shape_text(char *text, size_t size, const esp_shape *shape)
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < shape->rank && used < size; i++) {
        int length = shape->dims[i] == ESP_BATCH
                         ? snprintf(text + used, size - used, "N")
                         : snprintf(text + used, size - used, "%s%lld", i ? "x" : "",
                                    (long long)shape->dims[i]);
        used += length > 0 ? (size_t)length : size;
    }
}

static json_t *shapes_json(const esp_graph *graph)
{
    json_t *list = json_array();
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        json_t *dims = json_array();
        for (uint32_t d = 0; d < node->shape.rank; d++)
            json_array_append_new(dims, json_integer(node->shape.dims[d]));
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:o}", "op", node->op, "path", node->path, "shape", dims));
    }
    return list;
}

static void print_json(const struct arch *arch, const struct arch_words *words,
                       const esp_graph *graph, const char *space)
{
    char hash[17];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)arch_hash(arch));
    json_t *json = arch_json(arch, space);
    json_object_set_new(json, "hash", json_string(hash));
    arch_words_json(words, json);
    json_object_set_new(json, "params",
                        graph ? json_integer((json_int_t)esp_graph_params(graph)) : json_null());
    json_object_set_new(json, "macs",
                        graph ? json_integer((json_int_t)esp_graph_macs(graph)) : json_null());
    json_object_set_new(json, "shapes", graph ? shapes_json(graph) : json_null());
    json_dumpf(json, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    printf("\n");
    json_decref(json);
}

static void print_words(const struct arch *arch, const struct arch_words *words,
                        const esp_graph *graph, const char *space)
{
    printf("An architecture of %s, hash %016llx\n", space, (unsigned long long)arch_hash(arch));
    if (words->text || words->reason[0])
        printf("text %s%s\n", words->text ? words->text : "- : ", words->reason);
    if (words->canonical[0])
        printf("canonical %s of %s\n", words->canonical, words->form);
    arch_print_words(arch, "  ", stdout);
    if (!graph) {
        printf("a recurrent network: it has no graph of operators (--format cells draws it)\n");
        return;
    }
    printf("params %llu, macs %llu\n", (unsigned long long)esp_graph_params(graph),
           (unsigned long long)esp_graph_macs(graph));
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        char shape[96];
        shape_text(shape, sizeof shape, &node->shape);
        printf("  %-20s %-20s %s\n", node->op, shape, node->path);
    }
}

int command_arch(int argc, char **argv)
{
    struct options options;
    struct loaded loaded = {0};
    struct session *session = NULL;
    struct arch *arch = NULL;
    struct graph *graph = NULL;
    struct arch_words words = {0};
    struct error error;
    error_clear(&error);
    int result = options_parse(&options, "arch CONFIG", arch_options, ESP_COUNT(arch_options), 1, 1,
                               argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    const char *format = options_value(&options, "format");
    esp_status status = ESP_OK;
    if (format && strcmp(format, "dot") != 0 && strcmp(format, "cells") != 0)
        status = error_set(&error, ESP_ERROR_INVALID, "--format: expected dot or cells, got '%s'",
                           format);
    if (status == ESP_OK)
        status = loaded_open(&loaded, &options, &error);
    if (status == ESP_OK)
        status = session_create(&session, loaded.experiment, false, &error);
    if (status == ESP_OK)
        status = arch_option(&arch, session, &options, &error);
    if (status == ESP_OK)
        status = arch_graph(&graph, session_builder(session), arch, &error);
    if (status == ESP_OK)
        status = arch_words(&words, session_builder(session), arch, &error);
    if (status == ESP_OK) {
        const esp_graph *built = graph ? graph_handle(graph) : NULL;
        const char *space = loaded.experiment->space.component->id;
        if (format)
            status = print_drawing(session_builder(session), arch, built, format, space, &error);
        else if (options_given(&options, "json"))
            print_json(arch, &words, built, space);
        else
            print_words(arch, &words, built, space);
    }
    arch_words_destroy(&words);
    graph_destroy(graph);
    arch_release(arch);
    session_destroy(session);
    loaded_close(&loaded);
    options_destroy(&options);
    return command_end(status, &error);
}
