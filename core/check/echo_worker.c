// SPDX-License-Identifier: Apache-2.0
// See echo_worker.h.
#include "check/echo_worker.h"

#include "execute/frames.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define USUAL_MS 10
#define SLOW_MS 30000

static void say(const char *text)
{
    if (!frame_write(STDOUT_FILENO, text, strlen(text)))
        _exit(0);
}

// How many workers are busy, this one among them.
static int count_busy(const char *folder)
{
    int count = 0;
    DIR *directory = opendir(folder);
    if (!directory)
        return 0;
    for (struct dirent *entry; (entry = readdir(directory));)
        count += strncmp(entry->d_name, "busy-", 5) == 0;
    closedir(directory);
    return count;
}

// The specification's own words, made a JSON string by leaving out what would have to be escaped.
static void answer(const char *folder, const char *specification, size_t size)
{
    char mark[4096], text[1024], words[512];
    size_t used = 0;
    for (size_t i = 0; i < size && used + 1 < sizeof words; i++)
        if (specification[i] >= ' ' && specification[i] != '"' && specification[i] != '\\')
            words[used++] = specification[i];
    words[used] = '\0';
    snprintf(mark, sizeof mark, "%s/busy-%d", folder, (int)getpid());
    int file = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0)
        close(file);
    if (strstr(words, "crash"))
        abort();
    poll(NULL, 0, strstr(words, "slow") ? SLOW_MS : USUAL_MS);
    snprintf(text, sizeof text, "{\"result\": {\"echo\": \"%s\", \"busy\": %d}}", words,
             count_busy(folder));
    unlink(mark);
    say(text);
}

int echo_worker_main(const char *folder)
{
    struct frame_reader reader = {0};
    char text[64];
    const char *bytes;
    size_t size;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(text, sizeof text, "{\"worker\": {\"pid\": %d}}", (int)getpid());
    say(text);
    say("{\"ready\": true}");
    while (frame_read(STDIN_FILENO, &reader, &bytes, &size)) {
        say("{\"taken\": true}");
        answer(folder, bytes, size);
    }
    frame_reader_free(&reader);
    return 0;
}
