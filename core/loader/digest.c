// SPDX-License-Identifier: Apache-2.0
// The SHA-256 of a file; see digest.h. Read, not mapped: a file that is cut meanwhile is an error,
// no signal.
#include "loader/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

_Static_assert(SHA256_HEX_SIZE == 2 * crypto_hash_sha256_BYTES + 1, "two digits a byte");

esp_status file_sha256(char *hex, const char *path, struct error *error)
{
    unsigned char buffer[65536], digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return error_set(error, ESP_ERROR_IO, "%s: it cannot be read: %s", path, strerror(errno));
    crypto_hash_sha256_init(&state);
    ssize_t count;
    while ((count = read(descriptor, buffer, sizeof buffer)) > 0)
        crypto_hash_sha256_update(&state, buffer, (unsigned long long)count);
    int reason = errno;
    close(descriptor);
    if (count < 0)
        return error_set(error, ESP_ERROR_IO, "%s: it cannot be read: %s", path, strerror(reason));
    crypto_hash_sha256_final(&state, digest);
    sodium_bin2hex(hex, SHA256_HEX_SIZE, digest, sizeof digest);
    return ESP_OK;
}
