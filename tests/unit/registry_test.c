// SPDX-License-Identifier: Apache-2.0
// The registry: what is found where, what shadows what, what is refused, and that no code of a plugin
// runs before it is asked for.
#include "loader/registry.h"

#include "support/folder.h"
#include "support/leak.h"
#include "support/plugin_file.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// Folders of a search path, all below one that is HOME. The program that runs the tests has no
// plugins beside it.
struct shelf {
    char *root;
    char first[512], second[512], third[512], users[512];
    struct plugin_file sample;
    struct registry *registry;
    struct error error;
};

static void make_folder(char *path, size_t size, const char *root, const char *name)
{
    snprintf(path, size, "%s/%s", root, name);
    cr_assert_eq(mkdir(path, 0700), 0, "%s", path);
}

static void shelf_open(struct shelf *shelf)
{
    char path[512];
    memset(shelf, 0, sizeof *shelf);
    char *made = folder_temporary();
    shelf->root = realpath(made, NULL);
    free(made);
    make_folder(shelf->first, sizeof shelf->first, shelf->root, "first");
    make_folder(shelf->second, sizeof shelf->second, shelf->root, "second");
    make_folder(shelf->third, sizeof shelf->third, shelf->root, "third");
    make_folder(path, sizeof path, shelf->root, ".local");
    make_folder(path, sizeof path, shelf->root, ".local/lib");
    make_folder(path, sizeof path, shelf->root, ".local/lib/espalier");
    make_folder(shelf->users, sizeof shelf->users, shelf->root, ".local/lib/espalier/plugins");
    setenv("HOME", shelf->root, 1);
    unsetenv("ESPALIER_PLUGINS");
    shelf->sample = plugin_file_of_tests("sample");
}

static void shelf_close(struct shelf *shelf)
{
    registry_destroy(shelf->registry);
    plugin_file_free(&shelf->sample);
    folder_delete(shelf->root);
}

// Puts the sample into a folder.
static void put(struct shelf *shelf, const char *folder, const char *name)
{
    free(plugin_file_write(&shelf->sample, shelf->sample.size, folder, name));
}

static void put_old(struct shelf *shelf, const char *folder, const char *name)
{
    struct plugin_file file = plugin_file_copy(&shelf->sample);
    plugin_file_header(&file)->abi_major = 9;
    free(plugin_file_write(&file, file.size, folder, name));
    plugin_file_free(&file);
}

static void scan(struct shelf *shelf, const char *folder)
{
    registry_destroy(shelf->registry);
    error_clear(&shelf->error);
    cr_assert_eq(registry_create(&shelf->registry, folder, &shelf->error), ESP_OK, "%s",
                 shelf->error.message);
}

static esp_status find(struct shelf *shelf, uint32_t kind, const char *id,
                       const struct component **out)
{
    error_clear(&shelf->error);
    return registry_find(out, shelf->registry, kind, id, &shelf->error);
}

static void expect_not_found(struct shelf *shelf, uint32_t kind, const char *id, const char *words)
{
    const struct component *component;
    cr_expect_eq(find(shelf, kind, id, &component), ESP_ERROR_INVALID, "%s", id);
    cr_expect_null(component);
    cr_expect_str_eq(shelf->error.message, words);
}

// The components of a kind: "folder/file", in order, and "!" before those refused, "-" before those
// shadowed.
static const char *of_kind(const struct shelf *shelf, uint32_t kind)
{
    static char words[2048];
    words[0] = '\0';
    for (uint64_t i = 0; i < registry_count(shelf->registry); i++) {
        const struct component *component = registry_get(shelf->registry, i);
        if (component->kind != kind)
            continue;
        cr_assert_eq(strncmp(component->path, shelf->root, strlen(shelf->root)), 0, "%s",
                     component->path);
        size_t used = strlen(words);
        snprintf(words + used, sizeof words - used, "%s%s%s%s", used ? " " : "",
                 component->refused ? "!" : "", component->shadowed_by ? "-" : "",
                 component->path + strlen(shelf->root) + 1);
    }
    return words;
}

