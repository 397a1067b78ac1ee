// SPDX-License-Identifier: Apache-2.0
// The evaluation context; see evaluation.h. Each function is a row of esp_evaluation_api.
#include "evaluate/evaluation.h"

#include "evaluate/checkpoint.h"
#include "evaluate/initialise.h"
#include "evaluate/measure.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

// Of a latency.
#define MOST_REPETITIONS 100000

static struct evaluation *of(esp_evaluation *handle)
{
    return evaluation_from_handle(handle);
}

static bool is_final(const struct evaluation *e)
{
    return e->specification && e->specification->purpose == PURPOSE_FINAL;
}

// ---- The network ------------------------------------------------------------------------------

static const esp_arch *do_arch(esp_evaluation *handle)
{
    return arch_handle(of(handle)->arch);
}

esp_status evaluation_build(struct evaluation *e)
{
    if (e->graph)
        return ESP_OK;
    return builder_build(session_builder(e->session), e->arch, &e->graph, e->error);
}

static esp_status do_graph(esp_evaluation *handle, const esp_graph **out)
{
    struct evaluation *e = of(handle);
    esp_status status = evaluation_build(e);
    *out = status == ESP_OK ? graph_handle(e->graph) : NULL;
    return status;
}

static esp_status add_program(struct evaluation *e, const esp_compile_options *options,
                              struct program **out)
{
    const struct instance *engine = NULL;
    struct program **grown =
        realloc(e->programs, (e->program_count + 1) * sizeof(struct program *));
    if (!grown)
        return error_memory(e->error);
    e->programs = grown;
    esp_status status = session_engine(e->session, &engine, e->error);
    if (status == ESP_OK)
        status = program_create(out, engine, graph_handle(e->graph), options, e->error);
    if (status == ESP_OK)
        e->programs[e->program_count++] = *out;
    return status;
}

// The options with the worker's limit, where the caller set none.
static esp_compile_options with_limit(const struct evaluation *e,
                                      const esp_compile_options *options)
{
    esp_compile_options limited = {.memory_limit = 0};
    size_t size =
        options->struct_size < sizeof limited ? (size_t)options->struct_size : sizeof limited;
    memcpy(&limited, options, size);
    limited.struct_size = sizeof limited;
    if (limited.memory_limit == 0)
        limited.memory_limit = session_experiment(e->session)->trial_memory_limit;
    return limited;
}

static esp_status do_compile(esp_evaluation *handle, const esp_compile_options *options,
                             esp_program **out)
{
    struct evaluation *e = of(handle);
    struct program *program = NULL;
    *out = NULL;
    if (!e->specification)
        return esp_fail(handle, ESP_ERROR_MISUSE, "a cheap estimator compiles no network");
    // `set_init` came later.
    if (!options || options->struct_size < offsetof(esp_compile_options, set_init) ||
        options->batch == 0)
        return esp_fail(handle, ESP_ERROR_MISUSE,
                        "compile: expected esp_compile_options with a batch of 1 or more");
    bool set = ESP_HAS(esp_compile_options, options, init) && options->set_init;
    if (set && options->init > ESP_INIT_HE_UNIFORM)
        return esp_fail(handle, ESP_ERROR_MISUSE, "compile: there is no initialiser %u",
                        options->init);
    esp_status status = evaluation_build(e);
    esp_compile_options limited = with_limit(e, options);
    if (status == ESP_OK)
        status = add_program(e, &limited, &program);
    if (status == ESP_OK)
        status = program_initialise(program, e->seed, e->lineage, set ? &options->init : NULL);
    if (status == ESP_OK)
        status = evaluation_inherit(e, program);
    if (status == ESP_OK && e->specification->weights)
        status = weights_read(program, e->specification->weights, graph_handle(e->graph));
    if (status == ESP_OK)
        *out = program_handle(program);
    return status;
}

// ---- What a trial is given --------------------------------------------------------------------

static esp_random do_random(esp_evaluation *handle, const char *name, uint64_t epoch, uint64_t step)
{
    const struct evaluation *e = of(handle);
    return esp_random_stream(e->seed, XXH3_64bits(name, strlen(name)), e->lineage, epoch, step);
}

static uint32_t do_mode(esp_evaluation *handle)
{
    const struct specification *s = of(handle)->specification;
    return s ? s->mode : ESP_MODE_FRESH;
}

static double do_horizon(esp_evaluation *handle, const char *name, double value)
{
    const struct evaluation *e = of(handle);
    const struct experiment *experiment = session_experiment(e->session);
    if (experiment->horizon_is_fidelity || is_final(e))
        return value;
    if (experiment->horizon > 0)
        return (double)experiment->horizon;
    const struct parameter *parameter = parameters_find(&e->setting->before, name);
    if (!parameter)
        return value;
    return parameter->row->type == ESP_PARAM_TYPE_REAL ? parameter->real
                                                       : (double)parameter->integer;
}

