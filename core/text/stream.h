// SPDX-License-Identifier: Apache-2.0
// Text that is written piece by piece into memory (open_memstream).
#ifndef TEXT_STREAM_H
#define TEXT_STREAM_H

#include <stdio.h>

// Closes a memory stream whose text is `*text`. Answers the text, owned by the caller (free), or NULL
// where memory ran out at any write, which fclose alone does not tell.
char *text_stream_close(FILE *file, char **text);

#endif
