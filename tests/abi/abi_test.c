// SPDX-License-Identifier: Apache-2.0
// Files that are no plugins, or broken ones: each is listed with its reason and refused; none stops
// the others from being found. They are made from a good plugin by changing bytes of its note, and
// from small sources by the compiler.
#include "loader/note.h"
#include "loader/registry.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <espalier/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *folder;

static void begin(void)
{
    folder = folder_temporary();
    setenv("HOME", folder, 1);
}

static void end(void)
{
    folder_delete(folder);
}

static char *good_bytes(size_t *size)
{
    char path[600];
    snprintf(path, sizeof path, "%s/random.so", getenv("ESPALIER_PLUGINS"));
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    struct stat found;
    fstat(fileno(file), &found);
    char *bytes = malloc((size_t)found.st_size);
    *size = fread(bytes, 1, (size_t)found.st_size, file);
    fclose(file);
    return bytes;
}

static void write_bytes(const char *name, const char *bytes, size_t size)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    fwrite(bytes, 1, size, file);
    fclose(file);
}

// The note's header inside the file.
static esp_note_header *note_of(char *bytes, size_t size)
{
    static const char name[12] = "Espalier";
    for (size_t i = 0; i + sizeof name + sizeof(esp_note_header) < size; i += 4)
        if (memcmp(bytes + i, name, sizeof name) == 0)
            return (esp_note_header *)(void *)(bytes + i + sizeof name);
    cr_assert_fail("the good plugin has no note");
    return NULL;
}

// The reason why what lies in the folder is refused; its file is the only one there. Owner: the
// caller (free).
static char *reason_of_folder(void)
{
    struct registry *registry = NULL;
    struct error error;
    error_clear(&error);
    setenv("ESPALIER_PLUGINS", folder, 1);
    cr_assert_eq(registry_create(&registry, NULL, &error), ESP_OK, "%s", error.message);
    char *reason = NULL;
    for (uint64_t i = 0; i < registry_count(registry) && !reason; i++)
        if (strncmp(registry_get(registry, i)->path, folder, strlen(folder)) == 0 &&
            registry_get(registry, i)->refused)
            reason = strdup(registry_get(registry, i)->refused);
    registry_destroy(registry);
    return reason ? reason : strdup("(not refused)");
}

struct patch {
    const char *what;
    void (*apply)(esp_note_header *header, esp_note_component *component);
    const char *reason;
};

static void magic(esp_note_header *h, esp_note_component *c)
{
    (void)c;
    h->magic = 7;
}
static void major(esp_note_header *h, esp_note_component *c)
{
    (void)c;
    h->abi_major = ESP_ABI_MAJOR + 3;
}
static void minor(esp_note_header *h, esp_note_component *c)
{
    (void)c;
    h->abi_minor = ESP_ABI_MINOR + 1;
}
static void needed(esp_note_header *h, esp_note_component *c)
{
    (void)c;
    h->minor_needed = ESP_ABI_MINOR + 4;
}
static void count(esp_note_header *h, esp_note_component *c)
{
    (void)c;
    h->component_count = 4000000000u;
}
static void none(esp_note_header *h, esp_note_component *c)
{
    (void)c;
    h->component_count = 0;
}
static void stride(esp_note_header *h, esp_note_component *c)
{
    (void)c;
    h->component_size = 8;
}
static void version(esp_note_header *h, esp_note_component *c)
{
    (void)c;
    memset(h->version, 'x', sizeof h->version);
}
static void kind(esp_note_header *h, esp_note_component *c)
{
    (void)h;
    c->kind = 77;
}
static void empty_id(esp_note_header *h, esp_note_component *c)
{
    (void)h;
    memset(c->id, 0, sizeof c->id);
}
static void endless_id(esp_note_header *h, esp_note_component *c)
{
    (void)h;
    memset(c->id, 'x', sizeof c->id);
}
static void path_id(esp_note_header *h, esp_note_component *c)
{
    (void)h;
    memcpy(c->id, "../x", 5);
}

Test(note, each_damage_is_refused_with_its_reason, .init = begin, .fini = end)
{
    static const struct patch patches[] = {{"magic", magic, "the magic"},
                                           {"major", major, "another major"},
                                           {"minor", minor, "minors must be equal"},
                                           {"needed", needed, "it needs a host"},
                                           {"count", count, "its note is damaged"},
                                           {"none", none, "its note is damaged"},
                                           {"stride", stride, "its note is damaged"},
                                           {"version", version, "its note's version is none"},
                                           {"kind", kind, "kind 77"},
                                           {"empty id", empty_id, "an id that is none"},
                                           {"endless id", endless_id, "an id that is none"},
                                           {"path id", path_id, "an id that is none"}};
    size_t size;
    char *good = good_bytes(&size), *bytes = malloc(size);
    for (size_t i = 0; i < ESP_COUNT(patches); i++) {
        memcpy(bytes, good, size);
        esp_note_header *header = note_of(bytes, size);
        patches[i].apply(header, (esp_note_component *)(void *)(header + 1));
        write_bytes("broken.so", bytes, size);
        char *reason = reason_of_folder();
        cr_assert(strstr(reason, patches[i].reason), "%s: '%s' in '%s'", patches[i].what,
                  patches[i].reason, reason);
        free(reason);
    }
    free(bytes);
    free(good);
}

