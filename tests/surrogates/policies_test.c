// SPDX-License-Identifier: Apache-2.0
// Distributions over decisions: against all values written out, gradients against differences, draws against
// probabilities.
#include <espalier/support/policies.h>

#include <criterion/criterion.h>
#include <stdio.h>

enum { MOST = 10 };

static void draw_logits(double *logits, uint64_t count, double scale, uint64_t seed)
{
    esp_random random = esp_random_stream(seed, 5, 0, 0, 0);
    for (uint64_t i = 0; i < count; i++)
        logits[i] = scale * esp_random_normal(&random);
}

// ---- One of n -----------------------------------------------------------------------------------------

// slope * log p(chosen) + weight * entropy.
static double softmax_value(const double *logits, uint64_t count, uint64_t chosen, double slope,
                            double weight)
{
    double p[MOST];
    const double sum = esp_softmax(logits, count, p);
    return slope * (logits[chosen] - sum) + weight * esp_softmax_entropy(p, count);
}

Test(softmax, gradients_and_draws)
{
    double logits[5], p[5], out[5];
    int drawn[5] = {0};
    esp_random random = esp_random_stream(1, 1, 0, 0, 0);
    draw_logits(logits, 5, 1.5, 1);
    esp_softmax(logits, 5, p);
    cr_expect_float_eq(p[0] + p[1] + p[2] + p[3] + p[4], 1, 1e-12);
    cr_expect_float_eq(log(p[1] / p[3]), logits[1] - logits[3], 1e-12);
    esp_softmax_gradient(p, 5, 2, 0.7, 0.3, out);
    for (int i = 0; i < 5; i++) {
        const double before = logits[i];
        logits[i] = before + 1e-5;
        double slope = softmax_value(logits, 5, 2, 0.7, 0.3);
        logits[i] = before - 1e-5;
        slope = (slope - softmax_value(logits, 5, 2, 0.7, 0.3)) / 2e-5;
        logits[i] = before;
        cr_expect_float_eq(out[i], slope, 1e-8, "%d: %g, %g", i, out[i], slope);
    }
    for (int i = 0; i < 20000; i++)
        drawn[esp_softmax_draw(p, 5, &random)]++;
    for (int i = 0; i < 5; i++) // five standard deviations
        cr_expect_float_eq(drawn[i], 20000 * p[i], 5 * sqrt(20000 * p[i] * (1 - p[i])));
}

Test(softmax, logits_far_apart)
{
    const double logits[] = {1e8, -1e8, 0};
    double p[3], out[3];
    esp_random random = esp_random_stream(1, 2, 0, 0, 0);
    cr_expect_eq(esp_softmax(logits, 3, p), 1e8);
    esp_softmax_gradient(p, 3, 1, -1.0, 1.0, out);
    for (int i = 0; i < 3; i++)
        cr_expect(isfinite(out[i]));
    cr_expect_eq(esp_softmax_entropy(p, 3), 0);
    for (int i = 0; i < 100; i++)
        cr_expect_eq(esp_softmax_draw(p, 3, &random), 0);
}

// ---- k of n -------------------------------------------------------------------------------------------

struct sizes {
    uint64_t count, least, most;
};

static const struct sizes sizes[] = {{1, 0, 1}, {5, 0, 5}, {5, 1, 1}, {6, 2, 2}, {6, 1, 6},
                                     {7, 0, 3}, {7, 4, 6}, {8, 8, 8}, {9, 2, 5}};
#define SIZES (sizeof sizes / sizeof sizes[0])

static double weight_of(const double *logits, uint64_t set)
{
    double sum = 0;
    for (int i = 0; i < MOST; i++)
        sum += set >> i & 1 ? logits[i] : 0;
    return exp(sum);
}

static int fits(const struct sizes *size, uint64_t set)
{
    const uint64_t taken = (uint64_t)__builtin_popcountll(set);
    return taken >= size->least && taken <= size->most;
}

static uint64_t indices_of(uint64_t set, uint32_t *indices)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < MOST; i++)
        if (set >> i & 1)
            indices[count++] = i;
    return count;
}

Test(subsets, probabilities_are_those_of_all_written_out)
{
    for (size_t s = 0; s < SIZES; s++) {
        double logits[MOST], total = 0, entropy = 0, included[MOST] = {0};
        uint32_t indices[MOST];
        esp_subsets subsets = {0};
        draw_logits(logits, MOST, 1.5, s);
        const uint64_t all = UINT64_C(1) << sizes[s].count;
        for (uint64_t set = 0; set < all; set++)
            total += fits(&sizes[s], set) ? weight_of(logits, set) : 0;
        cr_assert_eq(
            esp_subsets_set(&subsets, logits, sizes[s].count, sizes[s].least, sizes[s].most),
            ESP_OK);
        for (uint64_t set = 0; set < all; set++) {
            if (!fits(&sizes[s], set))
                continue;
            const double p = weight_of(logits, set) / total;
            entropy -= p * log(p);
            for (uint64_t i = 0; i < sizes[s].count; i++)
                included[i] += set >> i & 1 ? p : 0;
            cr_expect_float_eq(
                esp_subsets_log_probability(&subsets, indices, indices_of(set, indices)), log(p),
                1e-10, "case %zu, set %lx", s, (unsigned long)set);
        }
        cr_expect_float_eq(esp_subsets_entropy(&subsets), entropy, 1e-10, "case %zu", s);
        for (uint64_t i = 0; i < sizes[s].count; i++)
            cr_expect_float_eq(subsets.included[i], included[i], 1e-10, "case %zu", s);
        esp_subsets_free(&subsets);
    }
}

