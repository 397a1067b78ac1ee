// SPDX-License-Identifier: Apache-2.0
// Architectures in words: the abilities esp.space.text and esp.space.canonical. A parser names values
// at decision paths, and a pass of the space makes the architecture of them, so that no text gives
// what is no member. What is printed is a replay that holds every decision, those of one value too:
// a space finds them all, whatever [fix] says.
#include "builder/pass.h"

#include "text/caret.h"
#include "text/nearest.h"
#include "text/printable.h"

#include <espalier/ext/space_text.h>

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

const void *builder_ability(const struct builder *builder, const char *id)
{
    const esp_space_type *type = builder->design.type;
    return type->ability ? type->ability(id) : NULL;
}

static const esp_space_text *text_ability(const struct builder *builder)
{
    const esp_space_text *text = builder_ability(builder, ESP_SPACE_TEXT);
    return text && text->struct_size >= sizeof *text && text->parse && text->print ? text : NULL;
}

static const esp_space_canonical *canonical_ability(const struct builder *builder)
{
    const esp_space_canonical *form = builder_ability(builder, ESP_SPACE_CANONICAL);
    return form && form->struct_size >= sizeof *form && form->canonical ? form : NULL;
}

bool builder_has_text(const struct builder *builder)
{
    return text_ability(builder);
}

bool builder_has_canonical(const struct builder *builder)
{
    return canonical_ability(builder);
}

static esp_status no_ability(const struct builder *builder, const char *what, struct error *error)
{
    return error_set(error, ESP_ERROR_UNSUPPORTED, "space %s has no %s", builder->design.space,
                     what);
}

esp_status ability_answered(const struct builder *builder, struct error *words, esp_status status,
                            const char *function, struct error *error)
{
    error_ensure(words, status, function);
    if (words->status == ESP_OK)
        return ESP_OK;
    return error_set(error, words->status, "space %s: %s", builder->design.space, words->message);
}

// ---- Reading ------------------------------------------------------------------------------------

struct parsing {
    esp_text_reader handle; // first
    struct error error;     // sticky
    const char *text;
    struct written_arch written;
    size_t capacity;
};

static struct parsing *parsing_of(esp_text_reader *handle)
{
    return (struct parsing *)(void *)handle;
}

// Takes the reference.
static esp_status set(esp_text_reader *handle, const char *path, json_t *value)
{
    struct parsing *parsing = parsing_of(handle);
    struct written_arch *written = &parsing->written;
    char *copy = NULL;
    if (parsing->error.status == ESP_OK && !path)
        error_set(&parsing->error, ESP_ERROR_MISUSE, "the parser sets a value without a path");
    // NULL: memory is missing, or it is a name that no JSON can hold.
    if (parsing->error.status == ESP_OK && !value)
        error_set(&parsing->error, ESP_ERROR_MISUSE, "the parser sets %s to no value", path);
    if (parsing->error.status == ESP_OK &&
        (!array_reserve(&written->choices, &parsing->capacity, written->count + 1,
                        sizeof *written->choices) ||
         !(copy = strdup(path))))
        error_memory(&parsing->error);
    if (parsing->error.status != ESP_OK) {
        json_decref(value);
        return parsing->error.status;
    }
    written->choices[written->count++] = (struct written_choice){copy, value};
    return ESP_OK;
}

static esp_status set_name(esp_text_reader *handle, const char *path, const char *option)
{
    return set(handle, path, option ? json_string(option) : NULL);
}

static esp_status set_int(esp_text_reader *handle, const char *path, int64_t value)
{
    return set(handle, path, json_integer(value));
}

static esp_status set_real(esp_text_reader *handle, const char *path, double value)
{
    return set(handle, path, json_real(value));
}

