// SPDX-License-Identifier: Apache-2.0
// What a strategy costs besides its trials: ask plus tell at the 100th, 1,000th and 10,000th trial, the building of the
// architecture included, and bytes a trial. Beside it Optuna's samplers where /usr/bin/python3 has optuna, measured in
// the same run (strategies_bench/optuna_side.py). All times are processor time of the process. Around a size trials are
// taken in blocks, each a whole generation or batch of the strategy, so that what is done once a generation is
// shared by its trials; the figure is the median of the blocks' means. Also written to build/bench/strategies.json.
//   strategies_bench [STRATEGY]    one alone, without Optuna's
#include "stopwatch.h"
#include "strategies_bench/asking.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SIZES 3
#define HEAPS 4
#define BLOCKS_MOST 64
#define LINEAR 1.2 // the most that bytes a trial may grow by over a factor of eight
#define PYTHON "/usr/bin/python3"
#define SCRIPT ESPALIER_SOURCE_DIR "/tests/bench/strategies_bench/optuna_side.py"

static const uint64_t sizes[SIZES] = {100, 1000, 10000};
// Just below powers of two, so that arrays that double are as full at each.
static const uint64_t heap_sizes[HEAPS] = {125, 1000, 8000, 64000};

enum target {
    NONE,
    OWN,          // less the build, at any size
    ANY_SIZE,     // a trial, at any size
    AT_LARGEST,   // a trial at the 10,000th
    AT_MIDDLE,    // a trial at the 1,000th
    EACH_DECISION // at any size
};

static const char *const target_words[] = {"",
                                           "us besides the build",
                                           "us amortised",
                                           "us at the 10,000th",
                                           "us at the 1,000th",
                                           "us a decision"};

struct subject {
    const char *name, *strategy, *space, *estimator;
    uint64_t objectives;
    uint64_t block;     // trials of a block
    uint64_t blocks;    // of a window
    uint64_t rounds;    // instances, each with a seed of its own
    bool given;         // the trials before a window are told, not asked for
    double crossed;     // share of children that are crossed before they are mutated
    uint64_t heap_most; // the largest of heap_sizes that is measured
    enum target target;
    double asked; // microseconds
};

#define CELL "plugin = nasbench201\n"
#define CHAIN "plugin = chain\n"
#define NK "plugin = nk_landscape\n"

// clang-format off
static const struct subject subjects[] = {
    {"random", "plugin = random\n", CELL, NK, 1, 100, 1, 9, false, 0, 64000, NONE, 0},
    {"exhaustive", "plugin = exhaustive\n", CHAIN, NK, 1, 100, 1, 9, false, 0, 64000, NONE, 0},
    {"local_search", "plugin = local_search\n", CHAIN, NK, 1, 100, 1, 9, false, 0, 64000, NONE, 0},
    {"evolution", "plugin = evolution\n", CELL, NK, 1, 100, 1, 9, false, 0, 64000, OWN, 2},
    {"evolution, crossed", "plugin = evolution\ncrossover_rate = 0.5\n", CELL, NK, 1, 100, 1, 9, false, 0.5, 64000, OWN, 2},
    {"regularized_evolution", "plugin = regularized_evolution\n", CELL, NK, 1, 100, 1, 9, false, 0, 64000, OWN, 2},
    {"hierarchical_evolution", "plugin = hierarchical_evolution\n", "plugin = hierarchical\n", NK, 1, 100, 1, 1, false, 0, 8000, NONE, 0},
    {"neat", "plugin = neat\n", "plugin = neat\ninputs = 2\noutputs = 1\n", "plugin = xor\n", 1, 150, 1, 5, false, 0, 64000, NONE, 0},
    {"reinforce", "plugin = reinforce\n", CELL, NK, 1, 40, 5, 1, false, 0, 8000, EACH_DECISION, 100},
    {"reinforce, table", "plugin = reinforce\ncontroller = table\nbatch = 1\n", CELL, NK, 1, 40, 5, 1, false, 0, 64000, EACH_DECISION, 100},
    {"ppo", "plugin = ppo\n", CELL, NK, 1, 40, 5, 1, false, 0, 8000, EACH_DECISION, 100},
    {"tpe", "plugin = tpe\n", CELL, NK, 1, 20, 5, 1, false, 0, 64000, AT_LARGEST, 1000},
    {"tpe, multivariate", "plugin = tpe\nmultivariate = yes\n", CELL, NK, 1, 20, 5, 1, false, 0, 8000, AT_LARGEST, 1000},
    {"gp", "plugin = gp\n", CELL, NK, 1, 10, 3, 1, true, 0, 64000, AT_MIDDLE, 200000},
    {"bananas", "plugin = bananas\n", CELL, NK, 1, 10, 1, 1, true, 0, 64000, NONE, 0},
    {"nsga2", "plugin = nsga2\n", CELL, NK, 2, 100, 1, 9, false, 0, 64000, ANY_SIZE, 50},
};
// clang-format on
#define SUBJECTS (sizeof subjects / sizeof subjects[0])

