// SPDX-License-Identifier: Apache-2.0
// A crash of a plugin inside the coordinator; see crash.h. The handler calls nothing but write and
// _exit, on a stack of its own, so that an overflown stack is reported too.
#include "error/crash.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *volatile watched;

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        _exit(1);
}

static void on_crash(int number)
{
    const char *who = watched;
    say("espalier: ");
    say(who ? who : "the program");
    say(number == SIGABRT ? " aborted" : " crashed");
    say(number == SIGSEGV   ? " (SIGSEGV, segmentation fault)"
        : number == SIGFPE  ? " (SIGFPE, arithmetic error)"
        : number == SIGILL  ? " (SIGILL, illegal instruction)"
        : number == SIGBUS  ? " (SIGBUS, bus error)"
        : number == SIGABRT ? " (SIGABRT)"
                            : "");
    say("; the run ends here and can be resumed with --resume\n");
    _exit(1);
}

// A plugin that calls exit would end the program with a status of its own choice.
static void on_exit_of_program(void)
{
    if (!watched)
        return;
    say("espalier: ");
    say(watched);
    say(" called exit; the run ends here and can be resumed with --resume\n");
    _exit(1);
}

void crash_install(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    static char stack[65536];
    static bool installed;
    if (installed)
        return;
    installed = true;
    atexit(on_exit_of_program);
    stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK};
    sigaltstack(&other, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        sigaction(numbers[i], &action, NULL);
}

const char *crash_watch(const char *who)
{
    const char *before = watched;
    watched = who;
    return before;
}

const char *crash_watched(void)
{
    return watched;
}
