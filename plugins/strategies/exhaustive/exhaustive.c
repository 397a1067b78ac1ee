// SPDX-License-Identifier: Apache-2.0
// Exhaustive search: every member of a finite space once, in the order of its decisions or shuffled by
// the run's seed; then the search is exhausted. The yardstick where it can be afforded: on a table it
// gives the true best and the true front.
//
// Members come in chunks, each as long as all before it, for an enumeration can only begin at its
// beginning: a member costs two passes on the average, and at most as many are held as were given out.
#include <espalier/espalier.h>

#include <stdlib.h>

#define FIRST_CHUNK 256
// A shuffled order holds all members at once.
#define MOST_SHUFFLED 1000000

enum { ORDER_LISTED, ORDER_SHUFFLED };
static const char *const orders[] = {"listed", "shuffled"};

struct exhaustive {
    int64_t order;
    // Members [passed, passed + count) of the enumeration; those before `next` were given out.
    esp_arch **members;
    uint64_t count, capacity, next;
    uint64_t passed; // members in chunks before this one
    uint64_t skip;   // of the enumeration that runs
    int whole;       // the enumeration came to its end
};

static const esp_param exhaustive_params[] = {
    ESP_PARAM_CHOICE("order", "listed", orders,
                     "listed: options in the order of their domains, the last decision turning "
                     "fastest; shuffled: a random order of all, at most a million"),
};

static esp_status exhaustive_create(esp_create *create, esp_search *search, void **out)
{
    (void)search;
    struct exhaustive *self = calloc(1, sizeof *self);
    if (!self)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    self->order = esp_param_int(create, "order");
    *out = self;
    return ESP_OK;
}

static void drop_chunk(struct exhaustive *self)
{
    for (uint64_t i = 0; i < self->count; i++)
        esp_arch_release(self->members[i]);
    self->passed += self->count;
    self->count = self->next = 0;
}

static void exhaustive_destroy(void *self)
{
    drop_chunk(self);
    free(((struct exhaustive *)self)->members);
    free(self);
}

static esp_status keep(void *context, esp_arch *arch)
{
    struct exhaustive *self = context;
    if (self->skip > 0) {
        self->skip--;
        return ESP_OK;
    }
    if (self->count == self->capacity) {
        uint64_t capacity = self->capacity ? 2 * self->capacity : FIRST_CHUNK;
        esp_arch **grown = realloc(self->members, capacity * sizeof *grown);
        if (!grown)
            return ESP_ERROR_MEMORY;
        self->members = grown;
        self->capacity = capacity;
    }
    self->members[self->count++] = esp_arch_retain(arch);
    return ESP_OK;
}

static void shuffle(struct exhaustive *self, esp_random *random)
{
    for (uint64_t i = self->count; i > 1; i--) {
        uint64_t j = esp_random_below(random, i);
        esp_arch *held = self->members[i - 1];
        self->members[i - 1] = self->members[j];
        self->members[j] = held;
    }
}

// The next chunk, empty where there are no more.
static esp_status fill(struct exhaustive *self, esp_search *search)
{
    uint64_t visited = 0;
    drop_chunk(self);
    if (self->whole)
        return ESP_OK;
    uint64_t most = 2 * self->passed + FIRST_CHUNK;
    if (self->order == ORDER_SHUFFLED)
        most = MOST_SHUFFLED + 1;
    self->skip = self->passed;
    esp_status status = esp_search_enumerate(search, keep, self, most, &visited);
    if (status != ESP_OK)
        return status;
    self->whole = visited < most;
    if (self->order != ORDER_SHUFFLED)
        return ESP_OK;
    if (!self->whole)
        return esp_fail(search, ESP_ERROR_UNSUPPORTED,
                        "order = shuffled holds every member, and this space has more than %d: use "
                        "order = listed, or strategy random with repeat = no",
                        MOST_SHUFFLED);
    shuffle(self, esp_search_random(search));
    return ESP_OK;
}

static esp_status exhaustive_ask(void *context, esp_search *search, esp_ask *ask)
{
    struct exhaustive *self = context;
    for (;;) {
        if (self->next == self->count) {
            esp_status status = fill(self, search);
            if (status != ESP_OK)
                return status;
            if (self->count == 0)
                return esp_ask_done(ask, "exhausted");
        }
        esp_arch *arch = self->members[self->next++];
        // Given by [start], or one with this by the run's identity.
        if (!esp_search_seen(search, arch))
            return esp_ask_trial(ask, arch);
    }
}

static esp_status exhaustive_tell(void *context, esp_search *search, const esp_outcome *outcome)
{
    (void)context;
    (void)search;
    (void)outcome;
    return ESP_OK;
}

static void exhaustive_describe(esp_strategy_type *out)
{
    out->summary = "every architecture of a finite space once";
    ESP_SET_PARAMS(out, exhaustive_params);
    out->takes = ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET | ESP_STRATEGY_MANY_OBJECTIVES;
    out->create = exhaustive_create;
    out->destroy = exhaustive_destroy;
    out->ask = exhaustive_ask;
    out->tell = exhaustive_tell;
}

ESP_PLUGIN("0.1.0", ESP_STRATEGY("exhaustive", exhaustive_describe))
