// SPDX-License-Identifier: Apache-2.0
// What an evaluation writes and reads: weights, checkpoints, the curve. All of it lies in the attempt's
// own folder; checkpoints are also read from an earlier attempt's, or from the parent's.
#include "evaluate/evaluation.h"

#include "evaluate/checkpoint.h"
#include "evaluate/initialise.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECKPOINT "checkpoint.safetensors"
#define BEST "best.safetensors"
#define LAST "last.safetensors"

static struct evaluation *of(esp_evaluation *handle)
{
    return evaluation_from_handle(handle);
}

// The attempt's folder, or NULL where nobody asked for files.
static const char *own_folder(const struct evaluation *e)
{
    return e->specification ? e->specification->folder : NULL;
}

static esp_status join(char path[PATH_MAX], const char *folder, const char *name,
                       struct error *error)
{
    int length = snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return length >= 0 && length < PATH_MAX
               ? ESP_OK
               : error_set(error, ESP_ERROR_IO, "%s/%s: this path is too long", folder, name);
}

// ---- Writing ----------------------------------------------------------------------------------

// The attempt's folder is made by who first writes into it: most cheap trials write nothing.
static esp_status make_own_folder(const struct evaluation *e)
{
    const char *folder = own_folder(e);
    return mkdir(folder, 0777) == 0 || errno == EEXIST
               ? ESP_OK
               : error_system(e->error, folder, "make this folder", errno);
}

esp_status evaluation_save_weights(esp_evaluation *handle, esp_program *program, uint32_t which)
{
    struct evaluation *e = of(handle);
    char path[PATH_MAX];
    if (which > ESP_WEIGHTS_LAST || !program)
        return esp_fail(handle, ESP_ERROR_MISUSE,
                        "save_weights: expected a program and ESP_WEIGHTS_BEST or _LAST");
    if (!own_folder(e))
        return ESP_OK;
    esp_status status =
        join(path, own_folder(e), which == ESP_WEIGHTS_BEST ? BEST : LAST, e->error);
    if (status == ESP_OK)
        status = make_own_folder(e);
    return status == ESP_OK ? weights_write(program_from_handle(program), path) : status;
}

esp_status evaluation_save_checkpoint(esp_evaluation *handle, const esp_checkpoint *checkpoint)
{
    struct evaluation *e = of(handle);
    char path[PATH_MAX], *curve = NULL;
    if (!checkpoint || checkpoint->struct_size < sizeof *checkpoint)
        return esp_fail(handle, ESP_ERROR_MISUSE, "save_checkpoint: expected an esp_checkpoint");
    if (!own_folder(e))
        return ESP_OK;
    esp_status status = join(path, own_folder(e), CHECKPOINT, e->error);
    if (status == ESP_OK)
        status = make_own_folder(e);
    if (status == ESP_OK && e->curve &&
        !(curve = json_dumps(e->curve, JSON_COMPACT | JSON_REAL_PRECISION(17))))
        status = error_memory(e->error);
    if (status == ESP_OK)
        status = checkpoint_write(checkpoint, path, curve, e->error);
    free(curve);
    return status;
}

esp_status evaluation_write_curve(const struct evaluation *e)
{
    char path[PATH_MAX];
    if (!e->curve || !own_folder(e))
        return ESP_OK;
    esp_status status = join(path, own_folder(e), "curve.json", e->error);
    if (status == ESP_OK)
        status = make_own_folder(e);
    if (status != ESP_OK)
        return status;
    json_t *json = json_pack("{s:O}", "points", e->curve);
    if (!json)
        return error_memory(e->error);
    errno = 0;
    if (json_dump_file(json, path, JSON_COMPACT | JSON_REAL_PRECISION(17)) != 0)
        status = error_system(e->error, path, "write", errno);
    json_decref(json);
    return status;
}

// ---- Reading ----------------------------------------------------------------------------------

static bool copy_bytes(FILE *in, FILE *out)
{
    char bytes[65536];
    size_t count;
    while ((count = fread(bytes, 1, sizeof bytes, in)) > 0)
        if (fwrite(bytes, 1, count, out) != count)
            return false;
    return !ferror(in) && fflush(out) == 0;
}

// Where the file system has no links: aside, then renamed.
static bool copy_file(const char *from, const char *to)
{
    char *aside = NULL;
    if (asprintf(&aside, "%s.new", to) < 0) {
        errno = ENOMEM;
        return false;
    }
    FILE *in = fopen(from, "re"), *out = in ? fopen(aside, "we") : NULL;
    bool copied = out && copy_bytes(in, out);
    int reason = errno;
    if (in)
        fclose(in);
    if (out && fclose(out) != 0 && copied) {
        copied = false;
        reason = errno;
    }
    if (copied && rename(aside, to) != 0) {
        copied = false;
        reason = errno;
    }
    if (out && !copied)
        unlink(aside);
    free(aside);
    errno = reason;
    return copied;
}

