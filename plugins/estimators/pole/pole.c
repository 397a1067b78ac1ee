// SPDX-License-Identifier: Apache-2.0
// Balancing one pole on a cart (Barto, Sutton and Anderson 1983: the pole of 1 m and 0.1 kg, the track of
// 4.8 m, failure at 12 degrees), the network giving the force as in the double pole task of NEAT. The
// easiest of the control tasks, for first steps.
#include "cart.h"

#include <espalier/espalier.h>
#include <espalier/ext/space_genome.h>
#include <espalier/support/genes_evaluation.h>

#include <stdlib.h>

#define FAILURE_DEGREES 12.0

struct task {
    uint64_t steps;
    uint32_t velocities;
    double start;
    esp_estimator_info info;
};

static const esp_param pole_params[] = {
    ESP_PARAM_INT("steps", 100000, 1, 10000000, "steps",
                  "of 0.02 s for which the pole must be up; that many are the task solved"),
    ESP_PARAM_BOOL("velocities", 1,
                   "the network is given the velocities of cart and pole (4 inputs), or not (2)"),
    ESP_PARAM_REAL("start", 4.0, -12.0, 12.0, "degrees", "the pole's angle at first"),
};

static const esp_metric pole_metrics[] = {
    ESP_METRIC_ROW("fitness", "steps", 0, ESP_BETTER_HIGHER),
    ESP_METRIC_ROW("solved", "", 0, ESP_BETTER_HIGHER),
    ESP_METRIC_ROW("hidden", "nodes", 0, ESP_BETTER_NONE),
    ESP_METRIC_ROW("connections", "", 0, ESP_BETTER_NONE),
};

static esp_status pole_create(esp_create *create, void **out)
{
    struct task *task = calloc(1, sizeof *task);
    if (!task)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    task->steps = (uint64_t)esp_param_int(create, "steps");
    task->velocities = (uint32_t)esp_param_int(create, "velocities");
    task->start = esp_param_real(create, "start") * CART_DEGREE;
    task->info.struct_size = sizeof task->info;
    task->info.metrics = pole_metrics;
    task->info.metric_count = ESP_COUNT(pole_metrics);
    task->info.metric_stride = sizeof pole_metrics[0];
    *out = task;
    return ESP_OK;
}

static void pole_destroy(void *self)
{
    free(self);
}

static const esp_estimator_info *pole_info(void *self)
{
    const struct task *task = self;
    return &task->info;
}

static uint64_t balance(const struct task *task, esp_neat_network *network)
{
    struct cart cart = {.poles = 1,
                        .pole = {{0.5, 0.1}},
                        .limit = FAILURE_DEGREES * CART_DEGREE,
                        .state = {0, 0, task->start, 0}};
    uint64_t step = 0;
    for (; step < task->steps; step++) {
        double inputs[4] = {cart.state[0] / 4.8, cart.state[2] / 0.52};
        if (task->velocities) {
            inputs[1] = cart.state[1] / 2.0;
            inputs[2] = cart.state[2] / 0.52;
            inputs[3] = cart.state[3] / 2.0;
        }
        if (!esp_neat_network_activate(network, inputs))
            break;
        cart_push(&cart, 2.0 * CART_FORCE * (esp_neat_network_output(network, 0) - 0.5));
        if (!cart_is_up(&cart))
            break;
    }
    return step;
}

static esp_status pole_evaluate(void *self, esp_evaluation *e)
{
    const struct task *task = self;
    esp_neat_network network;
    uint64_t counts[2] = {0};
    esp_status status = esp_neat_network_open(&network, e, task->velocities ? 4 : 2, 1, counts);
    if (status != ESP_OK)
        return status;
    const uint64_t steps = balance(task, &network);
    esp_neat_network_free(&network);
    esp_evaluation_metric(e, "fitness", (double)steps);
    esp_evaluation_metric(e, "solved", steps >= task->steps);
    esp_evaluation_metric(e, "hidden", (double)counts[0]);
    return esp_evaluation_metric(e, "connections", (double)counts[1]);
}

static const void *pole_ability(const char *id)
{
    static const esp_estimator_cheap cheap = {sizeof(esp_estimator_cheap), 0, 0};
    static const esp_needs_genome needs = {sizeof(esp_needs_genome), ESP_GENES_FORM, 4, 1};
    if (strcmp(id, ESP_ESTIMATOR_CHEAP) == 0)
        return &cheap;
    return strcmp(id, ESP_NEEDS_GENOME) == 0 ? &needs : NULL;
}

static void pole_describe(esp_estimator_type *out)
{
    out->summary = "balancing a pole on a cart: how long a NEAT network keeps it up";
    out->source = "Barto, Sutton and Anderson 1983";
    ESP_SET_PARAMS(out, pole_params);
    out->create = pole_create;
    out->destroy = pole_destroy;
    out->describe = pole_info;
    out->evaluate = pole_evaluate;
    out->ability = pole_ability;
}

ESP_PLUGIN("0.1.0", ESP_ESTIMATOR("pole", pole_describe))
