// SPDX-License-Identifier: Apache-2.0
// The SHA-256 of a file: what a run remembers of a plugin and of its data.
#ifndef LOADER_DIGEST_H
#define LOADER_DIGEST_H

#include "error/error.h"

#define SHA256_HEX_SIZE 65

// 64 hex digits and a zero, in `hex` (SHA256_HEX_SIZE bytes). A file that cannot be read is an error
// that names it.
esp_status file_sha256(char *hex, const char *path, struct error *error);

#endif
