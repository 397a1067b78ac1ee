// SPDX-License-Identifier: Apache-2.0
// Balancing one pole: what a network is given, and what becomes of it.
#include "support/strategy_lab.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct session_lab lab;

enum { FITNESS, SOLVED, HIDDEN, CONNECTIONS, METRICS };

// The metrics of the network with this text, in their order.
static esp_status try_network(int inputs, const char *settings, const char *text, double *metrics,
                              struct error *error)
{
    char ini[512];
    struct arch *arch = NULL;
    memset(error, 0, sizeof *error);
    snprintf(
        ini, sizeof ini,
        "[space]\nplugin = neat\ninputs = %d\noutputs = 1\nbias = 0.5\n[strategy]\nplugin = neat\n"
        "[estimator]\nplugin = pole\n%s[objective]\nmaximize = fitness\n",
        inputs, settings);
    session_lab_open(&lab, ini, NULL);
    struct builder *builder = session_builder(lab.session);
    cr_assert_eq(builder_parse(builder, text, NULL, 0, &arch, error), ESP_OK, "%s", error->message);
    esp_status status = session_evaluate_cheap(lab.session, arch, 0, NULL, 0, metrics, error);
    arch_release(arch);
    session_lab_close(&lab);
    return status;
}

// Networks that see one input alone, with a weight, and push by it. The steps until the fall are another
// program's: Lagrange's equations with a mass matrix solved at each point, in steps of 2 ms. Without
// velocities the two are places; had the network the first two of the whole state, a weight of 2 of the
// second would balance for 16 steps and one of -8 for 22.
Test(pole, inputs_are_the_state_or_its_places_alone)
{
    static const struct {
        int inputs, seen;
        double weight;
        int steps;
    } rows[] = {{4, 0, 8, 21},  {4, 0, -8, 22}, {4, 1, 8, 10},   {4, 1, 2, 16},
                {4, 2, 2, 100}, {4, 2, -8, 6},  {4, 3, 0.5, 40}, {4, 3, -1, 12},
                {2, 0, 8, 21},  {2, 0, -8, 22}, {2, 1, 2, 100},  {2, 1, -8, 6}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double metrics[METRICS];
        struct error error;
        char text[64];
        snprintf(text, sizeof text, "%d-1 bias 0.5: %d>%d=%g@0", rows[i].inputs, rows[i].seen,
                 rows[i].inputs + 1, rows[i].weight);
        cr_assert_eq(try_network(rows[i].inputs, rows[i].inputs == 2 ? "velocities = no\n" : "",
                                 text, metrics, &error),
                     ESP_OK, "%s", error.message);
        cr_assert_eq(metrics[FITNESS], rows[i].steps, "input %d of %d, weight %g: %g steps",
                     rows[i].seen, rows[i].inputs, rows[i].weight, metrics[FITNESS]);
        cr_assert_eq(metrics[SOLVED], 0);
        cr_assert_eq(metrics[HIDDEN], 0);
        cr_assert_eq(metrics[CONNECTIONS], 1);
    }
}

Test(pole, so_many_steps_are_the_task_solved)
{
    double metrics[METRICS];
    struct error error;
    cr_assert_eq(
        try_network(2, "velocities = no\nsteps = 100\n", "2-1 bias 0.5: 1>3=2@0", metrics, &error),
        ESP_OK);
    cr_assert_eq(metrics[SOLVED], 1);
    cr_assert_eq(metrics[FITNESS], 100);
}

// A network of the whole state is none for the task without velocities, nor the other way round.
Test(pole, a_network_of_other_inputs_is_refused)
{
    double metrics[METRICS];
    struct error error;
    cr_assert_eq(try_network(4, "velocities = no\n", "4-1 bias 0.5: 3>5=1@0", metrics, &error),
                 ESP_ERROR_DATA);
    cr_assert(strstr(error.message, "the task has 2 inputs"), "%s", error.message);
    cr_assert_eq(try_network(2, "", "2-1 bias 0.5: 1>3=1@0", metrics, &error), ESP_ERROR_DATA);
    cr_assert(strstr(error.message, "the task has 4 inputs"), "%s", error.message);
}
