// SPDX-License-Identifier: Apache-2.0
// The path encoding; see encoding.h.
#include <espalier/support/encoding.h>

#include <stdlib.h>

struct path {
    char *text;
    uint64_t cell;
    uint64_t length; // operators
    uint64_t met;    // samples that have it
};

struct esp_path_encoding {
    struct path *paths; // by cell, then by text
    uint64_t count, capacity;
};

static int by_text(const void *a, const void *b)
{
    const struct path *x = a, *y = b;
    if (x->cell != y->cell)
        return x->cell < y->cell ? -1 : 1;
    return strcmp(x->text, y->text);
}

// The shortest, then the most frequent.
static int by_length(const void *a, const void *b)
{
    const struct path *x = a, *y = b;
    if (x->length != y->length)
        return x->length < y->length ? -1 : 1;
    if (x->met != y->met)
        return x->met > y->met ? -1 : 1;
    return by_text(a, b);
}

// The path's place, or where it belongs; `*found` tells which.
static uint64_t place_of(const esp_path_encoding *encoding, uint64_t cell, const char *text,
                         int *found)
{
    const struct path sought = {(char *)(uintptr_t)text, cell, 0, 0};
    uint64_t low = 0, high = encoding->count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        int order = by_text(&encoding->paths[middle], &sought);
        if (order == 0) {
            *found = 1;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = 0;
    return low;
}

static esp_status count_path(esp_path_encoding *encoding, uint64_t cell, const char *text)
{
    int found;
    uint64_t place = place_of(encoding, cell, text, &found);
    if (found) {
        encoding->paths[place].met++;
        return ESP_OK;
    }
    if (encoding->count == encoding->capacity) {
        uint64_t capacity = encoding->capacity ? 2 * encoding->capacity : 256;
        struct path *paths = realloc(encoding->paths, capacity * sizeof *paths);
        if (!paths)
            return ESP_ERROR_MEMORY;
        encoding->paths = paths;
        encoding->capacity = capacity;
    }
    const size_t size = strlen(text) + 1;
    struct path path = {malloc(size), cell, 1, 1};
    if (!path.text)
        return ESP_ERROR_MEMORY;
    memcpy(path.text, text, size);
    for (const char *c = text; *c; c++)
        path.length += *c == '>';
    memmove(&encoding->paths[place + 1], &encoding->paths[place],
            (encoding->count - place) * sizeof *encoding->paths);
    encoding->paths[place] = path;
    encoding->count++;
    return ESP_OK;
}

// Calls `visit` with every path of every cell of `arch`.
static esp_status each_path(esp_search *search, const esp_arch *arch,
                            esp_status (*visit)(void *, uint64_t, const char *), void *self)
{
    const esp_structure *structure = NULL;
    esp_status status = esp_search_structure(search, arch, &structure);
    for (uint64_t i = 0; status == ESP_OK && i < structure->cell_count; i++) {
        const esp_cell *cell = esp_structure_get(structure, i);
        if (!cell->paths && cell->path_count == 0 && cell->edge_count > 0)
            status = ESP_ERROR_UNSUPPORTED;
        for (uint64_t k = 0; k < cell->path_count && status == ESP_OK; k++)
            status = visit(self, i, cell->paths[k]);
    }
    esp_search_structure_release(search, structure);
    return status;
}

static esp_status visit_sample(void *self, uint64_t cell, const char *text)
{
    return count_path(self, cell, text);
}

esp_status esp_path_encoding_create(esp_path_encoding **out, esp_search *search, esp_random *random,
                                    uint64_t samples, uint64_t most)
{
    esp_path_encoding *encoding = calloc(1, sizeof *encoding);
    esp_status status = encoding ? ESP_OK : ESP_ERROR_MEMORY;
    for (uint64_t i = 0; i < samples && status == ESP_OK; i++) {
        esp_arch *arch = NULL;
        status = esp_search_sample(search, random, &arch);
        if (status == ESP_OK)
            status = each_path(search, arch, visit_sample, encoding);
        esp_arch_release(arch);
    }
    if (status != ESP_OK) {
        esp_path_encoding_destroy(encoding);
        return status;
    }
    if (most > 0 && encoding->count > most) {
        qsort(encoding->paths, encoding->count, sizeof *encoding->paths, by_length);
        for (uint64_t i = most; i < encoding->count; i++)
            free(encoding->paths[i].text);
        encoding->count = most;
        qsort(encoding->paths, encoding->count, sizeof *encoding->paths, by_text);
    }
    *out = encoding;
    return ESP_OK;
}

void esp_path_encoding_destroy(esp_path_encoding *encoding)
{
    if (!encoding)
        return;
    for (uint64_t i = 0; i < encoding->count; i++)
        free(encoding->paths[i].text);
    free(encoding->paths);
    free(encoding);
}

uint64_t esp_path_encoding_width(const esp_path_encoding *encoding)
{
    return encoding->count;
}

struct writing {
    const esp_path_encoding *encoding;
    double *vector;
};

static esp_status visit_written(void *self, uint64_t cell, const char *text)
{
    struct writing *writing = self;
    int found;
    uint64_t place = place_of(writing->encoding, cell, text, &found);
    if (found)
        writing->vector[place] = 1.0;
    return ESP_OK;
}

esp_status esp_path_encoding_write(const esp_path_encoding *encoding, esp_search *search,
                                   const esp_arch *arch, double *vector)
{
    struct writing writing = {encoding, vector};
    for (uint64_t i = 0; i < encoding->count; i++)
        vector[i] = 0.0;
    return each_path(search, arch, visit_written, &writing);
}
