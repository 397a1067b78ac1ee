// SPDX-License-Identifier: Apache-2.0
// One store for the sweep; see sweep.h. A run writes a store of its own while it goes on, so that a crash
// is its own and a kill costs nothing; when it has ended, its rows are moved to the sweep's store in one
// transaction, and only then its own store goes. Killed between, both have it: its own counts, and is
// moved again. A run that goes on after all is given a store of its own again first.
#include "sweep/sweep.h"

#include "error/fault.h"
#include "run/artifacts.h"
#include "run/out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool sweep_file_exists(const char *folder, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return false;
    bool found = access(path, F_OK) == 0;
    free(path);
    return found;
}

esp_status sweep_open_store(struct store **out, const struct sweep *sweep, enum store_access access,
                            struct error *error)
{
    return access == STORE_READ ? store_open_if_there(out, sweep->out, error)
                                : store_open(out, sweep->out, access, error);
}

// What a run said in its log goes to the sweep's, each line after the run's name.
static esp_status append_log(const struct sweep *sweep, const struct sweep_run *run,
                             struct error *error)
{
    char *from = NULL, *to = NULL, *line = NULL;
    size_t size = 0;
    FILE *log = NULL, *all = NULL;
    esp_status status = asprintf(&from, "%s/log.txt", run->folder) < 0 ||
                                asprintf(&to, "%s/log.txt", sweep->out) < 0
                            ? error_memory(error)
                            : ESP_OK;
    if (status == ESP_OK && (log = fopen(from, "re"))) {
        while (getline(&line, &size, log) > 0)
            if (all || (all = fopen(to, "ae")))
                fprintf(all, "%s: %s", run->name, line);
        bool failed = all && ferror(all);
        if (all && (fclose(all) != 0 || failed))
            status = error_set(error, ESP_ERROR_IO, "%s: cannot write", to);
        fclose(log);
    }
    free(line);
    free(from);
    free(to);
    return status;
}

// Of a run that has no store of its own any more. Weights and curves stay where they are.
static esp_status tidy(const struct sweep *sweep, const struct sweep_run *run, struct error *error)
{
    if (sweep_file_exists(run->folder, "artifacts"))
        return ESP_OK;
    esp_status status = append_log(sweep, run, error);
    if (status == ESP_OK)
        out_clear(run->folder);
    return status;
}

static esp_status clear_folder(const struct sweep *sweep, const struct sweep_run *run,
                               struct error *error)
{
    char *path = NULL;
    fault_point("collect-before");
    if (asprintf(&path, "%s/espalier.db", run->folder) < 0)
        return error_memory(error);
    esp_status status = ESP_OK;
    if (unlink(path) != 0)
        status = error_set(error, ESP_ERROR_IO, "%s: cannot remove it", path);
    free(path);
    fault_point("collect-after");
    return status == ESP_OK ? tidy(sweep, run, error) : status;
}

static esp_status collect_one(const struct sweep *sweep, struct sweep_run *run, struct store *store,
                              struct error *error)
{
    int lock = -1;
    esp_status status = out_lock(run->folder, &lock, error);
    if (status == ESP_OK)
        status = store_take_run(store, run->folder, run->name, error);
    if (status == ESP_OK)
        status = clear_folder(sweep, run, error);
    if (lock >= 0)
        close(lock);
    if (status != ESP_OK) {
        error_prefix(error, "%s: its results cannot be moved to %s: ", run->name, sweep->out);
        return status;
    }
    run->has_own_store = false;
    run->is_collected = true;
    return ESP_OK;
}

static bool is_to_collect(const struct sweep_run *run)
{
    return run->has_own_store && (run->state == SWEEP_DONE || run->state == SWEEP_FAILED);
}

esp_status sweep_collect(struct sweep *sweep, struct error *error)
{
    struct store *store = NULL;
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < sweep->count; i++) {
        const struct sweep_run *run = &sweep->runs[i];
        // A kill came between.
        if (run->is_collected && !run->has_own_store && run->state != SWEEP_RUNNING &&
            sweep_file_exists(run->folder, "."))
            status = tidy(sweep, run, error);
        if (status != ESP_OK || !is_to_collect(run))
            continue;
        if (!store)
            status = sweep_open_store(&store, sweep, STORE_WRITE, error);
        if (status == ESP_OK)
            status = collect_one(sweep, &sweep->runs[i], store, error);
    }
    store_close(store);
    char *runs = NULL;
    if (asprintf(&runs, "%s/runs", sweep->out) >= 0) {
        rmdir(runs); // where a run is in it, it stays
        free(runs);
    }
    return status;
}

esp_status sweep_give_back(struct sweep *sweep, struct sweep_run *run, struct error *error)
{
    struct store *store = NULL;
    if (run->has_own_store || !run->is_collected)
        return ESP_OK;
    esp_status status = folder_make(run->folder, error);
    if (status == ESP_OK)
        status = sweep_open_store(&store, sweep, STORE_WRITE, error);
    if (status == ESP_OK)
        status = store_give_run(store, run->folder, run->name, error);
    store_close(store);
    if (status == ESP_OK)
        run->has_own_store = true;
    return status;
}
