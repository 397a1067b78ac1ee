// SPDX-License-Identifier: Apache-2.0
// An estimator whose every text is markup: the unit of a metric, the messages of the trials that it
// fails (each third one). What shows them must show them as text.
#include <espalier/espalier.h>

#include <stdlib.h>

#define MARKUP "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&lt;"

static const esp_metric hostile_metrics[] = {
    ESP_METRIC_ROW("score", "<i>u\"n'it</i>", 0, ESP_BETTER_HIGHER),
    ESP_METRIC_ROW("weight", "<!--<script>", 0, ESP_BETTER_LOWER),
};

static esp_estimator_info info = {.struct_size = sizeof info,
                                  .metrics = hostile_metrics,
                                  .metric_count = ESP_COUNT(hostile_metrics),
                                  .metric_stride = sizeof hostile_metrics[0]};

static esp_status hostile_create(esp_create *create, void **out)
{
    (void)create;
    *out = malloc(1);
    return *out ? ESP_OK : ESP_ERROR_MEMORY;
}

static const esp_estimator_info *hostile_info(void *self)
{
    (void)self;
    return &info;
}

static esp_status hostile_evaluate(void *self, esp_evaluation *e)
{
    (void)self;
    uint64_t hash = esp_arch_hash(esp_evaluation_arch(e));
    // U+2028 ends a line in scripts, and is none in JSON.
    if (hash % 3 == 0)
        return esp_fail(e, ESP_ERROR, MARKUP " \xe2\x80\xa8 and \xe2\x80\xa9 end");
    for (int step = 1; step <= 3; step++) {
        esp_measurement row = ESP_MEASUREMENT("score", (double)(hash % 97) / (100.0 + step));
        esp_evaluation_progress(e, step, &row, 1);
    }
    esp_evaluation_metric(e, "weight", (double)(hash % 89));
    return esp_evaluation_metric(e, "score", (double)(hash % 97) / 100.0);
}

static void hostile_describe(esp_estimator_type *out)
{
    out->summary = MARKUP;
    out->create = hostile_create;
    out->destroy = free;
    out->describe = hostile_info;
    out->evaluate = hostile_evaluate;
}

ESP_PLUGIN("0.1.0", ESP_ESTIMATOR("hostile", hostile_describe))