static uint32_t do_final(esp_evaluation *handle)
{
    return is_final(of(handle));
}

static uint32_t do_wants_files(esp_evaluation *handle)
{
    const struct specification *s = of(handle)->specification;
    return s && s->folder && s->wants_files;
}

double monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double do_seconds(esp_evaluation *handle)
{
    return monotonic_seconds() - of(handle)->began;
}

static esp_status do_canonical_hash(esp_evaluation *handle, uint64_t *out)
{
    struct evaluation *e = of(handle);
    *out = 0;
    return builder_canonical_hash(session_builder(e->session), e->arch, out, e->error);
}

static esp_status do_latency(esp_evaluation *handle, const esp_latency *latency,
                             double *milliseconds)
{
    struct evaluation *e = of(handle);
    *milliseconds = NAN;
    if (!e->specification)
        return esp_fail(handle, ESP_ERROR_MISUSE, "a cheap estimator measures no latency");
    if (!latency || latency->struct_size < sizeof *latency || latency->batch == 0 ||
        latency->repetitions == 0 || latency->repetitions > MOST_REPETITIONS)
        return esp_fail(handle, ESP_ERROR_MISUSE,
                        "latency: expected esp_latency with a batch of 1 or more and 1 to %d "
                        "repetitions",
                        MOST_REPETITIONS);
    esp_status status = evaluation_build(e);
    return status == ESP_OK ? measure_median(milliseconds, e->session, graph_handle(e->graph),
                                             latency->batch, latency->repetitions, e->error)
                            : status;
}

// ---- Data -------------------------------------------------------------------------------------

static esp_status open_data(struct evaluation *e)
{
    const struct specification *s = e->specification;
    if (e->data)
        return ESP_OK;
    if (!s)
        return error_set(e->error, ESP_ERROR_MISUSE, "a cheap estimator reads no data");
    return session_data(e->session, &e->setting->dataset, &e->setting->host, is_final(e),
                        is_final(e) && s->test, &e->data, e->error);
}

static esp_status do_data_size(esp_evaluation *handle, uint32_t split, uint64_t *out)
{
    struct evaluation *e = of(handle);
    esp_status status = open_data(e);
    *out = 0;
    return status == ESP_OK ? data_size(e->data, split, out, e->error) : status;
}

static esp_status do_data_read(esp_evaluation *handle, uint32_t split, const uint64_t *indices,
                               uint64_t count, float *samples, uint32_t *labels)
{
    struct evaluation *e = of(handle);
    esp_status status = open_data(e);
    return status == ESP_OK ? data_read(e->data, split, indices, count, samples, labels, e->error)
                            : status;
}

// ---- What a trial reports ---------------------------------------------------------------------

static json_t *point_json(double step, const esp_measurement *metrics, uint64_t count,
                          uint64_t stride)
{
    json_t *values = json_object();
    const char *row = (const char *)metrics;
    for (uint64_t i = 0; values && i < count; i++, row += stride) {
        const esp_measurement *metric = (const esp_measurement *)(const void *)row;
        json_t *value = isfinite(metric->value) ? json_real(metric->value) : json_null();
        if (json_object_set_new(values, metric->name, value) != 0) {
            json_decref(values);
            return NULL;
        }
    }
    return values ? json_pack("{s:f, s:o}", "step", step, "metrics", values) : NULL;
}

static uint32_t do_progress(esp_evaluation *handle, double step, const esp_measurement *metrics,
                            uint64_t count, uint64_t stride)
{
    struct evaluation *e = of(handle);
    if (!e->specification)
        return ESP_CONTINUE; // what is cheap has no curve
    if (!isfinite(step)) {
        esp_fail(handle, ESP_ERROR_MISUSE, "progress: the step is %g", step);
        return ESP_STOP;
    }
    if (!e->curve)
        e->curve = json_array();
    if (json_array_append_new(e->curve, point_json(step, metrics, count, stride)) != 0) {
        esp_fail(handle, ESP_ERROR, "progress: out of memory, or a metric's name is no text");
        return ESP_STOP;
    }
    if (e->progress && e->progress(e->progress_self, step, metrics, count, stride) == ESP_STOP)
        e->stopped = true;
    return e->stopped ? ESP_STOP : ESP_CONTINUE;
}

static const esp_metric *metric_row(const esp_estimator_info *info, uint64_t i)
{
    return (const esp_metric *)(const void *)((const char *)info->metrics +
                                              i * info->metric_stride);
}

