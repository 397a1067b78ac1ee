// SPDX-License-Identifier: Apache-2.0
// One training: epochs of steps, validation after each, weights and checkpoints. Every stream is named
// by its purpose and counted by epoch and step, and everything that passes from one epoch to the next
// is in the checkpoint; so 3 epochs continued by 6 give the bits of 9 in one go.
#include "train.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct score {
    double loss, accuracy;
};

struct training {
    const struct train *train;
    esp_evaluation *e;
    esp_program *program;
    uint64_t train_size, valid_size;
    uint64_t epoch; // epochs done
    uint64_t optimizer_steps;
    uint64_t images; // seen since the lineage began
    struct schedule schedule;
    struct score training_score, valid, best;
    uint64_t best_epoch; // epochs done then; 0 = none
    uint64_t elements;   // of a sample
    uint64_t largest;    // batch
    uint64_t outputs;    // that training computes: the logits, then auxiliary heads
    uint64_t *order;
    uint64_t *indices;
    float *samples, *plane;
    float *gradients; // of each output, [largest, classes]
    esp_output_gradient *given;
    uint32_t *labels;
};

static esp_status allocate(struct training *t)
{
    const struct train *train = t->train;
    t->elements = train->task.channels * train->task.height * train->task.width;
    t->largest = (uint64_t)(train->batch > train->eval_batch ? train->batch : train->eval_batch);
    t->order = malloc((t->train_size + 1) * sizeof *t->order);
    t->indices = malloc(t->largest * sizeof *t->indices);
    t->samples = malloc(t->largest * t->elements * sizeof *t->samples);
    t->gradients = malloc(t->outputs * t->largest * train->task.classes * sizeof *t->gradients);
    t->given = malloc(t->outputs * sizeof *t->given);
    t->plane = malloc(train->task.height * train->task.width * sizeof *t->plane);
    t->labels = malloc(t->largest * sizeof *t->labels);
    return t->order && t->indices && t->samples && t->gradients && t->given && t->plane && t->labels
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
}

// Computes the network on what lies in `samples`. Auxiliary heads are for training alone.
static esp_status forward(struct training *t, uint64_t count, uint32_t training, esp_random random)
{
    double progress = t->schedule.horizon > 0 ? (double)t->epoch / t->schedule.horizon : 1.0;
    const esp_task *task = &t->train->task;
    esp_tensor input;
    input.data = t->samples;
    input.shape.rank = task->kind == ESP_TASK_IMAGES ? 4 : 2;
    input.shape.dims[0] = (int64_t)count;
    input.shape.dims[1] = (int64_t)task->channels;
    input.shape.dims[2] = (int64_t)task->height;
    input.shape.dims[3] = (int64_t)task->width;
    esp_forward pass = {.struct_size = sizeof pass,
                        .inputs = &input,
                        .input_count = 1,
                        .batch = count,
                        .training = training,
                        .random = random,
                        .progress = progress < 1.0 ? progress : 1.0,
                        .output_count = training ? t->outputs : 1};
    return esp_program_forward(t->program, &pass);
}

// ---- Judging ----------------------------------------------------------------------------------

static esp_status judge(struct training *t, uint32_t split, uint64_t size, struct score *out)
{
    uint64_t hits = 0, step = (uint64_t)t->train->eval_batch;
    double loss = 0.0;
    esp_random none = esp_evaluation_random(t->e, "none", 0, 0);
    for (uint64_t first = 0; first < size; first += step) {
        uint64_t count = size - first < step ? size - first : step, correct;
        double mean;
        esp_tensor logits;
        for (uint64_t i = 0; i < count; i++)
            t->indices[i] = first + i;
        esp_status status =
            esp_evaluation_read(t->e, split, t->indices, count, t->samples, t->labels);
        if (status == ESP_OK)
            status = forward(t, count, 0, none);
        if (status == ESP_OK)
            status = esp_program_tensor(t->program, ESP_TENSOR_OUTPUT, "0", &logits);
        if (status == ESP_OK)
            status = esp_cross_entropy(t->program, &logits, t->labels, 0.0, NULL, &mean, &correct);
        if (status != ESP_OK)
            return status;
        loss += mean * (double)count;
        hits += correct;
    }
    out->loss = size ? loss / (double)size : 0.0;
    out->accuracy = size ? (double)hits / (double)size : 0.0;
    return ESP_OK;
}

// ---- Training ---------------------------------------------------------------------------------

static void augment(struct training *t, uint64_t count, uint64_t step)
{
    const struct train *train = t->train;
    const struct augmentation *a = &train->augmentation;
    if (!a->flip && a->crop == 0 && a->cutout == 0)
        return;
    esp_random random = esp_evaluation_random(t->e, "augment", t->epoch, step);
    int64_t height = (int64_t)train->task.height, width = (int64_t)train->task.width;
    for (uint64_t i = 0; i < count; i++) {
        struct change change = change_draw(a, &random, height, width);
        change_apply(a, change, t->samples + i * t->elements, (int64_t)train->task.channels, height,
                     width, t->plane);
    }
}

