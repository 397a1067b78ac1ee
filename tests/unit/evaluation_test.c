// SPDX-License-Identifier: Apache-2.0
// The evaluation context: streams, horizons, how weights begin, checkpoints and who may start from
// them, curves and stopping. The estimator is the test's own; networks are computed by the run's engine.
#include "evaluate/safetensors.h"

#include "support/folder.h"
#include "support/leak.h"
#include "support/session_lab.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

// ---- The estimator ------------------------------------------------------------------------------

static const esp_param probe_params[] = {
    ESP_PARAM_INT("epochs", 12, 1, 100, "epochs", "how long"),
    ESP_PARAM_REAL("rate", 0.5, 0, 1, "", "a real"),
};

static const esp_metric probe_metrics[] = {ESP_METRIC_ROW("score", "", 0, ESP_BETTER_HIGHER)};

// What the test has done in a trial, and sets score to.
static double (*act)(esp_evaluation *e);

static esp_status probe_create(esp_create *create, void **out)
{
    esp_estimator_info *info = calloc(1, sizeof *info);
    (void)create;
    *info = (esp_estimator_info){.struct_size = sizeof *info,
                                 .metrics = probe_metrics,
                                 .metric_count = 1,
                                 .metric_stride = sizeof probe_metrics[0]};
    *out = info;
    return ESP_OK;
}

static const esp_estimator_info *probe_info(void *self)
{
    return self;
}

static esp_status probe_evaluate(void *self, esp_evaluation *e)
{
    (void)self;
    return esp_evaluation_metric(e, "score", act(e));
}

static const esp_estimator_type probe_type = {.struct_size = sizeof(esp_estimator_type),
                                              .summary = "a probe",
                                              .params = probe_params,
                                              .param_count = ESP_COUNT(probe_params),
                                              .param_stride = sizeof(esp_param),
                                              .create = probe_create,
                                              .destroy = free,
                                              .describe = probe_info,
                                              .evaluate = probe_evaluate};

static struct session_lab lab;
static struct arch *arch;

// `more`: further lines of the INI.
static void open_lab(const char *more)
{
    char ini[2048];
    snprintf(
        ini, sizeof ini,
        "[space]\nplugin = chain\nmin_depth = 2\nmax_depth = 2\noperations = conv_3x3\n"
        "widths = 4, 6\nstrides = 1\n[strategy]\nplugin = random\n[estimator]\nplugin = probe\n"
        "[dataset]\nplugin = synthetic\nchannels = 3\nheight = 6\nwidth = 6\ntrain = 20\n"
        "valid = 10\n[objective]\nmaximize = score\n%s",
        more);
    session_lab_open(&lab, ini, &probe_type);
    arch = session_lab_sample(&lab, 1);
}

static void close_lab(void)
{
    arch_release(arch);
    session_lab_close(&lab);
}

static struct result evaluate(struct specification given, double (*what)(esp_evaluation *e))
{
    act = what;
    return session_lab_evaluate(&lab, arch, &given, NULL, NULL);
}

static double score(struct specification given, double (*what)(esp_evaluation *e))
{
    struct result result = evaluate(given, what);
    cr_assert_eq(result.status, ESP_OUTCOME_DONE, "%s", result.error);
    double value = result_metric(&result, "score");
    result_destroy(&result);
    return value;
}

static void assert_fails(struct specification given, double (*what)(esp_evaluation *e),
                         const char *words)
{
    struct result result = evaluate(given, what);
    cr_assert_eq(result.status, ESP_OUTCOME_FAILED, "expected: %s", words);
    cr_assert(strstr(result.error, words), "'%s' in '%s'", words, result.error);
    result_destroy(&result);
}

// ---- Streams and horizons -----------------------------------------------------------------------

static double draw(esp_evaluation *e)
{
    esp_random random = esp_evaluation_random(e, "shuffle", 5, 9);
    return esp_random_real(&random);
}

TestLeak(evaluation, a_stream_is_that_of_seed_name_lineage_epoch_and_step)
{
    open_lab("");
    esp_random random = esp_random_stream(11, XXH3_64bits("shuffle", 7), 3, 5, 9);
    cr_assert_eq(score((struct specification){.seed = 11, .lineage = 3}, draw),
                 esp_random_real(&random));
    close_lab();
}

