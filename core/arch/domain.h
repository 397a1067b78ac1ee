// SPDX-License-Identifier: Apache-2.0
// Domains inside core/arch and core/builder: copied, tested, told in words. What others need of
// domains and values is in arch.h.
#ifndef ARCH_DOMAIN_H
#define ARCH_DOMAIN_H

#include "arch/memory.h"
#include "error/error.h"

#include <espalier/arch.h>

// A copy with its names in `arena`; what its kind does not use is zero. NULL: out of memory.
const esp_domain *domain_copy(const esp_domain *domain, struct arena *arena);

// ESP_ERROR_MISUSE with the reason where a domain cannot be: no option, a name that is missing,
// empty, met twice or no printable UTF-8, bounds that are crossed or not finite, a logarithm that
// begins below 1 (INT) or at zero (REAL).
esp_status domain_check(const esp_domain *domain, const char *path, struct error *error);

// What a value may be, for messages: "one of relu, tanh", "an integer of 1 .. 6".
void domain_text(char *text, size_t size, const esp_domain *domain);

#endif
