// SPDX-License-Identifier: Apache-2.0
// Measured speed; see measure.h. All is warmed up before it is timed: caches, the engine's plans, the
// processor's clock.
#include "evaluate/measure.h"

#include "evaluate/checkpoint.h"
#include "evaluate/evaluation.h"
#include "evaluate/initialise.h"
#include "evaluate/session_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define USUAL_BATCH 64
#define MOST_SAMPLES 2000
#define WARM_LEAST 3

// How long one figure is looked at.
struct pace {
    uint64_t least, most; // samples
    double seconds;       // once there are enough of them
    double warm_seconds;
};

static const struct pace bench_pace = {10, MOST_SAMPLES, 2.0, 0.3};
// Others stand still for this warm-up: it is as short as the processor's clock allows.
#define MEDIAN_WARM_SECONDS 0.1

// One program and what it is given.
struct bench {
    struct program *program;
    const esp_graph *graph;
    uint64_t batch, outputs;
    esp_tensor input;
    uint32_t *labels;
    float **gradients; // of each output
    esp_output_gradient *given;
    uint64_t step;
    struct error *error;
};

struct times {
    double *wall, *cpu; // seconds
    uint64_t count;
};

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

// The quantile `q` of sorted values: the nearest one.
static double quantile(const double *sorted, uint64_t count, double q)
{
    return sorted[(uint64_t)(q * (double)(count - 1) + 0.5)];
}

// ---- A network that is measured -----------------------------------------------------------------

static const esp_shape *shape_of(const struct bench *b, uint32_t node)
{
    return &esp_graph_get(b->graph, node)->shape;
}

static esp_status make_samples(struct bench *b)
{
    esp_random random = esp_random_stream(1, 0, 0, 0, 0);
    uint64_t elements = b->batch * esp_shape_size(shape_of(b, 0));
    b->input.shape = *shape_of(b, 0);
    b->input.shape.dims[0] = (int64_t)b->batch;
    b->input.data = malloc(elements * sizeof *b->input.data);
    b->labels = malloc(b->batch * sizeof *b->labels);
    b->gradients = calloc(b->outputs, sizeof *b->gradients);
    b->given = calloc(b->outputs, sizeof *b->given);
    if (!b->input.data || !b->labels || !b->gradients || !b->given)
        return error_memory(b->error);
    for (uint64_t i = 0; i < elements; i++)
        b->input.data[i] = (float)esp_random_normal(&random);
    uint64_t classes = esp_shape_size(shape_of(b, esp_graph_output(b->graph, 0)));
    for (uint64_t i = 0; i < b->batch; i++)
        b->labels[i] = (uint32_t)(i % classes);
    for (uint64_t i = 0; i < b->outputs; i++) {
        uint64_t size = esp_shape_size(shape_of(b, esp_graph_output(b->graph, i)));
        b->gradients[i] = malloc(b->batch * size * sizeof(float));
        if (!b->gradients[i])
            return error_memory(b->error);
        b->given[i] = (esp_output_gradient){sizeof b->given[i], i, b->gradients[i]};
    }
    return ESP_OK;
}

static void bench_close(struct bench *b)
{
    program_destroy(b->program);
    for (uint64_t i = 0; b->gradients && i < b->outputs; i++)
        free(b->gradients[i]);
    free(b->gradients);
    free(b->given);
    free(b->labels);
    free(b->input.data);
}

static esp_status bench_open(struct bench *b, struct session *session, const char *weights,
                             bool training)
{
    const struct instance *engine = NULL;
    esp_compile_options options = {
        .struct_size = sizeof options, .batch = b->batch, .training = training};
    b->outputs = training ? esp_graph_output_count(b->graph) : 1;
    esp_status status = session_engine(session, &engine, b->error);
    if (status == ESP_OK)
        status = program_create(&b->program, engine, b->graph, &options, b->error);
    if (status == ESP_OK)
        status = program_initialise(b->program, session_experiment(session)->seed, 0, NULL);
    if (status == ESP_OK && weights)
        status = weights_read(b->program, weights, b->graph);
    return status == ESP_OK ? make_samples(b) : status;
}

