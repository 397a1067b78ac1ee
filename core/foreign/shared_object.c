// SPDX-License-Identifier: Apache-2.0
// Foreign shared objects by libelf; see shared_object.h. As in loader/note.c nothing in the file is
// trusted.
#include "foreign/shared_object.h"

#include "loader/note.h"
#include "text/nearest.h"
#include "text/printable.h"

#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// No library that was met has a tenth of it (LLVM's has 60,000).
#define MOST_SYMBOLS 1000000

// ---- Where it lies ------------------------------------------------------------------------------

// The real path of FOLDER/NAME where that is a file, else NULL.
static char *file_in(const char *folder, const char *name)
{
    char *path = NULL;
    struct stat file;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return NULL;
    char *real = stat(path, &file) == 0 && S_ISREG(file.st_mode) ? realpath(path, NULL) : NULL;
    free(path);
    return real;
}

// The folders of the system's loader, without those of its cache.
static Dl_serinfo *loader_folders(void)
{
    Dl_serinfo size, *folders = NULL;
    void *program = dlopen(NULL, RTLD_LAZY);
    if (program && dlinfo(program, RTLD_DI_SERINFOSIZE, &size) == 0 &&
        (folders = calloc(1, size.dls_size)) &&
        (dlinfo(program, RTLD_DI_SERINFOSIZE, folders) != 0 ||
         dlinfo(program, RTLD_DI_SERINFO, folders) != 0)) {
        free(folders);
        folders = NULL;
    }
    if (program)
        dlclose(program);
    return folders;
}

static esp_status not_there(struct error *error, const char *name, const char *folder,
                            const Dl_serinfo *folders)
{
    char words[512] = "";
    size_t used = 0;
    for (unsigned i = 0; folders && i < folders->dls_cnt && used < sizeof words; i++)
        used += (size_t)snprintf(words + used, sizeof words - used, ", %s",
                                 folders->dls_serpath[i].dls_name);
    return error_set(error, ESP_ERROR_INVALID,
                     "there is no library '%s' in %s%s, /usr/local/lib; is its package installed?",
                     name, folder, words);
}

esp_status shared_object_find(char **out, const char *name, const char *folder, struct error *error)
{
    *out = NULL;
    if (name[0] == '/') {
        *out = realpath(name, NULL);
        return *out ? ESP_OK : error_set(error, ESP_ERROR_INVALID, "%s: %s", name, strerror(errno));
    }
    *out = file_in(folder, name);
    if (*out)
        return ESP_OK;
    if (strchr(name, '/'))
        return error_set(error, ESP_ERROR_INVALID, "there is no library '%s' in %s", name, folder);
    Dl_serinfo *folders = loader_folders();
    for (unsigned i = 0; folders && !*out && i < folders->dls_cnt; i++)
        *out = file_in(folders->dls_serpath[i].dls_name, name);
    if (!*out)
        *out = file_in("/usr/local/lib", name);
    esp_status status = *out ? ESP_OK : not_there(error, name, folder, folders);
    free(folders);
    return status;
}

// ---- Its functions ------------------------------------------------------------------------------

struct shared_object {
    int descriptor;
    Elf *elf;
    const char **functions; // borrowed of `elf`
    uint64_t count;
    const char **others; // data and what it takes from elsewhere
    uint64_t other_count;
};

// "INPUT(libm.so.6)", "GROUP ( /lib/x86_64-linux-gnu/libm.so.6 ...)": the first library named.
static esp_status refuse_text(int descriptor, struct error *error)
{
    char text[1024];
    ssize_t length = pread(descriptor, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    char *group = strstr(text, "GROUP"), *input = strstr(text, "INPUT");
    char *name = group ? group : input;
    if (!name || !(name = strchr(name, '(')))
        return error_set(error, ESP_ERROR_DATA, "it is no ELF file");
    name += 1 + strspn(name + 1, " ");
    name[strcspn(name, " )\n")] = '\0';
    text_make_printable(name);
    return error_set(error, ESP_ERROR_DATA,
                     "it is a text for the linker, no library; the library is %s", name);
}

static esp_status check_kind(Elf *elf, int descriptor, struct error *error)
{
    GElf_Ehdr header;
    if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header))
        return refuse_text(descriptor, error);
    if (header.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
        header.e_machine != HOST_MACHINE)
        return error_set(error, ESP_ERROR_DATA, "it was built for another machine");
    return header.e_type == ET_DYN
               ? ESP_OK
               : error_set(error, ESP_ERROR_DATA, "it is no shared object: %s",
                           header.e_type == ET_REL ? "it is an object file, which is linked first"
                           : header.e_type == ET_EXEC ? "it is a program"
                                                      : "it is of another kind");
}

