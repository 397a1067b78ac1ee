// SPDX-License-Identifier: Apache-2.0
// See member_lab.h.
#include "support/member_lab.h"

#include "execute/execute.h"
#include "support/made_dataset.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char other_sections[] = "\n[strategy]\nplugin = random\n"
                                     "[estimator]\nplugin = nk_landscape\n"
                                     "[objective]\nmaximize = fitness\n"
                                     "[budget]\ntrials = 1\n";

static char *whole_ini(const char *ini)
{
    char *text = NULL;
    if (asprintf(&text, "%s%s", ini, other_sections) < 0)
        abort();
    return text;
}

void member_lab_open(struct member_lab *lab, const char *ini)
{
    char *text = whole_ini(ini);
    *lab = (struct member_lab){0};
    error_clear(&lab->error);
    session_lab_open(&lab->lab, text, NULL);
    lab->builder = session_builder(lab->lab.session);
    free(text);
}

void member_lab_close(struct member_lab *lab)
{
    session_lab_close(&lab->lab);
}

// The member with these decisions, whose JSON it takes.
static struct arch *read_decisions(struct member_lab *lab, json_t *decisions)
{
    struct written_arch written = {0};
    struct arch *arch = NULL;
    json_t *json = json_pack("{s:s, s:o, s:n}", "space", lab->lab.experiment->space.component->id,
                             "decisions", decisions, "genome");
    cr_assert_eq(written_arch_parse(&written, json, &lab->error), ESP_OK, "%s", lab->error.message);
    cr_assert_eq(builder_read(lab->builder, &written, &arch, &lab->error), ESP_OK, "%s",
                 lab->error.message);
    written_arch_destroy(&written);
    json_decref(json);
    return arch;
}

struct arch *member_read(struct member_lab *lab, const char *const *paths,
                         const char *const *values, size_t count)
{
    json_t *decisions = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(decisions, json_pack("[s, s]", paths[i], values[i]));
    return read_decisions(lab, decisions);
}

struct arch *member_read_json(struct member_lab *lab, const char *decisions)
{
    json_error_t wrong;
    json_t *json = json_loads(decisions, 0, &wrong);
    cr_assert_not_null(json, "%s: %s", wrong.text, decisions);
    return read_decisions(lab, json);
}

struct arch *member_sample(struct member_lab *lab, uint64_t seed)
{
    return session_lab_sample(&lab->lab, seed);
}

struct graph *member_graph(struct member_lab *lab, const struct arch *arch)
{
    struct graph *graph = NULL;
    cr_assert_eq(builder_build(lab->builder, arch, &graph, &lab->error), ESP_OK, "%s",
                 lab->error.message);
    return graph;
}

void member_expect_counts(struct member_lab *lab, const struct arch *arch, uint64_t params,
                          uint64_t macs)
{
    struct graph *graph = member_graph(lab, arch);
    cr_expect_eq(esp_graph_params(graph_handle(graph)), params, "params %llu, expected %llu",
                 (unsigned long long)esp_graph_params(graph_handle(graph)),
                 (unsigned long long)params);
    cr_expect_eq(esp_graph_macs(graph_handle(graph)), macs, "macs %llu, expected %llu",
                 (unsigned long long)esp_graph_macs(graph_handle(graph)), (unsigned long long)macs);
    graph_destroy(graph);
}

void member_expect_operators(struct member_lab *lab, const struct arch *arch, const char *op,
                             uint64_t count)
{
    struct graph *graph = member_graph(lab, arch);
    uint64_t found = 0;
    for (uint64_t i = 0; i < esp_graph_node_count(graph_handle(graph)); i++)
        found += strcmp(esp_graph_get(graph_handle(graph), i)->op, op) == 0;
    cr_expect_eq(found, count, "%llu %s, expected %llu", (unsigned long long)found, op,
                 (unsigned long long)count);
    graph_destroy(graph);
}

struct arch *member_parse(struct member_lab *lab, const char *text)
{
    struct arch *arch = NULL;
    cr_assert_eq(builder_parse(lab->builder, text, NULL, 0, &arch, &lab->error), ESP_OK, "%s: %s",
                 text, lab->error.message);
    return arch;
}

void member_expect_wrong(struct member_lab *lab, const char *text, const char *words, int64_t caret)
{
    struct arch *arch = NULL;
    struct error error;
    error_clear(&error);
    cr_expect_neq(builder_parse(lab->builder, text, NULL, 0, &arch, &error), ESP_OK,
                  "it was not refused: %s", text);
    cr_expect(strstr(error.message, words), "\"%s\" is not in: %s", words, error.message);
    // The last two lines: the text, which may be cut at both ends, and the caret under it.
    const char *last = strrchr(error.message, '\n');
    const char *mark = last ? strchr(last, '^') : NULL;
    cr_expect_eq(mark != NULL, caret >= 0, "%s", error.message);
    if (mark && caret >= 0) {
        const char *line = last;
        while (line[-1] != '\n')
            line--;
        const char *place = line + (mark - last - 1), *rest = text + caret;
        size_t size = strlen(rest) < 8 ? strlen(rest) : 8;
        cr_expect(size > 0 ? strncmp(place, rest, size) == 0 : place >= last,
                  "expected a caret under \"%s\":\n%s", rest, error.message);
    }
    arch_release(arch);
}

