// SPDX-License-Identifier: Apache-2.0
// The architecture of a proposed trial; see proposal.h.
#include "process_plugin/proposal.h"

#include "arch/arch.h"
#include "process_plugin/process_plugin.h"

#include <stdlib.h>
#include <string.h>

// ---- Trials -------------------------------------------------------------------------------------

esp_arch *trials_get(const struct trials *trials, int64_t number)
{
    return number >= 0 && (uint64_t)number < trials->count ? trials->archs[number] : NULL;
}

esp_status trials_keep(struct trials *trials, uint64_t number, esp_arch *arch, struct error *error)
{
    if (!array_reserve(&trials->archs, &trials->capacity, (size_t)number + 1,
                       sizeof *trials->archs))
        return error_memory(error);
    if (number >= trials->count)
        trials->count = number + 1;
    if (!trials->archs[number])
        trials->archs[number] = esp_arch_retain(arch);
    return ESP_OK;
}

void trials_release(struct trials *trials)
{
    for (uint64_t i = 0; i < trials->count; i++)
        esp_arch_release(trials->archs[i]);
    free(trials->archs);
}

// The trial that `value`, a field `name`, stands for.
static esp_status find_trial(esp_arch **out, const struct trials *trials, const json_t *value,
                             const char *name, struct error *error)
{
    *out = json_is_integer(value) ? trials_get(trials, json_integer_value(value)) : NULL;
    if (*out)
        return ESP_OK;
    if (json_is_integer(value))
        return error_set(error, ESP_ERROR, "its program's \"%s\", %lld, is no trial that it knows",
                         name, (long long)json_integer_value(value));
    return error_set(error, ESP_ERROR, "its program's \"%s\" is not the number of a trial", name);
}

// ---- Decision by decision -----------------------------------------------------------------------

enum rest { REST_DRAW, REST_ASK };

struct proposal {
    struct program *program;
    const struct trials *trials;
    esp_search *search;
    struct error *error;
    uint64_t number;
    // Of the answer that holds now.
    json_t *answer; // owner: the proposal
    const json_t *decisions;
    esp_arch *from; // NULL: none
    uint64_t from_next;
    enum rest rest;
    bool drew;         // some value of this pass was drawn: the next pass may be another
    json_t *seen;      // the paths that this pass has met; owner: the proposal
    json_t *value;     // asked for; owner: the proposal
    uint32_t *indices; // of the value handed out
    size_t indices_capacity;
};

static esp_status read_answer(struct proposal *proposal, struct error *error)
{
    const json_t *decisions = json_object_get(proposal->answer, "decisions"),
                 *from = json_object_get(proposal->answer, "from"),
                 *rest = json_object_get(proposal->answer, "rest");
    const char *word = json_string_value(rest);
    proposal->decisions = decisions;
    proposal->from = NULL;
    proposal->rest = word && strcmp(word, "ask") == 0 ? REST_ASK : REST_DRAW;
    if (decisions && !json_is_object(decisions))
        return error_set(error, ESP_ERROR,
                         "its program's \"decisions\" are no object of values by path");
    if (rest && (!word || (strcmp(word, "ask") != 0 && strcmp(word, "draw") != 0)))
        return error_set(error, ESP_ERROR,
                         "its program's \"rest\" is none: expected \"ask\" or \"draw\"");
    return from ? find_trial(&proposal->from, proposal->trials, from, "from", error) : ESP_OK;
}

// A pass that gave no member of the space has begun again, and would end as it did.
static esp_status ask_for_others(struct proposal *proposal, struct error *error)
{
    static const char *const names[] = {"decisions", "from", "rest", NULL};
    esp_random random =
        esp_random_fork(esp_search_random(proposal->search), 0x72656A65637465U); // "rejecte"
    json_t *answer = NULL;
    esp_status status = program_ask(&answer, proposal->program,
                                    json_pack("{s:s, s:I, s:I}", "call", "rejected", "trial",
                                              (json_int_t)proposal->number, "random",
                                              (json_int_t)(esp_random_bits(&random) >> 11)),
                                    error);
    if (status == ESP_OK)
        status = answer_expect(answer, (const char *const[]){"trial", NULL}, error);
    if (status == ESP_OK)
        status = answer_check(answer, names, error);
    json_decref(proposal->answer);
    proposal->answer = answer;
    return status == ESP_OK ? read_answer(proposal, error) : status;
}

static esp_status begin_again(struct proposal *proposal, struct error *error)
{
    esp_status status = ESP_OK;
    if (!proposal->drew)
        status = ask_for_others(proposal, error);
    proposal->drew = false;
    proposal->from_next = 0;
    json_object_clear(proposal->seen);
    return status;
}

static esp_status ask_value(struct proposal *proposal, const char *path, const esp_domain *domain,
                            struct error *error)
{
    json_t *answer = NULL;
    json_decref(proposal->value);
    proposal->value = NULL;
    esp_status status = program_ask(&answer, proposal->program,
                                    json_pack("{s:s, s:I, s:s, s:o}", "call", "decide", "trial",
                                              (json_int_t)proposal->number, "path", path, "domain",
                                              domain_json(domain)),
                                    error);
    if (status == ESP_OK)
        status = answer_expect(answer, (const char *const[]){"value", NULL}, error);
    if (status == ESP_OK)
        status = answer_check(answer, (const char *const[]){"value", NULL}, error);
    if (status == ESP_OK && !(proposal->value = json_incref(json_object_get(answer, "value"))))
        status = error_set(error, ESP_ERROR, "its program's answer 'value' lacks the \"value\"");
    json_decref(answer);
    return status;
}

