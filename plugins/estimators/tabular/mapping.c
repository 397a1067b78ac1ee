// SPDX-License-Identifier: Apache-2.0
// Reads the mapping of columns to metrics; see mapping.h for the grammar.
#include "mapping.h"

#include <math.h>
#include <stdlib.h>

const char *const dimension_names[DIMENSION_COUNT] = {"epochs", "data_fraction", "resolution",
                                                      "width", "depth"};

// What is read, and how far.
struct reading {
    esp_create *create;
    const char *parameter;
    const char *text, *at;
    struct mapping *out;
};

static const char bare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                           "_-./@%+[]#$&!?<>";

// ---- Pieces -----------------------------------------------------------------------------------

static esp_status out_of_memory(const struct reading *reading)
{
    return esp_fail(reading->create, ESP_ERROR_MEMORY, "out of memory");
}

static esp_status expected(const struct reading *reading, const char *what)
{
    size_t place = (size_t)(reading->at - reading->text);
    if (*reading->at == '\0')
        return esp_fail(reading->create, ESP_ERROR_INVALID, "%s = %s: expected %s at the end",
                        reading->parameter, reading->text, what);
    return esp_fail(reading->create, ESP_ERROR_INVALID,
                    "%s: expected %s at character %zu, got '%.40s'", reading->parameter, what,
                    place + 1, reading->at);
}

static void skip_blanks(struct reading *reading)
{
    reading->at += strspn(reading->at, " \t");
}

// Takes a character, if it is the next.
static bool take(struct reading *reading, char c)
{
    skip_blanks(reading);
    if (*reading->at != c || c == '\0')
        return false;
    reading->at++;
    return true;
}

static bool at_end(struct reading *reading)
{
    skip_blanks(reading);
    return *reading->at == '\0';
}

// A name, bare or in quotes. Owner of `*out`: the caller.
static esp_status take_name(struct reading *reading, const char *what, char **out)
{
    skip_blanks(reading);
    char quote = *reading->at;
    bool quoted = quote == '"' || quote == '\'';
    const char *from = reading->at + quoted;
    size_t length = quoted ? strcspn(from, quote == '"' ? "\"" : "'") : strspn(from, bare);
    if (length == 0 || (quoted && from[length] == '\0'))
        return expected(reading, quoted ? "the name's closing quote" : what);
    *out = strndup(from, length);
    if (!*out)
        return out_of_memory(reading);
    reading->at = from + length + quoted;
    return ESP_OK;
}

static esp_status take_number(struct reading *reading, const char *what, double *out)
{
    char *end = NULL;
    skip_blanks(reading);
    *out = strtod(reading->at, &end);
    if (end == reading->at || !isfinite(*out))
        return expected(reading, what);
    reading->at = end;
    return ESP_OK;
}

// Room for one more element of a list that grows by doubling; NULL: out of memory.
static void *append(void *list, uint64_t *count, size_t size)
{
    void *old;
    memcpy(&old, list, sizeof old);
    if ((*count & (*count - 1)) == 0) { // 0 or a power of two: full
        old = realloc(old, (size_t)(*count ? 2 * *count : 1) * size);
        if (!old)
            return NULL;
        memcpy(list, &old, sizeof old);
    }
    unsigned char *element = (unsigned char *)old + (*count)++ * size;
    memset(element, 0, size);
    return element;
}

// ---- Columns and levels -----------------------------------------------------------------------

static esp_status read_seeds(struct reading *reading, struct level *level)
{
    struct mapping *out = reading->out;
    level->first = out->column_count;
    do {
        struct value_column *column = append(&out->columns, &out->column_count, sizeof *column);
        if (!column)
            return out_of_memory(reading);
        column->factor = column->divisor = 1;
        level->count++;
        esp_status status = take_name(reading, "the name of a column", &column->name);
        if (status == ESP_OK && take(reading, '*'))
            status = take_number(reading, "a number", &column->factor);
        if (status != ESP_OK)
            return status;
    } while (take(reading, '|'));
    return ESP_OK;
}

static const struct level *find_level(const struct mapping *mapping,
                                      const struct mapped_metric *metric, double value)
{
    for (uint64_t i = 0; i < metric->level_count; i++)
        if (mapping->levels[metric->first_level + i].value == value)
            return &mapping->levels[metric->first_level + i];
    return NULL;
}

