// SPDX-License-Identifier: Apache-2.0
// The note of a plugin's file, read with libelf: no code of the plugin runs.
#ifndef LOADER_NOTE_H
#define LOADER_NOTE_H

#include "error/error.h"

#include <espalier/plugin.h>

// The ELF number of this machine.
#if defined(__x86_64__)
#define HOST_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define HOST_MACHINE EM_AARCH64
#else
#error "name this machine's ELF number here"
#endif

#define NOTE_MAX_COMPONENTS 64

struct note {
    uint32_t abi_major, abi_minor, minor_needed;
    char version[ESP_NOTE_VERSION_SIZE]; // printable, not empty
    // 0 where the versions do not fit this host and the components cannot be read.
    uint32_t count;
    esp_note_component components[NOTE_MAX_COMPONENTS];
};

// Reads the note and tests its form: no whole ELF file of this machine, no note, a damaged one, ids
// that are none, components that stand twice. Whether the versions fit is note_check's. The message
// is the reason alone, without the path. Safe on any file, whatever it holds.
esp_status note_read(struct note *out, const char *path, struct error *error);

// [a-z][a-z0-9_]*, and its final zero within ESP_NOTE_ID_SIZE bytes. Nothing is read behind the zero.
bool note_valid_id(const char *id);

// Does this host serve a plugin of these versions? Both sides are named.
esp_status note_check(const struct note *note, struct error *error);

#endif
