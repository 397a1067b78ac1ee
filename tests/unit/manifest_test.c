// SPDX-License-Identifier: Apache-2.0
// Manifests: what they make, and that what is wrong in one is said with file, line, key and the nearest
// name. Nothing that they name is run here.
#include "manifest/manifest.h"

#include "loader/description.h"
#include "loader/registry.h"
#include "support/folder.h"
#include "support/leak.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// A folder with a manifest and the program that it names.
struct desk {
    char *folder;
    char path[512];
    struct manifest *manifest;
    struct error error;
};

static const char good[] = "[plugin]\n"
                           "kind = estimator\n"
                           "id = sample\n"
                           "version = 1.2\n"
                           "summary = a sample\n"
                           "source = Somebody 1999\n"
                           "command = python3 ./program.py --mode \"two words\" ./data.txt\n"
                           "files = data.txt\n"
                           "fidelities = epochs\n"
                           "needs = onnx\n"
                           "[parameter.epochs]\n"
                           "type = int\n"
                           "default = 3\n"
                           "least = 1\n"
                           "most = 9\n"
                           "unit = epochs\n"
                           "help = how long\n"
                           "[parameter.rate]\n"
                           "type = real\n"
                           "default = 1e-2\n"
                           "least = 1e-4\n"
                           "most = 1\n"
                           "log = yes\n"
                           "help = how fast\n"
                           "[parameter.optimizer]\n"
                           "type = choice\n"
                           "choices = sgd, adam\n"
                           "default = adam\n"
                           "help = which one\n"
                           "[parameter.data]\n"
                           "type = path\n"
                           "help = where it lies\n"
                           "[metric.valid_accuracy]\n"
                           "better = higher\n"
                           "[metric.seconds]\n"
                           "unit = seconds\n"
                           "measured = yes\n"
                           "report = yes\n"
                           "better = lower\n";

static void desk_open(struct desk *desk)
{
    memset(desk, 0, sizeof *desk);
    char *made = folder_temporary();
    desk->folder = realpath(made, NULL);
    free(made);
    free(folder_write(desk->folder, "program.py", "print()\n"));
    free(folder_write(desk->folder, "data.txt", "1 2 3\n"));
    snprintf(desk->path, sizeof desk->path, "%s/sample.plugin.ini", desk->folder);
}

static void desk_close(struct desk *desk)
{
    manifest_release(desk->manifest);
    folder_delete(desk->folder);
}

static esp_status read_text(struct desk *desk, const char *text)
{
    free(folder_write(desk->folder, "sample.plugin.ini", text));
    manifest_release(desk->manifest);
    error_clear(&desk->error);
    return manifest_read(&desk->manifest, desk->path, &desk->error);
}

// The good one with `from` replaced.
static esp_status read_changed(struct desk *desk, const char *from, const char *to)
{
    char text[4096];
    const char *at = strstr(good, from);
    cr_assert_not_null(at, "%s", from);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    return read_text(desk, text);
}

