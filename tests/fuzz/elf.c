// SPDX-License-Identifier: Apache-2.0
// ELF files: the notes of plugins, and foreign libraries. Law: what a note names are valid ids; two looks
// see the same.
#include "fuzz.h"

#include "foreign/shared_object.h"
#include "loader/note.h"

#include <string.h>

static void read_note(const char *path)
{
    static struct note note, again;
    struct error error;
    error_clear(&error);
    memset(&note, 0, sizeof note);
    memset(&again, 0, sizeof again);
    esp_status status = note_read(&note, path, &error);
    fuzz_refused(status, &error);
    if (status != ESP_OK)
        return;
    FUZZ_LAW(note.count <= NOTE_MAX_COMPONENTS, "%u", note.count);
    for (uint32_t i = 0; i < note.count; i++)
        FUZZ_LAW(note_valid_id(note.components[i].id), "component %u", i);
    FUZZ_LAW(memchr(note.version, 0, sizeof note.version) && note.version[0], "version");
    FUZZ_LAW(note_read(&again, path, &error) == ESP_OK && !memcmp(&note, &again, sizeof note),
             "two looks differ");
    fuzz_refused(note_check(&note, &error), &error);
}

static void read_functions(const char *path)
{
    struct error error;
    struct shared_object *object = NULL;
    error_clear(&error);
    esp_status status = shared_object_open(&object, path, &error);
    fuzz_refused(status, &error);
    if (status == ESP_OK)
        fuzz_refused(shared_object_check(object, "f", &error), &error);
    shared_object_close(object);
}

static void run(const uint8_t *bytes, size_t size)
{
    const char *path = fuzz_file("plugin.so", bytes, size);
    read_note(path);
    read_functions(path);
}

const struct fuzz_target fuzz_elf = {"elf", NULL, run};
