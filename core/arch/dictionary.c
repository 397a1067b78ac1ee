// SPDX-License-Identifier: Apache-2.0
// Paths and decisions under small numbers; see dictionary.h. Both are looked up once a decision in
// every pass of a search, so both have an open-addressed index of (part of the hash, number), and a
// path remembers the decision that it was last met with. Domains themselves are domain.c; restoring
// from JSON is domain_json.c.
#include "arch/dictionary.h"

#include "arch/arch.h"
#include "arch/domain.h"
#include "arch/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

// Inlined: paths are short and hashed once a decision; and a state may lie on the stack.
#define XXH_INLINE_ALL
#include <xxhash.h>

// The index of numbered things: a slot is the upper half of the hash and the number + 1, or 0.
struct number_index {
    uint64_t *slots;
    size_t mask; // the number of slots, a power of two, less one
    size_t used;
};

struct path {
    const char *text; // ends in a zero
    uint64_t hash;
    uint32_t length;
    uint32_t last; // the decision last met here
};

struct decision {
    const esp_domain *domain;
    const int64_t *values; // of choose_value: the numbers that the names are of; else NULL
    uint64_t hash;
    uint32_t path;
};

struct dictionary {
    struct path *paths;
    size_t path_count, path_capacity;
    struct number_index path_index;
    struct decision *decisions;
    size_t decision_count, decision_capacity;
    struct number_index decision_index;
    struct arena arena;
};

#define INDEX_SLOTS 64 // at first
#define HASH_PART UINT64_C(0xffffffff00000000)

// ---- The index ----------------------------------------------------------------------------------

static void index_put(struct number_index *index, uint64_t hash, uint32_t number)
{
    size_t at = hash & index->mask;
    while (index->slots[at])
        at = (at + 1) & index->mask;
    index->slots[at] = (hash & HASH_PART) | (number + UINT64_C(1));
    index->used++;
}

// Doubles the index where it would become more than half full. `hash_of` tells the hash of a number.
static bool index_reserve(struct number_index *index, const struct dictionary *dictionary,
                          uint64_t (*hash_of)(const struct dictionary *, uint32_t))
{
    if (index->slots && 2 * (index->used + 1) <= index->mask + 1)
        return true;
    size_t size = index->slots ? 2 * (index->mask + 1) : INDEX_SLOTS;
    struct number_index grown = {calloc(size, sizeof *grown.slots), size - 1, 0};
    if (!grown.slots)
        return false;
    for (size_t i = 0; i < size / 2 && index->slots; i++)
        if (index->slots[i]) {
            uint32_t number = (uint32_t)(index->slots[i] - 1);
            index_put(&grown, hash_of(dictionary, number), number);
        }
    free(index->slots);
    *index = grown;
    return true;
}

static uint64_t path_hash(const struct dictionary *dictionary, uint32_t path)
{
    return dictionary->paths[path].hash;
}

static uint64_t decision_hash(const struct dictionary *dictionary, uint32_t decision)
{
    return dictionary->decisions[decision].hash;
}

// ---- Life ---------------------------------------------------------------------------------------

struct dictionary *dictionary_create(void)
{
    struct dictionary *dictionary = calloc(1, sizeof *dictionary);
    if (!dictionary)
        return NULL;
    if (!index_reserve(&dictionary->path_index, dictionary, path_hash) ||
        !index_reserve(&dictionary->decision_index, dictionary, decision_hash)) {
        dictionary_destroy(dictionary);
        return NULL;
    }
    return dictionary;
}

void dictionary_destroy(struct dictionary *dictionary)
{
    if (!dictionary)
        return;
    arena_free(&dictionary->arena);
    free(dictionary->paths);
    free(dictionary->path_index.slots);
    free(dictionary->decisions);
    free(dictionary->decision_index.slots);
    free(dictionary);
}

// ---- Paths --------------------------------------------------------------------------------------

static uint32_t find_path(const struct dictionary *dictionary, const char *text, size_t length,
                          uint64_t hash)
{
    const struct number_index *index = &dictionary->path_index;
    for (size_t at = hash & index->mask; index->slots[at]; at = (at + 1) & index->mask) {
        if ((index->slots[at] & HASH_PART) != (hash & HASH_PART))
            continue;
        uint32_t number = (uint32_t)(index->slots[at] - 1);
        const struct path *path = &dictionary->paths[number];
        if (path->length == length && memcmp(path->text, text, length) == 0)
            return number;
    }
    return DICTIONARY_NONE;
}

