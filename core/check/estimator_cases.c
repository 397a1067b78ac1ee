// SPDX-License-Identifier: Apache-2.0
// Cases of estimators: trials of the stand-in's space and data, evaluated as a worker does it.
#include "check/allocations.h"
#include "check/stage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define TRIALS 4
#define PATIENCE 1 // reports of progress that may follow ESP_STOP

struct trials {
    struct stage stage;
    const struct check *check;
    const esp_estimator_type *type;
    const esp_estimator_info *info;
};

// What a trial reported on its way.
struct curve {
    const struct trials *trials;
    uint64_t reports, stop_after; // 0: never
    uint64_t after_stop;
    double last;
    bool dies; // the process ends with its second report
};

static void open_trials(struct trials *trials, const struct check *check)
{
    trials->check = check;
    stage_open(&trials->stage, check);
    trials->type = stage_part(&trials->stage, check)->component->type;
    check_need(check,
               session_estimator_info(trials->stage.session, &trials->info, &trials->stage.error),
               &trials->stage.error, "what it declares");
}

static const esp_metric *metric_row(const struct trials *trials, uint64_t i)
{
    return (const esp_metric *)(const void *)((const char *)trials->info->metrics +
                                              i * trials->info->metric_stride);
}

static uint32_t take_progress(void *self, double step, const esp_measurement *metrics,
                              uint64_t count, uint64_t stride)
{
    struct curve *curve = self;
    const struct check *check = curve->trials->check;
    (void)metrics;
    (void)count;
    (void)stride;
    if (!isfinite(step))
        check_fail(check, "it reports progress at a step that is no number");
    if (curve->reports > 0 && step <= curve->last)
        check_fail(check, "it reports step %g after step %g", step, curve->last);
    curve->last = step;
    curve->reports++;
    if (curve->dies && curve->reports == 2)
        _exit(7);
    if (curve->stop_after && curve->reports > curve->stop_after)
        curve->after_stop++;
    return curve->stop_after && curve->reports >= curve->stop_after ? ESP_STOP : ESP_CONTINUE;
}

struct request {
    uint64_t seed;       // of the architecture
    const char *attempt; // the folder's name, or NULL
    const char *earlier; // a lost attempt's
    const char *parent;
    uint32_t mode;
    const char *dimension; // a fidelity, or NULL
    double amount;
    bool final;
};

static char *folder_path(const struct check *check, const char *name)
{
    char *path = NULL, *here = getcwd(NULL, 0);
    if (name && (!here || asprintf(&path, "%s/%s", here, name) < 0))
        check_skip(check, "out of memory");
    free(here);
    return path;
}

// Owner: the caller (result_destroy).
static struct result evaluate(struct trials *trials, const struct request *request,
                              struct curve *curve)
{
    const struct check *check = trials->check;
    struct arch *arch = stage_sample(&trials->stage, check, request->seed);
    struct fidelity fidelity = {NULL, request->amount};
    struct result result = {0};
    struct curve unseen = {.trials = trials};
    struct specification given = {
        .purpose = request->final ? PURPOSE_FINAL : PURPOSE_TRIAL,
        .trial = request->seed,
        .lineage = 1,
        .seed = check->seed,
        .mode = request->mode,
        .test = request->final,
        .arch = arch_json(arch, trials->stage.experiment->space.component->id),
        .fidelity = request->dimension ? &fidelity : NULL,
        .fidelity_count = request->dimension ? 1 : 0,
        .folder = folder_path(check, request->attempt),
        .earlier = folder_path(check, request->earlier),
        .parent_folder = folder_path(check, request->parent),
        .wants_files = request->attempt != NULL,
    };
    fidelity.name = (char *)(uintptr_t)request->dimension; // read alone
    snprintf(given.hash, sizeof given.hash, "%016llx", (unsigned long long)arch_hash(arch));
    check_need(check,
               session_evaluate(trials->stage.session, &given, take_progress,
                                curve ? curve : &unseen, &result, &trials->stage.error),
               &trials->stage.error, "a trial");
    json_decref(given.arch);
    free(given.folder);
    free(given.earlier);
    free(given.parent_folder);
    arch_release(arch);
    return result;
}

