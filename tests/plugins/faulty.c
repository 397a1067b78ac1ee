// SPDX-License-Identifier: Apache-2.0
// An estimator and a strategy that do what no plugin should, one way a value of `mode`. The estimator
// misbehaves on trials whose number of decisions is what `when` says (0: on all), so that others of the
// same run are done. Where FAULTY_MARK names a file, one that hangs appends the number of its process
// to it first.
#define _GNU_SOURCE // signals, pause, O_CLOEXEC
#include <espalier/espalier.h>

#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const modes[] = {
    "none",    "crash",      "abort",    "divide",      "overflow",    "exit",      "killed",
    "hang",    "deaf",       "slow",     "leak",        "nan",         "infinite",  "nan_step",
    "missing", "undeclared", "error",    "wordless",    "bad_text",    "print",     "flood",
    "read",    "vandal",     "closes",   "children",    "daemon",      "survivors", "twice",
    "nest",    "hang_once",  "too_long", "out_of_turn", "two_results", "torrent",   "in_create"};

static const esp_param faulty_params[] = {
    ESP_PARAM_CHOICE("mode", "none", modes, "what it does"),
    ESP_PARAM_INT("when", 0, 0, 1000, "decisions", "on architectures of so many; 0 = all"),
};

static const esp_metric faulty_metrics[] = {ESP_METRIC_ROW("score", "", 0, ESP_BETTER_HIGHER)};

struct faulty {
    const char *mode;
    uint64_t when;
    esp_estimator_info info;
};

static void mark(void)
{
    const char *path = getenv("FAULTY_MARK");
    char text[32];
    if (!path)
        return;
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int size = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (write(file, text, (size_t)size) != size)
        abort();
    close(file);
}

static void crash(void)
{
    static volatile int *nowhere;
    *nowhere = 1;
}

static esp_status faulty_create(esp_create *create, void **out)
{
    struct faulty *self = calloc(1, sizeof *self);
    self->mode = esp_param_text(create, "mode");
    if (strcmp(self->mode, "in_create") == 0)
        crash();
    self->when = (uint64_t)esp_param_int(create, "when");
    self->info = (esp_estimator_info){.struct_size = sizeof self->info,
                                      .metrics = faulty_metrics,
                                      .metric_count = 1,
                                      .metric_stride = sizeof faulty_metrics[0]};
    *out = self;
    return ESP_OK;
}

static void faulty_destroy(void *self)
{
    free(self);
}

static const esp_estimator_info *faulty_info(void *self)
{
    return &((struct faulty *)self)->info;
}

// ---- Faults -----------------------------------------------------------------------------------

typedef esp_status (*fault)(esp_evaluation *e);

static esp_status do_crash(esp_evaluation *e)
{
    crash();
    return esp_evaluation_metric(e, "score", 1.0);
}

static esp_status do_abort(esp_evaluation *e)
{
    (void)e;
    fprintf(stderr, "faulty.c:1: it cannot be so\n");
    abort();
}

static esp_status do_divide(esp_evaluation *e)
{
    static volatile int one = 1, zero;
    return esp_evaluation_metric(e, "score", one / zero);
}

static int descend(volatile char *above)
{
    volatile char here[4096];
    here[0] = above[0];
    if (here[0] == 0)
        return 0; // never
    return descend(here) + here[0];
}

static esp_status do_overflow(esp_evaluation *e)
{
    char first = 1;
    return esp_evaluation_metric(e, "score", descend(&first));
}

static esp_status do_exit(esp_evaluation *e)
{
    (void)e;
    exit(3);
}

static esp_status do_killed(esp_evaluation *e)
{
    raise(SIGKILL);
    return esp_evaluation_metric(e, "score", 1.0);
}

static esp_status do_hang(esp_evaluation *e)
{
    mark();
    while (pause() != 0)
        continue; // for ever
    return esp_evaluation_metric(e, "score", 1.0);
}

static esp_status do_deaf(esp_evaluation *e)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    return do_hang(e);
}

