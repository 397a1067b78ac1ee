// SPDX-License-Identifier: Apache-2.0
// What the parameters of a training do to it, as far as PyTorch need not say it (tests/training): averaged
// weights, initialisers, weights of classes.
#include "support/leak.h"
#include "support/session_lab.h"

#include "evaluate/safetensors.h"
#include "execute/execute.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct session_lab lab;
static struct arch *arch;

static esp_status try_lab(const char *estimator, struct error *error)
{
    char ini[2048];
    struct config *config = NULL;
    snprintf(ini, sizeof ini,
             "[space]\nplugin = chain\nmin_depth = 2\nmax_depth = 2\noperations = conv_3x3\n"
             "widths = 24\nstrides = 1\n[strategy]\nplugin = random\n"
             "[dataset]\nplugin = synthetic\nchannels = 1\nheight = 8\nwidth = 8\nclasses = 4\n"
             "train = 96\nvalid = 64\nnoise = 0.5\n[objective]\nmaximize = valid_accuracy\n"
             "[estimator]\nplugin = train\nbatch = 16\nepochs = 3\n%s",
             estimator);
    if (!error) {
        session_lab_open(&lab, ini, NULL);
        arch = session_lab_sample(&lab, 1);
        return ESP_OK;
    }
    struct registry *registry = NULL;
    struct experiment *experiment = NULL;
    struct session *session = NULL;
    error_clear(error);
    esp_status status = registry_create(&registry, NULL, error);
    if (status == ESP_OK)
        status =
            registry_add_builtin(registry, ESP_KIND_EXECUTOR, "local", executor_local(), error);
    if (status == ESP_OK)
        status = config_parse(&config, ini, "lab.ini", ".", error);
    if (status == ESP_OK)
        status = experiment_create(&experiment, config, registry, error);
    if (status == ESP_OK)
        status = session_create(&session, experiment, true, error);
    session_destroy(session);
    experiment_destroy(experiment);
    registry_destroy(registry);
    return status;
}

static void close_lab(void)
{
    arch_release(arch);
    session_lab_close(&lab);
}

static struct result train(const char *estimator, const char *folder)
{
    struct specification given = {
        .seed = 3, .lineage = 1, .folder = (char *)(uintptr_t)folder, .wants_files = true};
    try_lab(estimator, NULL);
    struct result result = session_lab_evaluate(&lab, arch, &given, NULL, NULL);
    cr_assert_eq(result.status, ESP_OUTCOME_DONE, "%s", result.error);
    return result;
}

// Copies a tensor of a file; answers its size.
static size_t read_tensor(const char *folder, const char *file, const char *prefix,
                          const char *name, float *out, size_t room)
{
    struct safetensors *tensors = NULL;
    struct safetensors_entry entry;
    struct error error;
    char *path = session_lab_path(&lab, folder, file);
    size_t size = 1;
    error_clear(&error);
    cr_assert_eq(safetensors_open(&tensors, path, &error), ESP_OK, "%s", error.message);
    cr_assert(safetensors_find(tensors, prefix, name, &entry), "%s: no %s%s", file, prefix, name);
    for (uint32_t i = 0; i < entry.rank; i++)
        size *= (size_t)entry.dims[i];
    cr_assert_leq(size, room);
    memcpy(out, entry.data, size * sizeof *out);
    safetensors_close(tensors);
    free(path);
    return size;
}

#define WEIGHT "layer/1/op/conv_3x3/conv/weight"
enum { ROOM = 8192 };

// ---- Averaged weights ---------------------------------------------------------------------------

static void decayed_average_is_the_model(const char *which)
{
    static float average[ROOM], model[ROOM], raw[ROOM];
    struct result result = train("ema_decay = 0.9\n", "averaged");
    size_t size = read_tensor("averaged", "checkpoint.safetensors", "own:", which, average, ROOM);
    const char *name = which + strlen("average/");
    cr_assert_eq(read_tensor("averaged", "last.safetensors", "", name, model, ROOM), size);
    cr_assert_eq(read_tensor("averaged", "checkpoint.safetensors", "", name, raw, ROOM), size);
    cr_assert_arr_eq(average, model, size * sizeof(float), "%s: what is exported is averaged",
                     which);
    cr_assert_neq(memcmp(raw, model, size * sizeof(float)), 0, "%s: training goes on without it",
                  which);
    result_destroy(&result);
    close_lab();
}

TestLeak(average, is_what_is_saved_as_the_model)
{
    decayed_average_is_the_model("average/" WEIGHT);
    decayed_average_is_the_model("average/layer/1/op/conv_3x3/bn/variance");
}

