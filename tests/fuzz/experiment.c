// SPDX-License-Identifier: Apache-2.0
// Experiments: an INI against the tables of the plugins that were built. Law: the resolved text of an
// experiment is one of the same resolved text.
#include "fuzz.h"

#include "registry.h"

#include <string.h>

static void begin(void)
{
    fuzz_registry();
}

static struct experiment *open(const char *text, struct error *error)
{
    struct config *config = NULL;
    struct experiment *experiment = NULL;
    esp_status status = config_parse(&config, text, "fuzz.ini", fuzz_folder(), error);
    if (status == ESP_OK)
        status = experiment_create(&experiment, config, fuzz_registry(), error);
    fuzz_refused(status, error);
    return status == ESP_OK ? experiment : NULL;
}

static void run(const uint8_t *bytes, size_t size)
{
    struct error error;
    char *text = fuzz_text(bytes, size);
    error_clear(&error);
    struct experiment *experiment = open(text, &error);
    if (experiment) {
        char *first = experiment_text(experiment, false, &error);
        FUZZ_LAW(first != NULL, "%s", error.message);
        struct experiment *again = open(first, &error);
        FUZZ_LAW(again != NULL, "%s: %s", error.message, first);
        char *second = experiment_text(again, false, &error);
        FUZZ_LAW(second && strcmp(first, second) == 0, "%s\n---\n%s", first, second);
        char *difference = experiment_difference(first, second, false, &error);
        FUZZ_LAW(!difference, "%s", difference);
        free(first);
        free(second);
        experiment_destroy(again);
        experiment_destroy(experiment);
    }
    registry_unpin(fuzz_registry());
    free(text);
}

const struct fuzz_target fuzz_experiments = {"experiments", begin, run};
