// SPDX-License-Identifier: Apache-2.0
// Instances: what create is given and how its mistakes are told, for each kind.
#include "loader/instance.h"

#include "support/leak.h"

#include <criterion/criterion.h>
#include <espalier/plugin.h>
#include <stdlib.h>
#include <string.h>

// What the plugin below is to do, and what it saw: it has no state of its own.
static struct {
    void (*act)(esp_create *create);
    esp_status answer;
    uint64_t created, destroyed;
    const void *context; // the esp_search or esp_jobs that it was given
    void *self;
    esp_create *handle;
} plugin;

static int object;

static esp_status plugin_create(esp_create *create, void **out)
{
    plugin.created++;
    plugin.handle = create;
    if (plugin.act)
        plugin.act(create);
    *out = plugin.answer == ESP_OK ? &object : NULL;
    return plugin.answer;
}

static esp_status plugin_create_search(esp_create *create, esp_search *search, void **out)
{
    plugin.context = search;
    return plugin_create(create, out);
}

static esp_status plugin_create_jobs(esp_create *create, esp_jobs *jobs, void **out)
{
    plugin.context = jobs;
    return plugin_create(create, out);
}

static void plugin_destroy(void *self)
{
    plugin.destroyed++;
    plugin.self = self;
}

static const esp_space_type space = {.create = plugin_create, .destroy = plugin_destroy};
static const esp_strategy_type strategy = {.create = plugin_create_search,
                                           .destroy = plugin_destroy};
static const esp_estimator_type estimator = {.create = plugin_create, .destroy = plugin_destroy};
static const esp_dataset_type dataset = {.open = plugin_create, .close = plugin_destroy};
static const esp_engine_type engine = {.open = plugin_create, .close = plugin_destroy};
static const esp_executor_type executor = {.create = plugin_create_jobs, .destroy = plugin_destroy};

static const struct component components[] = {
    {.kind = ESP_KIND_SPACE, .id = "a", .type = &space},
    {.kind = ESP_KIND_STRATEGY, .id = "b", .type = &strategy},
    {.kind = ESP_KIND_ESTIMATOR, .id = "c", .type = &estimator},
    {.kind = ESP_KIND_DATASET, .id = "d", .type = &dataset},
    {.kind = ESP_KIND_ENGINE, .id = "e", .type = &engine},
    {.kind = ESP_KIND_EXECUTOR, .id = "f", .type = &executor},
};

static const char *const letters[] = {"x", "y", "z"};

static const esp_param table[] = {
    ESP_PARAM_INT("depth", 3, 1, 9, "layers", ""),
    ESP_PARAM_REAL("rate", 0.5, 0, 1, "", ""),
    ESP_PARAM_BOOL("flag", 1, ""),
    ESP_PARAM_TEXT("word", "hello", ""),
    ESP_PARAM_PATH("path", "", ""),
    ESP_PARAM_CHOICE("choice", "y", letters, ""),
    ESP_PARAM_INTS("ints", "4, 5, 6", 0, 9, "", ""),
    ESP_PARAM_NAMES("names", "z, x", letters, ""),
    ESP_PARAM_NAMES("none", "", letters, ""),
};

struct bench {
    struct config *config;
    struct parameters parameters;
    struct instance *instance;
    struct error error;
};

static void bench_open(struct bench *bench, const char *text)
{
    memset(bench, 0, sizeof *bench);
    memset(&plugin, 0, sizeof plugin);
    cr_assert_eq(config_parse(&bench->config, text, "test.ini", ".", &bench->error), ESP_OK, "%s",
                 bench->error.message);
    cr_assert_eq(parameters_resolve(&bench->parameters, table, ESP_COUNT(table), sizeof(esp_param),
                                    bench->config, "space", NULL, true, &bench->error),
                 ESP_OK, "%s", bench->error.message);
}

static void bench_close(struct bench *bench)
{
    parameters_destroy(&bench->parameters);
    config_destroy(bench->config);
}

static esp_status bench_create(struct bench *bench, uint32_t kind)
{
    error_clear(&bench->error);
    bench->instance = NULL;
    return instance_create(&bench->instance, &components[kind - 1], &bench->parameters, NULL, 42,
                           NULL, &bench->error);
}

// ---- What create is given ---------------------------------------------------------------------

