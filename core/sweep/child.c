// SPDX-License-Identifier: Apache-2.0
// A run of a sweep in a process of its own, or a few cheap ones; see sweep.h. The child is a fork of the sweep, which has
// loaded the plugins already and has one thread: it begins a run within a millisecond. What it says goes
// through a pipe.
#include "run/run.h"
#include "sweep/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

// The exit statuses of the program (cli/command.h).
enum { CHILD_DONE = 0, CHILD_FAILED = 1, CHILD_INTERRUPTED = 130 };

static esp_status set(struct config *config, const char *section, const char *key, double value,
                      struct error *error)
{
    char text[32];
    snprintf(text, sizeof text, "%.0f", value);
    return config_set(config, section, key, text, error);
}

// The configuration of the run in its folder.
static esp_status make_experiment(struct experiment **out, const struct sweep *sweep,
                                  const struct sweep_run *run, const struct sweep_start *start,
                                  struct error *error)
{
    struct config *config = NULL;
    esp_status status = sweep_config(&config, sweep, run->choices, error);
    if (status != ESP_OK)
        return status;
    status = config_set(config, "run", "out", start->out ? start->out : run->folder, error);
    if (status == ESP_OK)
        status = set(config, "run", "workers", (double)start->workers, error);
    if (status == ESP_OK && start->seconds > 0) {
        status = set(config, "budget", "time", start->seconds, error);
        config_drop_section(config, "final");
    }
    if (status == ESP_OK)
        return experiment_create(out, config, sweep->registry, error);
    config_destroy(config);
    return status;
}

static int run_here(const struct sweep *sweep, const struct sweep_run *plan,
                    const struct sweep_start *start, struct error *error)
{
    const struct run_options options = {.resume = true, .quiet = true, .unsynced = plan->cheap};
    struct experiment *experiment = NULL;
    struct run *run = NULL;
    esp_status status = make_experiment(&experiment, sweep, plan, start, error);
    if (status == ESP_OK)
        status = run_open(&run, experiment, &options, error);
    if (status == ESP_OK)
        status = run_search(run, error);
    if (status == ESP_OK && !run->interrupted)
        status = run_finals(run, error);
    int result = status != ESP_OK ? CHILD_FAILED : CHILD_DONE;
    if (status == ESP_OK && run->interrupted) {
        result = CHILD_INTERRUPTED;
    } else if (status == ESP_OK && run->best < 0) {
        error_set(error, ESP_ERROR, "no trial was completed");
        result = CHILD_FAILED;
    }
    run_close(run);
    experiment_destroy(experiment);
    return result;
}

// Signals as a program has them at its start: those of the sweep are the sweep's.
static void reset_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGCHLD};
    sigset_t none;
    for (size_t i = 0; i < ESP_COUNT(numbers); i++)
        signal(numbers[i], SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// One after the other; a run that fails is no reason not to make the next.
static int run_each(const struct sweep *sweep, struct sweep_run *const *runs, uint64_t count,
                    const struct sweep_start *start)
{
    int result = CHILD_DONE;
    for (uint64_t i = 0; i < count && result != CHILD_INTERRUPTED; i++) {
        struct error error;
        error_clear(&error);
        result = run_here(sweep, runs[i], start, &error);
        if (error.status != ESP_OK)
            fprintf(stderr, "espalier: %s\n", error.message);
        fprintf(stderr, "%c%d\n", SWEEP_ENDED, result);
        fflush(stderr);
    }
    return result;
}

_Noreturn static void be_child(pid_t parent, const int pipe_ends[2], const struct sweep *sweep,
                               struct sweep_run *const *runs, uint64_t count,
                               const struct sweep_start *start)
{
    // A Ctrl-C at the terminal is the sweep's, which passes it on.
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(CHILD_FAILED);
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    dup2(pipe_ends[1], STDERR_FILENO);
    close(nothing);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    reset_signals();
    int result = run_each(sweep, runs, count, start);
    fflush(NULL);
    _exit(result);
}

esp_status sweep_start_run(pid_t *process, int *channel, const struct sweep *sweep,
                           struct sweep_run *const *runs, uint64_t count,
                           const struct sweep_start *start, struct error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set(error, ESP_ERROR_IO, "a pipe cannot be made: %s", strerror(errno));
    fflush(NULL);
    pid_t parent = getpid();
    // Between fork and reset_signals a signal would find the sweep's handlers in the child.
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    if (child == 0)
        be_child(parent, ends, sweep, runs, count, start);
    int reason = errno;
    if (child > 0)
        setpgid(child, child);
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return error_set(error, ESP_ERROR_IO, "a process cannot be started: %s", strerror(reason));
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *process = child;
    *channel = ends[0];
    return ESP_OK;
}
