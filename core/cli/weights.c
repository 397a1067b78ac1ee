// SPDX-License-Identifier: Apache-2.0
// Stored networks and their weights; see weights.h.
#include "cli/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static esp_status find_final(struct stored_network *out, const struct results *results,
                             const char *text, struct error *error)
{
    char *end = NULL;
    long long number = strtoll(text, &end, 10);
    size_t i;
    json_t *row;
    json_array_foreach (results->finals, i, row) {
        if (*text == '\0' || *end != '\0' ||
            json_integer_value(json_object_get(row, "final")) != number)
            continue;
        uint64_t trial = (uint64_t)json_integer_value(json_object_get(row, "trial"));
        if (trial >= results->count)
            break;
        out->trial = &results->trials[trial];
        out->final = number;
        out->folder = json_string_value(json_object_get(row, "folder"));
        return ESP_OK;
    }
    return error_set(
        error, ESP_ERROR_NOT_FOUND,
        "%s: there is no final training final-%s; it has %zu (espalier train makes one)",
        results->folder, text, json_array_size(results->finals));
}

esp_status stored_network_find(struct stored_network *out, const struct results *results,
                               const char *text, struct error *error)
{
    *out = (struct stored_network){.final = -1};
    if (strncmp(text, "final-", 6) == 0)
        return find_final(out, results, text + 6, error);
    return trial_find(&out->trial, results, text, error);
}

// What a reader can do where a trial has no weights.
static esp_status no_weights(const struct results *results, const struct stored_network *network,
                             struct error *error)
{
    const struct result_trial *trial = network->trial;
    unsigned long long number = (unsigned long long)trial->trial;
    if (network->final >= 0)
        return error_set(
            error, ESP_ERROR_NOT_FOUND,
            "%s: the final training final-%lld left no weights; espalier train %s %llu "
            "trains the network again",
            results->folder, (long long)network->final, results->folder, number);
    return error_set(
        error, ESP_ERROR_NOT_FOUND,
        "%s: no weights were kept of trial %llu ([run] keep = all keeps those of every "
        "trial, best those of the best one); espalier train %s %llu trains it in full, "
        "then name that training, final-N, instead of the trial; or give --weights FILE",
        results->folder, number, results->folder, number);
}

esp_status stored_network_weights(char **path, const struct results *results,
                                  const struct stored_network *network, struct error *error)
{
    static const char *const names[] = {"best.safetensors", "last.safetensors"};
    char folder[64];
    snprintf(folder, sizeof folder, "artifacts/%llu", (unsigned long long)network->trial->trial);
    if (network->final >= 0)
        snprintf(folder, sizeof folder, "%s", network->folder ? network->folder : "");
    for (size_t i = 0; folder[0] && i < ESP_COUNT(names); i++) {
        if (asprintf(path, "%s/%s/%s", results->folder, folder, names[i]) < 0)
            return error_memory(error);
        if (access(*path, F_OK) == 0)
            return ESP_OK;
        free(*path);
        *path = NULL;
    }
    return no_weights(results, network, error);
}
