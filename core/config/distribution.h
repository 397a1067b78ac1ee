// SPDX-License-Identifier: Apache-2.0
// Distributions in the place of values: log(1e-4, 1e-1), uniform(0, 1), int(1, 8), int_log(8, 256),
// one_of(sgd, adamw). A parameter that has one is searched.
#ifndef CONFIG_DISTRIBUTION_H
#define CONFIG_DISTRIBUTION_H

#include "config/parameters.h"

// Does the text have the form of a distribution?
bool distribution_is(const char *text);
// What to say besides where a value that looks like a distribution is none; else "".
const char *distribution_hint(const char *text);
// Makes the parameter searched, with a domain that suits its type and lies in its range. Relative
// paths among the options start at `folder`.
esp_status distribution_read(struct parameter *parameter, const char *text, const char *folder,
                             struct error *error);
// As the INI says it. Owner: the caller (free).
char *distribution_text(const struct parameter *parameter);

#endif
