// SPDX-License-Identifier: Apache-2.0
// The name that was probably meant.
#ifndef ESPALIER_SUPPORT_NEAREST_H
#define ESPALIER_SUPPORT_NEAREST_H

#include <stdint.h>

// The one of `count` names with the fewest letters to change, add or leave out (upper and lower case
// alike), or NULL where more than a third would have to be. `name(context, i)` is the i-th.
const char *esp_nearest_name(const char *word, uint64_t count,
                             const char *(*name)(const void *context, uint64_t i),
                             const void *context);

#endif
