// SPDX-License-Identifier: Apache-2.0
// Temporary folders and small files for tests.
#include "support/folder.h"

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *folder_temporary(void)
{
    const char *base = getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/espalier-test-XXXXXX", base ? base : "/tmp") < 0 || !mkdtemp(path)) {
        perror("mkdtemp");
        abort();
    }
    return path;
}

static int remove_entry(const char *path, const struct stat *found, int kind, struct FTW *walk)
{
    (void)found;
    (void)kind;
    (void)walk;
    return remove(path);
}

void folder_delete(char *folder)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

char *folder_write(const char *folder, const char *name, const char *text)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        abort();
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
        perror(path);
        abort();
    }
    return path;
}

char *file_text(const char *path)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    char *text = NULL;
    size_t size = 0, used = 0;
    for (;;) {
        if (used + 65536 > size) {
            size = used + 131072;
            text = realloc(text, size);
            if (!text)
                abort();
        }
        size_t count = fread(text + used, 1, 65535, file);
        used += count;
        if (count == 0)
            break;
    }
    text[used] = '\0';
    fclose(file);
    return text;
}

const char *folder_fill(const char *folder, const char *pattern)
{
    static char texts[4][4096];
    static unsigned next;
    char *text = texts[next++ % 4];
    size_t used = 0, length = strlen(folder);
    for (; *pattern; pattern++) {
        bool place = *pattern == '%';
        if (used + (place ? length : 1) >= sizeof texts[0])
            abort();
        memcpy(text + used, place ? folder : pattern, place ? length : 1);
        used += place ? length : 1;
    }
    text[used] = '\0';
    return text;
}
