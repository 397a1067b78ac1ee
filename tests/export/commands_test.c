// SPDX-License-Identifier: Apache-2.0
// export, train --weights and bench as a person calls them, on a small search.
#include "evaluate/safetensors.h"
#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})

static const char ini[] = "[experiment]\nname = small\n[space]\nplugin = chain\nmax_depth = 2\n"
                          "widths = 4, 8\n[strategy]\nplugin = random\n[estimator]\n"
                          "plugin = train\nepochs = 1\nbatch = 16\n[dataset]\nplugin = synthetic\n"
                          "channels = 3\nheight = 8\nwidth = 8\nclasses = 4\ntrain = 64\n"
                          "valid = 32\ntest = 32\n[objective]\nmaximize = valid_accuracy\n"
                          "[budget]\ntrials = 3\n[final]\nretrain = none\n";

static char *folder, config[600], run[600];

static const char *path(const char *name)
{
    static char paths[4][700];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(paths[turn], sizeof paths[0], "%s/%s", folder, name);
    return paths[turn];
}

static void begin(void)
{
    folder = folder_temporary();
    snprintf(config, sizeof config, "%s/small.ini", folder);
    snprintf(run, sizeof run, "%s/run", folder);
    FILE *file = fopen(config, "w");
    cr_assert(file && fputs(ini, file) >= 0);
    fclose(file);
    free(espalier_expect(0, WORDS("run", config, "--out", run, "--quiet")));
}

static void end(void)
{
    folder_delete(folder);
}

static void expect_refusal(const char *const *arguments, int status, const char *words)
{
    const char *all[16] = {espalier_binary()};
    for (int i = 0; i < 14 && arguments[i]; i++)
        all[i + 1] = arguments[i];
    struct command_result result = command_run(&(struct command){.arguments = all});
    cr_expect_eq(result.status, status, "%s: status %d\n%s", words, result.status, result.err);
    cr_expect(strstr(result.err, words), "'%s' is not in\n%s", words, result.err);
    command_free(&result);
}

static char *best_weights(void)
{
    json_t *results = espalier_results(run);
    char *found = NULL;
    json_int_t best =
        json_integer_value(json_object_get(json_object_get(results, "best"), "trial"));
    if (asprintf(&found, "%s/artifacts/%lld/best.safetensors", run, (long long)best) < 0)
        abort();
    json_decref(results);
    return found;
}

static struct safetensors *open_file(const char *name)
{
    struct safetensors *file = NULL;
    struct error error;
    error_clear(&error);
    cr_assert_eq(safetensors_open(&file, name, &error), ESP_OK, "%s", error.message);
    return file;
}

static uint64_t elements(const struct safetensors_entry *entry)
{
    uint64_t size = 1;
    for (uint32_t i = 0; i < entry->rank; i++)
        size *= (uint64_t)entry->dims[i];
    return size;
}

// The largest difference of the tensors of the one from those of the other; without running statistics
// where `trained`.
static double difference(const char *one, const char *other, bool trained)
{
    struct safetensors *a = open_file(one), *b = open_file(other);
    double worst = 0.0;
    cr_assert_gt(safetensors_count(a), 0);
    for (uint64_t i = 0; i < safetensors_count(a); i++) {
        struct safetensors_entry x = safetensors_get(a, i), y = {0};
        if (trained && (strstr(x.name, "/mean") || strstr(x.name, "/variance")))
            continue;
        cr_assert(safetensors_find(b, "", x.name, &y), "%s", x.name);
        for (uint64_t j = 0; j < elements(&x); j++)
            worst = fmax(worst, fabs((double)x.data[j] - (double)y.data[j]));
    }
    safetensors_close(a);
    safetensors_close(b);
    return worst;
}

Test(export_command, weights_come_back_exactly, .init = begin, .fini = end)
{
    char *weights = best_weights();
    free(espalier_expect(
        0, WORDS("export", run, "best", "--format", "safetensors", "-o", path("w.safetensors"))));
    cr_expect_eq(difference(weights, path("w.safetensors"), false), 0.0);
    cr_expect_eq(difference(path("w.safetensors"), weights, false), 0.0);
    struct safetensors *file = open_file(path("w.safetensors"));
    json_t *arch = json_loads(safetensors_note(file, "arch"), 0, NULL);
    cr_expect_str_eq(json_string_value(json_object_get(arch, "space")), "chain");
    json_decref(arch);
    safetensors_close(file);
    free(weights);
}

