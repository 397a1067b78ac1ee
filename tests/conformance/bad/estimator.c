// SPDX-License-Identifier: Apache-2.0
// An estimator that breaks one clause of the contract: BAD says which. Otherwise a formula over epochs, with
// checkpoints.
#include <espalier/espalier.h>
#include <stdlib.h>
#include <unistd.h>

static const esp_param params[] = {
    ESP_PARAM_INT("epochs", 4, 1, 100, "epochs", "how many reports"),
};

static const esp_metric metrics[] = {
    ESP_METRIC_ROW("score", "", 0, ESP_BETTER_HIGHER),
    ESP_METRIC_ROW("other", "", 0, ESP_BETTER_HIGHER),
};

struct estimator {
    int64_t epochs;
    uint64_t trials;
    esp_estimator_info info;
    esp_fidelity_range range;
};

static esp_status create(esp_create *c, void **out)
{
    struct estimator *self = (struct estimator *)calloc(1, sizeof *self);
    if (!self)
        return esp_fail(c, ESP_ERROR_MEMORY, "out of memory");
    self->epochs = esp_param_int(c, "epochs");
    self->range.struct_size = sizeof self->range;
    self->range.name = "epochs";
    self->range.least = 1;
    self->range.most = 100;
    self->info.struct_size = sizeof self->info;
    self->info.metrics = metrics;
    self->info.metric_count = BAD_declares ? 0 : ESP_COUNT(metrics);
    self->info.metric_stride = sizeof metrics[0];
    self->info.fidelities = &self->range;
    self->info.fidelity_count = BAD_cheap ? 0 : 1;
    self->info.fidelity_stride = sizeof self->range;
    *out = self;
    return ESP_OK;
}

static const esp_estimator_info *info(void *self)
{
    return &((struct estimator *)self)->info;
}

static esp_status evaluate(void *handle, esp_evaluation *e)
{
    struct estimator *self = (struct estimator *)handle;
    uint32_t found = 0;
    double score = 0;
    int64_t done = 0;
    self->trials++;
    if (BAD_fidelity && self->epochs == 1)
        return esp_fail(e, ESP_ERROR, "one is too few");
    if (BAD_cheap) {
        const esp_graph *graph;
        esp_status status = esp_evaluation_graph(e, &graph);
        if (status != ESP_OK)
            return status;
        return esp_fail(e, ESP_ERROR, "cheap, and not to be had");
    }
#if BAD_memory
    volatile char *memory = (volatile char *)malloc(16);
    memory[0] = 1;
    free((void *)(uintptr_t)memory);
#endif
    esp_status status = esp_evaluation_load_checkpoint(e, NULL, &found);
    if (status != ESP_OK)
        return status;
    if (found && !BAD_continues) {
        done = (int64_t)esp_checkpoint_number(e, "epochs", 0);
        score = esp_checkpoint_number(e, "score", 0);
    }
    if (BAD_continues && esp_evaluation_mode(e) == ESP_MODE_CONTINUE)
        score = 1;
    if (BAD_lost && found && esp_evaluation_mode(e) == ESP_MODE_FRESH)
        score += 1;
    for (; done < self->epochs;) {
        esp_random random = esp_evaluation_random(e, "noise", (uint64_t)done, 0);
        score += esp_random_real(&random);
        if (BAD_same)
            score += (double)self->trials;
        done++;
        esp_named_number numbers[2] = {{sizeof numbers[0], "epochs", (double)done},
                                       {sizeof numbers[0], "score", score}};
        esp_checkpoint checkpoint = {sizeof checkpoint, NULL, NULL, 0, 0, numbers, 2,
                                     sizeof numbers[0]};
        esp_measurement row = ESP_MEASUREMENT("score", score);
        if (esp_evaluation_wants_files(e))
            esp_evaluation_save_checkpoint(e, &checkpoint);
        double step = BAD_progress ? (double)(10 - done) : (double)done;
        if (esp_evaluation_progress(e, step, &row, 1) == ESP_STOP && !BAD_stop)
            break;
    }
    esp_evaluation_metric(e, "score", score);
    return BAD_metrics ? ESP_OK : esp_evaluation_metric(e, "other", 1.0);
}

static esp_status train(void *self, esp_evaluation *e, uint32_t test)
{
    esp_status status = evaluate(self, e);
    if (status == ESP_OK && test && !BAD_final) {
        esp_evaluation_metric(e, "test_loss", 0.5);
        status = esp_evaluation_metric(e, "test_accuracy", 0.5);
    }
    return status;
}

static const void *ability(const char *id)
{
    static const esp_estimator_continuation continuation = {sizeof continuation, "epochs"};
    static const esp_estimator_final final_training = {sizeof final_training, train};
    static const esp_estimator_cheap cheap = {sizeof cheap, 0, 0};
    if (BAD_cheap)
        return strcmp(id, ESP_ESTIMATOR_CHEAP) == 0 ? &cheap : NULL;
    return strcmp(id, ESP_ESTIMATOR_CONTINUATION) == 0 ? (const void *)&continuation
           : strcmp(id, ESP_ESTIMATOR_FINAL) == 0      ? (const void *)&final_training
                                                       : NULL;
}

static void describe(esp_estimator_type *out)
{
    out->summary = "wrong";
    ESP_SET_PARAMS(out, params);
    out->create = create;
    out->destroy = free;
    out->describe = info;
    out->evaluate = evaluate;
    out->ability = ability;
}

ESP_PLUGIN("1.0.0", ESP_ESTIMATOR("bad", describe))
