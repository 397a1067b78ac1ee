// SPDX-License-Identifier: Apache-2.0
// Every operator and members of every space, exported and read back; see sample.h.
#include "sample.h"

#include "export/export.h"
#include "graph/operators.h"
#include "loader/registry.h"
#include "support/command.h"
#include "support/leak.h"
#include "support/member_lab.h"
#include "support/sketch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})

// Real test images that every model is computed on; fewer where a sanitizer watches.
#ifdef SUPPORT_LEAK_WATCHED
#define SAMPLE_IMAGES 8
#else
#define SAMPLE_IMAGES 1000
#endif

// Each ends with logits [N, n] or keeps its shape: both can be written.
static const char *const sketches[] = {
    "x = Input 3x8x8; y = Conv x channels=4 kernel_shape=3,3 pads=1,1,1,1",
    "x = Input 3x7x9; y = Conv x channels=5 kernel_shape=3,3 strides=2,2 pads=1,1,1,1 bias=1",
    "x = Input 2x8x9; y = Conv x channels=3 kernel_shape=3,2 strides=1,3 pads=0,1,2,0",
    "x = Input 4x9x8; y = Conv x channels=6 kernel_shape=3,3 dilations=2,2 pads=2,2,2,2 group=2",
    "x = Input 3x9x8; y = Conv x channels=3 kernel_shape=5,3 group=3 auto_pad=SAME_UPPER "
    "strides=2,2",
    "x = Input 3x4x5; y = BatchNormalization x",
    "x = Input 3x4x5; y = BatchNormalization x affine=0 epsilon=0.01",
    "x = Input 5; y = BatchNormalization x",
    "x = Input 2x4x5; y = Relu x",
    "x = Input 2x4x5; y = Sigmoid x",
    "x = Input 2x4x5; y = Tanh x",
    "x = Input 2x4x5; y = LeakyRelu x alpha=0.2",
    "x = Input 2x4x5; y = Elu x alpha=1.3",
    "x = Input 2x4x5; y = Clip x min=-0.5 max=0.8",
    "x = Input 2x4x5; y = HardSigmoid x alpha=0.7 beta=0.4",
    "x = Input 2x4x5; y = HardSwish x",
    "x = Input 2x4x5; y = Swish x",
    "x = Input 2x4x5; y = Gelu x",
    "x = Input 2x4x5; y = Identity x",
    "x = Input 2x6x7; y = MaxPool x kernel_shape=2,2 strides=2,2",
    "x = Input 2x6x7; y = MaxPool x kernel_shape=3,3 strides=2,2 pads=1,1,1,1",
    "x = Input 2x6x7; y = MaxPool x kernel_shape=3,3 strides=2,2 ceil_mode=1",
    "x = Input 2x6x6; y = MaxPool x kernel_shape=1,1 strides=3,3 pads=0,0,0,0 ceil_mode=1",
    "x = Input 2x7x6; y = MaxPool x kernel_shape=2,3 strides=3,2 pads=0,1,1,1 ceil_mode=1",
    "x = Input 2x9x9; y = MaxPool x kernel_shape=3,2 dilations=2,3 pads=1,0,1,1",
    "x = Input 2x8x8; y = MaxPool x kernel_shape=3,3 dilations=3,3 pads=3,3,3,3",
    "x = Input 2x8x8; y = MaxPool x kernel_shape=3,3 auto_pad=SAME_LOWER strides=2,2",
    "x = Input 2x6x7; y = AveragePool x kernel_shape=2,2 strides=2,2",
    "x = Input 2x6x7; y = AveragePool x kernel_shape=3,3 pads=1,1,1,1",
    "x = Input 2x6x7; y = AveragePool x kernel_shape=3,3 pads=1,1,1,1 count_include_pad=1",
    "x = Input 2x6x7; y = AveragePool x kernel_shape=3,2 strides=2,2 pads=0,1,1,0",
    "x = Input 2x6x7; y = AveragePool x kernel_shape=3,3 strides=2,2 ceil_mode=1",
    "x = Input 2x6x7; y = AveragePool x kernel_shape=3,3 strides=2,2 pads=1,0,1,0 ceil_mode=1 "
    "count_include_pad=1",
    "x = Input 2x9x9; y = AveragePool x kernel_shape=3,3 dilations=2,2 pads=2,2,2,2",
    "x = Input 2x9x9; y = AveragePool x kernel_shape=3,3 dilations=2,2 pads=2,1,2,0 "
    "count_include_pad=1",
    "x = Input 2x6x7; y = GlobalAveragePool x",
    "x = Input 2x4x5; a = Relu x; y = Add x a",
    "x = Input 2x4x5; a = Relu x; y = Mul x a",
    "x = Input 3x4x5; a = GlobalAveragePool x; b = Sigmoid a; y = Mul x b",
    "x = Input 3x4x5; a = Relu x; y = Concat x a x",
    "x = Input 3x4x5; a = Relu x; y = Concat x a axis=-1",
    "x = Input 4x6x7; y = Slice x starts=1,0 ends=3,6 axes=1,3 steps=1,2",
    "x = Input 4x6x7; y = Slice x starts=-2,-9 ends=100,-1 axes=2,-1",
    "x = Input 2x4x5; y = Pad x pads=0,1,2,0,0,0,1,3 value=0.5",
    "x = Input 7; y = Gemm x channels=5",
    "x = Input 7; y = Gemm x channels=5 bias=0",
    "x = Input 3x4x5; y = Flatten x",
    "x = Input 2x6x7; y = GlobalMaxPool x",
    "x = Input 3x4x5; a = ReduceMean x axes=1,; y = Mul a x",
    "x = Input 3x4x5; a = ReduceMean x axes=2,; b = ReduceMean x axes=1,; y = Mul a b",
    "x = Input 3x4x5; y = LayerNormalization x epsilon=0.01",
    "x = Input 3x4x5; y = LayerNormalization x axis=1",
    "x = Input 3x4x5; y = LayerNormalization x axis=2 affine=0",
    "x = Input 3x4x5; y = Softmax x",
    "x = Input 3x4x5; y = Softmax x axis=1",
    "x = Input 3x4x5; y = Reshape x shape=0,5,-1",
    "x = Input 4x3x5; a = Reshape x shape=0,2,2,15; b = Transpose a perm=0,2,1,3; y = Reshape b "
    "shape=0,4,3,5",
    "x = Input 3x4x5; y = Transpose x perm=0,3,1,2",
    "x = Input 3x4x5; y = ReduceMean x axes=3,1",
    "x = Input 3x4x5; y = ReduceMean x axes=-1, keepdims=0",
    "x = Input 3x4x5; y = ReduceMean x axes=1,2,3 keepdims=0",
    "x = Input 3x4x5; a = Transpose x perm=0,1,3,2; y = MatMul x a",
    "x = Input 3x4x5; y = Dropout x",
    "x = Input 3x4x5; y = DropPath x",
    "x = Input 3x4x5; y = None x",
    "x = Input 3x5x6; y = None x stride=2",
    "x = Input 6; y = None x",
    // The logits are an input of what follows them, and an auxiliary head is left out.
    "x = Input 2x6x6; a = Conv x channels=3 kernel_shape=3,3; b = Flatten a; c = Gemm b "
    "channels=4; "
    "d = Relu a; e = Flatten d; f = Gemm e channels=4; g = Add c f; out c f g",
    "x = Input 2x3x3; out x",
};

