// SPDX-License-Identifier: Apache-2.0
// The parser of signatures; see signature.h. By recursive descent: a function a rule.
#include "foreign/signature.h"

#include "text/caret.h"
#include "text/nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Types in words -----------------------------------------------------------------------------

static const struct {
    const char *name;
    uint64_t size;
} kinds[] = {
    {"void", 0},
    {"i8", 1},
    {"i16", 2},
    {"i32", 4},
    {"i64", 8},
    {"u8", 1},
    {"u16", 2},
    {"u32", 4},
    {"u64", 8},
    {"f32", 4},
    {"f64", 8},
    {"str", sizeof(void *)},
    {"ptr", sizeof(void *)},
    {"fn", sizeof(void *)},
};

// What people write for them who have the header before them.
static const struct {
    const char *word, *advice;
} headers_words[] = {
    {"int", "C's int is i32"},
    {"unsigned", "C's unsigned is u32"},
    {"long", "C's long is i64"},
    {"size_t", "C's size_t is u64"},
    {"short", "C's short is i16"},
    {"char", "C's char is i8, a text is str"},
    {"double", "C's double is f64"},
    {"float", "C's float is f32"},
    {"bool", "C's bool is u8"},
    {"string", "a text is str"},
    {"pointer", "an address is ptr"},
    {"integer", "Fortran's integer is ptr<const i32>"},
    {"real", "Fortran's real is ptr<const f32>"},
    {"const", "'const' stands inside ptr<...>"},
    {"uint", "C's unsigned is u32"},
    {"enum", "C's enum is i32, or u32 without negative values"},
};

const char *foreign_kind_name(enum foreign_kind kind)
{
    return kinds[kind].name;
}

uint64_t foreign_size(enum foreign_kind kind)
{
    return kinds[kind].size;
}

bool foreign_is_integer(enum foreign_kind kind)
{
    return kind >= FOREIGN_I8 && kind <= FOREIGN_U64;
}

bool foreign_is_number(enum foreign_kind kind)
{
    return kind >= FOREIGN_I8 && kind <= FOREIGN_F64;
}

const char *foreign_type_text(char words[32], const struct foreign_type *type)
{
    if (type->kind == FOREIGN_POINTER && type->element != FOREIGN_VOID)
        snprintf(words, 32, "ptr<%s%s>", type->constant ? "const " : "", kinds[type->element].name);
    else
        snprintf(words, 32, "%s", kinds[type->kind].name);
    return words;
}

// ---- Reading ------------------------------------------------------------------------------------

struct parser {
    const char *text;
    size_t at; // the next byte
    int depth;
    struct error *error;
};

ESP_PRINTF(3, 4)
static esp_status refuse(struct parser *parser, size_t at, const char *format, ...)
{
    char words[512], picture[CARET_SIZE], place[48];
    va_list list;
    va_start(list, format);
    if (vsnprintf(words, sizeof words, format, list) < 0)
        words[0] = '\0';
    va_end(list);
    text_caret(picture, place, parser->text, at);
    return error_set(parser->error, ESP_ERROR_INVALID, "column %zu: %s\n%s", at + 1, words,
                     picture);
}

static void skip_blanks(struct parser *parser)
{
    while (isspace((unsigned char)parser->text[parser->at]))
        parser->at++;
}

static bool take(struct parser *parser, char c)
{
    skip_blanks(parser);
    if (parser->text[parser->at] != c)
        return false;
    parser->at++;
    return true;
}

static size_t word_length(const char *text)
{
    size_t length = 0;
    while (isalnum((unsigned char)text[length]) || text[length] == '_')
        length++;
    return isdigit((unsigned char)text[0]) ? 0 : length;
}

// The word at the next place; empty where none stands there, or it is longer than any of ours.
static size_t next_word(struct parser *parser, char word[64])
{
    skip_blanks(parser);
    size_t length = word_length(parser->text + parser->at);
    snprintf(word, 64, "%.*s", (int)length, parser->text + parser->at);
    return length;
}

static const char *found(const struct parser *parser, char words[16])
{
    char c = parser->text[parser->at];
    if (c == '\0')
        snprintf(words, 16, "the end");
    else
        snprintf(words, 16, "'%c'", isprint((unsigned char)c) ? c : '?');
    return words;
}

static esp_status expect(struct parser *parser, char c, const char *behind)
{
    char words[16];
    return take(parser, c) ? ESP_OK
                           : refuse(parser, parser->at, "expected '%c' %s, found %s", c, behind,
                                    found(parser, words));
}

// ---- Types --------------------------------------------------------------------------------------

