// SPDX-License-Identifier: Apache-2.0
// Networks with an auxiliary head and with DropPath: what the head adds to the loss, that nothing but
// training computes it, that the schedule goes by the epoch, and that continuations give the same bits.
#include "support/leak.h"
#include "support/session_lab.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What the space builds next.
static struct {
    int64_t classes; // of the auxiliary head; 0: there is none
    double ratio;    // of DropPath
} design;

static esp_status sketch_create(esp_create *create, void **out)
{
    (void)create;
    *out = &design;
    return ESP_OK;
}

static void sketch_destroy(void *self)
{
    (void)self;
}

static esp_node pool(esp_builder *b, esp_node x)
{
    return esp_unary(b, "Flatten", esp_unary(b, "GlobalAveragePool", x));
}

static esp_status sketch_build(void *self, esp_builder *b)
{
    static const int64_t widths[] = {4, 6};
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    (void)self;
    options.channels = esp_choose_value(b, "width", widths, 2);
    options.kernel = 3;
    esp_node stem = esp_relu(b, esp_conv(b, "stem", esp_input(b), options));
    esp_node x = esp_drop_path(b, "path", esp_conv(b, "cell", stem, options), design.ratio);
    x = esp_relu(b, esp_batch_norm_plain(b, "norm", esp_add(b, x, stem)));
    esp_status status = esp_classifier(b, x);
    if (status != ESP_OK || design.classes == 0)
        return status;
    esp_node head = esp_batch_norm(b, "head_norm", pool(b, stem));
    return esp_output(b, esp_linear(b, "head", head, design.classes));
}

static const esp_space_type sketch = {.struct_size = sizeof sketch,
                                      .summary = "a network with two heads",
                                      .create = sketch_create,
                                      .destroy = sketch_destroy,
                                      .build = sketch_build};

static struct session_lab lab;
static struct arch *arch;

// `estimator`: lines of [estimator]. 4 classes, 96 images: a batch of 96 is one step an epoch.
static void open_lab(int64_t classes, double ratio, const char *estimator)
{
    char ini[1024];
    design.classes = classes;
    design.ratio = ratio;
    snprintf(ini, sizeof ini,
             "[space]\nplugin = sketch\n[strategy]\nplugin = random\n[objective]\n"
             "maximize = valid_accuracy\n[dataset]\nplugin = synthetic\nchannels = 1\nheight = 6\n"
             "width = 6\nclasses = 4\ntrain = 96\nvalid = 40\n[estimator]\nplugin = train\n%s",
             estimator);
    session_lab_open_space(&lab, ini, &sketch);
    arch = session_lab_sample(&lab, 1);
}

static void close_lab(void)
{
    arch_release(arch);
    session_lab_close(&lab);
}

static struct result train(struct specification given, progress_function progress, void *self)
{
    given.seed = 3;
    struct result result = session_lab_evaluate(&lab, arch, &given, progress, self);
    cr_assert_eq(result.status, ESP_OUTCOME_DONE, "%s", result.error);
    return result;
}

// ---- Auxiliary heads ----------------------------------------------------------------------------

// The metrics of one training: of one step where the batch is the whole split.
struct outcome {
    double train_loss, valid_loss, params, macs;
};

static struct outcome outcome_of(int64_t classes, const char *estimator)
{
    open_lab(classes, 0.0, estimator);
    struct result result = train((struct specification){0}, NULL, NULL);
    struct outcome outcome = {result_metric(&result, "train_loss"),
                              result_metric(&result, "valid_loss"),
                              result_metric(&result, "params"), result_metric(&result, "macs")};
    result_destroy(&result);
    close_lab();
    return outcome;
}

TestLeak(heads, add_their_weight_of_the_loss)
{
    struct outcome none = outcome_of(4, "epochs = 1\nbatch = 96\nauxiliary_weight = 0\n");
    struct outcome usual = outcome_of(4, "epochs = 1\nbatch = 96\n");
    struct outcome twice = outcome_of(4, "epochs = 1\nbatch = 96\nauxiliary_weight = 0.8\n");
    double head = (usual.train_loss - none.train_loss) / 0.4;
    cr_expect_gt(head, 0.5, "%g: of 4 classes, ln 4 where nothing was learnt", head);
    cr_expect_float_eq(twice.train_loss - none.train_loss, 0.8 * head, 1e-6);
    cr_expect_neq(usual.valid_loss, none.valid_loss, "its gradient reaches the stem");
    cr_expect_neq(usual.valid_loss, twice.valid_loss);
}

