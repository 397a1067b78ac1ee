// SPDX-License-Identifier: Apache-2.0
// The notation of the DARTS code; see genotype.h.
#include "genotype.h"

#include <string.h>

const char *const genotype_cell_names[GENOTYPE_CELLS] = {"normal", "reduce"};
const char *const genotype_state_names[GENOTYPE_MOST_STATES] = {"0", "1", "2", "3", "4",
                                                                "5", "6", "7", "8", "9"};

enum argument { NORMAL, NORMAL_CONCAT, REDUCE, REDUCE_CONCAT, ARGUMENTS };

static const char *const argument_names[ARGUMENTS] = {"normal", "normal_concat", "reduce",
                                                      "reduce_concat"};

// ---- Reading ------------------------------------------------------------------------------------

// The place in the text. After a message every function below answers its status and goes nowhere.
struct scan {
    esp_text_reader *reader;
    const char *text;
    uint64_t at;
    esp_status status;
};

static void skip_blanks(struct scan *scan)
{
    while (scan->text[scan->at] && strchr(" \t\r\n", scan->text[scan->at]))
        scan->at++;
}

static esp_status wrong(struct scan *scan, uint64_t at, const char *message)
{
    if (scan->status == ESP_OK)
        scan->status = esp_text_wrong(scan->reader, at, "%s", message);
    return scan->status;
}

// Whether the next character is `wanted`; takes it if so.
static int take(struct scan *scan, char wanted)
{
    skip_blanks(scan);
    if (scan->status != ESP_OK || scan->text[scan->at] != wanted)
        return 0;
    scan->at++;
    return 1;
}

static esp_status expect(struct scan *scan, char wanted, const char *message)
{
    if (scan->status == ESP_OK && !take(scan, wanted))
        wrong(scan, scan->at, message);
    return scan->status;
}

static int is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Takes a word of [A-Za-z0-9_], cut to `size`; `*at` is where it stands.
static void take_word(struct scan *scan, char *word, size_t size, uint64_t *at)
{
    size_t length = 0;
    skip_blanks(scan);
    *at = scan->at;
    for (; is_word(scan->text[scan->at]); scan->at++)
        if (length + 1 < size)
            word[length++] = scan->text[scan->at];
    word[length] = '\0';
}

// The number of a state.
static uint32_t take_number(struct scan *scan, uint64_t *at)
{
    uint32_t number = 0;
    skip_blanks(scan);
    *at = scan->at;
    if (scan->status != ESP_OK)
        return 0;
    char c = scan->text[scan->at];
    if (c < '0' || c > '9')
        wrong(scan, scan->at, "expected the number of a state: 0, 1, 2, ...");
    for (; scan->status == ESP_OK && c >= '0' && c <= '9'; c = scan->text[++scan->at]) {
        number = 10 * number + (uint32_t)(c - '0');
        if (number > 1000)
            wrong(scan, *at, "this number is too large for a state");
    }
    return number;
}

// ('sep_conv_3x3', 0)
static void read_pair(struct scan *scan, struct genotype_pair *pair)
{
    if (expect(scan, '(', "expected a pair: ('operation', state)") != ESP_OK)
        return;
    skip_blanks(scan);
    char quote = scan->text[scan->at] == '"' ? '"' : '\'';
    if (expect(scan, quote, "expected an operation's name in quotes") != ESP_OK)
        return;
    take_word(scan, pair->name, sizeof pair->name, &pair->name_at);
    if (scan->text[scan->at] != quote) {
        wrong(scan, scan->at, "expected the end of the name: a quote like the one it began with");
        return;
    }
    scan->at++;
    expect(scan, ',', "expected ',' and the number of a state");
    pair->state = take_number(scan, &pair->state_at);
    expect(scan, ')', "expected ')' after the number of a state");
}

static void read_pairs(struct scan *scan, struct genotype_cell *cell)
{
    skip_blanks(scan);
    cell->pairs_at = scan->at;
    expect(scan, '[', "expected a list of pairs: [('operation', state), ...]");
    while (scan->status == ESP_OK && !take(scan, ']')) {
        skip_blanks(scan);
        if (cell->pair_count == GENOTYPE_MOST_PAIRS)
            wrong(scan, scan->at, "expected ']': no cell has so many pairs");
        else
            read_pair(scan, &cell->pairs[cell->pair_count++]);
        if (scan->status != ESP_OK || take(scan, ','))
            continue;
        skip_blanks(scan);
        if (scan->text[scan->at] != ']')
            wrong(scan, scan->at, "expected ',' or ']' after a pair");
    }
    cell->pairs_end = scan->at ? scan->at - 1 : 0;
}

