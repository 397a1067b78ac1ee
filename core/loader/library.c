// SPDX-License-Identifier: Apache-2.0
// Loading a plugin's file and testing its descriptions; see library.h.
#include "loader/library.h"

#include "loader/registry.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void library_prepare_environment(void)
{
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    setenv("OMP_NUM_THREADS", "1", 1);
}

// A function that a description of a kind must have.
struct required {
    uint32_t kind;
    size_t offset;
    const char *name;
};

#define REQUIRED(kind, type, member)                                                               \
    {                                                                                              \
        kind, offsetof(type, member), #member                                                      \
    }

static const struct required required_functions[] = {
    REQUIRED(ESP_KIND_SPACE, esp_space_type, create),
    REQUIRED(ESP_KIND_SPACE, esp_space_type, destroy),
    REQUIRED(ESP_KIND_SPACE, esp_space_type, build),
    REQUIRED(ESP_KIND_STRATEGY, esp_strategy_type, create),
    REQUIRED(ESP_KIND_STRATEGY, esp_strategy_type, destroy),
    REQUIRED(ESP_KIND_STRATEGY, esp_strategy_type, ask),
    REQUIRED(ESP_KIND_STRATEGY, esp_strategy_type, tell),
    REQUIRED(ESP_KIND_ESTIMATOR, esp_estimator_type, create),
    REQUIRED(ESP_KIND_ESTIMATOR, esp_estimator_type, destroy),
    REQUIRED(ESP_KIND_ESTIMATOR, esp_estimator_type, describe),
    REQUIRED(ESP_KIND_ESTIMATOR, esp_estimator_type, evaluate),
    REQUIRED(ESP_KIND_DATASET, esp_dataset_type, open),
    REQUIRED(ESP_KIND_DATASET, esp_dataset_type, close),
    REQUIRED(ESP_KIND_DATASET, esp_dataset_type, describe),
    REQUIRED(ESP_KIND_DATASET, esp_dataset_type, read),
    REQUIRED(ESP_KIND_ENGINE, esp_engine_type, open),
    REQUIRED(ESP_KIND_ENGINE, esp_engine_type, close),
    REQUIRED(ESP_KIND_ENGINE, esp_engine_type, compile),
    REQUIRED(ESP_KIND_ENGINE, esp_engine_type, release),
    REQUIRED(ESP_KIND_ENGINE, esp_engine_type, forward),
    REQUIRED(ESP_KIND_ENGINE, esp_engine_type, backward),
    REQUIRED(ESP_KIND_ENGINE, esp_engine_type, apply),
    REQUIRED(ESP_KIND_ENGINE, esp_engine_type, tensor),
    REQUIRED(ESP_KIND_EXECUTOR, esp_executor_type, create),
    REQUIRED(ESP_KIND_EXECUTOR, esp_executor_type, destroy),
    REQUIRED(ESP_KIND_EXECUTOR, esp_executor_type, submit),
    REQUIRED(ESP_KIND_EXECUTOR, esp_executor_type, poll),
    REQUIRED(ESP_KIND_EXECUTOR, esp_executor_type, cancel),
    REQUIRED(ESP_KIND_EXECUTOR, esp_executor_type, descriptor),
    REQUIRED(ESP_KIND_EXECUTOR, esp_executor_type, timeout),
};

// The least size of each kind's description in ABI 0.1.
static uint64_t least_size(uint32_t kind)
{
    static const uint64_t sizes[] = {0,
                                     sizeof(esp_space_type),
                                     sizeof(esp_strategy_type),
                                     sizeof(esp_estimator_type),
                                     sizeof(esp_dataset_type),
                                     sizeof(esp_engine_type),
                                     sizeof(esp_executor_type)};
    return sizes[kind];
}

