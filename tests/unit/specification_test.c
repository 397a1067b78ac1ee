// SPDX-License-Identifier: Apache-2.0
// Specifications and results cross a process boundary as JSON: all of it comes back, and what is
// damaged is refused with the name of the field.
#include "evaluate/specification.h"

#include "support/leak.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct error error;

// As text and back: what the other process has.
static json_t *cross(json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    cr_assert_not_null(text);
    json_t *back = json_loads(text, 0, NULL);
    json_decref(json);
    free(text);
    return back;
}

static struct specification example(struct fidelity fidelity[2])
{
    fidelity[0] = (struct fidelity){.name = (char *)"epochs", .value = 3.0};
    fidelity[1] = (struct fidelity){.name = (char *)"dataset.train_limit", .value = 0.1};
    return (struct specification){
        .purpose = PURPOSE_FINAL,
        .trial = 17,
        .attempt = 2,
        .lineage = 5,
        .seed = UINT64_C(0xfedcba9876543210),
        .mode = ESP_MODE_INHERIT,
        .test = true,
        .arch =
            json_pack("{s:s, s:[[s, f]], s:n}", "space", "chain", "decisions", "lr", 0.1, "genome"),
        .hash = "0123456789abcdef",
        .fidelity = fidelity,
        .fidelity_count = 2,
        .folder = (char *)"/out/artifacts/.attempts/17.2",
        .earlier = (char *)"/out/artifacts/.attempts/17.1",
        .parent_folder = (char *)"/out/artifacts/5",
        .weights = (char *)"/elsewhere/net.safetensors",
        .wants_files = true,
    };
}

TestLeak(specification, all_of_a_specification_comes_back)
{
    struct fidelity fidelity[2];
    struct specification given = example(fidelity), back;
    json_t *json = cross(specification_json(&given));
    cr_assert_eq(specification_parse(&back, json, &error), ESP_OK, "%s", error.message);
    cr_assert_eq(back.purpose, PURPOSE_FINAL);
    cr_assert_eq(back.trial, 17);
    cr_assert_eq(back.attempt, 2);
    cr_assert_eq(back.lineage, 5);
    cr_assert_eq(back.seed, UINT64_C(0xfedcba9876543210));
    cr_assert_eq(back.mode, ESP_MODE_INHERIT);
    cr_assert(back.test && back.wants_files);
    cr_assert(json_equal(back.arch, given.arch));
    cr_assert_str_eq(back.hash, given.hash);
    cr_assert_eq(back.fidelity_count, 2);
    cr_assert_str_eq(back.fidelity[1].name, "dataset.train_limit");
    cr_assert_eq(back.fidelity[1].value, 0.1, "all bits");
    cr_assert_str_eq(back.folder, given.folder);
    cr_assert_str_eq(back.earlier, given.earlier);
    cr_assert_str_eq(back.parent_folder, given.parent_folder);
    cr_assert_str_eq(back.weights, given.weights);
    json_decref(json);
    json_decref(given.arch);
    specification_destroy(&back);
}

TestLeak(specification, what_is_not_there_is_not_there)
{
    struct specification given = {.arch = json_object(), .hash = "0123456789abcdef"}, back;
    given.folder = (char *)"/somewhere";
    json_t *json = cross(specification_json(&given));
    cr_assert_eq(specification_parse(&back, json, &error), ESP_OK, "%s", error.message);
    cr_assert_null(back.earlier);
    cr_assert_null(back.parent_folder);
    cr_assert_null(back.weights);
    cr_assert_eq(back.fidelity_count, 0);
    cr_assert_not(back.test || back.wants_files);
    json_decref(json);
    json_decref(given.arch);
    specification_destroy(&back);
}

TestLeak(specification, damaged_fields_are_refused_by_name)
{
    static const struct {
        const char *field, *value; // NULL: it is taken out
    } cases[] = {
        {"purpose", NULL},
        {"purpose", "2"},
        {"purpose", "-1"},
        {"trial", NULL},
        {"trial", "1.5"},
        {"trial", "-1"},
        {"attempt", "\"2\""},
        {"lineage", "null"},
        {"seed", NULL},
        {"seed", "1e3"},
        {"mode", "3"},
        {"test", NULL},
        {"test", "1"},
        {"wants_files", "null"},
        {"arch", NULL},
        {"arch", "[]"},
        {"hash", NULL},
        {"hash", "\"0123\""},
        {"hash", "\"0123456789ABCDEF\""},
        {"fidelity", NULL},
        {"fidelity", "{}"},
        {"fidelity", "[1]"},
        {"fidelity", "[[\"epochs\"]]"},
        {"fidelity", "[[\"epochs\", \"3\"]]"},
        {"fidelity", "[[3, 3]]"},
        {"fidelity", "[[\"epochs\", 3, 4]]"},
        {"folder", NULL},
        {"folder", "3"},
        {"earlier", "false"},
        {"parent_folder", "[]"},
        {"weights", "7"},
    };
    struct fidelity fidelity[2];
    struct specification given = example(fidelity), back;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *json = specification_json(&given);
        if (cases[i].value)
            json_object_set_new(json, cases[i].field,
                                json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
        else
            json_object_del(json, cases[i].field);
        error_clear(&error);
        cr_assert_eq(specification_parse(&back, json, &error), ESP_ERROR_DATA, "%s = %s",
                     cases[i].field, cases[i].value);
        char quoted[64];
        snprintf(quoted, sizeof quoted, "'%s'", cases[i].field);
        cr_assert(strstr(error.message, quoted), "%s", error.message);
        json_decref(json);
    }
    json_decref(given.arch);
}

