// SPDX-License-Identifier: Apache-2.0
// A place in a text, shown to a person: the line, and a caret under the character.
#ifndef TEXT_CARET_H
#define TEXT_CARET_H

#include <stddef.h>

// As many characters of a line are shown, around the place; what is longer is cut with "...".
#define CARET_WIDTH 72
// Bytes that text_caret writes at most: a lead, a line of characters of 4 bytes, a caret's line.
#define CARET_SIZE 512

// Writes two lines, indented, without a line feed at the end; `offset` counts bytes, and one beyond the
// end is the end. Answers " (line 2, character 7)" in `place` (48 bytes) where the picture does not
// tell it, else "". Where memory is missing both are empty.
void text_caret(char out[CARET_SIZE], char place[48], const char *text, size_t offset);

#endif
