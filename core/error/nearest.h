// SPDX-License-Identifier: Apache-2.0
// The nearest valid name to one that does not exist, for messages: `unknown option "relo"; nearest
// is "relu"`.
#ifndef ERROR_NEAREST_H
#define ERROR_NEAREST_H

#include <stddef.h>

// The index of the name in `names` with the least edit distance to `name` (ties: the first), or
// `count` where none is near: further than half the longer one's length.
size_t nearest_name(const char *name, const char *const *names, size_t count);

#endif