TestLeak(result, all_of_a_result_comes_back)
{
    struct result given = {.status = ESP_OUTCOME_STOPPED, .seconds = 1.25}, back;
    cr_assert_eq(result_set_metric(&given, "valid_accuracy", 0.1 + 0.2, &error), ESP_OK);
    cr_assert_eq(result_set_metric(&given, "gap", INFINITY, &error), ESP_OK);
    cr_assert_eq(result_set_metric(&given, "params", 5.0, &error), ESP_OK);
    cr_assert_eq(result_set_metric(&given, "params", 6.0, &error), ESP_OK);
    json_t *json = cross(result_json(&given));
    cr_assert_eq(result_parse(&back, json, &error), ESP_OK, "%s", error.message);
    cr_assert_eq(back.status, ESP_OUTCOME_STOPPED);
    cr_assert_eq(back.seconds, 1.25);
    cr_assert_eq(back.metric_count, 3);
    cr_assert_eq(result_metric(&back, "valid_accuracy"), 0.1 + 0.2, "all bits");
    cr_assert(isnan(result_metric(&back, "gap")));
    cr_assert_eq(result_metric(&back, "params"), 6.0, "the later value stands");
    cr_assert(isnan(result_metric(&back, "macs")), "there is none");
    json_decref(json);
    result_destroy(&given);
    result_destroy(&back);
}

// A message is cut at a byte, and a plugin may say anything.
TestLeak(result, words_that_are_no_utf8_do_not_take_the_result_with_them)
{
    struct result given = {.status = ESP_OUTCOME_FAILED,
                           .halt = true,
                           .error = "caf\xc3\xa9 caf\xc3"},
                  back;
    json_t *json = cross(result_json(&given));
    cr_assert_eq(result_parse(&back, json, &error), ESP_OK, "%s", error.message);
    cr_assert_str_eq(back.error, "caf\xc3\xa9 caf?");
    cr_assert(back.halt);
    json_decref(json);
    result_destroy(&back);
}

// A million of them would have kept the coordinator busy for hours.
TestLeak(result, more_metrics_than_any_estimator_declares_are_refused)
{
    json_t *metrics = json_object();
    struct result back;
    for (int i = 0; i <= 4096; i++) {
        char name[16];
        snprintf(name, sizeof name, "m%d", i);
        json_object_set_new(metrics, name, json_real(0.5));
    }
    json_t *json = json_pack("{s:i, s:o, s:f, s:b, s:s}", "status", 1, "metrics", metrics,
                             "seconds", 1.0, "halt", 0, "error", "");
    error_clear(&error);
    cr_assert_eq(result_parse(&back, json, &error), ESP_ERROR_DATA);
    cr_assert(strstr(error.message, "4,096 at most"), "%s", error.message);
    json_object_del(metrics, "m0");
    error_clear(&error);
    cr_assert_eq(result_parse(&back, json, &error), ESP_OK, "%s", error.message);
    result_destroy(&back);
    json_decref(json);
}

// They are shown on a terminal.
TestLeak(result, words_of_a_worker_are_made_printable)
{
    json_t *json = json_loads("{\"status\": 3, \"metrics\": {}, \"seconds\": 1, \"halt\": false, "
                              "\"error\": \"red \\u001b[31m\"}",
                              0, NULL);
    struct result back;
    error_clear(&error);
    cr_assert_eq(result_parse(&back, json, &error), ESP_OK, "%s", error.message);
    cr_assert_str_eq(back.error, "red ?[31m");
    result_destroy(&back);
    json_decref(json);
}

TestLeak(result, damaged_answers_are_refused_by_name)
{
    static const struct {
        const char *field, *json;
    } cases[] = {
        {"status", "{\"metrics\": {}, \"seconds\": 1, \"halt\": false, \"error\": \"\"}"},
        {"status",
         "{\"status\": 4, \"metrics\": {}, \"seconds\": 1, \"halt\": false, \"error\": \"\"}"},
        {"status",
         "{\"status\": 0, \"metrics\": {}, \"seconds\": 1, \"halt\": false, \"error\": \"\"}"},
        {"metrics",
         "{\"status\": 1, \"metrics\": [], \"seconds\": 1, \"halt\": false, \"error\": \"\"}"},
        {"loss", "{\"status\": 1, \"metrics\": {\"loss\": \"0\"}, \"seconds\": 1, \"halt\": false, "
                 "\"error\": \"\"}"},
        {"seconds", "{\"status\": 1, \"metrics\": {}, \"halt\": false, \"error\": \"\"}"},
        {"seconds",
         "{\"status\": 1, \"metrics\": {}, \"seconds\": -1, \"halt\": false, \"error\": \"\"}"},
        {"a?[31m", "{\"status\": 1, \"metrics\": {\"a\\u001b[31m\": []}, \"seconds\": 1, "
                   "\"halt\": false, \"error\": \"\"}"},
        {"error", "{\"status\": 1, \"metrics\": {}, \"seconds\": 1, \"halt\": false}"},
        {"halt", "{\"status\": 3, \"metrics\": {}, \"seconds\": 1, \"error\": \"\"}"},
        {"halt", "{\"status\": 3, \"metrics\": {}, \"seconds\": 1, \"halt\": 0, \"error\": \"\"}"},
        {"status", "[]"},
    };
    struct result back;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *json = json_loads(cases[i].json, 0, NULL);
        char quoted[64];
        snprintf(quoted, sizeof quoted, "'%s'", cases[i].field);
        error_clear(&error);
        cr_assert_eq(result_parse(&back, json, &error), ESP_ERROR_DATA, "%s", cases[i].json);
        cr_assert(strstr(error.message, quoted), "%s", error.message);
        json_decref(json);
    }
}
