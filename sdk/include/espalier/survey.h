// SPDX-License-Identifier: Apache-2.0
// The survey: a deterministic list of the decision paths and domains of a space, for strategies
// that need vectors of fixed length. It is exhaustive where the space is small, else made from
// 1,000 seeded samples; frozen before the first trial.
#ifndef ESPALIER_SURVEY_H
#define ESPALIER_SURVEY_H

#include <espalier/arch.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct esp_survey esp_survey;
struct esp_survey_api;

// Owner: the host; lives as long as the run. [coordinator] [created]
struct esp_survey {
    esp_handle base;
    const struct esp_survey_api *api;
};

typedef struct esp_survey_api {
    uint64_t struct_size;
    uint64_t (*count)(const esp_survey *survey);
    const char *(*path)(const esp_survey *survey, uint64_t i);
    const esp_domain *(*domain)(const esp_survey *survey, uint64_t i);
    double (*presence)(const esp_survey *survey, uint64_t i);
    uint64_t (*width)(const esp_survey *survey);
    uint64_t (*encode)(const esp_survey *survey, const esp_arch *arch, double *vector,
                       uint64_t width);
} esp_survey_api;

// How many decision paths were met. One path with two domains counts twice.
static inline uint64_t esp_survey_count(const esp_survey *survey)
{
    return survey->api->count(survey);
}

// The path of row `i`, in the order in which the rows were first met.
static inline const char *esp_survey_path(const esp_survey *survey, uint64_t i)
{
    return survey->api->path(survey, i);
}

static inline const esp_domain *esp_survey_domain(const esp_survey *survey, uint64_t i)
{
    return survey->api->domain(survey, i);
}

// The share of the surveyed architectures that have this decision, in (0, 1].
static inline double esp_survey_presence(const esp_survey *survey, uint64_t i)
{
    return survey->api->presence(survey, i);
}

// The length of an encoding: per row ONE and SUBSET one number an option, INT and REAL one number,
// and one more for "absent" where presence < 1.
static inline uint64_t esp_survey_width(const esp_survey *survey)
{
    return survey->api->width(survey);
}

// Writes the encoding of `arch` to `vector` (`width` = esp_survey_width numbers in [0, 1]): options
// one-hot, ranges scaled (logarithmically where the domain is). Answers how many decisions of
// `arch` stand outside the survey; the host counts and reports them.
static inline uint64_t esp_survey_encode(const esp_survey *survey, const esp_arch *arch,
                                         double *vector, uint64_t width)
{
    return survey->api->encode(survey, arch, vector, width);
}

#ifdef __cplusplus
}
#endif

#endif
