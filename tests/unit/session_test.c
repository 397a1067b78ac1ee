// SPDX-License-Identifier: Apache-2.0
// Sessions: how the parameters of a trial come about, which instances there are for them, and that a
// trial always has a result. The estimator is the test's own.
#include "support/leak.h"
#include "support/session_lab.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

// ---- The estimator ------------------------------------------------------------------------------

static const char *const colors[] = {"red", "green", "blue"};

static const esp_param probe_params[] = {
    ESP_PARAM_INT("x", 1, 0, 100, "", "a number"),
    ESP_PARAM_REAL("rate", 0.5, 0, 1, "", "a real"),
    ESP_PARAM_CHOICE("color", "red", colors, "a choice"),
    ESP_PARAM_BOOL("more", 0, "declares one metric more"),
};

static const esp_metric probe_metrics[] = {
    ESP_METRIC_ROW("x", "", 0, ESP_BETTER_HIGHER),
    ESP_METRIC_ROW("rate", "", 0, ESP_BETTER_HIGHER),
    ESP_METRIC_ROW("color", "", 0, ESP_BETTER_NONE),
    ESP_METRIC_ROW("more", "", 0, ESP_BETTER_NONE),
};

struct probe {
    double x, rate, color;
    esp_estimator_info info;
};

// What the test wants done in place of the metrics being set.
static esp_status (*act)(esp_evaluation *e);
static int created, destroyed, metric_count = 3;
static const struct probe *last; // the instance that was used

static esp_status probe_create(esp_create *create, void **out)
{
    struct probe *probe = calloc(1, sizeof *probe);
    probe->x = (double)esp_param_int(create, "x");
    probe->rate = esp_param_real(create, "rate");
    probe->color = (double)esp_param_int(create, "color");
    probe->info = (esp_estimator_info){.struct_size = sizeof probe->info,
                                       .metrics = probe_metrics,
                                       .metric_count = (uint64_t)metric_count +
                                                       (uint64_t)esp_param_int(create, "more"),
                                       .metric_stride = sizeof probe_metrics[0]};
    *out = probe;
    created++;
    return ESP_OK;
}

static void probe_destroy(void *self)
{
    free(self);
    destroyed++;
}

static const esp_estimator_info *probe_info(void *self)
{
    return &((struct probe *)self)->info;
}

static esp_status set_all(const struct probe *probe, esp_evaluation *e)
{
    esp_evaluation_metric(e, "x", probe->x);
    esp_evaluation_metric(e, "rate", probe->rate);
    return esp_evaluation_metric(e, "color", probe->color);
}

static esp_status probe_evaluate(void *self, esp_evaluation *e)
{
    last = self;
    esp_status status = act ? act(e) : ESP_OK;
    return status == ESP_OK ? set_all(self, e) : status;
}

static esp_status probe_train(void *self, esp_evaluation *e, uint32_t test)
{
    (void)self;
    esp_status status = act ? act(e) : ESP_OK;
    return status == ESP_OK && test ? esp_evaluation_metric(e, "test_accuracy", 0.75) : status;
}

static const void *probe_ability(const char *id)
{
    static const esp_estimator_final final = {sizeof(esp_estimator_final), probe_train};
    return strcmp(id, ESP_ESTIMATOR_FINAL) == 0 ? &final : NULL;
}

static const esp_estimator_type probe_type = {.struct_size = sizeof(esp_estimator_type),
                                              .summary = "a probe",
                                              .params = probe_params,
                                              .param_count = ESP_COUNT(probe_params),
                                              .param_stride = sizeof(esp_param),
                                              .create = probe_create,
                                              .destroy = probe_destroy,
                                              .describe = probe_info,
                                              .evaluate = probe_evaluate,
                                              .ability = probe_ability};

// ---- The experiment -----------------------------------------------------------------------------

#define SMALL                                                                                      \
    "[space]\nplugin = chain\nmin_depth = 1\nmax_depth = 2\nwidths = 4\n"                          \
    "[strategy]\nplugin = random\n"                                                                \
    "[dataset]\nplugin = synthetic\nchannels = 1\nheight = 8\nwidth = 8\ntrain = 40\n"             \
    "valid = 20\ntest = 10\nclasses = 3\n[objective]\nmaximize = x\n"

