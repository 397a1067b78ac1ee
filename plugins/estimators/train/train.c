// SPDX-License-Identifier: Apache-2.0
// The estimator `train`: a network is trained on the training split and judged on the validation
// split. This file describes it; training.c trains.
#include "train.h"

#include <stdbool.h>
#include <stdlib.h>

static const char *const optimizer_names[] = {"sgd", "adamw"};
static const char *const schedule_names[] = {"cosine", "step", "constant"};

static const esp_param train_params[] = {
    ESP_PARAM_INT("epochs", 10, 1, 100000, "epochs", "passes over the training data"),
    ESP_PARAM_INT("batch", 64, 2, 65536, "samples", "samples of one step"),
    ESP_PARAM_INT("eval_batch", 0, 0, 65536, "samples",
                  "samples computed at once in validation; 0 = batch"),
    ESP_PARAM_CHOICE("optimizer", "sgd", optimizer_names, "SGD with momentum, or AdamW"),
    ESP_PARAM_REAL_LOG("learning_rate", 0.05, 1e-9, 1e3, "", "the largest learning rate"),
    ESP_PARAM_REAL("momentum", 0.9, 0, 0.9999, "", "of SGD"),
    ESP_PARAM_BOOL("nesterov", 1, "Nesterov's form of the momentum"),
    ESP_PARAM_REAL("weight_decay", 5e-4, 0, 10, "", "L2 in SGD, decoupled in AdamW"),
    ESP_PARAM_REAL("beta1", 0.9, 0, 0.999999, "", "of AdamW"),
    ESP_PARAM_REAL("beta2", 0.999, 0, 0.999999, "", "of AdamW"),
    ESP_PARAM_REAL_LOG("epsilon", 1e-8, 1e-16, 1, "", "of AdamW"),
    ESP_PARAM_CHOICE("schedule", "cosine", schedule_names, "how the learning rate falls"),
    ESP_PARAM_REAL("warmup", 0, 0, 100000, "epochs", "epochs in which the learning rate rises"),
    ESP_PARAM_REAL("step_size", 10, 0.001, 100000, "epochs",
                   "epochs between steps of the schedule"),
    ESP_PARAM_REAL("step_gamma", 0.1, 0, 1, "", "factor of each step"),
    ESP_PARAM_REAL("label_smoothing", 0, 0, 0.99, "",
                   "share of the target spread over all classes"),
    ESP_PARAM_REAL("auxiliary_weight", 0.4, 0, 10, "",
                   "of auxiliary heads in the loss; 0 = they are left out"),
    ESP_PARAM_BOOL("flip", 0, "flip images left to right, half of the time"),
    ESP_PARAM_INT("crop", 0, 0, 1024, "pixels", "shift images by up to so much; 0 = off"),
    ESP_PARAM_INT("cutout", 0, 0, 1024, "pixels", "side of a square that is cut out; 0 = off"),
    ESP_PARAM_INT("checkpoint_every", 0, 0, 100000, "epochs",
                  "a checkpoint each so many epochs, which a repeated attempt takes up; 0 = at the "
                  "end alone"),
};

static const esp_metric train_metrics[] = {
    ESP_METRIC_ROW("valid_accuracy", "", 0, ESP_BETTER_HIGHER),
    ESP_METRIC_ROW("valid_loss", "", 0, ESP_BETTER_LOWER),
    ESP_METRIC_ROW("train_accuracy", "", 0, ESP_BETTER_HIGHER),
    ESP_METRIC_ROW("train_loss", "", 0, ESP_BETTER_LOWER),
    ESP_METRIC_ROW("best_valid_accuracy", "", 0, ESP_BETTER_HIGHER),
    ESP_METRIC_ROW("best_valid_loss", "", 0, ESP_BETTER_LOWER),
    ESP_METRIC_ROW("cost", "epochs", 0, ESP_BETTER_LOWER),
    ESP_METRIC_ROW("train_seconds", "seconds", ESP_METRIC_MEASURED, ESP_BETTER_LOWER),
};

static const esp_fidelity_range train_fidelities[] = {
    {sizeof(esp_fidelity_range), "epochs", 1, 100000},
};

