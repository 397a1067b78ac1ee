// SPDX-License-Identifier: Apache-2.0
// Lines for a width; see live.h.
#include "progress/live.h"

#include "text/duration.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PLAIN ""
#define BOLD "1"
#define RED "31"

static const int most_spark = 40; // columns

void live_note(struct live_history *history, uint64_t trial, double value, double best)
{
    uint64_t place = history->last_count++ % LIVE_LAST;
    history->last[place].trial = trial;
    history->last[place].value = value;
    if (history->stride == 0)
        history->stride = 1;
    if (isfinite(best) && history->seen++ % history->stride == 0)
        history->best[history->count++] = best;
    if (history->count < LIVE_HISTORY)
        return;
    history->count /= 2;
    history->stride *= 2;
    for (uint64_t i = 0; i < history->count; i++)
        history->best[i] = history->best[2 * i];
}

size_t live_fit(const char *text, int columns)
{
    size_t length = 0;
    for (int used = 0; text[length]; length++) {
        bool begins = ((unsigned char)text[length] & 0xc0) != 0x80;
        if (begins && used++ == columns)
            break;
    }
    return length;
}

// Appends a part where the line has room for all of it; answers whether it had.
ESP_PRINTF(4, 5)
static bool add(struct live_line *line, const struct live_look *look, const char *colour,
                const char *format, ...)
{
    char text[256];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    size_t used = strlen(line->text);
    int columns = 0;
    for (const char *c = text; *c; c++)
        columns += ((unsigned char)*c & 0xc0) != 0x80;
    if (line->columns + columns >= look->columns || used + strlen(text) + 16 > LIVE_SIZE)
        return false;
    bool coloured = look->colours && colour[0];
    snprintf(line->text + used, LIVE_SIZE - used, "%s%s%s%s%s", coloured ? "\033[" : "",
             coloured ? colour : "", coloured ? "m" : "", text, coloured ? "\033[0m" : "");
    line->columns += columns;
    return true;
}

static void add_counts(struct live_line *line, const struct progress_state *state,
                       const struct live_look *look)
{
    char left[DURATION_SIZE];
    unsigned long long told = state->told, budget = state->budget;
    const char *unit = state->unit ? state->unit : "trials";
    if (budget > 0 ? !add(line, look, BOLD, "%s: %llu/%llu %s", state->phase, told, budget, unit)
                   : !add(line, look, BOLD, "%s: %llu %s", state->phase, told, unit))
        add(line, look, BOLD, "%llu", told);
    add(line, look, PLAIN, ", %llu running", (unsigned long long)state->running);
    if (state->failed > 0)
        add(line, look, RED, ", %llu failed", (unsigned long long)state->failed);
    if (state->told_this_session == 0 || state->this_session <= 0)
        return;
    double rate = (double)state->told_this_session / state->this_session;
    if (state->budget > state->told) {
        duration_text(left, (double)(state->budget - state->told) / rate);
        add(line, look, PLAIN, ", %s left", left);
    }
    add(line, look, PLAIN, ", %.3g trials/s", rate);
}

// The best so far over results, from its first value to its last: a column is the last point that falls
// to it.
static void add_spark(struct live_line *line, const struct live_history *history,
                      const struct live_look *look)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const ascii[] = {"_", ".", "-", "~", "=", "+", "*", "#"};
    int width = look->columns - line->columns - 3;
    double low = INFINITY, high = -INFINITY;
    if (width > most_spark)
        width = most_spark;
    if ((uint64_t)(width > 0 ? width : 0) > history->count)
        width = (int)history->count;
    if (width < 2 || !add(line, look, PLAIN, "  "))
        return;
    for (uint64_t i = 0; i < history->count; i++) {
        low = fmin(low, history->best[i]);
        high = fmax(high, history->best[i]);
    }
    for (int c = 0; c < width; c++) {
        uint64_t point = (uint64_t)(c + 1) * history->count / (uint64_t)width - 1;
        double part = high > low ? (history->best[point] - low) / (high - low) : 1.0;
        add(line, look, PLAIN, "%s", (look->unicode ? blocks : ascii)[(int)(part * 7)]);
    }
}

int live_lines(struct live_line lines[LIVE_LINES], const struct progress_state *state,
               const struct live_history *history, const struct live_look *look)
{
    int count = 1;
    memset(lines, 0, LIVE_LINES * sizeof *lines);
    add_counts(&lines[0], state, look);
    if (state->best >= 0) {
        struct live_line *line = &lines[count++];
        if (add(line, look, PLAIN, "best %s ", state->metric) || add(line, look, PLAIN, "best ")) {
            add(line, look, BOLD, "%.4g", state->best_value);
            add(line, look, PLAIN, " (trial %lld)", (long long)state->best);
        }
        add_spark(line, history, look);
    }
    if (state->shows_last && history->last_count > 0) {
        struct live_line *line = &lines[count++];
        add(line, look, PLAIN, "last ");
        for (uint64_t i = 0; i < LIVE_LAST && i < history->last_count; i++) {
            uint64_t place = (history->last_count - 1 - i) % LIVE_LAST;
            unsigned long long trial = history->last[place].trial;
            bool failed = isnan(history->last[place].value);
            if (failed ? !add(line, look, RED, " %llu failed", trial)
                       : !add(line, look, PLAIN, " %llu: %.4g", trial, history->last[place].value))
                break;
        }
    }
    return count;
}
