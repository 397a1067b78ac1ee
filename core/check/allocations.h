// SPDX-License-Identifier: Apache-2.0
// Makes allocations of the plugin's own code fail, one at a time. The calls that its file makes to the
// allocator go through its table of foreign functions, whose entries are replaced: the host, and the
// libraries that the plugin links to, allocate as before.
#ifndef CHECK_ALLOCATIONS_H
#define CHECK_ALLOCATIONS_H

#include "check/case.h"

// Runs `body` in a process of its own with the first allocation failing, then with the second, and so on for
// as many as it makes. There an error ends the body, and is well; a crash or an exit fails the case. The
// file is loaded. `doing`: "create".
void allocations_survive(const struct check *check,
                         void (*body)(const struct check *check, void *self), void *self,
                         const char *doing);

// Replaces the entries of the file, which is loaded. False: it calls no allocator, or the machine's
// entries are not known here.
bool allocations_watch(const struct check *check);

// From now on the `n`-th allocation fails, as if there were no memory; 0: none does. Starts a new count.
void allocations_fail(uint64_t n);
// Allocations since then.
uint64_t allocations_count(void);

#endif