static esp_status unknown_type(struct parser *parser, size_t at, const char *word)
{
    const char *names[ESP_COUNT(kinds)];
    for (size_t i = 0; i < ESP_COUNT(headers_words); i++)
        if (strcmp(word, headers_words[i].word) == 0)
            return refuse(parser, at, "unknown type '%s'; %s", word, headers_words[i].advice);
    for (size_t i = 0; i < ESP_COUNT(kinds); i++)
        names[i] = kinds[i].name;
    const char *nearest = text_nearest(word, names, ESP_COUNT(kinds));
    return refuse(parser, at,
                  "unknown type '%s'%s%s%s; types are void, i8, i16, i32, i64, u8, u16, u32, u64, "
                  "f32, f64, str, ptr, ptr<...>, fn<...>",
                  word, nearest ? "; did you mean '" : "", nearest ? nearest : "",
                  nearest ? "'?" : "");
}

static esp_status parse_kind(enum foreign_kind *out, struct parser *parser)
{
    char word[64], words[16];
    size_t length = next_word(parser, word), at = parser->at;
    if (length == 0)
        return refuse(parser, at, "expected a type, found %s", found(parser, words));
    for (size_t i = 0; i < ESP_COUNT(kinds); i++)
        if (strcmp(word, kinds[i].name) == 0) {
            *out = (enum foreign_kind)i;
            parser->at += length;
            return ESP_OK;
        }
    return unknown_type(parser, at, word);
}

static esp_status parse_signature(struct signature *out, struct parser *parser);

// Behind "ptr".
static esp_status parse_element(struct foreign_type *out, struct parser *parser)
{
    char word[64];
    out->element = FOREIGN_VOID;
    if (!take(parser, '<'))
        return ESP_OK;
    size_t length = next_word(parser, word);
    if (strcmp(word, "const") == 0) {
        out->constant = true;
        parser->at += length;
    }
    skip_blanks(parser);
    size_t at = parser->at;
    esp_status status = parse_kind(&out->element, parser);
    if (status == ESP_OK && !foreign_is_number(out->element) && out->element != FOREIGN_POINTER)
        status = refuse(parser, at, "a ptr<...> holds numbers or ptr; %s",
                        out->element == FOREIGN_VOID ? "an address of anything is ptr alone"
                                                     : "a list of those is not served");
    return status == ESP_OK ? expect(parser, '>', "behind the element's type") : status;
}

// Behind "fn".
static esp_status parse_function(struct foreign_type *out, struct parser *parser)
{
    if (parser->depth >= FOREIGN_DEEPEST)
        return refuse(parser, parser->at, "functions stand at most %d deep", FOREIGN_DEEPEST);
    esp_status status = expect(parser, '<', "behind 'fn'");
    if (status != ESP_OK)
        return status;
    out->function = calloc(1, sizeof *out->function);
    if (!out->function)
        return error_memory(parser->error);
    parser->depth++;
    status = parse_signature(out->function, parser);
    parser->depth--;
    return status == ESP_OK ? expect(parser, '>', "behind the function's signature") : status;
}

static esp_status parse_type(struct foreign_type *out, struct parser *parser)
{
    esp_status status = parse_kind(&out->kind, parser);
    if (status == ESP_OK && out->kind == FOREIGN_POINTER)
        status = parse_element(out, parser);
    else if (status == ESP_OK && out->kind == FOREIGN_FUNCTION)
        status = parse_function(out, parser);
    return status;
}

// ---- Arguments ----------------------------------------------------------------------------------

// Behind the name: "[n]". An argument's name is looked up when all are read (bind_lengths): until then
// its place in the text stands in `length_of`, as -2 - place.
static esp_status parse_length(struct foreign_argument *out, struct parser *parser)
{
    char word[64], words[16];
    size_t at = parser->at;
    if (!take(parser, '['))
        return ESP_OK;
    if (out->type.kind != FOREIGN_POINTER || out->type.element == FOREIGN_VOID)
        return refuse(parser, at, "a length belongs to a ptr<...>");
    skip_blanks(parser);
    at = parser->at;
    size_t length = next_word(parser, word);
    if (length > 0) {
        out->length_of = -2 - (int64_t)at;
        parser->at += length;
    } else if (isdigit((unsigned char)parser->text[at])) {
        char *end;
        unsigned long long number = strtoull(parser->text + at, &end, 10);
        if (number == 0 || number > INT32_MAX)
            return refuse(parser, at, "a length is 1 to %d", INT32_MAX);
        out->length = (int64_t)number;
        parser->at = (size_t)(end - parser->text);
    } else {
        return refuse(parser, at, "expected a number or an argument's name, found %s",
                      found(parser, words));
    }
    return expect(parser, ']', "behind the length");
}