TestLeak(manifest, describes_a_component)
{
    struct desk desk;
    desk_open(&desk);
    cr_assert_eq(read_text(&desk, good), ESP_OK, "%s", desk.error.message);
    const struct manifest *m = desk.manifest;
    cr_expect_eq(m->kind, ESP_KIND_ESTIMATOR);
    cr_expect_str_eq(m->id, "sample");
    cr_expect_str_eq(m->version, "1.2");
    cr_expect_str_eq(m->type.estimator.summary, "a sample");
    cr_expect_str_eq(m->type.estimator.source, "Somebody 1999");
    cr_assert_eq(m->type.estimator.param_count, 4);
    const esp_param *row = m->type.estimator.params;
    cr_expect_str_eq(row[0].name, "epochs");
    cr_expect_eq(row[0].type, ESP_PARAM_TYPE_INT);
    cr_expect_eq(row[0].int_default, 3);
    cr_expect_eq(row[0].int_min, 1);
    cr_expect_eq(row[0].int_max, 9);
    cr_expect_eq(row[1].flags, ESP_PARAM_HAS_DEFAULT | ESP_PARAM_LOG);
    cr_expect_eq(row[1].real_default, 1e-2);
    cr_expect_eq(row[1].real_min, 1e-4);
    cr_expect_str_eq(row[2].choices[1], "adam");
    cr_expect_str_eq(row[2].text_default, "adam");
    cr_expect_eq(row[3].flags, ESP_PARAM_REQUIRED);
    cr_assert_eq(m->metric_count, 2);
    cr_expect_str_eq(m->metrics[0].name, "valid_accuracy");
    cr_expect_eq(m->metrics[0].better, ESP_BETTER_HIGHER);
    cr_expect_eq(m->metrics[1].flags, ESP_METRIC_MEASURED | ESP_METRIC_REPORT);
    cr_assert_eq(m->fidelity_count, 1);
    cr_expect_eq(m->fidelities[0].most, 9.0);
    cr_expect_null(description_ability(&m->type, m->kind, ESP_ESTIMATOR_CHEAP),
                   "foreign code is never cheap");
    // Words in quotes are one, files beside the manifest have their path.
    char program[600];
    snprintf(program, sizeof program, "%s/program.py", desk.folder);
    cr_expect_str_eq(m->command[0], "python3");
    cr_expect_str_eq(m->command[1], program);
    cr_expect_str_eq(m->command[3], "two words");
    cr_expect_null(m->command[5]);
    desk_close(&desk);
}

TestLeak(manifest, takes_what_a_strategy_says)
{
    struct desk desk;
    desk_open(&desk);
    cr_assert_eq(read_text(&desk, "[plugin]\nkind = strategy\nid = s\nversion = 1\nsummary = s\n"
                                  "command = true\ntakes = real, not_repeatable\n"),
                 ESP_OK, "%s", desk.error.message);
    cr_expect_eq(desk.manifest->type.strategy.takes,
                 ESP_STRATEGY_REAL | ESP_STRATEGY_NOT_REPEATABLE);
    desk_close(&desk);
}

// What a person can compute with sha256sum; one changed byte of any of its files makes another.
TestLeak(manifest, has_a_digest_over_its_files)
{
    struct desk desk;
    char command[1200], expected[SHA256_HEX_SIZE] = "", hex[SHA256_HEX_SIZE],
                        other[SHA256_HEX_SIZE];
    desk_open(&desk);
    cr_assert_eq(read_text(&desk, good), ESP_OK, "%s", desk.error.message);
    snprintf(command, sizeof command,
             "cd '%s' && sha256sum sample.plugin.ini data.txt ./program.py ./data.txt | sha256sum",
             desk.folder);
    FILE *pipe = popen(command, "r");
    cr_assert_not_null(pipe);
    cr_assert_not_null(fgets(expected, sizeof expected, pipe));
    pclose(pipe);
    cr_assert_eq(manifest_sha256(hex, desk.manifest, &desk.error), ESP_OK);
    cr_expect_str_eq(hex, expected);
    cr_assert_eq(component_file_sha256(other, desk.path, &desk.error), ESP_OK);
    cr_expect_str_eq(other, hex);
    free(folder_write(desk.folder, "program.py", "print(1)\n"));
    cr_assert_eq(manifest_sha256(other, desk.manifest, &desk.error), ESP_OK);
    cr_expect_str_neq(other, hex);
    desk_close(&desk);
}

struct slip {
    const char *from, *to; // in the good one
    const char *words;     // behind "<path>:", how the message goes on
};

