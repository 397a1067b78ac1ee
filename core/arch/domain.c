// SPDX-License-Identifier: Apache-2.0
// Domains and values: equality, size, membership, copies and tests. Words for people are
// domain_text.c, JSON is domain_json.c.
#include "arch/domain.h"

#include "arch/arch.h"
#include "text/printable.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool has_names(uint32_t kind)
{
    return kind == ESP_DECISION_ONE || kind == ESP_DECISION_SUBSET;
}

bool value_equal(esp_value a, esp_value b)
{
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case ESP_DECISION_ONE:
        return a.as.index == b.as.index;
    case ESP_DECISION_INT:
        return a.as.integer == b.as.integer;
    case ESP_DECISION_REAL:
        return a.as.real == b.as.real;
    case ESP_DECISION_SUBSET:
        return a.count == b.count && (a.count == 0 || memcmp(a.as.indices, b.as.indices,
                                                             a.count * sizeof *a.as.indices) == 0);
    default:
        return false;
    }
}

static bool names_equal(const esp_domain *a, const esp_domain *b)
{
    if (a->count != b->count || (a->count > 0 && (!a->names || !b->names)))
        return false;
    for (uint64_t i = 0; i < a->count; i++)
        if (!a->names[i] || !b->names[i] || strcmp(a->names[i], b->names[i]) != 0)
            return false;
    return true;
}

// The same pointers may hold other names by now, so names are compared by what they say.
bool domain_equal(const esp_domain *a, const esp_domain *b)
{
    if (a->kind != b->kind || a->flags != b->flags)
        return false;
    switch (a->kind) {
    case ESP_DECISION_ONE:
        return names_equal(a, b);
    case ESP_DECISION_INT:
        return a->int_min == b->int_min && a->int_max == b->int_max;
    case ESP_DECISION_REAL:
        return a->real_min == b->real_min && a->real_max == b->real_max;
    case ESP_DECISION_SUBSET:
        return a->least == b->least && a->most == b->most && names_equal(a, b);
    default:
        return false;
    }
}

static bool subset_in_domain(const esp_domain *domain, esp_value value)
{
    if (value.count < domain->least || value.count > domain->most ||
        (value.count > 0 && !value.as.indices))
        return false;
    for (uint32_t i = 0; i < value.count; i++)
        if (value.as.indices[i] >= domain->count ||
            (i > 0 && value.as.indices[i] <= value.as.indices[i - 1]))
            return false;
    return true;
}

bool value_in_domain(const esp_domain *domain, esp_value value)
{
    if (value.kind != domain->kind)
        return false;
    switch (domain->kind) {
    case ESP_DECISION_ONE:
        return value.as.index < domain->count;
    case ESP_DECISION_INT:
        return value.as.integer >= domain->int_min && value.as.integer <= domain->int_max;
    case ESP_DECISION_REAL: // false for a NaN
        return value.as.real >= domain->real_min && value.as.real <= domain->real_max;
    case ESP_DECISION_SUBSET:
        return subset_in_domain(domain, value);
    default:
        return false;
    }
}

bool domain_single(const esp_domain *domain, esp_value *value, uint32_t *identity)
{
    switch (domain->kind) {
    case ESP_DECISION_ONE:
        *value = esp_value_one(0);
        return domain->count == 1;
    case ESP_DECISION_INT:
        *value = esp_value_int(domain->int_min);
        return domain->int_min == domain->int_max;
    case ESP_DECISION_REAL:
        *value = esp_value_real(domain->real_min + 0.0);
        return domain->real_min == domain->real_max;
    case ESP_DECISION_SUBSET:
        if (domain->most > 0 && domain->least < domain->count)
            return false;
        for (uint64_t i = 0; i < domain->least; i++)
            identity[i] = (uint32_t)i;
        *value = esp_value_subset(identity, (uint32_t)domain->least);
        return true;
    default:
        return false;
    }
}

// The sum of n over k for k in [least, most]; 0 where it is above 2^63.
static uint64_t subset_size(const esp_domain *domain)
{
    __extension__ typedef unsigned __int128 wide;
    const uint64_t n = domain->count, limit = UINT64_C(1) << 63;
    // Counted from the near end (n over k = n over n - k), so that coefficients only grow up to the
    // first that counts: one above the limit settles the sum.
    bool mirrored = domain->least > n / 2;
    uint64_t least = mirrored ? n - domain->most : domain->least;
    uint64_t most = mirrored ? n - domain->least : domain->most;
    wide sum = 0, ways = 1;
    for (uint64_t k = 0; k <= most; k++) {
        if (k >= least)
            sum += ways;
        if (sum > limit || ways > limit)
            return 0;
        ways = ways * (n - k) / (k + 1); // exact: a product of k + 1 neighbours
    }
    return (uint64_t)sum;
}

uint64_t domain_size(const esp_domain *domain)
{
    switch (domain->kind) {
    case ESP_DECISION_ONE:
        return domain->count;
    case ESP_DECISION_INT: {
        uint64_t distance = (uint64_t)domain->int_max - (uint64_t)domain->int_min;
        return distance < UINT64_C(1) << 63 ? distance + 1 : 0;
    }
    case ESP_DECISION_REAL:
        return domain->real_min == domain->real_max;
    case ESP_DECISION_SUBSET:
        return subset_size(domain);
    default:
        return 0;
    }
}

