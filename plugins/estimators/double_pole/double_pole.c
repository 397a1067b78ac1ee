// SPDX-License-Identifier: Apache-2.0
// Balancing two poles of different lengths on one cart (Wieland 1991; Gruau et al. 1996), as Stanley and
// Miikkulainen 2002, sections 4.2 and 4.3, posed it to NEAT.
//
// With velocities the network is given the whole state, and fitness is the number of steps. Without them
// it must find out which way things move: fitness on 1,000 steps is 0.1 t / 1,000 + 0.9 f, where t is the
// number of steps and f = 0.75 over the sum, over the last 100 of them, of |x| + |dx| + |a| + |da| of cart
// and long pole (0 where t < 100): no reward for swinging to and fro. `generalise` 1 tries the network as a
// generation's champion is tried: 100,000 steps, then 1,000 from each of 625 starts; it is solved where it
// balances from 200.
#include "../pole/cart.h"

#include <espalier/espalier.h>
#include <espalier/ext/space_genome.h>
#include <espalier/support/genes_evaluation.h>

#include <math.h>
#include <stdlib.h>

#define FAILURE_ANGLE 0.628329 // 36 degrees, as the authors' program has it
#define HINGE_FRICTION 0.000002
#define LONG_POLE                                                                                  \
    {                                                                                              \
        0.5, 0.1                                                                                   \
    }
#define SHORT_POLE                                                                                 \
    {                                                                                              \
        0.05, 0.01                                                                                 \
    }
#define START_ANGLE 0.07 // of the long pole: 4 degrees
#define SHORT_RUN 1000
#define SWING_STEPS 100
#define STARTS_NEEDED 200
#define START_STEPS 999 // of a run of 1,000, that count as balanced
#define LEVELS 5

struct task {
    uint64_t steps;
    uint32_t velocities, generalise;
    esp_estimator_info info;
};

static const esp_param double_pole_params[] = {
    ESP_PARAM_BOOL("velocities", 1,
                   "the network is given the velocities of cart and poles (6 inputs), or not (3)"),
    ESP_PARAM_INT("steps", 100000, 1, 10000000, "steps",
                  "of 0.02 s for which the poles must be up"),
    ESP_PARAM_INT("generalise", 0, 0, 1, "",
                  "without velocities: 1 tries the network on `steps` and on 625 starts, besides"),
};

static const esp_metric double_pole_metrics[] = {
    ESP_METRIC_ROW("fitness", "", 0, ESP_BETTER_HIGHER),
    ESP_METRIC_ROW("solved", "", 0, ESP_BETTER_HIGHER),
    ESP_METRIC_ROW("balanced", "steps", 0, ESP_BETTER_HIGHER),
    ESP_METRIC_ROW("generalisation", "starts", ESP_METRIC_REPORT, ESP_BETTER_HIGHER),
    ESP_METRIC_ROW("hidden", "nodes", 0, ESP_BETTER_NONE),
    ESP_METRIC_ROW("connections", "", 0, ESP_BETTER_NONE),
};

static const esp_fidelity_range double_pole_fidelities[] = {
    {sizeof(esp_fidelity_range), "generalise", 0, 1},
};

static esp_status double_pole_create(esp_create *create, void **out)
{
    struct task *task = calloc(1, sizeof *task);
    if (!task)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    task->steps = (uint64_t)esp_param_int(create, "steps");
    task->velocities = (uint32_t)esp_param_int(create, "velocities");
    task->generalise = (uint32_t)esp_param_int(create, "generalise");
    task->info.struct_size = sizeof task->info;
    task->info.metrics = double_pole_metrics;
    task->info.metric_count = ESP_COUNT(double_pole_metrics);
    task->info.metric_stride = sizeof double_pole_metrics[0];
    task->info.fidelities = double_pole_fidelities;
    task->info.fidelity_count = ESP_COUNT(double_pole_fidelities);
    task->info.fidelity_stride = sizeof double_pole_fidelities[0];
    *out = task;
    return ESP_OK;
}

static void double_pole_destroy(void *self)
{
    free(self);
}

static const esp_estimator_info *double_pole_info(void *self)
{
    const struct task *task = self;
    return &task->info;
}

// ---- Runs ---------------------------------------------------------------------------------------

static void set_up(struct cart *cart)
{
    *cart = (struct cart){.poles = 2,
                          .pole = {LONG_POLE, SHORT_POLE},
                          .limit = FAILURE_ANGLE,
                          .hinge = HINGE_FRICTION,
                          .state = {0, 0, START_ANGLE, 0, 0, 0}};
}

static uint32_t push(struct cart *cart, esp_neat_network *network, uint32_t velocities)
{
    const double *state = cart->state;
    const double whole[6] = {state[0] / 4.8, state[1] / 2.0,  state[2] / 0.52,
                             state[3] / 2.0, state[4] / 0.52, state[5] / 2.0};
    const double places[3] = {state[0] / 4.8, state[2] / 0.52, state[4] / 0.52};
    if (!esp_neat_network_activate(network, velocities ? whole : places))
        return 0;
    cart_push(cart, 2.0 * CART_FORCE * (esp_neat_network_output(network, 0) - 0.5));
    return cart_is_up(cart) != 0;
}

