// SPDX-License-Identifier: Apache-2.0
// How long an architecture takes to compile in a worker that is warm; see figures.h.
#include "figures.h"

#include "../stopwatch.h"

#include "evaluate/program.h"

#define WARM 4
#define TIMED 15

double compile_measure(struct stand *stand, uint64_t batch, double *operators)
{
    double seconds[TIMED], counts[TIMED];
    struct error error;
    esp_compile_options options = {.struct_size = sizeof options, .batch = batch, .training = 1};
    error_clear(&error);
    for (int i = 0; i < WARM + TIMED; i++) {
        struct program *program = NULL;
        stand_draw(stand, (uint64_t)i + 1);
        double began = cpu_seconds();
        need(program_create(&program, stand->engine, stand->handle, &options, &error), &error);
        if (i >= WARM) {
            seconds[i - WARM] = cpu_seconds() - began;
            counts[i - WARM] = (double)esp_graph_node_count(stand->handle);
        }
        program_destroy(program);
    }
    *operators = median(counts, TIMED);
    return median(seconds, TIMED);
}
