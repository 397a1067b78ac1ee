// SPDX-License-Identifier: Apache-2.0
// Enumeration: exact counts, order, what is left out, and where it ends.
#include "support/leak.h"
#include "support/space_lab.h"

#include <stdlib.h>
#include <string.h>

TestLeak(enumerate, counts_a_conditional_space_exactly)
{
    struct lab lab = {0};
    struct visits visits = {0};
    uint64_t count;
    lab_open(&lab, build_chain);
    cr_assert_eq(builder_enumerate(lab.builder, visit_member, &visits, 0, &count, &lab.error),
                 ESP_OK);
    cr_assert_eq(count, 4 + 4 * 4 + 4 * 4 * 4);
    cr_assert_eq(visits_distinct(&visits), count);
    // Depth first, values in order: depth, then the layers' operations and kernels.
    const char *const first = "1,conv,1 1,conv,3 1,pool 1,identity 2,conv,1,conv,1 2,conv,1,conv,3 "
                              "2,conv,1,pool 2,conv,1,identity 2,conv,3,conv,1 ";
    cr_assert_eq(strncmp(visits.order, first, strlen(first)), 0, "%s", visits.order);
    // Samples are members.
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct arch *arch = lab_sample(&lab, seed);
        uint64_t hash = arch_hash(arch);
        cr_assert_not_null(
            bsearch(&hash, visits.hashes, visits.count, sizeof hash, compare_hashes));
        arch_release(arch);
    }
    lab_close(&lab);
}

TestLeak(enumerate, a_shared_cell_is_counted_once)
{
    struct lab lab = {0};
    struct visits visits = {0};
    uint64_t count;
    lab_open(&lab, build_shared);
    cr_assert_eq(builder_enumerate(lab.builder, visit_member, &visits, 0, &count, &lab.error),
                 ESP_OK);
    cr_assert_eq(count, 16);
    lab_close(&lab);
}

static esp_status build_subsets(void *self, esp_builder *b)
{
    (void)self;
    esp_value subset = esp_choose_subset(b, "subset", letters, 4, 0, 2);
    int64_t integer = esp_choose_int(b, "integer", -1, (int64_t)subset.count - 1);
    (void)integer;
    return esp_classifier(b, esp_input(b));
}

TestLeak(enumerate, subsets_come_by_size_and_integers_ascend_through_zero)
{
    struct lab lab = {0};
    struct visits visits = {0};
    uint64_t count;
    lab_open(&lab, build_subsets);
    cr_assert_eq(builder_enumerate(lab.builder, visit_member, &visits, 0, &count, &lab.error),
                 ESP_OK);
    cr_assert_eq(count, 1 + 4 * 2 + 6 * 3);
    cr_assert_str_eq(visits.order, "none a,-1 a,0 b,-1 b,0 c,-1 c,0 d,-1 d,0 "
                                   "a+b,-1 a+b,0 a+b,1 a+c,-1 a+c,0 a+c,1 a+d,-1 a+d,0 a+d,1 "
                                   "b+c,-1 b+c,0 b+c,1 b+d,-1 b+d,0 b+d,1 c+d,-1 c+d,0 c+d,1 ");
    lab_close(&lab);
}

TestLeak(enumerate, leaves_rejected_passes_out_and_does_not_count_them)
{
    struct lab lab = {0};
    struct visits visits = {0};
    uint64_t count;
    lab_open(&lab, build_even);
    cr_assert_eq(builder_enumerate(lab.builder, visit_member, &visits, 0, &count, &lab.error),
                 ESP_OK);
    cr_assert_eq(count, 8);
    cr_assert_str_eq(visits.order, "0,0 0,2 1,1 1,3 2,0 2,2 3,1 3,3 ");
    cr_assert_eq(builder_rejections(lab.builder), 0);
    lab_close(&lab);
}

static esp_status build_wide(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_int(b, "first", INT64_MIN, INT64_MAX);
    esp_choose_int(b, "second", INT64_MAX - 1, INT64_MAX);
    return esp_classifier(b, esp_input(b));
}

TestLeak(enumerate, ends_where_it_is_told)
{
    struct lab lab = {0};
    struct visits visits = {0};
    uint64_t count;
    lab_open(&lab, build_wide);
    cr_assert_eq(builder_enumerate(lab.builder, visit_member, &visits, 5, &count, &lab.error),
                 ESP_OK);
    cr_assert_eq(count, 5);
    cr_assert_eq(visits_distinct(&visits), 5);
    memset(&visits, 0, sizeof visits);
    visits.stop_after = 3;
    cr_assert_eq(builder_enumerate(lab.builder, visit_member, &visits, 0, &count, &lab.error),
                 ESP_ERROR_CANCELLED);
    cr_assert_eq(count, 3);
    lab_close(&lab);
}

TestLeak(enumerate, a_real_is_unsupported_and_named)
{
    struct lab lab = {0};
    struct visits visits = {0};
    uint64_t count;
    lab_open(&lab, build_mixed);
    cr_assert_eq(builder_enumerate(lab.builder, visit_member, &visits, 0, &count, &lab.error),
                 ESP_ERROR_UNSUPPORTED);
    cr_assert(strstr(lab.error.message, "decision real "), "%s", lab.error.message);
    lab_close(&lab);
}

static esp_status build_counter(void *self, esp_builder *b)
{
    int *passes = self;
    esp_choose_int(b, ++*passes % 2 ? "odd" : "even", 0, 1);
    return esp_classifier(b, esp_input(b));
}

TestLeak(enumerate, a_space_that_depends_on_something_else_is_told)
{
    struct lab lab = {0};
    struct visits visits = {0};
    uint64_t count;
    int passes = 0;
    lab_open(&lab, build_counter);
    lab.self = &passes;
    cr_assert_eq(builder_enumerate(lab.builder, visit_member, &visits, 0, &count, &lab.error),
                 ESP_ERROR_MISUSE);
    cr_assert(strstr(lab.error.message, "depends on something else"), "%s", lab.error.message);
    lab_close(&lab);
}