static void need_done(const struct trials *trials, const struct result *result)
{
    if (result->status != ESP_OUTCOME_DONE)
        check_fail(trials->check, "a trial %s: %s",
                   result->status == ESP_OUTCOME_FAILED ? "failed" : "was stopped by nobody",
                   result->error);
}

// Of the metrics that are the same bits each time.
static uint64_t exact_digest(const struct trials *trials, const struct result *result)
{
    uint64_t digest = 0;
    for (uint64_t i = 0; i < trials->info->metric_count; i++) {
        const esp_metric *row = metric_row(trials, i);
        double value = result_metric(result, row->name);
        if (!(row->flags & ESP_METRIC_MEASURED))
            digest = XXH3_64bits_withSeed(&value, sizeof value, digest + i);
    }
    return digest;
}

static uint64_t trial_digest(struct trials *trials, uint64_t seed)
{
    struct request request = {.seed = seed};
    struct result result = evaluate(trials, &request, NULL);
    need_done(trials, &result);
    uint64_t digest = exact_digest(trials, &result);
    result_destroy(&result);
    return digest;
}

// ---- Cases --------------------------------------------------------------------------------------

static void declares_soundly(struct check *check)
{
    struct trials trials;
    open_trials(&trials, check);
    if (trials.info->metric_count == 0)
        check_fail(check, "it declares no metric: no search can be made with it");
    for (uint64_t i = 0; i < trials.info->metric_count; i++)
        if (metric_row(&trials, i)->better > ESP_BETTER_LOWER)
            check_fail(check, "its metric '%s' is better in no direction that there is",
                       metric_row(&trials, i)->name);
}

static void metrics_are_complete(struct check *check)
{
    struct trials trials;
    open_trials(&trials, check);
    for (uint64_t seed = 0; seed < TRIALS; seed++) {
        struct request request = {.seed = seed};
        struct result result = evaluate(&trials, &request, NULL);
        need_done(&trials, &result);
        for (uint64_t i = 0; i < trials.info->metric_count; i++)
            if (!isfinite(result_metric(&result, metric_row(&trials, i)->name)))
                check_fail(check, "its metric '%s' is missing or not finite",
                           metric_row(&trials, i)->name);
        result_destroy(&result);
    }
}

static void progress_rises(struct check *check)
{
    struct trials trials;
    open_trials(&trials, check);
    struct curve curve = {.trials = &trials};
    struct request request = {.seed = 0};
    struct result result = evaluate(&trials, &request, &curve);
    need_done(&trials, &result);
    if (curve.reports == 0)
        check_skip(check, "it reports no progress");
    result_destroy(&result);
}

static void stops_when_told(struct check *check)
{
    struct trials trials;
    open_trials(&trials, check);
    struct curve whole = {.trials = &trials}, cut = {.trials = &trials, .stop_after = 1};
    struct request request = {.seed = 0};
    struct result result = evaluate(&trials, &request, &whole);
    need_done(&trials, &result);
    if (whole.reports < 2 + PATIENCE)
        check_skip(check, "its trials report progress %llu times: there is nothing to stop",
                   (unsigned long long)whole.reports);
    result_destroy(&result);
    result = evaluate(&trials, &request, &cut);
    if (cut.after_stop > PATIENCE)
        check_fail(check, "it went on for %llu reports after ESP_STOP",
                   (unsigned long long)cut.after_stop);
    if (result.status != ESP_OUTCOME_STOPPED)
        check_fail(check, "stopped after its first report, the trial %s: %s",
                   result.status == ESP_OUTCOME_FAILED ? "failed" : "is done as if it had not been",
                   result.error);
    result_destroy(&result);
}

