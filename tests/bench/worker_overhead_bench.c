// SPDX-License-Identifier: Apache-2.0
// What a worker process costs a trial: the same trials, of an estimator that does nothing, through the
// executor `local` with one worker and through `inline`, one at a time, in alternating rounds within
// this one program. The overhead of a trial is the difference of the two; asked: < 1 ms.
#include "stopwatch.h"

#include "config/config.h"
#include "execute/execute.h"
#include "loader/registry.h"
#include "support/folder.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 9
#define TRIALS 500
#define MOST (ROUNDS * TRIALS)

static const char config_text[] = "[space]\nplugin = chain\n[strategy]\nplugin = random\n"
                                  "[estimator]\nplugin = faulty\n"
                                  "[objective]\nmaximize = score\n[budget]\ntrials = 1\n"
                                  "[run]\nworkers = 1\n";

static struct registry *registry;
static struct experiment *experiment;
static struct session *session;
static struct jobs *jobs;
static char *folder;
static const char *worker_command[4];

// This program's own executable is no worker: the program under test is.
static const char *const *command_of_the_program(esp_jobs *handle)
{
    (void)handle;
    return worker_command;
}

static esp_jobs_api table;

static void open_all(void)
{
    struct error error;
    struct config *config = NULL;
    error_clear(&error);
    need(registry_create(&registry, getenv("ESPALIER_TEST_PLUGINS"), &error), &error);
    need(registry_add_builtin(registry, ESP_KIND_EXECUTOR, "local", executor_local(), &error),
         &error);
    need(registry_add_builtin(registry, ESP_KIND_EXECUTOR, "inline", executor_inline(), &error),
         &error);
    need(config_parse(&config, config_text, "bench.ini", folder, &error), &error);
    need(experiment_create(&experiment, config, registry, &error), &error);
    need(session_create(&session, experiment, false, &error), &error);
    need(worker_file_write(folder, experiment, &error), &error);
    need(jobs_create(&jobs, experiment, session, folder, &error), &error);
    worker_command[0] = getenv("ESPALIER_BINARY");
    worker_command[1] = "worker";
    worker_command[2] = folder;
    table = *jobs_handle(jobs)->api;
    table.worker_command = command_of_the_program;
    jobs_handle(jobs)->api = &table;
}

// The specification of one random architecture. Owner: the caller (free).
static char *make_specification(void)
{
    struct error error;
    struct arch *arch = NULL;
    char hash[17];
    esp_random random = esp_random_stream(1, 2, 0, 0, 0);
    error_clear(&error);
    need(builder_sample(session_builder(session), &random, &arch, &error), &error);
    struct specification specification = {.arch = arch_json(arch, "chain"), .seed = 1};
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)arch_hash(arch));
    memcpy(specification.hash, hash, sizeof hash);
    json_t *json = specification_json(&specification);
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    json_decref(specification.arch);
    arch_release(arch);
    return text;
}

// Seconds of one trial, from submit to its result.
static double one_trial(const esp_executor_type *type, void *self, const char *text)
{
    esp_jobs *handle = jobs_handle(jobs);
    const esp_job_event *events = NULL;
    uint64_t count = 0, stride = 0;
    double began = wall_seconds();
    need(type->submit(self, handle, 0, text, strlen(text)), handle->base.context);
    while (count == 0) {
        struct pollfd descriptor = {type->descriptor(self), POLLIN, 0};
        if (descriptor.fd >= 0)
            poll(&descriptor, 1, type->timeout(self));
        need(type->poll(self, handle, &events, &count, &stride), handle->base.context);
    }
    double seconds = wall_seconds() - began;
    if (events->kind != ESP_JOB_RESULT || !strstr((const char *)events->bytes, "score")) {
        fprintf(stderr, "no result: %s\n", events->message ? events->message : "");
        exit(1);
    }
    return seconds;
}

static void *create(const esp_executor_type *type)
{
    struct error error;
    esp_create lent = {0};
    void *self = NULL;
    error_clear(&error);
    handle_init(&lent.base, sizeof lent, &error);
    need(type->create(&lent, jobs_handle(jobs), &self), &error);
    return self;
}

int main(void)
{
    static double through[MOST], inside[MOST];
    if (!getenv("ESPALIER_BINARY") || !getenv("ESPALIER_TEST_PLUGINS")) {
        fprintf(stderr, "ESPALIER_BINARY and ESPALIER_TEST_PLUGINS are not set\n");
        return 2;
    }
    folder = folder_temporary();
    open_all();
    char *text = make_specification();
    void *local = create(executor_local()), *here = create(executor_inline());
    double began = wall_seconds();
    one_trial(executor_local(), local, text);
    double start = wall_seconds() - began;
    one_trial(executor_inline(), here, text);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < TRIALS; i++)
            through[round * TRIALS + i] = one_trial(executor_local(), local, text);
        for (int i = 0; i < TRIALS; i++)
            inside[round * TRIALS + i] = one_trial(executor_inline(), here, text);
    }
    double remote = median(through, MOST), least = median(inside, MOST);
    printf("a worker's start and first trial          %8.1f ms\n", 1e3 * start);
    printf("one trial through a worker, median        %8.1f us   (99%%: %.1f us)\n", 1e6 * remote,
           1e6 * quantile(through, MOST, 0.99));
    printf("one trial inline, median                  %8.1f us\n", 1e6 * least);
    printf(
        "overhead of the worker                    %8.1f us   (asked: < 1 ms), %.1f times inline\n",
        1e6 * (remote - least), remote / least);
    executor_local()->destroy(local);
    executor_inline()->destroy(here);
    free(text);
    jobs_destroy(jobs);
    session_destroy(session);
    experiment_destroy(experiment);
    registry_destroy(registry);
    folder_delete(folder);
    return 0;
}
