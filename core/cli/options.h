// SPDX-License-Identifier: Apache-2.0
// Options of a command line, from a table: `--name value`, `--name=value`, flags, `-o FILE` for a name
// of one letter, and --help made from the table.
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct option {
    const char *name;       // without dashes
    const char *value_name; // NULL: a flag
    const char *help;
};

#define OPTIONS_MOST 64

struct options {
    const struct option *table;
    uint64_t table_count;
    // What was given, in order: pointers into argv.
    struct {
        const struct option *option;
        const char *value;
    } given[OPTIONS_MOST];
    uint64_t given_count;
    const char *arguments[OPTIONS_MOST];
    uint64_t argument_count;
    const char *values[OPTIONS_MOST]; // of the last options_values
};

// What options_parse answers where the command is to go on; else it is the exit status: 0 after
// --help, 2 after wrong use, which was said on standard error.
#define OPTIONS_GO_ON (-1)

// `usage`: the command and its arguments, "run CONFIG". `least`, `most`: how many arguments. A value
// that begins with two dashes is given as --name=value; behind `--` all are arguments.
int options_parse(struct options *out, const char *usage, const struct option *table,
                  uint64_t table_count, uint64_t least, uint64_t most, int argc, char **argv);
void options_destroy(struct options *options);

bool options_given(const struct options *options, const char *name);
// The last value given, or NULL.
const char *options_value(const struct options *options, const char *name);
// All values given, in order; valid until the next call.
const char *const *options_values(struct options *options, const char *name, uint64_t *count);
const char *options_argument(const struct options *options, uint64_t i);

#endif
