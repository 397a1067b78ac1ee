// SPDX-License-Identifier: Apache-2.0
// The process of a program; see child.h.
#include "process_plugin/child.h"

#include "execute/guard.h"
#include "text/printable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// How long it may take to end after the end of its input, and then after SIGTERM: in all less than a
// worker has (execute/local_limits.c).
#define INPUT_GRACE 2.0
#define SIGTERM_GRACE 1.0
// How long one whose output is closed may take to be gone.
#define ENDING 2.0
// Lines of its standard error that reach the log; what comes after is counted alone.
#define MOST_WORDS 1000
#define WORDS_SIZE 512

struct child {
    const char *name;
    pid_t guard;
    int in, out, err; // its standard streams, from here; -1: closed
    bool reaped;
    int status; // of waitpid, once reaped
    // What it wrote and nobody took: bytes[begin .. end). A line that was given out lies before begin.
    char *bytes;
    size_t begin, end, capacity, searched;
    char words[WORDS_SIZE]; // the line of standard error that is being read
    size_t words_size;
    char last_words[WORDS_SIZE];
    uint64_t word_lines;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void close_once(int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}

// ---- Its start ----------------------------------------------------------------------------------

// `ends[i]`: what the child has as descriptor i.
static int spawn(pid_t *guard, const char *const *command, const char *folder, const int ends[3])
{
    char program[PATH_MAX], first[] = "plugin-guard";
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    size_t count = 0;
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0)
        return errno;
    program[length] = '\0';
    while (command[count])
        count++;
    char **arguments = calloc(count + 3, sizeof *arguments);
    if (!arguments)
        return ENOMEM;
    arguments[0] = program;
    arguments[1] = first;
    for (size_t i = 0; i < count; i++)
        arguments[i + 2] = (char *)(uintptr_t)command[i]; // posix_spawn changes none
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int code = posix_spawn_file_actions_addchdir_np(&actions, folder);
    for (int i = 0; code == 0 && i < 3; i++)
        code = posix_spawn_file_actions_adddup2(&actions, ends[i], i);
    // A session of its own: Ctrl-C at the terminal is this process's to understand. Signals as a
    // program expects them, whatever is ignored here.
    if (code == 0)
        code = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
                                                         POSIX_SPAWN_SETSIGDEF);
    if (code == 0)
        code = posix_spawnattr_setsigmask(&attributes, &none);
    if (code == 0)
        code = posix_spawnattr_setsigdefault(&attributes, &all);
    if (code == 0)
        code = posix_spawn(guard, program, &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    free(arguments);
    return code;
}

esp_status child_start(struct child **out, const char *const *command, const char *folder,
                       const char *name, struct error *error)
{
    struct child *child = calloc(1, sizeof *child);
    int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
    *out = NULL;
    if (!child)
        return error_memory(error);
    child->name = name;
    child->in = child->out = child->err = -1;
    int code = 0;
    for (int i = 0; code == 0 && i < 3; i++)
        code = pipe2(pipes[i], O_CLOEXEC) == 0 ? 0 : errno;
    int ends[3] = {pipes[0][0], pipes[1][1], pipes[2][1]};
    if (code == 0)
        code = spawn(&child->guard, command, folder, ends);
    for (int i = 0; i < 3; i++)
        close_once(&ends[i]);
    child->in = pipes[0][1];
    child->out = pipes[1][0];
    child->err = pipes[2][0];
    if (code == 0) {
        fcntl(child->in, F_SETFL, O_NONBLOCK);
        fcntl(child->out, F_SETFL, O_NONBLOCK);
        fcntl(child->err, F_SETFL, O_NONBLOCK);
        *out = child;
        return ESP_OK;
    }
    child->reaped = true;
    child_end(child);
    return error_set(error, ESP_ERROR, "its program cannot be started: %s", strerror(code));
}

// ---- What it writes -----------------------------------------------------------------------------