static esp_status read_symbols(struct shared_object *object, Elf_Scn *section,
                               const GElf_Shdr *header, struct error *error)
{
    Elf_Data *data = elf_getdata(section, NULL);
    uint64_t count = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
    if (!data || count > MOST_SYMBOLS)
        return error_set(error, ESP_ERROR_DATA, "its table of symbols is damaged");
    object->functions = calloc(count + 1, sizeof *object->functions);
    object->others = calloc(count + 1, sizeof *object->others);
    if (!object->functions || !object->others)
        return error_memory(error);
    for (uint64_t i = 0; i < count; i++) {
        GElf_Sym symbol;
        if (!gelf_getsym(data, (int)i, &symbol))
            break;
        const char *name = elf_strptr(object->elf, header->sh_link, symbol.st_name);
        int type = GELF_ST_TYPE(symbol.st_info), binding = GELF_ST_BIND(symbol.st_info);
        if (!name || !name[0] || binding == STB_LOCAL)
            continue;
        if (symbol.st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_GNU_IFUNC))
            object->functions[object->count++] = name;
        else
            object->others[object->other_count++] = name;
    }
    return ESP_OK;
}

static esp_status find_symbols(struct shared_object *object, struct error *error)
{
    Elf_Scn *section = NULL;
    GElf_Shdr header;
    while ((section = elf_nextscn(object->elf, section)))
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_DYNSYM)
            return read_symbols(object, section, &header, error);
    return error_set(error, ESP_ERROR_DATA, "it has no table of dynamic symbols");
}

esp_status shared_object_open(struct shared_object **out, const char *path, struct error *error)
{
    struct shared_object *object = calloc(1, sizeof *object);
    esp_status status = ESP_OK;
    *out = NULL;
    if (!object)
        return error_memory(error);
    object->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (object->descriptor < 0)
        status = error_set(error, ESP_ERROR_INVALID, "it cannot be read: %s", strerror(errno));
    else if (elf_version(EV_CURRENT) == EV_NONE ||
             !(object->elf = elf_begin(object->descriptor, ELF_C_READ, NULL)))
        status = error_set(error, ESP_ERROR_DATA, "libelf: %s", elf_errmsg(-1));
    if (status == ESP_OK)
        status = check_kind(object->elf, object->descriptor, error);
    if (status == ESP_OK)
        status = find_symbols(object, error);
    if (status == ESP_OK)
        *out = object;
    else
        shared_object_close(object);
    return status;
}

void shared_object_close(struct shared_object *object)
{
    if (!object)
        return;
    free(object->functions);
    free(object->others);
    if (object->elf)
        elf_end(object->elf);
    if (object->descriptor >= 0)
        close(object->descriptor);
    free(object);
}

static bool stands(const char *const *names, uint64_t count, const char *name)
{
    for (uint64_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

esp_status shared_object_check(const struct shared_object *object, const char *symbol,
                               struct error *error)
{
    char fortran[256];
    if (stands(object->functions, object->count, symbol))
        return ESP_OK;
    if (stands(object->others, object->other_count, symbol))
        return error_set(error, ESP_ERROR_INVALID, "'%s' is no function of it: it is data, or %s",
                         symbol, "taken from another library");
    // A Fortran compiler writes in lower case and puts a line behind.
    snprintf(fortran, sizeof fortran, "%s_", symbol);
    for (char *c = fortran; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    const char *nearest = stands(object->functions, object->count, fortran)
                              ? fortran
                              : text_nearest(symbol, object->functions, object->count);
    char words[256];
    snprintf(words, sizeof words, "%s", nearest ? nearest : "");
    text_make_printable(words);
    return error_set(error, ESP_ERROR_INVALID, "it has no function '%s'%s%s%s", symbol,
                     nearest ? "; did you mean '" : "", words, nearest ? "'?" : "");
}
