// SPDX-License-Identifier: Apache-2.0
// One pass of a space, inside core/builder. The builder keeps the state of the pass: the two paths,
// the decisions that were met, the trace, the graph. A chooser says what a decision's value is; each
// has a file of its own (sample.c, change.c, decide.c, enumerate.c, replay.c, read.c, relax.c).
//
//   pass.c    begins and ends passes, draws again what was rejected
//   path.c    scopes and paths
//   choose.c  from a name and a domain to a value; alternatives.c of operators and inputs
//   emit.c    operators
//   fix.c     [fix]
//   draw.c    random values of a domain
//   genome.c  genomes, of spaces that have them
//   text.c    what a space says of an architecture in words; structure.c, as cells
#ifndef BUILDER_PASS_H
#define BUILDER_PASS_H

#include "arch/domain.h"
#include "arch/memory.h"
#include "builder/builder.h"

// A pass that is rejected is drawn again at most this often.
#define BUILDER_REDRAWS 1000

// Where the values of a pass come from. The first member of each chooser's struct; what is optional
// may be NULL. Errors are set in builder->error.
struct chooser {
    // Before each attempt. Optional.
    void (*begin)(struct chooser *self);
    // The value of a decision that has more than one, met for the first time in this pass. `indices`
    // has room for the domain's count where it is a SUBSET.
    esp_status (*draw)(struct chooser *self, struct builder *builder, uint32_t decision,
                       const esp_domain *domain, uint32_t *indices, esp_value *out);
    // A decision of one value was met. Optional.
    esp_status (*single)(struct chooser *self, struct builder *builder, uint32_t decision,
                         const esp_domain *domain, esp_value value);
    // Writes the genome of a pass of a space that has one, by builder_put_genome; builder->instance is
    // known. NULL: such a space is not served, and `lacks` says what cannot be done.
    esp_status (*genome)(struct chooser *self, struct builder *builder);
    const char *lacks;
    // The space's function is through without an error. Optional.
    esp_status (*end)(struct chooser *self, struct builder *builder);
};

// What a decision of the dictionary is to this builder.
struct known {
    bool ready;
    bool single; // one value, by its domain or by a fix
    esp_value value;
};

// What was met at a path of the dictionary, in the pass of that number.
struct met {
    uint64_t pass;
    uint32_t decision;
    esp_value value; // of kind 0: all of its options (relaxed)
};

// A path as it was before a scope was opened.
struct scope {
    size_t length, root;
};

struct builder {
    esp_builder handle; // first; its context is `error`
    struct design design;
    char who[80];       // "space chain", where it crashes
    const char *caller; // who was watched when the pass began
    struct dictionary *dictionary;
    uint64_t rejections;

    // By the numbers of the dictionary, grown as it grows.
    struct known *known;
    struct met *met;
    size_t known_capacity, met_capacity;
    struct arena values; // indices of single values
    bool *fix_used;
    uint32_t *searched; // the searched decisions' numbers
    esp_value *searched_values;

    // The pass.
    bool running;
    bool relaxed;
    bool whole; // decisions of one value stand in the trace, too
    uint64_t pass;
    double chance; // of the second option of the decision that is met; 0: all are equally likely
    struct chooser *chooser;
    void *instance;      // of the space, for the searched values of this pass
    struct error error;  // sticky
    struct graph *graph; // NULL: trace only
    esp_node input;
    char *path; // ends in a zero
    size_t path_length, path_capacity;
    size_t root; // the decision path begins here
    struct scope *scopes;
    size_t depth, scope_capacity;
    size_t floor; // scopes below were opened by a caller of the one that may close scopes now
    struct choice *trace;
    size_t trace_count, trace_capacity;
    const char **names; // of a table of alternatives, for the length of one call
    size_t names_capacity;
    uint32_t *drawn; // indices of the last builder_draw
    size_t drawn_capacity;
    bool *marks; // of a mutation: the parent's decisions that change
    size_t marks_capacity;
    const struct esp_space_genome *genome_ability; // NULL: members have no genome
    char *genome;                                  // of the pass
    size_t genome_size, genome_capacity;
    struct arena arena; // reset when the next pass begins
    char *words;        // what a space writes of an architecture: text.c
    size_t words_length, words_capacity;
};

static inline struct builder *builder_from_handle(esp_builder *handle)
{
    return (struct builder *)(void *)handle;
}

// Runs the space's function once. ESP_ERROR_REJECTED leaves the reason in builder->error alone;
// other errors are set in `error`.
esp_status pass_run(struct builder *builder, struct chooser *chooser, struct graph *graph,
                    bool relaxed, struct error *error);

// Runs passes until one is not rejected, and gives its architecture. `again` NULL or, after the pass,
// true: what was rejected is drawn again.
esp_status pass_draw(struct builder *builder, struct chooser *chooser, const bool *again,
                     struct arch **out, struct error *error);

// Takes of the pass only what stands before the space's function: the searched decisions, and from
// them builder->instance.
esp_status pass_instance(struct builder *builder, struct chooser *chooser, struct error *error);

// The architecture of the pass that has ended.
esp_status pass_arch(struct builder *builder, struct arch **out, struct error *error);

// Says that a pass was rejected.
esp_status pass_rejected(struct builder *builder, struct error *error);

// ESP_ERROR_MISUSE where the trace is not of this builder's dictionary.
esp_status pass_check_arch(const struct builder *builder, const struct arch *arch,
                           struct error *error);

const char *decision_text(const struct builder *builder, uint32_t decision);

// ---- path.c -------------------------------------------------------------------------------------

