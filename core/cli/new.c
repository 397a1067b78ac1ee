// SPDX-License-Identifier: Apache-2.0
// espalier new KIND NAME: a plugin project that builds, tests and runs. What it prints last are the
// commands that go on, as they are to be typed here.
#include "cli/command.h"
#include "cli/load.h"
#include "cli/output.h"
#include "project/project.h"
#include "text/nearest.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct option new_options[] = {
    {"language", "LANGUAGE", "c (the default) or c++"},
};

static esp_status read_kind(const char *word, uint32_t *kind, struct error *error)
{
    const char *names[ESP_KIND_EXECUTOR];
    for (uint32_t i = 0; i < ESP_KIND_EXECUTOR; i++)
        names[i] = kind_name(i + 1);
    *kind = kind_from_name(word);
    const char *nearest = *kind ? NULL : text_nearest(word, names, ESP_KIND_EXECUTOR);
    if (*kind)
        return ESP_OK;
    if (nearest)
        return error_set(error, ESP_ERROR_INVALID, "there is no kind '%s'; did you mean '%s'?",
                         word, nearest);
    return error_set(
        error, ESP_ERROR_INVALID,
        "there is no kind '%s': expected space, strategy, estimator, dataset, engine or "
        "executor",
        word);
}

static esp_status read_language(const char *word, bool *cxx, struct error *error)
{
    *cxx = word && (strcmp(word, "c++") == 0 || strcmp(word, "C++") == 0);
    if (!word || *cxx || strcmp(word, "c") == 0 || strcmp(word, "C") == 0)
        return ESP_OK;
    return error_set(error, ESP_ERROR_INVALID, "--language: expected c or c++, got '%s'", word);
}

// ---- The commands that go on --------------------------------------------------------------------

// What the shell takes as one word. Owner: the caller (free); NULL: out of memory.
static char *shell_word(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./+=:,@%";
    char *word = malloc(4 * strlen(text) + 3), *end = word;
    if (!word || text[strspn(text, plain)] == '\0')
        return word ? strcpy(word, text) : NULL;
    *end++ = '\'';
    for (; *text; text++) {
        if (*text == '\'')
            end = stpcpy(end, "'\\'");
        *end++ = *text;
    }
    strcpy(end, "'");
    return word;
}

// Whether a shell that is told `espalier` runs this program.
static bool is_on_path(const char *program)
{
    const char *path = getenv("PATH");
    char *copy = path ? strdup(path) : NULL, *rest = copy, *folder;
    bool found = false;
    while (!found && (folder = strsep(&rest, ":"))) {
        char candidate[PATH_MAX], resolved[PATH_MAX];
        int length = snprintf(candidate, sizeof candidate, "%s/espalier", folder);
        if (length < 0 || length >= (int)sizeof candidate || access(candidate, X_OK) != 0)
            continue;
        found = realpath(candidate, resolved) && strcmp(resolved, program) == 0;
        break; // the shell takes the first, too
    }
    free(copy);
    return found;
}

struct here {
    char *program; // how this program is called
    char *package; // what pkg-config is asked for
};

// The program lies in PREFIX/bin. pkg-config finds the one below /usr and /usr/local by its name; where
// there is a file for another PREFIX, it takes that.
static esp_status look_here(struct here *out, struct error *error)
{
    char program[PATH_MAX], prefix[PATH_MAX], file[PATH_MAX + 40];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    strcpy(prefix, program);
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(prefix, '/');
        if (slash)
            *slash = '\0';
    }
    snprintf(file, sizeof file, "%s/lib/pkgconfig/espalier.pc", prefix);
    bool known = strcmp(prefix, "/usr") == 0 || strcmp(prefix, "/usr/local") == 0;
    out->program = shell_word(program[0] && !is_on_path(program) ? program : "espalier");
    out->package = shell_word(known || access(file, R_OK) != 0 ? "espalier" : file);
    return out->program && out->package ? ESP_OK : error_memory(error);
}

static esp_status print_project(const struct project *project, const struct project_entry *written,
                                struct error *error)
{
    struct here here = {0};
    const char *name = project->name, *compiler = project->cxx ? "c++ -std=c++17" : "cc";
    int width = 0;
    esp_status status = look_here(&here, error);
    for (int i = 0; i < PROJECT_FILES; i++)
        width = (int)strlen(written[i].name) > width ? (int)strlen(written[i].name) : width;
    for (int i = 0; status == ESP_OK && i < PROJECT_FILES; i++)
        printf("%s/%-*s  %s\n", name, width, written[i].name, written[i].what);
    if (status == ESP_OK)
        printf("\nBuild it and run a search with it:\n"
               "  %s -O2 -shared %s/%s $(pkg-config --cflags --libs %s) -o %s/%s.so\n"
               "  %s run %s/%s.ini --plugins %s\n",
               compiler, name, written[0].name, here.package, name, name, here.program, name, name,
               name);
    free(here.program);
    free(here.package);
    return status == ESP_OK ? output_flush(error) : status;
}

// Another plugin of the same kind and name goes on as before, but where this one is looked at first.
static void warn_of_another(const struct project *project)
{
    struct registry *registry = NULL;
    struct error error;
    error_clear(&error);
    esp_status status = registry_create(&registry, NULL, &error);
    for (uint64_t i = 0; status == ESP_OK && i < registry_count(registry); i++) {
        const struct component *component = registry_get(registry, i);
        if (component->kind != project->kind || strcmp(component->id, project->name) != 0)
            continue;
        fprintf(stderr,
                "espalier: %s/%s is there already, in %s: with --plugins the new one is taken\n",
                kind_name(component->kind), component->id, component_place(component));
        break;
    }
    registry_destroy(registry);
}

int command_new(int argc, char **argv)
{
    struct options options;
    struct project project = {0};
    struct project_entry written[PROJECT_FILES];
    struct error error;
    error_clear(&error);
    int result = options_parse(&options, "new KIND NAME", new_options, ESP_COUNT(new_options), 2, 2,
                               argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    project.name = options_argument(&options, 1);
    esp_status status = read_kind(options_argument(&options, 0), &project.kind, &error);
    if (status == ESP_OK)
        status = read_language(options_value(&options, "language"), &project.cxx, &error);
    if (status == ESP_OK)
        status = project_write(&project, written, &error);
    if (status == ESP_OK)
        status = print_project(&project, written, &error);
    if (status == ESP_OK)
        warn_of_another(&project);
    options_destroy(&options);
    return command_end(status, &error);
}
