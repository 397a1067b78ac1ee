// SPDX-License-Identifier: Apache-2.0
// Drawings of a report's best architectures; see report_drawings.h.
#include "cli/report_drawings.h"

#include "builder/structure.h"
#include "cli/trial.h"
#include "report/page/graphviz.h"
#include "report/page/page.h"

#include <stdlib.h>
#include <string.h>

#define SECONDS_MOST 10.0 // of one drawing
#define NODES_MOST 400    // of a network that is drawn whole: a larger one tells a reader nothing

// ---- Which ------------------------------------------------------------------------------------

static bool has_hash(const struct trial_table *table, const uint64_t *rows, uint64_t count,
                     uint64_t row)
{
    for (uint64_t i = 0; i < count; i++)
        if (trial_table_trial(table, rows[i])->hash == trial_table_trial(table, row)->hash)
            return true;
    return false;
}

// The best first; of several objectives those of the fronts.
static uint64_t choose(uint64_t *out, const struct trial_table *table, const struct study *study,
                       const uint64_t *best, uint64_t best_count, uint64_t most)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < best_count && count < most; i++)
        if ((study->objective_count == 1 || table->rows[best[i]].front) &&
            !has_hash(table, out, count, best[i]))
            out[count++] = best[i];
    return count;
}

// ---- One --------------------------------------------------------------------------------------

// A run's space, opened once for its trials.
struct opened {
    uint64_t source; // of the table
    bool is_open;
    struct loaded loaded;
    struct session *session;
};

static void close_run(struct opened *opened)
{
    session_destroy(opened->session);
    loaded_close(&opened->loaded);
    memset(opened, 0, sizeof *opened);
}

static esp_status open_run(struct opened *opened, const struct trial_table *table, uint64_t source,
                           struct options *options, struct error *error)
{
    if (opened->is_open && opened->source == source)
        return ESP_OK;
    close_run(opened);
    const struct results *results = &table->runs[source].results;
    esp_status status =
        loaded_open_text(&opened->loaded, results->row.config, results->folder, options, error);
    if (status == ESP_OK)
        status = session_create(&opened->session, opened->loaded.experiment, false, error);
    opened->source = source;
    opened->is_open = status == ESP_OK;
    return status;
}

static esp_status make_drawing(char **out, struct builder *builder, const struct arch *arch,
                               bool cells, struct error *error)
{
    struct graph *graph = NULL;
    if (cells) { // there may be no graph: a recurrent network
        *out = arch_drawing(builder, arch, NULL, "cells", "", error);
        return *out ? ESP_OK : error->status;
    }
    esp_status status = builder_build(builder, arch, &graph, error);
    uint64_t nodes = status == ESP_OK ? esp_graph_node_count(graph_handle(graph)) : 0;
    if (status == ESP_OK && nodes > NODES_MOST)
        status = error_set(error, ESP_ERROR_UNSUPPORTED,
                           "a network of %llu operators is too large for a drawing",
                           (unsigned long long)nodes);
    if (status == ESP_OK) {
        *out = arch_drawing(builder, arch, graph_handle(graph), "dot", "", error);
        status = *out ? ESP_OK : error->status;
    }
    graph_destroy(graph);
    return status;
}

static esp_status draw(json_t *entry, struct opened *opened, const struct trial_table *table,
                       uint64_t row, struct error *error)
{
    struct arch *arch = NULL;
    struct arch_words words = {0};
    char *drawing = NULL, *svg = NULL;
    struct builder *builder = session_builder(opened->session);
    const struct results *results = &table->runs[opened->source].results;
    bool cells = builder_has_structure(builder);
    esp_status status =
        trial_arch(&arch, opened->session, results, trial_table_trial(table, row), error);
    if (status == ESP_OK)
        status = arch_words(&words, builder, arch, error);
    if (status == ESP_OK) {
        json_object_set_new(entry, "text", page_text(words.text));
        status = make_drawing(&drawing, builder, arch, cells, error);
    }
    if (status == ESP_OK)
        status = graphviz_svg(&svg, drawing, SECONDS_MOST, error);
    if (status == ESP_OK) {
        json_object_set_new(entry, "cells", json_boolean(cells));
        json_object_set_new(entry, "svg", page_text(svg));
    }
    free(svg);
    free(drawing);
    arch_words_destroy(&words);
    arch_release(arch);
    return status;
}

esp_status report_drawings(json_t **out, char **missing, const struct trial_table *table,
                           const struct study *study, struct options *options, uint64_t most,
                           struct error *error)
{
    struct opened opened = {0};
    uint64_t best_count = 0;
    uint64_t *best = trial_table_best(table, study, &best_count, error);
    uint64_t *rows = malloc((most + 1) * sizeof *rows);
    *missing = NULL;
    *out = json_array();
    if (!best || !rows || !*out) {
        free(best);
        free(rows);
        return error_memory(error);
    }
    uint64_t count = choose(rows, table, study, best, best_count, most);
    for (uint64_t i = 0; i < count; i++) {
        struct error words;
        error_clear(&words);
        json_t *entry = json_pack("{s:I, s:b, s:n}", "row", (json_int_t)rows[i], "cells", 0, "svg");
        esp_status status = open_run(&opened, table, table->rows[rows[i]].source, options, &words);
        if (status == ESP_OK)
            status = draw(entry, &opened, table, rows[i], &words);
        if (status != ESP_OK && !*missing)
            *missing = strdup(words.message);
        json_array_append_new(*out, entry);
    }
    close_run(&opened);
    free(best);
    free(rows);
    return ESP_OK;
}