static const struct slip slips[] = {
    {"kind = estimator", "kind = estimater",
     "2: [plugin] kind: there is no 'estimater'; did you mean 'estimator'? (expected one of "
     "strategy, estimator)"},
    {"kind = estimator", "kind = space",
     "2: [plugin] kind: expected one of strategy, estimator, got 'space'"},
    {"kind = estimator\n", "", "1: [plugin]: kind must be said: what it is"},
    {"id = sample", "id = Sample",
     "3: [plugin] id: expected [a-z][a-z0-9_]*, at most 59 bytes, got 'Sample'"},
    {"version = 1.2\n", "", "1: [plugin]: version must be said: its version"},
    {"version = 1.2", "version = 1.2.3.4.5.6.7.8.9.10.11.12.13.14.15",
     "4: [plugin] version: expected 1 to 31 bytes"},
    {"summary = a sample", "sumary = a sample",
     "5: [plugin] sumary: there is no such key; did you mean 'summary'?"},
    {"command = python3", "comand = python3",
     "7: [plugin] comand: there is no such key; did you mean 'command'?"},
    {"command = python3 ./program.py --mode \"two words\" ./data.txt\n", "",
     "1: [plugin]: command or library must be said: what does the work"},
    {"./program.py", "./progam.py",
     "7: [plugin] command: there is no file './progam.py' beside it"},
    {"\"two words\"", "\"two words", "7: [plugin] command: a double quote is not closed"},
    {"python3 ./", "bin/python3 ./",
     "7: [plugin] command: expected the program's name, which is "
     "looked for in PATH, an absolute path, or ./FILE for one "
     "beside the manifest"},
    {"files = data.txt", "files = date.txt",
     "8: [plugin] files: there is no file 'date.txt' beside it"},
    {"fidelities = epochs", "fidelities = epoch",
     "9: [plugin] fidelities: it has no int or real parameter 'epoch'; did you mean 'epochs'?"},
    {"needs = onnx", "takes = real", "10: [plugin] takes: there is no such key"},
    {"needs = onnx", "time_limit = soon",
     "10: [plugin] time_limit: expected a time above 0, such as 90s or 10m, got 'soon'"},
    {"[parameter.epochs]", "[parametr.epochs]",
     "11: [parametr.epochs]: there is no such section; did you mean '[parameter.*]'?"},
    {"[parameter.epochs]", "[parameter.Epochs]",
     "11: [parameter.Epochs]: a parameter's name is [a-z][a-z0-9_]*, and not 'plugin'"},
    {"type = int", "type = integer",
     "12: [parameter.epochs] type: expected one of int, real, bool, text, path, choice, ints, "
     "names, got 'integer'"},
    {"default = 3", "default = 30",
     "13: [parameter.epochs] default: expected a whole number from 1 to 9, "
     "got '30'"},
    {"least = 1\n", "least = one\n",
     "14: [parameter.epochs] least: expected a whole number, got 'one'"},
    {"most = 9", "most = 0",
     "15: [parameter.epochs] most: the range is none: least is larger than most"},
    {"help = how long\n", "",
     "11: [parameter.epochs]: help must be said: what it means, in a "
     "sentence"},
    {"unit = epochs", "units = epochs",
     "16: [parameter.epochs] units: there is no such key; did you mean 'unit'?"},
    {"least = 1e-4", "least = 0",
     "23: [parameter.rate] log: a logarithmic scale wants a `least` above 0"},
    {"default = adam", "default = adm",
     "28: [parameter.optimizer] default: there is no 'adm'; did you mean 'adam'?"},
    {"choices = sgd, adam", "choices = sgd, sgd",
     "27: [parameter.optimizer] choices: 'sgd' stands twice"},
    {"choices = sgd, adam\n", "",
     "25: [parameter.optimizer]: choices must be said: what there is, with commas between"},
    {"type = path\n", "type = path\nlog = yes\n",
     "32: [parameter.data] log: it goes with int and real alone"},
    {"better = higher", "better = more",
     "34: [metric.valid_accuracy] better: there is no 'more'; did you mean 'none'?"},
    {"[metric.seconds]", "[metric.9]", "35: [metric.9]: a metric's name is [a-z][a-z0-9_]*"},
};