static void open_lab(struct session_lab *lab, const char *estimator)
{
    char ini[2048];
    created = destroyed = 0;
    act = NULL;
    snprintf(ini, sizeof ini, SMALL "[estimator]\nplugin = probe\n%s", estimator);
    session_lab_open(lab, ini, &probe_type);
}

// Evaluates a sample at a fidelity (NULL: none).
static struct result evaluate(struct session_lab *lab, uint64_t seed, const char *fidelity,
                              double value)
{
    struct fidelity row = {(char *)(uintptr_t)fidelity, value};
    struct specification given = {.fidelity = &row, .fidelity_count = fidelity != NULL};
    struct arch *arch = session_lab_sample(lab, seed);
    struct result result = session_lab_evaluate(lab, arch, &given, NULL, NULL);
    arch_release(arch);
    return result;
}

static void assert_done(struct result *result, const char *metric, double value)
{
    cr_assert_eq(result->status, ESP_OUTCOME_DONE, "%s", result->error);
    cr_assert_eq(result_metric(result, metric), value, "%s: %g", metric,
                 result_metric(result, metric));
    result_destroy(result);
}

static void assert_failed(struct result *result, const char *words)
{
    cr_assert_eq(result->status, ESP_OUTCOME_FAILED, "expected: %s", words);
    cr_assert(strstr(result->error, words), "'%s' in '%s'", words, result->error);
    cr_assert_eq(result->metric_count, 0, "what failed has no metrics");
    result_destroy(result);
}

// ---- Parameters ---------------------------------------------------------------------------------

TestLeak(session, parameters_are_those_of_the_ini_then_of_the_fidelity)
{
    struct session_lab lab;
    open_lab(&lab, "x = 7\ncolor = blue\n");
    struct result result = evaluate(&lab, 1, NULL, 0);
    cr_assert_eq(result_metric(&result, "rate"), 0.5);
    cr_assert_eq(result_metric(&result, "color"), 2.0);
    assert_done(&result, "x", 7.0);
    result = evaluate(&lab, 1, "x", 9.0);
    assert_done(&result, "x", 9.0);
    result = evaluate(&lab, 1, "estimator.x", 10.0);
    assert_done(&result, "x", 10.0);
    result = evaluate(&lab, 1, NULL, 0);
    assert_done(&result, "x", 7.0);
    result = evaluate(&lab, 1, "x", 101.0);
    assert_failed(&result, "expected a number from 0 to 100, got 101");
    result = evaluate(&lab, 1, "y", 1.0);
    assert_failed(&result, "'y'");
    result = evaluate(&lab, 1, "color", 1.0);
    assert_failed(&result, "color: the parameter is no number");
    result = evaluate(&lab, 1, "space.max_depth", 1.0);
    assert_failed(&result, "fidelity 'space.max_depth'");
    session_lab_close(&lab);
}

// The value of the architecture's decision at `path` as a number.
static double decided(struct arch *arch, const char *path)
{
    int64_t place = esp_arch_find(arch_handle(arch), path);
    cr_assert_geq(place, 0, "%s", path);
    esp_value value = esp_arch_value(arch_handle(arch), (uint64_t)place);
    return value.kind == ESP_DECISION_ONE   ? (double)value.as.index
           : value.kind == ESP_DECISION_INT ? (double)value.as.integer
                                            : value.as.real;
}

TestLeak(session, searched_parameters_are_those_of_the_architecture)
{
    struct session_lab lab;
    open_lab(&lab, "x = int(0, 100)\nrate = uniform(0.1, 0.9)\ncolor = one_of(blue, red)\n");
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct arch *arch = session_lab_sample(&lab, seed);
        struct specification given = {0};
        struct result result = session_lab_evaluate(&lab, arch, &given, NULL, NULL);
        // The distribution's options are blue and red; the table has red, green, blue.
        double color = decided(arch, "@estimator/color") == 0.0 ? 2.0 : 0.0;
        cr_assert_eq(result_metric(&result, "rate"), decided(arch, "@estimator/rate"));
        cr_assert_eq(result_metric(&result, "color"), color);
        assert_done(&result, "x", decided(arch, "@estimator/x"));
        arch_release(arch);
    }
    session_lab_close(&lab);
    cr_assert_eq(created, destroyed);
}

