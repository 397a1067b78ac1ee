// SPDX-License-Identifier: Apache-2.0
// Where everything of a step lies in one arena. Time is counted in operators: forward i is at i, its
// backward at 2 n - 1 - i. A storage is live from its first writer to its last reader; what a backward
// reads or is read from outside stays for good, for backward may come again. Storages that are never
// live together may lie over each other.
#include "arena.h"
#include "network.h"

#include <stdlib.h>
#include <string.h>

struct storage {
    size_t size; // bytes
    uint32_t birth, death;
    uint32_t holders; // of a gradient: values that lie in it and whose backward is still to come
    size_t offset;
};

struct planning {
    struct network *network;
    struct storage *storages;
    uint32_t count, capacity;
    uint32_t n, forever;
    uint32_t *last; // the last forward that reads each value
};

static uint32_t add_bytes(struct planning *p, size_t bytes, uint32_t birth, uint32_t death)
{
    if (p->count == p->capacity || bytes > SIZE_MAX - 256)
        return NO_STORAGE;
    // Behind it a vector may be read; and equal steps of many buffers would meet in the same sets of
    // the cache.
    p->storages[p->count] = (struct storage){(bytes + 63) / 64 * 64 + 128, birth, death, 0, 0};
    return p->count++;
}

static uint32_t add_floats(struct planning *p, size_t a_sample, uint32_t birth, uint32_t death)
{
    size_t bytes;
    if (__builtin_mul_overflow(a_sample * sizeof(float), p->network->program.max_batch, &bytes))
        return NO_STORAGE;
    return add_bytes(p, bytes, birth, death);
}

static uint32_t backward_time(const struct planning *p, uint32_t i)
{
    return 2 * p->n - 1 - i;
}

// ---- Activations ------------------------------------------------------------------------------

// Does the backward of the operator read the activation of its input j?
static bool reads_input(const struct network *network, const struct op *op, uint64_t j)
{
    return network->program.training && op->type->reads_input &&
           !(op->type == &onednn_norm && j == 1);
}

static bool reads_output(const struct network *network, const struct op *op)
{
    const struct step *step = &network->steps[op->index];
    return network->program.training &&
           (op->type->reads_output || (op->type == &onednn_norm && step->relu && step->residual));
}

static void find_last_uses(struct planning *p)
{
    const struct program *program = &p->network->program;
    for (uint32_t i = 0; i < p->n; i++) {
        const struct op *op = &program->ops[i];
        p->last[i] = reads_output(p->network, op) ? p->forever : i;
        for (uint64_t j = 0; j < op->input_count; j++) {
            uint32_t *last = &p->last[op->inputs[j]];
            uint32_t use = reads_input(p->network, op, j) ? p->forever : i;
            *last = use > *last ? use : *last;
        }
    }
    for (uint64_t i = 0; i < program->output_count; i++)
        p->last[program->outputs[i]] = p->forever;
}

// May the operator write its output over its input j, if nobody else needs that?
static bool may_overwrite(const struct network *network, const struct op *op, uint64_t j)
{
    const struct op_type *type = op->type;
    if (type == &onednn_add || (type == &onednn_norm && j == 1))
        return true;
    // The output of a Conv comes into being while its input is read.
    if (type == &onednn_conv)
        return j == 1 && !network->steps[op->index].depthwise &&
               network->places[op->inputs[0]].storage != network->places[op->inputs[1]].storage;
    bool in_place = type->in_place || (!network->program.training && type->in_place_evaluation);
    return in_place && j == 0 && (op->input_count == 1 || type == &onednn_norm);
}

static void place_activation(struct planning *p, uint32_t i)
{
    struct program *program = &p->network->program;
    const struct op *op = &program->ops[i];
    struct place *place = &p->network->places[i];
    for (uint64_t j = 0; j < op->input_count && place->storage == NO_STORAGE; j++) {
        uint32_t input = op->inputs[j], storage = p->network->places[input].storage;
        if (storage == NO_STORAGE)
            continue;
        bool dead = p->storages[storage].death == i;
        if (op->type->alias || (dead && may_overwrite(p->network, op, j) &&
                                program->values[input].size == program->values[i].size))
            place->storage = storage;
    }
    if (place->storage == NO_STORAGE)
        place->storage = add_floats(p, program->values[i].size, i, i);
    if (place->storage == NO_STORAGE)
        return;
    struct storage *s = &p->storages[place->storage];
    s->death = p->last[i] > s->death ? p->last[i] : s->death;
}

// ---- Gradients --------------------------------------------------------------------------------

// Is the gradient of input j that of the output, unchanged?
static bool passes_on(const struct network *network, const struct op *op, uint64_t j)
{
    return op->type->alias || op->type == &onednn_add ||
           (op->type == &onednn_norm && j == 1 && !network->steps[op->index].relu);
}

