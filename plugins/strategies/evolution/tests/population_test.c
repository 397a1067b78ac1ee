// SPDX-License-Identifier: Apache-2.0
// Populations: the chances of each selection against their formulas, and who is removed against a plain
// list.
#include "../population.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

// An architecture of which nothing is asked but to be kept.
static int references;

static void retain(esp_arch *arch)
{
    (void)arch;
    references++;
}

static void release(esp_arch *arch)
{
    (void)arch;
    references--;
}

static const esp_arch_api api = {.struct_size = sizeof api, .retain = retain, .release = release};
static esp_arch arch = {.api = &api};

static struct population make(int ranked, const double *objectives, const double *violations,
                              int count)
{
    struct population population = {.is_ranked = ranked};
    for (int i = 0; i < count; i++)
        cr_assert(
            population_add(&population, &arch, objectives[i], violations ? violations[i] : 0.0));
    return population;
}

#define DRAWS 100000

// `chances[i]` of the member that was told i-th: four standard deviations.
static void expect_chances(const int *counts, const double *chances, int count)
{
    for (int i = 0; i < count; i++)
        cr_expect_float_eq(counts[i], DRAWS * chances[i],
                           4 * sqrt(DRAWS * chances[i] * (1 - chances[i])) + 1e-9,
                           "member %d: %d of %g", i, counts[i], DRAWS * chances[i]);
}

static const double eight[] = {5, 2, 7, 0, 1, 6, 3, 4};

// With replacement the r-th best of n (from 0) wins with ((n - r)^s - (n - r - 1)^s) / n^s.
Test(selection, a_tournament_is_won_with_the_chance_of_the_formula)
{
    struct population population = make(0, eight, NULL, 8);
    esp_random random = esp_random_stream(1, 2, 3, 0, 0);
    for (int size = 1; size <= 5; size += 2) {
        int counts[8] = {0};
        double chances[8];
        for (int i = 0; i < DRAWS; i++)
            counts[population_tournament(&population, (uint64_t)size, &random)->number]++;
        for (int i = 0; i < 8; i++)
            chances[i] = (pow(8 - eight[i], size) - pow(7 - eight[i], size)) / pow(8, size);
        expect_chances(counts, chances, 8);
    }
    population_free(&population);
}

Test(selection, truncation_draws_from_the_best_share_alike)
{
    static const struct {
        double share;
        int most;
    } cases[] = {{0.0, 1}, {0.2, 2}, {0.25, 2}, {0.5, 4}, {1.0, 8}};
    struct population population = make(1, eight, NULL, 8);
    esp_random random = esp_random_stream(2, 2, 3, 0, 0);
    for (size_t c = 0; c < ESP_COUNT(cases); c++) {
        int counts[8] = {0};
        double chances[8];
        for (int i = 0; i < DRAWS; i++)
            counts[population_truncation(&population, cases[c].share, &random)->number]++;
        for (int i = 0; i < 8; i++)
            chances[i] = eight[i] < cases[c].most ? 1.0 / cases[c].most : 0.0;
        expect_chances(counts, chances, 8);
    }
    population_free(&population);
}

Test(selection, the_wheel_has_shares_in_proportion_to_the_distance_from_the_worst)
{
    struct population population = make(0, eight, NULL, 8);
    esp_random random = esp_random_stream(3, 2, 3, 0, 0);
    int counts[8] = {0};
    double chances[8];
    for (int i = 0; i < DRAWS; i++)
        counts[population_roulette(&population, &random)->number]++;
    for (int i = 0; i < 8; i++)
        chances[i] = (7 - eight[i]) / 28;
    expect_chances(counts, chances, 8);
    population_free(&population);
}

static void expect_wheel(const double *objectives, const double *violations, int count,
                         const double *chances)
{
    struct population population = make(0, objectives, violations, count);
    esp_random random = esp_random_stream(4, 2, 3, 0, 0);
    int counts[8] = {0};
    for (int i = 0; i < DRAWS; i++)
        counts[population_roulette(&population, &random)->number]++;
    expect_chances(counts, chances, count);
    population_free(&population);
}

Test(selection, the_wheel_divides_by_nothing_and_overflows_nowhere)
{
    static const double same[] = {4, 4, 4, 4}, wide[] = {-1.7e308, 1.7e308, 0, 1.7e308};
    static const double violations[] = {1, 0, 3, 0}, all_broken[] = {1, 3, 2, 3};
    static const double four[] = {0, 5, 1, 6};
    expect_wheel(same, NULL, 4, (double[]){0.25, 0.25, 0.25, 0.25});
    expect_wheel(wide, NULL, 4, (double[]){2.0 / 3, 0, 1.0 / 3, 0});
    // Only feasible ones have a share; where there is none, violations decide.
    expect_wheel(four, violations, 4, (double[]){0, 1, 0, 0});
    expect_wheel(four, all_broken, 4, (double[]){2.0 / 3, 0, 1.0 / 3, 0});
    expect_wheel(four, NULL, 1, (double[]){1});
}

// ---- Removal against a plain list ---------------------------------------------------------------------

struct plain {
    struct member members[64];
    int count;
};

static int plain_rank(const struct plain *plain, int i)
{
    int rank = 0;
    for (int j = 0; j < plain->count; j++)
        rank += member_better(&plain->members[j], &plain->members[i]) ||
                (!member_better(&plain->members[i], &plain->members[j]) && j > i);
    return rank;
}

static void plain_remove(struct plain *plain, int worst, int elite)
{
    int gone = 0;
    while (worst ? plain_rank(plain, gone) != plain->count - 1 : plain_rank(plain, gone) < elite)
        gone++;
    for (int i = gone; i + 1 < plain->count; i++)
        plain->members[i] = plain->members[i + 1];
    plain->count--;
}

static void expect_removals(int worst, int elite, int size)
{
    struct population population = {.is_ranked = worst || elite > 0};
    struct plain plain = {.count = 0};
    esp_random random = esp_random_stream(5, (uint64_t)elite, (uint64_t)size, 0, 0);
    for (uint64_t told = 0; told < 2000; told++) {
        double objective = (double)esp_random_below(&random, 30);
        double violation = (double)(esp_random_below(&random, 4) / 3);
        cr_assert(population_add(&population, &arch, objective, violation));
        plain.members[plain.count++] = (struct member){&arch, objective, violation, told};
        if (plain.count > size) {
            plain_remove(&plain, worst, elite);
            if (worst)
                population_remove_worst(&population);
            else
                population_remove_oldest(&population, (uint64_t)elite);
        }
        cr_assert_eq(population.count, (uint64_t)plain.count);
        for (int i = 0; i < plain.count; i++)
            cr_assert_eq(population_member(&population, (uint64_t)i)->number,
                         plain.members[i].number, "told %lu, place %d", (unsigned long)told, i);
    }
    cr_assert_eq(references, plain.count);
    population_free(&population);
    cr_assert_eq(references, 0);
}

Test(removal, is_that_of_a_plain_list)
{
    expect_removals(0, 0, 1);
    expect_removals(0, 0, 40);
    expect_removals(0, 3, 40);
    expect_removals(0, 39, 40);
    expect_removals(1, 0, 1);
    expect_removals(1, 0, 40);
}
