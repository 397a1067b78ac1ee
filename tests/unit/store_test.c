// SPDX-License-Identifier: Apache-2.0
// The store: what is written is read back, packed traces and dictionary included; a newer store is
// refused; what was committed survives a process that is killed.
#include "store/store.h"

#include "support/folder.h"

#include <criterion/criterion.h>
#include <espalier/plugin.h>
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct metric_row metrics[] = {
    {(char *)"fitness", (char *)"", 0, ESP_BETTER_HIGHER},
    {(char *)"seconds", (char *)"s", ESP_METRIC_MEASURED, ESP_BETTER_LOWER},
};

static struct store *open_store(const char *folder)
{
    struct store *store = NULL;
    struct error error;
    error_clear(&error);
    cr_assert_eq(store_open(&store, folder, STORE_WRITE, &error), ESP_OK, "%s", error.message);
    return store;
}

static struct run_row add_run(struct store *store)
{
    struct run_row row = {.name = (char *)"a run",
                          .seed = UINT64_MAX,
                          .config = (char *)"[experiment]\n",
                          .state = RUN_RUNNING,
                          .space = (char *)"chain",
                          .objectives = (char *)"{}",
                          .provenance = (char *)"{}"};
    struct plugin_row plugin = {ESP_KIND_SPACE, "chain", "1.0", "00ff", "/a/chain.so"};
    struct error error;
    error_clear(&error);
    cr_assert_eq(store_add_run(store, &row, metrics, 2, &plugin, 1, &error), ESP_OK, "%s",
                 error.message);
    return row;
}

// An architecture of one decision of each kind; `i` varies its values.
static struct arch *make_arch(struct dictionary *dictionary, int64_t i)
{
    static const char *const names[] = {"conv", "pool", "identity"};
    static const uint32_t indices[] = {0, 2};
    esp_domain one = {sizeof one, ESP_DECISION_ONE, 0, 0, 0, 0, 0, 3, names, 0, 0};
    esp_domain integer = {sizeof integer, ESP_DECISION_INT, 0, -5, 1000000, 0, 0, 0, NULL, 0, 0};
    esp_domain real = {
        sizeof real, ESP_DECISION_REAL, ESP_DOMAIN_LOG, 0, 0, 1e-5, 1.0, 0, NULL, 0, 0};
    esp_domain subset = {sizeof subset, ESP_DECISION_SUBSET, 0, 0, 0, 0, 0, 3, names, 0, 3};
    struct choice choices[] = {
        {dictionary_decision(dictionary, dictionary_path(dictionary, "a/op", 4), &one),
         esp_value_one((uint64_t)i % 3)},
        {dictionary_decision(dictionary, dictionary_path(dictionary, "a/n", 3), &integer),
         esp_value_int(i - 5)},
        {dictionary_decision(dictionary, dictionary_path(dictionary, "a/lr", 4), &real),
         esp_value_real(1e-5 * (double)(i + 1))},
        {dictionary_decision(dictionary, dictionary_path(dictionary, "a/in", 4), &subset),
         esp_value_subset(indices, i % 2 ? 2 : 0)},
    };
    struct arch *arch = arch_create(dictionary, choices, 4);
    cr_assert_not_null(arch);
    return arch;
}

static void insert(struct store *store, int64_t run, struct dictionary *dictionary, uint64_t trial)
{
    struct error error;
    error_clear(&error);
    double values[2] = {0.5 + (double)trial, trial % 2 ? NAN : 3.0};
    struct fidelity fidelity = {(char *)"epochs", 1.0 / 3.0};
    struct arch *arch = make_arch(dictionary, (int64_t)trial);
    struct trial_row row = {.trial = trial,
                            .state = TRIAL_DONE,
                            .asked_event = 2 * trial + 1,
                            .told_event = 2 * trial + 2,
                            .lineage = trial,
                            .parent = trial ? (int64_t)trial - 1 : -1,
                            .hash = arch_hash(arch),
                            .arch = arch,
                            .fidelity = &fidelity,
                            .fidelity_count = trial % 2,
                            .metrics = values,
                            .metric_count = 2,
                            .seconds = 0.25,
                            .elapsed = 1.5,
                            .error = trial == 3 ? "words" : NULL};
    cr_assert_eq(store_insert_trial(store, run, &row, &error), ESP_OK, "%s", error.message);
    arch_release(arch);
}

struct seen {
    struct dictionary *expected;
    uint64_t count;
};

static esp_status check_row(void *self, const struct trial_row *row)
{
    struct seen *seen = self;
    uint64_t i = seen->count++;
    struct arch *arch = make_arch(seen->expected, (int64_t)i);
    cr_assert_eq(row->trial, i);
    cr_assert_eq(row->state, TRIAL_DONE);
    cr_assert_eq(row->asked_event, 2 * i + 1);
    cr_assert_eq(row->told_event, 2 * i + 2);
    cr_assert_eq(row->parent, i ? (int64_t)i - 1 : -1);
    cr_assert_eq(arch_hash(row->arch), arch_hash(arch));
    cr_assert_eq(row->fidelity_count, i % 2);
    if (i % 2)
        cr_assert_eq(row->fidelity[0].value, 1.0 / 3.0);
    cr_assert_eq(row->metric_count, 2);
    cr_assert_eq(row->metrics[0], 0.5 + (double)i);
    cr_assert_eq(isnan(row->metrics[1]) != 0, i % 2 == 1);
    cr_assert_eq(row->error != NULL, i == 3);
    arch_release(arch);
    return ESP_OK;
}

