// SPDX-License-Identifier: Apache-2.0
// A strategy that is a program: create, ask and tell as calls to it. How the architecture that it
// answers with is made of decisions is proposal.c's.
#include "process_plugin/process_plugin.h"

#include "arch/arch.h"
#include "loader/instance.h"
#include "process_plugin/proposal.h"

#include <stdlib.h>
#include <string.h>

struct strategy {
    struct program_start start;
    struct program *program;
    char *name;
    struct trials trials;
};

// ---- Its life -----------------------------------------------------------------------------------

static json_t *survey_json(const esp_survey *survey)
{
    json_t *list = json_array();
    for (uint64_t i = 0; list && i < esp_survey_count(survey); i++)
        if (json_array_append_new(list,
                                  json_pack("{s:s, s:o, s:f}", "path", esp_survey_path(survey, i),
                                            "domain", domain_json(esp_survey_domain(survey, i)),
                                            "presence", esp_survey_presence(survey, i))) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static esp_status call_create(struct strategy *strategy, const struct component *component,
                              esp_create *create, esp_search *search, struct error *error)
{
    const esp_survey *survey;
    json_t *answer = NULL;
    esp_status status = esp_search_survey(search, &survey);
    if (status != ESP_OK)
        return status; // in the search's own words
    status = program_ask(&answer, strategy->program,
                         json_pack("{s:s, s:s, s:s, s:o, s:I, s:o, s:I, s:I, s:o}", "call",
                                   "create", "kind", "strategy", "plugin", component->id,
                                   "parameters", message_parameters(create_parameters(create)),
                                   "seed", (json_int_t)esp_create_seed(create), "task",
                                   message_task(esp_create_task(create)), "objectives",
                                   (json_int_t)esp_search_objective_count(search), "trials",
                                   (json_int_t)esp_search_trial_budget(search), "space",
                                   survey_json(survey)),
                         error);
    if (status == ESP_OK)
        status = answer_expect(answer, (const char *const[]){"created", NULL}, error);
    if (status == ESP_OK)
        status = answer_check(answer, (const char *const[]){NULL}, error);
    json_decref(answer);
    return status;
}

static void strategy_destroy(void *self)
{
    struct strategy *strategy = self;
    program_end(strategy->program);
    trials_release(&strategy->trials);
    free(strategy->name);
    free(strategy);
}

static esp_status strategy_create(esp_create *create, esp_search *search, void **out)
{
    const struct component *component = create_component(create);
    const struct manifest *manifest = component->manifest;
    struct strategy *strategy = calloc(1, sizeof *strategy);
    struct error error;
    error_clear(&error);
    if (!strategy || asprintf(&strategy->name, "strategy %s", component->id) < 0) {
        free(strategy);
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    }
    strategy->start = (struct program_start){manifest->command, manifest->folder, strategy->name,
                                             process_plugin_limit(manifest, "time_limit")};
    esp_status status = program_begin(&strategy->program, &strategy->start, &error);
    if (status == ESP_OK)
        status = call_create(strategy, component, create, search, &error);
    if (status == ESP_OK) {
        *out = strategy;
        return ESP_OK;
    }
    strategy_destroy(strategy);
    return error.status == ESP_OK ? status : esp_fail(create, status, "%s", error.message);
}

// ---- Ask ----------------------------------------------------------------------------------------

// 53 bits, which every language's numbers hold, of the stream of this ask or tell. It is left as it
// was, for what the host draws.
static json_t *random_json(esp_search *search)
{
    esp_random random = esp_random_fork(esp_search_random(search), 0x70726F6772616DU); // "program"
    return json_integer((json_int_t)(esp_random_bits(&random) >> 11));
}

static esp_status take_parent(struct strategy *strategy, const json_t *answer, esp_ask *ask,
                              struct error *error)
{
    const json_t *parent = json_object_get(answer, "parent");
    const char *mode = json_string_value(json_object_get(answer, "mode"));
    if (!parent && !json_object_get(answer, "mode"))
        return ESP_OK;
    bool continues = mode && strcmp(mode, "continue") == 0;
    if (!json_is_integer(parent) || !mode || (!continues && strcmp(mode, "inherit") != 0))
        return error_set(error, ESP_ERROR,
                         "its program's trial has a \"parent\" or \"mode\" that is none: expected "
                         "the number of a trial, and \"continue\" or \"inherit\"");
    if (!trials_get(&strategy->trials, json_integer_value(parent)))
        return error_set(error, ESP_ERROR,
                         "its program's \"parent\", %lld, is no trial that it knows",
                         (long long)json_integer_value(parent));
    return esp_ask_parent(ask, (uint64_t)json_integer_value(parent),
                          continues ? ESP_MODE_CONTINUE : ESP_MODE_INHERIT);
}

static esp_status take_fidelity(const json_t *answer, esp_ask *ask, struct error *error)
{
    const json_t *fidelity = json_object_get(answer, "fidelity");
    const char *name;
    json_t *value;
    if (fidelity && !json_is_object(fidelity))
        return error_set(error, ESP_ERROR, "its program's \"fidelity\" is no object of numbers");
    json_object_foreach ((json_t *)(uintptr_t)fidelity, name, value) {
        double number;
        esp_status status = answer_number(&number, fidelity, name, error);
        if (status == ESP_OK)
            status = esp_ask_fidelity(ask, name, number);
        if (status != ESP_OK)
            return status;
    }
    return ESP_OK;
}

static esp_status take_trial(struct strategy *strategy, const json_t *answer, esp_search *search,
                             esp_ask *ask, struct error *error)
{
    esp_arch *arch = NULL;
    uint64_t number = esp_ask_number(ask);
    esp_status status =
        proposal_arch(&arch, strategy->program, answer, &strategy->trials, number, search, error);
    if (status == ESP_OK)
        status = esp_ask_trial(ask, arch);
    if (status == ESP_OK)
        status = take_parent(strategy, answer, ask, error);
    if (status == ESP_OK)
        status = take_fidelity(answer, ask, error);
    if (status == ESP_OK)
        status = trials_keep(&strategy->trials, number, arch, error);
    esp_arch_release(arch);
    return status;
}

static esp_status take_answer(struct strategy *strategy, const json_t *answer, esp_search *search,
                              esp_ask *ask, struct error *error)
{
    static const char *const kinds[] = {"trial", "wait", "done", NULL};
    static const char *const of_trial[] = {"decisions", "from",   "rest", "mutate",   "rate",
                                           "cross",     "parent", "mode", "fidelity", NULL};
    esp_status status = answer_expect(answer, kinds, error);
    if (status != ESP_OK)
        return status;
    const char *kind = json_string_value(json_object_get(answer, "answer"));
    const json_t *reason = json_object_get(answer, "reason");
    switch (kind[0]) {
    case 't':
        status = answer_check(answer, of_trial, error);
        return status == ESP_OK ? take_trial(strategy, answer, search, ask, error) : status;
    case 'w':
        status = answer_check(answer, (const char *const[]){NULL}, error);
        return status == ESP_OK ? esp_ask_wait(ask) : status;
    default:
        status = answer_check(answer, (const char *const[]){"reason", NULL}, error);
        if (status == ESP_OK && !json_is_string(reason))
            status = error_set(error, ESP_ERROR, "its program is done without a \"reason\"");
        return status == ESP_OK ? esp_ask_done(ask, json_string_value(reason)) : status;
    }
}

// What the host's tables have said is in their own words already.
static esp_status end_call(struct strategy *strategy, esp_search *search, esp_status status,
                           struct error *error)
{
    if (status == ESP_OK)
        return ESP_OK;
    if (program_serves(strategy->program)) {
        error_set(error, status, "%s", "");
        program_give_up(strategy->program, error);
    }
    return error->message[0] ? esp_fail(search, status, "%s", error->message) : status;
}

static esp_status strategy_ask(void *self, esp_search *search, esp_ask *ask)
{
    struct strategy *strategy = self;
    struct error error;
    json_t *answer = NULL;
    error_clear(&error);
    esp_status status =
        program_ask(&answer, strategy->program,
                    json_pack("{s:s, s:I, s:o}", "call", "ask", "trial",
                              (json_int_t)esp_ask_number(ask), "random", random_json(search)),
                    &error);
    if (status == ESP_OK)
        status = take_answer(strategy, answer, search, ask, &error);
    json_decref(answer);
    return end_call(strategy, search, status, &error);
}

// ---- Tell ---------------------------------------------------------------------------------------

static json_t *objectives_json(const esp_outcome *outcome)
{
    if (!outcome->objectives)
        return json_null();
    json_t *list = json_array();
    for (uint64_t i = 0; list && i < outcome->objective_count; i++)
        if (json_array_append_new(list, json_real(outcome->objectives[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static json_t *fidelity_json(const esp_outcome *outcome)
{
    json_t *object = json_object();
    const char *row = (const char *)outcome->reached;
    for (uint64_t i = 0; object && i < outcome->reached_count;
         i++, row += outcome->reached_stride) {
        const esp_fidelity *fidelity = (const esp_fidelity *)(const void *)row;
        if (json_object_set_new(object, fidelity->name, json_real(fidelity->value)) != 0) {
            json_decref(object);
            object = NULL;
        }
    }
    return object;
}

static json_t *tell_json(const esp_outcome *outcome, esp_search *search)
{
    static const char *const states[] = {[ESP_OUTCOME_DONE] = "done",
                                         [ESP_OUTCOME_STOPPED] = "stopped",
                                         [ESP_OUTCOME_FAILED] = "failed",
                                         [ESP_OUTCOME_LOST] = "lost",
                                         [ESP_OUTCOME_CANCELLED] = "cancelled"};
    return json_pack("{s:s, s:I, s:b, s:s, s:o, s:f, s:o, s:o, s:o, s:o}", "call", "tell", "trial",
                     (json_int_t)outcome->trial, "asked", (int)(outcome->asked != 0), "state",
                     states[outcome->status], "objectives", objectives_json(outcome), "violation",
                     outcome->violation, "decisions", message_decisions(outcome->arch), "parent",
                     outcome->parent < 0 ? json_null() : json_integer(outcome->parent), "fidelity",
                     fidelity_json(outcome), "random", random_json(search));
}

static esp_status strategy_tell(void *self, esp_search *search, const esp_outcome *outcome)
{
    struct strategy *strategy = self;
    struct error error;
    json_t *answer = NULL;
    error_clear(&error);
    esp_status status = program_ask(&answer, strategy->program, tell_json(outcome, search), &error);
    if (status == ESP_OK)
        status = answer_expect(answer, (const char *const[]){"told", NULL}, &error);
    if (status == ESP_OK)
        status = answer_check(answer, (const char *const[]){NULL}, &error);
    if (status == ESP_OK)
        status = trials_keep(&strategy->trials, outcome->trial, outcome->arch, &error);
    json_decref(answer);
    return end_call(strategy, search, status, &error);
}

void process_strategy_set(esp_strategy_type *type)
{
    type->create = strategy_create;
    type->destroy = strategy_destroy;
    type->ask = strategy_ask;
    type->tell = strategy_tell;
}
