// SPDX-License-Identifier: Apache-2.0
// See project.h. The files of sdk/template compile as they stand: a plugin of the kind `space` is called
// my_space there, in the CMakeLists.txt of all kinds my_plugin. What is written is the same text with
// the new name, and for C++ with the words that name the language.
#include "project/project.h"

#include "loader/note.h"
#include "loader/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// ---- Words that are replaced --------------------------------------------------------------------

#define WORDS 6

struct words {
    char from[WORDS][80], to[WORDS][80];
    size_t count;
};

ESP_PRINTF(3, 4)
static void add_words(struct words *words, const char *from, const char *format, ...)
{
    va_list arguments;
    snprintf(words->from[words->count], sizeof words->from[0], "%s", from);
    va_start(arguments, format);
    vsnprintf(words->to[words->count++], sizeof words->to[0], format, arguments);
    va_end(arguments);
}

// The first that fits at a place is taken: longer ones come first.
static void fill_words(struct words *words, const struct project *project, const char *standing_for)
{
    char source[80];
    words->count = 0;
    if (project->cxx) {
        snprintf(source, sizeof source, "%s.c", standing_for);
        add_words(words, source, "%s.cpp", project->name);
        add_words(words, "cc -O2", "c++ -std=c++17 -O2");
        add_words(words, "LANGUAGES C)", "LANGUAGES CXX)");
        add_words(words, "CMAKE_C_STANDARD 11", "CMAKE_CXX_STANDARD 17");
    }
    add_words(words, standing_for, "%s", project->name);
}

static void write_words(FILE *file, const struct project_file *from, const struct words *words)
{
    const char *text = (const char *)from->bytes;
    for (size_t at = 0; at < from->size;) {
        size_t i = 0;
        while (i < words->count && strncmp(text + at, words->from[i], strlen(words->from[i])) != 0)
            i++;
        if (i < words->count) {
            fputs(words->to[i], file);
            at += strlen(words->from[i]);
        } else {
            fputc(text[at++], file);
        }
    }
}

// ---- Files --------------------------------------------------------------------------------------

static const struct project_file *find_file(const char *name)
{
    for (const struct project_file *file = project_files; file->name; file++)
        if (strcmp(file->name, name) == 0)
            return file;
    return NULL;
}

// Writes the template `from` as `folder`/`entry->name`.
static esp_status write_file(int folder, const struct project *project, const char *from,
                             const char *standing_for, const struct project_entry *entry,
                             struct error *error)
{
    const struct project_file *template_file = find_file(from);
    struct words words;
    char path[256];
    snprintf(path, sizeof path, "%s/%s", project->name, entry->name);
    if (!template_file)
        return error_set(error, ESP_ERROR, "the program has no template %s", from);
    bool script = strcmp(entry->name, "test.sh") == 0;
    int descriptor =
        openat(folder, entry->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, script ? 0777 : 0666);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    if (!file) {
        int reason = errno;
        if (descriptor >= 0)
            close(descriptor);
        return error_system(error, path, "write this file", reason);
    }
    fill_words(&words, project, standing_for);
    write_words(file, template_file, &words);
    bool whole = !ferror(file);
    if (fclose(file) != 0 || !whole)
        return error_system(error, path, "write this file", errno);
    return ESP_OK;
}

ESP_PRINTF(3, 4)
static void fill_entry(struct project_entry *entry, const char *what, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(entry->name, sizeof entry->name, format, arguments);
    va_end(arguments);
    entry->what = what;
}

// `from`: the template of each, to be freed by nobody; parallel to `written`.
static esp_status write_files(int folder, const struct project *project,
                              struct project_entry *written, struct error *error)
{
    const char *kind = kind_name(project->kind), *extension = project->cxx ? "cpp" : "c";
    char from[PROJECT_FILES][80], standing_for[40];
    esp_status status = ESP_OK;
    snprintf(standing_for, sizeof standing_for, "my_%s", kind);
    snprintf(from[0], sizeof from[0], "%s/my_%s.%s", kind, kind, extension);
    fill_entry(&written[0], "the plugin", "%s.%s", project->name, extension);
    snprintf(from[1], sizeof from[1], "%s/my_%s.ini", kind, kind);
    fill_entry(&written[1], "a search with it", "%s.ini", project->name);
    snprintf(from[2], sizeof from[2], "%s/test.sh", kind);
    fill_entry(&written[2], "what it must do", "test.sh");
    snprintf(from[3], sizeof from[3], "CMakeLists.txt");
    fill_entry(&written[3], "builds and tests it", "CMakeLists.txt");
    snprintf(from[4], sizeof from[4], "%s/README.md", kind);
    fill_entry(&written[4], "how to build, run, test, debug and change it", "README.md");
    for (int i = 0; status == ESP_OK && i < PROJECT_FILES; i++)
        status = write_file(folder, project, from[i], i == 3 ? "my_plugin" : standing_for,
                            &written[i], error);
    return status;
}

// The folder was made here, so nobody else's files are in it.
static void remove_all(int folder, const struct project *project,
                       const struct project_entry *written)
{
    for (int i = 0; i < PROJECT_FILES; i++)
        if (written[i].name[0])
            unlinkat(folder, written[i].name, 0);
    rmdir(project->name);
}

// ---- The folder ---------------------------------------------------------------------------------

static esp_status check_name(const struct project *project, struct error *error)
{
    const char *name = project->name;
    if (!note_valid_id(name))
        return error_set(
            error, ESP_ERROR_INVALID,
            "'%s' is no name for a plugin: expected a small letter, then small letters, "
            "digits and underscores, %d at most",
            name, ESP_NOTE_ID_SIZE - 1);
    if (project->kind == ESP_KIND_ENGINE && strcmp(name, "auto") == 0)
        return error_set(
            error, ESP_ERROR_INVALID,
            "no engine can be called 'auto': in the INI that is the fastest one present");
    if (project->kind == ESP_KIND_EXECUTOR &&
        (strcmp(name, "local") == 0 || strcmp(name, "inline") == 0))
        return error_set(error, ESP_ERROR_INVALID,
                         "no executor can be called '%s': the program has one of this name", name);
    return ESP_OK;
}

esp_status project_write(const struct project *project, struct project_entry *written,
                         struct error *error)
{
    memset(written, 0, PROJECT_FILES * sizeof *written);
    esp_status status = check_name(project, error);
    if (status != ESP_OK)
        return status;
    if (mkdir(project->name, 0777) != 0)
        return errno == EEXIST
                   ? error_set(error, ESP_ERROR_INVALID,
                               "%s: there is a file or folder of this name already", project->name)
                   : error_system(error, project->name, "make this folder", errno);
    int folder = open(project->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        status = error_system(error, project->name, "open this folder", errno);
        rmdir(project->name);
        return status;
    }
    status = write_files(folder, project, written, error);
    if (status != ESP_OK)
        remove_all(folder, project, written);
    close(folder);
    return status;
}
