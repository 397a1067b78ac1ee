// SPDX-License-Identifier: Apache-2.0
// IDX files for tests; see idx_write.h.
#include "support/idx_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static char *path_of(const char *folder, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        abort();
    return path;
}

static void expect(bool done, const char *path)
{
    if (done)
        return;
    perror(path);
    abort();
}

void idx_write_bytes(const char *folder, const char *name, const void *bytes, uint64_t size)
{
    char *path = path_of(folder, name);
    FILE *file = fopen(path, "w");
    expect(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0, path);
    free(path);
}

void idx_write(const char *folder, const char *name, bool gzipped,
               const struct idx_content *content)
{
    unsigned char header[24] = {0, 0, (unsigned char)content->type};
    uint64_t named = content->type == 0x08 ? 1 : 4, header_size = 4;
    for (int i = 0; i < 5 && content->dimensions[i]; i++, header_size += 4) {
        uint32_t dimension = content->dimensions[i];
        header[3]++;
        named *= dimension;
        for (int byte = 0; byte < 4; byte++)
            header[header_size + (uint64_t)byte] = (unsigned char)(dimension >> (24 - 8 * byte));
    }
    uint64_t size = content->size ? content->size : named;
    unsigned char *bytes = malloc(header_size + size);
    expect(bytes, name);
    memcpy(bytes, header, header_size);
    for (uint64_t i = 0; i < size; i++)
        bytes[header_size + i] =
            content->values ? ((const unsigned char *)content->values)[i] : (unsigned char)i;
    if (gzipped) {
        char *path = path_of(folder, name);
        gzFile file = gzopen(path, "wb");
        expect(file && gzwrite(file, bytes, (unsigned)(header_size + size)) > 0 &&
                   gzclose(file) == Z_OK,
               path);
        free(path);
    } else {
        idx_write_bytes(folder, name, bytes, header_size + size);
    }
    free(bytes);
}

static int64_t size_of(const char *path)
{
    struct stat found;
    expect(stat(path, &found) == 0, path);
    return found.st_size;
}

void idx_cut(const char *folder, const char *name, int64_t size)
{
    char *path = path_of(folder, name);
    expect(truncate(path, size < 0 ? size_of(path) + size : size) == 0, path);
    free(path);
}

void idx_damage(const char *folder, const char *name, int64_t offset)
{
    char *path = path_of(folder, name);
    FILE *file = fopen(path, "r+");
    expect(file, path);
    int64_t place = offset < 0 ? size_of(path) + offset : offset;
    expect(fseek(file, place, SEEK_SET) == 0, path);
    int byte = fgetc(file);
    expect(byte != EOF && fseek(file, place, SEEK_SET) == 0 && fputc(byte ^ 0xff, file) != EOF &&
               fclose(file) == 0,
           path);
    free(path);
}
