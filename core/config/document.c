// SPDX-License-Identifier: Apache-2.0
// Parameters in words; see document.h.
#include "config/document.h"

#include "config/list.h"
#include "config/sections.h"
#include "config/units.h"
#include "config/value.h"
#include "text/stream.h"

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
    char *text = NULL, number[REAL_TEXT_SIZE];
    int length;
    if (!(row->flags & ESP_PARAM_HAS_DEFAULT))
        return NULL;
    switch (row->type) {
    case ESP_PARAM_TYPE_INT:
        length = asprintf(&text, "%lld", (long long)row->int_default);
        break;
    case ESP_PARAM_TYPE_REAL:
        write_real(number, row->real_default);
        length = asprintf(&text, "%s", number);
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

static char *bounds_text(const esp_param *row)
{
    char least[REAL_TEXT_SIZE], most[REAL_TEXT_SIZE], *text = NULL;
    bool real = row->type == ESP_PARAM_TYPE_REAL;
    if (real) {
        write_real(least, row->real_min);
        write_real(most, row->real_max);
    } else {
        snprintf(least, sizeof least, "%lld", (long long)row->int_min);
        snprintf(most, sizeof most, "%lld", (long long)row->int_max);
    }
    int length = 0;
    if (row_open_below(row))
        length = row_open_above(row) ? asprintf(&text, "any") : asprintf(&text, "%s or less", most);
    else
        length = row_open_above(row) ? asprintf(&text, "%s or more", least)
                                     : asprintf(&text, "%s to %s", least, most);
    return length < 0 ? NULL : text;
}

char *param_range_text(const esp_param *row)
{
    char *text = NULL, *bounds, names[1024];
    int length = 0;
    switch (row->type) {
    case ESP_PARAM_TYPE_INT:
    case ESP_PARAM_TYPE_REAL:
        return bounds_text(row);
    case ESP_PARAM_TYPE_INTS:
        bounds = bounds_text(row);
        length = bounds ? asprintf(&text, "a list of %s", bounds) : -1;
        free(bounds);
        return length < 0 ? NULL : text;
    case ESP_PARAM_TYPE_BOOL:
        return strdup("yes, no");
    case ESP_PARAM_TYPE_CHOICE:
    case ESP_PARAM_TYPE_NAMES:
        list_join(names, sizeof names, row->choices, row->choice_count);
        length =
            asprintf(&text, "%s%s", row->type == ESP_PARAM_TYPE_NAMES ? "a list of " : "", names);
        return length < 0 ? NULL : text;
    default:
        return strdup("");
    }
}

// A cell of a Markdown table: a bar would end it.
static void write_cell(FILE *file, const char *text, const char *more)
{
    fputs(" ", file);
    for (; text && *text; text++)
        fprintf(file, *text == '|' ? "\\%c" : "%c", *text);
    fprintf(file, "%s |", more);
}

// This and what calls it: false where memory ran out.
static bool write_row(FILE *file, const esp_param *row)
{
    char *standard = param_default_text(row), *range = param_range_text(row);
    bool complete = range && (standard || !(row->flags & ESP_PARAM_HAS_DEFAULT));
    fprintf(file, "| `%s` |", row->name);
    write_cell(file, param_type_name(row->type), "");
    write_cell(file, row->flags & ESP_PARAM_REQUIRED ? "(required)" : standard, "");
    write_cell(file, range, row->flags & ESP_PARAM_LOG ? " (log)" : "");
    write_cell(file, row->unit, "");
    write_cell(file, row->help, "");
    fputs("\n", file);
    free(standard);
    free(range);
    return complete;
}

static bool write_table(FILE *file, const esp_param *table, uint64_t count, uint64_t stride)
{
    if (count == 0) {
        fprintf(file, "No parameters.\n");
        return true;
    }
    fprintf(file, "| key | type | default | range | unit | meaning |\n|---|---|---|---|---|---|\n");
    bool complete = true;
    for (uint64_t i = 0; i < count; i++)
        complete &=
            write_row(file, (const esp_param *)(const void *)((const char *)table + i * stride));
    return complete;
}

static bool write_component(FILE *file, const struct component *component)
{
    struct description description = component_description(component);
    if (description.summary)
        fprintf(file, "%s", description.summary);
    if (description.source)
        fprintf(file, " (%s)", description.source);
    fprintf(file, "\n\n");
    const char *notation = description_notation(component->type, component->kind);
    if (notation)
        fprintf(file, "Notation: `%s`\n\n", notation);
    return write_table(file, description.params, description.param_count, description.param_stride);
}

static char *finish(FILE *file, char **text, bool complete)
{
    char *whole = text_stream_close(file, text);
    if (complete)
        return whole;
    free(whole);
    return NULL;
}

char *component_document(const struct component *component)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return NULL;
    fprintf(file, "## %s/%s\n\n", kind_name(component->kind), component->id);
    return finish(file, &text, write_component(file, component));
}

