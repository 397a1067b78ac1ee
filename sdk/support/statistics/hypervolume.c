// SPDX-License-Identifier: Apache-2.0
// The hypervolume of a set of points, for 2 and 3 objectives, less is better (Zitzler and Thiele 1998,
// "Multiobjective optimization using evolutionary algorithms").
#include <espalier/support/statistics.h>

#include <stdlib.h>
#include <string.h>

struct point {
    double x, y, z;
};

static int by_x(const void *a, const void *b)
{
    const struct point *p = a, *q = b;
    if (p->x != q->x)
        return p->x < q->x ? -1 : 1;
    return (p->y > q->y) - (p->y < q->y);
}

static int by_z(const void *a, const void *b)
{
    const struct point *p = a, *q = b;
    return (p->z > q->z) - (p->z < q->z);
}

// Points ascending in x, those that another one dominates allowed.
static double area(const struct point *sorted, uint64_t count, const double *reference)
{
    double sum = 0.0, y = reference[1];
    for (uint64_t i = 0; i < count; i++)
        if (sorted[i].y < y) {
            sum += (reference[0] - sorted[i].x) * (y - sorted[i].y);
            y = sorted[i].y;
        }
    return sum;
}

// Enters a point in a staircase, ascending in x and descending in y; answers the new count. A point
// that is dominated changes nothing, one that dominates removes what it covers.
static uint64_t enter(struct point *stairs, uint64_t count, struct point point)
{
    uint64_t at = 0, after;
    while (at < count && stairs[at].x < point.x)
        at++;
    if ((at > 0 && stairs[at - 1].y <= point.y) ||
        (at < count && stairs[at].x == point.x && stairs[at].y <= point.y))
        return count;
    for (after = at; after < count && stairs[after].y >= point.y;)
        after++;
    memmove(stairs + at + 1, stairs + after, (count - after) * sizeof *stairs);
    stairs[at] = point;
    return count - (after - at) + 1;
}

// Slices between consecutive z, each with the area of what lies below it.
static double volume(struct point *points, uint64_t count, struct point *stairs,
                     const double *reference)
{
    uint64_t steps = 0;
    double sum = 0.0;
    qsort(points, count, sizeof *points, by_z);
    for (uint64_t i = 0; i < count; i++) {
        steps = enter(stairs, steps, points[i]);
        double next = i + 1 < count ? points[i + 1].z : reference[2];
        if (next > points[i].z)
            sum += area(stairs, steps, reference) * (next - points[i].z);
    }
    return sum;
}

esp_status esp_statistics_hypervolume(double *out, const double *points, uint64_t count,
                                      uint64_t objectives, const double *reference)
{
    if (objectives != 2 && objectives != 3)
        return ESP_ERROR_UNSUPPORTED;
    // The second half holds the staircase, which has one more while a point enters.
    struct point *list = malloc((2 * count + 2) * sizeof *list);
    if (!list)
        return ESP_ERROR_MEMORY;
    uint64_t kept = 0;
    for (uint64_t i = 0; i < count; i++) {
        const double *row = points + i * objectives;
        if (row[0] < reference[0] && row[1] < reference[1] &&
            (objectives == 2 || row[2] < reference[2]))
            list[kept++] = (struct point){row[0], row[1], objectives == 3 ? row[2] : 0.0};
    }
    if (objectives == 2) {
        qsort(list, kept, sizeof *list, by_x);
        *out = area(list, kept, reference);
    } else {
        *out = volume(list, kept, list + count + 1, reference);
    }
    free(list);
    return ESP_OK;
}
