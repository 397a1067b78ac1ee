// SPDX-License-Identifier: Apache-2.0
// ONNX's own operator tests: every model of one operator that is ours, on tensors of f32, is built as
// a graph, computed by the engine and compared with what was recorded. A model is left out for one of
// the reasons below alone; one that is refused for another reason fails.
#include "run.h"

#include "support/leak.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum reason {
    RUNS,
    NOT_OURS,
    SEVERAL,
    NOT_F32,
    DIMENSIONS,
    MORE_DIMENSIONS,
    BROADCAST,
    ALONG_BATCH,
    RANDOM,
    BIAS_A_SAMPLE,
    BACKWARDS,
    EMPTY,
    NOT_CONSTANT,
    REASONS
};

static const char *const reason_words[REASONS] = {
    "run",
    "an operator that is not ours",
    "several operators",
    "tensors that are not of f32",
    "other than 2 dimensions of space",
    "as many dimensions as a graph has, without a batch",
    "an Add that broadcasts",
    "works along the batch",
    "random",
    "a bias for each sample",
    "a Slice backwards",
    "an empty result",
    "a Pad with what is in the tensor",
};

static bool is_one_of(const char *op, const char *const *ops, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(op, ops[i]) == 0)
            return true;
    return false;
}

// What can be said before data is read.
static enum reason judge_model(const struct model *model)
{
    static const char *const ours[] = {
        "Conv",
        "BatchNormalization",
        "Relu",
        "Sigmoid",
        "Tanh",
        "MaxPool",
        "Add",
        "AveragePool",
        "GlobalAveragePool",
        "Concat",
        "Gemm",
        "Flatten",
        "Dropout",
        "Identity",
        "Mul",
        "Slice",
        "Pad",
        "Clip",
        "LeakyRelu",
        "Elu",
        "HardSigmoid",
        "HardSwish",
        "Gelu",
        "LayerNormalization",
        "Softmax",
        "GlobalMaxPool",
        "MatMul",
        "Reshape",
        "Transpose",
        "ReduceMean",
    };
    if (!model->node)
        return SEVERAL;
    if (!is_one_of(model->node->op_type, ours, ESP_COUNT(ours)))
        return NOT_OURS;
    return model_is_f32(model) ? RUNS : NOT_F32;
}

static enum reason judge_data(const struct model *model)
{
    static const char *const windows[] = {"Conv", "MaxPool", "AveragePool", "GlobalAveragePool",
                                          "GlobalMaxPool"};
    const char *op = model->node->op_type;
    const struct tensor *x = model_input(model, 0), *y = model_input(model, 1);
    int64_t rank = x->shape.rank, axis = model_int(model, "axis", 1);
    if (is_one_of(op, windows, ESP_COUNT(windows)) && rank != 4)
        return DIMENSIONS;
    if (strcmp(op, "BatchNormalization") == 0 && rank != 4 && rank != 2)
        return DIMENSIONS;
    if (rank == ESP_MAX_RANK)
        return MORE_DIMENSIONS;
    if (strcmp(op, "Add") == 0 &&
        (y->shape.rank != x->shape.rank ||
         memcmp(x->shape.dims, y->shape.dims, x->shape.rank * sizeof x->shape.dims[0]) != 0))
        return BROADCAST;
    const struct tensor *steps = strcmp(op, "Slice") == 0 ? model_input(model, 4) : NULL;
    for (uint64_t i = 0; steps && i < steps->size; i++)
        if (steps->integers[i] < 0)
            return BACKWARDS;
    if (model->outputs[0].size == 0)
        return EMPTY;
    const Onnx__AttributeProto *mode = model_attribute(model, "mode");
    if (strcmp(op, "Pad") == 0 && mode &&
        strncmp((const char *)mode->s.data, "constant", mode->s.len) != 0)
        return NOT_CONSTANT;
    axis = axis < 0 ? axis + rank : axis;
    if ((strcmp(op, "Concat") == 0 && axis == 0) || (strcmp(op, "Flatten") == 0 && axis != 1))
        return ALONG_BATCH;
    if (strcmp(op, "Dropout") == 0 && model_training(model) && y->data[0] != 0)
        return RANDOM;
    const struct tensor *c = model_input(model, 2);
    if (strcmp(op, "Gemm") == 0 && c && c->size != 1 &&
        c->size != (uint64_t)model->outputs[0].shape.dims[1])
        return BIAS_A_SAMPLE;
    return RUNS;
}

// Runs the model of a folder on all of its data sets.
static enum reason run_folder(struct engine *engine, const char *folder, const char *name)
{
    struct model model;
    char why[1200];
    model_read(&model, folder);
    enum reason reason = judge_model(&model);
    unsigned sets = 0;
    while (reason == RUNS && model_read_data(&model, folder, sets)) {
        reason = judge_data(&model);
        for (int with_backward = 0; reason == RUNS && with_backward < 2; with_backward++) {
            // A program for evaluation alone has no training form.
            if (model_training(&model) && !with_backward)
                continue;
            cr_expect(model_run(engine, &model, with_backward != 0, why, sizeof why),
                      "%s, data set %u%s: %s", name, sets,
                      with_backward ? ", compiled with backward" : "", why);
        }
        sets++;
    }
    cr_expect(reason != RUNS || sets > 0, "%s has no data", name);
    model_free(&model);
    return reason;
}

static int is_test(const struct dirent *entry)
{
    return strncmp(entry->d_name, "test_", 5) == 0;
}

// Runs all models below a folder of the test data; at least `least` of them, which is how many
// libonnx-testdata 1.12 has that can be. Says what was left out, and why.
static void run_all(const char *group, unsigned least)
{
    struct engine engine;
    struct dirent **entries = NULL;
    unsigned counts[REASONS] = {0};
    char folder[512], path[1024];
    engine_open(&engine, "openblas");
    snprintf(folder, sizeof folder, ONNX_TESTDATA "/%s", group);
    int count = scandir(folder, &entries, is_test, alphasort);
    cr_assert_gt(count, 0, "there are no tests in %s", folder);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        enum reason reason = run_folder(&engine, path, entries[i]->d_name);
        counts[reason]++;
        if (reason > SEVERAL)
            fprintf(stderr, "%s: left out: %s\n", entries[i]->d_name, reason_words[reason]);
        free(entries[i]);
    }
    free(entries);
    engine_close(&engine);
    for (int i = 0; i < REASONS; i++)
        fprintf(stderr, "%s: %u %s\n", group, counts[i], reason_words[i]);
    cr_expect_geq(counts[RUNS], least, "%s: %u models were run", group, counts[RUNS]);
}

TestLeak(onnx, node)
{
    run_all("node", 152);
}

TestLeak(onnx, pytorch_converted)
{
    run_all("pytorch-converted", 29);
}

TestLeak(onnx, pytorch_operator)
{
    run_all("pytorch-operator", 8);
}

TestLeak(onnx, simple)
{
    run_all("simple", 1);
}
