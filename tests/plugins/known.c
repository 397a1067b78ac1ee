// SPDX-License-Identifier: Apache-2.0
// The functions of known_functions.h as a space, and as a cheap estimator of `regret`, or of `f1` and `f2`, for
// sweeps.
#include "known_functions.h"

#include <espalier/espalier.h>

static const char *const names[] = {"branin", "hartmann6", "traps", "zdt1", "zdt2", "zdt3"};

static const esp_param known_params[] = {
    ESP_PARAM_CHOICE("function", "branin", names, "which function"),
};

static const esp_metric known_metrics[] = {
    ESP_METRIC_ROW("regret", "", 0, ESP_BETTER_LOWER),
};

static const esp_metric known_pair[] = {
    ESP_METRIC_ROW("f1", "", 0, ESP_BETTER_LOWER),
    ESP_METRIC_ROW("f2", "", 0, ESP_BETTER_LOWER),
};

static esp_status known_create(esp_create *create, void **out)
{
    *out = (void *)(uintptr_t)known_function_find(esp_param_text(create, "function"));
    return ESP_OK;
}

static void known_destroy(void *self)
{
    (void)self;
}

static esp_status known_build(void *self, esp_builder *b)
{
    return known_function_build(self, b);
}

static void known_describe_space(esp_space_type *out)
{
    out->summary = "the decisions of a function whose least value is known";
    ESP_SET_PARAMS(out, known_params);
    out->create = known_create;
    out->destroy = known_destroy;
    out->build = known_build;
}

static const esp_estimator_info *known_info(void *self)
{
    static esp_estimator_info infos[2];
    int pair = known_function_objectives(self) == 2;
    infos[pair].struct_size = sizeof infos[pair];
    infos[pair].metrics = pair ? known_pair : known_metrics;
    infos[pair].metric_count = pair ? ESP_COUNT(known_pair) : ESP_COUNT(known_metrics);
    infos[pair].metric_stride = sizeof known_metrics[0];
    return &infos[pair];
}

static esp_status known_evaluate(void *self, esp_evaluation *e)
{
    double values[2];
    known_function_values(self, esp_evaluation_arch(e), values);
    if (known_function_objectives(self) == 1)
        return esp_evaluation_metric(e, "regret", values[0]);
    esp_status status = esp_evaluation_metric(e, "f1", values[0]);
    return status == ESP_OK ? esp_evaluation_metric(e, "f2", values[1]) : status;
}

static const void *known_ability(const char *id)
{
    static const esp_estimator_cheap cheap = {sizeof(esp_estimator_cheap), 0, 0};
    return strcmp(id, ESP_ESTIMATOR_CHEAP) == 0 ? &cheap : NULL;
}

static void known_describe_estimator(esp_estimator_type *out)
{
    out->summary = "how far a function is above its least value";
    ESP_SET_PARAMS(out, known_params);
    out->create = known_create;
    out->destroy = known_destroy;
    out->describe = known_info;
    out->evaluate = known_evaluate;
    out->ability = known_ability;
}

ESP_PLUGIN("0.1.0", ESP_SPACE("known", known_describe_space),
           ESP_ESTIMATOR("known", known_describe_estimator))
