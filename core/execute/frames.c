// SPDX-License-Identifier: Apache-2.0
// Length-prefixed messages; see frames.h.
#include "execute/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *frame_space(struct frame_reader *reader, size_t size)
{
    if (reader->taken > 0) {
        memmove(reader->bytes, reader->bytes + reader->taken, reader->used - reader->taken);
        reader->used -= reader->taken;
        reader->taken = 0;
    }
    if (reader->capacity - reader->used < size) {
        size_t capacity = 2 * reader->capacity + size;
        char *grown = realloc(reader->bytes, capacity);
        if (!grown)
            return NULL;
        reader->bytes = grown;
        reader->capacity = capacity;
    }
    return reader->bytes + reader->used;
}

void frame_fill(struct frame_reader *reader, size_t size)
{
    reader->used += size;
}

int frame_next(struct frame_reader *reader, const char **bytes, size_t *size)
{
    size_t left = reader->used - reader->taken;
    if (left < 4)
        return 0;
    const unsigned char *prefix = (const unsigned char *)reader->bytes + reader->taken;
    size_t length = (size_t)prefix[0] | (size_t)prefix[1] << 8 | (size_t)prefix[2] << 16 |
                    (size_t)prefix[3] << 24;
    if (length > (reader->most ? reader->most : FRAME_MOST))
        return -1;
    if (left - 4 < length)
        return 0;
    *bytes = reader->bytes + reader->taken + 4;
    *size = length;
    reader->taken += 4 + length;
    return 1;
}

void frame_reader_free(struct frame_reader *reader)
{
    free(reader->bytes);
    memset(reader, 0, sizeof *reader);
}

void frame_prefix(unsigned char prefix[4], size_t size)
{
    for (int i = 0; i < 4; i++)
        prefix[i] = (unsigned char)(size >> (8 * i));
}

static bool write_whole(int descriptor, const void *bytes, size_t size)
{
    const char *next = bytes;
    while (size > 0) {
        ssize_t count = write(descriptor, next, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        next += count;
        size -= (size_t)count;
    }
    return true;
}

bool frame_write(int descriptor, const char *bytes, size_t size)
{
    unsigned char prefix[4];
    frame_prefix(prefix, size);
    return size <= FRAME_MOST && write_whole(descriptor, prefix, 4) &&
           write_whole(descriptor, bytes, size);
}

bool frame_read(int descriptor, struct frame_reader *reader, const char **bytes, size_t *size)
{
    for (;;) {
        int found = frame_next(reader, bytes, size);
        if (found != 0)
            return found == 1;
        char *space = frame_space(reader, 65536);
        ssize_t count = space ? read(descriptor, space, 65536) : -1;
        if (count < 0 && space && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        frame_fill(reader, (size_t)count);
    }
}