static esp_status set_subset(esp_text_reader *handle, const char *path, const uint32_t *indices,
                             uint64_t count)
{
    json_t *list = json_array();
    for (uint64_t i = 0; list && i < count; i++)
        if (json_array_append_new(list, json_integer(indices[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    return set(handle, path, list);
}

static esp_status set_genome(esp_text_reader *handle, const void *bytes, uint64_t size)
{
    struct parsing *parsing = parsing_of(handle);
    struct written_arch *written = &parsing->written;
    if (parsing->error.status == ESP_OK && (!bytes || size == 0 || written->genome))
        error_set(&parsing->error, ESP_ERROR_MISUSE, "the parser sets %s",
                  written->genome ? "the genome twice" : "a genome of no bytes");
    if (parsing->error.status == ESP_OK && !(written->genome = malloc(size)))
        error_memory(&parsing->error);
    if (parsing->error.status != ESP_OK)
        return parsing->error.status;
    memcpy(written->genome, bytes, size);
    written->genome_size = size;
    return ESP_OK;
}

// The message is cut so that the picture fits behind it.
static esp_status wrong(esp_text_reader *handle, uint64_t offset, const char *message)
{
    struct parsing *parsing = parsing_of(handle);
    char words[ERROR_MESSAGE_SIZE - CARET_SIZE - 96], place[48], picture[CARET_SIZE];
    snprintf(words, sizeof words, "%s", message);
    text_make_printable(words);
    size_t length = strlen(parsing->text);
    text_caret(picture, place, parsing->text, offset < length ? (size_t)offset : length);
    error_set(&parsing->error, ESP_ERROR_INVALID, "%s%s\n%s", words, place, picture);
    return ESP_ERROR_INVALID;
}

// The names of a table stand in its rows, and text_nearest wants them in a row of their own.
static const char *nearest(esp_text_reader *handle, const char *word, const char *const *names,
                           uint64_t count, uint64_t stride)
{
    const char **list = calloc(count + 1, sizeof *list), *found = NULL;
    const char *row = (const char *)names;
    (void)handle;
    for (uint64_t i = 0; list && i < count; i++, row += stride)
        memcpy(&list[i], row, sizeof list[i]);
    if (list)
        found = text_nearest(word, list, count);
    free(list);
    return found;
}

static const esp_text_reader_api reader_api = {
    sizeof(esp_text_reader_api),
    set_name,
    set_int,
    set_real,
    set_subset,
    wrong,
    nearest,
    set_genome,
};

esp_status builder_parse(struct builder *builder, const char *text, const struct given *given,
                         uint64_t given_count, struct arch **out, struct error *error)
{
    const esp_space_text *notation = text_ability(builder);
    if (!notation)
        return no_ability(builder, "notation of its own: its architectures are written as JSON",
                          error);
    esp_status status = read_instance(builder, given, given_count, error);
    if (status != ESP_OK)
        return status;
    struct parsing parsing = {.text = text};
    handle_init(&parsing.handle.base, sizeof parsing.handle, &parsing.error);
    parsing.handle.api = &reader_api;
    status = notation->parse(builder->instance, &parsing.handle, text);
    status = ability_answered(builder, &parsing.error, status, "parse", error);
    if (status == ESP_OK)
        status = written_arch_check(&parsing.written, error);
    if (status == ESP_OK)
        status = read_given(builder, &parsing.written, given, given_count, out, error);
    written_arch_destroy(&parsing.written);
    return status;
}

// ---- Writing ------------------------------------------------------------------------------------

struct writing {
    esp_text_writer handle; // first
    struct error error;     // sticky
    struct builder *builder;
};

static esp_status write_words(esp_text_writer *handle, const char *bytes, uint64_t size)
{
    struct writing *writing = (struct writing *)(void *)handle;
    struct builder *builder = writing->builder;
    if (writing->error.status != ESP_OK)
        return writing->error.status;
    if (!array_reserve(&builder->words, &builder->words_capacity,
                       builder->words_length + (size_t)size + 1, 1))
        return error_memory(&writing->error);
    if (size > 0)
        memcpy(builder->words + builder->words_length, bytes, size);
    builder->words_length += size;
    builder->words[builder->words_length] = '\0';
    return ESP_OK;
}

static const esp_text_writer_api writer_api = {sizeof(esp_text_writer_api), write_words};

typedef esp_status (*write_function)(void *self, const esp_arch *arch, esp_text_writer *writer);

static esp_status write_arch(struct builder *builder, const struct arch *arch, write_function write,
                             const char *function, struct error *error)
{
    struct arch *whole = NULL;
    esp_status status = replay_whole(builder, arch, &whole, error);
    if (status != ESP_OK)
        return status;
    struct writing writing = {.builder = builder};
    handle_init(&writing.handle.base, sizeof writing.handle, &writing.error);
    writing.handle.api = &writer_api;
    builder->words_length = 0;
    write_words(&writing.handle, "", 0);
    status = write(builder->instance, arch_handle(whole), &writing.handle);
    status = ability_answered(builder, &writing.error, status, function, error);
    arch_release(whole);
    if (status == ESP_OK &&
        (strlen(builder->words) != builder->words_length || !text_printable(builder->words)))
        status = error_set(error, ESP_ERROR_MISUSE,
                           "space %s: %s wrote what is no printable line of UTF-8",
                           builder->design.space, function);
    return status;
}

esp_status builder_print(struct builder *builder, const struct arch *arch, const char **text,
                         struct error *error)
{
    const esp_space_text *notation = text_ability(builder);
    if (!notation)
        return no_ability(builder, "notation of its own", error);
    esp_status status = write_arch(builder, arch, notation->print, "print", error);
    if (status == ESP_OK)
        *text = builder->words;
    return status;
}

esp_status builder_canonical(struct builder *builder, const struct arch *arch, const char **text,
                             struct error *error)
{
    const esp_space_canonical *form = canonical_ability(builder);
    if (!form)
        return no_ability(builder, "canonical form", error);
    esp_status status = write_arch(builder, arch, form->canonical, "canonical", error);
    if (status == ESP_OK)
        *text = builder->words;
    return status;
}

esp_status builder_canonical_hash(struct builder *builder, const struct arch *arch, uint64_t *out,
                                  struct error *error)
{
    const char *text = NULL;
    esp_status status = builder_canonical(builder, arch, &text, error);
    if (status == ESP_OK)
        *out = XXH3_64bits(text, builder->words_length);
    return status;
}

esp_status builder_instance(struct builder *builder, const struct arch *arch, void **out,
                            struct error *error)
{
    struct arch *whole = NULL;
    esp_status status = replay_whole(builder, arch, &whole, error);
    arch_release(whole);
    if (status == ESP_OK)
        *out = builder->instance;
    return status;
}

// Searched decisions stand first in an architecture, in their order; a fixed one is the same in all.
esp_status builder_canonical_identity(struct builder *builder, const struct arch *arch,
                                      uint64_t *out, struct error *error)
{
    uint64_t count = 0, hash = 0;
    esp_status status = builder_canonical_hash(builder, arch, &hash, error);
    if (status != ESP_OK)
        return status;
    const struct choice *choices = arch_choices(arch, &count);
    for (uint64_t i = 0, s = 0; i < count && s < builder->design.searched_count; s++) {
        if (choices[i].decision != builder->searched[s])
            continue;
        const esp_value *value = &choices[i++].value;
        bool subset = value->kind == ESP_DECISION_SUBSET;
        hash = XXH3_64bits_withSeed(&s, sizeof s, hash);
        hash = subset
                   ? XXH3_64bits_withSeed(value->as.indices, value->count * sizeof(uint32_t), hash)
                   : XXH3_64bits_withSeed(&value->as, sizeof value->as, hash);
    }
    *out = hash;
    return ESP_OK;
}
