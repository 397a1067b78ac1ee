// SPDX-License-Identifier: Apache-2.0
// Decisions as axes; see dimensions.h.
#include "dimensions.h"

#include <stdlib.h>

// FNV-1a.
static uint64_t hash_path(const char *path)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *path; path++)
        hash = (hash ^ (unsigned char)*path) * UINT64_C(0x100000001b3);
    return hash;
}

static int is(const struct dimension *dimension, const char *path, const esp_domain *domain)
{
    return dimension->domain == domain &&
           (dimension->path == path || strcmp(dimension->path, path) == 0);
}

// The place of a decision, or the empty one where it belongs.
static uint64_t place_of(const struct dimensions *dimensions, const char *path,
                         const esp_domain *domain)
{
    uint64_t mask = dimensions->index_capacity - 1, i = hash_path(path) & mask;
    while (dimensions->index[i] && !is(&dimensions->all[dimensions->index[i] - 1], path, domain))
        i = (i + 1) & mask;
    return i;
}

static int grow(struct dimensions *dimensions)
{
    uint64_t capacity = dimensions->capacity ? 2 * dimensions->capacity : 32;
    struct dimension *all = realloc(dimensions->all, capacity * sizeof *all);
    if (!all)
        return 0;
    dimensions->all = all;
    dimensions->capacity = capacity;
    uint64_t *index = calloc(2 * capacity, sizeof *index);
    if (!index)
        return 0;
    free(dimensions->index);
    dimensions->index = index;
    dimensions->index_capacity = 2 * capacity;
    for (uint64_t i = 0; i < dimensions->count; i++)
        index[place_of(dimensions, all[i].path, all[i].domain)] = i + 1;
    return 1;
}

static struct dimension make(const char *path, const esp_domain *domain, uint64_t first_axis)
{
    struct dimension made = {path, domain, first_axis, 1, 0.0, 1.0};
    if (domain->kind == ESP_DECISION_SUBSET)
        made.axis_count = domain->count;
    if (domain->kind == ESP_DECISION_INT) {
        made.low = (double)domain->int_min - 0.5;
        made.high = (double)domain->int_max + 0.5;
    } else if (domain->kind == ESP_DECISION_REAL) {
        made.low = domain->real_min;
        made.high = domain->real_max;
    }
    if (domain->flags & ESP_DOMAIN_LOG) {
        made.low = log(made.low);
        made.high = log(made.high);
    }
    return made;
}

const struct dimension *dimensions_find(struct dimensions *dimensions, const char *path,
                                        const esp_domain *domain, uint64_t *from)
{
    if (*from < dimensions->count && is(&dimensions->all[*from], path, domain))
        return &dimensions->all[(*from)++];
    if (dimensions->count == dimensions->capacity && !grow(dimensions))
        return NULL;
    uint64_t *place = &dimensions->index[place_of(dimensions, path, domain)];
    if (*place == 0) {
        struct dimension made = make(path, domain, dimensions->axis_count);
        dimensions->all[dimensions->count++] = made;
        dimensions->axis_count += made.axis_count;
        *place = dimensions->count;
    }
    *from = *place;
    return &dimensions->all[*place - 1];
}

void dimensions_free(struct dimensions *dimensions)
{
    free(dimensions->all);
    free(dimensions->index);
}

// ---- Values ---------------------------------------------------------------------------------------

static int is_log(const esp_domain *domain)
{
    return (domain->flags & ESP_DOMAIN_LOG) != 0;
}

esp_parzen_axis dimension_axis(const struct dimension *dimension, uint64_t i)
{
    const esp_domain *domain = dimension->domain;
    (void)i;
    if (domain->kind == ESP_DECISION_ONE)
        return (esp_parzen_axis){ESP_PARZEN_CHOICE, 0, domain->count, 0};
    if (domain->kind == ESP_DECISION_SUBSET)
        return (esp_parzen_axis){ESP_PARZEN_CHOICE, 0, 2, 0};
    // As in Optuna the parts of a logarithmic integer are no steps: they are not equal.
    uint64_t steps = domain->kind == ESP_DECISION_INT && !is_log(domain)
                         ? (uint64_t)domain->int_max - (uint64_t)domain->int_min + 1
                         : 0;
    return (esp_parzen_axis){ESP_PARZEN_CONTINUOUS, 0, 0, steps};
}

// Halves, so that the widest ranges do not overflow.
static double to_unit(const struct dimension *dimension, double number)
{
    if (is_log(dimension->domain))
        number = log(number);
    double unit =
        (0.5 * number - 0.5 * dimension->low) / (0.5 * dimension->high - 0.5 * dimension->low);
    return fmin(1.0, fmax(0.0, unit));
}

static double from_unit(const struct dimension *dimension, double unit)
{
    double number = dimension->low * (1.0 - unit) + dimension->high * unit;
    return is_log(dimension->domain) ? exp(number) : number;
}

void dimension_encode(const struct dimension *dimension, esp_value value, double *numbers)
{
    switch (value.kind) {
    case ESP_DECISION_ONE:
        numbers[0] = (double)value.as.index;
        break;
    case ESP_DECISION_INT:
        numbers[0] = to_unit(dimension, (double)value.as.integer);
        break;
    case ESP_DECISION_REAL:
        numbers[0] = to_unit(dimension, value.as.real);
        break;
    default:
        for (uint64_t i = 0; i < dimension->axis_count; i++)
            numbers[i] = 0.0;
        for (uint32_t i = 0; i < value.count; i++)
            numbers[value.as.indices[i]] = 1.0;
    }
}

static esp_value decode_int(const struct dimension *dimension, double unit)
{
    const esp_domain *domain = dimension->domain;
    double number = floor(from_unit(dimension, unit) + 0.5);
    if (number >= (double)domain->int_max)
        return esp_value_int(domain->int_max);
    if (number <= (double)domain->int_min)
        return esp_value_int(domain->int_min);
    return esp_value_int((int64_t)number);
}

int dimension_decode(const struct dimension *dimension, const double *numbers, uint32_t *indices,
                     esp_value *out)
{
    const esp_domain *domain = dimension->domain;
    uint32_t count = 0;
    switch (domain->kind) {
    case ESP_DECISION_ONE:
        *out = esp_value_one((uint64_t)numbers[0]);
        return 1;
    case ESP_DECISION_INT:
        *out = decode_int(dimension, numbers[0]);
        return 1;
    case ESP_DECISION_REAL:
        *out = esp_value_real(
            fmin(domain->real_max, fmax(domain->real_min, from_unit(dimension, numbers[0]))));
        return 1;
    default:
        for (uint32_t i = 0; i < domain->count; i++)
            if (numbers[i] > 0.5)
                indices[count++] = i;
        *out = esp_value_subset(indices, count);
        return count >= domain->least && count <= domain->most;
    }
}
