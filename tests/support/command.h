// SPDX-License-Identifier: Apache-2.0
// Programs run as a person would run them.
#ifndef SUPPORT_COMMAND_H
#define SUPPORT_COMMAND_H

#include <jansson.h>

struct command {
    const char *const *arguments;   // argv, NULL-terminated
    const char *const *environment; // more "NAME=value", NULL-terminated; NULL = none
    double kill_after;              // seconds; SIGKILL to the process alone; 0 = never
    double interrupt_after;         // seconds; SIGINT; 0 = never
    double interrupt_again_after;   // seconds; a second SIGINT; 0 = never
};

struct command_result {
    int status;     // exit status; -signal where a signal ended it
    char *out;      // standard output; owner: the caller (command_free)
    char *err;      // standard error
    double seconds; // wall
    long peak_kb;   // largest resident memory of it and its reaped children
};

struct command_result command_run(const struct command *command);
void command_free(struct command_result *result);

// The program under test ($ESPALIER_BINARY).
const char *espalier_binary(void);
// Runs it with the arguments (NULL-terminated) and expects `status`; otherwise prints what it said
// and fails the test. Answers its standard output; owner: the caller (free).
char *espalier_expect(int status, const char *const *arguments);
// `results FOLDER --json`, parsed.
json_t *espalier_results(const char *folder);

#endif
