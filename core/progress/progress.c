// SPDX-License-Identifier: Apache-2.0
// What is written to the terminal, plain lines, and log.txt; see progress.h. The lines of the live display
// are live.c's. The cursor rests at the beginning of the line below them and is never hidden: however the
// program ends, the terminal is left as it should be.
#include "progress/live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static const double redraw_seconds = 0.1;
static const double plain_seconds = 10.0;

// Cheap trials that get a plain line each; then one in ten seconds says where the run is.
static const uint64_t most_plain = 1000;

struct progress {
    FILE *log;
    bool quiet;
    bool terminal;
    bool colours, unicode;
    int drawn;               // lines of the display that are on the screen
    int columns[LIVE_LINES]; // of each
    double last;             // when it was drawn, monotonic seconds
    uint64_t plain;          // lines of cheap trials so far
    struct live_history history;
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

static int terminal_columns(void)
{
    struct winsize window;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 ? window.ws_col : 80;
}

// Rows that the drawn lines take now: a terminal that was made narrower has broken them.
static int drawn_rows(const struct progress *progress)
{
    int rows = 0, width = terminal_columns();
    for (int i = 0; i < progress->drawn; i++)
        rows += progress->columns[i] > width ? (progress->columns[i] + width - 1) / width : 1;
    return rows;
}

void progress_clear(struct progress *progress)
{
    if (progress->drawn > 0)
        fprintf(stderr, "\r\033[%dA\033[J", drawn_rows(progress));
    progress->drawn = 0;
    fflush(stderr);
}

// A line that stays. On a terminal it is cut to the width, unless it must be read in full.
static void put_line(struct progress *progress, const char *before, const char *text, bool whole)
{
    progress_clear(progress);
    if (progress->terminal && !whole)
        fprintf(stderr, "%.*s\n", (int)live_fit(text, terminal_columns() - 1), text);
    else
        fprintf(stderr, "%s%s\n", before, text);
}

static void sink(void *self, uint32_t level, const char *message)
{
    struct progress *progress = self;
    static const char *const levels[] = {"debug: ", "", "warning: "};
    write_log(progress, levels[level <= ESP_LOG_WARNING ? level : ESP_LOG_WARNING], message);
    if (level < ESP_LOG_WARNING && (progress->quiet || level == ESP_LOG_DEBUG))
        return;
    bool warning = level >= ESP_LOG_WARNING;
    put_line(progress, warning ? "warning: " : "", message, warning);
}

// The first of these that is set has the say (POSIX).
static bool is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value && value[0])
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

struct progress *progress_create(const char *log_path, bool quiet, struct error *error)
{
    struct progress *progress = calloc(1, sizeof *progress);
    if (!progress) {
        error_memory(error);
        return NULL;
    }
    progress->quiet = quiet;
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    progress->terminal = isatty(STDERR_FILENO) && !quiet && !(term && strcmp(term, "dumb") == 0);
    progress->colours = !(no_color && no_color[0]);
    progress->unicode = is_utf8();
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
    if (!progress->quiet)
        put_line(progress, "", text, false);
}

void progress_result(struct progress *progress, const struct progress_result *result)
{
    live_note(&progress->history, result->trial, result->value, result->best_value);
    if (!result->cheap || progress->terminal || progress->quiet)
        return;
    if (progress->plain++ >= most_plain) {
        if (progress->plain == most_plain + 2)
            fprintf(stderr, "further trials have no line of their own\n");
        return;
    }
    if (result->error)
        fprintf(stderr, "trial %llu: failed: %s\n", (unsigned long long)result->trial,
                result->error);
    else
        fprintf(stderr, "trial %llu: %s %.6g%s\n", (unsigned long long)result->trial,
                result->metric, result->value, result->is_best ? "  best so far" : "");
}

static void plain_state(const struct progress_state *state)
{
    const struct live_look look = {.columns = LIVE_SIZE / 2};
    struct live_history none = {0};
    struct live_line lines[LIVE_LINES];
    int count = live_lines(lines, state, &none, &look);
    fprintf(stderr, "%s%s%s\n", lines[0].text, count > 1 ? ", " : "",
            count > 1 ? lines[1].text : "");
}

void progress_update(struct progress *progress, const struct progress_state *state, bool now)
{
    if (progress->quiet)
        return;
    double time_now = monotonic_seconds();
    if (!now && time_now - progress->last < (progress->terminal ? redraw_seconds : plain_seconds))
        return;
    progress->last = time_now;
    if (!progress->terminal) {
        plain_state(state);
        return;
    }
    const struct live_look look = {terminal_columns(), progress->colours, progress->unicode};
    struct live_line lines[LIVE_LINES];
    int count = live_lines(lines, state, &progress->history, &look);
    progress_clear(progress);
    for (int i = 0; i < count; i++) {
        fprintf(stderr, "%s\n", lines[i].text);
        progress->columns[i] = lines[i].columns;
    }
    progress->drawn = count;
    fflush(stderr);
}
