// SPDX-License-Identifier: Apache-2.0
// The protocol of process plugins: a strategy and an estimator whose program answers with whatever the
// bytes hold, line by line, without a process: the functions of process_plugin/child.h stand for it here.
// Laws: what the host takes of it are architectures of the space, and metrics that are numbers; all else
// is refused in words.
#include "fuzz.h"

#include "execute/execute.h"
#include "process_plugin/child.h"
#include "registry.h"
#include "run/search.h"

#include <math.h>
#include <string.h>

// ---- What stands for the program ----------------------------------------------------------------------

struct child {
    char line[1];
};

static const uint8_t *said;
static size_t said_left;
static int64_t calls; // of the program, for {"id": 0}, which means the right one
static char *line;

esp_status child_start(struct child **out, const char *const *command, const char *folder,
                       const char *name, struct error *error)
{
    (void)command;
    (void)folder;
    (void)name;
    *out = calloc(1, sizeof **out);
    calls = -1; // the version's line is no call
    return *out ? ESP_OK : error_memory(error);
}

enum child_state child_write(struct child *child, const char *bytes, size_t size, double seconds)
{
    (void)child;
    (void)seconds;
    FUZZ_LAW(size > 0 && bytes[size - 1] == '\n', "no whole line was written");
    calls++;
    return CHILD_READY;
}

// The next line; "ID" in it stands for the number of the call.
enum child_state child_read(struct child *child, const char **out, size_t *size, double seconds)
{
    static const char word[] = "ID";
    (void)child;
    (void)seconds;
    free(line);
    line = NULL;
    if (said_left == 0)
        return CHILD_ENDED;
    const uint8_t *end = memchr(said, '\n', said_left);
    size_t length = end ? (size_t)(end - said) : said_left;
    const uint8_t *at = memmem(said, length, word, 2);
    size_t before = at ? (size_t)(at - said) : length;
    char number[24] = "";
    if (at)
        snprintf(number, sizeof number, "%lld", (long long)calls);
    line = malloc(length + sizeof number + 1);
    if (!line)
        abort();
    memcpy(line, said, before);
    memcpy(line + before, number, strlen(number));
    if (at)
        memcpy(line + before + strlen(number), at + 2, length - before - 2);
    *size = length + strlen(number) - (at ? 2 : 0);
    line[*size] = '\0';
    *out = line;
    said += length + (end != NULL);
    said_left -= length + (end != NULL);
    return CHILD_READY;
}

bool child_early(struct child *child, const char **text)
{
    (void)child;
    *text = "";
    return false;
}

void child_end_words(char words[CHILD_WORDS_SIZE], struct child *child)
{
    (void)child;
    snprintf(words, CHILD_WORDS_SIZE, "closed its output");
}

void child_kill(struct child *child)
{
    (void)child;
}

void child_end(struct child *child)
{
    free(child);
    free(line);
    line = NULL;
}

// ---- The run around it ----------------------------------------------------------------------------------

static const char strategy_manifest[] = "[plugin]\n"
                                        "kind = strategy\n"
                                        "id = fuzzed\n"
                                        "version = 1\n"
                                        "summary = of a test\n"
                                        "command = true\n"
                                        "takes = real, int, many_objectives, parents\n";
static const char estimator_manifest[] = "[plugin]\n"
                                         "kind = estimator\n"
                                         "id = fuzzed_too\n"
                                         "version = 1\n"
                                         "summary = of a test\n"
                                         "command = true\n"
                                         "fidelities = epochs\n"
                                         "final = yes\n"
                                         "[parameter.epochs]\n"
                                         "type = int\n"
                                         "default = 8\n"
                                         "least = 1\n"
                                         "most = 100\n"
                                         "help = how long\n"
                                         "[metric.fitness]\n"
                                         "better = higher\n"
                                         "[metric.loss]\n"
                                         "better = lower\n";
static const char ini[] = "[space]\n"
                          "plugin = mlp\n"
                          "[dataset]\n"
                          "plugin = synthetic\n"
                          "[strategy]\n"
                          "plugin = fuzzed\n"
                          "[estimator]\n"
                          "plugin = fuzzed_too\n"
                          "[objective]\n"
                          "maximize = fitness\n";

static struct experiment *experiment;
static struct session *session;

static void end_all(void)
{
    session_destroy(session);
    experiment_destroy(experiment);
}

