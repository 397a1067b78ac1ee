// SPDX-License-Identifier: Apache-2.0
// The safetensors format, f32 alone; see safetensors.h.
#include "evaluate/safetensors.h"

#include "error/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

// ---- Writing ----------------------------------------------------------------------------------

static uint64_t entry_bytes(const struct safetensors_entry *entry)
{
    uint64_t bytes = sizeof(float);
    for (uint32_t i = 0; i < entry->rank; i++)
        bytes *= (uint64_t)entry->dims[i];
    return bytes;
}

// The header's JSON, padded with blanks to a multiple of 8 bytes. Owner: the caller (free).
static char *make_header(const struct safetensors_entry *entries, uint64_t count,
                         const struct safetensors_note *notes, uint64_t note_count)
{
    json_t *header = json_object();
    uint64_t offset = 0;
    if (note_count > 0) {
        json_t *metadata = json_object();
        for (uint64_t i = 0; i < note_count; i++)
            json_object_set_new(metadata, notes[i].key, json_string(notes[i].value));
        json_object_set_new(header, "__metadata__", metadata);
    }
    for (uint64_t i = 0; i < count; i++) {
        json_t *shape = json_array();
        uint64_t end = offset + entry_bytes(&entries[i]);
        for (uint32_t d = 0; d < entries[i].rank; d++)
            json_array_append_new(shape, json_integer(entries[i].dims[d]));
        json_object_set_new(header, entries[i].name,
                            json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape,
                                      "data_offsets", (json_int_t)offset, (json_int_t)end));
        offset = end;
    }
    char *text = json_dumps(header, JSON_COMPACT);
    json_decref(header);
    char *padded = NULL;
    if (text) {
        size_t length = strlen(text), whole = (length + 7) / 8 * 8;
        padded = malloc(whole + 1);
        if (padded) {
            memset(padded, ' ', whole);
            memcpy(padded, text, length);
            padded[whole] = '\0';
        }
    }
    free(text);
    return padded;
}

static bool write_all(FILE *file, const char *header, const struct safetensors_entry *entries,
                      uint64_t count)
{
    unsigned char size[8];
    uint64_t length = strlen(header);
    for (int i = 0; i < 8; i++)
        size[i] = (unsigned char)(length >> (8 * i));
    if (fwrite(size, 1, 8, file) != 8 || fwrite(header, 1, length, file) != length)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t bytes = entry_bytes(&entries[i]);
        if (fwrite(entries[i].data, 1, bytes, file) != bytes)
            return false;
    }
    return fflush(file) == 0 && fsync(fileno(file)) == 0;
}

esp_status safetensors_write(const char *path, const struct safetensors_entry *entries,
                             uint64_t count, const struct safetensors_note *notes,
                             uint64_t note_count, struct error *error)
{
    char *aside = NULL;
    char *header = make_header(entries, count, notes, note_count);
    if (!header || asprintf(&aside, "%s.new", path) < 0) {
        free(header);
        return error_memory(error);
    }
    fault_point("checkpoint-before");
    FILE *file = fopen(aside, "we");
    bool written = file && write_all(file, header, entries, count);
    int reason = errno;
    if (file && fclose(file) != 0 && written) {
        written = false;
        reason = errno;
    }
    fault_point("checkpoint-written");
    if (written && rename(aside, path) != 0) {
        written = false;
        reason = errno;
    }
    fault_point("checkpoint-after");
    if (!written)
        unlink(aside);
    free(header);
    free(aside);
    return written ? ESP_OK
                   : error_set(error, ESP_ERROR_IO, "%s: cannot write: %s", path, strerror(reason));
}

// ---- Reading ----------------------------------------------------------------------------------

struct safetensors {
    void *map;
    size_t size;
    json_t *header;
    struct safetensors_entry *entries;
    int64_t (*dims)[ESP_MAX_RANK];
    uint64_t count;
};

static esp_status malformed(struct error *error, const char *path, const char *what)
{
    return error_set(error, ESP_ERROR_DATA, "%s: it is no whole safetensors file: %s", path, what);
}

