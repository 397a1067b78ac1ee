// SPDX-License-Identifier: Apache-2.0
// One worker process; see process.h.
#include "execute/process.h"

#include "execute/frames.h"
#include "execute/guard.h"
#include "text/printable.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// What is read at once.
#define READ_SIZE 65536
// What is read at most of one that has ended: a whole frame and more, and all that a pipe holds.
#define DRAIN_MOST (4u * ANSWER_MOST)

struct process {
    const struct process_events *events;
    void *owner;
    uv_process_t handle;
    uv_pipe_t in, out, err; // its standard streams, from here
    int open_handles;
    bool alive;
    bool ending; // frames are no longer given out
    struct frame_reader reader;
    char line[PROCESS_LINE_SIZE];
    size_t line_size;
};

// ---- Handles ----------------------------------------------------------------------------------

static void on_closed(uv_handle_t *handle)
{
    struct process *process = handle->data;
    if (--process->open_handles > 0)
        return;
    frame_reader_free(&process->reader);
    free(process);
}

static void close_once(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_closed);
}

static void close_all(struct process *process)
{
    close_once((uv_handle_t *)&process->handle);
    close_once((uv_handle_t *)&process->in);
    close_once((uv_handle_t *)&process->out);
    close_once((uv_handle_t *)&process->err);
}

// ---- What it says -----------------------------------------------------------------------------

static void give_frames(struct process *process)
{
    const char *bytes;
    size_t size;
    int found = 0;
    while (!process->ending && (found = frame_next(&process->reader, &bytes, &size)) == 1)
        process->events->frame(process->owner, bytes, size);
    if (found < 0) {
        process->ending = true;
        process->events->garbage(process->owner);
    }
}

static void give_line(struct process *process)
{
    if (process->line_size == 0)
        return;
    process->line[process->line_size] = '\0';
    process->line_size = 0;
    text_make_printable(process->line);
    process->events->line(process->owner, process->line);
}

static void take_words(struct process *process, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n') {
            give_line(process);
            continue;
        }
        if (process->line_size == sizeof process->line - 1)
            give_line(process);
        process->line[process->line_size++] = bytes[i] ? bytes[i] : '?';
    }
}

static void give_frame_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    struct process *process = handle->data;
    (void)wanted;
    char *space = frame_space(&process->reader, READ_SIZE);
    *out = uv_buf_init(space, space ? READ_SIZE : 0); // without one libuv says UV_ENOBUFS
}

static void on_output(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct process *process = stream->data;
    (void)buffer;
    if (count > 0) {
        frame_fill(&process->reader, (size_t)count);
        give_frames(process);
    } else if (count < 0) {
        uv_read_stop(stream);
        if (!process->ending)
            process->events->closed(process->owner);
    }
}

static void give_words_buffer(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    static char buffer[READ_SIZE]; // of one read at a time: libuv reads into it at once
    (void)handle;
    (void)wanted;
    *out = uv_buf_init(buffer, sizeof buffer);
}

static void on_words(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    if (count > 0)
        take_words(stream->data, buffer->base, (size_t)count);
    else if (count < 0)
        uv_read_stop(stream);
}

// Reads what lies in the pipes of one that has ended: its end may be told before its last words.
static void drain(struct process *process)
{
    uv_os_fd_t descriptor;
    size_t read_so_far = 0;
    char words[4096];
    while (uv_fileno((uv_handle_t *)&process->out, &descriptor) == 0 && read_so_far < DRAIN_MOST) {
        char *space = process->ending ? NULL : frame_space(&process->reader, READ_SIZE);
        ssize_t count = space ? read(descriptor, space, READ_SIZE) : 0;
        if (count <= 0)
            break;
        frame_fill(&process->reader, (size_t)count);
        give_frames(process);
        read_so_far += (size_t)count;
    }
    read_so_far = 0;
    while (uv_fileno((uv_handle_t *)&process->err, &descriptor) == 0 && read_so_far < DRAIN_MOST) {
        ssize_t count = read(descriptor, words, sizeof words);
        if (count <= 0)
            break;
        take_words(process, words, (size_t)count);
        read_so_far += (size_t)count;
    }
    give_line(process);
}

// ---- Its end ----------------------------------------------------------------------------------

static void on_exit_of_process(uv_process_t *handle, int64_t exit_status, int number)
{
    struct process *process = handle->data;
    process->alive = false;
    drain(process);
    process->ending = true;
    close_all(process);
    process->events->ended(process->owner, exit_status, number);
}

void process_end(struct process *process)
{
    process->ending = true;
    if (process->alive)
        uv_process_kill(&process->handle, SIGTERM);
}

void process_pause(struct process *process, bool pause)
{
    if (process->alive)
        sigqueue(process->handle.pid, GUARD_PAUSE,
                 (union sigval){.sival_int = pause ? GUARD_STOP : GUARD_GO_ON});
}

void process_kill(struct process *process)
{
    process->ending = true;
    if (process->alive)
        kill(-process->handle.pid, SIGKILL);
}

// ---- Its beginning ----------------------------------------------------------------------------

static void open_handles(struct process *process, uv_loop_t *loop)
{
    // Without descriptors to open these cannot fail.
    uv_pipe_t *pipes[] = {&process->in, &process->out, &process->err};
    for (int i = 0; i < 3; i++) {
        uv_pipe_init(loop, pipes[i], 0);
        pipes[i]->data = process;
    }
    process->handle.data = process;
    process->open_handles = 4;
}

esp_status process_start(struct process **out, uv_loop_t *loop, const char *const *command,
                         const struct process_events *events, void *owner, struct error *error)
{
    struct process *process = calloc(1, sizeof *process);
    if (!process)
        return error_memory(error);
    process->events = events;
    process->owner = owner;
    process->reader.most = ANSWER_MOST;
    open_handles(process, loop);
    uv_stdio_container_t streams[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&process->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&process->out},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&process->err},
    };
    uv_process_options_t options = {
        .file = command[0],
        .args = (char **)(uintptr_t)command,
        .exit_cb = on_exit_of_process,
        .flags = UV_PROCESS_DETACHED, // a session and process group of its own
        .stdio = streams,
        .stdio_count = 3,
    };
    int code = uv_spawn(loop, &process->handle, &options);
    if (code != 0) {
        close_all(process);
        return error_set(error, ESP_ERROR, "%s: a worker cannot be started: %s", command[0],
                         uv_strerror(code));
    }
    process->alive = true;
    uv_read_start((uv_stream_t *)&process->out, give_frame_buffer, on_output);
    uv_read_start((uv_stream_t *)&process->err, give_words_buffer, on_words);
    *out = process;
    return ESP_OK;
}

// ---- What it is told --------------------------------------------------------------------------

struct writing {
    uv_write_t request;
    char bytes[];
};

static void on_written(uv_write_t *request, int status)
{
    (void)status; // one that cannot be written to is about to end
    free((struct writing *)(void *)request);
}

bool process_send(struct process *process, const char *bytes, size_t size)
{
    struct writing *writing = malloc(sizeof *writing + size);
    if (!writing)
        return false;
    memcpy(writing->bytes, bytes, size);
    uv_buf_t buffer = uv_buf_init(writing->bytes, (unsigned)size);
    if (uv_write(&writing->request, (uv_stream_t *)&process->in, &buffer, 1, on_written) == 0)
        return true;
    free(writing);
    return false;
}

void process_close_input(struct process *process)
{
    close_once((uv_handle_t *)&process->in);
}
