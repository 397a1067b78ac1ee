// SPDX-License-Identifier: Apache-2.0
// An architecture: the trace of one pass, immutable and reference-counted (not across threads).
// Hash, JSON text and the packed form of the store are here too.
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include "arch/dictionary.h"

#include <jansson.h>

// Begins with the esp_arch that is lent to plugins.
struct arch;

// One decision of a trace: its number in the dictionary, and its value.
struct choice {
    uint32_t decision;
    esp_value value;
};

// Copies `choices` (and the indices of subsets). One reference, the caller's. NULL: out of memory.
struct arch *arch_create(struct dictionary *dictionary, const struct choice *choices,
                         uint64_t count);
// With a genome (ext/space_genome.h of the SDK), which is copied; `size` 0: it has none.
struct arch *arch_create_with_genome(struct dictionary *dictionary, const struct choice *choices,
                                     uint64_t count, const void *genome, uint64_t size);
esp_arch *arch_handle(struct arch *arch);
struct arch *arch_from_handle(const esp_arch *handle);
void arch_release(struct arch *arch);
struct arch *arch_retain(struct arch *arch);

const struct dictionary *arch_dictionary(const struct arch *arch);
const struct choice *arch_choices(const struct arch *arch, uint64_t *count);
uint64_t arch_hash(const struct arch *arch);
// NULL and a size of 0 where there is none.
const void *arch_genome(const struct arch *arch, uint64_t *size);

// {"space": ..., "decisions": [[path, value], ...], "genome": null, or base64}. Owner: the caller.
json_t *arch_json(const struct arch *arch, const char *space);

// One value as JSON: a name, an integer, a real, a list of indices; and as words for a person. NULL:
// out of memory, or outside the domain.
json_t *value_json(const esp_domain *domain, esp_value value);
void value_text(char *text, size_t size, const esp_domain *domain, esp_value value);

// True if `value` is of the domain's kind and within it.
bool value_in_domain(const esp_domain *domain, esp_value value);
bool value_equal(esp_value a, esp_value b);
bool domain_equal(const esp_domain *a, const esp_domain *b);
// A domain of one value, which is no decision; writes that value. For a SUBSET with least == most
// == count the indices are `identity` (0 .. count-1, room for count).
bool domain_single(const esp_domain *domain, esp_value *value, uint32_t *identity);
// How many values: 0 = infinitely many (or more than 2^63).
uint64_t domain_size(const esp_domain *domain);
// JSON of a domain, for the store's dictionary and `arch --json`; back with dictionary_restore.
json_t *domain_json(const esp_domain *domain);

// The packed form: per decision its number and value as LEB128 integers (reals as 8 bytes), in a room
// of the caller's that grows: `*bytes` NULL and `*capacity` 0 at first, freed by the caller.
esp_status arch_pack(const struct arch *arch, void **bytes, size_t *capacity, size_t *size,
                     struct error *error);
struct arch *arch_unpack(struct dictionary *dictionary, const void *bytes, size_t size,
                         struct error *error);
// The same with the genome, which is not packed: the store keeps it in a column of its own.
struct arch *arch_unpack_with_genome(struct dictionary *dictionary, const void *bytes, size_t size,
                                     const void *genome, size_t genome_size, struct error *error);

// A list of (path, value) read from architecture JSON, to be replayed by the builder, which knows
// the domains. Paths and names are the caller's until written_arch_destroy.
struct written_arch {
    uint64_t count;
    struct written_choice {
        char *path;
        json_t *value;
    } * choices;
    void *genome; // malloced, or NULL
    uint64_t genome_size;
};
esp_status written_arch_parse(struct written_arch *out, const json_t *json, struct error *error);
void written_arch_destroy(struct written_arch *written);
// ESP_ERROR_INVALID where a path stands twice.
esp_status written_arch_check(const struct written_arch *written, struct error *error);
// The value that was written, in `domain`; its indices are put in `indices` (room for the domain's
// count). A subset may also be a list of names, an option named by a decimal a number.
esp_status written_value(esp_value *out, const json_t *json, const esp_domain *domain,
                         uint32_t *indices, const char *path, struct error *error);

#endif
