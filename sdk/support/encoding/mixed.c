// SPDX-License-Identifier: Apache-2.0
// Points of choices and reals; see encoding.h.
#include <espalier/support/encoding.h>

#include <math.h>
#include <stdlib.h>

struct row {
    const char *path;
    const esp_domain *domain;
    uint64_t first; // of its numbers
    uint64_t next;  // row of the same slot + 1, or 0
};

struct esp_mixed_encoding {
    struct row *rows;
    uint64_t row_count;
    uint64_t choices, reals;
    uint64_t *slots; // by a path's hash: a row + 1, or 0
    uint64_t slot_count;
};

// FNV-1a.
static uint64_t slot_of(const esp_mixed_encoding *encoding, const char *path)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *path; path++)
        hash = (hash ^ (unsigned char)*path) * UINT64_C(0x100000001b3);
    return hash % encoding->slot_count;
}

static int is_real(const esp_domain *domain)
{
    return domain->kind == ESP_DECISION_INT || domain->kind == ESP_DECISION_REAL;
}

esp_status esp_mixed_encoding_create(esp_mixed_encoding **out, const esp_survey *survey)
{
    esp_mixed_encoding *encoding = calloc(1, sizeof *encoding);
    if (!encoding)
        return ESP_ERROR_MEMORY;
    encoding->row_count = esp_survey_count(survey);
    encoding->slot_count = 2 * encoding->row_count + 1;
    encoding->rows = calloc(encoding->row_count + 1, sizeof *encoding->rows);
    encoding->slots = calloc(encoding->slot_count, sizeof *encoding->slots);
    if (!encoding->rows || !encoding->slots) {
        esp_mixed_encoding_destroy(encoding);
        return ESP_ERROR_MEMORY;
    }
    for (uint64_t i = 0; i < encoding->row_count; i++) {
        const esp_domain *domain = esp_survey_domain(survey, i);
        uint64_t *slot;
        encoding->rows[i] = (struct row){esp_survey_path(survey, i), domain, 0, 0};
        slot = &encoding->slots[slot_of(encoding, encoding->rows[i].path)];
        encoding->rows[i].next = *slot;
        *slot = i + 1;
        encoding->rows[i].first = is_real(domain) ? encoding->reals : encoding->choices;
        if (is_real(domain))
            encoding->reals++;
        else
            encoding->choices += domain->kind == ESP_DECISION_SUBSET ? domain->count : 1;
    }
    for (uint64_t i = 0; i < encoding->row_count; i++)
        if (is_real(encoding->rows[i].domain))
            encoding->rows[i].first += encoding->choices;
    *out = encoding;
    return ESP_OK;
}

void esp_mixed_encoding_destroy(esp_mixed_encoding *encoding)
{
    if (!encoding)
        return;
    free(encoding->rows);
    free(encoding->slots);
    free(encoding);
}

uint64_t esp_mixed_encoding_choices(const esp_mixed_encoding *encoding)
{
    return encoding->choices;
}

uint64_t esp_mixed_encoding_reals(const esp_mixed_encoding *encoding)
{
    return encoding->reals;
}

static const struct row *find(const esp_mixed_encoding *encoding, const char *path,
                              const esp_domain *domain, uint64_t hint)
{
    if (hint < encoding->row_count && encoding->rows[hint].domain == domain &&
        strcmp(encoding->rows[hint].path, path) == 0)
        return &encoding->rows[hint];
    for (uint64_t i = encoding->slots[slot_of(encoding, path)]; i; i = encoding->rows[i - 1].next)
        if (encoding->rows[i - 1].domain == domain && strcmp(encoding->rows[i - 1].path, path) == 0)
            return &encoding->rows[i - 1];
    return NULL;
}

// Halves, so that the widest ranges do not overflow.
static double unit(const esp_domain *domain, esp_value value)
{
    const int whole = domain->kind == ESP_DECISION_INT;
    double low = whole ? (double)domain->int_min : domain->real_min;
    double high = whole ? (double)domain->int_max : domain->real_max;
    double number = whole ? (double)value.as.integer : value.as.real;
    if (domain->flags & ESP_DOMAIN_LOG) {
        low = log(low);
        high = log(high);
        number = log(number);
    }
    return fmin(1.0, fmax(0.0, (0.5 * number - 0.5 * low) / (0.5 * high - 0.5 * low)));
}

static void write(const struct row *row, esp_value value, double *numbers)
{
    if (is_real(row->domain)) {
        numbers[0] = unit(row->domain, value);
    } else if (row->domain->kind == ESP_DECISION_ONE) {
        numbers[0] = (double)value.as.index;
    } else {
        for (uint64_t i = 0; i < row->domain->count; i++)
            numbers[i] = 0.0;
        for (uint32_t i = 0; i < value.count; i++)
            numbers[value.as.indices[i]] = 1.0;
    }
}

uint64_t esp_mixed_encoding_write(const esp_mixed_encoding *encoding, const esp_arch *arch,
                                  double *point)
{
    const uint64_t count = esp_arch_count(arch);
    uint64_t outside = 0, hint = 0;
    for (uint64_t i = 0; i < encoding->choices + encoding->reals; i++)
        point[i] = NAN;
    for (uint64_t i = 0; i < count; i++) {
        const struct row *row =
            find(encoding, esp_arch_path(arch, i), esp_arch_domain(arch, i), hint);
        if (!row) {
            outside++;
            continue;
        }
        hint = (uint64_t)(row - encoding->rows) + 1;
        write(row, esp_arch_value(arch, i), point + row->first);
    }
    return outside;
}
