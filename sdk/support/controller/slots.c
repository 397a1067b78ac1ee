// SPDX-License-Identifier: Apache-2.0
// Decisions as slots; see slots.h.
#include "slots.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Integers and reals in parts ------------------------------------------------------------------

static int is_log(const esp_domain *domain)
{
    return (domain->flags & ESP_DOMAIN_LOG) != 0;
}

// Where part `i` of `parts` of an integer's range begins.
static int64_t cut_of(const esp_domain *domain, uint64_t i, uint64_t parts)
{
    const uint64_t width = (uint64_t)domain->int_max - (uint64_t)domain->int_min;
    if (!is_log(domain)) {
        // floor((width + 1) i / parts), which may leave 64 bits.
        uint64_t at = width / parts * i + (width % parts + 1) * i / parts;
        return (int64_t)((uint64_t)domain->int_min + at);
    }
    const double low = log((double)domain->int_min), high = log((double)domain->int_max + 1.0);
    const double at = exp(low + (high - low) * (double)i / (double)parts);
    return at >= (double)domain->int_max ? domain->int_max
           : i == 0                      ? domain->int_min
                                         : (int64_t)ceil(at);
}

// The parts of an integer that hold one at least; 0: out of memory.
static int cut_integers(struct slot *slot, uint64_t parts)
{
    const esp_domain *domain = slot->domain;
    const uint64_t width = (uint64_t)domain->int_max - (uint64_t)domain->int_min;
    const uint64_t most = width < parts ? width + 1 : parts;
    slot->cuts = malloc(most * sizeof *slot->cuts);
    if (!slot->cuts)
        return 0;
    for (uint64_t i = 0; i < most; i++) {
        const int64_t cut = most <= width ? cut_of(domain, i, most) : domain->int_min + (int64_t)i;
        if (slot->options == 0 || cut > slot->cuts[slot->options - 1])
            slot->cuts[slot->options++] = cut;
    }
    return 1;
}

static void range_reals(struct slot *slot, uint64_t parts)
{
    const esp_domain *domain = slot->domain;
    slot->options = parts;
    slot->low = is_log(domain) ? log(domain->real_min) : domain->real_min;
    slot->high = is_log(domain) ? log(domain->real_max) : domain->real_max;
}

static uint32_t part_of_integer(const struct slot *slot, int64_t integer)
{
    uint64_t low = 0, high = slot->options; // cuts[low] <= integer < cuts[high]
    while (high - low > 1) {
        const uint64_t middle = low + (high - low) / 2;
        if (slot->cuts[middle] <= integer)
            low = middle;
        else
            high = middle;
    }
    return (uint32_t)low;
}

// Halves, so that the widest ranges do not overflow.
static uint32_t part_of_real(const struct slot *slot, double real)
{
    const double at = is_log(slot->domain) ? log(real) : real;
    const double unit = (0.5 * at - 0.5 * slot->low) / (0.5 * slot->high - 0.5 * slot->low);
    const double part = floor(unit * (double)slot->options);
    return part >= (double)slot->options ? (uint32_t)slot->options - 1
           : part > 0.0                  ? (uint32_t)part
                                         : 0;
}

uint32_t slot_encode(const struct slot *slot, esp_value value)
{
    if (value.kind == ESP_DECISION_ONE)
        return (uint32_t)value.as.index;
    return value.kind == ESP_DECISION_INT ? part_of_integer(slot, value.as.integer)
                                          : part_of_real(slot, value.as.real);
}

esp_value slot_decode(const struct slot *slot, uint32_t option, esp_random *random)
{
    const esp_domain *domain = slot->domain;
    if (domain->kind == ESP_DECISION_ONE)
        return esp_value_one(option);
    if (domain->kind == ESP_DECISION_INT) {
        const uint64_t first = (uint64_t)slot->cuts[option];
        const uint64_t last = option + 1 < slot->options ? (uint64_t)slot->cuts[option + 1] - 1
                                                         : (uint64_t)domain->int_max;
        return esp_value_int(
            (int64_t)(first == last ? first : first + esp_random_below(random, last - first + 1)));
    }
    const double unit = ((double)option + esp_random_real(random)) / (double)slot->options;
    const double at = slot->low * (1.0 - unit) + slot->high * unit;
    return esp_value_real(
        fmin(domain->real_max, fmax(domain->real_min, is_log(domain) ? exp(at) : at)));
}

