// SPDX-License-Identifier: Apache-2.0
// A value of a domain for whoever decides: uniform as a sample's, another one where asked, refused
// where there is none.
#include "arch/domain.h"
#include "support/leak.h"
#include "support/space_lab.h"

static const esp_domain one = {.struct_size = sizeof one,
                               .kind = ESP_DECISION_ONE,
                               .count = 3,
                               .names = (const char *const *)letters};
static const esp_domain subset = {.struct_size = sizeof subset,
                                  .kind = ESP_DECISION_SUBSET,
                                  .count = 4,
                                  .names = (const char *const *)letters,
                                  .least = 1,
                                  .most = 2};

TestLeak(draw, other_values_are_uniform_and_never_the_excepted)
{
    struct lab lab = {0};
    esp_random random = lab_stream(5);
    int counts[3] = {0};
    lab_open(&lab, build_chain);
    esp_value except = esp_value_one(1), value;
    for (int i = 0; i < 4000; i++) {
        cr_assert_eq(builder_draw(lab.builder, &one, &except, &random, &value, &lab.error), ESP_OK);
        counts[value.as.index]++;
    }
    cr_assert_eq(counts[1], 0);
    cr_assert_float_eq(counts[0], 2000, 4 * 31.6); // four standard deviations of 4,000 coins
    cr_assert_eq(builder_draw(lab.builder, &one, NULL, &random, &value, &lab.error), ESP_OK);
    lab_close(&lab);
}

TestLeak(draw, a_subset_lies_in_its_domain)
{
    struct lab lab = {0};
    esp_random random = lab_stream(6);
    const uint32_t first[] = {0};
    int pairs = 0;
    lab_open(&lab, build_chain);
    esp_value except = esp_value_subset(first, 1), value;
    for (int i = 0; i < 4000; i++) {
        cr_assert_eq(builder_draw(lab.builder, &subset, &except, &random, &value, &lab.error),
                     ESP_OK);
        cr_assert(value_in_domain(&subset, value) && !value_equal(value, except));
        pairs += value.count == 2;
    }
    // 6 of the 9 others are pairs: four standard deviations of that share.
    cr_assert_float_eq(pairs, 4000 * 6 / 9.0, 4 * 29.8, "%d", pairs);
    lab_close(&lab);
}

TestLeak(draw, what_has_no_other_value_is_refused)
{
    struct lab lab = {0};
    esp_random random = lab_stream(7);
    esp_domain single = one;
    esp_value value = esp_value_one(0), outside = esp_value_one(9);
    single.count = 1;
    lab_open(&lab, build_chain);
    cr_assert_eq(builder_draw(lab.builder, &single, NULL, &random, &value, &lab.error), ESP_OK);
    cr_assert_eq(builder_draw(lab.builder, &single, &value, &random, &value, &lab.error),
                 ESP_ERROR_INVALID);
    cr_assert_eq(builder_draw(lab.builder, &one, &outside, &random, &value, &lab.error),
                 ESP_ERROR_INVALID);
    lab_close(&lab);
}
