// SPDX-License-Identifier: Apache-2.0
// Opening a run: the out folder, its lock and store, the session, and everything that can be refused
// before the first trial. A resume loads the stored trials, which loop.c then replays.
#include "run/run.h"

#include "error/crash.h"
#include "foreign/plan.h"
#include "run/artifacts.h"
#include "run/out.h"

#include <espalier/ext/space_genome.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

// ---- What the run consists of -----------------------------------------------------------------

void run_parts(const struct experiment *experiment, const struct part *parts[RUN_PARTS])
{
    parts[0] = &experiment->space;
    parts[1] = &experiment->strategy;
    parts[2] = &experiment->estimator;
    parts[3] = &experiment->dataset;
    parts[4] = &experiment->engine;
    parts[5] = &experiment->executor;
    parts[6] = &experiment->base;
}

const char *run_instruction_set(void)
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
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?}", "espalier", ESPALIER_VERSION, "started", stamp,
                  "system", system.sysname, "release", system.release, "instruction_set",
                  run_instruction_set(), "openblas_coretype", core_type);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

// The strategies at hand that take something, and the space, as words; "none that is installed" where there is no
// such.
static void name_strategies(const struct experiment *experiment, uint32_t takes, char *out,
                            size_t size)
{
    struct registry *registry = experiment->registry;
    const bool genomes = component_ability(experiment->space.component, ESP_SPACE_GENOME) != NULL;
    size_t used = 0;
    takes |= genomes ? ESP_STRATEGY_GENOME : 0;
    out[0] = '\0';
    for (uint64_t i = 0; i < registry_count(registry); i++) {
        const struct component *component = registry_get(registry, i), *loaded;
        struct error none;
        error_clear(&none);
        if (component->kind != ESP_KIND_STRATEGY || component->refused || component->shadowed_by ||
            registry_find(&loaded, registry, ESP_KIND_STRATEGY, component->id, &none) != ESP_OK)
            continue;
        const esp_strategy_type *type = loaded->type;
        if ((type->takes & takes) == takes && used < size &&
            (genomes || !component_ability(loaded, ESP_NEEDS_GENOME)))
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", loaded->id);
    }
    if (used == 0)
        snprintf(out, size, "none that is installed");
}

static esp_status check_strategy(struct run *run, struct error *error)
{
    char able[256];
    const struct component *component = run->experiment->strategy.component;
    uint32_t takes = run->strategy_takes;
    if (run->metrics.objective_count > 1 && !(takes & ESP_STRATEGY_MANY_OBJECTIVES)) {
        name_strategies(run->experiment, ESP_STRATEGY_MANY_OBJECTIVES, able, sizeof able);
        return config_fail(
            error, ESP_ERROR_INVALID, config_find(run->experiment->config, "strategy", "plugin"),
            "%s takes one objective, and [objective] has %llu; several are taken by: %s",
            component->id, (unsigned long long)run->metrics.objective_count, able);
    }
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
            if (kinds[k].kind == kind && !(takes & kinds[k].flag)) {
                name_strategies(run->experiment, kinds[k].flag, able, sizeof able);
                return config_fail(error, ESP_ERROR_INVALID,
                                   config_find(run->experiment->config, "strategy", "plugin"),
                                   "%s takes no %s decisions, and the space %s has one at '%s'; "
                                   "they are taken by: %s",
                                   component->id, kinds[k].name,
                                   run->experiment->space.component->id, esp_survey_path(survey, i),
                                   able);
            }
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
    // Foreign code is never run in the coordinator: where it crashes, it would take the run with it.
    if (experiment->estimator.component->manifest &&
        manifest_plan(experiment->estimator.component->manifest) &&
        strcmp(experiment->executor.component->id, "inline") == 0)
        return config_fail_section(error, experiment->config, "executor",
                                   "the estimator %s is a foreign library, which runs in workers "
                                   "alone: expected plugin = local",
                                   experiment->estimator.component->id);
    const esp_strategy_type *type = experiment->strategy.component->type;
    run->strategy_takes = type->takes;
    snprintf(run->strategy_name, sizeof run->strategy_name, "strategy %s",
             experiment->strategy.component->id);
    return ESP_OK;
}

// Nothing is skipped silently: which engine computes, and which ones could not.
static void tell_engine(const struct run *run)
{
    const struct experiment *experiment = run->experiment;
    const struct component *engine = experiment->engine.component;
    const struct config_entry *entry = config_find(experiment->config, "engine", "plugin");
    if (!engine || run->cheap || (entry && strcmp(entry->value, "auto") != 0))
        return;
    log_line(ESP_LOG_INFO, "engine %s %s: the fastest that loads", engine->id, engine->version);
    for (uint64_t i = 0; i < registry_count(experiment->registry); i++) {
        const struct component *component = registry_get(experiment->registry, i);
        if (component->kind == ESP_KIND_ENGINE && component->refused)
            log_line(ESP_LOG_WARNING, "engine %s of %s is refused: %s", component->id,
                     component->path, component->refused);
    }
}

