// SPDX-License-Identifier: Apache-2.0
// Components for the tests of the configuration: parameters of every type, a required one, keys that
// are the host's, and engines of two ranks. What they compute is of no interest.
#include <espalier/espalier.h>

#include <stdlib.h>
#include <string.h>

static const char *const animals[] = {"cat", "dog", "horse"};

static const esp_param typed_params[] = {
    ESP_PARAM_INT("count", 3, 1, 10, "", "an integer"),
    ESP_PARAM_REAL("share", 0.25, 0, 1, "", "a real"),
    ESP_PARAM_REAL_LOG("rate", 0.1, 1e-6, 1e300, "units", "a real from a bound on"),
    ESP_PARAM_BOOL("flag", 1, "a switch"),
    ESP_PARAM_TEXT("words", "some words", "a text, one|two"),
    ESP_PARAM_PATH("file", "", "a path"),
    ESP_PARAM_CHOICE("animal", "dog", animals, "one of three"),
    ESP_PARAM_INTS("sizes", "8, 16", 1, INT64_MAX, "", "integers"),
    ESP_PARAM_NAMES("zoo", "cat, horse", animals, "names"),
};

static const esp_param required_params[] = {
    ESP_PARAM_PATH_REQUIRED("table", "what is looked up"),
    ESP_PARAM_INT("epochs", 10, 1, 1000, "epochs", "passes over the data"),
    ESP_PARAM_REAL("learning_rate", 0.1, 1e-9, 10, "", "the step"),
};

static const esp_param taken_params[] = {
    ESP_PARAM_INT("train_limit", 0, 0, 10, "", "a key that is the host's"),
};

static const esp_param seeds_params[] = {
    ESP_PARAM_INT("seeds", 0, 0, 10, "", "a key of the host's section [final]"),
};

// ---- Space ------------------------------------------------------------------------------------

static esp_status create(esp_create *host, void **out)
{
    *out = calloc(1, sizeof(int));
    return *out ? ESP_OK : esp_fail(host, ESP_ERROR_MEMORY, "out of memory");
}

static esp_status build(void *self, esp_builder *b)
{
    (void)self;
    return esp_classifier(b, esp_input(b));
}

static void describe_space(esp_space_type *out)
{
    out->summary = "parameters of every type";
    out->source = "nobody 2026";
    ESP_SET_PARAMS(out, typed_params);
    out->create = create;
    out->destroy = free;
    out->build = build;
}

// ---- Estimators -------------------------------------------------------------------------------

static const esp_metric metrics[] = {ESP_METRIC_ROW("score", "", 0, ESP_BETTER_HIGHER)};
static const esp_estimator_info info = {.struct_size = sizeof info,
                                        .metrics = metrics,
                                        .metric_count = 1,
                                        .metric_stride = sizeof metrics[0]};

static const esp_estimator_info *describe(void *self)
{
    (void)self;
    return &info;
}

static esp_status evaluate(void *self, esp_evaluation *e)
{
    (void)self;
    return esp_evaluation_metric(e, "score", 1.0);
}

static esp_status train(void *self, esp_evaluation *e, uint32_t test)
{
    (void)self;
    return test ? esp_evaluation_metric(e, "test_accuracy", 1.0) : ESP_OK;
}

static const void *ability(const char *id)
{
    static const esp_estimator_final final = {sizeof final, train};
    return strcmp(id, ESP_ESTIMATOR_FINAL) == 0 ? &final : NULL;
}

static void describe_required(esp_estimator_type *out)
{
    out->summary = "an estimator with a parameter that must be said";
    ESP_SET_PARAMS(out, required_params);
    out->create = create;
    out->destroy = free;
    out->describe = describe;
    out->evaluate = evaluate;
    out->ability = ability;
}

static void describe_seeds(esp_estimator_type *out)
{
    describe_required(out);
    ESP_SET_PARAMS(out, seeds_params);
}

// ---- Datasets ---------------------------------------------------------------------------------

static const esp_dataset_info *describe_data(void *self)
{
    (void)self;
    return NULL;
}

static esp_status read_samples(void *self, esp_read *read, uint32_t split, uint64_t first,
                               uint64_t count, void *samples, uint32_t *labels)
{
    (void)self;
    (void)split;
    (void)first;
    (void)count;
    (void)samples;
    (void)labels;
    return esp_fail(read, ESP_ERROR_UNSUPPORTED, "there is nothing to read");
}

static void describe_plain(esp_dataset_type *out)
{
    out->summary = "a dataset without parameters";
    out->open = create;
    out->close = free;
    out->describe = describe_data;
    out->read = read_samples;
}

static void describe_taken(esp_dataset_type *out)
{
    describe_plain(out);
    out->summary = "a dataset with a key that is the host's";
    ESP_SET_PARAMS(out, taken_params);
}

// ---- Engines: below every real one ------------------------------------------------------------

static esp_status none(esp_call *call)
{
    return esp_fail(call, ESP_ERROR_UNSUPPORTED, "this engine computes nothing");
}

static esp_status compile(void *self, esp_call *call, const esp_graph *graph,
                          const esp_compile_options *options, void **program)
{
    (void)self;
    (void)graph;
    (void)options;
    (void)program;
    return none(call);
}

static void release(void *self, void *program)
{
    (void)self;
    (void)program;
}

static esp_status forward(void *program, esp_call *call, const esp_forward *options)
{
    (void)program;
    (void)options;
    return none(call);
}

static esp_status backward(void *program, esp_call *call, const esp_output_gradient *gradients,
                           uint64_t count, uint64_t stride)
{
    (void)program;
    (void)gradients;
    (void)count;
    (void)stride;
    return none(call);
}

static esp_status apply(void *program, esp_call *call, const esp_optimizer *optimizer)
{
    (void)program;
    (void)optimizer;
    return none(call);
}

static esp_status tensor(void *program, esp_call *call, uint32_t which, const char *name,
                         esp_tensor *out)
{
    (void)program;
    (void)which;
    (void)name;
    (void)out;
    return none(call);
}

static void describe_slow(esp_engine_type *out)
{
    out->summary = "an engine of rank 1";
    out->rank = 1;
    out->open = create;
    out->close = free;
    out->compile = compile;
    out->release = release;
    out->forward = forward;
    out->backward = backward;
    out->apply = apply;
    out->tensor = tensor;
}

static void describe_fast(esp_engine_type *out)
{
    describe_slow(out);
    out->summary = "an engine of rank 2";
    out->rank = 2;
}

ESP_PLUGIN("1.0.0", ESP_SPACE("typed", describe_space),
           ESP_ESTIMATOR("required", describe_required), ESP_ESTIMATOR("seeds", describe_seeds),
           ESP_DATASET("plain", describe_plain), ESP_DATASET("taken", describe_taken),
           ESP_ENGINE("c_slow_one", describe_slow), ESP_ENGINE("b_fast_one", describe_fast),
           ESP_ENGINE("a_slow_one", describe_slow))
