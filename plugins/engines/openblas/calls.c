// SPDX-License-Identifier: Apache-2.0
// What a forward or backward is refused for, and what a program takes down of it.
#include "program.h"

static esp_status check_inputs(const struct program *program, esp_call *call,
                               const esp_forward *forward)
{
    for (uint64_t i = 0; i < program->graph_input_count; i++) {
        const esp_tensor *given = &forward->inputs[i];
        const esp_shape *shape = &program->ops[program->graph_inputs[i]].shape;
        bool same = given->data && given->shape.rank == shape->rank &&
                    given->shape.dims[0] == (int64_t)forward->batch;
        for (uint32_t d = 1; same && d < shape->rank; d++)
            same = given->shape.dims[d] == shape->dims[d];
        if (!same)
            return esp_fail(call, ESP_ERROR_MISUSE,
                            "input %llu has another shape than '%s', a batch of %llu",
                            (unsigned long long)i, program->ops[program->graph_inputs[i]].path,
                            (unsigned long long)forward->batch);
    }
    return ESP_OK;
}

// What callers of an older interface do not give is 0.
static esp_status take_form(struct program *program, esp_call *call, const esp_forward *forward)
{
    uint64_t wanted = ESP_HAS(esp_forward, forward, output_count) ? forward->output_count : 0;
    double progress = ESP_HAS(esp_forward, forward, progress) ? forward->progress : 0.0;
    if (!(progress >= 0.0 && progress <= 1.0))
        return esp_fail(call, ESP_ERROR_MISUSE, "a progress of %g: expected 0 to 1", progress);
    if (wanted > program->output_count)
        return esp_fail(call, ESP_ERROR_MISUSE, "%llu outputs, and the network has %llu",
                        (unsigned long long)wanted, (unsigned long long)program->output_count);
    program->batch = forward->batch;
    program->training_mode = forward->training != 0;
    program->random = forward->random;
    program->progress = progress;
    program->outputs_wanted = wanted ? wanted : program->output_count;
    program->ran = true;
    return ESP_OK;
}

esp_status program_begin_forward(struct program *program, esp_call *call,
                                 const esp_forward *forward)
{
    if (forward->batch < 1 || forward->batch > program->max_batch)
        return esp_fail(call, ESP_ERROR_MISUSE, "a batch of %llu in a program compiled for %llu",
                        (unsigned long long)forward->batch, (unsigned long long)program->max_batch);
    if (forward->input_count != program->graph_input_count)
        return esp_fail(call, ESP_ERROR_MISUSE, "%llu inputs, and the network has %llu",
                        (unsigned long long)forward->input_count,
                        (unsigned long long)program->graph_input_count);
    if (forward->training && !program->training)
        return esp_fail(call, ESP_ERROR_MISUSE, "the program was compiled for evaluation alone");
    esp_status status = check_inputs(program, call, forward);
    return status == ESP_OK ? take_form(program, call, forward) : status;
}

esp_status program_begin_backward(const struct program *program, esp_call *call,
                                  const esp_output_gradient *gradients, uint64_t count,
                                  uint64_t stride)
{
    if (!program->training || !program->ran)
        return esp_fail(call, ESP_ERROR_MISUSE,
                        program->training ? "backward before any forward"
                                          : "the program was compiled for evaluation "
                                            "alone");
    const char *row = (const char *)gradients;
    for (uint64_t i = 0; i < count; i++, row += stride) {
        const esp_output_gradient *given = (const esp_output_gradient *)(const void *)row;
        if (given->output >= program->output_count)
            return esp_fail(call, ESP_ERROR_MISUSE, "there is no output %llu",
                            (unsigned long long)given->output);
        if (given->output >= program->outputs_wanted)
            return esp_fail(call, ESP_ERROR_MISUSE,
                            "a gradient of output %llu, and the last forward left it out",
                            (unsigned long long)given->output);
        if (!given->data)
            return esp_fail(call, ESP_ERROR_MISUSE, "the gradient of output %llu is NULL",
                            (unsigned long long)given->output);
    }
    return ESP_OK;
}
