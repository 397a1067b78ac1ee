// SPDX-License-Identifier: Apache-2.0
// Trainings that are continued, killed and taken up, or made again elsewhere and in another order, give
// the same bits: weights, best weights, exact metrics. With dropout, augmentation, label smoothing,
// batch normalization, momentum or moments.
#include "support/session_lab.h"

#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const exact[] = {
    "valid_accuracy", "valid_loss",          "train_accuracy",  "train_loss", "cost",
    "params",         "best_valid_accuracy", "best_valid_loss", "macs"};

static struct session_lab lab;
static struct arch *arch;

// `lines`: of [estimator].
static void open_lab(const char *lines, int checkpoint_every)
{
    char ini[2048];
    snprintf(ini, sizeof ini,
             "[space]\nplugin = chain\nmin_depth = 2\nmax_depth = 2\n"
             "operations = conv_3x3, sep_conv_3x3\nwidths = 6\nstrides = 1\ndropout = 0.3\n"
             "[strategy]\nplugin = random\n"
             "[estimator]\nplugin = train\nepochs = 9\nbatch = 16\n%s\ncrop = 1\n"
             "flip = yes\ncutout = 3\nlabel_smoothing = 0.1\nwarmup = 1\ncheckpoint_every = %d\n"
             "[dataset]\nplugin = synthetic\nheight = 8\nwidth = 8\ntrain = 97\nvalid = 40\n"
             "[objective]\nmaximize = valid_accuracy\n",
             lines, checkpoint_every);
    session_lab_open(&lab, ini, NULL);
    arch = session_lab_sample(&lab, 1);
}

static void close_lab(void)
{
    arch_release(arch);
    session_lab_close(&lab);
}

// Trains into a folder of that name for so many epochs.
static struct result train(const char *folder, double epochs, const char *parent,
                           const char *earlier, progress_function progress)
{
    struct fidelity fidelity = {(char *)"epochs", epochs};
    struct specification given = {.seed = 4,
                                  .lineage = 7,
                                  .mode = parent ? ESP_MODE_CONTINUE : ESP_MODE_FRESH,
                                  .fidelity = &fidelity,
                                  .fidelity_count = 1,
                                  .folder = (char *)(uintptr_t)folder,
                                  .parent_folder = (char *)(uintptr_t)parent,
                                  .earlier = (char *)(uintptr_t)earlier,
                                  .wants_files = true};
    struct result result = session_lab_evaluate(&lab, arch, &given, progress, NULL);
    cr_assert_eq(result.status, ESP_OUTCOME_DONE, "%s", result.error);
    return result;
}

static void assert_same_metrics(const struct result *a, const struct result *b, const char *what)
{
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
        double x = result_metric(a, exact[i]), y = result_metric(b, exact[i]);
        cr_assert_eq(x, y, "%s: %s is %.17g and %.17g", what, exact[i], x, y);
    }
}

// Asserts that the training in `folder` ended as the one in "whole" did.
static void assert_whole(const struct result *whole, struct result result, const char *folder)
{
    cr_assert(session_lab_same(&lab, "whole", folder, "last.safetensors"), "%s", folder);
    cr_assert(session_lab_same(&lab, "whole", folder, "best.safetensors"), "%s", folder);
    assert_same_metrics(whole, &result, folder);
    result_destroy(&result);
}

// ---- Kills --------------------------------------------------------------------------------------

static void die(int number)
{
    (void)number;
    kill(getpid(), SIGKILL);
}

static double kill_step;
static long kill_delay; // microseconds after that step: within the next epoch

static uint32_t kill_later(void *self, double step, const esp_measurement *metrics, uint64_t count,
                           uint64_t stride)
{
    (void)self;
    (void)metrics;
    (void)count;
    (void)stride;
    if (step != kill_step)
        return ESP_CONTINUE;
    if (kill_delay == 0)
        die(0);
    signal(SIGALRM, die);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {0, kill_delay}}, NULL);
    return ESP_CONTINUE;
}

// Trains in a child that kills itself some time after a step.
static void train_killed(const char *folder, const char *parent, const char *earlier, double step,
                         long delay)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        kill_step = step;
        kill_delay = delay;
        train(folder, 9, parent, earlier, kill_later);
        pause(); // it was quicker than the timer
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

// ---- Continuations ------------------------------------------------------------------------------

static void check_continuation(const char *lines)
{
    open_lab(lines, 1);
    struct result whole = train("whole", 9, NULL, NULL, NULL);
    struct result three = train("three", 3, NULL, NULL, NULL);
    cr_assert_not(session_lab_same(&lab, "whole", "three", "last.safetensors"));
    cr_assert_float_eq(result_metric(&three, "cost"), 3.0 * 96.0 / 97.0, 1e-12,
                       "the last sample of an epoch is alone and left out");
    assert_whole(&whole, train("nine", 9, "three", NULL, NULL), "nine");
    // By way of 5, and of no epoch at all.
    result_destroy(&(struct result[]){train("five", 5, "three", NULL, NULL)}[0]);
    result_destroy(&(struct result[]){train("five again", 5, "five", NULL, NULL)}[0]);
    assert_whole(&whole, train("by five", 9, "five again", NULL, NULL), "by five");
    // Killed at a report, within an epoch, and twice in one trial; and taken up.
    train_killed("killed", "three", NULL, 5, 0);
    assert_whole(&whole, train("taken up", 9, "three", "killed", NULL), "taken up");
    train_killed("within", NULL, NULL, 4, 1500);
    train_killed("within again", NULL, "within", 7, 1000);
    assert_whole(&whole, train("taken up twice", 9, NULL, "within again", NULL), "taken up twice");
    result_destroy(&whole);
    result_destroy(&three);
    close_lab();
}

