// SPDX-License-Identifier: Apache-2.0
// Which build of a plugin a run takes: places that others can write, pins, a plugin that shadows
// another, and a resume with another build.
#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *folder;

static const char ini[] = "[space]\nplugin = box\n[strategy]\nplugin = random\n"
                          "[estimator]\nplugin = nk_landscape\n[objective]\nmaximize = fitness\n"
                          "[budget]\ntrials = 4\n[run]\nworkers = 1\n[final]\nretrain = none\n";

// Copies the plugin into `folder/own`; with one byte more it is another build.
static void copy_plugin(const char *name, bool another)
{
    char from[512], to[512];
    static char bytes[16 << 20];
    snprintf(from, sizeof from, "%s/%s.so", getenv("ESPALIER_PLUGINS"), name);
    snprintf(to, sizeof to, "%s/own/%s.so", folder, name);
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    cr_assert(in && out, "%s", from);
    size_t size = fread(bytes, 1, sizeof bytes, in);
    cr_assert(size > 0 && size < sizeof bytes);
    fwrite(bytes, 1, size, out);
    if (another)
        fputc(0, out);
    fclose(in);
    fclose(out);
}

static void begin(void)
{
    folder = folder_temporary();
    cr_assert_eq(mkdir(folder_fill(folder, "%/own"), 0755), 0);
    free(folder_write(folder, "run.ini", ini));
}

static void end(void)
{
    folder_delete(folder);
}

TestSuite(builds, .init = begin, .fini = end);

// `espalier run CONFIG --out FOLDER/OUT` and what follows (up to three words).
static struct command_result run(const char *config, const char *out, bool own, const char *a,
                                 const char *b)
{
    char *paths[2] = {NULL, NULL};
    if (asprintf(&paths[0], "%s/%s", folder, config) < 0 ||
        asprintf(&paths[1], "%s/%s", folder, out) < 0)
        abort();
    const char *arguments[12] = {espalier_binary(), "run", paths[0], "--out", paths[1], "--quiet"};
    size_t count = 6;
    char plugins[512];
    if (own) {
        snprintf(plugins, sizeof plugins, "%s/own", folder);
        arguments[count++] = "--plugins";
        arguments[count++] = plugins;
    }
    arguments[count++] = a;
    arguments[a ? count++ : count] = b;
    struct command_result result = command_run(&(struct command){.arguments = arguments});
    free(paths[0]);
    free(paths[1]);
    return result;
}

static void expect(struct command_result result, int status, const char *words)
{
    cr_expect_eq(result.status, status, "status %d, expected %d: %s", result.status, status,
                 result.err);
    if (words)
        cr_expect(strstr(result.err, words), "%s\nexpected: %s", result.err, words);
    command_free(&result);
}

// The configuration that a run leaves behind repeats it with the same builds, and with no others.
Test(builds, a_resolved_configuration_pins_what_the_run_used)
{
    expect(run("run.ini", "out", false, NULL, NULL), 0, NULL);
    char *text = file_text(folder_fill(folder, "%/out/config.ini"));
    cr_assert_not_null(text);
    cr_expect(strstr(text, "[plugins]\npin = space/box "), "%s", text);
    cr_expect(strstr(text, "strategy/random "));
    free(text);
    expect(run("out/config.ini", "again", false, NULL, NULL), 0, NULL);
    // Equal bytes elsewhere are the same build.
    copy_plugin("random", false);
    expect(run("out/config.ini", "copy", true, NULL, NULL), 0, NULL);
    copy_plugin("random", true);
    expect(run("out/config.ini", "other", true, NULL, NULL), 2,
           "the strategy 'random' is another build than [plugins] pin says: ");
    // A run that goes on takes another build no more than that, and a new one may drop the pins.
    expect(run("run.ini", "out", true, "--resume", NULL), 2,
           "the strategy random is another build than the run began with");
    expect(run("out/config.ini", "free", true, "--set", "plugins.pin="), 0, NULL);
}

Test(builds, pins_are_read_with_care)
{
    static const char digits[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF";
    const struct {
        const char *pin, *words;
    } rows[] = {
        {"random %s", "[plugins] pin"}, // the section is told below
        {"strategy/random %s", "has SHA-256"},
        {"randm %s", "there is no plugin 'randm'; did you mean 'random'?"},
        {"space/random %s", "there is no plugin 'random' of the kind space"},
        {"sort/random %s", "expected a kind (space, strategy, ...) before the '/'"},
        {"random", "expected ID and the 64 hex digits"},
        {"random 0123", "expected ID and the 64 hex digits"},
        {"chain %s", NULL}, // another space than the run's
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char pin[160], set[192], out[16];
        const char *mark = strstr(rows[i].pin, "%s");
        snprintf(pin, sizeof pin, "%.*s%s", mark ? (int)(mark - rows[i].pin) : 99, rows[i].pin,
                 mark ? digits : "");
        snprintf(set, sizeof set, "plugins.pin=%s", pin);
        snprintf(out, sizeof out, "out%zu", i);
        expect(run("run.ini", out, false, "--set", set), rows[i].words ? 2 : 0, rows[i].words);
    }
}

Test(builds, a_plugin_that_shadows_another_is_said)
{
    copy_plugin("random", true);
    copy_plugin("tpe", true); // which the run does not use
    struct command_result result = run("run.ini", "out", true, NULL, NULL);
    cr_assert_eq(result.status, 0, "%s", result.err);
    command_free(&result);
    char *log = file_text(folder_fill(folder, "%/out/log.txt")), words[700];
    snprintf(words, sizeof words, "the strategy random is that of %s/own/random.so, which shadows ",
             folder);
    cr_expect(strstr(log, words), "%s", log);
    cr_expect_null(strstr(log, "tpe"), "%s", log);
    free(log);
    char *list = espalier_expect(0, (const char *const[]){"list", "strategy", "--plugins",
                                                          folder_fill(folder, "%/own"), NULL});
    snprintf(words, sizeof words, "shadowed by %s/own/random.so", folder);
    cr_expect(strstr(list, words), "%s", list);
    free(list);
}

// Nothing of the file is run: the run names who can write it.
Test(builds, a_place_that_others_can_write_is_refused)
{
    copy_plugin("random", false);
    cr_assert_eq(chmod(folder_fill(folder, "%/own/random.so"), 0666), 0);
    expect(run("run.ini", "file", true, NULL, NULL), 2,
           "random.so can be written by everybody (mode 0666, owner ");
    cr_assert_eq(chmod(folder_fill(folder, "%/own/random.so"), 0644), 0);
    expect(run("run.ini", "mended", true, NULL, NULL), 0, NULL);
    cr_assert_eq(chmod(folder_fill(folder, "%/own"), 0777), 0);
    expect(run("run.ini", "folder", true, NULL, NULL), 2,
           "own can be written by everybody (mode 0777, owner ");
}
