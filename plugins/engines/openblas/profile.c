// SPDX-License-Identifier: Apache-2.0
// Timed calls of operators; see profile.h.
#include "profile.h"

#include <espalier/espalier.h>

#include <stdlib.h>
#include <time.h>

// Of this thread, so that other programs on the machine do not count.
static double thread_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void op_forward(struct program *program, struct op *op)
{
    double began = program->profile ? thread_seconds() : 0.0;
    op->type->forward(program, op);
    if (program->profile)
        program->profile[op->index].forward += thread_seconds() - began;
}

void op_backward(struct program *program, struct op *op)
{
    double began = program->profile ? thread_seconds() : 0.0;
    op->type->backward(program, op);
    if (program->profile)
        program->profile[op->index].backward += thread_seconds() - began;
}

static esp_status start(void *handle, esp_call *call)
{
    struct program *program = handle;
    if (!program->profile)
        program->profile = calloc(program->count + 1, sizeof *program->profile);
    if (!program->profile)
        return esp_fail(call, ESP_ERROR_MEMORY, "out of memory");
    for (uint32_t i = 0; i < program->count; i++) {
        const struct op *op = &program->ops[i];
        program->profile[i] = (esp_profile_row){.struct_size = sizeof *program->profile,
                                                .op = op->type ? op->type->name : "",
                                                .path = op->path};
    }
    return ESP_OK;
}

static esp_status rows(void *handle, esp_call *call, const esp_profile_row **out, uint64_t *count,
                       uint64_t *stride)
{
    const struct program *program = handle;
    if (!program->profile)
        return esp_fail(call, ESP_ERROR_MISUSE, "the program is not profiled");
    *out = program->profile;
    *count = program->count;
    *stride = sizeof *program->profile;
    return ESP_OK;
}

const esp_engine_profile profile_ability = {sizeof(esp_engine_profile), start, rows};
