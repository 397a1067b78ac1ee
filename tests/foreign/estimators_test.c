// SPDX-License-Identifier: Apache-2.0
// Functions of foreign libraries as estimators: C, the system's libm, Fortran, handles; and what a
// wrong signature costs.
#include "lab.h"

#include <unistd.h>

TestSuite(foreign_estimators, .init = lab_begin, .fini = lab_end);

#define BOX "[space]\nplugin = box\n"
#define RANDOM "[strategy]\nplugin = random\n"
#define MINIMIZE "[objective]\nminimize = value\n"

static double rosenbrock(double x, double y)
{
    double a = y - x * x, b = 1 - x;
    return 100 * a * a + b * b;
}

Test(foreign_estimators, an_objective_of_real_decisions)
{
    lab_manifest("estimator", "rosenbrock",
                 FUNCTIONS "role = objective\nsymbol = rosenbrock\n"
                           "signature = f64 (i32 n, ptr<const f64> x[n])\n"
                           "[metric.value]\nbetter = lower\n");
    json_t *trials = lab_trials(
        BOX RANDOM "[estimator]\nplugin = rosenbrock\n" MINIMIZE "[budget]\ntrials = 12\n", "out");
    size_t i;
    json_t *trial;
    cr_assert_eq(json_array_size(trials), 12);
    json_array_foreach (trials, i, trial) {
        cr_assert_str_eq(lab_state(trial), "done");
        cr_expect_eq(lab_metric(trial, "value"),
                     rosenbrock(lab_decision(trial, "x0"), lab_decision(trial, "x1")));
    }
    json_decref(trials);
}

// Every kind of argument that an objective has; a call that fails by its code costs the trial.
Test(foreign_estimators, reals_integers_and_parameters_apart_and_two_results)
{
    lab_manifest("estimator", "mixed",
                 FUNCTIONS
                 "role = objective\n[signatures]\nmixed = i32 (i32 reals, ptr<const f32> x[reals], "
                 "\\\n  i64 integers, ptr<const i16> k[integers], f64 shift, \\\n  ptr<f64> value, "
                 "ptr<u32> calls)\n"
                 "[evaluate]\ncode = mixed(n_reals, reals, n_integers, integers, shift, \\\n  "
                 "&value, &calls) == 0\n"
                 "[parameter.shift]\ntype = real\ndefault = 0.5\nhelp = what is added\n"
                 "[metric.value]\n[metric.calls]\n");
    const char *rest = "[estimator]\nplugin = mixed\nshift = 3\n" MINIMIZE "[budget]\ntrials = 5\n";
    char ini[512];
    snprintf(ini, sizeof ini, "%s%s%s", BOX "reals = 3\nintegers = 2\n", RANDOM, rest);
    json_t *trials = lab_trials(ini, "out");
    size_t i;
    json_t *trial;
    json_array_foreach (trials, i, trial) {
        double sum = 3;
        for (int k = 0; k < 3; k++) {
            char name[8];
            snprintf(name, sizeof name, "x%d", k);
            float x = (float)lab_decision(trial, name);
            sum += (double)x * (double)x;
        }
        sum += 10 * lab_decision(trial, "k0") + 10 * lab_decision(trial, "k1");
        cr_expect_eq(lab_metric(trial, "value"), sum);
        cr_expect_eq(lab_metric(trial, "calls"), (double)i + 1);
    }
    json_decref(trials);
    snprintf(ini, sizeof ini, "%s%s%s", BOX "reals = 0\nintegers = 2\n", RANDOM, rest);
    char *words = lab_failure(ini, "none");
    cr_expect(strstr(words, "mixed.plugin.ini:13: [evaluate] code: mixed answered 7"), "%s", words);
    free(words);
}

// The system's own library, unmodified; its argument is a searched parameter.
Test(foreign_estimators, a_function_of_libm)
{
    lab_manifest("estimator", "bessel",
                 "library = libm.so.6\nrole = objective\nsymbol = j0\nsignature = f64 (f64 x0)\n"
                 "[parameter.x0]\ntype = real\ndefault = 0\nhelp = where\n[metric.value]\n");
    json_t *trials = lab_trials("[space]\nplugin = box\nreals = 0\nintegers = 1\n" RANDOM
                                "[estimator]\nplugin = bessel\nx0 = uniform(0, 20)\n" MINIMIZE
                                "[budget]\ntrials = 8\n",
                                "out");
    size_t i;
    json_t *trial;
    cr_assert_eq(json_array_size(trials), 8);
    json_array_foreach (trials, i, trial)
        cr_expect_eq(lab_metric(trial, "value"), j0(lab_decision(trial, "@estimator/x0")));
    json_decref(trials);
}

