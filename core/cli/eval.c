// SPDX-License-Identifier: Apache-2.0
// espalier eval CONFIG: one trial, alone. In a worker process as in a run; --in-process evaluates it
// here, for a debugger.
#include "cli/arch.h"
#include "cli/command.h"
#include "cli/load.h"
#include "cli/single.h"

#include <stdio.h>

static const struct option eval_options[] = {
    ARCH_OPTIONS,
    {"in-process", NULL, "no worker between: for gdb, valgrind, sanitizers"},
    {"json", NULL, "as JSON"},
    {"set", "SECTION.KEY=VALUE", "sets a key of the configuration; may be given again and again"},
    {"plugins", "DIR", "a folder of plugins, looked at first"},
};

int command_eval(int argc, char **argv)
{
    struct options options;
    struct loaded loaded = {0};
    struct session *session = NULL;
    struct arch *arch = NULL;
    struct error error;
    error_clear(&error);
    int result = options_parse(&options, "eval CONFIG", eval_options, ESP_COUNT(eval_options), 1, 1,
                               argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    esp_status status = loaded_open(&loaded, &options, &error);
    if (status == ESP_OK)
        status = session_create(&session, loaded.experiment, true, &error);
    if (status == ESP_OK)
        status = session_prepare_data(session, &(const char *){NULL}, &(bool){false}, &error);
    if (status == ESP_OK)
        status = arch_option(&arch, session, &options, &error);
    if (status == ESP_OK) {
        struct single single = {.session = session,
                                .experiment = loaded.experiment,
                                .arch = arch,
                                .in_process = options_given(&options, "in-process"),
                                .json = options_given(&options, "json")};
        status = single_evaluate(&single, &error);
    }
    arch_release(arch);
    session_destroy(session);
    loaded_close(&loaded);
    options_destroy(&options);
    return command_end(status, &error);
}
