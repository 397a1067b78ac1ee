// SPDX-License-Identifier: Apache-2.0
// Which value is blocked and which is plain, once for the whole network: images are blocked from the
// first convolution to the last pool. Where an operator wants the other layout, a reorder is put
// between; its result serves all that want it.
#include "network.h"

#include <stdlib.h>
#include <string.h>

struct choosing {
    struct network *network;
    struct op *ops; // the new ones
    struct value *values;
    struct place *places;
    struct step *steps;
    uint32_t count, capacity;
    uint32_t *moved; // the new index of each old operator
    uint32_t *twins; // of each new value: the same in the other layout, or NO_VALUE
};

static struct blocked blocked_of(const struct network *network, const esp_shape *shape)
{
    struct blocked out = {(int64_t)network->program.max_batch, shape->rank > 1 ? shape->dims[1] : 1,
                          shape->rank > 2 ? shape->dims[2] : 1,
                          shape->rank > 3 ? shape->dims[3] : 1};
    return out;
}

// Blocked and plain are the same order where every plane is one number and blocks are full.
static bool is_both(const struct network *network, const esp_shape *shape)
{
    struct blocked s = blocked_of(network, shape);
    return (shape->rank == 2 || (shape->rank == 4 && s.height * s.width == 1)) &&
           s.channels % network->kernels->block == 0;
}

static size_t size_of(const struct network *network, const esp_shape *shape, bool blocked)
{
    struct blocked s = blocked_of(network, shape);
    s.batch = 1;
    return blocked ? (size_t)blocked_size(&s, network->kernels->block) : esp_shape_size(shape);
}

static uint32_t append(struct choosing *c, const struct op *op, const struct value *value,
                       const struct step *step, bool blocked)
{
    uint32_t i = c->count++;
    c->ops[i] = *op;
    c->ops[i].index = i;
    c->values[i] = *value;
    c->values[i].size = size_of(c->network, &op->shape, blocked);
    c->values[i].consumers = 0;
    c->steps[i] = *step;
    c->steps[i].temporary = NO_STORAGE;
    c->places[i] = (struct place){.blocked = blocked,
                                  .both = is_both(c->network, &op->shape),
                                  .storage = NO_STORAGE,
                                  .gradient = NO_STORAGE};
    c->twins[i] = NO_VALUE;
    return i;
}

// The new value in the layout that is wanted. NO_VALUE: out of memory.
static uint32_t in_layout(struct choosing *c, uint32_t i, bool blocked)
{
    if (c->places[i].blocked == blocked || c->places[i].both)
        return i;
    if (c->twins[i] != NO_VALUE)
        return c->twins[i];
    struct op op = {.type = blocked ? &onednn_block : &onednn_unblock,
                    .input_count = 1,
                    .shape = c->ops[i].shape};
    struct value value = {.needs_grad = c->values[i].needs_grad};
    struct step step = {.in = blocked_of(c->network, &op.shape),
                        .out = blocked_of(c->network, &op.shape)};
    op.path = strdup("");
    op.inputs = calloc(2, sizeof *op.inputs);
    if (!op.path || !op.inputs) {
        free(op.path);
        free(op.inputs);
        return NO_VALUE;
    }
    op.inputs[0] = i;
    uint32_t made = append(c, &op, &value, &step, blocked);
    c->twins[i] = made;
    c->twins[made] = i;
    return made;
}

// ---- What operators want ------------------------------------------------------------------------

struct wish {
    const struct op_type *type;
    bool in, out; // blocked
};

static bool any_blocked(const struct choosing *c, const struct op *op)
{
    for (uint64_t j = 0; j < op->input_count; j++)
        if (c->places[c->moved[op->inputs[j]]].blocked)
            return true;
    return false;
}

static const esp_shape *input_shape(const struct choosing *c, const struct op *op, uint64_t j)
{
    return &c->ops[c->moved[op->inputs[j]]].shape;
}

static struct wish wish_of_mul(const struct choosing *c, const struct op *op)
{
    const esp_shape *a = input_shape(c, op, 0), *b = input_shape(c, op, 1);
    if (a->rank == 4 && memcmp(a, b, sizeof *a) == 0)
        return (struct wish){&onednn_multiply, true, true};
    if (a->rank == 4 && b->rank == 4 && memcmp(a, &op->shape, sizeof *a) == 0 &&
        a->dims[1] == b->dims[1] && b->dims[2] * b->dims[3] == 1)
        return (struct wish){&onednn_scale_planes, true, true};
    return (struct wish){op->type, false, false};
}

// Pools need their window to choose.
static esp_status wish_of_pool(struct choosing *c, struct op *op, const struct step *step,
                               struct wish *wish, esp_call *call)
{
    const esp_shape *in = input_shape(c, op, 0);
    struct blocked shape = blocked_of(c->network, in);
    esp_status status = window_of_node(&op->window, step->node, in, call);
    if (status == ESP_OK && pool_fits(op, &shape)) {
        bool maximum = strcmp(op->type->name, "MaxPool") == 0;
        *wish = (struct wish){maximum ? &onednn_max_pool : &onednn_average_pool, true, true};
    }
    return status;
}

static esp_status wish_of_conv(struct choosing *c, struct op *op, struct step *step,
                               struct wish *wish, esp_call *call)
{
    uint32_t input = c->moved[op->inputs[0]];
    esp_status status =
        conv_choose_layout(c->network, op, step, &c->ops[input].shape, !c->places[input].blocked,
                           c->network->program.training && c->values[input].needs_grad, call);
    *wish = (struct wish){&onednn_conv, step->input_blocked, step->output_blocked};
    return status;
}

