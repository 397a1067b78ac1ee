// SPDX-License-Identifier: Apache-2.0
// See cart.h. The cart has a mass of 1 kg; the track has no friction.
#include "cart.h"

#include <math.h>

#define GRAVITY (-9.8)
#define CART_MASS 1.0
#define RUNGE_KUTTA_STEP 0.01
#define STATE (2 + 2 * CART_POLES_MOST)

void cart_derivative(const struct cart *cart, const double *state, double force, double *out)
{
    double forces = force, mass = CART_MASS;
    for (int i = 0; i < cart->poles; i++) {
        const struct pole *pole = &cart->pole[i];
        const double angle = state[2 + 2 * i], rate = state[3 + 2 * i];
        const double sine = sin(angle), cosine = cos(angle);
        const double hinge = cart->hinge * rate / (pole->mass * pole->half_length);
        forces += pole->mass * pole->half_length * rate * rate * sine +
                  0.75 * pole->mass * cosine * (hinge + GRAVITY * sine);
        mass += pole->mass * (1.0 - 0.75 * cosine * cosine);
    }
    out[0] = state[1];
    out[1] = forces / mass;
    for (int i = 0; i < cart->poles; i++) {
        const struct pole *pole = &cart->pole[i];
        const double angle = state[2 + 2 * i], rate = state[3 + 2 * i];
        const double hinge = cart->hinge * rate / (pole->mass * pole->half_length);
        out[2 + 2 * i] = rate;
        out[3 + 2 * i] =
            -0.75 * (out[1] * cos(angle) + GRAVITY * sin(angle) + hinge) / pole->half_length;
    }
}

static void runge_kutta(struct cart *cart, double force)
{
    const int count = 2 + 2 * cart->poles;
    const double h = RUNGE_KUTTA_STEP;
    double k[4][STATE], at[STATE];
    cart_derivative(cart, cart->state, force, k[0]);
    for (int stage = 1; stage < 4; stage++) {
        const double share = stage == 3 ? h : h / 2;
        for (int i = 0; i < count; i++)
            at[i] = cart->state[i] + share * k[stage - 1][i];
        cart_derivative(cart, at, force, k[stage]);
    }
    for (int i = 0; i < count; i++)
        cart->state[i] += h / 6 * (k[0][i] + 2 * k[1][i] + 2 * k[2][i] + k[3][i]);
}

void cart_push(struct cart *cart, double force)
{
    runge_kutta(cart, force);
    runge_kutta(cart, force);
}

int cart_is_up(const struct cart *cart)
{
    if (!(fabs(cart->state[0]) <= CART_LIMIT))
        return 0;
    for (int i = 0; i < cart->poles; i++)
        if (!(fabs(cart->state[2 + 2 * i]) <= cart->limit))
            return 0;
    return 1;
}