Test(note, files_that_are_no_plugins_are_refused, .init = begin, .fini = end)
{
    size_t size;
    char *bytes = good_bytes(&size), *reason;
    write_bytes("a.so", "#!/bin/sh\n", 10);
    cr_assert(strstr(reason = reason_of_folder(), "no ELF file"), "%s", reason);
    free(reason);
    write_bytes("a.so", "", 0);
    cr_assert(strstr(reason = reason_of_folder(), "empty file"), "%s", reason);
    free(reason);
    // Cut off at every length: never loaded, never a crash.
    for (size_t length = 1; length < size; length += 97) {
        struct note note;
        struct error error;
        char path[600];
        error_clear(&error);
        write_bytes("a.so", bytes, length);
        snprintf(path, sizeof path, "%s/a.so", folder);
        if (note_read(&note, path, &error) == ESP_OK)
            cr_assert_eq(note.count, 1);
    }
    bytes[18] = 3; // e_machine: 80386
    write_bytes("a.so", bytes, size);
    cr_assert(strstr(reason = reason_of_folder(), "another machine"), "%s", reason);
    free(reason);
    free(bytes);
}

// ---- What the entry answers -------------------------------------------------------------------

static void compile(const char *name, const char *source)
{
    char command[2048];
    char *path = folder_write(folder, "source.c", source);
    snprintf(command, sizeof command, "cc -shared -fPIC -I %s/sdk/include %s -o %s/%s.so",
             ESPALIER_SOURCE_DIR, path, folder, name);
    cr_assert_eq(system(command), 0, "%s", command);
    free(path);
}

static char *reason_of_load(uint32_t plugin_kind, const char *id)
{
    struct registry *registry = NULL;
    const struct component *component;
    struct error error;
    error_clear(&error);
    setenv("ESPALIER_PLUGINS", folder, 1);
    registry_create(&registry, NULL, &error);
    esp_status status = registry_find(&component, registry, plugin_kind, id, &error);
    registry_destroy(registry);
    return strdup(status == ESP_OK ? "(loaded)" : error.message);
}

#define HEAD "#include <espalier/espalier.h>\n"
#define CREATE "static esp_status c(esp_create *x, void **o) { (void)x; *o = 0; return ESP_OK; }\n"
#define DESTROY "static void d(void *s) { (void)s; }\n"
#define BUILD "static esp_status b(void *s, esp_builder *x) { (void)s; (void)x; return ESP_OK; }\n"

Test(entry, each_wrong_answer_is_refused_with_its_reason, .init = begin, .fini = end)
{
    static const struct {
        const char *source, *reason;
    } broken[] = {
        {HEAD CREATE DESTROY "static void f(esp_space_type *o) { o->create = c; o->destroy = d; }\n"
                             "ESP_PLUGIN(\"1\", ESP_SPACE(\"one\", f))\n",
         "lacks the required function 'build'"},
        {HEAD CREATE DESTROY BUILD
         "static void f(esp_space_type *o) { o->create = c; o->destroy = d; o->build = b; "
         "o->struct_size = 16; }\nESP_PLUGIN(\"1\", ESP_SPACE(\"two\", f))\n",
         "has 16 bytes"},
        {HEAD CREATE DESTROY BUILD
         "static const esp_param p[] = {ESP_PARAM_INT(\"n\", 9, 1, 5, \"\", \"\")};\n"
         "static void f(esp_space_type *o) { o->create = c; o->destroy = d; o->build = b; "
         "ESP_SET_PARAMS(o, p); }\nESP_PLUGIN(\"1\", ESP_SPACE(\"three\", f))\n",
         "its default 9 does not lie in its range, 1 to 5"},
        {HEAD "static void f(esp_space_type *o) { (void)o; }\n#define strcmp(a, b) 1\n"
              "ESP_PLUGIN(\"1\", ESP_SPACE(\"four\", f))\n",
         "its entry does not know it"},
        {HEAD
         "static void f(esp_space_type *o) { (void)o; }\n#define esp_plugin_entry other_entry\n"
         "ESP_PLUGIN(\"1\", ESP_SPACE(\"five\", f))\n",
         "does not export esp_plugin_entry"},
    };
    static const char *const ids[] = {"one", "two", "three", "four", "five"};
    for (size_t i = 0; i < ESP_COUNT(broken); i++) {
        compile(ids[i], broken[i].source);
        char *reason = reason_of_load(ESP_KIND_SPACE, ids[i]);
        cr_assert(strstr(reason, broken[i].reason), "%s: '%s' in '%s'", ids[i], broken[i].reason,
                  reason);
        free(reason);
    }
}

Test(registry, an_earlier_folder_shadows_a_later_one, .init = begin, .fini = end)
{
    size_t size;
    char *bytes = good_bytes(&size);
    struct registry *registry = NULL;
    const struct component *component;
    struct error error;
    error_clear(&error);
    write_bytes("mine.so", bytes, size);
    cr_assert_eq(registry_create(&registry, folder, &error), ESP_OK, "%s", error.message);
    cr_assert_eq(registry_find(&component, registry, ESP_KIND_STRATEGY, "random", &error), ESP_OK);
    cr_assert(strstr(component->path, "mine.so"), "%s", component->path);
    int shadowed = 0;
    for (uint64_t i = 0; i < registry_count(registry); i++)
        shadowed += registry_get(registry, i)->shadowed_by == component;
    cr_assert_eq(shadowed, 1);
    registry_destroy(registry);
    free(bytes);
}
