// SPDX-License-Identifier: Apache-2.0
// `espalier results` over several runs: what the options say, and the study read. See compare.h.
#include "cli/compare.h"

#include "cli/output.h"
#include "config/list.h"
#include "config/units.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct points {
    struct study_point *items;
    uint64_t count;
};

static esp_status add_point(struct points *points, enum study_axis axis, double at,
                            struct error *error)
{
    struct study_point *grown = realloc(points->items, (points->count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    points->items = grown;
    grown[points->count++] = (struct study_point){axis, at};
    return ESP_OK;
}

static esp_status read_axis(const char *text, enum study_axis *out, const char **values,
                            struct error *error)
{
    static const struct {
        const char *name;
        enum study_axis axis;
    } axes[] = {{"trials=", STUDY_TRIALS}, {"seconds=", STUDY_SECONDS}, {"cost=", STUDY_COST}};
    if (strcmp(text, "end") == 0) {
        *out = STUDY_END;
        *values = "";
        return ESP_OK;
    }
    for (size_t i = 0; i < ESP_COUNT(axes); i++)
        if (strncmp(text, axes[i].name, strlen(axes[i].name)) == 0) {
            *out = axes[i].axis;
            *values = text + strlen(axes[i].name);
            return ESP_OK;
        }
    return error_set(error, ESP_ERROR_INVALID,
                     "--at: expected trials=N,N..., seconds=T,T..., cost=C,C... or end, got '%s'",
                     text);
}

// "trials=10,50"
static esp_status read_points(struct points *points, const char *text, struct error *error)
{
    enum study_axis axis = STUDY_END;
    const char *values = NULL;
    uint64_t count = 0;
    esp_status status = read_axis(text, &axis, &values, error);
    if (status != ESP_OK || axis == STUDY_END)
        return status == ESP_OK ? add_point(points, axis, 0, error) : status;
    char **parts = list_split(values, &count);
    if (!parts)
        return error_memory(error);
    if (count == 0)
        status = error_set(error, ESP_ERROR_INVALID, "--at: no number in '%s'", text);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        double at;
        bool read = axis == STUDY_SECONDS ? read_duration(parts[i], &at) : read_real(parts[i], &at);
        if (read && at > 0)
            status = add_point(points, axis, at, error);
        else
            status = error_set(error, ESP_ERROR_INVALID,
                               "--at: expected a number above 0, got '%s' in '%s'", parts[i], text);
    }
    free(parts);
    return status;
}

static esp_status read_all_points(struct points *points, struct options *options,
                                  struct error *error)
{
    uint64_t count;
    const char *const *texts = options_values(options, "at", &count);
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < count; i++)
        status = read_points(points, texts[i], error);
    return status == ESP_OK && points->count == 0 ? add_point(points, STUDY_END, 0, error) : status;
}

static bool is_folder(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

// Folders first: a CSV need not say what is sought where they do.
esp_status compare_study(struct study *study, const struct options *options, struct error *error)
{
    esp_status status = ESP_OK;
    const char *objective = options_value(options, "objective");
    if (objective)
        status = study_set_objectives(study, objective, "--objective", error);
    for (int folders = 1; folders >= 0; folders--)
        for (uint64_t i = 0; status == ESP_OK && i < options->argument_count; i++)
            if (is_folder(options_argument(options, i)) == (folders == 1))
                status = study_add(study, options_argument(options, i), error);
    return status == ESP_OK ? study_label(study, error) : status;
}

esp_status compare_runs(struct options *options, struct error *error)
{
    struct study study = {0};
    struct points points = {0};
    struct comparison comparison = {0};
    esp_status status = ESP_OK;
    if (options_value(options, "top") || options_value(options, "sort"))
        return error_set(error, ESP_ERROR_INVALID,
                         "--top and --sort are for the trials of one run");
    status = read_all_points(&points, options, error);
    if (status == ESP_OK)
        status = compare_study(&study, options, error);
    if (status == ESP_OK && options_given(options, "csv")) {
        status = compare_csv(&study, error);
    } else if (status == ESP_OK) {
        status = comparison_make(&comparison, &study, points.items, points.count,
                                 options_value(options, "reference"), error);
        if (status == ESP_OK && options_given(options, "json")) {
            json_t *json = comparison_json(&comparison, error);
            status = json ? output_json(json, error) : error->status;
        } else if (status == ESP_OK) {
            status = compare_print(&comparison, error);
        }
    }
    comparison_destroy(&comparison);
    study_destroy(&study);
    free(points.items);
    return status;
}