static esp_status take_entry(struct safetensors *file, const char *name, const json_t *json,
                             const char *data, uint64_t data_size, const char *path,
                             struct error *error)
{
    const char *type = json_string_value(json_object_get(json, "dtype"));
    const json_t *shape = json_object_get(json, "shape");
    const json_t *offsets = json_object_get(json, "data_offsets");
    size_t rank = json_array_size(shape);
    if (!type || strcmp(type, "F32") != 0)
        return malformed(error, path, "a tensor that is not F32");
    if (!json_is_array(shape) || rank > ESP_MAX_RANK || json_array_size(offsets) != 2)
        return malformed(error, path, "a tensor's shape or offsets");
    struct safetensors_entry *entry = &file->entries[file->count];
    int64_t *dims = file->dims[file->count];
    uint64_t bytes = sizeof(float);
    for (size_t i = 0; i < rank; i++) {
        dims[i] = json_integer_value(json_array_get(shape, i));
        if (dims[i] < 0 || (dims[i] > 0 && bytes > data_size / (uint64_t)dims[i] + 8))
            return malformed(error, path, "a tensor's shape");
        bytes *= (uint64_t)dims[i];
    }
    json_int_t begin = json_integer_value(json_array_get(offsets, 0));
    json_int_t end = json_integer_value(json_array_get(offsets, 1));
    if (begin < 0 || end < begin || (uint64_t)end > data_size ||
        begin % (json_int_t)sizeof(float) || (uint64_t)(end - begin) != bytes)
        return malformed(error, path, "a tensor's offsets");
    *entry = (struct safetensors_entry){name, (uint32_t)rank, dims,
                                        (const float *)(const void *)(data + begin)};
    file->count++;
    return ESP_OK;
}

static esp_status read_header(struct safetensors *file, const char *path, struct error *error)
{
    const unsigned char *bytes = file->map;
    uint64_t length = 0;
    if (file->size < 8)
        return malformed(error, path, "it is shorter than 8 bytes");
    for (int i = 0; i < 8; i++)
        length |= (uint64_t)bytes[i] << (8 * i);
    if (length > file->size - 8 || length % sizeof(float) != 0)
        return malformed(error, path, "the header's length");
    file->header = json_loadb((const char *)bytes + 8, length, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(file->header))
        return malformed(error, path, "the header is no JSON object");
    size_t most = json_object_size(file->header);
    file->entries = calloc(most + 1, sizeof *file->entries);
    file->dims = calloc(most + 1, sizeof *file->dims);
    if (!file->entries || !file->dims)
        return error_memory(error);
    const char *name;
    json_t *value;
    esp_status status = ESP_OK;
    json_object_foreach (file->header, name, value) {
        if (status == ESP_OK && strcmp(name, "__metadata__") != 0)
            status = take_entry(file, name, value, (const char *)bytes + 8 + length,
                                file->size - 8 - length, path, error);
    }
    return status;
}

esp_status safetensors_open(struct safetensors **out, const char *path, struct error *error)
{
    struct safetensors *file = calloc(1, sizeof *file);
    if (!file)
        return error_memory(error);
    struct stat found;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    esp_status status = ESP_OK;
    if (descriptor < 0 || fstat(descriptor, &found) != 0) {
        status = error_set(error, ESP_ERROR_IO, "%s: cannot be read: %s", path, strerror(errno));
    } else {
        file->size = (size_t)found.st_size;
        file->map =
            file->size ? mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, descriptor, 0) : MAP_FAILED;
        if (file->map == MAP_FAILED) {
            file->map = NULL;
            status = malformed(error, path, "it is empty");
        }
    }
    if (descriptor >= 0)
        close(descriptor);
    if (status == ESP_OK)
        status = read_header(file, path, error);
    if (status != ESP_OK) {
        safetensors_close(file);
        return status;
    }
    *out = file;
    return ESP_OK;
}

void safetensors_close(struct safetensors *file)
{
    if (!file)
        return;
    if (file->map)
        munmap(file->map, file->size);
    json_decref(file->header);
    free(file->entries);
    free(file->dims);
    free(file);
}

uint64_t safetensors_count(const struct safetensors *file)
{
    return file->count;
}

struct safetensors_entry safetensors_get(const struct safetensors *file, uint64_t i)
{
    return file->entries[i];
}

bool safetensors_find(const struct safetensors *file, const char *name,
                      struct safetensors_entry *out)
{
    for (uint64_t i = 0; i < file->count; i++)
        if (strcmp(file->entries[i].name, name) == 0) {
            *out = file->entries[i];
            return true;
        }
    return false;
}

const char *safetensors_note(const struct safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

void safetensors_each_note(const struct safetensors *file, json_t *into)
{
    json_object_update(into, json_object_get(file->header, "__metadata__"));
}
