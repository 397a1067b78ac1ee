// SPDX-License-Identifier: Apache-2.0
// The file of the report page; see page.h. Data stand in it as JSON in which no '<' occurs, so that no
// text of a plugin or a configuration can end its element; scripts are allowed by a nonce alone.
#include "report/page/page.h"

#include "report/page/assets.h"
#include "text/markup.h"

#include <errno.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHART "chart.min.js"
#define CHART_INSTALLED "/usr/share/javascript/chart.js/" CHART

json_t *page_number(double value)
{
    if (!isfinite(value))
        return json_null();
    return value == floor(value) && fabs(value) < 1e15 ? json_integer((json_int_t)value)
                                                       : json_real(value);
}

json_t *page_text(const char *text)
{
    if (!text)
        return json_null();
    json_t *whole = json_string(text);
    char *copy = whole ? NULL : strdup(text);
    for (char *at = copy; at && *at; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    if (copy)
        whole = json_string(copy);
    free(copy);
    return whole;
}

json_t *page_column(json_t *array)
{
    size_t count = json_array_size(array);
    if (count < 2)
        return array;
    json_t *first = json_array_get(array, 0);
    for (size_t i = 1; i < count; i++)
        if (!json_equal(first, json_array_get(array, i)))
            return array;
    json_incref(first);
    json_decref(array);
    return first;
}

// ---- Files ------------------------------------------------------------------------------------

static const struct page_asset *find_asset(const char *name)
{
    for (const struct page_asset *asset = page_assets; asset->name; asset++)
        if (strcmp(asset->name, name) == 0)
            return asset;
    return NULL;
}

// Chart.js of the machine, for a program that was built without. Owner: the caller (free).
static char *read_installed(size_t *size)
{
    FILE *file = fopen(CHART_INSTALLED, "re");
    char *text = NULL, bytes[65536];
    FILE *memory = file ? open_memstream(&text, size) : NULL;
    for (size_t count; memory && (count = fread(bytes, 1, sizeof bytes, file)) > 0;)
        fwrite(bytes, 1, count, memory);
    bool whole = memory && ferror(file) == 0 && ferror(memory) == 0;
    if (file)
        fclose(file);
    if (memory && fclose(memory) != 0)
        whole = false;
    if (whole)
        return text;
    free(text);
    return NULL;
}

static esp_status find_chart(struct page_asset *out, char **owned, struct error *error)
{
    const struct page_asset *embedded = find_asset(CHART);
    *owned = NULL;
    if (embedded) {
        *out = *embedded;
        return ESP_OK;
    }
    *owned = read_installed(&out->size);
    out->bytes = (unsigned char *)*owned;
    if (*owned)
        return ESP_OK;
    return error_set(error, ESP_ERROR_NOT_FOUND,
                     "the page needs Chart.js, which this program was built without and which is "
                     "not at %s either: install Debian's libjs-chart.js (apt-get install "
                     "libjs-chart.js), or write single figures with --figure",
                     CHART_INSTALLED);
}

// ---- The parts --------------------------------------------------------------------------------

struct assembly {
    FILE *file;
    const char *data;
    const char *title;
    struct page_asset chart;
    char nonce[33];
};

// JSON in which '<' stands in strings alone becomes JSON without.
static void write_data(FILE *file, const char *json)
{
    for (const char *at = json; *at;) {
        size_t plain = strcspn(at, "<");
        fwrite(at, 1, plain, file);
        at += plain;
        if (*at == '<') {
            fputs("\\u003c", file);
            at++;
        }
    }
}

static void write_asset(FILE *file, const struct page_asset *asset)
{
    fwrite(asset->bytes, 1, asset->size, file);
}

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length > tail && strcmp(name + length - tail, end) == 0;
}

static void write_kind(const struct assembly *assembly, const char *end, const char *open,
                       const char *close)
{
    for (const struct page_asset *asset = page_assets; asset->name; asset++)
        if (ends_with(asset->name, end) && strcmp(asset->name, CHART) != 0) {
            fputs(open, assembly->file);
            write_asset(assembly->file, asset);
            fputs(close, assembly->file);
        }
}

