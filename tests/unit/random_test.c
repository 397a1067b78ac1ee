// SPDX-License-Identifier: Apache-2.0
// The random streams of the SDK: Philox against its authors' known answers, and the draws made of
// it. kat_vectors of Random123 (Salmon et al. 2011), philox4x64-10.
#include <espalier/random.h>

#include <criterion/criterion.h>

#include <string.h>

Test(random, philox_gives_the_known_answers)
{
    static const struct {
        uint64_t counter[4], key[2], answer[4];
    } vectors[] = {
        {{0, 0, 0, 0},
         {0, 0},
         {0x16554d9eca36314cu, 0xdb20fe9d672d0fdcu, 0xd7e772cee186176bu, 0x7e68b68aec7ba23bu}},
        {{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX},
         {UINT64_MAX, UINT64_MAX},
         {0x87b092c3013fe90bu, 0x438c3c67be8d0224u, 0x9cc7d7c69cd777b6u, 0xa09caebf594f0ba0u}},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint64_t output[4];
        esp_philox(output, vectors[i].counter, vectors[i].key);
        cr_assert_arr_eq(output, vectors[i].answer, sizeof output, "vector %zu", i);
    }
}

Test(random, a_stream_counts_blocks_from_its_key_and_counter)
{
    esp_random random = esp_random_stream(5, 6, 9, 8, 7);
    const uint64_t key[2] = {5, 6};
    for (uint64_t block = 0; block < 3; block++) {
        const uint64_t counter[4] = {block, 7, 8, 9};
        uint64_t expected[4];
        esp_philox(expected, counter, key);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(esp_random_bits(&random), expected[i]);
    }
}

Test(random, copies_give_the_same_numbers_and_forks_others)
{
    esp_random a = esp_random_stream(1, 2, 3, 4, 5), b = a;
    esp_random_bits(&a);
    esp_random_bits(&b);
    esp_random early = esp_random_fork(&a, 77);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(esp_random_bits(&a), esp_random_bits(&b));
    esp_random late = esp_random_fork(&a, 77), other = esp_random_fork(&a, 78);
    uint64_t first = esp_random_bits(&early);
    cr_assert_eq(first, esp_random_bits(&late), "a fork does not depend on what was drawn");
    cr_assert_neq(first, esp_random_bits(&other));
}

Test(random, reals_are_in_the_unit_interval_and_their_mean_is_half)
{
    esp_random random = esp_random_stream(1, 0, 0, 0, 0);
    double sum = 0.0;
    for (int i = 0; i < 100000; i++) {
        double real = esp_random_real(&random);
        cr_assert(real >= 0.0 && real < 1.0);
        sum += real;
    }
    cr_assert_float_eq(sum / 100000, 0.5, 0.005); // 5 standard errors
}

Test(random, below_gives_each_number_equally_often)
{
    esp_random random = esp_random_stream(2, 0, 0, 0, 0);
    int counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint64_t number = esp_random_below(&random, 7);
        cr_assert_lt(number, 7);
        counts[number]++;
    }
    for (int i = 0; i < 7; i++)
        cr_assert(counts[i] > 9500 && counts[i] < 10500, "%d: %d", i, counts[i]);
    cr_assert_eq(esp_random_below(&random, 1), 0);
}

Test(random, below_has_no_bias_in_large_ranges)
{
    // Of 3 * 2^62 numbers a modulo would give the lower third twice as often as the others.
    esp_random random = esp_random_stream(3, 0, 0, 0, 0);
    int lower = 0;
    for (int i = 0; i < 30000; i++)
        lower += esp_random_below(&random, UINT64_C(3) << 62) < UINT64_C(1) << 62;
    cr_assert(lower > 9600 && lower < 10400, "%d of 30000", lower);
}

Test(random, normal_numbers_have_mean_0_and_variance_1)
{
    esp_random random = esp_random_stream(4, 0, 0, 0, 0);
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < 100000; i++) {
        double number = esp_random_normal(&random);
        sum += number;
        squares += number * number;
    }
    cr_assert_float_eq(sum / 100000, 0.0, 0.016);
    cr_assert_float_eq(squares / 100000, 1.0, 0.023);
}

Test(random, permutations_hold_every_number_once_in_every_order)
{
    esp_random random = esp_random_stream(5, 0, 0, 0, 0);
    int orders[27] = {0};
    for (int i = 0; i < 6000; i++) {
        uint64_t order[3];
        esp_random_permutation(&random, order, 3);
        cr_assert_eq((1u << order[0]) | (1u << order[1]) | (1u << order[2]), 7u);
        orders[order[0] * 9 + order[1] * 3 + order[2]]++;
    }
    for (int i = 0; i < 27; i++)
        cr_assert(orders[i] == 0 || (orders[i] > 840 && orders[i] < 1160), "%d", orders[i]);
}
