// SPDX-License-Identifier: Apache-2.0
// Text that is written piece by piece; see stream.h.
#include "text/stream.h"

#include <stdlib.h>

char *text_stream_close(FILE *file, char **text)
{
    int failed = fflush(file) != 0 || ferror(file);
    if (fclose(file) == 0 && !failed)
        return *text;
    free(*text);
    *text = NULL;
    return NULL;
}
