// SPDX-License-Identifier: Apache-2.0
// An estimator, a strategy and a space that do what no plugin should, one way a value of `mode`. The
// estimator misbehaves on trials whose number of decisions is what `when` says (0: on all), so that
// others of the same run are done.
#include <espalier/espalier.h>

#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const modes[] = {"none",  "crash",    "abort",      "hang",  "leak",
                                    "nan",   "missing",  "exit",       "print", "children",
                                    "error", "wordless", "undeclared", "killed"};

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

static esp_status faulty_create(esp_create *create, void **out)
{
    struct faulty *self = calloc(1, sizeof *self);
    self->mode = esp_param_text(create, "mode");
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

static void leak(void)
{
    for (;;) {
        char *more = malloc(1 << 24);
        for (int i = 0; more && i < 1 << 24; i += 4096)
            more[i] = 1;
        poll(NULL, 0, 1);
    }
}

static esp_status misbehave(const char *mode, esp_evaluation *e)
{
    static volatile int *nowhere;
    if (strcmp(mode, "crash") == 0)
        *nowhere = 1;
    if (strcmp(mode, "abort") == 0)
        abort();
    if (strcmp(mode, "hang") == 0)
        for (;;)
            pause();
    if (strcmp(mode, "leak") == 0)
        leak();
    if (strcmp(mode, "nan") == 0)
        return esp_evaluation_metric(e, "score", NAN);
    if (strcmp(mode, "exit") == 0)
        exit(3);
    if (strcmp(mode, "killed") == 0)
        raise(SIGKILL);
    if (strcmp(mode, "error") == 0)
        return esp_fail(e, ESP_ERROR, "a reason of its own");
    if (strcmp(mode, "wordless") == 0)
        return ESP_ERROR;
    if (strcmp(mode, "undeclared") == 0)
        return esp_evaluation_metric(e, "glory", 1.0);
    if (strcmp(mode, "print") == 0) {
        printf("rubbish on standard output\n");
        fflush(stdout);
        return esp_evaluation_metric(e, "score", 1.0);
    }
    if (strcmp(mode, "children") == 0) {
        if (fork() == 0) {
            execlp("sleep", "sleep", getenv("FAULTY_SLEEP"), (char *)NULL);
            _exit(1);
        }
        abort();
    }
    return ESP_OK; // missing: no metric is set
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

static const char *const strategy_modes[] = {"crash", "wait", "mute", "error", "unsteady"};

static const esp_param strategy_params[] = {
    ESP_PARAM_CHOICE("mode", "crash", strategy_modes, "what it does, at its third ask"),
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

static esp_status strategy_ask(void *self, esp_search *search, esp_ask *ask)
{
    static volatile int *nowhere;
    const char *mode = self;
    esp_arch *arch = NULL;
    if (esp_ask_number(ask) >= 2) {
        if (strcmp(mode, "crash") == 0 && getenv("FAULTY_STRATEGY"))
            *nowhere = 1;
        if (strcmp(mode, "wait") == 0)
            return esp_ask_wait(ask);
        if (strcmp(mode, "mute") == 0)
            return ESP_OK;
        if (strcmp(mode, "error") == 0)
            return esp_fail(ask, ESP_ERROR, "it has had enough");
    }
    esp_random *random = esp_search_random(search);
    if (strcmp(mode, "unsteady") == 0 && getenv("FAULTY_STRATEGY"))
        random->key[1]++;
    esp_status status = esp_search_sample(search, random, &arch);
    if (status == ESP_OK)
        status = esp_ask_trial(ask, arch);
    esp_arch_release(arch);
    return status;
}

static esp_status strategy_tell(void *self, esp_search *search, const esp_outcome *outcome)
{
    (void)self;
    (void)search;
    (void)outcome;
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
