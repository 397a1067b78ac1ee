// SPDX-License-Identifier: Apache-2.0
// Weights and checkpoints in files; see checkpoint.h. Weight paths and names hold no colon, so that
// prefixes tell what a tensor is.
#include "evaluate/checkpoint.h"

#include "graph/operators.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CURVE "espalier:curve"

// ---- Gathering what is written ----------------------------------------------------------------

struct gathered {
    struct safetensors_entry *entries;
    char **names;
    uint64_t count, capacity;
    bool optimizer; // its state too
};

static void gathered_free(struct gathered *gathered)
{
    for (uint64_t i = 0; i < gathered->count; i++)
        free(gathered->names[i]);
    free(gathered->names);
    free(gathered->entries);
}

static bool reserve_one(struct gathered *gathered)
{
    if (gathered->count < gathered->capacity)
        return true;
    uint64_t capacity = gathered->capacity ? 2 * gathered->capacity : 64;
    void *entries = realloc(gathered->entries, capacity * sizeof *gathered->entries);
    if (entries)
        gathered->entries = entries;
    void *names = realloc(gathered->names, capacity * sizeof *gathered->names);
    if (names)
        gathered->names = names;
    if (!entries || !names)
        return false;
    gathered->capacity = capacity;
    return true;
}

// `shape` and `data` live until the file is written.
static esp_status gather(struct gathered *gathered, const char *prefix, const char *name,
                         const esp_shape *shape, const float *data, struct error *error)
{
    char *whole = NULL;
    if (!reserve_one(gathered) || asprintf(&whole, "%s%s", prefix, name) < 0)
        return error_memory(error);
    gathered->names[gathered->count] = whole;
    gathered->entries[gathered->count++] =
        (struct safetensors_entry){whole, shape->rank, shape->dims, data};
    return ESP_OK;
}

// All bits zero: a negative zero is kept.
static bool all_zero(const float *data, uint64_t size)
{
    uint32_t bits = 0;
    for (uint64_t i = 0; i < size; i++) {
        uint32_t one;
        memcpy(&one, &data[i], sizeof one);
        bits |= one;
    }
    return bits == 0;
}

static esp_status gather_weight(struct program *program, const esp_weight *weight, void *self)
{
    static const struct {
        uint32_t which;
        const char *prefix;
    } kinds[] = {
        {ESP_TENSOR_WEIGHT, ""}, {ESP_TENSOR_FIRST, "first:"}, {ESP_TENSOR_SECOND, "second:"}};
    struct gathered *gathered = self;
    bool trained = gathered->optimizer && weight->role == ESP_WEIGHT_TRAINED;
    esp_status status = ESP_OK;
    for (int i = 0; status == ESP_OK && i < (trained ? 3 : 1); i++) {
        float *data = NULL;
        status = program_weight(program, kinds[i].which, weight, &data);
        if (status == ESP_OK && (i == 0 || !all_zero(data, esp_shape_size(&weight->shape))))
            status = gather(gathered, kinds[i].prefix, weight->path, &weight->shape, data,
                            program_error(program));
    }
    return status;
}

esp_status weights_write(struct program *program, const char *path)
{
    struct gathered gathered = {0};
    esp_status status = program_each_weight(program, gather_weight, &gathered);
    if (status == ESP_OK)
        status = safetensors_write(path, gathered.entries, gathered.count, NULL, 0,
                                   program_error(program));
    gathered_free(&gathered);
    return status;
}

// ---- Weights alone ----------------------------------------------------------------------------

static const esp_weight *weight_of(const esp_graph_node *node, uint64_t i)
{
    const char *row = (const char *)node->weights;
    return (const esp_weight *)(const void *)(row + i * node->weight_stride);
}

static esp_status check_weight(struct safetensors *file, const char *path, const esp_weight *weight,
                               struct error *error)
{
    struct safetensors_entry entry;
    char has[SHAPE_WORDS_SIZE], needs[SHAPE_WORDS_SIZE];
    if (!safetensors_find(file, "", weight->path, &entry))
        return error_set(
            error, ESP_ERROR_DATA,
            "%s: it lacks the tensor '%s' of the network; expected the weights of this "
            "architecture",
            path, weight->path);
    if (safetensors_shaped(&entry, &weight->shape))
        return ESP_OK;
    esp_shape shape = {.rank = entry.rank};
    for (uint32_t i = 0; i < entry.rank && i < ESP_MAX_RANK; i++)
        shape.dims[i] = entry.dims[i];
    shape_words(has, sizeof has, &shape);
    shape_words(needs, sizeof needs, &weight->shape);
    return error_set(error, ESP_ERROR_DATA, "%s: the tensor '%s' is %s, the network's is %s", path,
                     weight->path, has, needs);
}

