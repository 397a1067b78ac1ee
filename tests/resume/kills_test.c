// SPDX-License-Identifier: Apache-2.0
// The coordinator is killed at random moments, 200 of them over as many runs as that takes, and
// resumed each time: every run ends in the same bits. The moments are drawn from a fixed seed, but
// the machine's timing makes them differ; a failure names the run's folder and the kills it had.
#include "outcome.h"

#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <espalier/random.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KILLS 200

// The longest time that a run is left alone: long enough that each makes some progress.
static const double longest_seconds = 0.25;

Test(kills, at_random_moments_change_nothing)
{
    char *folder = folder_temporary();
    char *config = outcome_config(folder);
    char out[512];
    snprintf(out, sizeof out, "%s/whole", folder);
    outcome_run(config, out, "2", "local");
    char *expected = outcome_text(out);
    esp_random random = esp_random_stream(1, 2, 0, 0, 0);
    int kills = 0, runs = 0;
    while (kills < KILLS) {
        int of_this_run = 0;
        snprintf(out, sizeof out, "%s/run-%d", folder, runs);
        for (int resumed = 0;; resumed = 1) {
            const char *arguments[] = {
                espalier_binary(),           "run", config, "--out", out, "--quiet",
                resumed ? "--resume" : NULL, NULL};
            struct command command = {.arguments = arguments,
                                      .kill_after =
                                          0.001 + longest_seconds * esp_random_real(&random)};
            if (kills >= KILLS)
                command.kill_after = 0;
            struct command_result result = command_run(&command);
            int status = result.status;
            cr_assert(status == 0 || status == -SIGKILL, "run %d after %d kills: status %d\n%s",
                      runs, of_this_run, status, result.err);
            command_free(&result);
            if (status == 0)
                break;
            kills++;
            of_this_run++;
        }
        char *text = outcome_text(out);
        cr_assert_str_eq(text, expected, "run %d after %d kills", runs, of_this_run);
        free(text);
        runs++;
    }
    cr_log_info("%d kills over %d runs", kills, runs);
    free(expected);
    free(config);
    folder_delete(folder);
}
