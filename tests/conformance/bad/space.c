// SPDX-License-Identifier: Apache-2.0
// A space that breaks one clause of the contract: BAD says which.
#include <espalier/espalier.h>
#include <espalier/ext/space_genome.h>
#include <espalier/ext/space_structure.h>
#include <espalier/ext/space_text.h>
#include <stdlib.h>

#define CRASH() (*(volatile int *)16 = 1)

struct space {
    uint64_t passes;
};

static esp_status create(esp_create *c, void **out)
{
    struct space *space = (struct space *)calloc(1, sizeof *space);
    if (!space)
        return esp_fail(c, ESP_ERROR_MEMORY, "out of memory");
    *out = space;
    return ESP_OK;
}

static esp_node conv(esp_builder *b, const char *name, esp_node x, int64_t channels)
{
    esp_conv_options options = ESP_CONV_OPTIONS_INIT;
    options.channels = channels;
    options.kernel = 1;
    return esp_conv(b, name, x, options);
}

static esp_node first(esp_builder *b, esp_node x, const void *argument)
{
    // A name of its own each pass: no supernet has a child's weights.
    char name[32];
    const struct space *space = (const struct space *)argument;
    snprintf(name, sizeof name, "conv%llu",
             (unsigned long long)(BAD_relaxed && space ? space->passes : 0));
    return conv(b, name, x, 4);
}

static esp_node second(esp_builder *b, esp_node x, const void *argument)
{
    (void)argument;
    return conv(b, "other", x, 4);
}

static const esp_alternative operations[] = {
    ESP_ALTERNATIVE("first", first),
    ESP_ALTERNATIVE("second", second),
};

// A genome is two bytes, the second the first's complement.
static esp_status build_genome(esp_builder *b, esp_node x)
{
    uint64_t size;
    const unsigned char *bytes = (const unsigned char *)esp_builder_genome(b, &size);
    if (BAD_genome_nonsense && bytes[0] > 200)
        CRASH();
    if (size != 2 || bytes[1] != (unsigned char)~bytes[0])
        return esp_fail(b, ESP_ERROR_INVALID, "expected two bytes, each the other's complement");
    return esp_classifier(b, x);
}

static esp_status write_genome(esp_genome_writer *out, unsigned char byte)
{
    const unsigned char bytes[2] = {byte, (unsigned char)~byte};
    return esp_genome_write(out, bytes, 2);
}

static esp_status sample_genome(void *self, esp_random *random, esp_genome_writer *out)
{
    (void)self;
    return write_genome(out, (unsigned char)esp_random_below(random, 77));
}

static esp_status mutate_genome(void *self, esp_genome parent, double rate, esp_random *random,
                                esp_genome_writer *out)
{
    (void)self;
    (void)rate;
    const unsigned char byte = *(const unsigned char *)parent.bytes;
    if (BAD_genomes) // now and then the parent itself
        return write_genome(out, (unsigned char)esp_random_below(random, 77));
    return write_genome(out, (unsigned char)((byte + 1 + esp_random_below(random, 76)) % 77));
}

static esp_status cross_genomes(void *self, esp_genome a, esp_genome b, esp_random *random,
                                esp_genome_writer *out)
{
    (void)self;
    (void)b;
    (void)random;
    return write_genome(out, *(const unsigned char *)a.bytes);
}

static esp_status build(void *self, esp_builder *b)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct space *space = (struct space *)self;
    esp_node x = esp_input(b);
    space->passes++;
    if (BAD_genomes || BAD_genome_nonsense)
        return build_genome(b, x);
#if BAD_memory
    volatile int *memory = (volatile int *)malloc(64);
    memory[0] = 1;
    free((void *)(uintptr_t)memory);
#endif
    x = esp_choose_op(b, "op", x, operations, ESP_COUNT(operations), space);
#if BAD_relaxed
    return esp_classifier(b, x);
#endif
#if BAD_replay
    esp_choose_int(b, "n", 1, 8 + (int64_t)(space->passes % 2));
