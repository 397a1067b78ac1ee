// SPDX-License-Identifier: Apache-2.0
// Runs `dot` on a drawing; see graphviz.h. The drawing goes in by a file without a name, so that no
// pipe can fill up on both sides.
#include "report/page/graphviz.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

// A file in memory that holds the text, read from its beginning; -1 with errno.
static int text_file(const char *text)
{
    int file = memfd_create("drawing", MFD_CLOEXEC);
    for (size_t left = strlen(text); file >= 0 && left > 0;) {
        ssize_t written = write(file, text, left);
        if (written < 0) {
            close(file);
            return -1;
        }
        text += written;
        left -= (size_t)written;
    }
    if (file >= 0)
        lseek(file, 0, SEEK_SET);
    return file;
}

// Answers errno, 0 for success.
static int begin(pid_t *process, int in, int out)
{
    char *const arguments[] = {(char *)"dot", (char *)"-Grankdir=LR", (char *)"-Tsvg", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int reason = posix_spawnp(process, "dot", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    return reason;
}

// Everything that comes until the end of file; false where the time is over.
static bool read_all(int from, FILE *to, double until)
{
    char bytes[65536];
    for (;;) {
        double left = until - now();
        struct pollfd wait = {from, POLLIN, 0};
        if (left <= 0 || poll(&wait, 1, (int)(left * 1e3) + 1) == 0)
            return false;
        ssize_t count = read(from, bytes, sizeof bytes);
        if (count < 0 && errno != EINTR)
            return false;
        if (count == 0)
            return true;
        if (count > 0)
            fwrite(bytes, 1, (size_t)count, to);
    }
}

static esp_status collect(char **svg, int from, pid_t process, double seconds, struct error *error)
{
    size_t size = 0;
    int ended = -1;
    FILE *memory = open_memstream(svg, &size);
    bool whole = memory && read_all(from, memory, now() + seconds);
    if (!whole)
        kill(process, SIGKILL);
    while (waitpid(process, &ended, 0) < 0 && errno == EINTR)
        ;
    if (memory && fclose(memory) != 0)
        whole = false;
    if (whole && WIFEXITED(ended) && WEXITSTATUS(ended) == 0 && strstr(*svg, "<svg"))
        return ESP_OK;
    free(*svg);
    *svg = NULL;
    return error_set(error, ESP_ERROR,
                     whole ? "dot could not lay it out"
                           : "dot took more than %g seconds to lay it out",
                     seconds);
}

esp_status graphviz_svg(char **svg, const char *drawing, double seconds, struct error *error)
{
    int ends[2] = {-1, -1};
    pid_t process;
    *svg = NULL;
    int in = text_file(drawing);
    if (in < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        int reason = errno;
        if (in >= 0)
            close(in);
        return error_system(error, "dot", "talk to it", reason);
    }
    int reason = begin(&process, in, ends[1]);
    close(in);
    close(ends[1]);
    esp_status status =
        reason == 0 ? collect(svg, ends[0], process, seconds, error)
        : reason == ENOENT
            ? error_set(error, ESP_ERROR_NOT_FOUND,
                        "Graphviz's program dot is not installed (apt-get install graphviz)")
            : error_system(error, "dot", "start it", reason);
    close(ends[0]);
    return status;
}
