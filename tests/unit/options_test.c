// SPDX-License-Identifier: Apache-2.0
// The option parser: every form that a person may write, and every one that is refused.
#include "cli/options.h"

#include "support/folder.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <string.h>

static const struct option table[] = {
    {"json", NULL, "as JSON"},
    {"out", "DIR", "where to"},
    {"set", "KEY=VALUE", "sets a key"},
    {"o", "FILE", "a file"},
};

static struct options options;

// Words separated by blanks; the first is the command's name.
static int parse(const char *line, uint64_t least, uint64_t most)
{
    static char copy[1024], *argv[80];
    int argc = 0;
    strcpy(copy, line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    return options_parse(&options, "run CONFIG", table, sizeof table / sizeof table[0], least, most,
                         argc, argv);
}

Test(options, forms)
{
    cr_assert_eq(parse("run a.ini --out x --json -o f", 1, 1), OPTIONS_GO_ON);
    cr_expect_str_eq(options_argument(&options, 0), "a.ini");
    cr_expect_null(options_argument(&options, 1));
    cr_expect_str_eq(options_value(&options, "out"), "x");
    cr_expect_str_eq(options_value(&options, "o"), "f");
    cr_expect(options_given(&options, "json"));
    cr_expect_not(options_given(&options, "set"));
    cr_expect_null(options_value(&options, "set"));

    cr_assert_eq(parse("run --out=x=y -o=f a.ini", 1, 1), OPTIONS_GO_ON);
    cr_expect_str_eq(options_value(&options, "out"), "x=y");
    cr_expect_str_eq(options_value(&options, "o"), "f");
    cr_assert_eq(parse("run --out= a.ini", 1, 1), OPTIONS_GO_ON);
    cr_expect_str_eq(options_value(&options, "out"), "");
    cr_assert_eq(parse("run --out - a.ini", 1, 1), OPTIONS_GO_ON);
    cr_expect_str_eq(options_value(&options, "out"), "-");
    cr_assert_eq(parse("run --out -1 -", 1, 1), OPTIONS_GO_ON);
    cr_expect_str_eq(options_value(&options, "out"), "-1", "a negative number is a value");
    cr_expect_str_eq(options_argument(&options, 0), "-");
    cr_assert_eq(parse("run --out=--json a.ini", 1, 1), OPTIONS_GO_ON);
    cr_expect_str_eq(options_value(&options, "out"), "--json");
    cr_expect_not(options_given(&options, "json"));
    cr_assert_eq(parse("run --json -- --out -o", 2, 2), OPTIONS_GO_ON);
    cr_expect_str_eq(options_argument(&options, 0), "--out");
    cr_expect_str_eq(options_argument(&options, 1), "-o");
}

Test(options, given_again_and_again)
{
    uint64_t count = 0;
    cr_assert_eq(parse("run --set a=1 a.ini --set b=2 --out x --set=c=3 --out y", 1, 1),
                 OPTIONS_GO_ON);
    const char *const *values = options_values(&options, "set", &count);
    cr_assert_eq(count, 3);
    cr_expect_str_eq(values[0], "a=1");
    cr_expect_str_eq(values[1], "b=2");
    cr_expect_str_eq(values[2], "c=3");
    cr_expect_str_eq(options_value(&options, "out"), "y", "the last one holds");
    options_values(&options, "json", &count);
    cr_expect_eq(count, 0);
}

// What is said on standard error.
static const struct {
    const char *line, *words;
} refused[] = {
    {"run a.ini --jsn", "unknown option '--jsn'; did you mean '--json'?"},
    {"run a.ini --ot=x", "unknown option '--ot=x'; did you mean '--out'?"},
    {"run a.ini --hlep", "unknown option '--hlep'; did you mean '--help'?"},
    {"run a.ini --xyzzyxyzzy", "unknown option '--xyzzyxyzzy'\nusage: espalier run CONFIG"},
    {"run a.ini -json", "unknown option '-json'; did you mean '--json'?"},
    {"run a.ini --o f", "unknown option '--o'; did you mean '-o'?"},
    {"run a.ini --js", "unknown option '--js'"},
    {"run a.ini --json=yes", "no value goes with '--json=yes'"},
    {"run a.ini --out", "a value is missing after '--out'"},
    {"run a.ini --out --json", "a value is missing after '--out'"},
    {"run a.ini -o", "a value is missing after '-o'"},
    {"run", "an argument is missing\nusage: espalier run CONFIG"},
    {"run --json", "an argument is missing"},
    {"run a.ini b.ini", "one argument too many: 'b.ini'"},
};

Test(options, what_is_refused, .init = cr_redirect_stderr)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        cr_expect_eq(parse(refused[i].line, 1, 1), 2, "%s", refused[i].line);
        fprintf(stderr, "END\n");
    }
    fflush(stderr);
    char text[8192], *rest = text;
    size_t size = fread(text, 1, sizeof text - 1, cr_get_redirected_stderr());
    text[size] = '\0';
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char *end = strstr(rest, "END\n");
        cr_assert_not_null(end);
        *end = '\0';
        cr_expect(strstr(rest, refused[i].words), "%s: '%s' is not in '%s'", refused[i].line,
                  refused[i].words, rest);
        rest = end + 4;
    }
}

Test(options, more_than_there_is_room_for, .init = cr_redirect_stderr)
{
    char line[1024] = "run a.ini";
    for (int i = 0; i < OPTIONS_MOST; i++)
        strcat(line, " --json");
    cr_expect_eq(parse(line, 1, 1), OPTIONS_GO_ON);
    strcat(line, " --json");
    cr_expect_eq(parse(line, 1, 1), 2);
}

Test(options, help_is_made_from_the_table, .init = cr_redirect_stdout)
{
    cr_expect_eq(parse("run --json --help", 1, 1), 0, "though the argument is missing");
    fflush(stdout);
    char text[2048];
    size_t size = fread(text, 1, sizeof text - 1, cr_get_redirected_stdout());
    text[size] = '\0';
    cr_expect_str_eq(text, "usage: espalier run CONFIG [options]\n"
                           "  --json           as JSON\n"
                           "  --out DIR        where to\n"
                           "  --set KEY=VALUE  sets a key\n"
                           "  -o FILE          a file\n"
                           "  --help           this page\n");
}
