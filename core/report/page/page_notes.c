// SPDX-License-Identifier: Apache-2.0
// What a reader of the page must know before the plots: each remark a sentence.
#include "report/page/page.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMED_MOST 5 // runs that a remark names

struct notes {
    json_t *list;
    bool incomplete;
};

ESP_PRINTF(3, 4)
static void add(struct notes *notes, const char *level, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    json_t *note =
        length >= 0 ? json_pack("{s:s, s:o}", "level", level, "text", page_text(text)) : NULL;
    if (!note || json_array_append_new(notes->list, note) != 0)
        notes->incomplete = true;
    if (length >= 0)
        free(text);
}

// "a (why), b (why) and 3 more". Owner: the caller (free).
static char *list_runs(const struct study *study, const char *state, uint64_t *count)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    *count = 0;
    for (uint64_t i = 0; file && i < study->run_count; i++) {
        const struct study_run *run = &study->runs[i];
        if (strcmp(run->state, state) != 0)
            continue;
        if (++*count > NAMED_MOST)
            continue;
        fprintf(file, "%s%s", *count > 1 ? ", " : "", run->name);
        if (run->reason)
            fprintf(file, " (%s)", run->reason);
    }
    if (file && *count > NAMED_MOST)
        fprintf(file, " and %llu more", (unsigned long long)(*count - NAMED_MOST));
    if (!file || fclose(file) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static void note_states(struct notes *notes, const struct study *study)
{
    static const struct {
        const char *state, *level, *one, *many;
    } states[] = {
        {"running", "info", "This run was still going when the page was written",
         "runs were still going when the page was written"},
        {"interrupted", "warning", "This run was interrupted; --resume goes on with it",
         "runs were interrupted; --resume goes on with them"},
        {"failed", "error", "This run failed", "runs failed"},
        {"waiting", "info", "This run has not begun", "runs have not begun"},
        {"empty", "warning", "This run's store is empty", "runs have an empty store"},
    };
    for (size_t i = 0; i < ESP_COUNT(states); i++) {
        uint64_t count;
        char *runs = list_runs(study, states[i].state, &count);
        if (!runs) {
            notes->incomplete = true;
        } else if (count == 1 && study->run_count == 1) {
            const char *reason = study->runs[0].reason;
            add(notes, states[i].level, "%s%s%s.", states[i].one, reason ? ": " : "",
                reason ? reason : "");
        } else if (count > 0) {
            add(notes, states[i].level, "%llu of %llu %s: %s.", (unsigned long long)count,
                (unsigned long long)study->run_count, states[i].many, runs);
        }
        free(runs);
    }
}

static void note_results(struct notes *notes, const struct study *study)
{
    uint64_t empty = 0, partial = 0, failed = 0, trials = 0;
    for (uint64_t i = 0; i < study->run_count; i++) {
        const struct study_run *run = &study->runs[i];
        empty += run->step_count == 0;
        partial += run->partial;
        failed += run->failed;
        trials += run->trials;
    }
    if (empty == study->run_count)
        add(notes, "warning",
            "No trial was completed with a result: there is no best, and the plots are empty. The "
            "table of trials says what became of each.");
    else if (empty > 0)
        add(notes, "warning", "%llu of %llu runs found nothing: they are in no statistic.",
            (unsigned long long)empty, (unsigned long long)study->run_count);
    if (partial > 0)
        add(notes, "info",
            "In %llu of %llu runs no trial had the full fidelity: those of the largest cost count "
            "instead.",
            (unsigned long long)partial, (unsigned long long)study->run_count);
    if (failed > 0)
        add(notes, "info", "%llu of %llu trials failed or were lost.", (unsigned long long)failed,
            (unsigned long long)trials);
}

// Done, and yet an objective is no number.
static void note_values(struct notes *notes, const struct page *page)
{
    for (uint64_t i = 0; i < page->study->objective_count; i++) {
        const char *name = page->study->objectives[i].metric;
        int64_t metric = trial_table_metric(page->table, name);
        uint64_t count = 0;
        for (uint64_t row = 0; metric >= 0 && row < page->table->count; row++)
            count += trial_table_trial(page->table, row)->state == TRIAL_DONE &&
                     !isfinite(trial_table_value(page->table, row, (uint64_t)metric));
        if (count > 0)
            add(notes, "warning",
                "%llu trials ended with a %s that is no finite number: they are in the table and "
                "in "
                "no plot.",
                (unsigned long long)count, name);
    }
}

static void note_extent(struct notes *notes, const struct page *page)
{
    uint64_t rows = 0;
    for (uint64_t i = 0; i < page->study->method_count; i++)
        rows += page->study->methods[i].config == NULL ? page->study->methods[i].runs : 0;
    if (rows > 0)
        add(notes, "info",
            "%llu runs come from a CSV: they stand in the comparison alone, for it has no "
            "architectures, curves or configuration to show.",
            (unsigned long long)rows);
    if (page->table->left_out > 0)
        add(notes, "info",
            "The page shows %llu trials one by one; %llu more count in the comparison alone "
            "(of several runs the best of each method are shown first).",
            (unsigned long long)page->table->count, (unsigned long long)page->table->left_out);
    if (page->study->objective_count > 3)
        add(notes, "info",
            "With more than three objectives runs are not compared: no single number stands for "
            "what each found.");
}

json_t *page_notes_json(const struct page *page, struct error *error)
{
    struct notes notes = {json_array(), false};
    note_states(&notes, page->study);
    note_results(&notes, page->study);
    note_values(&notes, page);
    note_extent(&notes, page);
    if (!notes.list || notes.incomplete) {
        json_decref(notes.list);
        error_memory(error);
        return NULL;
    }
    return notes.list;
}
