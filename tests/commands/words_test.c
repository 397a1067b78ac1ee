// SPDX-License-Identifier: Apache-2.0
// Architectures in words at the command line: --text, what `arch` says, and runs that go by the
// canonical form. The space is tests/plugins/worded.c.
#include "support/command.h"
#include "support/folder.h"

#include <espalier/espalier.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})

static char *folder, *config;

static void begin(void)
{
    char path[4096];
    folder = folder_temporary();
    snprintf(path, sizeof path, "%s:%s", getenv("ESPALIER_TEST_PLUGINS"),
             getenv("ESPALIER_PLUGINS"));
    setenv("ESPALIER_PLUGINS", path, 1);
    config = folder_write(folder, "words.ini",
                          "[experiment]\nname = words\n"
                          "[space]\nplugin = worded\n"
                          "[strategy]\nplugin = random\nrepeat = no\n"
                          "[estimator]\nplugin = nk_landscape\n"
                          "[dataset]\nplugin = synthetic\nheight = 8\nwidth = 8\n"
                          "[objective]\nmaximize = fitness\n"
                          "[budget]\ntrials = 100\n");
}

static void end(void)
{
    free(config);
    folder_delete(folder);
}

static json_t *run_json(const char *const *arguments)
{
    char *text = espalier_expect(0, arguments);
    json_t *json = json_loads(text, 0, NULL);
    cr_assert_not_null(json, "%s", text);
    free(text);
    return json;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "(none)";
}

static void expect_error(int status, const char *const *arguments, const char *words)
{
    const char *all[16] = {espalier_binary()};
    for (int i = 0; i < 14 && arguments[i]; i++)
        all[i + 1] = arguments[i];
    struct command_result result = command_run(&(struct command){.arguments = all});
    cr_expect_eq(result.status, status, "%s: status %d", words, result.status);
    cr_expect(strstr(result.err, words), "'%s' is not in\n%s", words, result.err);
    command_free(&result);
}

// ---- arch and eval ------------------------------------------------------------------------------

Test(arch, by_text, .init = begin, .fini = end)
{
    json_t *json = run_json(WORDS("arch", config, "--text", "conv-skip|pool*2", "--json"));
    json_t *twin = run_json(WORDS("arch", config, "--text", "skip-conv|pool*2", "--json"));
    cr_expect_str_eq(text_of(json, "text"), "conv-skip|pool*2");
    cr_expect_eq(strlen(text_of(json, "canonical")), 16);
    cr_expect_str_eq(text_of(json, "canonical"), text_of(twin, "canonical"));
    cr_expect_str_eq(text_of(json, "canonical_form"), text_of(twin, "canonical_form"));
    cr_expect_str_neq(text_of(json, "hash"), text_of(twin, "hash"));
    char *written = json_dumps(json, 0);
    json_t *again = run_json(WORDS("arch", config, "--json-arch", written, "--json"));
    cr_expect(json_equal(json, again), "the JSON is the same architecture");
    free(written);
    json_decref(again);
    json_decref(json);
    json_decref(twin);
    char *words = espalier_expect(0, WORDS("arch", config, "--text", "conv-skip|pool*2"));
    cr_expect(strstr(words, "\ntext conv-skip|pool*2\ncanonical "), "%s", words);
    free(words);
    words = espalier_expect(0, WORDS("eval", config, "--text", "conv-skip|pool*2"));
    cr_expect(strstr(words, "fitness"), "%s", words);
    free(words);
}

