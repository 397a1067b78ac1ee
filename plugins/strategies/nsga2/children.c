// SPDX-License-Identifier: Apache-2.0
// Children; see children.h.
#include "children.h"

// Passes that the space rejected before the child is its first parent as it is, which is a member.
#define PASSES 100

static int coin(esp_random *random)
{
    return (int)(esp_random_bits(random) >> 63);
}

static double within(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

// ---- Numbers ----------------------------------------------------------------------------------------

// How far a child spreads from the middle, in halves of the parents' distance; `room`: from a parent to
// its bound, in such distances.
static double spread(double room, double eta, double u)
{
    double alpha = 2.0 - pow(1.0 + 2.0 * room, -(eta + 1.0));
    double base = u <= 1.0 / alpha ? u * alpha : 1.0 / (2.0 - u * alpha);
    return pow(base, 1.0 / (eta + 1.0));
}

double sbx(double a, double b, double low, double high, double eta, esp_random *random)
{
    double least = a < b ? a : b, most = a < b ? b : a, distance = most - least;
    double u = esp_random_real(random);
    int upper = coin(random);
    if (!(distance > 1e-14 * (high - low)))
        return upper ? a : b;
    double room = (upper ? high - most : least - low) / distance;
    double middle = 0.5 * (least + most), half = 0.5 * distance * spread(room, eta, u);
    return within(upper ? middle + half : middle - half, low, high);
}

double polynomial(double value, double low, double high, double eta, esp_random *random)
{
    double span = high - low, u = esp_random_real(random), power = 1.0 / (eta + 1.0), step;
    if (u < 0.5) {
        double left = pow(1.0 - (value - low) / span, eta + 1.0);
        step = pow(2.0 * u + (1.0 - 2.0 * u) * left, power) - 1.0;
    } else {
        double left = pow(1.0 - (high - value) / span, eta + 1.0);
        step = 1.0 - pow(2.0 * (1.0 - u) + 2.0 * (u - 0.5) * left, power);
    }
    return within(value + step * span, low, high);
}

// A number's scale: what crossover and mutation see of a domain. Integers have half a step more on both
// sides, so that the outer ones are no rarer.
struct scale {
    double low, high;
    int logarithmic;
};

static struct scale scale_of(const esp_domain *domain)
{
    struct scale scale = {domain->real_min, domain->real_max,
                          (domain->flags & ESP_DOMAIN_LOG) != 0};
    if (domain->kind == ESP_DECISION_INT) {
        scale.low = (double)domain->int_min - 0.5;
        scale.high = (double)domain->int_max + 0.5;
    }
    if (scale.logarithmic) {
        scale.low = log(scale.low);
        scale.high = log(scale.high);
    }
    return scale;
}

static double to_scale(const struct scale *scale, esp_value value)
{
    double number = value.kind == ESP_DECISION_INT ? (double)value.as.integer : value.as.real;
    return within(scale->logarithmic ? log(number) : number, scale->low, scale->high);
}

static esp_value from_scale(const struct scale *scale, const esp_domain *domain, double number)
{
    if (scale->logarithmic)
        number = exp(number);
    if (domain->kind == ESP_DECISION_REAL)
        return esp_value_real(within(number, domain->real_min, domain->real_max));
    number = floor(number + 0.5);
    if (number >= (double)domain->int_max)
        return esp_value_int(domain->int_max);
    if (number <= (double)domain->int_min)
        return esp_value_int(domain->int_min);
    return esp_value_int((int64_t)number);
}

static int is_number(const esp_domain *domain)
{
    return domain->kind == ESP_DECISION_INT || domain->kind == ESP_DECISION_REAL;
}

// An integer that rounding left where it was goes to a neighbour.
static esp_value step_aside(const esp_domain *domain, esp_value value, esp_random *random)
{
    int up =
        value.as.integer == domain->int_min || (value.as.integer < domain->int_max && coin(random));
    return esp_value_int(value.as.integer + (up ? 1 : -1));
}

// ---- Decisions --------------------------------------------------------------------------------------

struct inheritance {
    const struct variation *variation;
    esp_search *search;
    esp_random *random;
    const esp_arch *a, *b;
    double rate;
    const char *first; // the path that each pass begins with
    uint64_t passes;
    uint64_t from_a, from_b; // where to look in the traces
};

// Of a decision that both have. As in the authors' code a number is crossed with chance 1/2.
static esp_value cross(const struct inheritance *self, const esp_domain *domain, esp_value a,
                       esp_value b)
{
    int crossed = coin(self->random);
    if (!is_number(domain) || !crossed)
        return coin(self->random) ? a : b;
    struct scale scale = scale_of(domain);
    return from_scale(&scale, domain,
                      sbx(to_scale(&scale, a), to_scale(&scale, b), scale.low, scale.high,
                          self->variation->crossover_eta, self->random));
}

static esp_status mutate(const struct inheritance *self, const esp_domain *domain, esp_value *value)
{
    esp_value before = *value;
    if (!is_number(domain))
        return esp_search_draw(self->search, domain, &before, self->random, value);
    struct scale scale = scale_of(domain);
    *value = from_scale(&scale, domain,
                        polynomial(to_scale(&scale, before), scale.low, scale.high,
                                   self->variation->mutation_eta, self->random));
    if (domain->kind == ESP_DECISION_INT && value->as.integer == before.as.integer)
        *value = step_aside(domain, before, self->random);
    return ESP_OK;
}

static esp_status inherit(void *context, const char *path, const esp_domain *domain, esp_value *out)
{
    struct inheritance *self = context;
    if (!self->first || strcmp(path, self->first) == 0) {
        self->first = path;
        self->passes++;
        self->from_a = self->from_b = 0;
    }
    int64_t a = esp_arch_match(self->a, path, domain, &self->from_a);
    int64_t b = self->b ? esp_arch_match(self->b, path, domain, &self->from_b) : -1;
    if (self->passes > PASSES && a >= 0) {
        *out = esp_arch_value(self->a, (uint64_t)a);
        return ESP_OK;
    }
    if (a < 0 && b < 0)
        return esp_search_draw(self->search, domain, NULL, self->random, out);
    if (a >= 0 && b >= 0)
        *out = cross(self, domain, esp_arch_value(self->a, (uint64_t)a),
                     esp_arch_value(self->b, (uint64_t)b));
    else
        *out = a >= 0 ? esp_arch_value(self->a, (uint64_t)a) : esp_arch_value(self->b, (uint64_t)b);
    return esp_random_real(self->random) < self->rate ? mutate(self, domain, out) : ESP_OK;
}

esp_status child_make(const struct variation *variation, esp_search *search, const esp_arch *a,
                      const esp_arch *b, esp_random *random, esp_arch **out)
{
    const uint64_t count = esp_arch_count(a);
    struct inheritance inheritance = {.variation = variation,
                                      .search = search,
                                      .random = random,
                                      .a = a,
                                      .b = b,
                                      .rate = variation->mutation_rate};
    if (variation->mutation_rate <= 0 && count > 0)
        inheritance.rate = 1.0 / (double)count;
    return esp_search_decide(search, inherit, &inheritance, out);
}
