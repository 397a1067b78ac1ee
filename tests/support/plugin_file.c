// SPDX-License-Identifier: Apache-2.0
// A plugin's file as bytes; see plugin_file.h. Only good files are looked into: nothing is tested.
#include "support/plugin_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct plugin_file plugin_file_read(const char *path)
{
    FILE *stream = fopen(path, "r");
    cr_assert_not_null(stream, "%s is not there", path);
    fseek(stream, 0, SEEK_END);
    struct plugin_file file = {NULL, (size_t)ftell(stream)};
    rewind(stream);
    file.bytes = malloc(file.size);
    cr_assert_eq(fread(file.bytes, 1, file.size, stream), file.size, "%s", path);
    fclose(stream);
    return file;
}

struct plugin_file plugin_file_of_tests(const char *name)
{
    char path[1024];
    const char *folder = getenv("ESPALIER_TEST_PLUGINS");
    cr_assert_not_null(folder, "ESPALIER_TEST_PLUGINS is not set");
    snprintf(path, sizeof path, "%s/%s.so", folder, name);
    return plugin_file_read(path);
}

struct plugin_file plugin_file_copy(const struct plugin_file *file)
{
    struct plugin_file copy = {malloc(file->size), file->size};
    memcpy(copy.bytes, file->bytes, file->size);
    return copy;
}

void plugin_file_free(struct plugin_file *file)
{
    free(file->bytes);
    file->bytes = NULL;
}

char *plugin_file_write(const struct plugin_file *file, size_t size, const char *folder,
                        const char *name)
{
    char *path = NULL;
    cr_assert_geq(asprintf(&path, "%s/%s", folder, name), 0);
    remove(path); // a library that is loaded keeps its bytes
    FILE *stream = fopen(path, "w");
    cr_assert_not_null(stream, "%s", path);
    cr_assert_eq(fwrite(file->bytes, 1, size, stream), size);
    cr_assert_eq(fclose(stream), 0);
    return path;
}

Elf64_Ehdr *plugin_file_elf(struct plugin_file *file)
{
    return (Elf64_Ehdr *)(void *)file->bytes;
}

Elf64_Shdr *plugin_file_section(struct plugin_file *file)
{
    Elf64_Ehdr *elf = plugin_file_elf(file);
    Elf64_Shdr *sections = (Elf64_Shdr *)(void *)(file->bytes + elf->e_shoff);
    const char *names = (const char *)file->bytes + sections[elf->e_shstrndx].sh_offset;
    for (int i = 1; i < elf->e_shnum; i++)
        if (strcmp(names + sections[i].sh_name, ESP_NOTE_SECTION) == 0)
            return &sections[i];
    cr_assert_fail("the good plugin has no note");
    return NULL;
}

uint32_t *plugin_file_note(struct plugin_file *file)
{
    return (uint32_t *)(void *)(file->bytes + plugin_file_section(file)->sh_offset);
}

// Behind the name's size, the descriptor's size, the type, and the name of 12 bytes.
esp_note_header *plugin_file_header(struct plugin_file *file)
{
    return (esp_note_header *)(void *)(plugin_file_note(file) + 6);
}

esp_note_component *plugin_file_components(struct plugin_file *file)
{
    return (esp_note_component *)(void *)(plugin_file_header(file) + 1);
}

void plugin_file_replace(struct plugin_file *file, const char *from, const char *to)
{
    unsigned char *at = memmem(file->bytes, file->size, from, strlen(from));
    cr_assert_not_null(at, "the file does not hold '%s'", from);
    cr_assert_leq(strlen(to), strlen(from));
    memset(at, 0, strlen(from));
    memcpy(at, to, strlen(to));
}
