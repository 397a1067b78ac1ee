// SPDX-License-Identifier: Apache-2.0
// A worker that speaks the protocol and does what its specification says, good or bad: for testing
// the executor `local` without plugins. fake_worker worker HOW; what HOW and specifications may be is
// in the tables below. A specification is a word and, for some, a number.
#include "execute/frames.h"
#include "execute/guard.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int out;
static const char *how;
static struct frame_reader input;

static void say(const char *text)
{
    if (!frame_write(out, text, strlen(text)))
        _exit(9);
}

ESP_PRINTF(1, 2)
static void answer(const char *format, ...)
{
    char value[256], whole[300];
    va_list list;
    va_start(list, format);
    vsnprintf(value, sizeof value, format, list);
    va_end(list);
    snprintf(whole, sizeof whole, "{\"result\": %s}", value);
    say(whole);
}

// ---- What a specification may ask for ---------------------------------------------------------

static void die(int number)
{
    signal(number, SIG_DFL); // sanitizers have their own ideas
    raise(number);
}

static void signal_self(int number)
{
    die(number);
}

static void echo(int number)
{
    answer("%d", number);
}

static void pid(int number)
{
    (void)number;
    answer("%d", (int)getpid());
}

// Ten signs of life, this many milliseconds apart.
static void progress(int number)
{
    for (int i = 0; i < 10; i++) {
        char text[64];
        poll(NULL, 0, number);
        snprintf(text, sizeof text, "{\"progress\": {\"step\": %d}}", i);
        say(text);
    }
    answer("10");
}

// Talk that is no progress, for ever.
static void talk(int number)
{
    for (;;) {
        poll(NULL, 0, number);
        say("{\"log\": {\"level\": 0, \"message\": \"still here\"}}");
    }
}

static void hang(int number)
{
    (void)number;
    for (;;)
        pause();
}

// A hang that is deaf to what can be ignored.
static void deaf(int number)
{
    sigset_t all;
    (void)number;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    hang(0);
}

static void slow(int number)
{
    poll(NULL, 0, number);
    answer("\"slept\"");
}

// The same after a first sign of life.
static void step_and_slow(int number)
{
    say("{\"progress\": {\"step\": 1}}");
    slow(number);
}

static void slow_pid(int number)
{
    poll(NULL, 0, number);
    pid(0);
}

static void leak(int number)
{
    static char *volatile kept; // what nobody can see is optimised away
    for (;;) {
        kept = malloc(1 << 20);
        memset(kept, 1, 1 << 20);
        poll(NULL, 0, number);
    }
}

static void leave(int number)
{
    fprintf(stderr, "first words\n\nlast words\n");
    exit(number);
}

static void assertion(int number)
{
    (void)number;
    fprintf(stderr, "plugin.c:7: it cannot be \xff so\n");
    die(SIGABRT);
}

// As a sanitizer does.
static void report(int number)
{
    fprintf(stderr,
            "==%d==ERROR\nplugin.c:8: it is out of bounds\n    #0 0x1 in build\n"
            "==%d==ABORTING\n",
            (int)getpid(), (int)getpid());
    exit(number);
}

static void flood(int number)
{
    for (int i = 0; i < number; i++)
        fprintf(stderr, "line %d of very many lines\n", i);
    answer("\"flooded\"");
}

static void garbage(int number)
{
    (void)number;
    if (write(out, "garbage that is no frame", 24) != 24)
        _exit(9);
    hang(0);
}

static void no_json(int number)
{
    (void)number;
    say("{]");
    hang(0);
}

static void no_message(int number)
{
    (void)number;
    say("{\"neither\": 1}");
    hang(0);
}

// A prefix alone, of so many bytes.
static void oversized(int number)
{
    unsigned char prefix[4];
    frame_prefix(prefix, (size_t)number);
    if (write(out, prefix, sizeof prefix) != sizeof prefix)
        _exit(9);
    hang(0);
}

