// SPDX-License-Identifier: Apache-2.0
// Opening a run: the out folder, its lock and store, the session, and everything that can be refused
// before the first trial. A resume loads the stored trials, which loop.c then replays.
#include "run/run.h"

#include "run/artifacts.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

// Trials open at once where neither the INI nor a cheap estimator says otherwise.
#define DEFAULT_LOOKAHEAD 8

static double monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double run_elapsed(const struct run *run)
{
    return run->elapsed_before + monotonic_seconds() - run->began;
}

// ---- The out folder ---------------------------------------------------------------------------

static char *absolute_path(const char *path)
{
    char *absolute = NULL;
    if (path[0] == '/')
        return strdup(path);
    char *here = getcwd(NULL, 0);
    if (here && asprintf(&absolute, "%s/%s", here, path) < 0)
        absolute = NULL;
    free(here);
    return absolute;
}

static esp_status lock_folder(struct run *run, struct error *error)
{
    char *path = NULL;
    if (asprintf(&path, "%s/.lock", run->out) < 0)
        return error_memory(error);
    esp_status status = ESP_OK;
    run->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (run->lock < 0)
        status = error_set(error, ESP_ERROR_IO, "%s: cannot write: %s", path, strerror(errno));
    else if (flock(run->lock, LOCK_EX | LOCK_NB) != 0)
        status = error_set(error, ESP_ERROR_INVALID,
                           "%s: in use by another run that is still going", run->out);
    free(path);
    return status;
}

static esp_status write_text(const char *folder, const char *name, const char *text,
                             struct error *error)
{
    char *path = NULL, *aside = NULL;
    esp_status status = ESP_OK;
    if (asprintf(&path, "%s/%s", folder, name) < 0 ||
        asprintf(&aside, "%s/.%s.new", folder, name) < 0) {
        status = error_memory(error);
        goto cleanup;
    }
    FILE *file = fopen(aside, "we");
    bool written = file && fputs(text, file) >= 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (file && fclose(file) != 0)
        written = false;
    if (!written || rename(aside, path) != 0)
        status = error_set(error, ESP_ERROR_IO, "%s: cannot write: %s", path, strerror(errno));
cleanup:
    free(path);
    free(aside);
    return status;
}

// ---- What the run consists of -----------------------------------------------------------------

#define PART_COUNT 6

static void list_parts(const struct experiment *experiment, const struct part *parts[PART_COUNT])
{
    parts[0] = &experiment->space;
    parts[1] = &experiment->strategy;
    parts[2] = &experiment->estimator;
    parts[3] = &experiment->dataset;
    parts[4] = &experiment->engine;
    parts[5] = &experiment->executor;
}

static const char *instruction_set(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f"))
        return "x86-64 avx512f";
    if (__builtin_cpu_supports("avx2"))
        return "x86-64 avx2";
    return "x86-64";
#else
    return "other";
#endif
}

static char *provenance(void)
{
    struct utsname system;
    char stamp[32] = "";
    time_t now = time(NULL);
    struct tm parts;
    if (uname(&system) != 0)
        return NULL;
    gmtime_r(&now, &parts);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &parts);
    const char *core_type = getenv("OPENBLAS_CORETYPE");
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?}", "espalier", ESPALIER_VERSION,
                             "started", stamp, "system", system.sysname, "release", system.release,
                             "instruction_set", instruction_set(), "openblas_coretype", core_type);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

static esp_status check_strategy(struct run *run, struct error *error)
{
    const struct component *component = run->experiment->strategy.component;
    uint32_t takes = run->strategy_takes;
    if (run->metrics.objective_count > 1 && !(takes & ESP_STRATEGY_MANY_OBJECTIVES))
        return config_fail(error, ESP_ERROR_INVALID,
                           config_find(run->experiment->config, "strategy", "plugin"),
                           "%s takes one objective, and [objective] has %llu", component->id,
                           (unsigned long long)run->metrics.objective_count);
    uint32_t needs_look = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET;
    if ((takes & needs_look) == needs_look)
        return ESP_OK;
    const esp_survey *survey;
    esp_status status = search_survey(run->search, &survey);
    if (status != ESP_OK) {
        *error = *search_error(run->search);
        return status;
    }
    for (uint64_t i = 0; i < esp_survey_count(survey); i++) {
        static const struct {
            uint32_t kind, flag;
            const char *name;
        } kinds[] = {{ESP_DECISION_REAL, ESP_STRATEGY_REAL, "real"},
                     {ESP_DECISION_INT, ESP_STRATEGY_INT, "integer"},
                     {ESP_DECISION_SUBSET, ESP_STRATEGY_SUBSET, "k-of-n"}};
        uint32_t kind = esp_survey_domain(survey, i)->kind;
        for (size_t k = 0; k < ESP_COUNT(kinds); k++)
            if (kinds[k].kind == kind && !(takes & kinds[k].flag))
                return config_fail(error, ESP_ERROR_INVALID,
                                   config_find(run->experiment->config, "strategy", "plugin"),
                                   "%s takes no %s decisions, and the space %s has one at '%s'",
                                   component->id, kinds[k].name,
                                   run->experiment->space.component->id,
                                   esp_survey_path(survey, i));
    }
    return ESP_OK;
}

