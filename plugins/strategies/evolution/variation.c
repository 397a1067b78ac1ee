// SPDX-License-Identifier: Apache-2.0
// Mutation and crossover; see variation.h. What the host does not offer itself is a pass whose decisions
// are answered here (esp_search_decide).
#include "variation.h"

// Passes that the space rejected before the child is its first parent as it is, which is a member.
#define PASSES 100
// A subtree drawn anew may come out as it was: then it is drawn again.
#define SUBTREE_TRIES 20

struct inheritance {
    esp_search *search;
    esp_random *random;
    const esp_arch *a, *b; // b NULL: what would be its part is drawn
    int by_scope;

    const char *first; // the path that each pass begins with
    uint64_t passes;
    uint64_t from_a, from_b; // where to look in the traces
    uint64_t position, cut;  // of one point: decisions met, those of `a`
    const char *scope;       // by scope: the first `scope_length` bytes of a path
    size_t scope_length;
};

static void draw_scope(struct inheritance *self)
{
    uint64_t levels = 1;
    self->scope = esp_arch_path(self->a, esp_random_below(self->random, esp_arch_count(self->a)));
    for (const char *at = self->scope; *at; at++)
        levels += *at == '/';
    uint64_t level = esp_random_below(self->random, levels) + 1; // names that the prefix has
    for (self->scope_length = 0; self->scope[self->scope_length]; self->scope_length++)
        if (self->scope[self->scope_length] == '/' && --level == 0)
            break;
}

static void begin_pass(struct inheritance *self)
{
    const uint64_t count = esp_arch_count(self->a);
    self->passes++;
    self->from_a = self->from_b = self->position = 0;
    if (self->by_scope)
        draw_scope(self);
    else // both parents have a part, where there are two decisions
        self->cut = count > 1 ? 1 + esp_random_below(self->random, count - 1) : count;
}

static int is_others(const struct inheritance *self, const char *path)
{
    if (self->passes > PASSES)
        return 0;
    if (!self->by_scope)
        return self->position >= self->cut;
    const char next =
        strncmp(path, self->scope, self->scope_length) == 0 ? path[self->scope_length] : 'x';
    return next == '/' || next == 0;
}

static esp_status inherit(void *context, const char *path, const esp_domain *domain, esp_value *out)
{
    struct inheritance *self = context;
    if (!self->first || strcmp(path, self->first) == 0) {
        self->first = path;
        begin_pass(self);
    }
    const int others = is_others(self, path);
    self->position++;
    int64_t a = esp_arch_match(self->a, path, domain, &self->from_a);
    int64_t b = self->b ? esp_arch_match(self->b, path, domain, &self->from_b) : -1;
    if (others && !self->b)
        a = -1;
    if (b >= 0 && (others || a < 0))
        *out = esp_arch_value(self->b, (uint64_t)b);
    else if (a >= 0)
        *out = esp_arch_value(self->a, (uint64_t)a);
    else
        return esp_search_draw(self->search, domain, NULL, self->random, out);
    return ESP_OK;
}

static esp_status mutate_subtree(esp_search *search, const esp_arch *parent, esp_random *random,
                                 esp_arch **out)
{
    for (int i = 0; i < SUBTREE_TRIES; i++) {
        struct inheritance subtree = {
            .search = search, .random = random, .a = parent, .by_scope = 1};
        esp_status status = esp_search_decide(search, inherit, &subtree, out);
        if (status != ESP_OK || esp_arch_hash(*out) != esp_arch_hash(parent))
            return status;
        esp_arch_release(*out);
        *out = NULL;
    }
    return esp_search_mutate(search, parent, 0, random, out);
}

esp_status variation_mutate(esp_search *search, const esp_arch *parent, int64_t kind, double rate,
                            esp_random *random, esp_arch **out)
{
    if (kind == MUTATE_SUBTREE)
        return mutate_subtree(search, parent, random, out);
    return esp_search_mutate(search, parent, kind == MUTATE_RATE ? rate : 0.0, random, out);
}

esp_status variation_cross(esp_search *search, const esp_arch *a, const esp_arch *b, int64_t kind,
                           esp_random *random, esp_arch **out)
{
    struct inheritance crossing = {
        .search = search, .random = random, .a = a, .b = b, .by_scope = kind == CROSS_SCOPE};
    if (kind == CROSS_UNIFORM)
        return esp_search_cross(search, a, b, random, out);
    return esp_search_decide(search, inherit, &crossing, out);
}
