// SPDX-License-Identifier: Apache-2.0
// The values of a plan's names while its calls run; see plan.h. From plan_open on foreign code runs.
#include "foreign/plan.h"

#include "loader/trust.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static esp_status give_parameter(struct foreign_value *out, const struct parameter *parameter,
                                 struct error *error)
{
    switch (parameter->row->type) {
    case ESP_PARAM_TYPE_INT:
    case ESP_PARAM_TYPE_BOOL:
        *out = (struct foreign_value){.kind = VALUE_INTEGER, .as.integer = parameter->integer};
        break;
    case ESP_PARAM_TYPE_REAL:
        *out = (struct foreign_value){.kind = VALUE_REAL, .as.real = parameter->real};
        break;
    case ESP_PARAM_TYPE_INTS:
        *out = (struct foreign_value){.kind = VALUE_NUMBERS, .count = parameter->count};
        out->as.numbers = calloc(parameter->count + 1, sizeof(double));
        if (!out->as.numbers)
            return error_memory(error);
        for (uint64_t i = 0; i < parameter->count; i++)
            out->as.numbers[i] = (double)parameter->ints[i];
        break;
    default:
        *out = (struct foreign_value){.kind = VALUE_TEXT,
                                      .as.text = parameter->text ? parameter->text : ""};
        break;
    }
    return ESP_OK;
}

esp_status plan_open(struct foreign_frame *out, const struct foreign_plan *plan,
                     const struct manifest *manifest, const struct parameters *parameters,
                     struct error *error)
{
    esp_status status = ESP_OK;
    memset(out, 0, sizeof *out);
    out->values = calloc(plan->names.count + 1, sizeof *out->values);
    if (!out->values)
        return error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < plan->parameter_count; i++)
        status = give_parameter(&out->values[plan->first_parameter + (int64_t)i],
                                parameters_find(parameters, manifest->params[i].name), error);
    if (status == ESP_OK)
        status = trust_path(plan->library, error);
    if (status == ESP_OK && !(out->library = dlopen(plan->library, RTLD_NOW | RTLD_LOCAL)))
        status =
            error_set(error, ESP_ERROR_DATA, "%s cannot be loaded: %s", plan->library, dlerror());
    return status;
}

// The library stays loaded: what it started may still run.
void plan_close(struct foreign_frame *frame, const struct foreign_plan *plan)
{
    for (int64_t i = plan->first_parameter; frame->values && i < (int64_t)plan->names.count; i++)
        if (frame->values[i].kind == VALUE_NUMBERS)
            free(frame->values[i].as.numbers);
    free(frame->values);
    frame->values = NULL;
}

void frame_set_integer(struct foreign_frame *frame, const struct foreign_plan *plan,
                       enum foreign_given given, int64_t value)
{
    if (plan->given[given] >= 0)
        frame->values[plan->given[given]] =
            (struct foreign_value){.kind = VALUE_INTEGER, .as.integer = value};
}

void frame_set_numbers(struct foreign_frame *frame, const struct foreign_plan *plan,
                       enum foreign_given given, double *numbers, uint64_t count, bool writable)
{
    if (plan->given[given] >= 0)
        frame->values[plan->given[given]] = (struct foreign_value){
            .kind = VALUE_NUMBERS, .writable = writable, .as.numbers = numbers, .count = count};
}