static esp_status check_budget(struct run *run, struct error *error)
{
    if (run->experiment->budget.cost > 0 && run->metrics.cost < 0)
        return config_fail(
            error, ESP_ERROR_INVALID, config_find(run->experiment->config, "budget", "cost"),
            "the estimator %s has no metric 'cost'", run->experiment->estimator.component->id);
    return ESP_OK;
}

static esp_status open_session(struct run *run, struct error *error)
{
    const struct experiment *experiment = run->experiment;
    esp_status status = session_create(&run->session, experiment, true, error);
    if (status == ESP_OK)
        status = session_estimator_info(run->session, &run->info, error);
    if (status == ESP_OK)
        status = metrics_create(&run->metrics, experiment, run->info, error);
    if (status != ESP_OK)
        return status;
    const esp_estimator_cheap *cheap =
        component_ability(experiment->estimator.component, ESP_ESTIMATOR_CHEAP);
    run->cheap = cheap != NULL;
    run->cheap_needs_graph = cheap && cheap->needs_graph;
    const esp_strategy_type *type = experiment->strategy.component->type;
    run->strategy_takes = type->takes;
    snprintf(run->strategy_name, sizeof run->strategy_name, "strategy %s (or the space %s)",
             experiment->strategy.component->id, experiment->space.component->id);
    return ESP_OK;
}

static esp_status open_strategy(struct run *run, struct error *error)
{
    const struct experiment *experiment = run->experiment;
    esp_status status = search_create(&run->search, run->session, run->metrics.objective_count,
                                      experiment->budget.trials,
                                      (run->strategy_takes & ESP_STRATEGY_PARENTS) != 0, error);
    if (status == ESP_OK)
        status = check_strategy(run, error);
    if (status == ESP_OK)
        status = check_budget(run, error);
    if (status == ESP_OK)
        status = instance_create(&run->strategy, experiment->strategy.component,
                                 &experiment->strategy.parameters, session_task(run->session),
                                 experiment->seed, search_handle(run->search), error);
    if (status != ESP_OK)
        return status;
    uint64_t lookahead = experiment->lookahead;
    if (lookahead == 0)
        lookahead = run->cheap ? 1 : DEFAULT_LOOKAHEAD;
    if (!run->cheap && experiment->workers > lookahead)
        log_line(ESP_LOG_WARNING,
                 "%llu workers, but only %llu trials are open at once ([run] lookahead)",
                 (unsigned long long)experiment->workers, (unsigned long long)lookahead);
    struct order_budget budget = {experiment->budget.trials, experiment->budget.failures,
                                  experiment->budget.cost, experiment->budget.seconds};
    run->order = order_create(lookahead, experiment->order == ORDER_ASYNC, &budget);
    return run->order ? ESP_OK : error_memory(error);
}

// ---- New and resumed --------------------------------------------------------------------------

static esp_status begin_new(struct run *run, const char *text, struct error *error)
{
    const struct experiment *experiment = run->experiment;
    const char *sha256 = NULL;
    bool decoded = false;
    esp_status status = ESP_OK;
    if (!run->cheap)
        status = session_prepare_data(run->session, &sha256, &decoded, error);
    if (status != ESP_OK)
        return status;
    run->row.name = strdup(experiment->name);
    run->row.seed = experiment->seed;
    run->row.config = strdup(text);
    run->row.state = RUN_RUNNING;
    run->row.space = strdup(experiment->space.component->id);
    run->row.data_sha256 = sha256 ? strdup(sha256) : NULL;
    run->row.provenance = provenance();
    run->row.objectives = metrics_text(&run->metrics);
    if (!run->row.name || !run->row.config || !run->row.space || !run->row.provenance ||
        !run->row.objectives)
        return error_memory(error);
    const struct part *parts[PART_COUNT];
    struct plugin_row plugins[PART_COUNT];
    uint64_t count = 0;
    list_parts(experiment, parts);
    for (int i = 0; i < PART_COUNT; i++) {
        const struct component *component = parts[i]->component;
        if (component)
            plugins[count++] = (struct plugin_row){
                component->kind, component->id, component->version ? component->version : "",
                component->sha256 ? component->sha256 : "", component->path ? component->path : ""};
    }
    status = store_add_run(run->store, &run->row, run->metrics.rows, run->metrics.count, plugins,
                           count, error);
    return status == ESP_OK ? store_commit(run->store, error) : status;
}

