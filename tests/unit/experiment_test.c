// SPDX-License-Identifier: Apache-2.0
// The experiment: what each section becomes, what is refused where, that the resolved text loads to the
// same, and which differences a resume sees.
#include "config/experiment.h"

#include "execute/execute.h"
#include "support/folder.h"
#include "support/leak.h"

#include <criterion/criterion.h>
#include <espalier/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

// All that must be said: 9 lines.
#define LEAST                                                                                      \
    "[space]\nplugin = typed\n[strategy]\nplugin = random\n[estimator]\nplugin = required\n"       \
    "table = t.csv\n[objective]\nmaximize = score\n"

static struct error error;
static struct registry *registry;

static void open_registry(void)
{
    error_clear(&error);
    registry_create(&registry, getenv("ESPALIER_TEST_PLUGINS"), &error);
    registry_add_builtin(registry, ESP_KIND_EXECUTOR, "local", executor_local(), &error);
    registry_add_builtin(registry, ESP_KIND_EXECUTOR, "inline", executor_inline(), &error);
    cr_assert_eq(error.status, ESP_OK, "%s", error.message);
}

static void close_registry(void)
{
    registry_destroy(registry);
}

TestSuite(experiment, .init = open_registry, .fini = close_registry);
TestSuite(resolved, .init = open_registry, .fini = close_registry);
TestSuite(engines, .init = open_registry, .fini = close_registry);

static esp_status create(struct experiment **out, const char *text)
{
    struct config *config = NULL;
    *out = NULL;
    error_clear(&error);
    cr_assert_eq(config_parse(&config, text, "a.ini", "/folder", &error), ESP_OK, "%s",
                 error.message);
    return experiment_create(out, config, registry, &error);
}

static struct experiment *created(const char *text)
{
    struct experiment *experiment;
    cr_assert_eq(create(&experiment, text), ESP_OK, "%s\n%s", error.message, text);
    return experiment;
}

static const struct parameter *of(const struct part *part, const char *name)
{
    return parameters_find(&part->parameters, name);
}

// ---- What each section becomes ----------------------------------------------------------------

