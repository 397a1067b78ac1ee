// SPDX-License-Identifier: Apache-2.0
// Reads a dataset from one end to the other into a cache file.
#ifndef DATA_DECODE_H
#define DATA_DECODE_H

#include "data/cache_file.h"

// Writes parts and header, completed with hashes, to the file at `descriptor`, whatever it held
// before; `path` stands for it in messages. What the plugin delivers is tested: labels below the
// classes, values finite.
esp_status decode(int descriptor, const char *path, struct cache_header *header,
                  const struct instance *dataset, struct error *error);

#endif
