// SPDX-License-Identifier: Apache-2.0
// Spaces that crash or emit what is no network: in a worker each costs its trial, with the reason; in
// the coordinator a crash ends the run, names the plugin, and the run can be resumed.
#include "faulty_run.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

TestSuite(spaces, .init = faulty_begin, .fini = faulty_end);

static int is_drawn_bad(json_t *trial)
{
    json_t *decisions = json_object_get(json_object_get(trial, "arch"), "decisions");
    return strcmp(json_string_value(json_array_get(json_array_get(decisions, 0), 1)), "yes") == 0;
}

// The chain's parameters are no parameters of this space.
static const char config[] = "[space]\nplugin = faulty\n[strategy]\nplugin = random\n"
                             "[estimator]\nplugin = faulty\n"
                             "[dataset]\nplugin = synthetic\nheight = 4\nwidth = 4\ntrain = 20\n"
                             "[objective]\nmaximize = score\n[budget]\ntrials = 8\n"
                             "[run]\nworkers = 2\ntrial_time_limit = 1s\n";

static void begin_again(void)
{
    FILE *file = fopen(faulty_config(), "w");
    fputs(config, file);
    fclose(file);
}

static void check_mode(const char *mode, const char *reason)
{
    char set[64];
    snprintf(set, sizeof set, "space.mode=%s", mode);
    const char *arguments[] = {"--set", set, NULL};
    begin_again();
    faulty_check(mode, arguments, is_drawn_bad, "failed", reason);
}

Test(spaces, a_crash_while_building_costs_its_trial)
{
    check_mode("crash", "the worker died of SIGSEGV (segmentation fault)");
    check_mode("hang", "no progress for 1 s (trial_time_limit)");
}

Test(spaces, what_is_no_network_costs_its_trial)
{
    check_mode("error", "it does not like this one");
    check_mode("wordless", "faulty");
    check_mode("no_output", "output");
    check_mode("too_small", "conv");
    check_mode("foreign", "no tensor of this pass");
    check_mode("twice", "conv");
    check_mode("unknown", "Recieve");
}

Test(spaces, a_crash_while_sampling_ends_the_run_and_names_the_plugin)
{
    const char *arguments[] = {"--set", "space.mode=crash_in_trace", NULL};
    begin_again();
    struct command_result result = faulty_run("trace", arguments, NULL);
    cr_assert_eq(result.status, 1, "status %d\n%s", result.status, result.err);
    cr_assert(strstr(result.err, "space faulty") && strstr(result.err, "SIGSEGV"), "%s",
              result.err);
    cr_assert(strstr(result.err, "--resume"), "%s", result.err);
    command_free(&result);
}
