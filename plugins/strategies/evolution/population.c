// SPDX-License-Identifier: Apache-2.0
// The population; see population.h.
#include "population.h"

#include <stdlib.h>

int member_better(const struct member *a, const struct member *b)
{
    if (a->violation != b->violation)
        return a->violation < b->violation;
    return a->objective < b->objective;
}

// A strict order over all members: of equally good ones the younger stands before.
static int stands_before(const struct member *a, const struct member *b)
{
    if (member_better(a, b) || member_better(b, a))
        return member_better(a, b);
    return a->number > b->number;
}

const struct member *population_member(const struct population *population, uint64_t place)
{
    return &population->slots[population->age[population->head + place]];
}

// ---- Joining and leaving ----------------------------------------------------------------------------

static int grow(struct population *population)
{
    uint64_t capacity = population->capacity ? 2 * population->capacity : 64;
    struct member *slots = realloc(population->slots, capacity * sizeof *slots);
    if (!slots)
        return 0;
    population->slots = slots;
    uint32_t **lists[] = {&population->free_slots, &population->age, &population->ranked};
    for (size_t i = 0; i < ESP_COUNT(lists); i++) {
        // Twice the room: the oldest leave at the front, and the list moves back only now and then.
        uint32_t *grown = realloc(*lists[i], 2 * capacity * sizeof *grown);
        if (!grown)
            return 0;
        *lists[i] = grown;
    }
    population->capacity = capacity;
    return 1;
}

// The place in `ranked` where `member` stands, or would.
static uint64_t rank_of(const struct population *population, const struct member *member)
{
    uint64_t low = 0, high = population->count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (stands_before(&population->slots[population->ranked[middle]], member))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int population_add(struct population *population, esp_arch *arch, double objective,
                   double violation)
{
    if (population->count == population->capacity && !grow(population))
        return 0;
    if (population->head + population->count == 2 * population->capacity) {
        memmove(population->age, population->age + population->head,
                population->count * sizeof *population->age);
        population->head = 0;
    }
    uint32_t slot = population->free_count > 0 ? population->free_slots[--population->free_count]
                                               : population->slot_count++;
    struct member *member = &population->slots[slot];
    *member = (struct member){esp_arch_retain(arch), objective, violation, population->told++};
    population->age[population->head + population->count] = slot;
    if (population->is_ranked) {
        uint64_t rank = rank_of(population, member);
        memmove(population->ranked + rank + 1, population->ranked + rank,
                (population->count - rank) * sizeof *population->ranked);
        population->ranked[rank] = slot;
    }
    population->count++;
    return 1;
}

static void leave(struct population *population, uint64_t place)
{
    uint32_t *age = population->age + population->head;
    uint32_t slot = age[place];
    if (population->is_ranked) {
        uint64_t rank = rank_of(population, &population->slots[slot]);
        memmove(population->ranked + rank, population->ranked + rank + 1,
                (population->count - rank - 1) * sizeof *population->ranked);
    }
    if (place == 0)
        population->head++;
    else
        memmove(age + place, age + place + 1, (population->count - place - 1) * sizeof *age);
    esp_arch_release(population->slots[slot].arch);
    population->free_slots[population->free_count++] = slot;
    population->count--;
}

void population_remove_oldest(struct population *population, uint64_t elite)
{
    uint64_t place = 0;
    while (elite > 0 && rank_of(population, population_member(population, place)) < elite)
        place++;
    leave(population, place);
}

void population_remove_worst(struct population *population)
{
    uint64_t place = 0;
    while (population->age[population->head + place] != population->ranked[population->count - 1])
        place++;
    leave(population, place);
}

void population_free(struct population *population)
{
    for (uint64_t i = 0; i < population->count; i++)
        esp_arch_release(population_member(population, i)->arch);
    free(population->slots);
    free(population->free_slots);
    free(population->age);
    free(population->ranked);
}

// ---- Parents ----------------------------------------------------------------------------------------

const struct member *population_tournament(const struct population *population, uint64_t size,
                                           esp_random *random)
{
    const struct member *best = NULL;
    for (uint64_t i = 0; i < size; i++) {
        const struct member *candidate =
            population_member(population, esp_random_below(random, population->count));
        if (!best || member_better(candidate, best))
            best = candidate;
    }
    return best;
}

const struct member *population_truncation(const struct population *population, double share,
                                           esp_random *random)
{
    uint64_t most = (uint64_t)(share * (double)population->count);
    if ((double)most < share * (double)population->count)
        most++;
    most = most < 1 ? 1 : most > population->count ? population->count : most;
    return &population->slots[population->ranked[esp_random_below(random, most)]];
}

// What the wheel goes by. A share is 1 for the best and 0 for the worst; halves, for their difference
// may overflow.
struct wheel {
    int feasible; // there are feasible members: only they have a share
    double best, worst;
};

static double wheel_value(const struct wheel *wheel, const struct member *member)
{
    return wheel->feasible ? member->objective : member->violation;
}

static int on_wheel(const struct wheel *wheel, const struct member *member)
{
    return !wheel->feasible || member->violation <= 0;
}

static double wheel_share(const struct wheel *wheel, const struct member *member)
{
    double span = wheel->worst / 2 - wheel->best / 2;
    if (!on_wheel(wheel, member))
        return 0.0;
    return span > 0 ? (wheel->worst / 2 - wheel_value(wheel, member) / 2) / span : 1.0;
}

static struct wheel find_wheel(const struct population *population)
{
    struct wheel wheel = {0, 0, 0};
    int any = 0;
    for (uint64_t i = 0; i < population->count && !wheel.feasible; i++)
        wheel.feasible = population_member(population, i)->violation <= 0;
    for (uint64_t i = 0; i < population->count; i++) {
        const struct member *member = population_member(population, i);
        if (!on_wheel(&wheel, member))
            continue;
        double value = wheel_value(&wheel, member);
        wheel.best = !any || value < wheel.best ? value : wheel.best;
        wheel.worst = !any || value > wheel.worst ? value : wheel.worst;
        any = 1;
    }
    return wheel;
}

const struct member *population_roulette(const struct population *population, esp_random *random)
{
    const struct wheel wheel = find_wheel(population);
    const struct member *last = NULL;
    double sum = 0;
    for (uint64_t i = 0; i < population->count; i++)
        sum += wheel_share(&wheel, population_member(population, i));
    double left = esp_random_real(random) * sum;
    for (uint64_t i = 0; i < population->count; i++) {
        const struct member *member = population_member(population, i);
        double share = wheel_share(&wheel, member);
        if (share <= 0)
            continue;
        last = member;
        if (left < share)
            break;
        left -= share;
    }
    return last;
}
