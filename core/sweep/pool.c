// SPDX-License-Identifier: Apache-2.0
// The runs of a sweep over one pool of workers; see sweep.h. The sweep itself computes nothing: it starts
// runs, waits, and keeps the index.
#include "sweep/display.h"
#include "sweep/sweep.h"
#include "text/printable.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

// At this age, in seconds, the index is written anew and what has ended is collected.
static const double index_seconds = 1.0;
static const struct timespec pause_of_poll = {0, 200000000};

// How often a run that was killed from outside is begun again by this command.
#define LOST_RETRIES 3
#define LINE_SIZE 2048
#define INTERRUPTED_STATUS 130
#define SEEN_MOST 64

// A process: of one run, or of a few cheap ones, one after the other.
struct place {
    pid_t process;
    int channel; // -1 once its other end is closed
    struct sweep_run *runs[SWEEP_BATCH];
    uint64_t count, ended; // how many have ended; runs[ended] goes on
    uint64_t workers;
    char line[LINE_SIZE]; // of its standard error, as far as it came
    size_t used;
    char reason[LINE_SIZE]; // the last line in which it said why it ends
};

struct pool {
    struct sweep *sweep;
    struct sweep_run **queue; // what is to be run, the next one first
    uint64_t queued, next;
    uint8_t *lost; // by run: how often it was killed from outside
    struct place *places;
    struct pollfd *waits;
    uint64_t active, free_workers;
    int signals; // passed on so far
    bool stopped;
    double index_written;
    uint64_t seen[SEEN_MOST]; // warnings that were shown, by their hashes
    uint64_t seen_count;
    struct display display;
    struct error *error;
};

// ---- Signals ----------------------------------------------------------------------------------

static volatile sig_atomic_t interrupts, terminated;

static void on_interrupt(int number)
{
    terminated |= number == SIGTERM;
    interrupts++;
}

static void on_child(int number)
{
    (void)number; // it ends the wait
}

struct signals_before {
    sigset_t mask;
    struct sigaction interrupt, terminate, child;
};

// They are blocked but for the wait, so that none comes between a look and the wait.
static void take_signals(struct signals_before *before)
{
    sigset_t wanted;
    struct sigaction interrupt = {.sa_handler = on_interrupt};
    struct sigaction child = {.sa_handler = on_child};
    interrupts = terminated = 0;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGCHLD);
    sigprocmask(SIG_BLOCK, &wanted, &before->mask);
    sigaction(SIGINT, &interrupt, &before->interrupt);
    sigaction(SIGTERM, &interrupt, &before->terminate);
    sigaction(SIGCHLD, &child, &before->child);
}

static void give_signals_back(const struct signals_before *before)
{
    sigaction(SIGINT, &before->interrupt, NULL);
    sigaction(SIGTERM, &before->terminate, NULL);
    sigaction(SIGCHLD, &before->child, NULL);
    sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

// The runs take a Ctrl-C as `espalier run` does; after the third they are killed.
static void pass_signals_on(struct pool *pool)
{
    if (pool->signals == interrupts)
        return;
    pool->signals = interrupts;
    pool->stopped = true;
    if (pool->signals == 1)
        display_line(&pool->display, "interrupted: %llu runs save where they are",
                     (unsigned long long)pool->active);
    for (uint64_t i = 0; i < pool->active; i++)
        kill(pool->places[i].process, pool->signals > 3 ? SIGKILL : terminated ? SIGTERM : SIGINT);
}

static void stop(struct pool *pool)
{
    for (uint64_t i = 0; !pool->stopped && i < pool->active; i++)
        kill(pool->places[i].process, SIGTERM);
    pool->stopped = true;
}

// ---- The order --------------------------------------------------------------------------------

static const struct sweep *sorted_sweep; // qsort has no context

static int longest_first(const void *a, const void *b)
{
    const struct sweep_run *const *x = a, *const *y = b;
    double of_x = sweep_expected(sorted_sweep, *x), of_y = sweep_expected(sorted_sweep, *y);
    if (!isfinite(of_x) || !isfinite(of_y)) {
        of_x = (*x)->work;
        of_y = (*y)->work;
    }
    if (of_x != of_y)
        return of_x > of_y ? -1 : 1;
    return *x < *y ? -1 : *x > *y;
}

static void sort_queue(struct pool *pool)
{
    sorted_sweep = pool->sweep;
    qsort(pool->queue + pool->next, pool->queued - pool->next, sizeof *pool->queue, longest_first);
}

// ---- Starting ---------------------------------------------------------------------------------

// A share of what is free, where fewer runs are left than workers.
static uint64_t share(const struct pool *pool, const struct sweep_run *run)
{
    uint64_t most = pool->free_workers / (pool->queued - pool->next);
    if (run->cheap || most < 1)
        return 1;
    return most < run->lookahead ? most : run->lookahead;
}

// How many runs the next process makes: more than one where they are cheap and over in no time. Each
// worker comes back for more at least eight times, lest one works while the others are idle.
static uint64_t batch(const struct pool *pool)
{
    static const double moment = 0.5; // seconds
    uint64_t left = pool->queued - pool->next, most = left / (8 * pool->sweep->workers);
    uint64_t count = 1;
    while (count < SWEEP_BATCH && count < most && pool->queue[pool->next + count]->cheap)
        count++;
    double expected = sweep_expected(pool->sweep, pool->queue[pool->next]);
    return pool->queue[pool->next]->cheap && expected < moment ? count : 1;
}

static esp_status start_next(struct pool *pool)
{
    struct place *place = &pool->places[pool->active];
    struct sweep_run *const *runs = &pool->queue[pool->next];
    *place = (struct place){.count = batch(pool), .workers = share(pool, runs[0])};
    const struct sweep_start start = {.workers = place->workers};
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < place->count; i++) {
        place->runs[i] = runs[i];
        status = sweep_give_back(pool->sweep, runs[i], pool->error);
    }
    if (status == ESP_OK)
        status = sweep_start_run(&place->process, &place->channel, pool->sweep, place->runs,
                                 place->count, &start, pool->error);
    if (status != ESP_OK)
        return status;
    for (uint64_t i = 0; i < place->count; i++) {
        free(runs[i]->error);
        runs[i]->error = NULL;
    }
    runs[0]->state = SWEEP_RUNNING;
    pool->free_workers -= place->workers;
    pool->active++;
    pool->next += place->count;
    return ESP_OK;
}

