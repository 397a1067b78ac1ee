// SPDX-License-Identifier: Apache-2.0
// Text of strangers that goes to the terminal and into JSON: UTF-8 without control characters.
#ifndef TEXT_PRINTABLE_H
#define TEXT_PRINTABLE_H

#include <stdbool.h>

// Whether the text is UTF-8 without control characters (those of Latin-1 among them). "" is.
bool text_printable(const char *text);

// Puts a question mark, in place, for each byte that keeps the text from being printable.
void text_make_printable(char *text);

#endif
