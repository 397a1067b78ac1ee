// SPDX-License-Identifier: Apache-2.0
// Options of a command line; see options.h.
#include "cli/options.h"

#include "text/nearest.h"

#include <stdio.h>
#include <string.h>

static const char *dashes(const char *name)
{
    return name[0] && !name[1] ? "-" : "--";
}

static void print_help(const char *usage, const struct option *table, uint64_t count)
{
    int width = (int)strlen("--help");
    for (uint64_t i = 0; i < count; i++) {
        const char *value = table[i].value_name ? table[i].value_name : "";
        int length = (int)(strlen(dashes(table[i].name)) + strlen(table[i].name) + strlen(value)) +
                     (table[i].value_name ? 1 : 0);
        width = length > width ? length : width;
    }
    printf("usage: espalier %s [options]\n", usage);
    for (uint64_t i = 0; i < count; i++) {
        int length =
            printf("  %s%s%s%s", dashes(table[i].name), table[i].name,
                   table[i].value_name ? " " : "", table[i].value_name ? table[i].value_name : "");
        printf("%*s  %s\n", width + 2 - length, "", table[i].help);
    }
    printf("  %-*s  this page\n", width, "--help");
}

static int wrong_use(const char *usage, const char *what, const char *word)
{
    fprintf(stderr, "espalier: %s '%s'\nusage: espalier %s [options]; --help says more\n", what,
            word, usage);
    return 2;
}

static int unknown_option(const struct options *options, const char *usage, const char *word)
{
    const char *names[OPTIONS_MOST] = {"help"};
    char name[128];
    const char *start = word + strspn(word, "-");
    uint64_t count = 1;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(start, "="), start);
    for (uint64_t i = 0; i < options->table_count && count < OPTIONS_MOST; i++)
        names[count++] = options->table[i].name;
    const char *nearest = text_nearest(name, names, count);
    if (!nearest)
        return wrong_use(usage, "unknown option", word);
    fprintf(stderr, "espalier: unknown option '%s'; did you mean '%s%s'?\n", word, dashes(nearest),
            nearest);
    return 2;
}

// The option that a word with dashes names; `*value` behind its `=`, or NULL.
static const struct option *find(const struct options *options, const char *word,
                                 const char **value)
{
    const char *name = word + (word[1] == '-' ? 2 : 1);
    const char *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    *value = equals ? equals + 1 : NULL;
    for (uint64_t i = 0; i < options->table_count; i++) {
        const char *known = options->table[i].name;
        if (strlen(known) == length && strncmp(known, name, length) == 0 &&
            strlen(dashes(known)) == (size_t)(name - word))
            return &options->table[i];
    }
    return NULL;
}

// Takes the option at argv[*i], and its value.
static int take_option(struct options *options, const char *usage, int argc, char **argv, int *i)
{
    const char *word = argv[*i], *value;
    const struct option *option = find(options, word, &value);
    if (!option)
        return unknown_option(options, usage, word);
    if (!option->value_name && value)
        return wrong_use(usage, "no value goes with", word);
    if (option->value_name && !value && *i + 1 < argc && strncmp(argv[*i + 1], "--", 2) != 0)
        value = argv[++*i];
    if (option->value_name && !value)
        return wrong_use(usage, "a value is missing after", word);
    if (options->given_count == OPTIONS_MOST)
        return wrong_use(usage, "too many options at", word);
    options->given[options->given_count].option = option;
    options->given[options->given_count++].value = value;
    return OPTIONS_GO_ON;
}

int options_parse(struct options *out, const char *usage, const struct option *table,
                  uint64_t table_count, uint64_t least, uint64_t most, int argc, char **argv)
{
    bool only_arguments = false;
    memset(out, 0, sizeof *out);
    out->table = table;
    out->table_count = table_count;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (!only_arguments && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            print_help(usage, table, table_count);
            return 0;
        }
        if (!only_arguments && strcmp(word, "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && word[0] == '-' && word[1] != '\0') {
            int result = take_option(out, usage, argc, argv, &i);
            if (result != OPTIONS_GO_ON)
                return result;
        } else if (out->argument_count == most || out->argument_count == OPTIONS_MOST) {
            return wrong_use(usage, "one argument too many:", word);
        } else {
            out->arguments[out->argument_count++] = word;
        }
    }
    if (out->argument_count < least) {
        fprintf(stderr,
                "espalier: an argument is missing\n"
                "usage: espalier %s [options]; --help says more\n",
                usage);
        return 2;
    }
    return OPTIONS_GO_ON;
}

void options_destroy(struct options *options)
{
    memset(options, 0, sizeof *options);
}

bool options_given(const struct options *options, const char *name)
{
    for (uint64_t i = 0; i < options->given_count; i++)
        if (strcmp(options->given[i].option->name, name) == 0)
            return true;
    return false;
}

const char *options_value(const struct options *options, const char *name)
{
    const char *value = NULL;
    for (uint64_t i = 0; i < options->given_count; i++)
        if (strcmp(options->given[i].option->name, name) == 0)
            value = options->given[i].value;
    return value;
}

const char *const *options_values(struct options *options, const char *name, uint64_t *count)
{
    *count = 0;
    for (uint64_t i = 0; i < options->given_count; i++)
        if (strcmp(options->given[i].option->name, name) == 0)
            options->values[(*count)++] = options->given[i].value;
    return options->values;
}

const char *options_argument(const struct options *options, uint64_t i)
{
    return i < options->argument_count ? options->arguments[i] : NULL;
}
