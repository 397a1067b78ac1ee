// SPDX-License-Identifier: Apache-2.0
// The program: finds the command and calls it.
#include "cli/command.h"
#include "text/nearest.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help; // NULL: not shown
} commands[] = {
    {"run", command_run, "one search, from its configuration to its summary"},
    {"results", command_results, "the table of trials of a run, the best, the Pareto front"},
    {"show", command_show, "one trial: architecture, curve, metrics, provenance"},
    {"arch", command_arch, "an architecture of a space: decisions, hash, params, macs, shapes"},
    {"eval", command_eval, "one trial, alone"},
    {"train", command_train, "train one architecture in full"},
    {"export", command_export, "take a trial's network elsewhere (json, dot)"},
    {"list", command_list, "plugins found, and where"},
    {"describe", command_describe, "a plugin and its parameters"},
    {"inspect", command_inspect, "what a plugin's note says, with no code of it run"},
    {"worker", command_worker, NULL},
};

static void print_help(void)
{
    printf("usage: espalier COMMAND ...\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (commands[i].help)
            printf("  %-10s %s\n", commands[i].name, commands[i].help);
    printf("\nespalier COMMAND --help says more; espalier --version\n");
}

int main(int argc, char **argv)
{
    const char *names[sizeof commands / sizeof commands[0]];
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help();
        return argc < 2 ? EXIT_WRONG_USE : EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("espalier %s\n", ESPALIER_VERSION);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
        names[i] = commands[i].name;
    }
    const char *nearest = text_nearest(argv[1], names, sizeof names / sizeof names[0]);
    fprintf(stderr, "espalier: there is no command '%s'", argv[1]);
    if (nearest)
        fprintf(stderr, "; did you mean '%s'?", nearest);
    fprintf(stderr, "\nespalier --help shows all\n");
    return EXIT_WRONG_USE;
}
