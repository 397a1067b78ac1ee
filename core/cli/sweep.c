// SPDX-License-Identifier: Apache-2.0
// espalier sweep CONFIG: many runs from one configuration, over one pool of workers.
#include "sweep/sweep.h"

#include "cli/command.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/output.h"
#include "run/artifacts.h"
#include "run/out.h"
#include "sweep/display.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct option sweep_options[] = {
    {"dry-run", NULL, "lists the runs and estimates the time; runs nothing"},
    {"workers", "N", "the size of the pool; over [run] workers"},
    {"out", "DIR", "the sweep's out folder; over [run] out"},
    {"set", "SECTION.KEY=VALUE", "sets a key of the configuration; may be given again and again"},
    {"quiet", NULL, "no progress on standard error, failures and warnings alone"},
    {"json", NULL, "the index of runs as JSON (as sweep.json)"},
    {"plugins", "DIR", "a folder of plugins, looked at first"},
};

static uint64_t count_state(const struct sweep *sweep, enum sweep_state state)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < sweep->count; i++)
        count += sweep->runs[i].state == state;
    return count;
}

static esp_status open_sweep(struct sweep **out, struct registry *registry, struct options *options,
                             struct error *error)
{
    uint64_t set_count = 0;
    const char *const *sets = options_values(options, "set", &set_count);
    const char *workers = options_value(options, "workers");
    const char *folder = options_value(options, "out");
    struct config *config = NULL;
    esp_status status = config_load(&config, options_argument(options, 0), sets, set_count, error);
    if (status == ESP_OK && workers)
        status = config_set(config, "run", "workers", workers, error);
    if (status == ESP_OK && folder)
        status = config_set(config, "run", "out", folder, error);
    if (status == ESP_OK)
        return sweep_open(out, config, registry, error);
    config_destroy(config);
    return status;
}

// ---- --dry-run --------------------------------------------------------------------------------

static esp_status list_runs(const struct sweep *sweep, struct error *error)
{
    struct output_table table = {0};
    char text[DURATION_SIZE];
    output_row(&table);
    output_cell(&table, "run");
    output_cell(&table, "state");
    output_cell(&table, "time");
    for (uint64_t i = 0; i < sweep->count; i++) {
        const struct sweep_run *run = &sweep->runs[i];
        bool done = run->state == SWEEP_DONE;
        duration_text(text, done ? run->seconds : sweep_expected(sweep, run));
        output_row(&table);
        output_cell(&table, "%s", run->name);
        output_cell(&table, "%s", sweep_state_name(run->state));
        output_cell(&table, done ? "%s" : "about %s", text);
    }
    esp_status status = output_print(&table, error);
    output_destroy(&table);
    return status;
}

static esp_status dry_run(struct sweep *sweep, bool json, struct error *error)
{
    char text[DURATION_SIZE];
    esp_status status = sweep_measure(sweep, error);
    if (status == ESP_OK && json)
        return output_json(sweep_index(sweep), error);
    if (status == ESP_OK)
        status = list_runs(sweep, error);
    if (status != ESP_OK)
        return status;
    uint64_t done = count_state(sweep, SWEEP_DONE);
    bool finals = false;
    for (uint64_t i = 0; i < sweep->count; i++)
        finals |= sweep->runs[i].has_finals;
    if (done == sweep->count) {
        printf("\n%llu runs, all done\n", (unsigned long long)done);
        return output_flush(error);
    }
    duration_text(text, sweep_left(sweep));
    printf("\n%llu runs, %llu done; the rest takes about %s on %llu workers%s\n",
           (unsigned long long)sweep->count, (unsigned long long)done, text,
           (unsigned long long)sweep->workers,
           finals ? ", and final trainings besides where no run of a kind has finished" : "");
    return output_flush(error);
}

// ---- Running ----------------------------------------------------------------------------------

static esp_status print_summary(const struct sweep *sweep, bool json, struct error *error)
{
    uint64_t done = count_state(sweep, SWEEP_DONE), failed = count_state(sweep, SWEEP_FAILED);
    if (json)
        return output_json(sweep_index(sweep), error);
    printf("Sweep %s: %llu runs, %llu done", sweep->name, (unsigned long long)sweep->count,
           (unsigned long long)done);
    if (failed > 0)
        printf(", %llu failed", (unsigned long long)failed);
    if (done + failed < sweep->count)
        printf(", %llu left", (unsigned long long)(sweep->count - done - failed));
    printf("\n");
    for (uint64_t i = 0; i < sweep->count; i++)
        if (sweep->runs[i].state == SWEEP_FAILED)
            printf("  %s failed: %s\n", sweep->runs[i].name, sweep->runs[i].error);
    printf("Results: %s (espalier.db)\nLook further:\n  espalier results %s\n", sweep->out,
           sweep->out);
    return output_flush(error);
}

static esp_status run_sweep(struct sweep *sweep, const struct options *options, bool *interrupted,
                            struct error *error)
{
    int lock = -1;
    esp_status status = folder_make(sweep->out, error);
    if (status == ESP_ERROR_IO)
        status = error->status = ESP_ERROR_INVALID; // `out` names no place for a sweep: wrong use
    if (status == ESP_OK)
        status = out_lock(sweep->out, &lock, error);
    if (status == ESP_OK)
        status = sweep_look(sweep, error);
    if (status == ESP_OK)
        status = sweep_write_index(sweep, error);
    if (status == ESP_OK) {
        status = sweep_collect(sweep, error); // what an earlier command was killed over
        if (status == ESP_OK)
            status = sweep_run_all(sweep, options_given(options, "quiet"), interrupted, error);
        if (status == ESP_OK)
            status = sweep_collect(sweep, error);
        esp_status written = sweep_write_index(sweep, error);
        status = status == ESP_OK ? written : status;
        // The runs had their say: what ended the sweep itself is no wrong use.
        if (status != ESP_OK)
            status = error->status = ESP_ERROR;
    }
    if (status == ESP_OK)
        status = print_summary(sweep, options_given(options, "json"), error);
    if (lock >= 0)
        close(lock);
    return status;
}

// Ctrl-C before any run began; the pool has its own way with it.
static void on_early_interrupt(int number)
{
    (void)number;
    _exit(EXIT_INTERRUPTED);
}

int command_sweep(int argc, char **argv)
{
    struct options options;
    struct registry *registry = NULL;
    struct sweep *sweep = NULL;
    struct error error;
    bool interrupted = false;
    error_clear(&error);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, on_early_interrupt);
    signal(SIGTERM, on_early_interrupt);
    int result = options_parse(&options, "sweep CONFIG", sweep_options, ESP_COUNT(sweep_options), 1,
                               1, argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    esp_status status = registry_open(&registry, options_value(&options, "plugins"), &error);
    if (status == ESP_OK)
        status = open_sweep(&sweep, registry, &options, &error);
    if (status == ESP_OK && options_given(&options, "dry-run")) {
        status = sweep_look(sweep, &error);
        if (status == ESP_OK)
            status = dry_run(sweep, options_given(&options, "json"), &error);
        result = command_end(status, &error);
    } else {
        if (status == ESP_OK)
            status = run_sweep(sweep, &options, &interrupted, &error);
        result = command_end(status, &error);
        if (status == ESP_OK && interrupted) {
            fprintf(stderr, "interrupted; the same command goes on\n");
            result = EXIT_INTERRUPTED;
        } else if (status == ESP_OK && count_state(sweep, SWEEP_FAILED) > 0) {
            result = EXIT_NO_RESULT;
        }
    }
    sweep_close(sweep);
    registry_destroy(registry);
    options_destroy(&options);
    return result;
}
