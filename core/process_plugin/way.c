// SPDX-License-Identifier: Apache-2.0
// The way `command` of a manifest: a program in any language, spoken to over JSON lines.
#include "process_plugin/process_plugin.h"

#include "config/list.h"
#include "config/units.h"
#include "config/value.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const need_choices[] = {"onnx"};

static const esp_param rows[] = {
    ESP_PARAM_TEXT("command", "",
                   "the program and its arguments; a word that begins with ./ is a file beside the "
                   "manifest"),
    ESP_PARAM_TEXT("time_limit", "60s", "how long it may take to answer a call"),
    ESP_PARAM_TEXT(
        "progress_limit", "0",
        "of an estimator: how long it may take from one line of a trial to the next; 0 = "
        "as long as the run's trial_time_limit lets it"),
    ESP_PARAM_NAMES("needs", "", need_choices,
                    "of an estimator: onnx = the network in a file with every trial"),
    ESP_PARAM_BOOL(
        "final", 0,
        "of an estimator: it serves final trainings, and then answers for the test data"),
};

static esp_status fail(const struct manifest *manifest, const char *key, const char *words,
                       struct error *error)
{
    return config_fail(error, ESP_ERROR_INVALID, manifest_entry(manifest, key), "%s", words);
}

// ---- The command --------------------------------------------------------------------------------

// Takes the next word from `*rest`: blanks part words, those in double quotes may hold blanks. Written
// over the text. NULL: no more. `*whole` is false where a quote is not closed.
static char *next_word(char **rest, bool *whole)
{
    char *from = *rest + strspn(*rest, " "), *word = from, *to = from;
    bool quoted = false;
    if (!*from)
        return NULL;
    for (; *from && (quoted || *from != ' '); from++)
        if (*from == '"')
            quoted = !quoted;
        else
            *to++ = *from;
    *rest = from + (*from == ' ');
    *to = '\0';
    *whole = !quoted;
    return word;
}

// A word that begins with ./ becomes the file's path, and the file a part of the component.
static esp_status take_word(const char **out, struct manifest *manifest, const char *word,
                            struct error *error)
{
    struct stat file;
    if (strncmp(word, "./", 2) != 0) {
        *out = manifest_text(manifest, word);
        return *out ? ESP_OK : error_memory(error);
    }
    char *path = path_absolute(manifest->folder, word);
    esp_status status = path ? ESP_OK : error_memory(error);
    if (path && (stat(path, &file) != 0 || !S_ISREG(file.st_mode)))
        status = config_fail(error, ESP_ERROR_INVALID, manifest_entry(manifest, "command"),
                             "there is no file '%s' beside it", word);
    if (status == ESP_OK)
        status = manifest_add_file(manifest, word, path, error);
    if (status == ESP_OK && !(*out = manifest_text(manifest, path)))
        status = error_memory(error);
    free(path);
    return status;
}

static esp_status read_command(struct manifest *manifest, struct error *error)
{
    char *text = strdup(parameters_find(&manifest->plugin, "command")->text), *rest = text, *word;
    bool whole = true;
    uint64_t count = 0;
    // No more words than bytes.
    const char **words =
        text ? arena_take(&manifest->arena, (strlen(text) + 1) * sizeof *words) : NULL;
    esp_status status = words ? ESP_OK : error_memory(error);
    while (status == ESP_OK && (word = next_word(&rest, &whole)))
        status = take_word(&words[count++], manifest, word, error);
    if (status == ESP_OK && !whole)
        status = fail(manifest, "command", "a double quote is not closed", error);
    if (status == ESP_OK && count == 0)
        status = fail(manifest, "command", "expected a program", error);
    if (status == ESP_OK && strchr(words[0], '/') && words[0][0] != '/')
        status = fail(manifest, "command",
                      "expected the program's name, which is looked for in PATH, an absolute path, "
                      "or ./FILE for one beside the manifest",
                      error);
    free(text);
    if (status != ESP_OK)
        return status;
    words[count] = NULL;
    manifest->command = words;
    return ESP_OK;
}

// ---- All of it ----------------------------------------------------------------------------------

static esp_status read_limit(const struct manifest *manifest, const char *key, bool none,
                             struct error *error)
{
    double seconds;
    const char *text = parameters_find(&manifest->plugin, key)->text;
    if (read_duration(text, &seconds) && (none || seconds > 0))
        return ESP_OK;
    return config_fail(error, ESP_ERROR_INVALID, manifest_entry(manifest, key),
                       "expected a time%s, such as 90s or 10m, got '%s'", none ? "" : " above 0",
                       text);
}

double process_plugin_limit(const struct manifest *manifest, const char *key)
{
    double seconds = 0;
    const struct parameter *limit = parameters_find(&manifest->plugin, key);
    // Other ways that start a program may lack the key, and its row says the default.
    for (size_t i = 0; !limit && i < ESP_COUNT(rows); i++)
        if (strcmp(rows[i].name, key) == 0)
            read_duration(rows[i].text_default, &seconds);
    if (limit)
        read_duration(limit->text, &seconds);
    return seconds;
}

// The value of a key in [plugin] that goes with estimators alone.
static esp_status refuse_of_strategy(const struct manifest *manifest, const char *key,
                                     struct error *error)
{
    if (manifest->kind == ESP_KIND_ESTIMATOR || !manifest_entry(manifest, key))
        return ESP_OK;
    return fail(manifest, key, "it goes with an estimator alone", error);
}

static esp_status read(struct manifest *manifest, struct error *error)
{
    esp_status status = read_command(manifest, error);
    if (status == ESP_OK)
        status = refuse_of_strategy(manifest, "progress_limit", error);
    if (status == ESP_OK)
        status = refuse_of_strategy(manifest, "needs", error);
    if (status == ESP_OK)
        status = refuse_of_strategy(manifest, "final", error);
    if (status == ESP_OK)
        status = read_limit(manifest, "time_limit", false, error);
    if (status == ESP_OK)
        status = read_limit(manifest, "progress_limit", true, error);
    if (status != ESP_OK)
        return status;
    if (manifest->kind == ESP_KIND_STRATEGY)
        process_strategy_set(&manifest->type.strategy);
    else
        process_estimator_set(&manifest->type.estimator,
                              parameters_find(&manifest->plugin, "final")->integer != 0);
    return ESP_OK;
}

const struct manifest_way process_way = {
    "command", 1u << ESP_KIND_STRATEGY | 1u << ESP_KIND_ESTIMATOR, rows, ESP_COUNT(rows), NULL,
    read,
};
