// SPDX-License-Identifier: Apache-2.0
// The packed form of an architecture in the store, against the run's dictionary: per decision in the
// order of the trace its number, then its value. Integers are LEB128 (7 bits a byte, the lowest
// first). A value is: the index of an option; the distance of an integer from the domain's least;
// the 8 bytes of a binary64, little-endian; the count of a subset, its first index and the distances
// of the others from the one before.
#include "arch/arch.h"
#include "arch/memory.h"

#include <stdlib.h>
#include <string.h>

#define LEB128_MOST 10 // bytes of 64 bits

static unsigned char *pack_integer(unsigned char *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (unsigned char)(value | 0x80);
    *at++ = (unsigned char)value;
    return at;
}

static unsigned char *pack_value(unsigned char *at, const esp_domain *domain, esp_value value)
{
    uint64_t bits;
    uint32_t before = 0;
    switch (value.kind) {
    case ESP_DECISION_ONE:
        return pack_integer(at, value.as.index);
    case ESP_DECISION_INT:
        return pack_integer(at, (uint64_t)value.as.integer - (uint64_t)domain->int_min);
    case ESP_DECISION_REAL:
        memcpy(&bits, &value.as.real, sizeof bits);
        for (int i = 0; i < 8; i++)
            *at++ = (unsigned char)(bits >> 8 * i);
        return at;
    default:
        at = pack_integer(at, value.count);
        for (uint32_t i = 0; i < value.count; i++) {
            at = pack_integer(at, value.as.indices[i] - before);
            before = value.as.indices[i];
        }
        return at;
    }
}

esp_status arch_pack(const struct arch *arch, void **bytes, size_t *capacity, size_t *size,
                     struct error *error)
{
    uint64_t count;
    const struct choice *choices = arch_choices(arch, &count);
    const struct dictionary *dictionary = arch_dictionary(arch);
    size_t most = 1;
    for (uint64_t i = 0; i < count; i++)
        most += LEB128_MOST * (choices[i].value.kind == ESP_DECISION_SUBSET
                                   ? choices[i].value.count + UINT64_C(2)
                                   : 2);
    if (!array_reserve(bytes, capacity, most, 1))
        return error_memory(error);
    unsigned char *packed = *bytes, *at = packed;
    for (uint64_t i = 0; i < count; i++) {
        at = pack_integer(at, choices[i].decision);
        at = pack_value(at, dictionary_decision_domain(dictionary, choices[i].decision),
                        choices[i].value);
    }
    *size = (size_t)(at - packed);
    return ESP_OK;
}

// ---- And back -----------------------------------------------------------------------------------

struct reader {
    const unsigned char *at, *end;
    bool damaged;
};

static uint64_t unpack_integer(struct reader *reader)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
        unsigned char byte = *reader->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    reader->damaged = true;
    return 0;
}

static double unpack_real(struct reader *reader)
{
    uint64_t bits = 0;
    double real;
    if (reader->end - reader->at < 8) {
        reader->damaged = true;
        return 0.0;
    }
    for (int i = 0; i < 8; i++)
        bits |= (uint64_t)*reader->at++ << 8 * i;
    memcpy(&real, &bits, sizeof real);
    return real;
}

// `indices` has room for as many numbers as bytes are left: each takes a byte at least.
static esp_value unpack_subset(struct reader *reader, uint32_t *indices)
{
    uint64_t count = unpack_integer(reader), index = 0;
    if (count > (uint64_t)(reader->end - reader->at)) {
        reader->damaged = true;
        count = 0;
    }
    for (uint64_t i = 0; i < count; i++) {
        index += unpack_integer(reader);
        if (index > UINT32_MAX)
            reader->damaged = true;
        indices[i] = (uint32_t)index;
    }
    return esp_value_subset(indices, (uint32_t)count);
}

static esp_value unpack_value(struct reader *reader, const esp_domain *domain, uint32_t *indices)
{
    switch (domain->kind) {
    case ESP_DECISION_ONE:
        return esp_value_one(unpack_integer(reader));
    case ESP_DECISION_INT:
        return esp_value_int((int64_t)((uint64_t)domain->int_min + unpack_integer(reader)));
    case ESP_DECISION_REAL:
        return esp_value_real(unpack_real(reader));
    default:
        return unpack_subset(reader, indices);
    }
}

// Room for as many choices, and indices, as there are bytes.
static bool unpack_choices(struct reader *reader, const struct dictionary *dictionary,
                           struct choice *choices, uint32_t *indices, uint64_t *count)
{
    while (reader->at < reader->end && !reader->damaged) {
        uint64_t decision = unpack_integer(reader);
        if (reader->damaged || decision >= dictionary_decision_count(dictionary))
            return false;
        const esp_domain *domain = dictionary_decision_domain(dictionary, (uint32_t)decision);
        struct choice *choice = &choices[(*count)++];
        choice->decision = (uint32_t)decision;
        choice->value = unpack_value(reader, domain, indices);
        if (choice->value.kind == ESP_DECISION_SUBSET)
            indices += choice->value.count;
        if (reader->damaged || !value_in_domain(domain, choice->value))
            return false;
    }
    return !reader->damaged;
}

struct arch *arch_unpack(struct dictionary *dictionary, const void *bytes, size_t size,
                         struct error *error)
{
    return arch_unpack_with_genome(dictionary, bytes, size, NULL, 0, error);
}

struct arch *arch_unpack_with_genome(struct dictionary *dictionary, const void *bytes, size_t size,
                                     const void *genome, size_t genome_size, struct error *error)
{
    struct reader reader = {bytes, (const unsigned char *)bytes + size, false};
    struct arch *arch = NULL;
    uint64_t count = 0;
    struct choice *choices = calloc(size + 1, sizeof *choices);
    uint32_t *indices = calloc(size + 1, sizeof *indices);
    if (!choices || !indices) {
        error_memory(error);
        goto cleanup;
    }
    if (!unpack_choices(&reader, dictionary, choices, indices, &count)) {
        error_set(error, ESP_ERROR_DATA,
                  "a stored architecture is damaged at byte %zu of %zu, or its dictionary is "
                  "another",
                  (size_t)(reader.at - (const unsigned char *)bytes), size);
        goto cleanup;
    }
    arch = arch_create_with_genome(dictionary, choices, count, genome, genome_size);
    if (!arch)
        error_memory(error);
cleanup:
    free(choices);
    free(indices);
    return arch;
}
