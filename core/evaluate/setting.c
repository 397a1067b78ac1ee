// SPDX-License-Identifier: Apache-2.0
// Settings of trials; see setting.h.
#include "evaluate/setting.h"

#include "evaluate/session_parts.h"

#include <stdlib.h>
#include <string.h>

void setting_destroy(struct setting *setting)
{
    if (!setting)
        return;
    for (uint64_t i = 0; setting->fidelity && i < setting->fidelity_count; i++)
        free(setting->fidelity[i].name);
    free(setting->fidelity);
    free(setting->values);
    parameters_destroy(&setting->before);
    parameters_destroy(&setting->estimator);
    parameters_destroy(&setting->dataset);
    parameters_destroy(&setting->host);
    free(setting);
}

// ---- Finding one that is there ----------------------------------------------------------------

static bool of_space(const struct session *session, uint64_t i)
{
    return session->searched[i].part == &session->experiment->space;
}

// Reads the searched values of an architecture into the session's room for them.
static esp_status read_values(struct session *session, const struct arch *arch, struct error *error)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < session->design.searched_count; i++)
        if (!of_space(session, i))
            status = builder_searched(session->builder, arch, i, &session->values[i], error);
    return status;
}

static bool is_setting(const struct session *session, const struct setting *setting, bool final,
                       const struct fidelity *fidelity, uint64_t count)
{
    if (setting->final != final || setting->fidelity_count != count)
        return false;
    for (uint64_t i = 0; i < session->design.searched_count; i++)
        if (!of_space(session, i) && !value_equal(setting->values[i], session->values[i]))
            return false;
    for (uint64_t i = 0; i < count; i++)
        if (memcmp(&setting->fidelity[i].value, &fidelity[i].value, sizeof fidelity[i].value) !=
                0 ||
            strcmp(setting->fidelity[i].name, fidelity[i].name) != 0)
            return false;
    return true;
}

// ---- Making one -------------------------------------------------------------------------------

static esp_status copy_key(const struct session *session, struct setting *setting,
                           const struct fidelity *fidelity, uint64_t count, struct error *error)
{
    uint64_t searched = session->design.searched_count;
    setting->values = calloc(searched + 1, sizeof *setting->values);
    setting->fidelity = calloc(count + 1, sizeof *setting->fidelity);
    if (!setting->values || !setting->fidelity)
        return error_memory(error);
    memcpy(setting->values, session->values, searched * sizeof *setting->values);
    for (uint64_t i = 0; i < count; i++) {
        setting->fidelity[i] = (struct fidelity){strdup(fidelity[i].name), fidelity[i].value};
        setting->fidelity_count++;
        if (!setting->fidelity[i].name)
            return error_memory(error);
    }
    return ESP_OK;
}

// A final training may say a value where the search had a distribution: then it stands.
static esp_status set_searched(const struct session *session, struct setting *setting,
                               struct error *error)
{
    const struct experiment *experiment = session->experiment;
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < session->design.searched_count; i++) {
        const struct searched_parameter *row = &session->searched[i];
        if (of_space(session, i))
            continue;
        const struct parameters *set = row->part == &experiment->estimator ? &setting->before
                                       : row->part == &experiment->dataset ? &setting->dataset
                                                                           : &setting->host;
        struct parameter *parameter = parameters_find(set, row->name);
        if (parameter && parameter->searched)
            status = parameters_set_value(parameter, setting->values[i], error);
    }
    return status;
}

// A fidelity `section.key`, the section `estimator` when left out.
static esp_status set_fidelity(struct setting *setting, const struct fidelity *fidelity,
                               struct error *error)
{
    static const char estimator[] = "estimator.", dataset[] = "dataset.";
    const char *name = fidelity->name, *key = name;
    struct parameters *set = &setting->estimator;
    if (strncmp(name, estimator, strlen(estimator)) == 0) {
        key = name + strlen(estimator);
    } else if (strncmp(name, dataset, strlen(dataset)) == 0) {
        key = name + strlen(dataset);
        set = parameters_find(&setting->host, key) ? &setting->host : &setting->dataset;
    } else if (strchr(name, '.')) {
        return error_set(error, ESP_ERROR_INVALID,
                         "fidelity '%s': expected a parameter of the estimator or the dataset",
                         name);
    }
    return parameters_set_number(set, key, fidelity->value, error);
}

static esp_status resolve(struct session *session, struct setting *setting, struct error *error)
{
    const struct experiment *experiment = session->experiment;
    const struct parameters *estimator =
        setting->final ? &experiment->final_training : &experiment->estimator.parameters;
    struct instance *instance = NULL;
    esp_status status = parameters_copy(&setting->before, estimator, error);
    if (status == ESP_OK)
        status = parameters_copy(&setting->dataset, &experiment->dataset.parameters, error);
    if (status == ESP_OK)
        status = parameters_copy(&setting->host, &experiment->data, error);
    if (status == ESP_OK)
        status = set_searched(session, setting, error);
    if (status == ESP_OK)
        status = parameters_copy(&setting->estimator, &setting->before, error);
    for (uint64_t i = 0; status == ESP_OK && i < setting->fidelity_count; i++)
        status = set_fidelity(setting, &setting->fidelity[i], error);
    if (status == ESP_OK)
        status = session_instance(session, &session->estimators, &experiment->estimator,
                                  &setting->estimator, &session->task, &instance, error);
    setting->estimator_instance = instance;
    return status == ESP_OK ? session_check_info(session, instance, &setting->info, error) : status;
}

esp_status session_setting(struct session *session, const struct arch *arch, bool final,
                           const struct fidelity *fidelity, uint64_t fidelity_count,
                           const struct setting **out, struct error *error)
{
    esp_status status = read_values(session, arch, error);
    if (status != ESP_OK)
        return status;
    for (uint64_t i = 0; i < session->setting_count; i++)
        if (is_setting(session, session->settings[i], final, fidelity, fidelity_count)) {
            session_to_front(session->settings, i);
            *out = session->settings[0];
            session_touch(&session->estimators, (*out)->estimator_instance);
            return ESP_OK;
        }
    struct setting *made = calloc(1, sizeof *made);
    if (!made)
        return error_memory(error);
    made->final = final;
    status = copy_key(session, made, fidelity, fidelity_count, error);
    if (status == ESP_OK)
        status = resolve(session, made, error);
    if (status != ESP_OK) {
        setting_destroy(made);
        return status;
    }
    if (session->setting_count == SESSION_MOST)
        setting_destroy(session->settings[--session->setting_count]);
    session->settings[session->setting_count] = made;
    session_to_front(session->settings, session->setting_count++);
    *out = made;
    return ESP_OK;
}
