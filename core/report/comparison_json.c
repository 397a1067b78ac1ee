// SPDX-License-Identifier: Apache-2.0
// A comparison as JSON. A value that is not finite is null.
#include "report/comparison.h"

#include <math.h>
#include <string.h>

static json_t *real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *sample_json(const struct comparison_sample *sample)
{
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "n", (json_int_t)sample->n, "mean",
                     real(sample->mean), "sd", real(sample->sd), "median", real(sample->median),
                     "q1", real(sample->q1), "q3", real(sample->q3), "low", real(sample->low),
                     "high", real(sample->high));
}

static const char *axis_name(enum study_axis axis)
{
    static const char *const names[] = {"end", "trials", "seconds", "cost"};
    return names[axis];
}

static json_t *objectives_json(const struct comparison *comparison)
{
    json_t *list = json_array();
    for (uint64_t i = 0; i < comparison->study->objective_count; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:b, s:o}", "metric", comparison->study->objectives[i].metric,
                            "maximize", comparison->study->objectives[i].maximize, "reference",
                            comparison->reference ? real(comparison->reference[i]) : json_null()));
    return list;
}

static json_t *differences_json(const struct study *study, struct error *error)
{
    struct study_difference *list;
    uint64_t count;
    if (study_differences(study, &list, &count, error) != ESP_OK)
        return NULL;
    json_t *all = json_array();
    for (uint64_t i = 0; i < count; i++) {
        json_t *values = json_object();
        for (uint64_t j = 0; j < study->method_count; j++)
            json_object_set_new(values, study->methods[j].label,
                                list[i].values[j] ? json_string(list[i].values[j]) : json_null());
        json_array_append_new(all, json_pack("{s:s, s:o}", "key", list[i].key, "values", values));
    }
    study_differences_destroy(list, count, study);
    return all;
}

static json_t *runs_json(const struct comparison *comparison)
{
    const struct study *study = comparison->study;
    static const struct study_point end = {STUDY_END, 0};
    json_t *list = json_array();
    for (uint64_t i = 0; i < study->run_count; i++) {
        const struct study_run *run = &study->runs[i];
        const struct study_step *best = study_chosen(study, run, &end);
        json_t *values = json_array();
        for (uint64_t j = 0; j < comparison->point_count; j++)
            json_array_append_new(values, real(comparison->values[j * study->run_count + i]));
        json_array_append_new(
            list,
            json_pack(
                "{s:s, s:s, s:o, s:o, s:s, s:s?, s:I, s:I, s:f, s:o, s:b, s:o, s:o}", "source",
                run->source, "name", run->name, "seed",
                run->has_seed ? json_integer((json_int_t)run->seed) : json_null(), "method",
                run->method != STUDY_NO_METHOD ? json_string(study->methods[run->method].label)
                                               : json_null(),
                "state", run->state, "reason", run->reason, "trials", (json_int_t)run->trials,
                "failed", (json_int_t)run->failed, "seconds", run->seconds, "cost", real(run->cost),
                "partial", run->partial, "best",
                best ? json_integer((json_int_t)best->trial) : json_null(), "values", values));
    }
    return list;
}

static json_t *cell_json(const struct comparison *comparison, const struct comparison_cell *cell,
                         const char *label)
{
    json_t *tests = json_object(), *json = sample_json(&cell->value);
    for (uint64_t i = 0; i < comparison->test_count; i++)
        json_object_set_new(tests, comparison->tests[i], sample_json(&cell->tests[i]));
    json_object_set_new(json, "method", json_string(label));
    json_object_set_new(json, "without", json_integer((json_int_t)cell->without));
    json_object_set_new(json, "carried", json_integer((json_int_t)cell->carried));
    json_object_set_new(json, "rank", real(cell->rank));
    json_object_set_new(json, "rank_n", json_integer((json_int_t)cell->rank_n));
    json_object_set_new(json, "test", tests);
    return json;
}

static json_t *point_json(const struct comparison *comparison, uint64_t place)
{
    const struct study *study = comparison->study;
    json_t *methods = json_array(), *pairs = json_array();
    for (uint64_t i = 0; i < study->method_count; i++)
        json_array_append_new(
            methods, cell_json(comparison, &comparison->cells[place * study->method_count + i],
                               study->methods[i].label));
    for (uint64_t i = 0; i < comparison->pair_count; i++) {
        const struct comparison_pair *pair = &comparison->pairs[place * comparison->pair_count + i];
        json_array_append_new(
            pairs, json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:b, s:o}", "a",
                             study->methods[pair->a].label, "b", study->methods[pair->b].label,
                             "n_a", (json_int_t)pair->a_n, "n_b", (json_int_t)pair->b_n, "w",
                             real(pair->statistic), "p", real(pair->p), "p_holm", real(pair->holm),
                             "exact", pair->exact, "a12", real(pair->a12)));
    }
    const struct study_point *point = &comparison->points[place];
    return json_pack("{s:s, s:o, s:o, s:o}", "axis", axis_name(point->axis), "at",
                     point->axis == STUDY_END ? json_null() : json_real(point->at), "methods",
                     methods, "pairs", pairs);
}

json_t *comparison_json(const struct comparison *comparison, struct error *error)
{
    json_t *differences = differences_json(comparison->study, error), *points = json_array();
    if (!differences) {
        json_decref(points);
        return NULL;
    }
    for (uint64_t i = 0; i < comparison->point_count; i++)
        json_array_append_new(points, point_json(comparison, i));
    json_t *json =
        json_pack("{s:s, s:o, s:s?, s:o, s:o, s:o}", "statistic",
                  comparison->reference ? "hypervolume" : "best_so_far", "objectives",
                  objectives_json(comparison), "space", comparison->study->space, "differences",
                  differences, "runs", runs_json(comparison), "points", points);
    if (!json)
        error_memory(error);
    return json;
}
