// SPDX-License-Identifier: Apache-2.0
// Methods of a study compared; see comparison.h. The statistics are those of sdk/support.
#include "report/comparison.h"

#include "config/list.h"
#include "config/units.h"

#include <espalier/support/statistics.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RESAMPLES 10000
#define LEVEL 0.95

bool comparison_maximizes(const struct comparison *comparison)
{
    const struct study *study = comparison->study;
    return study->objective_count > 1 || study->objectives[0].maximize;
}

bool comparison_carries(const struct study_run *run, const struct study_point *point)
{
    switch (point->axis) {
    case STUDY_TRIALS:
        return (double)run->trials < point->at;
    case STUDY_SECONDS:
        return run->seconds < point->at;
    case STUDY_COST:
        return run->cost < point->at;
    default:
        return false;
    }
}

void comparison_destroy(struct comparison *comparison)
{
    uint64_t cells = comparison->cells && comparison->study
                         ? comparison->point_count * comparison->study->method_count
                         : 0;
    for (uint64_t i = 0; i < cells; i++)
        free(comparison->cells[i].tests);
    for (uint64_t i = 0; i < comparison->test_count; i++)
        free(comparison->tests[i]);
    free(comparison->tests);
    free(comparison->cells);
    free(comparison->pairs);
    free(comparison->values);
    free(comparison->test_values);
    free(comparison->reference);
    memset(comparison, 0, sizeof *comparison);
}

// ---- The reference of a hypervolume -----------------------------------------------------------

static esp_status parse_reference(const struct study *study, double *out, const char *text,
                                  struct error *error)
{
    uint64_t count = 0;
    char **parts = list_split(text, &count);
    if (!parts)
        return error_memory(error);
    esp_status status = ESP_OK;
    for (uint64_t i = 0; i < study->objective_count; i++)
        out[i] = NAN;
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        char *sign = strchr(parts[i], '=');
        uint64_t objective = 0;
        double value = NAN;
        if (sign)
            *sign = '\0';
        const char *name = text_trim(parts[i]);
        while (objective < study->objective_count &&
               strcmp(study->objectives[objective].metric, name) != 0)
            objective++;
        if (!sign || !read_real(text_trim(sign + 1), &value))
            status =
                error_set(error, ESP_ERROR_INVALID,
                          "reference: expected METRIC=NUMBER, with commas between, got '%s'", text);
        else if (objective == study->objective_count)
            status =
                error_set(error, ESP_ERROR_INVALID, "reference: '%s' is no objective here", name);
        else
            out[objective] = value;
    }
    for (uint64_t i = 0; status == ESP_OK && i < study->objective_count; i++)
        if (isnan(out[i]))
            status = error_set(error, ESP_ERROR_INVALID, "reference: no value for the objective %s",
                               study->objectives[i].metric);
    free(parts);
    return status;
}

// What the runs' configurations say; NULL where they say nothing.
static esp_status configured_reference(const struct study *study, const char **out,
                                       struct error *error)
{
    *out = NULL;
    for (uint64_t i = 0; i < study->method_count; i++) {
        const struct config_entry *entry =
            study->methods[i].config ? config_find(study->methods[i].config, "report", "reference")
                                     : NULL;
        if (!entry || !entry->value[0])
            continue;
        if (*out && strcmp(*out, entry->value) != 0)
            return error_set(error, ESP_ERROR_INVALID,
                             "the runs name different references, '%s' and '%s': say one with "
                             "--reference",
                             *out, entry->value);
        *out = entry->value;
    }
    return ESP_OK;
}

static esp_status set_reference(struct comparison *comparison, const char *text,
                                struct error *error)
{
    const struct study *study = comparison->study;
    uint64_t count = study->objective_count;
    if (count == 1)
        return text ? error_set(error, ESP_ERROR_INVALID,
                                "--reference is for several objectives: these runs have one")
                    : ESP_OK;
    if (count > 3)
        return error_set(
            error, ESP_ERROR_UNSUPPORTED,
            "runs with %llu objectives cannot be compared: the hypervolume is computed "
            "for 2 and 3",
            (unsigned long long)count);
    comparison->reference = malloc(count * sizeof *comparison->reference);
    if (!comparison->reference)
        return error_memory(error);
    esp_status status = text ? ESP_OK : configured_reference(study, &text, error);
    comparison->reference_said = text != NULL;
    if (status != ESP_OK || text)
        return status == ESP_OK ? parse_reference(study, comparison->reference, text, error)
                                : status;
    for (uint64_t i = 0; i < count; i++)
        comparison->reference[i] = study->worst ? study->worst[i] : NAN;
    return ESP_OK;
}