// ---- Paths ------------------------------------------------------------------------------------------

// True for a component of a path that is a number; `*end`: behind it.
static int is_number(const char *component, const char **end)
{
    const char *at = component;
    while (isdigit((unsigned char)*at))
        at++;
    *end = at;
    return at > component && (*at == '/' || *at == '\0');
}

static const char *next_component(const char *component)
{
    const char *slash = strchr(component, '/');
    return slash ? slash + 1 : NULL;
}

// Where the weights of a decision's options belong: its path, without numbers where they are shared, and
// what kind it is; of parts also which range they cut.
static uint64_t group_of(const struct slots *slots, const struct slot *slot)
{
    const esp_domain *domain = slot->domain;
    uint64_t hash = HASH_START;
    for (const char *at = slot->path, *end; at; at = next_component(at)) {
        if (slots->share && is_number(at, &end))
            hash = hash_bytes(hash, "#", 1);
        else
            hash = hash_bytes(hash, at, strcspn(at, "/"));
        hash = hash_bytes(hash, "/", 1);
    }
    hash = hash_bytes(hash, &domain->kind, sizeof domain->kind);
    if (domain->kind == ESP_DECISION_REAL) {
        hash = hash_bytes(hash, &slot->low, sizeof slot->low);
        hash = hash_bytes(hash, &slot->high, sizeof slot->high);
    }
    return hash;
}

// The option as a key: its name, or of integers the values, so that ranges that share some share these.
static uint64_t option_key(const struct slot *slot, uint64_t group, uint64_t option)
{
    if (slot->domain->kind == ESP_DECISION_ONE || slot->domain->kind == ESP_DECISION_SUBSET)
        return hash_bytes(group, slot->domain->names[option], strlen(slot->domain->names[option]));
    if (!slot->cuts)
        return hash_bytes(group, &option, sizeof option);
    const int64_t ends[2] = {slot->cuts[option], option + 1 < slot->options
                                                     ? slot->cuts[option + 1] - 1
                                                     : slot->domain->int_max};
    return hash_bytes(group, ends, sizeof ends);
}

static int add_rows(struct slots *slots, struct slot *slot)
{
    const uint64_t group = group_of(slots, slot);
    slot->rows = malloc((slot->options + 1) * sizeof *slot->rows);
    if (!slot->rows)
        return 0;
    for (uint64_t i = 0; i < slot->options; i++) {
        if (slots->rows.count == slots->row_capacity) {
            const uint64_t capacity = slots->row_capacity ? 2 * slots->row_capacity : 64;
            uint64_t *keys = realloc(slots->row_keys, capacity * sizeof *keys);
            if (!keys)
                return 0;
            slots->row_keys = keys;
            slots->row_capacity = capacity;
        }
        const uint64_t key = option_key(slot, group, i);
        const int64_t row = numbering_of(&slots->rows, key);
        if (row < 0)
            return 0;
        slot->rows[i] = (uint64_t)row;
        slots->row_keys[row] = key;
    }
    return 1;
}

// The scopes that the path lies in: all of its beginnings that end in a number.
static int add_scopes(struct slots *slots, struct slot *slot)
{
    uint64_t numbers = 0;
    const char *end;
    for (const char *at = slot->path; at; at = next_component(at))
        numbers += is_number(at, &end) != 0;
    slot->scopes = malloc((numbers + 1) * sizeof *slot->scopes);
    if (!slot->scopes)
        return 0;
    for (const char *at = slot->path; at; at = next_component(at)) {
        if (!is_number(at, &end))
            continue;
        const int64_t scope = numbering_of(
            &slots->scopes, hash_bytes(HASH_START, slot->path, (uint64_t)(end - slot->path)));
        if (scope < 0)
            return 0;
        slot->scopes[slot->scope_count++] = (uint64_t)scope;
    }
    return 1;
}

