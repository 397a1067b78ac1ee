// SPDX-License-Identifier: Apache-2.0
// Children for NSGA-II, through decisions: simulated binary crossover and polynomial mutation of numbers
// (Deb and Agrawal 1995; Deb et al. 2002), uniform crossover and another value of all else.
#ifndef NSGA2_CHILDREN_H
#define NSGA2_CHILDREN_H

#include <espalier/espalier.h>

struct variation {
    double crossover_eta,
        mutation_eta;     // distribution indices: the larger, the nearer to the parents
    double mutation_rate; // of each decision; 0: one over the number of decisions
};

// A child of `a`, and of `b` where that is not NULL.
esp_status child_make(const struct variation *variation, esp_search *search, const esp_arch *a,
                      const esp_arch *b, esp_random *random, esp_arch **out);

// The numbers, all within [low, high], low < high. One of the two children, drawn.
double sbx(double a, double b, double low, double high, double eta, esp_random *random);
double polynomial(double value, double low, double high, double eta, esp_random *random);

#endif
