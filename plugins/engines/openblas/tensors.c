// SPDX-License-Identifier: Apache-2.0
// Tensors of a program by name: weights with their gradients and optimizer state, outputs, the
// gradient of the input, kept activations with theirs.
#include "program.h"

#include <string.h>

static esp_status not_found(esp_call *call, const char *what, const char *name)
{
    return esp_fail(call, ESP_ERROR_NOT_FOUND, "there is no %s '%s'", what, name);
}

static esp_status weight_tensor(struct program *program, esp_call *call, uint32_t which,
                                const char *name, esp_tensor *out)
{
    uint64_t count = program->weight_count;
    // Most ask for one after the other, in their order.
    for (uint64_t i = 0; i < count; i++) {
        uint64_t place = (program->next_weight + i) % count;
        struct weight *weight = &program->weights[place];
        if (strcmp(weight->path, name) != 0)
            continue;
        program->next_weight = place;
        out->shape = weight->shape;
        out->data = weight->value;
        if (which == ESP_TENSOR_WEIGHT)
            return ESP_OK;
        if (!weight->trained || !program->training)
            return not_found(call, "trained weight", name);
        if (which != ESP_TENSOR_GRADIENT && !optimizer_state(weight, which == ESP_TENSOR_SECOND))
            return esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
        out->data = which == ESP_TENSOR_GRADIENT ? weight->gradient
                    : which == ESP_TENSOR_FIRST  ? weight->first
                                                 : weight->second;
        return ESP_OK;
    }
    return not_found(call, "weight", name);
}

static esp_status value_tensor(struct program *program, esp_call *call, uint32_t index,
                               bool gradient, const char *name, esp_tensor *out)
{
    out->data = program_value_data(program, index, gradient);
    out->shape = program->ops[index].shape;
    out->shape.dims[0] = (int64_t)program->batch;
    return out->data ? ESP_OK : not_found(call, "gradient of the name", name);
}

// The name of an output or input: its index in decimal digits.
static bool read_number(const char *name, uint64_t *number)
{
    const char *at = name;
    for (*number = 0; *at >= '0' && *at <= '9' && *number < UINT32_MAX; at++)
        *number = *number * 10 + (uint64_t)(*at - '0');
    return at != name && *at == '\0';
}

esp_status program_tensor(struct program *program, esp_call *call, uint32_t which, const char *name,
                          esp_tensor *out)
{
    uint64_t number = 0;
    bool is_number = read_number(name, &number);
    switch (which) {
    case ESP_TENSOR_WEIGHT:
    case ESP_TENSOR_GRADIENT:
    case ESP_TENSOR_FIRST:
    case ESP_TENSOR_SECOND:
        return weight_tensor(program, call, which, name, out);
    case ESP_TENSOR_OUTPUT:
        if (!is_number || number >= program->output_count)
            return not_found(call, "output", name);
        return value_tensor(program, call, program->outputs[number], false, name, out);
    case ESP_TENSOR_INPUT_GRADIENT:
        if (!is_number || number >= program->graph_input_count)
            return not_found(call, "input", name);
        return value_tensor(program, call, program->graph_inputs[number], true, name, out);
    case ESP_TENSOR_ACTIVATION:
    case ESP_TENSOR_ACTIVATION_GRADIENT:
        for (uint32_t i = 0; i < program->count; i++)
            if (program->values[i].kept && strcmp(program->ops[i].path, name) == 0)
                return value_tensor(program, call, i, which == ESP_TENSOR_ACTIVATION_GRADIENT, name,
                                    out);
        return not_found(call, "kept activation", name);
    default:
        return esp_fail(call, ESP_ERROR_NOT_FOUND, "there are no tensors of kind %u", which);
    }
}
