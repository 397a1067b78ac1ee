// SPDX-License-Identifier: Apache-2.0
// Trains one small network in every way that the estimator `train` knows, and leaves in its folder what
// torch_trainings.py needs to do the same: the network, its first weights, the batch, and of each
// training its parameters, the loss of each step, that of validation behind it, and the last weights.
// The whole training split is one batch, so that the order of samples is of no matter, and each epoch is
// one step.
#include "evaluate/checkpoint.h"
#include "evaluate/evaluation.h"
#include "export/export.h"
#include "support/session_lab.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEPS = 24, TRAIN = 24, VALID = 12, CLASSES = 3, ELEMENTS = 36 };

// Each with a name and its lines of [estimator].
static const char *const trainings[][2] = {
    {"sgd", "learning_rate = 0.05\nmomentum = 0\nweight_decay = 0.01\nschedule = constant\n"},
    {"momentum", "learning_rate = 0.03\nnesterov = no\nschedule = cosine\n"},
    {"nesterov", "learning_rate = 0.03\nschedule = linear\nwarmup = 4\n"},
    {"adam", "optimizer = adam\nlearning_rate = 0.01\nweight_decay = 0.02\nepsilon = 1e-4\n"
             "schedule = cosine_restarts\nrestart_period = 3\nrestart_factor = 2\nwarmup = 2\n"},
    {"adamw", "optimizer = adamw\nlearning_rate = 0.01\nweight_decay = 0.3\nepsilon = 1e-4\n"
              "beta1 = 0.8\nbeta2 = 0.9\nschedule = cosine_restarts\nrestart_period = 5\n"
              "restart_factor = 1\n"},
    {"clip_norm", "learning_rate = 0.2\nclip_norm = 0.05\nschedule = step\nstep_size = 7\n"
                  "step_gamma = 0.5\n"},
    {"clip_value", "learning_rate = 0.1\nclip_value = 0.02\nclip_norm = 0.04\n"},
    {"class_weights", "learning_rate = 0.03\nclass_weights = 0.5, 3, 1.25\n"
                      "label_smoothing = 0.1\n"},
    {"balanced", "learning_rate = 0.03\nclass_weights = balanced\n"},
    {"squared_error", "learning_rate = 0.05\nloss = mean_squared_error\n"},
    {"weighted_squared_error", "learning_rate = 0.05\nloss = mean_squared_error\n"
                               "class_weights = 2, 0.5, 1\nlabel_smoothing = 0.1\n"},
    {"average", "learning_rate = 0.05\nema_decay = 0.9\nema_ramp = no\n"},
    {"ramped_average", "optimizer = adam\nlearning_rate = 0.01\nepsilon = 1e-4\n"
                       "ema_decay = 0.7\nclip_norm = 0.05\nschedule = linear\n"},
};
#define TRAININGS (sizeof trainings / sizeof trainings[0])

static struct session_lab lab;
static struct arch *arch;

static void open_lab(const char *estimator, int epochs)
{
    char ini[2048];
    snprintf(ini, sizeof ini,
             "[space]\nplugin = chain\nmin_depth = 2\nmax_depth = 2\noperations = conv_3x3\n"
             "widths = 6\nstrides = 1\nactivations = tanh\n[strategy]\nplugin = random\n"
             "[dataset]\nplugin = synthetic\nchannels = 1\nheight = 6\nwidth = 6\nclasses = %d\n"
             "train = %d\nvalid = %d\n[objective]\nmaximize = valid_accuracy\n"
             "[estimator]\nplugin = train\nbatch = %d\nepochs = %d\n%s",
             CLASSES, TRAIN, VALID, TRAIN, epochs, estimator);
    session_lab_open(&lab, ini, NULL);
    arch = session_lab_sample(&lab, 1);
}

static void close_lab(void)
{
    arch_release(arch);
    session_lab_close(&lab);
}

static const char *name_file(const char *name, const char *kind)
{
    static char path[128];
    snprintf(path, sizeof path, "%s.%s", name, kind);
    return path;
}

static void write_floats(const char *path, const float *values, size_t count)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(values, sizeof *values, count, file), count);
    cr_assert_eq(fclose(file), 0);
}

static void copy_weights(const char *attempt, const char *to)
{
    char *from = session_lab_path(&lab, attempt, "last.safetensors"), bytes[65536];
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    cr_assert(in && out);
    size_t size = fread(bytes, 1, sizeof bytes, in);
    cr_assert(size > 0 && size < sizeof bytes);
    cr_assert_eq(fwrite(bytes, 1, size, out), size);
    fclose(in);
    cr_assert_eq(fclose(out), 0);
    free(from);
}