static esp_status read_level(struct reading *reading, struct mapped_metric *metric, bool fidelity)
{
    struct mapping *out = reading->out;
    struct level level = {0};
    esp_status status = ESP_OK;
    if (fidelity) {
        status = take_number(reading, "a value of the fidelity", &level.value);
        if (status == ESP_OK && level.value <= 0)
            return esp_fail(reading->create, ESP_ERROR_INVALID,
                            "%s: a value of the fidelity is above 0, and %s has %g",
                            reading->parameter, metric->name, level.value);
        if (status == ESP_OK && find_level(out, metric, level.value))
            return esp_fail(reading->create, ESP_ERROR_INVALID, "%s: %s has %s = %g twice",
                            reading->parameter, metric->name, out->dimension, level.value);
        if (status == ESP_OK && !take(reading, '='))
            return expected(reading, "'=' and a column");
    }
    if (status == ESP_OK)
        status = read_seeds(reading, &level);
    if (status != ESP_OK)
        return status;
    struct level *place = append(&out->levels, &out->level_count, sizeof *place);
    if (!place)
        return out_of_memory(reading);
    *place = level;
    metric->level_count++;
    return ESP_OK;
}

static esp_status read_dimension(struct reading *reading)
{
    struct mapping *out = reading->out;
    const char *found = NULL;
    char *name = NULL;
    esp_status status = take_name(reading, "a dimension of fidelity ('epochs:')", &name);
    for (int i = 0; status == ESP_OK && i < DIMENSION_COUNT; i++)
        if (strcmp(dimension_names[i], name) == 0)
            found = dimension_names[i];
    if (status == ESP_OK && !found)
        status = esp_fail(reading->create, ESP_ERROR_INVALID,
                          "%s: there is no dimension '%s'; expected one of epochs, data_fraction, "
                          "resolution, width, depth",
                          reading->parameter, name);
    free(name);
    if (status == ESP_OK && out->dimension && out->dimension != found)
        status = esp_fail(reading->create, ESP_ERROR_INVALID,
                          "%s: a table has one dimension of fidelity, and this one has %s and %s",
                          reading->parameter, out->dimension, found);
    if (status != ESP_OK)
        return status;
    out->dimension = found;
    return take(reading, ':') ? ESP_OK : expected(reading, "':' after the dimension");
}

static esp_status read_levels(struct reading *reading, struct mapped_metric *metric)
{
    esp_status status = read_dimension(reading);
    metric->has_fidelity = true;
    if (status != ESP_OK)
        return status;
    do
        status = read_level(reading, metric, true);
    while (status == ESP_OK && take(reading, ','));
    return status;
}

// ---- Metrics ----------------------------------------------------------------------------------

static void divide(struct mapping *mapping, const struct mapped_metric *metric, double by)
{
    for (uint64_t i = 0; i < metric->level_count; i++) {
        const struct level *level = &mapping->levels[metric->first_level + i];
        for (uint64_t j = 0; j < level->count; j++)
            mapping->columns[level->first + j].divisor = by;
    }
}

// The words behind a metric's columns.
static esp_status read_words(struct reading *reading, struct mapped_metric *metric)
{
    static const char *const words[] = {"percent", "report", "higher", "lower"};
    for (;;) {
        skip_blanks(reading);
        size_t length = strspn(reading->at, bare), word = 0;
        if (length == 0)
            return ESP_OK;
        while (word < ESP_COUNT(words) &&
               (strlen(words[word]) != length || strncmp(words[word], reading->at, length) != 0))
            word++;
        if (word == 0)
            divide(reading->out, metric, 100);
        else if (word == 1)
            metric->flags |= ESP_METRIC_REPORT;
        else if (word == 2)
            metric->better = ESP_BETTER_HIGHER;
        else if (word == 3)
            metric->better = ESP_BETTER_LOWER;
        else
            return expected(reading, "',' or one of percent, report, higher, lower");
        reading->at += length;
    }
}