// Longer than the time limit in all, but never without a sign of life.
static esp_status do_slow(esp_evaluation *e)
{
    for (int i = 1; i <= 8; i++) {
        esp_measurement row = ESP_MEASUREMENT("score", i);
        poll(NULL, 0, 200);
        esp_evaluation_progress(e, i, &row, 1);
    }
    return esp_evaluation_metric(e, "score", 8.0);
}

static esp_status do_leak(esp_evaluation *e)
{
    static char *volatile kept;
    for (int count = 0; count < 4096; count++) {
        kept = malloc(1 << 24);
        for (int i = 0; kept && i < 1 << 24; i += 4096)
            kept[i] = 1;
        poll(NULL, 0, 1);
    }
    return esp_evaluation_metric(e, "score", 1.0);
}

static esp_status do_nan(esp_evaluation *e)
{
    return esp_evaluation_metric(e, "score", NAN);
}

static esp_status do_infinite(esp_evaluation *e)
{
    esp_evaluation_metric(e, "score", -INFINITY);
    return ESP_OK; // passed over
}

static esp_status do_nan_step(esp_evaluation *e)
{
    esp_measurement row = ESP_MEASUREMENT("score", 1.0);
    esp_evaluation_progress(e, NAN, &row, 1);
    return esp_evaluation_metric(e, "score", 1.0);
}

static esp_status do_missing(esp_evaluation *e)
{
    (void)e;
    return ESP_OK;
}

static esp_status do_undeclared(esp_evaluation *e)
{
    return esp_evaluation_metric(e, "glory", 1.0);
}

static esp_status do_error(esp_evaluation *e)
{
    return esp_fail(e, ESP_ERROR, "a reason of its own");
}

static esp_status do_wordless(esp_evaluation *e)
{
    (void)e;
    return ESP_ERROR;
}

static esp_status do_bad_text(esp_evaluation *e)
{
    esp_log(e, ESP_LOG_WARNING, "no \xff text either");
    return esp_fail(e, ESP_ERROR, "no \xc3\x28 text\n");
}

static esp_status do_print(esp_evaluation *e)
{
    printf("rubbish on standard output\n");
    fflush(stdout);
    return esp_evaluation_metric(e, "score", 1.0);
}

static esp_status do_flood(esp_evaluation *e)
{
    for (int i = 0; i < 20000; i++)
        printf("rubbish on standard output, line %d\n", i);
    return esp_evaluation_metric(e, "score", 1.0);
}

// Standard input holds nothing, and reading it takes nothing from anybody.
static esp_status do_read(esp_evaluation *e)
{
    char byte;
    if (read(STDIN_FILENO, &byte, 1) != 0)
        return esp_fail(e, ESP_ERROR, "standard input is not empty");
    return esp_evaluation_metric(e, "score", 1.0);
}

static esp_status do_vandal(esp_evaluation *e)
{
    for (int descriptor = 3; descriptor < 64; descriptor++)
        if (write(descriptor, "rubbish in every descriptor", 27) < 0)
            continue;
    return esp_evaluation_metric(e, "score", 1.0);
}

// The parent of the worker's guard.
static pid_t coordinator(void)
{
    char path[64];
    int parent = -1;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)getppid());
    FILE *file = fopen(path, "re");
    if (!file || fscanf(file, "%*d %*s %*c %d", &parent) != 1)
        abort();
    fclose(file);
    return parent;
}

// Into the worker's channel, whichever it is, past the worker: a whole message of so many bytes, `times`.
static void speak(const char *text, uint32_t size, int times)
{
    for (int descriptor = 3; descriptor < 64; descriptor++) {
        struct ucred maker = {0};
        socklen_t room = sizeof maker;
        if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &maker, &room) != 0 ||
            maker.pid != coordinator())
            continue; // not the coordinator's: a test runner's own may be open here
        size_t length = strlen(text), whole = length + 4;
        char *bytes = malloc(whole * (size_t)times);
        for (int i = 0; bytes && i < times; i++) {
            for (int b = 0; b < 4; b++)
                bytes[whole * (size_t)i + (size_t)b] = (char)(size >> 8 * b & 255);
            memcpy(bytes + whole * (size_t)i + 4, text, length);
        }
        // The one for input is read by nobody, and must not block.
        for (size_t at = 0, end = whole * (size_t)times; bytes && at < end;) {
            struct pollfd ready = {descriptor, POLLOUT, 0};
            ssize_t count = poll(&ready, 1, 300) > 0 ? write(descriptor, bytes + at, end - at) : 0;
            if (count <= 0)
                break;
            at += (size_t)count;
        }
        free(bytes);
    }
}

