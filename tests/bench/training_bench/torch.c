// SPDX-License-Identifier: Apache-2.0
// See torch.h.
#include "torch.h"

#include <espalier/graph.h>

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRIPT ESPALIER_SOURCE_DIR "/tests/bench/training_bench/torch_side.py"

#define KEPT_MEMORY "1000000000" // of glibc's malloc: no block and no rest is larger

struct torch {
    pid_t pid;
    FILE *to, *from;
    char *line;
    size_t size;
    char version[64];
};

static bool read_line(struct torch *torch)
{
    ssize_t length = getline(&torch->line, &torch->size, torch->from);
    if (length <= 0)
        return false;
    torch->line[length - 1] = '\0';
    return true;
}

__attribute__((format(printf, 2, 3))) static char *ask(struct torch *torch, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(torch->to, format, arguments);
    va_end(arguments);
    fputc('\n', torch->to);
    if (fflush(torch->to) != 0 || !read_line(torch)) {
        fprintf(stderr, "PyTorch's process ended\n");
        exit(1);
    }
    return torch->line;
}

// Reads numbers with commas between; answers what follows them.
static char *read_numbers(char *text, int count, double *out)
{
    for (int i = 0; i < count; i++) {
        char *end;
        out[i] = strtod(text, &end);
        if (end == text) {
            fprintf(stderr, "PyTorch answered '%s'\n", text);
            exit(1);
        }
        text = *end == ',' ? end + 1 : end;
    }
    return text;
}

static struct torch *start(const char *python, bool keep_memory)
{
    int to[2], from[2];
    struct torch *torch = calloc(1, sizeof *torch);
    if (!torch || pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
        exit(1);
    torch->pid = fork();
    if (torch->pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        if (keep_memory) {
            setenv("MALLOC_TRIM_THRESHOLD_", KEPT_MEMORY, 1);
            setenv("MALLOC_MMAP_THRESHOLD_", KEPT_MEMORY, 1);
        }
        if (!freopen("/dev/null", "w", stderr))
            _exit(127);
        execlp(python, python, SCRIPT, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    torch->to = fdopen(to[1], "w");
    torch->from = fdopen(from[0], "r");
    if (torch->pid > 0 && torch->to && torch->from && read_line(torch) &&
        sscanf(torch->line, "ready %63s", torch->version) == 1)
        return torch;
    torch_close(torch);
    return NULL;
}

struct torch *torch_open(bool keep_memory)
{
    static const char *const pythons[] = {"python3", "/usr/bin/python3"};
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < ESP_COUNT(pythons); i++) {
        struct torch *torch = start(pythons[i], keep_memory);
        if (torch)
            return torch;
    }
    return NULL;
}

void torch_close(struct torch *torch)
{
    if (!torch)
        return;
    fclose(torch->to);
    fclose(torch->from);
    waitpid(torch->pid, NULL, 0);
    free(torch->line);
    free(torch);
}

const char *torch_version(const struct torch *torch)
{
    return torch->version;
}

uint64_t torch_network(struct torch *torch, const char *name, uint64_t batch, const char *layout)
{
    return strtoull(ask(torch, "open %s %llu %s", name, (unsigned long long)batch, layout), NULL,
                    10);
}

void torch_steps(struct torch *torch, int count, double *cpu, double *wall)
{
    char *rest = read_numbers(ask(torch, "steps %d", count), count, cpu);
    read_numbers(rest, count, wall);
}

void torch_losses(struct torch *torch, const char *folder, int count, double rate, double *losses)
{
    read_numbers(ask(torch, "losses %s %d %.9g", folder, count, rate), count, losses);
}

uint64_t torch_memory(struct torch *torch)
{
    return strtoull(ask(torch, "memory"), NULL, 10);
}
