// SPDX-License-Identifier: Apache-2.0
// Inputs of the networks; see inputs.h.
#include "inputs.h"

#include <stdlib.h>

// Which paths there are is taken from so many samples.
#define SAMPLES 1000
#define STREAM UINT64_C(0x7061746873) // "paths"

static esp_status make_paths(struct inputs *inputs, esp_search *search)
{
    esp_random random = esp_random_stream(esp_search_random(search)->key[0], STREAM, 0, 0, 0);
    if (inputs->encoding == ENCODING_TRACE)
        return ESP_OK;
    esp_status status =
        esp_path_encoding_create(&inputs->paths, search, &random, SAMPLES, inputs->most_paths);
    if (status == ESP_ERROR_UNSUPPORTED && inputs->encoding == ENCODING_AUTO)
        return ESP_OK;
    if (status == ESP_ERROR_UNSUPPORTED)
        return esp_fail(
            search, status,
            "encoding = path: the space does not say which paths its members have, or they "
            "have more than %u (encoding = trace serves every space)",
            ESP_CELL_PATHS_MOST);
    return status;
}

// Parameters that are searched stand outside the cells: paths do not tell them.
static int tells_all(const esp_survey *survey)
{
    for (uint64_t i = 0; i < esp_survey_count(survey); i++)
        if (esp_survey_path(survey, i)[0] == '@')
            return 0;
    return 1;
}

esp_status inputs_prepare(struct inputs *inputs, esp_search *search)
{
    if (inputs->width > 0)
        return ESP_OK;
    esp_status status = esp_search_survey(search, &inputs->survey);
    if (status != ESP_OK)
        return status;
    if (!tells_all(inputs->survey) && inputs->encoding == ENCODING_PATH)
        return esp_fail(
            search, ESP_ERROR_UNSUPPORTED,
            "encoding = path does not tell searched parameters (@...) apart; encoding = "
            "trace does");
    if (tells_all(inputs->survey))
        status = make_paths(inputs, search);
    if (status != ESP_OK)
        return status;
    uint64_t width =
        inputs->paths ? esp_path_encoding_width(inputs->paths) : esp_survey_width(inputs->survey);
    inputs->numbers = malloc((width + 1) * sizeof *inputs->numbers);
    if (!inputs->numbers)
        return esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
    inputs->width = width ? width : 1; // a space of one member has one constant
    inputs->numbers[0] = 0.0;
    return ESP_OK;
}

esp_status inputs_write(const struct inputs *inputs, esp_search *search, const esp_arch *arch,
                        float *out)
{
    esp_status status = ESP_OK;
    if (inputs->paths)
        status = esp_path_encoding_write(inputs->paths, search, arch, inputs->numbers);
    else
        esp_survey_encode(inputs->survey, arch, inputs->numbers, esp_survey_width(inputs->survey));
    for (uint64_t i = 0; i < inputs->width; i++)
        out[i] = (float)inputs->numbers[i];
    return status;
}

void inputs_free(struct inputs *inputs)
{
    esp_path_encoding_destroy(inputs->paths);
    free(inputs->numbers);
}