// The steps that the poles stay up, `most` at most, from where the cart is. `swing`, where given: the last
// SWING_STEPS sums of place and rate, step t at t mod SWING_STEPS.
static uint64_t balance(struct cart *cart, esp_neat_network *network, uint32_t velocities,
                        uint64_t most, double *swing)
{
    uint64_t step = 0;
    esp_neat_network_flush(network);
    for (; step < most && push(cart, network, velocities); step++)
        if (swing)
            swing[step % SWING_STEPS] = fabs(cart->state[0]) + fabs(cart->state[1]) +
                                        fabs(cart->state[2]) + fabs(cart->state[3]);
    return step;
}

// Gruau's fitness.
static double damped_fitness(uint64_t steps, const double *swing)
{
    double sum = 0;
    for (int i = 0; i < SWING_STEPS; i++)
        sum += swing[i];
    double calm = 0;
    if (steps >= SWING_STEPS)
        calm = 0.75 / fmax(sum, 1e-12); // a network that does not move at all is no division by 0
    return 0.1 * (double)steps / SHORT_RUN + 0.9 * calm;
}

static uint64_t balanced_starts(esp_neat_network *network)
{
    static const double levels[LEVELS] = {0.05, 0.25, 0.5, 0.75, 0.95};
    // Half the ranges of x, dx, the long pole's angle (3.6 degrees) and rate (8.6 degrees a second).
    static const double ranges[4] = {2.16, 1.35, 0.06283185, 0.15009832};
    uint64_t count = 0;
    for (int start = 0; start < LEVELS * LEVELS * LEVELS * LEVELS; start++) {
        struct cart cart;
        set_up(&cart);
        for (int i = 0, rest = start; i < 4; i++, rest /= LEVELS)
            cart.state[i] = ranges[i] * (2.0 * levels[rest % LEVELS] - 1.0);
        count += balance(&cart, network, 0, SHORT_RUN, NULL) >= START_STEPS;
    }
    return count;
}

struct result {
    double fitness;
    uint32_t solved;
    uint64_t balanced, starts;
};

static struct result with_velocities(const struct task *task, esp_neat_network *network)
{
    struct result result = {0};
    struct cart cart;
    set_up(&cart);
    result.balanced = balance(&cart, network, 1, task->steps, NULL);
    result.fitness = (double)result.balanced;
    result.solved = result.balanced >= task->steps;
    return result;
}

// In the fuller trial the fitness has 1 added where the long run is balanced, and the share of the starts, so
// that the best of such trials is the best network.
static struct result without_velocities(const struct task *task, esp_neat_network *network)
{
    double swing[SWING_STEPS] = {0};
    struct result result = {0};
    struct cart cart;
    set_up(&cart);
    result.balanced = balance(&cart, network, 0, SHORT_RUN, swing);
    result.fitness = damped_fitness(result.balanced, swing);
    if (!task->generalise || result.balanced < SHORT_RUN)
        return result;
    set_up(&cart);
    result.balanced = balance(&cart, network, 0, task->steps, NULL);
    if (result.balanced < task->steps)
        return result;
    result.starts = balanced_starts(network);
    result.solved = result.starts >= STARTS_NEEDED;
    result.fitness += 1.0 + (double)result.starts / (LEVELS * LEVELS * LEVELS * LEVELS);
    return result;
}

static esp_status double_pole_evaluate(void *self, esp_evaluation *e)
{
    const struct task *task = self;
    esp_neat_network network;
    uint64_t counts[2] = {0};
    esp_status status = esp_neat_network_open(&network, e, task->velocities ? 6 : 3, 1, counts);
    if (status != ESP_OK)
        return status;
    const struct result result =
        task->velocities ? with_velocities(task, &network) : without_velocities(task, &network);
    esp_neat_network_free(&network);
    esp_evaluation_metric(e, "fitness", result.fitness);
    esp_evaluation_metric(e, "solved", result.solved);
    esp_evaluation_metric(e, "balanced", (double)result.balanced);
    esp_evaluation_metric(e, "generalisation", (double)result.starts);
    esp_evaluation_metric(e, "hidden", (double)counts[0]);
    return esp_evaluation_metric(e, "connections", (double)counts[1]);
}

static const void *double_pole_ability(const char *id)
{
    static const esp_estimator_cheap cheap = {sizeof(esp_estimator_cheap), 0, 0};
    static const esp_needs_genome needs = {sizeof(esp_needs_genome), ESP_GENES_FORM, 6, 1};
    if (strcmp(id, ESP_ESTIMATOR_CHEAP) == 0)
        return &cheap;
    return strcmp(id, ESP_NEEDS_GENOME) == 0 ? &needs : NULL;
}

static void double_pole_describe(esp_estimator_type *out)
{
    out->summary = "balancing two poles on a cart, with and without velocities";
    out->source = "Wieland 1991; Gruau et al. 1996; Stanley and Miikkulainen 2002";
    ESP_SET_PARAMS(out, double_pole_params);
    out->create = double_pole_create;
    out->destroy = double_pole_destroy;
    out->describe = double_pole_info;
    out->evaluate = double_pole_evaluate;
    out->ability = double_pole_ability;
}

ESP_PLUGIN("0.1.0", ESP_ESTIMATOR("double_pole", double_pole_describe))