static bool has_weight(const esp_graph *graph, const char *path)
{
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        for (uint64_t j = 0; j < node->weight_count; j++)
            if (strcmp(weight_of(node, j)->path, path) == 0)
                return true;
    }
    return false;
}

// After all weights of the graph were found: what else there is, beside the parts of a checkpoint, is
// another network's.
static esp_status check_no_others(const struct safetensors *file, const char *path,
                                  const esp_graph *graph, struct error *error)
{
    uint64_t weights = 0, others = 0;
    const char *first = NULL;
    for (uint64_t i = 0; i < esp_graph_node_count(graph); i++)
        weights += esp_graph_get(graph, i)->weight_count;
    for (uint64_t i = 0; i < safetensors_count(file); i++)
        others += strchr(safetensors_get(file, i).name, ':') == NULL;
    if (others <= weights)
        return ESP_OK;
    for (uint64_t i = 0; !first && i < safetensors_count(file); i++) {
        const char *name = safetensors_get(file, i).name;
        if (!strchr(name, ':') && !has_weight(graph, name))
            first = name;
    }
    return error_set(error, ESP_ERROR_DATA,
                     "%s: it has the tensor '%s', which the network has not (%llu such tensors in "
                     "all); expected the weights of this architecture",
                     path, first ? first : "", (unsigned long long)(others - weights));
}

esp_status weights_open(struct safetensors **out, const char *path, const esp_graph *graph,
                        struct error *error)
{
    struct safetensors *file = NULL;
    esp_status status = safetensors_open(&file, path, error);
    for (uint64_t i = 0; status == ESP_OK && i < esp_graph_node_count(graph); i++) {
        const esp_graph_node *node = esp_graph_get(graph, i);
        for (uint64_t j = 0; status == ESP_OK && j < node->weight_count; j++)
            status = check_weight(file, path, weight_of(node, j), error);
    }
    if (status == ESP_OK)
        status = check_no_others(file, path, graph, error);
    if (status != ESP_OK) {
        safetensors_close(file);
        return status;
    }
    *out = file;
    return ESP_OK;
}

static esp_status read_weight(struct program *program, const esp_weight *weight, void *self)
{
    struct safetensors_entry entry = {0};
    float *data = NULL;
    esp_status status = program_weight(program, ESP_TENSOR_WEIGHT, weight, &data);
    if (status == ESP_OK && safetensors_find(self, "", weight->path, &entry))
        memcpy(data, entry.data, esp_shape_size(&weight->shape) * sizeof *data);
    return status;
}

esp_status weights_read(struct program *program, const char *path, const esp_graph *graph)
{
    struct safetensors *file = NULL;
    esp_status status = weights_open(&file, path, graph, program_error(program));
    if (status == ESP_OK)
        status = program_each_weight(program, read_weight, file);
    safetensors_close(file);
    return status;
}

// ---- Checkpoints ------------------------------------------------------------------------------

static esp_status check_name(const char *name, struct error *error)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_.-/";
    if (name && name[0] && name[strspn(name, allowed)] == '\0')
        return ESP_OK;
    return error_set(error, ESP_ERROR_MISUSE,
                     "a checkpoint's name '%s': expected letters, digits, '_', '.', '-', '/'",
                     name ? name : "");
}

static esp_status gather_own(struct gathered *gathered, const esp_checkpoint *checkpoint,
                             struct error *error)
{
    const char *row = (const char *)checkpoint->tensors;
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < checkpoint->tensor_count;
         i++, row += checkpoint->tensor_stride) {
        const esp_named_tensor *own = (const esp_named_tensor *)(const void *)row;
        const esp_shape *shape = &own->tensor.shape;
        status = check_name(own->name, error);
        bool sized = shape->rank <= ESP_MAX_RANK;
        for (uint32_t d = 0; sized && d < shape->rank; d++)
            sized = shape->dims[d] >= 0;
        if (status == ESP_OK && (!sized || !own->tensor.data))
            status = error_set(error, ESP_ERROR_MISUSE,
                               "a checkpoint's tensor '%s': expected a whole shape and its data",
                               own->name);
        if (status == ESP_OK)
            status = gather(gathered, "own:", own->name, shape, own->tensor.data, error);
    }
    return status;
}

