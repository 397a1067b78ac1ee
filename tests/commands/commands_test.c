// SPDX-License-Identifier: Apache-2.0
// The program's own commands - list, describe, inspect - and how it answers wrong use. What they say of
// broken plugins is in tests/abi.
#include "support/command.h"
#include "support/folder.h"
#include "support/plugin_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})

static char *folder; // holds sample.so

static void begin(void)
{
    char *made = folder_temporary();
    folder = realpath(made, NULL);
    free(made);
    struct plugin_file file = plugin_file_of_tests("sample");
    free(plugin_file_write(&file, file.size, folder, "sample.so"));
    plugin_file_free(&file);
    setenv("HOME", folder, 1);
}

static void end(void)
{
    folder_delete(folder);
}

static json_t *run_json(const char *const *arguments)
{
    char *text = espalier_expect(0, arguments);
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    cr_assert_not_null(json, "no JSON: %s\n%s", error.text, text);
    free(text);
    return json;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

// ---- Wrong use --------------------------------------------------------------------------------

static void expect_wrong_use(const char *const *arguments, const char *words)
{
    const char *all[16] = {espalier_binary()};
    for (int i = 0; i < 14 && arguments[i]; i++)
        all[i + 1] = arguments[i];
    struct command_result result = command_run(&(struct command){.arguments = all});
    cr_expect_eq(result.status, 2, "%s: status %d", words, result.status);
    cr_expect_str_eq(result.out, "", "standard output is for answers");
    cr_expect(strstr(result.err, words), "'%s' is not in\n%s", words, result.err);
    command_free(&result);
}

Test(wrong_use, says_what_was_meant, .init = begin, .fini = end)
{
    expect_wrong_use(WORDS("lsit"), "there is no command 'lsit'; did you mean 'list'?");
    expect_wrong_use(WORDS("xyzzyxyzzy"), "there is no command 'xyzzyxyzzy'\n");
    expect_wrong_use(WORDS("--json"), "there is no option '--json'");
    expect_wrong_use(WORDS("list", "--jsn"), "unknown option '--jsn'; did you mean '--json'?");
    expect_wrong_use(WORDS("list", "spaces"),
                     "there is no kind 'spaces'; did you mean 'space'? (expected space, strategy, "
                     "estimator, dataset, engine or executor)");
    expect_wrong_use(WORDS("list", "space", "chain"), "one argument too many: 'chain'");
    expect_wrong_use(WORDS("describe"), "describe what? expected KIND/ID");
    expect_wrong_use(WORDS("describe", "chain"),
                     "expected KIND/ID, for example space/chain, got 'chain'");
    expect_wrong_use(WORDS("describe", "spice/chain"), "expected KIND/ID");
    expect_wrong_use(WORDS("describe", "space/chian"),
                     "there is no space 'chian'; did you mean 'chain'?");
    expect_wrong_use(WORDS("inspect"), "an argument is missing");
    char nowhere[600], words[700];
    snprintf(nowhere, sizeof nowhere, "%s/nowhere.so", folder);
    snprintf(words, sizeof words, "%s: it cannot be read: No such file", nowhere);
    expect_wrong_use(WORDS("inspect", nowhere), words);
    snprintf(words, sizeof words, "--plugins: %s: it is no folder that can be read", nowhere);
    expect_wrong_use(WORDS("list", "--plugins", nowhere), words);
    expect_wrong_use(WORDS("--plugins", folder), "expected --plugins DIR COMMAND");
    expect_wrong_use(WORDS("--plugins", folder, "inspect", "x.so"),
                     "inspect loads no plugins: --plugins does not go with it");
    expect_wrong_use(WORDS("--plugins=x", "lsit"), "did you mean 'list'?");
}

Test(wrong_use, help_and_version)
{
    static const char *const named[] = {"run",      "results", "show",   "arch",
                                        "eval",     "train",   "export", "list",
                                        "describe", "inspect", "check",  "new"};
    char *text = espalier_expect(0, WORDS("--help"));
    for (size_t i = 0; i < ESP_COUNT(named); i++) {
        char row[32];
        snprintf(row, sizeof row, "\n  %s ", named[i]);
        cr_expect(strstr(text, row), "%s is not in\n%s", named[i], text);
        char *own = espalier_expect(0, WORDS(named[i], "--help"));
        snprintf(row, sizeof row, "usage: espalier %s", named[i]);
        cr_expect_eq(strncmp(own, row, strlen(row)), 0, "%s", own);
        free(own);
    }
    cr_expect_null(strstr(text, "worker "), "what executors start is not for people");
    free(text);
    free(espalier_expect(2, (const char *[]){NULL}));
    text = espalier_expect(0, WORDS("--version"));
    unsigned major, minor, patch, abi_major, abi_minor;
    cr_expect_eq(sscanf(text, "espalier %u.%u.%u (ABI %u.%u)\n", &major, &minor, &patch, &abi_major,
                        &abi_minor),
                 5, "%s", text);
    cr_expect_eq(abi_major, ESP_ABI_MAJOR);
    cr_expect_eq(abi_minor, ESP_ABI_MINOR);
    free(text);
}

// A full disk is told, not swallowed.
Test(wrong_use, output_that_cannot_be_written, .init = begin, .fini = end)
{
    static const char *const commands[] = {"list", "list --json", "describe space/chain",
                                           "describe space/chain --json", "describe --all"};
    for (size_t i = 0; i < ESP_COUNT(commands); i++) {
        char script[1024];
        snprintf(script, sizeof script, "'%s' %s >/dev/full", espalier_binary(), commands[i]);
        struct command_result result =
            command_run(&(struct command){.arguments = WORDS("sh", "-c", script)});
        cr_expect_eq(result.status, 1, "%s: status %d", commands[i], result.status);
        cr_expect(strstr(result.err, "standard output: cannot write: No space left"), "%s: %s",
                  commands[i], result.err);
        command_free(&result);
    }
}

// ---- list -------------------------------------------------------------------------------------

Test(list, as_json, .init = begin, .fini = end)
{
    json_t *list = run_json(WORDS("list", "--json", "--plugins", folder));
    char path[600];
    snprintf(path, sizeof path, "%s/sample.so", folder);
    json_t *row = json_array_get(list, 0);
    cr_expect_str_eq(text_of(row, "kind"), "space");
    cr_expect_str_eq(text_of(row, "id"), "sample");
    cr_expect_str_eq(text_of(row, "version"), "2.3.4");
    cr_expect_str_eq(text_of(row, "abi"), "0.2");
    cr_expect_str_eq(text_of(row, "path"), path);
    cr_expect(json_is_null(json_object_get(row, "refused")));
    cr_expect(json_is_null(json_object_get(row, "shadowed_by")));
    bool local = false;
    size_t i;
    json_array_foreach (list, i, row)
        local = local || (strcmp(text_of(row, "kind"), "executor") == 0 &&
                          strcmp(text_of(row, "id"), "local") == 0 && !*text_of(row, "path"));
    cr_expect(local, "the program's own parts are listed");
    json_decref(list);
}

Test(list, of_one_kind, .init = begin, .fini = end)
{
    json_t *list = run_json(WORDS("list", "strategy", "--json", "--plugins", folder)), *row;
    size_t i;
    json_array_foreach (list, i, row)
        cr_expect_str_eq(text_of(row, "kind"), "strategy");
    cr_expect_geq(json_array_size(list), 3, "sample, random, regularized_evolution");
    json_decref(list);
    // What is refused whole may be of that kind: it is said that there is some.
    free(folder_write(folder, "text.so", "text"));
    struct command_result result = command_run(&(struct command){
        .arguments = WORDS(espalier_binary(), "list", "strategy", "--plugins", folder)});
    cr_expect_eq(result.status, 0);
    cr_expect_null(strstr(result.out, "text.so"));
    cr_expect(strstr(result.err, "1 file was refused, of whatever kind"), "%s", result.err);
    command_free(&result);
}

Test(list, shadows, .init = begin, .fini = end)
{
    char second[600], path[700];
    snprintf(path, sizeof path, "%s/sample.so", folder);
    snprintf(second, sizeof second, "%s/.local/lib/espalier/plugins", folder);
    char command[2048];
    snprintf(command, sizeof command, "mkdir -p '%s' && cp '%s' '%s'", second, path, second);
    cr_assert_eq(system(command), 0);
    json_t *list = run_json(WORDS("list", "space", "--json", "--plugins", folder));
    size_t i, shadowed = 0;
    json_t *row;
    json_array_foreach (list, i, row)
        if (strcmp(text_of(row, "id"), "sample") == 0 && text_of(row, "shadowed_by")) {
            cr_expect_str_eq(text_of(row, "shadowed_by"), path);
            cr_expect(strstr(text_of(row, "path"), second));
            shadowed++;
        }
    cr_expect_eq(shadowed, 1);
    json_decref(list);
}

// Columns begin at one place in every row, and --plugins may stand before the command.
Test(list, columns, .init = begin, .fini = end)
{
    char *text = espalier_expect(0, WORDS("--plugins", folder, "list"));
    char *joined = malloc(strlen(folder) + 32);
    sprintf(joined, "--plugins=%s", folder);
    char *same = espalier_expect(0, WORDS(joined, "list"));
    cr_expect_str_eq(text, same);
    const char *version = strstr(text, "version"), *file = strstr(text, "file\n");
    cr_assert(version && file && version < strchr(text, '\n'));
    size_t version_column = (size_t)(version - text), file_column = (size_t)(file - text);
    size_t rows = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (line[0] == ' ')
            continue;
        cr_assert_gt(strlen(line), file_column, "%s", line);
        cr_expect(line[version_column - 1] == ' ' && line[version_column] != ' ', "%s", line);
        cr_expect(line[file_column - 1] == ' ' && line[file_column] != ' ', "%s", line);
        rows++;
    }
    cr_expect_gt(rows, 8);
    free(text);
    free(same);
    free(joined);
}

