// SPDX-License-Identifier: Apache-2.0
// The program: finds the command and calls it.
#include "cli/command.h"
#include "text/nearest.h"

#include <espalier/version.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;   // NULL: not shown
    bool takes_plugins; // has the option --plugins
};

static const struct command commands[] = {
    {"run", command_run, "one search, from its configuration to its summary", true},
    {"sweep", command_sweep, "many runs from one configuration, over one pool of workers", true},
    {"results", command_results, "the table of trials of a run, the best, the Pareto front", false},
    {"report", command_report, "one page that shows runs and compares their methods", true},
    {"show", command_show, "one trial: architecture, curve, metrics, provenance", false},
    {"arch", command_arch, "an architecture of a space: decisions, hash, params, macs, shapes",
     true},
    {"eval", command_eval, "one trial, alone", true},
    {"train", command_train, "train one architecture in full", true},
    {"bench", command_bench, "measured speed, latency and memory of one architecture", true},
    {"export", command_export, "take a trial's network elsewhere (ONNX, PyTorch, safetensors)",
     true},
    {"list", command_list, "plugins found, and where", true},
    {"describe", command_describe, "a plugin and its parameters", true},
    {"inspect", command_inspect, "what a plugin's note says, with no code of it run", false},
    {"check", command_check, "the conformance suite over a plugin's file", false},
    {"new", command_new, "a plugin project: source, test, configuration, README", false},
    {"worker", command_worker, NULL, false},
    {"check-worker", command_check_worker, NULL, false},
    {"plugin-guard", command_plugin_guard, NULL, false},
    {"foreign-optimizer", command_foreign_optimizer, NULL, false},
};

static void print_help(void)
{
    printf("usage: espalier COMMAND ...\n\n");
    for (size_t i = 0; i < ESP_COUNT(commands); i++)
        if (commands[i].help)
            printf("  %-10s %s\n", commands[i].name, commands[i].help);
    printf("\n  espalier COMMAND --help   its arguments and options\n"
           "  espalier --version        the program's version and that of its plugin interface\n"
           "  espalier --plugins DIR COMMAND ...   a folder of plugins, looked at first\n");
}

static const struct command *find_command(const char *name)
{
    const char *names[ESP_COUNT(commands)];
    uint64_t count = 0;
    for (size_t i = 0; i < ESP_COUNT(commands); i++) {
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
        if (commands[i].help)
            names[count++] = commands[i].name;
    }
    const char *nearest = text_nearest(name, names, count);
    fprintf(stderr, "espalier: there is no %s '%s'", name[0] == '-' ? "option" : "command", name);
    if (nearest)
        fprintf(stderr, "; did you mean '%s'?", nearest);
    fprintf(stderr, "\nespalier --help shows all\n");
    return NULL;
}

// `espalier --plugins DIR COMMAND ...` is `espalier COMMAND --plugins DIR ...`: the folder changes
// places with the command.
static int run_with_plugins(int argc, char **argv)
{
    bool joined = strncmp(argv[1], "--plugins=", 10) == 0;
    int at = joined ? 2 : 3; // of the command
    if (argc <= at) {
        fprintf(stderr, "espalier: expected --plugins DIR COMMAND\n");
        return EXIT_WRONG_USE;
    }
    const struct command *command = find_command(argv[at]);
    if (!command)
        return EXIT_WRONG_USE;
    if (!command->takes_plugins) {
        fprintf(stderr, "espalier: %s loads no plugins: --plugins does not go with it\n",
                command->name);
        return EXIT_WRONG_USE;
    }
    char *name = argv[at];
    memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof *argv);
    argv[1] = name;
    return command->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help();
        return argc < 2 ? EXIT_WRONG_USE : EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("espalier %s (ABI %u.%u)\n", ESPALIER_VERSION, ESP_ABI_MAJOR, ESP_ABI_MINOR);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--plugins") == 0 || strncmp(argv[1], "--plugins=", 10) == 0)
        return run_with_plugins(argc, argv);
    const struct command *command = find_command(argv[1]);
    return command ? command->run(argc - 1, argv + 1) : EXIT_WRONG_USE;
}