Test(continuation, of_sgd_gives_the_bits_of_one_go)
{
    check_continuation("");
}

Test(continuation, of_adamw_gives_the_bits_of_one_go)
{
    check_continuation("optimizer = adamw");
}

Test(continuation, of_adam_with_averaged_weights_gives_the_bits_of_one_go)
{
    check_continuation("optimizer = adam\nema_decay = 0.95\nclip_norm = 0.5\nclip_value = 0.1\n"
                       "schedule = cosine_restarts\nrestart_period = 2\nclass_weights = balanced");
}

Test(continuation, of_averages_without_a_ramp_gives_the_bits_of_one_go)
{
    check_continuation("ema_decay = 0.9\nema_ramp = no\nschedule = linear\n"
                       "loss = mean_squared_error\ninitialiser = xavier_normal");
}

// However rarely checkpoints are made: what lies between is trained again.
Test(continuation, a_kill_between_checkpoints_costs_the_epochs_since)
{
    for (int every = 0; every <= 4; every += 4) {
        open_lab("", every);
        struct result whole = train("whole", 9, NULL, NULL, NULL);
        train_killed("killed", NULL, NULL, 7, 0);
        char *path = session_lab_path(&lab, "killed", "checkpoint.safetensors");
        cr_assert_eq(access(path, F_OK) == 0, every > 0);
        free(path);
        assert_whole(&whole, train("again", 9, NULL, "killed", NULL), "again");
        result_destroy(&whole);
        close_lab();
    }
}

Test(continuation, of_more_epochs_than_are_asked_for_is_refused)
{
    struct fidelity fidelity = {(char *)"epochs", 2.0};
    struct specification given = {.mode = ESP_MODE_CONTINUE,
                                  .fidelity = &fidelity,
                                  .fidelity_count = 1,
                                  .folder = (char *)"child",
                                  .parent_folder = (char *)"parent",
                                  .wants_files = true};
    open_lab("", 0);
    result_destroy(&(struct result[]){train("parent", 3, NULL, NULL, NULL)}[0]);
    struct result result = session_lab_evaluate(&lab, arch, &given, NULL, NULL);
    cr_assert_eq(result.status, ESP_OUTCOME_FAILED);
    cr_assert(strstr(result.error, "the checkpoint has 3 epochs, and 2 are asked for"), "%s",
              result.error);
    close_lab();
}

// ---- Other trials before ------------------------------------------------------------------------

static struct result train_number(uint64_t number, const char *folder)
{
    struct specification given = {
        .seed = 4, .lineage = number, .folder = (char *)(uintptr_t)folder, .wants_files = true};
    struct arch *own = session_lab_sample(&lab, number);
    struct result result = session_lab_evaluate(&lab, own, &given, NULL, NULL);
    cr_assert_eq(result.status, ESP_OUTCOME_DONE, "%s", result.error);
    arch_release(own);
    return result;
}

static const char searched[] =
    "[space]\nplugin = chain\nmin_depth = 1\nmax_depth = 3\nwidths = 4, 8\nactivations = relu, "
    "tanh\n"
    "[strategy]\nplugin = random\n[estimator]\nplugin = train\nepochs = 2\nbatch = 16\n"
    "learning_rate = log(1e-3, 1e-1)\noptimizer = one_of(sgd, adamw)\ncrop = int(0, 2)\n"
    "[dataset]\nplugin = synthetic\nheight = 8\nwidth = 8\ntrain = 64\nvalid = 40\n"
    "[objective]\nmaximize = valid_accuracy\n";

enum { TRIALS = 6 };

Test(repetition, a_trial_gives_the_same_bits_whatever_came_before)
{
    char folder[32], other[32];
    struct result first[TRIALS];
    session_lab_open(&lab, searched, NULL);
    for (uint64_t i = 0; i < TRIALS; i++) {
        snprintf(folder, sizeof folder, "%d", (int)i);
        first[i] = train_number(i, folder);
    }
    // In the same session, then in a new one over the same folder, backwards.
    for (int round = 0; round < 2; round++) {
        for (uint64_t i = TRIALS; i-- > 0;) {
            snprintf(folder, sizeof folder, "%d", (int)i);
            snprintf(other, sizeof other, "%d-%d", (int)i, round);
            struct result again = train_number(i, other);
            assert_same_metrics(&first[i], &again, other);
            cr_assert(session_lab_same(&lab, folder, other, "last.safetensors"), "%s", other);
            cr_assert(session_lab_same(&lab, folder, other, "best.safetensors"), "%s", other);
            cr_assert(session_lab_same(&lab, folder, other, "checkpoint.safetensors"), "%s", other);
            cr_assert(session_lab_same(&lab, folder, other, "curve.json"), "%s", other);
            result_destroy(&again);
        }
        struct error error;
        error_clear(&error);
        session_destroy(lab.session);
        cr_assert_eq(session_create(&lab.session, lab.experiment, true, &error), ESP_OK, "%s",
                     error.message);
    }
    for (uint64_t i = 0; i < TRIALS; i++)
        result_destroy(&first[i]);
    session_lab_close(&lab);
}
