// SPDX-License-Identifier: Apache-2.0
// Broken plugins of every sort, as the host and its user meet them: each is listed with its reason and
// refused, and none stops the others. What can be wrong inside a note or a parameter table is in
// tests/unit (note_test.c, description_test.c); here it is whole files and what their entry answers.
#include "loader/registry.h"
#include "support/command.h"
#include "support/folder.h"
#include "support/plugin_file.h"

#include <criterion/criterion.h>
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
    setenv("ESPALIER_PLUGINS", folder, 1);
}

static void end(void)
{
    folder_delete(folder);
}

// ---- What the entry answers -------------------------------------------------------------------

static esp_status find(uint32_t kind, const char *id, struct error *error)
{
    struct registry *registry = NULL;
    const struct component *component;
    error_clear(error);
    cr_assert_eq(registry_create(&registry, folder, error), ESP_OK, "%s", error->message);
    esp_status status = registry_find(&component, registry, kind, id, error);
    registry_destroy(registry);
    return status;
}

static void expect_reason(uint32_t kind, const char *id, const char *file, const char *reason)
{
    struct error error;
    char words[1024];
    snprintf(words, sizeof words, "/%s.so: %s", file, reason);
    cr_expect_neq(find(kind, id, &error), ESP_OK, "%s: accepted", file);
    cr_expect(strstr(error.message, words), "'%s' is not in '%s'", words, error.message);
}

static void put_sample(void)
{
    struct plugin_file file = plugin_file_of_tests("sample");
    free(plugin_file_write(&file, file.size, folder, "sample.so"));
    plugin_file_free(&file);
}

// The required functions of section 3 of the design and of the headers, by kind.
static const struct {
    uint32_t kind;
    const char *functions[9];
} required[] = {
    {ESP_KIND_SPACE, {"create", "destroy", "build"}},
    {ESP_KIND_STRATEGY, {"create", "destroy", "ask", "tell"}},
    {ESP_KIND_ESTIMATOR, {"create", "destroy", "describe", "evaluate"}},
    {ESP_KIND_DATASET, {"open", "close", "describe", "read"}},
    {ESP_KIND_ENGINE,
     {"open", "close", "compile", "release", "forward", "backward", "apply", "tensor"}},
    {ESP_KIND_EXECUTOR, {"create", "destroy", "submit", "poll", "cancel", "descriptor", "timeout"}},
};

Test(entry, required_functions, .init = begin, .fini = end)
{
    struct error error;
    put_sample();
    for (size_t i = 0; i < ESP_COUNT(required); i++) {
        unsetenv("SAMPLE_WITHOUT");
        cr_expect_eq(find(required[i].kind, "sample", &error), ESP_OK, "%s", error.message);
        setenv("SAMPLE_WITHOUT", "ability", 1);
        cr_expect_eq(find(required[i].kind, "sample", &error), ESP_OK, "abilities are optional");
        for (size_t j = 0; required[i].functions[j]; j++) {
            char words[256];
            setenv("SAMPLE_WITHOUT", required[i].functions[j], 1);
            snprintf(words, sizeof words, "%s/sample: it lacks the required function '%s'",
                     kind_name(required[i].kind), required[i].functions[j]);
            expect_reason(required[i].kind, "sample", "sample", words);
        }
    }
}

Test(entry, descriptions_that_are_too_short, .init = begin, .fini = end)
{
    static const size_t sizes[] = {sizeof(esp_space_type),     sizeof(esp_strategy_type),
                                   sizeof(esp_estimator_type), sizeof(esp_dataset_type),
                                   sizeof(esp_engine_type),    sizeof(esp_executor_type)};
    struct error error;
    put_sample();
    for (uint32_t kind = ESP_KIND_SPACE; kind <= ESP_KIND_EXECUTOR; kind++) {
        char text[32], words[256];
        snprintf(text, sizeof text, "%zu", sizes[kind - 1] - 8);
        setenv("SAMPLE_SIZE", text, 1);
        snprintf(words, sizeof words,
                 "%s/sample: its description has %zu bytes, expected at least %zu", kind_name(kind),
                 sizes[kind - 1] - 8, sizes[kind - 1]);
        expect_reason(kind, "sample", "sample", words);
        snprintf(text, sizeof text, "%zu", sizes[kind - 1] + 8);
        setenv("SAMPLE_SIZE", text, 1);
        cr_expect_eq(find(kind, "sample", &error), ESP_OK, "%s", error.message);
    }
}

