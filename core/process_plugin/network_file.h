// SPDX-License-Identifier: Apache-2.0
// What a trial's program is given in files: the folder that its own files go to, and, where it is asked
// for, the network as ONNX with the weights that a training begins with.
#ifndef PROCESS_PLUGIN_NETWORK_FILE_H
#define PROCESS_PLUGIN_NETWORK_FILE_H

#include "error/error.h"

#include <espalier/estimator.h>

struct network_file {
    char *folder; // of the attempt; NULL where nobody asked for files
    char *own;    // a folder for the network alone, where there is no other; or NULL
    char *onnx;   // NULL where it was not asked for
};

esp_status network_file_make(struct network_file *out, esp_evaluation *e, bool onnx,
                             struct error *error);
// Removes the network's file; what a program left in the folder is the trial's.
void network_file_remove(struct network_file *file);

// Paths, or NULL.
const char *network_file_onnx(const struct network_file *file);
const char *network_file_folder(const struct network_file *file);

#endif
