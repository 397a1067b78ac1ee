// SPDX-License-Identifier: Apache-2.0
// A table on the bench: a CSV file, the session of an INI that names it, a cache of its own.
#ifndef TABULAR_TESTS_BENCH_TABLE_H
#define TABULAR_TESTS_BENCH_TABLE_H

#include "execute/execute.h"
#include "support/folder.h"
#include "support/leak.h"
#include "support/session_lab.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bench_table {
    char *folder;
    struct registry *registry;
    struct experiment *experiment;
    struct session *session;
    struct error error;
};

// Three cells of NAS-Bench-201, and the header of the tests' tables.
#define CELL_A                                                                                     \
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+"                                            \
    "|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
#define CELL_B                                                                                     \
    "|skip_connect~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+"                                            \
    "|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
#define CELL_C                                                                                     \
    "|none~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"

static inline void bench_begin(struct bench_table *bench)
{
    char cache[512];
    *bench = (struct bench_table){.folder = folder_temporary()};
    snprintf(cache, sizeof cache, "%s/cache", bench->folder);
    cr_assert_eq(setenv("ESPALIER_CACHE", cache, 1), 0);
}

static inline void bench_write(const struct bench_table *bench, const char *csv)
{
    free(folder_write(bench->folder, "table.csv", csv));
}

static inline void bench_close(struct bench_table *bench)
{
    session_destroy(bench->session);
    experiment_destroy(bench->experiment);
    registry_destroy(bench->registry);
    bench->session = NULL;
    bench->experiment = NULL;
    bench->registry = NULL;
}

static inline void bench_end(struct bench_table *bench)
{
    bench_close(bench);
    folder_delete(bench->folder);
}

// Opens a session of the table that the lines behind `[estimator] plugin = tabular` name; they may go
// on with other sections. `space`: lines of [space], NULL for none but the plugin. The words of a
// failure are in bench->error.
static inline esp_status bench_open_path(struct bench_table *bench, const char *space,
                                         const char *lines)
{
    struct config *config = NULL;
    struct error *error = &bench->error;
    char *ini = NULL;
    error_clear(error);
    cr_assert_geq(asprintf(&ini,
                           "%s\n[strategy]\nplugin = random\n[objective]\nmaximize = score\n"
                           "[estimator]\nplugin = tabular\n%s\n",
                           space ? space : "[space]\nplugin = nasbench201\n", lines),
                  0);
    esp_status status = registry_create(&bench->registry, NULL, error);
    if (status == ESP_OK)
        status = registry_add_builtin(bench->registry, ESP_KIND_EXECUTOR, "local", executor_local(),
                                      error);
    if (status == ESP_OK)
        status = config_parse(&config, ini, "table.ini", bench->folder, error);
    if (status == ESP_OK)
        status = experiment_create(&bench->experiment, config, bench->registry, error);
    if (status == ESP_OK)
        status = session_create(&bench->session, bench->experiment, true, error);
    free(ini);
    return status;
}

// The same with the table that bench_write wrote.
static inline esp_status bench_open(struct bench_table *bench, const char *space, const char *lines)
{
    char *all = NULL;
    cr_assert_geq(asprintf(&all, "path = table.csv\n%s", lines), 0);
    esp_status status = bench_open_path(bench, space, all);
    free(all);
    return status;
}

static inline void bench_expect(struct bench_table *bench, const char *lines)
{
    cr_assert_eq(bench_open(bench, NULL, lines), ESP_OK, "%s", bench->error.message);
}

// It is refused with these words; then it is closed.
static inline void bench_expect_words(struct bench_table *bench, const char *lines,
                                      const char *words)
{
    cr_assert_neq(bench_open(bench, NULL, lines), ESP_OK, "%s", lines);
    cr_expect(strstr(bench->error.message, words), "%s\ninstead of\n%s", bench->error.message,
              words);
    bench_close(bench);
}

static inline struct arch *bench_parse(struct bench_table *bench, const char *text)
{
    struct arch *arch = NULL;
    struct error error;
    error_clear(&error);
    cr_assert_eq(builder_parse(session_builder(bench->session), text, NULL, 0, &arch, &error),
                 ESP_OK, "%s", error.message);
    return arch;
}

// The metrics of an architecture in the order of their declaration; the status of the evaluation.
static inline esp_status bench_arch(struct bench_table *bench, struct arch *arch, uint64_t lineage,
                                    const struct fidelity *fidelity, double *metrics)
{
    error_clear(&bench->error);
    return session_evaluate_cheap(bench->session, arch, lineage, fidelity, fidelity ? 1 : 0,
                                  metrics, &bench->error);
}

static inline esp_status bench_text(struct bench_table *bench, const char *text, uint64_t lineage,
                                    const struct fidelity *fidelity, double *metrics)
{
    struct arch *arch = bench_parse(bench, text);
    esp_status status = bench_arch(bench, arch, lineage, fidelity, metrics);
    arch_release(arch);
    return status;
}

#endif
