// SPDX-License-Identifier: Apache-2.0
// From the plugin's read to the cache file; see decode.h. Samples go through a buffer, so that a
// dataset may be larger than memory; labels and moments of a split are held until its end.
#include "data/decode.h"

#include "data/moments.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { BUFFER_SIZE = 1 << 20 }; // bytes of samples read at a time, at least one sample

struct decoder {
    int descriptor;
    const char *path;
    struct cache_header *header;
    const struct instance *dataset;
    uint64_t sample_bytes, plane;
    uint64_t chunk;         // samples of the buffer
    unsigned char *samples; // [chunk, sample_bytes]
    uint32_t *labels;       // of the whole split
    double *moments;        // of the whole split, [count, channels, 2]
    float *pivots;          // [channels]: the first training sample's first values; 0 for u8
    XXH3_state_t *hash;     // of the split's samples
    crypto_hash_sha256_state sha256;
    struct error *error;
};

static esp_status fail_write(const struct decoder *decoder)
{
    int code = errno;
    bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
    return error_set(decoder->error, ESP_ERROR_IO,
                     "%s: %.1f MB of decoded samples cannot be written: %s%s", decoder->path,
                     (double)decoder->header->size / 1e6, strerror(code),
                     full ? "; make room, or let ESPALIER_CACHE name another folder" : "");
}