// ---- describe ---------------------------------------------------------------------------------

Test(describe, as_json, .init = begin, .fini = end)
{
    json_t *json = run_json(WORDS("describe", "engine/sample", "--json", "--plugins", folder));
    cr_expect_str_eq(text_of(json, "kind"), "engine");
    cr_expect_str_eq(text_of(json, "id"), "sample");
    cr_expect_str_eq(text_of(json, "summary"), "does nothing");
    cr_expect_str_eq(text_of(json, "source"), "1 1", "threads of libraries are set to one");
    cr_expect_eq(strlen(text_of(json, "sha256")), 64);
    json_t *depth = json_array_get(json_object_get(json, "parameters"), 0);
    cr_expect_str_eq(text_of(depth, "name"), "depth");
    cr_expect_str_eq(text_of(depth, "type"), "integer");
    cr_expect_str_eq(text_of(depth, "unit"), "layers");
    cr_expect_str_eq(text_of(depth, "help"), "number of layers");
    cr_expect_eq(json_integer_value(json_object_get(depth, "default")), 3);
    cr_expect_eq(json_integer_value(json_object_get(depth, "min")), 1);
    cr_expect_eq(json_integer_value(json_object_get(depth, "max")), 9);
    json_decref(json);
}

static json_t *find_parameter(const json_t *json, const char *name)
{
    size_t i;
    json_t *row;
    json_array_foreach (json_object_get(json, "parameters"), i, row)
        if (strcmp(text_of(row, "name"), name) == 0)
            return row;
    cr_assert_fail("there is no parameter %s", name);
    return NULL;
}

