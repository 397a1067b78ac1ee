// SPDX-License-Identifier: Apache-2.0
// The reading side of worker.json (its writing is in execute.h).
#ifndef EXECUTE_WORKER_FILE_H
#define EXECUTE_WORKER_FILE_H

#include "config/experiment.h"

// Loads the plugins that the file names, each tested against its SHA-256, and makes the experiment.
// `registry` scanned no folders: what it holds comes from the file.
esp_status worker_file_read(struct experiment **out, struct registry *registry,
                            const char *run_folder, struct error *error);

// A worker holds a shared lock on its file as long as it lives, so that worker_file_write can wait for
// the end of those whose coordinator was killed: none of them writes into the folder of a resumed run.
// Owner of the descriptor: the caller (close).
esp_status worker_file_lock(int *out, const char *run_folder, struct error *error);

#endif
