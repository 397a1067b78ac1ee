// SPDX-License-Identifier: Apache-2.0
// Whole training steps (forward, cross entropy, backward, SGD with momentum and weight decay) of five
// networks against PyTorch's, on one thread: the same networks, batches and parameters, in alternation
// within this one run, both sides warm; and what goes with them: the peak of the processor, single
// convolutions, memory, compiling, losses. docs/benchmarks.md describes each figure.
//   training_bench [--engine ID] [--network NAME] [--seconds S]
//                  [--steps-alone | --convolutions-alone | --memory-alone]
#include "stopwatch.h"

#include "training_bench/figures.h"
#include "training_bench/peak.h"
#include "training_bench/table.h"
#include "training_bench/torch.h"
#include "training_bench/trainee.h"

#include "evaluate/evaluation.h"
#include "execute/execute.h"
#include "loader/registry.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 5
#define WARM_STEPS 2
#define PROBE_STEPS 3 // to find out which of PyTorch's layouts is the faster one
#define MOST_STEPS 4000
#define PEAK_SECONDS 0.05
#define PEAKS 512
#define CONVOLUTION_REPETITIONS 15
#define LOSS_RATE 0.0005

struct bench {
    const char *engine;
    const char *network; // NULL: all
    double seconds;      // of one side of one round
    bool memory, steps_alone, convolutions_alone;
    struct registry *registry;
    struct torch *torch[TORCH_COUNT]; // NULL: there is none
    double peaks[PEAKS];
    size_t peak_count;
    struct figures figures;
};

static struct error error;

static void sample_peak(struct bench *bench)
{
    if (bench->peak_count < PEAKS)
        bench->peaks[bench->peak_count++] = peak_measure(PEAK_SECONDS);
}

// How many steps fill the seconds.
static int fitting(const struct bench *bench, double step)
{
    double count = ceil(bench->seconds / step);
    return count < 1.0 ? 1 : count > MOST_STEPS / ROUNDS ? MOST_STEPS / ROUNDS : (int)count;
}

// Opens the network in PyTorch in the layout that is faster there; answers seconds of a step.
static double open_torch(struct torch *torch, const struct network *network, uint64_t params,
                         const char **layout)
{
    static const char *const layouts[] = {"nchw", "nhwc"};
    double cpu[PROBE_STEPS], wall[PROBE_STEPS], took[2];
    for (int i = 0; i < 2; i++) {
        uint64_t got = torch_network(torch, network->name, network->batch, layouts[i]);
        if (got != params) {
            fprintf(stderr, "%s has %llu parameters, in PyTorch %llu\n", network->name,
                    (unsigned long long)params, (unsigned long long)got);
            exit(1);
        }
        torch_steps(torch, WARM_STEPS, cpu, wall);
        torch_steps(torch, PROBE_STEPS, cpu, wall);
        took[i] = median(cpu, PROBE_STEPS);
    }
    *layout = layouts[took[1] < took[0]];
    if (took[0] <= took[1]) {
        torch_network(torch, network->name, network->batch, layouts[0]);
        torch_steps(torch, WARM_STEPS, cpu, wall);
    }
    return fmin(took[0], took[1]);
}

// Steps of each side.
struct samples {
    double cpu[MOST_STEPS], wall[MOST_STEPS];
    size_t count;
    int steps; // of a round
};

static struct step_times medians(struct samples *samples)
{
    return (struct step_times){median(samples->cpu, samples->count),
                               median(samples->wall, samples->count)};
}

static void time_steps(struct bench *bench, const struct network *network, struct stand *stand,
                       struct network_figures *f)
{
    static struct samples ours, theirs[TORCH_COUNT];
    struct trainee trainee;
    trainee_open(&trainee, stand->engine, stand->handle, network->batch, false);
    trainee_time(&trainee, WARM_STEPS, ours.cpu, ours.wall);
    ours.steps = fitting(bench, ours.cpu[WARM_STEPS - 1]);
    ours.count = 0;
    for (int t = 0; bench->torch[0] && t < TORCH_COUNT; t++) {
        theirs[t].steps =
            fitting(bench, open_torch(bench->torch[t], network, f->params, &f->torch[t].layout));
        theirs[t].count = 0;
    }
    for (int i = 0; i < ROUNDS; i++) {
        sample_peak(bench);
        trainee_time(&trainee, ours.steps, &ours.cpu[ours.count], &ours.wall[ours.count]);
        ours.count += (size_t)ours.steps;
        for (int t = 0; bench->torch[0] && t < TORCH_COUNT; t++) {
            struct samples *s = &theirs[t];
            torch_steps(bench->torch[t], s->steps, &s->cpu[s->count], &s->wall[s->count]);
            s->count += (size_t)s->steps;
        }
    }
    trainee_close(&trainee);
    f->espalier = medians(&ours);
    for (int t = 0; bench->torch[0] && t < TORCH_COUNT; t++)
        f->torch[t].step = medians(&theirs[t]);
}

// PyTorch's process for this network and nothing else.
static double fresh_torch_memory(const struct network *network, const char *layout)
{
    double cpu[WARM_STEPS + 1], wall[WARM_STEPS + 1];
    struct torch *torch = torch_open(false);
    torch_network(torch, network->name, network->batch, layout);
    torch_steps(torch, WARM_STEPS + 1, cpu, wall);
    double bytes = (double)torch_memory(torch);
    torch_close(torch);
    return bytes;
}

