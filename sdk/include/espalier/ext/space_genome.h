// SPDX-License-Identifier: Apache-2.0
// The genome: what an architecture is where it is no list of decisions (NEAT's genes). A space with this
// ability gives its members a genome, bytes in a canonical form of its own: equal members have equal
// bytes. It stands beside the decisions, which such a space may have too (those of searched parameters
// above all), in the hash, the JSON and the store.
//
// The genome's functions are called in the coordinator alone, in the order of the asks that need them.
// Everywhere else the space's build is given the genome (esp_builder_genome). It tests it: what is no
// genome, whoever wrote it, is refused by esp_fail with ESP_ERROR_INVALID.
//
// Clauses, as `espalier check` cites them:
//   1  What sample, mutate and cross write, build takes.
//   2  A mutant is not its parent.
//   3  They depend on the parameters, the parents and the random stream alone.
//   4  Bytes that are no genome are refused in words, whatever they hold.
#ifndef ESPALIER_EXT_SPACE_GENOME_H
#define ESPALIER_EXT_SPACE_GENOME_H

#include <espalier/arch.h>
#include <espalier/random.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct esp_genome_writer esp_genome_writer;
struct esp_genome_writer_api;

// Takes a genome. Owner: the host. [coordinator] [call]
struct esp_genome_writer {
    esp_handle base;
    const struct esp_genome_writer_api *api;
};

typedef struct esp_genome_writer_api {
    uint64_t struct_size;
    esp_status (*write)(esp_genome_writer *writer, const void *bytes, uint64_t size);
} esp_genome_writer_api;

// Appends `size` bytes. [call]
static inline esp_status esp_genome_write(esp_genome_writer *writer, const void *bytes,
                                          uint64_t size)
{
    return writer->api->write(writer, bytes, size);
}

// A genome that is lent. Owner: the host; [call].
typedef struct esp_genome {
    const void *bytes;
    uint64_t size;
} esp_genome;

#define ESP_SPACE_GENOME "esp.space.genome/1"
typedef struct esp_space_genome {
    uint64_t struct_size;
    // The name of the form that the bytes have, "neat/1": who knows it can read and write them.
    const char *form;

    // Writes a random genome. Required. [coordinator] [created]
    esp_status (*sample)(void *self, esp_random *random, esp_genome_writer *out);

    // Writes a genome that differs from `parent`: by one change where `rate` is 0, else each part that
    // can change does so with that probability, one at least. Required. [coordinator] [created]
    esp_status (*mutate)(void *self, esp_genome parent, double rate, esp_random *random,
                         esp_genome_writer *out);

    // Writes a child of two. Required. [coordinator] [created]
    esp_status (*cross)(void *self, esp_genome a, esp_genome b, esp_random *random,
                        esp_genome_writer *out);
} esp_space_genome;

// An ability of a strategy or of an estimator that serves spaces with a genome of one form alone. The
// host refuses other spaces before the first trial.
#define ESP_NEEDS_GENOME "esp.needs_genome/1"
typedef struct esp_needs_genome {
    uint64_t struct_size;
    const char *form;
    // How many numbers go in and out of a network, for an instance with the parameters' defaults; 0: any.
    // The conformance suite makes such.
    uint32_t inputs, outputs;
} esp_needs_genome;

#ifdef __cplusplus
}
#endif

#endif
