// SPDX-License-Identifier: Apache-2.0
// The architectures of [start], which are tried before the strategy is asked.
#ifndef RUN_START_H
#define RUN_START_H

#include "evaluate/session.h"

// Begins as all zero.
struct start {
    struct arch **archs; // one reference of each
    uint64_t count;
    size_t capacity;
};

// Reads [start] arch: one text, or a file with an architecture a line, as text or as JSON; or with one
// JSON object over several lines. Errors name the key, and the line of the file.
esp_status start_load(struct start *out, struct session *session, struct error *error);
void start_destroy(struct start *start);

#endif