TestLeak(registry, components_of_a_file)
{
    struct shelf shelf;
    shelf_open(&shelf);
    put(&shelf, shelf.first, "b.so");
    put(&shelf, shelf.first, "a.so.1");
    put(&shelf, shelf.first, ".so");
    put(&shelf, shelf.first, "so");
    scan(&shelf, shelf.first);
    cr_assert_eq(registry_count(shelf.registry), 6);
    for (uint64_t i = 0; i < 6; i++) {
        const struct component *component = registry_get(shelf.registry, i);
        cr_expect_eq(component->kind, i + 1);
        cr_expect_str_eq(component->id, "sample");
        cr_expect_str_eq(component->version, "2.3.4");
        cr_expect_str_eq(component->path + strlen(shelf.root), "/first/b.so");
        cr_expect_eq(component->abi_major, ESP_ABI_MAJOR);
        cr_expect_eq(component->abi_minor, ESP_ABI_MINOR);
        cr_expect_null(component->refused);
        cr_expect_null(component->shadowed_by);
        cr_expect_null(component->type);
        cr_expect_null(component->sha256);
    }
    shelf_close(&shelf);
}

TestLeak(registry, code_runs_when_a_component_is_asked_for_and_not_before)
{
    struct shelf shelf;
    const struct component *component, *again;
    char ran[1024];
    shelf_open(&shelf);
    snprintf(ran, sizeof ran, "%s/ran", shelf.root);
    setenv("SAMPLE_LOADED", ran, 1);
    setenv("OPENBLAS_NUM_THREADS", "7", 1);
    unsetenv("OMP_NUM_THREADS");
    put(&shelf, shelf.first, "sample.so");
    put(&shelf, shelf.second, "sample.so");
    setenv("ESPALIER_PLUGINS", shelf.second, 1);
    scan(&shelf, shelf.first);
    expect_not_found(&shelf, ESP_KIND_SPACE, "xyzzy",
                     "there is no space 'xyzzy' (`espalier list space` shows all)");
    cr_expect_neq(access(ran, F_OK), 0, "its constructor ran at the scan");

    cr_assert_eq(find(&shelf, ESP_KIND_ENGINE, "sample", &component), ESP_OK, "%s",
                 shelf.error.message);
    cr_expect_eq(access(ran, F_OK), 0, "its constructor did not run at the load");
    cr_expect_str_eq(component_description(component).source, "1 1",
                     "what it found in OPENBLAS_NUM_THREADS and OMP_NUM_THREADS");
    cr_expect_str_eq(component_description(component).summary, "does nothing");
    cr_expect_eq(component_description(component).param_count, 1);
    cr_assert_not_null(component->sha256);
    char hex[SHA256_HEX_SIZE];
    cr_assert_eq(file_sha256(hex, component->path, &shelf.error), ESP_OK);
    cr_expect_str_eq(component->sha256, hex);
    cr_assert_eq(find(&shelf, ESP_KIND_ENGINE, "sample", &again), ESP_OK);
    cr_expect_eq(again, component);
    for (uint64_t i = 0; i < registry_count(shelf.registry); i++) {
        const struct component *other = registry_get(shelf.registry, i);
        cr_expect_eq(other->type != NULL, other == component, "only what was asked for is loaded");
    }
    shelf_close(&shelf);
}

TestLeak(registry, abilities)
{
    struct shelf shelf;
    const struct component *component;
    shelf_open(&shelf);
    put(&shelf, shelf.first, "sample.so");
    scan(&shelf, shelf.first);
    cr_assert_eq(find(&shelf, ESP_KIND_SPACE, "sample", &component), ESP_OK);
    const int *table = component_ability(component, "test.sample/1");
    cr_assert_not_null(table);
    cr_expect_eq(*table, 7);
    cr_expect_null(component_ability(component, "test.sample/2"));
    cr_assert_eq(find(&shelf, ESP_KIND_DATASET, "sample", &component), ESP_OK);
    cr_expect_null(component_ability(component, "test.sample/1"), "it has no abilities at all");
    shelf_close(&shelf);
}

// ---- The search path --------------------------------------------------------------------------

