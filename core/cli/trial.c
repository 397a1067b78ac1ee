// SPDX-License-Identifier: Apache-2.0
// One stored trial; see trial.h.
#include "cli/trial.h"

#include <stdlib.h>
#include <string.h>

esp_status trial_find(const struct result_trial **out, const struct results *results,
                      const char *text, struct error *error)
{
    char *end = NULL;
    unsigned long long number = strtoull(text, &end, 10);
    if (strcmp(text, "best") == 0) {
        if (results->set.best < 0)
            return error_set(error, ESP_ERROR_NOT_FOUND, "%s: no trial was completed",
                             results->folder);
        number = (unsigned long long)results->set.best;
    } else if (*text == '\0' || *end != '\0') {
        return error_set(error, ESP_ERROR_INVALID,
                         "expected the number of a trial or 'best', got '%s'", text);
    }
    if (number >= results->count)
        return error_set(error, ESP_ERROR_NOT_FOUND, "%s: there is no trial %llu; it has %llu",
                         results->folder, number, (unsigned long long)results->count);
    *out = &results->trials[number];
    return ESP_OK;
}

esp_status trial_arch(struct arch **out, struct session *session, const struct results *results,
                      const struct result_trial *trial, struct error *error)
{
    struct written_arch written = {0};
    json_t *json = arch_json(trial->arch, results->row.space);
    if (!json)
        return error_memory(error);
    esp_status status = written_arch_parse(&written, json, error);
    if (status == ESP_OK)
        status = builder_read(session_builder(session), &written, out, error);
    written_arch_destroy(&written);
    json_decref(json);
    return status;
}

void trial_words(struct arch_words *out, const struct results *results,
                 const struct result_trial *trial, struct options *options)
{
    struct loaded loaded = {0};
    struct session *session = NULL;
    struct arch *arch = NULL;
    struct error error;
    error_clear(&error);
    memset(out, 0, sizeof *out);
    esp_status status =
        loaded_open_text(&loaded, results->row.config, results->folder, options, &error);
    if (status == ESP_OK)
        status = session_create(&session, loaded.experiment, false, &error);
    if (status == ESP_OK)
        status = trial_arch(&arch, session, results, trial, &error);
    if (status == ESP_OK)
        arch_words(out, session_builder(session), arch, &error);
    arch_release(arch);
    session_destroy(session);
    loaded_close(&loaded);
}
