// SPDX-License-Identifier: Apache-2.0
// What a trace-only pass of a space costs: sampling one architecture, and replaying one that is there.
// Each figure is the median of repetitions within this one program run, by processor time.
//   trace_bench [SPACE]      nasbench201 when left out (asked of it: a trace < 1 us)
#include "stopwatch.h"

#include "evaluate/session.h"
#include "execute/execute.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define REPETITIONS 9
#define PASSES 200000 // of one repetition

static struct error error;

static void report(const char *what, double *seconds)
{
    printf("%-28s %8.3f us\n", what, median(seconds, REPETITIONS) / PASSES * 1e6);
}

static void measure(struct builder *builder)
{
    double sample[REPETITIONS], replay[REPETITIONS];
    esp_random random = esp_random_stream(1, 0, 0, 0, 0);
    struct arch *arch = NULL;
    for (int r = 0; r < REPETITIONS; r++) {
        double began = cpu_seconds();
        for (int i = 0; i < PASSES; i++) {
            arch_release(arch);
            need(builder_sample(builder, &random, &arch, &error), &error);
        }
        sample[r] = cpu_seconds() - began;
        began = cpu_seconds();
        for (int i = 0; i < PASSES; i++)
            need(builder_build(builder, arch, NULL, &error), &error);
        replay[r] = cpu_seconds() - began;
    }
    arch_release(arch);
    report("sample, with its trace", sample);
    report("replay of a trace", replay);
}

int main(int argc, char **argv)
{
    const char *space = argc > 1 ? argv[1] : "nasbench201";
    struct registry *registry = NULL;
    struct config *config = NULL;
    struct experiment *experiment = NULL;
    struct session *session = NULL;
    char ini[512];
    snprintf(ini, sizeof ini,
             "[space]\nplugin = %s\n[strategy]\nplugin = random\n[estimator]\nplugin = "
             "nk_landscape\n[objective]\nmaximize = fitness\n",
             space);
    error_clear(&error);
    need(registry_create(&registry, NULL, &error), &error);
    need(registry_add_builtin(registry, ESP_KIND_EXECUTOR, "local", executor_local(), &error),
         &error);
    need(config_parse(&config, ini, "bench.ini", ".", &error), &error);
    need(experiment_create(&experiment, config, registry, &error), &error);
    need(session_create(&session, experiment, true, &error), &error);
    printf("decision traces of %s\n", space);
    measure(session_builder(session));
    session_destroy(session);
    experiment_destroy(experiment);
    registry_destroy(registry);
    return 0;
}
