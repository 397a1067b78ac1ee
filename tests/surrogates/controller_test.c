// SPDX-License-Identifier: Apache-2.0
// The controller: its gradient against differences, what was drawn against what is measured, options that name
// earlier decisions, integers and reals in parts, weights that do not depend on what was met before.
#include <espalier/support/controller.h>

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const digits[] = {"0", "1", "2", "3", "4", "5"};
static const char *const layers_0_1[] = {"layer_0", "1"}; // both ways to name a layer
static const char *const letters[] = {"a", "b", "c", "d"};

static const esp_domain one_of_3 = {
    sizeof(esp_domain), ESP_DECISION_ONE, 0, 0, 0, 0, 0, 3, letters, 0, 0};
static const esp_domain any_of_2 = {
    sizeof(esp_domain), ESP_DECISION_SUBSET, 0, 0, 0, 0, 0, 2, layers_0_1, 0, 2};
static const esp_domain some_of_4 = {
    sizeof(esp_domain), ESP_DECISION_SUBSET, 0, 0, 0, 0, 0, 4, digits, 1, 3};
static const esp_domain real_log = {
    sizeof(esp_domain), ESP_DECISION_REAL, ESP_DOMAIN_LOG, 0, 0, 1e-4, 1.0, 0, NULL, 0, 0};
static const esp_domain wide_real = {
    sizeof(esp_domain), ESP_DECISION_REAL, 0, 0, 0, -1.7e308, 1.7e308, 0, NULL, 0, 0};
static const esp_domain small_int = {
    sizeof(esp_domain), ESP_DECISION_INT, 0, -2, 2, 0, 0, 0, NULL, 0, 0};
static const esp_domain middle_int = {
    sizeof(esp_domain), ESP_DECISION_INT, 0, 3, 103, 0, 0, 0, NULL, 0, 0};
static const esp_domain log_int = {
    sizeof(esp_domain), ESP_DECISION_INT, ESP_DOMAIN_LOG, 1, 9, 0, 0, 0, NULL, 0, 0};
static const esp_domain whole_int = {
    sizeof(esp_domain), ESP_DECISION_INT, 0, INT64_MIN, INT64_MAX, 0, 0, 0, NULL, 0, 0};

struct decision {
    const char *path;
    const esp_domain *domain;
};

// Layers with skip connections, and decisions of every kind.
static const struct decision decisions[] = {
    {"depth", &small_int},          {"layer/0/op", &one_of_3},     {"layer/1/op", &one_of_3},
    {"layer/1/rate", &real_log},    {"layer/2/inputs", &any_of_2}, {"layer/2/op", &one_of_3},
    {"layer/3/inputs", &some_of_4}, {"layer/3/op", &one_of_3},     {"layer/3/width", &middle_int},
    {"output", &some_of_4},
};
#define DECISIONS (sizeof decisions / sizeof decisions[0])

static esp_controller *make(uint64_t layers, uint64_t units, uint32_t flags)
{
    const esp_controller_options options = {layers, units, 0.5, 8, flags, 3};
    esp_controller *controller = NULL;
    cr_assert_eq(esp_controller_create(&controller, &options), ESP_OK);
    return controller;
}

static void draw(esp_controller *controller, esp_episode *episode, esp_random *random)
{
    esp_value value;
    esp_controller_begin(controller, episode);
    for (size_t i = 0; i < DECISIONS; i++)
        cr_assert_eq(esp_controller_choose(controller, episode, decisions[i].path,
                                           decisions[i].domain, random, &value),
                     ESP_OK);
}

static const struct {
    uint64_t layers, units;
    uint32_t flags;
} kinds[] = {{0, 0, 0},
             {1, 5, 0},
             {1, 6, ESP_CONTROLLER_SET_SELECTION},
             {2, 5, ESP_CONTROLLER_SET_SELECTION | ESP_CONTROLLER_SHARE},
             {3, 4, ESP_CONTROLLER_SHARE}};
#define KINDS (sizeof kinds / sizeof kinds[0])

// ---- The gradient -------------------------------------------------------------------------------------

static double slope(void *self, const esp_token *token, double log_probability)
{
    const esp_episode *episode = self;
    (void)log_probability;
    return 0.4 + 0.3 * (double)(token - episode->tokens);
}

