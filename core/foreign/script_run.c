// SPDX-License-Identifier: Apache-2.0
// Running calls; see script.h.
#include "foreign/script.h"

#include <dlfcn.h>
#include <string.h>

static esp_status operand_value(struct foreign_value *out, const struct foreign_operand *operand,
                                const struct foreign_type *type, struct foreign_frame *frame,
                                struct error *error)
{
    *out = operand->name >= 0 ? frame->values[operand->name] : operand->literal;
    if (out->kind != VALUE_CALLBACK)
        return ESP_OK;
    return frame->callback(frame->self, type->function, &out->as.handle, error);
}

static bool holds(enum comparison comparison, double value, double bound)
{
    switch (comparison) {
    case COMPARE_EQUAL:
        return value == bound;
    case COMPARE_UNEQUAL:
        return value != bound;
    case COMPARE_LESS:
        return value < bound;
    case COMPARE_AT_MOST:
        return value <= bound;
    case COMPARE_MORE:
        return value > bound;
    case COMPARE_AT_LEAST:
        return value >= bound;
    default:
        return true;
    }
}

static esp_status check_result(const struct foreign_step *step, const struct foreign_value *result,
                               struct error *error)
{
    const char *symbol = step->function->symbol;
    if (result->kind == VALUE_HANDLE && !result->as.handle)
        return error_set(error, ESP_ERROR, "%s answered null", symbol);
    if (result->kind != VALUE_INTEGER && result->kind != VALUE_REAL)
        return ESP_OK;
    double value = result->kind == VALUE_REAL ? result->as.real : (double)result->as.integer;
    return holds(step->comparison, value, step->bound)
               ? ESP_OK
               : error_set(error, ESP_ERROR, "%s answered %.17g", symbol, value);
}

static esp_status run_step(const struct foreign_step *step, struct foreign_frame *frame,
                           struct error *error)
{
    const struct foreign_function *function = step->function;
    const struct signature *signature = function->signature;
    struct foreign_value values[FOREIGN_MOST_ARGUMENTS], result = {0};
    bool outs[FOREIGN_MOST_ARGUMENTS];
    void *code = dlsym(frame->library, function->symbol);
    if (!code)
        return error_set(error, ESP_ERROR_DATA, "the library has no function '%s' any more",
                         function->symbol);
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < signature->count; i++) {
        outs[i] = step->operands[i].out;
        status = operand_value(&values[i], &step->operands[i], &signature->arguments[i].type, frame,
                               error);
    }
    if (status == ESP_OK)
        status = call_invoke(&function->call, code, values, outs, &result, error);
    if (status == ESP_OK)
        status = check_result(step, &result, error);
    if (status != ESP_OK)
        return status;
    for (uint64_t i = 0; i < signature->count; i++)
        if (outs[i])
            frame->values[step->operands[i].name] = values[i];
    if (step->result >= 0)
        frame->values[step->result] = result;
    return ESP_OK;
}

esp_status script_run(const struct foreign_script *script, struct foreign_frame *frame,
                      struct error *error)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < script->count; i++) {
        const struct foreign_step *step = &script->steps[i];
        status = run_step(step, frame, error);
        if (status != ESP_OK && step->place)
            error_prefix(error, "%s: ", step->place);
    }
    return status;
}
