// SPDX-License-Identifier: Apache-2.0
// Cases of the file itself: its note, its entry, and what happens in a process that loads it.
#include "check/case.h"
#include "check/surroundings.h"

#include "loader/description.h"
#include "loader/note.h"
#include "loader/registry.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void read_note(const struct check *check, struct note *note)
{
    struct error error;
    error_clear(&error);
    check_need(check, note_read(note, check->path, &error), &error, "to read the note");
}

static void entry_knows_the_note(struct check *check)
{
    struct note note;
    struct error error;
    read_note(check, &note);
    esp_plugin_entry_function entry = check_entry(check);
    for (uint32_t i = 0; i < note.count; i++) {
        uint32_t kind = note.components[i].kind;
        const char *id = note.components[i].id;
        error_clear(&error);
        if (description_check(entry(kind, id), kind, id, &error) != ESP_OK)
            check_fail(check, "%s", error.message);
    }
}

// A name of the note under another kind is unknown, too, unless the note has it.
static bool note_has(const struct note *note, uint32_t kind, const char *id)
{
    for (uint32_t i = 0; i < note->count; i++)
        if (note->components[i].kind == kind && strcmp(note->components[i].id, id) == 0)
            return true;
    return false;
}

static void entry_knows_nothing_else(struct check *check)
{
    static const char *const strange[] = {"", "no_such_method", "a", "..", "%s%n", "CHAIN"};
    struct note note;
    read_note(check, &note);
    esp_plugin_entry_function entry = check_entry(check);
    for (uint32_t kind = 0; kind <= ESP_KIND_EXECUTOR + 1; kind++) {
        for (size_t i = 0; i < ESP_COUNT(strange); i++)
            if (!note_has(&note, kind, strange[i]) && entry(kind, strange[i]))
                check_fail(check, "it answers for '%s' of kind %u, which its note does not name",
                           strange[i], kind);
        for (uint32_t i = 0; i < note.count; i++) {
            const char *id = note.components[i].id;
            if (!note_has(&note, kind, id) && entry(kind, id))
                check_fail(check, "it answers for '%s' of kind %u, and its note has it of another",
                           id, kind);
        }
    }
}

static void entry_repeats(struct check *check)
{
    struct note note;
    read_note(check, &note);
    esp_plugin_entry_function entry = check_entry(check);
    for (uint32_t i = 0; i < note.count; i++) {
        uint32_t kind = note.components[i].kind;
        uint64_t size;
        const void *first = entry(kind, note.components[i].id);
        if (!first)
            continue; // another case's
        memcpy(&size, first, sizeof size);
        void *kept = malloc(size);
        if (!kept)
            check_skip(check, "out of memory");
        memcpy(kept, first, size);
        if (entry(kind, note.components[i].id) != first || memcmp(kept, first, size) != 0)
            check_fail(check, "the entry describes '%s' in another way the second time",
                       note.components[i].id);
    }
}

// ---- Symbols ------------------------------------------------------------------------------------

struct symbols {
    const char *path;
    char other[128]; // an exported symbol that is not the entry
    uint64_t count;
};

// DT_HASH or DT_GNU_HASH give the number of dynamic symbols.
static uint64_t count_symbols(const ElfW(Word) * hash, const uint32_t *gnu_hash)
{
    if (hash)
        return hash[1];
    if (!gnu_hash)
        return 0;
    uint32_t buckets = gnu_hash[0], first = gnu_hash[1], words = gnu_hash[2], last = 0;
    const uint32_t *bucket = gnu_hash + 4 + words * (sizeof(ElfW(Addr)) / 4);
    const uint32_t *chain = bucket + buckets;
    for (uint32_t i = 0; i < buckets; i++)
        last = bucket[i] > last ? bucket[i] : last;
    if (last < first)
        return first;
    while (!(chain[last - first] & 1))
        last++;
    return (uint64_t)last + 1;
}

