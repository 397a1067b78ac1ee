// SPDX-License-Identifier: Apache-2.0
// Lists as the INI has them: parts between commas.
#ifndef CONFIG_LIST_H
#define CONFIG_LIST_H

#include <stdint.h>

// Removes the blanks at both ends, in place; answers the first byte that is none.
char *text_trim(char *text);

// The parts of `text` between commas, each without the blanks around it; none where all is blank.
// "a,,b" has an empty part. Owner: the caller, one free for all. NULL: out of memory.
char **list_split(const char *text, uint64_t *count);

// "a, b, c", cut with "..." where `size` is too small.
void list_join(char *text, uint64_t size, const char *const *parts, uint64_t count);

#endif