static esp_status check_param(const esp_param *row, struct error *error)
{
    if (row->struct_size < sizeof(esp_param))
        return error_set(error, ESP_ERROR_DATA,
                         "a row of its parameter table has %llu bytes, "
                         "expected at least %zu",
                         (unsigned long long)row->struct_size, sizeof(esp_param));
    if (!row->name || row->name[0] == '\0')
        return error_set(error, ESP_ERROR_DATA, "a parameter has no name");
    bool fits = true;
    switch (row->type) {
    case ESP_PARAM_TYPE_INT:
        fits = row->int_min <= row->int_default && row->int_default <= row->int_max;
        break;
    case ESP_PARAM_TYPE_REAL:
        fits = row->real_min <= row->real_default && row->real_default <= row->real_max &&
               isfinite(row->real_min) && isfinite(row->real_max);
        break;
    case ESP_PARAM_TYPE_CHOICE:
    case ESP_PARAM_TYPE_NAMES:
        fits = row->choices && row->choice_count > 0 && row->text_default;
        break;
    case ESP_PARAM_TYPE_TEXT:
    case ESP_PARAM_TYPE_PATH:
        fits = row->text_default || (row->flags & ESP_PARAM_REQUIRED);
        break;
    case ESP_PARAM_TYPE_BOOL:
    case ESP_PARAM_TYPE_INTS:
        break;
    default:
        return error_set(error, ESP_ERROR_DATA, "parameter %s has the unknown type %u", row->name,
                         row->type);
    }
    if (fits && row->type == ESP_PARAM_TYPE_CHOICE) {
        fits = false;
        for (uint64_t i = 0; i < row->choice_count; i++)
            fits = fits || (row->choices[i] && strcmp(row->choices[i], row->text_default) == 0);
    }
    return fits ? ESP_OK
                : error_set(error, ESP_ERROR_DATA,
                            "parameter %s: its default does not lie in its range", row->name);
}

esp_status library_check(const void *type, uint32_t kind, const char *id, struct error *error)
{
    uint64_t size;
    if (!type)
        return error_set(error, ESP_ERROR_DATA,
                         "its note names %s/%s, but its entry does not know it", kind_name(kind),
                         id);
    memcpy(&size, type, sizeof size);
    if (size < least_size(kind))
        return error_set(error, ESP_ERROR_DATA,
                         "the description of %s/%s has %llu bytes, expected at least %llu",
                         kind_name(kind), id, (unsigned long long)size,
                         (unsigned long long)least_size(kind));
    for (size_t i = 0; i < ESP_COUNT(required_functions); i++) {
        void (*function)(void) = NULL;
        if (required_functions[i].kind != kind)
            continue;
        memcpy(&function, (const char *)type + required_functions[i].offset, sizeof function);
        if (!function)
            return error_set(error, ESP_ERROR_DATA, "%s/%s lacks the required function '%s'",
                             kind_name(kind), id, required_functions[i].name);
    }
    struct component component = {.kind = kind, .type = type};
    struct description description = component_description(&component);
    const char *row = (const char *)description.params;
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < description.param_count;
         i++, row += description.param_stride)
        status = check_param((const esp_param *)(const void *)row, error);
    if (status != ESP_OK)
        error_prefix(error, "%s/%s: ", kind_name(kind), id);
    return status;
}

esp_status library_load(const void **type, const char *path, uint32_t kind, const char *id,
                        struct error *error)
{
    library_prepare_environment();
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return error_set(error, ESP_ERROR_DATA, "it cannot be loaded: %s", dlerror());
    esp_plugin_entry_function entry;
    void *symbol = dlsym(library, "esp_plugin_entry");
    if (!symbol)
        return error_set(error, ESP_ERROR_DATA, "it does not export esp_plugin_entry");
    memcpy(&entry, &symbol, sizeof entry);
    *type = entry(kind, id);
    return library_check(*type, kind, id, error);
}

esp_status file_sha256(char *hex, const char *path, struct error *error)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    static unsigned char buffer[65536];
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return error_set(error, ESP_ERROR_IO, "%s: cannot be read: %s", path, strerror(errno));
    crypto_hash_sha256_init(&state);
    ssize_t count;
    while ((count = read(descriptor, buffer, sizeof buffer)) > 0)
        crypto_hash_sha256_update(&state, buffer, (unsigned long long)count);
    close(descriptor);
    if (count < 0)
        return error_set(error, ESP_ERROR_IO, "%s: cannot be read: %s", path, strerror(errno));
    crypto_hash_sha256_final(&state, digest);
    sodium_bin2hex(hex, SHA256_HEX_SIZE, digest, sizeof digest);
    return ESP_OK;
}