static esp_status forward(struct bench *b, uint32_t training)
{
    esp_forward pass = {.struct_size = sizeof pass,
                        .inputs = &b->input,
                        .input_count = 1,
                        .batch = b->batch,
                        .training = training,
                        .random = esp_random_stream(1, 1, 0, 0, b->step),
                        .progress = 1.0,
                        .output_count = b->outputs};
    return esp_program_forward(program_handle(b->program), &pass);
}

static esp_status evaluate_once(struct bench *b)
{
    return forward(b, 0);
}

// Forward, loss, backward and a step of SGD so small that the network stays as it is.
static esp_status train_once(struct bench *b)
{
    esp_program *program = program_handle(b->program);
    esp_status status = forward(b, 1);
    for (uint64_t i = 0; status == ESP_OK && i < b->outputs; i++) {
        esp_tensor logits;
        double loss;
        char name[24];
        snprintf(name, sizeof name, "%llu", (unsigned long long)i);
        status = esp_program_tensor(program, ESP_TENSOR_OUTPUT, name, &logits);
        if (status == ESP_OK)
            status =
                esp_cross_entropy(program, &logits, b->labels, 0.0, b->gradients[i], &loss, NULL);
    }
    if (status == ESP_OK)
        status = esp_program_backward(program, b->given, b->outputs);
    esp_optimizer step = {.struct_size = sizeof step,
                          .kind = ESP_OPTIMIZER_SGD,
                          .learning_rate = 1e-6,
                          .momentum = 0.9,
                          .weight_decay = 1e-4,
                          .step = ++b->step};
    return status == ESP_OK ? esp_program_apply(program, &step) : status;
}

// ---- Timing -------------------------------------------------------------------------------------

static esp_status warm(struct bench *b, esp_status (*once)(struct bench *b), double seconds)
{
    esp_status status = ESP_OK;
    double began = monotonic_seconds();
    for (int i = 0; status == ESP_OK && (i < WARM_LEAST || monotonic_seconds() - began < seconds);
         i++)
        status = once(b);
    return status;
}

// Both lists come out sorted.
static esp_status time_calls(struct bench *b, esp_status (*once)(struct bench *b),
                             const struct pace *pace, struct times *out)
{
    esp_status status = warm(b, once, pace->warm_seconds);
    double end = monotonic_seconds() + pace->seconds;
    out->count = 0;
    while (status == ESP_OK && out->count < pace->most &&
           (out->count < pace->least || monotonic_seconds() < end)) {
        double wall = monotonic_seconds(), cpu = cpu_seconds();
        status = once(b);
        out->cpu[out->count] = cpu_seconds() - cpu;
        out->wall[out->count++] = monotonic_seconds() - wall;
    }
    qsort(out->wall, out->count, sizeof *out->wall, compare_doubles);
    qsort(out->cpu, out->count, sizeof *out->cpu, compare_doubles);
    return status;
}

// Multiply-adds of a sample, with those of auxiliary heads, which training computes too.
static double all_macs(const esp_graph *graph)
{
    double macs = 0.0;
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++)
        macs += (double)esp_graph_get(graph, i)->macs;
    return macs;
}

static esp_status measure_steps(struct measure *out, struct session *session,
                                const esp_graph *graph, uint64_t batch, const char *weights,
                                struct times *times, struct error *error)
{
    struct bench b = {.graph = graph, .batch = batch, .error = error};
    esp_status status = bench_open(&b, session, weights, true);
    if (status == ESP_OK)
        status = time_calls(&b, train_once, &bench_pace, times);
    if (status == ESP_OK) {
        double seconds = quantile(times->wall, times->count, 0.5);
        out->step_ms = 1e3 * seconds;
        out->step_cpu_ms = 1e3 * quantile(times->cpu, times->count, 0.5);
        out->images_per_second = (double)batch / seconds;
        out->gflops = 6.0 * all_macs(graph) * (double)batch / seconds / 1e9;
    }
    bench_close(&b);
    return status;
}

