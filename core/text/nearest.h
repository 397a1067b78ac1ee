// SPDX-License-Identifier: Apache-2.0
// The valid name nearest to a mistyped one.
#ifndef TEXT_NEAREST_H
#define TEXT_NEAREST_H

#include <stdint.h>

// The name of least edit distance to `word` (insertions, deletions, substitutions and neighbours
// swapped count one each; Damerau 1964), or NULL where none is near: more than one letter
// and a third of the word would have to change.
const char *text_nearest(const char *word, const char *const *names, uint64_t count);

#endif