static double horizon(esp_evaluation *e)
{
    return esp_evaluation_horizon(e, "epochs", 3.0) +
           100.0 * esp_evaluation_horizon(e, "nothing", 7.0);
}

TestLeak(evaluation, the_horizon_is_what_the_ini_says_before_any_fidelity)
{
    struct fidelity three = {(char *)"epochs", 3.0};
    struct specification given = {.fidelity = &three, .fidelity_count = 1};
    open_lab("");
    cr_assert_eq(score(given, horizon), 12.0 + 700.0);
    close_lab();
    open_lab("[run]\nhorizon = 50\n");
    cr_assert_eq(score(given, horizon), 50.0 + 5000.0);
    close_lab();
    open_lab("[run]\nhorizon = fidelity\n");
    cr_assert_eq(score(given, horizon), 3.0 + 700.0);
    close_lab();
}

// ---- How weights begin --------------------------------------------------------------------------

static esp_program *compile(esp_evaluation *e, uint32_t training)
{
    esp_program *program = NULL;
    esp_compile_options options = {.struct_size = sizeof options, .batch = 4, .training = training};
    cr_assert_eq(esp_evaluation_compile(e, &options, &program), ESP_OK);
    return program;
}

// Visits all weights of the network and sums their digests.
static double digest(esp_evaluation *e, esp_program *program)
{
    const esp_graph *graph = NULL;
    double sum = 0.0;
    cr_assert_eq(esp_evaluation_graph(e, &graph), ESP_OK);
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        for (uint64_t j = 0; j < node->weight_count; j++) {
            esp_tensor tensor;
            esp_program_tensor(program, ESP_TENSOR_WEIGHT, node->weights[j].path, &tensor);
            uint64_t bytes = esp_shape_size(&tensor.shape) * sizeof(float);
            sum += (double)(XXH3_64bits(tensor.data, bytes) >> 16);
        }
    }
    return sum;
}

static double begin(esp_evaluation *e)
{
    return digest(e, compile(e, 0));
}

static double try_to_begin(esp_evaluation *e)
{
    esp_program *program;
    esp_compile_options options = {.struct_size = sizeof options, .batch = 4};
    return esp_evaluation_compile(e, &options, &program);
}

static double save_last(esp_evaluation *e)
{
    esp_program *program = compile(e, 1);
    cr_assert_eq(esp_evaluation_save_weights(e, program, ESP_WEIGHTS_LAST), ESP_OK);
    return digest(e, program);
}

TestLeak(evaluation, weights_begin_by_seed_and_lineage)
{
    open_lab("");
    double first = score((struct specification){.seed = 1, .lineage = 4}, begin);
    cr_assert_neq(score((struct specification){.seed = 2, .lineage = 4}, begin), first);
    cr_assert_neq(score((struct specification){.seed = 1, .lineage = 5}, begin), first);
    cr_assert_eq(score((struct specification){.seed = 1, .lineage = 4, .trial = 9}, begin), first);
    close_lab();
}

static const char first_weight[] = "layer/0/op/conv_3x3/conv/weight";

static double read_first_weight(esp_evaluation *e)
{
    esp_tensor tensor;
    cr_assert_eq(esp_program_tensor(compile(e, 0), ESP_TENSOR_WEIGHT, first_weight, &tensor),
                 ESP_OK);
    return tensor.data[0];
}

TestLeak(evaluation, a_weight_begins_from_the_stream_of_its_path)
{
    char name[64];
    open_lab("");
    int length = snprintf(name, sizeof name, "init:%s", first_weight);
    esp_random random = esp_random_stream(5, XXH3_64bits(name, (size_t)length), 6, 0, 0);
    float expected = (float)(sqrt(2.0 / 27.0) * esp_random_normal(&random));
    cr_assert_eq(score((struct specification){.seed = 5, .lineage = 6}, read_first_weight),
                 expected);
    close_lab();
}

