// SPDX-License-Identifier: Apache-2.0
// The role curve: an estimator that trains by another one and says where its learning curve leads. The
// library's function is a family of curves f(step, theta); theta is fitted by least squares to the
// points that the training told, and the value at a later step is one more metric. (Domhan, Springenberg
// and Hutter 2015 have the families; they weigh several of them, and here is one.)
#include "foreign/foreign.h"

#include "evaluate/evaluation.h"
#include "foreign/fit.h"
#include "foreign/plan.h"
#include "loader/instance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct points {
    double *steps, *values;
    size_t count, step_capacity, value_capacity;
};

struct curve {
    const struct manifest *manifest;
    const struct foreign_plan *plan;
    const struct parameters *parameters; // the instance's
    struct instance *base;
    const esp_estimator_info *base_info;
    esp_metric *metrics; // the base's, then its own
    esp_estimator_info info;
    struct foreign_frame frame;
    bool open;
    double theta[FIT_MOST_THETA];
    // Of the trial.
    struct points points;
    const char *watched;
    progress_function progress; // the host's own
    void *progress_self;
    bool memory; // it ran out
};

static const esp_estimator_type *base_type(const struct curve *curve)
{
    return curve->base->component->type;
}

static void curve_destroy(void *self)
{
    struct curve *curve = self;
    struct error error;
    error_clear(&error);
    if (curve->open && script_run(&curve->plan->teardown, &curve->frame, &error) != ESP_OK)
        log_line(ESP_LOG_WARNING, "%s", error.message);
    plan_close(&curve->frame, curve->plan);
    instance_destroy(curve->base);
    free(curve->metrics);
    free(curve->points.steps);
    free(curve->points.values);
    free(curve);
}

static const esp_metric *base_metric(const struct curve *curve, uint64_t i)
{
    const char *row = (const char *)curve->base_info->metrics;
    return (const esp_metric *)(const void *)(row + i * curve->base_info->metric_stride);
}

static esp_status join_metrics(struct curve *curve, struct error *error)
{
    uint64_t count = curve->base_info->metric_count;
    const esp_metric *own = &curve->manifest->metrics[0];
    const char *watched = parameters_find(curve->parameters, "metric")->text;
    bool found = false;
    curve->metrics = calloc(count + 1, sizeof *curve->metrics);
    if (!curve->metrics)
        return error_memory(error);
    for (uint64_t i = 0; i < count; i++) {
        curve->metrics[i] = *base_metric(curve, i);
        found |= strcmp(curve->metrics[i].name, watched) == 0;
        if (strcmp(curve->metrics[i].name, own->name) == 0)
            return error_set(error, ESP_ERROR_INVALID,
                             "the estimator %s has a metric '%s' of its own",
                             curve->base->component->id, own->name);
    }
    if (!found)
        return error_set(error, ESP_ERROR_INVALID, "the estimator %s has no metric '%s'",
                         curve->base->component->id, watched);
    curve->metrics[count] = *own;
    curve->info = (esp_estimator_info){
        .struct_size = sizeof(esp_estimator_info),
        .metrics = curve->metrics,
        .metric_count = count + 1,
        .metric_stride = sizeof *curve->metrics,
    };
    return ESP_OK;
}

static esp_status curve_create(esp_create *create, void **out)
{
    const struct create_space *space = create_space_of(create);
    struct curve *curve = calloc(1, sizeof *curve);
    struct error error;
    error_clear(&error);
    if (!curve)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    curve->manifest = create_component(create)->manifest;
    curve->plan = manifest_plan(curve->manifest);
    curve->parameters = create_parameters(create);
    const struct part *base = space ? &session_experiment(space->self)->base : NULL;
    esp_status status =
        base && base->component
            ? instance_create(&curve->base, base->component, &base->parameters,
                              esp_create_task(create), esp_create_seed(create),
                              (void *)(uintptr_t)space, &error)
            : error_set(&error, ESP_ERROR_UNSUPPORTED, "it extrapolates nothing without a run");
    if (status == ESP_OK) {
        curve->base_info = base_type(curve)->describe(curve->base->self);
        status = join_metrics(curve, &error);
    }
    if (status == ESP_OK) {
        *out = curve;
        return ESP_OK;
    }
    curve_destroy(curve);
    return esp_fail(create, status, "%s", error.message);
}

static const esp_estimator_info *curve_describe(void *self)
{
    return &((const struct curve *)self)->info;
}

// ---- A trial ------------------------------------------------------------------------------------