TestLeak(registry, folders_in_their_order)
{
    struct shelf shelf;
    const struct component *component;
    char list[2048];
    shelf_open(&shelf);
    put(&shelf, shelf.first, "x.so");
    put(&shelf, shelf.second, "y.so");
    put(&shelf, shelf.second, "b.so");
    put(&shelf, shelf.third, "z.so");
    put(&shelf, shelf.users, "u.so");
    snprintf(list, sizeof list, ":%s::%s:", shelf.second, shelf.third);
    setenv("ESPALIER_PLUGINS", list, 1);
    scan(&shelf, shelf.first);
    cr_expect_str_eq(of_kind(&shelf, ESP_KIND_SPACE),
                     "first/x.so -second/b.so -second/y.so -third/z.so "
                     "-.local/lib/espalier/plugins/u.so");
    for (uint64_t i = 0; i < registry_count(shelf.registry); i++) {
        const struct component *shadowed = registry_get(shelf.registry, i);
        if (shadowed->shadowed_by) {
            cr_expect(strstr(shadowed->shadowed_by->path, "/first/x.so"), "always by the first");
            cr_expect_eq(shadowed->shadowed_by->kind, shadowed->kind);
        }
    }
    cr_assert_eq(find(&shelf, ESP_KIND_STRATEGY, "sample", &component), ESP_OK);
    cr_expect(strstr(component->path, "/first/x.so"));

    scan(&shelf, NULL);
    cr_expect_str_eq(of_kind(&shelf, ESP_KIND_SPACE),
                     "second/b.so -second/y.so -third/z.so -.local/lib/espalier/plugins/u.so");
    unsetenv("ESPALIER_PLUGINS");
    scan(&shelf, NULL);
    cr_expect_str_eq(of_kind(&shelf, ESP_KIND_SPACE), ".local/lib/espalier/plugins/u.so");
    unsetenv("HOME");
    scan(&shelf, NULL);
    cr_expect_eq(registry_count(shelf.registry), 0);
    shelf_close(&shelf);
}

TestLeak(registry, a_folder_that_stands_twice_counts_once)
{
    struct shelf shelf;
    char list[4096], link[600];
    shelf_open(&shelf);
    put(&shelf, shelf.first, "x.so");
    snprintf(link, sizeof link, "%s/link", shelf.root);
    cr_assert_eq(symlink("first", link), 0);
    snprintf(list, sizeof list, "%s/:%s/../second:%s:%s", shelf.first, shelf.first, link,
             shelf.second);
    setenv("ESPALIER_PLUGINS", list, 1);
    scan(&shelf, link);
    cr_expect_str_eq(of_kind(&shelf, ESP_KIND_SPACE), "first/x.so");
    cr_expect_eq(registry_count(shelf.registry), 6);
    shelf_close(&shelf);
}

TestLeak(registry, folders_that_cannot_be_looked_into)
{
    struct shelf shelf;
    char list[2048], file[600], nowhere[600], words[1024];
    struct registry *registry;
    shelf_open(&shelf);
    snprintf(nowhere, sizeof nowhere, "%s/no/where", shelf.root);
    put(&shelf, shelf.first, "x.so");
    put(&shelf, shelf.root, "file");
    snprintf(file, sizeof file, "%s/file", shelf.root);
    snprintf(list, sizeof list, "%s:%s:%s", nowhere, file, shelf.first);
    setenv("ESPALIER_PLUGINS", list, 1);
    scan(&shelf, NULL);
    cr_assert_eq(registry_count(shelf.registry), 8);
    const struct component *missing = registry_get(shelf.registry, 0);
    cr_expect_eq(missing->kind, 0);
    cr_expect_str_eq(missing->id, "");
    cr_expect_str_eq(missing->path, nowhere);
    cr_expect_str_eq(missing->refused,
                     "it is no folder that can be read: No such file or directory");
    cr_expect_str_eq(registry_get(shelf.registry, 1)->path, file);
    cr_expect_str_eq(registry_get(shelf.registry, 1)->refused,
                     "it is no folder that can be read: Not a directory");

    // The one of --plugins is an error at once.
    error_clear(&shelf.error);
    cr_expect_eq(registry_create(&registry, nowhere, &shelf.error), ESP_ERROR_INVALID);
    cr_expect_null(registry);
    snprintf(words, sizeof words,
             "--plugins: %s: it is no folder that can be read: No such file or directory", nowhere);
    cr_expect_str_eq(shelf.error.message, words);
    error_clear(&shelf.error);
    cr_expect_eq(registry_create(&registry, file, &shelf.error), ESP_ERROR_INVALID);
    cr_expect(strstr(shelf.error.message, "Not a directory"), "%s", shelf.error.message);
    shelf_close(&shelf);
}

