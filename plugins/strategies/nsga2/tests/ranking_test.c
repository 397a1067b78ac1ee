// SPDX-License-Identifier: Apache-2.0
// Fronts against their definition by brute force, domination against a table, crowding against a worked
// example; crossover and mutation of numbers against their laws.
#include "../children.h"
#include "../ranking.h"

#include <criterion/criterion.h>
#include <stdlib.h>

// a dominates b, b dominates a: of objectives and violations.
Test(ranking, constrained_domination_is_that_of_the_paper)
{
    static const struct {
        double a[2], va, b[2], vb;
        int forward, backward;
    } cases[] = {
        {{1, 1}, 0, {2, 2}, 0, 1, 0}, {{1, 2}, 0, {2, 1}, 0, 0, 0}, {{1, 1}, 0, {1, 2}, 0, 1, 0},
        {{1, 1}, 0, {1, 1}, 0, 0, 0}, {{9, 9}, 0, {1, 1}, 1, 1, 0}, {{1, 1}, 2, {9, 9}, 1, 0, 1},
        {{1, 1}, 2, {9, 9}, 2, 0, 0}, {{1, 1}, 1, {1, 1}, 0, 0, 1},
    };
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        double a[2] = {cases[i].a[0], cases[i].a[1]}, b[2] = {cases[i].b[0], cases[i].b[1]};
        struct individual x = {.objectives = a, .objective_count = 2, .violation = cases[i].va};
        struct individual y = {.objectives = b, .objective_count = 2, .violation = cases[i].vb};
        cr_expect_eq(individual_dominates(&x, &y), cases[i].forward, "case %zu", i);
        cr_expect_eq(individual_dominates(&y, &x), cases[i].backward, "case %zu", i);
    }
}

#define MOST 200

// Peels fronts: those that nobody left dominates.
static void brute_force(struct individual *individuals, int count, uint32_t *ranks)
{
    int left = count;
    for (int i = 0; i < count; i++)
        ranks[individuals[i].number] = UINT32_MAX;
    for (uint32_t rank = 0; left > 0; rank++) {
        int free_ones[MOST], found = 0;
        for (int i = 0; i < count; i++) {
            int dominated = ranks[individuals[i].number] != UINT32_MAX;
            for (int j = 0; j < count && !dominated; j++)
                dominated = ranks[individuals[j].number] == UINT32_MAX &&
                            individual_dominates(&individuals[j], &individuals[i]);
            if (!dominated)
                free_ones[found++] = i;
        }
        for (int k = 0; k < found; k++)
            ranks[individuals[free_ones[k]].number] = rank;
        left -= found;
    }
}

static void expect_fronts(int objectives, int count, int levels, int broken, uint64_t seed)
{
    struct individual individuals[MOST];
    double values[MOST][4];
    uint32_t ranks[MOST];
    esp_random random = esp_random_stream(seed, (uint64_t)objectives, 0, 0, 0);
    for (int i = 0; i < count; i++) {
        for (int m = 0; m < objectives; m++)
            values[i][m] = (double)esp_random_below(&random, (uint64_t)levels);
        double violation = broken ? (double)esp_random_below(&random, 4) : 0;
        individuals[i] = (struct individual){.objectives = values[i],
                                             .objective_count = (uint64_t)objectives,
                                             .violation = violation > 1 ? violation - 1 : 0,
                                             .number = (uint64_t)i};
    }
    brute_force(individuals, count, ranks);
    cr_assert(individuals_rank(individuals, (uint64_t)count));
    for (int i = 0; i < count; i++) {
        cr_assert_eq(individuals[i].rank, ranks[individuals[i].number],
                     "%d objectives, seed %lu: %u, by brute force %u", objectives,
                     (unsigned long)seed, individuals[i].rank, ranks[individuals[i].number]);
        cr_assert(i == 0 || !individual_better(&individuals[i], &individuals[i - 1]));
    }
}

// Few levels make many that are equal in one objective or in all.
Test(ranking, fronts_are_those_of_brute_force)
{
    for (uint64_t seed = 0; seed < 40; seed++)
        for (int objectives = 1; objectives <= 4; objectives++)
            for (int broken = 0; broken < 2; broken++) {
                expect_fronts(objectives, 1 + (int)seed, 5, broken, seed);
                expect_fronts(objectives, 120, 10, broken, seed);
                expect_fronts(objectives, 120, 1000000, broken, seed);
            }
}

