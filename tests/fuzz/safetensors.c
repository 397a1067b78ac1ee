// SPDX-License-Identifier: Apache-2.0
// Files of tensors, and what checkpoints keep in their notes. Law: what was read is written as a file that
// reads as the same tensors, to the bit.
#include "fuzz.h"

#include "evaluate/checkpoint.h"

#include <string.h>

// Tensors of more values are not written again.
#define MOST_VALUES 4096
#define MOST_ENTRIES 16

static uint64_t value_count(const struct safetensors_entry *entry)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < entry->rank; i++)
        count *= (uint64_t)entry->dims[i];
    return count;
}

// Touches all that was mapped: the sanitizer and the kernel say where it is not there.
static uint64_t touch(const struct safetensors_entry *entry)
{
    uint64_t sum = 0;
    for (uint64_t i = 0, count = value_count(entry); i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &entry->data[i], sizeof bits);
        sum += bits;
    }
    return sum;
}

static void check_written(struct safetensors *file)
{
    struct safetensors_entry entries[MOST_ENTRIES];
    struct safetensors *again = NULL;
    struct error error;
    char path[4096];
    uint64_t count = safetensors_count(file);
    if (count > MOST_ENTRIES)
        return;
    for (uint64_t i = 0; i < count; i++) {
        entries[i] = safetensors_get(file, i);
        if (value_count(&entries[i]) > MOST_VALUES)
            return;
    }
    snprintf(path, sizeof path, "%s/again.safetensors", fuzz_folder());
    error_clear(&error);
    esp_status status = safetensors_write(path, entries, count, NULL, 0, &error);
    FUZZ_LAW(status == ESP_OK, "%s", error.message);
    status = safetensors_open(&again, path, &error);
    FUZZ_LAW(status == ESP_OK, "%s", error.message);
    FUZZ_LAW(safetensors_count(again) == count, "%d tensors", (int)safetensors_count(again));
    for (uint64_t i = 0; i < count; i++) {
        struct safetensors_entry other;
        bool found = safetensors_find(again, "", entries[i].name, &other);
        FUZZ_LAW(found && other.rank == entries[i].rank, "%s", entries[i].name);
        FUZZ_LAW(!memcmp(other.dims, entries[i].dims, other.rank * sizeof *other.dims), "%s",
                 entries[i].name);
        FUZZ_LAW(!memcmp(other.data, entries[i].data, value_count(&other) * sizeof *other.data),
                 "%s", entries[i].name);
    }
    safetensors_close(again);
}

static volatile uint64_t seen; // so that reads are not optimised away

static void run(const uint8_t *bytes, size_t size)
{
    struct error error;
    struct safetensors *file = NULL;
    float values[4];
    esp_shape shape = {.rank = 1, .dims = {4}};
    const char *path = fuzz_file("fuzz.safetensors", bytes, size);
    error_clear(&error);
    esp_status status = safetensors_open(&file, path, &error);
    fuzz_refused(status, &error);
    if (status != ESP_OK)
        return;
    for (uint64_t i = 0; i < safetensors_count(file); i++) {
        struct safetensors_entry entry = safetensors_get(file, i), found;
        seen += touch(&entry);
        FUZZ_LAW(safetensors_find(file, "", entry.name, &found), "%s", entry.name);
    }
    checkpoint_number(file, "epoch", 0);
    checkpoint_curve(file);
    status = checkpoint_tensor(file, "alpha", &shape, values, &error);
    fuzz_refused(status, &error);
    check_written(file);
    safetensors_close(file);
}

const struct fuzz_target fuzz_safetensors = {"safetensors", NULL, run};