TestLeak(manifest, says_what_is_wrong)
{
    struct desk desk;
    desk_open(&desk);
    for (size_t i = 0; i < ESP_COUNT(slips); i++) {
        char expected[1024];
        const struct slip *slip = &slips[i];
        snprintf(expected, sizeof expected, "%s:%s", desk.path, slip->words);
        cr_expect_eq(read_changed(&desk, slip->from, slip->to), ESP_ERROR_INVALID, "%s", slip->to);
        cr_expect_eq(strncmp(desk.error.message, expected, strlen(expected)), 0, "%s\n%s",
                     desk.error.message, expected);
    }
    desk_close(&desk);
}

// Nothing but a small regular file is read, and no other file with it.
TestLeak(manifest, is_a_small_file_of_its_own)
{
    struct desk desk;
    desk_open(&desk);
    free(folder_write(desk.folder, "more.ini", "[parameter.x]\ntype = bool\nhelp = x\n"));
    char text[4096];
    snprintf(text, sizeof text, "include = more.ini\n%s", good);
    cr_expect_eq(read_text(&desk, text), ESP_ERROR_INVALID);
    cr_expect(strstr(desk.error.message, "a manifest includes no other file"), "%s",
              desk.error.message);
    manifest_release(desk.manifest);
    desk.manifest = NULL;
    remove(desk.path);
    cr_assert_eq(mkfifo(desk.path, 0600), 0); // to open it would wait for ever
    error_clear(&desk.error);
    cr_expect_neq(manifest_read(&desk.manifest, desk.path, &desk.error), ESP_OK);
    cr_expect(strstr(desk.error.message, "a regular file of at most"), "%s", desk.error.message);
    desk_close(&desk);
}

// In the registry it is one component among others: found by id, and where it is wrong it is refused by
// its own name, if that can be read.
TestLeak(manifest, stands_in_the_registry)
{
    struct desk desk;
    struct registry *registry = NULL;
    const struct component *component;
    char hex[SHA256_HEX_SIZE];
    desk_open(&desk);
    setenv("HOME", desk.folder, 1);
    unsetenv("ESPALIER_PLUGINS");
    cr_assert_eq(read_text(&desk, good), ESP_OK);
    cr_assert_eq(registry_create(&registry, desk.folder, &desk.error), ESP_OK);
    cr_assert_eq(registry_find(&component, registry, ESP_KIND_ESTIMATOR, "sample", &desk.error),
                 ESP_OK, "%s", desk.error.message);
    cr_expect_str_eq(component->path, desk.path);
    manifest_sha256(hex, desk.manifest, &desk.error);
    cr_expect_str_eq(component->sha256, hex);
    cr_expect_not_null(component->manifest);
    registry_destroy(registry);

    // A worker is told the file and its digest.
    cr_assert_eq(registry_create_empty(&registry, &desk.error), ESP_OK);
    cr_assert_eq(registry_find_file(&component, registry, ESP_KIND_ESTIMATOR, "sample", desk.path,
                                    hex, &desk.error),
                 ESP_OK, "%s", desk.error.message);
    free(folder_write(desk.folder, "data.txt", "another\n"));
    cr_expect_neq(registry_find_file(&component, registry, ESP_KIND_ESTIMATOR, "sample", desk.path,
                                     hex, &desk.error),
                  ESP_OK);
    cr_expect(strstr(desk.error.message, "it is not the file that the run began with"));
    registry_destroy(registry);

    read_changed(&desk, "better = higher", "better = more");
    error_clear(&desk.error);
    cr_assert_eq(registry_create(&registry, desk.folder, &desk.error), ESP_OK);
    cr_expect_eq(registry_find(&component, registry, ESP_KIND_ESTIMATOR, "sample", &desk.error),
                 ESP_ERROR_INVALID);
    char expected[1024];
    snprintf(
        expected, sizeof expected,
        "the estimator 'sample' was refused: %s:34: [metric.valid_accuracy] better: ", desk.path);
    cr_expect_eq(strncmp(desk.error.message, expected, strlen(expected)), 0, "%s",
                 desk.error.message);
    registry_destroy(registry);
    desk_close(&desk);
}