// Each kind of start by its moments. All is deterministic: the bounds are no chances.
static double check_moments(esp_evaluation *e)
{
    const esp_graph *graph = NULL;
    esp_program *program = compile(e, 0);
    cr_assert_eq(esp_evaluation_graph(e, &graph), ESP_OK);
    int seen[5] = {0};
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++)
        for (uint64_t j = 0; j < esp_graph_get(graph, i)->weight_count; j++) {
            const esp_weight *weight = &esp_graph_get(graph, i)->weights[j];
            esp_tensor tensor;
            esp_program_tensor(program, ESP_TENSOR_WEIGHT, weight->path, &tensor);
            uint64_t size = esp_shape_size(&weight->shape);
            double fan_in = (double)size / (double)weight->shape.dims[0], sum = 0, square = 0;
            double most = 0;
            for (uint64_t k = 0; k < size; k++) {
                sum += tensor.data[k];
                square += (double)tensor.data[k] * tensor.data[k];
                most = fmax(most, fabs((double)tensor.data[k]));
            }
            double mean = sum / (double)size, variance = square / (double)size;
            seen[weight->init]++;
            if (weight->init == ESP_INIT_ZEROS || weight->init == ESP_INIT_ONES) {
                cr_assert_eq(mean, weight->init == ESP_INIT_ONES);
                cr_assert_eq(variance, weight->init == ESP_INIT_ONES);
                continue;
            }
            bool normal = weight->init == ESP_INIT_KAIMING_NORMAL;
            double expected = normal ? 2.0 / fan_in : 1.0 / fan_in / 3.0;
            cr_assert_float_eq(mean, 0.0, 0.3 * sqrt(expected), "%s: %g", weight->path, mean);
            cr_assert_float_eq(variance / expected, 1.0, 0.4, "%s: %g of %g", weight->path,
                               variance, expected);
            if (!normal)
                cr_assert_leq(most, sqrt(1.0 / fan_in));
        }
    cr_assert(seen[ESP_INIT_KAIMING_NORMAL] && seen[ESP_INIT_ZEROS] && seen[ESP_INIT_ONES] &&
              seen[ESP_INIT_KAIMING_UNIFORM]);
    return 1.0;
}

TestLeak(evaluation, weights_begin_with_the_moments_of_their_initialisers)
{
    open_lab("");
    score((struct specification){.seed = 1}, check_moments);
    close_lab();
}

// The values of a tensor of a weights file, in the lab's folder.
static void read_tensor(const char *attempt, const char *file, const char *name, float *out,
                        uint64_t size)
{
    struct error error;
    struct safetensors *open = NULL;
    struct safetensors_entry entry;
    char *path = session_lab_path(&lab, attempt, file);
    error_clear(&error);
    cr_assert_eq(safetensors_open(&open, path, &error), ESP_OK, "%s", error.message);
    cr_assert(safetensors_find(open, "", name, &entry), "%s lacks %s", path, name);
    memcpy(out, entry.data, size * sizeof *out);
    safetensors_close(open);
    free(path);
}

// An architecture whose two layers have these widths.
static void take_widths(int64_t first, int64_t second)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct arch *found = session_lab_sample(&lab, seed);
        const esp_arch *handle = arch_handle(found);
        int64_t a = esp_arch_find(handle, "layer/0/op/conv_3x3/width");
        int64_t b = esp_arch_find(handle, "layer/1/op/conv_3x3/width");
        cr_assert(a >= 0 && b >= 0);
        if ((int64_t)esp_arch_value(handle, (uint64_t)a).as.index == (first == 6) &&
            (int64_t)esp_arch_value(handle, (uint64_t)b).as.index == (second == 6)) {
            arch_release(arch);
            arch = found;
            return;
        }
        arch_release(found);
    }
    cr_assert_fail("no such architecture");
}

TestLeak(evaluation, weights_are_inherited_by_path_and_shape)
{
    float first[4 * 3 * 9], inherited[4 * 3 * 9], own[6 * 4 * 9], begun[6 * 4 * 9];
    open_lab("");
    take_widths(4, 4);
    score((struct specification){.seed = 1, .folder = (char *)"parent"}, save_last);
    take_widths(4, 6);
    score((struct specification){.seed = 2, .folder = (char *)"fresh"}, save_last);
    score((struct specification){.seed = 2,
                                 .mode = ESP_MODE_INHERIT,
                                 .folder = (char *)"child",
                                 .parent_folder = (char *)"parent"},
          save_last);
    const char *same = "layer/0/op/conv_3x3/conv/weight",
               *wider = "layer/1/op/conv_3x3/conv/weight";
    read_tensor("parent", "last.safetensors", same, first, 4 * 3 * 9);
    read_tensor("child", "last.safetensors", same, inherited, 4 * 3 * 9);
    cr_assert_arr_eq(first, inherited, sizeof first, "the path and the shape agree");
    read_tensor("fresh", "last.safetensors", wider, begun, 6 * 4 * 9);
    read_tensor("child", "last.safetensors", wider, own, 6 * 4 * 9);
    cr_assert_arr_eq(own, begun, sizeof own, "another shape begins as it would");
    assert_fails(
        (struct specification){.mode = ESP_MODE_INHERIT, .parent_folder = (char *)"nobody"},
        try_to_begin, "nobody/last.safetensors");
    assert_fails((struct specification){.mode = ESP_MODE_INHERIT}, try_to_begin, "names no parent");
    close_lab();
}

