// SPDX-License-Identifier: Apache-2.0
// See sample.h.
#include "sample.h"

#include "walk.h"

#include "export/export.h"

#include "evaluate/checkpoint.h"

#include <espalier/random.h>

#include <criterion/criterion.h>
#include <glob.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// |got - expected| <= this times 1 + |expected|.
#define TOLERANCE 1e-4
// Images of which the tests' own reader computes the logits.
#define READ_BACK 3

void samples_clear(void)
{
    static const char *const patterns[] = {"*.onnx",   "*.safetensors", "*.py",
                                           "*.logits", "*.json",        "*.losses"};
    for (size_t i = 0; i < ESP_COUNT(patterns); i++) {
        glob_t found;
        if (glob(patterns[i], 0, NULL, &found) != 0)
            continue;
        for (size_t j = 0; j < found.gl_pathc; j++)
            unlink(found.gl_pathv[j]);
        globfree(&found);
    }
}

const char *sample_file(const struct sample *s, const char *ending)
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

void sample_compile(struct sample *s, uint64_t batch, bool training)
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

void sample_input(struct sample *s, const struct images *images, uint64_t first, uint64_t count)
{
    const esp_shape *shape = &esp_graph_get(s->graph, 0)->shape;
    esp_random random = esp_random_stream(18, 0, 0, 0, 0);
    uint64_t channels = (uint64_t)shape->dims[1], area;
    cr_assert_leq(channels, SAMPLE_MOST_CHANNELS);
    s->elements = esp_shape_size(shape);
    area = s->elements / channels;
    // What images of such values are normalised with: a mean of 0.29 and a deviation of 0.35, a little
    // else in each channel.
    for (uint64_t c = 0; c < channels; c++) {
        s->shift[c] = (float)(0.24 + 0.1 * esp_random_real(&random));
        s->factor[c] = (float)(2.5 + 0.7 * esp_random_real(&random));
    }
    free(s->image);
    free(s->normalised);
    s->image = malloc(count * s->elements * sizeof(float));
    s->normalised = malloc(count * s->elements * sizeof(float));
    cr_assert(s->image && s->normalised);
    for (uint64_t n = 0; n < count; n++)
        images_fill(images, first + n, shape, s->image + n * s->elements);
    for (uint64_t i = 0; i < count * s->elements; i++) {
        uint64_t c = i / area % channels;
        s->normalised[i] = (s->image[i] - s->shift[c]) * s->factor[c];
    }
}

// The logits of all images, batch by batch.
static void forward(struct sample *s, uint64_t count)
{
    esp_tensor input = {.shape = esp_graph_get(s->graph, 0)->shape}, logits;
    const esp_engine_type *type = s->engine->type;
    for (uint64_t done = 0; done < count; done += (uint64_t)input.shape.dims[0]) {
        uint64_t batch = count - done < SAMPLE_BATCH ? count - done : SAMPLE_BATCH;
        esp_forward pass = {
            .struct_size = sizeof pass, .inputs = &input, .input_count = 1, .batch = batch};
        input.data = s->normalised + done * s->elements;
        input.shape.dims[0] = (int64_t)batch;
        esp_status status = type->forward(s->program, &s->engine->call, &pass);
        if (status == ESP_OK)
            status = type->tensor(s->program, &s->engine->call, ESP_TENSOR_OUTPUT, "0", &logits);
        cr_assert_eq(status, ESP_OK, "%s: %s", s->name, s->engine->error.message);
        uint64_t size = esp_shape_size(&logits.shape) / batch; // its shape has the batch in it
        if (done == 0)
            s->logits = malloc(count * size * sizeof(float));
        cr_assert_not_null(s->logits);
        memcpy(s->logits + done * size, logits.data, batch * size * sizeof(float));
    }
    s->logits_shape = logits.shape;
    s->logits_shape.dims[0] = (int64_t)count;
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

void sample_write(const char *path, const float *data, uint64_t count)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(data, sizeof *data, count, file) == count, "%s", path);
    fclose(file);
}

