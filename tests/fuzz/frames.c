// SPDX-License-Identifier: Apache-2.0
// Frames of the worker protocol. Laws: how the bytes are cut into reads changes no frame; frames written
// again are the bytes that were read.
#include "fuzz.h"

#include "execute/frames.h"

#include <string.h>

#define MOST_FRAMES 64

struct taken {
    size_t sizes[MOST_FRAMES];
    unsigned char *bytes; // of all frames, with their prefixes
    size_t used, count;
    bool wrong;
};

// Reads of at most `step` bytes each.
static void take(struct taken *out, const uint8_t *bytes, size_t size, size_t step)
{
    struct frame_reader reader = {0};
    out->bytes = malloc(size + 1);
    for (size_t at = 0; at < size && !out->wrong;) {
        size_t part = size - at < step ? size - at : step, length;
        const char *frame;
        int found;
        memcpy(frame_space(&reader, part), bytes + at, part);
        frame_fill(&reader, part);
        at += part;
        while ((found = frame_next(&reader, &frame, &length)) == 1) {
            frame_prefix(out->bytes + out->used, length);
            memcpy(out->bytes + out->used + 4, frame, length);
            out->used += length + 4;
            if (out->count < MOST_FRAMES)
                out->sizes[out->count++] = length;
        }
        out->wrong = found < 0;
    }
    frame_reader_free(&reader);
}

static void run(const uint8_t *bytes, size_t size)
{
    struct taken whole = {0}, cut = {0};
    if (size == 0)
        return;
    take(&whole, bytes + 1, size - 1, size);
    take(&cut, bytes + 1, size - 1, (size_t)bytes[0] % 16 + 1);
    FUZZ_LAW(whole.wrong == cut.wrong, "%d, %d", whole.wrong, cut.wrong);
    FUZZ_LAW(whole.count == cut.count && whole.used == cut.used, "%d and %d frames",
             (int)whole.count, (int)cut.count);
    FUZZ_LAW(!memcmp(whole.sizes, cut.sizes, sizeof whole.sizes), "sizes");
    FUZZ_LAW(whole.used <= size - 1 && !memcmp(whole.bytes, bytes + 1, whole.used), "bytes");
    FUZZ_LAW(!memcmp(whole.bytes, cut.bytes, whole.used), "bytes");
    free(whole.bytes);
    free(cut.bytes);
}

const struct fuzz_target fuzz_frames = {"frames", NULL, run};
