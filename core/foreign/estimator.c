// SPDX-License-Identifier: Apache-2.0
// An estimator whose work is done by functions of a foreign library: the roles objective (of real and
// integer decisions) and score (of params, macs, an encoding). Its create loads nothing, since the
// coordinator creates one too; the first evaluation does, in a worker.
#include "foreign/foreign.h"

#include "evaluate/evaluation.h"
#include "foreign/plan.h"
#include "loader/instance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

struct estimator {
    const struct manifest *manifest;
    const struct foreign_plan *plan;
    const struct parameters *parameters; // the instance's
    esp_estimator_info info;
    struct foreign_frame frame;
    bool open; // the library is loaded, its set-up done
    struct survey *survey;
    double *x, *reals, *integers, *encoding; // room for those of the last trial
};

static void estimator_destroy(void *self)
{
    struct estimator *estimator = self;
    struct error error;
    error_clear(&error);
    // Nobody is left to be told what a tear-down answers.
    if (estimator->open &&
        script_run(&estimator->plan->teardown, &estimator->frame, &error) != ESP_OK)
        log_line(ESP_LOG_WARNING, "%s", error.message);
    plan_close(&estimator->frame, estimator->plan);
    survey_destroy(estimator->survey);
    free(estimator->x);
    free(estimator->reals);
    free(estimator->integers);
    free(estimator->encoding);
    free(estimator);
}

