// SPDX-License-Identifier: Apache-2.0
// The architecture that a command was asked for: --text, --json-arch, else a random member; and what
// its space says of it in words.
#ifndef CLI_ARCH_H
#define CLI_ARCH_H

#include "cli/options.h"
#include "evaluate/session.h"

// One reference, the caller's.
esp_status arch_option(struct arch **out, struct session *session, struct options *options,
                       struct error *error);

// The rows of a command's table that arch_option reads.
#define ARCH_OPTIONS                                                                               \
    {"random", NULL, "a random member, by [experiment] seed (the default)"},                       \
        {"text", "TEXT", "the architecture with this text, in the space's own notation"},          \
        {"decision", "PATH=VALUE",                                                                 \
         "beside --text: a decision that no text holds (@section/key); may be given again"},       \
    {                                                                                              \
        "json-arch", "JSON", "the architecture with this JSON, or in the file of this name"        \
    }

// What the space says of an architecture. NULL where it cannot: `reason` says why it has no text, ""
// where the space has no notation at all.
struct arch_words {
    char *text;
    char canonical[17]; // the canonical hash, or ""
    char *form;         // the canonical form, where there is a hash
    char reason[1024];
};

esp_status arch_words(struct arch_words *out, struct builder *builder, const struct arch *arch,
                      struct error *error);
void arch_words_destroy(struct arch_words *words);
// Adds `text`, `canonical` and `canonical_form` where the space has them; a text that cannot be is null.
void arch_words_json(const struct arch_words *words, json_t *json);

// Builds the network. A recurrent one, of which there is no graph, is no error where the space draws
// it: `*graph` is NULL then.
esp_status arch_graph(struct graph **graph, struct builder *builder, const struct arch *arch,
                      struct error *error);
// A drawing for Graphviz: `format` dot, of the network, or cells, which also stand in for a network
// that has no graph (NULL). Owner: the caller (free). NULL with the error set.
char *arch_drawing(struct builder *builder, const struct arch *arch, const esp_graph *graph,
                   const char *format, const char *title, struct error *error);

#endif
