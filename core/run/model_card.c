// SPDX-License-Identifier: Apache-2.0
// out/model_card.md: one page about what was trained at the end - data, search, metrics with their spread,
// limits, how to load it.
#include "run/run.h"

#include "run/out.h"
#include "text/duration.h"
#include "text/stream.h"

#include <espalier/support/statistics.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *plugin_of(const struct part *part)
{
    return part->component ? part->component->id : "none";
}

static void write_data(FILE *page, const struct run *run)
{
    const esp_task *task = session_task(run->session);
    fprintf(page, "## Data\n\n`%s`", plugin_of(&run->experiment->dataset));
    if (task->kind == ESP_TASK_IMAGES)
        fprintf(page, ": images [%llu, %llu, %llu]", (unsigned long long)task->channels,
                (unsigned long long)task->height, (unsigned long long)task->width);
    else
        fprintf(page, ": rows of %llu columns", (unsigned long long)task->channels);
    fprintf(page, ", %llu classes.", (unsigned long long)task->classes);
    if (run->row.data_sha256)
        fprintf(page, " SHA-256 of the decoded data: `%s`.", run->row.data_sha256);
    fprintf(page,
            "\nThe search saw training and validation data. The models below were trained on both, "
            "from the start, and\nthe test data was read once, after each training.\n\n");
}

static void write_search(FILE *page, const struct run *run)
{
    const struct experiment *experiment = run->experiment;
    const struct metrics *metrics = &run->metrics;
    char elapsed[DURATION_SIZE];
    duration_text(elapsed, run->row.elapsed);
    fprintf(
        page,
        "## Search\n\nSpace `%s`, strategy `%s`, estimator `%s`, seed %llu: %llu trials, %llu of "
        "them failed, %s.\nSought:",
        plugin_of(&experiment->space), plugin_of(&experiment->strategy),
        plugin_of(&experiment->estimator), (unsigned long long)run->row.seed,
        (unsigned long long)run->trial_count, (unsigned long long)run->failed_count, elapsed);
    for (uint64_t i = 0; i < metrics->objective_count; i++)
        fprintf(page, "%s %s `%s`", i ? "," : "",
                metrics->objectives[i].sign < 0 ? "maximize" : "minimize",
                metrics->rows[metrics->objectives[i].position].name);
    fprintf(page,
            ". What was trained was chosen on validation alone. The whole configuration is in "
            "`config.ini`:\n`espalier run config.ini --out FOLDER` repeats the run.\n\n");
}

// The mean and spread of every metric over a trial's final trainings.
static void write_metrics(FILE *page, const struct final_row *rows, uint64_t count, uint64_t trial)
{
    json_t *first = NULL, *value;
    const char *name;
    double *values = calloc(count + 1, sizeof *values);
    for (uint64_t i = 0; i < count && !first; i++)
        if (rows[i].trial == trial && rows[i].state == TRIAL_DONE && rows[i].metrics)
            first = json_loads(rows[i].metrics, 0, NULL);
    fprintf(page, "| metric | n | mean | sd | each training |\n|---|---|---|---|---|\n");
    json_object_foreach (first, name, value) {
        uint64_t n = 0;
        for (uint64_t i = 0; values && i < count; i++) {
            if (rows[i].trial != trial || rows[i].state != TRIAL_DONE || !rows[i].metrics)
                continue;
            json_t *metrics = json_loads(rows[i].metrics, 0, NULL);
            json_t *own = json_object_get(metrics, name);
            if (json_is_number(own) && isfinite(json_number_value(own)))
                values[n++] = json_number_value(own);
            json_decref(metrics);
        }
        if (n == 0)
            continue;
        fprintf(page, "| %s | %llu | %.6g | ", name, (unsigned long long)n,
                esp_statistics_mean(values, n));
        if (n > 1)
            fprintf(page, "%.3g |", esp_statistics_sd(values, n));
        else
            fprintf(page, "not known |");
        for (uint64_t i = 0; i < n; i++)
            fprintf(page, "%s %.6g", i ? "," : "", values[i]);
        fprintf(page, " |\n");
    }
    json_decref(first);
    free(values);
}

