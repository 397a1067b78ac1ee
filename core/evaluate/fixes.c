// SPDX-License-Identifier: Apache-2.0
// `[fix]` before the first trial: a value that a decision cannot have, and a path that no decision has.
// Some samples are drawn by a builder of their own, which leaves the run as it is. A decision that is
// met rarely may not be among them: that is a warning, where it is none of a searched parameter's.
#include "evaluate/session_parts.h"

#include "error/error.h"
#include "text/nearest.h"

#include <stdlib.h>
#include <string.h>

// Samples that look for the decisions that fixes name.
#define SAMPLES 200

static const struct config_entry *entry_of(const struct session *session, uint64_t fix)
{
    return config_find(session->experiment->config, "fix", session->design.fixes[fix].pattern);
}

// The path that was met and is nearest to a pattern; NULL: none is near.
static const char *nearest(const struct session *session, const char *pattern)
{
    const struct dictionary *dictionary = session->key_dictionary;
    uint32_t count = dictionary_path_count(dictionary);
    const char **paths = calloc(count + UINT32_C(1), sizeof *paths), *found = NULL;
    for (uint32_t i = 0; paths && i < count; i++)
        paths[i] = dictionary_path_text(dictionary, i);
    if (paths)
        found = text_nearest(pattern, paths, count);
    free(paths);
    return found;
}

static esp_status check_met(const struct session *session, uint64_t fix, struct error *error)
{
    const char *pattern = session->design.fixes[fix].pattern;
    const char *near = nearest(session, pattern);
    const struct config_entry *entry = entry_of(session, fix);
    if (builder_fix_used(session->keys, fix))
        return ESP_OK;
    if (pattern[0] == '@')
        return config_fail(error, ESP_ERROR_INVALID, entry,
                           "no parameter is searched at this path%s%s%s",
                           near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    log_line(ESP_LOG_WARNING,
             "[fix] %s: no decision of %d samples has this path, so nothing is fixed yet%s%s%s",
             pattern, SAMPLES, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return ESP_OK;
}

static esp_status sample(struct session *session, struct error *error)
{
    esp_random random = esp_random_stream(session->experiment->seed, 0, 0, 0, 0);
    for (int i = 0; i < SAMPLES; i++) {
        struct arch *arch = NULL;
        esp_status status = builder_sample(session->keys, &random, &arch, error);
        arch_release(arch);
        if (status != ESP_OK)
            return status;
    }
    return ESP_OK;
}

esp_status session_check_fixes(struct session *session, struct error *error)
{
    if (session->design.fix_count == 0)
        return ESP_OK;
    esp_status status = session_open_keys(session, error);
    if (status == ESP_OK && sample(session, error) != ESP_OK)
        status = error->status = ESP_ERROR_INVALID; // by what the INI fixes
    for (uint64_t i = 0; status == ESP_OK && i < session->design.fix_count; i++)
        status = check_met(session, i, error);
    session_close_keys(session);
    return status;
}