// The loss of one output and its gradient, those of an auxiliary head times its weight.
static esp_status output_loss(struct training *t, uint64_t output, double *loss, uint64_t *correct)
{
    double weight = output == 0 ? 1.0 : t->train->auxiliary_weight;
    uint64_t classes = t->train->task.classes;
    float *gradient = t->gradients + output * t->largest * classes;
    esp_tensor logits;
    char name[24];
    snprintf(name, sizeof name, "%llu", (unsigned long long)output);
    t->given[output] = (esp_output_gradient){sizeof t->given[0], output, gradient};
    esp_status status = esp_program_tensor(t->program, ESP_TENSOR_OUTPUT, name, &logits);
    if (status == ESP_OK)
        status = esp_cross_entropy(t->program, &logits, t->labels, t->train->label_smoothing,
                                   gradient, loss, correct);
    if (status != ESP_OK || output == 0)
        return status;
    for (uint64_t i = 0; i < (uint64_t)logits.shape.dims[0] * classes; i++)
        gradient[i] *= (float)weight;
    *loss *= weight;
    return ESP_OK;
}

// The sum over outputs, and how many samples the first one has right.
static esp_status whole_loss(struct training *t, double *loss, uint64_t *correct)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < t->outputs; i++) {
        double part = 0.0;
        status = output_loss(t, i, &part, i == 0 ? correct : NULL);
        *loss += part;
    }
    return status;
}

static esp_status train_step(struct training *t, uint64_t first, uint64_t count, uint64_t step,
                             uint64_t steps, double *loss, uint64_t *correct)
{
    esp_optimizer optimizer = t->train->optimizer;
    esp_status status =
        esp_evaluation_read(t->e, ESP_SPLIT_TRAIN, t->order + first, count, t->samples, t->labels);
    if (status != ESP_OK)
        return status;
    augment(t, count, step);
    status = forward(t, count, 1, esp_evaluation_random(t->e, "dropout", t->epoch, step));
    if (status == ESP_OK)
        status = whole_loss(t, loss, correct);
    if (status == ESP_OK && !isfinite(*loss))
        status =
            esp_fail(t->e, ESP_ERROR, "training diverged at epoch %llu, step %llu: the loss is %s",
                     (unsigned long long)t->epoch + 1, (unsigned long long)step + 1,
                     isnan(*loss) ? "nan" : "infinite");
    if (status == ESP_OK)
        status = esp_program_backward(t->program, t->given, t->outputs);
    optimizer.learning_rate =
        schedule_rate(&t->schedule, (double)t->epoch + (double)step / (double)steps);
    optimizer.step = ++t->optimizer_steps;
    return status == ESP_OK ? esp_program_apply(t->program, &optimizer) : status;
}

static esp_status train_epoch(struct training *t)
{
    uint64_t batch = (uint64_t)t->train->batch, steps = (t->train_size + batch - 1) / batch;
    uint64_t hits = 0, seen = 0;
    double loss = 0.0;
    esp_random random = esp_evaluation_random(t->e, "shuffle", t->epoch, 0);
    esp_random_permutation(&random, t->order, t->train_size);
    for (uint64_t step = 0; step < steps; step++) {
        uint64_t first = step * batch, correct = 0;
        uint64_t count = t->train_size - first < batch ? t->train_size - first : batch;
        double mean = 0.0;
        // A single sample has no batch statistics.
        if (count < 2 && steps > 1)
            break;
        esp_status status = train_step(t, first, count, step, steps, &mean, &correct);
        if (status != ESP_OK)
            return status;
        loss += mean * (double)count;
        hits += correct;
        seen += count;
    }
    t->images += seen;
    t->training_score.loss = loss / (double)seen;
    t->training_score.accuracy = (double)hits / (double)seen;
    t->epoch++;
    return ESP_OK;
}

// ---- What passes from one epoch, or attempt, to the next --------------------------------------

static esp_status save_checkpoint(struct training *t)
{
    const esp_named_number numbers[] = {
        {sizeof(esp_named_number), "epoch", (double)t->epoch},
        {sizeof(esp_named_number), "optimizer_steps", (double)t->optimizer_steps},
        {sizeof(esp_named_number), "images", (double)t->images},
        {sizeof(esp_named_number), "train_loss", t->training_score.loss},
        {sizeof(esp_named_number), "train_accuracy", t->training_score.accuracy},
        {sizeof(esp_named_number), "valid_loss", t->valid.loss},
        {sizeof(esp_named_number), "valid_accuracy", t->valid.accuracy},
        {sizeof(esp_named_number), "best_loss", t->best.loss},
        {sizeof(esp_named_number), "best_accuracy", t->best.accuracy},
        {sizeof(esp_named_number), "best_epoch", (double)t->best_epoch},
    };
    esp_checkpoint checkpoint = {.struct_size = sizeof checkpoint,
                                 .program = t->program,
                                 .numbers = numbers,
                                 .number_count = ESP_COUNT(numbers),
                                 .number_stride = sizeof numbers[0]};
    return esp_evaluation_save_checkpoint(t->e, &checkpoint);
}