Test(export_command, what_cannot_be_is_refused, .init = begin, .fini = end)
{
    expect_refusal(WORDS("export", run, "best", "--format", "onx", "-o", path("a")), 2,
                   "did you mean 'onnx'?");
    expect_refusal(WORDS("export", run, "best", "--format", "onnx"), 2, "needs -o FILE");
    expect_refusal(WORDS("export", run, "best", "--format", "dot", "--weights", "x"), 2,
                   "--weights goes with");
    expect_refusal(WORDS("export", run, "final-0", "--format", "onnx", "-o", path("a")), 2,
                   "there is no final training final-0");
    expect_refusal(WORDS("export", run, "best", "--format", "onnx", "-o", path("nowhere/a.onnx")),
                   1, "nowhere/a.onnx");
    // Of the trials that are not the best none is kept.
    json_t *results = espalier_results(run);
    json_int_t best =
        json_integer_value(json_object_get(json_object_get(results, "best"), "trial"));
    const char *other = best == 0 ? "1" : "0";
    expect_refusal(WORDS("export", run, other, "--format", "onnx", "-o", path("a")), 2,
                   "no weights were kept of trial");
    char *weights = best_weights();
    expect_refusal(WORDS("export", run, other, "--format", "onnx", "-o", path("a"), "--weights",
                         path("small.ini")),
                   2, "it is no whole safetensors file");
    json_decref(results);
    free(weights);
}

Test(export_command, a_final_training_is_named, .init = begin, .fini = end)
{
    char *weights = best_weights();
    free(espalier_expect(0, WORDS("train", run, "best", "--weights", weights, "--set",
                                  "estimator.learning_rate=1e-9", "--set",
                                  "estimator.weight_decay=0", "--json")));
    free(espalier_expect(0, WORDS("export", run, "final-0", "--format", "safetensors", "-o",
                                  path("f.safetensors"))));
    // With a learning rate that small the weights are where they began; running statistics move.
    cr_expect_lt(difference(weights, path("f.safetensors"), true), 1e-5);
    free(espalier_expect(
        0, WORDS("export", run, "final-0", "--format", "onnx", "-o", path("f.onnx"))));
    free(espalier_expect(0, WORDS("export", run, "best", "--format", "torch", "-o", path("f.py"))));
    expect_refusal(WORDS("train", run, "best", "--weights", path("f.py")), 1,
                   "it is no whole safetensors file");
    expect_refusal(WORDS("train", run, "best", "--weights", path("none")), 1, "No such file");
    free(weights);
}

enum damage { WITHOUT_ONE, WITH_ANOTHER, OF_ANOTHER_SHAPE };

// The weights of a file, the first of them damaged.
static void write_damaged(const char *from, const char *to, enum damage damage)
{
    static const int64_t two[] = {2};
    static const float values[2] = {1, 2};
    struct safetensors *file = open_file(from);
    struct safetensors_entry entries[64];
    uint64_t count = 0;
    struct error error;
    error_clear(&error);
    cr_assert_lt(safetensors_count(file), 63);
    for (uint64_t i = damage == WITHOUT_ONE; i < safetensors_count(file); i++)
        entries[count++] = safetensors_get(file, i);
    if (damage == OF_ANOTHER_SHAPE)
        entries[0] = (struct safetensors_entry){entries[0].name, 1, two, values};
    if (damage == WITH_ANOTHER)
        entries[count++] = (struct safetensors_entry){"layer/9/op/weight", 1, two, values};
    cr_assert_eq(safetensors_write(to, entries, count, NULL, 0, &error), ESP_OK, "%s",
                 error.message);
    safetensors_close(file);
}

// The JSON of the best architecture. Owner: the caller (free).
static char *best_arch(void)
{
    json_t *results = espalier_results(run);
    json_int_t best =
        json_integer_value(json_object_get(json_object_get(results, "best"), "trial"));
    const json_t *trial = json_array_get(json_object_get(results, "trials"), (size_t)best);
    char *text = json_dumps(json_object_get(trial, "arch"), JSON_COMPACT);
    json_decref(results);
    cr_assert_not_null(text);
    return text;
}