// Plugins are matched by id and SHA-256 wherever they lie; the executor may change.
static esp_status check_plugins(struct run *run, struct error *error)
{
    json_t *stored = NULL;
    esp_status status = store_get_plugins(run->store, run->row.plugin_set, &stored, error);
    const struct part *parts[PART_COUNT];
    list_parts(run->experiment, parts);
    for (int i = 0; status == ESP_OK && i < PART_COUNT; i++) {
        const struct component *component = parts[i]->component;
        if (!component || component->kind == ESP_KIND_EXECUTOR)
            continue;
        size_t index;
        json_t *row;
        json_array_foreach (stored, index, row) {
            const char *kind = json_string_value(json_object_get(row, "kind"));
            const char *id = json_string_value(json_object_get(row, "id"));
            const char *sha256 = json_string_value(json_object_get(row, "sha256"));
            if (strcmp(kind, kind_name(component->kind)) == 0 && strcmp(id, component->id) == 0 &&
                strcmp(sha256, component->sha256 ? component->sha256 : "") != 0)
                status = error_set(error, ESP_ERROR_INVALID,
                                   "%s: the %s %s is another build than the run began with: "
                                   "%s has SHA-256 %s, the run's had %s",
                                   run->out, kind, id, component->path,
                                   component->sha256 ? component->sha256 : "-", sha256);
        }
    }
    json_decref(stored);
    return status;
}

static esp_status check_data(struct run *run, bool *same, struct error *error)
{
    *same = false;
    if (run->cheap || !run->row.data_sha256)
        return ESP_OK;
    const char *sha256 = NULL;
    bool decoded = false;
    esp_status status = session_prepare_data(run->session, &sha256, &decoded, error);
    if (status != ESP_OK)
        return status;
    *same = strcmp(sha256, run->row.data_sha256) == 0;
    if (!*same)
        return error_set(error, ESP_ERROR_INVALID,
                         "%s: the data is not what the run began with: SHA-256 %s, was %s",
                         run->out, sha256, run->row.data_sha256);
    return ESP_OK;
}

static esp_status load_trial(void *self, const struct trial_row *row)
{
    struct run *run = self;
    if (row->trial != run->trial_count)
        return error_set(&run->error, ESP_ERROR_DATA, "the store is damaged: trial %llu is missing",
                         (unsigned long long)run->trial_count);
    struct trial *trial = run_add_trial(run, &run->error);
    if (!trial)
        return ESP_ERROR_MEMORY;
    trial->state = row->state;
    trial->arch = arch_retain(row->arch);
    trial->hash = row->hash;
    trial->asked_event = row->asked_event;
    trial->told_event = row->told_event;
    trial->lineage = row->lineage;
    trial->parent = row->parent;
    trial->mode = row->mode;
    trial->attempt = row->attempt;
    trial->seconds = row->seconds;
    trial->elapsed = row->elapsed;
    trial->stored = true;
    if (row->error && !(trial->error = strdup(row->error)))
        return error_memory(&run->error);
    if (row->metrics) {
        uint64_t count = run->metrics.count;
        trial->metrics = malloc(count * sizeof *trial->metrics);
        if (!trial->metrics)
            return error_memory(&run->error);
        for (uint64_t i = 0; i < count; i++)
            trial->metrics[i] = i < row->metric_count ? row->metrics[i] : NAN;
    }
    if (row->fidelity_count > 0) {
        trial->fidelity = calloc(row->fidelity_count, sizeof *trial->fidelity);
        if (!trial->fidelity)
            return error_memory(&run->error);
        for (uint64_t i = 0; i < row->fidelity_count; i++) {
            trial->fidelity[i].name = strdup(row->fidelity[i].name);
            trial->fidelity[i].value = row->fidelity[i].value;
            if (!trial->fidelity[trial->fidelity_count++].name)
                return error_memory(&run->error);
        }
    }
    return ESP_OK;
}