// ---- Values of runs ---------------------------------------------------------------------------

static double turned(const struct study *study, uint64_t objective, double value)
{
    return study->objectives[objective].maximize ? -value : value;
}

static esp_status hypervolume(const struct comparison *comparison, const struct study_run *run,
                              const struct study_point *point, double *out, struct error *error)
{
    const struct study *study = comparison->study;
    uint64_t width = study->objective_count, count = 0;
    double reference[3];
    double *points = malloc((run->step_count * width + 1) * sizeof *points);
    if (!points)
        return error_memory(error);
    for (uint64_t i = 0; i < run->step_count; i++) {
        if (!study_reached(&run->steps[i], point))
            continue;
        for (uint64_t j = 0; j < width; j++)
            points[count * width + j] = turned(study, j, run->steps[i].values[j]);
        count++;
    }
    for (uint64_t j = 0; j < width; j++)
        reference[j] = turned(study, j, comparison->reference[j]);
    *out = NAN;
    esp_status status = ESP_OK;
    if (count > 0)
        status = esp_statistics_hypervolume(out, points, count, width, reference);
    free(points);
    return status == ESP_OK ? ESP_OK : error_memory(error);
}

static esp_status name_test(struct comparison *comparison, const char *name, struct error *error)
{
    for (uint64_t i = 0; i < comparison->test_count; i++)
        if (strcmp(comparison->tests[i], name) == 0)
            return ESP_OK;
    char **grown = realloc(comparison->tests, (comparison->test_count + 1) * sizeof *grown);
    if (!grown)
        return error_memory(error);
    comparison->tests = grown;
    grown[comparison->test_count] = strdup(name);
    if (!grown[comparison->test_count])
        return error_memory(error);
    comparison->test_count++;
    return ESP_OK;
}

static esp_status name_tests(struct comparison *comparison, struct error *error)
{
    esp_status status = ESP_OK;
    for (uint64_t i = 0; i < comparison->study->run_count; i++) {
        const struct study_run *run = &comparison->study->runs[i];
        for (uint64_t j = 0; status == ESP_OK && j < run->report_count; j++)
            status = name_test(comparison, run->reports[j], error);
        for (uint64_t j = 0; status == ESP_OK && j < run->final_count; j++)
            status = name_test(comparison, run->finals[j].name, error);
    }
    return status;
}

// A test metric of the architecture that the search would choose at the point; at the end its final
// trainings go over what the trial reported.
static double test_value(const struct comparison *comparison, const struct study_run *run,
                         const struct study_point *point, const struct study_step *chosen,
                         const char *name)
{
    if (point->axis == STUDY_END)
        for (uint64_t i = 0; i < run->final_count; i++)
            if (strcmp(run->finals[i].name, name) == 0)
                return run->finals[i].value;
    for (uint64_t i = 0; chosen && i < run->report_count; i++)
        if (strcmp(run->reports[i], name) == 0)
            return chosen->values[comparison->study->objective_count + i];
    return NAN;
}

static esp_status take_values(struct comparison *comparison, struct error *error)
{
    const struct study *study = comparison->study;
    uint64_t runs = study->run_count, tests = comparison->test_count;
    esp_status status = ESP_OK;
    comparison->values = malloc((comparison->point_count * runs + 1) * sizeof(double));
    comparison->test_values = malloc((comparison->point_count * runs * tests + 1) * sizeof(double));
    if (!comparison->values || !comparison->test_values)
        return error_memory(error);
    for (uint64_t i = 0; i < comparison->point_count; i++)
        for (uint64_t j = 0; status == ESP_OK && j < runs; j++) {
            const struct study_run *run = &study->runs[j];
            const struct study_point *point = &comparison->points[i];
            const struct study_step *chosen = study_chosen(study, run, point);
            double *value = &comparison->values[i * runs + j];
            if (study->objective_count == 1)
                *value = chosen ? chosen->values[0] : NAN;
            else
                status = hypervolume(comparison, run, point, value, error);
            for (uint64_t k = 0; k < tests; k++)
                comparison->test_values[(i * runs + j) * tests + k] =
                    test_value(comparison, run, point, chosen, comparison->tests[k]);
        }
    return status;
}

// ---- Statistics -------------------------------------------------------------------------------

