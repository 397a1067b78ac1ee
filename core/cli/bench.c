// SPDX-License-Identifier: Apache-2.0
// espalier bench CONFIG: how fast one architecture is on this machine.
#include "cli/arch.h"
#include "cli/command.h"
#include "cli/load.h"
#include "cli/output.h"
#include "evaluate/measure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_BATCH 65536

static const struct option bench_options[] = {
    ARCH_OPTIONS,
    {"batch", "B", "samples of a step; what the estimator trains with where it is left out"},
    {"weights", "FILE", "a safetensors file of this architecture's weights to start from"},
    {"json", NULL, "as JSON"},
    {"set", "SECTION.KEY=VALUE", "sets a key of the configuration; may be given again and again"},
    {"plugins", "DIR", "a folder of plugins, looked at first"},
};

static esp_status read_batch(uint64_t *out, const char *text, struct error *error)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || value < 1 || value > MOST_BATCH)
        return error_set(error, ESP_ERROR_INVALID, "--batch: expected 1 to %d samples, got '%s'",
                         MOST_BATCH, text);
    *out = value;
    return ESP_OK;
}

struct benched {
    const struct experiment *experiment;
    const struct arch *arch;
    const esp_graph *graph;
    uint64_t batch;
    struct measure measure;
};

static json_t *latencies_json(const struct measure *measure)
{
    json_t *list = json_array();
    for (uint64_t i = 0; i < measure->latency_count; i++) {
        const struct latency *latency = &measure->latency[i];
        json_array_append_new(list, json_pack("{s:I, s:f, s:f, s:f}", "batch",
                                              (json_int_t)latency->batch, "median", latency->median,
                                              "p10", latency->p10, "p90", latency->p90));
    }
    return list;
}

static esp_status print_json(const struct benched *b, struct error *error)
{
    const struct measure *m = &b->measure;
    char hash[17];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)arch_hash(b->arch));
    return output_json(
        json_pack("{s:o, s:s, s:I, s:I, s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:o, s:I}", "arch",
                  arch_json(b->arch, b->experiment->space.component->id), "hash", hash, "params",
                  (json_int_t)esp_graph_params(b->graph), "macs",
                  (json_int_t)esp_graph_macs(b->graph), "engine",
                  b->experiment->engine.component->id, "threads", (json_int_t)m->threads, "batch",
                  (json_int_t)b->batch, "step_ms", m->step_ms, "step_cpu_ms", m->step_cpu_ms,
                  "images_per_second", m->images_per_second, "gflops", m->gflops, "latency_ms",
                  latencies_json(m), "peak_memory_bytes", (json_int_t)m->peak_memory_bytes),
        error);
}

static esp_status print_words(const struct benched *b, struct error *error)
{
    const struct measure *m = &b->measure;
    printf("%s, hash %016llx, params %llu, macs %llu, engine %s, %llu thread%s\n",
           b->experiment->space.component->id, (unsigned long long)arch_hash(b->arch),
           (unsigned long long)esp_graph_params(b->graph),
           (unsigned long long)esp_graph_macs(b->graph), b->experiment->engine.component->id,
           (unsigned long long)m->threads, m->threads == 1 ? "" : "s");
    printf("training, batch %-8llu %.3f ms a step (%.3f ms of processor time), %.0f images/s, "
           "%.1f GFLOP/s\n",
           (unsigned long long)b->batch, m->step_ms, m->step_cpu_ms, m->images_per_second,
           m->gflops);
    for (uint64_t i = 0; i < m->latency_count; i++)
        printf("latency, batch %-9llu %.3f ms (10 %% below %.3f, 90 %% below %.3f)\n",
               (unsigned long long)m->latency[i].batch, m->latency[i].median, m->latency[i].p10,
               m->latency[i].p90);
    printf("peak memory             %.1f MB\n", (double)m->peak_memory_bytes / 1e6);
    return output_flush(error);
}

int command_bench(int argc, char **argv)
{
    struct options options;
    struct loaded loaded = {0};
    struct session *session = NULL;
    struct arch *arch = NULL;
    struct graph *graph = NULL;
    struct benched benched = {0};
    struct error error;
    error_clear(&error);
    int result = options_parse(&options, "bench CONFIG", bench_options, ESP_COUNT(bench_options), 1,
                               1, argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    const char *batch = options_value(&options, "batch");
    esp_status status = batch ? read_batch(&benched.batch, batch, &error) : ESP_OK;
    if (status == ESP_OK)
        status = loaded_open(&loaded, &options, &error);
    if (status == ESP_OK)
        status = session_create(&session, loaded.experiment, false, &error);
    if (status == ESP_OK)
        status = arch_option(&arch, session, &options, &error);
    if (status == ESP_OK)
        status = builder_build(session_builder(session), arch, &graph, &error);
    if (status == ESP_OK && !batch)
        status = measure_batch(&benched.batch, session, arch, &error);
    if (status == ESP_OK)
        status = measure_network(&benched.measure, session, graph_handle(graph), benched.batch,
                                 options_value(&options, "weights"), &error);
    if (status == ESP_OK) {
        benched.experiment = loaded.experiment;
        benched.arch = arch;
        benched.graph = graph_handle(graph);
        status = options_given(&options, "json") ? print_json(&benched, &error)
                                                 : print_words(&benched, &error);
    }
    graph_destroy(graph);
    arch_release(arch);
    session_destroy(session);
    loaded_close(&loaded);
    options_destroy(&options);
    return command_end(status, &error);
}
