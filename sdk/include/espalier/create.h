// SPDX-License-Identifier: Apache-2.0
// What a plugin's create is given: its resolved parameters, the task, and, for a wrapper, what it
// wraps.
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

typedef struct esp_create_api {
    uint64_t struct_size;
    int64_t (*param_int)(esp_create *create, const char *name);
    double (*param_real)(esp_create *create, const char *name);
    const char *(*param_text)(esp_create *create, const char *name);
    const int64_t *(*param_ints)(esp_create *create, const char *name, uint64_t *count);
    const char *const *(*param_names)(esp_create *create, const char *name, uint64_t *count);
    const esp_task *(*task)(esp_create *create);
    uint64_t (*seed)(esp_create *create);
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
// the create of a dataset and of an executor. Owner: the host; lives until destroy.
static inline const esp_task *esp_create_task(esp_create *create)
{
    return create->api->task(create);
}

// The run's seed. Streams are handed out by the host where they are needed; the seed is for a
// dataset that is made, not read.
static inline uint64_t esp_create_seed(esp_create *create)
{
    return create->api->seed(create);
}

#ifdef __cplusplus
}
#endif

#endif