// Gives a file of another folder a name in this attempt's too, where there is such a file. Files are
// replaced, never written in place, so that two names for one are safe.
static esp_status adopt(const struct evaluation *e, const char *from, const char *name)
{
    char old_path[PATH_MAX], new_path[PATH_MAX];
    if (!own_folder(e))
        return ESP_OK;
    esp_status status = join(old_path, from, name, e->error);
    if (status == ESP_OK)
        status = join(new_path, own_folder(e), name, e->error);
    if (status != ESP_OK || access(old_path, F_OK) != 0)
        return status;
    if (make_own_folder(e) != ESP_OK)
        return e->error->status;
    unlink(new_path);
    if (link(old_path, new_path) == 0 || copy_file(old_path, new_path))
        return ESP_OK;
    return error_system(e->error, new_path, "write", errno);
}

// Opens the checkpoint to start from: an earlier attempt's, else in a continuation the parent's. A
// folder without one is no error; a parent without one is.
static esp_status open_checkpoint(const struct evaluation *e, struct safetensors **out,
                                  const char **folder, char path[PATH_MAX])
{
    const struct specification *s = e->specification;
    esp_status status = ESP_OK;
    *folder = NULL;
    if (s && s->earlier) {
        status = join(path, s->earlier, CHECKPOINT, e->error);
        if (status == ESP_OK && access(path, F_OK) == 0)
            *folder = s->earlier;
    }
    if (status == ESP_OK && !*folder && s && s->mode == ESP_MODE_CONTINUE) {
        if (!s->parent_folder)
            return error_set(e->error, ESP_ERROR_DATA,
                             "the specification of a continuation names no parent");
        status = join(path, s->parent_folder, CHECKPOINT, e->error);
        *folder = s->parent_folder;
    }
    return status == ESP_OK && *folder ? safetensors_open(out, path, e->error) : status;
}

// What belongs to a checkpoint besides itself: the best weights so far, which a later best one
// replaces; and a repeated attempt goes on with its curve and holds the checkpoint itself, lest the
// next attempt starts anew. A continuation begins a curve of its own.
static esp_status take_along(struct evaluation *e, const char *folder)
{
    const char *curve = checkpoint_curve(e->checkpoint);
    esp_status status = adopt(e, folder, BEST);
    if (status != ESP_OK || folder != e->specification->earlier)
        return status;
    status = adopt(e, folder, CHECKPOINT);
    json_decref(e->curve);
    e->curve = curve ? json_loads(curve, 0, NULL) : NULL;
    if (status == ESP_OK && curve && !json_is_array(e->curve))
        status =
            error_set(e->error, ESP_ERROR_DATA, "%s/%s: its curve is damaged", folder, CHECKPOINT);
    return status;
}

esp_status evaluation_load_checkpoint(esp_evaluation *handle, esp_program *program, uint32_t *found)
{
    struct evaluation *e = of(handle);
    char path[PATH_MAX];
    const char *folder;
    safetensors_close(e->checkpoint);
    e->checkpoint = NULL;
    *found = 0;
    esp_status status = open_checkpoint(e, &e->checkpoint, &folder, path);
    if (status != ESP_OK || !e->checkpoint)
        return status;
    if (program)
        status = checkpoint_restore(program_from_handle(program), e->checkpoint, path);
    if (status == ESP_OK)
        status = take_along(e, folder);
    *found = status == ESP_OK;
    return status;
}

double evaluation_checkpoint_number(esp_evaluation *handle, const char *name, double missing)
{
    const struct evaluation *e = of(handle);
    return e->checkpoint ? checkpoint_number(e->checkpoint, name, missing) : missing;
}

esp_status evaluation_checkpoint_tensor(esp_evaluation *handle, const char *name,
                                        const esp_shape *shape, float *out)
{
    struct evaluation *e = of(handle);
    if (!e->checkpoint)
        return esp_fail(handle, ESP_ERROR_NOT_FOUND,
                        "no checkpoint was loaded to take the tensor '%s' from", name);
    return checkpoint_tensor(e->checkpoint, name, shape, out, e->error);
}

esp_status evaluation_inherit(struct evaluation *e, struct program *program)
{
    const struct specification *s = e->specification;
    char path[PATH_MAX];
    uint64_t count = 0;
    if (s->mode != ESP_MODE_INHERIT)
        return ESP_OK;
    if (!s->parent_folder)
        return error_set(e->error, ESP_ERROR_DATA,
                         "the specification of a trial that inherits names no parent");
    esp_status status = join(path, s->parent_folder, LAST, e->error);
    if (status == ESP_OK)
        status = program_inherit(program, path, &count);
    if (status == ESP_OK)
        log_line(ESP_LOG_DEBUG, "trial %llu inherits %llu tensors", (unsigned long long)s->trial,
                 (unsigned long long)count);
    return status;
}