// The finite values of a method's runs: values[j * stride] is run j's. Answers how many.
static uint64_t sample_of(const struct comparison *comparison, uint64_t method,
                          const double *values, uint64_t stride, double *out)
{
    uint64_t n = 0;
    for (uint64_t j = 0; j < comparison->study->run_count; j++)
        if (comparison->study->runs[j].method == method && isfinite(values[j * stride]))
            out[n++] = values[j * stride];
    return n;
}

static esp_status describe(struct comparison_sample *out, const double *values, uint64_t n,
                           struct error *error)
{
    static const double probabilities[3] = {0.25, 0.5, 0.75};
    double quartiles[3];
    // The same stream for every sample: an interval depends on its values alone.
    esp_random random = esp_random_stream(0, 0, 0, 0, 0);
    *out = (struct comparison_sample){
        .n = n, .mean = esp_statistics_mean(values, n), .sd = esp_statistics_sd(values, n)};
    if (esp_statistics_quantiles(quartiles, values, n, probabilities, 3) != ESP_OK ||
        esp_statistics_bootstrap_mean(&out->low, &out->high, values, n, LEVEL, RESAMPLES,
                                      &random) != ESP_OK)
        return error_memory(error);
    out->q1 = quartiles[0];
    out->median = quartiles[1];
    out->q3 = quartiles[2];
    return ESP_OK;
}

static esp_status fill_cell(struct comparison *comparison, uint64_t point, uint64_t method,
                            double *space, struct error *error)
{
    const struct study *study = comparison->study;
    uint64_t tests = comparison->test_count;
    const double *values = comparison->values + point * study->run_count;
    const double *test_values = comparison->test_values + point * study->run_count * tests;
    struct comparison_cell *cell = &comparison->cells[point * study->method_count + method];
    cell->rank = NAN;
    cell->tests = calloc(tests + 1, sizeof *cell->tests);
    if (!cell->tests)
        return error_memory(error);
    uint64_t n = sample_of(comparison, method, values, 1, space);
    cell->without = study->methods[method].runs - n;
    for (uint64_t j = 0; j < study->run_count; j++)
        cell->carried += study->runs[j].method == method && isfinite(values[j]) &&
                         comparison_carries(&study->runs[j], &comparison->points[point]);
    esp_status status = describe(&cell->value, space, n, error);
    for (uint64_t k = 0; status == ESP_OK && k < tests; k++) {
        n = sample_of(comparison, method, test_values + k, tests, space);
        status = describe(&cell->tests[k], space, n, error);
    }
    return status;
}

// The value of the method's run with that seed; NaN where it has none.
static double value_at_seed(const struct comparison *comparison, const double *values,
                            uint64_t method, uint64_t seed, uint64_t before)
{
    for (uint64_t j = 0; j < before; j++) {
        const struct study_run *run = &comparison->study->runs[j];
        if (run->method == method && run->has_seed && run->seed == seed && isfinite(values[j]))
            return values[j];
    }
    return NAN;
}

static esp_status rank_point(struct comparison *comparison, uint64_t point, double *block,
                             double *ranks, struct error *error)
{
    const struct study *study = comparison->study;
    const double *values = comparison->values + point * study->run_count;
    struct comparison_cell *cells = comparison->cells + point * study->method_count;
    double sign = comparison_maximizes(comparison) ? -1.0 : 1.0;
    for (uint64_t j = 0; study->method_count > 1 && j < study->run_count; j++) {
        const struct study_run *run = &study->runs[j];
        // A seed once, at its first run of the first method.
        if (run->method != 0 || !run->has_seed || !isfinite(values[j]) ||
            isfinite(value_at_seed(comparison, values, 0, run->seed, j)))
            continue;
        bool whole = true;
        for (uint64_t m = 0; m < study->method_count && whole; m++) {
            block[m] = sign * value_at_seed(comparison, values, m, run->seed, study->run_count);
            whole = isfinite(block[m]);
        }
        if (!whole)
            continue;
        if (esp_statistics_ranks(ranks, block, study->method_count) != ESP_OK)
            return error_memory(error);
        for (uint64_t m = 0; m < study->method_count; m++) {
            cells[m].rank = (cells[m].rank_n ? cells[m].rank : 0.0) + ranks[m];
            cells[m].rank_n++;
        }
    }
    for (uint64_t m = 0; m < study->method_count; m++)
        if (cells[m].rank_n)
            cells[m].rank /= (double)cells[m].rank_n;
    return ESP_OK;
}