static const struct run *sorted_run; // qsort has no context
static int by_told_event(const void *a, const void *b)
{
    uint64_t x = sorted_run->trials[*(const uint64_t *)a].told_event;
    uint64_t y = sorted_run->trials[*(const uint64_t *)b].told_event;
    return x < y ? -1 : x > y;
}

static esp_status load_trials(struct run *run, struct error *error)
{
    struct dictionary *dictionary = builder_dictionary(session_builder(run->session));
    esp_status status = store_load_dictionary(run->store, run->row.run, dictionary, error);
    if (status == ESP_OK) {
        error_clear(&run->error);
        status = store_each_trial(run->store, run->row.run, dictionary, load_trial, run, error);
        if (status != ESP_OK && error->message[0] == '\0')
            *error = run->error;
    }
    if (status != ESP_OK)
        return status;
    run->stored_count = run->trial_count;
    run->stored_tells = malloc((run->trial_count + 1) * sizeof *run->stored_tells);
    if (!run->stored_tells)
        return error_memory(error);
    for (uint64_t i = 0; i < run->trial_count; i++) {
        struct trial *trial = &run->trials[i];
        if (trial->told_event > 0)
            run->stored_tells[run->stored_tell_count++] = i;
        if (trial->elapsed > run->elapsed_before)
            run->elapsed_before = trial->elapsed;
        // A trial that was out when its coordinator ended is evaluated again, in a new attempt. So
        // are those that the end of an earlier, smaller budget cancelled.
        bool cancelled = trial->state == TRIAL_CANCELLED && !run->finished;
        if (!trial_state_is_outcome(trial->state) || cancelled) {
            trial->attempt++;
            trial->state = TRIAL_QUEUED;
            trial->told_event = 0;
        }
    }
    sorted_run = run;
    qsort(run->stored_tells, run->stored_tell_count, sizeof *run->stored_tells, by_told_event);
    if (run->row.elapsed > run->elapsed_before)
        run->elapsed_before = run->row.elapsed;
    return ESP_OK;
}

// Do two resolved texts say the same in a section?
static bool same_section(const char *a, const char *b, const char *section)
{
    const char *start_a = strstr(a, section), *start_b = strstr(b, section);
    if (!start_a || !start_b)
        return start_a == start_b;
    const char *end_a = strstr(start_a, "\n["), *end_b = strstr(start_b, "\n[");
    size_t length_a = end_a ? (size_t)(end_a - start_a) : strlen(start_a);
    size_t length_b = end_b ? (size_t)(end_b - start_b) : strlen(start_b);
    return length_a == length_b && memcmp(start_a, start_b, length_a) == 0;
}

static esp_status begin_resumed(struct run *run, const char *text, struct error *error)
{
    bool same_data = false;
    esp_status status = check_plugins(run, error);
    if (status == ESP_OK)
        status = check_data(run, &same_data, error);
    if (status != ESP_OK)
        return status;
    char *difference = experiment_difference(run->row.config, text, same_data, error);
    if (error->status != ESP_OK)
        return error->status;
    if (difference) {
        status = error_set(error, ESP_ERROR_INVALID,
                           "%s holds another experiment; a resume may change [budget], [final], "
                           "[executor] and run.workers alone:\n%s",
                           run->out, difference);
        free(difference);
        return status;
    }
    json_t *stored = json_loads(run->row.provenance, 0, NULL);
    const char *set = json_string_value(json_object_get(stored, "instruction_set"));
    if (set && strcmp(set, instruction_set()) != 0)
        log_line(ESP_LOG_WARNING,
                 "the run began on %s and goes on on %s: exact metrics may differ in their last "
                 "bits",
                 set, instruction_set());
    json_decref(stored);
    run->resumed = true;
    run->finished = run->row.state == RUN_DONE && same_section(run->row.config, text, "[budget]");
    run->same_finals = same_section(run->row.config, text, "[final]");
    status = load_trials(run, error);
    if (status != ESP_OK)
        return status;
    char *copy = strdup(text);
    if (!copy)
        return error_memory(error);
    free(run->row.config);
    run->row.config = copy;
    return ESP_OK;
}