TestLeak(heads, that_are_left_out_leave_no_trace)
{
    struct outcome alone = outcome_of(0, "epochs = 3\nbatch = 16\n");
    struct outcome beside = outcome_of(4, "epochs = 3\nbatch = 16\nauxiliary_weight = 0\n");
    cr_expect_eq(alone.train_loss, beside.train_loss);
    cr_expect_eq(alone.valid_loss, beside.valid_loss);
    cr_expect_eq(alone.params, beside.params, "nor have they a part in the counts");
    cr_expect_eq(alone.macs, beside.macs);
}

TestLeak(heads, of_another_number_of_classes_are_refused)
{
    open_lab(5, 0.0, "epochs = 1\n");
    struct specification given = {.seed = 1};
    struct result result = session_lab_evaluate(&lab, arch, &given, NULL, NULL);
    cr_expect_eq(result.status, ESP_OUTCOME_FAILED);
    cr_expect_not_null(
        strstr(result.error, "output 1 of the network, 'head': expected logits [N, 4]"), "%s",
        result.error);
    result_destroy(&result);
    close_lab();
}

// ---- DropPath -----------------------------------------------------------------------------------

struct curve {
    double loss[16];
    int points;
};

static uint32_t note(void *self, double step, const esp_measurement *metrics, uint64_t count,
                     uint64_t stride)
{
    struct curve *curve = self;
    (void)step;
    (void)stride;
    for (uint64_t i = 0; i < count; i++)
        if (strcmp(metrics[i].name, "train_loss") == 0)
            curve->loss[curve->points] = metrics[i].value;
    curve->points++;
    return ESP_CONTINUE;
}

static struct curve curve_of(double ratio, const char *estimator)
{
    struct curve curve = {0};
    open_lab(4, ratio, estimator);
    struct result result = train((struct specification){0}, note, &curve);
    result_destroy(&result);
    close_lab();
    return curve;
}

TestLeak(drop_path, begins_at_zero_and_rises_by_the_epoch)
{
    struct curve none = curve_of(0.0, "epochs = 3\nbatch = 16\n");
    struct curve some = curve_of(0.5, "epochs = 3\nbatch = 16\n");
    cr_assert_eq(none.points, 3);
    cr_expect_eq(none.loss[0], some.loss[0], "nothing is dropped in the first epoch");
    cr_expect_neq(none.loss[1], some.loss[1]);
    // In the second of 3 epochs a third of the ratio, of 6 a sixth.
    struct curve slow = curve_of(0.5, "epochs = 6\nbatch = 16\nschedule = constant\n");
    struct curve quick = curve_of(0.5, "epochs = 3\nbatch = 16\nschedule = constant\n");
    cr_expect_eq(quick.loss[0], slow.loss[0]);
    cr_expect_neq(quick.loss[1], slow.loss[1]);
}

TestLeak(drop_path, and_heads_are_continued_with_the_same_bits)
{
    struct fidelity three = {(char *)"epochs", 3.0};
    open_lab(4, 0.6, "epochs = 7\nbatch = 16\nlearning_rate = 0.1\n");
    struct specification whole = {.folder = (char *)"whole", .wants_files = true};
    struct specification first = {
        .folder = (char *)"first", .wants_files = true, .fidelity = &three, .fidelity_count = 1};
    struct specification rest = {.folder = (char *)"rest",
                                 .wants_files = true,
                                 .mode = ESP_MODE_CONTINUE,
                                 .parent_folder = (char *)"first"};
    struct result a = train(whole, NULL, NULL), b = train(first, NULL, NULL),
                  c = train(rest, NULL, NULL);
    cr_expect(session_lab_same(&lab, "whole", "rest", "last.safetensors"));
    cr_expect_not(session_lab_same(&lab, "whole", "first", "last.safetensors"));
    cr_expect_eq(result_metric(&a, "train_loss"), result_metric(&c, "train_loss"));
    cr_expect_eq(result_metric(&a, "valid_loss"), result_metric(&c, "valid_loss"));
    result_destroy(&a);
    result_destroy(&b);
    result_destroy(&c);
    close_lab();
}
