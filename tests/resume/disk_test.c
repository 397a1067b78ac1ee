// SPDX-License-Identifier: Apache-2.0
// A full disk and a folder that may not be written end a run with status 1 and the reason, in the
// coordinator or in a worker, and cost no trial: once there is room, a resume ends in the same bits as
// a run that nothing befell. The disk is a small tmpfs of a mount namespace, and permissions hold for
// root too in a user namespace; where these may not be made, the tests are skipped.
#include "outcome.h"

#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *folder, *config, *expected;
static char kept[512];

static void begin(void)
{
    char out[512];
    folder = folder_temporary();
    config = outcome_config(folder);
    snprintf(out, sizeof out, "%s/whole", folder);
    outcome_run(config, out, "2", "local");
    expected = outcome_text(out);
}

static void end(void)
{
    free(expected);
    free(config);
    folder_delete(folder);
}

static struct command_result run_script(const char *const *prefix, const char *script,
                                        const char *name, const char *parameter)
{
    char binary[512], configuration[600], place[600], copy[600], value[64];
    snprintf(binary, sizeof binary, "BINARY=%s", espalier_binary());
    snprintf(configuration, sizeof configuration, "CONFIG=%s", config);
    snprintf(place, sizeof place, "PLACE=%s/%s", folder, name);
    snprintf(kept, sizeof kept, "%s/%s-kept", folder, name);
    snprintf(copy, sizeof copy, "KEPT=%s", kept);
    snprintf(value, sizeof value, "PARAMETER=%s", parameter);
    const char *arguments[8] = {0};
    int count = 0;
    while (prefix[count]) {
        arguments[count] = prefix[count];
        count++;
    }
    arguments[count++] = "sh";
    arguments[count++] = "-c";
    arguments[count] = script;
    const char *environment[] = {binary, configuration, place, copy, value, NULL};
    struct command command = {.arguments = arguments, .environment = environment};
    return command_run(&command);
}

// True where the system lets a test do this.
static bool allowed(const char *const *prefix, const char *script)
{
    struct command_result result = run_script(prefix, script, "allowed", "");
    bool yes = result.status == 0;
    if (!yes)
        fprintf(stderr, "skipped: no namespaces here: %s", result.err);
    command_free(&result);
    return yes;
}

static void check(const struct command_result *result, const char *reason)
{
    cr_assert_eq(result->status, 0, "status %d\n%s%s", result->status, result->out, result->err);
    cr_assert(strstr(result->out, "first 1\nsecond 0\n"), "%s%s", result->out, result->err);
    cr_assert(strstr(result->err, reason), "'%s' in\n%s", reason, result->err);
    char *text = outcome_text(kept);
    cr_assert_str_eq(text, expected);
    free(text);
}

static const char *const in_mount_namespace[] = {"unshare", "--map-root-user", "--mount", NULL};

static const char full_disk[] =
    "mkdir \"$PLACE\" && mount -t tmpfs -o size=${PARAMETER}k none \"$PLACE\" || exit 77\n"
    "out=$PLACE/run\n"
    "\"$BINARY\" run \"$CONFIG\" --out \"$out\" --quiet >/dev/null; echo first $?\n"
    "mount -o remount,size=64m \"$PLACE\"\n"
    "\"$BINARY\" run \"$CONFIG\" --out \"$out\" --quiet --resume >/dev/null; echo second $?\n"
    "cp -r \"$out\" \"$KEPT\"\n";

Test(disk, a_full_one_ends_the_run_and_costs_no_trial, .init = begin, .fini = end)
{
    // From a store that does not fit to a last checkpoint that does not.
    static const char *const sizes[] = {"100", "160", "220", "280", "340"};
    if (!allowed(in_mount_namespace, "mount -t tmpfs none /mnt"))
        return;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct command_result result =
            run_script(in_mount_namespace, full_disk, sizes[i], sizes[i]);
        check(&result, "");
        command_free(&result);
    }
}

// Where there are no namespaces too: no file may grow beyond a limit (in blocks of 512 bytes).
static const char limited_files[] =
    "mkdir \"$PLACE\" || exit 77\n"
    "out=$PLACE/run\n"
    "(trap '' XFSZ; ulimit -f $PARAMETER\n"
    "exec \"$BINARY\" run \"$CONFIG\" --out \"$out\" --quiet >/dev/null); echo first $?\n"
    "\"$BINARY\" run \"$CONFIG\" --out \"$out\" --quiet --resume >/dev/null; echo second $?\n"
    "cp -r \"$out\" \"$KEPT\"\n";

Test(disk, files_that_may_not_grow_end_the_run_and_cost_no_trial, .init = begin, .fini = end)
{
    static const char *const none[] = {NULL};
    static const char *const limits[] = {"120", "160", "200"};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct command_result result = run_script(none, limited_files, limits[i], limits[i]);
        check(&result, "espalier.db");
        command_free(&result);
    }
}

// Root's own files, but without root's leave to write whatever it likes.
static const char *const without_privileges[] = {"unshare", "--user", "--map-user=1000",
                                                 "--map-group=1000", NULL};

// While the run goes on, once its first trial is in.
static const char closed_folder[] =
    "mkdir \"$PLACE\" || exit 77\n"
    "out=$PLACE/run\n"
    "\"$BINARY\" run \"$CONFIG\" --out \"$out\" --quiet >/dev/null & run=$!\n"
    "until [ -d \"$out/artifacts/0\" ]; do sleep 0.01; done\n"
    "chmod 555 \"$out/artifacts$PARAMETER\"\n"
    "wait $run; echo first $?\n"
    "chmod 755 \"$out/artifacts$PARAMETER\"\n"
    "\"$BINARY\" run \"$CONFIG\" --out \"$out\" --quiet --resume >/dev/null; echo second $?\n"
    "cp -r \"$out\" \"$KEPT\"\n";

Test(disk, a_folder_that_may_not_be_written_ends_the_run, .init = begin, .fini = end)
{
    static const char *const folders[] = {"", "/.attempts"};
    if (!allowed(without_privileges,
                 "d=$(mktemp -d); chmod 555 $d; ! touch $d/x 2>&1; s=$?; rmdir $d; exit $s"))
        return;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        struct command_result result =
            run_script(without_privileges, closed_folder, i ? "attempts" : "artifacts", folders[i]);
        check(&result, "Permission denied");
        command_free(&result);
    }
}

// What is wrong before the run begins is told with the status of wrong use.
Test(disk, an_out_folder_that_cannot_be_made_is_refused, .init = begin, .fini = end)
{
    static const char script[] = "mkdir \"$PLACE\" && chmod 555 \"$PLACE\" || exit 77\n"
                                 "\"$BINARY\" run \"$CONFIG\" --out \"$PLACE/run\" --quiet\n"
                                 "echo first $?; chmod 755 \"$PLACE\"\n";
    if (!allowed(without_privileges, "true"))
        return;
    struct command_result result = run_script(without_privileges, script, "closed", "");
    cr_assert(strstr(result.out, "first 2\n"), "%s%s", result.out, result.err);
    cr_assert(strstr(result.err, "closed/run: cannot make this folder: Permission denied"), "%s",
              result.err);
    command_free(&result);
}