// ---- Checkpoints --------------------------------------------------------------------------------

static const int64_t alpha_dims[] = {2, 3};
static const double odd = 0.1 + 0.2; // no short decimal

// Changes weights and optimizer state, saves all of it, and a curve point.
static double save(esp_evaluation *e)
{
    esp_program *program = compile(e, 1);
    const esp_graph *graph = NULL;
    float alpha[6] = {1, 2, 3, 4, 5, 6};
    esp_tensor tensor = {.data = alpha, .shape = {.rank = 2, .dims = {2, 3}}};
    const esp_named_tensor tensors[] = {{sizeof tensors[0], "alpha", tensor}};
    const esp_named_number numbers[] = {{sizeof numbers[0], "epoch", 5.0},
                                        {sizeof numbers[0], "best/loss", odd},
                                        {sizeof numbers[0], "none", -INFINITY}};
    const esp_measurement point = ESP_MEASUREMENT("loss", odd);
    esp_checkpoint checkpoint = {.struct_size = sizeof checkpoint,
                                 .program = program,
                                 .tensors = tensors,
                                 .tensor_count = 1,
                                 .tensor_stride = sizeof tensors[0],
                                 .numbers = numbers,
                                 .number_count = 3,
                                 .number_stride = sizeof numbers[0]};
    cr_assert_eq(esp_evaluation_graph(e, &graph), ESP_OK);
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++)
        for (uint64_t j = 0; j < esp_graph_get(graph, i)->weight_count; j++) {
            const esp_weight *weight = &esp_graph_get(graph, i)->weights[j];
            esp_program_tensor(program, ESP_TENSOR_WEIGHT, weight->path, &tensor);
            tensor.data[0] = 17.0f;
            if (weight->role != ESP_WEIGHT_TRAINED)
                continue;
            esp_program_tensor(program, ESP_TENSOR_FIRST, weight->path, &tensor);
            tensor.data[0] = -0.0f;
        }
    esp_evaluation_progress(e, 5.0, &point, 1);
    cr_assert_eq(esp_evaluation_save_weights(e, program, ESP_WEIGHTS_BEST), ESP_OK);
    cr_assert_eq(esp_evaluation_save_checkpoint(e, &checkpoint), ESP_OK);
    return digest(e, program);
}

// Loads, tests all of it, and reports one more point.
static double load(esp_evaluation *e)
{
    esp_program *program = compile(e, 1);
    esp_shape shape = {.rank = 2, .dims = {alpha_dims[0], alpha_dims[1]}};
    esp_tensor tensor;
    float alpha[6];
    uint32_t found = 0;
    cr_assert_eq(esp_checkpoint_number(e, "epoch", -1.0), -1.0, "nothing was loaded");
    if (esp_evaluation_load_checkpoint(e, program, &found) != ESP_OK)
        return 0.0;
    if (!found)
        return -1.0;
    cr_assert_eq(esp_checkpoint_number(e, "epoch", -1.0), 5.0);
    cr_assert_eq(esp_checkpoint_number(e, "best/loss", -1.0), odd, "all bits");
    cr_assert_eq(esp_checkpoint_number(e, "none", -1.0), -INFINITY);
    cr_assert_eq(esp_checkpoint_number(e, "other", -1.0), -1.0);
    cr_assert_eq(esp_checkpoint_tensor(e, "alpha", &shape, alpha), ESP_OK);
    cr_assert_eq(alpha[5], 6.0f);
    esp_program_tensor(program, ESP_TENSOR_FIRST, "layer/0/op/conv_3x3/conv/weight", &tensor);
    cr_assert(signbit(tensor.data[0]), "a negative zero comes back as such");
    esp_program_tensor(program, ESP_TENSOR_SECOND, "layer/0/op/conv_3x3/conv/weight", &tensor);
    cr_assert_eq(tensor.data[0], 0.0f);
    const esp_measurement point = ESP_MEASUREMENT("loss", 1.0);
    esp_evaluation_progress(e, 6.0, &point, 1);
    return digest(e, program);
}