// ---- The network and its data -------------------------------------------------------------------

static void write_split(uint32_t split, uint64_t count, const char *name)
{
    struct data *data = NULL;
    struct error error;
    float samples[TRAIN * ELEMENTS], as_float[TRAIN];
    uint32_t labels[TRAIN];
    uint64_t indices[TRAIN];
    error_clear(&error);
    cr_assert_eq(session_data(lab.session, &lab.experiment->dataset.parameters,
                              &lab.experiment->data, false, false, &data, &error),
                 ESP_OK, "%s", error.message);
    for (uint64_t i = 0; i < count; i++)
        indices[i] = i;
    cr_assert_eq(data_read(data, split, indices, count, samples, labels, &error), ESP_OK);
    for (uint64_t i = 0; i < count; i++)
        as_float[i] = (float)labels[i];
    write_floats(name_file(name, "images"), samples, count * ELEMENTS);
    write_floats(name_file(name, "labels"), as_float, count);
}

static void write_network(const char *weights)
{
    struct graph *graph = NULL;
    struct error error;
    error_clear(&error);
    json_t *json = arch_json(arch, "chain");
    char *text = json_dumps(json, JSON_COMPACT);
    esp_status status = builder_build(session_builder(lab.session), arch, &graph, &error);
    cr_assert_eq(status, ESP_OK, "%s", error.message);
    struct export_network network = {
        .graph = graph_handle(graph), .channels = 1, .arch = text, .name = "network"};
    status = weights_open(&network.weights, weights, network.graph, &error);
    if (status == ESP_OK)
        status = export_torch(&network, "network.py", &error);
    cr_assert_eq(status, ESP_OK, "%s", error.message);
    safetensors_close(network.weights);
    graph_destroy(graph);
    free(text);
    json_decref(json);
}

// ---- Trainings ----------------------------------------------------------------------------------

struct losses {
    float train[STEPS], valid[STEPS];
    int count;
};

static uint32_t note(void *self, double step, const esp_measurement *metrics, uint64_t count,
                     uint64_t stride)
{
    struct losses *losses = self;
    (void)stride;
    cr_assert_eq(step, losses->count + 1);
    for (uint64_t i = 0; i < count; i++) {
        if (strcmp(metrics[i].name, "train_loss") == 0)
            losses->train[losses->count] = (float)metrics[i].value;
        if (strcmp(metrics[i].name, "valid_loss") == 0)
            losses->valid[losses->count] = (float)metrics[i].value;
    }
    losses->count++;
    return ESP_CONTINUE;
}

static struct losses train(void)
{
    struct losses losses = {.count = 0};
    struct specification given = {
        .seed = 1, .lineage = 2, .folder = (char *)"trained", .wants_files = true};
    struct result result = session_lab_evaluate(&lab, arch, &given, note, &losses);
    cr_assert_eq(result.status, ESP_OUTCOME_DONE, "%s", result.error);
    result_destroy(&result);
    return losses;
}

// The first step of a warm-up has a rate of 0: the weights stay what they were.
static void leave_start(void)
{
    open_lab("warmup = 1\n", 1);
    train();
    copy_weights("trained", "start.safetensors");
    write_network("start.safetensors");
    write_split(ESP_SPLIT_TRAIN, TRAIN, "train");
    write_split(ESP_SPLIT_VALID, VALID, "valid");
    close_lab();
}

Test(training, leaves_samples_for_pytorch)
{
    leave_start();
    for (size_t i = 0; i < TRAININGS; i++) {
        const char *name = trainings[i][0];
        open_lab(trainings[i][1], STEPS);
        struct losses losses = train();
        cr_assert_eq(losses.count, STEPS);
        cr_assert_lt(losses.train[STEPS - 1], losses.train[0], "%s learns nothing", name);
        write_floats(name_file(name, "losses"), losses.train, STEPS);
        write_floats(name_file(name, "valid_losses"), losses.valid, STEPS);
        copy_weights("trained", name_file(name, "safetensors"));
        FILE *file = fopen(name_file(name, "ini"), "w");
        cr_assert(file && fputs(trainings[i][1], file) >= 0 && fclose(file) == 0);
        close_lab();
    }
}
