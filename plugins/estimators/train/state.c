// SPDX-License-Identifier: Apache-2.0
// What a training keeps: checkpoints, and the files of weights.
#include "training.h"

#include <stdlib.h>

esp_status training_save_weights(struct training *t, uint32_t which)
{
    esp_status status = network_exchange(&t->network, t->program);
    if (status == ESP_OK)
        status = esp_evaluation_save_weights(t->e, t->program, which);
    return status == ESP_OK ? network_exchange(&t->network, t->program) : status;
}

esp_status training_save(struct training *t)
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
    esp_named_tensor *averages = NULL;
    if (t->network.averages) {
        averages = calloc(t->network.count + 1, sizeof *averages);
        if (!averages)
            return esp_fail(t->e, ESP_ERROR_MEMORY, "out of memory");
        network_name_averages(&t->network, averages);
        checkpoint.tensors = averages;
        checkpoint.tensor_count = t->network.count;
        checkpoint.tensor_stride = sizeof averages[0];
    }
    esp_status status = esp_evaluation_save_checkpoint(t->e, &checkpoint);
    free(averages);
    return status;
}

esp_status training_load(struct training *t)
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
    // Before the first step there is nothing to average.
    return t->optimizer_steps > 0 ? network_restore(&t->network, t->e) : ESP_OK;
}
