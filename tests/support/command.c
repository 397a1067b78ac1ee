// SPDX-License-Identifier: Apache-2.0
// Programs run as a person would run them; see command.h. Output goes through temporary files, so
// that nothing blocks however much is said.
#include "support/command.h"

#include "support/folder.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void start(const struct command *command, const char *out, const char *err)
{
    int in = open("/dev/null", O_RDONLY);
    int to_out = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int to_err = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(in, STDIN_FILENO);
    dup2(to_out, STDOUT_FILENO);
    dup2(to_err, STDERR_FILENO);
    for (int i = 0; command->environment && command->environment[i]; i++)
        putenv((char *)(uintptr_t)command->environment[i]);
    if (getenv("ESPALIER_TEST_LEAKS")) // `make asan`
        setenv("ASAN_OPTIONS", "detect_leaks=1:strict_string_checks=1", 1);
    execvp(command->arguments[0], (char *const *)(uintptr_t)command->arguments);
    _exit(127);
}

// Waits, sending the signals that are due.
static int wait_for(const struct command *command, pid_t child, double began, struct rusage *usage)
{
    int status;
    double kill_after = command->kill_after, interrupt_after = command->interrupt_after;
    double again_after = command->interrupt_again_after;
    if (kill_after <= 0 && interrupt_after <= 0) {
        wait4(child, &status, 0, usage);
        return status;
    }
    while (wait4(child, &status, WNOHANG, usage) == 0) {
        double passed = monotonic_seconds() - began;
        if (kill_after > 0 && passed >= kill_after) {
            kill(child, SIGKILL);
            kill_after = 0;
        }
        if (interrupt_after > 0 && passed >= interrupt_after) {
            kill(child, SIGINT);
            interrupt_after = again_after;
            again_after = 0;
        }
        struct timespec pause = {0, 500000};
        nanosleep(&pause, NULL);
    }
    return status;
}

struct command_result command_run(const struct command *command)
{
    struct command_result result = {0};
    char *folder = folder_temporary();
    char out[512], err[512];
    snprintf(out, sizeof out, "%s/out", folder);
    snprintf(err, sizeof err, "%s/err", folder);
    double began = monotonic_seconds();
    pid_t child = fork();
    if (child == 0)
        start(command, out, err);
    struct rusage usage;
    int status = wait_for(command, child, began, &usage);
    result.seconds = monotonic_seconds() - began;
    result.status = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
    result.peak_kb = usage.ru_maxrss;
    result.out = file_text(out);
    result.err = file_text(err);
    folder_delete(folder);
    return result;
}

void command_free(struct command_result *result)
{
    free(result->out);
    free(result->err);
}

const char *espalier_binary(void)
{
    const char *path = getenv("ESPALIER_BINARY");
    return path ? path : "build/bin/espalier";
}

char *espalier_expect(int status, const char *const *arguments)
{
    const char *all[64] = {espalier_binary()};
    int count = 1;
    for (; arguments[count - 1] && count < 63; count++)
        all[count] = arguments[count - 1];
    struct command command = {.arguments = all};
    struct command_result result = command_run(&command);
    char words[512] = "";
    for (int i = 0; i < count; i++)
        snprintf(words + strlen(words), sizeof words - strlen(words), "%s ", all[i]);
    cr_assert_eq(result.status, status, "%s: expected exit status %d, got %d\n%s%s", words, status,
                 result.status, result.out, result.err);
    free(result.err);
    return result.out;
}

json_t *espalier_results(const char *folder)
{
    const char *arguments[] = {"results", folder, "--json", NULL};
    char *text = espalier_expect(0, arguments);
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    cr_assert_not_null(json, "results --json is no JSON: %s\n%s", error.text, text);
    free(text);
    return json;
}
