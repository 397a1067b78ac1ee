// SPDX-License-Identifier: Apache-2.0
// espalier worker RUN_FOLDER: started by executors, not by people.
#include "cli/command.h"
#include "cli/options.h"
#include "execute/execute.h"

static const struct option worker_options[] = {
    {"pauses", NULL, "the executor pauses the other workers while one measures"},
};

int command_worker(int argc, char **argv)
{
    struct options options;
    int result = options_parse(&options, "worker RUN_FOLDER", worker_options,
                               ESP_COUNT(worker_options), 1, 1, argc, argv);
    return result == OPTIONS_GO_ON
               ? worker_main(options_argument(&options, 0), options_given(&options, "pauses"))
               : result;
}
