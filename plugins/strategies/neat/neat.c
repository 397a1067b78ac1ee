// SPDX-License-Identifier: Apache-2.0
// NeuroEvolution of Augmenting Topologies (Stanley and Miikkulainen 2002, Evolutionary Computation 10(2)). A
// generation is asked whole, told whole, and bred when its last outcome is in, so that the numbers of
// innovations, as all else, do not depend on how many workers there are.
//
// The defaults are those of XOR and of pole balancing with velocities, as the authors' program 1.2.1 has
// them; where it and the paper differ (how weights change, who represents a species) the program is
// followed, since the paper's figures are its.
#include "population.h"

#include <espalier/ext/space_genome.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const weight_rules[] = {"program", "paper"};

static const esp_param neat_params[] = {
    ESP_PARAM_INT("population", 150, 2, 1000000, "architectures", "size of a generation"),
    ESP_PARAM_REAL("excess", 1.0, 0.0, 1e6, "", "c1: weight of excess genes in the distance"),
    ESP_PARAM_REAL("disjoint", 1.0, 0.0, 1e6, "", "c2: weight of disjoint genes in the distance"),
    ESP_PARAM_REAL("weight_difference", 0.4, 0.0, 1e6, "",
                   "c3: weight of matching genes' mean weight difference"),
    ESP_PARAM_REAL("threshold", 3.0, 1e-6, 1e6, "",
                   "a distance below it to its representative makes a member of a species"),
    ESP_PARAM_REAL("add_node", 0.03, 0.0, 1.0, "", "chance that a mutation splits a connection"),
    ESP_PARAM_REAL("add_link", 0.05, 0.0, 1.0, "",
                   "chance that a mutation adds a connection, where it adds no node"),
    ESP_PARAM_BOOL("split_bias", 0, "connections from the bias may be split"),
    ESP_PARAM_REAL("weight_mutation", 0.9, 0.0, 1.0, "",
                   "chance that weights change, where the mutation is not structural"),
    ESP_PARAM_REAL("weight_power", 2.5, 0.0, 1e6, "", "the largest change of a weight"),
    ESP_PARAM_REAL("weight_limit", 8.0, 1e-6, 1e6, "", "the largest weight"),
    ESP_PARAM_CHOICE(
        "weights", "program", weight_rules,
        "program: by a coin all are perturbed, or 70 % with 20 % replaced; paper: 90 % "
        "perturbed, 10 % replaced"),
    ESP_PARAM_REAL("toggle", 0.0, 0.0, 1.0, "", "chance that a gene is turned on or off"),
    ESP_PARAM_REAL("reenable", 0.0, 0.0, 1.0, "", "chance that the first disabled gene is enabled"),
    ESP_PARAM_REAL("recurrent", 0.0, 0.0, 1.0, "",
                   "share of added connections that go back in time"),
    ESP_PARAM_REAL("loop", 0.5, 0.0, 1.0, "", "share of those that join a node to itself"),
    ESP_PARAM_INT("link_tries", 20, 1, 1000, "draws",
                  "pairs of nodes that are drawn for a new connection"),
    ESP_PARAM_REAL("survivors", 0.2, 0.0, 1.0, "", "share of a species, its best, that breeds"),
    ESP_PARAM_REAL("mutate_only", 0.25, 0.0, 1.0, "", "share of offspring of one parent"),
    ESP_PARAM_REAL("interspecies", 0.001, 0.0, 1.0, "",
                   "chance that the second parent is another species' champion"),
    ESP_PARAM_REAL("averaging", 0.4, 0.0, 1.0, "",
                   "share of crossovers that take matching genes' mean weight, not either's"),
    ESP_PARAM_REAL("mate_only", 0.2, 0.0, 1.0, "",
                   "chance that a child of two different parents is not mutated"),
    ESP_PARAM_INT("stagnation", 15, 1, 1000000, "generations",
                  "without a record after which a species' fitness counts a hundredth"),
    ESP_PARAM_TEXT("champion", "",
                   "a fidelity of the estimator: 0 in a generation's trials, and 1 in one more, of "
                   "the champion of the best species whose record was not tried so yet"),
};

struct neat {
    struct settings settings;
    struct population population;
    char champion[64]; // the fidelity, or ""
    uint64_t asked, told;
    // The trial of the champion of this generation.
    uint32_t champion_asked, champion_open;
    uint64_t champion_trial;
};