static esp_status find_value(struct proposal *proposal, const char *path, const esp_domain *domain,
                             esp_value *out, struct error *error)
{
    esp_status status = ESP_OK;
    const json_t *value = json_object_get(proposal->decisions, path);
    if (!value && proposal->from) {
        int64_t at = esp_arch_match(proposal->from, path, domain, &proposal->from_next);
        if (at >= 0) {
            *out = esp_arch_value(proposal->from, (uint64_t)at);
            return ESP_OK;
        }
    }
    if (!value && proposal->rest == REST_DRAW) {
        proposal->drew = true;
        return esp_search_draw(proposal->search, domain, NULL, esp_search_random(proposal->search),
                               out);
    }
    if (!value) {
        status = ask_value(proposal, path, domain, error);
        value = proposal->value;
    }
    if (status != ESP_OK)
        return status;
    if (!array_reserve(&proposal->indices, &proposal->indices_capacity, (size_t)domain->count + 1,
                       sizeof *proposal->indices))
        return error_memory(error);
    status = written_value(out, value, domain, proposal->indices, path, error);
    if (status != ESP_OK)
        error_prefix(error, "its program's ");
    return status;
}

// esp_decide.
static esp_status decide(void *self, const char *path, const esp_domain *domain, esp_value *out)
{
    struct proposal *proposal = self;
    struct error *error = proposal->error;
    esp_status status = ESP_OK;
    if (json_object_get(proposal->seen, path))
        status = begin_again(proposal, error);
    if (status == ESP_OK && json_object_set_new(proposal->seen, path, json_true()) != 0)
        status = error_memory(error);
    if (status == ESP_OK)
        status = find_value(proposal, path, domain, out, error);
    if (status != ESP_OK && error->message[0]) // nearer to the cause than what the host will say
        esp_fail(proposal->search, status, "%s", error->message);
    return status;
}

static esp_status decided(esp_arch **out, struct proposal *proposal)
{
    proposal->seen = json_object();
    esp_status status =
        proposal->seen ? read_answer(proposal, proposal->error) : error_memory(proposal->error);
    if (status == ESP_OK)
        status = esp_search_decide(proposal->search, decide, proposal, out);
    json_decref(proposal->seen);
    json_decref(proposal->value);
    json_decref(proposal->answer);
    free(proposal->indices);
    return status;
}

// ---- All of it ----------------------------------------------------------------------------------

static esp_status mutated(esp_arch **out, const json_t *answer, const struct trials *trials,
                          esp_search *search, struct error *error)
{
    esp_arch *parent;
    double rate = 0;
    esp_status status =
        find_trial(&parent, trials, json_object_get(answer, "mutate"), "mutate", error);
    if (status == ESP_OK && json_object_get(answer, "rate"))
        status = answer_number(&rate, answer, "rate", error);
    if (status == ESP_OK && !(rate >= 0 && rate <= 1))
        status = error_set(error, ESP_ERROR,
                           "its program's \"rate\" is %g: expected 0 (one decision) to 1", rate);
    return status == ESP_OK
               ? esp_search_mutate(search, parent, rate, esp_search_random(search), out)
               : status;
}

static esp_status crossed(esp_arch **out, const json_t *answer, const struct trials *trials,
                          esp_search *search, struct error *error)
{
    const json_t *pair = json_object_get(answer, "cross");
    esp_arch *a, *b;
    if (json_array_size(pair) != 2)
        return error_set(error, ESP_ERROR, "its program's \"cross\" is no pair of trials");
    esp_status status = find_trial(&a, trials, json_array_get(pair, 0), "cross", error);
    if (status == ESP_OK)
        status = find_trial(&b, trials, json_array_get(pair, 1), "cross", error);
    return status == ESP_OK ? esp_search_cross(search, a, b, esp_search_random(search), out)
                            : status;
}

esp_status proposal_arch(esp_arch **out, struct program *program, const json_t *answer,
                         const struct trials *trials, uint64_t number, esp_search *search,
                         struct error *error)
{
    static const char *const by_value[] = {"decisions", "from", "rest"};
    bool mutates = json_object_get(answer, "mutate"), crosses = json_object_get(answer, "cross"),
         decides = false;
    for (size_t i = 0; i < ESP_COUNT(by_value); i++)
        decides |= json_object_get(answer, by_value[i]) != NULL;
    if (mutates + crosses + decides != 1)
        return error_set(
            error, ESP_ERROR,
            "its program's trial has to be of one kind: \"mutate\", \"cross\", or any of "
            "\"decisions\", \"from\" and \"rest\"");
    if (json_object_get(answer, "rate") && !mutates)
        return error_set(error, ESP_ERROR, "its program's \"rate\" goes with \"mutate\" alone");
    if (mutates)
        return mutated(out, answer, trials, search, error);
    if (crosses)
        return crossed(out, answer, trials, search, error);
    struct proposal proposal = {.program = program,
                                .trials = trials,
                                .search = search,
                                .error = error,
                                .number = number,
                                .answer = json_incref((json_t *)(uintptr_t)answer)};
    return decided(out, &proposal);
}
