// SPDX-License-Identifier: Apache-2.0
// Manifests, NAME.plugin.ini, of both ways: programs and foreign libraries with their signatures and
// calls. Nothing of them runs. Law: a manifest that was read is read again the same, with the same digest.
#include "fuzz.h"

#include "manifest/manifest.h"

#include <string.h>

static void run(const uint8_t *bytes, size_t size)
{
    struct error error;
    struct manifest *manifest = NULL, *again = NULL;
    char digest[SHA256_HEX_SIZE] = "", second[SHA256_HEX_SIZE] = "";
    const char *path = fuzz_file("fuzz" MANIFEST_SUFFIX, bytes, size);
    error_clear(&error);
    esp_status status = manifest_read(&manifest, path, &error);
    fuzz_refused(status, &error);
    if (status == ESP_OK) {
        FUZZ_LAW(manifest->kind && manifest->id[0], "kind %u, id '%s'", manifest->kind,
                 manifest->id);
        status = manifest_read(&again, path, &error);
        FUZZ_LAW(status == ESP_OK, "%s", error.message);
        FUZZ_LAW(strcmp(manifest->id, again->id) == 0 && manifest->kind == again->kind, "%s",
                 again->id);
        FUZZ_LAW(manifest->param_count == again->param_count, "parameters");
        status = manifest_sha256(digest, manifest, &error);
        fuzz_refused(status, &error);
        if (status == ESP_OK)
            FUZZ_LAW(manifest_sha256(second, again, &error) == ESP_OK && !strcmp(digest, second),
                     "%s, %s", digest, second);
    }
    manifest_release(again);
    manifest_release(manifest);
}

const struct fuzz_target fuzz_manifest = {"manifest", NULL, run};