static esp_status estimator_create(esp_create *create, void **out)
{
    const struct manifest *manifest = create_component(create)->manifest;
    struct estimator *estimator = calloc(1, sizeof *estimator);
    if (!estimator)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    estimator->manifest = manifest;
    estimator->plan = manifest_plan(manifest);
    estimator->parameters = create_parameters(create);
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

static esp_status no_callback(void *self, const struct signature *signature, void **code,
                              struct error *error)
{
    (void)self, (void)signature, (void)code;
    return error_set(error, ESP_ERROR, "an estimator has no callbacks");
}

static esp_status open_library(struct estimator *estimator, struct error *error)
{
    if (estimator->open)
        return ESP_OK;
    esp_status status = plan_open(&estimator->frame, estimator->plan, estimator->manifest,
                                  estimator->parameters, error);
    estimator->frame.callback = no_callback;
    if (status == ESP_OK)
        status = script_run(&estimator->plan->setup, &estimator->frame, error);
    estimator->open = status == ESP_OK;
    if (status != ESP_OK)
        plan_close(&estimator->frame, estimator->plan);
    return status;
}

static bool make_room(double **numbers, uint64_t count)
{
    double *grown = realloc(*numbers, (count + 1) * sizeof **numbers);
    if (grown)
        *numbers = grown;
    return grown != NULL;
}

// The real and integer decisions of the space; searched parameters go by their own names.
static esp_status give_decisions(struct estimator *estimator, const esp_arch *arch,
                                 struct error *error)
{
    const struct foreign_plan *plan = estimator->plan;
    struct foreign_frame *frame = &estimator->frame;
    uint64_t count = esp_arch_count(arch), n = 0, reals = 0, integers = 0;
    if (!make_room(&estimator->x, count) || !make_room(&estimator->reals, count) ||
        !make_room(&estimator->integers, count))
        return error_memory(error);
    for (uint64_t i = 0; i < count; i++) {
        esp_value value = esp_arch_value(arch, i);
        if (esp_arch_path(arch, i)[0] == '@')
            continue;
        if (value.kind == ESP_DECISION_REAL)
            estimator->x[n++] = estimator->reals[reals++] = value.as.real;
        else if (value.kind == ESP_DECISION_INT)
            estimator->x[n++] = estimator->integers[integers++] = (double)value.as.integer;
    }
    frame_set_numbers(frame, plan, GIVEN_X, estimator->x, n, false);
    frame_set_numbers(frame, plan, GIVEN_REALS, estimator->reals, reals, false);
    frame_set_numbers(frame, plan, GIVEN_INTEGERS, estimator->integers, integers, false);
    frame_set_integer(frame, plan, GIVEN_N, (int64_t)n);
    frame_set_integer(frame, plan, GIVEN_N_REALS, (int64_t)reals);
    frame_set_integer(frame, plan, GIVEN_N_INTEGERS, (int64_t)integers);
    return ESP_OK;
}

static esp_status give_counts(struct estimator *estimator, esp_evaluation *e)
{
    const esp_graph *graph;
    if (!plan_uses(estimator->plan, GIVEN_PARAMS) && !plan_uses(estimator->plan, GIVEN_MACS))
        return ESP_OK;
    esp_status status = esp_evaluation_graph(e, &graph);
    if (status != ESP_OK)
        return status;
    frame_set_integer(&estimator->frame, estimator->plan, GIVEN_PARAMS,
                      (int64_t)esp_graph_params(graph));
    frame_set_integer(&estimator->frame, estimator->plan, GIVEN_MACS,
                      (int64_t)esp_graph_macs(graph));
    return ESP_OK;
}

// The encoding is that which a strategy gets, of the same survey: its stream has the same name.
static esp_status give_encoding(struct estimator *estimator, struct evaluation *e,
                                struct error *error)
{
    const struct foreign_plan *plan = estimator->plan;
    if (!plan_uses(plan, GIVEN_ENCODING) && !plan_uses(plan, GIVEN_N_ENCODING))
        return ESP_OK;
    if (!estimator->survey) {
        esp_random random = esp_random_stream(session_experiment(e->session)->seed,
                                              XXH3_64bits("survey", strlen("survey")), 0, 0, 0);
        esp_status status =
            survey_create(&estimator->survey, session_builder(e->session), &random, error);
        if (status != ESP_OK)
            return status;
    }
    const esp_survey *survey = survey_handle(estimator->survey);
    uint64_t width = esp_survey_width(survey);
    if (!make_room(&estimator->encoding, width))
        return error_memory(error);
    esp_survey_encode(survey, esp_evaluation_arch(&e->handle), estimator->encoding, width);
    frame_set_numbers(&estimator->frame, plan, GIVEN_ENCODING, estimator->encoding, width, false);
    frame_set_integer(&estimator->frame, plan, GIVEN_N_ENCODING, (int64_t)width);
    return ESP_OK;
}

static esp_status take_metrics(const struct estimator *estimator, esp_evaluation *e,
                               struct error *error)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < estimator->manifest->metric_count; i++) {
        const struct foreign_value *value = &estimator->frame.values[estimator->plan->metrics[i]];
        const char *name = estimator->manifest->metrics[i].name;
        double number = value->kind == VALUE_INTEGER ? (double)value->as.integer : value->as.real;
        if (value->kind == VALUE_NONE || !isfinite(number))
            status = error_set(error, ESP_ERROR, "its library gives no finite number for '%s': %g",
                               name, value->kind == VALUE_NONE ? NAN : number);
        else
            status = esp_evaluation_metric(e, name, number);
    }
    return status;
}

static esp_status estimator_evaluate(void *self, esp_evaluation *e)
{
    struct estimator *estimator = self;
    struct error error;
    error_clear(&error);
    esp_random random = esp_evaluation_random(e, "foreign", 0, 0);
    esp_status status = open_library(estimator, &error);
    if (status == ESP_OK)
        status = give_decisions(estimator, esp_evaluation_arch(e), &error);
    if (status == ESP_OK)
        status = give_counts(estimator, e);
    if (status == ESP_OK)
        status = give_encoding(estimator, evaluation_from_handle(e), &error);
    if (status == ESP_OK) {
        frame_set_integer(&estimator->frame, estimator->plan, GIVEN_SEED,
                          (int64_t)(esp_random_bits(&random) >> 33));
        status = script_run(&estimator->plan->work, &estimator->frame, &error);
    }
    if (status == ESP_OK)
        status = take_metrics(estimator, e, &error);
    return error.status == ESP_OK ? status : esp_fail(e, status, "%s", error.message);
}

void foreign_estimator_type(esp_estimator_type *type)
{
    type->create = estimator_create;
    type->destroy = estimator_destroy;
    type->describe = estimator_describe;
    type->evaluate = estimator_evaluate;
}
