// SPDX-License-Identifier: Apache-2.0
// Weights of classes in the loss; see class_weights.h.
#include "class_weights.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static esp_status refuse(esp_create *create, const char *text, uint64_t classes)
{
    return esp_fail(create, ESP_ERROR_INVALID,
                    "class_weights: expected none, balanced, or %llu numbers of 0 or more, one a "
                    "class and not all of them 0, with commas between; got '%s'",
                    (unsigned long long)classes, text);
}

static esp_status read_list(double *out, esp_create *create, const char *text, uint64_t classes)
{
    const char *at = text;
    double sum = 0.0;
    for (uint64_t c = 0; c < classes; c++) {
        char *end = NULL;
        out[c] = strtod(at, &end);
        if (end == at || !isfinite(out[c]) || out[c] < 0.0)
            return refuse(create, text, classes);
        sum += out[c];
        end += strspn(end, " \t");
        if (*end != (c + 1 < classes ? ',' : '\0'))
            return refuse(create, text, classes);
        at = end + 1;
    }
    return sum > 0.0 && isfinite(sum) ? ESP_OK : refuse(create, text, classes);
}

esp_status class_weights_read(struct class_weights *out, esp_create *create, uint64_t classes)
{
    const char *text = esp_param_text(create, "class_weights");
    *out = (struct class_weights){.balanced = strcmp(text, "balanced") == 0};
    if (out->balanced || strcmp(text, "none") == 0)
        return ESP_OK;
    out->values = calloc(classes, sizeof *out->values);
    if (!out->values)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    return read_list(out->values, create, text, classes);
}

void class_weights_free(struct class_weights *weights)
{
    free(weights->values);
    weights->values = NULL;
}

esp_status class_weights_balance(double *out, uint64_t classes, esp_evaluation *e, uint32_t *labels,
                                 uint64_t *indices, uint64_t room)
{
    uint64_t size = 0, present = 0;
    esp_status status = esp_evaluation_data_size(e, ESP_SPLIT_TRAIN, &size);
    memset(out, 0, classes * sizeof *out);
    for (uint64_t first = 0; status == ESP_OK && first < size; first += room) {
        uint64_t count = size - first < room ? size - first : room;
        for (uint64_t i = 0; i < count; i++)
            indices[i] = first + i;
        status = esp_evaluation_read(e, ESP_SPLIT_TRAIN, indices, count, NULL, labels);
        for (uint64_t i = 0; status == ESP_OK && i < count; i++)
            if (labels[i] < classes)
                out[labels[i]] += 1.0;
    }
    for (uint64_t c = 0; c < classes; c++)
        present += out[c] > 0.0;
    for (uint64_t c = 0; c < classes; c++)
        if (out[c] > 0.0)
            out[c] = (double)size / ((double)present * out[c]);
    return status;
}
