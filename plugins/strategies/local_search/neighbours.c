// SPDX-License-Identifier: Apache-2.0
// Neighbourhoods; see neighbours.h.
#include "neighbours.h"

#include <stdlib.h>

// A draw that gives what is there already is repeated at most this often for each value wanted.
#define DRAWS_EACH 8

static int has(const struct neighbours *neighbours, const esp_arch *arch)
{
    for (uint64_t i = 0; i < neighbours->count; i++)
        if (esp_arch_hash(neighbours->archs[i]) == esp_arch_hash(arch))
            return 1;
    return 0;
}

// Adds `arch` with decision `i` at `value`, where that is a member and new.
static esp_status add(struct neighbours *out, esp_search *search, const esp_arch *arch, uint64_t i,
                      esp_value value, esp_random *random)
{
    esp_arch *child = NULL;
    esp_status status = esp_search_change(search, arch, i, value, random, &child);
    if (status == ESP_ERROR_REJECTED)
        return ESP_OK;
    if (status != ESP_OK)
        return status;
    if (esp_arch_hash(child) == esp_arch_hash(arch) || has(out, child)) {
        esp_arch_release(child);
        return ESP_OK;
    }
    if (out->count == out->capacity) {
        uint64_t capacity = out->capacity ? 2 * out->capacity : 64;
        esp_arch **grown = realloc(out->archs, capacity * sizeof *grown);
        if (!grown) {
            esp_arch_release(child);
            return esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
        }
        out->archs = grown;
        out->capacity = capacity;
    }
    out->archs[out->count++] = child;
    return ESP_OK;
}

// How many values a domain has; `limit` + 1 where they are more than `limit`.
static uint64_t domain_size(const esp_domain *domain, uint64_t limit)
{
    double ways = 1.0, sum = 0.0;
    switch (domain->kind) {
    case ESP_DECISION_ONE:
        return domain->count < limit ? domain->count : limit + (domain->count > limit);
    case ESP_DECISION_INT: // the difference of two int64_t fits a uint64_t
        return (uint64_t)domain->int_max - (uint64_t)domain->int_min < limit
                   ? (uint64_t)domain->int_max - (uint64_t)domain->int_min + 1
                   : limit + 1;
    case ESP_DECISION_SUBSET:
        for (uint64_t k = 0; k <= domain->most && sum <= (double)limit; k++) {
            if (k >= domain->least)
                sum += ways;
            ways *= (double)(domain->count - k) / (double)(k + 1);
        }
        return sum <= (double)limit ? (uint64_t)(sum + 0.5) : limit + 1;
    default:
        return limit + 1;
    }
}

// The subset after `indices` of the same size, in lexicographic order; 0: there is none.
static int next_of_size(uint32_t *indices, uint64_t k, uint64_t n)
{
    for (uint64_t i = k; i-- > 0;) {
        if (indices[i] + (k - i) >= n)
            continue;
        indices[i]++;
        for (uint64_t j = i + 1; j < k; j++)
            indices[j] = indices[j - 1] + 1;
        return 1;
    }
    return 0;
}

static esp_status add_subsets(struct neighbours *out, esp_search *search, const esp_arch *arch,
                              uint64_t decision, const esp_domain *domain, esp_random *random)
{
    uint32_t *indices = calloc(domain->count + 1, sizeof *indices);
    esp_status status = ESP_OK;
    if (!indices)
        return esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
    for (uint64_t k = domain->least; k <= domain->most && status == ESP_OK; k++) {
        for (uint64_t i = 0; i < k; i++)
            indices[i] = (uint32_t)i;
        do
            status =
                add(out, search, arch, decision, esp_value_subset(indices, (uint32_t)k), random);
        while (status == ESP_OK && next_of_size(indices, k, domain->count));
    }
    free(indices);
    return status;
}

// The decision's own value, among all, gives the architecture itself, which `add` leaves out.
static esp_status add_all(struct neighbours *out, esp_search *search, const esp_arch *arch,
                          uint64_t decision, const esp_domain *domain, uint64_t size,
                          esp_random *random)
{
    esp_status status = ESP_OK;
    if (domain->kind == ESP_DECISION_SUBSET)
        return add_subsets(out, search, arch, decision, domain, random);
    for (uint64_t i = 0; i < size && status == ESP_OK; i++) {
        esp_value value = domain->kind == ESP_DECISION_ONE
                              ? esp_value_one(i)
                              : esp_value_int(domain->int_min + (int64_t)i);
        status = add(out, search, arch, decision, value, random);
    }
    return status;
}

static esp_status add_drawn(struct neighbours *out, esp_search *search, const esp_arch *arch,
                            uint64_t decision, const esp_domain *domain, uint64_t most,
                            esp_random *random)
{
    const esp_value own = esp_arch_value(arch, decision);
    const uint64_t before = out->count;
    for (uint64_t i = 0; i < DRAWS_EACH * most && out->count < before + most; i++) {
        esp_value value;
        esp_status status = esp_search_draw(search, domain, &own, random, &value);
        if (status == ESP_OK)
            status = add(out, search, arch, decision, value, random);
        if (status != ESP_OK)
            return status;
    }
    return ESP_OK;
}

static void shuffle(struct neighbours *neighbours, esp_random *random)
{
    for (uint64_t i = neighbours->count; i > 1; i--) {
        uint64_t j = esp_random_below(random, i);
        esp_arch *held = neighbours->archs[i - 1];
        neighbours->archs[i - 1] = neighbours->archs[j];
        neighbours->archs[j] = held;
    }
}

esp_status neighbours_find(struct neighbours *out, esp_search *search, const esp_arch *arch,
                           uint64_t most, esp_random *random)
{
    const uint64_t count = esp_arch_count(arch);
    for (uint64_t i = 0; i < count; i++) {
        const esp_domain *domain = esp_arch_domain(arch, i);
        uint64_t size = domain_size(domain, most + 1);
        esp_status status = size <= most + 1
                                ? add_all(out, search, arch, i, domain, size, random)
                                : add_drawn(out, search, arch, i, domain, most, random);
        if (status != ESP_OK)
            return status;
    }
    shuffle(out, random);
    return ESP_OK;
}

void neighbours_clear(struct neighbours *neighbours)
{
    for (uint64_t i = 0; i < neighbours->count; i++)
        esp_arch_release(neighbours->archs[i]);
    neighbours->count = 0;
}

void neighbours_free(struct neighbours *neighbours)
{
    neighbours_clear(neighbours);
    free(neighbours->archs);
}
