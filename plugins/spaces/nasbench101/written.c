// SPDX-License-Identifier: Apache-2.0
// See written.h.
#include "written.h"

#include <string.h>

#define WORD_SIZE 64

// What an entry of "ops" may be; the operations come first, in their order.
enum word { WORD_INPUT = OPERATION_COUNT, WORD_OUTPUT, WORD_COUNT };

static const char *const words[WORD_COUNT] = {"conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3",
                                              "input", "output"};

struct scanner {
    esp_text_reader *reader;
    const char *text, *at;
    const char *matrix, *ops; // where they begin; NULL: not read yet
    unsigned rows, op_count;
    uint32_t edges[MODULE_MOST];
    unsigned op[MODULE_MOST]; // enum word
    const char *op_at[MODULE_MOST];
};

#define wrong(scanner, place, ...)                                                                 \
    esp_text_wrong((scanner)->reader, (uint64_t)((place) - (scanner)->text), __VA_ARGS__)

static void skip_blanks(struct scanner *s)
{
    s->at += strspn(s->at, " \t\r\n");
}

// True, and behind it, where `c` is next.
static bool take(struct scanner *s, char c)
{
    skip_blanks(s);
    if (*s->at != c)
        return false;
    s->at++;
    return true;
}

static esp_status expect(struct scanner *s, char c, const char *what)
{
    return take(s, c) ? ESP_OK : wrong(s, s->at, "expected '%c' %s", c, what);
}

// A string without escapes, which no name has.
static esp_status read_string(struct scanner *s, char word[WORD_SIZE], const char *what)
{
    esp_status status = expect(s, '"', what);
    if (status != ESP_OK)
        return status;
    size_t length = strcspn(s->at, "\"\\");
    if (s->at[length] != '"')
        return wrong(s, s->at + length, "expected '\"' at the end of a name");
    if (length >= WORD_SIZE)
        return wrong(s, s->at, "the name is too long");
    memcpy(word, s->at, length);
    word[length] = '\0';
    s->at += length + 1;
    return ESP_OK;
}

// ---- The matrix ---------------------------------------------------------------------------------

static esp_status read_entry(struct scanner *s, unsigned row, unsigned column)
{
    skip_blanks(s);
    const char *place = s->at;
    if ((*place != '0' && *place != '1') || (place[1] >= '0' && place[1] <= '9') || place[1] == '.')
        return wrong(s, place, "expected 0 or 1");
    if (column >= MODULE_MOST)
        return wrong(s, place, "the matrix has more than %d columns", MODULE_MOST);
    s->at++;
    if (*place == '0')
        return ESP_OK;
    if (column <= row)
        return wrong(s, place,
                     "the matrix is not upper triangular: an edge from vertex %u to vertex %u", row,
                     column);
    s->edges[row] |= UINT32_C(1) << column;
    return ESP_OK;
}

// `*width`: of the rows; 0 before the first.
static esp_status read_row(struct scanner *s, unsigned row, unsigned *width)
{
    skip_blanks(s);
    const char *place = s->at;
    unsigned column = 0;
    esp_status status = expect(s, '[', "at the beginning of a row");
    if (status != ESP_OK)
        return status;
    do
        status = read_entry(s, row, column++);
    while (status == ESP_OK && take(s, ','));
    if (status == ESP_OK)
        status = expect(s, ']', "or ',' in a row");
    if (status != ESP_OK)
        return status;
    if (row > 0 && column != *width)
        return wrong(s, place, "row %u has %u entries, and row 0 has %u", row, column, *width);
    *width = column;
    if (row >= *width)
        return wrong(s, place, "the matrix is not square: it has more rows than columns (%u)",
                     *width);
    return ESP_OK;
}

static esp_status read_matrix(struct scanner *s)
{
    unsigned width = 0;
    skip_blanks(s);
    s->matrix = s->at;
    esp_status status = expect(s, '[', "at the beginning of the matrix");
    if (status != ESP_OK)
        return status;
    do
        status = read_row(s, s->rows++, &width);
    while (status == ESP_OK && take(s, ','));
    if (status == ESP_OK)
        status = expect(s, ']', "or ',' after a row");
    if (status != ESP_OK)
        return status;
    if (s->rows != width)
        return wrong(s, s->matrix, "the matrix is not square: %u rows of %u entries", s->rows,
                     width);
    return s->rows >= 2 ? ESP_OK : wrong(s, s->matrix, "a module has at least two vertices");
}