TestLeak(experiment, what_is_left_out_has_its_default)
{
    struct experiment *experiment = created(LEAST);
    cr_assert_str_eq(experiment->name, "run");
    cr_assert_eq(experiment->seed, 1);
    cr_assert_str_eq(experiment->space.component->id, "typed");
    cr_assert_str_eq(experiment->dataset.component->id, "synthetic");
    cr_assert_str_eq(experiment->executor.component->id, "local");
    cr_assert_str_eq(of(&experiment->estimator, "table")->text, "/folder/t.csv");
    cr_assert(parameters_find(&experiment->data, "valid_fraction")->real == 0.1);
    cr_assert_eq(parameters_find(&experiment->data, "split_seed")->integer, 0);
    cr_assert_eq(parameters_find(&experiment->data, "train_limit")->integer, 0);
    cr_assert_eq(experiment->budget.trials, 100);
    cr_assert(experiment->budget.seconds == 0 && experiment->budget.cost == 0 &&
              experiment->budget.failures == 0);
    cr_assert_eq(experiment->workers, (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
    cr_assert_eq(experiment->order, ORDER_FIXED);
    cr_assert_eq(experiment->lookahead, 0);
    cr_assert(experiment->trial_time_limit == 600);
    cr_assert_eq(experiment->trial_memory_limit, UINT64_C(4) << 30);
    cr_assert_str_eq(experiment->out, "results/run");
    cr_assert_eq(experiment->keep, KEEP_BEST);
    cr_assert(!experiment->horizon_is_fidelity && experiment->horizon == 0);
    cr_assert_eq(experiment->retrain, RETRAIN_NONE);
    cr_assert_eq(experiment->final_seeds, 1);
    cr_assert_eq(experiment->constraint_count, 0);
    cr_assert_eq(experiment->fix_count, 0);
    cr_assert_not(experiment->test_objective);
    experiment_destroy(experiment);
}

TestLeak(experiment, what_is_said_is_taken)
{
    struct experiment *experiment = created(
        LEAST "minimize = params, latency_ms\nsubject_to = params <= 1e6, score >= -0.5\n"
              "test_objective = yes\n"
              "[experiment]\nname = fine\nseed = 1e3\n"
              "[dataset]\nplugin = synthetic\ntrain = 10\nvalid_fraction = 0.9\nsplit_seed = 4\n"
              "train_limit = int(5, 10)\n"
              "[budget]\ntrials = 7\ntime = 2h\ncost = 1.5\nfailures = 3\n"
              "[executor]\nplugin = inline\n"
              "[run]\nworkers = 3\norder = async\nlookahead = 5\ntrial_time_limit = 0\n"
              "trial_memory_limit = 300M\nout = there\nkeep = all\nhorizon = fidelity\n"
              "[final]\nretrain = top3\nseeds = 5\nepochs = 600\ntable = u.csv\n"
              "[fix]\ncell/*/op = conv\ndepth = 3\n");
    cr_assert_str_eq(experiment->name, "fine");
    cr_assert_eq(experiment->seed, 1000);
    cr_assert_eq(experiment->objective_count, 3);
    cr_assert_str_eq(experiment->objectives[0].metric, "score");
    cr_assert(experiment->objectives[0].maximize);
    cr_assert_str_eq(experiment->objectives[2].metric, "latency_ms");
    cr_assert_not(experiment->objectives[2].maximize);
    cr_assert_eq(experiment->constraint_count, 2);
    cr_assert(experiment->constraints[0].at_most && experiment->constraints[0].bound == 1e6);
    cr_assert(!experiment->constraints[1].at_most && experiment->constraints[1].bound == -0.5);
    cr_assert_str_eq(experiment->constraints[1].metric, "score");
    cr_assert(experiment->test_objective);
    cr_assert_eq(of(&experiment->dataset, "train")->integer, 10);
    cr_assert(parameters_find(&experiment->data, "train_limit")->searched);
    cr_assert_eq(experiment->budget.trials, 7);
    cr_assert(experiment->budget.seconds == 7200 && experiment->budget.cost == 1.5);
    cr_assert_eq(experiment->budget.failures, 3);
    cr_assert_str_eq(experiment->executor.component->id, "inline");
    cr_assert_eq(experiment->workers, 3);
    cr_assert_eq(experiment->order, ORDER_ASYNC);
    cr_assert_eq(experiment->lookahead, 5);
    cr_assert(experiment->trial_time_limit == 0);
    cr_assert_eq(experiment->trial_memory_limit, 300u << 20);
    cr_assert_str_eq(experiment->out, "there");
    cr_assert_eq(experiment->keep, KEEP_ALL);
    cr_assert(experiment->horizon_is_fidelity);
    cr_assert(experiment->retrain == RETRAIN_TOP && experiment->retrain_count == 3);
    cr_assert_eq(experiment->final_seeds, 5);
    cr_assert_eq(experiment->fix_count, 2);
    cr_assert_str_eq(experiment->fixes[0].pattern, "cell/*/op");
    cr_assert_str_eq(experiment->fixes[0].value, "conv");
    // [final] goes over a copy of [estimator].
    const struct parameters *final = &experiment->final_training;
    cr_assert_eq(parameters_find(final, "epochs")->integer, 600);
    cr_assert_str_eq(parameters_find(final, "table")->text, "/folder/u.csv");
    cr_assert_eq(of(&experiment->estimator, "epochs")->integer, 10);
    cr_assert_str_eq(of(&experiment->estimator, "table")->text, "/folder/t.csv");
    experiment_destroy(experiment);
}

TestLeak(experiment, objectives_stand_in_the_order_of_the_ini)
{
    struct experiment *experiment =
        created("[space]\nplugin = typed\n[strategy]\nplugin = random\n[estimator]\n"
                "plugin = required\ntable = t\n[objective]\nminimize = b, a\nmaximize = c\n");
    const char *const names[] = {"b", "a", "c"};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_str_eq(experiment->objectives[i].metric, names[i]);
        cr_assert_eq(experiment->objectives[i].maximize, i == 2);
    }
    experiment_destroy(experiment);
}

// A budget of time or cost alone has no limit of trials; one of failures alone has the default.
TestLeak(experiment, a_budget_is_what_is_said_of_it)
{
    static const struct {
        const char *line;
        uint64_t trials;
    } cases[] = {{"time = 90s", 0}, {"cost = 5", 0}, {"failures = 3", 100}, {"trials = 0", 100}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, LEAST "[budget]\n%s\n", cases[i].line);
        struct experiment *experiment = created(text);
        cr_assert_eq(experiment->budget.trials, cases[i].trials, "%s", cases[i].line);
        experiment_destroy(experiment);
    }
}

