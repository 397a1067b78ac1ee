// SPDX-License-Identifier: Apache-2.0
// Optimisers that take a callback as strategies: NLopt beside a C program that calls it directly, a
// callback of another form, resumes, failed trials, and libraries that crash.
#include "lab.h"

#include <unistd.h>

static void begin(void)
{
    lab_begin();
    lab_manifest("estimator", "rosenbrock",
                 FUNCTIONS "role = objective\nsymbol = rosenbrock\n"
                           "signature = f64 (i32 n, ptr<const f64> x[n])\n"
                           "[metric.value]\nbetter = lower\n");
}

TestSuite(foreign_optimizers, .init = begin, .fini = lab_end);

#define SPACE "[space]\nplugin = box\nreal_min = -2\nreal_max = 2.5\n"
#define REST "[estimator]\nplugin = rosenbrock\n[objective]\nminimize = value\n"

static bool there(const char *path)
{
    return access(path, R_OK) == 0;
}

// ---- NLopt --------------------------------------------------------------------------------------

// The same points, values and number of evaluations as the C program's, bit for bit.
static void compare_with_direct(const char *id, const char *algorithm, int trials, int seed)
{
    char ini[512], count[16], seeds[16];
    if (!there(FOREIGN_FOLDER "/foreign_direct"))
        cr_skip_test("NLopt was missing when the tests were built");
    snprintf(ini, sizeof ini,
             "[experiment]\nseed = %d\n" SPACE "[strategy]\nplugin = %s\n" REST
             "[budget]\ntrials = %d\n",
             seed, id, trials);
    snprintf(count, sizeof count, "%d", trials);
    snprintf(seeds, sizeof seeds, "%d", seed);
    json_t *found = lab_trials(ini, seeds);
    const char *arguments[] = {
        FOREIGN_FOLDER "/foreign_direct", algorithm, "2", "-2", "2.5", count, seeds, NULL};
    struct command_result direct = command_run(&(struct command){.arguments = arguments});
    cr_assert_eq(direct.status, 0);
    const char *line = direct.out;
    double x, y, value, best = INFINITY, minimum;
    size_t i;
    int used, code;
    json_t *trial;
    json_array_foreach (found, i, trial) {
        cr_assert_eq(sscanf(line, "%lg %lg %lg\n%n", &x, &y, &value, &used), 3, "%s: trial %zu", id,
                     i);
        cr_expect(lab_decision(trial, "x0") == x && lab_decision(trial, "x1") == y,
                  "%s: trial %zu: %.17g %.17g, directly %.17g %.17g", id, i,
                  lab_decision(trial, "x0"), lab_decision(trial, "x1"), x, y);
        cr_expect_eq(lab_metric(trial, "value"), value);
        best = fmin(best, lab_metric(trial, "value"));
        line += used;
    }
    cr_assert_eq(sscanf(line, "%d %lg", &code, &minimum), 2, "%s: it evaluates more: %s", id, line);
    cr_expect_eq(best, minimum);
    json_decref(found);
    command_free(&direct);
}

Test(foreign_optimizers, direct_of_nlopt_goes_where_it_goes_directly)
{
    compare_with_direct("nlopt_direct", "GN_DIRECT", 101, 1);
}

Test(foreign_optimizers, bobyqa_of_nlopt_goes_where_it_goes_directly)
{
    compare_with_direct("nlopt_bobyqa", "LN_BOBYQA", 90, 1);
}

Test(foreign_optimizers, esch_of_nlopt_goes_where_it_goes_directly_with_its_seed)
{
    compare_with_direct("nlopt_esch", "GN_ESCH", 100, 1);
    compare_with_direct("nlopt_esch", "GN_ESCH", 60, 7);
}

// The algorithm itself ends: BOBYQA has found the optimum to the last bit.
Test(foreign_optimizers, an_optimizer_that_has_ended_is_done)
{
    if (!there(FOREIGN_FOLDER "/foreign_direct"))
        cr_skip_test("NLopt was missing when the tests were built");
    json_t *trials =
        lab_trials("[space]\nplugin = box\nreals = 2\n[strategy]\nplugin = nlopt_bobyqa\n" REST
                   "[budget]\ntrials = 2000\n",
                   "out");
    size_t i, count = json_array_size(trials);
    double best = INFINITY;
    json_t *trial;
    json_array_foreach (trials, i, trial)
        best = fmin(best, lab_metric(trial, "value"));
    cr_expect(count > 50 && count < 2000, "%zu", count);
    cr_expect(best < 1e-20, "%g", best);
    json_decref(trials);
}