Test(entry, a_component_that_it_does_not_know, .init = begin, .fini = end)
{
    struct plugin_file file = plugin_file_of_tests("sample");
    struct error error;
    strcpy(plugin_file_components(&file)[3].id, "simple");
    free(plugin_file_write(&file, file.size, folder, "x.so"));
    plugin_file_free(&file);
    expect_reason(ESP_KIND_DATASET, "simple", "x",
                  "dataset/simple: its note names it, and its entry does not know it");
    cr_expect_eq(find(ESP_KIND_SPACE, "sample", &error), ESP_OK, "the others serve: %s",
                 error.message);
}

// ---- Small sources ----------------------------------------------------------------------------

#define SPACE                                                                                      \
    "static esp_status create(esp_create *c, void **o) { (void)c; *o = 0; return ESP_OK; }\n"      \
    "static void destroy(void *s) { (void)s; }\n"                                                  \
    "static esp_status build(void *s, esp_builder *b) { (void)s; (void)b; return ESP_OK; }\n"
#define DESCRIBE(more)                                                                             \
    "static void describe(esp_space_type *out)\n"                                                  \
    "{ out->create = create; out->destroy = destroy; out->build = build; " more " }\n"
#define HEAD "#include <espalier/espalier.h>\n"

static void compile(const char *name, const char *source, const char *flags)
{
    char command[2048];
    char *path = folder_write(folder, "source.c", source);
    snprintf(command, sizeof command, "cc -shared -fPIC -I %s/sdk/include %s %s -o %s/%s.so",
             ESPALIER_SOURCE_DIR, flags, path, folder, name);
    cr_assert_eq(system(command), 0, "%s", command);
    free(path);
}

Test(source, each_broken_plugin_has_its_reason, .init = begin, .fini = end)
{
    static const struct {
        const char *name, *source, *flags, *reason; // reason NULL: it is good
    } plugins[] = {
        {"good", HEAD SPACE DESCRIBE("") "ESP_PLUGIN(\"1\", ESP_SPACE(\"good\", describe))\n", "",
         NULL},
        {"wants_less",
         HEAD SPACE DESCRIBE("") "ESP_PLUGIN(\"1\", ESP_SPACE(\"wants_less\", "
                                 "describe))\n",
         "-DESP_ABI_MINOR_NEEDED=0u", NULL},
        {"wants_more",
         HEAD SPACE DESCRIBE("") "ESP_PLUGIN(\"1\", ESP_SPACE(\"wants_more\", "
                                 "describe))\n",
         "-DESP_ABI_MINOR_NEEDED=9u", "it needs a host of ABI 0.9, and this one has 0.2"},
        {"no_symbol",
         HEAD SPACE "void nowhere_defined(void);\n" DESCRIBE(
             "nowhere_defined();") "ESP_PLUGIN(\"1\", ESP_SPACE(\"no_symbol\", describe))\n",
         "", "it cannot be loaded: undefined symbol: nowhere_defined"},
        {"no_entry",
         HEAD SPACE DESCRIBE("") "ESP_PLUGIN(\"1\", ESP_SPACE(\"no_entry\", describe))\n",
         "-Desp_plugin_entry=another_entry", "it does not export esp_plugin_entry"},
        {"table",
         HEAD SPACE
         "static const esp_param rows[] = {ESP_PARAM_INT(\"n\", 9, 1, 5, \"\", \"\")};\n" DESCRIBE(
             "ESP_SET_PARAMS(out, rows);") "ESP_PLUGIN(\"1\", ESP_SPACE(\"table\", describe))\n",
         "", "space/table: parameter 'n': its default 9 does not lie in its range, 1 to 5"},
    };
    struct error error;
    for (size_t i = 0; i < ESP_COUNT(plugins); i++) {
        compile(plugins[i].name, plugins[i].source, plugins[i].flags);
        if (plugins[i].reason)
            expect_reason(ESP_KIND_SPACE, plugins[i].name, plugins[i].name, plugins[i].reason);
        else
            cr_expect_eq(find(ESP_KIND_SPACE, plugins[i].name, &error), ESP_OK, "%s",
                         error.message);
    }
}

// ---- As the user meets them -------------------------------------------------------------------

