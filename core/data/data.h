// SPDX-License-Identifier: Apache-2.0
// The host's side of a dataset: the decoded cache (made once, memory-mapped, shared by workers),
// splits, and normalisation.
#ifndef DATA_DATA_H
#define DATA_DATA_H

#include "loader/instance.h"

#include <espalier/dataset.h>

// How the samples are divided. Validation is the dataset's own split, else `valid_fraction` cut from
// the training split by a permutation of stream ("split", split_seed), before `train_limit` keeps
// the first `train_limit` of the permuted rest (0 = all).
struct data_options {
    double valid_fraction;
    uint64_t split_seed;
    uint64_t train_limit;
    bool test;           // the test split may be opened
    bool whole_training; // a final training: train and validation together, no train_limit
};

struct data;

// Opens the dataset's cache, making it where it is missing, stale (files' sizes or times of change,
// plugin) or damaged (XXH3 of the whole content, tested where `verify`: in the coordinator; the
// header alone in a worker). Folder: $ESPALIER_CACHE, $XDG_CACHE_HOME/espalier, ~/.cache/espalier;
// where it can't be written to, a nameless file in $TMPDIR, with a warning. Of processes that need
// it at once, one makes it and the others wait.
esp_status data_open(struct data **out, const struct instance *dataset,
                     const struct data_options *options, bool verify, struct error *error);
void data_close(struct data *data);

const esp_task *data_task(const struct data *data);
// SHA-256 of the decoded content, 64 hex digits: the data's identity.
const char *data_sha256(const struct data *data);
// True if this open decoded the files.
bool data_decoded(const struct data *data);

esp_status data_size(const struct data *data, uint32_t split, uint64_t *out, struct error *error);
// As esp_evaluation_read: normalised per channel by the training split's mean and deviation (of the
// training samples in use: never of validation or test). `samples` and `labels` may be NULL.
esp_status data_read(const struct data *data, uint32_t split, const uint64_t *indices,
                     uint64_t count, float *samples, uint32_t *labels, struct error *error);

// How data_read normalises: a value becomes (value - mean) * scale. Lives as long as the data.
struct data_normalisation {
    const float *mean, *scale; // [channels]
    double unit;               // what a full value is: 255 where samples are bytes, else 1
};

struct data_normalisation data_normalisation(const struct data *data);

// The task of a dataset without decoding anything.
esp_status data_describe(const esp_dataset_info **out, const struct instance *dataset,
                         struct error *error);

#endif