static void measure_network(struct bench *bench, int i)
{
    struct network_figures *f = &bench->figures.networks[i];
    const struct network *network = &networks[i];
    struct stand stand;
    fprintf(stderr, "%s ...\n", network->about);
    stand_open(&stand, bench->registry, network, bench->engine);
    f->measured = true;
    f->params = esp_graph_params(stand.handle);
    f->operators = esp_graph_node_count(stand.handle);
    f->operations = step_operations(stand.handle, network->batch, false);
    f->weights = weight_bytes(stand.handle);
    f->kept = kept_bytes(stand.handle, network->batch);
    f->loss_difference = NAN;
    f->steps_alone = bench->steps_alone;
    f->torch[TORCH_PLAIN].layout = f->torch[TORCH_KEEPING].layout = "nchw";
    if (!bench->figures.memory_alone) {
        time_steps(bench, network, &stand, f);
        f->profile = profile_measure(&stand, network->batch, bench->seconds);
    }
    if (!bench->steps_alone) {
        f->memory = memory_of_network(network, bench->engine);
        if (bench->torch[0]) {
            f->torch_memory = fresh_torch_memory(network, f->torch[TORCH_PLAIN].layout);
            if (!bench->figures.memory_alone)
                f->loss_difference = losses_compare(&stand, network, bench->torch[0], LOSS_RATE);
        }
    }
    stand_close(&stand);
}

static void measure_rest(struct bench *bench)
{
    static const int64_t shapes[CONVOLUTION_COUNT][2] = {{16, 32}, {64, 8}};
    struct stand stand;
    stand_open(&stand, bench->registry, &compiled_space, bench->engine);
    for (int i = 0; i < CONVOLUTION_COUNT; i++) {
        sample_peak(bench);
        bench->figures.convolutions[i].channels = shapes[i][0];
        bench->figures.convolutions[i].size = shapes[i][1];
        bench->figures.convolutions[i].rates =
            convolutions_measure(stand.engine, shapes[i][0], shapes[i][1], CONVOLUTION_REPETITIONS);
    }
    bench->figures.convolved = true;
    bench->figures.compile_seconds =
        compile_measure(&stand, compiled_space.batch, &bench->figures.compile_operators);
    stand_close(&stand);
}

// `auto` by the engine's own name.
static const char *engine_name(struct bench *bench)
{
    struct stand stand;
    stand_open(&stand, bench->registry, &networks[NETWORK_COUNT - 1], bench->engine);
    const char *id = stand.engine->component->id; // the registry's
    stand_close(&stand);
    return id;
}

static int measure_all(struct bench *bench)
{
    unsigned denormals = denormals_flush();
    bench->engine = bench->figures.engine = engine_name(bench);
    bench->torch[TORCH_PLAIN] = bench->convolutions_alone ? NULL : torch_open(false);
    if (bench->torch[TORCH_PLAIN]) {
        bench->torch[TORCH_KEEPING] = torch_open(true);
        bench->figures.torch = torch_version(bench->torch[TORCH_PLAIN]);
    }
    bench->figures.instructions = peak_instructions();
    bool found = bench->convolutions_alone;
    for (int i = 0; !bench->convolutions_alone && i < NETWORK_COUNT; i++) {
        if (bench->network && strcmp(bench->network, networks[i].name) != 0)
            continue;
        found = true;
        measure_network(bench, i);
    }
    if (bench->convolutions_alone ||
        (!bench->network && !bench->steps_alone && !bench->figures.memory_alone))
        measure_rest(bench);
    bench->figures.peak = bench->peak_count ? median(bench->peaks, bench->peak_count) : NAN;
    if (found) {
        table_print(&bench->figures);
        table_write(&bench->figures);
    }
    for (int t = 0; t < TORCH_COUNT; t++)
        torch_close(bench->torch[t]);
    denormals_restore(denormals);
    return found ? 0 : 2;
}

static int report_memory(struct bench *bench)
{
    for (int i = 0; i < NETWORK_COUNT; i++) {
        if (strcmp(bench->network, networks[i].name) != 0)
            continue;
        struct stand stand;
        stand_open(&stand, bench->registry, &networks[i], bench->engine);
        memory_report(&stand, &networks[i]);
        stand_close(&stand);
        return 0;
    }
    return 2;
}

static bool read_arguments(struct bench *bench, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--memory") == 0)
            bench->memory = true;
        else if (strcmp(argv[i], "--steps-alone") == 0)
            bench->steps_alone = true;
        else if (strcmp(argv[i], "--memory-alone") == 0)
            bench->figures.memory_alone = true;
        else if (strcmp(argv[i], "--convolutions-alone") == 0)
            bench->convolutions_alone = true;
        else if (value && strcmp(argv[i], "--engine") == 0)
            bench->engine = argv[++i];
        else if (value && strcmp(argv[i], "--network") == 0)
            bench->network = argv[++i];
        else if (value && strcmp(argv[i], "--seconds") == 0 && strtod(value, NULL) > 0.0)
            bench->seconds = strtod(argv[++i], NULL);
        else
            return false;
    }
    return !bench->memory || bench->network;
}

int main(int argc, char **argv)
{
    static struct bench bench = {.engine = "auto", .seconds = 0.5};
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    setenv("OMP_NUM_THREADS", "1", 1);
    if (!read_arguments(&bench, argc, argv)) {
        fprintf(stderr, "training_bench [--engine ID] [--network NAME] [--seconds S] "
                        "[--steps-alone | --convolutions-alone | --memory-alone]\n");
        return 2;
    }
    need(registry_create(&bench.registry, NULL, &error), &error);
    need(registry_add_builtin(bench.registry, ESP_KIND_EXECUTOR, "local", executor_local(), &error),
         &error);
    int status = bench.memory ? report_memory(&bench) : measure_all(&bench);
    registry_destroy(bench.registry);
    return status;
}