static esp_status write_at(const struct decoder *decoder, const void *bytes, uint64_t size,
                           uint64_t offset)
{
    const char *from = bytes;
    while (size > 0) {
        ssize_t done = pwrite(decoder->descriptor, from, size, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return fail_write(decoder);
        from += done;
        offset += (uint64_t)done;
        size -= (uint64_t)done;
    }
    return ESP_OK;
}

// ---- What the plugin delivered ------------------------------------------------------------------

static esp_status check_labels(const struct decoder *decoder, uint32_t split, uint64_t first,
                               uint64_t count, struct error *error)
{
    for (uint64_t i = first; i < first + count; i++)
        if (decoder->labels[i] >= decoder->header->classes)
            return error_set(error, ESP_ERROR_DATA,
                             "sample %llu of the %s split has label %u, outside the classes 0 to "
                             "%llu",
                             (unsigned long long)i, cache_split_name(split), decoder->labels[i],
                             (unsigned long long)decoder->header->classes - 1);
    return ESP_OK;
}

static esp_status check_finite(const struct decoder *decoder, uint32_t split, uint64_t first,
                               uint64_t count, struct error *error)
{
    const float *values = (const float *)(const void *)decoder->samples;
    uint64_t size = decoder->sample_bytes / sizeof *values;
    if (decoder->header->element != ESP_ELEMENT_F32)
        return ESP_OK;
    for (uint64_t i = 0; i < count; i++) {
        int wrong = 0;
        for (uint64_t j = 0; j < size; j++)
            wrong |= !isfinite(values[i * size + j]);
        if (wrong)
            return error_set(error, ESP_ERROR_DATA,
                             "sample %llu of the %s split holds a value that is not finite",
                             (unsigned long long)(first + i), cache_split_name(split));
    }
    return ESP_OK;
}

static void set_pivots(struct decoder *decoder)
{
    const float *values = (const float *)(const void *)decoder->samples;
    if (decoder->header->element == ESP_ELEMENT_F32)
        for (uint64_t c = 0; c < decoder->header->channels; c++)
            decoder->pivots[c] = values[c * decoder->plane];
}

static void add_moments(struct decoder *decoder, uint64_t first, uint64_t count)
{
    uint64_t channels = decoder->header->channels, plane = decoder->plane;
    for (uint64_t i = 0; i < count; i++)
        for (uint64_t c = 0; c < channels; c++) {
            const unsigned char *sample = decoder->samples + i * decoder->sample_bytes;
            double *sums = decoder->moments + ((first + i) * channels + c) * 2;
            if (decoder->header->element == ESP_ELEMENT_U8)
                moments_add_u8(sums, sample + c * plane, plane);
            else
                moments_add_f32(sums, (const float *)(const void *)sample + c * plane, plane,
                                decoder->pivots[c]);
        }
}

// ---- A split ------------------------------------------------------------------------------------

static esp_status read_chunk(struct decoder *decoder, uint32_t split, uint64_t first,
                             uint64_t count)
{
    const struct component *component = decoder->dataset->component;
    const esp_dataset_type *type = component->type;
    struct error words;
    error_clear(&words);
    esp_read read;
    handle_init(&read.base, sizeof read, &words);
    esp_status status = type->read(decoder->dataset->self, &read, split, first, count,
                                   decoder->samples, decoder->labels + first);
    if (status == ESP_OK)
        status = words.status;
    if (status == ESP_OK)
        status = check_labels(decoder, split, first, count, &words);
    if (status == ESP_OK)
        status = check_finite(decoder, split, first, count, &words);
    if (status == ESP_OK)
        return ESP_OK;
    error_ensure(&words, status, "read");
    return error_set(decoder->error, status, "dataset %s: %s", component->id, words.message);
}

static esp_status decode_samples(struct decoder *decoder, uint32_t split)
{
    struct cache_header *header = decoder->header;
    uint64_t count = header->counts[split];
    XXH3_64bits_reset(decoder->hash);
    for (uint64_t first = 0; first < count; first += decoder->chunk) {
        uint64_t now = count - first < decoder->chunk ? count - first : decoder->chunk;
        uint64_t bytes = now * decoder->sample_bytes;
        uint64_t offset = header->offsets[split][CACHE_SAMPLES] + first * decoder->sample_bytes;
        esp_status status = read_chunk(decoder, split, first, now);
        if (status != ESP_OK)
            return status;
        if (split == ESP_SPLIT_TRAIN && first == 0)
            set_pivots(decoder);
        if (decoder->moments)
            add_moments(decoder, first, now);
        XXH3_64bits_update(decoder->hash, decoder->samples, bytes);
        crypto_hash_sha256_update(&decoder->sha256, decoder->samples, bytes);
        if ((status = write_at(decoder, decoder->samples, bytes, offset)) != ESP_OK)
            return status;
    }
    header->hashes[split][CACHE_SAMPLES] = XXH3_64bits_digest(decoder->hash);
    return ESP_OK;
}

static esp_status write_part(struct decoder *decoder, uint32_t split, uint32_t part,
                             const void *bytes)
{
    struct cache_header *header = decoder->header;
    uint64_t size = header->sizes[split][part];
    header->hashes[split][part] = XXH3_64bits(bytes, size);
    return write_at(decoder, bytes, size, header->offsets[split][part]);
}

static esp_status decode_split(struct decoder *decoder, uint32_t split)
{
    const uint64_t *sizes = decoder->header->sizes[split];
    esp_status status = ESP_OK;
    decoder->labels = malloc(sizes[CACHE_LABELS] + 1);
    decoder->moments = sizes[CACHE_MOMENTS] ? calloc(1, sizes[CACHE_MOMENTS]) : NULL;
    if (!decoder->labels || (sizes[CACHE_MOMENTS] && !decoder->moments))
        status = error_memory(decoder->error);
    if (status == ESP_OK)
        status = decode_samples(decoder, split);
    if (status == ESP_OK) {
        crypto_hash_sha256_update(&decoder->sha256, (unsigned char *)decoder->labels,
                                  sizes[CACHE_LABELS]);
        status = write_part(decoder, split, CACHE_LABELS, decoder->labels);
    }
    if (status == ESP_OK)
        status = write_part(decoder, split, CACHE_MOMENTS, decoder->moments);
    free(decoder->labels);
    free(decoder->moments);
    return status;
}

// ---- The file -----------------------------------------------------------------------------------

// The identity of the data begins with its shape: the same bytes as other images are other data.
static void begin_sha256(struct decoder *decoder)
{
    const struct cache_header *header = decoder->header;
    uint64_t shape[] = {header->element, header->kind,  header->channels,
                        header->height,  header->width, header->classes};
    crypto_hash_sha256_init(&decoder->sha256);
    crypto_hash_sha256_update(&decoder->sha256, (unsigned char *)shape, sizeof shape);
    crypto_hash_sha256_update(&decoder->sha256, (const unsigned char *)header->counts,
                              sizeof header->counts);
}

static esp_status write_header(struct decoder *decoder)
{
    struct cache_header *header = decoder->header;
    crypto_hash_sha256_final(&decoder->sha256, header->sha256);
    header->header_hash = cache_header_hash(header);
    esp_status status = write_at(decoder, header, sizeof *header, 0);
    // The last part may be empty; a file that another process left may be longer.
    if (status == ESP_OK && ftruncate(decoder->descriptor, (off_t)header->size) != 0)
        status = fail_write(decoder);
    return status;
}

// Takes the space at once where the file system can: a full disk shows before anything is decoded.
static esp_status reserve(struct decoder *decoder)
{
    int failed;
    do
        failed = fallocate(decoder->descriptor, 0, 0, (off_t)decoder->header->size);
    while (failed != 0 && errno == EINTR);
    if (failed != 0 && errno != EOPNOTSUPP && errno != ENOSYS)
        return fail_write(decoder);
    return ESP_OK;
}

esp_status decode(int descriptor, const char *path, struct cache_header *header,
                  const struct instance *dataset, struct error *error)
{
    struct decoder decoder = {.descriptor = descriptor,
                              .path = path,
                              .header = header,
                              .dataset = dataset,
                              .plane = header->height * header->width,
                              .error = error};
    decoder.sample_bytes =
        header->channels * decoder.plane * (header->element == ESP_ELEMENT_U8 ? 1 : sizeof(float));
    decoder.chunk = BUFFER_SIZE / decoder.sample_bytes + 1;
    decoder.samples = malloc(decoder.chunk * decoder.sample_bytes);
    decoder.pivots = calloc(header->channels, sizeof *decoder.pivots);
    decoder.hash = XXH3_createState();
    esp_status status = ESP_OK;
    if (!decoder.samples || !decoder.pivots || !decoder.hash)
        status = error_memory(error);
    if (status == ESP_OK)
        status = reserve(&decoder);
    begin_sha256(&decoder);
    for (uint32_t split = 0; split < ESP_SPLIT_COUNT && status == ESP_OK; split++)
        status = decode_split(&decoder, split);
    if (status == ESP_OK)
        status = write_header(&decoder);
    free(decoder.samples);
    free(decoder.pivots);
    XXH3_freeState(decoder.hash);
    return status;
}