static void read_optimizer(struct train *train, esp_create *create)
{
    esp_optimizer *optimizer = &train->optimizer;
    optimizer->struct_size = sizeof *optimizer;
    optimizer->kind = esp_param_int(create, "optimizer") == 0 ? (uint32_t)ESP_OPTIMIZER_SGD
                                                              : (uint32_t)ESP_OPTIMIZER_ADAMW;
    optimizer->nesterov = (uint32_t)esp_param_int(create, "nesterov");
    optimizer->momentum = esp_param_real(create, "momentum");
    optimizer->weight_decay = esp_param_real(create, "weight_decay");
    optimizer->beta1 = esp_param_real(create, "beta1");
    optimizer->beta2 = esp_param_real(create, "beta2");
    optimizer->epsilon = esp_param_real(create, "epsilon");
}

static void read_schedule(struct train *train, esp_create *create)
{
    train->schedule.kind = (enum schedule_kind)esp_param_int(create, "schedule");
    train->schedule.rate = esp_param_real(create, "learning_rate");
    train->schedule.warmup = esp_param_real(create, "warmup");
    train->schedule.step_size = esp_param_real(create, "step_size");
    train->schedule.step_gamma = esp_param_real(create, "step_gamma");
}

static esp_status train_create(esp_create *create, void **out)
{
    struct train *train = calloc(1, sizeof *train);
    if (!train)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    train->task = *esp_create_task(create);
    train->epochs = esp_param_int(create, "epochs");
    train->batch = esp_param_int(create, "batch");
    train->eval_batch = esp_param_int(create, "eval_batch");
    if (train->eval_batch == 0)
        train->eval_batch = train->batch;
    train->label_smoothing = esp_param_real(create, "label_smoothing");
    train->auxiliary_weight = esp_param_real(create, "auxiliary_weight");
    train->augmentation.flip = (int)esp_param_int(create, "flip");
    train->augmentation.crop = esp_param_int(create, "crop");
    train->augmentation.cutout = esp_param_int(create, "cutout");
    train->checkpoint_every = esp_param_int(create, "checkpoint_every");
    read_optimizer(train, create);
    read_schedule(train, create);
    train->info.struct_size = sizeof train->info;
    train->info.metrics = train_metrics;
    train->info.metric_count = ESP_COUNT(train_metrics);
    train->info.metric_stride = sizeof train_metrics[0];
    train->info.fidelities = train_fidelities;
    train->info.fidelity_count = ESP_COUNT(train_fidelities);
    train->info.fidelity_stride = sizeof train_fidelities[0];
    bool augmented =
        train->augmentation.flip || train->augmentation.crop > 0 || train->augmentation.cutout > 0;
    if (augmented && train->task.kind != ESP_TASK_IMAGES) {
        free(train);
        return esp_fail(create, ESP_ERROR_INVALID,
                        "flip, crop and cutout are for images, and the dataset has rows");
    }
    *out = train;
    return ESP_OK;
}

static void train_destroy(void *self)
{
    free(self);
}

static const esp_estimator_info *train_info(void *self)
{
    return &((struct train *)self)->info;
}

static esp_status train_evaluate(void *self, esp_evaluation *e)
{
    return training_run(self, e, 0, 0);
}

static esp_status train_final(void *self, esp_evaluation *e, uint32_t test)
{
    return training_run(self, e, 1, test);
}

static const void *train_ability(const char *id)
{
    static const esp_estimator_continuation continuation = {sizeof(esp_estimator_continuation),
                                                            "epochs"};
    static const esp_estimator_final final = {sizeof(esp_estimator_final), train_final};
    if (strcmp(id, ESP_ESTIMATOR_CONTINUATION) == 0)
        return &continuation;
    return strcmp(id, ESP_ESTIMATOR_FINAL) == 0 ? &final : NULL;
}

static void train_describe(esp_estimator_type *out)
{
    out->summary = "training on the training split, judged on the validation split";
    ESP_SET_PARAMS(out, train_params);
    out->create = train_create;
    out->destroy = train_destroy;
    out->describe = train_info;
    out->evaluate = train_evaluate;
    out->ability = train_ability;
}

ESP_PLUGIN("0.1.0", ESP_ESTIMATOR("train", train_describe))
