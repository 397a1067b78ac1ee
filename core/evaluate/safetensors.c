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

// The key of the notes among the tensors' names.
#define METADATA "__metadata__"

// ---- Writing ----------------------------------------------------------------------------------

static uint64_t entry_bytes(const struct safetensors_entry *entry)
{
    uint64_t bytes = sizeof(float);
    for (uint32_t i = 0; i < entry->rank; i++)
        bytes *= (uint64_t)entry->dims[i];
    return bytes;
}

// False where an allocation failed; `*offset` moves on to the end of the entry.
static bool add_entry(json_t *header, const struct safetensors_entry *entry, uint64_t *offset)
{
    json_t *shape = json_array();
    uint64_t begin = *offset;
    bool added = shape != NULL;
    *offset += entry_bytes(entry);
    for (uint32_t d = 0; added && d < entry->rank; d++)
        added = json_array_append_new(shape, json_integer(entry->dims[d])) == 0;
    json_t *row = added ? json_pack("{s:s, s:O, s:[I, I]}", "dtype", "F32", "shape", shape,
                                    "data_offsets", (json_int_t)begin, (json_int_t)*offset)
                        : NULL;
    json_decref(shape);
    return json_object_set_new(header, entry->name, row) == 0;
}

static json_t *make_metadata(const struct safetensors_note *notes, uint64_t count)
{
    json_t *metadata = json_object();
    for (uint64_t i = 0; metadata && i < count; i++)
        if (json_object_set_new(metadata, notes[i].key, json_string(notes[i].value)) != 0) {
            json_decref(metadata);
            return NULL;
        }
    return metadata;
}

// The header's JSON, padded with blanks to a multiple of 8 bytes. Owner: the caller (free). NULL:
// out of memory, or a name that is no UTF-8.
static char *make_header(const struct safetensors_entry *entries, uint64_t count,
                         const struct safetensors_note *notes, uint64_t note_count)
{
    json_t *header = json_object();
    uint64_t offset = 0;
    bool whole = note_count == 0 ||
                 json_object_set_new(header, METADATA, make_metadata(notes, note_count)) == 0;
    for (uint64_t i = 0; whole && i < count; i++)
        whole = add_entry(header, &entries[i], &offset);
    char *text = whole ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    size_t length = text ? strlen(text) : 0, size = (length + 7) / 8 * 8;
    char *padded = text ? malloc(size + 1) : NULL;
    if (padded) {
        memset(padded, ' ', size);
        memcpy(padded, text, length);
        padded[size] = '\0';
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
    return written ? ESP_OK : error_system(error, path, "write", reason);
}

// ---- Reading ----------------------------------------------------------------------------------

struct safetensors {
    void *map;
    size_t size;
    json_t *header;
    struct safetensors_entry *entries;
    int64_t (*dims)[ESP_MAX_RANK];
    uint64_t count;
    uint64_t next; // after the entry found last
};

static esp_status malformed(struct error *error, const char *path, const char *tensor,
                            const char *what)
{
    return tensor ? error_set(error, ESP_ERROR_DATA,
                              "%s: it is no whole safetensors file: tensor '%s': %s", path, tensor,
                              what)
                  : error_set(error, ESP_ERROR_DATA, "%s: it is no whole safetensors file: %s",
                              path, what);
}

// Notes are texts by the format's definition.
static bool are_texts(json_t *notes)
{
    const char *key;
    json_t *value;
    json_object_foreach (notes, key, value)
        if (!json_is_string(value))
            return false;
    return !notes || json_is_object(notes);
}

// Bytes of the data section, of the tensor of that name.
struct range {
    uint64_t begin, end;
    const char *name;
};

// False where it does not lie in a data section of `size` bytes.
static bool take_range(const json_t *offsets, uint64_t size, struct range *out)
{
    const json_t *a = json_array_get(offsets, 0), *b = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(a) || !json_is_integer(b) ||
        json_integer_value(a) < 0 || json_integer_value(b) < json_integer_value(a))
        return false;
    out->begin = (uint64_t)json_integer_value(a);
    out->end = (uint64_t)json_integer_value(b);
    return out->end <= size && out->begin % sizeof(float) == 0;
}

// The bytes of a tensor of this shape, and its dimensions; false where it is no shape, or one that
// no file of `size` bytes can hold.
static bool take_shape(const json_t *shape, uint64_t size, int64_t *dims, uint64_t *bytes)
{
    size_t rank = json_array_size(shape);
    *bytes = sizeof(float);
    if (!json_is_array(shape) || rank > ESP_MAX_RANK)
        return false;
    for (size_t i = 0; i < rank; i++) {
        const json_t *dim = json_array_get(shape, i);
        dims[i] = json_integer_value(dim);
        if (!json_is_integer(dim) || dims[i] < 0 ||
            (dims[i] > 0 && *bytes > size / (uint64_t)dims[i]))
            return false;
        *bytes *= (uint64_t)dims[i];
    }
    return true;
}