Test(describe, each_type_as_json)
{
    json_t *json = run_json(WORDS("describe", "estimator/train", "--json"));
    json_t *row = find_parameter(json, "learning_rate");
    cr_expect_str_eq(text_of(row, "type"), "real");
    cr_expect_eq(json_real_value(json_object_get(row, "default")), 0.05);
    cr_expect(json_is_true(json_object_get(row, "log")));
    row = find_parameter(json, "nesterov");
    cr_expect(json_is_true(json_object_get(row, "default")));
    cr_expect_null(json_object_get(row, "min"));
    row = find_parameter(json, "optimizer");
    cr_expect_str_eq(text_of(row, "default"), "sgd");
    cr_expect_eq(json_array_size(json_object_get(row, "choices")), 3);
    json_decref(json);
    json = run_json(WORDS("describe", "space/chain", "--json"));
    row = find_parameter(json, "widths");
    cr_expect_str_eq(text_of(row, "type"), "integers");
    cr_expect_str_eq(text_of(row, "default"), "16, 32, 64");
    cr_expect(json_is_integer(json_object_get(row, "max")));
    json_decref(json);
    json = run_json(WORDS("describe", "dataset/idx", "--json"));
    row = find_parameter(json, "train_images");
    cr_expect(json_is_true(json_object_get(row, "required")));
    cr_expect(json_is_null(json_object_get(row, "default")));
    json_decref(json);
}

Test(describe, in_words_and_as_markdown, .init = begin, .fini = end)
{
    char *text = espalier_expect(0, WORDS("describe", "space/sample", "--plugins", folder));
    cr_expect_eq(strstr(text, "space/sample 2.3.4: does nothing\n  after 1 1\n"), text, "%s", text);
    cr_expect(strstr(text, "\n  depth: number of layers\n"
                           "    integer, 1 to 9 layers; default 3\n"),
              "%s", text);
    free(text);
    text = espalier_expect(0, WORDS("describe", "space/sample", "--markdown", "--plugins", folder));
    cr_expect(strstr(text, "| `depth` | integer | 3 | 1 to 9 | layers | number of layers |"), "%s",
              text);
    free(text);
    text = espalier_expect(0, WORDS("describe", "executor/inline"));
    cr_expect(strstr(text, "(part of the program)"), "%s", text);
    free(text);
}

// ---- inspect ----------------------------------------------------------------------------------

Test(inspect, as_json_and_in_words, .init = begin, .fini = end)
{
    char path[600];
    snprintf(path, sizeof path, "%s/sample.so", folder);
    json_t *json = run_json(WORDS("inspect", path, "--json"));
    cr_expect_str_eq(text_of(json, "path"), path);
    cr_expect_str_eq(text_of(json, "version"), "2.3.4");
    cr_expect_str_eq(text_of(json, "abi"), "0.2");
    cr_expect_str_eq(text_of(json, "needs"), "0.2");
    cr_expect(json_is_null(json_object_get(json, "refused")));
    json_t *components = json_object_get(json, "components");
    cr_assert_eq(json_array_size(components), 6);
    cr_expect_str_eq(text_of(json_array_get(components, 5), "kind"), "executor");
    cr_expect_str_eq(text_of(json_array_get(components, 5), "id"), "sample");
    json_decref(json);
    char *text = espalier_expect(0, WORDS("inspect", path));
    cr_expect(strstr(text, "\n  version 2.3.4, made for ABI 0.2, needs a host of ABI 0.2\n"), "%s",
              text);
    cr_expect(strstr(text, "\n  dataset/sample\n"), "%s", text);
    cr_expect(strstr(text, "\n  its ABI fits this host\n"), "%s", text);
    free(text);
}
