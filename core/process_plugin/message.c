// SPDX-License-Identifier: Apache-2.0
// Parts of the messages to and from programs; see process_plugin.h.
#include "process_plugin/process_plugin.h"

#include "arch/arch.h"
#include "config/list.h"
#include "text/nearest.h"
#include "text/printable.h"

#include <math.h>
#include <string.h>

// ---- To a program -------------------------------------------------------------------------------

static json_t *list_of(const struct parameter *parameter)
{
    json_t *list = json_array();
    for (uint64_t i = 0; list && i < parameter->count; i++)
        if (json_array_append_new(list, parameter->ints ? json_integer(parameter->ints[i])
                                                        : json_string(parameter->names[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static json_t *parameter_value(const struct parameter *parameter)
{
    switch (parameter->row->type) {
    case ESP_PARAM_TYPE_INT:
        return json_integer(parameter->integer);
    case ESP_PARAM_TYPE_REAL:
        return json_real(parameter->real);
    case ESP_PARAM_TYPE_BOOL:
        return json_boolean(parameter->integer != 0);
    case ESP_PARAM_TYPE_INTS:
    case ESP_PARAM_TYPE_NAMES:
        return list_of(parameter);
    default:
        return json_string(parameter->text ? parameter->text : "");
    }
}

json_t *message_parameters(const struct parameters *parameters)
{
    json_t *object = json_object();
    for (uint64_t i = 0; object && i < parameters->count; i++)
        if (json_object_set_new(object, parameters->items[i].row->name,
                                parameter_value(&parameters->items[i])) != 0) {
            json_decref(object);
            object = NULL;
        }
    return object;
}

json_t *message_decisions(const esp_arch *arch)
{
    json_t *list = json_array();
    for (uint64_t i = 0; list && i < esp_arch_count(arch); i++)
        if (json_array_append_new(list, json_pack("[s, o]", esp_arch_path(arch, i),
                                                  value_json(esp_arch_domain(arch, i),
                                                             esp_arch_value(arch, i)))) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

json_t *message_task(const esp_task *task)
{
    if (!task)
        return json_null();
    return json_pack("{s:s, s:I, s:I, s:I, s:I}", "kind",
                     task->kind == ESP_TASK_IMAGES ? "images" : "rows", "channels",
                     (json_int_t)task->channels, "height", (json_int_t)task->height, "width",
                     (json_int_t)task->width, "classes", (json_int_t)task->classes);
}

// ---- From a program -----------------------------------------------------------------------------

esp_status answer_expect(const json_t *answer, const char *const *kinds, struct error *error)
{
    const char *kind = json_string_value(json_object_get(answer, "answer"));
    const char *message = json_string_value(json_object_get(answer, "message"));
    char shown[64], expected[256];
    uint64_t count = 0;
    if (kind && strcmp(kind, "error") == 0)
        return error_set(error, ESP_ERROR, "%s",
                         message && message[0] ? message
                                               : "its program failed "
                                                 "without words");
    for (; kinds[count]; count++)
        if (kind && strcmp(kinds[count], kind) == 0)
            return ESP_OK;
    list_join(expected, sizeof expected, kinds, count);
    if (!kind)
        return error_set(error, ESP_ERROR, "its program's line lacks its \"answer\": expected %s",
                         expected);
    snprintf(shown, sizeof shown, "%s", kind);
    text_make_printable(shown);
    return error_set(error, ESP_ERROR, "its program's answer is '%s': expected %s", shown,
                     expected);
}

esp_status answer_check(const json_t *answer, const char *const *names, struct error *error)
{
    const char *known[16] = {"id", "answer"}, *key;
    uint64_t count = 2;
    json_t *value;
    while (*names)
        known[count++] = *names++;
    json_object_foreach ((json_t *)(uintptr_t)answer, key, value) {
        uint64_t i = 0;
        while (i < count && strcmp(known[i], key) != 0)
            i++;
        if (i < count)
            continue;
        char shown[64];
        snprintf(shown, sizeof shown, "%s", key);
        text_make_printable(shown);
        const char *nearest = text_nearest(shown, known, count);
        return error_set(error, ESP_ERROR, "its program's answer '%s' has no \"%s\"%s%s%s",
                         json_string_value(json_object_get(answer, "answer")), shown,
                         nearest ? "; did it mean \"" : "", nearest ? nearest : "",
                         nearest ? "\"?" : "");
    }
    return ESP_OK;
}

esp_status answer_number(double *out, const json_t *answer, const char *name, struct error *error)
{
    const json_t *value = json_object_get(answer, name);
    *out = json_number_value(value);
    if (json_is_number(value) && isfinite(*out))
        return ESP_OK;
    return error_set(error, ESP_ERROR, "its program's \"%s\" is no number", name);
}
