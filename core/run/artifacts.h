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

// Makes the place for attempts; called before any begins.
esp_status artifacts_open(const char *out, struct error *error);
// The path of an attempt's folder. `name`: the trial's number, or what names a final training. Owner:
// the caller (free). NULL: out of memory.
char *artifacts_attempt(const char *out, const char *name, uint64_t attempt);
// The same, with what may lie there removed; the worker makes it when it writes. Owner of `*folder`:
// the caller (free).
esp_status artifacts_begin(const char *out, const char *name, uint64_t attempt, char **folder,
                           struct error *error);
// One more than the largest attempt that left a folder; 0 where none did.
esp_status artifacts_count_attempts(const char *out, const char *name, uint64_t *count,
                                    struct error *error);
// Renames the attempt's folder, where there is one, to out/artifacts/<name>, in the place of an older
// one.
esp_status artifacts_finish(const char *out, const char *name, const char *folder,
                            struct error *error);
// Removes what attempts left behind; called when nothing runs.
esp_status artifacts_sweep(const char *out, struct error *error);
// Removes the artifacts of one name.
esp_status artifacts_remove(const char *out, const char *name, struct error *error);
// Removes them but for the learning curve.
esp_status artifacts_keep_curve(const char *out, const char *name, struct error *error);
// out/artifacts/<name>; owner: the caller (free). NULL: out of memory.
char *artifacts_folder(const char *out, const char *name);

#endif
