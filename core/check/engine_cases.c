// SPDX-License-Identifier: Apache-2.0
// Cases of engines: networks of the stand-in's space compiled and called through the engine's table.
#include "check/allocations.h"
#include "check/stage.h"
#include "check/surroundings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define NETWORKS 6
#define BATCH 8
#define SLOPE_STEP 3e-3   // of a directional derivative
#define SLOPE_WITHIN 0.05 // relative: the network has kinks, and its numbers 24 bits
#define OTHER_WITHIN 2e-3 // of another engine's largest number
#define SGD_WITHIN 1e-6   // of a step

struct network {
    struct stage *stage;
    const struct check *check;
    const esp_engine_type *type;
    struct instance *engine;
    struct graph *graph;
    void *program;
    esp_call call;
    struct error error;
    float *samples;    // [BATCH, ...]
    float *directions; // [BATCH, classes]: the gradient of the output that backward is given
    uint64_t outputs;  // floats of the output, whole batch
};

static void need(const struct network *network, esp_status status, const char *doing)
{
    check_need(network->check, status == ESP_OK ? network->error.status : status, &network->error,
               doing);
}

static esp_tensor tensor_of(struct network *network, uint32_t which, const char *name)
{
    esp_tensor tensor = {0};
    need(network, network->type->tensor(network->program, &network->call, which, name, &tensor),
         "to ask for a tensor");
    if (!tensor.data)
        check_fail(network->check, "the tensor '%s' is NULL", name);
    return tensor;
}

typedef void (*weight_visit)(struct network *network, const esp_weight *weight, float *data,
                             uint64_t size, void *self);

static void each_weight(struct network *network, uint32_t which, weight_visit visit, void *self)
{
    const esp_graph *graph = graph_handle(network->graph);
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        for (uint64_t j = 0; j < node->weight_count; j++) {
            const esp_weight *weight =
                (const void *)((const char *)node->weights + j * node->weight_stride);
            if (which != ESP_TENSOR_WEIGHT && weight->role != ESP_WEIGHT_TRAINED)
                continue;
            esp_tensor tensor = tensor_of(network, which, weight->path);
            visit(network, weight, tensor.data, esp_shape_size(&weight->shape), self);
        }
    }
}

// Small numbers from a stream of the weight's own; variances and scales about 1.
static void fill_weight(struct network *network, const esp_weight *weight, float *data,
                        uint64_t size, void *self)
{
    uint64_t name = XXH3_64bits(weight->path, strlen(weight->path));
    esp_random random = esp_random_stream(network->check->seed, name, 0, 0, 0);
    double fan_in = (double)size / (double)weight->shape.dims[0];
    bool positive = strcmp(weight->name, "variance") == 0 || strcmp(weight->name, "scale") == 0;
    (void)self;
    for (uint64_t i = 0; i < size; i++)
        data[i] = positive ? (float)(0.5 + esp_random_real(&random))
                           : (float)(esp_random_normal(&random) /
                                     sqrt(weight->shape.rank > 1 ? fan_in : 10.0));
}

static float *normals(const struct check *check, uint64_t tag, uint64_t count)
{
    esp_random random = esp_random_stream(check->seed, 11, tag, 0, 0);
    float *data = malloc((count + 1) * sizeof *data);
    if (!data)
        check_skip(check, "out of memory");
    for (uint64_t i = 0; i < count; i++)
        data[i] = (float)esp_random_normal(&random);
    return data;
}

