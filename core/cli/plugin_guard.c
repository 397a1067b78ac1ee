// SPDX-License-Identifier: Apache-2.0
// espalier plugin-guard COMMAND ...: started by the host of a process plugin, not by people.
#include "cli/command.h"
#include "process_plugin/program.h"

#include <stdio.h>

int command_plugin_guard(int argc, char **argv)
{
    if (argc >= 2)
        return program_guard_main(argv + 1);
    fprintf(stderr, "espalier plugin-guard: it is started by a run, not by hand\n");
    return EXIT_WRONG_USE;
}