// A decay of almost 0 keeps the last weights; training itself never sees an average.
TestLeak(average, is_what_is_judged)
{
    struct result none = train("", "none");
    double loss = result_metric(&none, "valid_loss"), trained = result_metric(&none, "train_loss");
    result_destroy(&none);
    close_lab();
    struct result short_one = train("ema_decay = 1e-30\n", "short");
    cr_assert_eq(result_metric(&short_one, "valid_loss"), loss);
    cr_assert_eq(result_metric(&short_one, "train_loss"), trained);
    result_destroy(&short_one);
    close_lab();
    struct result long_one = train("ema_decay = 0.99\nema_ramp = no\n", "long");
    cr_assert_neq(result_metric(&long_one, "valid_loss"), loss);
    cr_assert_eq(result_metric(&long_one, "train_loss"), trained);
    result_destroy(&long_one);
    close_lab();
}

// ---- Initialisers -------------------------------------------------------------------------------

// After one step with a rate of 0 the weights are the first ones: [24, 24, 3, 3].
TestLeak(initialiser, by_name_has_its_moments)
{
    static const double fan_in = 24 * 9, fan_out = 24 * 9;
    const struct {
        const char *name;
        double variance, most;
    } cases[] = {
        {"default", 2.0 / fan_in, INFINITY},
        {"kaiming_normal", 2.0 / fan_in, INFINITY},
        {"kaiming_uniform", 2.0 / fan_in, sqrt(6.0 / fan_in)},
        {"xavier_normal", 2.0 / (fan_in + fan_out), INFINITY},
        {"xavier_uniform", 2.0 / (fan_in + fan_out), sqrt(6.0 / (fan_in + fan_out))},
        {"zeros", 0.0, 0.0},
    };
    static float w[ROOM];
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        char lines[128];
        double sum = 0, square = 0, most = 0;
        snprintf(lines, sizeof lines, "initialiser = %s\nlearning_rate = 1e-9\nweight_decay = 0\n",
                 cases[i].name);
        struct result result = train(lines, "begun");
        size_t size = read_tensor("begun", "last.safetensors", "", WEIGHT, w, ROOM);
        for (size_t j = 0; j < size; j++) {
            sum += (double)w[j];
            square += (double)w[j] * (double)w[j];
            most = fmax(most, fabs((double)w[j]));
        }
        double variance = square / (double)size, mean = sum / (double)size;
        cr_assert_eq(size, 24 * 24 * 9);
        cr_assert_float_eq(variance, cases[i].variance, 0.06 * cases[i].variance + 1e-12, "%s: %g",
                           cases[i].name, variance);
        cr_assert_lt(fabs(mean), 0.06 * sqrt(cases[i].variance) + 1e-6, "%s", cases[i].name);
        cr_assert(most <= cases[i].most + 1e-6, "%s: %g", cases[i].name, most);
        if (isfinite(cases[i].most))
            cr_assert_geq(most, 0.98 * cases[i].most, "%s", cases[i].name);
        // Scales of normalization are no draws: they stay ones.
        cr_assert_eq(
            read_tensor("begun", "last.safetensors", "", "layer/1/op/conv_3x3/bn/scale", w, ROOM),
            24);
        cr_assert_float_eq(w[0], 1.0f, 1e-4, "%s", cases[i].name);
        result_destroy(&result);
        close_lab();
    }
}

// ---- Weights of classes -------------------------------------------------------------------------

// Only the ratio counts; and one class alone with a weight is the only one that is learnt.
TestLeak(class_weights, are_ratios)
{
    struct result even = train("class_weights = 1, 1, 1, 1\n", "even");
    double loss = result_metric(&even, "train_loss");
    result_destroy(&even);
    close_lab();
    struct result more = train("class_weights = 8, 8, 8, 8\n", "more");
    cr_assert_float_eq(result_metric(&more, "train_loss"), loss, 1e-5);
    result_destroy(&more);
    close_lab();
    struct result one = train("class_weights = 0, 0, 1, 0\n", "one");
    double accuracy = result_metric(&one, "valid_accuracy");
    cr_assert(accuracy > 0.1 && accuracy < 0.45, "all are taken for the third class: %g", accuracy);
    cr_assert_lt(result_metric(&one, "train_loss"), 0.5);
    cr_assert_gt(result_metric(&one, "valid_loss"), 1.0, "validation weighs no classes");
    result_destroy(&one);
    close_lab();
}

TestLeak(class_weights, are_refused_in_words)
{
    static const char *const wrong[] = {
        "1, 2, 3",    "1, 2, 3, 4, 5", "1 2 3 4",      "1, 2, 3, x", "1, -2, 3, 4",
        "0, 0, 0, 0", "1, 2, nan, 4",  "1, 2, inf, 4", "Balanced",   "1, 2, 3, 4,"};
    for (size_t i = 0; i < ESP_COUNT(wrong); i++) {
        char lines[128];
        struct error error;
        snprintf(lines, sizeof lines, "class_weights = %s\n", wrong[i]);
        cr_assert_neq(try_lab(lines, &error), ESP_OK, "%s", wrong[i]);
        cr_assert(strstr(error.message, "class_weights: expected none, balanced, or 4 numbers") &&
                      strstr(error.message, wrong[i]),
                  "%s", error.message);
    }
}
