// SPDX-License-Identifier: Apache-2.0
// Sweeps: the axes of an INI, crossed. Law: every run has a value or none of every axis, in its range.
#include "fuzz.h"

#include "sweep/axes.h"

// A product of more runs takes longer than it tells.
#define MOST_RUNS 20000

static void check_runs(const struct axes *axes)
{
    struct error error;
    int32_t *choices = NULL;
    uint64_t count = 0;
    double runs = 1;
    error_clear(&error);
    for (uint64_t i = 0; i < axes->count; i++) {
        FUZZ_LAW(axes->axes[i].value_count > 0, "axis %d", (int)i);
        FUZZ_LAW(axes->axes[i].group < axes->group_count, "axis %d", (int)i);
        runs *= (double)axes->axes[i].value_count;
    }
    if (runs > MOST_RUNS)
        return;
    esp_status status = axes_expand(&choices, &count, axes, &error);
    fuzz_refused(status, &error);
    if (status != ESP_OK)
        return;
    FUZZ_LAW(count > 0 && (double)count <= runs, "%d of %g", (int)count, runs);
    for (uint64_t run = 0; run < count; run++)
        for (uint64_t i = 0; i < axes->count; i++) {
            int32_t choice = choices[run * axes->count + i];
            FUZZ_LAW(choice >= AXIS_ABSENT && choice < (int64_t)axes->axes[i].value_count, "%d",
                     choice);
        }
    free(choices);
}

static void run(const uint8_t *bytes, size_t size)
{
    struct error error;
    struct config *config = NULL;
    struct axes axes = {0};
    char *text = fuzz_text(bytes, size);
    error_clear(&error);
    esp_status status = config_parse(&config, text, "fuzz.ini", fuzz_folder(), &error);
    if (status == ESP_OK) {
        status = axes_read(&axes, config, &error);
        fuzz_refused(status, &error);
        if (status == ESP_OK) {
            check_runs(&axes);
            axes_destroy(&axes);
        }
    }
    if (config)
        config_destroy(config);
    free(text);
}

const struct fuzz_target fuzz_sweep = {"sweep", NULL, run};