// May the gradient of input j be written over that of the output?
static bool gradient_in_place(const struct op *op, uint64_t j)
{
    if (op->type == &onednn_norm)
        return true;
    return j == 0 && op->input_count == 1 && (op->type->in_place || op->type->gradient_in_place);
}

static bool wants_gradient(const struct planning *p, uint32_t i)
{
    return p->network->program.values[i].needs_grad && p->network->places[i].gradient == NO_STORAGE;
}

static bool is_twice(const struct op *op, uint64_t j)
{
    for (uint64_t k = 0; k < op->input_count; k++)
        if (k != j && op->inputs[k] == op->inputs[j])
            return true;
    return false;
}

static bool hold(struct planning *p, uint32_t i, uint32_t storage)
{
    p->network->places[i].gradient = storage;
    if (storage == NO_STORAGE)
        return false;
    p->storages[storage].holders++;
    return true;
}

// Inputs whose gradient is the output's lie in its storage, which nobody writes while several do.
static void share_gradients(struct planning *p, const struct op *op)
{
    const struct program *program = &p->network->program;
    uint32_t own = p->network->places[op->index].gradient;
    for (uint64_t j = 0; j < op->input_count; j++) {
        uint32_t input = op->inputs[j];
        if (wants_gradient(p, input) && passes_on(p->network, op, j) &&
            program->values[input].consumers == 1 &&
            program->values[input].size == program->values[op->index].size)
            hold(p, input, own);
    }
}

// An input of several readers is written again: it takes the storage over, where it is the last in it.
static bool take_over(struct planning *p, const struct op *op, uint64_t j)
{
    const struct program *program = &p->network->program;
    uint32_t own = p->network->places[op->index].gradient, input = op->inputs[j];
    bool may = passes_on(p->network, op, j) || gradient_in_place(op, j);
    if (!may || p->storages[own].holders != 1 || is_twice(op, j) ||
        program->values[input].size != program->values[op->index].size)
        return false;
    // Another input of the same operator, which is made from the same gradient, comes after it.
    if (passes_on(p->network, op, j) && op->input_count > 1)
        for (uint64_t k = 0; k < op->input_count; k++)
            if (k != j && op->type != &onednn_add)
                return false;
    return hold(p, input, own);
}

static bool place_input_gradients(struct planning *p, uint32_t i)
{
    struct program *program = &p->network->program;
    const struct op *op = &program->ops[i];
    struct step *step = &p->network->steps[i];
    share_gradients(p, op);
    for (uint64_t j = 0; j < op->input_count; j++) {
        uint32_t input = op->inputs[j];
        const struct value *value = &program->values[input];
        if (!value->needs_grad)
            continue;
        if (p->network->places[input].gradient != NO_STORAGE) {
            bool aside =
                (op->type == &onednn_conv && !step->depthwise) || op->type == &onednn_unblock;
            bool second = p->network->places[input].gradient != p->network->places[i].gradient;
            if (aside && second &&
                (step->temporary = add_floats(p, value->size, backward_time(p, i),
                                              backward_time(p, i))) == NO_STORAGE)
                return false;
            continue;
        }
        if (!take_over(p, op, j) &&
            !hold(p, input, add_floats(p, value->size, backward_time(p, i), backward_time(p, i))))
            return false;
    }
    return true;
}

static bool place_gradients(struct planning *p)
{
    struct program *program = &p->network->program;
    for (uint64_t o = 0; o < program->output_count; o++) {
        uint32_t i = program->outputs[o];
        if (p->network->places[i].gradient == NO_STORAGE &&
            !hold(p, i, add_floats(p, program->values[i].size, p->n, p->n)))
            return false;
    }
    for (uint32_t i = p->n; i-- > 0;) {
        uint32_t storage = p->network->places[i].gradient;
        if (storage == NO_STORAGE)
            continue; // no output depends on it, or nothing before it is trained
        if (!place_input_gradients(p, i))
            return false;
        struct storage *s = &p->storages[storage];
        bool input = program->ops[i].type == &op_input;
        uint32_t end = input ? p->forever : backward_time(p, i);
        s->death = end > s->death ? end : s->death;
        s->holders -= input ? 0 : 1;
    }
    return true;
}

// ---- What stays -------------------------------------------------------------------------------