static void open_network(struct network *network, struct stage *stage, const struct check *check,
                         const esp_engine_type *type, struct instance *engine, uint64_t seed)
{
    struct arch *arch = stage_sample(stage, check, seed);
    *network = (struct network){.stage = stage, .check = check, .type = type, .engine = engine};
    error_clear(&network->error);
    handle_init(&network->call.base, sizeof network->call, &network->error);
    check_need(check, builder_build(stage->builder, arch, &network->graph, &stage->error),
               &stage->error, "to build a network");
    arch_release(arch);
    const esp_graph *graph = graph_handle(network->graph);
    esp_compile_options options = {
        .struct_size = sizeof options, .batch = BATCH, .training = 1, .input_gradient = 1};
    need(network, type->compile(engine->self, &network->call, graph, &options, &network->program),
         "to compile a network");
    network->outputs =
        BATCH * esp_shape_size(&esp_graph_get(graph, esp_graph_output(graph, 0))->shape);
    network->samples =
        normals(check, 2 * seed, BATCH * esp_shape_size(&esp_graph_get(graph, 0)->shape));
    network->directions = normals(check, 2 * seed + 1, network->outputs);
    each_weight(network, ESP_TENSOR_WEIGHT, fill_weight, NULL);
}

static void close_network(struct network *network)
{
    network->type->release(network->engine->self, network->program);
    graph_destroy(network->graph);
    free(network->samples);
    free(network->directions);
}

static void open_engine(struct stage *stage, const struct check *check, struct instance **engine)
{
    stage_open(stage, check);
    check_need(check, stage_create(stage, check, NULL, engine, &stage->error), &stage->error,
               "to open it");
}

static const esp_engine_type *type_of(const struct stage *stage, const struct check *check)
{
    return stage_part(stage, check)->component->type;
}

static void forward(struct network *network, uint64_t batch, uint32_t training)
{
    esp_tensor input = {.data = network->samples,
                        .shape = esp_graph_get(graph_handle(network->graph), 0)->shape};
    input.shape.dims[0] = (int64_t)batch;
    esp_forward pass = {.struct_size = sizeof pass,
                        .inputs = &input,
                        .input_count = 1,
                        .batch = batch,
                        .training = training,
                        .random = esp_random_stream(network->check->seed, 12, 0, 0, 0)};
    need(network, network->type->forward(network->program, &network->call, &pass), "a forward");
}

static void backward(struct network *network)
{
    esp_output_gradient gradient = {sizeof gradient, 0, network->directions};
    need(network,
         network->type->backward(network->program, &network->call, &gradient, 1, sizeof gradient),
         "a backward");
}

// <directions, output> of a forward.
static double objective(struct network *network)
{
    double sum = 0;
    forward(network, BATCH, 1);
    const float *output = tensor_of(network, ESP_TENSOR_OUTPUT, "0").data;
    for (uint64_t i = 0; i < network->outputs; i++)
        sum += (double)output[i] * (double)network->directions[i];
    return sum;
}

static void hash_tensor(struct network *network, const esp_weight *weight, float *data,
                        uint64_t size, void *self)
{
    uint64_t *digest = self;
    (void)network;
    (void)weight;
    *digest = XXH3_64bits_withSeed(data, size * sizeof *data, *digest);
}

// Of the output, all gradients, and the weights after a step.
static uint64_t step_digest(struct network *network)
{
    esp_optimizer sgd = {.struct_size = sizeof sgd,
                         .kind = ESP_OPTIMIZER_SGD,
                         .learning_rate = 0.1,
                         .momentum = 0.9,
                         .weight_decay = 1e-4,
                         .step = 1};
    forward(network, BATCH, 1);
    const float *output = tensor_of(network, ESP_TENSOR_OUTPUT, "0").data;
    uint64_t digest = XXH3_64bits(output, network->outputs * sizeof *output);
    backward(network);
    each_weight(network, ESP_TENSOR_GRADIENT, hash_tensor, &digest);
    need(network, network->type->apply(network->program, &network->call, &sgd), "a step");
    each_weight(network, ESP_TENSOR_WEIGHT, hash_tensor, &digest);
    return digest;
}

// ---- The same bits ------------------------------------------------------------------------------

static uint64_t network_digest(struct stage *stage, const struct check *check,
                               struct instance *engine, uint64_t seed)
{
    struct network network;
    open_network(&network, stage, check, type_of(stage, check), engine, seed);
    uint64_t digest = step_digest(&network);
    close_network(&network);
    return digest;
}

