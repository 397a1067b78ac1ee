// SPDX-License-Identifier: Apache-2.0
// The dictionary of a run: every decision path and domain that was met, each pair under a small
// number. Traces are arrays of such numbers with values, so that an architecture costs 24 bytes a
// decision and its row in the store less. Only grows; ids are given in the order of meeting. Domains
// of one value, which stand in no trace, are here too where a pass met them.
#ifndef ARCH_DICTIONARY_H
#define ARCH_DICTIONARY_H

#include "error/error.h"

#include <espalier/arch.h>

#include <jansson.h>

// No number: out of memory, or not there.
#define DICTIONARY_NONE UINT32_MAX

struct dictionary;

struct dictionary *dictionary_create(void);
void dictionary_destroy(struct dictionary *dictionary);

// The number of the path `text` (of `length` bytes); added if new. UINT32_MAX when out of memory.
uint32_t dictionary_path(struct dictionary *dictionary, const char *text, size_t length);
// The number of the path, or UINT32_MAX; adds nothing.
uint32_t dictionary_find_path(const struct dictionary *dictionary, const char *text, size_t length);
uint32_t dictionary_path_count(const struct dictionary *dictionary);
const char *dictionary_path_text(const struct dictionary *dictionary, uint32_t path);

// The number of the decision (path, domain); added if new, the domain and its names copied. Fast
// where the same path was last met with the same domain. The domain is one that domain_check passes.
uint32_t dictionary_decision(struct dictionary *dictionary, uint32_t path,
                             const esp_domain *domain);
// The number of the decision, or UINT32_MAX; adds nothing. Takes any domain, unchecked ones too.
uint32_t dictionary_find(struct dictionary *dictionary, uint32_t path, const esp_domain *domain);
// One of n integers: the domain's names are their decimals.
uint32_t dictionary_values_decision(struct dictionary *dictionary, uint32_t path,
                                    const int64_t *values, uint64_t count);
uint32_t dictionary_decision_count(const struct dictionary *dictionary);
uint32_t dictionary_decision_path(const struct dictionary *dictionary, uint32_t decision);
// Lives as long as the dictionary, at one address.
const esp_domain *dictionary_decision_domain(const struct dictionary *dictionary,
                                             uint32_t decision);

// Adds the decision that a store or another process wrote (`domain` as domain_json gives it).
// Restored in the order of their numbers into an empty dictionary, decisions get the same numbers.
esp_status dictionary_restore(struct dictionary *dictionary, const char *path, const json_t *domain,
                              uint32_t *decision, struct error *error);

#endif