static void add_state(struct scan *scan, struct genotype_cell *cell, uint32_t state, uint64_t at)
{
    for (uint64_t i = 0; i < cell->concat_count; i++)
        if (cell->concat[i] == state)
            wrong(scan, at, "this state stands twice");
    if (cell->concat_count == GENOTYPE_MOST_STATES || state >= GENOTYPE_MOST_STATES)
        wrong(scan, at, "no cell has so many states");
    if (scan->status == ESP_OK)
        cell->concat[cell->concat_count++] = state;
}

// range(2, 6)
static void read_range(struct scan *scan, struct genotype_cell *cell)
{
    uint64_t at, end_at;
    expect(scan, '(', "expected '(' after range");
    uint32_t first = take_number(scan, &at);
    expect(scan, ',', "expected ',' between the ends of the range");
    uint32_t end = take_number(scan, &end_at);
    if (scan->status == ESP_OK && end <= first)
        wrong(scan, end_at, "this range is empty");
    expect(scan, ')', "expected ')' after the range");
    for (uint32_t state = first; scan->status == ESP_OK && state < end; state++)
        add_state(scan, cell, state, at);
}

static void read_concat(struct scan *scan, struct genotype_cell *cell)
{
    skip_blanks(scan);
    cell->concat_at = scan->at;
    if (strncmp(scan->text + scan->at, "range", 5) == 0) {
        scan->at += 5;
        read_range(scan, cell);
        return;
    }
    expect(scan, '[', "expected a list of states: [2, 3, 4, 5] or range(2, 6)");
    while (scan->status == ESP_OK && !take(scan, ']')) {
        uint64_t at;
        uint32_t state = take_number(scan, &at);
        add_state(scan, cell, state, at);
        if (scan->status != ESP_OK || take(scan, ','))
            continue;
        skip_blanks(scan);
        if (scan->text[scan->at] != ']')
            wrong(scan, scan->at, "expected ',' or ']' after a state");
    }
    if (scan->status == ESP_OK && cell->concat_count == 0)
        wrong(scan, cell->concat_at, "a cell without an output: expected at least one state");
}

// name=value; notes in `given` that it was met.
static void read_argument(struct scan *scan, struct genotype *out, int given[ARGUMENTS])
{
    char word[GENOTYPE_NAME_SIZE];
    uint64_t at;
    int i = 0;
    take_word(scan, word, sizeof word, &at);
    while (i < ARGUMENTS && strcmp(word, argument_names[i]) != 0)
        i++;
    if (i == ARGUMENTS) {
        const char *near = esp_text_nearest(scan->reader, word, argument_names, ARGUMENTS,
                                            sizeof argument_names[0]);
        scan->status = esp_text_wrong(scan->reader, at,
                                      "expected an argument (normal, normal_concat, reduce, "
                                      "reduce_concat)%s%s",
                                      near ? "; the nearest is " : "", near ? near : "");
        return;
    }
    if (given[i]++) {
        wrong(scan, at, "this argument stands twice");
        return;
    }
    expect(scan, '=', "expected '=' after the name of an argument");
    if (i % 2 == 0)
        read_pairs(scan, &out->cells[i / 2]);
    else
        read_concat(scan, &out->cells[i / 2]);
}