static double value_of(esp_controller *controller, esp_episode *episode, double weight)
{
    double entropy, sum = 0;
    cr_assert_eq(esp_controller_measure(controller, episode, &entropy), ESP_OK);
    for (uint64_t t = 0; t < episode->count; t++)
        sum += slope(episode, &episode->tokens[t], 0) * episode->tokens[t].log_probability;
    return sum + weight * entropy;
}

Test(controller, the_gradient_is_that_of_differences)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        esp_controller *controller = make(kinds[kind].layers, kinds[kind].units, kinds[kind].flags);
        esp_random random = esp_random_stream(1, kind, 0, 0, 0);
        esp_episode episode = {0};
        uint64_t count, moved = 0;
        draw(controller, &episode, &random);
        cr_assert_eq(esp_controller_add_gradient(controller, &episode, slope, &episode, 0.5),
                     ESP_OK);
        float *weights = esp_controller_weights(controller, &count);
        float *gradient = esp_controller_gradient(controller, &count);
        for (uint64_t i = 0; i < count; i++) {
            const float before = weights[i], step = 0.01f;
            weights[i] = before + step;
            const double up = value_of(controller, &episode, 0.5), high = weights[i];
            weights[i] = before - step;
            const double down = value_of(controller, &episode, 0.5), low = weights[i];
            weights[i] = before;
            const double expected = (up - down) / (high - low);
            cr_assert_float_eq(gradient[i], expected, 1e-3 + 2e-3 * fabs(expected),
                               "kind %zu, weight %lu: %g, %g", kind, (unsigned long)i,
                               (double)gradient[i], expected);
            moved += gradient[i] != 0;
        }
        cr_expect_gt(2 * moved, count, "kind %zu: %lu of %lu", kind, (unsigned long)moved,
                     (unsigned long)count);
        esp_episode_free(&episode);
        esp_controller_destroy(controller);
    }
}

// One after the other, and all at once: the same bits.
Test(controller, what_is_drawn_is_what_is_measured)
{
    for (size_t kind = 0; kind < KINDS; kind++) {
        esp_controller *controller = make(kinds[kind].layers, kinds[kind].units, kinds[kind].flags);
        esp_random random = esp_random_stream(2, kind, 0, 0, 0);
        esp_episode episode = {0};
        for (int i = 0; i < 20; i++) {
            double drawn[DECISIONS];
            draw(controller, &episode, &random);
            for (size_t t = 0; t < DECISIONS; t++)
                drawn[t] = episode.tokens[t].log_probability;
            cr_assert_eq(esp_controller_measure(controller, &episode, NULL), ESP_OK);
            for (size_t t = 0; t < DECISIONS; t++)
                cr_assert_eq(episode.tokens[t].log_probability, drawn[t], "kind %zu, %zu", kind, t);
        }
        esp_episode_free(&episode);
        esp_controller_destroy(controller);
    }
}

// ---- Set selection -------------------------------------------------------------------------------------

// Option 0 of layer/2/inputs stands for layer/0, not for a vector of its own: that one has no gradient, and Wp
// has; the output's options stand for nothing before.
Test(controller, options_name_earlier_decisions)
{
    enum { UNITS = 4, LSTM = 4 * UNITS * (2 * UNITS + 1), WP = LSTM + UNITS };
    enum { OPTIONS = WP + 2 * UNITS * UNITS + UNITS, STRIDE = 2 * UNITS + 1 };
    static const struct decision few[] = {{"layer/0/op", &one_of_3},
                                          {"layer/1/op", &one_of_3},
                                          {"layer/2/inputs", &any_of_2},
                                          {"output", &some_of_4}};
    for (int named = 0; named < 2; named++) {
        esp_controller *controller = make(1, UNITS, ESP_CONTROLLER_SET_SELECTION);
        esp_random random = esp_random_stream(3, 1, 0, 0, 0);
        esp_episode episode = {0};
        esp_value value;
        uint64_t count;
        double wp = 0, own = 0;
        esp_controller_begin(controller, &episode);
        for (int i = 0; i < (named ? 3 : 4); i += named ? 1 : 3)
            cr_assert_eq(esp_controller_choose(controller, &episode, few[i].path, few[i].domain,
                                               &random, &value),
                         ESP_OK);
        cr_assert_eq(esp_controller_add_gradient(controller, &episode, slope, &episode, 0.0),
                     ESP_OK);
        const float *gradient = esp_controller_gradient(controller, &count);
        for (int i = 0; i < UNITS * UNITS; i++)
            wp += fabs((double)gradient[WP + i]);
        const int before = named ? 6 : 3; // options of the operations
        for (uint64_t row = (uint64_t)before; OPTIONS + (row + 1) * STRIDE <= count; row++)
            for (int k = 0; k < UNITS; k++)
                own += fabs((double)gradient[OPTIONS + row * STRIDE + UNITS + (uint64_t)k]);
        cr_expect(named ? wp > 0 && own == 0 : wp == 0 && own > 0, "named %d: %g, %g", named, wp,
                  own);
        esp_episode_free(&episode);
        esp_controller_destroy(controller);
    }
}

