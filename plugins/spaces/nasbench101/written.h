// SPDX-License-Identifier: Apache-2.0
// Reads a module as the benchmark's files hold it: {"matrix": [[0, 1], [0, 0]], "ops": ["input",
// "output"]}. A reader of its own rather than a JSON library's, for a mistake in a matrix is shown
// under the very entry.
#ifndef NASBENCH101_WRITTEN_H
#define NASBENCH101_WRITTEN_H

#include "nasbench101.h"

// The module as it stands there, not pruned, and where its matrix begins. Errors by esp_text_wrong.
esp_status written_read(struct module *out, uint64_t *matrix_at, esp_text_reader *reader,
                        const char *text);

#endif