static bool copy_names(esp_domain *copy, const esp_domain *domain, struct arena *arena)
{
    const char **names = arena_take(arena, domain->count * sizeof *names);
    if (!names)
        return false;
    for (uint64_t i = 0; i < domain->count; i++)
        if (!(names[i] = arena_text(arena, domain->names[i], strlen(domain->names[i]))))
            return false;
    copy->names = names;
    return true;
}

const esp_domain *domain_copy(const esp_domain *domain, struct arena *arena)
{
    esp_domain *copy = arena_take(arena, sizeof *copy);
    if (!copy)
        return NULL;
    memset(copy, 0, sizeof *copy);
    copy->struct_size = sizeof *copy;
    copy->kind = domain->kind;
    copy->flags = domain->flags;
    if (has_names(domain->kind)) {
        copy->count = domain->count;
        if (!copy_names(copy, domain, arena))
            return NULL;
    }
    if (domain->kind == ESP_DECISION_INT) {
        copy->int_min = domain->int_min;
        copy->int_max = domain->int_max;
    } else if (domain->kind == ESP_DECISION_REAL) {
        copy->real_min = domain->real_min + 0.0;
        copy->real_max = domain->real_max + 0.0;
    } else if (domain->kind == ESP_DECISION_SUBSET) {
        copy->least = domain->least;
        copy->most = domain->most;
    }
    return copy;
}

// ---- Tests --------------------------------------------------------------------------------------

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static esp_status check_distinct(const esp_domain *domain, const char *path, struct error *error)
{
    const char **names = calloc(domain->count + 1, sizeof *names);
    if (!names)
        return error_memory(error);
    for (uint64_t i = 0; i < domain->count; i++)
        names[i] = domain->names[i];
    qsort(names, domain->count, sizeof *names, compare_names);
    esp_status status = ESP_OK;
    for (uint64_t i = 1; i < domain->count && status == ESP_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            status = error_set(error, ESP_ERROR_MISUSE, "decision %s: two options are named %s",
                               path, names[i]);
    free(names);
    return status;
}

static esp_status check_names(const esp_domain *domain, const char *path, struct error *error)
{
    if (domain->count > UINT32_MAX || (domain->count > 0 && !domain->names))
        return error_set(error, ESP_ERROR_MISUSE, "decision %s: %llu options, %s names", path,
                         (unsigned long long)domain->count, domain->names ? "too many" : "no");
    for (uint64_t i = 0; i < domain->count; i++) {
        const char *name = domain->names[i];
        if (!name || !name[0] || !text_printable(name))
            return error_set(error, ESP_ERROR_MISUSE, "decision %s: the name of option %llu %s",
                             path, (unsigned long long)i,
                             !name     ? "is NULL"
                             : name[0] ? "is no printable UTF-8"
                                       : "is empty");
    }
    return check_distinct(domain, path, error);
}

static esp_status check_range(const esp_domain *domain, const char *path, struct error *error)
{
    bool integer = domain->kind == ESP_DECISION_INT, log = domain->flags & ESP_DOMAIN_LOG;
    char text[256];
    domain_text(text, sizeof text, domain);
    if (!integer && (!isfinite(domain->real_min) || !isfinite(domain->real_max)))
        return error_set(error, ESP_ERROR_MISUSE, "decision %s: %s has no finite bounds", path,
                         text);
    if (integer ? domain->int_min > domain->int_max : domain->real_min > domain->real_max)
        return error_set(error, ESP_ERROR_MISUSE, "decision %s: %s is empty", path, text);
    if (log && (integer ? domain->int_min < 1 : domain->real_min <= 0.0))
        return error_set(error, ESP_ERROR_MISUSE,
                         "decision %s: %s is logarithmic and must begin %s", path, text,
                         integer ? "at 1 or above" : "above 0");
    return ESP_OK;
}

esp_status domain_check(const esp_domain *domain, const char *path, struct error *error)
{
    if (domain->struct_size < sizeof *domain)
        return error_set(error, ESP_ERROR_MISUSE,
                         "decision %s: its domain has the size %llu, not %zu", path,
                         (unsigned long long)domain->struct_size, sizeof *domain);
    switch (domain->kind) {
    case ESP_DECISION_ONE:
        if (domain->count == 0)
            return error_set(error, ESP_ERROR_MISUSE, "decision %s has no option", path);
        return check_names(domain, path, error);
    case ESP_DECISION_SUBSET:
        if (domain->least > domain->most || domain->most > domain->count)
            return error_set(error, ESP_ERROR_MISUSE,
                             "decision %s: cannot choose %llu to %llu of %llu options", path,
                             (unsigned long long)domain->least, (unsigned long long)domain->most,
                             (unsigned long long)domain->count);
        return check_names(domain, path, error);
    case ESP_DECISION_INT:
    case ESP_DECISION_REAL:
        return check_range(domain, path, error);
    default:
        return error_set(error, ESP_ERROR_MISUSE, "decision %s is of no known kind (%u)", path,
                         (unsigned)domain->kind);
    }
}
