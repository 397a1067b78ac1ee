// SPDX-License-Identifier: Apache-2.0
// Operators that are computed as one, on the graph as it was copied: equal Relus of one value; a
// BatchNormalization with the Add and the Relu behind it, for evaluation all three with the Conv before
// them; a Relu with the depthwise convolutions behind it. What is kept is computed as it stands. An operator that is gone has no type.
#include "network.h"

#include <stdlib.h>
#include <string.h>

struct fusing {
    struct network *network;
    esp_call *call;
    uint32_t *stands; // for each operator: the one that computes its value now
    uint32_t *consumers;
};

static bool is(const struct op *op, const char *name)
{
    return op->type && strcmp(op->type->name, name) == 0;
}

static void remove_op(struct fusing *f, uint32_t i, uint32_t computed_by)
{
    f->network->program.ops[i].type = NULL;
    f->stands[i] = computed_by;
}

// Follows all inputs to what computes them now, and counts.
static void recount(struct fusing *f)
{
    struct program *program = &f->network->program;
    memset(f->consumers, 0, program->count * sizeof *f->consumers);
    for (uint32_t i = 0; i < program->count; i++) {
        struct op *op = &program->ops[i];
        for (uint64_t j = 0; op->type && j < op->input_count; j++) {
            while (f->stands[op->inputs[j]] != op->inputs[j])
                op->inputs[j] = f->stands[op->inputs[j]];
            f->consumers[op->inputs[j]]++;
        }
    }
    for (uint64_t i = 0; i < program->output_count; i++) {
        while (f->stands[program->outputs[i]] != program->outputs[i])
            program->outputs[i] = f->stands[program->outputs[i]];
        f->consumers[program->outputs[i]] += 2; // it is read from outside: nothing swallows it
    }
}

static void join_equal_relus(struct fusing *f)
{
    struct program *program = &f->network->program;
    for (uint32_t i = 0; i < program->count; i++) {
        if (!is(&program->ops[i], "Relu") || program->values[i].kept)
            continue;
        for (uint32_t j = 0; j < i; j++)
            if (is(&program->ops[j], "Relu") &&
                program->ops[j].inputs[0] == program->ops[i].inputs[0]) {
                remove_op(f, i, j);
                break;
            }
    }
    recount(f);
}

// Is the value of a blocked normalization, and read by one operator alone?
static bool is_inner_norm(const struct fusing *f, uint32_t i)
{
    const struct program *program = &f->network->program;
    const esp_shape *shape = &program->ops[i].shape;
    return is(&program->ops[i], "BatchNormalization") && f->consumers[i] == 1 &&
           !program->values[i].kept && !f->network->steps[i].relu &&
           (shape->rank == 4 ||
            (shape->rank == 2 && shape->dims[1] % f->network->kernels->block == 0));
}

// The Add becomes the normalization of one input, to which the other is added.
static void join_adds(struct fusing *f)
{
    struct program *program = &f->network->program;
    for (uint32_t i = 0; i < program->count; i++) {
        struct op *add = &program->ops[i];
        if (!is(add, "Add") || add->shape.rank != 4 || add->inputs[0] == add->inputs[1])
            continue;
        uint32_t a = add->inputs[0], b = add->inputs[1];
        bool first = is_inner_norm(f, a) && !f->network->steps[a].residual;
        bool second = is_inner_norm(f, b) && !f->network->steps[b].residual;
        if (!first && !second)
            continue;
        uint32_t from = second && (!first || b > a) ? b : a, other = from == a ? b : a;
        struct op *norm = &program->ops[from];
        add->type = norm->type;
        add->inputs[0] = norm->inputs[0];
        add->inputs[1] = other;
        memcpy(add->weights, norm->weights, sizeof add->weights);
        add->weight_count = norm->weight_count;
        norm->weight_count = 0;
        f->network->steps[i].node = f->network->steps[from].node;
        f->network->steps[i].residual = true;
        remove_op(f, from, from);
    }
    recount(f);
}

