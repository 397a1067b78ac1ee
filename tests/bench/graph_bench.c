// SPDX-License-Identifier: Apache-2.0
// What it costs to build the graph of an architecture that is there: the replay of its trace, the
// operators with their shapes, weights and paths, and the graph's end. The figure is the median of
// repetitions within this one program run, by processor time.
//   graph_bench [SPACE [KEY=VALUE...]]      darts when left out (8 cells, asked: < 200 us)
#include "stopwatch.h"

#include "evaluate/session.h"
#include "execute/execute.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPETITIONS 9
#define ARCHITECTURES 16
#define ROUNDS 20 // of one repetition, over all architectures

static struct error error;

static void measure(struct builder *builder)
{
    double seconds[REPETITIONS];
    struct arch *archs[ARCHITECTURES];
    esp_random random = esp_random_stream(1, 0, 0, 0, 0);
    uint64_t nodes = 0;
    for (int i = 0; i < ARCHITECTURES; i++)
        need(builder_sample(builder, &random, &archs[i], &error), &error);
    for (int r = 0; r < REPETITIONS; r++) {
        double began = cpu_seconds();
        nodes = 0;
        for (int i = 0; i < ROUNDS * ARCHITECTURES; i++) {
            struct graph *graph = NULL;
            need(builder_build(builder, archs[i % ARCHITECTURES], &graph, &error), &error);
            nodes += esp_graph_node_count(graph_handle(graph));
            graph_destroy(graph);
        }
        seconds[r] = (cpu_seconds() - began) / (ROUNDS * ARCHITECTURES);
    }
    for (int i = 0; i < ARCHITECTURES; i++)
        arch_release(archs[i]);
    double took = median(seconds, REPETITIONS), mean = (double)nodes / (ROUNDS * ARCHITECTURES);
    printf("one graph                    %8.1f us   (asked of darts: < 200 us)\n", 1e6 * took);
    printf("nodes of a graph, mean       %8.1f\n", mean);
    printf("one node                     %8.3f us\n", 1e6 * took / mean);
}

int main(int argc, char **argv)
{
    const char *space = argc > 1 ? argv[1] : "darts";
    struct registry *registry = NULL;
    struct config *config = NULL;
    struct experiment *experiment = NULL;
    struct session *session = NULL;
    char ini[2048];
    int length = snprintf(ini, sizeof ini, "[space]\nplugin = %s\n", space);
    for (int i = 2; i < argc && length < 1024; i++)
        length += snprintf(ini + length, sizeof ini - (size_t)length, "%.200s\n", argv[i]);
    snprintf(ini + length, sizeof ini - (size_t)length,
             "[strategy]\nplugin = random\n[estimator]\nplugin = nk_landscape\n[objective]\n"
             "maximize = fitness\n");
    error_clear(&error);
    need(registry_create(&registry, NULL, &error), &error);
    need(registry_add_builtin(registry, ESP_KIND_EXECUTOR, "local", executor_local(), &error),
         &error);
    need(config_parse(&config, ini, "bench.ini", ".", &error), &error);
    need(experiment_create(&experiment, config, registry, &error), &error);
    need(session_create(&session, experiment, true, &error), &error);
    printf("graphs of %s\n", space);
    measure(session_builder(session));
    session_destroy(session);
    experiment_destroy(experiment);
    registry_destroy(registry);
    return 0;
}
