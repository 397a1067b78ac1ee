// SPDX-License-Identifier: Apache-2.0
// The guard of a worker; see guard.h.
#include "execute/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// How long it is tried to end what the worker left behind, one look a millisecond. What is still
// there then hangs in the kernel.
#define MOST_LOOKS 2000

// The executor's end of standard input is closed, and all that it wrote was read: it died before
// PR_SET_PDEATHSIG was in force.
static bool executor_is_gone(void)
{
    struct pollfd input = {STDIN_FILENO, 0, 0};
    int left = 0;
    return poll(&input, 1, 0) == 1 && (input.revents & (POLLHUP | POLLERR)) &&
           (ioctl(STDIN_FILENO, FIONREAD, &left) != 0 || left == 0);
}

// Kills this process's children, which the kernel lists by their numbers.
static void kill_children(void)
{
    char text[4096]; // more than fits is met at the next look
    int file = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    text[size > 0 ? size : 0] = '\0';
    char *next = text;
    for (;;) {
        char *end;
        long child = strtol(next, &end, 10);
        // The last number is taken only with the space behind it: it may be cut.
        if (end == next || *end != ' ')
            return;
        kill((pid_t)child, SIGKILL);
        next = end;
    }
}

// `left`: words for standard error where there was anything, or NULL.
static void end_what_is_left(pid_t worker, const char *left)
{
    pid_t found;
    while ((found = waitpid(-1, NULL, WNOHANG)) > 0)
        ;
    if (left && found == 0)
        dprintf(STDERR_FILENO, "%s\n", left);
    kill(-worker, SIGKILL);
    for (int look = 0; look < MOST_LOOKS; look++) {
        pid_t reaped;
        while ((reaped = waitpid(-1, NULL, WNOHANG)) > 0)
            ;
        if (reaped < 0 && errno == ECHILD)
            return;
        kill_children();
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}

// Ends this process as `status` says that the worker ended.
static _Noreturn void end_as(int status)
{
    if (WIFEXITED(status))
        _exit(WEXITSTATUS(status));
    int number = WTERMSIG(status);
    sigset_t set;
    // The worker left its core, if it was to: this one would tell nothing.
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    kill(getpid(), number);
    _exit(128 + number);
}

// Those that came here and ended by themselves; the worker is left to its own waitpid.
static void reap_orphans(pid_t worker)
{
    for (;;) {
        siginfo_t found = {0};
        if (waitid(P_ALL, 0, &found, WEXITED | WNOHANG | WNOWAIT) != 0 || found.si_pid == 0 ||
            found.si_pid == worker)
            return;
        waitpid(found.si_pid, NULL, WNOHANG);
    }
}

static _Noreturn void watch(pid_t worker, const sigset_t *signals, const char *left)
{
    // The channels are the worker's alone, so that their other ends see it go.
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    bool ended = false; // from outside: what is left then was not left behind
    for (;;) {
        int status;
        siginfo_t signal;
        int number = sigwaitinfo(signals, &signal);
        // Its group cannot be another's: it is this process that has to reap it first.
        if (number == GUARD_PAUSE)
            kill(-worker, signal.si_value.sival_int == GUARD_ASK    ? SIGTERM
                          : signal.si_value.sival_int == GUARD_STOP ? SIGSTOP
                                                                    : SIGCONT);
        if (number == SIGTERM || number == SIGHUP) {
            ended = true;
            kill(-worker, SIGKILL);
            kill(worker, SIGKILL); // it may not have its group yet
        }
        if (waitpid(worker, &status, WNOHANG) == worker) {
            end_what_is_left(worker, ended ? NULL : left);
            end_as(status);
        }
        reap_orphans(worker);
    }
}

esp_status guard_begin(const char *left, struct error *error)
{
    sigset_t signals, before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, GUARD_PAUSE);
    sigprocmask(SIG_BLOCK, &signals, &before);
    signal(SIGCHLD, SIG_DFL);
    pid_t guard = getpid();
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
        return error_set(error, ESP_ERROR, "no guard: %s", strerror(errno));
    if (executor_is_gone())
        return error_set(error, ESP_ERROR, "the process that started this worker is gone");
    pid_t worker = fork();
    if (worker < 0)
        return error_set(error, ESP_ERROR, "no guard: %s", strerror(errno));
    if (worker > 0) {
        setpgid(worker, worker); // here and there: whichever comes first
        prctl(PR_SET_NAME, "espalier-guard");
        watch(worker, &signals, left);
    }
    setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != guard)
        _exit(1);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return ESP_OK;
}