static void end_words(struct child *child)
{
    if (child->words_size == 0)
        return;
    child->words[child->words_size] = '\0';
    child->words_size = 0;
    text_make_printable(child->words);
    if (strcmp(child->words, CHILD_LEFT) == 0) {
        log_line(ESP_LOG_WARNING, "%s: %s", child->name, child->words);
        return;
    }
    memcpy(child->last_words, child->words, sizeof child->words);
    if (child->word_lines++ < MOST_WORDS)
        log_line(ESP_LOG_INFO, "%s: %s", child->name, child->words);
    if (child->word_lines == MOST_WORDS)
        log_line(ESP_LOG_WARNING,
                 "%s: it has written %d lines to its standard error; the rest "
                 "is left out",
                 child->name, MOST_WORDS);
}

// False: nothing more comes.
static bool take_words(struct child *child)
{
    char bytes[4096];
    ssize_t count = read(child->err, bytes, sizeof bytes);
    if (count <= 0)
        return count < 0 && (errno == EAGAIN || errno == EINTR);
    for (ssize_t i = 0; i < count; i++) {
        if (bytes[i] == '\n' || child->words_size == sizeof child->words - 1)
            end_words(child);
        if (bytes[i] != '\n')
            child->words[child->words_size++] = bytes[i] ? bytes[i] : '?';
    }
    return true;
}

static bool make_room(struct child *child)
{
    if (child->begin > 0) {
        memmove(child->bytes, child->bytes + child->begin, child->end - child->begin);
        child->end -= child->begin;
        child->searched -= child->begin;
        child->begin = 0;
    }
    if (child->capacity - child->end >= 65536)
        return true;
    size_t capacity = 2 * child->capacity + 131072;
    char *grown = realloc(child->bytes, capacity);
    if (!grown)
        return false;
    child->bytes = grown;
    child->capacity = capacity;
    return true;
}

// Reads what is there of its output, at most a pipe's worth. A line that was given out is gone then.
static enum child_state take_output(struct child *child)
{
    if (!make_room(child))
        return CHILD_NO_MEMORY;
    ssize_t count = read(child->out, child->bytes + child->end, 65535); // and a zero
    if (count > 0) {
        child->end += (size_t)count;
        return child->end - child->begin > CHILD_LINE_MOST ? CHILD_FLOOD : CHILD_READY;
    }
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return CHILD_READY;
    close_once(&child->out);
    return CHILD_ENDED;
}

// The end of the first line that was not given out, or NULL.
static char *line_end(struct child *child)
{
    if (child->searched == child->end)
        return NULL;
    char *found = memchr(child->bytes + child->searched, '\n', child->end - child->searched);
    child->searched = found ? (size_t)(found - child->bytes) : child->end;
    return found;
}

// Waits until `deadline` (0: for ever) for one of its streams, for `in` only where `writes`, and takes
// in what came. CHILD_LATE: the time is over.
static enum child_state wait_for(struct child *child, bool writes, double deadline)
{
    struct pollfd streams[3] = {
        {child->out, POLLIN, 0}, {child->err, POLLIN, 0}, {writes ? child->in : -1, POLLOUT, 0}};
    double left = deadline > 0 ? fmax(deadline - now(), 0) : 3600;
    int count = poll(streams, 3, (int)ceil(fmin(left, 3600) * 1000));
    if (count == 0)
        return deadline > 0 && now() >= deadline ? CHILD_LATE : CHILD_READY;
    if (count < 0)
        return CHILD_READY; // a signal, which is others' to understand
    if (streams[1].revents && !take_words(child))
        close_once(&child->err);
    return streams[0].revents ? take_output(child) : CHILD_READY;
}

