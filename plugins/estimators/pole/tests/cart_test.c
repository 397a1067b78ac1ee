// SPDX-License-Identifier: Apache-2.0
// The cart and its poles, by mechanics: energy, the growth of small deviations, and the path of the same
// cart as it was computed from Lagrange's equations (a mass matrix solved at each point, steps of 0.1 ms)
// by another program.
#include "cart.h"

#include <criterion/criterion.h>
#include <math.h>

#define G 9.8

static struct cart two_poles(double hinge)
{
    return (struct cart){.poles = 2,
                         .pole = {{0.5, 0.1}, {0.05, 0.01}},
                         .limit = 100,
                         .hinge = hinge,
                         .state = {0.1, -0.3, 0.07, 0.2, -0.1, 0.4}};
}

// Of a cart of 1 kg and rods with their hinge at an end: moving centre, turning about it, height.
static double energy(const struct cart *cart)
{
    const double *s = cart->state;
    double sum = 0.5 * s[1] * s[1];
    for (int i = 0; i < cart->poles; i++) {
        const double m = cart->pole[i].mass, l = cart->pole[i].half_length;
        const double angle = s[2 + 2 * i], rate = s[3 + 2 * i];
        const double along = s[1] + l * rate * cos(angle), up = l * rate * sin(angle);
        sum += 0.5 * m * (along * along + up * up) + 0.5 * (m * l * l / 3) * rate * rate +
               m * G * l * cos(angle);
    }
    return sum;
}

Test(cart, energy_is_kept_without_force_and_friction)
{
    struct cart cart = two_poles(0);
    const double before = energy(&cart);
    for (int step = 0; step < 50; step++)
        cart_push(&cart, 0);
    // The short pole turns over and over: 0.01 s is a coarse step for it.
    cr_assert_float_eq(energy(&cart), before, 2e-3 * before, "%g, before %g", energy(&cart),
                       before);
    struct cart single = {.poles = 1, .pole = {{0.5, 0.1}}, .state = {0, 0, 0.07, 0}};
    const double start = energy(&single);
    for (int step = 0; step < 500; step++)
        cart_push(&single, 0);
    cr_assert_float_eq(energy(&single), start, 1e-5 * start, "%.12g, before %.12g", energy(&single),
                       start);
}

Test(cart, friction_takes_energy)
{
    struct cart cart = two_poles(0.0001);
    const double before = energy(&cart);
    for (int step = 0; step < 20; step++)
        cart_push(&cart, 0);
    cr_assert_lt(energy(&cart), before);
}

// theta'' = (3 g / 4 l) (M + m) / (M + m / 4) theta, near upright.
Test(cart, a_small_deviation_grows_as_the_linear_equation_says)
{
    struct cart cart = {.poles = 1, .pole = {{0.5, 0.1}}, .state = {0, 0, 1e-6, 0}};
    const double rate = sqrt(0.75 * G / 0.5 * 1.1 / 1.025);
    for (int step = 0; step < 50; step++)
        cart_push(&cart, 0);
    cr_assert_float_eq(cart.state[2] / (1e-6 * cosh(rate)), 1.0, 1e-6);
}

// Ten pushes of 5 N from the task's start.
Test(cart, its_path_is_that_of_lagranges_equations)
{
    static const double expected[6] = {0.09634023368201279,   0.9570003901002803,
                                       -0.059906921907189034, -1.3531169707445194,
                                       -2.0355667744041157,   -23.48880864759647};
    struct cart cart = two_poles(0.000002);
    const double start[6] = {0, 0, 0.07, 0, 0, 0};
    for (int i = 0; i < 6; i++)
        cart.state[i] = start[i];
    for (int push = 0; push < 10; push++)
        cart_push(&cart, 5.0);
    for (int i = 0; i < 6; i++)
        cr_expect_float_eq(cart.state[i], expected[i], i < 4 ? 2e-5 : 2e-2, "%d: %.12g", i,
                           cart.state[i]);
}

Test(cart, it_is_up_within_its_limits)
{
    struct cart cart = two_poles(0);
    cart.limit = 0.628329;
    cr_assert(cart_is_up(&cart));
    cart.state[4] = -0.6284;
    cr_assert_not(cart_is_up(&cart));
    cart.state[4] = 0;
    cart.state[0] = 2.4001;
    cr_assert_not(cart_is_up(&cart));
    cart.state[0] = NAN;
    cr_assert_not(cart_is_up(&cart));
}
