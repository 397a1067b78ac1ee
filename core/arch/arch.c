// SPDX-License-Identifier: Apache-2.0
// The architecture object and its hash; see arch.h. One allocation holds the choices and the indices
// of their subsets. JSON is written.c and domain_json.c, the packed form pack.c.
#include "arch/arch.h"

#include <stdlib.h>
#include <string.h>

// Inlined: paths are short and hashed once a decision; and a state may lie on the stack.
#define XXH_INLINE_ALL
#include <xxhash.h>

struct arch {
    esp_arch handle; // first
    struct dictionary *dictionary;
    uint64_t references;
    uint64_t hash;
    bool hashed; // the hash is made when it is first asked for
    uint64_t count;
    uint64_t genome_size;
    const void *genome;      // behind the indices; NULL: none
    struct choice choices[]; // then the indices of the subsets, and the genome
};

// ---- Hash ---------------------------------------------------------------------------------------

// Canonical bytes on their way into the hash. The usual architecture fits the buffer and is hashed
// in one call; XXH3 gives the same for a stream.
struct canonical {
    size_t used;
    bool streaming;
    unsigned char buffer[2048];
    XXH3_state_t state;
};

static void canonical_flush(struct canonical *canonical)
{
    if (!canonical->streaming)
        XXH3_64bits_reset(&canonical->state);
    canonical->streaming = true;
    XXH3_64bits_update(&canonical->state, canonical->buffer, canonical->used);
    canonical->used = 0;
}

static inline void put(struct canonical *canonical, const void *bytes, size_t size)
{
    if (canonical->used + size > sizeof canonical->buffer) {
        canonical_flush(canonical);
        if (size > sizeof canonical->buffer) {
            XXH3_64bits_update(&canonical->state, bytes, size);
            return;
        }
    }
    memcpy(canonical->buffer + canonical->used, bytes, size);
    canonical->used += size;
}

static inline void put_u8(struct canonical *canonical, uint32_t value)
{
    unsigned char byte = (unsigned char)value;
    put(canonical, &byte, 1);
}

static inline void put_u32(struct canonical *canonical, uint32_t value)
{
    unsigned char bytes[4];
    for (int i = 0; i < 4; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
    put(canonical, bytes, sizeof bytes);
}

static inline void put_u64(struct canonical *canonical, uint64_t value)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
    put(canonical, bytes, sizeof bytes);
}

static inline void put_text(struct canonical *canonical, const char *text)
{
    size_t length = strlen(text);
    put_u32(canonical, (uint32_t)length);
    put(canonical, text, length);
}

static void put_value(struct canonical *canonical, const esp_domain *domain, esp_value value)
{
    uint64_t bits;
    switch (value.kind) {
    case ESP_DECISION_ONE:
        put_text(canonical, domain->names[value.as.index]);
        break;
    case ESP_DECISION_INT:
        put_u64(canonical, (uint64_t)value.as.integer);
        break;
    case ESP_DECISION_REAL: // arch_create has made -0 a 0
        memcpy(&bits, &value.as.real, sizeof bits);
        put_u64(canonical, bits);
        break;
    case ESP_DECISION_SUBSET:
        put_u32(canonical, value.count);
        for (uint32_t i = 0; i < value.count; i++)
            put_u32(canonical, value.as.indices[i]);
        break;
    default:
        break;
    }
}

static uint64_t compute_hash(const struct arch *arch)
{
    struct canonical canonical;
    canonical.used = 0;
    canonical.streaming = false;
    for (uint64_t i = 0; i < arch->count; i++) {
        uint32_t decision = arch->choices[i].decision;
        put_text(&canonical,
                 dictionary_path_text(arch->dictionary,
                                      dictionary_decision_path(arch->dictionary, decision)));
        put_u8(&canonical, arch->choices[i].value.kind);
        put_value(&canonical, dictionary_decision_domain(arch->dictionary, decision),
                  arch->choices[i].value);
    }
    put_u64(&canonical, arch->genome_size);
    if (arch->genome_size > 0)
        put(&canonical, arch->genome, arch->genome_size);
    if (!canonical.streaming)
        return XXH3_64bits(canonical.buffer, canonical.used);
    canonical_flush(&canonical);
    return XXH3_64bits_digest(&canonical.state);
}

uint64_t arch_hash(const struct arch *arch)
{
    if (!arch->hashed) {
        struct arch *cache = (struct arch *)(uintptr_t)arch;
        cache->hash = compute_hash(arch);
        cache->hashed = true;
    }
    return arch->hash;
}

// ---- The table that plugins call ----------------------------------------------------------------

struct arch *arch_from_handle(const esp_arch *handle)
{
    return (struct arch *)(uintptr_t)handle;
}

static const struct choice *choice_at(const struct arch *arch, uint64_t i)
{
    return i < arch->count ? &arch->choices[i] : NULL;
}