// ---- Integers and reals ---------------------------------------------------------------------------------

// Of a table without preference: every value of a range is met, about as often as it should be, and read
// again it is the same token of the same probability.
Test(controller, integers_and_reals_in_parts)
{
    static const esp_domain *const domains[] = {&small_int, &middle_int, &log_int,
                                                &whole_int, &real_log,   &wide_real};
    enum { DRAWS = 8000 };
    for (size_t d = 0; d < sizeof domains / sizeof domains[0]; d++) {
        const esp_domain *domain = domains[d];
        const esp_controller_options options = {0, 0, 0.0, 8, 0, 1};
        esp_controller *controller = NULL;
        esp_random random = esp_random_stream(4, d, 0, 0, 0);
        esp_episode episode = {0}, again = {0};
        int met[256] = {0}, parts[16] = {0};
        cr_assert_eq(esp_controller_create(&controller, &options), ESP_OK);
        for (int i = 0; i < DRAWS; i++) {
            esp_value value;
            esp_controller_begin(controller, &episode);
            cr_assert_eq(esp_controller_choose(controller, &episode, "x", domain, &random, &value),
                         ESP_OK);
            esp_controller_begin(controller, &again);
            cr_assert_eq(esp_controller_read(controller, &again, "x", domain, value), ESP_OK);
            cr_assert_eq(esp_controller_measure(controller, &again, NULL), ESP_OK);
            cr_assert_eq(again.tokens[0].choice, episode.tokens[0].choice);
            cr_assert_eq(again.tokens[0].log_probability, episode.tokens[0].log_probability);
            parts[episode.tokens[0].choice]++;
            if (domain->kind == ESP_DECISION_REAL) {
                cr_assert(value.as.real >= domain->real_min && value.as.real <= domain->real_max);
            } else {
                cr_assert(value.as.integer >= domain->int_min &&
                          value.as.integer <= domain->int_max);
                if (domain != &whole_int)
                    met[value.as.integer - domain->int_min]++;
            }
        }
        const int count = domain == &small_int ? 5 : domain == &log_int ? 7 : 8;
        for (int i = 0; i < count; i++) // log_int: 1, 2, 3, 4, 5, 6-7, 8-9, and one part is empty
            cr_expect_float_eq(parts[i], DRAWS / count, 5 * sqrt(DRAWS / count), "%zu: part %d, %d",
                               d, i, parts[i]);
        for (int64_t i = 0; domain->kind == ESP_DECISION_INT && domain != &whole_int &&
                            i <= domain->int_max - domain->int_min;
             i++)
            cr_expect_gt(met[i], 0, "%zu: %ld is never drawn", d, (long)(domain->int_min + i));
        esp_episode_free(&episode);
        esp_episode_free(&again);
        esp_controller_destroy(controller);
    }
}

// ---- Weights ------------------------------------------------------------------------------------------------

// Probabilities are the same whatever other decisions were met before.
Test(controller, weights_do_not_depend_on_what_was_met_before)
{
    double first[2][DECISIONS];
    for (int other = 0; other < 2; other++) {
        esp_controller *controller =
            make(2, 5, ESP_CONTROLLER_SET_SELECTION | ESP_CONTROLLER_SHARE);
        esp_random random = esp_random_stream(5, 1, 0, 0, 0);
        esp_episode episode = {0};
        esp_value value;
        esp_controller_begin(controller, &episode);
        for (size_t i = DECISIONS; other && i-- > 0;) {
            esp_random unlike = esp_random_stream(6, i, 0, 0, 0);
            cr_assert_eq(esp_controller_choose(controller, &episode, decisions[i].path,
                                               decisions[i].domain, &unlike, &value),
                         ESP_OK);
        }
        draw(controller, &episode, &random);
        for (size_t i = 0; i < DECISIONS; i++)
            first[other][i] = episode.tokens[i].log_probability;
        esp_episode_free(&episode);
        esp_controller_destroy(controller);
    }
    cr_expect_eq(memcmp(first[0], first[1], sizeof first[0]), 0);
}