// The number that an option names in place of the path's `number`: the option is that number, or the
// component before it, `_` and the number. NULL: it names none.
static const char *named_number(const char *path, const char *number, const char *option)
{
    const char *end, *word = number;
    while (word > path && word[-1] == '/')
        word--;
    while (word > path && word[-1] != '/')
        word--;
    const size_t length = strcspn(word, "/");
    if (word < number && strncmp(option, word, length) == 0 && option[length] == '_')
        option += length + 1;
    return is_number(option, &end) && *end == '\0' ? option : NULL;
}

// The scopes that the options of a subset name.
static int name_scopes(struct slots *slots, struct slot *slot)
{
    const char *number = NULL, *end;
    slot->named = malloc((slot->options + 1) * sizeof *slot->named);
    if (!slot->named)
        return 0;
    for (const char *at = slot->path; at; at = next_component(at))
        if (is_number(at, &end))
            number = at;
    for (uint64_t i = 0; i < slot->options; i++) {
        const char *name = number ? named_number(slot->path, number, slot->domain->names[i]) : NULL;
        slot->named[i] = -1;
        if (!name)
            continue;
        uint64_t hash = hash_bytes(HASH_START, slot->path, (uint64_t)(number - slot->path));
        slot->named[i] = numbering_of(&slots->scopes, hash_bytes(hash, name, strlen(name)));
        if (slot->named[i] < 0)
            return 0;
    }
    return 1;
}

// ---- Slots ------------------------------------------------------------------------------------------

static int is(const struct slot *slot, const char *path, const esp_domain *domain)
{
    return slot->domain == domain && (slot->path == path || strcmp(slot->path, path) == 0);
}

static void slot_free(struct slot *slot)
{
    free(slot->rows);
    free(slot->cuts);
    free(slot->named);
    free(slot->scopes);
}

static int make(struct slots *slots, struct slot *slot, const char *path, const esp_domain *domain)
{
    *slot = (struct slot){.path = path, .domain = domain, .next = slots->count};
    int made = 1;
    if (domain->kind == ESP_DECISION_INT)
        made = cut_integers(slot, slots->parts);
    else if (domain->kind == ESP_DECISION_REAL)
        range_reals(slot, slots->parts);
    else
        slot->options = domain->count;
    if (made)
        made = add_rows(slots, slot) && add_scopes(slots, slot);
    if (made && domain->kind == ESP_DECISION_SUBSET)
        made = name_scopes(slots, slot);
    if (!made)
        slot_free(slot);
    return made;
}

static int64_t look_up(struct slots *slots, const char *path, const esp_domain *domain)
{
    const uintptr_t address = (uintptr_t)domain; // one address a domain; it orders nothing
    uint64_t key = hash_bytes(HASH_START, path, strlen(path));
    key = hash_bytes(key, &address, sizeof address);
    if (slots->count == slots->capacity) {
        const uint64_t capacity = slots->capacity ? 2 * slots->capacity : 32;
        struct slot *all = realloc(slots->all, capacity * sizeof *all);
        if (!all)
            return -1;
        slots->all = all;
        slots->capacity = capacity;
    }
    int64_t number;
    while ((number = numbering_find(&slots->index, key)) >= 0) {
        if (is(&slots->all[number], path, domain))
            return number;
        key++; // another decision's: the next one
    }
    if (!make(slots, &slots->all[slots->count], path, domain))
        return -1;
    number = numbering_of(&slots->index, key);
    if (number < 0)
        slot_free(&slots->all[slots->count]);
    else
        slots->count++;
    return number;
}

int64_t slots_find(struct slots *slots, const char *path, const esp_domain *domain)
{
    int64_t found = -1;
    if (slots->last < slots->count) {
        const uint64_t next = slots->all[slots->last].next;
        if (next < slots->count && is(&slots->all[next], path, domain))
            found = (int64_t)next;
    }
    if (found < 0) {
        found = look_up(slots, path, domain);
        if (found < 0)
            return -1;
        if (slots->last < slots->count)
            slots->all[slots->last].next = (uint64_t)found;
    }
    slots->last = (uint64_t)found;
    return found;
}

void slots_free(struct slots *slots)
{
    for (uint64_t i = 0; i < slots->count; i++)
        slot_free(&slots->all[i]);
    free(slots->all);
    free(slots->row_keys);
    numbering_free(&slots->index);
    numbering_free(&slots->rows);
    numbering_free(&slots->scopes);
}