static void read_all(esp_create *create)
{
    uint64_t count = 99;
    cr_expect_eq(esp_param_int(create, "depth"), 7, "said in the INI");
    cr_expect_eq(esp_param_real(create, "rate"), 0.5);
    cr_expect_eq(esp_param_int(create, "flag"), 1);
    cr_expect_str_eq(esp_param_text(create, "word"), "hello");
    cr_expect_str_eq(esp_param_text(create, "path"), "");
    cr_expect_str_eq(esp_param_text(create, "choice"), "z");
    cr_expect_eq(esp_param_int(create, "choice"), 2, "a choice by its index");
    const int64_t *ints = esp_param_ints(create, "ints", &count);
    cr_assert_eq(count, 3);
    cr_expect(ints[0] == 4 && ints[1] == 5 && ints[2] == 6);
    const char *const *names = esp_param_names(create, "names", &count);
    cr_assert_eq(count, 2);
    cr_expect_str_eq(names[0], "z");
    cr_expect_str_eq(names[1], "x");
    esp_param_names(create, "none", &count);
    cr_expect_eq(count, 0);
    cr_expect_eq(esp_create_seed(create), 42);
    cr_expect_null(esp_create_task(create));
}

TestLeak(instance, values_reach_create)
{
    struct bench bench;
    bench_open(&bench, "[space]\ndepth = 7\nchoice = z\n");
    plugin.act = read_all;
    cr_assert_eq(bench_create(&bench, ESP_KIND_SPACE), ESP_OK, "%s", bench.error.message);
    cr_expect_eq(bench.instance->self, &object);
    cr_expect_eq(bench.instance->component, &components[0]);
    instance_destroy(bench.instance);
    cr_expect_eq(plugin.destroyed, 1);
    bench_close(&bench);
}

// What create kept a pointer to lives until destroy, whatever becomes of the caller's parameters.
static const char *kept_word;
static const int64_t *kept_ints;

static void keep_pointers(esp_create *create)
{
    uint64_t count;
    kept_word = esp_param_text(create, "word");
    kept_ints = esp_param_ints(create, "ints", &count);
}

TestLeak(instance, parameters_are_its_own)
{
    struct bench bench;
    bench_open(&bench, "[space]\nword = mine\n");
    plugin.act = keep_pointers;
    cr_assert_eq(bench_create(&bench, ESP_KIND_DATASET), ESP_OK);
    bench_close(&bench);
    cr_expect_str_eq(kept_word, "mine");
    cr_expect_eq(kept_ints[2], 6);
    instance_destroy(bench.instance);
}

static void read_task(esp_create *create)
{
    const esp_task *task = esp_create_task(create);
    cr_assert_not_null(task);
    cr_expect_eq(task->channels, 3);
    cr_expect_eq(task->classes, 10);
}

TestLeak(instance, the_task_is_copied)
{
    struct bench bench;
    esp_task task = {.struct_size = sizeof task,
                     .kind = ESP_TASK_IMAGES,
                     .channels = 3,
                     .height = 8,
                     .width = 8,
                     .classes = 10};
    bench_open(&bench, "");
    plugin.act = read_task;
    cr_assert_eq(instance_create(&bench.instance, &components[ESP_KIND_ESTIMATOR - 1],
                                 &bench.parameters, &task, 1, NULL, &bench.error),
                 ESP_OK);
    task.channels = 99;
    cr_expect_eq(esp_create_task(plugin.handle)->channels, 3);
    instance_destroy(bench.instance);
    bench_close(&bench);
}

TestLeak(instance, each_kind_is_created_and_destroyed)
{
    struct bench bench;
    int context;
    bench_open(&bench, "");
    for (uint32_t kind = ESP_KIND_SPACE; kind <= ESP_KIND_EXECUTOR; kind++) {
        bool lends = kind == ESP_KIND_STRATEGY || kind == ESP_KIND_EXECUTOR;
        memset(&plugin, 0, sizeof plugin);
        error_clear(&bench.error);
        cr_assert_eq(instance_create(&bench.instance, &components[kind - 1], &bench.parameters,
                                     NULL, 0, &context, &bench.error),
                     ESP_OK);
        cr_expect_eq(plugin.created, 1, "%s", kind_name(kind));
        cr_expect_eq(plugin.context, lends ? (void *)&context : NULL, "%s", kind_name(kind));
        cr_expect_eq(plugin.destroyed, 0);
        instance_destroy(bench.instance);
        cr_expect_eq(plugin.destroyed, 1, "%s", kind_name(kind));
        cr_expect_eq(plugin.self, &object);
    }
    instance_destroy(NULL);
    bench_close(&bench);
}