static struct specification at(const char *folder, const char *earlier, const char *parent)
{
    return (struct specification){.seed = 1,
                                  .mode = parent ? ESP_MODE_CONTINUE : ESP_MODE_FRESH,
                                  .folder = (char *)(uintptr_t)folder,
                                  .earlier = (char *)(uintptr_t)earlier,
                                  .parent_folder = (char *)(uintptr_t)parent};
}

// The steps of an attempt's curve: "5 6 ".
static void curve_steps(const char *attempt, char *out, size_t size)
{
    char *path = session_lab_path(&lab, attempt, "curve.json");
    json_t *json = json_load_file(path, 0, NULL), *point;
    size_t i, used = 0;
    out[0] = '\0';
    json_array_foreach (json_object_get(json, "points"), i, point)
        used += (size_t)snprintf(out + used, size - used, "%g ",
                                 json_real_value(json_object_get(point, "step")));
    json_decref(json);
    free(path);
}

TestLeak(evaluation, a_checkpoint_holds_all_that_it_was_given)
{
    char steps[64];
    open_lab("");
    double saved = score(at("first", NULL, NULL), save);
    // A repeated attempt, and a continuation.
    cr_assert_eq(score(at("second", "first", NULL), load), saved);
    cr_assert_eq(score(at("child", NULL, "first"), load), saved);
    curve_steps("second", steps, sizeof steps);
    cr_assert_str_eq(steps, "5 6 ", "an attempt goes on with its curve");
    curve_steps("child", steps, sizeof steps);
    cr_assert_str_eq(steps, "6 ", "a continuation begins one");
    cr_assert(session_lab_same(&lab, "first", "second", "best.safetensors"));
    cr_assert(session_lab_same(&lab, "first", "child", "best.safetensors"));
    close_lab();
}

TestLeak(evaluation, what_an_attempt_started_from_is_there_for_the_next_one)
{
    open_lab("");
    double saved = score(at("first", NULL, NULL), save);
    cr_assert_eq(score(at("second", "first", NULL), load), saved);
    // The second one, which saved nothing, was lost; the first one's folder is gone by now.
    char *first = session_lab_path(&lab, "first", NULL);
    folder_delete(first);
    cr_assert_eq(score(at("third", "second", NULL), load), saved);
    // A continuation holds its parent's best weights, not its parent's checkpoint as its own.
    score(at("parent", NULL, NULL), save);
    score(at("child", NULL, "parent"), load);
    cr_assert_eq(score(at("again", "child", "parent"), load), saved);
    char *path = session_lab_path(&lab, "child", "checkpoint.safetensors");
    cr_assert_neq(access(path, F_OK), 0);
    free(path);
    close_lab();
}

// Saving over a name that is shared must not change what the other folder has.
static double load_and_save_others(esp_evaluation *e)
{
    load(e);
    esp_program *program = compile(e, 1);
    cr_assert_eq(esp_evaluation_save_weights(e, program, ESP_WEIGHTS_BEST), ESP_OK);
    esp_checkpoint checkpoint = {.struct_size = sizeof checkpoint, .program = program};
    cr_assert_eq(esp_evaluation_save_checkpoint(e, &checkpoint), ESP_OK);
    return 0.0;
}

TestLeak(evaluation, files_of_another_attempt_stay_as_they_are)
{
    open_lab("");
    score(at("first", NULL, NULL), save);
    score(at("copy", NULL, NULL), save);
    score(at("second", "first", NULL), load_and_save_others);
    cr_assert(session_lab_same(&lab, "first", "copy", "best.safetensors"));
    cr_assert(session_lab_same(&lab, "first", "copy", "checkpoint.safetensors"));
    cr_assert_not(session_lab_same(&lab, "first", "second", "best.safetensors"));
    cr_assert_not(session_lab_same(&lab, "first", "second", "checkpoint.safetensors"));
    close_lab();
}

static double ask_for_another_shape(esp_evaluation *e)
{
    esp_shape shape = {.rank = 1, .dims = {6}};
    float alpha[6];
    uint32_t found = 0;
    esp_evaluation_load_checkpoint(e, NULL, &found);
    cr_assert(found, "without a program, the estimator's own things alone");
    return esp_checkpoint_tensor(e, "alpha", &shape, alpha);
}