static void write_digest(const struct check *check, void *self, int descriptor)
{
    struct stage stage;
    struct instance *engine;
    (void)self;
    open_engine(&stage, check, &engine);
    uint64_t digest = network_digest(&stage, check, engine, 0);
    if (write(descriptor, &digest, sizeof digest) != (ssize_t)sizeof digest)
        _exit(1);
}

static void same_bits(struct check *check)
{
    struct stage stage;
    struct instance *engine, *second;
    open_engine(&stage, check, &engine);
    uint64_t first = network_digest(&stage, check, engine, 0);
    if (network_digest(&stage, check, engine, 0) != first)
        check_fail(check, "compiled and run again, a network gives other bits");
    for (uint64_t seed = 1; seed < NETWORKS; seed++)
        network_digest(&stage, check, engine, seed);
    if (network_digest(&stage, check, engine, 0) != first)
        check_fail(check, "after other networks a network gives other bits");
    check_need(check, stage_create(&stage, check, NULL, &second, &stage.error), &stage.error,
               "to open a second instance");
    if (network_digest(&stage, check, second, 0) != first)
        check_fail(check, "a second instance gives other bits");
    struct check_child child = check_fork(check, write_digest, NULL);
    if (child.size != sizeof first || memcmp(child.bytes, &first, sizeof first) != 0)
        check_fail(check, "another process gives other bits");
}

// A sample's result does not depend on the batch that it stands in.
static void batches_do_not_matter(struct check *check)
{
    struct stage stage;
    struct instance *engine;
    struct network network;
    open_engine(&stage, check, &engine);
    for (uint64_t seed = 0; seed < NETWORKS; seed++) {
        open_network(&network, &stage, check, type_of(&stage, check), engine, seed);
        uint64_t classes = network.outputs / BATCH;
        forward(&network, BATCH, 0);
        const float *output = tensor_of(&network, ESP_TENSOR_OUTPUT, "0").data;
        float *kept = malloc(3 * classes * sizeof *kept);
        if (!kept)
            check_skip(check, "out of memory");
        memcpy(kept, output, 3 * classes * sizeof *kept);
        forward(&network, 3, 0);
        output = tensor_of(&network, ESP_TENSOR_OUTPUT, "0").data;
        for (uint64_t i = 0; i < 3 * classes; i++)
            if (!(fabsf(output[i] - kept[i]) <= 1e-5f * (1 + fabsf(kept[i]))))
                check_fail(
                    check, "in evaluation, sample %llu gives %g in a batch of 3 and %g in %d",
                    (unsigned long long)(i / classes), (double)output[i], (double)kept[i], BATCH);
        free(kept);
        close_network(&network);
    }
}

// ---- Gradients ----------------------------------------------------------------------------------

struct direction {
    uint64_t seed;
    double slope; // the sum of gradient x direction
    double step;  // that is added
};

static double direction_at(const struct direction *direction, const esp_weight *weight, uint64_t i)
{
    uint64_t name = XXH3_64bits(weight->path, strlen(weight->path));
    esp_random random = esp_random_stream(direction->seed, name, i, 0, 0);
    return esp_random_normal(&random);
}

static void project(struct network *network, const esp_weight *weight, float *data, uint64_t size,
                    void *self)
{
    struct direction *direction = self;
    (void)network;
    for (uint64_t i = 0; i < size; i++)
        direction->slope += (double)data[i] * direction_at(direction, weight, i);
}

static void move(struct network *network, const esp_weight *weight, float *data, uint64_t size,
                 void *self)
{
    const struct direction *direction = self;
    (void)network;
    if (weight->role != ESP_WEIGHT_TRAINED)
        return;
    for (uint64_t i = 0; i < size; i++)
        data[i] += (float)(direction->step * direction_at(direction, weight, i));
}