// ---- How create fails -------------------------------------------------------------------------

static void ask_unknown(esp_create *create)
{
    cr_expect_eq(esp_param_int(create, "detph"), 0);
}

static void ask_far(esp_create *create)
{
    uint64_t count = 5;
    cr_expect_null(esp_param_ints(create, "xyzzyxyzzy", &count));
    cr_expect_eq(count, 0);
}

static void ask_int_of_real(esp_create *create)
{
    cr_expect_eq(esp_param_int(create, "rate"), 0);
}

static void ask_real_of_int(esp_create *create)
{
    cr_expect_eq(esp_param_real(create, "depth"), 0.0);
}

static void ask_text_of_names(esp_create *create)
{
    cr_expect_str_eq(esp_param_text(create, "names"), "");
}

static void ask_ints_of_int(esp_create *create)
{
    uint64_t count = 5;
    cr_expect_null(esp_param_ints(create, "depth", &count));
    cr_expect_eq(count, 0);
}

static void ask_names_of_ints(esp_create *create)
{
    uint64_t count = 5;
    cr_expect_null(esp_param_names(create, "ints", &count));
    cr_expect_eq(count, 0);
}

// The first mistake is told, though right questions and other words follow.
static void ask_wrong_then_right(esp_create *create)
{
    esp_param_real(create, "flag");
    cr_expect_eq(esp_param_int(create, "depth"), 3);
    esp_param_int(create, "other");
    esp_fail(create, ESP_ERROR_INVALID, "too late");
}

static void fail_with_words(esp_create *create)
{
    esp_fail(create, ESP_ERROR_IO, "no file %s", "data.bin");
}

static void fail_unprintably(esp_create *create)
{
    esp_fail(create, ESP_ERROR_IO,
             "a\33[2J\xff"
             "b");
}

static const struct {
    void (*act)(esp_create *create);
    esp_status answer, status;
    const char *words;
} failures[] = {
    {ask_unknown, ESP_OK, ESP_ERROR_MISUSE,
     "create asks for the parameter 'detph', which is not in its table; did it mean 'depth'?"},
    {ask_far, ESP_OK, ESP_ERROR_MISUSE,
     "create asks for the parameter 'xyzzyxyzzy', which is not in its table"},
    {ask_int_of_real, ESP_OK, ESP_ERROR_MISUSE,
     "create asks for the parameter 'rate' as integer, and its table says real"},
    {ask_real_of_int, ESP_OK, ESP_ERROR_MISUSE,
     "create asks for the parameter 'depth' as real, and its table says integer"},
    {ask_text_of_names, ESP_OK, ESP_ERROR_MISUSE,
     "create asks for the parameter 'names' as text, and its table says names"},
    {ask_ints_of_int, ESP_OK, ESP_ERROR_MISUSE,
     "create asks for the parameter 'depth' as integers, and its table says integer"},
    {ask_names_of_ints, ESP_OK, ESP_ERROR_MISUSE,
     "create asks for the parameter 'ints' as names, and its table says integers"},
    {ask_wrong_then_right, ESP_OK, ESP_ERROR_MISUSE,
     "create asks for the parameter 'flag' as real, and its table says yes or no"},
    {ask_unknown, ESP_ERROR_UNSUPPORTED, ESP_ERROR_UNSUPPORTED,
     "create asks for the parameter 'detph', which is not in its table; did it mean 'depth'?"},
    {fail_with_words, ESP_ERROR_IO, ESP_ERROR_IO, "no file data.bin"},
    {fail_with_words, ESP_OK, ESP_ERROR_IO, "no file data.bin"},
    {fail_unprintably, ESP_ERROR_IO, ESP_ERROR_IO, "a?[2J?b"},
    {NULL, ESP_ERROR_MEMORY, ESP_ERROR_MEMORY, "create failed with status 3 and gave no reason"},
    {NULL, 77, 77, "create failed with status 77 and gave no reason"},
};

TestLeak(instance, failures_name_the_plugin)
{
    struct bench bench;
    bench_open(&bench, "");
    for (uint32_t kind = ESP_KIND_SPACE; kind <= ESP_KIND_EXECUTOR; kind++)
        for (size_t i = 0; i < ESP_COUNT(failures); i++) {
            char words[512];
            memset(&plugin, 0, sizeof plugin);
            plugin.act = failures[i].act;
            plugin.answer = failures[i].answer;
            snprintf(words, sizeof words, "%s %s: %s", kind_name(kind), components[kind - 1].id,
                     failures[i].words);
            cr_expect_eq(bench_create(&bench, kind), failures[i].status, "case %zu", i);
            cr_expect_str_eq(bench.error.message, words);
            cr_expect_eq(bench.error.status, failures[i].status, "case %zu", i);
            cr_expect_null(bench.instance);
            cr_expect_eq(plugin.created, 1);
            cr_expect_eq(plugin.destroyed, failures[i].answer == ESP_OK, "case %zu", i);
        }
    bench_close(&bench);
}