uint32_t dictionary_find_path(const struct dictionary *dictionary, const char *text, size_t length)
{
    return find_path(dictionary, text, length, XXH3_64bits(text, length));
}

static uint32_t add_path(struct dictionary *dictionary, const char *text, size_t length,
                         uint64_t hash)
{
    if (length >= UINT32_MAX || dictionary->path_count >= UINT32_MAX - 1 ||
        !index_reserve(&dictionary->path_index, dictionary, path_hash) ||
        !array_reserve(&dictionary->paths, &dictionary->path_capacity, dictionary->path_count + 1,
                       sizeof *dictionary->paths))
        return DICTIONARY_NONE;
    char *copy = arena_text(&dictionary->arena, text, length);
    if (!copy)
        return DICTIONARY_NONE;
    uint32_t number = (uint32_t)dictionary->path_count++;
    dictionary->paths[number] = (struct path){copy, hash, (uint32_t)length, DICTIONARY_NONE};
    index_put(&dictionary->path_index, hash, number);
    return number;
}

uint32_t dictionary_path(struct dictionary *dictionary, const char *text, size_t length)
{
    uint64_t hash = XXH3_64bits(text, length);
    uint32_t number = find_path(dictionary, text, length, hash);
    return number != DICTIONARY_NONE ? number : add_path(dictionary, text, length, hash);
}

uint32_t dictionary_path_count(const struct dictionary *dictionary)
{
    return (uint32_t)dictionary->path_count;
}

const char *dictionary_path_text(const struct dictionary *dictionary, uint32_t path)
{
    return path < dictionary->path_count ? dictionary->paths[path].text : "";
}

// ---- Decisions ----------------------------------------------------------------------------------

static uint64_t hash_decision(uint32_t path, const esp_domain *domain)
{
    uint64_t hash = XXH3_64bits(&path, sizeof path);
    uint32_t kind[2] = {domain->kind, domain->flags};
    hash = XXH3_64bits_withSeed(kind, sizeof kind, hash);
    if (domain->kind == ESP_DECISION_INT) {
        int64_t range[2] = {domain->int_min, domain->int_max};
        return XXH3_64bits_withSeed(range, sizeof range, hash);
    }
    if (domain->kind == ESP_DECISION_REAL) {
        double range[2] = {domain->real_min + 0.0, domain->real_max + 0.0}; // -0 as 0
        return XXH3_64bits_withSeed(range, sizeof range, hash);
    }
    uint64_t bounds[3] = {domain->count, domain->least, domain->most};
    if (domain->kind == ESP_DECISION_ONE)
        bounds[1] = bounds[2] = 0;
    hash = XXH3_64bits_withSeed(bounds, sizeof bounds, hash);
    for (uint64_t i = 0; domain->names && i < domain->count && domain->names[i]; i++)
        hash = XXH3_64bits_withSeed(domain->names[i], strlen(domain->names[i]), hash);
    return hash;
}

static uint32_t find_decision(struct dictionary *dictionary, uint32_t path,
                              const esp_domain *domain, uint64_t hash)
{
    const struct number_index *index = &dictionary->decision_index;
    for (size_t at = hash & index->mask; index->slots[at]; at = (at + 1) & index->mask) {
        if ((index->slots[at] & HASH_PART) != (hash & HASH_PART))
            continue;
        uint32_t number = (uint32_t)(index->slots[at] - 1);
        const struct decision *decision = &dictionary->decisions[number];
        if (decision->path == path && domain_equal(decision->domain, domain)) {
            dictionary->paths[path].last = number;
            return number;
        }
    }
    return DICTIONARY_NONE;
}

// The decision that `path` was last met with, if it is the one.
static inline uint32_t last_decision(const struct dictionary *dictionary, uint32_t path,
                                     const esp_domain *domain)
{
    uint32_t last = dictionary->paths[path].last;
    if (last != DICTIONARY_NONE && domain_equal(dictionary->decisions[last].domain, domain))
        return last;
    return DICTIONARY_NONE;
}