// Along random directions in the space of all weights the objective rises as the gradient says. A kink
// may lie on the way: of several directions the median counts.
static void gradients_are_slopes(struct check *check)
{
    struct stage stage;
    struct instance *engine;
    struct network network;
    open_engine(&stage, check, &engine);
    for (uint64_t seed = 0; seed < NETWORKS; seed++) {
        int wrong = 0, tried = 7;
        double shown = 0, said = 0;
        for (int k = 0; k < tried; k++) {
            open_network(&network, &stage, check, type_of(&stage, check), engine, seed);
            struct direction along = {.seed = check->seed + 100 * seed + (uint64_t)k};
            forward(&network, BATCH, 1);
            backward(&network);
            each_weight(&network, ESP_TENSOR_GRADIENT, project, &along);
            along.step = SLOPE_STEP;
            each_weight(&network, ESP_TENSOR_WEIGHT, move, &along);
            double above = objective(&network);
            along.step = -2 * SLOPE_STEP;
            each_weight(&network, ESP_TENSOR_WEIGHT, move, &along);
            double below = objective(&network);
            double slope = (above - below) / (2 * SLOPE_STEP);
            if (!(fabs(slope - along.slope) <= SLOPE_WITHIN * (fabs(slope) + 1))) {
                wrong++;
                shown = slope;
                said = along.slope;
            }
            close_network(&network);
        }
        if (2 * wrong > tried)
            check_fail(check,
                       "the network of seed %llu rises by %g along a direction, and its gradients "
                       "say %g (and so in %d of %d directions)",
                       (unsigned long long)seed, shown, said, wrong, tried);
    }
}

// A step of plain SGD is w - rate (g + decay w).
struct kept_weights {
    float *values;
    uint64_t used;
    double largest; // difference from the formula
};

static void keep_next(struct network *network, const esp_weight *weight, float *data, uint64_t size,
                      void *self)
{
    struct kept_weights *kept = self;
    if (weight->role != ESP_WEIGHT_TRAINED)
        return;
    const float *gradient = tensor_of(network, ESP_TENSOR_GRADIENT, weight->path).data;
    for (uint64_t i = 0; i < size; i++)
        kept->values[kept->used++] = data[i] - 0.05f * (gradient[i] + 0.01f * data[i]);
}

static void compare_next(struct network *network, const esp_weight *weight, float *data,
                         uint64_t size, void *self)
{
    struct kept_weights *kept = self;
    (void)network;
    if (weight->role != ESP_WEIGHT_TRAINED)
        return;
    for (uint64_t i = 0; i < size; i++) {
        double expected = kept->values[kept->used++];
        double difference = fabs(data[i] - expected) / (1 + fabs(expected));
        kept->largest = difference > kept->largest ? difference : kept->largest;
    }
}

static void steps_are_steps(struct check *check)
{
    struct stage stage;
    struct instance *engine;
    struct network network;
    open_engine(&stage, check, &engine);
    open_network(&network, &stage, check, type_of(&stage, check), engine, 1);
    struct kept_weights kept = {
        .values = calloc(esp_graph_params(graph_handle(network.graph)) + 1, sizeof(float))};
    esp_optimizer sgd = {.struct_size = sizeof sgd,
                         .kind = ESP_OPTIMIZER_SGD,
                         .learning_rate = 0.05,
                         .weight_decay = 0.01,
                         .step = 1};
    if (!kept.values)
        check_skip(check, "out of memory");
    forward(&network, BATCH, 1);
    backward(&network);
    each_weight(&network, ESP_TENSOR_WEIGHT, keep_next, &kept);
    need(&network, network.type->apply(network.program, &network.call, &sgd), "a step");
    kept.used = 0;
    each_weight(&network, ESP_TENSOR_WEIGHT, compare_next, &kept);
    if (!(kept.largest <= SGD_WITHIN))
        check_fail(check, "after a step of SGD a weight is %g away from w - rate (g + decay w)",
                   kept.largest);
}

// ---- Another engine -----------------------------------------------------------------------------

// The largest difference and the largest number, of output and gradients.
struct agreement {
    struct network *other;
    double difference, largest;
    const char *where;
};

static void compare_numbers(struct agreement *agreement, const char *where, const float *a,
                            const float *b, uint64_t size)
{
    double difference = 0, largest = 0;
    for (uint64_t i = 0; i < size; i++) {
        difference = fmax(difference, fabs((double)a[i] - (double)b[i]));
        largest = fmax(largest, fabs((double)b[i]));
    }
    if (difference / (largest + 1e-3) >= agreement->difference) {
        agreement->difference = difference / (largest + 1e-3);
        agreement->where = where;
    }
}

