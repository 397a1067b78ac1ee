// SPDX-License-Identifier: Apache-2.0
// A box of numbers: so many reals and integers, each within the same bounds. It is the space of
// functions of numbers (an estimator that reads decisions alone, a foreign objective, a formula), on
// which a strategy can be looked at without any network's noise. The network that belongs to a member
// is the least there is: one linear layer.
#include <espalier/espalier.h>

#include <stdio.h>
#include <stdlib.h>

// Together they are the largest space; a name's digits have room for it.
#define NUMBERS_MOST 1000

struct box {
    int64_t reals, integers;
    double real_min, real_max;
    int64_t int_min, int_max;
    int64_t log;
};

static esp_status box_build(void *self, esp_builder *b)
{
    const struct box *box = self;
    esp_node x = esp_input(b);
    char name[32];
    for (int64_t i = 0; i < box->reals; i++) {
        snprintf(name, sizeof name, "x%lld", (long long)i);
        if (box->log)
            esp_choose_real_log(b, name, box->real_min, box->real_max);
        else
            esp_choose_real(b, name, box->real_min, box->real_max);
    }
    for (int64_t i = 0; i < box->integers; i++) {
        snprintf(name, sizeof name, "k%lld", (long long)i);
        esp_choose_int(b, name, box->int_min, box->int_max);
    }
    return esp_classifier(b, x);
}

// ---- The plugin ---------------------------------------------------------------------------------

static const esp_param box_params[] = {
    ESP_PARAM_INT("reals", 2, 0, NUMBERS_MOST, "", "how many reals: x0, x1, ..."),
    ESP_PARAM_REAL("real_min", -5, -1e300, 1e300, "", "least value of each real"),
    ESP_PARAM_REAL("real_max", 5, -1e300, 1e300, "", "largest value of each real"),
    ESP_PARAM_BOOL("log", 0, "the reals' scale is logarithmic; their least is above 0 then"),
    ESP_PARAM_INT("integers", 0, 0, NUMBERS_MOST, "", "how many integers: k0, k1, ..."),
    ESP_PARAM_INT("int_min", -5, -1000000000, 1000000000, "", "least value of each integer"),
    ESP_PARAM_INT("int_max", 5, -1000000000, 1000000000, "", "largest value of each integer"),
};

static void box_destroy(void *self)
{
    free(self);
}

static esp_status box_check(const struct box *box, esp_create *create)
{
    if (box->reals + box->integers == 0)
        return esp_fail(create, ESP_ERROR_INVALID, "reals and integers are both 0");
    if (box->real_min > box->real_max)
        return esp_fail(create, ESP_ERROR_INVALID, "real_min %g is larger than real_max %g",
                        box->real_min, box->real_max);
    if (box->log && box->real_min <= 0)
        return esp_fail(create, ESP_ERROR_INVALID, "log: real_min %g is not above 0",
                        box->real_min);
    if (box->int_min > box->int_max)
        return esp_fail(create, ESP_ERROR_INVALID, "int_min %lld is larger than int_max %lld",
                        (long long)box->int_min, (long long)box->int_max);
    return ESP_OK;
}

static esp_status box_create(esp_create *create, void **out)
{
    struct box *box = calloc(1, sizeof *box);
    if (!box)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    box->reals = esp_param_int(create, "reals");
    box->real_min = esp_param_real(create, "real_min");
    box->real_max = esp_param_real(create, "real_max");
    box->log = esp_param_int(create, "log");
    box->integers = esp_param_int(create, "integers");
    box->int_min = esp_param_int(create, "int_min");
    box->int_max = esp_param_int(create, "int_max");
    esp_status status = box_check(box, create);
    if (status != ESP_OK) {
        box_destroy(box);
        return status;
    }
    *out = box;
    return ESP_OK;
}

static void box_describe(esp_space_type *out)
{
    out->summary = "reals and integers within bounds: the space of functions of numbers";
    ESP_SET_PARAMS(out, box_params);
    out->create = box_create;
    out->destroy = box_destroy;
    out->build = box_build;
}

ESP_PLUGIN("1.0", ESP_SPACE("box", box_describe))