static void write_trial(FILE *page, struct run *run, const struct final_row *rows, uint64_t count,
                        uint64_t trial)
{
    const char *text = NULL;
    struct error none;
    error_clear(&none);
    fprintf(page, "### Trial %llu\n\n", (unsigned long long)trial);
    if (builder_print(session_builder(run->session), run->trials[trial].arch, &text, &none) ==
        ESP_OK)
        fprintf(page, "Architecture `%s`, hash `%016llx`.\n\n", text,
                (unsigned long long)run->trials[trial].hash);
    else
        fprintf(page,
                "Architecture of hash `%016llx`; `espalier show . %llu` prints its decisions.\n\n",
                (unsigned long long)run->trials[trial].hash, (unsigned long long)trial);
    write_metrics(page, rows, count, trial);
    fprintf(page, "\n");
    for (uint64_t i = 0; i < count; i++)
        if (rows[i].trial == trial && rows[i].state == TRIAL_DONE)
            fprintf(page, "- seed %llu: `%s/model.onnx`, `%s/last.safetensors`%s\n",
                    (unsigned long long)rows[i].seed, rows[i].folder, rows[i].folder,
                    rows[i].test_read ? "" : " (the test data was not read)");
        else if (rows[i].trial == trial)
            fprintf(page, "- seed %llu: %s: %s\n", (unsigned long long)rows[i].seed,
                    trial_state_name(rows[i].state), rows[i].error ? rows[i].error : "");
    fprintf(page, "\n");
}

static void write_limits(FILE *page, const struct run *run, uint64_t seeds)
{
    fprintf(page, "## Limits\n\n"
                  "- Measured on the test split of one data set, drawn as its training data was: "
                  "nothing is known "
                  "of other\n  cameras, populations or times, of noise, or of inputs of none of "
                  "the classes.\n"
                  "- Logits are not calibrated: their softmax is no probability to rely on.\n");
    if (seeds < 2)
        fprintf(page,
                "- One training: how much another seed would differ is not known (`[final] seeds = "
                "3` tells).\n");
    else
        fprintf(
            page,
            "- The spread is over seeds of the final training; another search would find another "
            "architecture.\n");
    if (run->metrics.objective_count > 1)
        fprintf(page, "- Several objectives: the first decides what is called best.\n");
    fprintf(page, "- Mistakes are counted alike, whatever they would cost in use.\n\n");
}

static void write_loading(FILE *page, const struct run *run, const char *folder)
{
    const esp_task *task = session_task(run->session);
    bool images = task->kind == ESP_TASK_IMAGES;
    fprintf(page,
            "## Loading it\n\nThe normalisation is in the model: it takes %s.\n\n```python\n"
            "import numpy as np\nimport onnxruntime\n\n"
            "session = onnxruntime.InferenceSession(\"%s/model.onnx\")\n",
            images ? "images as values of 0 to 1 (bytes divided by 255; what is no bytes as the "
                     "data set gives it)"
                   : "rows as the data set gives them",
            folder);
    if (images)
        fprintf(
            page,
            "image = np.zeros((1, %llu, %llu, %llu), dtype=np.float32)  # [N, channels, height, "
            "width]\n",
            (unsigned long long)task->channels, (unsigned long long)task->height,
            (unsigned long long)task->width);
    else
        fprintf(page, "image = np.zeros((1, %llu), dtype=np.float32)  # [N, columns]\n",
                (unsigned long long)task->channels);
    fprintf(page,
            "logits, = session.run([\"logits\"], {\"image\": image})  # [N, %llu]\n"
            "print(logits.argmax(axis=1))\n```\n",
            (unsigned long long)task->classes);
}

esp_status run_model_card(struct run *run, const struct final_row *rows, uint64_t count,
                          struct error *error)
{
    char *text = NULL;
    size_t size = 0;
    uint64_t seeds = 0;
    const char *folder = NULL;
    FILE *page = open_memstream(&text, &size);
    if (!page)
        return error_memory(error);
    for (uint64_t i = 0; i < count; i++) {
        seeds += rows[i].state == TRIAL_DONE && rows[i].trial == rows[0].trial;
        folder = folder || rows[i].state != TRIAL_DONE ? folder : rows[i].folder;
    }
    fprintf(page, "# Model card: %s\n\nMade by Espalier %s.\n\n", run->row.name, ESPALIER_VERSION);
    write_data(page, run);
    write_search(page, run);
    fprintf(page, "## Results of the final trainings\n\n");
    for (uint64_t i = 0; i < count; i++) {
        bool before = rows[i].trial >= run->trial_count || !run->trials[rows[i].trial].arch;
        for (uint64_t j = 0; j < i && !before; j++)
            before = rows[j].trial == rows[i].trial;
        if (!before)
            write_trial(page, run, rows, count, rows[i].trial);
    }
    write_limits(page, run, seeds);
    if (folder)
        write_loading(page, run, folder);
    text = text_stream_close(page, &text);
    if (!text)
        return error_memory(error);
    esp_status status = out_write(run->out, "model_card.md", text, error);
    free(text);
    return status;
}
