// SPDX-License-Identifier: Apache-2.0
// Same seed, same bits: with 1, 2 and 5 workers, inline, interrupted by Ctrl-C, and again.
#include "outcome.h"

#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *outcome_of(const char *folder, const char *config, const char *workers,
                        const char *executor)
{
    char out[512];
    snprintf(out, sizeof out, "%s/%s-%s", folder, executor, workers);
    outcome_run(config, out, workers, executor);
    return outcome_text(out);
}

Test(workers, any_number_gives_the_same_bits)
{
    char *folder = folder_temporary();
    char *config = outcome_config(folder);
    char *one = outcome_of(folder, config, "1", "local");
    char *two = outcome_of(folder, config, "2", "local");
    char *five = outcome_of(folder, config, "5", "local");
    char *inside = outcome_of(folder, config, "1", "inline");
    cr_assert(strstr(one, "best.safetensors"), "weights are among what is compared:\n%s", one);
    cr_assert(strstr(one, "test_accuracy"), "%s", one);
    cr_assert_str_eq(one, two);
    cr_assert_str_eq(one, five);
    cr_assert_str_eq(one, inside);
    free(one);
    free(two);
    free(five);
    free(inside);
    free(config);
    folder_delete(folder);
}

Test(workers, another_seed_gives_other_bits)
{
    char *folder = folder_temporary();
    char *config = outcome_config(folder);
    char out[512];
    char *first = outcome_of(folder, config, "2", "local");
    snprintf(out, sizeof out, "%s/other", folder);
    const char *arguments[] = {"run", config, "--out", out, "--quiet", "--set", "experiment.seed=6",
                               NULL};
    free(espalier_expect(0, arguments));
    char *other = outcome_text(out);
    cr_assert_str_neq(first, other);
    free(first);
    free(other);
    free(config);
    folder_delete(folder);
}

Test(workers, an_interrupted_run_goes_on_to_the_same_end)
{
    char *folder = folder_temporary();
    char *config = outcome_config(folder);
    char out[512];
    char *expected = outcome_of(folder, config, "2", "local");
    snprintf(out, sizeof out, "%s/interrupted", folder);
    const char *arguments[] = {espalier_binary(), "run", config, "--out", out, "--quiet", NULL};
    struct command command = {.arguments = arguments, .interrupt_after = 0.15};
    struct command_result result = command_run(&command);
    cr_assert(result.status == 130 || result.status == 0, "status %d: %s", result.status,
              result.err);
    command_free(&result);
    const char *resume[] = {"run", config, "--out", out, "--quiet", "--resume", NULL};
    free(espalier_expect(0, resume));
    char *text = outcome_text(out);
    cr_assert_str_eq(text, expected);
    // A resume of a finished run shows its summary and changes nothing.
    free(espalier_expect(0, resume));
    char *again = outcome_text(out);
    cr_assert_str_eq(again, expected);
    free(text);
    free(again);
    free(expected);
    free(config);
    folder_delete(folder);
}
