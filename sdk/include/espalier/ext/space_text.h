// SPDX-License-Identifier: Apache-2.0
// Abilities of a space that say an architecture in words: the field's own notation (parse and
// print), and the canonical form, which isomorphic members share.
//
// A space never makes an architecture itself. To parse, it names values at decision paths; the host
// then runs the space's one function with them, and so refuses what is missing, left over, or
// outside its domain. Searched parameters (`@section/key`) are the host's and stand in no text.
//
// Clauses, as `espalier check` cites them:
//   1  A text that is none is refused in words, whatever it holds.
//   2  What print writes parses, and is printed the same.
//   3  The canonical form of a member is always the same.
#ifndef ESPALIER_EXT_SPACE_TEXT_H
#define ESPALIER_EXT_SPACE_TEXT_H

#include <espalier/arch.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- Reading ----------------------------------------------------------------------------------

typedef struct esp_text_reader esp_text_reader;
struct esp_text_reader_api;

// What a parser gives its findings to. Owner: the host. [any] [call]
struct esp_text_reader {
    esp_handle base;
    const struct esp_text_reader_api *api;
};

typedef struct esp_text_reader_api {
    uint64_t struct_size;
    esp_status (*set_name)(esp_text_reader *reader, const char *path, const char *option);
    esp_status (*set_int)(esp_text_reader *reader, const char *path, int64_t value);
    esp_status (*set_real)(esp_text_reader *reader, const char *path, double value);
    esp_status (*set_subset)(esp_text_reader *reader, const char *path, const uint32_t *indices,
                             uint64_t count);
    esp_status (*wrong)(esp_text_reader *reader, uint64_t offset, const char *message);
    const char *(*nearest)(esp_text_reader *reader, const char *word, const char *const *names,
                           uint64_t count, uint64_t stride);
    esp_status (*set_genome)(esp_text_reader *reader, const void *bytes, uint64_t size);
} esp_text_reader_api;

// The decision at `path` takes the option of that name (one of n; also of esp_choose_value, whose
// options are named by their decimals). A path that is set twice is an error. [call]
static inline esp_status esp_text_set_name(esp_text_reader *reader, const char *path,
                                           const char *option)
{
    return reader->api->set_name(reader, path, option);
}

// The integer decision at `path` takes `value`. [call]
static inline esp_status esp_text_set_int(esp_text_reader *reader, const char *path, int64_t value)
{
    return reader->api->set_int(reader, path, value);
}

// The real decision at `path` takes `value`. [call]
static inline esp_status esp_text_set_real(esp_text_reader *reader, const char *path, double value)
{
    return reader->api->set_real(reader, path, value);
}

// The k-of-n decision at `path` takes the options with these indices, ascending. Inputs chosen by
// esp_choose_inputs are such a decision. [call]
static inline esp_status esp_text_set_subset(esp_text_reader *reader, const char *path,
                                             const uint32_t *indices, uint64_t count)
{
    return reader->api->set_subset(reader, path, indices, count);
}

// The architecture has this genome (ext/space_genome.h). The host copies it. [call]
static inline esp_status esp_text_set_genome(esp_text_reader *reader, const void *bytes,
                                             uint64_t size)
{
    if (!ESP_HAS(esp_text_reader_api, reader->api, set_genome))
        return esp_fail(reader, ESP_ERROR_UNSUPPORTED, "the host reads no genomes");
    return reader->api->set_genome(reader, bytes, size);
}

// Of `count` names, `stride` bytes apart (sizeof(char *) for an array of names, the size of a row
// whose first member is the name for a table), the one that `word` probably means, or NULL. [call]
static inline const char *esp_text_nearest(esp_text_reader *reader, const char *word,
                                           const char *const *names, uint64_t count,
                                           uint64_t stride)
{
    return reader->api->nearest(reader, word, names, count, stride);
}

// The text does not parse: `offset` bytes into it stands what the message is about. The host shows
// the text with a caret under that character. Returns ESP_ERROR_INVALID. [call]
ESP_PRINTF(3, 4)
static inline esp_status esp_text_wrong(esp_text_reader *reader, uint64_t offset,
                                        const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(message, sizeof message, format, arguments) < 0)
        message[0] = '\0';
    va_end(arguments);
    return reader->api->wrong(reader, offset, message);
}

// ---- Writing ----------------------------------------------------------------------------------

typedef struct esp_text_writer esp_text_writer;
struct esp_text_writer_api;

// Takes text. Owner: the host. [any] [call]
struct esp_text_writer {
    esp_handle base;
    const struct esp_text_writer_api *api;
};

typedef struct esp_text_writer_api {
    uint64_t struct_size;
    esp_status (*write)(esp_text_writer *writer, const char *bytes, uint64_t size);
} esp_text_writer_api;

// Appends `size` bytes. [call]
static inline esp_status esp_text_write(esp_text_writer *writer, const char *bytes, uint64_t size)
{
    return writer->api->write(writer, bytes, size);
}

// Appends formatted text of at most 1,023 bytes. [call]
ESP_PRINTF(2, 3)
static inline esp_status esp_text_print(esp_text_writer *writer, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= sizeof text)
        return esp_fail(writer, ESP_ERROR_INVALID, "a piece of text is too long");
    return writer->api->write(writer, text, (uint64_t)size);
}

// ---- The abilities ----------------------------------------------------------------------------

// The field's own notation. print(parse(t)) equals t up to the notation's own freedom.
#define ESP_SPACE_TEXT "esp.space.text/1"
typedef struct esp_space_text {
    uint64_t struct_size;
    const char *notation; // an example, for messages and `describe`

    // Says the decisions that `text` (NUL-terminated) stands for. Errors by esp_text_wrong.
    // Required. [any] [created]
    esp_status (*parse)(void *self, esp_text_reader *reader, const char *text);

    // Writes the notation of `arch`, a member of this space, as one line of printable UTF-8. `arch`
    // holds every decision that the space draws, those too that have one value by a fix or by their
    // domain. Where the notation cannot say it: esp_fail with ESP_ERROR_UNSUPPORTED and what it has
    // no word for. Required. [any] [created]
    esp_status (*print)(void *self, const esp_arch *arch, esp_text_writer *writer);
} esp_space_text;

// The canonical form: a text that members share if and only if they are the same network up to the
// order of what has no order. Its XXH3-64 is the canonical hash.
#define ESP_SPACE_CANONICAL "esp.space.canonical/1"
typedef struct esp_space_canonical {
    uint64_t struct_size;

    // Writes the canonical form of `arch`, as one line of printable UTF-8; `arch` as for print.
    // Required. [any] [created]
    esp_status (*canonical)(void *self, const esp_arch *arch, esp_text_writer *writer);
} esp_space_canonical;

#ifdef __cplusplus
}
#endif

#endif
