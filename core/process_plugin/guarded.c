// SPDX-License-Identifier: Apache-2.0
// The guard's side of a program: `espalier plugin-guard COMMAND ...`, which the host alone starts.
#include "process_plugin/program.h"

#include "execute/guard.h"
#include "process_plugin/child.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// As shells answer.
#define CANNOT_START 127

int program_guard_main(char **command)
{
    struct error error;
    error_clear(&error);
    if (guard_begin(CHILD_LEFT, &error) != ESP_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    execvp(command[0], command);
    fprintf(stderr, "%s cannot be started: %s\n", command[0], strerror(errno));
    return CANNOT_START;
}
