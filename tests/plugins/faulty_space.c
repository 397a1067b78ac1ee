// SPDX-License-Identifier: Apache-2.0
// A space whose networks are wrong, one way a value of `mode`, where its decision `bad` is drawn so;
// the others are what they should be.
#include <espalier/espalier.h>

#include <stdlib.h>
#include <unistd.h>

static const char *const modes[] = {"none",    "crash",    "crash_in_trace", "hang",
                                    "error",   "wordless", "no_output",      "too_small",
                                    "foreign", "twice",    "unknown"};

static const esp_param faulty_params[] = {
    ESP_PARAM_CHOICE("mode", "none", modes, "what is wrong"),
};

static esp_status faulty_create(esp_create *create, void **out)
{
    *out = (void *)(uintptr_t)esp_param_text(create, "mode");
    return ESP_OK;
}

static void faulty_destroy(void *self)
{
    (void)self;
}

static esp_status build_wrong(const char *mode, esp_builder *b, esp_node x)
{
    static volatile int *nowhere;
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = 4;
    options.kernel = 3;
    if (strcmp(mode, "crash") == 0)
        *nowhere = 1;
    if (strcmp(mode, "hang") == 0)
        for (;;)
            pause();
    if (strcmp(mode, "error") == 0)
        return esp_fail(b, ESP_ERROR, "it does not like this one");
    if (strcmp(mode, "wordless") == 0)
        return ESP_ERROR;
    if (strcmp(mode, "no_output") == 0) {
        esp_conv(b, "conv", x, options);
        return ESP_OK;
    }
    if (strcmp(mode, "too_small") == 0) {
        options.kernel = 99;
        options.valid = 1;
    }
    if (strcmp(mode, "foreign") == 0)
        x.id = 7000;
    if (strcmp(mode, "twice") == 0)
        esp_conv(b, "conv", x, options);
    if (strcmp(mode, "unknown") == 0)
        x = esp_unary(b, "Recieve", x);
    return esp_classifier(b, esp_conv(b, "conv", x, options));
}

static esp_status faulty_build(void *self, esp_builder *b)
{
    static const char *const no_yes[] = {"no", "yes"};
    static volatile int *nowhere;
    const char *mode = self;
    esp_node x = esp_input(b);
    uint64_t bad = esp_choose_one(b, "bad", no_yes, 2);
    if (bad && strcmp(mode, "crash_in_trace") == 0)
        *nowhere = 1;
    if (bad && strcmp(mode, "none") != 0 && !esp_tracing(b))
        return build_wrong(mode, b, x);
    return esp_classifier(b, esp_relu(b, x));
}

static void faulty_describe(esp_space_type *out)
{
    out->summary = "networks that are wrong";
    ESP_SET_PARAMS(out, faulty_params);
    out->create = faulty_create;
    out->destroy = faulty_destroy;
    out->build = faulty_build;
}

ESP_PLUGIN("1.0.0", ESP_SPACE("faulty", faulty_describe))