uint32_t dictionary_find(struct dictionary *dictionary, uint32_t path, const esp_domain *domain)
{
    uint32_t last = last_decision(dictionary, path, domain);
    if (last != DICTIONARY_NONE)
        return last;
    return find_decision(dictionary, path, domain, hash_decision(path, domain));
}

static uint32_t add_decision(struct dictionary *dictionary, uint32_t path, const esp_domain *domain,
                             uint64_t hash)
{
    if (dictionary->decision_count >= UINT32_MAX - 1 ||
        !index_reserve(&dictionary->decision_index, dictionary, decision_hash) ||
        !array_reserve(&dictionary->decisions, &dictionary->decision_capacity,
                       dictionary->decision_count + 1, sizeof *dictionary->decisions))
        return DICTIONARY_NONE;
    const esp_domain *copy = domain_copy(domain, &dictionary->arena);
    if (!copy)
        return DICTIONARY_NONE;
    uint32_t number = (uint32_t)dictionary->decision_count++;
    dictionary->decisions[number] = (struct decision){copy, NULL, hash, path};
    dictionary->paths[path].last = number;
    index_put(&dictionary->decision_index, hash, number);
    return number;
}

uint32_t dictionary_decision(struct dictionary *dictionary, uint32_t path, const esp_domain *domain)
{
    uint32_t number = last_decision(dictionary, path, domain);
    if (number != DICTIONARY_NONE)
        return number;
    uint64_t hash = hash_decision(path, domain);
    number = find_decision(dictionary, path, domain, hash);
    return number != DICTIONARY_NONE ? number : add_decision(dictionary, path, domain, hash);
}

// Looks the decimals of `values` up as the names of an ordered domain, and notes the values.
static uint32_t named_values_decision(struct dictionary *dictionary, uint32_t path,
                                      const int64_t *values, uint64_t count)
{
    enum { DECIMALS = 21 }; // "-9223372036854775808" and a zero
    if (count > SIZE_MAX / (DECIMALS + sizeof(char *)))
        return DICTIONARY_NONE;
    const char **names = malloc(count * (DECIMALS + sizeof *names));
    if (!names)
        return DICTIONARY_NONE;
    char *text = (char *)(names + count);
    for (uint64_t i = 0; i < count; i++, text += DECIMALS) {
        snprintf(text, DECIMALS, "%" PRId64, values[i]);
        names[i] = text;
    }
    esp_domain domain = {
        sizeof domain, ESP_DECISION_ONE, ESP_DOMAIN_ORDERED, 0, 0, 0.0, 0.0, count, names, 0, 0};
    uint32_t number = dictionary_decision(dictionary, path, &domain);
    free(names);
    if (number != DICTIONARY_NONE && !dictionary->decisions[number].values) {
        int64_t *copy = arena_take(&dictionary->arena, count * sizeof *copy);
        if (!copy)
            return DICTIONARY_NONE;
        memcpy(copy, values, count * sizeof *copy);
        dictionary->decisions[number].values = copy;
    }
    return number;
}

uint32_t dictionary_values_decision(struct dictionary *dictionary, uint32_t path,
                                    const int64_t *values, uint64_t count)
{
    uint32_t last = dictionary->paths[path].last;
    if (last != DICTIONARY_NONE) {
        const struct decision *decision = &dictionary->decisions[last];
        if (decision->values && decision->domain->count == count &&
            memcmp(decision->values, values, count * sizeof *values) == 0)
            return last;
    }
    return named_values_decision(dictionary, path, values, count);
}

uint32_t dictionary_decision_count(const struct dictionary *dictionary)
{
    return (uint32_t)dictionary->decision_count;
}

uint32_t dictionary_decision_path(const struct dictionary *dictionary, uint32_t decision)
{
    return decision < dictionary->decision_count ? dictionary->decisions[decision].path
                                                 : DICTIONARY_NONE;
}

const esp_domain *dictionary_decision_domain(const struct dictionary *dictionary, uint32_t decision)
{
    return decision < dictionary->decision_count ? dictionary->decisions[decision].domain : NULL;
}