// ---- What is refused --------------------------------------------------------------------------

Test(experiment, each_mistake_is_refused_with_its_place)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"[spice]\n", "a.ini:1: [spice]: there is no such section; did you mean [space]?"},
        {"\n[other_things]\nx = 1\n", "a.ini:2: [other_things]: there is no such section"},
        {"[experiment]\n[sweep]\nexperiment.seed = 1..3\n",
         "a.ini:2: [sweep]: it describes many runs, and this command makes one"},
        {"[strategy.random]\n", "a.ini:1: [strategy.random]: there is no such section"},
        {"", "a.ini: [space]: plugin must be said; `espalier list space` shows what there is"},
        {"[space]\nplugin = tpyed\n",
         "a.ini:2: [space] plugin: there is no space 'tpyed'; did you mean 'typed'?"},
        {"[space]\nplugin = random\n", "a.ini:2: [space] plugin: there is no space 'random'"},
        {"[space]\nplugin = typed\n\n[strategy]\n", "a.ini:4: [strategy]: plugin must be said"},
        {"[experiment]\nname = a/b\n",
         "a.ini:2: [experiment] name: expected a name without '/' that begins with no dot, got "
         "'a/b'"},
        {"[experiment]\nname =\n", "a.ini:2: [experiment] name: expected a name"},
        {"[experiment]\nname = ..\n", "a.ini:2: [experiment] name: expected a name"},
        {"[experiment]\nseed = -1\n",
         "a.ini:2: [experiment] seed: expected a whole number from 0 on, got '-1'"},
        {"[experiment]\nsed = 1\n",
         "a.ini:2: [experiment] sed: there is no such key; did you mean 'seed'?"},
        {"[space]\nplugin = typed\n[strategy]\nplugin = random\n[estimator]\nplugin = required\n",
         "a.ini:5: [estimator]: table must be said: what is looked up"},
        {LEAST "[estimator]\nepochs = 0\n",
         "a.ini:11: [estimator] epochs: expected a whole number from 1 to 1000, got '0'"},
        {LEAST "[dataset]\nplugin = sinthetic\n",
         "a.ini:11: [dataset] plugin: there is no dataset 'sinthetic'; did you mean 'synthetic'?"},
        {LEAST "[dataset]\ntrain_limt = 5\n",
         "a.ini:11: [dataset] train_limt: there is no such key; did you mean 'train_limit'?"},
        {LEAST "[dataset]\nvalid_fraction = 1\n",
         "a.ini:11: [dataset] valid_fraction: expected a number from 0 to 0.9, got '1'"},
        {LEAST "\n[dataset]\nplugin = taken\n",
         "a.ini:11: [dataset]: the plugin taken has a parameter 'train_limit', which is the host's "
         "key"},
        {"[space]\nplugin = typed\n[strategy]\nplugin = random\n[estimator]\nplugin = seeds\n",
         "a.ini:5: [estimator]: the plugin seeds has a parameter 'seeds', which is the host's key"},
        {LEAST "[strategy]\nrepeat = one_of(yes, no)\n",
         "a.ini:11: [strategy] repeat: it cannot be searched: expected a value"},
        {LEAST "[engine]\nplugin = autto\n", "a.ini:11: [engine] plugin: there is no engine"},
        {LEAST "[executor]\nplugin = locla\n",
         "a.ini:11: [executor] plugin: there is no executor 'locla'; did you mean 'local'?"},
        {"[space]\nplugin = typed\n[strategy]\nplugin = random\n[estimator]\nplugin = required\n"
         "table = t\n",
         "a.ini: [objective]: nothing is sought; say maximize = METRIC or minimize = METRIC"},
        {LEAST "minimize = score\n", "a.ini:10: [objective] minimize: 'score' stands twice"},
        {LEAST "minimize = a,,b\n",
         "a.ini:10: [objective] minimize: expected the name of a metric, got ''"},
        {LEAST "minimize = -params\n",
         "a.ini:10: [objective] minimize: expected the name of a metric, got '-params'"},
        {LEAST "minimize = test_loss\n",
         "a.ini:10: [objective] minimize: 'test_loss' is a test metric, which a search must not "
         "see; test_objective = yes allows it"},
        {LEAST "subject_to = test_loss <= 1\n",
         "a.ini:10: [objective] subject_to: 'test_loss' is a test metric"},
        {LEAST "subject_to = params < 5\n",
         "a.ini:10: [objective] subject_to: expected METRIC <= NUMBER or METRIC >= NUMBER, got "
         "'params < 5'"},
        {LEAST "subject_to = params == 5\n", "a.ini:10: [objective] subject_to: expected METRIC"},
        {LEAST "subject_to = params <= many\n",
         "a.ini:10: [objective] subject_to: expected METRIC <= NUMBER or METRIC >= NUMBER, got "
         "'params <= many'"},
        {LEAST "subject_to = params <= nan\n", "a.ini:10: [objective] subject_to: expected METRIC"},
        {LEAST "subject_to = params <= 1, \n",
         "a.ini:10: [objective] subject_to: expected METRIC <= NUMBER or METRIC >= NUMBER, got ''"},
        {LEAST "[budget]\ntime = soon\n",
         "a.ini:11: [budget] time: expected a time such as 90s, 10m or 2h, got 'soon'"},
        {LEAST "[budget]\ntime = 0\n", "a.ini:11: [budget] time: expected a time"},
        {LEAST "[budget]\ncost = -1\n",
         "a.ini:11: [budget] cost: expected a number from 0 on, got '-1'"},
        {LEAST "[budget]\ntrials = 1.5\n",
         "a.ini:11: [budget] trials: expected a whole number from 0 on, got '1.5'"},
        {LEAST "[run]\nworkers = 5000\n",
         "a.ini:11: [run] workers: expected a whole number from 0 to 4096, got '5000'"},
        {LEAST "[run]\norder = fixd\n",
         "a.ini:11: [run] order: there is no 'fixd'; did you mean 'fixed'?"},
        {LEAST "[run]\nkeep = some\n",
         "a.ini:11: [run] keep: there is no 'some'; did you mean 'none'?"},
        {LEAST "[run]\ntrial_time_limit = 10 m\n",
         "a.ini:11: [run] trial_time_limit: expected a time such as 90s, 10m or 2h, or 0, got "
         "'10 m'"},
        {LEAST "[run]\ntrial_memory_limit = 4GB\n",
         "a.ini:11: [run] trial_memory_limit: expected a size such as 500M or 4G, or 0, got '4GB'"},
        {LEAST "[run]\nhorizon = 0\n",
         "a.ini:11: [run] horizon: expected a whole number from 1 on, or 'fidelity', got '0'"},
        {LEAST "[final]\nretrain = paretto\n",
         "a.ini:11: [final] retrain: expected none, best, pareto or top<N> (did you mean "
         "'pareto'?), got 'paretto'"},
        {LEAST "[final]\nretrain = top0\n", "a.ini:11: [final] retrain: expected none, best"},
        {LEAST "[final]\nretrain = top-1\n", "a.ini:11: [final] retrain: expected none, best"},
        {LEAST "[final]\nretrain = top+3\n", "a.ini:11: [final] retrain: expected none, best"},
        {LEAST "[final]\nretrain = top 3\n", "a.ini:11: [final] retrain: expected none, best"},
        {LEAST "[final]\nseeds = 0\n",
         "a.ini:11: [final] seeds: expected a whole number from 1 to 1000, got '0'"},
        {LEAST "[final]\nepoch = 5\n",
         "a.ini:11: [final] epoch: there is no such key; did you mean 'epochs'?"},
        {LEAST "[final]\nplugin = required\n", "a.ini:11: [final] plugin: there is no such key"},
        {LEAST "[final]\nlearning_rate = log(0.1, 1)\n",
         "a.ini:11: [final] learning_rate: it cannot be searched"},
        {"[space]\nplugin = typed\n[strategy]\nplugin = random\n[estimator]\nplugin = "
         "nk_landscape\n"
         "[objective]\nmaximize = fitness\n[final]\nretrain = best\n",
         "a.ini:10: [final] retrain: the estimator nk_landscape trains no networks; expected none"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct experiment *experiment;
        cr_assert_eq(create(&experiment, cases[i].text), ESP_ERROR_INVALID, "%s", cases[i].text);
        cr_assert_null(experiment);
        cr_assert(strncmp(error.message, cases[i].message, strlen(cases[i].message)) == 0,
                  "\n%s\ngave     %s\nexpected %s", cases[i].text, error.message, cases[i].message);
        cr_assert_eq(SUPPORT_LEAKED(), 0, "%s", cases[i].text);
    }
}