static esp_status load_checkpoint(struct training *t)
{
    uint32_t found = 0;
    esp_status status = esp_evaluation_load_checkpoint(t->e, t->program, &found);
    if (status != ESP_OK || !found)
        return status;
    t->epoch = (uint64_t)esp_checkpoint_number(t->e, "epoch", 0);
    t->optimizer_steps = (uint64_t)esp_checkpoint_number(t->e, "optimizer_steps", 0);
    t->images = (uint64_t)esp_checkpoint_number(t->e, "images", 0);
    t->training_score.loss = esp_checkpoint_number(t->e, "train_loss", 0);
    t->training_score.accuracy = esp_checkpoint_number(t->e, "train_accuracy", 0);
    t->valid.loss = esp_checkpoint_number(t->e, "valid_loss", 0);
    t->valid.accuracy = esp_checkpoint_number(t->e, "valid_accuracy", 0);
    t->best.loss = esp_checkpoint_number(t->e, "best_loss", 0);
    t->best.accuracy = esp_checkpoint_number(t->e, "best_accuracy", 0);
    t->best_epoch = (uint64_t)esp_checkpoint_number(t->e, "best_epoch", 0);
    if (t->epoch > (uint64_t)t->train->epochs)
        return esp_fail(t->e, ESP_ERROR_INVALID,
                        "the checkpoint has %llu epochs, and %lld are asked for",
                        (unsigned long long)t->epoch, (long long)t->train->epochs);
    return ESP_OK;
}

static esp_status keep_best(struct training *t)
{
    if (t->best_epoch > 0 && t->valid.accuracy <= t->best.accuracy)
        return ESP_OK;
    t->best = t->valid;
    t->best_epoch = t->epoch;
    return esp_evaluation_wants_files(t->e)
               ? esp_evaluation_save_weights(t->e, t->program, ESP_WEIGHTS_BEST)
               : ESP_OK;
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
        status = save_checkpoint(t);
    return status;
}

static esp_status report(struct training *t, uint32_t final, uint32_t test)
{
    esp_status status = esp_evaluation_metric(t->e, "train_loss", t->training_score.loss);
    struct score tested;
    uint64_t size = 0;
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
    if (status != ESP_OK || !test)
        return status;
    status = esp_evaluation_data_size(t->e, ESP_SPLIT_TEST, &size);
    if (status == ESP_OK && size == 0)
        return esp_fail(t->e, ESP_ERROR_UNSUPPORTED, "the dataset has no test split");
    if (status == ESP_OK)
        status = judge(t, ESP_SPLIT_TEST, size, &tested);
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

static esp_status prepare(struct training *t, uint32_t final)
{
    esp_status status = esp_evaluation_data_size(t->e, ESP_SPLIT_TRAIN, &t->train_size);
    if (status == ESP_OK && !final)
        status = esp_evaluation_data_size(t->e, ESP_SPLIT_VALID, &t->valid_size);
    if (status == ESP_OK && !final && t->valid_size == 0)
        status = esp_fail(t->e, ESP_ERROR_INVALID,
                          "there is no validation split ([dataset] valid_fraction cuts one)");
    if (status == ESP_OK)
        status = check_outputs(t);
    if (status == ESP_OK)
        status = allocate(t);
    if (status != ESP_OK)
        return status;
    esp_compile_options options = {
        .struct_size = sizeof options, .batch = t->largest, .training = 1};
    status = esp_evaluation_compile(t->e, &options, &t->program);
    return status == ESP_OK ? load_checkpoint(t) : status;
}

esp_status training_run(const struct train *train, esp_evaluation *e, uint32_t final, uint32_t test)
{
    struct training t = {.train = train, .e = e, .schedule = train->schedule};
    uint32_t stop = 0;
    t.schedule.horizon = esp_evaluation_horizon(e, "epochs", (double)train->epochs);
    esp_status status = prepare(&t, final);
    while (status == ESP_OK && !stop && t.epoch < (uint64_t)train->epochs) {
        status = train_epoch(&t);
        if (status == ESP_OK && !final)
            status = judge(&t, ESP_SPLIT_VALID, t.valid_size, &t.valid);
        if (status == ESP_OK)
            status = after_epoch(&t, final, &stop);
    }
    if (status == ESP_OK && esp_evaluation_wants_files(e)) {
        status = esp_evaluation_save_weights(e, t.program, ESP_WEIGHTS_LAST);
        if (status == ESP_OK)
            status = save_checkpoint(&t);
    }
    if (status == ESP_OK)
        status = report(&t, final, test);
    release(&t);
    return status;
}
