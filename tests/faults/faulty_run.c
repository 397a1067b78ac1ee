// SPDX-License-Identifier: Apache-2.0
// Runs with plugins that misbehave; see faulty_run.h.
#include "faulty_run.h"

#include "support/folder.h"
#include "support/processes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *folder, *config;

// Depths 1 to 3 of identities: as many decisions as the depth, but for the single one of depth 1.
static const char text[] = "[space]\nplugin = chain\nmin_depth = 1\nmax_depth = 3\n"
                           "operations = identity, conv_1x1\nwidths = 4\nstrides = 1\n"
                           "[strategy]\nplugin = random\n"
                           "[estimator]\nplugin = faulty\n"
                           "[dataset]\nplugin = synthetic\nheight = 4\nwidth = 4\ntrain = 20\n"
                           "[objective]\nmaximize = score\n"
                           "[budget]\ntrials = 8\n"
                           "[run]\nworkers = 2\ntrial_time_limit = 1s\ntrial_memory_limit = 300M\n";

void faulty_begin(void)
{
    processes_adopt();
    folder = folder_temporary();
    config = folder_write(folder, "faults.ini", text);
}

void faulty_end(void)
{
    free(config);
    folder_delete(folder);
}

const char *faulty_path(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

const char *faulty_config(void)
{
    return config;
}

struct command_result faulty_run(const char *name, const char *const *arguments,
                                 const char *const *environment)
{
    const char *all[32] = {
        espalier_binary(), "run",    config, "--plugins", getenv("ESPALIER_TEST_PLUGINS"), "--out",
        faulty_path(name), "--quiet"};
    int count = 8;
    while (*arguments && count < 31)
        all[count++] = *arguments++;
    struct command command = {.arguments = all, .environment = environment};
    return command_run(&command);
}

void faulty_check(const char *name, const char *const *arguments, int (*is_bad)(json_t *trial),
                  const char *state, const char *reason)
{
    struct command_result result = faulty_run(name, arguments, NULL);
    cr_assert_eq(result.status, 0, "%s: status %d\n%s", name, result.status, result.err);
    cr_assert_eq(processes_left(0), 0, "%s: a process is left", name);
    json_t *results = espalier_results(faulty_path(name)), *trial;
    size_t i, bad = 0, good = 0;
    json_array_foreach (json_object_get(results, "trials"), i, trial) {
        const char *found = json_string_value(json_object_get(trial, "state"));
        const char *words = json_string_value(json_object_get(trial, "error"));
        if (!is_bad(trial)) {
            cr_assert_str_eq(found, "done", "%s: trial %zu: %s", name, i, words ? words : "");
            good++;
            continue;
        }
        cr_assert_str_eq(found, state, "%s: trial %zu: %s", name, i, words ? words : "");
        if (reason)
            cr_assert(words && strstr(words, reason), "%s: '%s' in '%s'", name, reason,
                      words ? words : "");
        bad++;
    }
    cr_assert(good > 0 && bad > 0, "%s: %zu good and %zu bad trials", name, good, bad);
    json_decref(results);
    command_free(&result);
}

int faulty_has_three_decisions(json_t *trial)
{
    return json_array_size(json_object_get(json_object_get(trial, "arch"), "decisions")) == 3;
}
