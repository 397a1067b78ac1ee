// SPDX-License-Identifier: Apache-2.0
// See asking.h.
#include "asking.h"

#include "../stopwatch.h"

#include "evaluate/session.h"
#include "execute/execute.h"
#include "loader/instance.h"
#include "run/search.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

struct asking {
    struct registry *registry;
    struct experiment *experiment;
    struct session *session;
    struct search *search;
    struct instance *strategy;
    const esp_strategy_type *type;
    uint64_t objectives;
    uint64_t count;
    double clock; // seconds that reading the clock takes
    struct error error;
};

static double clock_cost(void)
{
    enum { READINGS = 2001 };
    static double costs[READINGS];
    for (int i = 0; i < READINGS; i++) {
        double began = cpu_seconds();
        costs[i] = cpu_seconds() - began;
    }
    return median(costs, READINGS);
}

struct asking *asking_open(const char *space, const char *strategy, const char *estimator,
                           uint64_t objectives)
{
    struct asking *asking = calloc(1, sizeof *asking);
    struct config *config = NULL;
    char *ini = NULL;
    if (!asking || asprintf(&ini,
                            "[space]\n%s[strategy]\n%s[estimator]\n%s[objective]\n"
                            "maximize = fitness\n",
                            space, strategy, estimator) < 0)
        exit(1);
    struct error *error = &asking->error;
    error_clear(error);
    need(registry_create(&asking->registry, NULL, error), error);
    need(
        registry_add_builtin(asking->registry, ESP_KIND_EXECUTOR, "local", executor_local(), error),
        error);
    need(config_parse(&config, ini, "bench.ini", ".", error), error);
    free(ini);
    need(experiment_create(&asking->experiment, config, asking->registry, error), error);
    need(session_create(&asking->session, asking->experiment, true, error), error);
    const struct component *component = asking->experiment->strategy.component;
    asking->type = component->type;
    asking->objectives = objectives;
    need(search_create(&asking->search, asking->session, objectives, 0,
                       (asking->type->takes & ESP_STRATEGY_PARENTS) != 0, error),
         error);
    need(instance_create(&asking->strategy, component, &asking->experiment->strategy.parameters,
                         session_task(asking->session), asking->experiment->seed,
                         search_handle(asking->search), error),
         error);
    asking->clock = clock_cost();
    return asking;
}

void asking_close(struct asking *asking)
{
    instance_destroy(asking->strategy);
    search_destroy(asking->search);
    session_destroy(asking->session);
    experiment_destroy(asking->experiment);
    registry_destroy(asking->registry);
    free(asking);
}

uint64_t asking_count(const struct asking *asking)
{
    return asking->count;
}

static void evaluate(struct asking *asking, struct arch *arch, double objectives[2])
{
    need(session_evaluate_cheap(asking->session, arch, 0, NULL, 0, objectives, &asking->error),
         &asking->error);
    objectives[0] = -objectives[0]; // less is better
    objectives[1] = (double)(arch_hash(arch) >> 11) * 0x1p-53;
}

static void tell(struct asking *asking, struct arch *arch, uint32_t asked, const double *objectives)
{
    esp_outcome outcome = {.struct_size = sizeof outcome,
                           .trial = asking->count,
                           .status = ESP_OUTCOME_DONE,
                           .asked = asked,
                           .arch = arch_handle(arch),
                           .objectives = objectives,
                           .objective_count = asking->objectives,
                           .parent = -1,
                           .reached_stride = sizeof(esp_fidelity)};
    search_begin(asking->search, "tell", asking->count);
    need(asking->type->tell(asking->strategy->self, search_handle(asking->search), &outcome),
         search_error(asking->search));
}

void asking_give(struct asking *asking, uint64_t trials)
{
    for (uint64_t i = 0; i < trials; i++) {
        double objectives[2];
        esp_arch *handle = NULL;
        search_begin(asking->search, "give", asking->count);
        esp_search *search = search_handle(asking->search);
        need(esp_search_sample(search, esp_search_random(search), &handle),
             search_error(asking->search));
        struct arch *arch = arch_from_handle(handle);
        need(search_mark_seen(asking->search, arch, &asking->error), &asking->error);
        evaluate(asking, arch, objectives);
        tell(asking, arch, 0, objectives);
        arch_release(arch);
        asking->count++;
    }
}

static double ask_and_tell(struct asking *asking, uint64_t *decisions)
{
    struct ask ask;
    double objectives[2], seconds, began = cpu_seconds();
    uint64_t count;
    ask_begin(&ask, asking->search, asking->count);
    search_begin(asking->search, "ask", asking->count);
    need(asking->type->ask(asking->strategy->self, search_handle(asking->search), &ask.handle),
         search_error(asking->search));
    seconds = cpu_seconds() - began;
    if (ask.answer != ANSWER_TRIAL) {
        fprintf(stderr, "trial %llu: the strategy answered no trial\n",
                (unsigned long long)asking->count);
        exit(1);
    }
    need(search_mark_seen(asking->search, ask.arch, &asking->error), &asking->error);
    evaluate(asking, ask.arch, objectives);
    arch_choices(ask.arch, &count);
    *decisions += count;
    began = cpu_seconds();
    tell(asking, ask.arch, 1, objectives);
    seconds += cpu_seconds() - began;
    ask_end(&ask);
    asking->count++;
    return seconds - 2 * asking->clock;
}

double asking_until(struct asking *asking, uint64_t count, uint64_t *decisions)
{
    double seconds = 0;
    while (asking->count < count)
        seconds += ask_and_tell(asking, decisions);
    return seconds;
}

double asking_build(struct asking *asking, uint64_t children, double crossed)
{
    esp_search *search = search_handle(asking->search);
    const struct error *error = search_error(asking->search);
    esp_arch *a = NULL, *b = NULL;
    uint64_t crossings = 0;
    search_begin(asking->search, "build", 0);
    esp_random *random = esp_search_random(search);
    need(esp_search_sample(search, random, &a), error);
    need(esp_search_sample(search, random, &b), error);
    double began = cpu_seconds();
    for (uint64_t i = 0; i < children; i++) {
        esp_arch *child = NULL, *crossing = NULL;
        if ((double)crossings < crossed * (double)i) {
            need(esp_search_cross(search, a, b, random, &crossing), error);
            crossings++;
        }
        need(esp_search_mutate(search, crossing ? crossing : a, 0, random, &child), error);
        esp_arch_release(crossing);
        esp_arch_release(child);
    }
    double seconds = cpu_seconds() - began;
    esp_arch_release(a);
    esp_arch_release(b);
    return seconds / (double)children;
}

double asking_heap(void)
{
    struct mallinfo2 heap = mallinfo2();
    return (double)heap.uordblks + (double)heap.hblkhd;
}
