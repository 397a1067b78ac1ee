// SPDX-License-Identifier: Apache-2.0
// The NK landscape over decisions (Kauffman and Levin 1987; Kauffman 1993): a formula that stands in
// for training, with as much interaction between decisions as wanted. Each decision contributes a
// number in [0, 1) that depends on its value and on the values of the next K decisions of the trace;
// fitness is their mean. It costs about a microsecond and knows nothing of networks: for trying
// strategies and the platform itself.
//
// The contribution of a combination is one draw of the Philox generator keyed with a hash of the
// paths and values that take part, so no table is stored and conditional decisions need no care.
// Reals count by the thirty-second of their range that they lie in.
#include <espalier/espalier.h>

#include <stdlib.h>

#define REAL_LEVELS 32.0

struct landscape {
    uint64_t k;
    uint64_t seed;
    esp_estimator_info info;
};

static const esp_param landscape_params[] = {
    ESP_PARAM_INT("k", 2, 0, 64, "decisions",
                  "how many other decisions each contribution depends on: 0 is smooth"),
    ESP_PARAM_INT("landscape_seed", 0, 0, INT64_MAX, "", "which landscape"),
};

static const esp_metric landscape_metrics[] = {
    ESP_METRIC_ROW("fitness", "", 0, ESP_BETTER_HIGHER),
};

// A step of FNV-1a over 64-bit words (Fowler, Noll, Vo), with a final mix by multiplication high.
static uint64_t mix(uint64_t hash, uint64_t word)
{
    uint64_t low;
    uint64_t high = esp_random_multiply_high(hash ^ word, UINT64_C(0x9E3779B97F4A7C15), &low);
    return (high ^ low) + UINT64_C(0xD6E8FEB86659FD93);
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001B3);
    return hash;
}

static uint64_t value_word(const esp_domain *domain, esp_value value)
{
    uint64_t word = 0;
    double span;
    switch (value.kind) {
    case ESP_DECISION_ONE:
        return value.as.index;
    case ESP_DECISION_INT:
        return (uint64_t)value.as.integer;
    case ESP_DECISION_REAL:
        span = domain->real_max - domain->real_min;
        return span > 0 ? (uint64_t)(REAL_LEVELS * (value.as.real - domain->real_min) / span) : 0;
    default:
        for (uint32_t i = 0; i < value.count; i++)
            word = mix(word, value.as.indices[i] + 1u);
        return word;
    }
}

static uint64_t decision_word(const esp_arch *arch, uint64_t i)
{
    return mix(mix_text(UINT64_C(0xCBF29CE484222325), esp_arch_path(arch, i)),
               value_word(esp_arch_domain(arch, i), esp_arch_value(arch, i)));
}

static double fitness(const struct landscape *landscape, const esp_arch *arch)
{
    enum { KEPT = 256 };
    uint64_t words[KEPT];
    uint64_t count = esp_arch_count(arch);
    double sum = 0;
    for (uint64_t i = 0; i < count && i < KEPT; i++)
        words[i] = decision_word(arch, i);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t hash = 0;
        for (uint64_t j = 0; j <= landscape->k && j < count; j++) {
            uint64_t place = (i + j) % count;
            hash = mix(hash, place < KEPT ? words[place] : decision_word(arch, place));
        }
        esp_random draw = esp_random_stream(landscape->seed, hash, 0, 0, 0);
        sum += esp_random_real(&draw);
    }
    return count ? sum / (double)count : 0.0;
}

static esp_status landscape_create(esp_create *create, void **out)
{
    struct landscape *landscape = calloc(1, sizeof *landscape);
    if (!landscape)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    landscape->k = (uint64_t)esp_param_int(create, "k");
    landscape->seed = (uint64_t)esp_param_int(create, "landscape_seed");
    landscape->info.struct_size = sizeof landscape->info;
    landscape->info.metrics = landscape_metrics;
    landscape->info.metric_count = ESP_COUNT(landscape_metrics);
    landscape->info.metric_stride = sizeof landscape_metrics[0];
    *out = landscape;
    return ESP_OK;
}

static void landscape_destroy(void *self)
{
    free(self);
}

static const esp_estimator_info *landscape_info(void *self)
{
    const struct landscape *landscape = self;
    return &landscape->info;
}

static esp_status landscape_evaluate(void *self, esp_evaluation *e)
{
    return esp_evaluation_metric(e, "fitness", fitness(self, esp_evaluation_arch(e)));
}

static const void *landscape_ability(const char *id)
{
    static const esp_estimator_cheap cheap = {sizeof(esp_estimator_cheap), 0, 0};
    return strcmp(id, ESP_ESTIMATOR_CHEAP) == 0 ? &cheap : NULL;
}

static void landscape_describe(esp_estimator_type *out)
{
    out->summary = "the NK landscape: a formula over decisions, for trying strategies";
    out->source = "Kauffman and Levin 1987";
    ESP_SET_PARAMS(out, landscape_params);
    out->create = landscape_create;
    out->destroy = landscape_destroy;
    out->describe = landscape_info;
    out->evaluate = landscape_evaluate;
    out->ability = landscape_ability;
}

ESP_PLUGIN("0.1.0", ESP_ESTIMATOR("nk_landscape", landscape_describe))