TestLeak(experiment, an_included_file_and_the_command_line_are_named)
{
    char *folder = folder_temporary();
    char *base = folder_write(folder, "base.ini", "\n[run]\norder = fixd\n");
    char *path = folder_write(folder, "a.ini", "include = base.ini\n" LEAST);
    struct config *config = NULL;
    struct experiment *experiment = NULL;
    error_clear(&error);
    cr_assert_eq(config_load(&config, path, NULL, 0, &error), ESP_OK);
    cr_assert_eq(experiment_create(&experiment, config, registry, &error), ESP_ERROR_INVALID);
    cr_assert(strstr(error.message, "/base.ini:3: [run] order: there is no 'fixd'"), "%s",
              error.message);
    const char *sets[] = {"run.order=fixed", "run.workers=x"};
    error_clear(&error);
    cr_assert_eq(config_load(&config, path, sets, 2, &error), ESP_OK);
    cr_assert_eq(experiment_create(&experiment, config, registry, &error), ESP_ERROR_INVALID);
    cr_assert_str_eq(error.message, "command line: [run] workers: expected a whole number from 0 "
                                    "to 4096, got 'x'");
    free(base);
    free(path);
    folder_delete(folder);
}

// ---- Engines ----------------------------------------------------------------------------------

TestLeak(engines, auto_takes_the_largest_rank)
{
    // Among those of tests/plugins alone: the middle one of three, by their ids and in the file.
    static const char text[] = "[space]\nplugin = typed\n[strategy]\nplugin = faulty\n[estimator]\n"
                               "plugin = required\ntable = t\n[dataset]\nplugin = plain\n"
                               "[objective]\nmaximize = score\n%s";
    static const char *const engines[][2] = {{"", "b_fast_one"},
                                             {"[engine]\n", "b_fast_one"},
                                             {"[engine]\nplugin = auto\n", "b_fast_one"},
                                             {"[engine]\nplugin = c_slow_one\n", "c_slow_one"}};
    close_registry();
    setenv("ESPALIER_PLUGINS", "", 1);
    setenv("HOME", "/nonexistent", 1);
    open_registry();
    for (size_t i = 0; i < COUNT(engines); i++) {
        char whole[512];
        snprintf(whole, sizeof whole, text, engines[i][0]);
        struct experiment *experiment = created(whole);
        cr_assert_str_eq(experiment->engine.component->id, engines[i][1]);
        experiment_destroy(experiment);
    }
}