struct figures {
    double trial[SIZES], decision[SIZES]; // seconds
    double build;
    double bytes[HEAPS - 1]; // a trial, from each of heap_sizes to the next; NaN: not measured
};

static struct asking *open_subject(const struct subject *subject)
{
    return asking_open(subject->space, subject->strategy, subject->estimator, subject->objectives);
}

static void reach(const struct subject *subject, struct asking *asking, uint64_t count)
{
    uint64_t decisions = 0;
    if (subject->given && count > asking_count(asking))
        asking_give(asking, count - asking_count(asking));
    asking_until(asking, count, &decisions);
}

static void measure_times(const struct subject *subject, struct figures *figures)
{
    double trials[SIZES][BLOCKS_MOST], decisions[SIZES][BLOCKS_MOST], builds[BLOCKS_MOST];
    size_t count = 0;
    for (uint64_t round = 0; round < subject->rounds; round++) {
        struct asking *asking = open_subject(subject);
        for (int size = 0; size < SIZES; size++) {
            // Blocks are whole generations: they begin at a multiple of one.
            reach(subject, asking, sizes[size] / subject->block * subject->block);
            for (uint64_t block = 0; block < subject->blocks; block++) {
                uint64_t met = 0, at = round * subject->blocks + block;
                double seconds = asking_until(asking, asking_count(asking) + subject->block, &met);
                trials[size][at] = seconds / (double)subject->block;
                decisions[size][at] = seconds / (double)(met ? met : 1);
            }
        }
        builds[round] = asking_build(asking, 20000, subject->crossed);
        asking_close(asking);
    }
    count = subject->rounds * subject->blocks;
    for (int size = 0; size < SIZES; size++) {
        figures->trial[size] = median(trials[size], count);
        figures->decision[size] = median(decisions[size], count);
    }
    figures->build = median(builds, subject->rounds);
}

static void measure_heap(const struct subject *subject, struct figures *figures)
{
    struct asking *asking = open_subject(subject);
    double before = 0;
    for (int i = 0; i < HEAPS; i++) {
        if (i > 0)
            figures->bytes[i - 1] = NAN;
        if (heap_sizes[i] > subject->heap_most)
            continue;
        reach(subject, asking, heap_sizes[i]);
        double now = asking_heap();
        if (i > 0)
            figures->bytes[i - 1] = (now - before) / (double)(heap_sizes[i] - heap_sizes[i - 1]);
        before = now;
    }
    asking_close(asking);
}

// ---- Against what is asked ----------------------------------------------------------------------------

static double judged(const struct subject *subject, const struct figures *figures)
{
    double worst = 0;
    switch (subject->target) {
    case AT_MIDDLE:
        return figures->trial[1];
    case AT_LARGEST:
        return figures->trial[2];
    case OWN:
    case ANY_SIZE:
    case EACH_DECISION:
        for (int size = 0; size < SIZES; size++)
            worst = fmax(worst, subject->target == EACH_DECISION ? figures->decision[size]
                                                                 : figures->trial[size]);
        return subject->target == OWN ? fmax(worst - figures->build, 0) : worst;
    default:
        return NAN;
    }
}

static const char *verdict(const struct subject *subject, double value)
{
    return 1e6 * value < subject->asked ? "reached" : "missed";
}

// Of the last two rates that were measured.
static const char *memory_verdict(const struct figures *figures)
{
    int last = HEAPS - 2;
    while (last > 1 && isnan(figures->bytes[last]))
        last--;
    // Where nothing is kept the coordinator's set of architectures is all there is.
    return figures->bytes[last] <= LINEAR * fmax(figures->bytes[last - 1], 16) ? "linear"
                                                                               : "NOT linear";
}

static void print_time(double seconds)
{
    if (isnan(seconds))
        printf(" %10s", "-");
    else if (seconds < 1e-3)
        printf(" %7.2f us", 1e6 * seconds);
    else
        printf(" %7.2f ms", 1e3 * seconds);
}

