// SPDX-License-Identifier: Apache-2.0
// A cart with one or two poles on a track, and its motion (Wieland 1991, "Evolving neural network
// controllers for unstable systems"), integrated by the fourth-order Runge-Kutta method.
#ifndef POLE_CART_H
#define POLE_CART_H

#define CART_POLES_MOST 2
#define CART_LIMIT 2.4  // metres from the middle of the track
#define CART_FORCE 10.0 // newtons, either way
#define CART_STEP 0.02  // seconds for which a force acts: two steps of the integration
#define CART_DEGREE 0.01745329251994329576923690768489

struct pole {
    double half_length; // metres
    double mass;        // kilogrammes
};

struct cart {
    int poles;
    struct pole pole[CART_POLES_MOST];
    double limit; // of the poles' angles, radians
    double hinge; // friction of the hinges
    // x, dx/dt, then angle from upright and its rate, of each pole. SI units, radians.
    double state[2 + 2 * CART_POLES_MOST];
};

// A force acts for CART_STEP.
void cart_push(struct cart *cart, double force);

// How the state changes: its derivative under a force.
void cart_derivative(const struct cart *cart, const double *state, double force, double *out);

// Are the cart and its poles within their limits?
int cart_is_up(const struct cart *cart);

#endif
