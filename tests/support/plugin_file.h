// SPDX-License-Identifier: Apache-2.0
// A plugin's file as bytes, for tests that damage one.
#ifndef SUPPORT_PLUGIN_FILE_H
#define SUPPORT_PLUGIN_FILE_H

#include <espalier/plugin.h>

#include <elf.h>

struct plugin_file {
    unsigned char *bytes;
    size_t size;
};

// The file at a path, which must be there. Owner: the caller (plugin_file_free).
struct plugin_file plugin_file_read(const char *path);
// `name`.so of the tests' own plugins ($ESPALIER_TEST_PLUGINS).
struct plugin_file plugin_file_of_tests(const char *name);
struct plugin_file plugin_file_copy(const struct plugin_file *file);
void plugin_file_free(struct plugin_file *file);

// Writes its first `size` bytes to `folder/name`; answers the path, owned by the caller (free).
char *plugin_file_write(const struct plugin_file *file, size_t size, const char *folder,
                        const char *name);

// Inside the bytes: the note from its name's size on, what it holds, the section header of
// `.note.espalier`, and the ELF header.
uint32_t *plugin_file_note(struct plugin_file *file);
esp_note_header *plugin_file_header(struct plugin_file *file);
esp_note_component *plugin_file_components(struct plugin_file *file);
Elf64_Shdr *plugin_file_section(struct plugin_file *file);
Elf64_Ehdr *plugin_file_elf(struct plugin_file *file);

// Puts `to` where `from` stands, which must be somewhere and be no shorter.
void plugin_file_replace(struct plugin_file *file, const char *from, const char *to);

#endif
