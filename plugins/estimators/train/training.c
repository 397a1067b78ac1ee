// SPDX-License-Identifier: Apache-2.0
// One training: epochs of steps, validation after each, weights and checkpoints. Every stream is named
// by its purpose and counted by epoch and step, and everything that passes from one epoch to the next
// is in the checkpoint; so 3 epochs continued by 6 give the bits of 9 in one go.
#include "training.h"

#include <stdbool.h>
#include <stdlib.h>

static uint64_t at_most(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// Of training and judging: no larger than there are samples, whatever the parameters say.
static uint64_t largest_batch(const struct training *t)
{
    uint64_t judged = t->valid_size > t->test_size ? t->valid_size : t->test_size;
    uint64_t batch = at_most((uint64_t)t->train->batch, t->train_size);
    uint64_t judging = at_most((uint64_t)t->train->eval_batch, judged);
    return batch > judging ? batch : judging;
}

static esp_status allocate(struct training *t)
{
    const struct train *train = t->train;
    t->elements = train->task.channels * train->task.height * train->task.width;
    t->largest = largest_batch(t);
    t->order = malloc((t->train_size + 1) * sizeof *t->order);
    t->indices = malloc(t->largest * sizeof *t->indices);
    t->samples = malloc(t->largest * t->elements * sizeof *t->samples);
    t->gradients = malloc(t->outputs * t->largest * train->task.classes * sizeof *t->gradients);
    t->given = malloc(t->outputs * sizeof *t->given);
    t->plane = malloc(train->task.height * train->task.width * sizeof *t->plane);
    t->labels = malloc(t->largest * sizeof *t->labels);
    t->class_weights = malloc(train->task.classes * sizeof *t->class_weights);
    return t->order && t->indices && t->samples && t->gradients && t->given && t->plane &&
                   t->labels && t->class_weights
               ? ESP_OK
               : esp_fail(t->e, ESP_ERROR_MEMORY, "out of memory");
}

static void release(struct training *t)
{
    free(t->order);
    free(t->indices);
    free(t->samples);
    free(t->gradients);
    free(t->given);
    free(t->plane);
    free(t->labels);
    free(t->class_weights);
    network_close(&t->network);
}

static esp_status keep_best(struct training *t)
{
    if (t->best_epoch > 0 && t->valid.accuracy <= t->best.accuracy)
        return ESP_OK;
    t->best = t->valid;
    t->best_epoch = t->epoch;
    return esp_evaluation_wants_files(t->e) ? training_save_weights(t, ESP_WEIGHTS_BEST) : ESP_OK;
}

static esp_status after_epoch(struct training *t, uint32_t final, uint32_t *stop)
{
    const esp_measurement points[] = {
        ESP_MEASUREMENT("train_loss", t->training_score.loss),
        ESP_MEASUREMENT("train_accuracy", t->training_score.accuracy),
        ESP_MEASUREMENT("valid_loss", t->valid.loss),
        ESP_MEASUREMENT("valid_accuracy", t->valid.accuracy),
    };
    esp_status status = ESP_OK;
    if (!final)
        status = keep_best(t);
    bool due =
        t->train->checkpoint_every > 0 && t->epoch % (uint64_t)t->train->checkpoint_every == 0;
    *stop = esp_evaluation_progress(t->e, (double)t->epoch, points, final ? 2 : 4) == ESP_STOP;
    if (status == ESP_OK && due && t->epoch < (uint64_t)t->train->epochs)
        status = training_save(t);
    return status;
}

// Behind all that is timed: others may be measured meanwhile.
static esp_status report_latency(struct training *t)
{
    double milliseconds;
    esp_status status = esp_evaluation_latency(t->e, &t->train->latency, &milliseconds);
    return status == ESP_OK ? esp_evaluation_metric(t->e, "latency_ms", milliseconds) : status;
}

static esp_status report(struct training *t, uint32_t final, uint32_t test)
{
    esp_status status = esp_evaluation_metric(t->e, "train_loss", t->training_score.loss);
    struct score tested;
    if (status == ESP_OK)
        status = esp_evaluation_metric(t->e, "train_accuracy", t->training_score.accuracy);
    if (status == ESP_OK)
        status = esp_evaluation_metric(t->e, "cost", (double)t->images / (double)t->train_size);
    if (status == ESP_OK)
        status = esp_evaluation_metric(t->e, "train_seconds", esp_evaluation_seconds(t->e));
    if (status == ESP_OK && !final) {
        status = esp_evaluation_metric(t->e, "valid_loss", t->valid.loss);
        if (status == ESP_OK)
            status = esp_evaluation_metric(t->e, "valid_accuracy", t->valid.accuracy);
        if (status == ESP_OK)
            status = esp_evaluation_metric(t->e, "best_valid_loss", t->best.loss);
        if (status == ESP_OK)
            status = esp_evaluation_metric(t->e, "best_valid_accuracy", t->best.accuracy);
    }
    if (status == ESP_OK && !final && t->train->measures_latency)
        status = report_latency(t);
    if (status != ESP_OK || !test)
        return status;
    status = training_judge(t, ESP_SPLIT_TEST, t->test_size, &tested);
    if (status == ESP_OK)
        status = esp_evaluation_metric(t->e, "test_loss", tested.loss);
    return status == ESP_OK ? esp_evaluation_metric(t->e, "test_accuracy", tested.accuracy)
                            : status;
}

// Every output is one of logits: there is nothing else that labels could judge.
static esp_status check_outputs(struct training *t)
{
    const esp_graph *graph;
    esp_status status = esp_evaluation_graph(t->e, &graph);
    if (status != ESP_OK)
        return status;
    uint64_t count = esp_graph_output_count(graph);
    for (uint64_t i = 0; i < count; i++) {
        const esp_graph_node *node = esp_graph_get(graph, esp_graph_output(graph, i));
        if (node->shape.rank != 2 || node->shape.dims[1] != (int64_t)t->train->task.classes)
            return esp_fail(t->e, ESP_ERROR_INVALID,
                            "output %llu of the network, '%s': expected logits [N, %llu]",
                            (unsigned long long)i, node->path,
                            (unsigned long long)t->train->task.classes);
    }
    t->outputs = t->train->auxiliary_weight > 0 ? count : 1;
    return ESP_OK;
}

static esp_status read_sizes(struct training *t, uint32_t final, uint32_t test)
{
    esp_status status = esp_evaluation_data_size(t->e, ESP_SPLIT_TRAIN, &t->train_size);
    if (status == ESP_OK && !final)
        status = esp_evaluation_data_size(t->e, ESP_SPLIT_VALID, &t->valid_size);
    if (status == ESP_OK && test)
        status = esp_evaluation_data_size(t->e, ESP_SPLIT_TEST, &t->test_size);
    if (status == ESP_OK && !final && t->valid_size == 0)
        status = esp_fail(t->e, ESP_ERROR_INVALID,
                          "there is no validation split ([dataset] valid_fraction cuts one)");
    if (status == ESP_OK && test && t->test_size == 0)
        status = esp_fail(t->e, ESP_ERROR_UNSUPPORTED, "the dataset has no test split");
    return status;
}

static esp_status make_loss(struct training *t)
{
    const struct train *train = t->train;
    uint64_t classes = train->task.classes;
    t->loss = (esp_loss){.struct_size = sizeof t->loss,
                         .kind = train->loss,
                         .smoothing = train->label_smoothing,
                         .class_weights = train->class_weights.values};
    if (!train->class_weights.balanced)
        return ESP_OK;
    t->loss.class_weights = t->class_weights;
    return class_weights_balance(t->class_weights, classes, t->e, t->labels, t->indices,
                                 t->largest);
}

static esp_status compile(struct training *t)
{
    const esp_graph *graph;
    esp_compile_options options = {.struct_size = sizeof options,
                                   .batch = t->largest,
                                   .training = 1,
                                   .set_init = t->train->set_init,
                                   .init = t->train->init};
    esp_status status = esp_evaluation_compile(t->e, &options, &t->program);
    if (status == ESP_OK)
        status = esp_evaluation_graph(t->e, &graph);
    return status == ESP_OK ? network_open(&t->network, t->e, graph, t->train->ema_decay > 0)
                            : status;
}

static esp_status prepare(struct training *t, uint32_t final, uint32_t test)
{
    esp_status status = read_sizes(t, final, test);
    if (status == ESP_OK)
        status = check_outputs(t);
    if (status == ESP_OK)
        status = allocate(t);
    if (status == ESP_OK)
        status = make_loss(t);
    if (status == ESP_OK)
        status = compile(t);
    return status == ESP_OK ? training_load(t) : status;
}

esp_status training_run(const struct train *train, esp_evaluation *e, uint32_t final, uint32_t test)
{
    struct training t = {.train = train, .e = e, .schedule = train->schedule};
    uint32_t stop = 0;
    t.schedule.horizon = esp_evaluation_horizon(e, "epochs", (double)train->epochs);
    esp_status status = prepare(&t, final, test);
    while (status == ESP_OK && !stop && t.epoch < (uint64_t)train->epochs) {
        status = training_epoch(&t);
        if (status == ESP_OK && !final)
            status = training_judge(&t, ESP_SPLIT_VALID, t.valid_size, &t.valid);
        if (status == ESP_OK)
            status = after_epoch(&t, final, &stop);
    }
    if (status == ESP_OK && esp_evaluation_wants_files(e)) {
        status = training_save_weights(&t, ESP_WEIGHTS_LAST);
        if (status == ESP_OK)
            status = training_save(&t);
    }
    if (status == ESP_OK)
        status = report(&t, final, test);
    release(&t);
    return status;
}
