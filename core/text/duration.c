// SPDX-License-Identifier: Apache-2.0
// See duration.h.
#include "text/duration.h"

#include <math.h>
#include <stdio.h>

void duration_text(char text[DURATION_SIZE], double seconds)
{
    if (!isfinite(seconds))
        snprintf(text, DURATION_SIZE, "?");
    else if (seconds < 10)
        snprintf(text, DURATION_SIZE, "%.2f s", seconds);
    else if (seconds < 120)
        snprintf(text, DURATION_SIZE, "%.0f s", seconds);
    else if (seconds < 7200)
        snprintf(text, DURATION_SIZE, "%.0f min", seconds / 60);
    else
        snprintf(text, DURATION_SIZE, "%.1f h", seconds / 3600);
}