TestLeak(engines, a_cheap_estimator_has_one_only_where_it_is_named)
{
    static const char cheap[] = "[space]\nplugin = typed\n[strategy]\nplugin = random\n"
                                "[estimator]\nplugin = nk_landscape\n[objective]\n"
                                "maximize = fitness\n";
    char text[512];
    struct experiment *experiment = created(cheap);
    cr_assert_null(experiment->engine.component);
    char *written = experiment_text(experiment, false, &error);
    cr_assert_null(strstr(written, "[engine]"));
    free(written);
    experiment_destroy(experiment);
    snprintf(text, sizeof text, "%s[engine]\nplugin = a_slow_one\n", cheap);
    experiment = created(text);
    cr_assert_str_eq(experiment->engine.component->id, "a_slow_one");
    experiment_destroy(experiment);
}

// ---- The resolved text ------------------------------------------------------------------------

static const char everything[] =
    "[experiment]\nname = all of it\nseed = 9\n"
    "[space]\nplugin = typed\ncount = int_log(1, 8)\nshare = 0.30000000000000004\n"
    "rate = log(1e-5, 0.1)\nflag = off\nwords = one; two (three)\nfile = f/g\n"
    "animal = one_of(horse, cat)\nsizes = 4, 8, 15, 16, 23, 42\nzoo = dog\n"
    "[strategy]\nplugin = random\nrepeat = no\n"
    "[estimator]\nplugin = required\ntable = t.csv\nlearning_rate = log(1e-4, 1)\n"
    "[dataset]\nplugin = synthetic\ntrain = 128\ntrain_limit = one_of(64, 128)\n"
    "[objective]\nminimize = params, macs\nmaximize = score\n"
    "subject_to = params <= 1e6, macs >= 0.1\n"
    "[budget]\ntime = 10m\n"
    "[executor]\nplugin = inline\n"
    "[run]\nworkers = 2\nout = somewhere\nhorizon = 12\ntrial_memory_limit = 1.5G\n"
    "[final]\nretrain = pareto\nseeds = 3\nepochs = 50\nlearning_rate = 0.2\n"
    "[fix]\ncell/*/op = conv_3x3\ndepth = 4\n";

