// SPDX-License-Identifier: Apache-2.0
// Trainings that are continued, taken up after a kill, or made again elsewhere give the same bits; and
// the laws of schedules and augmentation.
#include "../augment.h"
#include "../schedule.h"

#include "evaluate/session.h"
#include "execute/execute.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char text[] =
    "[space]\nplugin = chain\nmax_depth = 2\nmin_depth = 2\n"
    "operations = conv_3x3\nwidths = 6\nstrides = 1\ndropout = 0.3\n"
    "[strategy]\nplugin = random\n"
    "[estimator]\nplugin = train\nepochs = 9\nbatch = 16\ncrop = 1\nflip = yes\n"
    "cutout = 3\nlabel_smoothing = 0.1\nwarmup = 1\ncheckpoint_every = 1\n"
    "[dataset]\nplugin = synthetic\nheight = 8\nwidth = 8\ntrain = 100\n"
    "valid = 40\n[objective]\nmaximize = valid_accuracy\n";

struct lab {
    char *folder;
    struct registry *registry;
    struct experiment *experiment;
    struct session *session;
    struct arch *arch;
};

static struct lab lab_open(const char *optimizer)
{
    struct lab lab = {.folder = folder_temporary()};
    struct config *config = NULL;
    struct error error;
    error_clear(&error);
    registry_create(&lab.registry, NULL, &error);
    registry_add_builtin(lab.registry, ESP_KIND_EXECUTOR, "local", executor_local(), &error);
    cr_assert_eq(config_parse(&config, text, "a.ini", ".", &error), ESP_OK, "%s", error.message);
    config_set(config, "estimator", "optimizer", optimizer, &error);
    cr_assert_eq(experiment_create(&lab.experiment, config, lab.registry, &error), ESP_OK, "%s",
                 error.message);
    cr_assert_eq(session_create(&lab.session, lab.experiment, true, &error), ESP_OK, "%s",
                 error.message);
    esp_random random = esp_random_stream(1, 1, 0, 0, 0);
    cr_assert_eq(builder_sample(session_builder(lab.session), &random, &lab.arch, &error), ESP_OK,
                 "%s", error.message);
    return lab;
}

static void lab_close(struct lab *lab)
{
    arch_release(lab->arch);
    session_destroy(lab->session);
    experiment_destroy(lab->experiment);
    registry_destroy(lab->registry);
    folder_delete(lab->folder);
}

static uint32_t kill_after_five(void *self, double step, const esp_measurement *metrics,
                                uint64_t count, uint64_t stride)
{
    (void)self;
    (void)metrics;
    (void)count;
    (void)stride;
    if (step >= 5)
        raise(SIGKILL);
    return ESP_CONTINUE;
}

