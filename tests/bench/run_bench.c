// SPDX-License-Identifier: Apache-2.0
// What a run costs besides its trials, and what more workers give. Each figure is a ratio or a median
// of alternating repetitions within this one program run:
//   start          from exec of `espalier run` to its first trial, no data decoded (asked: < 100 ms)
//   cheap trial    one trial in the coordinator, stored (asked: < 10 us)
//   worker trial   one trial through a worker process, beside its evaluation (asked: < 1 ms)
//   two workers    trials a second with 2 workers over those with 1 (asked: >= 1.8)
//   worker memory  peak resident memory of a worker on all of Fashion-MNIST (asked: < 400 MB)
#include "stopwatch.h"

#include "support/folder.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define REPETITIONS 5

static const char *binary;
static char *folder;

// Runs the configuration in a fresh out folder; answers wall seconds, and the peak memory in kB of
// the largest process that it reaped (a worker, where the run had some).
static double run(const char *config, const char *const *sets, long *peak_kb)
{
    static int number;
    char out[512];
    snprintf(out, sizeof out, "%s/out-%d", folder, number++);
    const char *arguments[32] = {binary, "run", config, "--out", out, "--quiet"};
    int count = 6;
    for (; sets && *sets; sets++) {
        arguments[count++] = "--set";
        arguments[count++] = *sets;
    }
    double began = wall_seconds();
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDOUT_FILENO);
        execv(binary, (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    int status;
    struct rusage usage;
    wait4(child, &status, 0, &usage);
    double seconds = wall_seconds() - began;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "%s: status %d\n", config, status);
        exit(1);
    }
    if (peak_kb)
        *peak_kb = usage.ru_maxrss;
    return seconds;
}

static const char cheap_text[] = "[space]\nplugin = chain\n"
                                 "[strategy]\nplugin = regularized_evolution\n"
                                 "[estimator]\nplugin = nk_landscape\n"
                                 "[objective]\nmaximize = fitness\n"
                                 "[budget]\ntrials = 1\n";

static void bench_cheap(void)
{
    char *config = folder_write(folder, "cheap.ini", cheap_text);
    const char *few[] = {"budget.trials=1", NULL};
    const char *many[] = {"budget.trials=200001", NULL};
    double starts[REPETITIONS], per_trial[REPETITIONS];
    for (int i = 0; i < REPETITIONS; i++) {
        starts[i] = run(config, few, NULL);
        per_trial[i] = (run(config, many, NULL) - starts[i]) / 200000.0;
    }
    double start = median(starts, REPETITIONS), trial = median(per_trial, REPETITIONS);
    printf("start to end of a run of one cheap trial  %8.1f ms   (asked: start < 100 ms)\n",
           1e3 * start);
    printf("one cheap trial, stored                   %8.2f us   (asked: < 10 us)\n", 1e6 * trial);
    printf("cheap trials a second                     %8.0f\n", 1.0 / trial);
    free(config);
}

// An estimator that does nothing, in a worker.
static const char worker_text[] = "[space]\nplugin = chain\n[strategy]\nplugin = random\n"
                                  "[estimator]\nplugin = faulty\n"
                                  "[objective]\nmaximize = score\n[budget]\ntrials = 1\n"
                                  "[run]\nworkers = 1\n";

static void bench_worker_trial(void)
{
    char *config = folder_write(folder, "worker.ini", worker_text);
    char plugins[600];
    snprintf(plugins, sizeof plugins, "%s:%s", getenv("ESPALIER_TEST_PLUGINS"),
             getenv("ESPALIER_PLUGINS"));
    setenv("ESPALIER_PLUGINS", plugins, 1);
    const char *few[] = {"budget.trials=1", NULL}, *many[] = {"budget.trials=2001", NULL};
    double per_trial[REPETITIONS];
    run(config, few, NULL); // fills the data cache
    for (int i = 0; i < REPETITIONS; i++) {
        double start = run(config, few, NULL);
        per_trial[i] = (run(config, many, NULL) - start) / 2000.0;
    }
    printf("one trial through a worker, stored        %8.3f ms   (asked: < 1 ms)\n",
           1e3 * median(per_trial, REPETITIONS));
    free(config);
}

// Trials of one size, so that the two runs do the same work.
static const char training_text[] =
    "[space]\nplugin = chain\nmin_depth = 3\nmax_depth = 3\noperations = conv_3x3\n"
    "widths = 16\nstrides = 1\n"
    "[strategy]\nplugin = random\n"
    "[estimator]\nplugin = train\nepochs = 1\n"
    "[dataset]\nplugin = synthetic\nheight = 16\nwidth = 16\ntrain = 2000\nvalid = 256\n"
    "[objective]\nmaximize = valid_accuracy\n"
    "[budget]\ntrials = 16\n";

static void bench_workers(void)
{
    char *config = folder_write(folder, "training.ini", training_text);
    const char *one[] = {"run.workers=1", NULL}, *two[] = {"run.workers=2", NULL};
    double ratios[REPETITIONS];
    run(config, two, NULL); // fills the data cache
    for (int i = 0; i < REPETITIONS; i++) {
        double with_one = run(config, one, NULL);
        ratios[i] = with_one / run(config, two, NULL);
    }
    printf("trials a second, 2 workers over 1         %8.2f      (asked: >= 1.8)\n",
           median(ratios, REPETITIONS));
    free(config);
}

static const char fashion_text[] = "[space]\nplugin = chain\nmin_depth = 3\nmax_depth = 3\n"
                                   "operations = max_pool_3x3, conv_3x3\nwidths = 32\n"
                                   "[strategy]\nplugin = random\n"
                                   "[estimator]\nplugin = train\nepochs = 1\n"
                                   "[dataset]\nplugin = fashion_mnist\n"
                                   "[objective]\nmaximize = valid_accuracy\n"
                                   "[budget]\ntrials = 2\n[run]\nworkers = 1\n";

static void bench_memory(void)
{
    if (access("/usr/share/datasets/fashion-mnist", R_OK) != 0) {
        printf("worker memory: skipped, dataset-fashion-mnist is not installed\n");
        return;
    }
    char *config = folder_write(folder, "fashion.ini", fashion_text);
    long peak_kb = 0;
    run(config, NULL, NULL); // fills the data cache
    run(config, NULL, &peak_kb);
    printf("peak memory, worker on Fashion-MNIST      %8.0f MB   (asked: < 400 MB)\n",
           (double)peak_kb / 1024.0);
    free(config);
}

int main(void)
{
    binary = getenv("ESPALIER_BINARY");
    if (!binary) {
        fprintf(stderr, "ESPALIER_BINARY is not set\n");
        return 2;
    }
    folder = folder_temporary();
    char cache[512];
    snprintf(cache, sizeof cache, "%s/cache", folder);
    setenv("ESPALIER_CACHE", cache, 1);
    bench_cheap();
    bench_worker_trial();
    bench_workers();
    bench_memory();
    folder_delete(folder);
    return 0;
}