static int by_id(const void *a, const void *b)
{
    const struct component *const *x = a, *const *y = b;
    return strcmp((*x)->id, (*y)->id);
}

// The plugins of a kind in the order of their ids. One that cannot be loaded is left out, with a
// warning.
static bool write_kind(FILE *file, struct registry *registry, uint32_t kind)
{
    const struct component **found = calloc(registry_count(registry) + 1, sizeof *found);
    size_t count = 0;
    bool complete = found != NULL;
    for (uint64_t i = 0; complete && i < registry_count(registry); i++) {
        const struct component *component = registry_get(registry, i), *loaded;
        struct error words;
        error_clear(&words);
        if (component->kind != kind || component->refused || component->shadowed_by)
            continue;
        if (registry_find(&loaded, registry, kind, component->id, &words) == ESP_OK)
            found[count++] = loaded;
        else
            log_line(ESP_LOG_WARNING, "%s is left out: %s", component->id, words.message);
    }
    if (count > 0)
        qsort(found, count, sizeof *found, by_id);
    for (size_t i = 0; i < count; i++) {
        fprintf(file, "\n### plugin = %s\n\n", found[i]->id);
        complete &= write_component(file, found[i]);
    }
    free(found);
    return complete;
}

static const char introduction[] =
    "# Configuration\n\n"
    "This page is generated: `espalier describe --all > docs/configuration.md`.\n\n"
    "An experiment is an INI file: `[section]`, `key = value`. Comments stand on lines of "
    "their own after `;` or `#`, and behind a value after a blank and `;`. A line begins at "
    "the left and has at most 198 bytes; one that ends in a backslash goes on at the next, "
    "indented line, without the blanks around the break. A key stands once in a section.\n\n"
    "`include = base.ini` stands before the first section; the path starts at the including "
    "file's folder. The including file goes over what it includes, a later include over an "
    "earlier one, and `--set section.key=value` over all.\n\n"
    "`[sweep]` makes many runs of one file, for `espalier sweep`: [sweeps.md](sweeps.md).\n\n"
    "Any parameter of the space, the estimator or the dataset may have a distribution for a "
    "value, and is then searched along with the architecture, as the decision "
    "`@section/key`:\n\n"
    "| distribution | of | draws |\n|---|---|---|\n"
    "| `uniform(0, 1)` | a real or an integer | each value alike |\n"
    "| `log(1e-4, 1e-1)` | a real or an integer above 0 | its logarithm alike |\n"
    "| `int(1, 8)` | an integer | each value alike |\n"
    "| `int_log(8, 256)` | an integer above 0 | its logarithm alike |\n"
    "| `one_of(sgd, adamw)` | all but lists | each option alike |\n\n"
    "Whole numbers may be written as `1e6`, times as `90s`, `10m`, `2h`, `1d`, sizes as "
    "`500K`, `300M`, `4G`, `1T` (powers of 1,024), yes and no also as `true`, `false`, "
    "`on`, `off`. Lists have commas between their parts. Paths start at the folder of the "
    "file that says them, `[run] out` at the current folder.\n";

char *configuration_document(struct registry *registry)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return NULL;
    bool complete = fputs(introduction, file) >= 0;
    for (int i = 0; i < SECTION_COUNT; i++) {
        fprintf(file, "\n## [%s]\n\n%s\n", sections[i].name, sections[i].help);
        if (sections[i].count > 0) {
            fprintf(file, "\n");
            complete &= write_table(file, sections[i].table, sections[i].count, sizeof(esp_param));
        }
        if (sections[i].takes_plugin)
            complete &= write_kind(file, registry, kind_from_name(sections[i].name));
    }
    return finish(file, &text, complete);
}
