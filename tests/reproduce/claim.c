// SPDX-License-Identifier: Apache-2.0
// See claim.h.
#include "claim.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static double number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

// The point that claims are about: the end of the runs.
static json_t *point_of(const json_t *results)
{
    return json_array_get(json_object_get(results, "points"), 0);
}

// The row of a method; NULL: there is none.
static json_t *row_of(const json_t *results, const char *method)
{
    size_t i;
    json_t *row;
    json_array_foreach (json_object_get(point_of(results), "methods"), i, row)
        if (method && strcmp(text_of(row, "method"), method) == 0)
            return row;
    return NULL;
}

// `trials` or `missed`, of the runs of the claim's method.
static double found_in_runs(const json_t *results, const json_t *claim, const char *method)
{
    const char *statistic = text_of(claim, "statistic");
    double sum = 0, largest = 0;
    int count = 0, missed = 0;
    size_t i;
    json_t *row;
    json_array_foreach (json_object_get(results, "runs"), i, row) {
        const char *label = text_of(row, "method"), *reason = text_of(row, "reason");
        double trials = number_of(row, "trials");
        if (!label || strcmp(label, method) != 0)
            continue;
        if (!reason || strcmp(reason, "target") != 0) {
            missed++;
            continue;
        }
        count++;
        sum += trials;
        largest = fmax(largest, trials);
    }
    if (count + missed == 0)
        return NAN;
    if (strcmp(text_of(claim, "runs"), "missed") == 0)
        return missed;
    return statistic && strcmp(statistic, "max") == 0 ? largest : sum / count;
}

static double found_in_pairs(const json_t *results, const char *statistic, const char *a,
                             const char *b)
{
    size_t i;
    json_t *each;
    json_array_foreach (json_object_get(point_of(results), "pairs"), i, each) {
        bool same = strcmp(text_of(each, "a"), a) == 0 && strcmp(text_of(each, "b"), b) == 0;
        bool turned = strcmp(text_of(each, "a"), b) == 0 && strcmp(text_of(each, "b"), a) == 0;
        if (!same && !turned)
            continue;
        double a12 = turned ? 1 - number_of(each, "a12") : number_of(each, "a12");
        if (strcmp(statistic, "a12") == 0)
            return a12;
        if (strcmp(statistic, "p_better") == 0)
            return a12 > 0.5 ? number_of(each, "p") : 1;
        return number_of(each, statistic);
    }
    return NAN;
}

// How far the means of a method lie apart in two sweeps, in standard errors of their difference.
static double standard_errors(const json_t *a, const json_t *b)
{
    double variance = 0, difference = number_of(a, "mean") - number_of(b, "mean");
    for (int i = 0; i < 2; i++) {
        double sd = number_of(i ? b : a, "sd");
        variance += sd * sd / number_of(i ? b : a, "n");
    }
    return fabs(difference) / sqrt(variance);
}

// What the claim says of `method`; NaN where there is no such thing.
static double found(const json_t *results, const json_t *claim, const char *method,
                    const json_t *other)
{
    const char *metric = text_of(claim, "metric"), *statistic = text_of(claim, "statistic");
    if (text_of(claim, "runs"))
        return found_in_runs(results, claim, method);
    if (json_is_true(json_object_get(claim, "beside")))
        return standard_errors(row_of(results, method), row_of(other, method));
    json_t *pair = json_object_get(claim, "pair");
    if (pair)
        return found_in_pairs(results, statistic, method,
                              json_string_value(json_array_get(pair, 1)));
    json_t *row = row_of(results, method);
    if (metric)
        row = json_object_get(json_object_get(row, "test"), metric);
    double value = number_of(row, statistic ? statistic : "mean");
    const char *whole = text_of(claim, "share_of");
    return whole ? value / number_of(row_of(results, whole), "mean") : value;
}

static void check_method(const json_t *results, const json_t *claim, const char *method,
                         const json_t *other, struct counts *counts)
{
    double scale = json_is_true(json_object_get(claim, "percent")) ? 100 : 1;
    double value = scale * found(results, claim, method, other);
    const json_t *pair = json_object_get(claim, "pair"), *least = json_object_get(claim, "least"),
                 *most = json_object_get(claim, "most");
    const char *statistic = text_of(claim, "statistic"), *subject = "objective";
    static const char *const kinds[] = {"runs", "metric"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (text_of(claim, kinds[i]))
            subject = text_of(claim, kinds[i]);
    char name[512], claimed[64];
    if (pair)
        snprintf(name, sizeof name, "%s over %s", method,
                 json_string_value(json_array_get(pair, 1)));
    else
        snprintf(name, sizeof name, "%s", method);
    if (text_of(claim, "share_of"))
        statistic = "share";
    if (json_is_true(json_object_get(claim, "beside")))
        statistic = "s.e.";
    bool holds;
    if (least || most) {
        double bound = json_number_value(least ? least : most);
        holds = least ? value >= bound : value <= bound;
        snprintf(claimed, sizeof claimed, "%s %.4g", least ? "at least" : "at most", bound);
    } else {
        double expected = number_of(claim, "value"), tolerance = number_of(claim, "tolerance");
        holds = fabs(value - expected) <= tolerance;
        snprintf(claimed, sizeof claimed, "%.5g +- %.2g", expected, tolerance);
    }
    printf("  %-24s %-18s %-8s %18s   found %.*g   %s\n", name, subject,
           statistic ? statistic : "mean", claimed, fabs(value) < 1e-3 ? 2 : 5, value,
           holds ? "holds" : "MISSED");
    counts->held += holds;
    counts->missed += !holds;
}

void claim_check(const json_t *results, const json_t *other, const json_t *claim,
                 struct counts *counts)
{
    const json_t *pair = json_object_get(claim, "pair");
    const char *method =
        pair ? json_string_value(json_array_get(pair, 0)) : text_of(claim, "method");
    if (strcmp(method, "*") != 0) {
        check_method(results, claim, method, other, counts);
        return;
    }
    const char *second = pair ? json_string_value(json_array_get(pair, 1)) : NULL;
    int checked = 0;
    size_t i;
    json_t *row;
    json_array_foreach (json_object_get(point_of(results), "methods"), i, row)
        if (!second || strcmp(text_of(row, "method"), second) != 0) {
            check_method(results, claim, text_of(row, "method"), other, counts);
            checked++;
        }
    if (checked == 0) {
        printf("  there is no method\n");
        counts->missed++;
    }
}
