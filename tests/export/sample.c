// SPDX-License-Identifier: Apache-2.0
// See sample.h.
#include "sample.h"

#include "walk.h"

#include "export/export.h"

#include "evaluate/checkpoint.h"
#include "evaluate/loss.h"

#include <espalier/random.h>

#include <criterion/criterion.h>
#include <glob.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_CHANNELS 64
// |got - expected| <= this times 1 + |expected|.
#define TOLERANCE 1e-4

struct sample {
    struct engine *engine;
    const char *name;
    const esp_graph *graph;
    void *program;
    float shift[MOST_CHANNELS], factor[MOST_CHANNELS];
    float *image, *normalised; // [samples, ...]
    uint64_t samples;
    bool trains;
    uint64_t elements; // of one
    esp_tensor logits;
    struct error error;
};

void samples_clear(void)
{
    static const char *const patterns[] = {"*.onnx",   "*.safetensors", "*.py",     "*.input",
                                           "*.logits", "*.json",        "*.images", "*.losses"};
    for (size_t i = 0; i < ESP_COUNT(patterns); i++) {
        glob_t found;
        if (glob(patterns[i], 0, NULL, &found) != 0)
            continue;
        for (size_t j = 0; j < found.gl_pathc; j++)
            unlink(found.gl_pathv[j]);
        globfree(&found);
    }
}

static const char *file_name(const struct sample *s, const char *ending)
{
    static char name[6][256];
    static int turn;
    turn = (turn + 1) % 6;
    snprintf(name[turn], sizeof name[0], "%s.%s", s->name, ending);
    return name[turn];
}

// ---- The engine's side --------------------------------------------------------------------------

static void fill_weight(struct sample *s, const esp_weight *weight, uint64_t number)
{
    esp_tensor tensor;
    esp_random random = esp_random_stream(17, number, 0, 0, 0);
    uint64_t size = esp_shape_size(&weight->shape);
    double fan_in = (double)size / (double)weight->shape.dims[0];
    bool positive = strcmp(weight->name, "variance") == 0 || strcmp(weight->name, "scale") == 0;
    cr_assert_eq(s->engine->type->tensor(s->program, &s->engine->call, ESP_TENSOR_WEIGHT,
                                         weight->path, &tensor),
                 ESP_OK, "%s", s->engine->error.message);
    // A training begins as trainings do: scales and variances of 1, shifts and means of 0.
    for (uint64_t i = 0; s->trains && i < size; i++)
        tensor.data[i] = weight->shape.rank > 1
                             ? (float)(esp_random_normal(&random) * sqrt(2.0 / fan_in))
                             : (float)positive;
    for (uint64_t i = 0; !s->trains && i < size; i++)
        tensor.data[i] = positive ? (float)(0.5 + esp_random_real(&random))
                                  : (float)(esp_random_normal(&random) /
                                            (weight->shape.rank > 1 ? sqrt(fan_in) : 4.0));
}

static void compile(struct sample *s, uint64_t batch, bool training)
{
    esp_compile_options options = {
        .struct_size = sizeof options, .batch = batch, .training = training};
    cr_assert_eq(s->engine->type->compile(s->engine->self, &s->engine->call, s->graph, &options,
                                          &s->program),
                 ESP_OK, "%s: %s", s->name, s->engine->error.message);
    for (uint64_t i = 0; i < esp_graph_node_count(s->graph); i++) {
        const esp_graph_node *node = esp_graph_get(s->graph, i);
        for (uint64_t j = 0; j < node->weight_count; j++)
            fill_weight(s, node_weight(node, j), 8 * i + j);
    }
}

static void make_input(struct sample *s, const esp_shape *shape)
{
    esp_random random = esp_random_stream(18, 0, 0, 0, 0);
    uint64_t channels = (uint64_t)shape->dims[1], area;
    cr_assert_leq(channels, MOST_CHANNELS);
    s->elements = esp_shape_size(shape);
    area = s->elements / channels;
    for (uint64_t c = 0; c < channels; c++) {
        s->shift[c] = (float)esp_random_real(&random);
        s->factor[c] = (float)(2.0 + 2.0 * esp_random_real(&random));
    }
    s->image = malloc(s->samples * s->elements * sizeof(float));
    s->normalised = malloc(s->samples * s->elements * sizeof(float));
    cr_assert(s->image && s->normalised);
    for (uint64_t i = 0; i < s->samples * s->elements; i++) {
        uint64_t c = i / area % channels;
        s->image[i] = (float)esp_random_real(&random);
        s->normalised[i] = (s->image[i] - s->shift[c]) * s->factor[c];
    }
}

