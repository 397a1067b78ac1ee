// SPDX-License-Identifier: Apache-2.0
// How a shared object becomes a plugin.
//
//   static void chain_describe(esp_space_type *out)
//   {
//       out->summary = "a chain of layers";
//       ESP_SET_PARAMS(out, chain_params);
//       out->create = chain_create;
//       out->destroy = chain_destroy;
//       out->build = chain_build;
//   }
//   ESP_PLUGIN("1.0.0", ESP_SPACE("chain", chain_describe))
//
// ESP_PLUGIN emits two things from one list of components: the function esp_plugin_entry, the only
// symbol that a plugin exports, and the ELF note `.note.espalier`, which the host reads without
// running any code of the plugin. A plugin needs a compiler and these headers:
//
//   cc -shared -fPIC -I<headers> chain.c -o chain.so
//
// Discovery has no side effects: describe functions start no threads, open no files, print nothing.
#ifndef ESPALIER_PLUGIN_H
#define ESPALIER_PLUGIN_H

#include <espalier/dataset.h>
#include <espalier/engine.h>
#include <espalier/estimator.h>
#include <espalier/executor.h>
#include <espalier/space.h>
#include <espalier/strategy.h>

#include <string.h>

enum {
    ESP_KIND_SPACE = 1,
    ESP_KIND_STRATEGY = 2,
    ESP_KIND_ESTIMATOR = 3,
    ESP_KIND_DATASET = 4,
    ESP_KIND_ENGINE = 5,
    ESP_KIND_EXECUTOR = 6
};

// ---- The note ---------------------------------------------------------------------------------

#define ESP_NOTE_SECTION ".note.espalier"
#define ESP_NOTE_NAME "Espalier"
#define ESP_NOTE_NAME_SIZE 9u // with the final zero; padded to 12 in the file
#define ESP_NOTE_TYPE 1u
#define ESP_NOTE_MAGIC 0x4C505345u // "ESPL", little-endian
#define ESP_NOTE_ID_SIZE 60
#define ESP_NOTE_VERSION_SIZE 32

typedef struct esp_note_component {
    uint32_t kind;
    char id[ESP_NOTE_ID_SIZE];
} esp_note_component;

// The fixed part of the note's descriptor; `component_count` components follow.
typedef struct esp_note_header {
    uint32_t magic;
    uint32_t abi_major, abi_minor; // of the headers it was compiled with
    uint32_t minor_needed;         // of the host
    char version[ESP_NOTE_VERSION_SIZE];
    uint32_t component_count;
    uint32_t component_size; // sizeof(esp_note_component): the stride
} esp_note_header;

// ---- Components -------------------------------------------------------------------------------
// `id` is a string literal [a-z][a-z0-9_]* of at most 59 bytes, `describe` the function that fills
// the description.

#define ESP_SPACE(id, describe) (ESP_KIND_SPACE, id, esp_space_type, describe)
#define ESP_STRATEGY(id, describe) (ESP_KIND_STRATEGY, id, esp_strategy_type, describe)
#define ESP_ESTIMATOR(id, describe) (ESP_KIND_ESTIMATOR, id, esp_estimator_type, describe)
#define ESP_DATASET(id, describe) (ESP_KIND_DATASET, id, esp_dataset_type, describe)
#define ESP_ENGINE(id, describe) (ESP_KIND_ENGINE, id, esp_engine_type, describe)
#define ESP_EXECUTOR(id, describe) (ESP_KIND_EXECUTOR, id, esp_executor_type, describe)

// ---- The machinery ----------------------------------------------------------------------------

#ifdef __cplusplus
#define ESP_EXTERN_C_ extern "C"
#else
#define ESP_EXTERN_C_
#endif

#if defined(__clang__)
// clang would pad the note with red zones, and a reader would stumble over them.
#define ESP_NOTE_ATTRIBUTES_                                                                       \
    __attribute__((section(ESP_NOTE_SECTION), used, aligned(4), no_sanitize("address")))
#else
#define ESP_NOTE_ATTRIBUTES_ __attribute__((section(ESP_NOTE_SECTION), used, aligned(4)))
#endif