static void write_digest(const struct check *check, void *self, int descriptor)
{
    struct trials trials;
    (void)self;
    open_trials(&trials, check);
    uint64_t digest = trial_digest(&trials, 0);
    if (write(descriptor, &digest, sizeof digest) != (ssize_t)sizeof digest)
        _exit(1);
}

static void same_bits_again(struct check *check)
{
    struct trials trials;
    open_trials(&trials, check);
    uint64_t first = trial_digest(&trials, 0);
    if (trial_digest(&trials, 0) != first)
        check_fail(check, "a trial that is repeated has other exact metrics");
    for (uint64_t seed = 1; seed < TRIALS; seed++)
        trial_digest(&trials, seed);
    if (trial_digest(&trials, 0) != first)
        check_fail(check, "after other trials its exact metrics are others");
    struct check_child child = check_fork(check, write_digest, NULL);
    if (child.size != sizeof first || memcmp(child.bytes, &first, sizeof first) != 0)
        check_fail(check, "in another process its exact metrics are others");
}

// 1 and then 1 more of the dimension are the bits of 2 in one go.
static void continues(struct check *check)
{
    struct trials trials;
    open_trials(&trials, check);
    const esp_estimator_continuation *ability =
        component_ability(stage_part(&trials.stage, check)->component, ESP_ESTIMATOR_CONTINUATION);
    if (!ability)
        check_skip(check, "its trials do not continue");
    struct request whole = {.attempt = "whole", .dimension = ability->dimension, .amount = 2};
    struct request half = {.attempt = "half", .dimension = ability->dimension, .amount = 1};
    struct request rest = {.attempt = "rest",
                           .parent = "half",
                           .mode = ESP_MODE_CONTINUE,
                           .dimension = ability->dimension,
                           .amount = 2};
    struct result at_once = evaluate(&trials, &whole, NULL);
    need_done(&trials, &at_once);
    struct result first = evaluate(&trials, &half, NULL);
    need_done(&trials, &first);
    struct result then = evaluate(&trials, &rest, NULL);
    need_done(&trials, &then);
    if (exact_digest(&trials, &at_once) != exact_digest(&trials, &then))
        check_fail(check, "1 and then 1 more %s give other exact metrics than 2 in one go",
                   ability->dimension);
}

static void die_on_the_way(const struct check *check, void *self, int descriptor)
{
    struct trials trials;
    (void)self;
    (void)descriptor;
    open_trials(&trials, check);
    struct curve curve = {.trials = &trials, .dies = true};
    struct request request = {.attempt = "lost"};
    struct result result = evaluate(&trials, &request, &curve);
    result_destroy(&result);
}

// A worker is killed after the trial's second report; the next attempt may take up its checkpoint.
static void survives_its_worker(struct check *check)
{
    struct trials trials;
    open_trials(&trials, check);
    struct check_child child = check_fork(check, die_on_the_way, NULL);
    if (child.status != 7)
        check_skip(check, "its trials report progress less than twice");
    struct request whole = {.attempt = "whole"}, again = {.attempt = "again", .earlier = "lost"};
    struct result undisturbed = evaluate(&trials, &whole, NULL);
    need_done(&trials, &undisturbed);
    struct result repeated = evaluate(&trials, &again, NULL);
    need_done(&trials, &repeated);
    if (exact_digest(&trials, &undisturbed) != exact_digest(&trials, &repeated))
        check_fail(check, "an attempt after one that was lost has other exact metrics");
}

static void finals_answer(struct check *check)
{
    struct trials trials;
    open_trials(&trials, check);
    if (!component_ability(stage_part(&trials.stage, check)->component, ESP_ESTIMATOR_FINAL))
        check_skip(check, "it does not train in full");
    struct request request = {.attempt = "final", .final = true};
    struct result result = evaluate(&trials, &request, NULL);
    need_done(&trials, &result);
    if (!isfinite(result_metric(&result, "test_accuracy")))
        check_fail(check, "a final training sets no test_accuracy");
    result_destroy(&result);
}