// ---- What is refused --------------------------------------------------------------------------

TestLeak(registry, refused_files_are_listed_and_stop_nothing)
{
    struct shelf shelf;
    const struct component *component;
    shelf_open(&shelf);
    free(folder_write(shelf.first, "a.so", "no library"));
    put_old(&shelf, shelf.first, "b.so");
    put(&shelf, shelf.first, "d.so");
    char folder[600];
    make_folder(folder, sizeof folder, shelf.first, "c.so");
    scan(&shelf, shelf.first);
    cr_expect_str_eq(of_kind(&shelf, 0), "!first/a.so !first/c.so");
    cr_expect_str_eq(of_kind(&shelf, ESP_KIND_DATASET), "!first/b.so -first/d.so");
    // One that is refused is not passed over for another of its name.
    char words[2048];
    snprintf(words, sizeof words,
             "the dataset 'sample' was refused: %s/b.so: it was made for ABI 9.2, and this host "
             "has 0.2: another major; it shadows that of %s/d.so, so mend it or remove it",
             shelf.first, shelf.first);
    expect_not_found(&shelf, ESP_KIND_DATASET, "sample", words);
    cr_assert_eq(unlink(registry_get(shelf.registry, 1)->path), 0);
    scan(&shelf, shelf.first);
    cr_expect_eq(find(&shelf, ESP_KIND_DATASET, "sample", &component), ESP_OK, "%s",
                 shelf.error.message);
    shelf_close(&shelf);
}

TestLeak(registry, an_unknown_id)
{
    struct shelf shelf;
    char words[2048];
    shelf_open(&shelf);
    put(&shelf, shelf.first, "sample.so");
    scan(&shelf, shelf.first);
    expect_not_found(&shelf, ESP_KIND_SPACE, "smaple",
                     "there is no space 'smaple'; did you mean 'sample'? (`espalier list space` "
                     "shows all)");
    expect_not_found(&shelf, ESP_KIND_SPACE, "chain",
                     "there is no space 'chain' (`espalier list space` shows all)");
    free(folder_write(shelf.first, "chain.so", "no library"));
    free(folder_write(shelf.first, "chains.so", "no library"));
    scan(&shelf, shelf.first);
    snprintf(
        words, sizeof words,
        "there is no space 'chain' (`espalier list space` shows all); %s/chain.so was refused: "
        "it is no ELF file",
        shelf.first);
    expect_not_found(&shelf, ESP_KIND_SPACE, "chain", words);
    expect_not_found(&shelf, ESP_KIND_SPACE, "xyzzy",
                     "there is no space 'xyzzy' (`espalier list space` shows all); refused: 2 "
                     "files");
    shelf_close(&shelf);
}

// Paths go to the terminal, into JSON and to workers.
TestLeak(registry, a_path_that_is_not_printable)
{
    struct shelf shelf;
    shelf_open(&shelf);
    put(&shelf, shelf.first, "a\xff\x1b[2J.so");
    scan(&shelf, shelf.first);
    cr_assert_eq(registry_count(shelf.registry), 1);
    const struct component *component = registry_get(shelf.registry, 0);
    cr_expect_str_eq(component->path + strlen(shelf.first), "/a\?\?[2J.so");
    cr_expect_str_eq(component->refused, "its path is no printable UTF-8");
    shelf_close(&shelf);
}

TestLeak(registry, files_that_do_not_load)
{
    struct shelf shelf;
    const struct component *component;
    char words[2048];
    shelf_open(&shelf);
    struct plugin_file file = plugin_file_copy(&shelf.sample);
    plugin_file_replace(&file, "libc.so.6", "libq.so.6");
    free(plugin_file_write(&file, file.size, shelf.first, "x.so"));
    scan(&shelf, shelf.first);
    cr_expect_eq(find(&shelf, ESP_KIND_SPACE, "sample", &component), ESP_ERROR_DATA);
    snprintf(words, sizeof words,
             "%s/x.so: it cannot be loaded: libq.so.6: cannot open shared object file: No such "
             "file or directory",
             shelf.first);
    cr_expect_str_eq(shelf.error.message, words);
    memcpy(file.bytes, shelf.sample.bytes, file.size);

    plugin_file_replace(&file, "esp_plugin_entry", "esp_plugin_exit");
    free(plugin_file_write(&file, file.size, shelf.first, "x.so"));
    scan(&shelf, shelf.first);
    cr_expect_eq(find(&shelf, ESP_KIND_SPACE, "sample", &component), ESP_ERROR_DATA);
    snprintf(words, sizeof words, "%s/x.so: it does not export esp_plugin_entry", shelf.first);
    cr_expect_str_eq(shelf.error.message, words);
    plugin_file_free(&file);
    shelf_close(&shelf);
}

