// SPDX-License-Identifier: Apache-2.0
// The estimator `train`: a network is trained on the training split and judged on the validation
// split. This file describes it; training.c trains.
#include "train.h"

#include <stdlib.h>

static const char *const optimizer_names[] = {"sgd", "adam", "adamw"};
static const uint32_t optimizers[] = {ESP_OPTIMIZER_SGD, ESP_OPTIMIZER_ADAM, ESP_OPTIMIZER_ADAMW};
// In the order of enum schedule_kind.
static const char *const schedule_names[] = {"cosine", "step", "constant", "linear",
                                             "cosine_restarts"};
static const char *const loss_names[] = {"cross_entropy", "mean_squared_error"};
static const uint32_t losses[] = {ESP_LOSS_CROSS_ENTROPY, ESP_LOSS_SQUARED_ERROR};
static const char *const initialiser_names[] = {
    "default", "kaiming_normal", "kaiming_uniform", "xavier_normal", "xavier_uniform", "zeros"};
static const uint32_t initialisers[] = {0, // of no meaning: the operators' own
                                        ESP_INIT_KAIMING_NORMAL,
                                        ESP_INIT_HE_UNIFORM,
                                        ESP_INIT_XAVIER_NORMAL,
                                        ESP_INIT_XAVIER_UNIFORM,
                                        ESP_INIT_ZEROS};

static const esp_param train_params[] = {
    ESP_PARAM_INT("epochs", 10, 1, 100000, "epochs", "passes over the training data"),
    ESP_PARAM_INT("batch", 64, 1, 65536, "samples", "samples of one step"),
    ESP_PARAM_INT("eval_batch", 0, 0, 65536, "samples",
                  "samples computed at once in validation; 0 = batch"),
    ESP_PARAM_CHOICE("optimizer", "sgd", optimizer_names, "SGD with momentum, Adam, or AdamW"),
    ESP_PARAM_REAL_LOG("learning_rate", 0.05, 1e-9, 1e3, "", "the largest learning rate"),
    ESP_PARAM_REAL("momentum", 0.9, 0, 0.9999, "", "of SGD"),
    ESP_PARAM_BOOL("nesterov", 1, "Nesterov's form of the momentum"),
    ESP_PARAM_REAL("weight_decay", 5e-4, 0, 10, "", "L2 in SGD and Adam, decoupled in AdamW"),
    ESP_PARAM_REAL("beta1", 0.9, 0, 0.999999, "", "of Adam and AdamW"),
    ESP_PARAM_REAL("beta2", 0.999, 0, 0.999999, "", "of Adam and AdamW"),
    ESP_PARAM_REAL_LOG("epsilon", 1e-8, 1e-16, 1, "", "of Adam and AdamW"),
    ESP_PARAM_CHOICE("schedule", "cosine", schedule_names, "how the learning rate falls"),
    ESP_PARAM_REAL("warmup", 0, 0, 100000, "epochs", "epochs in which the learning rate rises"),
    ESP_PARAM_REAL("step_size", 10, 0.001, 100000, "epochs",
                   "epochs between steps of the schedule"),
    ESP_PARAM_REAL("step_gamma", 0.1, 0, 1, "", "factor of each step"),
    ESP_PARAM_REAL("restart_period", 10, 0.001, 100000, "epochs",
                   "the first period of cosine_restarts"),
    ESP_PARAM_INT("restart_factor", 2, 1, 100, "",
                  "each further period is so many times as long as the one before"),
    ESP_PARAM_REAL("clip_norm", 0, 0, 1e6, "",
                   "largest global norm of the gradients; 0 = they are not scaled"),
    ESP_PARAM_REAL("clip_value", 0, 0, 1e6, "",
                   "largest size of a gradient's element, before clip_norm; 0 = any"),
    ESP_PARAM_REAL("ema_decay", 0, 0, 0.999999, "",
                   "of the moving average of weights, which is judged and saved; 0 = none"),
    ESP_PARAM_BOOL("ema_ramp", 1, "the decay is at most (1 + steps) / (10 + steps)"),
    ESP_PARAM_CHOICE("initialiser", "default", initialiser_names,
                     "how weights that are drawn begin; default = as each operator says"),
    ESP_PARAM_CHOICE("loss", "cross_entropy", loss_names,
                     "of the logits; mean_squared_error: with one-hot targets"),
    ESP_PARAM_TEXT("class_weights", "none",
                   "in the training loss: none, balanced (by the training split's counts), or a "
                   "number for each class"),
    ESP_PARAM_REAL("label_smoothing", 0, 0, 0.99, "",
                   "share of the target spread over all classes"),
    ESP_PARAM_REAL("auxiliary_weight", 0.4, 0, 10, "",
                   "of auxiliary heads in the loss; 0 = they are left out"),
    ESP_PARAM_BOOL("flip", 0, "flip images left to right, half of the time"),
    ESP_PARAM_INT("crop", 0, 0, 1024, "pixels", "shift images by up to so much; 0 = off"),
    ESP_PARAM_INT("cutout", 0, 0, 1024, "pixels", "side of a square that is cut out; 0 = off"),
    ESP_PARAM_BOOL("latency", 0, "measure latency_ms; done anyway where [objective] names it"),
    ESP_PARAM_INT("latency_batch", 1, 1, 65536, "samples", "of a forward pass that is measured"),
    ESP_PARAM_INT("latency_repetitions", 50, 1, 100000, "",
                  "passes that are measured, of which the median counts"),
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
    // The last one: declared where it is measured.
    ESP_METRIC_ROW("latency_ms", "milliseconds", ESP_METRIC_MEASURED, ESP_BETTER_LOWER),
};

