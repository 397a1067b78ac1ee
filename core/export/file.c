// SPDX-License-Identifier: Apache-2.0
// Whole files; see file.h.
#include "export/file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

esp_status file_begin(struct file_aside *out, const char *path, struct error *error)
{
    out->path = path;
    if (asprintf(&out->aside, "%s.new", path) < 0)
        return error_memory(error);
    out->stream = fopen(out->aside, "we");
    if (out->stream)
        return ESP_OK;
    esp_status status = error_system(error, path, "write", errno);
    free(out->aside);
    return status;
}

esp_status file_end(struct file_aside *file, struct error *error)
{
    errno = 0;
    bool written = fflush(file->stream) == 0 && !ferror(file->stream);
    int reason = errno ? errno : EIO;
    if (fclose(file->stream) != 0 && written) {
        written = false;
        reason = errno;
    }
    if (written && rename(file->aside, file->path) != 0) {
        written = false;
        reason = errno;
    }
    if (!written)
        unlink(file->aside);
    free(file->aside);
    return written ? ESP_OK : error_system(error, file->path, "write", reason);
}