static void check_same(const struct experiment *a, const struct experiment *b)
{
    const struct part *const parts[][2] = {
        {&a->space, &b->space},     {&a->strategy, &b->strategy}, {&a->estimator, &b->estimator},
        {&a->dataset, &b->dataset}, {&a->engine, &b->engine},     {&a->executor, &b->executor},
    };
    for (size_t i = 0; i < COUNT(parts); i++) {
        cr_assert_eq(parts[i][0]->component, parts[i][1]->component, "part %d", (int)i);
        cr_assert(parameters_equal(&parts[i][0]->parameters, &parts[i][1]->parameters), "part %d",
                  (int)i);
    }
    cr_assert(parameters_equal(&a->data, &b->data));
    cr_assert(parameters_equal(&a->final_training, &b->final_training));
    cr_assert_str_eq(a->name, b->name);
    cr_assert_eq(a->seed, b->seed);
    cr_assert_eq(a->objective_count, b->objective_count);
    for (uint64_t i = 0; i < a->objective_count; i++) {
        cr_assert_str_eq(a->objectives[i].metric, b->objectives[i].metric);
        cr_assert_eq(a->objectives[i].maximize, b->objectives[i].maximize);
    }
    cr_assert_eq(a->constraint_count, b->constraint_count);
    for (uint64_t i = 0; i < a->constraint_count; i++) {
        cr_assert_str_eq(a->constraints[i].metric, b->constraints[i].metric);
        cr_assert_eq(a->constraints[i].at_most, b->constraints[i].at_most);
        cr_assert(a->constraints[i].bound == b->constraints[i].bound);
    }
    cr_assert_eq(a->test_objective, b->test_objective);
    cr_assert_eq(a->budget.trials, b->budget.trials);
    cr_assert(a->budget.seconds == b->budget.seconds && a->budget.cost == b->budget.cost);
    cr_assert_eq(a->budget.failures, b->budget.failures);
    cr_assert_eq(a->workers, b->workers);
    cr_assert_eq(a->order, b->order);
    cr_assert_eq(a->lookahead, b->lookahead);
    cr_assert(a->trial_time_limit == b->trial_time_limit);
    cr_assert_eq(a->trial_memory_limit, b->trial_memory_limit);
    cr_assert_eq(a->keep, b->keep);
    cr_assert_eq(a->horizon_is_fidelity, b->horizon_is_fidelity);
    cr_assert_eq(a->horizon, b->horizon);
    cr_assert_eq(a->retrain, b->retrain);
    cr_assert_eq(a->retrain_count, b->retrain_count);
    cr_assert_eq(a->final_seeds, b->final_seeds);
    cr_assert_eq(a->fix_count, b->fix_count);
    for (uint64_t i = 0; i < a->fix_count; i++) {
        cr_assert_str_eq(a->fixes[i].pattern, b->fixes[i].pattern);
        cr_assert_str_eq(a->fixes[i].value, b->fixes[i].value);
    }
}

