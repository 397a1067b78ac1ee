// SPDX-License-Identifier: Apache-2.0
// See dataset_run.h.
#include "support/dataset_run.h"
#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>

#define SMALL_SPACE                                                                                \
    "[space]\nplugin = chain\nmin_depth = 2\nmax_depth = 2\noperations = conv_3x3, max_pool_3x3\n" \
    "widths = 8\n"
#define SMALL_ESTIMATOR "[estimator]\nplugin = train\nepochs = 1\nbatch = 32\n"

struct data *dataset_data(const struct instance *dataset, double valid_fraction, bool test,
                          const char *folder)
{
    struct data_options options = {.valid_fraction = valid_fraction, .test = test};
    struct data *data = NULL;
    struct error error = {0};
    setenv("ESPALIER_CACHE", folder, 1);
    cr_assert_eq(data_open(&data, dataset, &options, true, &error), ESP_OK, "%s", error.message);
    return data;
}

char *dataset_run(const char *folder, const char *lines, const char *space, const char *estimator,
                  int status)
{
    char *text = NULL, *cache = NULL, *out = NULL;
    if (asprintf(&text,
                 "%s[strategy]\nplugin = random\n%s[dataset]\n%s"
                 "[objective]\nmaximize = valid_accuracy\n[budget]\ntrials = 2\n"
                 "[run]\nworkers = 1\n[final]\nretrain = best\n",
                 space ? space : SMALL_SPACE, estimator ? estimator : SMALL_ESTIMATOR, lines) < 0 ||
        asprintf(&cache, "ESPALIER_CACHE=%s/cache", folder) < 0 ||
        asprintf(&out, "%s/out", folder) < 0)
        abort();
    char *config = folder_write(folder, "search.ini", text);
    const char *arguments[] = {espalier_binary(), "run", config, "--out", out, "--quiet", NULL};
    const char *environment[] = {cache, NULL};
    struct command command = {.arguments = arguments, .environment = environment};
    struct command_result result = command_run(&command);
    cr_assert_eq(result.status, status, "status %d\n%s%s", result.status, result.out, result.err);
    free(config);
    free(text);
    free(cache);
    free(out);
    free(result.out);
    return result.err;
}