// The beginning of a message; then it is silent, or ends with a status.
static void cut(int number)
{
    if (write(out, "d\0\0\0{\"res", 9) != 9)
        _exit(9);
    if (number)
        _exit(number);
    hang(0);
}

// So many results at once.
static void again(int number)
{
    for (int i = 0; i < number; i++)
        answer("%d", i);
}

// Says after its result what only one that has a job may say.
static void stray(int number)
{
    answer("%d", number);
    say("{\"progress\": {\"step\": 1}}");
}

static void taken_twice(int number)
{
    say("{\"taken\": true}");
    hang(number);
}

static void ready_twice(int number)
{
    say("{\"ready\": true}");
    hang(number);
}

static void not_a_number(int number)
{
    say("{\"result\": NaN}");
    hang(number);
}

// Very many small messages, then its result.
static void torrent(int number)
{
    for (int i = 0; i < number; i++)
        say("{\"progress\": 1}");
    answer("%d", number);
}

static void log_torrent(int number)
{
    for (int i = 0; i < number; i++)
        say("{\"log\": {\"level\": 1, \"message\": \"one of very many \\u001b[31mlines\"}}");
    answer("%d", number);
}

static void mute(int number)
{
    (void)number;
    close(out);
    hang(0);
}

static void answer_and_die(int number)
{
    answer("\"last\"");
    die(number);
}

static void answer_and_leave(int number)
{
    static char text[1 << 20]; // more than one read takes
    memset(text, ' ', sizeof text);
    memcpy(text, "{\"result\": 5", 12);
    text[sizeof text - 1] = '}';
    frame_write(out, text, sizeof text);
    _exit(number);
}

// Starts a process that sleeps, and tells its number. The child keeps the channel open.
static void child(int number)
{
    pid_t made = fork();
    if (made == 0)
        hang(0);
    answer("%d", (int)made);
    if (number) {
        poll(NULL, 0, 50); // the answer is read
        die(number);
    }
}

// The same in a session of its own, its parent gone: no group and no parent lead to it.
static void daemon_child(int number)
{
    int ends[2];
    pid_t made = 0;
    if (pipe(ends) != 0)
        _exit(9);
    pid_t between = fork();
    if (between == 0) {
        setsid();
        made = fork();
        if (made == 0)
            hang(0);
        _exit(write(ends[1], &made, sizeof made) != sizeof made);
    }
    waitpid(between, NULL, 0);
    if (read(ends[0], &made, sizeof made) != sizeof made)
        _exit(9);
    answer("%d", (int)made);
    if (number) {
        poll(NULL, 0, 50);
        die(number);
    }
}

// ---- Measuring --------------------------------------------------------------------------------

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

// Asks for quiet, and returns when it is there.
static void be_alone(void)
{
    const char *bytes;
    size_t size;
    say("{\"quiet\": true}");
    if (!frame_read(STDIN_FILENO, &input, &bytes, &size) || memcmp(bytes, "{\"quiet\"", 8) != 0)
        _exit(9);
}

// Measures for so long, with signs of life, and tells from when to when it was alone.
static void measure(int number)
{
    be_alone();
    double began = milliseconds();
    while (milliseconds() < began + number) {
        say("{\"progress\": {\"step\": 1}}");
        poll(NULL, 0, 20);
    }
    double ended = milliseconds();
    say("{\"quiet\": false}");
    answer("[%.3f, %.3f]", began, ended);
}

static void measure_and_die(int number)
{
    be_alone();
    poll(NULL, 0, 100);
    die(number);
}

static void measure_and_hang(int number)
{
    be_alone();
    hang(number);
}

// Forgets to say that it has measured.
static void measure_and_answer(int number)
{
    be_alone();
    answer("%d", number);
}

// Ends what it did not begin.
static void unmeasured(int number)
{
    say("{\"quiet\": false}");
    hang(number);
}

