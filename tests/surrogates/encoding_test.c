// SPDX-License-Identifier: Apache-2.0
// Encodings: points of choices and reals against the decisions themselves; the path encoding of
// NAS-Bench-201 against counting its paths by hand (5 + 25 + 125 with `none`, which is no edge; here 4 + 16 +
// 64 operators), cut to the shortest.
#include <espalier/support/encoding.h>

#include "run/search.h"
#include "support/session_lab.h"

#include <criterion/criterion.h>
#include <math.h>

static struct search *open_search(struct session_lab *lab, const char *space)
{
    struct search *search = NULL;
    struct error error;
    char ini[512];
    error_clear(&error);
    snprintf(ini, sizeof ini,
             "[space]\n%s[strategy]\nplugin = random\n[estimator]\nplugin = nk_landscape\n"
             "[objective]\nmaximize = fitness\n",
             space);
    session_lab_open(lab, ini, NULL);
    cr_assert_eq(search_create(&search, lab->session, 1, 0, false, &error), ESP_OK, "%s",
                 error.message);
    search_begin(search, "ask", 0);
    return search;
}

Test(encoding, mixed_points_hold_every_decision)
{
    struct session_lab lab;
    struct search *search = open_search(&lab, "plugin = mlp\nshapes = triangle, funnel, free\n"
                                              "max_depth = 5\nmax_dropout = 0.8\n");
    esp_search *handle = search_handle(search);
    const esp_survey *survey = NULL;
    esp_mixed_encoding *encoding = NULL;
    double point[256];
    cr_assert_eq(esp_search_survey(handle, &survey), ESP_OK);
    cr_assert_eq(esp_mixed_encoding_create(&encoding, survey), ESP_OK);
    const uint64_t choices = esp_mixed_encoding_choices(encoding);
    const uint64_t width = choices + esp_mixed_encoding_reals(encoding);
    cr_assert_leq(width, 256);
    for (int i = 0; i < 200; i++) {
        esp_arch *arch = NULL;
        uint64_t present = 0, numbers = 0;
        cr_assert_eq(esp_search_sample(handle, esp_search_random(handle), &arch), ESP_OK);
        uint64_t outside = esp_mixed_encoding_write(encoding, arch, point);
        for (uint64_t k = 0; k < width; k++) {
            present += !isnan(point[k]);
            if (k >= choices && !isnan(point[k]))
                cr_assert(point[k] >= 0 && point[k] <= 1);
        }
        for (uint64_t k = 0; k < esp_arch_count(arch); k++) {
            const esp_domain *domain = esp_arch_domain(arch, k);
            numbers += domain->kind == ESP_DECISION_SUBSET ? domain->count : 1;
        }
        cr_assert_eq(outside, 0);
        cr_assert_eq(present, numbers, "%lu of %lu numbers", (unsigned long)present,
                     (unsigned long)numbers);
        esp_arch_release(arch);
    }
    esp_mixed_encoding_destroy(encoding);
    search_destroy(search);
    session_lab_close(&lab);
}

static double sum_of(const double *vector, uint64_t width)
{
    double sum = 0;
    for (uint64_t i = 0; i < width; i++)
        sum += vector[i];
    return sum;
}

// All edges a convolution: 0-3, 0-1-3, 0-2-3 and 0-1-2-3, of which two read the same.
Test(encoding, paths_of_nasbench201)
{
    struct session_lab lab;
    struct search *search = open_search(&lab, "plugin = nasbench201\n");
    esp_search *handle = search_handle(search);
    esp_path_encoding *all = NULL, *some = NULL;
    double vector[256];
    cr_assert_eq(esp_path_encoding_create(&all, handle, esp_search_random(handle), 4000, 0),
                 ESP_OK);
    cr_assert_eq(esp_path_encoding_width(all), 4 + 16 + 64, "%lu",
                 (unsigned long)esp_path_encoding_width(all));
    cr_assert_eq(esp_path_encoding_create(&some, handle, esp_search_random(handle), 4000, 20),
                 ESP_OK);
    cr_assert_eq(esp_path_encoding_width(some), 20);
    for (int i = 0; i < 100; i++) {
        esp_arch *arch = NULL;
        cr_assert_eq(esp_search_sample(handle, esp_search_random(handle), &arch), ESP_OK);
        uint64_t none[6];
        for (uint64_t k = 0; k < 6; k++) {
            const esp_domain *domain = esp_arch_domain(arch, k);
            none[k] = strcmp(domain->names[esp_arch_value(arch, k).as.index], "none") == 0;
        }
        // Edges in the order 0-1, 0-2, 1-2, 0-3, 1-3, 2-3.
        int direct = !none[3], by1 = !none[0] && !none[4], by2 = !none[1] && !none[5];
        int long_one = !none[0] && !none[2] && !none[5];
        int same = by1 && by2 &&
                   esp_arch_value(arch, 0).as.index == esp_arch_value(arch, 1).as.index &&
                   esp_arch_value(arch, 4).as.index == esp_arch_value(arch, 5).as.index;
        cr_assert_eq(esp_path_encoding_write(all, handle, arch, vector), ESP_OK);
        cr_assert_eq(sum_of(vector, 84), direct + by1 + by2 - same + long_one);
        cr_assert_eq(esp_path_encoding_write(some, handle, arch, vector), ESP_OK);
        cr_assert_eq(sum_of(vector, 20), direct + by1 + by2 - same);
        esp_arch_release(arch);
    }
    esp_path_encoding_destroy(all);
    esp_path_encoding_destroy(some);
    search_destroy(search);
    session_lab_close(&lab);
}

Test(encoding, a_space_without_a_structure_says_so)
{
    struct session_lab lab;
    struct search *search = open_search(&lab, "plugin = mlp\n");
    esp_search *handle = search_handle(search);
    esp_path_encoding *encoding = NULL;
    cr_assert_eq(esp_path_encoding_create(&encoding, handle, esp_search_random(handle), 10, 0),
                 ESP_ERROR_UNSUPPORTED);
    search_destroy(search);
    session_lab_close(&lab);
}
