// SPDX-License-Identifier: Apache-2.0
// A library that knows nothing of Espalier: what the tests of foreign plugins call.
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

// Rosenbrock 1960; 0 at (1, ..., 1).
double rosenbrock(int32_t n, const double *x);
double rosenbrock(int32_t n, const double *x)
{
    double sum = 0;
    for (int32_t i = 0; i + 1 < n; i++) {
        double a = x[i + 1] - x[i] * x[i], b = 1 - x[i];
        sum += 100 * a * a + b * b;
    }
    return sum;
}

// Reals and integers apart, a parameter, a second number that comes back.
int mixed(int32_t reals, const float *x, int64_t integers, const int16_t *k, double shift,
          double *value, uint32_t *calls);
int mixed(int32_t reals, const float *x, int64_t integers, const int16_t *k, double shift,
          double *value, uint32_t *calls)
{
    static uint32_t count;
    *value = shift;
    for (int32_t i = 0; i < reals; i++)
        *value += (double)x[i] * (double)x[i];
    for (int64_t i = 0; i < integers; i++)
        *value += 10 * k[i];
    *calls = ++count;
    return reals > 0 ? 0 : 7;
}

// A network as numbers.
double weight(uint64_t params, uint64_t macs, uint64_t n, const double *encoding);
double weight(uint64_t params, uint64_t macs, uint64_t n, const double *encoding)
{
    double sum = 0;
    for (uint64_t i = 0; i < n; i++)
        sum += encoding[i] * (double)(i + 1);
    return (double)params + (double)macs / 1024 + sum / 1048576;
}

// A model behind a handle, as libraries keep their state.
struct model {
    double scale;
    int calls;
};

struct model *model_open(const char *name, double scale);
struct model *model_open(const char *name, double scale)
{
    struct model *model = name[0] == 'm' ? malloc(sizeof *model) : NULL;
    if (model)
        *model = (struct model){scale, 0};
    return model;
}

double model_score(struct model *model, const double *x, uint32_t n);
double model_score(struct model *model, const double *x, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += fabs(x[i]);
    return sum * model->scale + 1000 * model->calls++;
}

void model_close(struct model *model);
void model_close(struct model *model)
{
    const char *path = getenv("MODEL_CLOSED");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (file) {
        fprintf(file, "%d\n", model->calls);
        fclose(file);
    }
    free(model);
}

// What a wrong signature and a bad library do.
double crash_below(double x);
double crash_below(double x)
{
    if (x < 0)
        raise(SIGSEGV);
    return x;
}

double not_a_number(double x);
double not_a_number(double x)
{
    printf("rubbish on standard output\n");
    return x < 0 ? NAN : x;
}

// An optimiser of its own: so many points between the bounds, by a callback that answers through a
// pointer, in single precision.
typedef int (*point_function)(void *data, const int32_t *n, const float *x, float *value);
int32_t scan(point_function function, void *data, int32_t n, const float *lower, const float *upper,
             int32_t steps, float *best);
int32_t scan(point_function function, void *data, int32_t n, const float *lower, const float *upper,
             int32_t steps, float *best)
{
    float x[16];
    *best = INFINITY;
    if (n > 16)
        return -1;
    printf("scanning\n");
    for (int32_t step = 0; step < steps; step++) {
        float value;
        for (int32_t i = 0; i < n; i++)
            x[i] = lower[i] + (upper[i] - lower[i]) * (float)step / (float)(steps - 1);
        if (function(data, &n, x, &value) != 0)
            return -2;
        *best = value < *best ? value : *best;
    }
    return steps;
}

// One that crashes on its third point, and one that wants a gradient.
double dies(double (*f)(unsigned, const double *, double *, void *), unsigned n);
double dies(double (*f)(unsigned, const double *, double *, void *), unsigned n)
{
    double x[16] = {0};
    for (int i = 0; i < 2; i++)
        f(n, x, NULL, NULL);
    raise(SIGSEGV);
    return 0;
}

double climbs(double (*f)(unsigned, const double *, double *, void *), unsigned n);
double climbs(double (*f)(unsigned, const double *, double *, void *), unsigned n)
{
    double x[16] = {0}, gradient[16];
    return f(n, x, gradient, NULL);
}

const double table_of_values[4] = {1, 2, 3, 4};

// A family of learning curves: a power law, theta[0] - theta[1] step^-theta[2].
double power_law(double step, const double *theta);
double power_law(double step, const double *theta)
{
    return theta[0] - theta[1] * pow(step, -theta[2]);
}