// A front (0, 10), (1, 6), (4, 2), (10, 0): (4 - 0)/10 + (10 - 2)/10 and (10 - 1)/10 + (6 - 0)/10.
Test(ranking, crowding_is_the_sum_of_the_sides_around_a_member)
{
    double values[][2] = {{4, 2}, {0, 10}, {10, 0}, {1, 6}, {11, 11}, {12, 12}};
    struct individual individuals[6];
    for (uint64_t i = 0; i < 6; i++)
        individuals[i] =
            (struct individual){.objectives = values[i], .objective_count = 2, .number = i};
    cr_assert(individuals_rank(individuals, 6));
    static const uint64_t order[] = {1, 2, 0, 3, 4, 5};
    for (int i = 0; i < 6; i++)
        cr_assert_eq(individuals[i].number, order[i], "place %d", i);
    cr_assert(isinf(individuals[0].crowding) && isinf(individuals[1].crowding));
    cr_assert_float_eq(individuals[2].crowding, 1.5, 1e-12);
    cr_assert_float_eq(individuals[3].crowding, 1.2, 1e-12);
}

Test(ranking, equal_and_huge_objectives_give_numbers)
{
    double values[][2] = {{-1.7e308, 1.7e308}, {0, 0}, {1.7e308, -1.7e308}, {0, 0}};
    struct individual individuals[4];
    for (uint64_t i = 0; i < 4; i++)
        individuals[i] =
            (struct individual){.objectives = values[i], .objective_count = 2, .number = i};
    cr_assert(individuals_rank(individuals, 4));
    cr_assert_float_eq(individuals[2].crowding, 1.0, 1e-12);
    for (uint64_t i = 0; i < 4; i++) {
        individuals[i].objectives[0] = individuals[i].objectives[1] = 3;
        individuals[i].violation = 0;
    }
    cr_assert(individuals_rank(individuals, 4));
    for (int i = 0; i < 4; i++)
        cr_assert(individuals[i].rank == 0 && !isnan(individuals[i].crowding));
    cr_assert(individuals_rank(NULL, 0));
}

// Far from the bounds the spread beta has P(beta < 1) = 1/2, and E[beta] inside is (eta + 1)/(eta + 2).
Test(children, simulated_binary_crossover_has_its_distribution)
{
    esp_random random = esp_random_stream(1, 1, 0, 0, 0);
    double inside = 0, sum = 0, mean = 0;
    for (int i = 0; i < 100000; i++) {
        double child = sbx(1, 3, -1e6, 1e6, 2, &random), beta = fabs(child - 2);
        mean += child / 100000;
        inside += beta < 1;
        sum += beta < 1 ? beta : 0;
    }
    cr_assert_float_eq(inside, 50000, 4 * 158.2, "%g", inside);
    cr_assert_float_eq(sum / inside, 0.75, 4 * 0.194 / sqrt(50000), "%g", sum / inside);
    cr_assert_float_eq(mean, 2.0, 0.02, "%g", mean);
}

Test(children, numbers_stay_within_their_bounds)
{
    esp_random random = esp_random_stream(2, 1, 0, 0, 0);
    static const double places[] = {-1, -0.999999, 0, 0.5, 2};
    for (size_t i = 0; i < ESP_COUNT(places); i++)
        for (size_t j = 0; j < ESP_COUNT(places); j++)
            for (int k = 0; k < 300; k++) {
                double eta = k % 3 * 10;
                double child = sbx(places[i], places[j], -1, 2, eta, &random);
                double mutant = polynomial(child, -1, 2, eta, &random);
                cr_assert(child >= -1 && child <= 2 && mutant >= -1 && mutant <= 2, "%g %g", child,
                          mutant);
            }
}

// In the middle of its range the step of polynomial mutation is below d of the range with the chance
// 1 - (1 - d)^(eta + 1) (and a little more at the bounds): half of the steps for eta 20 are below 0.0325.
Test(children, polynomial_mutation_has_its_distribution)
{
    esp_random random = esp_random_stream(3, 1, 0, 0, 0);
    int small = 0, up = 0;
    for (int i = 0; i < 100000; i++) {
        double step = polynomial(0.5, 0, 1, 20, &random) - 0.5;
        small += fabs(step) < 1 - pow(0.5, 1.0 / 21);
        up += step > 0;
    }
    cr_assert_float_eq(small, 50000, 4 * 158.2, "%d", small);
    cr_assert_float_eq(up, 50000, 4 * 158.2, "%d", up);
}