// All that begins with given weights says what is wrong with them; whole ones are taken.
Test(export_command, weights_of_another_network_are_refused, .init = begin, .fini = end)
{
    static const struct {
        enum damage damage;
        const char *words;
    } rows[] = {
        {WITHOUT_ONE, "it lacks the tensor 'layer/0/op/"},
        {WITH_ANOTHER, "it has the tensor 'layer/9/op/weight', which the network has not"},
        {OF_ANOTHER_SHAPE, "' is 2, the network's is "},
    };
    char *weights = best_weights(), *arch = best_arch();
    const char *name = path("damaged.safetensors");
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        write_damaged(weights, name, rows[i].damage);
        expect_refusal(WORDS("bench", config, "--json-arch", arch, "--weights", name), 2,
                       rows[i].words);
        expect_refusal(WORDS("train", run, "best", "--weights", name), 1, rows[i].words);
        expect_refusal(WORDS("export", run, "best", "--format", "onnx", "-o", path("d.onnx"),
                             "--weights", name),
                       2, rows[i].words);
    }
    free(espalier_expect(
        0, WORDS("bench", config, "--json-arch", arch, "--batch", "2", "--weights", weights)));
    free(arch);
    free(weights);
}

// The kernel counts in the peak of whoever started a program: here of a process that is a large one.
Test(bench, says_the_memory_of_its_own, .init = begin, .fini = end)
{
    enum { LARGE = 400 << 20 };
    char *large = malloc(LARGE);
    cr_assert_not_null(large);
    memset(large, 1, LARGE);
    char *text = espalier_expect(0, WORDS("bench", config, "--batch", "4", "--json"));
    json_t *json = json_loads(text, 0, NULL);
    double peak = json_number_value(json_object_get(json, "peak_memory_bytes"));
    cr_expect(peak > 5e6 && peak < LARGE / 2.0, "%g bytes, %d", peak, large[LARGE - 1]);
    json_decref(json);
    free(text);
    free(large);
}

Test(bench, says_all_figures, .init = begin, .fini = end)
{
    static const char *const numbers[] = {"step_ms", "step_cpu_ms",       "images_per_second",
                                          "gflops",  "peak_memory_bytes", "params"};
    char *text = espalier_expect(0, WORDS("bench", config, "--batch", "4", "--json"));
    json_t *json = json_loads(text, 0, NULL);
    for (size_t i = 0; i < ESP_COUNT(numbers); i++)
        cr_expect_gt(json_number_value(json_object_get(json, numbers[i])), 0, "%s", numbers[i]);
    const json_t *latencies = json_object_get(json, "latency_ms");
    cr_expect_eq(json_array_size(latencies), 2);
    for (size_t i = 0; i < json_array_size(latencies); i++) {
        const json_t *row = json_array_get(latencies, i);
        double p10 = json_number_value(json_object_get(row, "p10"));
        double median = json_number_value(json_object_get(row, "median"));
        double p90 = json_number_value(json_object_get(row, "p90"));
        cr_expect_eq(json_integer_value(json_object_get(row, "batch")), i ? 4 : 1);
        cr_expect(p10 > 0 && p10 <= median && median <= p90, "%g %g %g", p10, median, p90);
    }
    cr_expect_not_null(json_string_value(json_object_get(json, "engine")));
    cr_expect_eq(json_integer_value(json_object_get(json, "threads")), 1);
    // What is made of others is made of these.
    double step = json_number_value(json_object_get(json, "step_ms")) / 1e3;
    double macs = json_number_value(json_object_get(json, "macs"));
    double per_second = json_number_value(json_object_get(json, "images_per_second"));
    cr_expect_float_eq(per_second * step / 4, 1.0, 1e-9);
    double gflops = json_number_value(json_object_get(json, "gflops"));
    cr_expect_float_eq(gflops * 1e9 * step / (6 * macs * 4), 1.0, 1e-9);
    cr_expect_lt(json_number_value(json_object_get(json, "step_cpu_ms")) / 1e3, 1.2 * step + 1e-4,
                 "one thread");
    json_decref(json);
    free(text);
    expect_refusal(WORDS("bench", config, "--batch", "0"), 2, "--batch: expected 1 to");
    expect_refusal(WORDS("bench", config, "--weights", config), 2,
                   "it is no whole safetensors file");
    // The weights of another architecture.
    char *weights = best_weights();
    expect_refusal(WORDS("bench", config, "--set", "experiment.seed=5", "--set", "space.widths=16",
                         "--weights", weights),
                   2, "tensor '");
    free(weights);
}