// clang-format off
#define ESP_NOTE_ROW_(component) ESP_NOTE_ROW_OF_ component
#define ESP_NOTE_ROW_OF_(kind, id, type, describe) { kind, id },

#define ESP_ENTRY_CASE_(component) ESP_ENTRY_CASE_OF_ component
#define ESP_ENTRY_CASE_OF_(kind_value, id_text, type, describe)                                    \
    if (kind == (uint32_t)(kind_value) && strcmp(id, id_text) == 0) {                              \
        static type description;                                                                   \
        memset(&description, 0, sizeof description);                                               \
        description.struct_size = sizeof description;                                              \
        describe(&description);                                                                    \
        return &description;                                                                       \
    }

#define ESP_ARGUMENT_COUNT_(...) ESP_ARGUMENT_PICK_(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define ESP_ARGUMENT_PICK_(a, b, c, d, e, f, g, h, n, ...) n
#define ESP_JOIN_(a, b) ESP_JOIN_NOW_(a, b)
#define ESP_JOIN_NOW_(a, b) a##b
#define ESP_EACH_1_(m, a) m(a)
#define ESP_EACH_2_(m, a, b) m(a) m(b)
#define ESP_EACH_3_(m, a, b, c) m(a) m(b) m(c)
#define ESP_EACH_4_(m, a, b, c, d) m(a) m(b) m(c) m(d)
#define ESP_EACH_5_(m, a, b, c, d, e) m(a) m(b) m(c) m(d) m(e)
#define ESP_EACH_6_(m, a, b, c, d, e, f) m(a) m(b) m(c) m(d) m(e) m(f)
#define ESP_EACH_7_(m, a, b, c, d, e, f, g) m(a) m(b) m(c) m(d) m(e) m(f) m(g)
#define ESP_EACH_8_(m, a, b, c, d, e, f, g, h) m(a) m(b) m(c) m(d) m(e) m(f) m(g) m(h)
#define ESP_EACH_(m, ...) ESP_JOIN_(ESP_JOIN_(ESP_EACH_, ESP_ARGUMENT_COUNT_(__VA_ARGS__)), _)(m, __VA_ARGS__)
// clang-format on

// The plugin: its version (at most 31 bytes) and its components, 1 to 8 of them.
#define ESP_PLUGIN(version_text, ...)                                                              \
    struct esp_note_of_this_plugin {                                                               \
        uint32_t name_size, descriptor_size, note_type;                                            \
        char name[12];                                                                             \
        esp_note_header header;                                                                    \
        esp_note_component components[ESP_ARGUMENT_COUNT_(__VA_ARGS__)];                           \
    };                                                                                             \
    ESP_NOTE_ATTRIBUTES_ static const struct esp_note_of_this_plugin esp_note = {                  \
        ESP_NOTE_NAME_SIZE,                                                                        \
        (uint32_t)(sizeof(esp_note_header) +                                                       \
                   ESP_ARGUMENT_COUNT_(__VA_ARGS__) * sizeof(esp_note_component)),                 \
        ESP_NOTE_TYPE,                                                                             \
        ESP_NOTE_NAME,                                                                             \
        {ESP_NOTE_MAGIC, ESP_ABI_MAJOR, ESP_ABI_MINOR, ESP_ABI_MINOR_NEEDED, version_text,         \
         ESP_ARGUMENT_COUNT_(__VA_ARGS__), (uint32_t)sizeof(esp_note_component)},                  \
        {ESP_EACH_(ESP_NOTE_ROW_, __VA_ARGS__)}};                                                  \
    ESP_EXTERN_C_ __attribute__((visibility("default"))) const void *esp_plugin_entry(             \
        uint32_t kind, const char *id);                                                            \
    ESP_EXTERN_C_ __attribute__((visibility("default"))) const void *esp_plugin_entry(             \
        uint32_t kind, const char *id)                                                             \
    {                                                                                              \
        ESP_EACH_(ESP_ENTRY_CASE_, __VA_ARGS__)                                                    \
        return NULL;                                                                               \
    }

// The type of esp_plugin_entry: the description of a component (esp_space_type, ... of the
// plugin's own size), or NULL for an unknown one. Owner: the plugin. [any] [loaded]
typedef const void *(*esp_plugin_entry_function)(uint32_t kind, const char *id);

#endif