// `notes` and `texts` have room for all numbers.
static esp_status note_numbers(const esp_checkpoint *checkpoint, struct safetensors_note *notes,
                               char (*texts)[32], struct error *error)
{
    const char *row = (const char *)checkpoint->numbers;
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < checkpoint->number_count;
         i++, row += checkpoint->number_stride) {
        const esp_named_number *number = (const esp_named_number *)(const void *)row;
        status = check_name(number->name, error);
        snprintf(texts[i], sizeof texts[i], "%a", number->value);
        notes[i] = (struct safetensors_note){number->name, texts[i]};
    }
    return status;
}

esp_status checkpoint_write(const esp_checkpoint *checkpoint, const char *path, const char *curve,
                            struct error *error)
{
    uint64_t count = checkpoint->number_count;
    struct program *program = checkpoint->program ? program_from_handle(checkpoint->program) : NULL;
    struct gathered gathered = {.optimizer = program && program_trains(program)};
    struct safetensors_note *notes = calloc(count + 1, sizeof *notes);
    char(*texts)[32] = calloc(count + 1, sizeof *texts);
    esp_status status = notes && texts ? ESP_OK : error_memory(error);
    if (status == ESP_OK && program)
        status = program_each_weight(program, gather_weight, &gathered);
    if (status == ESP_OK)
        status = gather_own(&gathered, checkpoint, error);
    if (status == ESP_OK)
        status = note_numbers(checkpoint, notes, texts, error);
    if (status == ESP_OK && curve)
        notes[count++] = (struct safetensors_note){CURVE, curve};
    if (status == ESP_OK)
        status = safetensors_write(path, gathered.entries, gathered.count, notes, count, error);
    gathered_free(&gathered);
    free(notes);
    free(texts);
    return status;
}

// ---- Restoring --------------------------------------------------------------------------------

struct source {
    struct safetensors *file;
    const char *path;
};

static esp_status restore_one(struct program *program, const struct source *source, uint32_t which,
                              const char *prefix, const esp_weight *weight)
{
    float *data = NULL;
    struct safetensors_entry entry;
    struct error *error = program_error(program);
    uint64_t bytes = esp_shape_size(&weight->shape) * sizeof *data;
    esp_status status = program_weight(program, which, weight, &data);
    if (status != ESP_OK)
        return status;
    if (safetensors_find(source->file, prefix, weight->path, &entry)) {
        if (!safetensors_shaped(&entry, &weight->shape))
            return error_set(error, ESP_ERROR_DATA,
                             "%s: the tensor '%s%s' has another shape than the network's",
                             source->path, prefix, weight->path);
        memcpy(data, entry.data, bytes);
    } else if (which == ESP_TENSOR_WEIGHT) {
        return error_set(error, ESP_ERROR_DATA, "%s: it lacks the tensor '%s' of the network",
                         source->path, weight->path);
    } else {
        memset(data, 0, bytes);
    }
    return ESP_OK;
}

static esp_status restore_weight(struct program *program, const esp_weight *weight, void *self)
{
    const struct source *source = self;
    esp_status status = restore_one(program, source, ESP_TENSOR_WEIGHT, "", weight);
    if (weight->role != ESP_WEIGHT_TRAINED || !program_trains(program))
        return status;
    if (status == ESP_OK)
        status = restore_one(program, source, ESP_TENSOR_FIRST, "first:", weight);
    if (status == ESP_OK)
        status = restore_one(program, source, ESP_TENSOR_SECOND, "second:", weight);
    return status;
}

esp_status checkpoint_restore(struct program *program, struct safetensors *file, const char *path)
{
    struct source source = {file, path};
    return program_each_weight(program, restore_weight, &source);
}

double checkpoint_number(struct safetensors *file, const char *name, double missing)
{
    const char *text = safetensors_note(file, name);
    return text ? strtod(text, NULL) : missing;
}

esp_status checkpoint_tensor(struct safetensors *file, const char *name, const esp_shape *shape,
                             float *out, struct error *error)
{
    struct safetensors_entry entry;
    if (!safetensors_find(file, "own:", name, &entry))
        return error_set(error, ESP_ERROR_NOT_FOUND, "the checkpoint has no tensor '%s'", name);
    if (!safetensors_shaped(&entry, shape))
        return error_set(error, ESP_ERROR_DATA,
                         "the checkpoint's tensor '%s' has another shape than asked for", name);
    memcpy(out, entry.data, esp_shape_size(shape) * sizeof *out);
    return ESP_OK;
}

const char *checkpoint_curve(struct safetensors *file)
{
    return safetensors_note(file, CURVE);
}