static esp_status neat_create(esp_create *create, esp_search *search, void **out)
{
    const esp_space_genome *genome = esp_search_space_ability(search, ESP_SPACE_GENOME);
    if (!genome || strcmp(genome->form, ESP_GENES_FORM) != 0)
        return esp_fail(create, ESP_ERROR_UNSUPPORTED,
                        "it takes genomes of the form " ESP_GENES_FORM
                        ", which the space neat has");
    struct neat *neat = calloc(1, sizeof *neat);
    if (!neat)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    neat->settings = (struct settings){
        .population = (uint64_t)esp_param_int(create, "population"),
        .excess = esp_param_real(create, "excess"),
        .disjoint = esp_param_real(create, "disjoint"),
        .weight_difference = esp_param_real(create, "weight_difference"),
        .threshold = esp_param_real(create, "threshold"),
        .add_node = esp_param_real(create, "add_node"),
        .add_link = esp_param_real(create, "add_link"),
        .weight_mutation = esp_param_real(create, "weight_mutation"),
        .weight_power = esp_param_real(create, "weight_power"),
        .weight_limit = esp_param_real(create, "weight_limit"),
        .weights_as_paper = esp_param_int(create, "weights") == 1,
        .split_bias = (uint32_t)esp_param_int(create, "split_bias"),
        .toggle = esp_param_real(create, "toggle"),
        .reenable = esp_param_real(create, "reenable"),
        .links = {(uint64_t)esp_param_int(create, "link_tries"),
                  esp_param_real(create, "recurrent"), esp_param_real(create, "loop")},
        .survivors = esp_param_real(create, "survivors"),
        .mutate_only = esp_param_real(create, "mutate_only"),
        .interspecies = esp_param_real(create, "interspecies"),
        .averaging = esp_param_real(create, "averaging"),
        .mate_only = esp_param_real(create, "mate_only"),
        .stagnation = esp_param_int(create, "stagnation"),
    };
    snprintf(neat->champion, sizeof neat->champion, "%s", esp_param_text(create, "champion"));
    const uint64_t budget = esp_search_trial_budget(search);
    if (budget > 0 && neat->settings.population >= budget)
        esp_log(create, ESP_LOG_WARNING,
                "population %llu is not smaller than the budget of %llu trials: there will be one "
                "generation",
                (unsigned long long)neat->settings.population, (unsigned long long)budget);
    *out = neat;
    return ESP_OK;
}

static void neat_destroy(void *self)
{
    struct neat *neat = self;
    population_free(&neat->population);
    free(neat);
}

// ---- Generations --------------------------------------------------------------------------------

static esp_status read_genes(esp_search *search, const esp_arch *arch, esp_genes *out)
{
    char reason[256];
    uint64_t size;
    const void *bytes = esp_arch_genome(arch, &size);
    esp_status status = esp_genes_read(out, bytes, size, reason, sizeof reason);
    return status == ESP_OK ? ESP_OK : esp_fail(search, status, "a genome is none: %s", reason);
}

// Networks without hidden nodes, as the space draws them.
static esp_status begin(struct neat *neat, esp_search *search, esp_random *random)
{
    struct population *population = &neat->population;
    const uint64_t wanted = neat->settings.population;
    esp_status status = ESP_OK;
    population->members = calloc((size_t)wanted, sizeof *population->members);
    if (!population->members)
        return esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
    population->generation = 1;
    population->markings.counted = 1;
    while (status == ESP_OK && population->count < wanted) {
        struct member *member = &population->members[population->count++];
        status = esp_search_sample(search, random, &member->like);
        if (status == ESP_OK)
            status = read_genes(search, member->like, &member->genes);
        if (status != ESP_OK)
            return status;
        esp_markings_above(&population->markings, &member->genes);
        status = species_place(population, &neat->settings, population->count - 1, &member->genes);
    }
    return status == ESP_OK ? ESP_OK : esp_fail(search, status, "out of memory");
}

static esp_status turn(struct neat *neat, esp_search *search, esp_random *random)
{
    struct member *next = NULL;
    esp_status status = offspring_make(&neat->population, &neat->settings, random, &next);
    if (status == ESP_OK) {
        status = species_turn(&neat->population, &neat->settings, next);
        if (status != ESP_OK) {
            for (uint64_t i = 0; i < neat->settings.population; i++)
                member_free(&next[i]);
            free(next);
        }
    }
    if (status != ESP_OK)
        return esp_fail(search, status, "out of memory, or a genome is too large");
    neat->asked = neat->told = 0;
    neat->champion_asked = neat->champion_open = 0;
    return ESP_OK;
}

// Searched parameters are decisions beside the genome: a mutated child takes another value of one, with
// one half.
static esp_status vary_decisions(esp_search *search, esp_arch **arch, esp_random *random)
{
    const uint64_t count = esp_arch_count(*arch);
    esp_value value;
    esp_arch *changed = NULL;
    if (count == 0 || esp_random_real(random) < 0.5)
        return ESP_OK;
    const uint64_t decision = esp_random_below(random, count);
    const esp_value before = esp_arch_value(*arch, decision);
    esp_status status =
        esp_search_draw(search, esp_arch_domain(*arch, decision), &before, random, &value);
    if (status == ESP_OK)
        status = esp_search_change(search, *arch, decision, value, random, &changed);
    if (status == ESP_ERROR_REJECTED)
        return ESP_OK;
    if (status == ESP_OK) {
        esp_arch_release(*arch);
        *arch = changed;
    }
    return status;
}

