// SPDX-License-Identifier: Apache-2.0
// The neighbourhood of an architecture: all members that differ from it in one decision (and in what
// depends on that one).
#ifndef LOCAL_SEARCH_NEIGHBOURS_H
#define LOCAL_SEARCH_NEIGHBOURS_H

#include <espalier/espalier.h>

struct neighbours {
    esp_arch **archs; // one reference each, no two equal
    uint64_t count, capacity;
};

// Fills `out`, empty before, in random order. A decision with more than `most` other values gives
// `most` of them, drawn; a real one always. What is no member of the space is left out.
esp_status neighbours_find(struct neighbours *out, esp_search *search, const esp_arch *arch,
                           uint64_t most, esp_random *random);
// Releases all, keeps the room.
void neighbours_clear(struct neighbours *neighbours);
void neighbours_free(struct neighbours *neighbours);

#endif
