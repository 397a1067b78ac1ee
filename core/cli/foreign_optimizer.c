// SPDX-License-Identifier: Apache-2.0
// espalier foreign-optimizer MANIFEST: the program of a strategy that is made of a library, started by
// its host, not by people.
#include "cli/command.h"
#include "foreign/foreign.h"

#include <stdio.h>
#include <unistd.h>

int command_foreign_optimizer(int argc, char **argv)
{
    if (argc == 2 && !isatty(STDIN_FILENO))
        return foreign_optimizer_main(argv[1]);
    fprintf(stderr, "espalier foreign-optimizer: it is started by a run, not by hand\n");
    return EXIT_WRONG_USE;
}
