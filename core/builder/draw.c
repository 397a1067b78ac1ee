// SPDX-License-Identifier: Apache-2.0
// Random values of a domain. The numbers that are taken of the stream depend on the domain and on
// what is drawn alone, so equal streams give equal values.
#include "builder/pass.h"

#include <math.h>

static int64_t draw_integer(esp_random *random, const esp_domain *domain)
{
    uint64_t count = (uint64_t)domain->int_max - (uint64_t)domain->int_min + 1; // 0: all of them
    if (!(domain->flags & ESP_DOMAIN_LOG)) {
        uint64_t offset = count ? esp_random_below(random, count) : esp_random_bits(random);
        return (int64_t)((uint64_t)domain->int_min + offset);
    }
    // v has the share of [log v, log (v + 1)).
    double low = log((double)domain->int_min), high = log((double)domain->int_max + 1.0);
    double drawn = floor(exp(low + esp_random_real(random) * (high - low)));
    if (drawn >= (double)domain->int_max)
        return domain->int_max;
    return drawn <= (double)domain->int_min ? domain->int_min : (int64_t)drawn;
}

static double draw_real(esp_random *random, const esp_domain *domain)
{
    double low = domain->real_min, high = domain->real_max, share = esp_random_real(random);
    double drawn = domain->flags & ESP_DOMAIN_LOG
                       ? exp((1.0 - share) * log(low) + share * log(high))
                       : (1.0 - share) * low + share * high;
    return drawn < low ? low : drawn > high ? high : drawn;
}

// How many options: each k in proportion to n over k. The coefficients are relative to the first
// one, made smaller together before they overflow.
static uint32_t draw_count(esp_random *random, const esp_domain *domain)
{
    const double n = (double)domain->count;
    double ways = 1.0, sum = 1.0;
    uint64_t drawn = domain->least;
    for (uint64_t k = domain->least + 1; k <= domain->most; k++) {
        ways *= (n - (double)k + 1.0) / (double)k;
        sum += ways;
        if (esp_random_real(random) * sum < ways)
            drawn = k;
        if (sum > 1e280) {
            ways *= 1e-280;
            sum *= 1e-280;
        }
    }
    return (uint32_t)drawn;
}

// Selection sampling (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S).
static esp_value draw_subset(esp_random *random, const esp_domain *domain, uint32_t *indices)
{
    uint32_t wanted = draw_count(random, domain), count = 0;
    for (uint32_t i = 0; count < wanted; i++)
        if (esp_random_below(random, domain->count - i) < wanted - count)
            indices[count++] = i;
    return esp_value_subset(indices, count);
}

esp_value draw_value(esp_random *random, const esp_domain *domain, uint32_t *indices)
{
    switch (domain->kind) {
    case ESP_DECISION_ONE:
        return esp_value_one(esp_random_below(random, domain->count));
    case ESP_DECISION_INT:
        return esp_value_int(draw_integer(random, domain));
    case ESP_DECISION_REAL:
        return esp_value_real(draw_real(random, domain) + 0.0);
    default:
        return draw_subset(random, domain, indices);
    }
}

esp_value draw_met(const struct builder *builder, esp_random *random, const esp_domain *domain,
                   uint32_t *indices)
{
    if (builder->chance > 0.0)
        return esp_value_one(esp_random_real(random) < builder->chance);
    return draw_value(random, domain, indices);
}

esp_value draw_other(esp_random *random, const esp_domain *domain, esp_value value,
                     uint32_t *indices)
{
    if (domain->kind == ESP_DECISION_ONE) {
        uint64_t index = esp_random_below(random, domain->count - 1);
        return esp_value_one(index + (index >= value.as.index));
    }
    // No value has more than 2/3 of the chance, but where a logarithm's rounding leaves only one.
    esp_value drawn = draw_value(random, domain, indices);
    for (int tries = 0; value_equal(drawn, value); tries++) {
        drawn = draw_value(random, domain, indices);
        if (tries < 64)
            continue;
        if (domain->kind == ESP_DECISION_INT)
            drawn.as.integer =
                value.as.integer == domain->int_max ? domain->int_min : domain->int_max;
        else if (domain->kind == ESP_DECISION_REAL)
            drawn.as.real = value.as.real == domain->real_max ? domain->real_min : domain->real_max;
    }
    return drawn;
}

esp_status builder_draw(struct builder *builder, const esp_domain *domain, const esp_value *except,
                        esp_random *random, esp_value *out, struct error *error)
{
    uint32_t *identity = NULL;
    esp_value only;
    if (domain->kind == ESP_DECISION_SUBSET) {
        if (!array_reserve(&builder->drawn, &builder->drawn_capacity, domain->count + 1,
                           sizeof *builder->drawn))
            return error_memory(error);
        identity = builder->drawn;
    }
    if (domain_single(domain, &only, identity)) {
        if (except)
            return error_set(error, ESP_ERROR_INVALID, "a domain of one value has no other one");
        *out = only;
        return ESP_OK;
    }
    if (!except) { // inside `decide`, of the decision that is met
        *out = builder->running ? draw_met(builder, random, domain, builder->drawn)
                                : draw_value(random, domain, builder->drawn);
        return ESP_OK;
    }
    if (!value_in_domain(domain, *except))
        return error_set(error, ESP_ERROR_INVALID,
                         "a value other than one that is none of its domain");
    *out = draw_other(random, domain, *except, builder->drawn);
    return ESP_OK;
}
