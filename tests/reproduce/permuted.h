// SPDX-License-Identifier: Apache-2.0
// A table in which it is chance how good an architecture is.
#ifndef REPRODUCE_PERMUTED_H
#define REPRODUCE_PERMUTED_H

#include <jansson.h>

#include <stdbool.h>

// Writes the CSV `from`, without quotes, to `to`: the values of `columns` (an array of names) are dealt out anew among
// the rows, those of one row together; all other columns stay. Says on standard error what is wrong.
bool permuted_write(const char *from, const char *to, const json_t *columns);

#endif