// What is fixed, or has one value, stands in no architecture.
TestLeak(session, searched_parameters_that_are_fixed_have_that_value)
{
    struct session_lab lab;
    open_lab(&lab, "x = int(0, 100)\nrate = uniform(0.1, 0.9)\ncolor = one_of(green)\n"
                   "[fix]\n@estimator/x = 42\n@estimator/rate = 0.25\n");
    struct result result = evaluate(&lab, 3, NULL, 0);
    cr_assert_eq(result_metric(&result, "rate"), 0.25);
    cr_assert_eq(result_metric(&result, "color"), 1.0);
    assert_done(&result, "x", 42.0);
    double metrics[3];
    struct error error;
    error_clear(&error);
    struct arch *arch = session_lab_sample(&lab, 3);
    cr_assert_eq(session_evaluate_cheap(lab.session, arch, 0, NULL, 0, metrics, &error), ESP_OK,
                 "%s", error.message);
    cr_assert_eq(metrics[0], 42.0);
    arch_release(arch);
    session_lab_close(&lab);
}

static uint64_t train_size;

static esp_status look_at_data(esp_evaluation *e)
{
    return esp_evaluation_data_size(e, ESP_SPLIT_TRAIN, &train_size);
}

TestLeak(session, a_fidelity_of_the_dataset_is_the_datasets_or_the_hosts)
{
    struct session_lab lab;
    open_lab(&lab, "");
    act = look_at_data;
    struct result result = evaluate(&lab, 1, NULL, 0);
    assert_done(&result, "x", 1.0);
    cr_assert_eq(train_size, 40);
    result = evaluate(&lab, 1, "dataset.train_limit", 16.0);
    assert_done(&result, "x", 1.0);
    cr_assert_eq(train_size, 16, "the host's own key");
    result = evaluate(&lab, 1, "dataset.train", 30.0);
    assert_done(&result, "x", 1.0);
    cr_assert_eq(train_size, 30, "the plugin's");
    // Networks and buffers are made for the task: it must not change under them.
    result = evaluate(&lab, 1, "dataset.height", 16.0);
    assert_failed(&result, "changes the task");
    result = evaluate(&lab, 1, "dataset.classes", 4.0);
    assert_failed(&result, "changes the task");
    session_lab_close(&lab);
}

// ---- Instances ----------------------------------------------------------------------------------

TestLeak(session, there_is_one_instance_a_distinct_set_of_parameters)
{
    struct session_lab lab;
    struct result result;
    open_lab(&lab, "x = 7\n");
    cr_assert_eq(created, 1, "at opening");
    for (int round = 0; round < 3; round++)
        for (int x = 5; x < 10; x++) {
            result = evaluate(&lab, (uint64_t)round, "x", (double)x);
            assert_done(&result, "x", (double)x);
        }
    cr_assert_eq(created, 5, "5, 6, 8 and 9 besides the 7 of the INI");
    for (int x = 50; x < 100; x++) {
        result = evaluate(&lab, 1, "x", (double)x);
        assert_done(&result, "x", (double)x);
    }
    cr_assert_eq(created, 55);
    cr_assert_eq(created - destroyed, 17, "sixteen are kept, and that of the INI");
    // What was dropped comes again, and is the right one.
    result = evaluate(&lab, 1, "x", 5.0);
    assert_done(&result, "x", 5.0);
    cr_assert_eq(created, 56);
    session_lab_close(&lab);
    cr_assert_eq(created, destroyed);
}

// A setting that is kept must not outlive its instance: the one that was used longest ago goes.
TestLeak(session, an_instance_in_use_often_is_kept)
{
    struct session_lab lab;
    open_lab(&lab, "");
    struct result result = evaluate(&lab, 1, "x", 99.0);
    assert_done(&result, "x", 99.0);
    const struct probe *kept = last;
    for (int x = 20; x < 60; x++) {
        result = evaluate(&lab, 1, "x", (double)x);
        assert_done(&result, "x", (double)x);
        result = evaluate(&lab, 1, "x", 99.0);
        assert_done(&result, "x", 99.0);
        cr_assert_eq(last, kept);
    }
    session_lab_close(&lab);
}