static esp_status do_too_long(esp_evaluation *e)
{
    speak("", INT32_MAX, 1);
    return do_hang(e);
}

static esp_status do_out_of_turn(esp_evaluation *e)
{
    speak("{\"ready\": true}", 15, 1);
    return do_hang(e);
}

// The first of them is what the worker would have said itself.
static esp_status do_two_results(esp_evaluation *e)
{
    static const char text[] = "{\"result\": {\"status\": 1, \"metrics\": {\"score\": 3.0}, "
                               "\"seconds\": 0.1, \"halt\": false, \"error\": \"\"}}";
    speak(text, sizeof text - 1, 2);
    return do_hang(e);
}

static esp_status do_torrent(esp_evaluation *e)
{
    static const char text[] = "{\"neither\": true}";
    speak(text, sizeof text - 1, 1000);
    return do_hang(e);
}

static esp_status do_closes(esp_evaluation *e)
{
    for (int descriptor = 3; descriptor < 64; descriptor++)
        close(descriptor);
    return do_hang(e);
}

static void start_sleeper(void)
{
    if (fork() == 0)
        for (;;)
            pause();
}

// Neither the worker's group nor a parent leads to this one.
static void start_daemon(void)
{
    pid_t between = fork();
    if (between == 0) {
        setsid();
        start_sleeper();
        _exit(0);
    }
    waitpid(between, NULL, 0);
}

static esp_status do_children(esp_evaluation *e)
{
    start_sleeper();
    return do_abort(e);
}

static esp_status do_daemon(esp_evaluation *e)
{
    start_daemon();
    crash();
    return esp_evaluation_metric(e, "score", 1.0);
}

// The trial is done, the processes stay.
static esp_status do_survivors(esp_evaluation *e)
{
    start_sleeper();
    start_daemon();
    return esp_evaluation_metric(e, "score", 1.0);
}

// Returns in two processes.
static esp_status do_twice(esp_evaluation *e)
{
    if (fork() == 0)
        return esp_evaluation_metric(e, "score", 2.0);
    return esp_evaluation_metric(e, "score", 1.0);
}

// A hang with company.
static esp_status do_nest(esp_evaluation *e)
{
    start_sleeper();
    start_daemon();
    return do_hang(e);
}

// Only the first of all trials does.
static esp_status do_hang_once(esp_evaluation *e)
{
    char path[512];
    snprintf(path, sizeof path, "%s.once", getenv("FAULTY_MARK"));
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return esp_evaluation_metric(e, "score", 1.0);
    return do_hang(e);
}

// As many as `modes` has behind "none", in its order.
static const fault faults[] = {
    do_crash,       do_abort,       do_divide,     do_overflow, do_exit,      do_killed,
    do_hang,        do_deaf,        do_slow,       do_leak,     do_nan,       do_infinite,
    do_nan_step,    do_missing,     do_undeclared, do_error,    do_wordless,  do_bad_text,
    do_print,       do_flood,       do_read,       do_vandal,   do_closes,    do_children,
    do_daemon,      do_survivors,   do_twice,      do_nest,     do_hang_once, do_too_long,
    do_out_of_turn, do_two_results, do_torrent};

static esp_status misbehave(const char *mode, esp_evaluation *e)
{
    for (size_t i = 0; i < ESP_COUNT(faults); i++)
        if (strcmp(modes[i + 1], mode) == 0)
            return faults[i](e);
    return esp_fail(e, ESP_ERROR, "there is no fault '%s'", mode);
}

static esp_status faulty_evaluate(void *handle, esp_evaluation *e)
{
    const struct faulty *self = handle;
    uint64_t count = esp_arch_count(esp_evaluation_arch(e));
    if (strcmp(self->mode, "none") != 0 && (self->when == 0 || self->when == count))
        return misbehave(self->mode, e);
    return esp_evaluation_metric(e, "score", (double)count);
}