// Computes for so long, with signs of life, and tells the longest time in which it did not.
static void burn(int number)
{
    double began = milliseconds(), last = began, told = began, gap = 0, from = began, now;
    while ((now = milliseconds()) < began + number) {
        if (now - last > gap) {
            gap = now - last;
            from = last;
        }
        last = now;
        if (now - told < 50)
            continue;
        say("{\"progress\": {\"step\": 1}}");
        told = now;
    }
    answer("[%.3f, %.3f]", from, from + gap);
}

// One sign of life, then so much work without another. Long gaps, in which it stood still, are no work.
static void work(int number)
{
    double done = 0, last = milliseconds();
    say("{\"progress\": {\"step\": 1}}");
    while (done < number) {
        double now = milliseconds();
        done += now - last < 300 ? now - last : 0;
        last = now;
    }
    answer("\"worked\"");
}

static const struct {
    const char *word;
    void (*act)(int number);
} acts[] = {
    {"echo", echo},
    {"pid", pid},
    {"signal", signal_self},
    {"progress", progress},
    {"talk", talk},
    {"hang", hang},
    {"deaf", deaf},
    {"slow", slow},
    {"step_and_slow", step_and_slow},
    {"slow_pid", slow_pid},
    {"leak", leak},
    {"leave", leave},
    {"assertion", assertion},
    {"report", report},
    {"flood", flood},
    {"garbage", garbage},
    {"no_json", no_json},
    {"no_message", no_message},
    {"oversized", oversized},
    {"cut", cut},
    {"again", again},
    {"stray", stray},
    {"taken_twice", taken_twice},
    {"ready_twice", ready_twice},
    {"not_a_number", not_a_number},
    {"torrent", torrent},
    {"log_torrent", log_torrent},
    {"mute", mute},
    {"answer_and_die", answer_and_die},
    {"answer_and_leave", answer_and_leave},
    {"child", child},
    {"daemon", daemon_child},
    {"measure", measure},
    {"measure_and_die", measure_and_die},
    {"measure_and_hang", measure_and_hang},
    {"measure_and_answer", measure_and_answer},
    {"unmeasured", unmeasured},
    {"burn", burn},
    {"work", work},
};

static void serve(const char *text)
{
    char word[32];
    int number = 0;
    if (sscanf(text, "%31s %d", word, &number) >= 1)
        for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
            if (strcmp(acts[i].word, word) == 0) {
                acts[i].act(number);
                return;
            }
    fprintf(stderr, "fake_worker: what is '%s'?\n", text);
    exit(8);
}

// ---- How it begins and ends -------------------------------------------------------------------

// fine        as it should
// stillborn   says why and exits before it is ready
// never       is never ready
// shy         dies of the first specification before it takes it
// eager       answers before it was given anything
// nobody      has no process number
// mark:PATH   as fine; makes the file when its input ends
static void begin(void)
{
    char hello[64];
    snprintf(hello, sizeof hello, "{\"worker\": {\"pid\": %d}}",
             strcmp(how, "nobody") == 0 ? 0 : (int)getpid());
    say(hello);
    if (strcmp(how, "stillborn") == 0) {
        fprintf(stderr, "the engine is cold\n");
        exit(4);
    }
    if (strcmp(how, "never") == 0)
        hang(0);
    say("{\"ready\": true}");
    if (strcmp(how, "eager") == 0)
        answer("1");
}

int main(int argc, char **argv)
{
    struct error error = {0};
    const char *bytes;
    size_t size;
    if (argc != 4 || strcmp(argv[1], "worker") != 0 || strcmp(argv[3], "--pauses") != 0)
        return 2;
    how = argv[2];
    if (guard_begin(NULL, &error) != ESP_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    out = dup(STDOUT_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    begin();
    while (frame_read(STDIN_FILENO, &input, &bytes, &size)) {
        char text[128];
        snprintf(text, sizeof text, "%.*s", (int)size, bytes);
        if (strcmp(how, "shy") == 0)
            die(SIGSEGV);
        say("{\"taken\": true}");
        serve(text);
    }
    frame_reader_free(&input);
    if (strncmp(how, "mark:", 5) == 0)
        close(open(how + 5, O_CREAT | O_WRONLY, 0600));
    return 0;
}