// ---- The operations -----------------------------------------------------------------------------

static esp_status read_op(struct scanner *s)
{
    char name[WORD_SIZE];
    skip_blanks(s);
    const char *place = s->at;
    esp_status status = read_string(s, name, "at the beginning of an operation");
    if (status != ESP_OK)
        return status;
    if (s->op_count == MODULE_MOST)
        return wrong(s, place, "there are more than %d operations", MODULE_MOST);
    for (unsigned i = 0; i < WORD_COUNT; i++)
        if (strcmp(name, words[i]) == 0) {
            s->op_at[s->op_count] = place;
            s->op[s->op_count++] = i;
            return ESP_OK;
        }
    const char *nearest = esp_text_nearest(s->reader, name, words, WORD_COUNT, sizeof words[0]);
    if (nearest)
        return wrong(s, place, "there is no operation \"%s\"; did you mean %s?", name, nearest);
    return wrong(s, place,
                 "there is no operation \"%s\": expected conv3x3-bn-relu, conv1x1-bn-relu or "
                 "maxpool3x3, input first and output last",
                 name);
}

static esp_status read_ops(struct scanner *s)
{
    skip_blanks(s);
    s->ops = s->at;
    esp_status status = expect(s, '[', "at the beginning of the operations");
    if (status != ESP_OK)
        return status;
    do
        status = read_op(s);
    while (status == ESP_OK && take(s, ','));
    return status == ESP_OK ? expect(s, ']', "or ',' after an operation") : status;
}

// ---- The whole ----------------------------------------------------------------------------------

static esp_status read_member(struct scanner *s)
{
    char key[WORD_SIZE];
    skip_blanks(s);
    const char *place = s->at;
    esp_status status = read_string(s, key, "and \"matrix\" or \"ops\"");
    bool matrix = status == ESP_OK && strcmp(key, "matrix") == 0;
    if (status != ESP_OK)
        return status;
    if (!matrix && strcmp(key, "ops") != 0)
        return wrong(s, place, "there is no \"%s\" here: expected \"matrix\" or \"ops\"", key);
    if (matrix ? s->matrix : s->ops)
        return wrong(s, place, "\"%s\" stands here for the second time", key);
    status = expect(s, ':', "after a key");
    if (status != ESP_OK)
        return status;
    return matrix ? read_matrix(s) : read_ops(s);
}

static esp_status check_ops(const struct scanner *s)
{
    if (s->op_count != s->rows)
        return wrong(s, s->ops, "there are %u operations, and the matrix has %u vertices",
                     s->op_count, s->rows);
    for (unsigned v = 0; v < s->rows; v++) {
        unsigned word = s->op[v];
        if (v == 0 ? word != WORD_INPUT : word == WORD_INPUT)
            return wrong(s, s->op_at[v], "\"input\" is the first operation, and no other one");
        if (v == s->rows - 1 ? word != WORD_OUTPUT : word == WORD_OUTPUT)
            return wrong(s, s->op_at[v], "\"output\" is the last operation, and no other one");
    }
    return ESP_OK;
}

esp_status written_read(struct module *out, uint64_t *matrix_at, esp_text_reader *reader,
                        const char *text)
{
    struct scanner s = {.reader = reader, .text = text, .at = text};
    esp_status status = expect(&s, '{', "at the beginning of a module");
    if (status != ESP_OK)
        return status;
    do
        status = read_member(&s);
    while (status == ESP_OK && take(&s, ','));
    if (status == ESP_OK)
        status = expect(&s, '}', s.matrix && s.ops ? "at the end" : "or ',' after a list");
    if (status != ESP_OK)
        return status;
    if (!s.matrix || !s.ops)
        return wrong(&s, s.at - 1, "there is no \"%s\"", s.matrix ? "ops" : "matrix");
    skip_blanks(&s);
    if (*s.at)
        return wrong(&s, s.at, "expected the end");
    status = check_ops(&s);
    *out = (struct module){.count = s.rows};
    memcpy(out->edges, s.edges, sizeof s.edges);
    for (unsigned v = 1; v + 1 < s.rows && status == ESP_OK; v++)
        out->operation[v] = (enum operation)s.op[v];
    *matrix_at = (uint64_t)(s.matrix - text);
    return status;
}