// With shared weights the operations of all layers have the same options' weights.
Test(controller, shared_weights_are_fewer)
{
    uint64_t counts[2];
    for (int share = 0; share < 2; share++) {
        esp_controller *controller = make(1, 3, share ? ESP_CONTROLLER_SHARE : 0);
        esp_random random = esp_random_stream(7, 1, 0, 0, 0);
        esp_episode episode = {0};
        draw(controller, &episode, &random);
        esp_controller_weights(controller, &counts[share]);
        esp_episode_free(&episode);
        esp_controller_destroy(controller);
    }
    // Three more operations of 3 options, and option 1 of layer/2/inputs, which layer/3/inputs has too.
    cr_expect_eq(counts[0] - counts[1], (3 * 3 + 1) * (2 * 3 + 1));
}

static double huge(void *self, const esp_token *token, double log_probability)
{
    (void)token;
    (void)log_probability;
    return *(const double *)self;
}

// Slopes that leave no doubt, and some that f32 can't hold: all stays finite, and goes on.
Test(controller, large_slopes_stay_finite)
{
    static const double slopes[] = {1e6, -1e6, 1e30, 1e60, -1e60, 0.0};
    for (size_t kind = 0; kind < KINDS; kind++)
        for (uint32_t rule = 0; rule < 2; rule++) {
            esp_controller *controller =
                make(kinds[kind].layers, kinds[kind].units, kinds[kind].flags);
            const esp_climb climb = {rule, 10.0, 0.9, 0.999, 1e-8};
            esp_random random = esp_random_stream(8, kind, 0, 0, 0);
            esp_episode episode = {0};
            uint64_t count;
            for (int i = 0; i < 60; i++) {
                double at = slopes[i % 6];
                draw(controller, &episode, &random);
                cr_assert_eq(esp_controller_add_gradient(controller, &episode, huge, &at, 1e3),
                             ESP_OK);
                esp_controller_climb(controller, &climb, 1.0);
                const float *weights = esp_controller_weights(controller, &count);
                for (uint64_t k = 0; k < count; k++)
                    cr_assert(fabsf(weights[k]) <= 1e6f, "%zu, %u: %g", kind, rule,
                              (double)weights[k]);
                for (uint64_t t = 0; t < episode.count; t++)
                    cr_assert(isfinite(episode.tokens[t].log_probability));
            }
            esp_episode_free(&episode);
            esp_controller_destroy(controller);
        }
}

// Adam's first step moves each logit by the learning rate, up the gradient; that of SGD by the slope.
Test(controller, climbs_go_up)
{
    for (uint32_t rule = 0; rule < 2; rule++) {
        const esp_climb climb = {rule, 0.25, 0.9, 0.999, 1e-8};
        esp_controller *controller = make(0, 0, 0);
        esp_random random = esp_random_stream(9, 1, 0, 0, 0);
        esp_episode episode = {0};
        esp_value value;
        uint64_t count;
        double at = 1.0;
        float before[3];
        esp_controller_begin(controller, &episode);
        cr_assert_eq(esp_controller_choose(controller, &episode, "x", &one_of_3, &random, &value),
                     ESP_OK);
        const float *weights = esp_controller_weights(controller, &count);
        cr_assert_eq(count, 3);
        memcpy(before, weights, sizeof before);
        const double p = exp(episode.tokens[0].log_probability);
        cr_assert_eq(esp_controller_add_gradient(controller, &episode, huge, &at, 0.0), ESP_OK);
        esp_controller_climb(controller, &climb, 0.5);
        for (uint64_t i = 0; i < 3; i++) {
            const int chosen = i == value.as.index;
            const double step = weights[i] - before[i];
            if (rule == ESP_CLIMB_ADAM)
                cr_expect_float_eq(step, chosen ? 0.25 : -0.25, 1e-5);
            else if (chosen)
                cr_expect_float_eq(step, 0.25 * 0.5 * (1 - p), 1e-6);
            else
                cr_expect_lt(step, 0);
        }
        esp_episode_free(&episode);
        esp_controller_destroy(controller);
    }
}
