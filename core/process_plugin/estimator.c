// SPDX-License-Identifier: Apache-2.0
// An estimator that is a program: each trial is one call, which it answers with its progress and its
// metrics. One program serves all instances of a component in a process, whatever their parameters: a
// call carries them. It is started by the first trial, and again where it failed one.
#include "process_plugin/process_plugin.h"

#include "loader/instance.h"
#include "process_plugin/network_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The program of a component, shared by its instances.
struct shared {
    struct shared *next;
    const struct manifest *manifest;
    struct program_start start;
    struct program *program; // NULL: not started
    char *name;
    uint64_t users;
};

static struct shared *all; // of this process, which evaluates one trial at a time

struct estimator {
    struct shared *shared;
    json_t *parameters, *task;
    bool needs_onnx;
    double progress_limit;
    esp_estimator_info info;
};

// ---- The shared program -------------------------------------------------------------------------

static struct shared *shared_take(const struct component *component)
{
    struct shared *shared = all;
    while (shared && shared->manifest != component->manifest)
        shared = shared->next;
    if (!shared) {
        shared = calloc(1, sizeof *shared);
        if (!shared || asprintf(&shared->name, "estimator %s", component->id) < 0) {
            free(shared);
            return NULL;
        }
        shared->manifest = component->manifest;
        shared->start = (struct program_start){
            component->manifest->command, component->manifest->folder, shared->name,
            process_plugin_limit(component->manifest, "time_limit")};
        shared->next = all;
        all = shared;
    }
    shared->users++;
    return shared;
}

static void shared_give_back(struct shared *shared)
{
    if (!shared || --shared->users > 0)
        return;
    struct shared **at = &all;
    while (*at != shared)
        at = &(*at)->next;
    *at = shared->next;
    program_end(shared->program);
    free(shared->name);
    free(shared);
}

// One that failed a trial is started anew: what it knew is not to be trusted.
static esp_status shared_start(struct shared *shared, struct error *error)
{
    if (program_serves(shared->program))
        return ESP_OK;
    program_end(shared->program);
    return program_begin(&shared->program, &shared->start, error);
}

// ---- Its life -----------------------------------------------------------------------------------

static void estimator_destroy(void *self)
{
    struct estimator *estimator = self;
    shared_give_back(estimator->shared);
    json_decref(estimator->parameters);
    json_decref(estimator->task);
    free(estimator);
}

static esp_status estimator_create(esp_create *create, void **out)
{
    const struct component *component = create_component(create);
    const struct manifest *manifest = component->manifest;
    struct estimator *estimator = calloc(1, sizeof *estimator);
    if (!estimator)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    estimator->shared = shared_take(component);
    estimator->parameters = message_parameters(create_parameters(create));
    estimator->task = message_task(esp_create_task(create));
    if (!estimator->shared || !estimator->parameters || !estimator->task) {
        estimator_destroy(estimator);
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    }
    const struct parameter *needs = parameters_find(&manifest->plugin, "needs");
    estimator->needs_onnx = needs && needs->count > 0;
    estimator->progress_limit = process_plugin_limit(manifest, "progress_limit");
    estimator->info = (esp_estimator_info){
        sizeof(esp_estimator_info), manifest->metrics,    manifest->metric_count,
        sizeof(esp_metric),         manifest->fidelities, manifest->fidelity_count,
        sizeof(esp_fidelity_range),
    };
    *out = estimator;
    return ESP_OK;
}

static const esp_estimator_info *estimator_describe(void *self)
{
    return &((const struct estimator *)self)->info;
}

// ---- A trial ------------------------------------------------------------------------------------

static json_t *evaluate_json(const struct estimator *estimator, esp_evaluation *e,
                             const struct network_file *file, bool final, bool test)
{
    char hash[17];
    esp_random random = esp_evaluation_random(e, "program", 0, 0);
    const esp_arch *arch = esp_evaluation_arch(e);
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)esp_arch_hash(arch));
    return json_pack("{s:s, s:s, s:O, s:O, s:o, s:s, s:I, s:s?, s:s?, s:b, s:b}", "call",
                     "evaluate", "plugin", estimator->shared->manifest->id, "parameters",
                     estimator->parameters, "task", estimator->task, "decisions",
                     message_decisions(arch), "hash", hash, "random",
                     (json_int_t)(esp_random_bits(&random) >> 11), "onnx", network_file_onnx(file),
                     "folder", network_file_folder(file), "final", (int) final, "test", (int)test);
}