static void print_row(const struct subject *subject, const struct figures *figures,
                      const double *optuna)
{
    printf("%-22s", subject->name);
    for (int size = 0; size < SIZES; size++)
        print_time(figures->trial[size]);
    print_time(figures->build);
    for (int size = 0; size < SIZES; size++)
        print_time(optuna[size]);
    for (int i = 0; i < HEAPS - 1; i++)
        if (isnan(figures->bytes[i]))
            printf(" %7s", "-");
        else
            printf(" %7.0f", figures->bytes[i]);
    printf(" %-10s", memory_verdict(figures));
    if (subject->target != NONE) {
        double value = judged(subject, figures);
        printf(" %.3g of %g %s: %s", 1e6 * value, subject->asked, target_words[subject->target],
               verdict(subject, value));
    }
    printf("\n");
    fflush(stdout);
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *numbers(const double *values, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, number(values[i]));
    return list;
}

static json_t *row_json(const struct subject *subject, const struct figures *figures,
                        const double *optuna)
{
    json_t *row = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o}", "strategy", subject->name, "trial_seconds",
        numbers(figures->trial, SIZES), "decision_seconds", numbers(figures->decision, SIZES),
        "build_seconds", number(figures->build), "bytes_a_trial",
        numbers(figures->bytes, HEAPS - 1), "optuna_trial_seconds", numbers(optuna, SIZES));
    if (subject->target != NONE) {
        double value = judged(subject, figures);
        json_object_update_new(
            row, json_pack("{s:o, s:o, s:s, s:s}", "judged_seconds", number(value), "asked_seconds",
                           number(1e-6 * subject->asked), "of", target_words[subject->target],
                           "verdict", verdict(subject, value)));
    }
    return row;
}

// ---- Optuna -------------------------------------------------------------------------------------------

// NULL where this Python has no optuna.
static json_t *run_optuna(void)
{
    char command[1024];
    snprintf(command, sizeof command, PYTHON " -W ignore %s %d %d %d 2>/dev/null", SCRIPT,
             (int)sizes[0], (int)sizes[1], (int)sizes[2]);
    FILE *pipe = popen(command, "r");
    json_t *json = pipe ? json_loadf(pipe, 0, NULL) : NULL;
    if (pipe)
        pclose(pipe);
    return json;
}

static void optuna_of(double *out, const json_t *json, const char *name)
{
    const json_t *row = json_object_get(json_object_get(json, "milliseconds"), name);
    for (int size = 0; size < SIZES; size++) {
        char key[16];
        snprintf(key, sizeof key, "%d", (int)sizes[size]);
        const json_t *value = json_object_get(row, key);
        out[size] = value ? 1e-3 * json_number_value(value) : NAN;
    }
}

static void write_json(json_t *rows, const json_t *optuna)
{
    const json_t *version = json_object_get(optuna, "version");
    json_t *json =
        json_pack("{s:[I,I,I], s:[I,I,I], s:o, s:o}", "trials", (json_int_t)sizes[0],
                  (json_int_t)sizes[1], (json_int_t)sizes[2], "heap_trials",
                  (json_int_t)heap_sizes[0], (json_int_t)heap_sizes[1], (json_int_t)heap_sizes[2],
                  "optuna", version ? json_deep_copy(version) : json_null(), "strategies", rows);
    mkdir("bench", 0777);
    if (json_dump_file(json, "bench/strategies.json", JSON_INDENT(1)) != 0)
        perror("bench/strategies.json");
    json_decref(json);
}

static void print_head(const json_t *optuna)
{
    const char *version = json_string_value(json_object_get(optuna, "version"));
    printf(
        "ask plus tell, processor time a trial; build: one change of an architecture, within it\n");
    printf("Optuna: %s\n\n", version ? version : "not here (Debian: python3-optuna)");
    printf("%-22s %10s %10s %10s %10s %10s %10s %10s   bytes a trial\n", "trial", "100", "1,000",
           "10,000", "build", "Optuna 100", "1,000", "10,000");
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : NULL;
    json_t *optuna = only ? NULL : run_optuna(), *rows = json_array();
    print_head(optuna);
    for (size_t i = 0; i < SUBJECTS; i++) {
        struct figures figures = {0};
        double theirs[SIZES];
        if (only && strcmp(only, subjects[i].name) != 0)
            continue;
        measure_times(&subjects[i], &figures);
        measure_heap(&subjects[i], &figures);
        optuna_of(theirs, optuna, subjects[i].name);
        print_row(&subjects[i], &figures, theirs);
        json_array_append_new(rows, row_json(&subjects[i], &figures, theirs));
    }
    if (only)
        json_decref(rows);
    else
        write_json(rows, optuna);
    json_decref(optuna);
    return 0;
}