Test(foreign_estimators, a_function_of_fortran)
{
    if (access(FOREIGN_FOLDER "/libstyblinski.so", R_OK) != 0)
        cr_skip_test("gfortran was missing when the tests were built");
    lab_manifest("estimator", "styblinski",
                 "library = " FOREIGN_FOLDER "/libstyblinski.so\nrole = objective\n"
                 "symbol = styblinski_\n"
                 "signature = f64 (ptr<const i32> n, ptr<const f64> x[n])\n[metric.value]\n");
    json_t *trials =
        lab_trials(BOX "reals = 3\n" RANDOM "[estimator]\nplugin = styblinski\n" MINIMIZE
                       "[budget]\ntrials = 8\n",
                   "out");
    size_t i;
    json_t *trial;
    cr_assert_eq(json_array_size(trials), 8);
    json_array_foreach (trials, i, trial) {
        double sum = 0;
        for (int k = 0; k < 3; k++) {
            char name[8];
            snprintf(name, sizeof name, "x%d", k);
            double x = lab_decision(trial, name);
            sum += x * x * x * x - 16 * x * x + 5 * x;
        }
        cr_expect_float_eq(lab_metric(trial, "value"), sum / 2, 1e-9);
    }
    json_decref(trials);
}

// params and macs are those of the results; the encoding is not empty, and tells networks apart.
Test(foreign_estimators, a_score_of_a_networks_numbers)
{
    lab_manifest("estimator", "weight",
                 FUNCTIONS
                 "role = score\n[signatures]\n"
                 "weight = f64 (u64 params, u64 macs, u64 n, ptr<const f64> encoding[n])\n"
                 "[evaluate]\nvalue = weight(params, macs, n_encoding, encoding)\n"
                 "[metric.value]\n");
    json_t *trials = lab_trials("[space]\nplugin = mlp\nshapes = free\nmax_depth = 3\n"
                                "[dataset]\nplugin = synthetic\nheight = 4\nwidth = 4\n" RANDOM
                                "[estimator]\nplugin = weight\n" MINIMIZE "[budget]\ntrials = 6\n",
                                "out");
    size_t i;
    json_t *trial;
    cr_assert_eq(json_array_size(trials), 6);
    json_array_foreach (trials, i, trial) {
        double counted = lab_metric(trial, "params") + lab_metric(trial, "macs") / 1024;
        double encoded = lab_metric(trial, "value") - counted;
        cr_expect(encoded > 0 && encoded < 0.01, "%zu: %g", i, encoded);
    }
    json_decref(trials);
}

// Set up once, torn down once, and not for the coordinator's own instance, which evaluates nothing.
Test(foreign_estimators, a_handle_lives_from_the_first_trial_to_the_end)
{
    char closed[256], *text;
    lab_manifest("estimator", "model",
                 FUNCTIONS
                 "role = objective\n[signatures]\nmodel_open = ptr (str name, f64 scale)\n"
                 "model_score = f64 (ptr model, ptr<const f64> x[n], u32 n)\n"
                 "model_close = void (ptr model)\n"
                 "[setup]\nmodel = model_open(name, 0.5)\n"
                 "[evaluate]\nvalue = model_score(model, x, n)\n"
                 "[teardown]\nend = model_close(model)\n"
                 "[parameter.name]\ntype = text\ndefault = mine\nhelp = of the model\n"
                 "[metric.value]\n");
    snprintf(closed, sizeof closed, "MODEL_CLOSED=%s/closed", lab_folder);
    const char *environment[] = {closed, NULL};
    const char *ini = BOX RANDOM "[estimator]\nplugin = model\n" MINIMIZE "[budget]\ntrials = 4\n";
    struct command_result result = lab_run(ini, "out", environment);
    cr_assert_eq(result.status, 0, "%s", result.err);
    command_free(&result);
    text = file_text(closed + strlen("MODEL_CLOSED="));
    cr_assert_not_null(text);
    cr_expect_str_eq(text, "4\n");
    free(text);
    const char *other =
        BOX RANDOM "[estimator]\nplugin = model\nname = other\n" MINIMIZE "[budget]\ntrials = 2\n";
    text = lab_failure(other, "none");
    cr_expect(strstr(text, "[setup] model: model_open answered null"), "%s", text);
    free(text);
}

