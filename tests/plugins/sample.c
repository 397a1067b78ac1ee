// SPDX-License-Identifier: Apache-2.0
// A plugin with one component of each kind, for tests of the loader: it computes nothing. It is C11
// to C2x and C++17 (tests/consumer). What it is to do wrong comes from the environment, so that one
// file serves all the tests:
//   SAMPLE_LOADED=FILE       its constructor writes the file: code of it ran
//   SAMPLE_WITHOUT=FUNCTION  descriptions lack this function
//   SAMPLE_SIZE=N            descriptions say that they have N bytes
//   SAMPLE_WORDS=TEXT        the summary
#include <espalier/espalier.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static char threads[64];

__attribute__((constructor)) static void sample_loaded(void)
{
    const char *path = getenv("SAMPLE_LOADED");
    const char *blas = getenv("OPENBLAS_NUM_THREADS"), *omp = getenv("OMP_NUM_THREADS");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file)
        fclose(file);
    snprintf(threads, sizeof threads, "%s %s", blas ? blas : "-", omp ? omp : "-");
}

static bool left_out(const char *function)
{
    const char *name = getenv("SAMPLE_WITHOUT");
    return name && strcmp(name, function) == 0;
}

static const esp_param sample_params[] = {
    ESP_PARAM_INT("depth", 3, 1, 9, "layers", "number of layers"),
};

// The source says what the environment held when the file was loaded.
#define BEGIN(out)                                                                                 \
    ((out)->summary = getenv("SAMPLE_WORDS") ? getenv("SAMPLE_WORDS") : "does nothing",            \
     (out)->source = threads, ESP_SET_PARAMS(out, sample_params),                                  \
     (out)->struct_size =                                                                          \
         getenv("SAMPLE_SIZE") ? strtoull(getenv("SAMPLE_SIZE"), NULL, 10) : (out)->struct_size)
#define SET(out, member, function) ((out)->member = left_out(#member) ? NULL : (function))

static esp_status sample_create(esp_create *create, void **out)
{
    (void)create;
    *out = NULL;
    return ESP_OK;
}

static void sample_destroy(void *self)
{
    (void)self;
}

static const void *sample_ability(const char *id)
{
    static const int table = 7;
    return strcmp(id, "test.sample/1") == 0 ? &table : NULL;
}

// ---- Space ------------------------------------------------------------------------------------

static esp_status space_build(void *self, esp_builder *b)
{
    (void)self;
    return esp_classifier(b, esp_input(b));
}

static void space_describe(esp_space_type *out)
{
    BEGIN(out);
    SET(out, create, sample_create);
    SET(out, destroy, sample_destroy);
    SET(out, build, space_build);
    SET(out, ability, sample_ability);
}

// ---- Strategy ---------------------------------------------------------------------------------

static esp_status strategy_create(esp_create *create, esp_search *search, void **out)
{
    (void)search;
    return sample_create(create, out);
}

static esp_status strategy_ask(void *self, esp_search *search, esp_ask *ask)
{
    (void)self;
    (void)search;
    return esp_ask_done(ask, "it never searches");
}

static esp_status strategy_tell(void *self, esp_search *search, const esp_outcome *outcome)
{
    (void)self;
    (void)search;
    (void)outcome;
    return ESP_OK;
}

static void strategy_describe(esp_strategy_type *out)
{
    BEGIN(out);
    SET(out, create, strategy_create);
    SET(out, destroy, sample_destroy);
    SET(out, ask, strategy_ask);
    SET(out, tell, strategy_tell);
}

// ---- Estimator --------------------------------------------------------------------------------

static const esp_estimator_info *estimator_info(void *self)
{
    static esp_estimator_info info;
    (void)self;
    info.struct_size = sizeof info;
    return &info;
}

static esp_status estimator_evaluate(void *self, esp_evaluation *evaluation)
{
    (void)self;
    return esp_fail(evaluation, ESP_ERROR_UNSUPPORTED, "it never evaluates");
}

static void estimator_describe(esp_estimator_type *out)
{
    BEGIN(out);
    SET(out, create, sample_create);
    SET(out, destroy, sample_destroy);
    SET(out, describe, estimator_info);
    SET(out, evaluate, estimator_evaluate);
}

// ---- Dataset ----------------------------------------------------------------------------------

static const esp_dataset_info *dataset_info(void *self)
{
    static esp_dataset_info info;
    (void)self;
    info.struct_size = sizeof info;
    return &info;
}

