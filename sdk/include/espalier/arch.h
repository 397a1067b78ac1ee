// SPDX-License-Identifier: Apache-2.0
// Decisions, their domains and values, and the architecture: the ordered trace of decisions that
// one pass of a space took.
#ifndef ESPALIER_ARCH_H
#define ESPALIER_ARCH_H

#include <espalier/handle.h>

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

// The kinds of decisions. The numbers stand in the hash of an architecture and never change.
enum {
    ESP_DECISION_ONE = 1,   // one of n named options
    ESP_DECISION_INT = 2,   // an integer of a range
    ESP_DECISION_REAL = 3,  // a real of a range
    ESP_DECISION_SUBSET = 4 // k of n named options
};

enum {
    ESP_DOMAIN_LOG = 1,    // INT, REAL: uniform in the logarithm; the range is positive
    ESP_DOMAIN_ORDERED = 2 // ONE: the options are in a natural order (widths, kernel sizes)
};

// What a decision may be. Read only for its receiver. Owner: the host; lives as long as the run.
typedef struct esp_domain {
    uint64_t struct_size;
    uint32_t kind;
    uint32_t flags;
    int64_t int_min, int_max;  // INT, both included
    double real_min, real_max; // REAL, [real_min, real_max]
    uint64_t count;            // ONE, SUBSET: the number of options n
    const char *const *names;  // ONE, SUBSET: n names
    uint64_t least, most;      // SUBSET: the bounds of k, both included
} esp_domain;

// A decision's value, by value. `indices` of a SUBSET: ascending, `count` of them; owner: whoever
// hands the value out, lives as long as the architecture it is read from, or as the call.
typedef struct esp_value {
    uint32_t kind;
    uint32_t count; // SUBSET: how many options are chosen
    union {
        uint64_t index;  // ONE
        int64_t integer; // INT
        double real;     // REAL
        const uint32_t *indices;
    } as;
} esp_value;

static inline esp_value esp_value_one(uint64_t index)
{
    esp_value value;
    value.kind = ESP_DECISION_ONE;
    value.count = 1;
    value.as.index = index;
    return value;
}

static inline esp_value esp_value_int(int64_t integer)
{
    esp_value value;
    value.kind = ESP_DECISION_INT;
    value.count = 1;
    value.as.integer = integer;
    return value;
}

static inline esp_value esp_value_real(double real)
{
    esp_value value;
    value.kind = ESP_DECISION_REAL;
    value.count = 1;
    value.as.real = real;
    return value;
}

static inline esp_value esp_value_subset(const uint32_t *indices, uint32_t count)
{
    esp_value value;
    value.kind = ESP_DECISION_SUBSET;
    value.count = count;
    value.as.indices = indices;
    return value;
}

// An architecture. Immutable, reference-counted, the host's. A function that answers with an
// esp_arch through an out-parameter gives its caller one reference; give it back with
// esp_arch_release. Getters are [any] [created].
typedef struct esp_arch esp_arch;
struct esp_arch_api;

struct esp_arch {
    esp_handle base;
    const struct esp_arch_api *api;
};

typedef struct esp_arch_api {
    uint64_t struct_size;
    void (*retain)(esp_arch *arch);
    void (*release)(esp_arch *arch);
    uint64_t (*count)(const esp_arch *arch);
    const char *(*path)(const esp_arch *arch, uint64_t i);
    const esp_domain *(*domain)(const esp_arch *arch, uint64_t i);
    esp_value (*value)(const esp_arch *arch, uint64_t i);
    int64_t (*find)(const esp_arch *arch, const char *path);
    uint64_t (*hash)(const esp_arch *arch);
    uint32_t (*path_id)(const esp_arch *arch, uint64_t i);
    const void *(*genome)(const esp_arch *arch, uint64_t *size);
} esp_arch_api;

// One more reference. [coordinator]
static inline esp_arch *esp_arch_retain(esp_arch *arch)
{
    arch->api->retain(arch);
    return arch;
}

// One reference less; the last one frees. NULL is allowed. [coordinator]
static inline void esp_arch_release(esp_arch *arch)
{
    if (arch)
        arch->api->release(arch);
}

// How many decisions stand in the trace.
static inline uint64_t esp_arch_count(const esp_arch *arch)
{
    return arch->api->count(arch);
}

// The decision path of decision `i`. Owner: the host; lives as long as the run.
static inline const char *esp_arch_path(const esp_arch *arch, uint64_t i)
{
    return arch->api->path(arch, i);
}

// A small number that stands for the path of decision `i` within this process: equal paths have
// equal numbers. Not stable across processes; do not save it.
static inline uint32_t esp_arch_path_id(const esp_arch *arch, uint64_t i)
{
    return arch->api->path_id(arch, i);
}

// The domain of decision `i`. Equal domains of one path have one address.
static inline const esp_domain *esp_arch_domain(const esp_arch *arch, uint64_t i)
{
    return arch->api->domain(arch, i);
}

// The value of decision `i`.
static inline esp_value esp_arch_value(const esp_arch *arch, uint64_t i)
{
    return arch->api->value(arch, i);
}

// The index of the decision at `path`, or -1.
static inline int64_t esp_arch_find(const esp_arch *arch, const char *path)
{
    return arch->api->find(arch, path);
}

// The index of the decision with this path and domain, both as the host gave them (to a callback of
// esp_search_decide, or of another architecture), or -1. `*from` is where it is looked for first, and
// becomes the index after it: decisions asked for in the order of the trace are found at once.
static inline int64_t esp_arch_match(const esp_arch *arch, const char *path,
                                     const esp_domain *domain, uint64_t *from)
{
    int64_t i = (int64_t)*from;
    if (*from >= esp_arch_count(arch) || strcmp(esp_arch_path(arch, *from), path) != 0)
        i = esp_arch_find(arch, path);
    if (i < 0 || esp_arch_domain(arch, (uint64_t)i) != domain)
        return -1;
    *from = (uint64_t)i + 1;
    return i;
}

// The genome of an architecture of a space that has the genome ability (ext/space_genome.h): `*size`
// bytes. NULL, and a size of 0, where there is none. Owner: the architecture.
static inline const void *esp_arch_genome(const esp_arch *arch, uint64_t *size)
{
    *size = 0;
    if (!ESP_HAS(esp_arch_api, arch->api, genome))
        return NULL;
    return arch->api->genome(arch, size);
}

// The stable 64-bit hash over decisions and genome. Equal architectures have equal hashes, on every
// machine.
static inline uint64_t esp_arch_hash(const esp_arch *arch)
{
    return arch->api->hash(arch);
}

#ifdef __cplusplus
}
#endif

#endif
