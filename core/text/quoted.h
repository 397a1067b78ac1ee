// SPDX-License-Identifier: Apache-2.0
// Text inside the double quotes of a Graphviz file.
#ifndef TEXT_QUOTED_H
#define TEXT_QUOTED_H

#include <stddef.h>
#include <stdio.h>

// Writes at most `length` bytes of `text`, without the quotes.
void write_quoted(FILE *file, const char *text, size_t length);

#endif