static void write_scripts(const struct assembly *assembly)
{
    char open[80];
    snprintf(open, sizeof open, "<script nonce=\"%s\">\n", assembly->nonce);
    fputs(open, assembly->file);
    write_asset(assembly->file, &assembly->chart);
    fputs("\n</script>\n", assembly->file);
    write_kind(assembly, ".js", open, "</script>\n");
}

static void write_part(const struct assembly *assembly, const char *name, size_t length)
{
    if (strncmp(name, "title", length) == 0)
        markup_write(assembly->file, assembly->title);
    else if (strncmp(name, "nonce", length) == 0)
        fputs(assembly->nonce, assembly->file);
    else if (strncmp(name, "styles", length) == 0)
        write_kind(assembly, ".css", "<style>\n", "</style>\n");
    else if (strncmp(name, "data", length) == 0)
        write_data(assembly->file, assembly->data);
    else if (strncmp(name, "scripts", length) == 0)
        write_scripts(assembly);
}

// page.html, its {{parts}} filled in.
static void assemble(const struct assembly *assembly)
{
    const struct page_asset *html = find_asset("page.html");
    const char *text = (const char *)html->bytes, *end = text + html->size, *open, *close;
    while ((open = strstr(text, "{{")) && (close = strstr(open, "}}"))) {
        fwrite(text, 1, (size_t)(open - text), assembly->file);
        write_part(assembly, open + 2, (size_t)(close - open - 2));
        text = close + 2;
    }
    fwrite(text, 1, (size_t)(end - text), assembly->file);
}

// ---- The data ---------------------------------------------------------------------------------

static esp_status make_data(char **out, char **title, const struct page *page, struct error *error)
{
    json_t *study = page_study_json(page, error);
    json_t *trials = study ? page_trials_json(page, error) : NULL;
    json_t *curves = trials ? page_curves_json(page, error) : NULL;
    json_t *notes = curves ? page_notes_json(page, error) : NULL;
    json_t *whole = notes ? json_pack("{s:O, s:O, s:O, s:O, s:O?, s:s?}", "study", study, "trials",
                                      trials, "learning", curves, "notes", notes, "drawings",
                                      page->drawings, "drawings_missing", page->drawings_missing)
                          : NULL;
    const char *name = json_string_value(json_object_get(study, "title"));
    *title = name ? strdup(name) : NULL;
    // 10 digits tell measurements apart; integers are written in full.
    *out = whole ? json_dumps(whole, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(10))
                 : NULL;
    json_decref(whole);
    json_decref(notes);
    json_decref(curves);
    json_decref(trials);
    json_decref(study);
    if (*out && *title)
        return ESP_OK;
    return error->status != ESP_OK ? error->status : error_memory(error);
}

// Written aside and renamed: a page that is there stays whole until the new one is.
static esp_status write_file(struct assembly *assembly, const char *path, struct error *error)
{
    char *aside = NULL;
    if (asprintf(&aside, "%s.new", path) < 0)
        return error_memory(error);
    esp_status status = ESP_OK;
    assembly->file = fopen(aside, "we");
    if (!assembly->file) {
        status = error_system(error, path, "write", errno);
    } else {
        assemble(assembly);
        bool failed = ferror(assembly->file) != 0;
        errno = failed ? EIO : 0;
        if (fclose(assembly->file) != 0 || failed || rename(aside, path) != 0) {
            status = error_system(error, path, "write", errno);
            unlink(aside);
        }
    }
    free(aside);
    return status;
}

esp_status page_write(const struct page *page, const char *path, struct error *error)
{
    struct assembly assembly = {0};
    char *chart = NULL, *data = NULL, *title = NULL;
    unsigned char random[16];
    if (page->study->objective_count == 0)
        return error_set(error, ESP_ERROR_INVALID,
                         "there is nothing to show: none of the runs has begun");
    esp_status status = find_chart(&assembly.chart, &chart, error);
    if (status == ESP_OK)
        status = make_data(&data, &title, page, error);
    if (status == ESP_OK && sodium_init() < 0)
        status = error_set(error, ESP_ERROR, "the system gives no random numbers");
    if (status == ESP_OK) {
        randombytes_buf(random, sizeof random);
        sodium_bin2hex(assembly.nonce, sizeof assembly.nonce, random, sizeof random);
        assembly.data = data;
        assembly.title = title;
        status = write_file(&assembly, path, error);
    }
    free(chart);
    free(data);
    free(title);
    return status;
}
