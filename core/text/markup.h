// SPDX-License-Identifier: Apache-2.0
// Text of strangers inside HTML and SVG.
#ifndef TEXT_MARKUP_H
#define TEXT_MARKUP_H

#include <stdio.h>

// Writes `text` as the content of an element or of an attribute in double quotes: markup as references, and
// a question mark for each byte that is no printable UTF-8, which a reader of XML would refuse.
void markup_write(FILE *file, const char *text);

#endif