static int look_at_symbols(struct dl_phdr_info *object, size_t size, void *self)
{
    struct symbols *symbols = self;
    const ElfW(Sym) *table = NULL;
    const char *names = NULL;
    const ElfW(Word) *hash = NULL;
    const uint32_t *gnu_hash = NULL;
    (void)size;
    if (strcmp(object->dlpi_name, symbols->path) != 0)
        return 0;
    for (ElfW(Half) i = 0; i < object->dlpi_phnum; i++) {
        if (object->dlpi_phdr[i].p_type != PT_DYNAMIC)
            continue;
        const ElfW(Dyn) *entry =
            (const ElfW(Dyn) *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
        for (; entry->d_tag != DT_NULL; entry++) {
            // The loader has turned these into addresses.
            const void *at = (const void *)entry->d_un.d_ptr;
            if (entry->d_tag == DT_SYMTAB)
                table = at;
            else if (entry->d_tag == DT_STRTAB)
                names = at;
            else if (entry->d_tag == DT_HASH)
                hash = at;
            else if (entry->d_tag == DT_GNU_HASH)
                gnu_hash = at;
        }
    }
    uint64_t count = table && names ? count_symbols(hash, gnu_hash) : 0;
    for (uint64_t i = 1; i < count; i++) {
        unsigned bind = ELF64_ST_BIND(table[i].st_info),
                 seen = ELF64_ST_VISIBILITY(table[i].st_other);
        if (table[i].st_shndx == SHN_UNDEF || bind == STB_LOCAL || seen == STV_HIDDEN ||
            strcmp(names + table[i].st_name, "esp_plugin_entry") == 0)
            continue;
        if (symbols->count++ == 0)
            snprintf(symbols->other, sizeof symbols->other, "%s", names + table[i].st_name);
    }
    return 1;
}

static void hides_its_symbols(struct check *check)
{
    struct symbols symbols = {.path = check->path};
    check_entry(check);
    if (dl_iterate_phdr(look_at_symbols, &symbols) == 0)
        check_skip(check, "the loader does not list it by its path");
    if (symbols.count > 0)
        check_warn(check,
                   "it also exports '%s'%s (%llu in all): link with the version script, by "
                   "espalier_add_plugin() or pkg-config --libs espalier",
                   symbols.other, symbols.count > 1 ? " and others" : "",
                   (unsigned long long)symbols.count);
}

// ---- Side effects -------------------------------------------------------------------------------

static void discovery_changes_nothing(struct check *check)
{
    struct note note;
    struct surroundings before, after;
    char words[512];
    read_note(check, &note);
    int output = surroundings_catch_output(check);
    surroundings_look(&before);
    esp_plugin_entry_function entry = check_entry(check);
    for (uint32_t i = 0; i < note.count; i++)
        entry(note.components[i].kind, note.components[i].id);
    surroundings_look(&after);
    if (surroundings_differ(&before, &after, words, sizeof words))
        check_fail(check, "loading it and asking for its descriptions %s", words);
    if (surroundings_was_output(output, words, sizeof words))
        check_fail(check, "loading it and asking for its descriptions printed '%s'", words);
}

#define LOADS 100
#define SETTLED 20          // loads after which nothing more may grow
#define PAGES_OF_NOISE 256u // the kernel counts each kind of page to within 64

static void loads_again_and_again(struct check *check)
{
    struct surroundings settled, end;
    char words[512];
    for (int i = 0; i < LOADS; i++) {
        void *library = dlopen(check->path, RTLD_NOW | RTLD_LOCAL);
        if (!library)
            check_fail(check, "load %d of %d: %s", i + 1, LOADS, dlerror());
        dlclose(library);
        if (dlopen(check->path, RTLD_NOW | RTLD_NOLOAD))
            check_skip(check, "it stays loaded (a unique symbol, or a library of its that does): "
                              "built without the version script, or linked -z nodelete");
        if (i == SETTLED)
            surroundings_look(&settled);
    }
    surroundings_look(&end);
    if (end.pages > settled.pages + PAGES_OF_NOISE)
        check_fail(check, "%d loads grew the process by %llu pages", LOADS - SETTLED,
                   (unsigned long long)(end.pages - settled.pages));
    if (surroundings_differ(&settled, &end, words, sizeof words))
        check_fail(check, "loading it %d times %s", LOADS - SETTLED, words);
}

static const struct check_case cases[] = {
    {"file/note", "abi 2.1", "every component that the note names has a sound description",
     CHECK_FILE, 0, entry_knows_the_note},
    {"file/unknown", "abi 1.2", "a kind or id that the note does not name is answered with NULL",
     CHECK_FILE, 0, entry_knows_nothing_else},
    {"file/repeats", "abi 1.3", "the entry gives the same description each time", CHECK_FILE, 0,
     entry_repeats},
    {"file/hidden", "abi 1.1", "esp_plugin_entry is the only symbol that is exported", CHECK_FILE,
     0, hides_its_symbols},
    {"file/discovery", "abi 9.1",
     "loading and describing start no thread, open nothing, print nothing, and change neither "
     "environment nor signal handlers",
     CHECK_FILE, 0, discovery_changes_nothing},
    {"file/reload", "abi 9.2", "it can be loaded and unloaded 100 times without growth", CHECK_FILE,
     60, loads_again_and_again},
};

const struct check_family check_file_cases = {cases, ESP_COUNT(cases)};
