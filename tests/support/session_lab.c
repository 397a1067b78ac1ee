// SPDX-License-Identifier: Apache-2.0
// A session for tests; see session_lab.h.
#include "support/session_lab.h"

#include "execute/execute.h"
#include "support/folder.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void open_with(struct session_lab *lab, const char *ini, const esp_estimator_type *probe,
                      const esp_space_type *space)
{
    struct config *config = NULL;
    struct error error;
    error_clear(&error);
    *lab = (struct session_lab){.folder = folder_temporary()};
    esp_status status = registry_create(&lab->registry, NULL, &error);
    if (status == ESP_OK)
        status = registry_add_builtin(lab->registry, ESP_KIND_EXECUTOR, "local", executor_local(),
                                      &error);
    if (status == ESP_OK && probe)
        status = registry_add_builtin(lab->registry, ESP_KIND_ESTIMATOR, "probe", probe, &error);
    if (status == ESP_OK && space)
        status = registry_add_builtin(lab->registry, ESP_KIND_SPACE, "sketch", space, &error);
    if (status == ESP_OK)
        status = config_parse(&config, ini, "lab.ini", ".", &error);
    if (status == ESP_OK)
        status = experiment_create(&lab->experiment, config, lab->registry, &error);
    if (status == ESP_OK)
        status = session_create(&lab->session, lab->experiment, true, &error);
    cr_assert_eq(status, ESP_OK, "%s", error.message);
}

void session_lab_open(struct session_lab *lab, const char *ini, const esp_estimator_type *probe)
{
    open_with(lab, ini, probe, NULL);
}

void session_lab_open_space(struct session_lab *lab, const char *ini, const esp_space_type *space)
{
    open_with(lab, ini, NULL, space);
}

void session_lab_close(struct session_lab *lab)
{
    session_destroy(lab->session);
    experiment_destroy(lab->experiment);
    registry_destroy(lab->registry);
    folder_delete(lab->folder);
}

struct arch *session_lab_sample(struct session_lab *lab, uint64_t seed)
{
    struct arch *arch = NULL;
    struct error error;
    esp_random random = esp_random_stream(seed, 1, 0, 0, 0);
    error_clear(&error);
    cr_assert_eq(builder_sample(session_builder(lab->session), &random, &arch, &error), ESP_OK,
                 "%s", error.message);
    return arch;
}

char *session_lab_path(const struct session_lab *lab, const char *attempt, const char *file)
{
    char *path = NULL;
    if (!attempt)
        return NULL;
    if (asprintf(&path, "%s/%s%s%s", lab->folder, attempt, file ? "/" : "", file ? file : "") < 0)
        abort();
    return path;
}

struct result session_lab_evaluate(struct session_lab *lab, const struct arch *arch,
                                   const struct specification *given, progress_function progress,
                                   void *progress_self)
{
    struct result result = {0};
    struct error error;
    struct specification s = *given;
    error_clear(&error);
    s.arch = arch_json(arch, lab->experiment->space.component->id);
    snprintf(s.hash, sizeof s.hash, "%016llx", (unsigned long long)arch_hash(arch));
    s.folder = session_lab_path(lab, given->folder, NULL);
    s.earlier = session_lab_path(lab, given->earlier, NULL);
    s.parent_folder = session_lab_path(lab, given->parent_folder, NULL);
    if (s.folder)
        mkdir(s.folder, 0777);
    esp_status status =
        session_evaluate(lab->session, &s, progress, progress_self, &result, &error);
    cr_assert_eq(status, ESP_OK, "%s", error.message);
    json_decref(s.arch);
    free(s.folder);
    free(s.earlier);
    free(s.parent_folder);
    return result;
}

static char *file_bytes(const char *path, size_t *size)
{
    FILE *file = fopen(path, "r");
    struct stat found;
    if (!file || fstat(fileno(file), &found) != 0)
        return NULL;
    char *bytes = malloc((size_t)found.st_size + 1);
    *size = bytes ? fread(bytes, 1, (size_t)found.st_size, file) : 0;
    fclose(file);
    return bytes;
}

bool session_lab_equal(const struct session_lab *lab, const char *file, const char *other)
{
    size_t sizes[2] = {0, 0};
    char *paths[2] = {session_lab_path(lab, file, NULL), session_lab_path(lab, other, NULL)};
    char *bytes[2] = {file_bytes(paths[0], &sizes[0]), file_bytes(paths[1], &sizes[1])};
    bool equal = bytes[0] && bytes[1] && sizes[0] == sizes[1] && sizes[0] > 0 &&
                 memcmp(bytes[0], bytes[1], sizes[0]) == 0;
    for (int i = 0; i < 2; i++) {
        free(bytes[i]);
        free(paths[i]);
    }
    return equal;
}

bool session_lab_same(const struct session_lab *lab, const char *attempt, const char *other,
                      const char *file)
{
    char a[512], b[512];
    snprintf(a, sizeof a, "%s/%s", attempt, file);
    snprintf(b, sizeof b, "%s/%s", other, file);
    return session_lab_equal(lab, a, b);
}