TestLeak(session, an_instance_that_declares_other_metrics_is_refused)
{
    struct session_lab lab;
    open_lab(&lab, "more = one_of(no, yes)\n");
    int refused = 0;
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct result result = evaluate(&lab, seed, NULL, 0);
        if (result.status == ESP_OUTCOME_FAILED) {
            assert_failed(&result, "declares 4 metrics with these parameters and 3 with those");
            refused++;
        } else {
            assert_done(&result, "x", 1.0);
        }
    }
    cr_assert(refused > 0 && refused < 8);
    session_lab_close(&lab);
}

// An instance that goes takes along what was resolved to it.
TestLeak(session, an_instance_that_was_dropped_is_not_used_again)
{
    struct session_lab lab;
    uint64_t plain = 0, refused = 0;
    open_lab(&lab, "more = one_of(no, yes)\n");
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct arch *arch = session_lab_sample(&lab, seed);
        *(decided(arch, "@estimator/more") == 0.0 ? &plain : &refused) = seed;
        arch_release(arch);
    }
    struct result result = evaluate(&lab, plain, "x", 99.0);
    assert_done(&result, "x", 99.0);
    for (int x = 1; x <= 16; x++) { // these leave instances and no settings
        result = evaluate(&lab, refused, "x", (double)x);
        assert_failed(&result, "declares 4 metrics");
    }
    int before = created;
    result = evaluate(&lab, plain, "x", 99.0);
    assert_done(&result, "x", 99.0);
    cr_assert_eq(created, before + 1);
    session_lab_close(&lab);
    cr_assert_eq(created, destroyed);
}

// ---- Metrics ------------------------------------------------------------------------------------

static esp_status set_nan(esp_evaluation *e)
{
    return esp_evaluation_metric(e, "rate", NAN);
}

static esp_status set_infinite_and_pass_over(esp_evaluation *e)
{
    esp_evaluation_metric(e, "rate", -INFINITY);
    return ESP_OK;
}

static esp_status set_undeclared(esp_evaluation *e)
{
    return esp_evaluation_metric(e, "speed", 1.0);
}

static esp_status set_test_metric(esp_evaluation *e)
{
    return esp_evaluation_metric(e, "test_accuracy", 1.0);
}

static esp_status fail_wordless(esp_evaluation *e)
{
    (void)e;
    return ESP_ERROR_DATA;
}

static esp_status fail_with_words(esp_evaluation *e)
{
    esp_fail(e, ESP_ERROR, "the first reason");
    return esp_fail(e, ESP_ERROR_DATA, "a later one");
}

static esp_status refuse_bad_steps(esp_evaluation *e)
{
    return esp_evaluation_progress(e, NAN, NULL, 0) == ESP_STOP ? ESP_OK : ESP_ERROR;
}

TestLeak(session, a_trial_without_its_metrics_fails_and_says_which)
{
    static const struct {
        esp_status (*act)(esp_evaluation *e);
        const char *words;
    } cases[] = {
        {set_nan, "metric rate is nan"},
        {set_infinite_and_pass_over, "metric rate is -inf"},
        {set_undeclared, "metric 'speed' was not declared"},
        {set_test_metric, "metric 'test_accuracy' was not declared"},
        {fail_wordless, "evaluate failed with status 5 and gave no reason"},
        {fail_with_words, "the first reason"},
        {refuse_bad_steps, "progress: the step is nan"},
    };
    struct session_lab lab;
    struct result result;
    open_lab(&lab, "");
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        act = cases[i].act;
        result = evaluate(&lab, 1, NULL, 0);
        assert_failed(&result, cases[i].words);
    }
    act = NULL;
    result = evaluate(&lab, 1, NULL, 0);
    assert_done(&result, "x", 1.0); // what was before does not stay
    session_lab_close(&lab);
    metric_count = 4; // `more` is declared and nobody sets it
    open_lab(&lab, "");
    result = evaluate(&lab, 1, NULL, 0);
    assert_failed(&result, "metric more was declared and not set");
    session_lab_close(&lab);
}

