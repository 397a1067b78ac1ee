// SPDX-License-Identifier: Apache-2.0
// What a plugin's create is given: its resolved parameters, the task, and, for a wrapper, what it
// wraps.
//
// Clauses, as `espalier check` cites them:
//   1  The defaults of a parameter table serve, where the task is one that the plugin serves;
//      several instances live side by side.
//   2  A create that fails says why and leaves nothing behind; any allocation may fail.
#ifndef ESPALIER_CREATE_H
#define ESPALIER_CREATE_H

#include <espalier/handle.h>
#include <espalier/param.h>
#include <espalier/task.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct esp_create esp_create;
struct esp_create_api;

// The handle of one create. [any] [create]
struct esp_create {
    esp_handle base;
    const struct esp_create_api *api;
};

// Which architectures are one to a table.
enum {
    ESP_IDENTITY_DECISIONS = 1, // those of the same decisions: esp_arch_hash
    ESP_IDENTITY_CANONICAL = 2  // those of the same canonical form (ext/space_text.h)
};

// A value that an architecture's text does not hold: that of a searched parameter. [call]
typedef struct esp_text_pair {
    uint64_t struct_size;
    const char *path;  // "@section/key"
    const char *value; // as the INI would say it
} esp_text_pair;

typedef struct esp_create_api {
    uint64_t struct_size;
    int64_t (*param_int)(esp_create *create, const char *name);
    double (*param_real)(esp_create *create, const char *name);
    const char *(*param_text)(esp_create *create, const char *name);
    const int64_t *(*param_ints)(esp_create *create, const char *name, uint64_t *count);
    const char *const *(*param_names)(esp_create *create, const char *name, uint64_t *count);
    const esp_task *(*task)(esp_create *create);
    uint64_t (*seed)(esp_create *create);
    esp_status (*arch_hash)(esp_create *create, const char *text, const esp_text_pair *pairs,
                            uint64_t count, uint64_t stride, uint32_t identity, uint64_t *hash,
                            const char **reason);
    const char *(*space_identity)(esp_create *create);
    uint32_t (*wants_metric)(esp_create *create, const char *name);
} esp_create_api;

// The getters below take the name of a row of the plugin's own table. A name that is not in it, or
// is of another type, is the author's mistake: the getter answers zero and create fails, whatever
// it returns. Values were tested against the table before create is called. [any] [create]

// The value of an INT, a BOOL (0 or 1), or the index of a CHOICE in its list of choices.
static inline int64_t esp_param_int(esp_create *create, const char *name)
{
    return create->api->param_int(create, name);
}

// The value of a REAL.
static inline double esp_param_real(esp_create *create, const char *name)
{
    return create->api->param_real(create, name);
}

// The value of a TEXT, a PATH (absolute, or "" where none was given) or a CHOICE. Owner: the host;
// lives until destroy.
static inline const char *esp_param_text(esp_create *create, const char *name)
{
    return create->api->param_text(create, name);
}

// The values of an INTS, `count` of them. Owner: the host; lives until destroy.
static inline const int64_t *esp_param_ints(esp_create *create, const char *name, uint64_t *count)
{
    return create->api->param_ints(create, name, count);
}

// The values of a NAMES, `count` of them, in the order of the INI. Owner: the host; lives until
// destroy.
static inline const char *const *esp_param_names(esp_create *create, const char *name,
                                                 uint64_t *count)
{
    return create->api->param_names(create, name, count);
}

// The task: the shape of a sample and the number of classes, as the dataset describes them. NULL in
// the create of a dataset, an engine and an executor. Owner: the host; lives until destroy.
static inline const esp_task *esp_create_task(esp_create *create)
{
    return create->api->task(create);
}

// For a space that builds networks for images alone: says so, with ESP_ERROR_UNSUPPORTED, where the
// dataset has rows.
static inline esp_status esp_need_images(esp_create *create)
{
    if (esp_create_task(create)->kind == ESP_TASK_IMAGES)
        return ESP_OK;
    return esp_fail(create, ESP_ERROR_UNSUPPORTED,
                    "it builds networks for images, and the dataset has rows");
}

// The run's seed. Streams are handed out by the host where they are needed; the seed is for a
// dataset that is made, not read.
static inline uint64_t esp_create_seed(esp_create *create)
{
    return create->api->seed(create);
}

// The next two are for an estimator's create alone, elsewhere they answer ESP_ERROR_UNSUPPORTED and
// NULL. They are what a table needs whose keys are architectures of the run's space.

// The hash of the architecture that `text` (NUL-terminated) stands for: in the notation of the space,
// or as JSON (an object, or its list of decisions). `pairs`: the values of searched parameters,
// `count` of them; a pair may also name a parameter of the space, the estimator or the dataset that
// has one value in this run. `identity`: which hash, ESP_IDENTITY_*. Fails without a message of its
// own, so that the caller says where the text stands, with words in `*reason` (owner: the host; until
// the next call): ESP_ERROR_INVALID: it does not parse; ESP_ERROR_REJECTED: no member of this run's
// space, or another value than a parameter has; ESP_ERROR_UNSUPPORTED: the space has no such notation
// or form. Costs a pass of the space.
static inline esp_status esp_create_arch_hash(esp_create *create, const char *text,
                                              const esp_text_pair *pairs, uint64_t count,
                                              uint32_t identity, uint64_t *hash,
                                              const char **reason)
{
    *reason = "the host parses no architectures";
    if (!ESP_HAS(esp_create_api, create->api, arch_hash))
        return ESP_ERROR_UNSUPPORTED;
    return create->api->arch_hash(create, text, pairs, count, sizeof(esp_text_pair), identity, hash,
                                  reason);
}

// All that esp_create_arch_hash depends on but its arguments and the estimator's own parameters, as
// text: the space, its build, its parameters and the dataset's, what is searched and fixed. For the
// key of a cache. Owner: the host; lives until destroy.
static inline const char *esp_create_space_identity(esp_create *create)
{
    return ESP_HAS(esp_create_api, create->api, space_identity)
               ? create->api->space_identity(create)
               : NULL;
}

// For an estimator's create: 1 if the run's [objective] names this metric, to be made larger or smaller or
// in `subject_to`. So that a metric that costs something is declared where it is wanted.
static inline uint32_t esp_create_wants_metric(esp_create *create, const char *name)
{
    return ESP_HAS(esp_create_api, create->api, wants_metric)
               ? create->api->wants_metric(create, name)
               : 0;
}

#ifdef __cplusplus
}
#endif

#endif