static esp_status measure_latency(struct measure *out, struct session *session,
                                  const esp_graph *graph, uint64_t batch, const char *weights,
                                  struct times *times, struct error *error)
{
    struct bench b = {.graph = graph, .batch = batch, .error = error};
    esp_status status = bench_open(&b, session, weights, false);
    if (status == ESP_OK)
        status = time_calls(&b, evaluate_once, &bench_pace, times);
    if (status == ESP_OK)
        out->latency[out->latency_count++] =
            (struct latency){batch, 1e3 * quantile(times->wall, times->count, 0.5),
                             1e3 * quantile(times->wall, times->count, 0.1),
                             1e3 * quantile(times->wall, times->count, 0.9)};
    bench_close(&b);
    return status;
}

static esp_status in_quiet(struct session *session, bool begin, struct error *error)
{
    return session->quiet ? session->quiet(session->quiet_self, begin, error) : ESP_OK;
}

// All that could be waited for is done before the others stand still.
esp_status measure_median(double *milliseconds, struct session *session, const esp_graph *graph,
                          uint64_t batch, uint64_t repetitions, struct error *error)
{
    struct bench b = {.graph = graph, .batch = batch, .error = error};
    struct pace pace = {repetitions, repetitions, 0.0, MEDIAN_WARM_SECONDS};
    struct times times = {malloc(repetitions * sizeof(double)),
                          malloc(repetitions * sizeof(double)), 0};
    esp_status status = times.wall && times.cpu ? ESP_OK : error_memory(error);
    if (status == ESP_OK)
        status = bench_open(&b, session, NULL, false);
    if (status == ESP_OK)
        status = evaluate_once(&b);
    if (status == ESP_OK)
        status = in_quiet(session, true, error);
    if (status == ESP_OK) {
        status = time_calls(&b, evaluate_once, &pace, &times);
        esp_status after = in_quiet(session, false, error);
        status = status == ESP_OK ? after : status;
    }
    if (status == ESP_OK)
        *milliseconds = 1e3 * quantile(times.wall, times.count, 0.5);
    bench_close(&b);
    free(times.wall);
    free(times.cpu);
    return status;
}

esp_status measure_batch(uint64_t *out, struct session *session, const struct arch *arch,
                         struct error *error)
{
    const struct setting *setting = NULL;
    esp_status status = session_setting(session, arch, false, NULL, 0, &setting, error);
    *out = USUAL_BATCH;
    if (status != ESP_OK)
        return status;
    const struct parameter *batch = parameters_find(&setting->estimator, "batch");
    if (batch && batch->row->type == ESP_PARAM_TYPE_INT && batch->integer > 0)
        *out = (uint64_t)batch->integer;
    return ESP_OK;
}

// Of this program: getrusage's figure has that of the process that started it as well.
static uint64_t peak_bytes(void)
{
    unsigned long long kilobytes = 0;
    char line[256];
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %llu kB", &kilobytes) == 1)
            break;
    if (file)
        fclose(file);
    return 1024 * kilobytes;
}

// An engine without the parameter has one.
static uint64_t engine_threads(const struct experiment *experiment)
{
    const struct parameter *threads = parameters_find(&experiment->engine.parameters, "threads");
    return threads && threads->row->type == ESP_PARAM_TYPE_INT && threads->integer > 0
               ? (uint64_t)threads->integer
               : 1;
}

esp_status measure_network(struct measure *out, struct session *session, const esp_graph *graph,
                           uint64_t batch, const char *weights, struct error *error)
{
    struct times times = {malloc(MOST_SAMPLES * sizeof(double)),
                          malloc(MOST_SAMPLES * sizeof(double)), 0};
    *out = (struct measure){.threads = engine_threads(session_experiment(session))};
    unsigned denormals = denormals_flush();
    esp_status status = times.wall && times.cpu ? ESP_OK : error_memory(error);
    if (status == ESP_OK)
        status = measure_steps(out, session, graph, batch, weights, &times, error);
    if (status == ESP_OK)
        status = measure_latency(out, session, graph, 1, weights, &times, error);
    if (status == ESP_OK && batch != 1)
        status = measure_latency(out, session, graph, batch, weights, &times, error);
    denormals_restore(denormals);
    if (status == ESP_OK)
        out->peak_memory_bytes = peak_bytes();
    free(times.wall);
    free(times.cpu);
    return status;
}