// Trains into folder/name for so many epochs; answers the whole of last.safetensors.
static char *train(struct lab *lab, const char *name, double epochs, const char *parent,
                   const char *earlier, progress_function progress, size_t *size)
{
    struct fidelity fidelity = {(char *)"epochs", epochs};
    struct result result;
    struct error error;
    struct stat found;
    char folder[512], path[600], parent_folder[512], earlier_folder[512];
    error_clear(&error);
    snprintf(folder, sizeof folder, "%s/%s", lab->folder, name);
    snprintf(parent_folder, sizeof parent_folder, "%s/%s", lab->folder, parent ? parent : "");
    snprintf(earlier_folder, sizeof earlier_folder, "%s/%s", lab->folder, earlier ? earlier : "");
    mkdir(folder, 0777);
    struct specification s = {.seed = 4,
                              .lineage = 7,
                              .mode = parent ? ESP_MODE_CONTINUE : ESP_MODE_FRESH,
                              .arch = arch_json(lab->arch, "chain"),
                              .fidelity = &fidelity,
                              .fidelity_count = 1,
                              .folder = folder,
                              .parent_folder = parent ? parent_folder : NULL,
                              .earlier = earlier ? earlier_folder : NULL,
                              .wants_files = true};
    snprintf(s.hash, sizeof s.hash, "%016llx", (unsigned long long)arch_hash(lab->arch));
    session_evaluate(lab->session, &s, progress, NULL, &result, &error);
    cr_assert_eq(result.status, ESP_OUTCOME_DONE, "%s", result.error);
    result_destroy(&result);
    json_decref(s.arch);
    snprintf(path, sizeof path, "%s/last.safetensors", folder);
    cr_assert_eq(stat(path, &found), 0);
    *size = (size_t)found.st_size;
    char *bytes = malloc(*size);
    FILE *file = fopen(path, "r");
    cr_assert_eq(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void check_continuation(const char *optimizer)
{
    struct lab lab = lab_open(optimizer);
    size_t whole_size, size;
    char *whole = train(&lab, "whole", 9, NULL, NULL, NULL, &whole_size);
    char *three = train(&lab, "three", 3, NULL, NULL, NULL, &size);
    cr_assert(size == whole_size && memcmp(whole, three, size) != 0, "three epochs are not nine");
    char *nine = train(&lab, "nine", 9, "three", NULL, NULL, &size);
    cr_assert(size == whole_size && memcmp(whole, nine, size) == 0, "3 + 6 epochs are 9");
    // The continuation is killed at its fifth epoch, and an attempt takes up its checkpoint.
    pid_t child = fork();
    if (child == 0) {
        train(&lab, "killed", 9, "three", NULL, kill_after_five, &size);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    char *again = train(&lab, "again", 9, "three", "killed", NULL, &size);
    cr_assert(size == whole_size && memcmp(whole, again, size) == 0, "killed and taken up");
    free(whole);
    free(three);
    free(nine);
    free(again);
    lab_close(&lab);
}

Test(continuation, sgd)
{
    check_continuation("sgd");
}

Test(continuation, adamw)
{
    check_continuation("adamw");
}

Test(schedule, follows_its_formulas)
{
    struct schedule s = {SCHEDULE_COSINE, 0.2, 2, 10, 3, 0.5};
    cr_assert_float_eq(schedule_rate(&s, 1), 0.1, 1e-12);
    cr_assert_float_eq(schedule_rate(&s, 2), 0.2, 1e-12);
    cr_assert_float_eq(schedule_rate(&s, 6), 0.1, 1e-12);
    cr_assert_float_eq(schedule_rate(&s, 10), 0.0, 1e-12);
    s.kind = SCHEDULE_STEP;
    cr_assert_float_eq(schedule_rate(&s, 2.9), 0.2, 1e-12);
    cr_assert_float_eq(schedule_rate(&s, 6.5), 0.05, 1e-12);
    s.kind = SCHEDULE_CONSTANT;
    cr_assert_float_eq(schedule_rate(&s, 9), 0.2, 1e-12);
}

Test(augmentation, laws)
{
    enum { H = 5, W = 6 };
    struct augmentation a = {1, 2, 3};
    float image[H * W], kept[H * W], spare[H * W];
    for (int i = 0; i < H * W; i++)
        kept[i] = image[i] = (float)(i + 1);
    struct change flip = {1, 0, 0, -1, -1}, shift = {0, 1, -2, -1, -1}, cut = {0, 0, 0, 2, 0};
    change_apply(&a, flip, image, 1, H, W, spare);
    cr_assert_eq(image[0], kept[W - 1]);
    change_apply(&a, flip, image, 1, H, W, spare);
    cr_assert(memcmp(image, kept, sizeof image) == 0, "flipped twice");
    change_apply(&a, shift, image, 1, H, W, spare);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            int from_y = y - 1, from_x = x + 2;
            float expected = from_y >= 0 && from_x < W ? kept[from_y * W + from_x] : 0.0f;
            cr_assert_eq(image[y * W + x], expected, "%d %d", y, x);
        }
    memcpy(image, kept, sizeof image);
    change_apply(&a, cut, image, 1, H, W, spare);
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++) {
            int inside = y >= 1 && y <= 3 && x <= 1;
            cr_assert_eq(image[y * W + x], inside ? 0.0f : kept[y * W + x], "%d %d", y, x);
        }
}