static void fidelities_serve(struct check *check)
{
    struct trials trials;
    open_trials(&trials, check);
    if (trials.info->fidelity_count == 0)
        check_skip(check, "it serves no fidelities");
    for (uint64_t i = 0; i < trials.info->fidelity_count; i++) {
        const esp_fidelity_range *range = (const void *)((const char *)trials.info->fidelities +
                                                         i * trials.info->fidelity_stride);
        struct request request = {.dimension = range->name, .amount = range->least};
        if (!(range->least <= range->most))
            check_fail(check, "its fidelity '%s' ranges from %g to %g", range->name, range->least,
                       range->most);
        struct result result = evaluate(&trials, &request, NULL);
        if (result.status == ESP_OUTCOME_FAILED)
            check_fail(check, "at %s = %g, the least that it declares, a trial failed: %s",
                       range->name, range->least, result.error);
        result_destroy(&result);
    }
}

static void cheap_is_cheap(struct check *check)
{
    struct trials trials;
    open_trials(&trials, check);
    if (!component_ability(stage_part(&trials.stage, check)->component, ESP_ESTIMATOR_CHEAP))
        check_skip(check, "it is not cheap");
    double *metrics = calloc(trials.info->metric_count, sizeof *metrics);
    for (uint64_t seed = 0; metrics && seed < TRIALS; seed++) {
        struct arch *arch = stage_sample(&trials.stage, check, seed);
        error_clear(&trials.stage.error);
        check_need(check,
                   session_evaluate_cheap(trials.stage.session, arch, seed, NULL, 0, metrics,
                                          &trials.stage.error),
                   &trials.stage.error, "a trial in the coordinator");
        arch_release(arch);
    }
}

static void evaluate_one(const struct check *check, void *self)
{
    struct trials *trials = self;
    struct request request = {.seed = 0};
    trials->check = check;
    struct result result = evaluate(trials, &request, NULL);
    result_destroy(&result);
}

static void evaluate_survives_shortage(struct check *check)
{
    struct trials trials;
    open_trials(&trials, check);
    allocations_survive(check, evaluate_one, &trials, "a trial");
}

static const struct check_case cases[] = {
    {"estimator/declares", "estimator.h 2.1",
     "it declares metrics, each better in a direction or none", CHECK_ESTIMATOR, 0,
     declares_soundly},
    {"estimator/metrics", "estimator.h 2.2", "a trial sets every metric that was declared, finite",
     CHECK_ESTIMATOR, 60, metrics_are_complete},
    {"estimator/progress", "estimator.h 3.1", "the steps that it reports rise", CHECK_ESTIMATOR, 60,
     progress_rises},
    {"estimator/stop", "estimator.h 3.2",
     "told to stop, it returns soon, with the metrics of this step", CHECK_ESTIMATOR, 60,
     stops_when_told},
    {"estimator/same", "estimator.h 2.3",
     "exact metrics are the same bits again, after other trials and in another process",
     CHECK_ESTIMATOR, 60, same_bits_again},
    {"estimator/continues", "estimator.h 4.1",
     "a trial that is continued has the bits of one in one go", CHECK_ESTIMATOR, 60, continues},
    {"estimator/lost", "estimator.h 4.2",
     "an attempt that follows a lost one has the bits of one that was not disturbed",
     CHECK_ESTIMATOR, 60, survives_its_worker},
    {"estimator/final", "estimator.h 4.3", "a final training answers for the test split",
     CHECK_ESTIMATOR, 60, finals_answer},
    {"estimator/fidelity", "estimator.h 2.4", "the least of each fidelity that it declares serves",
     CHECK_ESTIMATOR, 60, fidelities_serve},
    {"estimator/cheap", "estimator.h 5.1", "a cheap one is evaluated without files and workers",
     CHECK_ESTIMATOR, 0, cheap_is_cheap},
    {"estimator/memory", "estimator.h 6", "a trial bears that any allocation fails",
     CHECK_ESTIMATOR, 60, evaluate_survives_shortage},
};

const struct check_family check_estimator_cases = {cases, ESP_COUNT(cases)};