static void estimator_describe(esp_estimator_type *out)
{
    out->summary = "what no estimator should do";
    ESP_SET_PARAMS(out, faulty_params);
    out->create = faulty_create;
    out->destroy = faulty_destroy;
    out->describe = faulty_info;
    out->evaluate = faulty_evaluate;
}

// ---- A strategy -------------------------------------------------------------------------------

static const char *const strategy_modes[] = {
    "crash",    "abort",         "exit",          "wait",     "mute", "error",
    "wordless", "crash_in_tell", "error_in_tell", "unsteady", "hang", "decide"};

static const esp_param strategy_params[] = {
    ESP_PARAM_CHOICE("mode", "crash", strategy_modes,
                     "what it does, at its third ask or tell, where FAULTY_STRATEGY is set"),
};

static esp_status strategy_create(esp_create *create, esp_search *search, void **out)
{
    (void)search;
    *out = (void *)(uintptr_t)esp_param_text(create, "mode");
    return ESP_OK;
}

static void strategy_destroy(void *self)
{
    (void)self;
}

// Where FAULTY_APPEND names a file, it is made longer: a plugin that changes during the run.
static void append(void)
{
    const char *path = getenv("FAULTY_APPEND");
    int file = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    if (write(file, "", 1) != 1)
        abort();
    close(file);
}

static esp_status crash_in_decide(void *self, const char *path, const esp_domain *domain,
                                  esp_value *out)
{
    (void)self, (void)path, (void)domain;
    crash();
    *out = esp_value_one(0);
    return ESP_OK;
}

static esp_status strike(const char *mode, esp_search *search, esp_ask *ask, esp_random *random)
{
    if (strcmp(mode, "decide") == 0) {
        esp_arch *arch;
        return esp_search_decide(search, crash_in_decide, NULL, &arch);
    }
    while (strcmp(mode, "hang") == 0)
        pause();
    if (strcmp(mode, "crash") == 0)
        crash();
    if (strcmp(mode, "abort") == 0)
        abort();
    if (strcmp(mode, "exit") == 0)
        exit(0);
    if (strcmp(mode, "error") == 0)
        return esp_fail(ask, ESP_ERROR, "it has had enough");
    if (strcmp(mode, "wordless") == 0)
        return ESP_ERROR;
    if (strcmp(mode, "unsteady") == 0)
        random->key[1]++;
    return ESP_OK;
}

static esp_status strategy_ask(void *self, esp_search *search, esp_ask *ask)
{
    const char *mode = self;
    esp_arch *arch = NULL;
    esp_random *random = esp_search_random(search);
    int strikes = getenv("FAULTY_STRATEGY") && esp_ask_number(ask) >= 2;
    esp_status status = strikes ? strike(mode, search, ask, random) : ESP_OK;
    if (esp_ask_number(ask) == 0)
        append();
    if (strikes && strcmp(mode, "wait") == 0)
        return esp_ask_wait(ask);
    if (strikes && strcmp(mode, "mute") == 0)
        return ESP_OK;
    if (status == ESP_OK)
        status = esp_search_sample(search, random, &arch);
    if (status == ESP_OK)
        status = esp_ask_trial(ask, arch);
    esp_arch_release(arch);
    return status;
}

static esp_status strategy_tell(void *self, esp_search *search, const esp_outcome *outcome)
{
    const char *mode = self;
    if (!getenv("FAULTY_STRATEGY") || outcome->trial < 2)
        return ESP_OK;
    if (strcmp(mode, "crash_in_tell") == 0)
        crash();
    if (strcmp(mode, "error_in_tell") == 0)
        return esp_fail(search, ESP_ERROR, "it will not hear");
    return ESP_OK;
}

static void strategy_describe(esp_strategy_type *out)
{
    out->summary = "what no strategy should do";
    ESP_SET_PARAMS(out, strategy_params);
    out->takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET;
    out->create = strategy_create;
    out->destroy = strategy_destroy;
    out->ask = strategy_ask;
    out->tell = strategy_tell;
}

ESP_PLUGIN("1.0.0", ESP_ESTIMATOR("faulty", estimator_describe),
           ESP_STRATEGY("faulty", strategy_describe))
