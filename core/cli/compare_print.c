// SPDX-License-Identifier: Apache-2.0
// A comparison as tables for a terminal.
#include "cli/compare.h"
#include "cli/output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_SIZE 32

// "-" where there is none.
static const char *number(char text[NUMBER_SIZE], double value)
{
    snprintf(text, NUMBER_SIZE, isfinite(value) ? "%.6g" : "-", value);
    return text;
}

static const char *p_value(char text[NUMBER_SIZE], double p)
{
    snprintf(text, NUMBER_SIZE, !isfinite(p) ? "-" : p < 1e-4 ? "%.1e" : "%.4f", p);
    return text;
}

static void print_head(const struct comparison *comparison)
{
    const struct study *study = comparison->study;
    printf("%llu runs, %llu methods", (unsigned long long)study->run_count,
           (unsigned long long)study->method_count);
    if (study->space)
        printf(", space %s", study->space);
    printf("; ");
    for (uint64_t i = 0; i < study->objective_count; i++)
        printf("%s%s %s", i ? ", " : "", study->objectives[i].maximize ? "maximize" : "minimize",
               study->objectives[i].metric);
    printf("\n");
    if (!comparison->reference)
        return;
    printf("The values are hypervolumes (larger is better) up to ");
    for (uint64_t i = 0; i < study->objective_count; i++)
        printf("%s%s = %.6g", i ? ", " : "", study->objectives[i].metric, comparison->reference[i]);
    printf(
        comparison->reference_said
            ? "\n"
            : ",\nthe worst values that any of these runs improved on; --reference sets others\n");
}

// "50 (random, rs2), 100 (regularized_evolution)"; each value once.
static void print_values(const struct study *study, const struct study_difference *difference)
{
    for (uint64_t i = 0, shown = 0; i < study->method_count; i++) {
        const char *value = difference->values[i];
        bool before = !value;
        for (uint64_t j = 0; j < i && !before; j++)
            before = difference->values[j] && strcmp(difference->values[j], value) == 0;
        if (before)
            continue;
        uint64_t holders = 0;
        for (uint64_t j = i; j < study->method_count; j++)
            holders += difference->values[j] && strcmp(difference->values[j], value) == 0;
        printf("%s%s", shown++ ? ", " : "", value);
        if (holders > 1) {
            printf(" (%llu methods)", (unsigned long long)holders);
            continue;
        }
        printf(" (%s)", study->methods[i].label);
    }
    printf("\n");
}

static esp_status print_differences(const struct study *study, struct error *error)
{
    struct study_difference *list;
    uint64_t count;
    esp_status status = study_differences(study, &list, &count, error);
    if (status != ESP_OK)
        return status;
    if (count > 0)
        printf("\nBesides [strategy] and the seed the methods differ in\n");
    for (uint64_t i = 0; i < count; i++) {
        printf("  %s: ", list[i].key);
        print_values(study, &list[i]);
    }
    study_differences_destroy(list, count, study);
    return ESP_OK;
}

static esp_status print_unfinished(const struct study *study, struct error *error)
{
    struct output_table table = {0};
    for (uint64_t i = 0; i < study->run_count; i++) {
        const struct study_run *run = &study->runs[i];
        bool empty = run->step_count == 0;
        if (run->complete && !empty && !run->partial)
            continue;
        output_row(&table);
        output_cell(&table, "  %s", run->source);
        output_cell(&table, "%s", run->state);
        output_cell(&table, "%llu trials", (unsigned long long)run->trials);
        output_cell(
            &table, "%s%s%s%s", run->reason ? run->reason : "",
            run->reason && (empty || run->partial) ? "; " : "", empty ? "no result: not in n" : "",
            run->partial ? "no trial at the full fidelity: those of the largest cost count" : "");
    }
    if (table.count > 0)
        printf("\nNot finished, or without a full result (what they found counts)\n");
    esp_status status = table.count > 0 ? output_print(&table, error) : ESP_OK;
    output_destroy(&table);
    return status;
}

static void print_point(const struct study_point *point)
{
    switch (point->axis) {
    case STUDY_TRIALS:
        printf("\nAfter %.15g trials\n", point->at);
        break;
    case STUDY_SECONDS:
        printf("\nAfter %.15g seconds\n", point->at);
        break;
    case STUDY_COST:
        printf("\nAfter a cost of %.15g\n", point->at);
        break;
    default:
        printf("\nAt the end\n");
    }
}

static void add_sample(struct output_table *table, const struct comparison_sample *sample)
{
    char a[NUMBER_SIZE], b[NUMBER_SIZE];
    output_cell(table, "%llu", (unsigned long long)sample->n);
    output_cell(table, "%s", number(a, sample->mean));
    output_cell(table, "%s", number(a, sample->sd));
    output_cell(table, "%s", number(a, sample->median));
    output_cell(table, "%s .. %s", number(a, sample->q1), number(b, sample->q3));
    output_cell(table, "%s .. %s", number(a, sample->low), number(b, sample->high));
}

static void add_header(struct output_table *table, const char *first, const char *last)
{
    static const char *const names[] = {"n",      "mean",      "sd",
                                        "median", "quartiles", "95 % of the mean"};
    output_row(table);
    output_cell(table, "%s", first);
    for (size_t i = 0; i < ESP_COUNT(names); i++)
        output_cell(table, "%s", names[i]);
    output_cell(table, "%s", last);
}

static const struct comparison_cell *cells_of(const struct comparison *comparison, uint64_t point)
{
    return comparison->cells + point * comparison->study->method_count;
}