static bool place_extras(struct planning *p)
{
    struct program *program = &p->network->program;
    for (uint32_t i = 0; i < p->n; i++) {
        struct step *step = &p->network->steps[i];
        struct place *place = &p->network->places[i];
        step->extra_storage = place->outside_storage = place->outside_gradient_storage = NO_STORAGE;
        if (step->extra_size) {
            step->extra_storage = add_bytes(p, step->extra_size * sizeof(float), 0, p->forever);
            if (step->extra_storage == NO_STORAGE)
                return false;
        }
        if (!program->values[i].kept)
            continue;
        size_t size = esp_shape_size(&program->ops[i].shape);
        place->outside_storage = add_floats(p, size, 0, p->forever);
        if (program->training)
            place->outside_gradient_storage = add_floats(p, size, 0, p->forever);
        if (place->outside_storage == NO_STORAGE ||
            (program->training && place->outside_gradient_storage == NO_STORAGE))
            return false;
    }
    return true;
}

// ---- Offsets ----------------------------------------------------------------------------------

static const struct storage *sorted_storages;

static int by_size(const void *a, const void *b)
{
    const struct storage *x = &sorted_storages[*(const uint32_t *)a];
    const struct storage *y = &sorted_storages[*(const uint32_t *)b];
    if (x->size != y->size)
        return x->size < y->size ? 1 : -1;
    return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

// Largest first, each at the lowest place where it meets none that is live at the same time. `placed`
// is in the order of offsets. Answers the bytes of all.
static size_t place_storages(struct planning *p, uint32_t *order, uint32_t *placed)
{
    size_t total = 0;
    for (uint32_t i = 0; i < p->count; i++)
        order[i] = i;
    sorted_storages = p->storages;
    qsort(order, p->count, sizeof *order, by_size);
    for (uint32_t i = 0; i < p->count; i++) {
        struct storage *s = &p->storages[order[i]];
        size_t at = 0;
        for (uint32_t k = 0; k < i; k++) {
            const struct storage *other = &p->storages[placed[k]];
            if (other->death < s->birth || other->birth > s->death)
                continue;
            if (at + s->size <= other->offset)
                break;
            size_t end = other->offset + other->size;
            at = end > at ? end : at;
        }
        s->offset = at;
        total = at + s->size > total ? at + s->size : total;
        uint32_t k = i;
        while (k > 0 && p->storages[placed[k - 1]].offset > at) {
            placed[k] = placed[k - 1];
            k--;
        }
        placed[k] = order[i];
    }
    return total;
}

static float *data_of(const struct planning *p, uint32_t storage)
{
    return storage == NO_STORAGE
               ? NULL
               : (float *)(void *)(p->network->arena->data + p->storages[storage].offset);
}

static void bind_data(struct planning *p, uint32_t scratch)
{
    struct network *network = p->network;
    for (uint32_t i = 0; i < p->n; i++) {
        struct place *place = &network->places[i];
        network->program.values[i].data = data_of(p, place->storage);
        network->program.values[i].grad = data_of(p, place->gradient);
        place->outside = data_of(p, place->outside_storage);
        place->outside_gradient = data_of(p, place->outside_gradient_storage);
        network->steps[i].extra = data_of(p, network->steps[i].extra_storage);
        network->steps[i].temporary_data = data_of(p, network->steps[i].temporary);
    }
    network->scratch = data_of(p, scratch);
}

static esp_status plan(struct planning *p, uint64_t limit, esp_call *call)
{
    struct network *network = p->network;
    find_last_uses(p);
    for (uint32_t i = 0; i < p->n; i++) {
        place_activation(p, i);
        if (network->places[i].storage == NO_STORAGE)
            return ESP_ERROR_MEMORY;
    }
    if ((network->program.training && !place_gradients(p)) || !place_extras(p))
        return ESP_ERROR_MEMORY;
    uint32_t scratch = add_bytes(p, network->scratch_bytes, 0, p->forever);
    uint32_t *order = calloc(2 * (size_t)p->count + 2, sizeof *order);
    if (scratch == NO_STORAGE || !order) {
        free(order);
        return ESP_ERROR_MEMORY;
    }
    size_t total = place_storages(p, order, order + p->count + 1);
    free(order);
    double all = (double)total + weight_bytes(&network->program);
    if (limit && all > (double)limit)
        return memory_refused(call, all, limit);
    network->arena = arena_acquire(&network->instance->arenas, total);
    if (!network->arena)
        return ESP_ERROR_MEMORY;
    bind_data(p, scratch);
    return ESP_OK;
}

esp_status plan_network(struct network *network, uint64_t memory_limit, esp_call *call)
{
    uint32_t n = network->program.count;
    // Of each value at most an activation, a gradient, an extra, two copies and a temporary.
    struct planning p = {.network = network, .n = n, .forever = 2 * n, .capacity = 6 * n + 1};
    p.storages = calloc(p.capacity, sizeof *p.storages);
    p.last = calloc(n + 1, sizeof *p.last);
    esp_status status = p.storages && p.last ? plan(&p, memory_limit, call) : ESP_ERROR_MEMORY;
    free(p.storages);
    free(p.last);
    return status;
}