void member_expect_print(struct member_lab *lab, const char *text, const char *printed)
{
    const char *again = NULL;
    struct arch *arch = member_parse(lab, text);
    cr_assert_eq(builder_print(lab->builder, arch, &again, &lab->error), ESP_OK, "%s",
                 lab->error.message);
    cr_expect_str_eq(again, printed);
    arch_release(arch);
}

void member_lab_reread(struct member_lab *lab, uint64_t seeds)
{
    for (uint64_t seed = 0; seed < seeds; seed++) {
        const char *text = NULL;
        struct arch *arch = member_sample(lab, seed);
        cr_assert_eq(builder_print(lab->builder, arch, &text, &lab->error), ESP_OK, "%s",
                     lab->error.message);
        char *copy = strdup(text);
        struct arch *again = member_parse(lab, copy);
        cr_expect_eq(arch_hash(again), arch_hash(arch), "%s", copy);
        free(copy);
        arch_release(again);
        arch_release(arch);
    }
}

// The trace replays, and so does the graph.
static void expect_member(struct member_lab *lab, const struct arch *arch)
{
    cr_assert_eq(builder_build(lab->builder, arch, NULL, &lab->error), ESP_OK, "%s",
                 lab->error.message);
    struct graph *graph = member_graph(lab, arch);
    cr_assert_gt(esp_graph_params(graph_handle(graph)), 0);
    graph_destroy(graph);
}

void member_lab_walk(struct member_lab *lab, uint64_t seeds)
{
    for (uint64_t seed = 0; seed < seeds; seed++) {
        esp_random random = esp_random_stream(seed, 2, 0, 0, 0);
        struct arch *a = member_sample(lab, 2 * seed), *b = member_sample(lab, 2 * seed + 1);
        struct arch *mutant = NULL, *child = NULL;
        cr_assert_eq(builder_mutate(lab->builder, a, 0.0, &random, &mutant, &lab->error), ESP_OK,
                     "%s", lab->error.message);
        cr_assert_eq(builder_cross(lab->builder, a, b, &random, &child, &lab->error), ESP_OK, "%s",
                     lab->error.message);
        cr_expect_neq(arch_hash(mutant), arch_hash(a));
        expect_member(lab, a);
        expect_member(lab, mutant);
        expect_member(lab, child);
        arch_release(a);
        arch_release(b);
        arch_release(mutant);
        arch_release(child);
    }
}

void member_lab_train(const char *ini, const char *shape, uint64_t seeds)
{
    struct session_lab lab;
    char *text = NULL;
    if (asprintf(&text,
                 "%s[strategy]\nplugin = random\n[estimator]\nplugin = train\nepochs = 1\n"
                 "batch = 16\n[dataset]\nplugin = synthetic\ntrain = 48\nvalid = 16\ntest = 16\n"
                 "%s\n[objective]\nmaximize = valid_accuracy\n",
                 ini, shape) < 0)
        abort();
    session_lab_open(&lab, text, NULL);
    for (uint64_t seed = 0; seed < seeds; seed++) {
        struct specification given = {.seed = seed};
        struct arch *arch = session_lab_sample(&lab, seed);
        struct result result = session_lab_evaluate(&lab, arch, &given, NULL, NULL);
        cr_expect_eq(result.status, ESP_OUTCOME_DONE, "%s", result.error);
        cr_expect(result_metric(&result, "valid_accuracy") >= 0.0);
        result_destroy(&result);
        arch_release(arch);
    }
    session_lab_close(&lab);
    free(text);
}

void member_lab_expect_refusal(const char *ini, const char *words)
{
    struct registry *registry = NULL;
    struct config *config = NULL;
    struct experiment *experiment = NULL;
    struct session *session = NULL;
    struct arch *arch = NULL;
    struct error error;
    char *text = whole_ini(ini);
    esp_random random = esp_random_stream(1, 1, 0, 0, 0);
    error_clear(&error);
    esp_status status = registry_create(&registry, NULL, &error);
    if (status == ESP_OK)
        status =
            registry_add_builtin(registry, ESP_KIND_EXECUTOR, "local", executor_local(), &error);
    if (status == ESP_OK)
        status = registry_add_builtin(registry, ESP_KIND_DATASET, "made", made_dataset(), &error);
    if (status == ESP_OK)
        status = config_parse(&config, text, "lab.ini", ".", &error);
    if (status == ESP_OK)
        status = experiment_create(&experiment, config, registry, &error);
    if (status == ESP_OK)
        status = session_create(&session, experiment, true, &error);
    if (status == ESP_OK)
        status = builder_sample(session_builder(session), &random, &arch, &error);
    cr_expect_neq(status, ESP_OK, "it was not refused: %s", ini);
    cr_expect(strstr(error.message, words), "\"%s\" is not in: %s", words, error.message);
    arch_release(arch);
    session_destroy(session);
    experiment_destroy(experiment);
    registry_destroy(registry);
    free(text);
}
