// SPDX-License-Identifier: Apache-2.0
// The commands: each takes the arguments behind its name (argv[0] is the name) and answers with the
// exit status.
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "error/error.h"

enum {
    EXIT_DONE = 0,
    EXIT_NO_RESULT = 1, // the run ended without a result
    EXIT_WRONG_USE = 2, // wrong use or wrong configuration
    EXIT_INTERRUPTED = 130
};

int command_run(int argc, char **argv);
int command_sweep(int argc, char **argv);
int command_results(int argc, char **argv);
int command_report(int argc, char **argv);
int command_show(int argc, char **argv);
int command_arch(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_train(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_export(int argc, char **argv);
int command_list(int argc, char **argv);
int command_describe(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_check(int argc, char **argv);
int command_new(int argc, char **argv);
int command_check_worker(int argc, char **argv);
int command_worker(int argc, char **argv);
int command_plugin_guard(int argc, char **argv);
int command_foreign_optimizer(int argc, char **argv);

// Says what went wrong, if anything did, and answers the exit status that fits.
int command_end(esp_status status, const struct error *error);

#endif
