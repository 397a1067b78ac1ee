// SPDX-License-Identifier: Apache-2.0
// A dataset from one end to the other: through the host's cache, and through the program.
#ifndef SUPPORT_DATASET_RUN_H
#define SUPPORT_DATASET_RUN_H

#include "data/data.h"

// Opens the data of a dataset, splits and cache, as a search does; expects it to succeed. The cache
// lies in `folder`. Owner: the caller (data_close, before the instance).
struct data *dataset_data(const struct instance *dataset, double valid_fraction, bool test,
                          const char *folder);

// `espalier run` of two trials of one epoch over [dataset] `lines` ("plugin = idx\n..."), with the
// sections [space] and [estimator] as given (NULL: small ones), cache and results in `folder`, then
// a final training, which reads the test split. Expects `status`; answers what it said on standard
// error. Owner: the caller (free).
char *dataset_run(const char *folder, const char *lines, const char *space, const char *estimator,
                  int status);

#endif