static esp_status check_metric_name(const struct reading *reading, const char *name)
{
    const struct mapping *out = reading->out;
    if (name[0] < 'a' || name[0] > 'z' ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0')
        return esp_fail(reading->create, ESP_ERROR_INVALID,
                        "%s: '%s' is no name of a metric: expected lower-case letters, digits and "
                        "'_'",
                        reading->parameter, name);
    if (strcmp(name, "cost") == 0)
        return esp_fail(reading->create, ESP_ERROR_INVALID,
                        "%s: the metric cost has a parameter of its own: cost = COLUMN",
                        reading->parameter);
    if (strcmp(name, "params") == 0 || strcmp(name, "macs") == 0)
        return esp_fail(reading->create, ESP_ERROR_INVALID,
                        "%s: the host counts %s itself; give the column another name",
                        reading->parameter, name);
    for (uint64_t i = 0; i + 1 < out->metric_count; i++)
        if (strcmp(out->metrics[i].name, name) == 0)
            return esp_fail(reading->create, ESP_ERROR_INVALID, "%s: %s stands twice",
                            reading->parameter, name);
    return ESP_OK;
}

static struct mapped_metric *add_metric(struct reading *reading)
{
    struct mapping *out = reading->out;
    struct mapped_metric *metric = append(&out->metrics, &out->metric_count, sizeof *metric);
    if (!metric) {
        out_of_memory(reading);
        return NULL;
    }
    metric->unit = "";
    metric->first_level = out->level_count;
    return metric;
}

static esp_status read_metric(struct reading *reading)
{
    struct mapped_metric *metric = add_metric(reading);
    if (!metric)
        return ESP_ERROR_MEMORY;
    esp_status status = take_name(reading, "the name of a metric", &metric->name);
    if (status == ESP_OK)
        status = check_metric_name(reading, metric->name);
    if (status != ESP_OK)
        return status;
    if (take(reading, '(')) {
        status = read_levels(reading, metric);
        if (status == ESP_OK && !take(reading, ')'))
            status = expected(reading, "')'");
    } else if (take(reading, '=')) {
        status = read_level(reading, metric, false);
    } else {
        status = expected(reading, "'=' and a column, or '(' and a fidelity");
    }
    if (status == ESP_OK)
        status = read_words(reading, metric);
    // Names that begin with test_ are so for the host, too.
    if (status == ESP_OK && strncmp(metric->name, "test_", 5) == 0)
        metric->flags |= ESP_METRIC_REPORT;
    return status;
}

static esp_status read_metrics(struct reading *reading)
{
    esp_status status = ESP_OK;
    if (at_end(reading))
        return esp_fail(reading->create, ESP_ERROR_INVALID,
                        "metrics is missing: expected what the table yields, for example metrics = "
                        "valid_accuracy = COLUMN percent higher");
    do
        status = read_metric(reading);
    while (status == ESP_OK && take(reading, ','));
    return status == ESP_OK && !at_end(reading) ? expected(reading, "','") : status;
}

// Is the next word followed by a ':'?
static bool has_dimension(struct reading *reading)
{
    skip_blanks(reading);
    const char *end = reading->at + strspn(reading->at, bare);
    return end[strspn(end, " \t")] == ':';
}

static esp_status read_cost(struct reading *reading)
{
    if (at_end(reading))
        return ESP_OK;
    struct mapped_metric *metric = add_metric(reading);
    if (!metric)
        return ESP_ERROR_MEMORY;
    metric->name = strdup("cost");
    metric->unit = "seconds";
    metric->better = ESP_BETTER_LOWER;
    if (!metric->name)
        return out_of_memory(reading);
    esp_status status =
        has_dimension(reading) ? read_levels(reading, metric) : read_level(reading, metric, false);
    return status == ESP_OK && !at_end(reading) ? expected(reading, "the end") : status;
}

// ---- Searched parameters ----------------------------------------------------------------------

static esp_status read_pair(struct reading *reading)
{
    struct mapping *out = reading->out;
    struct pair_column *pair = append(&out->pairs, &out->pair_count, sizeof *pair);
    if (!pair)
        return out_of_memory(reading);
    esp_status status = take_name(reading, "a decision's path, '@section/key'", &pair->path);
    if (status == ESP_OK && (pair->path[0] != '@' || !strchr(pair->path, '/')))
        return esp_fail(reading->create, ESP_ERROR_INVALID,
                        "searched: '%s' is no searched parameter: expected '@section/key'",
                        pair->path);
    for (uint64_t i = 0; status == ESP_OK && i + 1 < out->pair_count; i++)
        if (strcmp(out->pairs[i].path, pair->path) == 0)
            return esp_fail(reading->create, ESP_ERROR_INVALID, "searched: %s stands twice",
                            pair->path);
    if (status == ESP_OK && !take(reading, '='))
        return expected(reading, "'=' and a column");
    return status == ESP_OK ? take_name(reading, "the name of a column", &pair->column) : status;
}

static esp_status read_pairs(struct reading *reading)
{
    esp_status status = ESP_OK;
    if (at_end(reading))
        return ESP_OK;
    do
        status = read_pair(reading);
    while (status == ESP_OK && take(reading, ','));
    return status == ESP_OK && !at_end(reading) ? expected(reading, "','") : status;
}

// ---- The whole --------------------------------------------------------------------------------

// Metrics with a fidelity have the same values of it.
static esp_status check_levels(esp_create *create, const struct mapping *mapping)
{
    const struct mapped_metric *first = NULL;
    for (uint64_t i = 0; i < mapping->metric_count; i++) {
        const struct mapped_metric *metric = &mapping->metrics[i];
        if (!metric->has_fidelity)
            continue;
        if (!first)
            first = metric;
        for (uint64_t j = 0; j < first->level_count + metric->level_count; j++) {
            bool of_first = j < first->level_count;
            double value = mapping
                               ->levels[of_first ? first->first_level + j
                                                 : metric->first_level + j - first->level_count]
                               .value;
            const struct mapped_metric *other = of_first ? metric : first;
            if (!find_level(mapping, other, value))
                return esp_fail(
                    create, ESP_ERROR_INVALID, "%s has a column for %s = %g, and %s has none",
                    of_first ? first->name : metric->name, mapping->dimension, value, other->name);
        }
    }
    return ESP_OK;
}

static struct reading begin(esp_create *create, const char *parameter, struct mapping *out)
{
    const char *text = esp_param_text(create, parameter);
    return (struct reading){create, parameter, text, text, out};
}

esp_status mapping_read(struct mapping *out, esp_create *create)
{
    memset(out, 0, sizeof *out);
    out->key = esp_param_text(create, "key");
    out->key_is_hash = esp_param_int(create, "key_format") == 1;
    out->leave_out = esp_param_int(create, "outside") == 1;
    out->identity = esp_param_int(create, "identity") == 1 ? (uint32_t)ESP_IDENTITY_CANONICAL
                                                           : (uint32_t)ESP_IDENTITY_DECISIONS;
    struct reading metrics = begin(create, "metrics", out), cost = begin(create, "cost", out);
    struct reading searched = begin(create, "searched", out);
    esp_status status = read_metrics(&metrics);
    if (status == ESP_OK)
        status = read_cost(&cost);
    if (status == ESP_OK)
        status = read_pairs(&searched);
    if (status == ESP_OK && out->key_is_hash && out->pair_count > 0)
        status = esp_fail(create, ESP_ERROR_INVALID,
                          "searched: a hash holds the searched parameters already; expected "
                          "key_format = text");
    return status == ESP_OK ? check_levels(create, out) : status;
}

void mapping_destroy(struct mapping *mapping)
{
    for (uint64_t i = 0; i < mapping->metric_count; i++)
        free(mapping->metrics[i].name);
    for (uint64_t i = 0; i < mapping->column_count; i++)
        free(mapping->columns[i].name);
    for (uint64_t i = 0; i < mapping->pair_count; i++) {
        free(mapping->pairs[i].path);
        free(mapping->pairs[i].column);
    }
    free(mapping->metrics);
    free(mapping->levels);
    free(mapping->columns);
    free(mapping->pairs);
    memset(mapping, 0, sizeof *mapping);
}

const struct level *mapping_level(const struct mapping *mapping, const struct mapped_metric *metric,
                                  double value)
{
    return metric->has_fidelity ? find_level(mapping, metric, value)
                                : &mapping->levels[metric->first_level];
}
