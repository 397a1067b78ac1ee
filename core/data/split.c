// SPDX-License-Identifier: Apache-2.0
// The division of samples; see split.h and struct data_options.
#include "data/split.h"

#include <espalier/random.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

// All training and validation samples, in the order of the files.
static void split_whole(struct split *out, uint64_t train, uint64_t valid)
{
    for (uint64_t i = 0; i < train; i++)
        out->train[i] = i;
    for (uint64_t i = 0; i < valid; i++)
        out->train[train + i] = SPLIT_OWN_VALID | i;
    out->train_count = train + valid;
}

static void split_search(struct split *out, uint64_t train, uint64_t valid, uint64_t cut,
                         const struct data_options *options)
{
    esp_random random =
        esp_random_stream(options->split_seed, XXH3_64bits("split", strlen("split")), 0, 0, 0);
    esp_random_permutation(&random, out->train, train);
    if (valid > 0) {
        for (uint64_t i = 0; i < valid; i++)
            out->valid[i] = SPLIT_OWN_VALID | i;
        out->valid_count = valid;
    } else {
        memcpy(out->valid, out->train, cut * sizeof *out->valid);
        out->valid_count = cut;
    }
    out->train_count = train - cut;
    memmove(out->train, out->train + cut, out->train_count * sizeof *out->train);
    if (options->train_limit > 0 && options->train_limit < out->train_count)
        out->train_count = options->train_limit;
}

esp_status split_make(struct split *out, uint64_t train, uint64_t valid,
                      const struct data_options *options, struct error *error)
{
    uint64_t cut = 0;
    memset(out, 0, sizeof *out);
    if (!options->whole_training && valid == 0) {
        double fraction = options->valid_fraction;
        if (!(fraction >= 0 && fraction < 1))
            return error_set(error, ESP_ERROR_INVALID,
                             "[dataset] valid_fraction is %g; at least 0 and below 1 was expected",
                             fraction);
        cut = (uint64_t)llround((double)train * fraction);
    }
    if (cut >= train)
        return error_set(error, ESP_ERROR_INVALID,
                         "[dataset] valid_fraction = %g leaves no training sample of %llu",
                         options->valid_fraction, (unsigned long long)train);
    out->train = malloc((train + valid) * sizeof *out->train);
    out->valid = malloc((valid + cut + 1) * sizeof *out->valid);
    if (!out->train || !out->valid)
        return error_memory(error);
    if (options->whole_training)
        split_whole(out, train, valid);
    else
        split_search(out, train, valid, cut, options);
    return ESP_OK;
}

void split_free(struct split *split)
{
    free(split->train);
    free(split->valid);
    memset(split, 0, sizeof *split);
}
