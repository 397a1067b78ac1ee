// SPDX-License-Identifier: Apache-2.0
// The dataset `images`: a folder a class of PNG or JPEG files. Finding them is tree.c's, decoding
// picture.c's, bringing them to one shape resize.c's.
#include <espalier/support/held_out.h>
#include "resize.h"
#include "tree.h"

#include <espalier/plugin.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

static const char *const methods[] = {"area", "bilinear"}; // enum resize_method

static const esp_param images_params[] = {
    ESP_PARAM_PATH_REQUIRED("path", "folder with a folder for each class, or with train/ and, "
                                    "where there are such, valid/ and test/ that hold them"),
    ESP_HELD_OUT_PARAMS,
    ESP_PARAM_INT("channels", 3, 1, 3, "", "3: red, green, blue; 1: grey"),
    ESP_PARAM_INT("height", 32, 1, 4096, "pixels", "of all images, resized"),
    ESP_PARAM_INT("width", 32, 1, 4096, "pixels", "of all images, resized"),
    ESP_PARAM_CHOICE("resize", "area", methods,
                     "area: mean of the area that a pixel covers; bilinear: between the four "
                     "nearest"),
};

struct images {
    esp_dataset_info info;
    enum resize_method method;
    struct tree tree;
    const char **paths; // [info.file_count]: those of the tree
};

static void images_close(void *self)
{
    struct images *data = self;
    tree_free(&data->tree);
    free(data->paths);
    free(data);
}

static esp_status fail_memory(esp_create *create)
{
    return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
}

// Moves the files that `held` marks from the training to the test split.
static esp_status divide(struct tree *tree, const unsigned char *held, esp_create *create)
{
    struct image_list all = tree->splits[ESP_SPLIT_TRAIN];
    struct image_list *train = &tree->splits[ESP_SPLIT_TRAIN];
    esp_status status = ESP_OK;
    *train = (struct image_list){0};
    for (uint64_t i = 0; i < all.count; i++) {
        char *path = all.paths[i];
        all.paths[i] = NULL;
        if (status == ESP_OK)
            status = image_list_add(held[i] ? &tree->splits[ESP_SPLIT_TEST] : train, path,
                                    all.labels[i], &create->base);
        else
            free(path);
    }
    image_list_free(&all);
    return status;
}

static esp_status hold_out(struct tree *tree, esp_create *create)
{
    uint64_t count = tree->splits[ESP_SPLIT_TRAIN].count, drawn;
    if (esp_param_real(create, "test_fraction") == 0)
        return ESP_OK;
    if (tree->splits[ESP_SPLIT_TEST].count > 0)
        return esp_fail(create, ESP_ERROR_INVALID,
                        "test_fraction is given, and there is a folder test/; one of them was "
                        "expected");
    unsigned char *held = malloc(count);
    if (!held)
        return fail_memory(create);
    esp_status status = esp_held_out_draw(held, &drawn, count, "images", create);
    if (status == ESP_OK)
        status = divide(tree, held, create);
    free(held);
    return status;
}

static esp_status fill_info(struct images *data, esp_create *create)
{
    esp_dataset_info *info = &data->info;
    uint64_t count = 0;
    info->struct_size = sizeof *info;
    info->element = ESP_ELEMENT_U8;
    info->task = (esp_task){.struct_size = sizeof info->task,
                            .kind = ESP_TASK_IMAGES,
                            .channels = (uint64_t)esp_param_int(create, "channels"),
                            .height = (uint64_t)esp_param_int(create, "height"),
                            .width = (uint64_t)esp_param_int(create, "width"),
                            .classes = data->tree.class_count};
    for (uint32_t i = 0; i < ESP_SPLIT_COUNT; i++) {
        info->split_sizes[i] = data->tree.splits[i].count;
        count += info->split_sizes[i];
    }
    data->paths = malloc(count * sizeof *data->paths);
    if (!data->paths)
        return fail_memory(create);
    for (uint32_t i = 0; i < ESP_SPLIT_COUNT; i++)
        for (uint64_t j = 0; j < info->split_sizes[i]; j++)
            data->paths[info->file_count++] = data->tree.splits[i].paths[j];
    info->files = data->paths;
    return ESP_OK;
}

static esp_status images_open(esp_create *create, void **out)
{
    if (esp_param_int(create, "channels") == 2)
        return esp_fail(create, ESP_ERROR_INVALID,
                        "channels = 2; 3 (red, green, blue) or 1 (grey) was expected");
    struct images *data = calloc(1, sizeof *data);
    if (!data)
        return fail_memory(create);
    data->method = (enum resize_method)esp_param_int(create, "resize");
    esp_status status = tree_find(&data->tree, esp_param_text(create, "path"), &create->base);
    if (status == ESP_OK)
        status = hold_out(&data->tree, create);
    if (status == ESP_OK)
        status = fill_info(data, create);
    if (status != ESP_OK) {
        images_close(data);
        return status;
    }
    *out = data;
    return ESP_OK;
}

static const esp_dataset_info *images_info(void *self)
{
    return &((struct images *)self)->info;
}

static esp_status images_read(void *self, esp_read *read, uint32_t split, uint64_t first,
                              uint64_t count, void *samples, uint32_t *labels)
{
    const struct images *data = self;
    const struct image_list *list = &data->tree.splits[split];
    const esp_task *task = &data->info.task;
    unsigned char *out = samples;
    if (first > list->count || count > list->count - first)
        return esp_fail(read, ESP_ERROR_MISUSE,
                        "images %" PRIu64 " to %" PRIu64 " were asked of %" PRIu64, first,
                        first + count, list->count);
    for (uint64_t i = first; i < first + count; i++) {
        struct picture picture;
        esp_status status = picture_read(&picture, list->paths[i], &read->base);
        if (status == ESP_OK)
            status = resize(out, task->channels, task->height, task->width, &picture, data->method,
                            &read->base);
        picture_free(&picture);
        if (status != ESP_OK)
            return status;
        out += task->channels * task->height * task->width;
        *labels++ = list->labels[i];
    }
    return ESP_OK;
}

static void images_describe(esp_dataset_type *out)
{
    out->summary = "a folder a class of PNG or JPEG images, resized to one shape";
    out->source = "ISO/IEC 15948 (PNG), ISO/IEC 10918-1 (JPEG)";
    ESP_SET_PARAMS(out, images_params);
    out->open = images_open;
    out->close = images_close;
    out->describe = images_info;
    out->read = images_read;
}

ESP_PLUGIN("1.0.0", ESP_DATASET("images", images_describe))