TestLeak(session, the_host_adds_params_and_macs)
{
    struct session_lab lab;
    uint64_t params = 0, macs = 0;
    struct error error;
    error_clear(&error);
    open_lab(&lab, "");
    struct arch *arch = session_lab_sample(&lab, 5);
    struct specification given = {0};
    struct result result = session_lab_evaluate(&lab, arch, &given, NULL, NULL);
    cr_assert_eq(session_counts(lab.session, arch, &params, &macs, &error), ESP_OK);
    cr_assert_gt(params, 0);
    cr_assert_eq(result_metric(&result, "macs"), (double)macs);
    assert_done(&result, "params", (double)params);
    arch_release(arch);
    session_lab_close(&lab);
}

// ---- Architectures ------------------------------------------------------------------------------

TestLeak(session, an_architecture_that_is_another_one_here_is_refused)
{
    struct session_lab lab;
    struct error error;
    struct result result;
    error_clear(&error);
    open_lab(&lab, "");
    struct specification s = {.arch = json_pack("{s:s, s:[[s, i]], s:n}", "space", "chain",
                                                "decisions", "depth", 7, "genome"),
                              .hash = "0123456789abcdef"};
    session_evaluate(lab.session, &s, NULL, NULL, &result, &error);
    assert_failed(&result, "depth");
    json_decref(s.arch);
    struct arch *arch = session_lab_sample(&lab, 1);
    s.arch = arch_json(arch, "chain");
    session_evaluate(lab.session, &s, NULL, NULL, &result, &error);
    assert_failed(&result, "0123456789abcdef where it was made");
    json_decref(s.arch);
    arch_release(arch);
    session_lab_close(&lab);
}

// ---- Final trainings ----------------------------------------------------------------------------

static struct result train(struct session_lab *lab, bool test)
{
    struct specification given = {.purpose = PURPOSE_FINAL, .test = test};
    struct arch *arch = session_lab_sample(lab, 1);
    struct result result = session_lab_evaluate(lab, arch, &given, NULL, NULL);
    arch_release(arch);
    return result;
}

static esp_status look_at_splits(esp_evaluation *e)
{
    uint64_t valid = 1, test = 0;
    esp_evaluation_data_size(e, ESP_SPLIT_TRAIN, &train_size);
    esp_evaluation_data_size(e, ESP_SPLIT_VALID, &valid);
    esp_status status = esp_evaluation_data_size(e, ESP_SPLIT_TEST, &test);
    return status == ESP_OK && (valid != 0 || test != 10 || !esp_evaluation_final(e)) ? ESP_ERROR
                                                                                      : status;
}

TestLeak(session, a_final_training_has_all_data_and_owes_the_metrics_of_the_test)
{
    struct session_lab lab;
    open_lab(&lab, "");
    act = look_at_splits;
    struct result result = train(&lab, true);
    cr_assert_eq(train_size, 60, "training and validation together");
    assert_done(&result, "test_accuracy", 0.75);
    result = train(&lab, false);
    assert_failed(&result, "the test split cannot be opened");
    act = NULL;
    result = train(&lab, false);
    cr_assert(isnan(result_metric(&result, "test_accuracy")));
    cr_assert(isnan(result_metric(&result, "x")), "no validation, no such metric");
    cr_assert_gt(result_metric(&result, "params"), 0.0);
    assert_done(&result, "params", result_metric(&result, "params"));
    act = set_undeclared;
    result = train(&lab, true);
    assert_failed(&result, "metric 'speed' was not declared");
    act = look_at_splits;
    result = evaluate(&lab, 1, NULL, 0);
    assert_failed(&result, "the test split cannot be opened in a search");
    session_lab_close(&lab);
}

// ---- The cheap path -----------------------------------------------------------------------------

static esp_status use_data(esp_evaluation *e)
{
    uint64_t size;
    return esp_evaluation_data_size(e, ESP_SPLIT_TRAIN, &size);
}

static esp_status use_engine(esp_evaluation *e)
{
    esp_program *program;
    esp_compile_options options = {.struct_size = sizeof options, .batch = 1};
    return esp_evaluation_compile(e, &options, &program);
}