static void join_relus(struct fusing *f)
{
    struct program *program = &f->network->program;
    for (uint32_t i = 0; i < program->count; i++) {
        struct op *relu = &program->ops[i];
        uint32_t norm = relu->input_count ? relu->inputs[0] : 0;
        if (!is(relu, "Relu") || !is_inner_norm(f, norm))
            continue;
        f->network->steps[norm].relu = true;
        // It bears the name of what it computes.
        char *path = program->ops[norm].path;
        program->ops[norm].path = relu->path;
        relu->path = path;
        program->values[norm].kept = program->values[i].kept;
        remove_op(f, i, norm);
    }
    recount(f);
}

// The convolution moves to the place of what is computed with it.
static void move_conv(struct fusing *f, uint32_t from, uint32_t to)
{
    struct op *conv = &f->network->program.ops[from], *at = &f->network->program.ops[to];
    at->type = conv->type;
    at->inputs[0] = conv->inputs[0];
    memcpy(at->weights, conv->weights, sizeof at->weights);
    at->weight_count = conv->weight_count;
    conv->weight_count = 0;
    f->network->steps[to].node = f->network->steps[from].node;
    remove_op(f, from, from);
}

// For evaluation a normalization is a factor and a summand of each channel of the Conv before it.
static void fold_norms(struct fusing *f)
{
    struct program *program = &f->network->program;
    for (uint32_t i = 0; i < program->count; i++) {
        struct op *op = &program->ops[i];
        struct step *step = &f->network->steps[i];
        uint32_t conv = op->type && op->input_count ? op->inputs[0] : 0;
        if (op->shape.rank != 4 || !is(&program->ops[conv], "Conv") || f->consumers[conv] != 1 ||
            program->values[conv].kept)
            continue;
        if (is(op, "BatchNormalization")) {
            memcpy(step->norm, op->weights, sizeof step->norm);
            step->norm_count = op->weight_count;
            step->norm_epsilon = attribute_real(step->node, "epsilon", 1e-5);
        } else if (is(op, "Relu")) {
            step->relu = true;
        } else {
            continue;
        }
        move_conv(f, conv, i);
    }
    recount(f);
}

static bool is_depthwise(const struct op *op)
{
    return is(op, "Conv") && op->weights[0]->shape.rank == 4 &&
           op->weights[0]->shape.dims[1] == 1 && op->shape.rank == 4 &&
           op->weights[0]->shape.dims[0] > 1;
}

// A Relu that depthwise convolutions alone read, of as many channels in as out.
static void join_depthwise(struct fusing *f)
{
    struct program *program = &f->network->program;
    for (uint32_t i = 0; i < program->count; i++) {
        const struct op *relu = &program->ops[i];
        if (!is(relu, "Relu") || program->values[i].kept || relu->shape.rank != 4)
            continue;
        uint32_t found = 0;
        for (uint32_t j = i + 1; j < program->count; j++) {
            const struct op *op = &program->ops[j];
            if (is_depthwise(op) && op->inputs[0] == i &&
                op->shape.dims[1] == relu->shape.dims[1] &&
                conv_takes_relu(f->network, op, &relu->shape, f->call))
                found++;
        }
        if (found == 0 || found != f->consumers[i])
            continue;
        for (uint32_t j = i + 1; j < program->count; j++)
            if (is_depthwise(&program->ops[j]) && program->ops[j].inputs[0] == i)
                f->network->steps[j].input_relu = true;
        remove_op(f, i, relu->inputs[0]);
    }
    recount(f);
}

esp_status fuse(struct network *network, esp_call *call)
{
    uint32_t count = network->program.count;
    struct fusing f = {network, call, calloc(count + 1, sizeof *f.stands),
                       calloc(count + 1, sizeof *f.consumers)};
    if (f.stands && f.consumers) {
        for (uint32_t i = 0; i < count; i++)
            f.stands[i] = i;
        recount(&f);
        join_equal_relus(&f);
        join_adds(&f);
        join_relus(&f);
        if (!network->program.training)
            fold_norms(&f);
        join_depthwise(&f);
    }
    bool done = f.stands && f.consumers;
    free(f.stands);
    free(f.consumers);
    return done ? ESP_OK : ESP_ERROR_MEMORY;
}
