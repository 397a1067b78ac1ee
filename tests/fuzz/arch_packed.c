// SPDX-License-Identifier: Apache-2.0
// Packed architectures, as the store has them. Law: what was unpacked packs to what unpacks to the same.
#include "fuzz.h"

#include "mixed.h"

// The decisions of the space under their numbers.
static void learn(struct mixed *mixed)
{
    struct error error;
    error_clear(&error);
    for (uint64_t seed = 0; seed < 8; seed++) {
        esp_random random = esp_random_stream(seed, 0, 0, 0, 0);
        struct arch *arch = NULL;
        FUZZ_LAW(builder_sample(mixed->builder, &random, &arch, &error) == ESP_OK, "%s",
                 error.message);
        arch_release(arch);
    }
}

static struct mixed mixed;

static void end(void)
{
    mixed_close(&mixed);
}

static void begin(void)
{
    mixed_open(&mixed);
    learn(&mixed);
    atexit(end);
}

static void run(const uint8_t *bytes, size_t size)
{
    struct error error;
    void *packed = NULL;
    size_t capacity = 0, packed_size = 0;
    error_clear(&error);
    struct arch *arch = arch_unpack(mixed.dictionary, bytes, size, &error);
    if (!arch) {
        fuzz_refused(ESP_ERROR, &error);
        return;
    }
    FUZZ_LAW(arch_pack(arch, &packed, &capacity, &packed_size, &error) == ESP_OK, "%s",
             error.message);
    struct arch *again = arch_unpack(mixed.dictionary, packed, packed_size, &error);
    FUZZ_LAW(again && arch_hash(again) == arch_hash(arch), "%s", error.message);
    json_t *json = arch_json(arch, "mixed");
    FUZZ_LAW(json != NULL, "no JSON of it");
    json_decref(json);
    arch_release(again);
    arch_release(arch);
    free(packed);
}

const struct fuzz_target fuzz_arch_packed = {"arch_packed", begin, run};
