// SPDX-License-Identifier: Apache-2.0
// What a search on a table costs: the table of NAS-Bench-201, random search, every trial stored. The
// project ships no table: without ../shared/data/nasbench201 there is nothing to measure.
//   stored trials  a second of one core, the whole program, its closing summary too (asked: 200,000)
//   memory         bytes a trial in the coordinator, between 200,001 and 1,000,001 (asked: < 200)
//   slope          time per trial of the last tenth of a million over that of the second (asked: 1)
//   ready          the session of the table, from its cache (asked: < 20 ms)
//   12,000 s       a whole search of 12,000 simulated seconds (asked: < 1 s)
// Rates are of processor time, so that others on the machine do not count; walls are given beside.
#include "stopwatch.h"

#include "evaluate/session.h"
#include "execute/execute.h"
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
#define SLOPES 3
#define TABLE ESPALIER_SOURCE_DIR "/../shared/data/nasbench201/nb201.csv"

static const char config_text[] = "[space]\nplugin = nasbench201\n"
                                  "[strategy]\nplugin = random\n"
                                  "[estimator]\nplugin = tabular\npath = " TABLE "\n"
                                  "metrics = valid_accuracy = c10_val_e12 percent, final_accuracy "
                                  "= c10_val_e200 percent report, \\\n"
                                  "  test_accuracy = c10_test_e200 percent\n"
                                  "cost = c10valid_train_s_e200 * 0.06\n"
                                  "[objective]\nmaximize = valid_accuracy\n"
                                  "[budget]\ntrials = 1\n";

static const char *binary;
static char *folder, *config;

struct cost {
    double wall, processor; // seconds
    double peak;            // bytes
};

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + 1e-6 * (double)time.tv_usec;
}

static struct cost run(const char *set)
{
    static int number;
    struct cost cost;
    char *out = NULL;
    if (asprintf(&out, "%s/out-%d", folder, number++) < 0)
        exit(1);
    const char *arguments[] = {binary, "run", config, "--out", out, "--set", set, "--quiet", NULL};
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
    cost.wall = wall_seconds() - began;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "%s: status %d\n", set, status);
        exit(1);
    }
    folder_delete(out);
    cost.processor = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    cost.peak = 1024.0 * (double)usage.ru_maxrss;
    return cost;
}

static void bench_trials(struct cost *many)
{
    double processor[REPETITIONS], wall[REPETITIONS];
    for (int i = 0; i < REPETITIONS; i++) {
        struct cost few = run("budget.trials=1");
        *many = run("budget.trials=200001");
        processor[i] = (many->processor - few.processor) / 200000;
        wall[i] = (many->wall - few.wall) / 200000;
    }
    double trial = median(processor, REPETITIONS);
    printf("stored trials a second of a core          %8.0f      (asked: >= 200,000)\n", 1 / trial);
    printf("  by the clock on the wall                %8.0f\n", 1 / median(wall, REPETITIONS));
}

static void bench_million(const struct cost *fewer)
{
    double slopes[SLOPES];
    struct cost million = {0};
    for (int i = 0; i < SLOPES; i++) {
        // The first tenth pays for the start.
        double first = -run("budget.trials=100000").processor;
        first += run("budget.trials=200000").processor;
        double last = -run("budget.trials=900001").processor;
        million = run("budget.trials=1000001");
        last += million.processor;
        slopes[i] = last / first;
    }
    printf("memory of the coordinator                 %8.0f B a trial (asked: < 200)\n",
           (million.peak - fewer->peak) / 800000);
    printf("a million trials, last tenth over second  %8.2f      (asked: no slope)\n",
           median(slopes, SLOPES));
}

static void bench_ready(void)
{
    struct error error;
    struct registry *registry = NULL;
    struct experiment *experiment = NULL;
    struct config *parsed = NULL;
    double times[REPETITIONS];
    error_clear(&error);
    need(registry_create(&registry, NULL, &error), &error);
    need(registry_add_builtin(registry, ESP_KIND_EXECUTOR, "local", executor_local(), &error),
         &error);
    need(config_parse(&parsed, config_text, "table.ini", ".", &error), &error);
    need(experiment_create(&experiment, parsed, registry, &error), &error);
    for (int i = 0; i < REPETITIONS; i++) {
        struct session *session = NULL;
        double began = wall_seconds();
        need(session_create(&session, experiment, true, &error), &error);
        times[i] = wall_seconds() - began;
        session_destroy(session);
    }
    experiment_destroy(experiment);
    registry_destroy(registry);
    printf("a table of 15,625 rows, from its cache    %8.2f ms   (asked: < 20 ms)\n",
           1e3 * median(times, REPETITIONS));
}

static void bench_search(void)
{
    double walls[REPETITIONS];
    free(config);
    config = strdup(ESPALIER_SOURCE_DIR "/configs/nasbench201_table.ini");
    for (int i = 0; i < REPETITIONS; i++)
        walls[i] = run("estimator.path=" TABLE).wall;
    printf("a search of 12,000 simulated seconds      %8.3f s    (asked: < 1 s)\n",
           median(walls, REPETITIONS));
}

int main(void)
{
    struct cost many;
    char cache[512];
    binary = getenv("ESPALIER_BINARY");
    if (!binary) {
        fprintf(stderr, "ESPALIER_BINARY is not set\n");
        return 2;
    }
    if (access(TABLE, R_OK) != 0) {
        printf("tables: skipped, there is no %s\n", TABLE);
        return 0;
    }
    folder = folder_temporary();
    snprintf(cache, sizeof cache, "%s/cache", folder);
    setenv("ESPALIER_CACHE", cache, 1);
    config = folder_write(folder, "table.ini", config_text);
    bench_trials(&many);
    bench_million(&many);
    bench_ready();
    bench_search();
    free(config);
    folder_delete(folder);
    return 0;
}