static void put_damaged(const char *name, void (*damage)(struct plugin_file *file))
{
    struct plugin_file file = plugin_file_of_tests("sample");
    damage(&file);
    free(plugin_file_write(&file, file.size, folder, name));
    plugin_file_free(&file);
}

static void another_machine(struct plugin_file *file)
{
    plugin_file_elf(file)->e_machine = EM_S390;
}

static void narrow(struct plugin_file *file)
{
    plugin_file_elf(file)->e_ident[EI_CLASS] = ELFCLASS32;
}

static void wrong_magic(struct plugin_file *file)
{
    plugin_file_header(file)->magic = 7;
}

static void wrong_major(struct plugin_file *file)
{
    plugin_file_header(file)->abi_major = 1;
}

static void wrong_minor(struct plugin_file *file)
{
    plugin_file_header(file)->abi_minor = 3;
}

static void needs_more(struct plugin_file *file)
{
    plugin_file_header(file)->minor_needed = 3;
}

static void cut_note(struct plugin_file *file)
{
    plugin_file_note(file)[1] = 12;
}

static void large_count(struct plugin_file *file)
{
    plugin_file_header(file)->component_count = UINT32_MAX;
}

static void empty_id(struct plugin_file *file)
{
    plugin_file_components(file)[0].id[0] = '\0';
}

static void twice(struct plugin_file *file)
{
    plugin_file_components(file)[1].kind = ESP_KIND_SPACE;
}

static void no_note(struct plugin_file *file)
{
    memcpy(plugin_file_note(file) + 3, "Expalier", 8);
    plugin_file_replace(file, ".note.espalier", ".note.espalter");
}

static void cut_file(struct plugin_file *file)
{
    file->size /= 2;
}

static const struct {
    const char *name;
    void (*damage)(struct plugin_file *file);
    const char *reason;
    uint64_t rows; // of the list
} damaged[] = {
    {"another_machine", another_machine, "it is for another machine: S/390", 1},
    {"narrow", narrow, "32 bits, little-endian; expected", 1},
    {"wrong_magic", wrong_magic, "its note has the magic 00000007, expected 4c505345", 1},
    {"wrong_major", wrong_major, "it was made for ABI 1.2, and this host has 0.2", 6},
    {"wrong_minor", wrong_minor, "it was made for ABI 0.3, and this host has 0.2", 6},
    {"needs_more", needs_more, "it needs a host of ABI 0.3, and this one has 0.2", 6},
    {"cut_note", cut_note, "its note is cut off: 12 bytes", 1},
    {"large_count", large_count, "its note is damaged: 4294967295 components", 1},
    {"empty_id", empty_id, "a component of kind space with an id that is none", 1},
    {"twice", twice, "its note names space/sample twice", 1},
    {"no_note", no_note, "it has no note .note.espalier: it is no plugin of Espalier", 1},
    {"cut_file", cut_file, "it is cut off", 1},
};

static struct command_result run(const char *const *arguments)
{
    const char *all[16] = {espalier_binary()};
    for (int i = 0; i < 14 && arguments[i]; i++)
        all[i + 1] = arguments[i];
    return command_run(&(struct command){.arguments = all});
}

// Rows of `list --json` whose path ends so, all with the reason.
static uint64_t count_rows(const json_t *list, const char *end, const char *reason)
{
    uint64_t count = 0;
    size_t i;
    json_t *row;
    json_array_foreach (list, i, row) {
        const char *path = json_string_value(json_object_get(row, "path"));
        const char *refused = json_string_value(json_object_get(row, "refused"));
        size_t length = strlen(path);
        if (length < strlen(end) || strcmp(path + length - strlen(end), end) != 0)
            continue;
        cr_expect(reason ? refused && strstr(refused, reason) : !refused, "%s: '%s' is not in '%s'",
                  path, reason ? reason : "(nothing)", refused ? refused : "(nothing)");
        count++;
    }
    return count;
}

