// SPDX-License-Identifier: Apache-2.0
// Functions whose least value is known. Branin and Hartmann-6 (Dixon and Szego 1978) on reals, traps
// (Ackley 1987; Deb and Goldberg 1993) on bits: six blocks of four, of which all ones are best and all
// else leads to zeros; and ZDT1 to 3 (Zitzler, Deb and Thiele 2000) of two objectives on ten reals, whose fronts
// are known.
#ifndef PLUGINS_KNOWN_FUNCTIONS_H
#define PLUGINS_KNOWN_FUNCTIONS_H

#include <espalier/builder.h>

#include <math.h>
#include <stdio.h>

#define KNOWN_MOST_DIMENSIONS 24

struct known_function {
    const char *name;
    int dimensions;
    int bits;                 // choices of two, not reals
    const double *low, *high; // reals
    double optimum;
    double (*at)(const double *x);
    // Two objectives: f1 is x0, f2 is g times this.
    double (*shape)(double f1, double g);
    // What the exact front dominates below (1.1, 1.1).
    double hypervolume;
};

static inline double known_branin(const double *x)
{
    const double pi = acos(-1.0), b = 5.1 / (4 * pi * pi), c = 5 / pi, t = 1 / (8 * pi);
    double valley = x[1] - b * x[0] * x[0] + c * x[0] - 6;
    return valley * valley + 10 * (1 - t) * cos(x[0]) + 10;
}

static inline double known_hartmann6(const double *x)
{
    static const double alpha[4] = {1.0, 1.2, 3.0, 3.2};
    static const double a[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                   {0.05, 10, 17, 0.1, 8, 14},
                                   {3, 3.5, 1.7, 10, 17, 8},
                                   {17, 8, 0.05, 10, 0.1, 14}};
    static const double p[4][6] = {{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                                   {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                                   {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                                   {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
    double sum = 0;
    for (int i = 0; i < 4; i++) {
        double inner = 0;
        for (int j = 0; j < 6; j++)
            inner += a[i][j] * (x[j] - p[i][j]) * (x[j] - p[i][j]);
        sum -= alpha[i] * exp(-inner);
    }
    return sum;
}

static inline double known_traps(const double *x)
{
    double sum = 0;
    for (int block = 0; block < 6; block++) {
        double ones = x[4 * block] + x[4 * block + 1] + x[4 * block + 2] + x[4 * block + 3];
        sum -= ones == 4 ? 4 : 3 - ones;
    }
    return sum;
}

static inline double known_zdt1(double f1, double g)
{
    return 1 - sqrt(f1 / g);
}

static inline double known_zdt2(double f1, double g)
{
    return 1 - f1 / g * (f1 / g);
}

static inline double known_zdt3(double f1, double g)
{
    return 1 - sqrt(f1 / g) - f1 / g * sin(10 * acos(-1.0) * f1);
}

#define KNOWN_REFERENCE 1.1 // of hypervolumes, in both objectives

static const double known_branin_low[] = {-5, 0}, known_branin_high[] = {10, 15};
static const double known_zeros[10] = {0}, known_ones[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
static const struct known_function known_functions[] = {
    {"branin", 2, 0, known_branin_low, known_branin_high, 0.39788735772973816, known_branin, NULL,
     0},
    {"hartmann6", 6, 0, known_zeros, known_ones, -3.322368011415514, known_hartmann6, NULL, 0},
    {"traps", 24, 1, NULL, NULL, -24, known_traps, NULL, 0},
    {"zdt1", 10, 0, known_zeros, known_ones, 0, NULL, known_zdt1, 1.21 - 1.0 / 3},
    {"zdt2", 10, 0, known_zeros, known_ones, 0, NULL, known_zdt2, 1.21 - 2.0 / 3},
    {"zdt3", 10, 0, known_zeros, known_ones, 0, NULL, known_zdt3, 1.3317629},
};

static inline const struct known_function *known_function_find(const char *name)
{
    for (size_t i = 0; i < sizeof known_functions / sizeof known_functions[0]; i++)
        if (strcmp(known_functions[i].name, name) == 0)
            return &known_functions[i];
    return NULL;
}

// The function's decisions x0, x1, ... on `b`.
static inline esp_status known_function_build(const struct known_function *function, esp_builder *b)
{
    static const char *const bits[] = {"zero", "one"};
    for (int i = 0; i < function->dimensions; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", i);
        if (function->bits)
            esp_choose_one(b, name, bits, 2);
        else
            esp_choose_real(b, name, function->low[i], function->high[i]);
    }
    return esp_classifier(b, esp_input(b));
}

static inline int known_function_objectives(const struct known_function *function)
{
    return function->shape ? 2 : 1;
}

// One objective: what the function is above its least value. Two: both, as they are.
static inline void known_function_values(const struct known_function *function,
                                         const esp_arch *arch, double out[2])
{
    double x[KNOWN_MOST_DIMENSIONS], sum = 0;
    for (int i = 0; i < function->dimensions; i++) {
        esp_value value = esp_arch_value(arch, (uint64_t)i);
        x[i] = function->bits ? (double)value.as.index : value.as.real;
    }
    if (!function->shape) {
        out[0] = function->at(x) - function->optimum;
        out[1] = 0;
        return;
    }
    for (int i = 1; i < function->dimensions; i++)
        sum += x[i];
    double g = 1 + 9 * sum / (function->dimensions - 1);
    out[0] = x[0];
    out[1] = g * function->shape(x[0], g);
}

#endif
