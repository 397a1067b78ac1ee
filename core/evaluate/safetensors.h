// SPDX-License-Identifier: Apache-2.0
// Files of named f32 tensors in the safetensors format: u64 length of the header (little-endian),
// the header as JSON ({"name": {"dtype": "F32", "shape": [...], "data_offsets": [a, b]}, ...,
// "__metadata__": {text: text}}), then the data. Written whole or not at all: aside, synced, renamed.
#ifndef EVALUATE_SAFETENSORS_H
#define EVALUATE_SAFETENSORS_H

#include "error/error.h"

#include <espalier/engine.h>

struct safetensors_entry {
    const char *name;
    uint32_t rank;
    const int64_t *dims;
    const float *data;
};

struct safetensors_note {
    const char *key;
    const char *value;
};

esp_status safetensors_write(const char *path, const struct safetensors_entry *entries,
                             uint64_t count, const struct safetensors_note *notes,
                             uint64_t note_count, struct error *error);

struct safetensors;

// Maps the file and reads its header; anything malformed is an error that names the path. What the
// functions below answer with lives until close.
esp_status safetensors_open(struct safetensors **out, const char *path, struct error *error);
void safetensors_close(struct safetensors *file);
uint64_t safetensors_count(const struct safetensors *file);
struct safetensors_entry safetensors_get(const struct safetensors *file, uint64_t i);
// The entry `<prefix><name>`; false where there is none. Quick where entries are asked for in the order
// of the file.
bool safetensors_find(struct safetensors *file, const char *prefix, const char *name,
                      struct safetensors_entry *out);
// True if the entry has exactly this shape.
bool safetensors_shaped(const struct safetensors_entry *entry, const esp_shape *shape);
// NULL where there is none.
const char *safetensors_note(const struct safetensors *file, const char *key);

#endif