Test(arch, wrong_texts, .init = begin, .fini = end)
{
    expect_error(2, WORDS("arch", config, "--text", "conv-pol|skip*1"),
                 "espalier: space worded: there is no operation 'pol'; the nearest is pool\n"
                 "  conv-pol|skip*1\n"
                 "       ^\n");
    expect_error(2, WORDS("eval", config, "--text", "conv"), "expected '-'\n  conv\n      ^\n");
    expect_error(2, WORDS("arch", config, "--text", "a", "--json-arch", "{}"),
                 "expected one of them");
    expect_error(2, WORDS("arch", config, "--decision", "a=1"), "stands beside --text alone");
    expect_error(2, WORDS("arch", config, "--text", "a", "--decision", "=1"),
                 "expected PATH=VALUE, got '=1'");
    expect_error(2, WORDS("arch", config, "--set", "space.plugin=chain", "--text", "conv"),
                 "space chain has no notation of its own");
    json_t *json =
        run_json(WORDS("arch", config, "--set", "space.plugin=chain", "--random", "--json"));
    cr_expect_null(json_object_get(json, "text"));
    cr_expect_null(json_object_get(json, "canonical"));
    json_decref(json);
}

Test(arch, decisions_beside_a_text, .init = begin, .fini = end)
{
    const char *set = "estimator.k=int(0, 2)";
    expect_error(2, WORDS("arch", config, "--set", set, "--text", "conv-skip|pool*2"),
                 "decision @estimator/k is not written (no text holds it, it is given beside one): "
                 "expected an integer of 0 .. 2");
    json_t *json = run_json(WORDS("arch", config, "--set", set, "--text", "conv-skip|pool*2",
                                  "--decision", "@estimator/k=1", "--json"));
    json_t *first = json_array_get(json_object_get(json, "decisions"), 0);
    cr_expect_str_eq(json_string_value(json_array_get(first, 0)), "@estimator/k");
    cr_expect_eq(json_integer_value(json_array_get(first, 1)), 1);
    json_decref(json);
}

// ---- Identity -----------------------------------------------------------------------------------

// How many trials a random search without repeats has until the space is exhausted.
static size_t exhaust(const char *identity, const char *set)
{
    char out[4096];
    snprintf(out, sizeof out, "%s/%s%s", folder, strchr(identity, '=') + 1, set ? "-set" : "");
    free(espalier_expect(0, WORDS("run", config, "--out", out, "--quiet", "--set", identity,
                                  "--set", set ? set : "run.workers=1")));
    json_t *results = espalier_results(out);
    size_t count = json_array_size(json_object_get(results, "trials"));
    cr_expect_str_eq(text_of(json_object_get(results, "run"), "reason"), "exhausted");
    json_decref(results);
    return count;
}

Test(identity, repeats_and_exhaustion_go_by_it, .init = begin, .fini = end)
{
    cr_expect_eq(exhaust("run.identity=decisions", NULL), 54);
    cr_expect_eq(exhaust("run.identity=canonical", NULL), 36);
    // What is searched beside the space is part of what an architecture is.
    cr_expect_eq(exhaust("run.identity=canonical", "estimator.k=int(0, 1)"), 72);
}

Test(identity, canonical_wants_a_canonical_form, .init = begin, .fini = end)
{
    expect_error(
        2, WORDS("run", config, "--set", "run.identity=canonical", "--set", "space.plugin=chain"),
        "identity: the space chain has no canonical form; expected decisions");
}

// ---- Start --------------------------------------------------------------------------------------

static json_t *run_started(const char *set, const char *trials, const char *name)
{
    char out[4096];
    snprintf(out, sizeof out, "%s/%s", folder, name);
    free(espalier_expect(
        0, WORDS("run", config, "--out", out, "--quiet", "--set", set, "--set", trials)));
    // A run that is resumed has the same trials.
    free(espalier_expect(0, WORDS("run", config, "--out", out, "--quiet", "--set", set, "--set",
                                  "budget.trials=12", "--resume")));
    return espalier_results(out);
}

// The value of a trial's decision.
static const char *decision_of(const json_t *results, size_t trial, size_t decision)
{
    json_t *arch =
        json_object_get(json_array_get(json_object_get(results, "trials"), trial), "arch");
    json_t *pair = json_array_get(json_object_get(arch, "decisions"), decision);
    return json_string_value(json_array_get(pair, 1));
}