static void compare_gradient(struct network *network, const esp_weight *weight, float *data,
                             uint64_t size, void *self)
{
    struct agreement *agreement = self;
    (void)network;
    compare_numbers(agreement, weight->path, data,
                    tensor_of(agreement->other, ESP_TENSOR_GRADIENT, weight->path).data, size);
}

static const struct component *another_engine(struct stage *stage, const struct check *check)
{
    for (uint64_t i = 0; i < registry_count(stage->registry); i++) {
        const struct component *component = registry_get(stage->registry, i), *loaded = NULL;
        if (component->kind == ESP_KIND_ENGINE && strcmp(component->id, check->id) != 0 &&
            registry_find(&loaded, stage->registry, ESP_KIND_ENGINE, component->id,
                          &stage->error) == ESP_OK)
            return loaded;
    }
    return NULL;
}

// With the defaults of its parameters.
static esp_status open_another(struct instance **out, struct stage *stage,
                               const struct check *check, const struct component *component)
{
    static const char *const no_more_keys[] = {NULL};
    struct description description = component_description(component);
    struct parameters defaults = {0};
    struct config *empty = NULL;
    error_clear(&stage->error);
    esp_status status = config_parse(&empty, "", "check.ini", check->folder, &stage->error);
    if (status == ESP_OK)
        status = parameters_resolve(&defaults, description.params, description.param_count,
                                    description.param_stride, empty, "engine", no_more_keys, false,
                                    &stage->error);
    if (status == ESP_OK)
        status = instance_create(out, component, &defaults, NULL, check->seed, NULL, &stage->error);
    parameters_destroy(&defaults);
    config_destroy(empty);
    return status;
}

static void agrees_with_another(struct check *check)
{
    struct stage stage;
    struct instance *engine, *reference;
    struct network network, other;
    open_engine(&stage, check, &engine);
    const struct component *component = another_engine(&stage, check);
    if (!component)
        check_skip(check, "there is no other engine to compare it with");
    if (open_another(&reference, &stage, check, component) != ESP_OK)
        check_skip(check, "the other engine, %s, does not open: %s", component->id,
                   stage.error.message);
    for (uint64_t seed = 0; seed < NETWORKS; seed++) {
        open_network(&network, &stage, check, type_of(&stage, check), engine, seed);
        open_network(&other, &stage, check, component->type, reference, seed);
        struct agreement agreement = {.other = &other};
        forward(&network, BATCH, 1);
        forward(&other, BATCH, 1);
        compare_numbers(&agreement, "the output", tensor_of(&network, ESP_TENSOR_OUTPUT, "0").data,
                        tensor_of(&other, ESP_TENSOR_OUTPUT, "0").data, network.outputs);
        backward(&network);
        backward(&other);
        each_weight(&network, ESP_TENSOR_GRADIENT, compare_gradient, &agreement);
        if (!(agreement.difference <= OTHER_WITHIN))
            check_fail(check, "%s differs from that of %s by %g of its largest number",
                       agreement.where, component->id, agreement.difference);
        close_network(&network);
        close_network(&other);
    }
}

// ---- Tensors, refusals, memory ------------------------------------------------------------------

static void tensors_are_the_programs(struct check *check)
{
    struct stage stage;
    struct instance *engine;
    struct network network;
    esp_tensor tensor = {0};
    open_engine(&stage, check, &engine);
    open_network(&network, &stage, check, type_of(&stage, check), engine, 2);
    for (uint32_t which = ESP_TENSOR_WEIGHT; which <= ESP_TENSOR_OUTPUT; which++) {
        error_clear(&network.error);
        esp_status status =
            network.type->tensor(network.program, &network.call, which, "no/such/weight", &tensor);
        if (status != ESP_ERROR_NOT_FOUND)
            check_fail(check, "asked for a tensor that is not there it answers with status %d",
                       (int)status);
        if (!network.error.message[0])
            check_fail(check, "asked for a tensor that is not there it gives no words");
    }
    error_clear(&network.error);
    double before = objective(&network);
    struct direction along = {.seed = 5, .step = 0.1};
    each_weight(&network, ESP_TENSOR_WEIGHT, move, &along);
    if (objective(&network) == before)
        check_fail(check, "weights that were written change nothing");
}

