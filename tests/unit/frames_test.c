// SPDX-License-Identifier: Apache-2.0
// Length-prefixed messages: taken whole however they are cut, refused where they are none.
#include "execute/frames.h"
#include "support/leak.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void feed(struct frame_reader *reader, const void *bytes, size_t size)
{
    memcpy(frame_space(reader, size), bytes, size);
    frame_fill(reader, size);
}

static void expect(struct frame_reader *reader, const char *text)
{
    const char *bytes;
    size_t size;
    cr_assert_eq(frame_next(reader, &bytes, &size), 1, "'%s' is not there", text);
    cr_assert_eq(size, strlen(text));
    cr_assert_arr_eq(bytes, text, size);
}

static void expect_none(struct frame_reader *reader)
{
    const char *bytes;
    size_t size;
    cr_assert_eq(frame_next(reader, &bytes, &size), 0);
}

// Three messages, one of them empty, as they stand on the wire.
static const char wire[] = "\5\0\0\0first\0\0\0\0\6\0\0\0second";

TestLeak(frames, are_the_same_in_one_piece)
{
    struct frame_reader reader = {0};
    feed(&reader, wire, sizeof wire - 1);
    expect(&reader, "first");
    expect(&reader, "");
    expect(&reader, "second");
    expect_none(&reader);
    frame_reader_free(&reader);
}

TestLeak(frames, are_the_same_byte_by_byte)
{
    struct frame_reader reader = {0};
    static const struct {
        size_t place; // of a message's last byte
        const char *text;
    } ends[] = {{8, "first"}, {12, ""}, {22, "second"}};
    size_t met = 0;
    for (size_t i = 0; i < sizeof wire - 1; i++) {
        feed(&reader, wire + i, 1);
        if (met < 3 && i == ends[met].place)
            expect(&reader, ends[met++].text);
        expect_none(&reader);
    }
    cr_assert_eq(met, 3);
    frame_reader_free(&reader);
}

TestLeak(frames, have_a_little_endian_length)
{
    unsigned char prefix[4];
    frame_prefix(prefix, 0x01020304);
    cr_assert_arr_eq(prefix, "\4\3\2\1", 4);
}

TestLeak(frames, larger_than_the_limit_are_refused_before_they_are_there)
{
    struct frame_reader reader = {0};
    unsigned char prefix[4];
    const char *bytes;
    size_t size;
    frame_prefix(prefix, FRAME_MOST);
    feed(&reader, prefix, 4);
    expect_none(&reader);
    frame_reader_free(&reader);
    frame_prefix(prefix, (size_t)FRAME_MOST + 1);
    feed(&reader, prefix, 4);
    cr_assert_eq(frame_next(&reader, &bytes, &size), -1);
    // And again: the stream does not recover.
    cr_assert_eq(frame_next(&reader, &bytes, &size), -1);
    frame_reader_free(&reader);
}

// More than a pipe holds, so that both sides are cut at places of the kernel's choice.
#define LARGE ((size_t)3 << 20)

TestLeak(frames, pass_through_a_pipe)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    pid_t writer = fork();
    if (writer == 0) {
        char *large = malloc(LARGE);
        memset(large, 'x', LARGE);
        _exit(!(frame_write(ends[1], "before", 6) && frame_write(ends[1], large, LARGE) &&
                frame_write(ends[1], "after", 5)));
    }
    close(ends[1]);
    struct frame_reader reader = {0};
    const char *bytes;
    size_t size;
    cr_assert(frame_read(ends[0], &reader, &bytes, &size));
    cr_assert(size == 6 && memcmp(bytes, "before", 6) == 0);
    cr_assert(frame_read(ends[0], &reader, &bytes, &size));
    cr_assert(size == LARGE && bytes[0] == 'x' && bytes[LARGE - 1] == 'x');
    cr_assert(frame_read(ends[0], &reader, &bytes, &size));
    cr_assert(size == 5 && memcmp(bytes, "after", 5) == 0);
    cr_assert_not(frame_read(ends[0], &reader, &bytes, &size), "the end of the stream");
    int status;
    waitpid(writer, &status, 0);
    cr_assert_eq(status, 0);
    close(ends[0]);
    frame_reader_free(&reader);
}

TestLeak(frames, that_break_off_are_the_end)
{
    int ends[2];
    struct frame_reader reader = {0};
    const char *bytes;
    size_t size;
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], "\5\0\0\0fir", 7), 7);
    close(ends[1]);
    cr_assert_not(frame_read(ends[0], &reader, &bytes, &size));
    close(ends[0]);
    frame_reader_free(&reader);
}

TestLeak(frames, to_nobody_fail)
{
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(pipe(ends), 0);
    close(ends[0]);
    cr_assert_not(frame_write(ends[1], "x", 1));
    cr_assert_not(frame_write(-1, "x", 1));
    close(ends[1]);
}
