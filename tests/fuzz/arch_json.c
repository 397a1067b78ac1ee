// SPDX-License-Identifier: Apache-2.0
// Architectures as JSON, read against a space. Law: what was read is written as JSON of the same
// architecture, and packed to the same one.
#include "fuzz.h"

#include "mixed.h"

#include <string.h>

static struct arch *read_arch(struct mixed *mixed, const json_t *json)
{
    struct error error;
    struct written_arch written = {0};
    struct arch *arch = NULL;
    error_clear(&error);
    esp_status status = written_arch_parse(&written, json, &error);
    fuzz_refused(status, &error);
    if (status != ESP_OK)
        return NULL;
    status = written_arch_check(&written, &error);
    fuzz_refused(status, &error);
    if (status == ESP_OK) {
        status = builder_read(mixed->builder, &written, &arch, &error);
        fuzz_refused(status, &error);
    }
    written_arch_destroy(&written);
    return status == ESP_OK ? arch : NULL;
}

static void check_packed(struct mixed *mixed, struct arch *arch)
{
    struct error error;
    void *bytes = NULL;
    size_t capacity = 0, size = 0;
    uint64_t genome_size;
    const void *genome = arch_genome(arch, &genome_size);
    error_clear(&error);
    FUZZ_LAW(arch_pack(arch, &bytes, &capacity, &size, &error) == ESP_OK, "%s", error.message);
    struct arch *again = arch_unpack_with_genome(mixed->dictionary, bytes, size, genome,
                                                 (size_t)genome_size, &error);
    FUZZ_LAW(again != NULL, "%s", error.message);
    FUZZ_LAW(arch_hash(again) == arch_hash(arch), "another hash");
    arch_release(again);
    free(bytes);
}

static void run(const uint8_t *bytes, size_t size)
{
    struct mixed mixed;
    json_t *json = json_loadb((const char *)bytes, size, 0, NULL);
    if (!json)
        return;
    mixed_open(&mixed);
    struct arch *arch = read_arch(&mixed, json);
    if (arch) {
        json_t *second = arch_json(arch, "mixed");
        struct arch *again = read_arch(&mixed, second);
        FUZZ_LAW(again != NULL, "its own JSON is refused");
        FUZZ_LAW(arch_hash(again) == arch_hash(arch), "another hash");
        check_packed(&mixed, arch);
        json_decref(second);
        arch_release(again);
        arch_release(arch);
    }
    mixed_close(&mixed);
    json_decref(json);
}

const struct fuzz_target fuzz_arch_json = {"arch_json", NULL, run};