static esp_status use_little(esp_evaluation *e)
{
    const esp_graph *graph = NULL;
    const esp_measurement point = ESP_MEASUREMENT("x", 1.0);
    cr_assert_gt(esp_arch_count(esp_evaluation_arch(e)), 0);
    cr_assert_eq(esp_evaluation_graph(e, &graph), ESP_OK);
    cr_assert_gt(esp_graph_node_count(graph), 1);
    cr_assert_eq(esp_evaluation_progress(e, 1.0, &point, 1), ESP_CONTINUE);
    cr_assert_not(esp_evaluation_wants_files(e));
    cr_assert_not(esp_evaluation_final(e));
    cr_assert_lt(esp_evaluation_seconds(e), 60.0);
    return ESP_OK;
}

TestLeak(session, the_cheap_path_gives_the_same_metrics_and_refuses_what_is_dear)
{
    struct session_lab lab;
    struct error error;
    open_lab(&lab, "x = int(0, 100)\n");
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct arch *arch = session_lab_sample(&lab, seed);
        struct fidelity fidelity = {(char *)"rate", 0.125 * (double)(seed % 4)};
        double metrics[3] = {0, 0, 0};
        error_clear(&error);
        act = seed % 8 ? NULL : use_little;
        cr_assert_eq(session_evaluate_cheap(lab.session, arch, seed, &fidelity, 1, metrics, &error),
                     ESP_OK, "%s", error.message);
        cr_assert_eq(metrics[0], decided(arch, "@estimator/x"));
        cr_assert_eq(metrics[1], fidelity.value);
        arch_release(arch);
    }
    struct arch *arch = session_lab_sample(&lab, 1);
    double metrics[3];
    act = use_data;
    error_clear(&error);
    cr_assert_eq(session_evaluate_cheap(lab.session, arch, 0, NULL, 0, metrics, &error),
                 ESP_ERROR_MISUSE);
    cr_assert_str_eq(error.message, "a cheap estimator reads no data");
    act = use_engine;
    error_clear(&error);
    cr_assert_eq(session_evaluate_cheap(lab.session, arch, 0, NULL, 0, metrics, &error),
                 ESP_ERROR_MISUSE);
    act = set_nan;
    error_clear(&error);
    cr_assert_neq(session_evaluate_cheap(lab.session, arch, 0, NULL, 0, metrics, &error), ESP_OK);
    cr_assert_str_eq(error.message, "metric rate is nan");
    arch_release(arch);
    session_lab_close(&lab);
}

// ---- What surrounds a call ----------------------------------------------------------------------

static double product;  // of two numbers whose product is a denormal
static double multiple; // of a denormal: a number that is none

static esp_status multiply(esp_evaluation *e)
{
    (void)e;
    volatile double a = 1e-200, b = 1e-120, denormal = 0x1p-1070, large = 0x1p200;
    product = a * b;
    multiple = denormal * large;
    return ESP_OK;
}

Test(session, denormals_are_flushed_while_an_estimator_runs_and_then_are_not)
{
#if defined(__x86_64__)
    struct session_lab lab;
    double metrics[3];
    struct error error;
    error_clear(&error);
    open_lab(&lab, "");
    struct arch *arch = session_lab_sample(&lab, 1);
    unsigned before = _mm_getcsr();
    multiply(NULL);
    cr_assert(product > 0.0 && multiple > 0.0, "elsewhere there are denormals");
    act = multiply;
    struct result result = evaluate(&lab, 1, NULL, 0);
    assert_done(&result, "x", 1.0);
    cr_assert_eq(product, 0.0, "none comes out");
    cr_assert_eq(multiple, 0.0, "none goes in");
    cr_assert_eq(_mm_getcsr() & 0x8040u, before & 0x8040u, "as it was");
    product = 1.0;
    session_evaluate_cheap(lab.session, arch, 0, NULL, 0, metrics, &error);
    cr_assert_eq(product, 0.0);
    cr_assert_eq(_mm_getcsr() & 0x8040u, before & 0x8040u);
    arch_release(arch);
    session_lab_close(&lab);
#endif
}
