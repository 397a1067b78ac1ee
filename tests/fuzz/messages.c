// SPDX-License-Identifier: Apache-2.0
// What crosses between coordinator and worker inside frames: specifications, to the worker, and results,
// to the coordinator. Law: what was read, written and read again is the same.
#include "fuzz.h"

#include "evaluate/specification.h"
#include "text/printable.h"

#include <string.h>

static void read_specification(const json_t *json)
{
    struct error error;
    struct specification first, again;
    error_clear(&error);
    esp_status status = specification_parse(&first, json, &error);
    fuzz_refused(status, &error);
    if (status != ESP_OK)
        return;
    json_t *second = specification_json(&first);
    FUZZ_LAW(second != NULL, "no JSON of it");
    FUZZ_LAW(specification_parse(&again, second, &error) == ESP_OK, "%s", error.message);
    json_t *third = specification_json(&again);
    FUZZ_LAW(json_equal(second, third), "two writings differ");
    specification_destroy(&first);
    specification_destroy(&again);
    json_decref(second);
    json_decref(third);
}

static void read_result(const json_t *json)
{
    struct error error;
    struct result first, again;
    error_clear(&error);
    esp_status status = result_parse(&first, json, &error);
    fuzz_refused(status, &error);
    if (status != ESP_OK) {
        FUZZ_LAW(text_printable(error.message), "the refusal is not printable");
        return;
    }
    FUZZ_LAW(first.seconds >= 0, "%g seconds", first.seconds);
    FUZZ_LAW(text_printable(first.error), "its words are not printable");
    json_t *second = result_json(&first);
    FUZZ_LAW(second != NULL, "no JSON of it");
    FUZZ_LAW(result_parse(&again, second, &error) == ESP_OK, "%s", error.message);
    json_t *third = result_json(&again);
    FUZZ_LAW(json_equal(second, third), "two writings differ");
    result_destroy(&first);
    result_destroy(&again);
    json_decref(second);
    json_decref(third);
}

static void run(const uint8_t *bytes, size_t size)
{
    json_t *json = json_loadb((const char *)bytes, size, 0, NULL);
    if (!json)
        return;
    read_specification(json);
    read_result(json_object_get(json, "result") ? json_object_get(json, "result") : json);
    json_decref(json);
}

const struct fuzz_target fuzz_messages = {"messages", NULL, run};