static void refuses_in_words(struct check *check)
{
    struct stage stage;
    struct instance *engine;
    struct network network;
    open_engine(&stage, check, &engine);
    open_network(&network, &stage, check, type_of(&stage, check), engine, 0);
    esp_forward pass = {.struct_size = sizeof pass, .batch = BATCH + 1, .training = 1};
    esp_tensor input = {.data = network.samples,
                        .shape = esp_graph_get(graph_handle(network.graph), 0)->shape};
    input.shape.dims[0] = BATCH + 1;
    pass.inputs = &input;
    pass.input_count = 1;
    if (network.type->forward(network.program, &network.call, &pass) == ESP_OK ||
        !network.error.message[0])
        check_fail(check, "a batch larger than it was compiled for is not refused in words");
    error_clear(&network.error);
    pass.batch = BATCH;
    pass.input_count = 0;
    if (network.type->forward(network.program, &network.call, &pass) == ESP_OK ||
        !network.error.message[0])
        check_fail(check, "a forward without its input is not refused in words");
}

static void gives_memory_back(struct check *check)
{
    struct stage stage;
    struct instance *engine;
    struct network network;
    struct surroundings settled, end;
    open_engine(&stage, check, &engine);
    for (int i = 0; i < 60; i++) {
        open_network(&network, &stage, check, type_of(&stage, check), engine, (uint64_t)i % 3);
        step_digest(&network);
        close_network(&network);
        if (i == 30)
            surroundings_look(&settled);
    }
    surroundings_look(&end);
    if (end.pages > settled.pages + 2048)
        check_fail(check, "30 networks that were compiled and released left %llu pages behind",
                   (unsigned long long)(end.pages - settled.pages));
}

struct bench {
    struct stage stage;
    struct instance *engine;
};

static void compile_and_step(const struct check *check, void *self)
{
    struct bench *bench = self;
    network_digest(&bench->stage, check, bench->engine, 1);
}

static void survives_shortage(struct check *check)
{
    struct bench bench;
    open_engine(&bench.stage, check, &bench.engine);
    allocations_survive(check, compile_and_step, &bench, "compiling and a step");
}

static const struct check_case cases[] = {
    {"engine/same", "engine.h 1",
     "the same calls give the same bits, after other networks and in any process", CHECK_ENGINE, 60,
     same_bits},
    {"engine/batch", "engine.h 3.1", "in evaluation a sample's result does not depend on its batch",
     CHECK_ENGINE, 60, batches_do_not_matter},
    {"engine/gradients", "engine.h 3.2", "gradients are the slopes of the outputs", CHECK_ENGINE,
     60, gradients_are_slopes},
    {"engine/agrees", "engine.h 3.3", "outputs and gradients agree with those of another engine",
     CHECK_ENGINE, 60, agrees_with_another},
    {"engine/step", "engine.h 4", "a step of SGD is the one that the header says", CHECK_ENGINE, 60,
     steps_are_steps},
    {"engine/tensors", "engine.h 5",
     "tensors are found by name and may be written, and an unknown name is told", CHECK_ENGINE, 60,
     tensors_are_the_programs},
    {"engine/refuses", "engine.h 3.4", "a forward that does not fit is refused in words",
     CHECK_ENGINE, 60, refuses_in_words},
    {"engine/memory", "engine.h 2", "networks that were released leave no memory behind",
     CHECK_ENGINE, 60, gives_memory_back},
    {"engine/shortage", "engine.h 6", "compiling and a step bear that any allocation fails",
     CHECK_ENGINE, 60, survives_shortage},
};

const struct check_family check_engine_cases = {cases, ESP_COUNT(cases)};
