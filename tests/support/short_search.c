// SPDX-License-Identifier: Apache-2.0
// See short_search.h.
#include "support/short_search.h"

#include "support/command.h"
#include "support/folder.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *write_ini(const char *folder, const char *ini, int trials)
{
    char *text = NULL;
    const char *dataset = strstr(ini, "[dataset]")
                              ? ""
                              : "[dataset]\nplugin = synthetic\nheight = 8\nwidth = 8\n"
                                "classes = 4\ntrain = 60\nvalid = 20\ntest = 20\n";
    if (asprintf(&text,
                 "[experiment]\nseed = 3\n%s\n%s[strategy]\nplugin = random\n"
                 "[estimator]\nplugin = train\nepochs = 1\nbatch = 20\n"
                 "[objective]\nmaximize = valid_accuracy\n[budget]\ntrials = %d\n"
                 "[run]\nworkers = 1\n",
                 ini, dataset, trials) < 0)
        abort();
    char *path = folder_write(folder, "short.ini", text);
    free(text);
    return path;
}

void short_search(const char *ini, int trials)
{
    char *folder = folder_temporary(), *path = write_ini(folder, ini, trials), *out = NULL;
    int done = 0;
    size_t i;
    json_t *trial;
    if (asprintf(&out, "%s/out", folder) < 0)
        abort();
    const char *const arguments[] = {"run", path, "--out", out, "--quiet", NULL};
    free(espalier_expect(0, arguments));
    json_t *results = espalier_results(out);
    json_array_foreach (json_object_get(results, "trials"), i, trial) {
        const char *state = json_string_value(json_object_get(trial, "state"));
        cr_expect_str_eq(state, "done", "trial %zu is %s", i, state);
        done += strcmp(state, "done") == 0;
    }
    cr_expect_eq(done, trials);
    json_decref(results);
    free(out);
    free(path);
    folder_delete(folder);
}
