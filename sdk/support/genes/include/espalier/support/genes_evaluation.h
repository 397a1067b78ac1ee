// SPDX-License-Identifier: Apache-2.0
// For estimators that try the network of a genome: from the trial to the network.
#ifndef ESPALIER_SUPPORT_GENES_EVALUATION_H
#define ESPALIER_SUPPORT_GENES_EVALUATION_H

#include <espalier/estimator.h>
#include <espalier/support/genes.h>

#ifdef __cplusplus
extern "C" {
#endif

// The network of the trial's genome (esp_neat_network_free). A genome of other inputs and outputs is
// ESP_ERROR_DATA: the space does not fit the task, and no trial will. `counts`, where given: hidden nodes,
// and enabled connections.
static inline esp_status esp_neat_network_open(esp_neat_network *out, esp_evaluation *e,
                                               uint32_t inputs, uint32_t outputs, uint64_t *counts)
{
    char reason[256] = "";
    uint64_t size, i;
    const void *bytes = esp_arch_genome(esp_evaluation_arch(e), &size);
    esp_genes genes;
    esp_status status = esp_genes_read(&genes, bytes, size, reason, sizeof reason);
    if (status != ESP_OK)
        return esp_fail(e, status, "the genome is none: %s", reason);
    if (genes.inputs != inputs || genes.outputs != outputs) {
        esp_fail(
            e, ESP_ERROR_DATA,
            "the task has %u inputs and %u outputs, the genome %u and %u: say [space] inputs = "
            "%u, outputs = %u",
            inputs, outputs, genes.inputs, genes.outputs, inputs, outputs);
        esp_genes_free(&genes);
        return ESP_ERROR_DATA;
    }
    if (counts) {
        counts[0] = genes.hidden_count;
        counts[1] = 0;
        for (i = 0; i < genes.count; i++)
            counts[1] += genes.genes[i].enabled;
    }
    status = esp_neat_network_create(out, &genes);
    esp_genes_free(&genes);
    return status == ESP_OK ? ESP_OK : esp_fail(e, status, "out of memory");
}

#ifdef __cplusplus
}
#endif

#endif