static esp_status dataset_read(void *self, esp_read *read, uint32_t split, uint64_t first,
                               uint64_t count, void *samples, uint32_t *labels)
{
    (void)self;
    (void)split;
    (void)first;
    (void)count;
    (void)samples;
    (void)labels;
    return esp_fail(read, ESP_ERROR_UNSUPPORTED, "it never reads");
}

static void dataset_describe(esp_dataset_type *out)
{
    BEGIN(out);
    SET(out, open, sample_create);
    SET(out, close, sample_destroy);
    SET(out, describe, dataset_info);
    SET(out, read, dataset_read);
}

// ---- Engine -----------------------------------------------------------------------------------

static esp_status engine_compile(void *self, esp_call *call, const esp_graph *graph,
                                 const esp_compile_options *options, void **program)
{
    (void)self;
    (void)graph;
    (void)options;
    (void)program;
    return esp_fail(call, ESP_ERROR_UNSUPPORTED, "it never compiles");
}

static void engine_release(void *self, void *program)
{
    (void)self;
    (void)program;
}

static esp_status engine_forward(void *program, esp_call *call, const esp_forward *forward)
{
    (void)program;
    (void)forward;
    return esp_fail(call, ESP_ERROR_UNSUPPORTED, "it never computes");
}

static esp_status engine_backward(void *program, esp_call *call,
                                  const esp_output_gradient *gradients, uint64_t count,
                                  uint64_t stride)
{
    (void)program;
    (void)gradients;
    (void)count;
    (void)stride;
    return esp_fail(call, ESP_ERROR_UNSUPPORTED, "it never computes");
}

static esp_status engine_apply(void *program, esp_call *call, const esp_optimizer *optimizer)
{
    (void)program;
    (void)optimizer;
    return esp_fail(call, ESP_ERROR_UNSUPPORTED, "it never computes");
}

static esp_status engine_tensor(void *program, esp_call *call, uint32_t which, const char *name,
                                esp_tensor *out)
{
    (void)program;
    (void)which;
    (void)out;
    return esp_fail(call, ESP_ERROR_NOT_FOUND, "no tensor %s", name);
}

static void engine_describe(esp_engine_type *out)
{
    BEGIN(out);
    SET(out, open, sample_create);
    SET(out, close, sample_destroy);
    SET(out, compile, engine_compile);
    SET(out, release, engine_release);
    SET(out, forward, engine_forward);
    SET(out, backward, engine_backward);
    SET(out, apply, engine_apply);
    SET(out, tensor, engine_tensor);
}

// ---- Executor ---------------------------------------------------------------------------------

static esp_status executor_create(esp_create *create, esp_jobs *jobs, void **out)
{
    (void)jobs;
    return sample_create(create, out);
}

static esp_status executor_submit(void *self, esp_jobs *jobs, uint64_t job,
                                  const void *specification, uint64_t size)
{
    (void)self;
    (void)job;
    (void)specification;
    (void)size;
    return esp_fail(jobs, ESP_ERROR_UNSUPPORTED, "it never executes");
}

static esp_status executor_poll(void *self, esp_jobs *jobs, const esp_job_event **events,
                                uint64_t *count, uint64_t *stride)
{
    (void)self;
    (void)jobs;
    *events = NULL;
    *count = 0;
    *stride = sizeof(esp_job_event);
    return ESP_OK;
}

static esp_status executor_cancel(void *self, esp_jobs *jobs, uint64_t job)
{
    (void)self;
    (void)jobs;
    (void)job;
    return ESP_OK;
}

static int32_t executor_number(void *self)
{
    (void)self;
    return -1;
}

static void executor_describe(esp_executor_type *out)
{
    BEGIN(out);
    SET(out, create, executor_create);
    SET(out, destroy, sample_destroy);
    SET(out, submit, executor_submit);
    SET(out, poll, executor_poll);
    SET(out, cancel, executor_cancel);
    SET(out, descriptor, executor_number);
    SET(out, timeout, executor_number);
}

ESP_PLUGIN("2.3.4", ESP_SPACE("sample", space_describe), ESP_STRATEGY("sample", strategy_describe),
           ESP_ESTIMATOR("sample", estimator_describe), ESP_DATASET("sample", dataset_describe),
           ESP_ENGINE("sample", engine_describe), ESP_EXECUTOR("sample", executor_describe))