static esp_status take_entry(struct safetensors *file, const char *name, const json_t *json,
                             const char *data, uint64_t size, struct range *range, const char *path,
                             struct error *error)
{
    const char *type = json_string_value(json_object_get(json, "dtype"));
    const json_t *shape = json_object_get(json, "shape");
    int64_t *dims = file->dims[file->count];
    uint64_t bytes;
    if (!type || strcmp(type, "F32") != 0) {
        char words[96];
        snprintf(words, sizeof words, "expected the type F32, got %.32s", type ? type : "none");
        return malformed(error, path, name, words);
    }
    if (!take_shape(shape, size, dims, &bytes))
        return malformed(error, path, name, "a shape that the file cannot hold");
    if (!take_range(json_object_get(json, "data_offsets"), size, range))
        return malformed(error, path, name, "offsets that do not lie in the file");
    if (range->end - range->begin != bytes)
        return malformed(error, path, name, "offsets that do not fit its shape");
    range->name = name;
    file->entries[file->count++] =
        (struct safetensors_entry){name, (uint32_t)json_array_size(shape), dims,
                                   (const float *)(const void *)(data + range->begin)};
    return ESP_OK;
}

static int compare_ranges(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

// The format has tensors side by side: no holes, nothing twice, nothing behind the last.
static esp_status cover_exactly(struct range *ranges, uint64_t count, uint64_t size,
                                const char *path, struct error *error)
{
    uint64_t covered = 0;
    char words[160];
    qsort(ranges, count, sizeof *ranges, compare_ranges);
    for (uint64_t i = 0; i < count; i++) {
        if (ranges[i].begin < covered)
            snprintf(words, sizeof words, "its bytes overlap those of another, up to byte %llu",
                     (unsigned long long)covered);
        else if (ranges[i].begin > covered)
            snprintf(words, sizeof words, "the %llu bytes before it belong to no tensor",
                     (unsigned long long)(ranges[i].begin - covered));
        if (ranges[i].begin != covered)
            return malformed(error, path, ranges[i].name, words);
        covered = ranges[i].end;
    }
    if (covered == size)
        return ESP_OK;
    snprintf(words, sizeof words, "the last %llu of its bytes belong to no tensor",
             (unsigned long long)(size - covered));
    return malformed(error, path, NULL, words);
}

static esp_status take_entries(struct safetensors *file, const char *data, uint64_t size,
                               const char *path, struct error *error)
{
    size_t most = json_object_size(file->header);
    struct range *ranges = calloc(most + 1, sizeof *ranges);
    file->entries = calloc(most + 1, sizeof *file->entries);
    file->dims = calloc(most + 1, sizeof *file->dims);
    esp_status status = ranges && file->entries && file->dims ? ESP_OK : error_memory(error);
    const char *name;
    json_t *value;
    json_object_foreach (file->header, name, value)
        if (status == ESP_OK && strcmp(name, METADATA) != 0)
            status = take_entry(file, name, value, data, size, &ranges[file->count], path, error);
    if (status == ESP_OK)
        status = cover_exactly(ranges, file->count, size, path, error);
    free(ranges);
    return status;
}

// The length of the header in the first 8 bytes, little-endian; the data begins at a multiple of 4.
static bool take_length(const struct safetensors *file, uint64_t *out)
{
    const unsigned char *bytes = file->map;
    *out = 0;
    for (int i = 0; i < 8 && file->size >= 8; i++)
        *out |= (uint64_t)bytes[i] << (8 * i);
    return file->size >= 8 && *out <= file->size - 8 && *out % sizeof(float) == 0;
}

static esp_status length_wrong(const struct safetensors *file, uint64_t length, const char *path,
                               struct error *error)
{
    char words[160];
    if (file->size < 8)
        snprintf(words, sizeof words,
                 "the length of its header: it has %zu bytes, and that takes 8", file->size);
    else if (length > file->size - 8)
        snprintf(words, sizeof words, "the length of its header is %llu, and %zu bytes follow",
                 (unsigned long long)length, file->size - 8);
    else
        snprintf(words, sizeof words,
                 "the length of its header is %llu: expected a multiple of %zu, so that the "
                 "numbers behind it are aligned",
                 (unsigned long long)length, sizeof(float));
    return malformed(error, path, NULL, words);
}

static esp_status read_header(struct safetensors *file, const char *path, struct error *error)
{
    uint64_t length;
    if (!take_length(file, &length))
        return length_wrong(file, length, path, error);
    const char *header = (const char *)file->map + 8, *data = header + length;
    uint64_t size = file->size - 8 - length;
    json_error_t wrong;
    file->header = json_loadb(header, length, JSON_REJECT_DUPLICATES, &wrong);
    if (!file->header) {
        char words[sizeof wrong.text + 64];
        snprintf(words, sizeof words, "its header is no JSON: %s (byte %d of it)", wrong.text,
                 wrong.position);
        return malformed(error, path, NULL, words);
    }
    if (!json_is_object(file->header))
        return malformed(error, path, NULL, "its header is no JSON object");
    if (!are_texts(json_object_get(file->header, METADATA)))
        return malformed(error, path, NULL, "notes that are no texts");
    return take_entries(file, data, size, path, error);
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
            status = malformed(error, path, NULL, "it is empty");
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

bool safetensors_find(struct safetensors *file, const char *prefix, const char *name,
                      struct safetensors_entry *out)
{
    size_t length = strlen(prefix);
    for (uint64_t i = 0; i < file->count; i++) {
        uint64_t place = (file->next + i) % file->count;
        const char *own = file->entries[place].name;
        if (strncmp(own, prefix, length) == 0 && strcmp(own + length, name) == 0) {
            *out = file->entries[place];
            file->next = place + 1;
            return true;
        }
    }
    return false;
}

bool safetensors_shaped(const struct safetensors_entry *entry, const esp_shape *shape)
{
    return entry->rank == shape->rank &&
           memcmp(entry->dims, shape->dims, shape->rank * sizeof shape->dims[0]) == 0;
}

const char *safetensors_note(const struct safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, METADATA), key));
}