static esp_status wish_of(struct choosing *c, struct op *op, struct step *step, struct wish *wish,
                          esp_call *call)
{
    const char *name = op->type->name;
    const esp_shape *in = op->input_count ? input_shape(c, op, 0) : &op->shape;
    const struct op_type *pointwise = strcmp(name, "Relu") == 0  ? &onednn_relu
                                      : is_activation(name)      ? &onednn_activation
                                      : strcmp(name, "Add") == 0 ? &onednn_add
                                                                 : NULL;
    bool passes =
        strcmp(name, "Identity") == 0 || strcmp(name, "None") == 0 || strcmp(name, "DropPath") == 0;
    *wish = (struct wish){op->type, false, false};
    if (strcmp(name, "Conv") == 0)
        return wish_of_conv(c, op, step, wish, call);
    if (strcmp(name, "Gemm") == 0)
        wish->type = &onednn_gemm;
    if (strcmp(name, "BatchNormalization") == 0 &&
        (in->rank == 4 || (in->rank == 2 && is_both(c->network, in))))
        *wish = (struct wish){&onednn_norm, true, true};
    if (in->rank != 4 || op->shape.rank != 4)
        return ESP_OK;
    if (strcmp(name, "MaxPool") == 0 || strcmp(name, "AveragePool") == 0)
        return wish_of_pool(c, op, step, wish, call);
    if (strcmp(name, "GlobalAveragePool") == 0)
        *wish = (struct wish){&onednn_global_pool, true, true};
    if (strcmp(name, "Mul") == 0 && any_blocked(c, op))
        *wish = wish_of_mul(c, op);
    if (strcmp(name, "Concat") == 0 && any_blocked(c, op) &&
        attribute_int(step->node, "axis", 1) == 1)
        *wish = (struct wish){&onednn_concat, true, true};
    if ((pointwise || passes) && any_blocked(c, op))
        *wish = (struct wish){pointwise ? pointwise : op->type, true, true};
    return ESP_OK;
}

// ---- Rewriting ----------------------------------------------------------------------------------

static esp_status move_op(struct choosing *c, uint32_t i, esp_call *call)
{
    struct program *program = &c->network->program;
    struct op *op = &program->ops[i];
    struct step *step = &c->network->steps[i];
    struct wish wish;
    esp_status status = wish_of(c, op, step, &wish, call);
    if (status != ESP_OK)
        return status;
    for (uint64_t j = 0; j < op->input_count; j++) {
        // What a Conv adds lies as its output does.
        bool blocked = wish.type == &onednn_conv && j > 0 ? wish.out : wish.in;
        op->inputs[j] = in_layout(c, c->moved[op->inputs[j]], blocked);
        if (op->inputs[j] == NO_VALUE)
            return ESP_ERROR_MEMORY;
    }
    op->type = wish.type;
    if (op->input_count)
        step->in = blocked_of(c->network, &c->ops[op->inputs[0]].shape);
    step->out = blocked_of(c->network, &op->shape);
    c->moved[i] = append(c, op, &program->values[i], step, wish.out);
    // Its parts are the new one's.
    op->path = NULL;
    op->inputs = NULL;
    return ESP_OK;
}

static esp_status move_outputs(struct choosing *c)
{
    struct program *program = &c->network->program;
    for (uint64_t i = 0; i < program->output_count; i++) {
        program->outputs[i] = in_layout(c, c->moved[program->outputs[i]], false);
        if (program->outputs[i] == NO_VALUE)
            return ESP_ERROR_MEMORY;
    }
    for (uint64_t i = 0; i < program->graph_input_count; i++)
        program->graph_inputs[i] = c->moved[program->graph_inputs[i]];
    return ESP_OK;
}

static void take_over(struct choosing *c)
{
    struct program *program = &c->network->program;
    for (uint32_t i = 0; i < program->count; i++) {
        free(program->ops[i].path);
        free(program->ops[i].inputs);
    }
    free(program->ops);
    free(program->values);
    free(c->network->steps);
    program->ops = c->ops;
    program->values = c->values;
    program->count = c->count;
    c->network->steps = c->steps;
    c->network->places = c->places;
    for (uint32_t i = 0; i < program->count; i++)
        for (uint64_t j = 0; j < program->ops[i].input_count; j++)
            program->values[program->ops[i].inputs[j]].consumers++;
    for (uint64_t i = 0; i < program->output_count; i++)
        program->values[program->outputs[i]].consumers++;
    program_find_first_outputs(program);
}

esp_status choose_layouts(struct network *network, esp_call *call)
{
    uint32_t count = network->program.count;
    struct choosing c = {.network = network, .capacity = 2 * count + 2};
    c.ops = calloc(c.capacity, sizeof *c.ops);
    c.values = calloc(c.capacity, sizeof *c.values);
    c.places = calloc(c.capacity, sizeof *c.places);
    c.steps = calloc(c.capacity, sizeof *c.steps);
    c.moved = calloc(count + 1, sizeof *c.moved);
    c.twins = calloc(c.capacity, sizeof *c.twins);
    esp_status status =
        c.ops && c.values && c.places && c.steps && c.moved && c.twins ? ESP_OK : ESP_ERROR_MEMORY;
    for (uint32_t i = 0; status == ESP_OK && i < count; i++)
        if (network->program.ops[i].type)
            status = move_op(&c, i, call);
    if (status == ESP_OK)
        status = move_outputs(&c);
    free(c.moved);
    free(c.twins);
    if (c.ops && c.values && c.places && c.steps) {
        // Also where it failed halfway: what was moved is freed with the network.
        take_over(&c);
        return status;
    }
    free(c.ops);
    free(c.values);
    free(c.places);
    free(c.steps);
    return status;
}