// Is there a run in the folder already, and is that wanted?
static esp_status look_at_store(struct run *run, bool *found, struct error *error)
{
    struct error none;
    error_clear(&none);
    esp_status status = store_get_run(run->store, &run->row, &none);
    *found = status == ESP_OK;
    if (status == ESP_ERROR_NOT_FOUND)
        return ESP_OK;
    if (status != ESP_OK) {
        *error = none;
        return status;
    }
    if (!run->options.resume)
        return error_set(error, ESP_ERROR_INVALID,
                         "%s holds the run '%s' already (%s): --resume goes on with it, --out DIR "
                         "takes another folder",
                         run->out, run->row.name, run_state_name(run->row.state));
    return ESP_OK;
}

static esp_status open_folder(struct run *run, struct error *error)
{
    char *path = NULL;
    run->out = absolute_path(run->experiment->out);
    if (!run->out)
        return error_memory(error);
    esp_status status = folder_make(run->out, error);
    if (status == ESP_OK)
        status = lock_folder(run, error);
    if (status != ESP_OK)
        return status;
    if (asprintf(&path, "%s/log.txt", run->out) < 0)
        return error_memory(error);
    run->progress = progress_create(path, run->options.quiet || run->options.json, error);
    free(path);
    return run->progress ? store_open(&run->store, run->out, STORE_WRITE, error) : error->status;
}

esp_status run_open(struct run **out, const struct experiment *experiment,
                    const struct run_options *options, struct error *error)
{
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return error_memory(error);
    *out = run;
    run->experiment = experiment;
    run->options = *options;
    run->lock = -1;
    run->best = -1;
    run->began = monotonic_seconds();
    bool found = false;
    char *text = experiment_text(experiment, error);
    esp_status status = text ? open_folder(run, error) : error->status;
    if (status == ESP_OK)
        status = look_at_store(run, &found, error);
    if (status == ESP_OK)
        status = open_session(run, error);
    if (status == ESP_OK)
        status = found ? begin_resumed(run, text, error) : begin_new(run, text, error);
    if (status == ESP_OK)
        status = open_strategy(run, error);
    if (status == ESP_OK)
        status = write_text(run->out, "config.ini", text, error);
    if (status == ESP_OK && !run->cheap)
        status = worker_file_write(run->out, experiment, error);
    free(text);
    if (status != ESP_OK) {
        run_close(run);
        *out = NULL;
    }
    return status;
}

// ---- Trials in memory -------------------------------------------------------------------------

struct trial *run_add_trial(struct run *run, struct error *error)
{
    if (run->trial_count == run->trial_capacity) {
        uint64_t capacity = run->trial_capacity ? 2 * run->trial_capacity : 64;
        struct trial *grown = realloc(run->trials, capacity * sizeof *grown);
        if (!grown) {
            error_memory(error);
            return NULL;
        }
        run->trials = grown;
        run->trial_capacity = capacity;
    }
    struct trial *trial = &run->trials[run->trial_count++];
    memset(trial, 0, sizeof *trial);
    trial->parent = -1;
    trial->state = TRIAL_QUEUED;
    return trial;
}

void trial_clear(struct trial *trial)
{
    arch_release(trial->arch);
    for (uint64_t i = 0; i < trial->fidelity_count; i++)
        free(trial->fidelity[i].name);
    free(trial->fidelity);
    free(trial->metrics);
    free(trial->error);
    free(trial->folder);
    free(trial->earlier);
    memset(trial, 0, sizeof *trial);
}

struct trial_row run_trial_row(const struct run *run, uint64_t trial)
{
    const struct trial *from = &run->trials[trial];
    return (struct trial_row){
        .trial = trial,
        .state = from->state,
        .asked_event = from->asked_event,
        .told_event = from->told_event,
        .lineage = from->lineage,
        .parent = from->parent,
        .mode = from->mode,
        .attempt = from->attempt,
        .hash = from->hash,
        .arch = from->arch,
        .fidelity = from->fidelity,
        .fidelity_count = from->fidelity_count,
        .metrics = from->metrics,
        .metric_count = run->metrics.count,
        .seconds = from->seconds,
        .elapsed = from->elapsed,
        .error = from->error,
    };
}

void run_close(struct run *run)
{
    if (!run)
        return;
    run_close_executor(run);
    instance_destroy(run->strategy);
    search_destroy(run->search);
    order_destroy(run->order);
    for (uint64_t i = 0; i < run->trial_count; i++)
        trial_clear(&run->trials[i]);
    free(run->trials);
    free(run->stored_tells);
    free(run->submitted);
    store_close(run->store);
    run_row_destroy(&run->row);
    metrics_destroy(&run->metrics);
    session_destroy(run->session);
    progress_destroy(run->progress);
    if (run->lock >= 0)
        close(run->lock);
    free(run->out);
    free(run);
}