Test(subsets, draws_are_as_likely_as_they_say)
{
    enum { DRAWS = 20000 };
    for (size_t s = 0; s < SIZES; s++) {
        double logits[MOST];
        uint32_t indices[MOST];
        int drawn[1 << MOST] = {0};
        esp_subsets subsets = {0};
        esp_random random = esp_random_stream(2, s, 0, 0, 0);
        draw_logits(logits, MOST, 1.0, 10 + s);
        cr_assert_eq(
            esp_subsets_set(&subsets, logits, sizes[s].count, sizes[s].least, sizes[s].most),
            ESP_OK);
        for (int i = 0; i < DRAWS; i++) {
            uint64_t set = 0;
            const uint32_t count = esp_subsets_draw(&subsets, &random, indices);
            for (uint32_t k = 0; k < count; k++) {
                cr_assert(k == 0 || indices[k] > indices[k - 1]);
                set |= UINT64_C(1) << indices[k];
            }
            cr_assert(fits(&sizes[s], set));
            drawn[set]++;
        }
        double apart = 0, cases = 0;
        for (uint64_t set = 0; set < UINT64_C(1) << sizes[s].count; set++) {
            if (!fits(&sizes[s], set))
                continue;
            const double expected =
                DRAWS *
                exp(esp_subsets_log_probability(&subsets, indices, indices_of(set, indices)));
            apart += (drawn[set] - expected) * (drawn[set] - expected) / expected;
            cases++;
        }
        // Chi-square: its mean is cases - 1, its variance twice that.
        cr_expect_leq(apart, cases - 1 + 5 * sqrt(2 * cases), "case %zu: %g of %g", s, apart,
                      cases);
        esp_subsets_free(&subsets);
    }
}

static double subsets_value(const double *logits, const struct sizes *size, const uint32_t *indices,
                            uint64_t count, double slope, double weight)
{
    esp_subsets subsets = {0};
    cr_assert_eq(esp_subsets_set(&subsets, logits, size->count, size->least, size->most), ESP_OK);
    double value = slope * esp_subsets_log_probability(&subsets, indices, count) +
                   weight * esp_subsets_entropy(&subsets);
    esp_subsets_free(&subsets);
    return value;
}

Test(subsets, gradients_are_those_of_differences)
{
    for (size_t s = 0; s < SIZES; s++)
        for (int kind = 0; kind < 3; kind++) {
            const double slope = kind == 1 ? 0.0 : 0.7, weight = kind == 0 ? 0.0 : 0.3;
            double logits[MOST], out[MOST];
            uint32_t indices[MOST];
            esp_subsets subsets = {0};
            esp_random random = esp_random_stream(3, s, 0, 0, 0);
            draw_logits(logits, MOST, 1.5, 20 + s);
            cr_assert_eq(
                esp_subsets_set(&subsets, logits, sizes[s].count, sizes[s].least, sizes[s].most),
                ESP_OK);
            const uint32_t count = esp_subsets_draw(&subsets, &random, indices);
            esp_subsets_gradient(&subsets, indices, count, slope, weight, out);
            for (uint64_t i = 0; i < sizes[s].count; i++) {
                const double before = logits[i];
                logits[i] = before + 1e-5;
                double up = subsets_value(logits, &sizes[s], indices, count, slope, weight);
                logits[i] = before - 1e-5;
                double down = subsets_value(logits, &sizes[s], indices, count, slope, weight);
                logits[i] = before;
                cr_expect_float_eq(out[i], (up - down) / 2e-5, 1e-7, "case %zu, %lu: %g, %g", s,
                                   (unsigned long)i, out[i], (up - down) / 2e-5);
            }
            esp_subsets_free(&subsets);
        }
}

// Hundreds of options, and logits that leave no doubt: sizes hold and all is finite.
Test(subsets, many_options_and_logits_far_apart)
{
    enum { MANY = 300 };
    static const struct sizes many[] = {{MANY, 2, 2}, {MANY, 0, MANY}, {MANY, 290, 299}};
    for (size_t s = 0; s < 3; s++)
        for (int kind = 0; kind < 3; kind++) {
            double logits[MANY], out[MANY];
            uint32_t indices[MANY];
            esp_subsets subsets = {0};
            esp_random random = esp_random_stream(4, s, 0, 0, 0);
            for (int i = 0; i < MANY; i++)
                logits[i] = kind == 0 ? 1e8 : kind == 1 ? -1e8 : i % 2 ? 1e8 : -1e8;
            cr_assert_eq(esp_subsets_set(&subsets, logits, MANY, many[s].least, many[s].most),
                         ESP_OK);
            for (int i = 0; i < 20; i++) {
                uint32_t count = esp_subsets_draw(&subsets, &random, indices);
                cr_assert(count >= many[s].least && count <= many[s].most, "%u", count);
                cr_assert(isfinite(esp_subsets_log_probability(&subsets, indices, count)));
                esp_subsets_gradient(&subsets, indices, count, 1.0, 1.0, out);
                for (int k = 0; k < MANY; k++)
                    cr_assert(isfinite(out[k]), "%zu, %d: %g", s, kind, out[k]);
            }
            cr_expect(isfinite(esp_subsets_entropy(&subsets)));
            esp_subsets_free(&subsets);
        }
}
