// SPDX-License-Identifier: Apache-2.0
// NLopt as a C program calls it: direct ALGORITHM N LOWER UPPER EVALUATIONS SEED. Prints every point
// that Rosenbrock's function is evaluated at and its value, then "code value".
#include <nlopt.h>

#include <stdio.h>
#include <stdlib.h>

double rosenbrock(int n, const double *x);

static double objective(unsigned n, const double *x, double *gradient, void *data)
{
    double value = rosenbrock((int)n, x);
    (void)gradient, (void)data;
    for (unsigned i = 0; i < n; i++)
        printf("%.17g ", x[i]);
    printf("%.17g\n", value);
    return value;
}

int main(int argc, char **argv)
{
    double x[16], lower[16], upper[16], minimum;
    if (argc != 7)
        return 2;
    unsigned n = (unsigned)atoi(argv[2]);
    for (unsigned i = 0; i < n; i++) {
        lower[i] = atof(argv[3]);
        upper[i] = atof(argv[4]);
        x[i] = lower[i] / 2 + upper[i] / 2;
    }
    nlopt_srand((unsigned long)atol(argv[6]));
    nlopt_opt opt = nlopt_create(nlopt_algorithm_from_string(argv[1]), n);
    nlopt_set_lower_bounds(opt, lower);
    nlopt_set_upper_bounds(opt, upper);
    nlopt_set_min_objective(opt, objective, NULL);
    nlopt_set_maxeval(opt, atoi(argv[5]));
    nlopt_result code = nlopt_optimize(opt, x, &minimum);
    printf("%d %.17g\n", (int)code, minimum);
    nlopt_destroy(opt);
    return 0;
}