static const esp_fidelity_range train_fidelities[] = {
    {sizeof(esp_fidelity_range), "epochs", 1, 100000},
};

static void read_optimizer(struct train *train, esp_create *create)
{
    esp_optimizer *optimizer = &train->optimizer;
    optimizer->struct_size = sizeof *optimizer;
    optimizer->kind = optimizers[esp_param_int(create, "optimizer")];
    optimizer->nesterov = (uint32_t)esp_param_int(create, "nesterov");
    optimizer->momentum = esp_param_real(create, "momentum");
    optimizer->weight_decay = esp_param_real(create, "weight_decay");
    optimizer->beta1 = esp_param_real(create, "beta1");
    optimizer->beta2 = esp_param_real(create, "beta2");
    optimizer->epsilon = esp_param_real(create, "epsilon");
    train->clip_norm = esp_param_real(create, "clip_norm");
    train->clip_value = esp_param_real(create, "clip_value");
    train->ema_decay = esp_param_real(create, "ema_decay");
    train->ema_ramp = (int)esp_param_int(create, "ema_ramp");
    train->set_init = esp_param_int(create, "initialiser") > 0;
    train->init = initialisers[esp_param_int(create, "initialiser")];
}

static void read_schedule(struct train *train, esp_create *create)
{
    train->schedule.kind = (enum schedule_kind)esp_param_int(create, "schedule");
    train->schedule.rate = esp_param_real(create, "learning_rate");
    train->schedule.warmup = esp_param_real(create, "warmup");
    train->schedule.step_size = esp_param_real(create, "step_size");
    train->schedule.step_gamma = esp_param_real(create, "step_gamma");
    train->schedule.restart_period = esp_param_real(create, "restart_period");
    train->schedule.restart_factor = esp_param_int(create, "restart_factor");
}

static void read_latency(struct train *train, esp_create *create)
{
    train->measures_latency =
        esp_param_int(create, "latency") || esp_create_wants_metric(create, "latency_ms");
    train->latency =
        (esp_latency){.struct_size = sizeof train->latency,
                      .batch = (uint64_t)esp_param_int(create, "latency_batch"),
                      .repetitions = (uint64_t)esp_param_int(create, "latency_repetitions")};
}

static esp_status check_augmentation(const struct train *train, esp_create *create)
{
    const struct augmentation *a = &train->augmentation;
    if (train->task.kind == ESP_TASK_IMAGES || (!a->flip && a->crop == 0 && a->cutout == 0))
        return ESP_OK;
    return esp_fail(create, ESP_ERROR_INVALID,
                    "flip, crop and cutout are for images, and the dataset has rows");
}

static void train_destroy(void *self)
{
    struct train *train = self;
    class_weights_free(&train->class_weights);
    free(train);
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
    train->loss = losses[esp_param_int(create, "loss")];
    train->label_smoothing = esp_param_real(create, "label_smoothing");
    train->auxiliary_weight = esp_param_real(create, "auxiliary_weight");
    train->augmentation.flip = (int)esp_param_int(create, "flip");
    train->augmentation.crop = esp_param_int(create, "crop");
    train->augmentation.cutout = esp_param_int(create, "cutout");
    train->checkpoint_every = esp_param_int(create, "checkpoint_every");
    read_optimizer(train, create);
    read_schedule(train, create);
    read_latency(train, create);
    train->info.struct_size = sizeof train->info;
    train->info.metrics = train_metrics;
    train->info.metric_count = ESP_COUNT(train_metrics) - (train->measures_latency ? 0 : 1);
    train->info.metric_stride = sizeof train_metrics[0];
    train->info.fidelities = train_fidelities;
    train->info.fidelity_count = ESP_COUNT(train_fidelities);
    train->info.fidelity_stride = sizeof train_fidelities[0];
    esp_status status = check_augmentation(train, create);
    if (status == ESP_OK)
        status = class_weights_read(&train->class_weights, create, train->task.classes);
    if (status != ESP_OK) {
        train_destroy(train);
        return status;
    }
    *out = train;
    return ESP_OK;
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