// ---- Endings ----------------------------------------------------------------------------------

static esp_status fail_run(struct pool *pool, struct sweep_run *run, const char *reason)
{
    run->state = SWEEP_FAILED;
    free(run->error);
    run->error = strdup(reason);
    return run->error ? ESP_OK : error_memory(pool->error);
}

// `status`: of the run as of a program, -1 where `signal` ended its process.
static esp_status judge(struct pool *pool, const struct place *place, int status, int signal)
{
    struct sweep_run *run = place->runs[place->ended];
    uint64_t number = (uint64_t)(run - pool->sweep->runs);
    char words[64];
    if (status == 0) {
        run->state = SWEEP_DONE;
        return ESP_OK;
    }
    if (pool->stopped && (status == INTERRUPTED_STATUS || signal != 0)) {
        run->state = SWEEP_INTERRUPTED;
        return ESP_OK;
    }
    // By a stranger's hand, or for want of memory: it goes on where it was.
    bool outside =
        signal == SIGKILL || status == INTERRUPTED_STATUS || signal == SIGTERM || signal == SIGINT;
    if (outside && pool->lost[number] < LOST_RETRIES) {
        pool->lost[number]++;
        run->state = SWEEP_INTERRUPTED;
        pool->queue[--pool->next] = run; // there is room: it stood there or before
        return ESP_OK;
    }
    snprintf(words, sizeof words, "its process was ended by signal %d", signal);
    return fail_run(pool, run,
                    signal             ? words
                    : place->reason[0] ? place->reason
                                       : "it gave no reason");
}

// The run that goes on has ended.
static esp_status end_run(struct pool *pool, struct place *place, int ended, int signal)
{
    struct sweep_run *run = place->runs[place->ended];
    struct error none;
    error_clear(&none);
    // Its seconds; what it says of itself is newer.
    sweep_look_at(pool->sweep, run, NULL, false, &none);
    esp_status status = judge(pool, place, ended, signal);
    place->ended++;
    place->reason[0] = '\0';
    if (place->ended < place->count)
        place->runs[place->ended]->state = SWEEP_RUNNING;
    if (status == ESP_OK && run->state == SWEEP_DONE && sweep_learn(pool->sweep, run))
        sort_queue(pool);
    if (run->state == SWEEP_DONE || run->state == SWEEP_FAILED)
        display_ended(&pool->display, pool->sweep, run);
    return status;
}

// ---- What they say ----------------------------------------------------------------------------

// A warning that many runs give is shown once.
static void show_once(struct pool *pool, const struct place *place)
{
    uint64_t hash = XXH3_64bits(place->line, strlen(place->line));
    for (uint64_t i = 0; i < pool->seen_count; i++)
        if (pool->seen[i] == hash)
            return;
    if (pool->seen_count == SEEN_MOST)
        return;
    pool->seen[pool->seen_count++] = hash;
    display_warning(&pool->display, "%s: %s", place->runs[place->ended]->name, place->line);
}

static void append(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", more);
}

static esp_status take_line(struct pool *pool, struct place *place)
{
    static const char prefix[] = "espalier: ";
    if (place->line[0] == SWEEP_ENDED) // of the last one the process itself tells
        return place->ended + 1 < place->count ? end_run(pool, place, atoi(place->line + 1), 0)
                                               : ESP_OK;
    text_make_printable(place->line);
    if (strncmp(place->line, prefix, strlen(prefix)) == 0)
        snprintf(place->reason, sizeof place->reason, "%s", place->line + strlen(prefix));
    else if (place->reason[0] && place->line[0] == ' ') // a list below it
        append(place->reason, sizeof place->reason, place->line);
    else if (place->line[0])
        show_once(pool, place);
    return ESP_OK;
}