// Integers are numbers to it; a resume repeats its asks.
Test(foreign_optimizers, integers_and_a_resume)
{
    if (!there(FOREIGN_FOLDER "/foreign_direct"))
        cr_skip_test("NLopt was missing when the tests were built");
#define INI                                                                                        \
    "[space]\nplugin = box\nreals = 1\nintegers = 1\nint_min = 0\nint_max = 3\n"                   \
    "[strategy]\nplugin = nlopt_esch\n" REST "[budget]\ntrials = %d\n"
    char text[512], path[256];
    snprintf(text, sizeof text, INI, 60);
    json_t *whole = lab_trials(text, "whole");
    int seen[4] = {0};
    size_t i;
    json_t *trial;
    json_array_foreach (whole, i, trial) {
        double k = lab_decision(trial, "k0");
        cr_assert(k >= 0 && k <= 3 && k == floor(k));
        seen[(int)k]++;
    }
    for (int k = 0; k < 4; k++)
        cr_expect(seen[k] > 0, "%d was never tried", k);
    snprintf(text, sizeof text, INI, 25);
    json_decref(lab_trials(text, "parts"));
    snprintf(path, sizeof path, "%s/parts", lab_folder);
    snprintf(text, sizeof text, "%s/lab.ini", lab_folder);
    const char *arguments[] = {
        espalier_binary(), "run",      text,    "--plugins",        lab_folder, "--out", path,
        "--quiet",         "--resume", "--set", "budget.trials=60", NULL};
    struct command_result result = command_run(&(struct command){.arguments = arguments});
    cr_assert_eq(result.status, 0, "%s", result.err);
    command_free(&result);
    json_t *results = espalier_results(path), *parts = json_object_get(results, "trials");
    cr_assert_eq(json_array_size(parts), 60);
    json_array_foreach (parts, i, trial)
        cr_expect(json_equal(json_object_get(trial, "hash"),
                             json_object_get(json_array_get(whole, i), "hash")),
                  "trial %zu", i);
    json_decref(results);
    json_decref(whole);
}

// Options are numbers, too, and what a member lacks is not looked at. A space with k-of-n is refused.
Test(foreign_optimizers, options_and_conditional_decisions)
{
    if (!there(FOREIGN_FOLDER "/foreign_direct"))
        cr_skip_test("NLopt was missing when the tests were built");
    const char *rest = "[strategy]\nplugin = nlopt_esch\n[estimator]\nplugin = nk_landscape\n"
                       "[objective]\nmaximize = fitness\n[budget]\ntrials = 60\n";
    char ini[512];
    snprintf(ini, sizeof ini, "[space]\nplugin = chain\n%s", rest);
    json_t *trials = lab_trials(ini, "out"), *trial, *pair, *seen = json_object();
    size_t i, k;
    cr_assert_eq(json_array_size(trials), 60);
    json_array_foreach (trials, i, trial) {
        cr_expect_str_eq(lab_state(trial), "done");
        json_array_foreach (json_object_get(json_object_get(trial, "arch"), "decisions"), k, pair)
            if (strcmp(json_string_value(json_array_get(pair, 0)), "layer/0/op") == 0)
                json_object_set(seen, json_string_value(json_array_get(pair, 1)), pair);
    }
    cr_expect(json_object_size(seen) >= 4, "%zu operators", json_object_size(seen));
    json_decref(seen);
    json_decref(trials);
    snprintf(ini, sizeof ini, "[space]\nplugin = darts\n%s", rest);
    struct command_result result = lab_run(ini, "subset", NULL);
    cr_expect_eq(result.status, 2);
    cr_expect(strstr(result.err, "nlopt_esch takes no k-of-n decisions"), "%s", result.err);
    command_free(&result);
}

// ---- Other libraries ----------------------------------------------------------------------------