Test(store, gives_back_what_was_written)
{
    char *folder = folder_temporary();
    struct error error;
    error_clear(&error);
    struct dictionary *dictionary = dictionary_create();
    struct store *store = open_store(folder);
    struct run_row written = add_run(store);
    for (uint64_t i = 0; i < 20; i++)
        insert(store, written.run, dictionary, i);
    store_close(store);

    struct run_row row;
    struct dictionary *read = dictionary_create();
    cr_assert_eq(store_open(&store, folder, STORE_READ, &error), ESP_OK, "%s", error.message);
    cr_assert_eq(store_get_run(store, &row, &error), ESP_OK, "%s", error.message);
    cr_assert_eq(row.seed, UINT64_MAX);
    cr_assert_str_eq(row.config, "[experiment]\n");
    cr_assert_eq(store_load_dictionary(store, row.run, read, &error), ESP_OK, "%s", error.message);
    cr_assert_eq(dictionary_decision_count(read), dictionary_decision_count(dictionary));
    struct seen seen = {dictionary, 0};
    cr_assert_eq(store_each_trial(store, row.run, read, check_row, &seen, &error), ESP_OK, "%s",
                 error.message);
    cr_assert_eq(seen.count, 20);
    struct metric_row *rows;
    uint64_t count;
    cr_assert_eq(store_get_metrics(store, row.run, &rows, &count, &error), ESP_OK);
    cr_assert_eq(count, 2);
    cr_assert_str_eq(rows[1].name, "seconds");
    cr_assert_eq(rows[1].flags, ESP_METRIC_MEASURED);
    metric_rows_destroy(rows, count);
    run_row_destroy(&row);
    store_close(store);
    dictionary_destroy(dictionary);
    dictionary_destroy(read);
    folder_delete(folder);
}

Test(store, refuses_a_newer_one_and_names_both_versions)
{
    char *folder = folder_temporary();
    struct error error;
    error_clear(&error);
    store_close(open_store(folder));
    char path[512];
    sqlite3 *database;
    snprintf(path, sizeof path, "%s/espalier.db", folder);
    cr_assert_eq(sqlite3_open(path, &database), SQLITE_OK);
    sqlite3_exec(database, "PRAGMA user_version = 99", NULL, NULL, NULL);
    sqlite3_close(database);
    struct store *store = NULL;
    cr_assert_eq(store_open(&store, folder, STORE_WRITE, &error), ESP_ERROR_INVALID);
    cr_assert(strstr(error.message, "version 99"), "%s", error.message);
    cr_assert(strstr(error.message, "espalier.db"), "%s", error.message);
    folder_delete(folder);
}

Test(store, says_what_a_foreign_file_is)
{
    char *folder = folder_temporary();
    struct error error;
    error_clear(&error);
    char path[512];
    snprintf(path, sizeof path, "%s/espalier.db", folder);
    FILE *file = fopen(path, "w");
    fputs("this is no database, but it is long enough to be looked at as if it were one ......",
          file);
    fclose(file);
    struct store *store = NULL;
    cr_assert_neq(store_open(&store, folder, STORE_WRITE, &error), ESP_OK);
    cr_assert(strstr(error.message, path), "%s", error.message);
    folder_delete(folder);
}

Test(store, finds_a_trace_that_was_tampered_with)
{
    char *folder = folder_temporary();
    struct error error;
    error_clear(&error);
    struct dictionary *dictionary = dictionary_create();
    struct store *store = open_store(folder);
    struct run_row run = add_run(store);
    insert(store, run.run, dictionary, 0);
    store_close(store);
    char path[512];
    sqlite3 *database;
    snprintf(path, sizeof path, "%s/espalier.db", folder);
    sqlite3_open(path, &database);
    sqlite3_exec(database, "UPDATE trial SET hash = hash + 1", NULL, NULL, NULL);
    sqlite3_close(database);
    struct dictionary *read = dictionary_create();
    struct seen seen = {dictionary, 0};
    cr_assert_eq(store_open(&store, folder, STORE_READ, &error), ESP_OK);
    cr_assert_eq(store_load_dictionary(store, run.run, read, &error), ESP_OK);
    cr_assert_eq(store_each_trial(store, run.run, read, check_row, &seen, &error), ESP_ERROR_DATA);
    cr_assert(strstr(error.message, "trial 0"), "%s", error.message);
    store_close(store);
    dictionary_destroy(dictionary);
    dictionary_destroy(read);
    folder_delete(folder);
}

// A child commits three trials, begins a fourth and is killed: three are there, the store is whole.
Test(store, keeps_what_was_committed_when_killed)
{
    char *folder = folder_temporary();
    struct error error;
    error_clear(&error);
    pid_t child = fork();
    if (child == 0) {
        struct dictionary *dictionary = dictionary_create();
        struct store *store = open_store(folder);
        struct run_row run = add_run(store);
        for (uint64_t i = 0; i < 3; i++)
            insert(store, run.run, dictionary, i);
        store_commit(store, &error);
        insert(store, run.run, dictionary, 3);
        kill(getpid(), SIGKILL);
        _exit(1);
    }
    int status;
    waitpid(child, &status, 0);
    cr_assert(WIFSIGNALED(status));
    struct store *store = open_store(folder);
    struct run_row row;
    struct dictionary *read = dictionary_create(), *expected = dictionary_create();
    struct seen seen = {expected, 0};
    cr_assert_eq(store_get_run(store, &row, &error), ESP_OK, "%s", error.message);
    cr_assert_eq(store_load_dictionary(store, row.run, read, &error), ESP_OK);
    cr_assert_eq(store_each_trial(store, row.run, read, check_row, &seen, &error), ESP_OK, "%s",
                 error.message);
    cr_assert_eq(seen.count, 3);
    run_row_destroy(&row);
    store_close(store);
    dictionary_destroy(read);
    dictionary_destroy(expected);
    folder_delete(folder);
}