static esp_status take_text(struct pool *pool, struct place *place, const char *text, ssize_t count)
{
    esp_status status = ESP_OK;
    for (ssize_t i = 0; status == ESP_OK && i < count; i++) {
        if (text[i] != '\n' && place->used < sizeof place->line - 1) {
            place->line[place->used++] = text[i];
            continue;
        }
        place->line[place->used] = '\0';
        if (text[i] == '\n') {
            status = take_line(pool, place);
            place->used = 0;
        }
    }
    return status;
}

static void close_channel(struct place *place)
{
    if (place->channel >= 0)
        close(place->channel);
    place->channel = -1;
}

static esp_status read_channel(struct pool *pool, struct place *place)
{
    char text[4096];
    ssize_t count = -1;
    esp_status status = ESP_OK;
    while (status == ESP_OK && place->channel >= 0 &&
           (count = read(place->channel, text, sizeof text)) > 0)
        status = take_text(pool, place, text, count);
    if (count == 0) // a wait for it would return at once until the process is reaped
        close_channel(place);
    return status;
}

// The process has ended: what it left undone goes back to the queue, behind what it was at.
static esp_status take_ending(struct pool *pool, uint64_t number, int ended)
{
    struct place place = pool->places[number];
    int signal = WIFSIGNALED(ended) ? WTERMSIG(ended) : 0;
    esp_status status = read_channel(pool, &place);
    close_channel(&place);
    pool->free_workers += place.workers;
    pool->places[number] = pool->places[--pool->active];
    if (status != ESP_OK)
        return status;
    for (uint64_t i = place.count; i-- > place.ended + 1;)
        pool->queue[--pool->next] = place.runs[i];
    place.count = place.ended + 1;
    return end_run(pool, &place, WIFEXITED(ended) ? WEXITSTATUS(ended) : -1, signal);
}

static esp_status reap(struct pool *pool)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < pool->active;) {
        int ended = 0;
        pid_t process = waitpid(pool->places[i].process, &ended, WNOHANG);
        if (process == pool->places[i].process)
            status = take_ending(pool, i, ended); // another one has its place now
        else
            i++;
    }
    return status;
}

// ---- The loop ---------------------------------------------------------------------------------

static double monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static esp_status keep_index(struct pool *pool)
{
    double now = monotonic_seconds();
    if (now - pool->index_written < index_seconds)
        return ESP_OK;
    pool->index_written = now;
    esp_status status = sweep_collect(pool->sweep, pool->error);
    return status != ESP_OK ? status : sweep_write_index(pool->sweep, pool->error);
}

static esp_status wait_for_news(struct pool *pool, const sigset_t *mask)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; i < pool->active; i++)
        pool->waits[i] = (struct pollfd){pool->places[i].channel, POLLIN, 0};
    ppoll(pool->waits, pool->active, &pause_of_poll, mask);
    for (uint64_t i = 0; status == ESP_OK && i < pool->active; i++)
        status = read_channel(pool, &pool->places[i]);
    return status;
}

static esp_status go_on(struct pool *pool, const sigset_t *mask)
{
    esp_status status = ESP_OK;
    for (;;) {
        while (status == ESP_OK && !pool->stopped && pool->free_workers > 0 &&
               pool->next < pool->queued)
            status = start_next(pool);
        if (status != ESP_OK)
            stop(pool);
        if (pool->active == 0)
            return status;
        display_update(&pool->display, pool->sweep, pool->active);
        esp_status reaped = wait_for_news(pool, mask);
        pass_signals_on(pool);
        if (reaped == ESP_OK)
            reaped = reap(pool);
        if (reaped == ESP_OK)
            reaped = keep_index(pool);
        status = status == ESP_OK ? reaped : status;
    }
}

esp_status sweep_run_all(struct sweep *sweep, bool quiet, bool *interrupted, struct error *error)
{
    struct pool pool = {.sweep = sweep, .free_workers = sweep->workers, .error = error};
    struct signals_before before;
    // A process for each worker at most, and for each run.
    uint64_t most = sweep->workers < sweep->count ? sweep->workers : sweep->count;
    pool.queue = calloc(sweep->count, sizeof(struct sweep_run *));
    pool.lost = calloc(sweep->count, sizeof *pool.lost);
    pool.places = calloc(most, sizeof *pool.places);
    pool.waits = calloc(most, sizeof *pool.waits);
    esp_status status = ESP_OK;
    if (!pool.queue || !pool.lost || !pool.places || !pool.waits)
        status = error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < sweep->count; i++)
        if (sweep->runs[i].state != SWEEP_DONE)
            pool.queue[pool.queued++] = &sweep->runs[i];
    if (status == ESP_OK) {
        display_open(&pool.display, quiet);
        sort_queue(&pool);
        pool.index_written = monotonic_seconds();
        take_signals(&before);
        status = go_on(&pool, &before.mask);
        give_signals_back(&before);
        display_close(&pool.display);
    }
    *interrupted = pool.signals > 0;
    free(pool.queue);
    free(pool.lost);
    free(pool.places);
    free(pool.waits);
    return status;
}
