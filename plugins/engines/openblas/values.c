// SPDX-License-Identifier: Apache-2.0
// What the operators share: memory, gradients that are set or added to.
#include "program.h"

#include <stdlib.h>
#include <string.h>

float *floats_uncleared(size_t count)
{
    if (count > SIZE_MAX / 8)
        return NULL;
    size_t bytes = ((count + LANES) * sizeof(float) + 63) / 64 * 64;
    return aligned_alloc(64, bytes);
}

float *floats(size_t count)
{
    float *made = floats_uncleared(count);
    if (made)
        memset(made, 0, (count + LANES) * sizeof *made);
    return made;
}

bool need_scratch(struct program *program, size_t count)
{
    if (count <= program->scratch_size)
        return true;
    float *grown = floats(count);
    if (!grown)
        return false;
    free(program->scratch);
    program->scratch = grown;
    program->scratch_size = count;
    return true;
}

void gradient_add(const struct program *program, struct value *value, const float *from,
                  size_t count)
{
    if (!value->grad)
        return;
    if (value->filled)
        program->loops->add(value->grad, from, (int64_t)count);
    else if (value->grad != from)
        memcpy(value->grad, from, count * sizeof(float));
    value->filled = true;
}

bool gradient_is_set(const struct program *program, const struct op *op)
{
    const struct value *in = &program->values[op->inputs[0]];
    return !in->filled || in->grad == program->values[op->index].grad;
}

int64_t output_elements(const struct program *program, const struct op *op)
{
    return (int64_t)(program->values[op->index].size * program->batch);
}

uint64_t memory_limit_of(const esp_compile_options *options)
{
    return ESP_HAS(esp_compile_options, options, memory_limit) ? options->memory_limit : 0;
}

double weight_bytes(const struct program *program)
{
    double floats = 0.0;
    for (uint64_t i = 0; i < program->weight_count; i++)
        floats += (double)program->weights[i].size * (program->weights[i].gradient ? 2.0 : 1.0);
    return floats * sizeof(float);
}

esp_status memory_refused(esp_call *call, double bytes, uint64_t limit)
{
    return esp_fail(call, ESP_ERROR_MEMORY,
                    "the network needs %.1f MiB, and the limit is %.1f MiB "
                    "(run.trial_memory_limit): a smaller batch or a smaller network fits",
                    bytes / 1048576.0, (double)limit / 1048576.0);
}
