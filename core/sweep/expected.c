// SPDX-License-Identifier: Apache-2.0
// How long a run of a sweep will take: as long as finished ones like it; see sweep.h.
#include "report/results.h"
#include "run/artifacts.h"
#include "sweep/sweep.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void add(struct sweep_times *times, double seconds, double work)
{
    times->seconds += seconds;
    times->work += work;
    times->count++;
}

bool sweep_learn(struct sweep *sweep, const struct sweep_run *run)
{
    if (!isfinite(run->seconds))
        return false;
    bool unknown = sweep->settings[run->setting].count == 0;
    add(&sweep->settings[run->setting], run->seconds, run->work);
    add(&sweep->groups[run->group], run->seconds, run->work);
    add(&sweep->all, run->seconds, run->work);
    return unknown;
}

double sweep_expected(const struct sweep *sweep, const struct sweep_run *run)
{
    const struct sweep_times *same = &sweep->settings[run->setting];
    const struct sweep_times *near = &sweep->groups[run->group];
    if (same->count > 0)
        return same->seconds / (double)same->count;
    if (near->count == 0)
        near = &sweep->all;
    return near->count > 0 ? near->seconds / near->work * run->work : NAN;
}

double sweep_left(const struct sweep *sweep)
{
    double sum = 0, longest = 0;
    for (uint64_t i = 0; i < sweep->count; i++) {
        const struct sweep_run *run = &sweep->runs[i];
        if (run->state == SWEEP_DONE || run->state == SWEEP_FAILED)
            continue;
        double seconds = sweep_expected(sweep, run);
        if (run->state == SWEEP_INTERRUPTED && isfinite(run->seconds))
            seconds = fmax(0, seconds - run->seconds);
        sum += seconds;
        // A run on a cheap estimator takes one place, however many are free.
        longest = run->cheap ? fmax(longest, seconds) : longest;
    }
    return isfinite(sum) ? fmax(sum / (double)sweep->workers, longest) : NAN;
}

// ---- Measuring --------------------------------------------------------------------------------

// A run is tried for so long, or for one trial where that takes longer.
#define MEASURE_SECONDS 2
// Groups that are measured; others go by their work.
#define MEASURE_MOST 8

// The whole run's time from that of its beginning.
static double extrapolate(const struct sweep_run *run, const struct results *results)
{
    const struct metrics *metrics = &results->metrics;
    double told = 0, cost = 0, factor = INFINITY, seconds = results->row.elapsed;
    for (uint64_t i = 0; i < results->count; i++) {
        const struct result_trial *trial = &results->trials[i];
        if (trial->state != TRIAL_DONE && trial->state != TRIAL_STOPPED &&
            trial->state != TRIAL_FAILED)
            continue;
        told++;
        if (metrics->cost >= 0 && trial->metrics && isfinite(trial->metrics[metrics->cost]))
            cost += trial->metrics[metrics->cost];
    }
    if (told == 0)
        return NAN;
    if (seconds < MEASURE_SECONDS)
        return seconds; // it ended by itself
    if (run->budget.trials > 0)
        factor = (double)run->budget.trials / told;
    if (run->budget.cost > 0 && cost > 0)
        factor = fmin(factor, run->budget.cost / cost);
    if (run->budget.seconds > 0)
        return fmin(run->budget.seconds, seconds * factor);
    return isfinite(factor) ? seconds * factor : NAN;
}

// Waits for the child, and keeps the last of its words.
static int wait_for(pid_t child, int channel, char *words, size_t size)
{
    int status = 0;
    ssize_t count;
    char text[1024];
    struct pollfd wanted = {channel, POLLIN, 0};
    words[0] = '\0';
    while (waitpid(child, &status, WNOHANG) == 0) {
        poll(&wanted, 1, 10);
        while ((count = read(channel, text, sizeof text - 1)) > 0) {
            text[count] = '\0';
            if (text[0] != SWEEP_ENDED)
                snprintf(words, size, "%s", text);
        }
    }
    while ((count = read(channel, text, sizeof text - 1)) > 0) {
        text[count] = '\0';
        if (text[0] != SWEEP_ENDED)
            snprintf(words, size, "%s", text);
    }
    words[strcspn(words, "\n")] = '\0';
    return status;
}

static esp_status measure(struct sweep *sweep, struct sweep_run *run, const char *folder,
                          struct error *error)
{
    const struct sweep_start start = {folder, 1, MEASURE_SECONDS};
    pid_t child;
    int channel;
    char words[1024];
    struct results results;
    struct error none;
    error_clear(&none);
    esp_status status = sweep_start_run(&child, &channel, sweep, &run, 1, &start, error);
    if (status != ESP_OK)
        return status;
    int ended = wait_for(child, channel, words, sizeof words);
    close(channel);
    if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0) {
        const char *reason = strncmp(words, "espalier: ", 10) == 0 ? words + 10 : words;
        fprintf(stderr, "warning: %s failed when it was tried: %s\n", run->name, reason);
        return ESP_OK;
    }
    if (results_load(&results, folder, RESULTS_ALL, &none) != ESP_OK)
        return ESP_OK;
    double seconds = extrapolate(run, &results);
    if (isfinite(seconds)) {
        add(&sweep->groups[run->group], seconds, run->work);
        add(&sweep->all, seconds, run->work);
    }
    results_destroy(&results);
    return ESP_OK;
}

esp_status sweep_measure(struct sweep *sweep, struct error *error)
{
    const char *place = getenv("TMPDIR");
    char *pattern = NULL, *folder = NULL;
    if (asprintf(&pattern, "%s/espalier-XXXXXX", place && place[0] ? place : "/tmp") < 0)
        return error_memory(error);
    if (!mkdtemp(pattern)) {
        esp_status status = error_system(error, pattern, "make", errno);
        free(pattern);
        return status;
    }
    esp_status status = ESP_OK;
    bool *tried = calloc(sweep->group_count, sizeof *tried);
    uint64_t measured = 0;
    if (!tried)
        status = error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < sweep->count && measured < MEASURE_MOST; i++) {
        struct sweep_run *run = &sweep->runs[i];
        if (run->state == SWEEP_DONE || tried[run->group] || sweep->groups[run->group].count > 0)
            continue;
        tried[run->group] = true;
        if (asprintf(&folder, "%s/%llu", pattern, (unsigned long long)measured++) < 0)
            status = error_memory(error);
        else
            status = measure(sweep, run, folder, error);
        free(folder);
        folder = NULL;
    }
    free(tried);
    folder_remove(pattern, NULL);
    free(pattern);
    return status;
}