// Appends a name to the path; false: it is no name, the error is set.
bool path_push(struct builder *builder, const char *name);
// Whether it is one; the error is set where not.
bool path_is_name(struct builder *builder, const char *name);
void path_cut(struct builder *builder, size_t length);
// Opens a scope, on both paths. False: the error is set.
bool scope_open(struct builder *builder, const char *name, int64_t index, bool share);
void scope_close(struct builder *builder);

void builder_scope(esp_builder *handle, const char *name, int64_t index);
void builder_share(esp_builder *handle, const char *name);
void builder_scope_end(esp_builder *handle);

// ---- choose.c -----------------------------------------------------------------------------------

// The number of the decision path where the pass is, of the decision `name` there, and of a path with
// a domain; DICTIONARY_NONE: the error is set.
uint32_t number_here(struct builder *builder);
uint32_t number_path(struct builder *builder, const char *name);
uint32_t number_decision(struct builder *builder, uint32_t path, const esp_domain *domain);
// The value of a decision of known number. False: the error is set.
bool choose_numbered(struct builder *builder, uint32_t path, uint32_t decision, esp_value *out);
// The one value of a decision that has no more. False: it has, or the error is set.
bool single_value(struct builder *builder, uint32_t decision, esp_value *out);
// Relaxed: notes that the decision was met with all its options. Answers whether it is open, that
// is, has more than one value; false with the error set, too.
bool choose_relaxed(struct builder *builder, uint32_t path, uint32_t decision);

esp_value builder_choose(esp_builder *handle, const char *name, const esp_domain *domain);
uint32_t builder_choose_chance(esp_builder *handle, const char *name, double probability);
int64_t builder_choose_value(esp_builder *handle, const char *name, const int64_t *values,
                             uint64_t count);

// ---- alternatives.c -----------------------------------------------------------------------------

esp_node builder_choose_op(esp_builder *handle, const char *name, esp_node x,
                           const esp_alternative *alternatives, uint64_t count, uint64_t stride,
                           const void *argument);
uint64_t builder_choose_inputs(esp_builder *handle, const char *name, const char *const *sources,
                               uint64_t count, uint64_t least, uint64_t most, uint32_t *chosen);

// ---- emit.c -------------------------------------------------------------------------------------

esp_node builder_input(esp_builder *handle);
esp_node builder_op(esp_builder *handle, const char *name, const char *op, const esp_node *inputs,
                    uint64_t input_count, const esp_attribute *attributes, uint64_t attribute_count,
                    uint64_t attribute_stride);
esp_shape builder_shape(esp_builder *handle, esp_node x);
esp_status builder_output(esp_builder *handle, esp_node x);

// ---- fix.c --------------------------------------------------------------------------------------

// Where a fix holds for the decision: its value, within the domain. `indices` as in draw.
esp_status fix_value(struct builder *builder, const char *path, const esp_domain *domain,
                     uint32_t *indices, esp_value *out, bool *fixed, struct error *error);
// The value that a text stands for, as a fix and as a `given` write it; false: none of the domain.
bool bare_value(const char *text, const esp_domain *domain, uint32_t *indices, esp_value *out);

// ---- read.c -------------------------------------------------------------------------------------

// As builder_read, with values given beside what was written.
esp_status read_given(struct builder *builder, const struct written_arch *written,
                      const struct given *given, uint64_t given_count, struct arch **out,
                      struct error *error);
// builder->instance for the searched decisions that are given.
esp_status read_instance(struct builder *builder, const struct given *given, uint64_t given_count,
                         struct error *error);

// ---- genome.c -----------------------------------------------------------------------------------

// The ability, where the space has it as it should be.
const struct esp_space_genome *genome_find(const struct builder *builder);
// Lets the pass's chooser write the genome. False: the error is set.
bool genome_choose(struct builder *builder);
// Makes a copy of these bytes the genome of the pass.
esp_status builder_put_genome(struct builder *builder, const void *bytes, uint64_t size);
// The genome of `arch`, as it is; the error is set where it has none.
esp_status genome_keep(struct builder *builder, const struct arch *arch);
// Writes one by the space's functions.
esp_status genome_sample(struct builder *builder, esp_random *random);
esp_status genome_mutate(struct builder *builder, const struct arch *parent, double rate,
                         esp_random *random);
esp_status genome_cross(struct builder *builder, const struct arch *a, const struct arch *b,
                        esp_random *random);
const void *builder_genome(esp_builder *handle, uint64_t *size);

// ---- text.c -------------------------------------------------------------------------------------

// What an ability's function left behind: its status, or the error it set on its handle.
esp_status ability_answered(const struct builder *builder, struct error *words, esp_status status,
                            const char *function, struct error *error);

// ---- replay.c -----------------------------------------------------------------------------------

// The architecture with the decisions of one value, too, which no trace holds; builder->instance is
// the space's.
esp_status replay_whole(struct builder *builder, const struct arch *arch, struct arch **out,
                        struct error *error);

// ---- draw.c -------------------------------------------------------------------------------------

// A value of the decision that the pass has met: draw_value, or by the chance that it was given.
esp_value draw_met(const struct builder *builder, esp_random *random, const esp_domain *domain,
                   uint32_t *indices);

// A value of the domain, each equally likely (in the logarithm where it is logarithmic); and one
// that differs from `value`, of a domain of two or more.
esp_value draw_value(esp_random *random, const esp_domain *domain, uint32_t *indices);
esp_value draw_other(esp_random *random, const esp_domain *domain, esp_value value,
                     uint32_t *indices);

// ---- enumerate.c --------------------------------------------------------------------------------

// As builder_enumerate, but gives up after `passes` passes (0 = never): `*whole` is then false.
esp_status enumerate_members(struct builder *builder,
                             esp_status (*visit)(void *self, struct arch *arch), void *self,
                             uint64_t most, uint64_t passes, uint64_t *count, bool *whole,
                             struct error *error);

#endif
