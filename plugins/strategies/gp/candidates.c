// SPDX-License-Identifier: Apache-2.0
// Candidates; see candidates.h.
#include "candidates.h"

#include <stdlib.h>

// Passes that the space rejected before the parent's values are taken as they are.
#define PASSES 100

int candidates_create(struct candidates *candidates, uint64_t most, uint64_t width)
{
    *candidates = (struct candidates){.archs = calloc(most + 1, sizeof *candidates->archs),
                                      .points = malloc((most * width + 1) * sizeof(double)),
                                      .capacity = most};
    return candidates->archs && candidates->points;
}

void candidates_free(struct candidates *candidates)
{
    for (uint64_t i = 0; i < candidates->count; i++)
        esp_arch_release(candidates->archs[i]);
    free(candidates->archs);
    free(candidates->points);
}

// Takes the reference.
static void take(struct candidates *candidates, const struct observations *observations,
                 esp_search *search, esp_arch *arch, int repeat)
{
    if (candidates->count == candidates->capacity || (!repeat && esp_search_seen(search, arch))) {
        esp_arch_release(arch);
        return;
    }
    esp_mixed_encoding_write(observations->encoding, arch,
                             candidates->points + candidates->count * observations->width);
    candidates->archs[candidates->count++] = arch;
}

esp_status candidates_random(struct candidates *candidates, const struct observations *observations,
                             esp_search *search, esp_random *random, uint64_t count, int repeat)
{
    for (uint64_t i = 0; i < count; i++) {
        esp_arch *arch = NULL;
        esp_status status = esp_search_sample(search, random, &arch);
        if (status != ESP_OK)
            return status;
        take(candidates, observations, search, arch, repeat);
    }
    return ESP_OK;
}

// ---- Near an architecture -------------------------------------------------------------------------

struct change {
    esp_search *search;
    esp_random *random;
    const esp_arch *parent;
    uint64_t changed; // the decision that takes another value; the count: all numbers move
    double step;
    const char *first; // the path that each pass begins with
    uint64_t passes, from;
};

// A number in [0, 1] moved by a normal step, back inside at the bounds.
static double moved(double unit, double step, esp_random *random)
{
    double at = unit + step * esp_random_normal(random);
    return fmin(1.0, fmax(0.0, at));
}

static esp_value move_number(const struct change *change, const esp_domain *domain, esp_value value)
{
    const int whole = domain->kind == ESP_DECISION_INT,
              logarithmic = domain->flags & ESP_DOMAIN_LOG;
    double low = whole ? (double)domain->int_min : domain->real_min;
    double high = whole ? (double)domain->int_max : domain->real_max;
    double number = whole ? (double)value.as.integer : value.as.real;
    double a = logarithmic ? log(low) : low, b = logarithmic ? log(high) : high;
    double at = logarithmic ? log(number) : number;
    double unit = moved((0.5 * at - 0.5 * a) / (0.5 * b - 0.5 * a), change->step, change->random);
    at = a * (1.0 - unit) + b * unit;
    number = logarithmic ? exp(at) : at;
    if (!whole)
        return esp_value_real(fmin(high, fmax(low, number)));
    number = floor(number + 0.5);
    return esp_value_int(number >= high  ? domain->int_max
                         : number <= low ? domain->int_min
                                         : (int64_t)number);
}

static esp_status decide(void *self, const char *path, const esp_domain *domain, esp_value *out)
{
    struct change *change = self;
    if (!change->first || strcmp(path, change->first) == 0) {
        change->first = path;
        change->passes++;
        change->from = 0;
    }
    int64_t place = esp_arch_match(change->parent, path, domain, &change->from);
    if (place < 0)
        return esp_search_draw(change->search, domain, NULL, change->random, out);
    *out = esp_arch_value(change->parent, (uint64_t)place);
    if (change->passes > PASSES)
        return ESP_OK;
    const int number = domain->kind == ESP_DECISION_INT || domain->kind == ESP_DECISION_REAL;
    if (number &&
        ((uint64_t)place == change->changed || change->changed == esp_arch_count(change->parent))) {
        *out = move_number(change, domain, *out);
        return ESP_OK;
    }
    if ((uint64_t)place != change->changed)
        return ESP_OK;
    esp_value before = *out;
    return esp_search_draw(change->search, domain, &before, change->random, out);
}

static int has_numbers(const esp_arch *arch)
{
    for (uint64_t i = 0; i < esp_arch_count(arch); i++) {
        uint32_t kind = esp_arch_domain(arch, i)->kind;
        if (kind == ESP_DECISION_INT || kind == ESP_DECISION_REAL)
            return 1;
    }
    return 0;
}

esp_status candidates_near(struct candidates *candidates, const struct observations *observations,
                           esp_search *search, esp_random *random, esp_arch *arch, uint64_t count,
                           double step, int repeat)
{
    const uint64_t decisions = esp_arch_count(arch);
    const int numbers = has_numbers(arch);
    for (uint64_t i = 0; i < count && decisions > 0; i++) {
        struct change change = {.search = search, .random = random, .parent = arch, .step = step};
        int all = numbers && esp_random_bits(random) >> 63;
        change.changed = all ? decisions : esp_random_below(random, decisions);
        esp_arch *child = NULL;
        esp_status status = esp_search_decide(search, decide, &change, &child);
        if (status != ESP_OK)
            return status;
        take(candidates, observations, search, child, repeat);
    }
    return ESP_OK;
}
