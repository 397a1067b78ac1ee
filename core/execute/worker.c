// SPDX-License-Identifier: Apache-2.0
// The worker: a process that evaluates one specification after another; see execute.h.
#include "execute/execute.h"

#include "error/fault.h"
#include "execute/frames.h"
#include "execute/worker_file.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct worker {
    int channel; // to the coordinator
    struct registry *registry;
    struct experiment *experiment;
    struct session *session;
    uint64_t trial;
};

static void send_json(struct worker *worker, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(json);
    // A coordinator that is gone takes this process with it.
    if (text && !frame_write(worker->channel, text, strlen(text)))
        _exit(1);
    free(text);
}

static void send_log(void *self, uint32_t level, const char *message)
{
    send_json(self, json_pack("{s:{s:i, s:s}}", "log", "level", (int)level, "message", message));
}

static uint32_t send_progress(void *self, double step, const esp_measurement *metrics,
                              uint64_t count, uint64_t stride)
{
    json_t *values = json_object();
    const char *row = (const char *)metrics;
    for (uint64_t i = 0; i < count; i++, row += stride) {
        const esp_measurement *metric = (const esp_measurement *)(const void *)row;
        json_object_set_new(values, metric->name,
                            isfinite(metric->value) ? json_real(metric->value) : json_null());
    }
    send_json(self, json_pack("{s:{s:f, s:o}}", "progress", "step", step, "metrics", values));
    return ESP_CONTINUE;
}

// What a plugin prints must not get between the frames: standard output becomes standard error.
static bool take_channels(struct worker *worker)
{
    worker->channel = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    return worker->channel >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0;
}

static bool die_with_coordinator(void)
{
    pid_t parent = getppid();
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return false;
    return getppid() == parent && parent != 1;
}

static esp_status open_all(struct worker *worker, const char *run_folder, struct error *error)
{
    esp_status status = registry_create_empty(&worker->registry, error);
    if (status == ESP_OK)
        status = registry_add_builtin(worker->registry, ESP_KIND_EXECUTOR, "local",
                                      executor_local(), error);
    if (status == ESP_OK)
        status = registry_add_builtin(worker->registry, ESP_KIND_EXECUTOR, "inline",
                                      executor_inline(), error);
    if (status == ESP_OK)
        status = worker_file_read(&worker->experiment, worker->registry, run_folder, error);
    if (status == ESP_OK)
        status = session_create(&worker->session, worker->experiment, false, error);
    return status;
}

static int serve(struct worker *worker)
{
    struct frame_reader reader = {0};
    const char *bytes;
    size_t size;
    int result = 0;
    while (result == 0 && frame_read(STDIN_FILENO, &reader, &bytes, &size)) {
        struct error error;
        char *answer = NULL;
        size_t answer_size = 0;
        error_clear(&error);
        if (execute_specification(worker->session, bytes, size, send_progress, worker, &answer,
                                  &answer_size, &error) != ESP_OK) {
            fprintf(stderr, "espalier worker: %s\n", error.message);
            result = 1;
        } else if (!frame_write(worker->channel, answer, answer_size)) {
            result = 1;
        }
        free(answer);
    }
    frame_reader_free(&reader);
    return result;
}

int worker_main(const char *run_folder)
{
    struct worker worker = {0};
    struct error error;
    error_clear(&error);
    fault_in_worker();
    // Ctrl-C reaches the whole group; what it means is the coordinator's to decide.
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (!die_with_coordinator() || !take_channels(&worker)) {
        fprintf(stderr, "espalier worker: it is started by a run, not by hand\n");
        return 2;
    }
    int result = 1;
    log_set_sink(send_log, &worker);
    if (open_all(&worker, run_folder, &error) == ESP_OK) {
        send_log(&worker, ESP_LOG_DEBUG,
                 "a worker is ready"); // from here on a death is its trial's
        result = serve(&worker);
    } else {
        fprintf(stderr, "espalier worker: %s\n", error.message);
    }
    log_set_sink(NULL, NULL);
    session_destroy(worker.session);
    experiment_destroy(worker.experiment);
    registry_destroy(worker.registry);
    return result;
}