Test(start, given_architectures_come_first, .init = begin, .fini = end)
{
    free(folder_write(folder, "given.txt",
                      "# what others found\n"
                      "pool-pool|pool*1\n"
                      "\n"
                      "  {\"decisions\": [[\"repeat\", 2], [\"cell/first\", \"skip\"], "
                      "[\"cell/second\", \"skip\"], [\"cell/beside\", \"conv\"]]}\r\n"
                      "conv-conv|conv*1"));
    json_t *one = run_started("start.arch=pool-pool|pool*1", "budget.trials=9", "one");
    cr_expect_str_eq(decision_of(one, 0, 1), "pool");
    cr_expect_str_eq(decision_of(one, 0, 3), "pool");
    cr_expect_eq(json_array_size(json_object_get(one, "trials")), 12);
    json_decref(one);
    char set[4096];
    snprintf(set, sizeof set, "start.arch=%s/given.txt", folder);
    json_t *three = run_started(set, "budget.trials=2", "three");
    cr_expect_str_eq(decision_of(three, 0, 1), "pool");
    cr_expect_str_eq(decision_of(three, 1, 1), "skip");
    cr_expect_str_eq(decision_of(three, 1, 3), "conv");
    cr_expect_str_eq(decision_of(three, 2, 1), "conv");
    cr_expect_eq(json_array_size(json_object_get(three, "trials")), 12);
    json_decref(three);
    free(folder_write(folder, "given.txt", "pool-pool|pool*1\nconv-conv|conv*1\n"));
    char out[4096];
    snprintf(out, sizeof out, "%s/three", folder);
    expect_error(
        1,
        WORDS("run", config, "--out", out, "--set", set, "--set", "budget.trials=20", "--resume"),
        "[start] arch gives another architecture for trial 1 than the run has stored");
}

Test(start, evolution_takes_what_it_did_not_ask_for, .init = begin, .fini = end)
{
    char *evolution = folder_write(folder, "evolution.ini",
                                   "include = words.ini\n[strategy]\n"
                                   "plugin = regularized_evolution\npopulation = 4\n"
                                   "tournament = 2\nrepeat = no\n"
                                   "[start]\narch = pool-pool|pool*1\n[budget]\ntrials = 20\n");
    char out[4096];
    snprintf(out, sizeof out, "%s/evolution", folder);
    free(espalier_expect(0, WORDS("run", evolution, "--out", out, "--quiet")));
    free(evolution);
}

Test(start, what_is_wrong_is_refused_before_the_first_trial, .init = begin, .fini = end)
{
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"conv-pool|skip*1\nconv-pol|skip*1\n",
         "given.txt:2: space worded: there is no operation 'pol'; the nearest is pool\n"
         "  conv-pol|skip*1\n       ^"},
        {"", "given.txt: it is empty"},
        {"# none\n", "given.txt: no architecture stands in it"},
        {"{\n\"decisions\": [[\"repeat\", 3]]\n}\n", "decision repeat: 3 is not"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        char set[4096], out[4096];
        free(folder_write(folder, "given.txt", rows[i].text));
        snprintf(set, sizeof set, "start.arch=%s/given.txt", folder);
        snprintf(out, sizeof out, "%s/wrong%zu", folder, i);
        expect_error(2, WORDS("run", config, "--out", out, "--set", set), rows[i].reason);
        expect_error(2, WORDS("run", config, "--out", out, "--set", set), rows[i].reason);
    }
    char out[4096];
    snprintf(out, sizeof out, "%s/text", folder);
    expect_error(2, WORDS("run", config, "--out", out, "--set", "start.arch=nowhere.txt"),
                 "arch: space worded: there is no operation 'nowhere.txt'\n  nowhere.txt\n  ^");
}

// ---- What a strategy is told --------------------------------------------------------------------