static void forward(struct sample *s, const esp_shape *shape)
{
    esp_tensor input = {.data = s->normalised, .shape = *shape};
    esp_forward pass = {
        .struct_size = sizeof pass, .inputs = &input, .input_count = 1, .batch = SAMPLE_BATCH};
    input.shape.dims[0] = SAMPLE_BATCH;
    esp_status status = s->engine->type->forward(s->program, &s->engine->call, &pass);
    if (status == ESP_OK)
        status = s->engine->type->tensor(s->program, &s->engine->call, ESP_TENSOR_OUTPUT, "0",
                                         &s->logits);
    cr_assert_eq(status, ESP_OK, "%s: %s", s->name, s->engine->error.message);
}

// ---- Files --------------------------------------------------------------------------------------

// The engine's weights, as a training leaves them.
static void write_weights(struct sample *s, const char *path)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < esp_graph_node_count(s->graph); i++)
        count += esp_graph_get(s->graph, i)->weight_count;
    struct safetensors_entry *entries = calloc(count + 1, sizeof *entries);
    cr_assert_not_null(entries);
    count = 0;
    for (uint64_t i = 0; i < esp_graph_node_count(s->graph); i++) {
        const esp_graph_node *node = esp_graph_get(s->graph, i);
        for (uint64_t j = 0; j < node->weight_count; j++) {
            const esp_weight *weight = node_weight(node, j);
            esp_tensor tensor;
            cr_assert_eq(s->engine->type->tensor(s->program, &s->engine->call, ESP_TENSOR_WEIGHT,
                                                 weight->path, &tensor),
                         ESP_OK);
            entries[count++] = (struct safetensors_entry){weight->path, weight->shape.rank,
                                                          weight->shape.dims, tensor.data};
        }
    }
    cr_assert_eq(safetensors_write(path, entries, count, NULL, 0, &s->error), ESP_OK, "%s",
                 s->error.message);
    free(entries);
}

static void write_floats(const char *path, const float *data, uint64_t count)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(data, sizeof *data, count, file) == count, "%s", path);
    fclose(file);
}

static json_t *dims_json(const esp_shape *shape)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < shape->rank; i++)
        json_array_append_new(list, json_integer(i ? shape->dims[i] : SAMPLE_BATCH));
    return list;
}

static void export_all(struct sample *s, const char *arch)
{
    const esp_shape *in = &esp_graph_get(s->graph, 0)->shape;
    struct export_network network = {.graph = s->graph,
                                     .shift = s->shift,
                                     .factor = s->factor,
                                     .channels = (uint64_t)in->dims[1],
                                     .arch = arch,
                                     .name = s->name};
    const char *trained = file_name(s, "trained");
    write_weights(s, trained);
    esp_status status = weights_open(&network.weights, trained, s->graph, &s->error);
    if (status == ESP_OK)
        status = export_onnx(&network, file_name(s, "onnx"), &s->error);
    if (status == ESP_OK)
        status = export_safetensors(&network, file_name(s, "safetensors"), &s->error);
    if (status == ESP_OK)
        status = export_torch(&network, file_name(s, "py"), &s->error);
    cr_assert_eq(status, ESP_OK, "%s: %s", s->name, s->error.message);
    safetensors_close(network.weights);
    unlink(trained);
}

static void write_files(struct sample *s, const char *arch)
{
    const esp_shape *in = &esp_graph_get(s->graph, 0)->shape, *out = &s->logits.shape;
    export_all(s, arch);
    write_floats(file_name(s, "input"), s->image, s->samples * s->elements);
    // The engine's shape has the batch in it.
    write_floats(file_name(s, "logits"), s->logits.data, esp_shape_size(out));
    json_t *json = json_pack("{s:o, s:o, s:s}", "input", dims_json(in), "logits", dims_json(out),
                             "arch", arch);
    json_dump_file(json, file_name(s, "json"), JSON_COMPACT);
    json_decref(json);
}

// ---- Reading back -------------------------------------------------------------------------------

static void read_back(struct sample *s)
{
    struct tensor got = {0};
    char why[1200];
    Onnx__ModelProto *proto = model_load(file_name(s, "onnx"));
    cr_expect_str_eq(proto->graph->input[0]->name, "image");
    cr_expect_str_eq(proto->graph->output[0]->name, "logits");
    cr_expect_eq(proto->opset_import[0]->version, 17);
    bool done = model_walk(s->engine, proto, s->image, SAMPLE_BATCH, &got, why, sizeof why);
    cr_expect(done, "%s: %s", s->name, done ? "" : why);
    bool same = done && got.shape.rank == s->logits.shape.rank &&
                memcmp(got.shape.dims, s->logits.shape.dims,
                       got.shape.rank * sizeof got.shape.dims[0]) == 0;
    cr_expect(same, "%s: the logits have another shape", s->name);
    for (uint64_t i = 0; same && i < got.size; i++) {
        double want = (double)s->logits.data[i], have = (double)got.data[i];
        if (fabs(have - want) <= TOLERANCE * (1.0 + fabs(want)))
            continue;
        cr_expect(false, "%s: element %llu is %.9g, expected %.9g", s->name, (unsigned long long)i,
                  have, want);
        break;
    }
    free(got.data);
    onnx__model_proto__free_unpacked(proto, NULL);
}

