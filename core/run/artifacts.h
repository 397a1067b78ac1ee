// SPDX-License-Identifier: Apache-2.0
// The files of trials: out/artifacts/<trial>/. Work is written in attempt folders,
// out/artifacts/.attempts/<name>.<attempt>/, and renamed into place when its result is in.
#ifndef RUN_ARTIFACTS_H
#define RUN_ARTIFACTS_H

#include "error/error.h"

#include <stdint.h>

// Makes a folder with its parents.
esp_status folder_make(const char *path, struct error *error);
// Removes a folder with all in it; one that is not there is no error.
esp_status folder_remove(const char *path, struct error *error);

// Makes the empty folder of an attempt. `name`: the trial's number, or "final-<n>". Owner of
// `*folder`: the caller (free).
esp_status artifacts_begin(const char *out, const char *name, uint64_t attempt, char **folder,
                           struct error *error);
// Renames the attempt's folder to out/artifacts/<name>, in the place of an older one. A folder that
// the attempt left empty is removed instead.
esp_status artifacts_finish(const char *out, const char *name, const char *folder,
                            struct error *error);
// Removes what attempts left behind; called when nothing runs.
esp_status artifacts_sweep(const char *out, struct error *error);
// Removes the artifacts of one name.
esp_status artifacts_remove(const char *out, const char *name, struct error *error);
// out/artifacts/<name>; owner: the caller (free). NULL: out of memory.
char *artifacts_folder(const char *out, const char *name);

#endif
