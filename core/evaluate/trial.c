// SPDX-License-Identifier: Apache-2.0
// The evaluation of one trial, from its specification to its result; and the short way of the cheap.
#include "evaluate/session.h"

#include "evaluate/evaluation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static esp_status read_arch(struct session *session, const struct specification *specification,
                            struct arch **out, struct error *error)
{
    struct written_arch written = {0};
    char hash[17];
    esp_status status = written_arch_parse(&written, specification->arch, error);
    if (status == ESP_OK)
        status = builder_read(session_builder(session), &written, out, error);
    written_arch_destroy(&written);
    if (status != ESP_OK)
        return status;
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)arch_hash(*out));
    if (strcmp(hash, specification->hash) != 0)
        return error_set(error, ESP_ERROR_DATA,
                         "the architecture has the hash %s here and %s where it was made", hash,
                         specification->hash);
    return ESP_OK;
}

// The metrics that were set, then those of the host.
static esp_status take_metrics(struct evaluation *e)
{
    const char *row = (const char *)e->info->metrics;
    esp_status status = evaluation_build(e);
    for (uint64_t i = 0; status == ESP_OK && i < e->info->metric_count;
         i++, row += e->info->metric_stride)
        if (!isnan(e->metrics[i]))
            status = result_set_metric(e->result, ((const esp_metric *)(const void *)row)->name,
                                       e->metrics[i], e->error);
    if (status == ESP_OK)
        status = result_set_metric(e->result, "params",
                                   (double)esp_graph_params(graph_handle(e->graph)), e->error);
    if (status == ESP_OK)
        status = result_set_metric(e->result, "macs",
                                   (double)esp_graph_macs(graph_handle(e->graph)), e->error);
    return status;
}

static esp_status evaluate(struct evaluation *e)
{
    const struct specification *s = e->specification;
    esp_status status = read_arch(e->session, s, &e->arch, e->error);
    if (status == ESP_OK)
        status = session_setting(e->session, e->arch, s->purpose == PURPOSE_FINAL, s->fidelity,
                                 s->fidelity_count, &e->setting, e->error);
    if (status != ESP_OK)
        return status;
    double *metrics = calloc(e->setting->info->metric_count + 1, sizeof *metrics);
    if (!metrics)
        return error_memory(e->error);
    status = evaluation_run(e, metrics);
    if (status == ESP_OK)
        status = take_metrics(e);
    if (status == ESP_OK)
        status = evaluation_write_curve(e);
    free(metrics);
    return status;
}

esp_status session_evaluate(struct session *session, const struct specification *specification,
                            progress_function progress, void *progress_self, struct result *result,
                            struct error *error)
{
    struct error words;
    (void)error;
    error_clear(&words);
    memset(result, 0, sizeof *result);
    struct evaluation e = {.error = &words,
                           .session = session,
                           .specification = specification,
                           .seed = specification->seed,
                           .lineage = specification->lineage,
                           .result = result,
                           .progress = progress,
                           .progress_self = progress_self};
    evaluation_begin(&e);
    esp_status status = evaluate(&e);
    result->seconds = monotonic_seconds() - e.began;
    result->status = e.stopped ? ESP_OUTCOME_STOPPED : ESP_OUTCOME_DONE;
    if (status != ESP_OK) {
        result_destroy(result);
        result->status = ESP_OUTCOME_FAILED;
        result->halt = words.disk;
        error_ensure(&words, status, "the evaluation");
        snprintf(result->error, sizeof result->error, "%s", words.message);
    }
    evaluation_end(&e);
    arch_release(e.arch);
    return ESP_OK;
}

esp_status session_evaluate_cheap(struct session *session, struct arch *arch, uint64_t lineage,
                                  const struct fidelity *fidelity, uint64_t fidelity_count,
                                  double *metrics, struct error *error)
{
    struct evaluation e = {.error = error,
                           .session = session,
                           .arch = arch,
                           .seed = session_experiment(session)->seed,
                           .lineage = lineage};
    evaluation_begin(&e);
    esp_status status =
        session_setting(session, arch, false, fidelity, fidelity_count, &e.setting, error);
    if (status == ESP_OK)
        status = evaluation_run(&e, metrics);
    evaluation_end(&e);
    return status;
}

esp_status session_counts(struct session *session, const struct arch *arch, uint64_t *params,
                          uint64_t *macs, struct error *error)
{
    struct graph *graph = NULL;
    esp_status status = builder_build(session_builder(session), arch, &graph, error);
    if (status == ESP_OK) {
        *params = esp_graph_params(graph_handle(graph));
        *macs = esp_graph_macs(graph_handle(graph));
    }
    graph_destroy(graph);
    return status;
}
