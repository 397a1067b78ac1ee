// SPDX-License-Identifier: Apache-2.0
// See structure_notes.h.
#include "support/structure_notes.h"

#include "builder/pass.h"

#include <espalier/ext/space_structure.h>

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

struct notes {
    esp_structure_writer handle; // first
    struct error error;
    FILE *stream;
    uint32_t vertices; // of the cell
};

static struct notes *from_handle(esp_structure_writer *handle)
{
    return (struct notes *)(void *)handle;
}

static esp_status note_cell(esp_structure_writer *writer, const char *name)
{
    struct notes *notes = from_handle(writer);
    notes->vertices = 0;
    fprintf(notes->stream, "[%s]", name);
    return ESP_OK;
}

static esp_status note_vertex(esp_structure_writer *writer, const char *label, uint32_t role)
{
    struct notes *notes = from_handle(writer);
    notes->vertices++;
    fprintf(notes->stream, " %s:%u", label ? label : "-", role);
    return ESP_OK;
}

static esp_status note_edge(esp_structure_writer *writer, uint32_t from, uint32_t to,
                            const char *label)
{
    struct notes *notes = from_handle(writer);
    cr_expect(from < to && to < notes->vertices, "%u>%u of %u", from, to, notes->vertices);
    fprintf(notes->stream, " %u>%u%s%s", from, to, label ? "=" : "", label ? label : "");
    return ESP_OK;
}

char *structure_notes(struct member_lab *lab, const struct arch *arch)
{
    static const esp_structure_writer_api api = {sizeof api, note_cell, note_vertex, note_edge,
                                                 NULL};
    struct notes notes = {.handle.api = &api};
    struct arch *whole = NULL;
    char *text = NULL;
    size_t size = 0;
    error_clear(&notes.error);
    cr_assert_eq(replay_whole(lab->builder, arch, &whole, &lab->error), ESP_OK, "%s",
                 lab->error.message);
    const esp_space_structure *structure = lab->builder->design.type->ability(ESP_SPACE_STRUCTURE);
    cr_assert_not_null(structure);
    notes.stream = open_memstream(&text, &size);
    cr_assert_not_null(notes.stream);
    esp_status status =
        structure->structure(lab->builder->instance, arch_handle(whole), &notes.handle);
    cr_expect_eq(status, ESP_OK);
    fclose(notes.stream);
    arch_release(whole);
    return text;
}
