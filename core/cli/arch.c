// SPDX-License-Identifier: Apache-2.0
// espalier arch CONFIG: an architecture of a space - its decisions, hash, params, macs and shapes.
#include "cli/arch.h"

#include "cli/command.h"
#include "cli/load.h"
#include "cli/options.h"
#include "report/results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static const struct option arch_options[] = {
    {"random", NULL, "a random member, by [experiment] seed (the default)"},
    {"json-arch", "JSON", "the architecture with this JSON, or in the file of this name"},
    {"json", NULL, "as JSON"},
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

esp_status arch_option(struct arch **out, struct session *session, const struct options *options,
                       struct error *error)
{
    struct builder *builder = session_builder(session);
    const char *text = options_value(options, "json-arch");
    if (!text) {
        esp_random random = esp_random_stream(session_experiment(session)->seed,
                                              XXH3_64bits("arch", strlen("arch")), 0, 0, 0);
        return builder_sample(builder, &random, out, error);
    }
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

static void print_json(const struct arch *arch, const esp_graph *graph, const char *space)
{
    char hash[17];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)arch_hash(arch));
    json_t *json = arch_json(arch, space);
    json_object_set_new(json, "hash", json_string(hash));
    json_object_set_new(json, "params", json_integer((json_int_t)esp_graph_params(graph)));
    json_object_set_new(json, "macs", json_integer((json_int_t)esp_graph_macs(graph)));
    json_object_set_new(json, "shapes", shapes_json(graph));
    json_dumpf(json, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    printf("\n");
    json_decref(json);
}

static void print_words(const struct arch *arch, const esp_graph *graph, const char *space)
{
    printf("An architecture of %s, hash %016llx\n", space, (unsigned long long)arch_hash(arch));
    arch_print_words(arch, "  ", stdout);
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
    struct error error;
    error_clear(&error);
    int result = options_parse(&options, "arch CONFIG", arch_options, ESP_COUNT(arch_options), 1, 1,
                               argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    esp_status status = loaded_open(&loaded, &options, &error);
    if (status == ESP_OK)
        status = session_create(&session, loaded.experiment, false, &error);
    if (status == ESP_OK)
        status = arch_option(&arch, session, &options, &error);
    if (status == ESP_OK)
        status = builder_build(session_builder(session), arch, &graph, &error);
    if (status == ESP_OK) {
        const char *space = loaded.experiment->space.component->id;
        if (options_given(&options, "json"))
            print_json(arch, graph_handle(graph), space);
        else
            print_words(arch, graph_handle(graph), space);
    }
    graph_destroy(graph);
    arch_release(arch);
    session_destroy(session);
    loaded_close(&loaded);
    options_destroy(&options);
    return command_end(status, &error);
}
