// SPDX-License-Identifier: Apache-2.0
// What a training reports: metrics of its last and best epoch, cost, final trainings, stopping; that it
// learns; and what it refuses.
#include "support/leak.h"
#include "support/session_lab.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct session_lab lab;
static struct arch *arch;

#define BASE                                                                                       \
    "[space]\nplugin = chain\nmin_depth = 2\nmax_depth = 2\noperations = conv_3x3\nwidths = 8\n"   \
    "strides = 1\nactivations = relu\nbatch_norm = %s\n[strategy]\nplugin = random\n[objective]\n" \
    "maximize = valid_accuracy\n"

#define EASY                                                                                       \
    "[dataset]\nplugin = synthetic\nchannels = 1\nheight = 8\nwidth = 8\nclasses = 4\ntrain = "    \
    "160\n"                                                                                        \
    "valid = 64\ntest = 48\nnoise = 0.3\nshift = 1\n"

// So hard, and with steps so large, that the best epoch is not the last one.
#define HARD                                                                                       \
    "[dataset]\nplugin = synthetic\nchannels = 1\nheight = 8\nwidth = 8\nclasses = 4\ntrain = "    \
    "96\n"                                                                                         \
    "valid = 64\nnoise = 2\n"

// `estimator`: lines of [estimator]; `dataset`: the section.
static void open_normalized(const char *batch_norm, const char *estimator, const char *dataset)
{
    char ini[2048];
    snprintf(ini, sizeof ini, BASE "%s[estimator]\nplugin = train\nbatch = 16\n%s", batch_norm,
             dataset, estimator);
    session_lab_open(&lab, ini, NULL);
    arch = session_lab_sample(&lab, 1);
}

static void open_lab(const char *estimator, const char *dataset)
{
    open_normalized("yes", estimator, dataset);
}

static void close_lab(void)
{
    arch_release(arch);
    session_lab_close(&lab);
}

static struct specification in_folder(const char *folder)
{
    return (struct specification){
        .seed = 1, .folder = (char *)(uintptr_t)folder, .wants_files = folder != NULL};
}

static struct result train(struct specification given, progress_function progress, void *self)
{
    struct result result = session_lab_evaluate(&lab, arch, &given, progress, self);
    cr_assert_neq(result.status, ESP_OUTCOME_FAILED, "%s", result.error);
    return result;
}

static void assert_fails(struct specification given, const char *words)
{
    struct result result = session_lab_evaluate(&lab, arch, &given, NULL, NULL);
    cr_assert_eq(result.status, ESP_OUTCOME_FAILED, "expected: %s", words);
    cr_assert(strstr(result.error, words), "'%s' in '%s'", words, result.error);
    result_destroy(&result);
}