esp_status genotype_read(struct genotype *out, esp_text_reader *reader, const char *text)
{
    struct scan scan = {reader, text, 0, ESP_OK};
    int given[ARGUMENTS] = {0};
    char word[GENOTYPE_NAME_SIZE];
    uint64_t at;
    memset(out, 0, sizeof *out);
    take_word(&scan, word, sizeof word, &at);
    if (strcmp(word, "Genotype") != 0)
        wrong(&scan, at,
              "expected Genotype(normal=[...], normal_concat=[...], reduce=[...], "
              "reduce_concat=[...])");
    expect(&scan, '(', "expected '(' after Genotype");
    while (scan.status == ESP_OK && !take(&scan, ')')) {
        read_argument(&scan, out, given);
        if (scan.status != ESP_OK || take(&scan, ','))
            continue;
        skip_blanks(&scan);
        if (text[scan.at] != ')')
            wrong(&scan, scan.at, "expected ',' or ')' after an argument");
    }
    for (int i = 0; i < ARGUMENTS && scan.status == ESP_OK; i++)
        if (!given[i])
            scan.status = esp_text_wrong(reader, scan.at - 1, "%s is missing", argument_names[i]);
    skip_blanks(&scan);
    if (scan.status == ESP_OK && text[scan.at])
        wrong(&scan, scan.at, "expected the end of the text");
    return scan.status;
}

// ---- What a space asks --------------------------------------------------------------------------

static const char *name_at(const char *const *names, uint64_t stride, uint64_t i)
{
    const char *name;
    memcpy(&name, (const char *)names + i * stride, sizeof name);
    return name;
}

static esp_status check_pair(const struct genotype_pair *pair, esp_text_reader *reader,
                             uint32_t states, const char *const *names, uint64_t count,
                             uint64_t stride)
{
    uint64_t i = 0;
    while (i < count && strcmp(pair->name, name_at(names, stride, i)) != 0)
        i++;
    if (i == count) {
        const char *near = esp_text_nearest(reader, pair->name, names, count, stride);
        return esp_text_wrong(reader, pair->name_at, "there is no operation '%s'%s%s", pair->name,
                              near ? "; the nearest is " : "", near ? near : "");
    }
    if (pair->state >= states)
        return esp_text_wrong(reader, pair->state_at,
                              "this node takes the states 0 to %u, which are there before it",
                              states - 1);
    return ESP_OK;
}

esp_status genotype_check(const struct genotype *genotype, esp_text_reader *reader, uint64_t nodes,
                          const char *const *names, uint64_t count, uint64_t stride)
{
    for (int c = 0; c < GENOTYPE_CELLS; c++) {
        const struct genotype_cell *cell = &genotype->cells[c];
        for (uint64_t i = 0; i < cell->pair_count && i < 2 * nodes; i++) {
            esp_status status =
                check_pair(&cell->pairs[i], reader, (uint32_t)(2 + i / 2), names, count, stride);
            if (status != ESP_OK)
                return status;
        }
        if (cell->pair_count != 2 * nodes) {
            uint64_t at =
                cell->pair_count > 2 * nodes ? cell->pairs[2 * nodes].name_at : cell->pairs_end;
            return esp_text_wrong(reader, at,
                                  "expected %llu pairs, two for each of %llu nodes, and there %s "
                                  "%llu",
                                  (unsigned long long)(2 * nodes), (unsigned long long)nodes,
                                  cell->pair_count == 1 ? "is" : "are",
                                  (unsigned long long)cell->pair_count);
        }
        for (uint64_t i = 0; i < cell->concat_count; i++)
            if (cell->concat[i] >= 2 + nodes)
                return esp_text_wrong(reader, cell->concat_at,
                                      "there is no state %u: %llu nodes are the states 2 to %llu",
                                      cell->concat[i], (unsigned long long)nodes,
                                      (unsigned long long)(1 + nodes));
    }
    return ESP_OK;
}

// ---- Writing ------------------------------------------------------------------------------------

esp_status genotype_write(const struct genotype *genotype, esp_text_writer *writer)
{
    esp_status status = esp_text_print(writer, "Genotype(");
    for (int c = 0; c < GENOTYPE_CELLS; c++) {
        const struct genotype_cell *cell = &genotype->cells[c];
        esp_text_print(writer, "%s%s=[", c ? ", " : "", argument_names[2 * c]);
        for (uint64_t i = 0; i < cell->pair_count; i++)
            esp_text_print(writer, "%s('%s', %u)", i ? ", " : "", cell->pairs[i].name,
                           cell->pairs[i].state);
        esp_text_print(writer, "], %s=[", argument_names[2 * c + 1]);
        for (uint64_t i = 0; i < cell->concat_count; i++)
            esp_text_print(writer, "%s%u", i ? ", " : "", cell->concat[i]);
        status = esp_text_print(writer, "]");
    }
    return status == ESP_OK ? esp_text_print(writer, ")") : status;
}
