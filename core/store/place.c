// SPDX-License-Identifier: Apache-2.0
// Where the rows of a run are: in a store of its own, or in that of its sweep, which takes runs over as
// they end; see store.h.
#include "store/statement.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool exists(const char *folder, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return false;
    bool found = access(path, F_OK) == 0;
    free(path);
    return found;
}

// Takes "SWEEP/runs/LABEL" apart. `*label` lies in `*sweep`. Owner: the caller (free).
static bool take_apart(char **sweep, char **label, const char *folder)
{
    char *text = strdup(folder);
    for (size_t n = text ? strlen(text) : 0; n > 1 && text[n - 1] == '/'; n--)
        text[n - 1] = '\0';
    char *last = text ? strrchr(text, '/') : NULL;
    if (last) {
        *last = '\0';
        char *runs = strrchr(text, '/');
        if (strcmp(runs ? runs + 1 : text, "runs") == 0) {
            if (runs)
                *runs = '\0';
            *label = last + 1;
            *sweep = text;
            if (!runs)
                strcpy(text, "."); // "runs" had more room
            else if (runs == text)
                strcpy(text, "/");
            return true;
        }
    }
    free(text);
    return false;
}

esp_status store_holds(struct store *store, const char *label, bool *out, struct error *error)
{
    sqlite3_stmt *select = store_prepare(
        store, label ? "SELECT 1 FROM run WHERE label = ?1" : "SELECT 1 FROM run LIMIT 1", error);
    if (!select)
        return ESP_ERROR_IO;
    if (label)
        bind_text(select, 1, label);
    int code = sqlite3_step(select);
    *out = code == SQLITE_ROW;
    esp_status status =
        code == SQLITE_ROW || code == SQLITE_DONE ? ESP_OK : store_fail(store, error);
    sqlite3_finalize(select);
    return status;
}

esp_status store_open_if_there(struct store **out, const char *folder, struct error *error)
{
    struct error words;
    error_clear(&words);
    *out = NULL;
    if (!exists(folder, "espalier.db"))
        return ESP_OK;
    esp_status status = store_open(out, folder, STORE_READ, &words);
    // Killed between the file's making and its tables'.
    if (status != ESP_OK && strstr(words.message, "no store of Espalier"))
        return ESP_OK;
    if (status != ESP_OK)
        *error = words;
    return status;
}

// The sweep's store, where it has the run; else `*out` stays NULL.
static esp_status open_of_sweep(struct store **out, const char *folder, enum store_access access,
                                struct error *error)
{
    char *sweep = NULL, *label = NULL;
    bool held = false;
    if (!take_apart(&sweep, &label, folder))
        return ESP_OK;
    esp_status status = ESP_OK;
    if (exists(sweep, "sweep.json"))
        status = store_open_if_there(out, sweep, error);
    if (status == ESP_OK && *out)
        status = store_holds(*out, label, &held, error);
    if (status == ESP_OK && held && access == STORE_WRITE) {
        store_close(*out);
        *out = NULL;
        status = store_open(out, sweep, STORE_WRITE, error);
    }
    if (status == ESP_OK && held && !((*out)->label = strdup(label)))
        status = error_memory(error);
    if (status != ESP_OK || !held) {
        store_close(*out);
        *out = NULL;
    }
    free(sweep);
    return status;
}

esp_status store_open_run(struct store **out, const char *folder, enum store_access access,
                          struct error *error)
{
    struct store *own = NULL, *of_sweep = NULL;
    struct error words;
    error_clear(&words);
    bool held = false;
    *out = NULL;
    if (exists(folder, "sweep.json"))
        return error_set(error, ESP_ERROR_INVALID,
                         "%s holds a sweep; one of its runs is %s/runs/RUN (espalier results %s "
                         "--runs lists them)",
                         folder, folder, folder);
    // Its own is the newer one.
    esp_status status = exists(folder, "espalier.db") || access == STORE_READ
                            ? store_open(&own, folder, access, &words)
                            : ESP_ERROR_NOT_FOUND;
    if (status == ESP_OK)
        status = store_holds(own, NULL, &held, &words);
    if (status == ESP_OK && held) {
        *out = own;
        return ESP_OK;
    }
    esp_status second = open_of_sweep(&of_sweep, folder, access, error);
    if (second != ESP_OK || of_sweep) {
        store_close(own);
        *out = of_sweep;
        return second;
    }
    if (status == ESP_ERROR_NOT_FOUND && access == STORE_WRITE)
        return store_open(out, folder, access, error);
    *out = own;
    if (status != ESP_OK)
        *error = words;
    return status;
}

bool store_finds_run(const char *folder)
{
    struct store *store = NULL;
    struct error none;
    error_clear(&none);
    if (exists(folder, "sweep.json"))
        return false;
    if (exists(folder, "espalier.db"))
        return true;
    bool found = open_of_sweep(&store, folder, STORE_READ, &none) == ESP_OK && store;
    store_close(store);
    return found;
}