static bool has_file(const char *folder, const char *name)
{
    char *path = session_lab_path(&lab, folder, name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

// What was reported of each epoch.
struct curve {
    double accuracy[64], loss[64];
    int points, stop_at;
};

static uint32_t note(void *self, double step, const esp_measurement *metrics, uint64_t count,
                     uint64_t stride)
{
    struct curve *curve = self;
    cr_assert_eq(stride, sizeof *metrics);
    cr_assert_eq(step, curve->points + 1);
    for (uint64_t i = 0; i < count; i++) {
        if (strcmp(metrics[i].name, "valid_accuracy") == 0)
            curve->accuracy[curve->points] = metrics[i].value;
        if (strcmp(metrics[i].name, "valid_loss") == 0)
            curve->loss[curve->points] = metrics[i].value;
    }
    curve->points++;
    return curve->points == curve->stop_at ? ESP_STOP : ESP_CONTINUE;
}

TestLeak(training, learns_with_both_optimizers)
{
    static const char *const settings[] = {
        "epochs = 20\nlearning_rate = 0.05\n",
        "epochs = 20\noptimizer = adamw\nlearning_rate = 0.01\n"};
    for (int i = 0; i < 2; i++) {
        open_lab(settings[i], EASY);
        struct result result = train(in_folder(NULL), NULL, NULL);
        double train_accuracy = result_metric(&result, "train_accuracy");
        double valid_accuracy = result_metric(&result, "valid_accuracy");
        cr_assert_gt(train_accuracy, 0.9, "%g", train_accuracy);
        cr_assert_gt(valid_accuracy, 0.8, "%g", valid_accuracy);
        cr_assert_lt(result_metric(&result, "train_loss"), 0.4);
        result_destroy(&result);
        close_lab();
    }
}

TestLeak(training, reports_its_last_and_its_best_epoch)
{
    struct curve curve = {0};
    open_lab("epochs = 12\nlearning_rate = 0.3\nschedule = constant\n", HARD);
    struct result result = train(in_folder("whole"), note, &curve);
    int best = 0;
    for (int i = 1; i < 12; i++)
        if (curve.accuracy[i] > curve.accuracy[best])
            best = i;
    cr_assert_eq(curve.points, 12);
    cr_assert_lt(best, 11, "the test needs a best epoch before the last one");
    cr_assert_eq(result_metric(&result, "valid_accuracy"), curve.accuracy[11]);
    cr_assert_eq(result_metric(&result, "valid_loss"), curve.loss[11]);
    cr_assert_eq(result_metric(&result, "best_valid_accuracy"), curve.accuracy[best]);
    cr_assert_eq(result_metric(&result, "best_valid_loss"), curve.loss[best]);
    cr_assert_eq(result_metric(&result, "cost"), 12.0);
    cr_assert_geq(result_metric(&result, "train_seconds"), 0.0);
    result_destroy(&result);
    // Stopped there, the same training ends with the weights that were the best.
    struct curve stopped = {.stop_at = best + 1};
    result = train(in_folder("stopped"), note, &stopped);
    cr_assert_eq(result.status, ESP_OUTCOME_STOPPED);
    cr_assert_eq(stopped.points, best + 1);
    cr_assert_eq(result_metric(&result, "valid_accuracy"), curve.accuracy[best]);
    cr_assert_eq(result_metric(&result, "cost"), best + 1);
    cr_assert(session_lab_equal(&lab, "whole/best.safetensors", "stopped/last.safetensors"));
    cr_assert_not(session_lab_same(&lab, "whole", "stopped", "last.safetensors"));
    result_destroy(&result);
    close_lab();
}

// A schedule's horizon is what the INI says, so that 3 epochs of 9 are the first 3 of 9.
TestLeak(training, anneals_over_the_epochs_of_the_ini_whatever_the_fidelity)
{
    struct fidelity three = {(char *)"epochs", 3.0};
    struct specification given = in_folder(NULL);
    struct curve whole = {0}, short_one = {0};
    open_lab("epochs = 9\n", HARD);
    struct result result = train(given, note, &whole);
    result_destroy(&result);
    given.fidelity = &three;
    given.fidelity_count = 1;
    result = train(given, note, &short_one);
    cr_assert_eq(short_one.points, 3);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(short_one.loss[i], whole.loss[i], "epoch %d", i + 1);
    result_destroy(&result);
    close_lab();
}

TestLeak(training, counts_the_images_that_it_saw)
{
    static const struct {
        int size;
        double seen; // of one epoch, in batches of 16
    } cases[] = {{32, 32}, {33, 32}, {34, 34}, {8, 8}};
    for (int i = 0; i < 4; i++) {
        char dataset[512];
        snprintf(dataset, sizeof dataset,
                 "[dataset]\nplugin = synthetic\nchannels = 1\nheight = 8\nwidth = 8\n"
                 "train = %d\nvalid = 20\n",
                 cases[i].size);
        open_lab("epochs = 2\n", dataset);
        struct result result = train(in_folder(NULL), NULL, NULL);
        cr_assert_eq(result_metric(&result, "cost"), 2.0 * cases[i].seen / cases[i].size,
                     "%d samples: %g", cases[i].size, result_metric(&result, "cost"));
        result_destroy(&result);
        close_lab();
    }
}

// ---- Streams ------------------------------------------------------------------------------------

// The estimator as it is, with its requests for streams noted.
static const esp_estimator_type *real;
static const esp_evaluation_api *real_api;

static struct request {
    char name[16];
    uint64_t epoch, step;
} requests[128];
static int request_count;

static esp_random note_random(esp_evaluation *e, const char *name, uint64_t epoch, uint64_t step)
{
    struct request *request = &requests[request_count++ % 128];
    snprintf(request->name, sizeof request->name, "%s", name);
    request->epoch = epoch;
    request->step = step;
    return real_api->random(e, name, epoch, step);
}

static esp_status watched_evaluate(void *self, esp_evaluation *e)
{
    static esp_evaluation_api watched;
    real_api = e->api;
    watched = *real_api;
    watched.random = note_random;
    e->api = &watched;
    esp_status status = real->evaluate(self, e);
    e->api = real_api;
    return status;
}

static int count_requests(const char *name, uint64_t epoch, uint64_t step)
{
    int count = 0;
    for (int i = 0; i < request_count; i++)
        count += strcmp(requests[i].name, name) == 0 && requests[i].epoch == epoch &&
                 requests[i].step == step;
    return count;
}

TestLeak(training, draws_each_epoch_and_step_from_streams_of_their_own)
{
    struct session_lab train_lab;
    open_lab("", HARD);
    train_lab = lab;
    arch_release(arch);
    real = train_lab.experiment->estimator.component->type;
    esp_estimator_type watched = *real;
    watched.evaluate = watched_evaluate;
    session_lab_open(&lab,
                     "[space]\nplugin = chain\n[strategy]\nplugin = random\n[objective]\n"
                     "maximize = valid_accuracy\n" HARD
                     "[estimator]\nplugin = probe\nepochs = 3\nbatch = 32\ncrop = 1\n",
                     &watched);
    arch = session_lab_sample(&lab, 1);
    struct result result = train(in_folder(NULL), NULL, NULL);
    for (uint64_t epoch = 0; epoch < 3; epoch++) {
        cr_assert_eq(count_requests("shuffle", epoch, 0), 1);
        for (uint64_t step = 0; step < 3; step++) {
            cr_assert_eq(count_requests("augment", epoch, step), 1);
            cr_assert_eq(count_requests("dropout", epoch, step), 1);
        }
    }
    cr_assert_eq(request_count, 3 * (1 + 3 + 3 + 1), "and one for each validation");
    result_destroy(&result);
    close_lab();
    session_lab_close(&train_lab);
}

// ---- Final trainings, files, failures -----------------------------------------------------------

TestLeak(training, that_is_final_has_no_validation_and_reads_the_test)
{
    struct specification given = in_folder("final");
    struct curve curve = {0};
    open_lab("epochs = 9\n[final]\nepochs = 6\n", EASY);
    given.purpose = PURPOSE_FINAL;
    given.test = true;
    struct result result = train(given, note, &curve);
    cr_assert_eq(result.status, ESP_OUTCOME_DONE);
    cr_assert_eq(curve.points, 6, "what [final] says");
    cr_assert_gt(result_metric(&result, "test_accuracy"), 0.7);
    cr_assert_leq(result_metric(&result, "test_accuracy"), 1.0);
    cr_assert_gt(result_metric(&result, "test_loss"), 0.0);
    cr_assert_eq(result_metric(&result, "cost"), 6.0);
    cr_assert(isnan(result_metric(&result, "valid_accuracy")));
    cr_assert(isnan(result_metric(&result, "best_valid_loss")));
    cr_assert(has_file("final", "last.safetensors"));
    cr_assert_not(has_file("final", "best.safetensors"), "the last epoch is kept");
    result_destroy(&result);
    close_lab();
}

TestLeak(training, writes_no_files_where_nobody_wants_them)
{
    struct specification given = in_folder("bare");
    given.wants_files = false;
    open_lab("epochs = 2\n", EASY);
    struct result result = train(given, NULL, NULL);
    cr_assert_not(has_file("bare", "last.safetensors"));
    cr_assert_not(has_file("bare", "best.safetensors"));
    cr_assert_not(has_file("bare", "checkpoint.safetensors"));
    cr_assert(has_file("bare", "curve.json"));
    result_destroy(&result);
    close_lab();
}

TestLeak(training, that_diverges_says_where)
{
    struct specification given = in_folder(NULL);
    int epoch = 0, step = 0, length = 0;
    open_normalized("no", "epochs = 3\nlearning_rate = 1000\n", HARD);
    struct result result = session_lab_evaluate(&lab, arch, &given, NULL, NULL);
    cr_assert_eq(result.status, ESP_OUTCOME_FAILED);
    cr_assert_eq(sscanf(result.error, "diverged at epoch %d, step %d: the loss is %n", &epoch,
                        &step, &length),
                 2, "%s", result.error);
    cr_assert(epoch >= 1 && epoch <= 3 && step >= 1 && step <= 6, "%s", result.error);
    cr_assert(strcmp(result.error + length, "nan") == 0 ||
                  strcmp(result.error + length, "infinite") == 0,
              "%s", result.error);
    close_lab();
}

// Normalization hides how large weights are until they, or a running variance, leave the numbers: the
// loss is as it was.
TestLeak(training, whose_weights_diverge_says_where)
{
    struct specification given = in_folder(NULL);
    int epoch = 0, step = 0, length = 0;
    open_normalized("yes", "epochs = 9\nlearning_rate = 1000\nweight_decay = 10\nmomentum = 0\n",
                    HARD);
    struct result result = session_lab_evaluate(&lab, arch, &given, NULL, NULL);
    cr_assert_eq(result.status, ESP_OUTCOME_FAILED);
    cr_assert_eq(sscanf(result.error, "diverged at epoch %d, step %d: a value of '%n", &epoch,
                        &step, &length),
                 2, "%s", result.error);
    cr_assert(length > 0, "%s", result.error);
    cr_assert(epoch >= 1 && step >= 1 && step <= 6, "%s", result.error);
    result_destroy(&result);
    close_lab();
}

TestLeak(training, needs_data)
{
    open_lab("epochs = 1\n", "[dataset]\nplugin = synthetic\nvalid = 0\nvalid_fraction = 0\n"
                             "train = 20\nheight = 8\nwidth = 8\n");
    assert_fails(in_folder(NULL), "there is no validation split");
    close_lab();
    open_lab("epochs = 1\n", "[dataset]\nplugin = synthetic\ntest = 0\ntrain = 20\nheight = 8\n"
                             "width = 8\n");
    struct specification given = in_folder(NULL);
    given.purpose = PURPOSE_FINAL;
    given.test = true;
    assert_fails(given, "the dataset has no test split");
    close_lab();
}
