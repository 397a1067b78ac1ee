// SPDX-License-Identifier: Apache-2.0
// The folder that a run writes to: one run at a time, and files that are whole or not there.
#ifndef RUN_OUT_H
#define RUN_OUT_H

#include "error/error.h"

// The path from the root. Owner: the caller (free). NULL: out of memory, or no current folder.
char *out_absolute(const char *path);

// Locks the folder until `*lock`, the caller's, is closed. ESP_ERROR_INVALID where another run holds
// it. `*lock` may be open after an error too (-1: it is not).
esp_status out_lock(const char *out, int *lock, struct error *error);

// Does a run's store lie in it?
bool out_holds_store(const char *out);

// Removes what a run that was refused has made in a folder that held none, and the folder where nothing
// else is in it. Called with the lock held.
void out_clear(const char *out);

// Writes `text` as the file `name` of the folder.
esp_status out_write(const char *out, const char *name, const char *text, struct error *error);

#endif