Test(foreign_estimators, a_crash_and_a_number_that_is_none_cost_their_trial_alone)
{
    lab_manifest("estimator", "crash_below",
                 FUNCTIONS "role = objective\n[signatures]\ncrash_below = f64 (f64 x)\n"
                           "[evaluate]\nvalue = crash_below(a)\n"
                           "[parameter.a]\ntype = real\ndefault = 0\nhelp = x\n[metric.value]\n");
    lab_manifest("estimator", "not_a_number",
                 FUNCTIONS "role = objective\nsymbol = not_a_number\nsignature = f64 (f64 a)\n"
                           "[parameter.a]\ntype = real\ndefault = 0\nhelp = x\n[metric.value]\n");
    const char *const ids[] = {"crash_below", "not_a_number"};
    const char *const words[] = {"SIGSEGV", "no finite number for 'value'"};
    for (size_t k = 0; k < 2; k++) {
        char ini[512];
        snprintf(ini, sizeof ini,
                 BOX "reals = 0\nintegers = 1\n" RANDOM "[estimator]\nplugin = %s\n"
                     "a = uniform(-1, 1)\n" MINIMIZE "[budget]\ntrials = 12\n",
                 ids[k]);
        json_t *trials = lab_trials(ini, ids[k]);
        size_t i, failed = 0;
        json_t *trial;
        cr_assert_eq(json_array_size(trials), 12);
        json_array_foreach (trials, i, trial) {
            bool bad = lab_decision(trial, "@estimator/a") < 0;
            failed += bad;
            cr_expect_str_eq(lab_state(trial), bad ? "failed" : "done");
            if (bad)
                cr_expect(strstr(json_string_value(json_object_get(trial, "error")), words[k]),
                          "%s", json_string_value(json_object_get(trial, "error")));
        }
        cr_expect(failed > 0 && failed < 12, "%zu", failed);
        json_decref(trials);
    }
}

Test(foreign_estimators, a_wrong_signature_costs_its_trials_and_not_the_run)
{
    // The library takes the number for an address.
    lab_manifest("estimator", "wrong",
                 FUNCTIONS "role = objective\n[signatures]\n"
                           "rosenbrock = f64 (i32 n, i64 address)\n"
                           "[evaluate]\nvalue = rosenbrock(n, a)\n"
                           "[parameter.a]\ntype = int\ndefault = 24\nhelp = x\n[metric.value]\n");
    struct command_result result = lab_run(
        BOX RANDOM "[estimator]\nplugin = wrong\n" MINIMIZE "[budget]\ntrials = 3\n", "out", NULL);
    cr_expect_eq(result.status, 1, "a run without a result");
    command_free(&result);
    char folder[256];
    size_t i;
    json_t *trial;
    snprintf(folder, sizeof folder, "%s/out", lab_folder);
    json_t *results = espalier_results(folder), *trials = json_object_get(results, "trials");
    cr_assert_eq(json_array_size(trials), 3, "the run went on to its budget");
    json_array_foreach (trials, i, trial) {
        cr_expect_str_eq(lab_state(trial), "failed");
        cr_expect(strstr(json_string_value(json_object_get(trial, "error")), "SIGSEGV"));
    }
    json_decref(results);
}

Test(foreign_estimators, foreign_code_never_runs_in_the_coordinator)
{
    lab_manifest("estimator", "crash_below",
                 FUNCTIONS "role = objective\nsymbol = crash_below\nsignature = f64 (f64 a)\n"
                           "[parameter.a]\ntype = real\ndefault = -1\nhelp = x\n[metric.value]\n");
    struct command_result result =
        lab_run(BOX RANDOM "[estimator]\nplugin = crash_below\n" MINIMIZE
                           "[executor]\nplugin = inline\n[budget]\ntrials = 3\n",
                "out", NULL);
    cr_expect_eq(result.status, 2, "%d", result.status);
    cr_expect(strstr(result.err, "runs in workers alone: expected plugin = local"), "%s",
              result.err);
    command_free(&result);
}