static esp_status do_metric(esp_evaluation *handle, const char *name, double value)
{
    struct evaluation *e = of(handle);
    uint64_t count = e->info->metric_count;
    if (!isfinite(value))
        return esp_fail(handle, ESP_ERROR, "metric %s is %s", name,
                        isnan(value) ? "nan"
                        : value < 0  ? "-inf"
                                     : "inf");
    // Most set them in the order in which they declare them.
    for (uint64_t i = 0; i < count; i++) {
        uint64_t place =
            e->next_metric + i < count ? e->next_metric + i : e->next_metric + i - count;
        if (strcmp(metric_row(e->info, place)->name, name) == 0) {
            e->metrics[place] = value;
            e->next_metric = place + 1;
            return ESP_OK;
        }
    }
    // What a final training alone can say.
    if (is_final(e) && strncmp(name, "test_", 5) == 0)
        return result_set_metric(e->result, name, value, e->error);
    return esp_fail(handle, ESP_ERROR_MISUSE, "metric '%s' was not declared", name);
}

const esp_evaluation_api evaluation_api = {
    sizeof(esp_evaluation_api),
    do_arch,
    do_graph,
    do_compile,
    do_random,
    do_mode,
    do_horizon,
    do_data_size,
    do_data_read,
    do_progress,
    do_metric,
    evaluation_save_weights,
    evaluation_save_checkpoint,
    evaluation_load_checkpoint,
    evaluation_checkpoint_number,
    evaluation_checkpoint_tensor,
    do_seconds,
    do_final,
    do_wants_files,
    do_canonical_hash,
    do_latency,
};

// ---- Its course -------------------------------------------------------------------------------

void evaluation_begin(struct evaluation *e)
{
    handle_init(&e->handle.base, sizeof e->handle, e->error);
    e->handle.api = &evaluation_api;
    e->began = monotonic_seconds();
}

void evaluation_end(struct evaluation *e)
{
    for (uint64_t i = 0; i < e->program_count; i++)
        program_destroy(e->programs[i]);
    free(e->programs);
    graph_destroy(e->graph);
    json_decref(e->curve);
    safetensors_close(e->checkpoint);
    e->programs = NULL;
    e->program_count = 0;
    e->graph = NULL;
    e->curve = NULL;
    e->checkpoint = NULL;
}

unsigned denormals_flush(void)
{
#if defined(__x86_64__)
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040u);
    return before;
#else
    return 0;
#endif
}

void denormals_restore(unsigned before)
{
#if defined(__x86_64__)
    _mm_setcsr(before);
#else
    (void)before;
#endif
}

static esp_status call_estimator(struct evaluation *e)
{
    const struct instance *estimator = e->setting->estimator_instance;
    const esp_estimator_type *type = estimator->component->type;
    if (!is_final(e))
        return type->evaluate(estimator->self, &e->handle);
    const esp_estimator_final *final = component_ability(estimator->component, ESP_ESTIMATOR_FINAL);
    if (!final)
        return error_set(e->error, ESP_ERROR_UNSUPPORTED, "estimator %s makes no final trainings",
                         estimator->component->id);
    return final->train(estimator->self, &e->handle, e->specification->test);
}

// The value of a metric, declared or not; NaN where it was not set.
static double metric_value(const struct evaluation *e, const char *name)
{
    for (uint64_t i = 0; i < e->info->metric_count; i++)
        if (strcmp(metric_row(e->info, i)->name, name) == 0)
            return e->metrics[i];
    return result_metric(e->result, name);
}

// Every declared metric must be set; but a final training has no validation, and owes those of the test
// instead.
static esp_status check_metrics(const struct evaluation *e)
{
    if (is_final(e))
        return e->specification->test && isnan(metric_value(e, "test_accuracy"))
                   ? error_set(e->error, ESP_ERROR_MISUSE,
                               "the final training set no metric test_accuracy")
                   : ESP_OK;
    for (uint64_t i = 0; i < e->info->metric_count; i++)
        if (isnan(e->metrics[i]))
            return error_set(e->error, ESP_ERROR_MISUSE, "metric %s was declared and not set",
                             metric_row(e->info, i)->name);
    return ESP_OK;
}

esp_status evaluation_run(struct evaluation *e, double *metrics)
{
    e->info = e->setting->info;
    e->metrics = metrics;
    e->next_metric = 0;
    for (uint64_t i = 0; i < e->info->metric_count; i++)
        metrics[i] = NAN;
    unsigned state = denormals_flush();
    esp_status status = call_estimator(e);
    denormals_restore(state);
    if (status != ESP_OK)
        return error_ensure(e->error, status, "evaluate");
    // An error that the estimator was told of and passed over still counts.
    return e->error->status == ESP_OK ? check_metrics(e) : e->error->status;
}