// What the base reports, on its way to the host.
static uint32_t watch(void *self, double step, const esp_measurement *metrics, uint64_t count,
                      uint64_t stride)
{
    struct curve *curve = self;
    struct points *points = &curve->points;
    const char *row = (const char *)metrics;
    for (uint64_t i = 0; i < count; i++, row += stride) {
        const esp_measurement *metric = (const esp_measurement *)(const void *)row;
        if (strcmp(metric->name, curve->watched) != 0 || !isfinite(metric->value))
            continue;
        if (!array_reserve(&points->steps, &points->step_capacity, points->count + 1,
                           sizeof(double)) ||
            !array_reserve(&points->values, &points->value_capacity, points->count + 1,
                           sizeof(double))) {
            curve->memory = true;
            return ESP_STOP;
        }
        points->steps[points->count] = step;
        points->values[points->count++] = metric->value;
    }
    return curve->progress ? curve->progress(curve->progress_self, step, metrics, count, stride)
                           : ESP_CONTINUE;
}

static esp_status value_at(void *self, double step, const double *theta, double *value,
                           struct error *error)
{
    struct curve *curve = self;
    const struct foreign_plan *plan = curve->plan;
    if (theta != curve->theta)
        memcpy(curve->theta, theta, plan->theta_count * sizeof *theta);
    curve->frame.values[plan->given[GIVEN_STEP]] =
        (struct foreign_value){.kind = VALUE_REAL, .as.real = step};
    esp_status status = script_run(&plan->work, &curve->frame, error);
    if (status != ESP_OK)
        return status;
    const struct foreign_value *result = &curve->frame.values[plan->metrics[0]];
    *value = result->kind == VALUE_INTEGER ? (double)result->as.integer : result->as.real;
    return ESP_OK;
}

static esp_status no_callback(void *self, const struct signature *signature, void **code,
                              struct error *error)
{
    (void)self, (void)signature, (void)code;
    return error_set(error, ESP_ERROR, "an estimator has no callbacks");
}

static esp_status open_library(struct curve *curve, struct error *error)
{
    const struct foreign_plan *plan = curve->plan;
    if (curve->open)
        return ESP_OK;
    esp_status status = plan_open(&curve->frame, plan, curve->manifest, curve->parameters, error);
    curve->frame.callback = no_callback;
    if (status == ESP_OK) {
        frame_set_numbers(&curve->frame, plan, GIVEN_THETA, curve->theta, plan->theta_count, false);
        frame_set_integer(&curve->frame, plan, GIVEN_N_THETA, (int64_t)plan->theta_count);
        status = script_run(&plan->setup, &curve->frame, error);
    }
    curve->open = status == ESP_OK;
    if (status != ESP_OK)
        plan_close(&curve->frame, plan);
    return status;
}

static esp_status predict(struct curve *curve, double *value, struct error *error)
{
    const struct foreign_plan *plan = curve->plan;
    const struct points *points = &curve->points;
    uint64_t least = (uint64_t)parameters_find(curve->parameters, "least")->integer;
    double theta[FIT_MOST_THETA], sum;
    if (points->count < least)
        return error_set(
            error, ESP_ERROR,
            "the training told '%s' %zu times, and a curve is fitted to %llu points at "
            "least",
            curve->watched, points->count, (unsigned long long)least);
    esp_status status = open_library(curve, error);
    memcpy(theta, plan->theta, sizeof theta);
    if (status == ESP_OK)
        status = fit_least_squares(theta, plan->theta_count, points->steps, points->values,
                                   points->count, value_at, curve, &sum, error);
    if (status == ESP_OK)
        status =
            value_at(curve, parameters_find(curve->parameters, "at")->real, theta, value, error);
    if (status == ESP_OK && !isfinite(*value))
        status = error_set(error, ESP_ERROR, "the fitted curve leads to no number: %g", *value);
    return status;
}

static esp_status curve_evaluate(void *self, esp_evaluation *handle)
{
    struct curve *curve = self;
    struct evaluation *e = evaluation_from_handle(handle);
    struct error error;
    double value = 0;
    error_clear(&error);
    curve->points.count = 0;
    curve->memory = false;
    curve->watched = parameters_find(curve->parameters, "metric")->text;
    curve->progress = e->progress;
    curve->progress_self = e->progress_self;
    e->progress = watch;
    e->progress_self = curve;
    esp_status status = base_type(curve)->evaluate(curve->base->self, handle);
    e->progress = curve->progress;
    e->progress_self = curve->progress_self;
    if (status != ESP_OK)
        return status;
    if (curve->memory)
        status = error_memory(&error);
    if (status == ESP_OK)
        status = predict(curve, &value, &error);
    if (status == ESP_OK)
        status = esp_evaluation_metric(handle, curve->manifest->metrics[0].name, value);
    return error.status == ESP_OK ? status : esp_fail(handle, status, "%s", error.message);
}

void foreign_curve_type(esp_estimator_type *type)
{
    type->create = curve_create;
    type->destroy = curve_destroy;
    type->describe = curve_describe;
    type->evaluate = curve_evaluate;
}
