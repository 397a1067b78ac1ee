// SPDX-License-Identifier: Apache-2.0
// What a training computes: forward, loss, backward, clipping, a step of the optimizer; and judging.
// A loss or a weight that is not finite ends it.
#include "training.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

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

// Of an epoch.
static uint64_t steps_of(const struct training *t)
{
    uint64_t batch = (uint64_t)t->train->batch;
    return (t->train_size + batch - 1) / batch;
}

static const char *wrong(double value)
{
    return isnan(value) ? "nan" : "infinite";
}

// `step`: of the epoch, from 1.
static esp_status diverged(struct training *t, uint64_t epoch, uint64_t step, const char *what,
                           double value)
{
    return esp_fail(t->e, ESP_ERROR, "diverged at epoch %llu, step %llu: %s is %s",
                    (unsigned long long)epoch, (unsigned long long)step, what, wrong(value));
}

// ---- Judging ----------------------------------------------------------------------------------

static esp_status judge(struct training *t, uint32_t split, uint64_t size, struct score *out)
{
    uint64_t hits = 0, step = (uint64_t)t->train->eval_batch;
    double loss = 0.0;
    esp_loss plain = {.struct_size = sizeof plain, .kind = t->loss.kind};
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
            status =
                esp_program_loss(t->program, &plain, &logits, t->labels, NULL, &mean, &correct);
        if (status != ESP_OK)
            return status;
        loss += mean * (double)count;
        hits += correct;
    }
    out->loss = size ? loss / (double)size : 0.0;
    out->accuracy = size ? (double)hits / (double)size : 0.0;
    return ESP_OK;
}

// The last step made the weights what they are.
static esp_status check_score(struct training *t, const struct score *score)
{
    if (isfinite(score->loss))
        return ESP_OK;
    return diverged(t, t->epoch, steps_of(t), "the loss after it", score->loss);
}

esp_status training_judge(struct training *t, uint32_t split, uint64_t size, struct score *out)
{
    esp_status status = network_exchange(&t->network, t->program);
    if (status == ESP_OK)
        status = judge(t, split, size, out);
    if (status == ESP_OK)
        status = check_score(t, out);
    return status == ESP_OK ? network_exchange(&t->network, t->program) : status;
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
        status =
            esp_program_loss(t->program, &t->loss, &logits, t->labels, gradient, loss, correct);
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

// Between backward and apply.
static esp_status clip(struct training *t)
{
    esp_status status = ESP_OK;
    if (t->train->clip_value > 0)
        status = esp_program_clip_values(t->program, t->train->clip_value);
    if (status == ESP_OK && t->train->clip_norm > 0)
        status = esp_program_clip_norm(t->program, t->train->clip_norm, NULL);
    return status;
}

static esp_status optimize(struct training *t, uint64_t step)
{
    esp_optimizer optimizer = t->train->optimizer;
    double moment = (double)t->epoch + (double)step / (double)steps_of(t);
    optimizer.learning_rate = schedule_rate(&t->schedule, moment);
    optimizer.step = ++t->optimizer_steps;
    return esp_program_apply(t->program, &optimizer);
}

// Running statistics are among the weights.
static esp_status check_weights(struct training *t, uint64_t step)
{
    const struct weight *found;
    char what[512];
    esp_status status = network_finite(&t->network, t->program, &found);
    if (status != ESP_OK || !found)
        return status;
    snprintf(what, sizeof what, "a value of '%s'", found->path);
    return diverged(t, t->epoch + 1, step + 1, what, NAN);
}

static esp_status train_step(struct training *t, uint64_t first, uint64_t count, uint64_t step,
                             double *loss, uint64_t *correct)
{
    esp_status status =
        esp_evaluation_read(t->e, ESP_SPLIT_TRAIN, t->order + first, count, t->samples, t->labels);
    if (status != ESP_OK)
        return status;
    augment(t, count, step);
    status = forward(t, count, 1, esp_evaluation_random(t->e, "dropout", t->epoch, step));
    if (status == ESP_OK)
        status = whole_loss(t, loss, correct);
    if (status == ESP_OK && !isfinite(*loss))
        status = diverged(t, t->epoch + 1, step + 1, "the loss", *loss);
    if (status == ESP_OK)
        status = esp_program_backward(t->program, t->given, t->outputs);
    if (status == ESP_OK)
        status = clip(t);
    if (status == ESP_OK)
        status = optimize(t, step);
    if (status == ESP_OK)
        status = check_weights(t, step);
    if (status == ESP_OK && t->network.averages)
        status = network_average(&t->network, t->program, t->train->ema_decay, t->train->ema_ramp,
                                 t->optimizer_steps);
    return status;
}

esp_status training_epoch(struct training *t)
{
    uint64_t batch = (uint64_t)t->train->batch, steps = steps_of(t);
    uint64_t hits = 0, seen = 0;
    double loss = 0.0;
    esp_random random = esp_evaluation_random(t->e, "shuffle", t->epoch, 0);
    esp_random_permutation(&random, t->order, t->train_size);
    for (uint64_t step = 0; step < steps; step++) {
        uint64_t first = step * batch, correct = 0;
        uint64_t count = t->train_size - first < batch ? t->train_size - first : batch;
        double mean = 0.0;
        // A single sample has no batch statistics; where all batches are of one, that is wanted.
        if (count < 2 && batch > 1 && steps > 1)
            break;
        esp_status status = train_step(t, first, count, step, &mean, &correct);
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