// Methods, best mean first; those without a value last. An insertion sort. Owner: the caller (free).
static uint64_t *order_methods(const struct comparison *comparison, uint64_t point)
{
    uint64_t count = comparison->study->method_count;
    const struct comparison_cell *cells = cells_of(comparison, point);
    uint64_t *order = malloc((count + 1) * sizeof *order);
    double sign = comparison_maximizes(comparison) ? -1.0 : 1.0;
    for (uint64_t i = 0; order && i < count; i++) {
        double mean = isnan(cells[i].value.mean) ? INFINITY : sign * cells[i].value.mean;
        uint64_t at = i;
        for (; at > 0; at--) {
            double other = cells[order[at - 1]].value.mean;
            if ((isnan(other) ? INFINITY : sign * other) <= mean)
                break;
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    return order;
}

static esp_status print_methods(const struct comparison *comparison, uint64_t point,
                                const uint64_t *order, struct error *error)
{
    const struct study *study = comparison->study;
    const struct comparison_cell *cells = cells_of(comparison, point);
    struct output_table table = {0};
    char text[NUMBER_SIZE];
    add_header(&table, "method", "mean rank");
    for (uint64_t i = 0; i < study->method_count; i++) {
        const struct comparison_cell *cell = &cells[order[i]];
        output_row(&table);
        output_cell(&table, "%s", study->methods[order[i]].label);
        add_sample(&table, &cell->value);
        if (cell->rank_n)
            output_cell(&table, "%s (%llu seeds)", number(text, cell->rank),
                        (unsigned long long)cell->rank_n);
        else
            output_cell(&table, "-");
    }
    esp_status status = output_print(&table, error);
    output_destroy(&table);
    for (uint64_t i = 0; i < study->method_count; i++) {
        const struct comparison_cell *cell = &cells[order[i]];
        const char *label = study->methods[order[i]].label;
        if (cell->without > 0)
            printf("  %s: %llu of %llu runs had found nothing by then and are not in n\n", label,
                   (unsigned long long)cell->without,
                   (unsigned long long)study->methods[order[i]].runs);
        if (cell->carried > 0)
            printf("  %s: %llu runs ended before; their last value is carried forward\n", label,
                   (unsigned long long)cell->carried);
    }
    return status;
}

static esp_status print_tests(const struct comparison *comparison, uint64_t point,
                              const uint64_t *order, struct error *error)
{
    const struct comparison_cell *cells = cells_of(comparison, point);
    esp_status status = ESP_OK;
    for (uint64_t k = 0; k < comparison->test_count && status == ESP_OK; k++) {
        struct output_table table = {0};
        char head[128];
        snprintf(head, sizeof head, "%s", comparison->tests[k]);
        if (k == 0)
            printf("\nOf the architectures chosen by then, not seen by the searches\n");
        else
            printf("\n");
        add_header(&table, head, "");
        for (uint64_t i = 0; i < comparison->study->method_count; i++) {
            output_row(&table);
            output_cell(&table, "%s", comparison->study->methods[order[i]].label);
            add_sample(&table, &cells[order[i]].tests[k]);
        }
        status = output_print(&table, error);
        output_destroy(&table);
    }
    return status;
}

static esp_status print_pairs(const struct comparison *comparison, uint64_t point,
                              struct error *error)
{
    const struct study *study = comparison->study;
    struct output_table table = {0};
    if (study->method_count > COMPARISON_MOST_TESTED)
        printf("\nMore than %d methods: no tests between them\n", COMPARISON_MOST_TESTED);
    if (comparison->pair_count == 0)
        return ESP_OK;
    printf(
        "\nMann-Whitney, two-sided, Holm's correction over %llu pairs; A: the chance that a run of "
        "the first is better\n",
        (unsigned long long)comparison->pair_count);
    output_row(&table);
    static const char *const names[] = {"first", "second", "n", "W", "p", "p (Holm)", "A"};
    for (size_t i = 0; i < ESP_COUNT(names); i++)
        output_cell(&table, "%s", names[i]);
    for (uint64_t i = 0; i < comparison->pair_count; i++) {
        const struct comparison_pair *pair = &comparison->pairs[point * comparison->pair_count + i];
        char text[NUMBER_SIZE];
        output_row(&table);
        output_cell(&table, "%s", study->methods[pair->a].label);
        output_cell(&table, "%s", study->methods[pair->b].label);
        output_cell(&table, "%llu, %llu", (unsigned long long)pair->a_n,
                    (unsigned long long)pair->b_n);
        output_cell(&table, "%s", number(text, pair->statistic));
        output_cell(&table, "%s", p_value(text, pair->p));
        output_cell(&table, "%s", p_value(text, pair->holm));
        output_cell(&table, isfinite(pair->a12) ? "%.3f" : "-", pair->a12);
    }
    esp_status status = output_print(&table, error);
    output_destroy(&table);
    return status;
}

esp_status compare_print(const struct comparison *comparison, struct error *error)
{
    print_head(comparison);
    esp_status status = print_differences(comparison->study, error);
    if (status == ESP_OK)
        status = print_unfinished(comparison->study, error);
    for (uint64_t i = 0; status == ESP_OK && i < comparison->point_count; i++) {
        uint64_t *order = order_methods(comparison, i);
        if (!order)
            return error_memory(error);
        print_point(&comparison->points[i]);
        status = print_methods(comparison, i, order, error);
        if (status == ESP_OK)
            status = print_tests(comparison, i, order, error);
        if (status == ESP_OK)
            status = print_pairs(comparison, i, error);
        free(order);
    }
    return status == ESP_OK ? output_flush(error) : status;
}