// A context, n by reference, single precision, the value through a pointer; what it prints harms nobody.
Test(foreign_optimizers, a_callback_of_another_form)
{
    lab_manifest(
        "strategy", "scan",
        FUNCTIONS
        "role = optimizer\n[signatures]\n"
        "scan = i32 (fn<i32 (ptr context, ptr<const i32> n, ptr<const f32> x, \\\n  "
        "ptr<f32> value)> f, \\\n  ptr context, i32 n, ptr<const f32> lower[n], "
        "ptr<const f32> upper[n], \\\n  i32 steps, ptr<f32> best)\n"
        "[optimize]\nsteps_done = scan(objective, null, n, lower, upper, steps, &best) > 0\n"
        "[parameter.steps]\ntype = int\ndefault = 10\nleast = 2\nhelp = how many\n");
    json_t *trials = lab_trials("[space]\nplugin = box\nreals = 3\n[strategy]\nplugin = scan\n"
                                "steps = 11\n" REST "[budget]\ntrials = 100\n",
                                "out");
    size_t i;
    json_t *trial;
    cr_assert_eq(json_array_size(trials), 11, "done by its own end");
    json_array_foreach (trials, i, trial)
        for (int k = 0; k < 3; k++) {
            char name[8];
            snprintf(name, sizeof name, "x%d", k);
            cr_expect_eq(lab_decision(trial, name), (double)(-5.0f + 10.0f * (float)i / 10.0f));
        }
    json_decref(trials);
}

// A logarithmic real is its logarithm to it.
Test(foreign_optimizers, a_logarithmic_scale)
{
    lab_manifest("strategy", "scan",
                 FUNCTIONS
                 "role = optimizer\n[signatures]\n"
                 "scan = i32 (fn<i32 (ptr context, ptr<const i32> n, ptr<const f32> x, \\\n  "
                 "ptr<f32> value)> f, \\\n  ptr context, i32 n, ptr<const f32> lower[n], "
                 "ptr<const f32> upper[n], \\\n  i32 steps, ptr<f32> best)\n"
                 "[optimize]\ndone = scan(objective, null, n, lower, upper, 5, &best) > 0\n");
    json_t *trials =
        lab_trials("[space]\nplugin = box\nreals = 2\nlog = yes\nreal_min = 0.01\n"
                   "real_max = 100\n[strategy]\nplugin = scan\n" REST "[budget]\ntrials = 100\n",
                   "out");
    size_t i;
    json_t *trial;
    cr_assert_eq(json_array_size(trials), 5);
    json_array_foreach (trials, i, trial)
        cr_expect_float_eq(lab_decision(trial, "x0") / pow(10, (double)i - 2), 1, 1e-5);
    json_decref(trials);
}

// Those below 0 fail; BOBYQA is told the worst that it has seen and goes on.
Test(foreign_optimizers, failed_trials_count_as_the_worst)
{
    if (!there(FOREIGN_FOLDER "/foreign_direct"))
        cr_skip_test("NLopt was missing when the tests were built");
    lab_manifest("estimator", "crash_below",
                 FUNCTIONS "role = objective\n[signatures]\ncrash_below = f64 (f64 x)\n"
                           "[evaluate]\nvalue = crash_below(a)\n"
                           "[parameter.a]\ntype = real\ndefault = 0\nhelp = x\n[metric.value]\n");
    json_t *trials =
        lab_trials("[space]\nplugin = box\nreals = 1\n[strategy]\nplugin = nlopt_bobyqa\n"
                   "[estimator]\nplugin = crash_below\na = uniform(-1, 4)\n"
                   "[objective]\nminimize = value\n[budget]\ntrials = 20\n",
                   "out");
    size_t i, failed = 0;
    double best = INFINITY;
    json_t *trial;
    json_array_foreach (trials, i, trial)
        if (strcmp(lab_state(trial), "failed") == 0)
            failed++;
        else
            best = fmin(best, lab_metric(trial, "value"));
    cr_expect(failed > 0);
    cr_expect(best < 0.5, "%g", best);
    json_decref(trials);
}

static void expect_end(const char *symbol, const char *words)
{
    char rest[512], ini[512];
    snprintf(rest, sizeof rest,
             FUNCTIONS "role = optimizer\n[signatures]\n"
                       "%s = f64 (fn<f64 (u32 n, ptr<const f64> x, ptr<f64> gradient, ptr data)> "
                       "f, \\\n  u32 n)\n[optimize]\nvalue = %s(objective, n)\n",
             symbol, symbol);
    lab_manifest("strategy", symbol, rest);
    snprintf(ini, sizeof ini, SPACE "[strategy]\nplugin = %s\n" REST "[budget]\ntrials = 10\n",
             symbol);
    struct command_result result = lab_run(ini, symbol, NULL);
    cr_expect_eq(result.status, 1);
    cr_expect(strstr(result.err, symbol) && strstr(result.err, words), "%s", result.err);
    command_free(&result);
}

// The strategy's process dies, the coordinator says so.
Test(foreign_optimizers, one_that_crashes_ends_the_run_in_words)
{
    expect_end("dies", "signal 11");
    expect_end("climbs", "asks for a gradient, and there is none");
}