static void api_retain(esp_arch *handle)
{
    arch_retain(arch_from_handle(handle));
}

static void api_release(esp_arch *handle)
{
    arch_release(arch_from_handle(handle));
}

static uint64_t api_count(const esp_arch *handle)
{
    return arch_from_handle(handle)->count;
}

static uint32_t api_path_id(const esp_arch *handle, uint64_t i)
{
    const struct arch *arch = arch_from_handle(handle);
    const struct choice *choice = choice_at(arch, i);
    return choice ? dictionary_decision_path(arch->dictionary, choice->decision) : DICTIONARY_NONE;
}

// "" beyond the trace.
static const char *api_path(const esp_arch *handle, uint64_t i)
{
    return dictionary_path_text(arch_from_handle(handle)->dictionary, api_path_id(handle, i));
}

// NULL beyond the trace.
static const esp_domain *api_domain(const esp_arch *handle, uint64_t i)
{
    const struct arch *arch = arch_from_handle(handle);
    const struct choice *choice = choice_at(arch, i);
    return choice ? dictionary_decision_domain(arch->dictionary, choice->decision) : NULL;
}

// Of kind 0 beyond the trace.
static esp_value api_value(const esp_arch *handle, uint64_t i)
{
    const struct choice *choice = choice_at(arch_from_handle(handle), i);
    esp_value none = {0, 0, {0}};
    return choice ? choice->value : none;
}

static int64_t api_find(const esp_arch *handle, const char *path)
{
    const struct arch *arch = arch_from_handle(handle);
    uint32_t wanted = dictionary_find_path(arch->dictionary, path, strlen(path));
    for (uint64_t i = 0; wanted != DICTIONARY_NONE && i < arch->count; i++)
        if (dictionary_decision_path(arch->dictionary, arch->choices[i].decision) == wanted)
            return (int64_t)i;
    return -1;
}

static uint64_t api_hash(const esp_arch *handle)
{
    return arch_hash(arch_from_handle(handle));
}

const void *arch_genome(const struct arch *arch, uint64_t *size)
{
    *size = arch->genome_size;
    return arch->genome;
}

static const void *api_genome(const esp_arch *handle, uint64_t *size)
{
    return arch_genome(arch_from_handle(handle), size);
}

static const esp_arch_api arch_api = {
    sizeof(esp_arch_api), api_retain, api_release, api_count, api_path,
    api_domain,           api_value,  api_find,    api_hash,  api_path_id,
    api_genome,
};

// ---- Life ---------------------------------------------------------------------------------------

struct arch *arch_create(struct dictionary *dictionary, const struct choice *choices,
                         uint64_t count)
{
    return arch_create_with_genome(dictionary, choices, count, NULL, 0);
}

struct arch *arch_create_with_genome(struct dictionary *dictionary, const struct choice *choices,
                                     uint64_t count, const void *genome, uint64_t size)
{
    size_t indices = 0;
    for (uint64_t i = 0; i < count; i++)
        if (choices[i].value.kind == ESP_DECISION_SUBSET)
            indices += choices[i].value.count;
    struct arch *arch =
        malloc(sizeof *arch + count * sizeof *choices + indices * sizeof(uint32_t) + size);
    if (!arch)
        return NULL;
    handle_init(&arch->handle.base, sizeof arch->handle, NULL);
    arch->handle.api = &arch_api;
    arch->dictionary = dictionary;
    arch->references = 1;
    arch->hash = 0;
    arch->hashed = false;
    arch->count = count;
    uint32_t *room = (uint32_t *)(void *)(arch->choices + count);
    for (uint64_t i = 0; i < count; i++) {
        struct choice *choice = &arch->choices[i];
        *choice = choices[i];
        if (choice->value.kind == ESP_DECISION_REAL)
            choice->value.as.real += 0.0; // -0 becomes 0
        if (choice->value.kind == ESP_DECISION_SUBSET) {
            for (uint32_t j = 0; j < choice->value.count; j++)
                room[j] = choices[i].value.as.indices[j];
            choice->value.as.indices = room;
            room += choice->value.count;
        }
    }
    arch->genome_size = size;
    arch->genome = size > 0 ? memcpy(room, genome, size) : NULL;
    return arch;
}

esp_arch *arch_handle(struct arch *arch)
{
    return &arch->handle;
}

struct arch *arch_retain(struct arch *arch)
{
    arch->references++;
    return arch;
}

void arch_release(struct arch *arch)
{
    if (arch && --arch->references == 0)
        free(arch);
}

const struct dictionary *arch_dictionary(const struct arch *arch)
{
    return arch->dictionary;
}

const struct choice *arch_choices(const struct arch *arch, uint64_t *count)
{
    *count = arch->count;
    return arch->choices;
}
