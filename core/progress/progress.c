// SPDX-License-Identifier: Apache-2.0
// The live display, plain lines, and log.txt; see progress.h.
#include "progress/progress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static const double redraw_seconds = 0.1;
static const double plain_seconds = 10.0;

struct progress {
    FILE *log;
    bool quiet;
    bool terminal;
    bool drawn;  // the display is on the screen, the cursor at its line
    double last; // when it was drawn, monotonic seconds
};

static double monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void write_log(struct progress *progress, const char *level, const char *text)
{
    if (!progress->log)
        return;
    time_t now = time(NULL);
    struct tm parts;
    char stamp[32];
    gmtime_r(&now, &parts);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &parts);
    fprintf(progress->log, "%s %s%s\n", stamp, level, text);
    fflush(progress->log);
}

void progress_clear(struct progress *progress)
{
    if (progress->drawn)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
    fflush(stderr);
}

static void sink(void *self, uint32_t level, const char *message)
{
    struct progress *progress = self;
    static const char *const levels[] = {"debug: ", "", "warning: "};
    write_log(progress, levels[level <= ESP_LOG_WARNING ? level : ESP_LOG_WARNING], message);
    if (level < ESP_LOG_WARNING && (progress->quiet || level == ESP_LOG_DEBUG))
        return;
    progress_clear(progress);
    fprintf(stderr, "%s%s\n", level >= ESP_LOG_WARNING ? "warning: " : "", message);
}

struct progress *progress_create(const char *log_path, bool quiet, struct error *error)
{
    struct progress *progress = calloc(1, sizeof *progress);
    if (!progress) {
        error_memory(error);
        return NULL;
    }
    progress->quiet = quiet;
    progress->terminal = isatty(STDERR_FILENO) && !quiet;
    if (log_path) {
        progress->log = fopen(log_path, "ae");
        if (!progress->log) {
            error_set(error, ESP_ERROR_IO, "%s: cannot write: %s", log_path, strerror(errno));
            free(progress);
            return NULL;
        }
    }
    log_set_sink(sink, progress);
    return progress;
}

void progress_destroy(struct progress *progress)
{
    if (!progress)
        return;
    progress_clear(progress);
    log_set_sink(NULL, NULL);
    if (progress->log)
        fclose(progress->log);
    free(progress);
}

void progress_line(struct progress *progress, const char *format, ...)
{
    char text[ERROR_MESSAGE_SIZE];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (length < 0)
        return;
    write_log(progress, "", text);
    if (progress->quiet)
        return;
    progress_clear(progress);
    fprintf(stderr, "%s\n", text);
}

static void duration_text(char *text, size_t size, double seconds)
{
    if (seconds < 120)
        snprintf(text, size, "%.0f s", seconds);
    else if (seconds < 7200)
        snprintf(text, size, "%.0f min", seconds / 60);
    else
        snprintf(text, size, "%.1f h", seconds / 3600);
}

static void state_text(char *text, size_t size, const struct progress_state *state)
{
    char part[96], left[32];
    if (state->budget)
        snprintf(text, size, "%s: %llu/%llu trials", state->phase, (unsigned long long)state->told,
                 (unsigned long long)state->budget);
    else
        snprintf(text, size, "%s: %llu trials", state->phase, (unsigned long long)state->told);
    snprintf(part, sizeof part, ", %llu running", (unsigned long long)state->running);
    strncat(text, part, size - strlen(text) - 1);
    if (state->failed) {
        snprintf(part, sizeof part, ", %llu failed", (unsigned long long)state->failed);
        strncat(text, part, size - strlen(text) - 1);
    }
    if (state->best >= 0) {
        snprintf(part, sizeof part, ", best %s %.4g (trial %lld)", state->metric, state->best_value,
                 (long long)state->best);
        strncat(text, part, size - strlen(text) - 1);
    }
    if (state->told_this_session > 0 && state->this_session > 0) {
        double rate = (double)state->told_this_session / state->this_session;
        snprintf(part, sizeof part, ", %.3g trials/s", rate);
        strncat(text, part, size - strlen(text) - 1);
        if (state->budget > state->told) {
            duration_text(left, sizeof left, (double)(state->budget - state->told) / rate);
            snprintf(part, sizeof part, ", %s left", left);
            strncat(text, part, size - strlen(text) - 1);
        }
    }
}

void progress_update(struct progress *progress, const struct progress_state *state, bool now)
{
    if (progress->quiet)
        return;
    double time_now = monotonic_seconds();
    if (!now && time_now - progress->last < (progress->terminal ? redraw_seconds : plain_seconds))
        return;
    char text[512];
    state_text(text, sizeof text, state);
    progress->last = time_now;
    if (!progress->terminal) {
        fprintf(stderr, "%s\n", text);
        return;
    }
    struct winsize window;
    int width = ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1
                    ? window.ws_col - 1
                    : 79;
    fprintf(stderr, "\r\033[K%.*s", width, text);
    fflush(stderr);
    progress->drawn = true;
}
