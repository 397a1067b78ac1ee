// SPDX-License-Identifier: Apache-2.0
// espalier run CONFIG: one search from its configuration to its summary.
#include "run/run.h"

#include "cli/command.h"
#include "cli/load.h"
#include "cli/options.h"
#include "report/summary.h"
#include "run/out.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option run_options_table[] = {
    {"resume", NULL, "go on with the run that the out folder holds"},
    {"workers", "N", "worker processes; over [run] workers"},
    {"out", "DIR", "the out folder; over [run] out"},
    {"set", "SECTION.KEY=VALUE", "sets a key of the configuration; may be given again and again"},
    {"quiet", NULL, "no progress on standard error, warnings alone"},
    {"json", NULL, "the summary as JSON (as results --json)"},
    {"plugins", "DIR", "a folder of plugins, looked at first"},
};

// Wrong use and wrong configuration: 2. What ended a run that had begun: 1.
static int exit_status(esp_status status)
{
    switch (status) {
    case ESP_OK:
        return EXIT_DONE;
    case ESP_ERROR_INVALID:
    case ESP_ERROR_NOT_FOUND:
    case ESP_ERROR_UNSUPPORTED:
    case ESP_ERROR_DATA:
        return EXIT_WRONG_USE;
    default:
        return EXIT_NO_RESULT;
    }
}

// The best architecture in its space's notation. Owner: the caller. NULL where there is none.
static char *best_text(struct run *run)
{
    const char *text = NULL;
    struct error words;
    error_clear(&words);
    if (run->best < 0 || !run->trials[run->best].arch ||
        builder_print(session_builder(run->session), run->trials[run->best].arch, &text, &words) !=
            ESP_OK)
        return NULL;
    return strdup(text);
}

// Runs to the end; `*out` names the out folder for the summary, and `*text` its best architecture.
static int run_all(const struct experiment *experiment, const struct run_options *options,
                   char **out, char **text, struct error *error)
{
    struct run *run = NULL;
    if (!out_holds_store(experiment->out) && store_finds_run(experiment->out)) {
        error_set(error, ESP_ERROR_INVALID,
                  "%s: this run has ended and is in the store of its sweep; espalier sweep goes on "
                  "with it, --out DIR takes another folder",
                  experiment->out);
        return EXIT_WRONG_USE;
    }
    esp_status status = run_open(&run, experiment, options, error);
    if (status != ESP_OK)
        return exit_status(status);
    *out = strdup(run->out);
    int result = EXIT_DONE;
    status = run_search(run, error);
    if (status == ESP_OK && !run->interrupted)
        status = run_finals(run, error);
    if (status != ESP_OK)
        result = EXIT_NO_RESULT;
    else if (run->interrupted)
        result = EXIT_INTERRUPTED;
    else if (run->best < 0) {
        error_set(error, ESP_ERROR, "no trial was completed");
        result = EXIT_NO_RESULT;
    }
    *text = best_text(run);
    run_close(run);
    return result;
}

int command_run(int argc, char **argv)
{
    struct options options;
    struct loaded loaded = {0};
    struct error error;
    char *out = NULL, *text = NULL;
    error_clear(&error);
    signal(SIGPIPE, SIG_IGN); // a worker that dies while it is written to is the executor's to tell
    int result = options_parse(&options, "run CONFIG", run_options_table,
                               ESP_COUNT(run_options_table), 1, 1, argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    esp_status status = loaded_open(&loaded, &options, &error);
    if (status == ESP_OK) {
        struct run_options run_options = {.resume = options_given(&options, "resume"),
                                          .quiet = options_given(&options, "quiet"),
                                          .json = options_given(&options, "json")};
        result = run_all(loaded.experiment, &run_options, &out, &text, &error);
    } else {
        result = EXIT_WRONG_USE;
    }
    if (error.status != ESP_OK)
        fprintf(stderr, "espalier: %s\n", error.message);
    if (out && (result == EXIT_DONE || result == EXIT_INTERRUPTED)) {
        struct error second;
        error_clear(&second);
        if (summary_print(out, text, options_given(&options, "json"), &second) != ESP_OK)
            fprintf(stderr, "espalier: %s\n", second.message);
        if (result == EXIT_INTERRUPTED)
            fprintf(stderr, "interrupted; --resume goes on\n");
    } else if (out && result == EXIT_NO_RESULT) {
        fprintf(stderr, "the run is in %s; --resume goes on with it\n", out);
    }
    free(out);
    free(text);
    loaded_close(&loaded);
    options_destroy(&options);
    return result;
}
