// SPDX-License-Identifier: Apache-2.0
// The report page: one HTML file with the data of a study, the scripts and styles that show them and
// Chart.js, so that it works from a disk without a network.
//
// page.c puts the file together; page_study.c, page_trials.c and page_curves.c make the data as JSON,
// page_notes.c the remarks that stand above them; the *.html, *.css and *.js beside are embedded when
// the program is built (assets.h).
#ifndef REPORT_PAGE_PAGE_H
#define REPORT_PAGE_PAGE_H

#include "report/learning_curves.h"
#include "report/study.h"
#include "report/trial_table.h"

#include <jansson.h>

struct page {
    const struct study *study; // labelled
    const struct trial_table *table;
    const char *reference; // as comparison_make has it
    // [{"row", "cells": bool, "svg": text or null}] of the table's best architectures; may be NULL.
    json_t *drawings;
    const char *drawings_missing; // why some are not drawn, for a person; NULL
};

// Writes the page to `path`, aside at first. ESP_ERROR_NOT_FOUND with what to install where Chart.js
// is neither embedded nor installed; ESP_ERROR_INVALID where no run has begun.
esp_status page_write(const struct page *page, const char *path, struct error *error);

// ---- The data, by section. Each answers NULL with the error set. Owner: the caller. ------------

// Objectives, methods with their configurations, comparison, progression, runs.
json_t *page_study_json(const struct page *page, struct error *error);
// The trials, a column each.
json_t *page_trials_json(const struct page *page, struct error *error);
// Learning curves, and the rank correlations.
json_t *page_curves_json(const struct page *page, struct error *error);
// What a reader must know: runs that go on or failed, missing trials, values that are no numbers.
json_t *page_notes_json(const struct page *page, struct error *error);

// A number: null where it is not finite, an integer where it is one.
json_t *page_number(double value);
// A text, of which bytes that are no UTF-8 become question marks; null for NULL.
json_t *page_text(const char *text);
// The array, or the one value that all its elements have. Takes the reference.
json_t *page_column(json_t *array);

#endif