// ---- Workers, and parts of the program --------------------------------------------------------

static esp_status find_file(struct shelf *shelf, uint32_t kind, const char *path,
                            const char *sha256, const struct component **out)
{
    error_clear(&shelf->error);
    return registry_find_file(out, shelf->registry, kind, "sample", path, sha256, &shelf->error);
}

TestLeak(registry, a_worker_takes_the_files_that_it_is_told)
{
    struct shelf shelf;
    const struct component *space, *strategy, *found;
    char one[600], two[600], hex[SHA256_HEX_SIZE];
    shelf_open(&shelf);
    put(&shelf, shelf.first, "one.so");
    put(&shelf, shelf.second, "two.so");
    snprintf(one, sizeof one, "%s/one.so", shelf.first);
    snprintf(two, sizeof two, "%s/two.so", shelf.second);
    cr_assert_eq(file_sha256(hex, one, &shelf.error), ESP_OK);
    cr_assert_eq(registry_create_empty(&shelf.registry, &shelf.error), ESP_OK);
    cr_assert_eq(find_file(&shelf, ESP_KIND_STRATEGY, one, hex, &strategy), ESP_OK, "%s",
                 shelf.error.message);
    cr_expect_str_eq(strategy->path, one);
    cr_expect_str_eq(strategy->sha256, hex);
    cr_assert_not_null(strategy->type);
    // The space of the same file is not the one that the run has.
    expect_not_found(&shelf, ESP_KIND_SPACE, "sample",
                     "there is no space 'sample' (`espalier list space` shows all)");
    cr_assert_eq(find_file(&shelf, ESP_KIND_SPACE, two, hex, &space), ESP_OK);
    cr_assert_eq(find(&shelf, ESP_KIND_SPACE, "sample", &found), ESP_OK);
    cr_expect_eq(found, space);
    cr_expect_str_eq(found->path, two);
    cr_assert_eq(find(&shelf, ESP_KIND_STRATEGY, "sample", &found), ESP_OK);
    cr_expect_eq(found, strategy);
    // Told last is found first.
    cr_assert_eq(find_file(&shelf, ESP_KIND_SPACE, one, hex, &space), ESP_OK);
    cr_assert_eq(find(&shelf, ESP_KIND_SPACE, "sample", &found), ESP_OK);
    cr_expect_str_eq(found->path, one);
    cr_expect_null(found->shadowed_by);
    shelf_close(&shelf);
}

TestLeak(registry, a_worker_refuses_another_file)
{
    struct shelf shelf;
    const struct component *component;
    char path[600], hex[SHA256_HEX_SIZE], words[2048];
    char other[SHA256_HEX_SIZE] = "00000000000000000000000000000000"
                                  "00000000000000000000000000000000";
    shelf_open(&shelf);
    put(&shelf, shelf.first, "one.so");
    put_old(&shelf, shelf.first, "old.so");
    snprintf(path, sizeof path, "%s/one.so", shelf.first);
    cr_assert_eq(file_sha256(hex, path, &shelf.error), ESP_OK);
    cr_assert_eq(registry_create_empty(&shelf.registry, &shelf.error), ESP_OK);
    cr_expect_eq(find_file(&shelf, ESP_KIND_SPACE, path, other, &component), ESP_ERROR_INVALID);
    cr_expect_null(component);
    snprintf(words, sizeof words,
             "%s: it is not the file that the run began with: SHA-256 %s, was %s", path, hex,
             other);
    cr_expect_str_eq(shelf.error.message, words);
    error_clear(&shelf.error);
    cr_expect_eq(registry_find_file(&component, shelf.registry, ESP_KIND_SPACE, "other", path, hex,
                                    &shelf.error),
                 ESP_ERROR_INVALID);
    snprintf(words, sizeof words, "%s: it has no space 'other'", path);
    cr_expect_str_eq(shelf.error.message, words);
    snprintf(path, sizeof path, "%s/old.so", shelf.first);
    cr_assert_eq(file_sha256(hex, path, &shelf.error), ESP_OK);
    cr_expect_eq(find_file(&shelf, ESP_KIND_SPACE, path, hex, &component), ESP_ERROR_INVALID);
    cr_expect(strstr(shelf.error.message, "old.so: it was made for ABI 9.2"), "%s",
              shelf.error.message);
    snprintf(path, sizeof path, "%s/gone.so", shelf.first);
    cr_expect_eq(find_file(&shelf, ESP_KIND_SPACE, path, hex, &component), ESP_ERROR_IO);
    snprintf(words, sizeof words, "%s: it cannot be read: No such file or directory", path);
    cr_expect_str_eq(shelf.error.message, words);
    cr_expect_eq(registry_count(shelf.registry), 0);
    shelf_close(&shelf);
}