// ---- The run's space ------------------------------------------------------------------------------

static struct {
    esp_status status;
    uint64_t hash;
    const char *identity;
    uint32_t wanted; // a bit for each of two metrics
    char reason[256];
} asked;

static void ask_space(esp_create *create)
{
    const esp_text_pair pair = {sizeof pair, "@space/width", "8"};
    const char *reason = NULL;
    asked.status = esp_create_arch_hash(create, "text", &pair, 1, ESP_IDENTITY_CANONICAL,
                                        &asked.hash, &reason);
    asked.identity = esp_create_space_identity(create);
    asked.wanted = esp_create_wants_metric(create, "latency_ms") |
                   esp_create_wants_metric(create, "loss") << 1;
    snprintf(asked.reason, sizeof asked.reason, "%s", reason);
}

static void ask_wrongly(esp_create *create)
{
    const char *reason = NULL;
    asked.status = esp_create_arch_hash(create, "text", NULL, 0, 3, &asked.hash, &reason);
}

static esp_status hash_text(void *self, const char *text, const esp_text_pair *pairs,
                            uint64_t count, uint64_t stride, uint32_t identity, uint64_t *hash,
                            struct error *error)
{
    cr_expect_eq(self, &object);
    cr_expect_str_eq(text, "text");
    cr_expect(count == 1 && stride == sizeof *pairs && strcmp(pairs[0].value, "8") == 0);
    *hash = identity;
    return error_set(error, ESP_ERROR_REJECTED, "no member");
}

static const char *say_identity(void *self)
{
    cr_expect_eq(self, &object);
    return "the space";
}

static bool wants(void *self, const char *name)
{
    cr_expect_eq(self, &object);
    return strcmp(name, "latency_ms") == 0;
}

// An estimator's create is answered by the session; the words are its own to use, and create goes on.
TestLeak(instance, an_estimator_asks_for_architectures)
{
    struct create_space given = {hash_text, say_identity, wants, &object};
    struct bench bench;
    bench_open(&bench, "[space]\n");
    plugin.act = ask_space;
    cr_assert_eq(instance_create(&bench.instance, &components[ESP_KIND_ESTIMATOR - 1],
                                 &bench.parameters, NULL, 42, &given, &bench.error),
                 ESP_OK, "%s", bench.error.message);
    cr_assert_eq(asked.status, ESP_ERROR_REJECTED);
    cr_assert_eq(asked.hash, ESP_IDENTITY_CANONICAL);
    cr_assert_str_eq(asked.reason, "no member");
    cr_assert_str_eq(asked.identity, "the space");
    cr_assert_eq(asked.wanted, 1);
    instance_destroy(bench.instance);
    plugin.act = ask_wrongly;
    cr_assert_eq(instance_create(&bench.instance, &components[ESP_KIND_ESTIMATOR - 1],
                                 &bench.parameters, NULL, 42, &given, &bench.error),
                 ESP_OK);
    cr_assert_eq(asked.status, ESP_ERROR_MISUSE);
    instance_destroy(bench.instance);
    bench_close(&bench);
}

TestLeak(instance, others_ask_in_vain)
{
    static int context;
    struct bench bench;
    bench_open(&bench, "[space]\n");
    plugin.act = ask_space;
    for (uint32_t kind = ESP_KIND_SPACE; kind <= ESP_KIND_EXECUTOR; kind++) {
        cr_assert_eq(instance_create(&bench.instance, &components[kind - 1], &bench.parameters,
                                     NULL, 42, kind == ESP_KIND_ESTIMATOR ? NULL : &context,
                                     &bench.error),
                     ESP_OK, "%s", bench.error.message);
        cr_assert_eq(asked.status, ESP_ERROR_UNSUPPORTED);
        cr_assert_null(asked.identity);
        cr_assert_eq(asked.wanted, 0);
        cr_assert_str_eq(asked.reason, "architectures are parsed for estimators alone");
        instance_destroy(bench.instance);
    }
    bench_close(&bench);
}
