// SPDX-License-Identifier: Apache-2.0
// Minimisation within bounds: BFGS on the variables that are free, the others stay at their bounds; a step is
// projected back and halved until the value falls enough (Bertsekas 1982, "Projected Newton methods for
// optimization problems with simple constraints").
#include <espalier/support/gaussian_process.h>

#include <stdlib.h>
#include <string.h>

#define HALVINGS 20
#define ENOUGH 1e-4 // of the fall that the gradient promises (Armijo)

struct search {
    esp_bounded_function function;
    void *self;
    uint64_t count;
    const double *low, *high;
    double *x, *gradient;         // where it stands
    double *next, *next_gradient; // where it tries
    double *direction, *change;   // [count]
    double *inverse;              // [count, count]: the inverse Hessian's estimate
    uint8_t *held;                // at a bound that the gradient pushes against
    double value;
};

static void reset(struct search *s)
{
    memset(s->inverse, 0, s->count * s->count * sizeof *s->inverse);
    for (uint64_t i = 0; i < s->count; i++)
        s->inverse[i * s->count + i] = 1.0;
}

// What is held; 1: it differs from before.
static int hold(struct search *s)
{
    int changed = 0;
    for (uint64_t i = 0; i < s->count; i++) {
        uint8_t held = (s->x[i] <= s->low[i] && s->gradient[i] > 0.0) ||
                       (s->x[i] >= s->high[i] && s->gradient[i] < 0.0);
        changed |= held != s->held[i];
        s->held[i] = held;
    }
    return changed;
}

// The direction down; answers the slope, which is below 0 unless nothing is free to fall.
static double descend(struct search *s)
{
    double slope = 0.0;
    for (uint64_t i = 0; i < s->count; i++) {
        s->direction[i] = 0.0;
        for (uint64_t j = 0; j < s->count && !s->held[i]; j++)
            if (!s->held[j])
                s->direction[i] -= s->inverse[i * s->count + j] * s->gradient[j];
        slope += s->direction[i] * s->gradient[i];
    }
    return slope;
}

static void update(struct search *s)
{
    const uint64_t n = s->count;
    double *step = s->change, *turn = s->direction, along = 0.0, curve = 0.0;
    for (uint64_t i = 0; i < n; i++) {
        step[i] = s->next[i] - s->x[i];
        // What is held has no part in the curvature of what is free.
        turn[i] = s->held[i] ? 0.0 : s->next_gradient[i] - s->gradient[i];
        along += step[i] * turn[i];
    }
    if (!(along > 1e-12))
        return;
    // H += (1 + y'Hy / s'y) s s' / s'y - (H y s' + s y'H) / s'y
    double *product = malloc(n * sizeof *product);
    if (!product)
        return; // an older estimate serves too
    for (uint64_t i = 0; i < n; i++) {
        product[i] = 0.0;
        for (uint64_t j = 0; j < n; j++)
            product[i] += s->inverse[i * n + j] * turn[j];
        curve += product[i] * turn[i];
    }
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t j = 0; j < n; j++)
            s->inverse[i * n + j] += (1.0 + curve / along) * step[i] * step[j] / along -
                                     (product[i] * step[j] + step[i] * product[j]) / along;
    free(product);
}

// Tries shorter and shorter steps; 1: one was taken.
static int step(struct search *s, uint64_t number)
{
    double size = 1.0, longest = 0.0;
    for (uint64_t i = 0; i < s->count; i++)
        longest = fmax(longest, fabs(s->direction[i]));
    if (number == 0 && longest > 1.0)
        size = 1.0 / longest; // nothing is known of the scale yet
    for (int i = 0; i < HALVINGS; i++, size *= 0.5) {
        double promised = 0.0;
        for (uint64_t k = 0; k < s->count; k++) {
            s->next[k] = fmin(s->high[k], fmax(s->low[k], s->x[k] + size * s->direction[k]));
            promised += s->gradient[k] * (s->next[k] - s->x[k]);
        }
        double value = s->function(s->self, s->next, s->next_gradient);
        if (!(value <= s->value + ENOUGH * promised))
            continue;
        int moved = value < s->value;
        update(s);
        memcpy(s->x, s->next, s->count * sizeof *s->x);
        memcpy(s->gradient, s->next_gradient, s->count * sizeof *s->gradient);
        s->value = value;
        return moved;
    }
    return 0;
}

esp_status esp_bounded_minimise(esp_bounded_function function, void *self, uint64_t count,
                                const double *low, const double *high, uint64_t steps, double *x,
                                double *value)
{
    double *room = malloc((5 + count) * (count + 1) * sizeof *room);
    struct search s = {function, self, count, low,  high, x,    room,
                       NULL,     NULL, NULL,  NULL, NULL, NULL, 0.0};
    s.held = calloc(count + 1, 1);
    if (!room || !s.held) {
        free(room);
        free(s.held);
        return ESP_ERROR_MEMORY;
    }
    s.next = room + count;
    s.next_gradient = room + 2 * count;
    s.direction = room + 3 * count;
    s.change = room + 4 * count;
    s.inverse = room + 5 * count;
    s.value = function(self, x, s.gradient);
    reset(&s);
    for (uint64_t i = 0; i < steps; i++) {
        if (hold(&s))
            reset(&s);
        double slope = descend(&s);
        if (slope >= 0.0) {
            reset(&s);
            slope = descend(&s);
        }
        if (!(slope < -1e-10) || !step(&s, i))
            break;
    }
    *value = s.value;
    free(room);
    free(s.held);
    return ESP_OK;
}