static esp_status take_progress(struct program *program, const json_t *answer, esp_evaluation *e,
                                struct error *error)
{
    const json_t *metrics = json_object_get(answer, "metrics");
    double step;
    const char *name;
    json_t *value;
    uint64_t count = 0;
    esp_status status = answer_check(answer, (const char *const[]){"step", "metrics", NULL}, error);
    if (status == ESP_OK)
        status = answer_number(&step, answer, "step", error);
    if (status == ESP_OK && metrics && !json_is_object(metrics))
        status = error_set(error, ESP_ERROR, "its program's \"metrics\" are no object of numbers");
    if (status != ESP_OK)
        return status;
    esp_measurement *rows = calloc(json_object_size(metrics) + 1, sizeof *rows);
    if (!rows)
        return error_memory(error);
    json_object_foreach ((json_t *)(uintptr_t)metrics, name, value) {
        // A loss that is not finite is null in JSON, and a point of the curve all the same.
        double number = json_is_null(value) ? NAN : json_number_value(value);
        if (!json_is_number(value) && !json_is_null(value))
            status =
                error_set(error, ESP_ERROR, "its program's metric \"%.60s\" is no number", name);
        rows[count++] = (esp_measurement)ESP_MEASUREMENT(name, number);
    }
    uint32_t verdict =
        status == ESP_OK ? esp_evaluation_progress(e, step, rows, count) : ESP_CONTINUE;
    free(rows);
    if (status != ESP_OK)
        return status;
    return program_call(
        program, json_pack("{s:s}", "call", verdict == ESP_STOP ? "stop" : "continue"), error);
}

static esp_status take_metrics(const json_t *answer, esp_evaluation *e, struct error *error)
{
    const json_t *metrics = json_object_get(answer, "metrics");
    const char *name;
    json_t *value;
    esp_status status = answer_check(answer, (const char *const[]){"metrics", NULL}, error);
    if (status == ESP_OK && !json_is_object(metrics))
        status = error_set(error, ESP_ERROR, "its program is done without \"metrics\"");
    json_object_foreach ((json_t *)(uintptr_t)metrics, name, value) {
        double number;
        if (status == ESP_OK)
            status = answer_number(&number, metrics, name, error);
        if (status == ESP_OK)
            status = esp_evaluation_metric(e, name, number);
    }
    return status;
}

// Answers until it is done.
static esp_status take_answers(const struct estimator *estimator, struct program *program,
                               esp_evaluation *e, bool *own, struct error *error)
{
    for (;;) {
        json_t *answer = NULL;
        esp_status status = program_answer(&answer, program, estimator->progress_limit, error);
        if (status != ESP_OK)
            return status;
        const char *kind = json_string_value(json_object_get(answer, "answer"));
        bool progress = kind && strcmp(kind, "progress") == 0;
        *own = kind && strcmp(kind, "error") == 0;
        status = answer_expect(answer, (const char *const[]){"progress", "done", NULL}, error);
        if (status == ESP_OK)
            status = progress ? take_progress(program, answer, e, error)
                              : take_metrics(answer, e, error);
        json_decref(answer);
        if (status != ESP_OK || !progress)
            return status;
    }
}

static esp_status call_evaluate(struct estimator *estimator, esp_evaluation *e, bool final,
                                bool test)
{
    struct network_file file = {0};
    struct error error;
    bool own = false; // it failed the trial in its own words, and serves on
    error_clear(&error);
    esp_status status = network_file_make(&file, e, estimator->needs_onnx, &error);
    if (status == ESP_OK)
        status = shared_start(estimator->shared, &error);
    struct program *program = estimator->shared->program;
    if (status == ESP_OK) {
        status = program_call(program, evaluate_json(estimator, e, &file, final, test), &error);
        if (status == ESP_OK)
            status = take_answers(estimator, program, e, &own, &error);
        if (status != ESP_OK && !own && program_serves(program))
            program_give_up(program, &error);
    }
    network_file_remove(&file);
    return status != ESP_OK && error.message[0] ? esp_fail(e, status, "%s", error.message) : status;
}

static esp_status estimator_evaluate(void *self, esp_evaluation *e)
{
    return call_evaluate(self, e, false, false);
}

static esp_status estimator_train(void *self, esp_evaluation *e, uint32_t test)
{
    return call_evaluate(self, e, true, test != 0);
}

static const void *final_ability(const char *id)
{
    static const esp_estimator_final final = {sizeof final, estimator_train};
    return strcmp(id, ESP_ESTIMATOR_FINAL) == 0 ? &final : NULL;
}

void process_estimator_set(esp_estimator_type *type, bool final)
{
    type->create = estimator_create;
    type->destroy = estimator_destroy;
    type->describe = estimator_describe;
    type->evaluate = estimator_evaluate;
    type->ability = final ? final_ability : NULL;
}