static esp_status make_arch(esp_search *search, struct member *member, esp_random *random)
{
    const uint64_t size = esp_genes_size(&member->genes);
    void *bytes = malloc((size_t)size);
    if (!bytes)
        return esp_fail(search, ESP_ERROR_MEMORY, "out of memory");
    esp_genes_write(&member->genes, bytes);
    esp_status status = esp_search_genome(search, member->like, bytes, size, random, &member->arch);
    free(bytes);
    if (status == ESP_OK && member->vary_decisions)
        status = vary_decisions(search, &member->arch, random);
    return status;
}

// ---- Ask and tell -------------------------------------------------------------------------------

static esp_status ask_member(struct neat *neat, esp_search *search, esp_ask *ask,
                             esp_random *random)
{
    struct member *member = &neat->population.members[neat->asked];
    esp_status status = member->arch ? ESP_OK : make_arch(search, member, random);
    if (status == ESP_OK)
        status = esp_ask_trial(ask, member->arch);
    if (status == ESP_OK && neat->champion[0])
        status = esp_ask_fidelity(ask, neat->champion, 0);
    if (status != ESP_OK)
        return status;
    member->trial = esp_ask_number(ask);
    neat->asked++;
    return ESP_OK;
}

// The best member of the best species whose record was not tried; NULL: there is none.
static const struct member *untried_champion(struct population *population)
{
    struct species *chosen = NULL;
    const struct member *best = NULL;
    for (uint64_t s = 0; s < population->species_count; s++) {
        struct species *species = &population->species[s];
        const struct member *champion = NULL;
        for (uint64_t i = 0; i < species->count; i++) {
            const struct member *member = &population->members[species->members[i]];
            if (!member->failed && (!champion || member->score > champion->score))
                champion = member;
        }
        const int is_record =
            champion && (!species->has_record || champion->score > species->record);
        if (champion && (is_record || !species->checked) &&
            (!best || champion->score > best->score)) {
            chosen = species;
            best = champion;
        }
    }
    if (chosen) {
        chosen->checked = 1;
        // Its record is this one now: sharing, which comes later, finds it so, and keeps the mark.
        if (!chosen->has_record || best->score > chosen->record) {
            chosen->has_record = 1;
            chosen->record = best->score;
            chosen->improved = chosen->age;
        }
    }
    return best;
}

static esp_status ask_champion(struct neat *neat, esp_ask *ask, const struct member *champion)
{
    esp_status status = esp_ask_trial(ask, champion->arch);
    if (status == ESP_OK)
        status = esp_ask_fidelity(ask, neat->champion, 1);
    neat->champion_open = 1;
    neat->champion_trial = esp_ask_number(ask);
    return status;
}

static esp_status neat_ask(void *self, esp_search *search, esp_ask *ask)
{
    struct neat *neat = self;
    esp_random *random = esp_search_random(search);
    esp_status status = ESP_OK;
    if (neat->population.count == 0)
        status = begin(neat, search, random);
    else if (neat->asked == neat->population.count) {
        if (neat->told < neat->asked || neat->champion_open)
            return esp_ask_wait(ask);
        if (neat->champion[0] && !neat->champion_asked) {
            neat->champion_asked = 1;
            const struct member *champion = untried_champion(&neat->population);
            if (champion)
                return ask_champion(neat, ask, champion);
        }
        status = turn(neat, search, random);
    }
    return status == ESP_OK ? ask_member(neat, search, ask, random) : status;
}

// The member with this trial, or NULL: a trial that this strategy did not ask for, or a champion's.
static struct member *find_member(struct neat *neat, uint64_t trial)
{
    for (uint64_t i = 0; i < neat->asked; i++)
        if (neat->population.members[i].trial == trial)
            return &neat->population.members[i];
    return NULL;
}

static esp_status neat_tell(void *self, esp_search *search, const esp_outcome *outcome)
{
    struct neat *neat = self;
    (void)search;
    if (!outcome->asked)
        return ESP_OK; // given architectures take part in no generation
    if (neat->champion_open && outcome->trial == neat->champion_trial) {
        neat->champion_open = 0;
        return ESP_OK;
    }
    struct member *member = find_member(neat, outcome->trial);
    if (!member || member->told)
        return ESP_OK;
    member->told = 1;
    member->failed = outcome->objective_count == 0 || outcome->violation > 0;
    member->score = outcome->objective_count > 0 ? -outcome->objectives[0] : 0;
    neat->told++;
    return ESP_OK;
}

static const void *neat_ability(const char *id)
{
    static const esp_needs_genome needs = {sizeof(esp_needs_genome), ESP_GENES_FORM, 0, 0};
    return strcmp(id, ESP_NEEDS_GENOME) == 0 ? &needs : NULL;
}

static void neat_describe(esp_strategy_type *out)
{
    out->summary =
        "NEAT: networks grow from nothing, in species, by genes with historical markings";
    out->source = "Stanley and Miikkulainen 2002";
    ESP_SET_PARAMS(out, neat_params);
    out->takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET | ESP_STRATEGY_GENOME;
    out->create = neat_create;
    out->destroy = neat_destroy;
    out->ask = neat_ask;
    out->tell = neat_tell;
    out->ability = neat_ability;
}

ESP_PLUGIN("0.1.0", ESP_STRATEGY("neat", neat_describe))
