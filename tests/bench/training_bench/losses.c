// SPDX-License-Identifier: Apache-2.0
// The losses of the first steps beside PyTorch's; see figures.h.
#include "figures.h"
#include "trainee.h"

#include "../stopwatch.h"
#include "support/folder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH 16 // enough to compare, and quick

static FILE *create(const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file) {
        perror(path);
        exit(1);
    }
    return file;
}

static void write_floats(FILE *file, const float *data, uint64_t count)
{
    if (fwrite(data, sizeof *data, count, file) != count) {
        perror("write");
        exit(1);
    }
}

static esp_status write_weight(struct program *program, const esp_weight *weight, void *self)
{
    float *data = NULL;
    if (weight->role != ESP_WEIGHT_TRAINED)
        return ESP_OK;
    esp_status status = program_weight(program, ESP_TENSOR_WEIGHT, weight, &data);
    if (status == ESP_OK)
        write_floats(self, data, esp_shape_size(&weight->shape));
    return status;
}

static void draw_samples(struct trainee *t, int step, FILE *images, FILE *labels)
{
    esp_random random = esp_random_stream(7, 0, (uint64_t)step, 0, 0);
    uint64_t elements = esp_shape_size(&t->input.shape);
    for (uint64_t i = 0; i < elements; i++)
        t->input.data[i] = (float)esp_random_normal(&random);
    write_floats(images, t->input.data, elements);
    for (uint64_t i = 0; i < t->batch; i++) {
        t->labels[i] = (uint32_t)(esp_random_real(&random) * (double)t->outputs);
        write_floats(labels, &(float){(float)t->labels[i]}, 1);
    }
}

double losses_compare(struct stand *stand, const struct network *network, struct torch *torch,
                      double rate)
{
    double ours[LOSS_STEPS], theirs[LOSS_STEPS], worst = 0.0;
    struct trainee t;
    struct error error;
    char *folder = folder_temporary();
    FILE *weights = create(folder, "weights"), *images = create(folder, "images"),
         *labels = create(folder, "labels");
    error_clear(&error);
    trainee_open(&t, stand->engine, stand->handle, BATCH, false);
    t.learning_rate = rate;
    need(program_each_weight(t.program, write_weight, weights), &error);
    for (int i = 0; i < LOSS_STEPS; i++) {
        draw_samples(&t, i, images, labels);
        ours[i] = trainee_step(&t);
    }
    fclose(weights);
    fclose(images);
    fclose(labels);
    torch_network(torch, network->name, BATCH, "nchw");
    torch_losses(torch, folder, LOSS_STEPS, rate, theirs);
    for (int i = 0; i < LOSS_STEPS; i++)
        worst = fmax(worst, fabs(ours[i] - theirs[i]) / fabs(theirs[i]));
    trainee_close(&t);
    folder_delete(folder);
    return worst;
}