Test(list, every_file_is_told_with_its_reason, .init = begin, .fini = end)
{
    char name[128];
    for (size_t i = 0; i < ESP_COUNT(damaged); i++) {
        snprintf(name, sizeof name, "%s.so", damaged[i].name);
        put_damaged(name, damaged[i].damage);
    }
    put_sample();
    free(folder_write(folder, "text.so", "INPUT(libm.so)\n"));
    free(folder_write(folder, "empty.so", ""));
    free(folder_write(folder, "not_looked_at.txt", ""));
    snprintf(name, sizeof name, "%s/folder.so", folder);
    cr_assert_eq(mkdir(name, 0700), 0);
    snprintf(name, sizeof name, "%s/gone.so", folder);
    cr_assert_eq(symlink("nowhere", name), 0);

    char *text = espalier_expect(0, (const char *[]){"list", "--json", NULL});
    json_t *list = json_loads(text, 0, NULL);
    cr_assert_not_null(list, "%s", text);
    for (size_t i = 0; i < ESP_COUNT(damaged); i++) {
        snprintf(name, sizeof name, "/%s.so", damaged[i].name);
        cr_expect_eq(count_rows(list, name, damaged[i].reason), damaged[i].rows, "%s", name);
    }
    cr_expect_eq(count_rows(list, "/text.so", "it is no ELF file"), 1);
    cr_expect_eq(count_rows(list, "/empty.so", "it is an empty file"), 1);
    cr_expect_eq(count_rows(list, "/folder.so", "it is a folder, no file"), 1);
    cr_expect_eq(count_rows(list, "/gone.so", "it cannot be read: No such file"), 1);
    cr_expect_eq(count_rows(list, "/sample.so", NULL), 6);
    cr_expect_eq(count_rows(list, "/not_looked_at.txt", NULL), 0);
    json_decref(list);
    free(text);

    // For people: the same, and a good plugin among them is found.
    text = espalier_expect(0, (const char *[]){"list", NULL});
    for (size_t i = 0; i < ESP_COUNT(damaged); i++)
        cr_expect(strstr(text, damaged[i].reason), "%s is not in\n%s", damaged[i].reason, text);
    free(text);
}

// `inspect` says of a file what `list` says, and no code of it runs.
Test(inspect, says_the_reason, .init = begin, .fini = end)
{
    char path[600], ran[600];
    snprintf(path, sizeof path, "%s/x.so", folder);
    snprintf(ran, sizeof ran, "%s/ran", folder);
    setenv("SAMPLE_LOADED", ran, 1);
    for (size_t i = 0; i < ESP_COUNT(damaged); i++) {
        put_damaged("x.so", damaged[i].damage);
        struct command_result result = run((const char *[]){"inspect", path, NULL});
        bool readable = damaged[i].rows > 1; // its note can be shown
        cr_expect_eq(result.status, readable ? 0 : 2, "%s: %d", damaged[i].name, result.status);
        cr_expect(strstr(readable ? result.out : result.err, damaged[i].reason), "%s%s", result.out,
                  result.err);
        command_free(&result);
    }
    put_sample();
    snprintf(path, sizeof path, "%s/sample.so", folder);
    free(espalier_expect(0, (const char *[]){"inspect", path, "--json", NULL}));
    free(espalier_expect(0, (const char *[]){"list", "--json", NULL}));
    cr_expect_neq(access(ran, F_OK), 0, "code of the plugin ran");
    free(espalier_expect(0, (const char *[]){"describe", "space/sample", NULL}));
    cr_expect_eq(access(ran, F_OK), 0, "it was not loaded for describe");
}

static void expect_refusal(const char *id, const char *reason)
{
    char out[600];
    snprintf(out, sizeof out, "%s/out", folder);
    char *config = folder_write(folder, "run.ini",
                                "[space]\nplugin = sample\n[strategy]\nplugin = random\n"
                                "[estimator]\nplugin = nk_landscape\n[objective]\n"
                                "maximize = fitness\n");
    struct command_result result =
        run((const char *[]){"run", config, "--set", id, "--out", out, NULL});
    cr_expect_eq(result.status, 2, "%d", result.status);
    cr_expect(strstr(result.err, reason), "'%s' is not in\n%s", reason, result.err);
    command_free(&result);
    free(config);
}

Test(run, a_refused_plugin_is_wrong_configuration, .init = begin, .fini = end)
{
    put_damaged("sample.so", wrong_major);
    expect_refusal("space.plugin=sample", "the space 'sample' was refused: ");
    expect_refusal("space.plugin=smaple", "there is no space 'smaple'; did you mean 'sample'?");
    put_damaged("sample.so", cut_file);
    expect_refusal("space.plugin=sample", "/sample.so was refused: it is cut off");
    put_sample();
    setenv("SAMPLE_WITHOUT", "build", 1);
    expect_refusal("space.plugin=sample", "space/sample: it lacks the required function 'build'");
}