static void begin(void)
{
    struct error error;
    char folders[8192];
    const char *plugins = getenv("ESPALIER_PLUGINS");
    fuzz_file("fuzzed.plugin.ini", (const uint8_t *)strategy_manifest,
              sizeof strategy_manifest - 1);
    fuzz_file("fuzzed_too.plugin.ini", (const uint8_t *)estimator_manifest,
              sizeof estimator_manifest - 1);
    snprintf(folders, sizeof folders, "%s:%s", fuzz_folder(), plugins ? plugins : "");
    setenv("ESPALIER_PLUGINS", folders, 1);
    error_clear(&error);
    experiment = fuzz_experiment(ini, fuzz_registry());
    if (session_create(&session, experiment, true, &error) != ESP_OK) {
        fprintf(stderr, "%s\n", error.message);
        exit(2);
    }
    atexit(end_all);
}

// ---- The strategy -----------------------------------------------------------------------------------------

static void ask(struct search *search, struct instance *strategy, uint64_t number)
{
    const esp_strategy_type *type = experiment->strategy.component->type;
    struct ask one;
    search_begin(search, "ask", number);
    ask_begin(&one, search, number);
    esp_status status = type->ask(strategy->self, search_handle(search), &one.handle);
    fuzz_refused(status, search_error(search));
    if (status == ESP_OK && one.answer == ANSWER_TRIAL) {
        struct graph *graph = NULL;
        struct error error;
        error_clear(&error);
        FUZZ_LAW(one.arch != NULL, "a trial without an architecture");
        status = builder_build(session_builder(session), one.arch, &graph, &error);
        FUZZ_LAW(status == ESP_OK || status == ESP_ERROR_INVALID, "%s", error.message);
        if (graph)
            graph_destroy(graph);
        double objective = (double)number;
        esp_outcome outcome = {.struct_size = sizeof outcome,
                               .trial = number,
                               .arch = arch_handle(one.arch),
                               .status = ESP_OUTCOME_DONE,
                               .objectives = &objective,
                               .objective_count = 1,
                               .parent = -1,
                               .asked = 1};
        search_begin(search, "tell", number);
        status = type->tell(strategy->self, search_handle(search), &outcome);
        fuzz_refused(status, search_error(search));
    }
    ask_end(&one);
}

static void run_strategy(const uint8_t *bytes, size_t size)
{
    struct error error;
    struct search *search = NULL;
    struct instance *strategy = NULL;
    said = bytes;
    said_left = size;
    error_clear(&error);
    esp_status status = search_create(&search, session, 1, 10, true, &error);
    FUZZ_LAW(status == ESP_OK, "%s", error.message);
    search_begin(search, "create", 0);
    status =
        instance_create(&strategy, experiment->strategy.component, &experiment->strategy.parameters,
                        session_task(session), 1, search_handle(search), &error);
    fuzz_refused(status, &error);
    for (uint64_t number = 0; status == ESP_OK && number < 8 && said_left > 0; number++)
        ask(search, strategy, number);
    if (strategy)
        instance_destroy(strategy);
    search_destroy(search);
}

const struct fuzz_target fuzz_program_strategy = {"program_strategy", begin, run_strategy};

// ---- The estimator ------------------------------------------------------------------------------------------

static uint32_t on_progress(void *self, double at, const esp_measurement *metrics, uint64_t count,
                            uint64_t stride)
{
    uint64_t *calls_left = self;
    (void)metrics;
    (void)count;
    (void)stride;
    FUZZ_LAW(isfinite(at), "step %g", at);
    return --*calls_left > 0 ? ESP_CONTINUE : ESP_STOP;
}

static void run_estimator(const uint8_t *bytes, size_t size)
{
    struct error error;
    struct result result = {0};
    struct arch *arch = NULL;
    uint64_t progress = 4;
    esp_random random = esp_random_stream(1, 1, 0, 0, 0);
    said = bytes;
    said_left = size;
    error_clear(&error);
    FUZZ_LAW(builder_sample(session_builder(session), &random, &arch, &error) == ESP_OK, "%s",
             error.message);
    struct specification specification = {.arch = arch_json(arch, "mlp"), .seed = 1};
    snprintf(specification.hash, sizeof specification.hash, "%016llx",
             (unsigned long long)arch_hash(arch));
    esp_status status =
        session_evaluate(session, &specification, on_progress, &progress, &result, &error);
    fuzz_refused(status, &error);
    if (status == ESP_OK && result.status == ESP_OUTCOME_FAILED)
        FUZZ_LAW(result.error[0] != '\0', "it failed without words");
    for (uint64_t i = 0; status == ESP_OK && i < result.metric_count; i++)
        FUZZ_LAW(isfinite(result.metrics[i].value) || result.status == ESP_OUTCOME_FAILED, "%s",
                 result.metrics[i].name);
    result_destroy(&result);
    json_decref(specification.arch);
    arch_release(arch);
}

const struct fuzz_target fuzz_program_estimator = {"program_estimator", begin, run_estimator};