#else
    uint64_t n = esp_choose_one(b, "n", names, ESP_COUNT(names));
    uint64_t m = esp_choose_one(b, "m", names, ESP_COUNT(names));
    if (BAD_variants && space->passes > 40 && n != m)
        return esp_fail(b, ESP_ERROR, "it is tired");
    if (BAD_neighbours && n == 7 && m == 7)
        return esp_fail(b, ESP_ERROR, "g and g do not go together");
#endif
    if (BAD_trace && !esp_tracing(b))
        esp_choose_int(b, "late", 1, 5);
    if (BAD_same)
        x = conv(b, "more", x, 4 + (int64_t)(space->passes % 7));
    if (BAD_graphs)
        return esp_output(b, x);
    return esp_classifier(b, x);
}

// ---- In words -----------------------------------------------------------------------------------

static uint64_t option_at(const esp_arch *arch, uint64_t i)
{
    return esp_arch_value(arch, i).as.index;
}

static esp_status parse(void *self, esp_text_reader *reader, const char *text)
{
    static const char *const operation_names[] = {"first", "second"};
    (void)self;
    if (BAD_nonsense && strchr(text, '%'))
        CRASH();
    if (strlen(text) != 3 || text[0] < '0' || text[0] > '1' || text[1] < 'a' || text[1] > 'h' ||
        text[2] < 'a' || text[2] > 'h')
        return esp_text_wrong(reader, 0, "expected a digit and two letters, like 0ab");
    char n[2] = {text[1], 0}, m[2] = {text[2], 0};
    esp_text_set_name(reader, "op", operation_names[text[0] - '0']);
    esp_text_set_name(reader, "n", n);
    return esp_text_set_name(reader, "m", m);
}

static esp_status print(void *self, const esp_arch *arch, esp_text_writer *writer)
{
    static int printed;
    (void)self;
    char m = (char)('a' + option_at(arch, 2));
    if (BAD_text && printed++ % 2)
        m = m == 'h' ? 'a' : (char)(m + 1);
    return esp_text_print(writer, "%d%c%c", (int)option_at(arch, 0),
                          (char)('a' + option_at(arch, 1)), m);
}

static esp_status canonical(void *self, const esp_arch *arch, esp_text_writer *writer)
{
    static int written;
    (void)self;
    (void)arch;
    return esp_text_print(writer, "form %d", BAD_canonical ? written++ : 0);
}

static esp_status structure(void *self, const esp_arch *arch, esp_structure_writer *writer)
{
    (void)self;
    uint64_t cells = BAD_structure ? 1 + option_at(arch, 1) % 2 : 1;
    for (uint64_t i = 0; i < cells; i++) {
        esp_structure_cell(writer, i ? "second" : "first");
        esp_structure_vertex(writer, "in", ESP_VERTEX_INPUT);
        esp_structure_vertex(writer, "out", ESP_VERTEX_OUTPUT);
        esp_structure_edge(writer, 0, 1, "op");
    }
    return ESP_OK;
}

static const void *ability(const char *id)
{
    static const esp_space_text text = {sizeof text, "0ab", parse, print};
    static const esp_space_canonical form = {sizeof form, canonical};
    static const esp_space_structure cells = {sizeof cells, structure};
    static const esp_space_genome genome = {sizeof genome, "bad/1", sample_genome, mutate_genome,
                                            cross_genomes};
    if (BAD_genomes || BAD_genome_nonsense)
        return strcmp(id, ESP_SPACE_GENOME) == 0 ? &genome : NULL;
    if (BAD_replay || BAD_relaxed || BAD_trace)
        return NULL;
    return strcmp(id, ESP_SPACE_TEXT) == 0        ? (const void *)&text
           : strcmp(id, ESP_SPACE_CANONICAL) == 0 ? (const void *)&form
           : strcmp(id, ESP_SPACE_STRUCTURE) == 0 ? (const void *)&cells
                                                  : NULL;
}

static void describe(esp_space_type *out)
{
    out->summary = "wrong";
    out->create = create;
    out->destroy = free;
    out->build = build;
    out->ability = ability;
}

ESP_PLUGIN("1.0.0", ESP_SPACE("bad", describe))