// Loads the text of `experiment` from another folder, and expects the same experiment and text.
static void check_round_trip(const struct experiment *experiment)
{
    struct config *config = NULL;
    struct experiment *again = NULL;
    error_clear(&error);
    char *text = experiment_text(experiment, false, &error);
    cr_assert_not_null(text, "%s", error.message);
    cr_assert_eq(config_parse(&config, text, "resolved", "/elsewhere", &error), ESP_OK, "%s\n%s",
                 error.message, text);
    cr_assert_eq(experiment_create(&again, config, registry, &error), ESP_OK, "%s\n%s",
                 error.message, text);
    check_same(experiment, again);
    char *text_again = experiment_text(again, false, &error);
    cr_assert_str_eq(text_again, text);
    cr_assert_null(experiment_difference(text, text_again, false, &error));
    free(text);
    free(text_again);
    experiment_destroy(again);
}

TestLeak(resolved, the_text_loads_to_the_same_experiment)
{
    static const char *const texts[] = {
        LEAST, everything,
        LEAST "[run]\nhorizon = fidelity\norder = async\n[final]\nretrain = top7\n"
              "[budget]\ncost = 0.1\ntrials = 3\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct experiment *experiment = created(texts[i]);
        check_round_trip(experiment);
        experiment_destroy(experiment);
    }
}

TestLeak(resolved, it_says_defaults_absolute_paths_and_the_plugins_that_were_picked)
{
    struct experiment *experiment = created(everything);
    char *text = experiment_text(experiment, false, &error), out[4200], *here = getcwd(NULL, 0);
    char engine[128];
    snprintf(out, sizeof out, "\nout = %s/somewhere\n", here);
    snprintf(engine, sizeof engine, "[engine]\nplugin = %s\nthreads = 1\n",
             experiment->engine.component->id);
    const char *const lines[] = {
        "[experiment]\nname = all of it\nseed = 9\n",
        "\ncount = int_log(1, 8)\nshare = 0.30000000000000004\nrate = log(1e-05, 0.1)\nflag = no\n"
        "words = one; two (three)\nfile = /folder/f/g\nanimal = one_of(horse, cat)\n",
        "\ntable = /folder/t.csv\n",
        "\nheight = 32\n",
        "\nvalid_fraction = 0.1\n",
        "[objective]\nminimize = params, macs\nmaximize = score\n"
        "subject_to = params <= 1000000, macs >= 0.1\ntest_objective = no\n",
        "[budget]\ntrials = 0\ntime = 10m\n",
        engine,
        "\norder = fixed\n",
        out,
        "[final]\nretrain = pareto\nseeds = 3\nepochs = 50\nlearning_rate = 0.2\n",
        "[fix]\ncell/*/op = conv_3x3\ndepth = 4\n",
    };
    for (size_t i = 0; i < COUNT(lines); i++)
        cr_assert(strstr(text, lines[i]), "'%s' in\n%s", lines[i], text);
    cr_assert_null(strstr(text, "auto"));
    free(text);
    free(here);
    experiment_destroy(experiment);
}

static struct experiment *with(const char *section, const char *key, const char *value)
{
    struct config *config = NULL;
    struct experiment *experiment = NULL;
    error_clear(&error);
    cr_assert_eq(config_parse(&config, LEAST, "a.ini", "/folder", &error), ESP_OK);
    cr_assert_eq(config_set(config, section, key, value, &error), ESP_OK, "%s", error.message);
    cr_assert_eq(experiment_create(&experiment, config, registry, &error), ESP_OK, "%s",
                 error.message);
    return experiment;
}

// A folder so deep, and values so long, that no line of the INI could hold them.
TestLeak(resolved, values_of_any_length_are_read_back)
{
    // Bytes that cannot be parted, and such as would be read otherwise where a line begins.
    static const char awkward[] = "\xc3\xa9\xe2\x82\xac;;##\\\\ #=: [x] ";
    char path[1024] = "/";
    for (size_t length = 1; length + sizeof awkward < sizeof path;) {
        strcpy(path + length, awkward);
        length += strlen(awkward);
        path[length++] = 'e';
        path[length] = '\0';
        struct experiment *experiment = with("estimator", "table", path);
        cr_assert_str_eq(of(&experiment->estimator, "table")->text, path);
        check_round_trip(experiment);
        experiment_destroy(experiment);
        experiment = with("fix", "cell/normal/edge/0-1/op", path);
        check_round_trip(experiment);
        experiment_destroy(experiment);
    }
}