static void open_images(struct images *images)
{
    if (!images_load(images, "t10k", SAMPLE_IMAGES))
        cr_skip_test("there is no " IMAGES_FOLDER " (Debian: dataset-fashion-mnist)");
}

static bool covers(const char *sketch, const char *op)
{
    char word[64];
    snprintf(word, sizeof word, " = %s ", op);
    return strstr(sketch, word) != NULL;
}

TestLeak(export, operators)
{
    struct engine engine;
    struct images images;
    char name[64];
    samples_clear();
    open_images(&images);
    engine_open(&engine, "openblas");
    for (size_t i = 0; i < ESP_COUNT(sketches); i++) {
        struct graph *graph = sketch_read(sketches[i]);
        snprintf(name, sizeof name, "operator-%zu", i);
        sample_check(&engine, &images, graph_handle(graph), name, sketches[i]);
        graph_destroy(graph);
    }
    engine_close(&engine);
    images_free(&images);
}

TestLeak(export, all_operators)
{
    for (uint64_t i = 0; operator_at(i); i++) {
        bool covered = strcmp(operator_at(i)->name, "Choice") == 0;
        for (size_t j = 0; j < ESP_COUNT(sketches); j++)
            covered = covered || covers(sketches[j], operator_at(i)->name);
        cr_expect(covered, "the operator %s is in no sketch here", operator_at(i)->name);
    }
}

// ---- Spaces -------------------------------------------------------------------------------------

static const char *parameters_of(const char *space)
{
    static const struct {
        const char *space, *parameters;
    } small[] = {
        {"darts", "channels = 4\ncells = 5\n"},
        {"hierarchical", "channels = 4\n"},
        {"metaqnn", "filters = 8, 16\nunits = 16, 32\nmax_layers = 6\n"},
        {"mlp", "min_width = 8\nmin_out = 8\nmax_width = 64\nmax_out = 64\nmax_depth = 2\n"},
        {"nasnet", "channels = 4\ncells = 5\n"},
        {"nasbench101", "channels = 8\n"},
        {"nasbench201", "channels = 4\ncells = 1\n"},
        {"nasbench_macro", "stem_channels = 4\nchannels = 8\nhead_channels = 32\n"},
    };
    for (size_t i = 0; i < ESP_COUNT(small); i++)
        if (strcmp(small[i].space, space) == 0)
            return small[i].parameters;
    return "";
}

