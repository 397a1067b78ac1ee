// SPDX-License-Identifier: Apache-2.0
// See stage.h.
#include "check/stage.h"

#include "check/stand_ins.h"
#include "execute/execute.h"

#include <espalier/ext/space_genome.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    uint32_t kind;
    const char *section, *id;
    const void *type;
    const char *settings;
} stand_ins[] = {
    {ESP_KIND_SPACE, "space", "stand_in", &stand_in_space, ""},
    {ESP_KIND_STRATEGY, "strategy", "stand_in", &stand_in_strategy, ""},
    {ESP_KIND_ESTIMATOR, "estimator", "stand_in", &stand_in_estimator, ""},
    {ESP_KIND_DATASET, "dataset", "stand_in", &stand_in_dataset, ""},
};

#define GENOMES "stand_in_genomes"

// Who computes networks takes an engine that is found; the others need none, and nobody else's file is
// looked at.
static esp_status add_program_parts(struct stage *stage, const struct check *check)
{
    bool computes = check->kind == ESP_KIND_ESTIMATOR || check->kind == ESP_KIND_ENGINE;
    esp_status status = computes ? registry_create(&stage->registry, NULL, &stage->error)
                                 : registry_create_empty(&stage->registry, &stage->error);
    for (size_t i = 0; status == ESP_OK && i < ESP_COUNT(stand_ins); i++)
        status = registry_add_builtin(stage->registry, stand_ins[i].kind, stand_ins[i].id,
                                      stand_ins[i].type, &stage->error);
    if (status == ESP_OK)
        status = registry_add_builtin(stage->registry, ESP_KIND_SPACE, GENOMES, &stand_in_genomes,
                                      &stage->error);
    if (status == ESP_OK)
        status = registry_add_builtin(stage->registry, ESP_KIND_EXECUTOR, "inline",
                                      executor_inline(), &stage->error);
    return status;
}