static esp_status test_pair(struct comparison *comparison, struct comparison_pair *pair,
                            const double *values, double *a, double *b, struct error *error)
{
    esp_mann_whitney test;
    double a12;
    pair->a_n = sample_of(comparison, pair->a, values, 1, a);
    pair->b_n = sample_of(comparison, pair->b, values, 1, b);
    if (esp_statistics_mann_whitney(&test, a, pair->a_n, b, pair->b_n) != ESP_OK ||
        esp_statistics_vargha_delaney(&a12, a, pair->a_n, b, pair->b_n) != ESP_OK)
        return error_memory(error);
    pair->statistic = test.statistic;
    pair->p = test.p;
    pair->exact = test.exact != 0;
    pair->a12 = comparison_maximizes(comparison) ? a12 : 1.0 - a12;
    return ESP_OK;
}

static esp_status test_point(struct comparison *comparison, uint64_t point, double *a, double *b,
                             struct error *error)
{
    const struct study *study = comparison->study;
    struct comparison_pair *pairs = comparison->pairs + point * comparison->pair_count;
    uint64_t count = 0;
    esp_status status = ESP_OK;
    double *p = malloc((comparison->pair_count + 1) * sizeof *p);
    if (!p)
        return error_memory(error);
    for (uint64_t i = 0; comparison->pair_count && i < study->method_count; i++)
        for (uint64_t j = i + 1; status == ESP_OK && j < study->method_count; j++) {
            pairs[count].a = i;
            pairs[count].b = j;
            status = test_pair(comparison, &pairs[count],
                               comparison->values + point * study->run_count, a, b, error);
            p[count] = pairs[count].p;
            count++;
        }
    if (status == ESP_OK && esp_statistics_holm(p, p, count) != ESP_OK)
        status = error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++)
        pairs[i].holm = p[i];
    free(p);
    return status;
}

static esp_status compute(struct comparison *comparison, struct error *error)
{
    const struct study *study = comparison->study;
    uint64_t methods = study->method_count;
    comparison->pair_count =
        methods > COMPARISON_MOST_TESTED || methods == 0 ? 0 : methods * (methods - 1) / 2;
    comparison->cells = calloc(comparison->point_count * methods + 1, sizeof *comparison->cells);
    comparison->pairs =
        calloc(comparison->point_count * comparison->pair_count + 1, sizeof *comparison->pairs);
    uint64_t room = study->run_count > methods ? study->run_count : methods;
    double *space = malloc((2 * room + 1) * sizeof *space);
    esp_status status =
        comparison->cells && comparison->pairs && space ? ESP_OK : error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < comparison->point_count; i++) {
        for (uint64_t m = 0; status == ESP_OK && m < methods; m++)
            status = fill_cell(comparison, i, m, space, error);
        if (status == ESP_OK)
            status = rank_point(comparison, i, space, space + room, error);
        if (status == ESP_OK)
            status = test_point(comparison, i, space, space + room, error);
    }
    free(space);
    return status;
}

static esp_status check_points(const struct comparison *comparison, struct error *error)
{
    const struct study *study = comparison->study;
    for (uint64_t i = 0; i < comparison->point_count; i++)
        for (uint64_t j = 0; comparison->points[i].axis == STUDY_COST && j < study->run_count; j++)
            if (study->runs[j].step_count > 0 && isnan(study->runs[j].cost))
                return error_set(error, ESP_ERROR_INVALID, "--at cost: %s has no metric 'cost'",
                                 study->runs[j].source);
    return ESP_OK;
}

esp_status comparison_measure(struct comparison *out, const struct study *study,
                              const struct study_point *points, uint64_t point_count,
                              const char *reference, struct error *error)
{
    *out = (struct comparison){.study = study, .points = points, .point_count = point_count};
    if (study->objective_count == 0)
        return error_set(error, ESP_ERROR_INVALID,
                         "there is nothing to compare: none of the runs has begun");
    esp_status status = check_points(out, error);
    if (status == ESP_OK)
        status = set_reference(out, reference, error);
    if (status == ESP_OK)
        status = name_tests(out, error);
    if (status == ESP_OK)
        status = take_values(out, error);
    if (status != ESP_OK)
        comparison_destroy(out);
    return status;
}

esp_status comparison_make(struct comparison *out, const struct study *study,
                           const struct study_point *points, uint64_t point_count,
                           const char *reference, struct error *error)
{
    esp_status status = comparison_measure(out, study, points, point_count, reference, error);
    if (status != ESP_OK)
        return status;
    status = compute(out, error);
    if (status != ESP_OK)
        comparison_destroy(out);
    return status;
}