static double ask_for_another_name(esp_evaluation *e)
{
    esp_shape shape = {.rank = 2, .dims = {2, 3}};
    float alpha[6];
    uint32_t found = 0;
    esp_evaluation_load_checkpoint(e, NULL, &found);
    return esp_checkpoint_tensor(e, "beta", &shape, alpha);
}

static double save_badly(esp_evaluation *e)
{
    const esp_named_number numbers[] = {{sizeof numbers[0], "espalier:curve", 5.0}};
    esp_checkpoint checkpoint = {.struct_size = sizeof checkpoint,
                                 .numbers = numbers,
                                 .number_count = 1,
                                 .number_stride = sizeof numbers[0]};
    return esp_evaluation_save_checkpoint(e, &checkpoint);
}

static double compile_badly(esp_evaluation *e)
{
    esp_program *program;
    esp_compile_options options = {.struct_size = sizeof options};
    return esp_evaluation_compile(e, &options, &program);
}

TestLeak(evaluation, what_is_not_in_a_checkpoint_is_said)
{
    open_lab("");
    take_widths(4, 4);
    score(at("first", NULL, NULL), save);
    cr_assert_eq(score(at("fresh", NULL, NULL), load), -1.0, "none to start from");
    cr_assert_eq(score(at("fresh", "nobody", NULL), load), -1.0, "an attempt that saved none");
    assert_fails(at("child", NULL, "nobody"), load, "nobody/checkpoint.safetensors");
    assert_fails(at("child", NULL, "first"), ask_for_another_shape, "has another shape");
    assert_fails(at("child", NULL, "first"), ask_for_another_name, "has no tensor 'beta'");
    assert_fails(at("child", NULL, NULL), save_badly, "'espalier:curve'");
    assert_fails(at("child", NULL, NULL), compile_badly, "a batch of 1 or more");
    // Of another network.
    take_widths(6, 4);
    assert_fails(at("child", NULL, "first"), load, "has another shape than the network's");
    char *path = session_lab_path(&lab, "first", "checkpoint.safetensors");
    cr_assert_eq(truncate(path, 1000), 0);
    assert_fails(at("child", NULL, "first"), load, "no whole safetensors file");
    free(path);
    close_lab();
}

// ---- Progress -----------------------------------------------------------------------------------

static double last_step;

static double report_ten(esp_evaluation *e)
{
    for (last_step = 1; last_step <= 10; last_step++) {
        const esp_measurement points[] = {ESP_MEASUREMENT("loss", odd / last_step),
                                          ESP_MEASUREMENT("gap", NAN)};
        if (esp_evaluation_progress(e, last_step, points, 2) == ESP_STOP)
            break;
    }
    return last_step;
}

static uint32_t stop_at_four(void *self, double step, const esp_measurement *metrics,
                             uint64_t count, uint64_t stride)
{
    *(double *)self += metrics[0].value;
    cr_assert_eq(count, 2);
    cr_assert_eq(stride, sizeof *metrics);
    return step >= 4.0 ? ESP_STOP : ESP_CONTINUE;
}

TestLeak(evaluation, a_trial_that_is_stopped_has_its_curve_up_to_there)
{
    double sum = 0.0;
    char steps[64];
    open_lab("");
    struct specification given = at("stopped", NULL, NULL);
    act = report_ten;
    struct result result = session_lab_evaluate(&lab, arch, &given, stop_at_four, &sum);
    cr_assert_eq(result.status, ESP_OUTCOME_STOPPED, "%s", result.error);
    cr_assert_eq(result_metric(&result, "score"), 4.0);
    cr_assert_float_eq(sum, odd * (1 + 1.0 / 2 + 1.0 / 3 + 1.0 / 4), 1e-15);
    curve_steps("stopped", steps, sizeof steps);
    cr_assert_str_eq(steps, "1 2 3 4 ");
    char *path = session_lab_path(&lab, "stopped", "curve.json");
    char *text = file_text(path);
    cr_assert(
        strstr(text, "{\"step\":1.0,\"metrics\":{\"loss\":0.30000000000000004,\"gap\":null}}"),
        "%s", text);
    free(text);
    free(path);
    result_destroy(&result);
    close_lab();
}
