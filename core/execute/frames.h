// SPDX-License-Identifier: Apache-2.0
// Length-prefixed messages between coordinator and worker: u32 little-endian length, then that many
// bytes.
#ifndef EXECUTE_FRAMES_H
#define EXECUTE_FRAMES_H

#include "error/error.h"

// A longer one is no message of ours.
#define FRAME_MOST (64u << 20)
// The same of what a worker says: metrics and words. As JSON in memory a message takes up to some fifty
// times its bytes.
#define ANSWER_MOST (1u << 20)

// Gathers bytes until a whole frame is there.
struct frame_reader {
    char *bytes;
    size_t used, capacity;
    size_t taken; // of the bytes, by frames that were given out
    size_t most;  // bytes of a frame; 0: FRAME_MOST
};

// Room for at least `size` more bytes; answers where they go. NULL: out of memory.
char *frame_space(struct frame_reader *reader, size_t size);
// `size` bytes were written there.
void frame_fill(struct frame_reader *reader, size_t size);
// The next whole frame: 1 and its place (valid until the next frame_space), 0 where more bytes are
// needed, -1 where the stream is none of ours.
int frame_next(struct frame_reader *reader, const char **bytes, size_t *size);
void frame_reader_free(struct frame_reader *reader);

// The four bytes before a frame.
void frame_prefix(unsigned char prefix[4], size_t size);

// Blocking forms, for the worker: false at the end of the stream or when it breaks.
bool frame_write(int descriptor, const char *bytes, size_t size);
bool frame_read(int descriptor, struct frame_reader *reader, const char **bytes, size_t *size);

#endif
