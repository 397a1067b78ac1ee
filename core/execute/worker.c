// SPDX-License-Identifier: Apache-2.0
// The worker: a process that evaluates one specification after another; see execute.h.
#include "execute/execute.h"

#include "error/fault.h"
#include "execute/frames.h"
#include "execute/guard.h"
#include "execute/worker_file.h"
#include "text/printable.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct worker {
    pid_t pid;
    int in, out; // the channel: frames from and to the coordinator
    int lock;    // on worker.json
    struct frame_reader reader;
    struct registry *registry;
    struct experiment *experiment;
    struct session *session;
};

// ---- The channel ------------------------------------------------------------------------------

// A plugin that forks and returns twice must not answer twice. Nor can anybody be told of a channel
// that is broken: the coordinator is gone, and takes this process with it.
static void send_text(const struct worker *worker, const char *text, size_t size)
{
    if (getpid() != worker->pid || !frame_write(worker->out, text, size))
        _exit(1);
}

// NULL: out of memory; what is sent this way can be missed.
static void send_json(const struct worker *worker, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(json);
    if (text)
        send_text(worker, text, strlen(text));
    free(text);
}

static void send_log(void *self, uint32_t level, const char *message)
{
    char copy[ERROR_MESSAGE_SIZE]; // JSON takes no other
    snprintf(copy, sizeof copy, "%s", message);
    text_make_printable(copy);
    send_json(self, json_pack("{s:{s:i, s:s}}", "log", "level", (int)level, "message", copy));
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

// For a measurement: asks the executor to pause the others, and waits for its word.
static esp_status quiet(void *self, bool begin, struct error *error)
{
    struct worker *worker = self;
    const char *bytes;
    size_t size;
    send_json(worker, json_pack("{s:b}", "quiet", begin));
    if (begin && !frame_read(worker->in, &worker->reader, &bytes, &size))
        return error_set(error, ESP_ERROR_IO, "the coordinator is gone");
    if (begin)
        fault_point("quiet");
    return ESP_OK;
}

// Standard input and output are an executor's pipes, never a person's terminal or a file.
static bool is_channel(int descriptor)
{
    struct stat found;
    return fstat(descriptor, &found) == 0 && (S_ISFIFO(found.st_mode) || S_ISSOCK(found.st_mode));
}

// What a plugin prints or reads must not get between the frames: the channel moves to descriptors
// of its own, standard output becomes standard error, standard input is empty.
static bool take_channel(struct worker *worker)
{
    worker->in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    worker->out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (worker->in < 0 || worker->out < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
        dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return false;
    close(null);
    // A line that was printed before a crash is told.
    return setvbuf(stdout, NULL, _IOLBF, 0) == 0;
}

// Where memory runs out, the kernel is to take a worker, whose trial is run again, and not the
// coordinator or whatever else a person runs. Where that cannot be said, it is as it was.
static void offer_to_the_oom_killer(void)
{
    static const char score[] = "500"; // of 1,000
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return;
    if (write(file, score, sizeof score - 1) < 0)
        log_line(ESP_LOG_DEBUG, "oom_score_adj cannot be written");
    close(file);
}

// ---- Serving ----------------------------------------------------------------------------------

static esp_status open_all(struct worker *worker, const char *run_folder, struct error *error)
{
    esp_status status = worker_file_lock(&worker->lock, run_folder, error);
    if (status == ESP_OK)
        status = registry_create_empty(&worker->registry, error);
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

static esp_status serve_one(struct worker *worker, const char *bytes, size_t size,
                            struct error *error)
{
    char *answer = NULL;
    size_t answer_size = 0;
    send_json(worker, json_pack("{s:b}", "taken", 1));
    esp_status status = execute_specification(worker->session, bytes, size, send_progress, worker,
                                              &answer, &answer_size, error);
    if (status == ESP_OK) {
        fault_point("result-before");
        send_text(worker, answer, answer_size);
        fault_point("result-after");
    }
    free(answer);
    return status;
}

static esp_status serve(struct worker *worker, struct error *error)
{
    const char *bytes;
    size_t size;
    esp_status status = ESP_OK;
    send_json(worker, json_pack("{s:b}", "ready", 1));
    while (status == ESP_OK && frame_read(worker->in, &worker->reader, &bytes, &size))
        status = serve_one(worker, bytes, size, error);
    return status;
}

int worker_main(const char *run_folder, bool pauses)
{
    struct worker worker = {.lock = -1};
    struct error error;
    error_clear(&error);
    fault_in_worker();
    // What Ctrl-C means is the coordinator's to decide.
    signal(SIGINT, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (!is_channel(STDIN_FILENO) || !is_channel(STDOUT_FILENO)) {
        fprintf(stderr, "espalier worker: it is started by a run, not by hand\n");
        return 2;
    }
    esp_status status = guard_begin(NULL, &error);
    if (status == ESP_OK && !take_channel(&worker))
        status = error_set(&error, ESP_ERROR, "the channel to the coordinator is not usable");
    if (status == ESP_OK) {
        worker.pid = getpid();
        send_json(&worker, json_pack("{s:{s:i}}", "worker", "pid", (int)worker.pid));
        log_set_sink(send_log, &worker);
        offer_to_the_oom_killer();
        status = open_all(&worker, run_folder, &error);
    }
    if (status == ESP_OK && pauses)
        session_set_quiet(worker.session, quiet, &worker);
    if (status == ESP_OK)
        status = serve(&worker, &error);
    if (status != ESP_OK)
        fprintf(stderr, "espalier worker: %s\n", error.message);
    session_destroy(worker.session); // whose plugins may have last words
    log_set_sink(NULL, NULL);
    frame_reader_free(&worker.reader);
    experiment_destroy(worker.experiment);
    registry_destroy(worker.registry);
    if (worker.lock >= 0)
        close(worker.lock);
    return status == ESP_OK ? 0 : 1;
}
