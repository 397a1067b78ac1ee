// SPDX-License-Identifier: Apache-2.0
// One value of a parameter: from text and to text. For parameters.c and distribution.c.
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config/parameters.h"

// Reads a value (no distribution) over what the parameter holds. Relative paths start at `folder`.
esp_status value_read(struct parameter *parameter, const char *text, const char *folder,
                      struct error *error);
// The value of the row's default.
esp_status value_default(struct parameter *parameter, struct error *error);
// Frees what the value owns.
void value_clear(struct parameter *parameter);

// As the INI would say it. Owner: the caller (free). NULL: out of memory.
char *value_text_of(const struct parameter *parameter);

// `path` from `folder`, absolute and without "."; where it exists, also without ".." and symbolic
// links. Owner: the caller (free). NULL: out of memory.
char *path_absolute(const char *folder, const char *path);

// Has the row's range no least, no largest number?
bool row_open_below(const esp_param *row);
bool row_open_above(const esp_param *row);

#define BOUNDS_SIZE 96

// " from 1 to 10", " from 1 on", " up to 10", "": what a number of the row may be.
void row_bounds(char text[BOUNDS_SIZE], const esp_param *row);

#endif
