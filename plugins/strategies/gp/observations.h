// SPDX-License-Identifier: Apache-2.0
// What was asked and told, as points, and their objectives as the process wants them.
#ifndef GP_OBSERVATIONS_H
#define GP_OBSERVATIONS_H

#include <espalier/espalier.h>
#include <espalier/support/encoding.h>

enum { TRANSFORM_STANDARD, TRANSFORM_RANK, TRANSFORM_LOG_ERROR };
enum { LIE_BEST, LIE_MEAN, LIE_WORST };

struct observation {
    uint64_t trial;
    esp_arch *arch;
    double objective;
    int known; // it has an objective and breaks no constraint
};

struct observations {
    esp_mixed_encoding *encoding;
    uint64_t width; // of a point
    int64_t transform, lie;
    struct observation *told; // in the order of tells
    double *points;           // [told, width]
    uint64_t count, capacity, known;
    struct observation *open; // asked, not told: in the order of asks
    uint64_t open_count, open_capacity;
};

// 0: out of memory.
int observations_asked(struct observations *observations, uint64_t trial, esp_arch *arch);
// `objective` NULL: it has none, or breaks a constraint.
int observations_told(struct observations *observations, uint64_t trial, esp_arch *arch,
                      const double *objective);
void observations_free(struct observations *observations);

// Which of the first `count` told ones a model of at most `most` takes, oldest first: the better half of
// `most` and the newest of the others. `chosen`: room for `most`; answers how many. 0 of none, or out of
// memory.
uint64_t observations_choose(const struct observations *observations, uint64_t count, uint64_t most,
                             uint64_t *chosen);

// The values of the chosen ones, of mean 0 and sd 1, less is better: transformed; what is not known has the
// worst known value. `*lie`: of an open trial. `*best`: the least known value. 0: out of memory.
int observations_values(const struct observations *observations, const uint64_t *chosen,
                        uint64_t count, double *values, double *lie, double *best);

#endif