static esp_status parse_argument(struct signature *out, struct parser *parser)
{
    char word[64];
    skip_blanks(parser);
    size_t at = parser->at;
    if (out->count == FOREIGN_MOST_ARGUMENTS)
        return refuse(parser, at, "a function has at most %d arguments", FOREIGN_MOST_ARGUMENTS);
    struct foreign_argument *argument = &out->arguments[out->count++];
    *argument = (struct foreign_argument){.length = -1, .length_of = -1, .column = at + 1};
    esp_status status = parse_type(&argument->type, parser);
    if (status != ESP_OK)
        return status;
    if (argument->type.kind == FOREIGN_VOID)
        return refuse(parser, at, "no argument is void; a function without arguments is 'type ()'");
    size_t length = next_word(parser, word);
    if (length == 0)
        return ESP_OK;
    if (length >= sizeof word)
        return refuse(parser, parser->at, "a name has at most %zu letters", sizeof word - 1);
    if (signature_find(out, word))
        return refuse(parser, parser->at, "the name '%s' stands twice", word);
    argument->name = strdup(word);
    if (!argument->name)
        return error_memory(parser->error);
    parser->at += length;
    return parse_length(argument, parser);
}

static esp_status bind_lengths(struct signature *signature, struct parser *parser)
{
    for (uint64_t i = 0; i < signature->count; i++) {
        struct foreign_argument *argument = &signature->arguments[i];
        char word[64];
        if (argument->length_of >= -1)
            continue;
        size_t at = (size_t)(-2 - argument->length_of);
        snprintf(word, sizeof word, "%.*s", (int)word_length(parser->text + at), parser->text + at);
        const struct foreign_argument *named = signature_find(signature, word);
        argument->length_of = named ? named - signature->arguments : -1;
        if (!named)
            return refuse(parser, at, "the length '%s' is no argument of the function", word);
        enum foreign_kind kind =
            named->type.kind == FOREIGN_POINTER ? named->type.element : named->type.kind;
        if (!foreign_is_integer(kind))
            return refuse(parser, at, "the length '%s' is no integer", word);
    }
    return ESP_OK;
}

static esp_status parse_signature(struct signature *out, struct parser *parser)
{
    char words[16];
    skip_blanks(parser);
    size_t at = parser->at;
    esp_status status = parse_type(&out->result, parser);
    if (status == ESP_OK && out->result.kind == FOREIGN_FUNCTION)
        status = refuse(parser, at, "a function that answers with a function is not served");
    if (status == ESP_OK)
        status = expect(parser, '(', "behind the type of the result");
    if (status != ESP_OK || take(parser, ')'))
        return status;
    do
        status = parse_argument(out, parser);
    while (status == ESP_OK && take(parser, ','));
    if (status == ESP_OK && !take(parser, ')'))
        status = refuse(parser, parser->at, "expected ',' or ')' behind an argument, found %s",
                        found(parser, words));
    return status == ESP_OK ? bind_lengths(out, parser) : status;
}

esp_status signature_parse(struct signature **out, const char *text, struct error *error)
{
    struct parser parser = {.text = text, .error = error};
    struct signature *signature = calloc(1, sizeof *signature);
    *out = NULL;
    if (!signature || !(signature->text = strdup(text))) {
        free(signature);
        return error_memory(error);
    }
    esp_status status = parse_signature(signature, &parser);
    skip_blanks(&parser);
    if (status == ESP_OK && text[parser.at] != '\0')
        status = refuse(&parser, parser.at, "expected nothing behind the signature");
    if (status == ESP_OK)
        *out = signature;
    else
        signature_destroy(signature);
    return status;
}

static void destroy_type(struct foreign_type *type)
{
    if (type->kind == FOREIGN_FUNCTION)
        signature_destroy(type->function);
}

void signature_destroy(struct signature *signature)
{
    if (!signature)
        return;
    destroy_type(&signature->result);
    for (uint64_t i = 0; i < signature->count; i++) {
        destroy_type(&signature->arguments[i].type);
        free(signature->arguments[i].name);
    }
    free(signature->text);
    free(signature);
}

const struct foreign_argument *signature_find(const struct signature *signature, const char *name)
{
    for (uint64_t i = 0; i < signature->count; i++)
        if (signature->arguments[i].name && strcmp(signature->arguments[i].name, name) == 0)
            return &signature->arguments[i];
    return NULL;
}