// Of two plugins that claim one id the first in the search order is taken, and the other one said.
static void tell_shadowed(const struct run *run)
{
    const struct part *parts[RUN_PARTS];
    run_parts(run->experiment, parts);
    for (uint64_t i = 0; i < registry_count(run->experiment->registry); i++) {
        const struct component *component = registry_get(run->experiment->registry, i);
        for (int k = 0; k < RUN_PARTS; k++)
            if (component->shadowed_by && component->shadowed_by == parts[k]->component)
                log_line(ESP_LOG_WARNING, "the %s %s is that of %s, which shadows %s",
                         kind_name(component->kind), component->id,
                         component_place(component->shadowed_by), component_place(component));
    }
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
    // What is wrong here leaves no run behind.
    esp_status status = session_check_fixes(run->session, error);
    if (status == ESP_OK)
        status = start_load(&run->start, run->session, error);
    if (status == ESP_OK && !run->cheap)
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
    const struct part *parts[RUN_PARTS];
    struct plugin_row plugins[RUN_PARTS];
    uint64_t count = 0;
    run_parts(experiment, parts);
    for (int i = 0; i < RUN_PARTS; i++) {
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

// A sweep has its runs in folders below.
static esp_status refuse_sweep(const char *out, struct error *error)
{
    char *path = NULL;
    if (asprintf(&path, "%s/sweep.json", out) < 0)
        return error_memory(error);
    bool found = access(path, F_OK) == 0;
    free(path);
    return found ? error_set(error, ESP_ERROR_INVALID,
                             "%s holds a sweep; --out DIR takes another folder for a run", out)
                 : ESP_OK;
}

static esp_status open_folder(struct run *run, struct error *error)
{
    char *path = NULL;
    run->out = out_absolute(run->experiment->out);
    if (!run->out)
        return error_memory(error);
    esp_status status = folder_make(run->out, error);
    if (status == ESP_ERROR_IO)
        status = error->status = ESP_ERROR_INVALID; // `out` names no place for a run: wrong use
    if (status == ESP_OK)
        status = out_lock(run->out, &run->lock, error);
    if (status == ESP_OK)
        status = refuse_sweep(run->out, error);
    if (status != ESP_OK)
        return status;
    run->fresh = !out_holds_store(run->out);
    if (asprintf(&path, "%s/log.txt", run->out) < 0)
        return error_memory(error);
    run->progress = progress_create(path, run->options.quiet || run->options.json, error);
    free(path);
    enum store_access access = run->options.unsynced ? STORE_WRITE_UNSYNCED : STORE_WRITE;
    return run->progress ? store_open(&run->store, run->out, access, error) : error->status;
}

esp_status run_open(struct run **out, const struct experiment *experiment,
                    const struct run_options *options, struct error *error)
{
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return error_memory(error);
    *out = run;
    crash_install();
    run->experiment = experiment;
    run->options = *options;
    run->lock = -1;
    run->best = -1;
    run->began = monotonic_seconds();
    bool found = false;
    char *text = experiment_text(experiment, false, error);
    esp_status status = text ? open_folder(run, error) : error->status;
    if (status == ESP_OK)
        status = look_at_store(run, &found, error);
    if (status == ESP_OK)
        status = open_session(run, error);
    if (status == ESP_OK)
        tell_engine(run);
    if (status == ESP_OK)
        tell_shadowed(run);
    if (status == ESP_OK)
        status = found ? run_begin_resumed(run, text, error) : begin_new(run, text, error);
    if (status == ESP_OK && found) // the store's dictionary comes before any pass
        status = start_load(&run->start, run->session, error);
    if (status == ESP_OK)
        status = open_strategy(run, error);
    char *pinned = NULL;
    if (status == ESP_OK && !options->unsynced) {
        pinned = experiment_text(experiment, true, error);
        status = pinned ? out_write(run->out, "config.ini", pinned, error) : error->status;
    }
    free(pinned);
    if (status == ESP_OK && !run->cheap)
        status = worker_file_write(run->out, experiment, error);
    free(text);
    if (status != ESP_OK) {
        run->refused = true;
        run_close(run);
        *out = NULL;
    }
    return status;
}

void run_close(struct run *run)
{
    if (!run)
        return;
    run_close_executor(run);
    instance_destroy(run->strategy);
    search_destroy(run->search);
    start_destroy(&run->start);
    order_destroy(run->order);
    run_clear_trials(run);
    free(run->stored_tells);
    free(run->submitted);
    store_close(run->store);
    run_row_destroy(&run->row);
    metrics_destroy(&run->metrics);
    session_destroy(run->session);
    progress_destroy(run->progress);
    if (run->refused && run->fresh)
        out_clear(run->out);
    if (run->lock >= 0)
        close(run->lock);
    free(run->out);
    free(run);
}