TestLeak(resolved, what_no_line_can_hold_is_said)
{
    char key[256];
    memset(key, 'k', 200);
    key[200] = '\0';
    struct experiment *experiment = with("fix", key, "1");
    cr_assert_null(experiment_text(experiment, false, &error));
    cr_assert(strstr(error.message, "cannot be written: the key is too long for a line"), "%s",
              error.message);
    experiment_destroy(experiment);
}

// ---- Differences ------------------------------------------------------------------------------

// Between the least experiment and one with a change.
static char *difference(const char *change)
{
    struct config *config = NULL;
    struct experiment *before = created(LEAST), *after = NULL;
    error_clear(&error);
    cr_assert_eq(config_parse(&config, LEAST, "a.ini", "/folder", &error), ESP_OK);
    cr_assert_eq(config_apply(config, change, &error), ESP_OK);
    cr_assert_eq(experiment_create(&after, config, registry, &error), ESP_OK, "%s", error.message);
    char *old = experiment_text(before, false, &error),
         *new = experiment_text(after, false, &error);
    char *lines = experiment_difference(old, new, false, &error);
    cr_assert_eq(error.status, ESP_OK, "%s", error.message);
    free(old);
    free(new);
    experiment_destroy(before);
    experiment_destroy(after);
    return lines;
}

TestLeak(resolved, each_difference_that_a_resume_forbids_is_a_line)
{
    struct experiment *least = created(LEAST);
    char engine[128]; // the fastest that was built
    snprintf(engine, sizeof engine,
             "  engine.plugin: %s -> a_slow_one\n  engine.threads: 1 -> (nothing)",
             least->engine.component->id);
    experiment_destroy(least);
    const struct {
        const char *change, *line; // NULL: allowed
    } cases[] = {
        {"experiment.seed=2", "  experiment.seed: 1 -> 2"},
        {"space.share=0.1", "  space.share: 0.25 -> 0.1"},
        {"space.count=int(1, 2)", "  space.count: 3 -> int(1, 2)"},
        {"run.lookahead=4", "  run.lookahead: 0 -> 4"},
        {"dataset.split_seed=3", "  dataset.split_seed: 0 -> 3"},
        {"objective.minimize=params", "  objective.minimize: (nothing) -> params"},
        {"fix.depth=2", "  fix.depth: (nothing) -> 2"},
        {"engine.plugin=a_slow_one", engine},
        {"run.workers=7", NULL},
        {"run.out=elsewhere", NULL},
        {"budget.trials=9", NULL},
        {"executor.plugin=inline", NULL},
        {"final.seeds=2", NULL},
        {"final.epochs=3", NULL},
        {"space.share=0.250", NULL}, // said otherwise, and the same
        {"space.flag=true", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *lines = difference(cases[i].change);
        if (cases[i].line)
            cr_assert(lines && strcmp(lines, cases[i].line) == 0, "%s: %s", cases[i].change,
                      lines ? lines : "(none)");
        else
            cr_assert_null(lines, "%s: %s", cases[i].change, lines ? lines : "");
        free(lines);
    }
}

Test(resolved, differences_of_texts)
{
    static const char a[] = "[space]\nx = 1\ny = 2\n[dataset]\npath = /a\n";
    static const char b[] = "[space]\nx = 1\nz = 3\n[dataset]\npath = /b\n";
    error_clear(&error);
    char *lines = experiment_difference(a, b, false, &error);
    cr_assert_str_eq(lines, "  space.y: 2 -> (nothing)\n  dataset.path: /a -> /b\n"
                            "  space.z: (nothing) -> 3");
    free(lines);
    lines = experiment_difference(a, b, true, &error);
    cr_assert_str_eq(lines, "  space.y: 2 -> (nothing)\n  space.z: (nothing) -> 3");
    free(lines);
    cr_assert_null(experiment_difference(a, a, false, &error));
    cr_assert_null(experiment_difference("[space\n", a, false, &error));
    cr_assert(strstr(error.message, "the stored configuration:1: expected ']'"), "%s",
              error.message);
}