TestLeak(registry, parts_of_the_program)
{
    struct shelf shelf;
    const struct component *component, *own;
    shelf_open(&shelf);
    put(&shelf, shelf.first, "sample.so");
    scan(&shelf, shelf.first);
    cr_assert_eq(find(&shelf, ESP_KIND_EXECUTOR, "sample", &component), ESP_OK);
    esp_executor_type type = *(const esp_executor_type *)component->type;
    cr_assert_eq(
        registry_add_builtin(shelf.registry, ESP_KIND_EXECUTOR, "here", &type, &shelf.error),
        ESP_OK, "%s", shelf.error.message);
    cr_assert_eq(find(&shelf, ESP_KIND_EXECUTOR, "here", &own), ESP_OK);
    cr_expect_eq(own->type, &type);
    cr_expect_str_eq(own->path, "");
    cr_expect_str_eq(component_place(own), "(part of the program)");
    cr_expect_str_eq(component_place(component), component->path);
    cr_assert_eq(
        registry_find_file(&own, shelf.registry, ESP_KIND_EXECUTOR, "here", "", "", &shelf.error),
        ESP_OK);
    cr_expect_eq(own->type, &type);
    // A plugin of the same id comes first.
    cr_assert_eq(
        registry_add_builtin(shelf.registry, ESP_KIND_EXECUTOR, "sample", &type, &shelf.error),
        ESP_OK);
    cr_assert_eq(find(&shelf, ESP_KIND_EXECUTOR, "sample", &own), ESP_OK);
    cr_expect_eq(own, component);
    // They are tested as all are.
    type.poll = NULL;
    error_clear(&shelf.error);
    cr_expect_eq(
        registry_add_builtin(shelf.registry, ESP_KIND_EXECUTOR, "bad", &type, &shelf.error),
        ESP_ERROR_DATA);
    cr_expect_str_eq(shelf.error.message, "executor/bad: it lacks the required function 'poll'");
    shelf_close(&shelf);
}

Test(registry, kinds_by_name)
{
    static const char *const names[] = {"space",   "strategy", "estimator",
                                        "dataset", "engine",   "executor"};
    for (uint32_t i = 0; i < ESP_COUNT(names); i++) {
        cr_expect_str_eq(kind_name(i + 1), names[i]);
        cr_expect_eq(kind_from_name(names[i]), i + 1);
    }
    cr_expect_null(kind_name(0));
    cr_expect_null(kind_name(7));
    cr_expect_eq(kind_from_name("spaces"), 0);
    cr_expect_eq(kind_from_name(""), 0);
}

// The processor's time, which a busy machine does not stretch: it takes about 2 ms without a
// sanitizer, and 10 are what a start may cost.
Test(registry, fifty_files_are_looked_at_quickly)
{
    struct shelf shelf;
    struct timespec began, ended;
    shelf_open(&shelf);
    for (int i = 0; i < 50; i++) {
        char name[32];
        snprintf(name, sizeof name, "p%02d.so", i);
        put(&shelf, shelf.first, name);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
    scan(&shelf, shelf.first);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
    double seconds =
        (double)(ended.tv_sec - began.tv_sec) + 1e-9 * (double)(ended.tv_nsec - began.tv_nsec);
    cr_expect_eq(registry_count(shelf.registry), 300);
    cr_expect_lt(seconds, 0.05, "%g s", seconds);
    shelf_close(&shelf);
}