// A section for each kind: the component under test in its own, a stand-in in the others. Owner: the
// caller (free); NULL: out of memory.
// A component that takes genomes alone has a space of such.
static char *write_ini(const struct check *check, const esp_needs_genome *needs, const char *rows,
                       const char *space)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return NULL;
    fprintf(stream, "[experiment]\nseed = %llu\n", (unsigned long long)check->seed);
    for (size_t i = 0; i < ESP_COUNT(stand_ins); i++) {
        bool own = stand_ins[i].kind == check->kind;
        if (needs && stand_ins[i].kind == ESP_KIND_SPACE) {
            fprintf(stream, "[space]\nplugin = " GENOMES "\ninputs = %u\noutputs = %u\n",
                    needs->inputs ? needs->inputs : 3, needs->outputs ? needs->outputs : 1);
            continue;
        }
        fprintf(stream, "[%s]\nplugin = %s\n%s%s", stand_ins[i].section,
                own ? check->id : stand_ins[i].id, own ? check->settings : "",
                own                                     ? ""
                : stand_ins[i].kind == ESP_KIND_DATASET ? rows
                : stand_ins[i].kind == ESP_KIND_SPACE   ? space
                                                        : "");
    }
    if (check->kind == ESP_KIND_ENGINE)
        fprintf(stream, "[engine]\nplugin = %s\n%s", check->id, check->settings);
    fprintf(stream, "[executor]\nplugin = %s\n%s",
            check->kind == ESP_KIND_EXECUTOR ? check->id : "inline",
            check->kind == ESP_KIND_EXECUTOR ? check->settings : "");
    // The host's own metric: every estimator has it.
    fprintf(stream, "[objective]\nminimize = params\n");
    if (fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

esp_status stage_try(struct stage *stage, const struct check *check, const char *rows,
                     const char *space)
{
    const struct component *component;
    struct config *config = NULL;
    memset(stage, 0, sizeof *stage);
    error_clear(&stage->error);
    char *text = NULL;
    esp_status status = add_program_parts(stage, check);
    if (status == ESP_OK)
        status = registry_find_file(&component, stage->registry, check->kind, check->id,
                                    check->path, check->sha256, &stage->error);
    if (status == ESP_OK &&
        !(text = write_ini(check, component_ability(component, ESP_NEEDS_GENOME), rows, space)))
        status = error_memory(&stage->error);
    if (status == ESP_OK)
        status = config_parse(&config, text, "check.ini", check->folder, &stage->error);
    if (status == ESP_OK)
        status = experiment_create(&stage->experiment, config, stage->registry, &stage->error);
    if (status == ESP_OK)
        status = session_create(&stage->session, stage->experiment, true, &stage->error);
    if (status == ESP_OK)
        stage->builder = session_builder(stage->session);
    free(text);
    return status;
}

// Whether the space of the stage serves its task: what its create says.
static esp_status try_space(struct stage *stage, const struct check *check)
{
    esp_random random = esp_random_stream(check->seed, 1, 0, 0, 0);
    struct arch *arch = NULL;
    esp_status status = builder_sample(stage->builder, &random, &arch, &stage->error);
    arch_release(arch);
    return status;
}

void stage_open_with(struct stage *stage, const struct check *check, const char *space)
{
    struct error images;
    esp_status status = stage_try(stage, check, "", space);
    if (status == ESP_OK && check->kind == ESP_KIND_SPACE)
        status = try_space(stage, check);
    if (status == ESP_OK)
        return;
    images = stage->error;
    status = stage_try(stage, check, "rows = yes\n", space);
    if (status == ESP_OK && check->kind == ESP_KIND_SPACE)
        status = try_space(stage, check);
    if (status == ESP_OK)
        return;
    if (images.status == ESP_ERROR_INVALID && check->settings[0])
        check_fail(check, "with the parameters given it does not open: %s", images.message);
    if (images.status == ESP_ERROR_UNSUPPORTED || images.status == ESP_ERROR_INVALID ||
        images.status == ESP_ERROR_IO || images.status == ESP_ERROR_DATA)
        check_skip(check,
                   "it refuses its default parameters here (--set KEY=VALUE gives others): %s",
                   images.message);
    check_fail(check, "it does not open: %s", images.message);
}

void stage_open(struct stage *stage, const struct check *check)
{
    stage_open_with(stage, check, "");
}

void stage_search(struct stage *stage, const struct check *check, uint64_t objectives,
                  uint64_t trials)
{
    const struct component *component = stage->experiment->strategy.component;
    bool parents =
        (((const esp_strategy_type *)component->type)->takes & ESP_STRATEGY_PARENTS) != 0;
    check_need(
        check,
        search_create(&stage->search, stage->session, objectives, trials, parents, &stage->error),
        &stage->error, "to make the strategy's search");
}

const struct part *stage_part(const struct stage *stage, const struct check *check)
{
    switch (check->kind) {
    case ESP_KIND_SPACE:
        return &stage->experiment->space;
    case ESP_KIND_STRATEGY:
        return &stage->experiment->strategy;
    case ESP_KIND_ESTIMATOR:
        return &stage->experiment->estimator;
    case ESP_KIND_DATASET:
        return &stage->experiment->dataset;
    case ESP_KIND_ENGINE:
        return &stage->experiment->engine;
    default:
        return &stage->experiment->executor;
    }
}

esp_status stage_create(struct stage *stage, const struct check *check,
                        const struct parameters *parameters, struct instance **out,
                        struct error *error)
{
    const struct part *part = stage_part(stage, check);
    bool task = check->kind == ESP_KIND_SPACE || check->kind == ESP_KIND_STRATEGY ||
                check->kind == ESP_KIND_ESTIMATOR;
    struct jobs *jobs = NULL;
    void *context = NULL;
    if (check->kind == ESP_KIND_STRATEGY) {
        if (!stage->search)
            stage_search(stage, check, 1, 0);
        context = search_handle(stage->search);
    }
    if (check->kind == ESP_KIND_EXECUTOR) {
        esp_status status = jobs_create(&jobs, stage->experiment, stage->session, ".", error);
        if (status != ESP_OK)
            return status;
        context = jobs_handle(jobs);
    }
    return instance_create(out, part->component, parameters ? parameters : &part->parameters,
                           task ? session_task(stage->session) : NULL, check->seed, context, error);
}

struct arch *stage_sample(struct stage *stage, const struct check *check, uint64_t seed)
{
    esp_random random = esp_random_stream(check->seed, 3, seed, 0, 0);
    struct arch *arch = NULL;
    check_need(check, builder_sample(stage->builder, &random, &arch, &stage->error), &stage->error,
               "to draw a sample");
    return arch;
}
