// SPDX-License-Identifier: Apache-2.0
// The speed of convolutions alone; see figures.h.
#include "figures.h"
#include "trainee.h"

#include "../stopwatch.h"

#include <stdlib.h>

#define BATCH 64
#define SHORT 2
#define LONG 10
#define MOST 64

struct timed {
    struct graph *graph;
    struct trainee trainee;
    double forward[MOST], backward[MOST];
};

static void time_pass(struct timed *timed, int i)
{
    double began = cpu_seconds();
    trainee_forward(&timed->trainee);
    double between = cpu_seconds();
    trainee_backward(&timed->trainee);
    timed->forward[i] = between - began;
    timed->backward[i] = cpu_seconds() - between;
}

static void open(struct timed *timed, const struct instance *engine, int64_t channels, int64_t size,
                 int count, bool input_gradient)
{
    timed->graph = convolutions(channels, size, count);
    trainee_open(&timed->trainee, engine, graph_handle(timed->graph), BATCH, input_gradient);
    time_pass(timed, 0);
}

static void close(struct timed *timed)
{
    trainee_close(&timed->trainee);
    graph_destroy(timed->graph);
}

struct convolution_rates convolutions_measure(const struct instance *engine, int64_t channels,
                                              int64_t size, int repetitions)
{
    static struct timed few, many, asked;
    int count = repetitions < MOST ? repetitions : MOST;
    open(&few, engine, channels, size, SHORT, false);
    open(&many, engine, channels, size, LONG, false);
    open(&asked, engine, channels, size, SHORT, true);
    for (int i = 0; i < count; i++) {
        time_pass(&few, i);
        time_pass(&many, i);
        time_pass(&asked, i);
    }
    double operations = 2.0 * BATCH * 9.0 * (double)(channels * channels * size * size);
    size_t n = (size_t)count;
    double without = median(few.backward, n);
    double forward = (median(many.forward, n) - median(few.forward, n)) / (LONG - SHORT);
    double backward = (median(many.backward, n) - without) / (LONG - SHORT);
    double data = median(asked.backward, n) - without;
    struct convolution_rates rates = {operations / forward, operations / data,
                                      operations / (backward - data), 2.0 * operations / backward};
    close(&few);
    close(&many);
    close(&asked);
    return rates;
}
