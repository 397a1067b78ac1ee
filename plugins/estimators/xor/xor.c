// SPDX-License-Identifier: Apache-2.0
// Exclusive or, the first task of NEAT (Stanley and Miikkulainen 2002, section 4.1): a network of two
// inputs and one output sees the four rows of the truth table; fitness is the square of 4 less the sum of
// the absolute errors, and the task is solved when each output is on its side of 0.5.
#include <espalier/espalier.h>
#include <espalier/ext/space_genome.h>
#include <espalier/support/genes_evaluation.h>

#include <math.h>

#define ROWS 4

static const esp_metric xor_metrics[] = {
    ESP_METRIC_ROW("fitness", "", 0, ESP_BETTER_HIGHER),
    ESP_METRIC_ROW("solved", "", 0, ESP_BETTER_HIGHER),
    ESP_METRIC_ROW("hidden", "nodes", 0, ESP_BETTER_NONE),
    ESP_METRIC_ROW("connections", "", 0, ESP_BETTER_NONE),
};

static const esp_estimator_info xor_info = {
    sizeof(esp_estimator_info),
    xor_metrics,
    ESP_COUNT(xor_metrics),
    sizeof xor_metrics[0],
    NULL,
    0,
    0,
};

static esp_status xor_create(esp_create *create, void **out)
{
    (void)create;
    *out = (void *)(uintptr_t)&xor_info;
    return ESP_OK;
}

static void xor_destroy(void *self)
{
    (void)self;
}

static const esp_estimator_info *xor_describe_instance(void *self)
{
    return self;
}

// The output when the inputs have gone all the way through; 0 where no signal reaches it (`*on`).
static double settled(esp_neat_network *network, const double *inputs, uint32_t *on)
{
    esp_neat_network_flush(network);
    for (uint32_t passes = 0; passes <= network->depth + 1; passes++)
        if (!esp_neat_network_activate(network, inputs)) {
            *on = 0;
            return 0;
        }
    return esp_neat_network_output(network, 0);
}

static esp_status xor_evaluate(void *self, esp_evaluation *e)
{
    static const double rows[ROWS][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    static const double targets[ROWS] = {0, 1, 1, 0};
    esp_neat_network network;
    uint64_t counts[2] = {0};
    uint32_t on = 1, right = 0;
    double error = 0;
    (void)self;
    esp_status status = esp_neat_network_open(&network, e, 2, 1, counts);
    if (status != ESP_OK)
        return status;
    for (int i = 0; i < ROWS; i++) {
        const double y = settled(&network, rows[i], &on);
        error += fabs(y - targets[i]);
        right += targets[i] > 0.5 ? y >= 0.5 : y < 0.5;
    }
    esp_neat_network_free(&network);
    // A network whose output nothing reaches does nothing: next to no fitness, as in the authors' program.
    const double fitness = on ? (ROWS - error) * (ROWS - error) : 0.001;
    esp_evaluation_metric(e, "fitness", fitness);
    esp_evaluation_metric(e, "solved", on && right == ROWS);
    esp_evaluation_metric(e, "hidden", (double)counts[0]);
    return esp_evaluation_metric(e, "connections", (double)counts[1]);
}

static const void *xor_ability(const char *id)
{
    static const esp_estimator_cheap cheap = {sizeof(esp_estimator_cheap), 0, 0};
    static const esp_needs_genome needs = {sizeof(esp_needs_genome), ESP_GENES_FORM, 2, 1};
    if (strcmp(id, ESP_ESTIMATOR_CHEAP) == 0)
        return &cheap;
    return strcmp(id, ESP_NEEDS_GENOME) == 0 ? &needs : NULL;
}

static void xor_describe(esp_estimator_type *out)
{
    out->summary = "exclusive or: how near a NEAT network comes to the truth table";
    out->source = "Stanley and Miikkulainen 2002";
    out->create = xor_create;
    out->destroy = xor_destroy;
    out->describe = xor_describe_instance;
    out->evaluate = xor_evaluate;
    out->ability = xor_ability;
}

ESP_PLUGIN("0.1.0", ESP_ESTIMATOR("xor", xor_describe))