void sample_check(struct engine *engine, const esp_graph *graph, const char *name, const char *arch)
{
    struct sample s = {.engine = engine, .name = name, .graph = graph, .samples = SAMPLE_BATCH};
    const esp_shape *shape = &esp_graph_get(graph, 0)->shape;
    error_clear(&s.error);
    error_clear(&engine->error);
    compile(&s, SAMPLE_BATCH, false);
    make_input(&s, shape);
    forward(&s, shape);
    write_files(&s, arch);
    read_back(&s);
    engine->type->release(engine->self, s.program);
    free(s.image);
    free(s.normalised);
}

// ---- Training -----------------------------------------------------------------------------------

static float train_step(struct sample *s, const esp_shape *shape, uint64_t step, float *gradient)
{
    uint64_t classes =
        esp_shape_size(&esp_graph_get(s->graph, esp_graph_output(s->graph, 0))->shape);
    uint32_t labels[SAMPLE_TRAINED];
    double loss = 0.0;
    uint64_t correct;
    esp_tensor input = {.data = s->normalised + step * SAMPLE_TRAINED * s->elements,
                        .shape = *shape};
    input.shape.dims[0] = SAMPLE_TRAINED;
    esp_forward pass = {.struct_size = sizeof pass,
                        .inputs = &input,
                        .input_count = 1,
                        .batch = SAMPLE_TRAINED,
                        .training = 1,
                        .output_count = 1};
    esp_output_gradient given = {sizeof given, 0, gradient};
    esp_loss cross_entropy = {.struct_size = sizeof cross_entropy, .kind = ESP_LOSS_CROSS_ENTROPY};
    esp_optimizer sgd = {.struct_size = sizeof sgd,
                         .kind = ESP_OPTIMIZER_SGD,
                         .learning_rate = 0.0005,
                         .momentum = 0.9,
                         .weight_decay = 1e-4,
                         .step = step + 1};
    const esp_engine_type *type = s->engine->type;
    for (uint64_t i = 0; i < SAMPLE_TRAINED; i++)
        labels[i] = (uint32_t)((step + i) % classes);
    esp_status status = type->forward(s->program, &s->engine->call, &pass);
    if (status == ESP_OK)
        status = type->tensor(s->program, &s->engine->call, ESP_TENSOR_OUTPUT, "0", &s->logits);
    if (status == ESP_OK) {
        loss_compute(&cross_entropy, s->logits.data, labels, SAMPLE_TRAINED, classes, gradient,
                     &loss, &correct);
        status = type->backward(s->program, &s->engine->call, &given, 1, sizeof given);
    }
    if (status == ESP_OK)
        status = type->apply(s->program, &s->engine->call, &sgd);
    cr_assert_eq(status, ESP_OK, "%s: %s", s->name, s->engine->error.message);
    return (float)loss;
}

void sample_train(struct engine *engine, const esp_graph *graph, const char *name, const char *arch)
{
    struct sample s = {.engine = engine,
                       .name = name,
                       .graph = graph,
                       .samples = SAMPLE_STEPS * SAMPLE_TRAINED,
                       .trains = true};
    const esp_shape *shape = &esp_graph_get(graph, 0)->shape;
    const esp_shape *out = &esp_graph_get(graph, esp_graph_output(graph, 0))->shape;
    float losses[SAMPLE_STEPS];
    float *gradient = malloc(SAMPLE_TRAINED * esp_shape_size(out) * sizeof *gradient);
    cr_assert_not_null(gradient);
    error_clear(&s.error);
    error_clear(&engine->error);
    compile(&s, SAMPLE_TRAINED, true);
    make_input(&s, shape);
    export_all(&s, arch);
    for (uint64_t step = 0; step < SAMPLE_STEPS; step++)
        losses[step] = train_step(&s, shape, step, gradient);
    write_floats(file_name(&s, "images"), s.image, s.samples * s.elements);
    write_floats(file_name(&s, "losses"), losses, SAMPLE_STEPS);
    // It has no logits to compare: it is no sample of the others.
    unlink(file_name(&s, "onnx"));
    json_t *json = json_pack("{s:o, s:s}", "input", dims_json(shape), "arch", arch);
    json_dump_file(json, file_name(&s, "json"), JSON_COMPACT);
    json_decref(json);
    engine->type->release(engine->self, s.program);
    free(gradient);
    free(s.image);
    free(s.normalised);
}
