// SPDX-License-Identifier: Apache-2.0
// What a plugin shares with everything else in its process and must leave as it is: threads,
// descriptors, the environment, signal handlers, the working folder, the floating-point mode, output.
#ifndef CHECK_SURROUNDINGS_H
#define CHECK_SURROUNDINGS_H

#include "check/case.h"

#include <signal.h>

#define SURROUNDINGS_SIGNALS 65

struct surroundings {
    uint64_t threads, descriptors;
    uint64_t pages;       // resident; not compared
    uint64_t environment; // a hash
    uint64_t folder;      // a hash of the working folder's name and of the names in it
    unsigned mask;        // of new files
    int rounding;
    uint32_t float_control;
    uint64_t blocked; // a hash of the signals that are blocked
    void *handlers[SURROUNDINGS_SIGNALS];
};

void surroundings_look(struct surroundings *out);
// "started a thread": what differs first; false: nothing.
bool surroundings_differ(const struct surroundings *before, const struct surroundings *after,
                         char *words, size_t size);

// From now on standard output and error go into a file; answers its descriptor. And what came so far
// (false: nothing), its beginning in `words`.
int surroundings_catch_output(const struct check *check);
bool surroundings_was_output(int descriptor, char *words, size_t size);

#endif
