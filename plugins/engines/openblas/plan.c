// SPDX-License-Identifier: Apache-2.0
// Which value lies in which buffer. An activation that a backward reads, or that is read from outside,
// stays; an operator that may work in place overwrites its input where nothing else needs it. Other
// activations share buffers, and gradients share others: each is live from its first writer to its
// last reader.
#include "program.h"

#include <stdlib.h>
#include <string.h>

struct pool {
    struct program *program;
    bool *free;
    uint32_t capacity;
};

static uint32_t add_buffer(struct pool *pool, size_t size)
{
    struct program *program = pool->program;
    if (program->buffer_count == pool->capacity) {
        uint32_t capacity = pool->capacity ? 2 * pool->capacity : 32;
        size_t *sizes = realloc(program->buffer_sizes, capacity * sizeof *sizes);
        if (sizes)
            program->buffer_sizes = sizes;
        bool *grown = realloc(pool->free, capacity * sizeof *grown);
        if (grown)
            pool->free = grown;
        if (!sizes || !grown)
            return NO_BUFFER;
        pool->capacity = capacity;
    }
    program->buffer_sizes[program->buffer_count] = size;
    pool->free[program->buffer_count] = false;
    return program->buffer_count++;
}

// The free buffer that fits best, a free one made larger, or a new one.
static uint32_t take(struct pool *pool, size_t size)
{
    const size_t *sizes = pool->program->buffer_sizes;
    uint32_t fit = NO_BUFFER, largest = NO_BUFFER;
    for (uint32_t i = 0; i < pool->program->buffer_count; i++) {
        if (!pool->free[i])
            continue;
        if (sizes[i] >= size && (fit == NO_BUFFER || sizes[i] < sizes[fit]))
            fit = i;
        if (largest == NO_BUFFER || sizes[i] > sizes[largest])
            largest = i;
    }
    if (fit == NO_BUFFER && largest != NO_BUFFER) {
        pool->program->buffer_sizes[largest] = size;
        fit = largest;
    }
    if (fit == NO_BUFFER)
        return add_buffer(pool, size);
    pool->free[fit] = false;
    return fit;
}

// May operator `op` write its output over its input's activation?
static bool may_overwrite(const struct program *program, const struct op *op)
{
    bool in_place = op->type->in_place || (!program->training && op->type->in_place_evaluation);
    if (!in_place || op->input_count != 1)
        return false;
    const struct value *input = &program->values[op->inputs[0]];
    const struct op *producer = &program->ops[op->inputs[0]];
    if (producer->type == &op_input || input->kept || input->consumers != 1 ||
        input->size != program->values[op->index].size)
        return false;
    // An alias lies in its own input's memory, which nothing else may read either.
    while (producer->type->alias) {
        const struct value *behind = &program->values[producer->inputs[0]];
        if (behind->consumers != 1 || behind->kept)
            return false;
        producer = &program->ops[producer->inputs[0]];
        if (producer->type == &op_input)
            return false;
    }
    return !program->training || (!producer->type->reads_output && !op->type->reads_input);
}

// The last operator of the forward that reads each value; `count` where it must stay for good: it is
// read from outside, or by a backward.
static void last_uses(const struct program *program, uint32_t *last)
{
    for (uint32_t i = 0; i < program->count; i++) {
        const struct op *op = &program->ops[i];
        bool stays = program->values[i].kept || (program->training && op->type->reads_output);
        last[i] = stays ? program->count : i;
        for (uint64_t j = 0; j < op->input_count; j++) {
            uint32_t *input = &last[op->inputs[j]];
            if (program->training && op->type->reads_input)
                *input = program->count;
            else if (*input < program->count)
                *input = i;
        }
    }
    for (uint64_t i = 0; i < program->output_count; i++)
        last[program->outputs[i]] = program->count;
}

static esp_status plan_activations(struct pool *pool)
{
    struct program *program = pool->program;
    uint32_t *last = calloc(program->count + 1, sizeof *last);
    // How many values lie in a buffer and are still to be read.
    uint32_t *users = calloc(program->count + 1, sizeof *users);
    if (!last || !users) {
        free(last);
        free(users);
        return ESP_ERROR_MEMORY;
    }
    last_uses(program, last);
    esp_status status = ESP_OK;
    for (uint32_t i = 0; i < program->count && status == ESP_OK; i++) {
        const struct op *op = &program->ops[i];
        struct value *value = &program->values[i];
        if (op->type->alias || may_overwrite(program, op))
            value->buffer = program->values[op->inputs[0]].buffer;
        else
            value->buffer = take(pool, value->size);
        if (value->buffer == NO_BUFFER) {
            status = ESP_ERROR_MEMORY;
            break;
        }
        users[value->buffer]++;
        for (uint32_t j = 0; j <= i; j++)
            if (last[j] == i && --users[program->values[j].buffer] == 0)
                pool->free[program->values[j].buffer] = true;
    }
    free(last);
    free(users);
    return status;
}

