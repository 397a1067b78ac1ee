// SPDX-License-Identifier: Apache-2.0
// Boxes of numbers: the decisions and their bounds, the one linear layer, what is refused.
#include "support/member_lab.h"

#include "support/leak.h"
#include "support/short_search.h"

#include <espalier/arch.h>

#include <stdio.h>
#include <string.h>

#define SMALL "[dataset]\nplugin = synthetic\nchannels = 1\nheight = 4\nwidth = 5\n"

TestLeak(box, reals_then_integers_within_their_bounds)
{
    struct member_lab lab;
    member_lab_open(&lab, "[space]\nplugin = box\nreals = 3\nintegers = 2\nreal_min = -1\n"
                          "real_max = 2\nint_min = 7\nint_max = 9\n" SMALL);
    struct arch *arch = member_read_json(
        &lab, "[[\"x0\", -1], [\"x1\", 0.25], [\"x2\", 2], [\"k0\", 7], [\"k1\", 9]]");
    const esp_arch *handle = arch_handle(arch);
    cr_assert_eq(esp_arch_count(handle), 5);
    for (uint64_t i = 0; i < 3; i++) {
        const esp_domain *domain = esp_arch_domain(handle, i);
        cr_expect(domain->kind == ESP_DECISION_REAL && domain->flags == 0);
        cr_expect(domain->real_min == -1 && domain->real_max == 2);
    }
    cr_expect_eq(esp_arch_domain(handle, 4)->int_min, 7);
    cr_expect_eq(esp_arch_domain(handle, 4)->int_max, 9);
    // The mean of the one channel, 10 classes.
    member_expect_counts(&lab, arch, 10 + 10, 10);
    arch_release(arch);
    member_lab_close(&lab);
}

TestLeak(box, a_logarithmic_scale)
{
    struct member_lab lab;
    member_lab_open(&lab, "[space]\nplugin = box\nreals = 1\nlog = yes\nreal_min = 1e-4\n" SMALL);
    struct arch *arch = member_read_json(&lab, "[[\"x0\", 0.001]]");
    cr_expect_eq(esp_arch_domain(arch_handle(arch), 0)->flags, ESP_DOMAIN_LOG);
    arch_release(arch);
    member_lab_close(&lab);
}

Test(box, its_layer_learns)
{
    short_search("[space]\nplugin = box\nintegers = 1\n", 2);
}

TestLeak(box, refuses_bounds_that_hold_nothing)
{
    member_lab_expect_refusal("[space]\nplugin = box\nreals = 0\n",
                              "reals and integers are both 0");
    member_lab_expect_refusal("[space]\nplugin = box\nreal_min = 9\n",
                              "real_min 9 is larger than real_max 5");
    member_lab_expect_refusal("[space]\nplugin = box\nlog = yes\n", "real_min -5 is not above 0");
    member_lab_expect_refusal("[space]\nplugin = box\nintegers = 1\nint_min = 6\n",
                              "int_min 6 is larger than int_max 5");
}
