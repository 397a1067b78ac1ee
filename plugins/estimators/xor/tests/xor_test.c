// SPDX-License-Identifier: Apache-2.0
// Exclusive or: networks whose outputs are worked out here.
#include "support/strategy_lab.h"

#include <criterion/criterion.h>
#include <math.h>

static struct strategy_lab lab;

static esp_status try_network(const char *text, double *metrics)
{
    struct arch *arch = NULL;
    session_lab_open(&lab.lab,
                     "[space]\nplugin = neat\ninputs = 2\noutputs = 1\n[strategy]\nplugin = neat\n"
                     "[estimator]\nplugin = xor\n[objective]\nmaximize = fitness\n",
                     NULL);
    struct builder *builder = session_builder(lab.lab.session);
    cr_assert_eq(builder_parse(builder, text, NULL, 0, &arch, &lab.error), ESP_OK, "%s",
                 lab.error.message);
    esp_status status =
        session_evaluate_cheap(lab.lab.session, arch, 0, NULL, 0, metrics, &lab.error);
    arch_release(arch);
    session_lab_close(&lab.lab);
    return status;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-4.924273 * x));
}

Test(xor, outputs_of_a_half_give_four)
{
    double metrics[4];
    cr_assert_eq(try_network("2-1 bias 1: 0>3=0@0 1>3=0@1 2>3=0@2", metrics), ESP_OK);
    cr_assert_float_eq(metrics[0], 4.0, 1e-15);
    cr_assert_eq(metrics[1], 0);
}

// An AND that is taken twice from the sum of the inputs.
Test(xor, a_network_that_computes_it_solves_it)
{
    double metrics[4], error = 0;
    cr_assert_eq(try_network("2-1 bias 1: 0>3=1@0 1>3=1@1 2>3=-0.5@2 0>4=2@3 1>4=2@4 2>4=-3@5 "
                             "4>3=-2@6",
                             metrics),
                 ESP_OK);
    for (int row = 0; row < 4; row++) {
        const double sum = row % 2 + row / 2;
        const double y = sigmoid(sum - 0.5 - 2 * sigmoid(2 * sum - 3));
        error += fabs(y - (sum == 1));
    }
    cr_assert_float_eq(metrics[0], (4 - error) * (4 - error), 1e-12);
    cr_assert_eq(metrics[1], 1);
    cr_assert_eq(metrics[2], 1);
    cr_assert_eq(metrics[3], 7);
}

// Without the hidden node no weights do: the four points are not linearly separable.
Test(xor, no_network_without_a_hidden_node_solves_it)
{
    char text[128];
    double metrics[4];
    for (int i = 0; i < 27; i++) {
        snprintf(text, sizeof text, "2-1 bias 1: 0>3=%d@0 1>3=%d@1 2>3=%d@2", 4 * (i % 3 - 1),
                 4 * (i / 3 % 3 - 1), 4 * (i / 9 - 1));
        cr_assert_eq(try_network(text, metrics), ESP_OK);
        cr_assert_eq(metrics[1], 0);
    }
}

Test(xor, a_network_whose_output_is_off_is_worth_next_to_nothing)
{
    double metrics[4];
    cr_assert_eq(try_network("2-1 bias 1: 0>3=1@0!", metrics), ESP_OK);
    cr_assert_eq(metrics[0], 0.001);
    cr_assert_eq(metrics[1], 0);
}
