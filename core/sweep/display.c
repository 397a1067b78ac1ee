// SPDX-License-Identifier: Apache-2.0
// What a person sees while a sweep goes on; see display.h.
#include "sweep/display.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static const double redraw_seconds = 0.1;

static double monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void display_open(struct display *display, bool quiet)
{
    *display = (struct display){.quiet = quiet, .terminal = isatty(STDERR_FILENO) && !quiet};
}

static void clear(struct display *display)
{
    if (display->drawn)
        fputs("\r\033[K", stderr);
    display->drawn = false;
}

void display_close(struct display *display)
{
    clear(display);
    fflush(stderr);
}

static uint64_t count_state(const struct sweep *sweep, enum sweep_state state)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < sweep->count; i++)
        count += sweep->runs[i].state == state;
    return count;
}

void display_ended(struct display *display, const struct sweep *sweep, const struct sweep_run *run)
{
    char seconds[DURATION_SIZE];
    if (run->state == SWEEP_FAILED) {
        display_warning(display, "%s: failed: %s", run->name, run->error ? run->error : "");
        return;
    }
    if (display->quiet || display->terminal)
        return;
    duration_text(seconds, run->seconds);
    display_line(display, "%s: %s, %s (%llu/%llu)", run->name, sweep_state_name(run->state),
                 seconds, (unsigned long long)count_state(sweep, SWEEP_DONE),
                 (unsigned long long)sweep->count);
}

static int terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

void display_update(struct display *display, const struct sweep *sweep, uint64_t active)
{
    char text[256], left[DURATION_SIZE];
    double now = monotonic_seconds();
    if (!display->terminal || (display->drawn && now - display->last < redraw_seconds))
        return;
    display->last = now;
    uint64_t failed = count_state(sweep, SWEEP_FAILED);
    double seconds = sweep_left(sweep);
    int used = snprintf(text, sizeof text, "sweep: %llu/%llu runs done, %llu running",
                        (unsigned long long)count_state(sweep, SWEEP_DONE),
                        (unsigned long long)sweep->count, (unsigned long long)active);
    if (failed > 0)
        used += snprintf(text + used, sizeof text - (size_t)used, ", %llu failed",
                         (unsigned long long)failed);
    if (isfinite(seconds)) {
        duration_text(left, seconds);
        snprintf(text + used, sizeof text - (size_t)used, ", about %s left", left);
    }
    fprintf(stderr, "\r\033[K%.*s", terminal_width() - 1, text);
    fflush(stderr);
    display->drawn = true;
}

// A failure's words may be long: as much of them as an error holds, and a name before.
#define LINE_SIZE (ERROR_MESSAGE_SIZE + 256)

static void show(struct display *display, const char *text)
{
    clear(display);
    fprintf(stderr, "%s\n", text);
    fflush(stderr);
}

void display_line(struct display *display, const char *format, ...)
{
    char text[LINE_SIZE];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (length >= 0 && !display->quiet)
        show(display, text);
}

void display_warning(struct display *display, const char *format, ...)
{
    char text[LINE_SIZE];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (length >= 0)
        show(display, text);
}