json_t *sample_dims(const esp_shape *shape, uint64_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < shape->rank; i++)
        json_array_append_new(list, json_integer(i ? shape->dims[i] : (json_int_t)count));
    return list;
}

void sample_export(struct sample *s, const char *arch)
{
    const esp_shape *in = &esp_graph_get(s->graph, 0)->shape;
    struct export_network network = {.graph = s->graph,
                                     .shift = s->shift,
                                     .factor = s->factor,
                                     .channels = (uint64_t)in->dims[1],
                                     .arch = arch,
                                     .name = s->name};
    const char *trained = sample_file(s, "trained");
    write_weights(s, trained);
    esp_status status = weights_open(&network.weights, trained, s->graph, &s->error);
    if (status == ESP_OK)
        status = export_onnx(&network, sample_file(s, "onnx"), &s->error);
    if (status == ESP_OK)
        status = export_safetensors(&network, sample_file(s, "safetensors"), &s->error);
    if (status == ESP_OK)
        status = export_torch(&network, sample_file(s, "py"), &s->error);
    cr_assert_eq(status, ESP_OK, "%s: %s", s->name, s->error.message);
    safetensors_close(network.weights);
    unlink(trained);
}

static void write_files(struct sample *s, const char *arch)
{
    const esp_shape *in = &esp_graph_get(s->graph, 0)->shape, *out = &s->logits_shape;
    uint64_t count = (uint64_t)out->dims[0];
    sample_export(s, arch);
    sample_write(sample_file(s, "logits"), s->logits, esp_shape_size(out));
    json_t *json = json_pack("{s:o, s:o, s:s}", "input", sample_dims(in, count), "logits",
                             sample_dims(out, count), "arch", arch);
    json_dump_file(json, sample_file(s, "json"), JSON_COMPACT);
    json_decref(json);
}

// ---- Reading back -------------------------------------------------------------------------------

static void read_back(struct sample *s)
{
    struct tensor got = {0};
    char why[1200];
    Onnx__ModelProto *proto = model_load(sample_file(s, "onnx"));
    cr_expect_str_eq(proto->graph->input[0]->name, "image");
    cr_expect_str_eq(proto->graph->output[0]->name, "logits");
    cr_expect_eq(proto->opset_import[0]->version, 17);
    bool done = model_walk(s->engine, proto, s->image, READ_BACK, &got, why, sizeof why);
    cr_expect(done, "%s: %s", s->name, done ? "" : why);
    esp_shape shape = s->logits_shape;
    shape.dims[0] = READ_BACK;
    bool same = done && got.shape.rank == shape.rank &&
                memcmp(got.shape.dims, shape.dims, got.shape.rank * sizeof got.shape.dims[0]) == 0;
    cr_expect(same, "%s: the logits have another shape", s->name);
    for (uint64_t i = 0; same && i < got.size; i++) {
        double want = (double)s->logits[i], have = (double)got.data[i];
        if (fabs(have - want) <= TOLERANCE * (1.0 + fabs(want)))
            continue;
        cr_expect(false, "%s: element %llu is %.9g, expected %.9g", s->name, (unsigned long long)i,
                  have, want);
        break;
    }
    free(got.data);
    onnx__model_proto__free_unpacked(proto, NULL);
}

void sample_free(struct sample *s)
{
    s->engine->type->release(s->engine->self, s->program);
    free(s->image);
    free(s->normalised);
    free(s->logits);
}

void sample_check(struct engine *engine, const struct images *images, const esp_graph *graph,
                  const char *name, const char *arch)
{
    struct sample s = {.engine = engine, .name = name, .graph = graph};
    error_clear(&s.error);
    error_clear(&engine->error);
    sample_compile(&s, SAMPLE_BATCH, false);
    sample_input(&s, images, 0, images->count);
    forward(&s, images->count);
    write_files(&s, arch);
    read_back(&s);
    sample_free(&s);
}
