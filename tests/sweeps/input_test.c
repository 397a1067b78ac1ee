// SPDX-License-Identifier: Apache-2.0
// What is refused before any run begins: exit status 2, one message with its place, and no folder of a
// run.
#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// 13 lines.
#define GOOD                                                                                       \
    "[experiment]\nname = a\n[space]\nplugin = chain\nmax_depth = 3\n[strategy]\n"                 \
    "plugin = random\n[estimator]\nplugin = nk_landscape\n[objective]\nmaximize = fitness\n"       \
    "[budget]\ntrials = 3\n"

static char *folder, *config, out[512];

static void begin(void)
{
    folder = folder_temporary();
    snprintf(out, sizeof out, "%s/out", folder);
}

static void end(void)
{
    free(config);
    folder_delete(folder);
}

TestSuite(refused, .init = begin, .fini = end);

// The command with `more` arguments is refused in words that hold every part.
static void refuse(const char *const *more, const char *const *parts)
{
    const char *arguments[16] = {espalier_binary(), "sweep", config, "--out", out, "--quiet"};
    for (int i = 0; more && more[i]; i++)
        arguments[6 + i] = more[i];
    struct command command = {.arguments = arguments};
    struct command_result result = command_run(&command);
    cr_assert_eq(result.status, 2, "status %d\n%s", result.status, result.err);
    for (int i = 0; i < 4 && parts[i]; i++)
        cr_assert(strstr(result.err, parts[i]), "'%s' in\n%s", parts[i], result.err);
    command_free(&result);
}

static void write_config(const char *text)
{
    free(config);
    config = folder_write(folder, "a.ini", text);
}

static void expect(int status, const char *set)
{
    const char *arguments[] = {"sweep", config, "--out", out, "--quiet", set ? "--set" : NULL,
                               set,     NULL};
    free(espalier_expect(status, arguments));
}

static const struct {
    const char *text;
    const char *parts[4];
} cases[] = {
    {GOOD, {"a.ini: [sweep]", "espalier run"}},
    {GOOD "[sweep]\nspace.max_dept = 1, 2\n", {"a.ini:15", "[space] max_dept", "'max_depth'"}},
    {GOOD "[sweep]\nspcae.max_depth = 1, 2\n", {"a.ini:15", "[spcae]", "[space]"}},
    {GOOD "[sweep]\nspace.max_depth = 1, x\n", {"a.ini:15", "whole number", "'x'"}},
    {GOOD "[sweep]\nspace.max_depth = 4..2\n", {"a.ini:15", "space.max_depth", "empty"}},
    {GOOD "[sweep]\nstrategy.plugin = random, randon\n", {"a.ini:15", "'randon'", "'random'"}},
    // A key that some runs have is for a condition to say.
    {GOOD "[sweep]\nstrategy.plugin = random, regularized_evolution\nstrategy.population = 2, 3\n",
     {"a.ini:16", "population"}},
    {GOOD "[strategy.regularised_evolution]\npopulation = 3\n[sweep]\nstrategy.plugin = random, "
          "regularized_evolution\n",
     {"a.ini:14", "no run has", "[strategy.regularized_evolution]"}},
    {GOOD "[strategy.random]\npopulation = 3\n[sweep]\nexperiment.seed = 1, 2\n",
     {"a.ini:15", "population"}},
    {GOOD "[sweep]\nspace.max_depth = 10, 1e1\n", {"a.ini:14", "the same in everything"}},
    {GOOD "[sweep]\nexperiment.seed = 1..2\n[sweep.g]\nwhen = experiment.seed == 2\n"
          "experiment.seed = 3\n",
     {"a.ini:18", "a.ini:15"}},
};

Test(refused, mistakes_in_the_file)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stat found;
        write_config(cases[i].text);
        refuse(NULL, cases[i].parts);
        cr_assert_neq(stat(out, &found), 0, "%s: it made a folder", cases[i].text);
    }
}

Test(refused, an_override_of_what_an_axis_says)
{
    write_config(GOOD "[sweep]\nexperiment.seed = 1..2\n");
    const char *more[] = {"--set", "experiment.seed=5", NULL};
    const char *parts[4] = {"[experiment] seed", "axis", "sweep.experiment.seed"};
    refuse(more, parts);
}

Test(refused, a_folder_with_another_sweep)
{
    write_config(GOOD "[sweep]\nexperiment.seed = 1..2\n");
    expect(0, NULL);
    const char *name[] = {"--set", "experiment.name=b", NULL};
    const char *name_parts[4] = {"another sweep, 'a'", "--out"};
    refuse(name, name_parts);
    const char *axes[] = {"--set", "sweep.space.max_depth=1..2", NULL};
    const char *axes_parts[4] = {"experiment.seed", "space.max_depth", "--out"};
    refuse(axes, axes_parts);
    const char *settings[] = {"--set", "space.max_depth=2", NULL};
    const char *settings_parts[4] = {"other settings", "seed=1", "space.max_depth: 3 -> 2"};
    refuse(settings, settings_parts);
    // What was there is as it was.
    expect(0, NULL);
}

Test(refused, a_folder_with_a_run_and_a_run_of_a_sweep)
{
    write_config(GOOD);
    const char *run[] = {"run", config, "--out", out, "--quiet", NULL};
    free(espalier_expect(0, run));
    write_config(GOOD "[sweep]\nexperiment.seed = 1..2\n");
    const char *parts[4] = {"holds a single run", "--out"};
    refuse(NULL, parts);
    const char *again[] = {espalier_binary(), "run", config, "--out", out, NULL};
    struct command command = {.arguments = again};
    struct command_result result = command_run(&command);
    cr_assert_eq(result.status, 2);
    cr_assert(strstr(result.err, "a.ini:14: [sweep]"), "%s", result.err);
    cr_assert(strstr(result.err, "espalier sweep"), "%s", result.err);
    command_free(&result);
}

Test(refused, a_run_in_the_folder_of_a_sweep)
{
    write_config(GOOD "[sweep]\nexperiment.seed = 1..2\n");
    expect(0, NULL);
    write_config(GOOD);
    const char *arguments[] = {espalier_binary(), "run", config, "--out", out, NULL};
    struct command command = {.arguments = arguments};
    struct command_result result = command_run(&command);
    cr_assert_eq(result.status, 2);
    cr_assert(strstr(result.err, "holds a sweep"), "%s", result.err);
    command_free(&result);
}