// Without a signal where nobody reads.
static ssize_t write_quietly(int descriptor, const char *bytes, size_t size)
{
    sigset_t pipe, before, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    ssize_t count = write(descriptor, bytes, size);
    int reason = errno;
    if (count < 0 && reason == EPIPE && !sigismember(&pending, SIGPIPE))
        sigtimedwait(&pipe, NULL, &(struct timespec){0, 0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = reason;
    return count;
}

enum child_state child_write(struct child *child, const char *bytes, size_t size, double seconds)
{
    double deadline = seconds > 0 ? now() + seconds : 0;
    while (size > 0) {
        ssize_t count = write_quietly(child->in, bytes, size);
        if (count > 0) {
            bytes += count;
            size -= (size_t)count;
            continue;
        }
        if (count < 0 && errno != EAGAIN && errno != EINTR)
            return CHILD_ENDED;
        enum child_state state = wait_for(child, true, deadline);
        if (state != CHILD_READY)
            return state == CHILD_LATE ? CHILD_DEAF : state;
    }
    return CHILD_READY;
}

enum child_state child_read(struct child *child, const char **line, size_t *size, double seconds)
{
    double deadline = seconds > 0 ? now() + seconds : 0;
    char *end;
    while (!(end = line_end(child))) {
        enum child_state state = child->out < 0 ? CHILD_ENDED : wait_for(child, false, deadline);
        if (state != CHILD_READY)
            return state;
    }
    *end = '\0';
    *line = child->bytes + child->begin;
    *size = (size_t)(end - *line);
    child->begin = child->searched = (size_t)(end - child->bytes) + 1;
    return CHILD_READY;
}

bool child_early(struct child *child, const char **text)
{
    if (child->begin == child->end && child->out >= 0)
        take_output(child);
    if (child->begin == child->end)
        return false;
    child->bytes[child->end] = '\0'; // make_room left a byte
    char *end = line_end(child);
    if (end)
        *end = '\0';
    *text = child->bytes + child->begin;
    return true;
}

// ---- Its end ------------------------------------------------------------------------------------

static bool reap(struct child *child, int flags)
{
    pid_t found;
    while (!child->reaped && (found = waitpid(child->guard, &child->status, flags)) != 0) {
        if (found < 0 && errno == EINTR)
            continue;
        child->reaped = true;
    }
    return child->reaped;
}

// Waits for its end and hears its last words. False: it goes on after `seconds`.
static bool wait_for_end(struct child *child, double seconds)
{
    double deadline = now() + seconds;
    while (!reap(child, WNOHANG) && now() < deadline) {
        struct pollfd words = {child->err, POLLIN, 0};
        if (poll(&words, 1, 2) > 0 && !take_words(child))
            close_once(&child->err);
        if (child->out >= 0) { // what it writes now is nobody's, and must not stop it
            child->begin = child->end = child->searched = 0;
            take_output(child);
        }
    }
    while (child->reaped && child->err >= 0) {
        struct pollfd words = {child->err, POLLIN, 0};
        if (poll(&words, 1, 0) <= 0 || !take_words(child))
            break;
    }
    if (child->reaped)
        end_words(child);
    return child->reaped;
}

void child_end_words(char words[CHILD_WORDS_SIZE], struct child *child)
{
    char what[128];
    bool ended = wait_for_end(child, ENDING);
    if (!ended)
        snprintf(what, sizeof what, "closed its output and went on");
    else if (WIFSIGNALED(child->status))
        snprintf(what, sizeof what, "died of signal %d (%s)", WTERMSIG(child->status),
                 strsignal(WTERMSIG(child->status)));
    else
        snprintf(what, sizeof what, "ended with status %d", WEXITSTATUS(child->status));
    if (child->last_words[0])
        snprintf(words, CHILD_WORDS_SIZE, "%s (its last words: %.200s)", what, child->last_words);
    else
        snprintf(words, CHILD_WORDS_SIZE, "%s", what);
    text_make_printable(words); // they may be cut
}

void child_kill(struct child *child)
{
    close_once(&child->in);
    if (!reap(child, WNOHANG))
        kill(child->guard, SIGTERM);
    // The guard ends all that is below it; one that hangs in the kernel is not waited for.
    if (!wait_for_end(child, 5.0))
        log_line(ESP_LOG_WARNING, "%s: its program cannot be ended", child->name);
}

void child_end(struct child *child)
{
    if (!child)
        return;
    close_once(&child->in);
    if (!child->reaped && !wait_for_end(child, INPUT_GRACE)) {
        sigqueue(child->guard, GUARD_PAUSE, (union sigval){.sival_int = GUARD_ASK});
        if (wait_for_end(child, SIGTERM_GRACE)) {
            log_line(ESP_LOG_WARNING,
                     "%s: its program went on for %g s after the end of its input, until SIGTERM",
                     child->name, INPUT_GRACE);
        } else {
            log_line(ESP_LOG_WARNING,
                     "%s: its program ignored the end of its input and SIGTERM, and was killed",
                     child->name);
            child_kill(child);
        }
    }
    close_once(&child->out);
    close_once(&child->err);
    free(child->bytes);
    free(child);
}
