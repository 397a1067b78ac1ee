// SPDX-License-Identifier: Apache-2.0
// A family of learning curves as an estimator over another one.
#include "lab.h"

#include "foreign/fit.h"

#define CURVE                                                                                      \
    FUNCTIONS "role = curve\ntheta = 0.5, 0.5, 0.5\nsymbol = power_law\n"                          \
              "signature = f64 (f64 step, ptr<const f64> theta[3])\n"                              \
              "[metric.predicted]\nbetter = higher\n"
#define BEFORE                                                                                     \
    "[space]\nplugin = mlp\nmax_depth = 2\nmax_width = 32\nmax_out = 16\n[strategy]\n"             \
    "plugin = random\n[dataset]\nplugin = synthetic\nheight = 4\nwidth = 4\ntrain = 200\n"         \
    "valid = 100\nclasses = 4\n"
#define AFTER "[objective]\nmaximize = predicted\n[budget]\ntrials = 2\n"

static void begin(void)
{
    lab_begin();
    lab_manifest("estimator", "power_law", CURVE);
}

TestSuite(foreign_curves, .init = begin, .fini = lab_end);

static esp_status power_law(void *self, double step, const double *theta, double *value,
                            struct error *error)
{
    (void)self, (void)error;
    *value = theta[0] - theta[1] * pow(step, -theta[2]);
    return ESP_OK;
}

// What is predicted is what the points of curve.json lead to; the base's metrics are there, too.
Test(foreign_curves, a_training_says_where_its_curve_leads)
{
    json_t *trials =
        lab_trials(BEFORE "[estimator]\nplugin = power_law\nat = 50\n"
                          "[estimator.train]\nepochs = 6\nlearning_rate = 0.02\n" AFTER,
                   "out");
    size_t i, k;
    json_t *trial, *point;
    cr_assert_eq(json_array_size(trials), 2);
    json_array_foreach (trials, i, trial) {
        double theta[FIT_MOST_THETA] = {0.5, 0.5, 0.5}, steps[8], values[8], sum, expected;
        char path[300];
        struct error error;
        error_clear(&error);
        cr_assert_str_eq(lab_state(trial), "done");
        snprintf(path, sizeof path, "%s/out/artifacts/%zu/curve.json", lab_folder, i);
        json_t *curve = json_load_file(path, 0, NULL), *points = json_object_get(curve, "points");
        cr_assert_eq(json_array_size(points), 6, "%s", path);
        json_array_foreach (points, k, point) {
            steps[k] = json_number_value(json_object_get(point, "step"));
            values[k] = lab_metric(point, "valid_accuracy");
        }
        json_decref(curve);
        cr_expect_eq(lab_metric(trial, "valid_accuracy"), values[5]);
        cr_assert_eq(fit_least_squares(theta, 3, steps, values, 6, power_law, NULL, &sum, &error),
                     ESP_OK);
        power_law(NULL, 50, theta, &expected, &error);
        cr_expect_float_eq(lab_metric(trial, "predicted"), expected, 1e-9);
    }
    json_decref(trials);
}

Test(foreign_curves, too_few_points_and_wrong_bases_are_said)
{
    char *words = lab_failure(BEFORE "[estimator]\nplugin = power_law\n"
                                     "[estimator.train]\nepochs = 2\n" AFTER,
                              "few");
    cr_expect(strstr(words, "told 'valid_accuracy' 2 times, and a curve is fitted to 4 points"),
              "%s", words);
    free(words);
    const struct {
        const char *estimator, *words;
    } rows[] = {
        {"[estimator]\nplugin = power_law\nbase = trian\n", "did you mean 'train'?"},
        {"[estimator]\nplugin = power_law\nbase = power_law\n", "a curve of a curve is not served"},
        {"[estimator]\nplugin = power_law\n[estimator.tabular]\npath = x\n",
         "the estimator power_law wraps train: expected [estimator.train]"},
        {"[estimator]\nplugin = train\n[estimator.train]\nepochs = 1\n",
         "the estimator train wraps no other"},
        {"[estimator]\nplugin = power_law\n[estimator.train]\nepocs = 1\n",
         "did you mean 'epochs'?"},
        {"[estimator]\nplugin = power_law\nmetric = valid_acuracy\n",
         "the estimator train has no metric 'valid_acuracy'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char ini[1024];
        snprintf(ini, sizeof ini, "%s%s%s", BEFORE, rows[i].estimator, AFTER);
        struct command_result result = lab_run(ini, "wrong", NULL);
        cr_expect_eq(result.status, 2, "%zu: %d", i, result.status);
        cr_expect(strstr(result.err, rows[i].words), "%zu: %s", i, result.err);
        command_free(&result);
    }
}
