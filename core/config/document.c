// SPDX-License-Identifier: Apache-2.0
// Parameters in words; see document.h.
#include "config/document.h"

#include "config/sections.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *param_type_name(uint32_t type)
{
    static const char *const names[] = {"",     "integer", "real",     "yes or no", "text",
                                        "path", "choice",  "integers", "names"};
    return type < ESP_COUNT(names) ? names[type] : "?";
}

char *param_default_text(const esp_param *row)
{
    char *text = NULL;
    int length;
    if (!(row->flags & ESP_PARAM_HAS_DEFAULT))
        return NULL;
    switch (row->type) {
    case ESP_PARAM_TYPE_INT:
        length = asprintf(&text, "%lld", (long long)row->int_default);
        break;
    case ESP_PARAM_TYPE_REAL:
        length = asprintf(&text, "%g", row->real_default);
        break;
    case ESP_PARAM_TYPE_BOOL:
        length = asprintf(&text, "%s", row->int_default ? "yes" : "no");
        break;
    default:
        length = asprintf(&text, "%s", row->text_default ? row->text_default : "");
        break;
    }
    return length < 0 ? NULL : text;
}

static void int_text(char *text, size_t size, int64_t value)
{
    if (value == INT64_MAX)
        snprintf(text, size, "any");
    else
        snprintf(text, size, "%lld", (long long)value);
}

char *param_range_text(const esp_param *row)
{
    char *text = NULL, least[32], most[32];
    int length = 0;
    int_text(least, sizeof least, row->int_min);
    int_text(most, sizeof most, row->int_max);
    switch (row->type) {
    case ESP_PARAM_TYPE_INT:
        length = asprintf(&text, "%s to %s", least, most);
        break;
    case ESP_PARAM_TYPE_INTS:
        length = asprintf(&text, "a list of %s to %s", least, most);
        break;
    case ESP_PARAM_TYPE_REAL:
        length = asprintf(&text, "%g to %g", row->real_min, row->real_max);
        break;
    case ESP_PARAM_TYPE_BOOL:
        return strdup("yes, no");
    case ESP_PARAM_TYPE_CHOICE:
    case ESP_PARAM_TYPE_NAMES:
        text = strdup(row->type == ESP_PARAM_TYPE_NAMES ? "a list of " : "");
        for (uint64_t i = 0; text && i < row->choice_count; i++) {
            char *longer = NULL;
            length = asprintf(&longer, "%s%s%s", text, i ? ", " : "", row->choices[i]);
            free(text);
            text = length < 0 ? NULL : longer;
        }
        return text;
    default:
        return strdup("");
    }
    return length < 0 ? NULL : text;
}

static void write_table(FILE *file, const esp_param *table, uint64_t count, uint64_t stride)
{
    if (count == 0) {
        fprintf(file, "No parameters.\n");
        return;
    }
    fprintf(file, "| key | type | default | range | unit | meaning |\n|---|---|---|---|---|---|\n");
    const char *row = (const char *)table;
    for (uint64_t i = 0; i < count; i++, row += stride) {
        const esp_param *param = (const esp_param *)(const void *)row;
        char *standard = param_default_text(param), *range = param_range_text(param);
        fprintf(file, "| `%s` | %s | %s | %s%s | %s | %s |\n", param->name,
                param_type_name(param->type), standard ? standard : "(required)",
                range ? range : "", param->flags & ESP_PARAM_LOG ? " (log)" : "",
                param->unit ? param->unit : "", param->help ? param->help : "");
        free(standard);
        free(range);
    }
}

static void write_component(FILE *file, const struct component *component)
{
    struct description description = component_description(component);
    if (description.summary)
        fprintf(file, "%s", description.summary);
    if (description.source)
        fprintf(file, " (%s)", description.source);
    fprintf(file, "\n\n");
    write_table(file, description.params, description.param_count, description.param_stride);
}

char *component_document(const struct component *component)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return NULL;
    fprintf(file, "## %s/%s\n\n", kind_name(component->kind), component->id);
    write_component(file, component);
    return fclose(file) == 0 ? text : NULL;
}

static int by_id(const void *a, const void *b)
{
    const struct component *const *x = a, *const *y = b;
    return strcmp((*x)->id, (*y)->id);
}

// The plugins of a kind in the order of their ids.
static void write_kind(FILE *file, struct registry *registry, uint32_t kind)
{
    const struct component *found[256];
    size_t count = 0;
    for (uint64_t i = 0; i < registry_count(registry) && count < ESP_COUNT(found); i++) {
        const struct component *component = registry_get(registry, i), *loaded;
        struct error words;
        error_clear(&words);
        if (component->kind == kind && !component->refused && !component->shadowed_by &&
            registry_find(&loaded, registry, kind, component->id, &words) == ESP_OK)
            found[count++] = loaded;
    }
    qsort(found, count, sizeof found[0], by_id);
    for (size_t i = 0; i < count; i++) {
        fprintf(file, "\n### plugin = %s\n\n", found[i]->id);
        write_component(file, found[i]);
    }
}

char *configuration_document(struct registry *registry)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return NULL;
    fprintf(file,
            "# Configuration\n\n"
            "This page is generated: `espalier describe --all > docs/configuration.md`.\n\n"
            "An experiment is an INI file: `[section]`, `key = value`, comments after `;`. A value "
            "begins at the key's line and ends with it; lines have at most 198 bytes. `include = "
            "base.ini` may stand before the first section. `--set section.key=value` goes over "
            "the file.\n\n"
            "Any parameter of the space, the estimator or the dataset may have a distribution "
            "for a value, and is then searched along with the architecture: `log(1e-4, 1e-1)`, "
            "`uniform(0, 1)`, `int(1, 8)`, `int_log(8, 256)`, `one_of(sgd, adamw)`.\n\n"
            "Whole numbers may be written as `1e6`, times as `90s`, `10m`, `2h`, sizes as `500M`, "
            "`4G`.\n");
    for (int i = 0; i < SECTION_COUNT; i++) {
        fprintf(file, "\n## [%s]\n\n%s\n", sections[i].name, sections[i].help);
        if (sections[i].count > 0) {
            fprintf(file, "\n");
            write_table(file, sections[i].table, sections[i].count, sizeof(esp_param));
        }
        if (sections[i].takes_plugin)
            write_kind(file, registry, kind_from_name(sections[i].name));
    }
    return fclose(file) == 0 ? text : NULL;
}