// May the gradient of the op's input lie over that of its output? The op is the last that reads the
// input, for gradients come from behind: what others give is added later.
static bool shares_gradient(const struct program *program, const struct op *op)
{
    const struct value *input = op->input_count == 1 ? &program->values[op->inputs[0]] : NULL;
    return input && (op->type->in_place || op->type->alias || op->type->gradient_in_place) &&
           !program->values[op->index].kept && input->size == program->values[op->index].size;
}

static esp_status plan_gradients(struct pool *pool)
{
    struct program *program = pool->program;
    // No buffer of the forward is given to a gradient: backward may come again.
    for (uint32_t i = 0; i < program->buffer_count; i++)
        pool->free[i] = false;
    for (uint32_t i = 0; i < program->count; i++)
        program->values[i].gradient = NO_BUFFER;
    for (uint64_t i = 0; i < program->output_count; i++) {
        struct value *value = &program->values[program->outputs[i]];
        if (value->gradient == NO_BUFFER &&
            (value->gradient = take(pool, value->size)) == NO_BUFFER)
            return ESP_ERROR_MEMORY;
    }
    for (uint32_t i = program->count; i-- > 0;) {
        const struct op *op = &program->ops[i];
        struct value *value = &program->values[i];
        if (value->gradient == NO_BUFFER)
            continue; // no output depends on it, or nothing before it is trained
        bool given_on = false;
        for (uint64_t j = 0; j < op->input_count; j++) {
            struct value *input = &program->values[op->inputs[j]];
            if (!input->needs_grad || input->gradient != NO_BUFFER)
                continue;
            if (shares_gradient(program, op)) {
                input->gradient = value->gradient;
                given_on = true;
            } else if ((input->gradient = take(pool, input->size)) == NO_BUFFER) {
                return ESP_ERROR_MEMORY;
            }
        }
        if (!given_on && !value->kept && op->type != &op_input)
            pool->free[value->gradient] = true;
    }
    return ESP_OK;
}

// A Relu that lies over a normalization, in forward and backward, is computed with it.
static void join_relus(struct program *program)
{
    for (uint32_t i = 0; i < program->count; i++) {
        struct op *op = &program->ops[i];
        if (op->type != &op_relu || program->ops[op->inputs[0]].type != &op_batch_norm)
            continue;
        const struct value *in = &program->values[op->inputs[0]], *out = &program->values[i];
        if (in->data != out->data || in->grad != out->grad)
            continue;
        program->ops[op->inputs[0]].with_relu = true;
        op->done_before = true;
    }
}

static esp_status check_limit(const struct program *program, esp_call *call)
{
    double bytes = weight_bytes(program);
    for (uint32_t i = 0; i < program->buffer_count; i++)
        bytes += (double)program->buffer_sizes[i] * (double)program->max_batch * sizeof(float);
    if (program->memory_limit && bytes > (double)program->memory_limit)
        return memory_refused(call, bytes, program->memory_limit);
    return ESP_OK;
}

esp_status plan_memory(struct program *program, esp_call *call)
{
    struct pool pool = {.program = program};
    esp_status status = plan_activations(&pool);
    if (status == ESP_OK && program->training)
        status = plan_gradients(&pool);
    if (status == ESP_OK)
        status = check_limit(program, call);
    if (status == ESP_OK) {
        program->buffers = calloc(program->buffer_count + 1, sizeof *program->buffers);
        status = program->buffers ? ESP_OK : ESP_ERROR_MEMORY;
    }
    for (uint32_t i = 0; status == ESP_OK && i < program->buffer_count; i++) {
        size_t count;
        if (!__builtin_mul_overflow(program->buffer_sizes[i], program->max_batch, &count))
            program->buffers[i] = floats_uncleared(count);
        if (!program->buffers[i])
            status = ESP_ERROR_MEMORY;
    }
    for (uint32_t i = 0; status == ESP_OK && i < program->count; i++) {
        struct value *value = &program->values[i];
        value->data = program->buffers[value->buffer];
        value->grad = program->training && value->gradient != NO_BUFFER
                          ? program->buffers[value->gradient]
                          : NULL;
    }
    if (status == ESP_OK)
        join_relus(program);
    free(pool.free);
    return status == ESP_OK ? ESP_OK : esp_fail(call, status, "out of memory for a program");
}