Test(strategy, reads_text_canonical_hash_and_structure, .init = begin, .fini = end)
{
    static const char *const spaces[] = {"worded", "chain"};
    for (size_t i = 0; i < ESP_COUNT(spaces); i++) {
        char set[64], out[4096];
        snprintf(set, sizeof set, "space.plugin=%s", spaces[i]);
        snprintf(out, sizeof out, "%s/%s", folder, spaces[i]);
        // The strategy has no `repeat`: an INI of its own.
        char *reader = folder_write(folder, "reader.ini",
                                    "[space]\nplugin = worded\n[strategy]\nplugin = reader\n"
                                    "[estimator]\nplugin = nk_landscape\n"
                                    "[objective]\nmaximize = fitness\n[budget]\ntrials = 30\n");
        free(espalier_expect(0, WORDS("run", reader, "--out", out, "--quiet", "--set", set)));
        json_t *results = espalier_results(out);
        cr_expect_eq(json_array_size(json_object_get(results, "trials")), 30);
        json_decref(results);
        free(reader);
    }
}

// ---- Where a run is shown -----------------------------------------------------------------------

Test(shown, text_of_a_trial_and_notation_of_a_space, .init = begin, .fini = end)
{
    char out[4096];
    snprintf(out, sizeof out, "%s/shown", folder);
    char *summary =
        espalier_expect(0, WORDS("run", config, "--out", out, "--quiet", "--set",
                                 "start.arch=conv-skip|pool*2", "--set", "budget.trials=1"));
    cr_expect(strstr(summary, "\n  text conv-skip|pool*2\n"), "%s", summary);
    free(summary);
    char *words = espalier_expect(0, WORDS("show", out, "0"));
    cr_expect(strstr(words, "\n  text conv-skip|pool*2\n  canonical "), "%s", words);
    free(words);
    json_t *json = run_json(WORDS("show", out, "0", "--json"));
    cr_expect_str_eq(text_of(json, "text"), "conv-skip|pool*2");
    json_decref(json);
    // Without the space's plugin the trial is shown all the same.
    setenv("ESPALIER_PLUGINS", folder, 1);
    words = espalier_expect(0, WORDS("show", out, "0"));
    cr_expect(strstr(words, "cell/first = conv") && !strstr(words, "text"), "%s", words);
    free(words);
    setenv("ESPALIER_PLUGINS", getenv("ESPALIER_TEST_PLUGINS"), 1);
    words = espalier_expect(0, WORDS("describe", "space/worded"));
    cr_expect(strstr(words, "\n  notation conv-pool|skip*2\n"), "%s", words);
    free(words);
    json = run_json(WORDS("describe", "space/worded", "--json"));
    cr_expect_str_eq(text_of(json, "notation"), "conv-pool|skip*2");
    json_decref(json);
}

// ---- Drawings -----------------------------------------------------------------------------------

Test(drawing, of_network_and_cells, .init = begin, .fini = end)
{
    const char *text = "conv-skip|pool*2";
    char *dot = espalier_expect(0, WORDS("arch", config, "--text", text, "--format", "dot"));
    cr_expect(strstr(dot, "digraph network {") && strstr(dot, "label=\"cell\""), "%s", dot);
    free(dot);
    char *cells = espalier_expect(0, WORDS("arch", config, "--text", text, "--format", "cells"));
    cr_expect(strstr(cells, "digraph cells {") && strstr(cells, "[label=\"conv\"]"), "%s", cells);
    expect_error(2, WORDS("arch", config, "--format", "svg"), "expected dot or cells, got 'svg'");
    expect_error(2, WORDS("arch", config, "--set", "space.plugin=chain", "--format", "cells"),
                 "space chain gives no structure of cells");
    char out[4096], set[4096];
    snprintf(out, sizeof out, "%s/drawn", folder);
    snprintf(set, sizeof set, "start.arch=%s", text);
    free(espalier_expect(0, WORDS("run", config, "--out", out, "--quiet", "--set", set, "--set",
                                  "budget.trials=1")));
    char *exported = espalier_expect(0, WORDS("export", out, "0", "--format", "cells"));
    cr_expect(strstr(exported, "label=\"words, trial 0\"") && strstr(exported, "[label=\"conv\"]"),
              "%s", exported);
    free(exported);
    free(cells);
}