// Members of a space for images of that many channels and of that size.
static void check_members(struct engine *engine, const struct images *images, const char *space,
                          int channels, int side, uint64_t first, uint64_t count)
{
    struct member_lab lab;
    char name[300], ini[512];
    snprintf(ini, sizeof ini,
             "[dataset]\nplugin = synthetic\nchannels = %d\nheight = %d\nwidth = %d\n"
             "[space]\nplugin = %s\n%s%s",
             channels, side, side, space, parameters_of(space),
             strcmp(space, "darts") == 0 && side == 32 ? "auxiliary = yes\n" : "");
    member_lab_open(&lab, ini);
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct arch *arch = member_sample(&lab, seed);
        struct graph *graph = member_graph(&lab, arch);
        json_t *json = arch_json(arch, space);
        char *text = json_dumps(json, JSON_COMPACT);
        snprintf(name, sizeof name, "%s-%d-%llu", space, channels, (unsigned long long)seed);
        sample_check(engine, images, graph_handle(graph), name, text);
        free(text);
        json_decref(json);
        graph_destroy(graph);
        arch_release(arch);
    }
    member_lab_close(&lab);
}

TestLeak(export, open_decisions_are_refused)
{
    static esp_status (*const writers[])(const struct export_network *network, const char *path,
                                         struct error *error) = {export_onnx, export_torch};
    struct graph *graph = sketch_read("x = Input 2x4x4; a = Relu x; b = Tanh x; y = Choice a b "
                                      "path=cell/op names=a|b");
    struct export_network network = {.graph = graph_handle(graph), .arch = "{}", .name = "open"};
    for (size_t i = 0; i < ESP_COUNT(writers); i++) {
        struct error error;
        error_clear(&error);
        cr_expect_eq(writers[i](&network, "open.out", &error), ESP_ERROR_UNSUPPORTED);
        cr_expect(strstr(error.message, "the decision cell/op is open"), "%s", error.message);
        cr_expect_neq(access("open.out", F_OK), 0);
    }
    graph_destroy(graph);
}

// Every space that there is, from the notes of the built plugins.
TestLeak(export, spaces)
{
    struct engine engine;
    struct registry *registry = NULL;
    struct images images;
    struct error error;
    unsigned spaces = 0;
    error_clear(&error);
    open_images(&images);
    struct images few = images;
    few.count = images.count < 50 ? images.count : 50;
    engine_open(&engine, "openblas");
    cr_assert_eq(registry_create(&registry, NULL, &error), ESP_OK, "%s", error.message);
    for (uint64_t i = 0; i < registry_count(registry); i++) {
        const struct component *component = registry_get(registry, i);
        if (component->kind != ESP_KIND_SPACE || component->shadowed_by || component->refused)
            continue;
        check_members(&engine, &images, component->id, 1, 28, 0, 1);
        check_members(&engine, &few, component->id, 3, 32, 0, 2);
        spaces++;
    }
    cr_expect_geq(spaces, 11);
    registry_destroy(registry);
    engine_close(&engine);
    images_free(&images);
}

// From a search by the commands to a final training that was tested, as a user goes: its model takes
// values of 0 to 1 and gives the accuracy that was told (onnxruntime.cjs).
Test(export, trained_by_the_commands)
{
    static const char ini[] =
        "[experiment]\nname = tested\n[space]\nplugin = chain\nmax_depth = 2\n"
        "widths = 8, 16\n[strategy]\nplugin = random\n[estimator]\n"
        "plugin = train\nepochs = 1\n[dataset]\nplugin = fashion_mnist\n"
        "train_limit = 512\n[objective]\nmaximize = valid_accuracy\n"
        "[budget]\ntrials = 1\n[final]\nretrain = none\n";
    struct images images;
    open_images(&images);
    images_free(&images);
    FILE *file = fopen("tested.ini", "w");
    cr_assert(file && fputs(ini, file) >= 0);
    fclose(file);
    struct command_result gone =
        command_run(&(struct command){.arguments = (const char *[]){"rm", "-rf", "tested", NULL}});
    command_free(&gone);
    free(espalier_expect(0, WORDS("run", "tested.ini", "--out", "tested", "--quiet")));
    char *text =
        espalier_expect(0, WORDS("train", "tested", "best", "--test", "--json", "--set",
                                 "estimator.epochs=1", "--set", "dataset.train_limit=2000"));
    json_t *json = json_loads(text, 0, NULL);
    const json_t *accuracy = json_object_get(json_object_get(json, "metrics"), "test_accuracy");
    cr_assert(json_is_number(accuracy), "%s", text);
    cr_expect_gt(json_number_value(accuracy), 0.5, "it has learnt");
    free(espalier_expect(
        0, WORDS("export", "tested", "final-0", "--format", "onnx", "-o", "final.onnx")));
    file = fopen("final.txt", "w");
    cr_assert(file && fprintf(file, "%.6f\n", json_number_value(accuracy)) > 0);
    fclose(file);
    json_decref(json);
    free(text);
}
